//! The same view without a window: every frame is laid out, drawn into a texture and written as a snapshot.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::results::Results;
use super::setup::Setup;
use super::view::View;
use crate::gpu::outlet::Waiting;
use crate::gpu::{GpuContext, GpuError, new_instance};
use crate::latest::Taken;
use crate::model::LayerIndex;
use crate::record::Busy;
use crate::record::film::{Film, FilmError, Pace, UNTIMED_RATE};
use crate::session::{Occluded, Session, Stage};

/// The format that snapshots are drawn in off screen.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// A live source that sends nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(20);

/// How much is done.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Extent {
    /// A snapshot of each of so many frames (all, where the source has fewer).
    Frames(u64),
    /// Frames for so long, and a snapshot of the first and of one each second.
    Seconds(f64),
    /// A snapshot of each frame until the source ends.
    All,
}

/// What was done.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Frames that went through the network.
    pub frames: u64,
    /// Snapshots that were written.
    pub snapshots: usize,
    /// The film, in words.
    pub film: Option<String>,
    /// What the comparison with another run came to, in lines.
    pub compared: Vec<String>,
    /// True where it found a difference.
    pub differs: bool,
    /// From the first result to the last.
    pub elapsed: Duration,
    /// True where Ctrl-C ended it.
    pub interrupted: bool,
    /// Pictures that could not be read, and files that were not read to their end.
    pub unread: u64,
}

/// Why an off-screen run ended early.
#[derive(Debug, thiserror::Error)]
pub enum OffscreenError {
    /// Nothing can be drawn.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// The session failed: source, weights or device.
    #[error("{0}")]
    Session(String),
    /// A snapshot could not be written.
    #[error("{0}")]
    Snapshot(String),
    /// The film could not be written to its end.
    #[error(transparent)]
    Film(#[from] FilmError),
    /// The source gives nothing.
    #[error("no frame came for {} s: {reason}", SILENCE.as_secs())]
    Silence {
        /// What the source last said.
        reason: String,
    },
}

/// True where so many seconds have passed since the first result.
fn is_over(extent: Extent, first_result: Option<Instant>) -> bool {
    match (extent, first_result) {
        (Extent::Seconds(seconds), Some(first)) => first.elapsed().as_secs_f64() >= seconds,
        _ => false,
    }
}

/// A film of every frame: who presents waits for it.
fn begin_film(path: &Path, setup: &Setup, view: &View, session: &Session) -> Result<Film, OffscreenError> {
    let status = session.status();
    let pace = match status.live {
        true => Pace::True,
        false => Pace::Rate(setup.film_rate.or(status.rate).unwrap_or(UNTIMED_RATE)),
    };
    let system = |error: std::io::Error| OffscreenError::Session(error.to_string());
    let intake = view.outlet.open(Waiting::Every(2)).map_err(system)?;
    Film::start(path, pace, intake, || {}).map_err(system)
}

/// Runs until the extent is done, the source ends or `interrupted` is set. `layers` are written one after the
/// other for each frame; `on_written` is handed the folder of each.
///
/// # Errors
/// [`OffscreenError`]; snapshots written until then stay.
pub fn run(
    setup: Setup,
    layers: &[LayerIndex],
    extent: Extent,
    interrupted: &AtomicBool,
    on_written: &mut dyn FnMut(&Path),
) -> Result<Summary, OffscreenError> {
    let gpu = GpuContext::open(new_instance(None), setup.adapter.as_deref(), None)?;
    setup.tell_fallbacks(&gpu);
    let state = setup.state.clone();
    let session = setup.start_session(&gpu, state.request_of(layers), true, |_| {}, || {});
    let writer = setup.start_writer(&gpu, || {}).map_err(OffscreenError::Snapshot)?;
    let ctx = egui::Context::default();
    let mut view = View::of(&setup, &gpu, state, FORMAT, ctx);
    let mut results =
        setup.results.as_ref().map(Results::begin).transpose().map_err(OffscreenError::Snapshot)?;
    let mut summary = Summary::default();
    let mut film = None;
    let mut first_result: Option<Instant> = None;
    let mut next_snapshot = Instant::now();
    let mut told = String::new();
    let mut collect = |summary: &mut Summary, written: crate::record::Written| {
        let path = written.map_err(OffscreenError::Snapshot)?;
        summary.snapshots += 1;
        on_written(&path);
        Ok::<_, OffscreenError>(())
    };
    loop {
        if interrupted.load(Ordering::Relaxed) {
            summary.interrupted = true;
            break;
        }
        let activations = match session.take(Duration::from_millis(100)) {
            Taken::Value(activations) => activations,
            Taken::Closed => break,
            Taken::Nothing => {
                let status = session.status();
                if status.silence(Instant::now()).is_some_and(|silent| silent > SILENCE) {
                    let reason = status.trouble.unwrap_or_else(|| status.source.to_string());
                    return Err(OffscreenError::Silence { reason });
                }
                if let Stage::Loading(what) = status.stage
                    && what != told
                {
                    tracing::info!("{what}");
                    told = what;
                }
                if is_over(extent, first_result) {
                    break;
                }
                continue;
            }
        };
        let is_covered = |own: &Occluded| own.done == own.grid[0] * own.grid[1];
        if !activations.occluded.as_ref().is_none_or(is_covered) {
            continue;
        }
        if activations.averaged.as_ref().is_some_and(|mean| mean.done < mean.passes) {
            continue;
        }
        if view.take(activations, &session) {
            continue;
        }
        summary.frames += 1;
        let is_moving = session.status().live;
        let first = *first_result.get_or_insert_with(Instant::now);
        summary.elapsed = first.elapsed();
        if let (Some(path), None) = (&setup.film, &film) {
            film = Some(begin_film(path, &setup, &view, &session)?);
        }
        // What was done in a recorded session leads to other layers.
        let led_to = [view.state.place.layer];
        let layers = if setup.player.is_some() { &led_to[..] } else { layers };
        let due = match extent {
            Extent::Frames(_) | Extent::All => true,
            Extent::Seconds(_) => Instant::now() >= next_snapshot,
        };
        if !due && is_moving && film.is_none() {
            // Orders are kept still over all frames, not only over those that are written.
            for &layer in layers {
                view.arrange(layer, &session);
            }
        }
        if due || film.is_some() || results.is_some() {
            if due {
                next_snapshot = Instant::now() + Duration::from_secs(1);
            }
            for &layer in layers {
                let model = view.lay_out_completely(&session, layer, setup.size);
                if film.is_some() {
                    view.present();
                }
                if let Some(results) = &mut results {
                    let tiles = view.scene.renderer.draw_native_tiles();
                    let added =
                        view.activations().map_or(Ok(()), |shown| results.add(&gpu, shown, layer, tiles));
                    added.map_err(OffscreenError::Snapshot)?;
                }
                if !due || !setup.writes_snapshots {
                    continue;
                }
                let job = view.snapshot(&model, &setup);
                if let Some(Err(Busy)) = job.map(|job| writer.hand_over(job)) {
                    return Err(OffscreenError::Snapshot("the writer has stopped".into()));
                }
            }
        }
        while let Some(written) = writer.poll() {
            collect(&mut summary, written)?;
        }
        if let Some(Err(error)) = film.as_ref().and_then(Film::ended) {
            return Err(error.into());
        }
        let done = match extent {
            Extent::Frames(count) => summary.frames >= count,
            Extent::Seconds(_) => is_over(extent, first_result),
            Extent::All => false,
        };
        if done {
            break;
        }
        if setup.delivery.held {
            session.step(1);
        }
    }
    let status = session.status();
    summary.unread = status.unread;
    drop(session);
    // Its outlet closes with the view.
    drop(view);
    summary.film = film.map(Film::finish).transpose()?.map(|recorded| recorded.to_string());
    for written in writer.finish() {
        collect(&mut summary, written)?;
    }
    if let Some(results) = results {
        let (told, same) = results.finish().map_err(OffscreenError::Snapshot)?;
        (summary.compared, summary.differs) = (told, !same);
    }
    match status.stage {
        Stage::Failed(reason) => Err(OffscreenError::Session(reason)),
        _ if summary.frames == 0 && !summary.interrupted => {
            Err(OffscreenError::Session(status.trouble.unwrap_or_else(|| "the source gave no frame".into())))
        }
        _ => Ok(summary),
    }
}
