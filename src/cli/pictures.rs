//! The pictures that a command works on: decoded on a thread of their own, counted, with a progress bar where there are
//! several; one after the other, or as many at the same time as there are cores.

use std::collections::HashSet;
use std::sync::mpsc::{RecvTimeoutError, TrySendError, sync_channel};
use std::time::Duration;

use anyhow::{anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use rayon::prelude::*;

use super::args::PictureArgs;
use super::names;
use super::share::{Share, Tally};
use crate::engine::{Engine, EngineError};
use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::LayerOutput;
use crate::model::LayerIndex;
use crate::source::{self, Delivery, FrameSource, SourceError, SourceSpec};

/// Pictures that are decoded ahead at least.
const AHEAD: usize = 2;

/// Most pictures that are worked on at the same time: all their outputs are in memory.
const MOST_TOGETHER: usize = 8;

/// A camera that sends nothing for so long is given up.
const SILENCE: Duration = Duration::from_secs(20);

/// One picture.
pub struct Picture {
    /// The picture itself.
    pub frame: Frame,
    /// What the user named.
    pub source: String,
    /// A name for files made from it, different for each picture of a run: `cat`, `clip-00012`.
    pub stem: String,
    /// Counts the pictures of a run from 0.
    pub number: usize,
    /// What opens it again: the file that it is (in), or the name of what made it. `None` where it came and went.
    pub again: Option<String>,
    /// How far the run had come with it.
    pub tally: Tally,
    /// True for one of several frames of the same source.
    numbered: bool,
}

impl Picture {
    /// Its number, where its source holds several.
    pub fn frame_number(&self) -> Option<u64> {
        self.numbered.then_some(self.frame.id)
    }

    /// Its place among all pictures of the run, from 0.
    pub fn place(&self) -> u64 {
        self.tally.places - 1
    }

    /// The picture's name; of a video, with the frame's number.
    pub fn title(&self) -> String {
        match self.numbered {
            true => format!("{} · frame {}", self.frame.name, self.frame.id),
            false => self.frame.name.to_string(),
        }
    }
}

enum News {
    Count(usize),
    Frame(Frame),
    /// A picture that others work on.
    Skipped,
    Note(String),
    Trouble(String),
    /// What was given before is not all.
    Incomplete(String),
}

/// Calls `body` with each picture. A picture of a folder that cannot be read is told, and the others go on.
///
/// # Errors
/// What `body` says; a PATH that cannot be opened; at the end, that some pictures could not be read.
pub fn for_each(
    args: &PictureArgs,
    body: &mut dyn FnMut(Picture) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    let mut each = |pictures: Vec<Picture>| pictures.into_iter().try_for_each(&mut *body);
    all_read(in_groups(args, Share::default(), 1, &mut each)?)
}

/// How many pictures were worked on; an error where some could not be read.
fn all_read(tally: Tally) -> anyhow::Result<usize> {
    tally.trouble().map_or(Ok(tally.pictures as usize), |trouble| Err(anyhow!(trouble)))
}

/// What networks are to compute of each picture.
pub struct Work<'a> {
    /// Several are compared.
    pub engines: &'a mut [Engine],
    /// How a picture becomes their input.
    pub how: Preprocessing,
    /// The layers whose outputs are wanted.
    pub layers: &'a [LayerIndex],
}

/// Has networks compute outputs of each picture. `each` gets those of one picture, by network; it is called for several
/// pictures at the same time. `then` gets what it returned, in the pictures' order.
///
/// # Errors
/// As [`for_each`], and where a network fails. Pictures before that one have been done.
pub fn for_each_output<T: Send>(
    args: &PictureArgs,
    work: Work,
    each: impl Fn(&Picture, Vec<Vec<LayerOutput>>) -> anyhow::Result<T> + Sync,
    then: impl FnMut(Picture, T) -> anyhow::Result<()>,
) -> anyhow::Result<usize> {
    all_read(for_each_output_of(args, Share::default(), work, each, then)?)
}

/// The same for a share of the pictures. Tells what has been done, with what was done before, and what could not be read.
///
/// # Errors
/// As [`for_each_output`], but for pictures that cannot be read.
pub fn for_each_output_of<T: Send>(
    args: &PictureArgs,
    share: Share,
    work: Work,
    each: impl Fn(&Picture, Vec<Vec<LayerOutput>>) -> anyhow::Result<T> + Sync,
    mut then: impl FnMut(Picture, T) -> anyhow::Result<()>,
) -> anyhow::Result<Tally> {
    let Work { engines, how, layers } = work;
    let together = rayon::current_num_threads().min(MOST_TOGETHER);
    in_groups(args, share, together, &mut |pictures| {
        let frames: Vec<_> = pictures.iter().map(|picture| &picture.frame).collect();
        let mut outputs: Vec<Result<Vec<_>, EngineError>> = frames.iter().map(|_| Ok(vec![])).collect();
        for engine in &mut *engines {
            for (all, new) in outputs.iter_mut().zip(engine.run_each(&frames, how, layers)) {
                match (&mut *all, new) {
                    (Ok(all), Ok(new)) => all.push(new),
                    (_, Err(error)) => *all = Err(error),
                    (Err(_), Ok(_)) => {}
                }
            }
        }
        let made = pictures.par_iter().zip(outputs).map(|(picture, outputs)| each(picture, outputs?));
        let made: Vec<_> = made.collect();
        pictures.into_iter().zip(made).try_for_each(|(picture, made)| then(picture, made?))
    })
}

/// Calls `body` with up to `together` pictures of one source; of a camera with one.
fn in_groups(
    args: &PictureArgs,
    share: Share,
    together: usize,
    body: &mut dyn FnMut(Vec<Picture>) -> anyhow::Result<()>,
) -> anyhow::Result<Tally> {
    let decoding = args.preprocess.decoding();
    let delivery =
        Delivery { camera: args.camera.request(), every: args.every, decoding, ..Delivery::default() };
    let bar = progress_bar();
    let mut run = Run {
        bar: &bar,
        share,
        stems: HashSet::new(),
        told: HashSet::new(),
        tally: Tally { places: 0, ..share.done },
        together,
        pending: vec![],
        label: None,
        is_one_of_several: args.paths.len() > 1,
    };
    let labels = names::labels(&args.paths);
    for (spec, label) in args.paths.iter().zip(labels) {
        run.label = label;
        run.source(spec, &delivery, args.frames, body)?;
    }
    bar.finish_and_clear();
    if run.tally.places == 0 {
        bail!("there was no picture");
    }
    Ok(run.tally)
}

struct Run<'a> {
    bar: &'a ProgressBar,
    share: Share,
    stems: HashSet<String>,
    told: HashSet<String>,
    tally: Tally,
    together: usize,
    pending: Vec<Picture>,
    /// What tells the source from others.
    label: Option<String>,
    is_one_of_several: bool,
}

impl Run<'_> {
    /// Works on what is pending.
    fn flush(&mut self, body: &mut dyn FnMut(Vec<Picture>) -> anyhow::Result<()>) -> anyhow::Result<()> {
        let pictures = std::mem::take(&mut self.pending);
        let count = pictures.len() as u64;
        if count > 0 {
            body(pictures)?;
            self.bar.inc(count);
        }
        Ok(())
    }

    /// Works on all pictures of a source; on those, too, that came before an error.
    fn source(
        &mut self,
        spec: &SourceSpec,
        delivery: &Delivery,
        frames: Option<u64>,
        body: &mut dyn FnMut(Vec<Picture>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let outcome = self.receive(spec, delivery, frames, body);
        self.flush(body)?;
        outcome
    }

    fn receive(
        &mut self,
        spec: &SourceSpec,
        delivery: &Delivery,
        frames: Option<u64>,
        body: &mut dyn FnMut(Vec<Picture>) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let is_folder = spec.is_folder();
        let lone = matches!(spec, SourceSpec::Path(_)) && !is_folder;
        let several = matches!(spec, SourceSpec::Path(path) if source::holds_several(path));
        let is_file = matches!(spec, SourceSpec::Path(_) | SourceSpec::Files(_));
        let most = frames.unwrap_or(if is_file { u64::MAX } else { 1 });
        // Of a camera the frame of the moment is wanted: one is handed over only while somebody waits for it.
        let live = matches!(spec, SourceSpec::Camera(_));
        let (sender, receiver) = sync_channel(if live { 0 } else { AHEAD.max(self.together) });
        let (spec_there, delivery) = (spec.clone(), delivery.clone());
        let (share, mut place, is_one_of_several) = (self.share, self.tally.places, self.is_one_of_several);
        // Never joined: a camera that has stalled blocks its thread for ever. It ends when nobody listens.
        std::thread::Builder::new().name("capture".into()).spawn(move || {
            let mut source = match source::open(Some(&spec_there), &delivery) {
                Ok(opened) => opened.source,
                // Of several, one that cannot be opened is told by whoever its place belongs to.
                Err(_) if is_one_of_several && !share.takes(place) => {
                    return drop(sender.send(News::Skipped));
                }
                Err(error) => return drop(sender.send(News::Trouble(error.to_string()))),
            };
            let tell_notes = |source: &mut dyn FrameSource| {
                source.take_notes().into_iter().try_for_each(|note| sender.send(News::Note(note)))
            };
            if tell_notes(&mut *source).is_err()
                || sender.send(News::Count(source.count().unwrap_or(0))).is_err()
            {
                return;
            }
            loop {
                let is_ours = share.takes(place);
                place += 1;
                if !is_ours {
                    // Whoever it belongs to tells what is wrong with it.
                    let is_there = source.skip().unwrap_or(true);
                    if !is_there || tell_notes(&mut *source).is_err() || sender.send(News::Skipped).is_err() {
                        return;
                    }
                    continue;
                }
                let next = source.next_frame();
                if tell_notes(&mut *source).is_err() {
                    return;
                }
                let news = match next {
                    Ok(Some(frame)) => News::Frame(frame),
                    Ok(None) => return,
                    Err(error @ SourceError::Incomplete { .. }) => News::Incomplete(error.to_string()),
                    Err(error) => News::Trouble(error.to_string()),
                };
                let outcome = match news {
                    News::Frame(_) if live => sender.try_send(news),
                    _ => sender.send(news).map_err(|error| TrySendError::Disconnected(error.0)),
                };
                if matches!(outcome, Err(TrySendError::Disconnected(_))) {
                    return;
                }
            }
        })?;
        let (mut opened, mut taken) = (false, 0);
        while taken < most {
            // A file may take its time: it comes to an end.
            let news = match receiver.recv_timeout(if live { SILENCE } else { Duration::MAX }) {
                Ok(news) => news,
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    bail!(
                        "{spec} has given nothing for {} s: unplug it, plug it in and try again",
                        SILENCE.as_secs()
                    )
                }
            };
            match news {
                News::Count(count) => {
                    opened = true;
                    self.bar.inc_length((count as u64).min(most));
                }
                News::Note(note) => self.tell(&note),
                News::Skipped => {
                    taken += 1;
                    self.tally.places += 1;
                    self.bar.inc(1);
                }
                News::Frame(mut frame) => {
                    let again = spec.again(&frame.name);
                    if let Some(label) = &self.label {
                        frame.name =
                            if is_folder { format!("{label}/{}", frame.name) } else { label.clone() }.into();
                    }
                    // Frames of a video say the same of themselves.
                    if let Some(note) = frame.named_note().filter(|note| self.told.insert(note.clone())) {
                        self.tell(&note);
                    }
                    taken += 1;
                    let numbered = several || !lone && !is_folder && most > 1;
                    let stem = self.stem(&frame, spec, numbered);
                    let number = self.tally.pictures as usize;
                    self.tally.pictures += 1;
                    self.tally.places += 1;
                    let (source, tally) = (spec.to_string(), self.tally);
                    self.pending.push(Picture { frame, source, stem, number, again, tally, numbered });
                    if live || self.pending.len() >= self.together {
                        self.flush(body)?;
                    }
                }
                News::Incomplete(reason) => {
                    self.tally.incomplete += 1;
                    self.tally.places += 1;
                    self.tell(&reason);
                }
                // What cannot be opened, or a lone picture that cannot be read, leaves nothing to do.
                News::Trouble(reason) if (!opened || lone) && !self.is_one_of_several => {
                    return Err(anyhow!(reason));
                }
                News::Trouble(reason) => {
                    taken += 1;
                    self.tally.troubles += 1;
                    self.tally.places += 1;
                    self.tell(&reason);
                    self.bar.inc(1);
                    if matches!(spec, SourceSpec::Camera(_)) {
                        bail!("{reason}");
                    }
                }
            }
        }
        Ok(())
    }

    fn tell(&self, note: &str) {
        self.bar.suspend(|| eprintln!("note: {note}"));
    }

    fn stem(&mut self, frame: &Frame, spec: &SourceSpec, numbered: bool) -> String {
        let name = match spec {
            SourceSpec::Path(_) | SourceSpec::Files(_) | SourceSpec::Address(_) => names::stem(&frame.name),
            SourceSpec::Camera(_) => "camera".to_string(),
            SourceSpec::Made(name) => name.to_string(),
        };
        let name = if numbered { format!("{name}-{:05}", frame.id) } else { name };
        let mut stem = name.clone();
        for number in 2.. {
            // Some systems take `a.png` and `A.png` for one file.
            if self.stems.insert(stem.to_lowercase()) {
                break;
            }
            stem = format!("{name}-{number}");
        }
        stem
    }
}

/// Shown on a terminal only, and only where there is more than one picture.
fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos} of {len} · {per_sec} · {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// True where a run will have one picture, so that it may be written to the very file that was named.
pub fn is_single(args: &PictureArgs) -> bool {
    match args.paths.as_slice() {
        [spec @ SourceSpec::Path(path)] => {
            !spec.is_folder() && !source::holds_several(path) || args.frames == Some(1)
        }
        [_] => args.frames.unwrap_or(1) == 1,
        _ => false,
    }
}
