//! Best patches while one looks: of the session, the strongest places of each channel in the frames that were shown, cut out of
//! them (a layer's values come back from the drawing device only where a channel is stronger than before); or those of a file. Both
//! on threads of their own.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use image::RgbImage;

use super::state::{BestPatch, BestPatches};
use crate::frame::Frame;
use crate::gpu::{GpuContext, Preprocessing, readback, twin};
use crate::inspect::LayerOutput;
use crate::inspect::best::{BestPlace, BestPlaces, End, KEPT, extremes};
use crate::model::{LayerIndex, ReceptiveField, Shape};
use crate::record::best::{BestFile, FoundPlace, Reopening, cut, patches, seen};
use crate::session::{Activations, Tap};

/// Frames of a camera or video within so long are one picture.
const MOMENT: Duration = Duration::from_secs(1);

/// Layers that are remembered.
const MOST_LAYERS: usize = 2;

/// Frames whose picture is remembered.
const MOST_FRAMES: usize = 1024;

/// What was found of one layer.
#[derive(Clone)]
struct Collected {
    places: BestPlaces,
    /// Of places that are still among the best: channel, then picture.
    patches: BTreeMap<(usize, u64), BestPatch>,
    shown: Arc<BestPatches>,
}

/// What was found so far, and what is being looked for.
#[derive(Default)]
pub struct BestSoFar {
    /// The newest last.
    known: VecDeque<Collected>,
    /// Results that were looked at, of the layer that was shown.
    last: Option<(LayerIndex, u64)>,
    running: Option<Receiver<Collected>>,
    frames: Frames,
    file: Option<OpenFile>,
}

/// A file and its patches.
struct OpenFile {
    file: Arc<BestFile>,
    running: Option<Receiver<BestPatches>>,
    found: Option<Arc<BestPatches>>,
}

/// Which picture a frame is.
#[derive(Default)]
struct Frames {
    first: Option<Instant>,
    known: VecDeque<(Instant, u64)>,
}

impl Frames {
    /// Of a source whose frames keep coming, the moment; else the picture by its content.
    fn picture(&mut self, frame: &Frame, is_still: bool) -> u64 {
        if let Some((_, picture)) = self.known.iter().find(|(captured, _)| *captured == frame.captured) {
            return *picture;
        }
        let first = *self.first.get_or_insert(frame.captured);
        let picture = match is_still {
            false => {
                frame.captured.saturating_duration_since(first).as_millis() as u64 / MOMENT.as_millis() as u64
            }
            true => {
                let mut hasher = DefaultHasher::new();
                (&frame.bytes, frame.width).hash(&mut hasher);
                // Moments are small numbers.
                hasher.finish() | 1 << 63
            }
        };
        self.known.push_back((frame.captured, picture));
        keep_last(&mut self.known, MOST_FRAMES);
        picture
    }
}

/// Keeps the newest.
fn keep_last<T>(all: &mut VecDeque<T>, most: usize) {
    while all.len() > most {
        all.pop_front();
    }
}

impl BestSoFar {
    /// What is known of a layer.
    pub fn of(&self, layer: LayerIndex) -> Option<Arc<BestPatches>> {
        match &self.file {
            Some(OpenFile { found, .. }) => found.clone().filter(|found| found.layer == layer),
            None => {
                self.known.iter().find(|known| known.shown.layer == layer).map(|known| known.shown.clone())
            }
        }
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes what is ready, and looks at what is shown where some channel is stronger in it; `wake` is called from the thread
    /// when that is done.
    pub fn update(
        &mut self,
        gpu: &GpuContext,
        shown: &Activations,
        layer: LayerIndex,
        is_still: bool,
        wake: impl FnOnce() + Send + 'static,
    ) {
        self.file = None;
        match self.running.take().map(|running| (running.try_recv(), running)) {
            Some((Ok(collected), _)) => self.remember(collected),
            Some((Err(TryRecvError::Empty), running)) => self.running = Some(running),
            Some((Err(TryRecvError::Disconnected), _)) | None => {}
        }
        if self.running.is_none() {
            self.running = self.start(gpu, shown, layer, is_still, wake);
        }
    }

    /// The same, and waits for it (off screen).
    pub fn add(&mut self, gpu: &GpuContext, shown: &Activations, layer: LayerIndex, is_still: bool) {
        self.file = None;
        let started = self.start(gpu, shown, layer, is_still, || {});
        if let Some(Ok(collected)) = started.map(|running| running.recv()) {
            self.remember(collected);
        }
    }

    /// Shows a file's patches, which are cut on a thread.
    pub fn open(&mut self, file: &Arc<BestFile>, wake: impl FnOnce() + Send + 'static) {
        if !self.file.as_ref().is_some_and(|known| Arc::ptr_eq(&known.file, file)) {
            let running = Some(load(file.clone(), wake));
            self.file = Some(OpenFile { file: file.clone(), running, found: None });
        }
        if let Some(OpenFile { running, found, .. }) = &mut self.file
            && let Some(Ok(loaded)) = running.as_ref().map(Receiver::try_recv)
        {
            (*running, *found) = (None, Some(Arc::new(loaded)));
        }
    }

    /// The same, and waits for them.
    pub fn open_now(&mut self, file: &Arc<BestFile>) {
        self.open(file, || {});
        if let Some(OpenFile { running, found, .. }) = &mut self.file
            && let Some(Ok(loaded)) = running.take().map(|running| running.recv())
        {
            *found = Some(Arc::new(loaded));
        }
    }

    fn remember(&mut self, collected: Collected) {
        self.known.retain(|known| known.shown.layer != collected.shown.layer);
        self.known.push_back(collected);
        keep_last(&mut self.known, MOST_LAYERS);
    }

    /// Starts a thread that looks at a frame; `None` where there is nothing new in it.
    fn start(
        &mut self,
        gpu: &GpuContext,
        shown: &Activations,
        layer: LayerIndex,
        is_still: bool,
        wake: impl FnOnce() + Send + 'static,
    ) -> Option<Receiver<Collected>> {
        let tap = shown.tap(layer).filter(|_| self.last != Some((layer, shown.sequence)))?;
        self.last = Some((layer, shown.sequence));
        let picture = self.frames.picture(&shown.frame.frame, is_still);
        let known = self.known.iter().find(|known| known.shown.layer == layer).cloned();
        let before = known.unwrap_or_else(|| Collected::new(layer, tap.map.shape.channels));
        if !before.is_beaten_by(tap) {
            return None;
        }
        let job = Job {
            before,
            picture,
            frame: shown.frame.frame.clone(),
            how: shown.request.how,
            field: shown.model.graph.nodes[layer].receptive_field,
            input: shown.model.graph.input_shape(),
        };
        let (sender, result) = mpsc::channel();
        let (pending, gpu, shape) = (readback::copy_map(gpu, &tap.map), gpu.clone(), tap.map.shape);
        let spawned = std::thread::Builder::new().name("best".into()).spawn(move || {
            match pending.wait(&gpu) {
                // Nobody listens any more where the view has ended.
                Ok(values) => drop(sender.send(job.done(&LayerOutput { layer, shape, values }))),
                Err(error) => tracing::warn!("{error}"),
            }
            wake();
        });
        spawned.map_err(|error| tracing::warn!("no thread could be started: {error}")).ok()?;
        Some(result)
    }
}

impl Collected {
    fn new(layer: LayerIndex, channels: usize) -> Self {
        let side = BestPatches::side_for(channels);
        let shown = BestPatches { layer, side, channels: vec![vec![]; channels], trouble: None };
        Self { places: BestPlaces::new(channels), patches: BTreeMap::new(), shown: Arc::new(shown) }
    }

    /// True where a channel's largest value would have a place.
    fn is_beaten_by(&self, tap: &Tap) -> bool {
        let statistics = tap.channel_statistics.iter().take(self.places.channels());
        statistics.enumerate().any(|(channel, statistics)| {
            let places = self.places.of(channel, End::Strongest);
            let worst = places.last().filter(|_| places.len() == KEPT);
            !statistics.is_empty() && worst.is_none_or(|worst| statistics.max > worst.value)
        })
    }
}

/// A frame that is to be looked at.
struct Job {
    before: Collected,
    picture: u64,
    frame: Frame,
    how: Preprocessing,
    field: ReceptiveField,
    input: Shape,
}

impl Job {
    fn done(self, output: &LayerOutput) -> Collected {
        let Self { before: Collected { mut places, mut patches, shown }, picture, frame, how, field, input } =
            self;
        places.observe(picture, &extremes(output));
        let levels = RgbImage::from_raw(frame.width, frame.height, twin::rgb_bytes(&frame));
        let mut kept = BTreeMap::new();
        for channel in 0..places.channels() {
            for &BestPlace { value, cell, picture: of } in places.of(channel, End::Strongest) {
                let before = patches.remove(&(channel, of));
                let is_same = |patch: &BestPatch| (patch.value, patch.cell) == (value, cell);
                let patch = before.filter(|patch| of != picture || is_same(patch)).unwrap_or_else(|| {
                    let (area, middle) = seen(how, field, cell, [frame.width, frame.height], input);
                    let patch = levels.as_ref().map(|levels| Arc::new(cut(levels, area, middle, shown.side)));
                    BestPatch { value, cell, picture: frame.name.clone(), area, patch }
                });
                kept.insert((channel, of), patch);
            }
        }
        let channel = |channel: usize| {
            let places = places.of(channel, End::Strongest).iter();
            places.filter_map(|place| kept.get(&(channel, place.picture)).cloned()).collect()
        };
        let shown = BestPatches {
            channels: (0..places.channels()).map(channel).collect(),
            ..BestPatches::clone(&shown)
        };
        Collected { places, patches: kept, shown: Arc::new(shown) }
    }
}

/// Cuts a file's patches out of their pictures.
fn load(file: Arc<BestFile>, wake: impl FnOnce() + Send + 'static) -> Receiver<BestPatches> {
    let (sender, result) = mpsc::channel();
    let spawned = std::thread::Builder::new().name("best".into()).spawn(move || {
        // Nobody listens any more where the view has ended.
        drop(sender.send(loaded(&file)));
        wake();
    });
    if let Err(error) = spawned {
        tracing::warn!("no thread could be started: {error}");
    }
    result
}

fn loaded(file: &BestFile) -> BestPatches {
    let document = &file.document;
    let count = document.layer.shape[0];
    let side = BestPatches::side_for(count);
    let how = Reopening::of(document, side);
    let places: Vec<&FoundPlace> =
        document.channels.iter().flat_map(|channel| channel.strongest.iter().take(KEPT)).collect();
    let cut = patches(&places, how, &AtomicBool::new(false), |_| {});
    let mut trouble = None;
    let mut cut = cut.into_iter();
    let mut channels = vec![vec![]; count];
    for channel in &document.channels {
        let of_channel = channel.strongest.iter().take(KEPT).zip(cut.by_ref());
        let patches: Vec<_> = of_channel
            .map(|(place, patch)| BestPatch {
                value: place.value,
                cell: place.cell,
                picture: place.picture.as_str().into(),
                area: place.area,
                patch: match patch {
                    Ok(patch) => Some(Arc::new(patch)),
                    Err(reason) => {
                        trouble.get_or_insert(reason);
                        None
                    }
                },
            })
            .collect();
        if let Some(own) = channels.get_mut(channel.channel) {
            *own = patches;
        }
    }
    BestPatches { layer: document.layer.index, side, channels, trouble }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

    fn frame(color: u8, captured: Instant) -> Frame {
        let frame = Frame::new(0, (4, 4), PixelFormat::Rgb8, &[color; 48], format!("{color}.png").into());
        Frame { captured, ..frame.unwrap() }
    }

    #[test]
    fn frames_of_one_moment_and_pictures_that_come_again_are_one() {
        let start = Instant::now();
        let at = |milliseconds| start + Duration::from_millis(milliseconds);
        let mut frames = Frames::default();
        let live = [0, 400, 999, 1000, 2500].map(|time| frames.picture(&frame(1, at(time)), false));
        assert_eq!(live, [0, 0, 0, 1, 2]);
        // Frozen, it is still the frame that it was.
        assert_eq!(frames.picture(&frame(1, at(1000)), true), 1);
        let still = [(2, 3000), (3, 4000), (2, 5000)]
            .map(|(color, time)| frames.picture(&frame(color, at(time)), true));
        assert!(still[0] == still[2] && still[0] != still[1]);
    }

    #[test]
    fn patches_follow_their_places() {
        let shape = Shape { channels: 1, height: 4, width: 4 };
        let input = Shape { channels: 3, ..shape };
        let mut known = Collected::new(5, 1);
        // Twelve pictures, each stronger than the one before; the last comes again, weaker, then stronger elsewhere.
        for (step, (picture, value, cell)) in
            (0..12).map(|n| (n, n as f32, 0)).chain([(11, 3.0, 1), (11, 40.0, 6)]).enumerate()
        {
            let mut values = vec![-1.0; 16];
            values[cell] = value;
            let job = Job {
                before: known,
                picture,
                frame: frame(step as u8, Instant::now()),
                how: Preprocessing::default(),
                field: ReceptiveField::PIXEL,
                input,
            };
            known = job.done(&LayerOutput { layer: 5, shape, values });
        }
        let patches = known.shown.of(0);
        let found: Vec<_> = patches.iter().map(|patch| (patch.value, &*patch.picture)).collect();
        assert_eq!(found[..3], [(40.0, "13.png"), (10.0, "10.png"), (9.0, "9.png")]);
        assert_eq!((patches.len(), known.patches.len(), patches[0].area), (KEPT, KEPT, [2, 1, 1, 1]));
        let pixel = |patch: &BestPatch| patch.patch.as_ref().unwrap().get_pixel(0, 0).0[0];
        assert_eq!((pixel(&patches[0]), pixel(&patches[1])), (13, 10));
    }
}
