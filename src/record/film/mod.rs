//! Films of what is presented, written by the program ffmpeg.
//!
//! A [`Film`] is a thread that takes pictures out of a view's outlet and hands them to ffmpeg with the moments at which they
//! were presented: a view that changes seldom costs little, and one that changes often is filmed as often. Where ffmpeg is late
//! the outlet loses pictures, never the view time. What was written up to half a second ago plays, whatever happens.

mod drawn;
mod format;
mod matroska;
mod part;
mod tools;

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use part::Part;
use tools::Tools;

use crate::gpu::outlet::{Intake, Presented, Waiting};
use crate::latest::Taken;

pub use drawn::DrawnFilm;
pub use format::Format;
pub use tools::{FilmError, check};

/// Pictures that may wait for ffmpeg, such as while it starts.
pub const WAITING: Waiting = Waiting::UpTo(8);

/// A picture that stays is written again after so long, so that a film that breaks off has its time.
const STAYS: Duration = Duration::from_secs(1);

/// A view of another size has to keep it for so long.
const SETTLED: Duration = Duration::from_millis(500);

/// How long ending a film may take.
const PATIENCE: Duration = Duration::from_secs(8);

/// Pictures a second in a film of pictures that keep no time.
pub const UNTIMED_RATE: f64 = 2.0;

/// When pictures are shown in the film.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// As they were presented.
    True,
    /// So many a second, each as long as the others.
    Rate(f64),
}

/// What became of a film.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// Its files: one for each size that the view had.
    pub files: Vec<PathBuf>,
    /// Pictures that are in it.
    pub pictures: u64,
    /// Pictures that were presented and are not, since ffmpeg was late.
    pub lost: u64,
    /// How long it plays.
    pub length: Duration,
}

/// `film.mp4: 0:12, 340 pictures, 2 lost`.
impl fmt::Display for Recorded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<_> = self.files.iter().map(|file| file.display().to_string()).collect();
        let plural = if self.pictures == 1 { "" } else { "s" };
        write!(f, "{}: {}, {} picture{plural}", files.join(", "), clock(self.length), self.pictures)?;
        if self.lost > 0 {
            write!(f, ", {} more were presented while the encoder was busy", self.lost)?;
        }
        Ok(())
    }
}

/// Minutes and seconds.
fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

/// A film that is being recorded.
pub struct Film {
    began: Instant,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    stopping: AtomicBool,
    lost: AtomicU64,
    /// What is to be told while it goes on.
    told: Mutex<VecDeque<String>>,
    ended: Mutex<Option<Result<Recorded, FilmError>>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Film {
    /// Records what comes out of an outlet until that closes or the film is ended. `wake` is called from the film's thread when
    /// there is something to be told.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        path: &Path,
        pace: Pace,
        intake: Intake,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (path, for_thread) = (path.to_path_buf(), shared.clone());
        let thread = thread::Builder::new().name("film".into()).spawn(move || {
            let mut recording = Recording::new(path, pace, &for_thread);
            let outcome = recording.run(&intake, &wake);
            let outcome = recording.end(outcome, intake.lost());
            *locked(&for_thread.ended) = Some(outcome);
            wake();
        })?;
        Ok(Self { began: Instant::now(), shared, thread: Some(thread) })
    }

    /// For how long it has been recorded, and what was lost.
    pub fn in_words(&self) -> String {
        let lost = match self.shared.lost.load(Ordering::Relaxed) {
            0 => String::new(),
            lost => format!(" · {lost} lost"),
        };
        format!("{}{lost}", clock(self.began.elapsed()))
    }

    /// When what [`Self::in_words`] says is another.
    pub fn next_second(&self) -> Instant {
        self.began + Duration::from_secs(self.began.elapsed().as_secs() + 1)
    }

    /// What is to be told since the last call.
    pub fn told(&self) -> Option<String> {
        locked(&self.shared.told).pop_front()
    }

    /// Asks it to end; [`Self::ended`] says when it has.
    pub fn stop(&self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
    }

    /// What became of it, once, as soon as it has ended.
    pub fn ended(&self) -> Option<Result<Recorded, FilmError>> {
        locked(&self.shared.ended).take()
    }

    /// Waits (not for long) until it has ended by itself, because its outlet closed or it was stopped.
    ///
    /// # Errors
    /// [`FilmError`]; what was recorded until then plays.
    pub fn finish(mut self) -> Result<Recorded, FilmError> {
        let deadline = Instant::now() + PATIENCE;
        let thread = self.thread.take();
        while thread.as_ref().is_some_and(|thread| !thread.is_finished()) && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
        }
        self.ended().unwrap_or_else(|| {
            Err(FilmError::Ended { path: "the film".into(), reason: "ffmpeg does not end".into() })
        })
    }
}

/// Of the film's own thread.
struct Recording<'a> {
    path: PathBuf,
    pace: Pace,
    shared: &'a Shared,
    tools: Option<Tools>,
    part: Option<Part>,
    /// When the first picture of the part was presented.
    part_began: Instant,
    /// The last picture of the part.
    last: Option<Arc<Presented>>,
    /// The size that the view has now, where that is another, and since when.
    resized: Option<([u32; 2], Instant)>,
    recorded: Recorded,
}

impl<'a> Recording<'a> {
    fn new(path: PathBuf, pace: Pace, shared: &'a Shared) -> Self {
        let (part_began, recorded) = (Instant::now(), Recorded::default());
        Self { path, pace, shared, tools: None, part: None, part_began, last: None, resized: None, recorded }
    }

    fn run(&mut self, intake: &Intake, wake: &dyn Fn()) -> Result<(), FilmError> {
        let format = Format::of(&self.path).ok_or_else(|| FilmError::Ending(self.path.clone()))?;
        self.tools = Some(Tools::find(format)?);
        let mut written = Instant::now();
        while !self.shared.stopping.load(Ordering::Relaxed) {
            match intake.take(Duration::from_millis(100)) {
                Taken::Value(picture) => {
                    self.take(picture, wake)?;
                    written = Instant::now();
                }
                Taken::Nothing if self.pace == Pace::True && written.elapsed() >= STAYS => {
                    self.stay()?;
                    written = Instant::now();
                }
                Taken::Nothing => {}
                Taken::Closed => break,
            }
            self.shared.lost.store(intake.lost(), Ordering::Relaxed);
        }
        Ok(())
    }

    fn take(&mut self, picture: Arc<Presented>, wake: &dyn Fn()) -> Result<(), FilmError> {
        match &self.part {
            None => self.begin(&picture)?,
            Some(part) if part.size == picture.size => self.resized = None,
            // While a window is dragged larger, it has many sizes.
            Some(_) => match self.resized {
                Some((size, since)) if size == picture.size && since.elapsed() >= SETTLED => {
                    self.end_part()?;
                    self.begin(&picture)?;
                    let name = self.recorded.files.last().map(|file| file.display().to_string());
                    let name = name.unwrap_or_default();
                    let told = format!("The view has another size: the film goes on in {name}.");
                    locked(&self.shared.told).push_back(told);
                    wake();
                }
                Some((size, _)) if size == picture.size => return Ok(()),
                _ => {
                    self.resized = Some((picture.size, Instant::now()));
                    return Ok(());
                }
            },
        }
        let time = match self.pace {
            Pace::True => picture.at.saturating_duration_since(self.part_began),
            Pace::Rate(rate) => {
                let before = self.part.as_ref().map_or(0, |part| part.pictures);
                Duration::from_secs_f64(before as f64 / rate)
            }
        };
        self.add(time, &picture, false)?;
        self.last = Some(picture);
        Ok(())
    }

    fn begin(&mut self, picture: &Presented) -> Result<(), FilmError> {
        let Some(tools) = &self.tools else { return Ok(()) };
        let path = numbered(&self.path, self.recorded.files.len());
        self.part = Some(Part::begin(&path, tools, picture.size)?);
        self.recorded.files.push(path);
        (self.part_began, self.resized, self.last) = (picture.at, None, None);
        Ok(())
    }

    /// `again`: it is there already, and stays until then.
    fn add(&mut self, time: Duration, picture: &Presented, again: bool) -> Result<(), FilmError> {
        let Some(part) = &mut self.part else { return Ok(()) };
        let (time, rgba) = (time.as_millis() as u64, &picture.rgba);
        match if again { part.stay(time, rgba) } else { part.add(time, rgba).map(drop) } {
            Ok(()) => Ok(()),
            // Why, it says at its end.
            Err(error) => {
                self.end_part()?;
                let path = self.recorded.files.last().cloned().unwrap_or_default();
                Err(FilmError::Ended { path, reason: error.to_string() })
            }
        }
    }

    /// What is shown stays until now.
    fn stay(&mut self) -> Result<(), FilmError> {
        match self.last.clone() {
            Some(picture) => self.add(self.part_began.elapsed(), &picture, true),
            None => Ok(()),
        }
    }

    /// The last picture of a file has no length: where that is to be seen, it is written again.
    fn stay_to_the_end(&mut self) -> Result<(), FilmError> {
        let (Some(part), Pace::Rate(rate)) = (&self.part, self.pace) else { return self.stay() };
        match (last_again(part.pictures, rate), self.last.clone()) {
            (Some(time), Some(picture)) => self.add(time, &picture, true),
            _ => Ok(()),
        }
    }

    fn end_part(&mut self) -> Result<(), FilmError> {
        let Some(part) = self.part.take() else { return Ok(()) };
        self.recorded.pictures += part.pictures;
        self.recorded.length += match self.pace {
            Pace::True => self.part_began.elapsed(),
            Pace::Rate(rate) => Duration::from_secs_f64(part.pictures as f64 / rate),
        };
        part.end()
    }

    fn end(mut self, outcome: Result<(), FilmError>, lost: u64) -> Result<Recorded, FilmError> {
        self.recorded.lost = lost;
        outcome?;
        self.stay_to_the_end()?;
        self.end_part()?;
        Ok(self.recorded)
    }
}

/// When the last of so many pictures at this rate is written again.
fn last_again(pictures: u64, rate: f64) -> Option<Duration> {
    let end = Duration::from_secs_f64(pictures as f64 / rate).saturating_sub(Duration::from_millis(20));
    (pictures > 0 && rate < 8.0).then_some(end)
}

/// `film.mp4`, then `film-2.mp4`, …
fn numbered(path: &Path, before: usize) -> PathBuf {
    if before == 0 {
        return path.into();
    }
    let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    path.with_file_name(format!("{}-{}.{}", text(path.file_stem()), before + 1, text(path.extension())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_in_words() {
        let files = vec![numbered(Path::new("a/film.mp4"), 0), numbered(Path::new("a/film.mp4"), 1)];
        let recorded = Recorded { files, pictures: 1, lost: 0, length: Duration::from_secs(72) };
        assert_eq!(recorded.to_string(), "a/film.mp4, a/film-2.mp4: 1:12, 1 picture");
        let late = Recorded { lost: 3, pictures: 2, ..recorded };
        assert!(late.to_string().ends_with("2 pictures, 3 more were presented while the encoder was busy"));
    }
}
