//! Videos from files, through the separate program `ffmpeg`: it decodes, and a pipe brings the frames.
//!
//! A [`Video`] is opened, used and dropped on the capture thread; what reads ffmpeg's log is a thread of its own. ffmpeg first
//! looks into the file, so that frames become what one is meant to see: upright, with square pixels, without fields, in sRGB
//! and over white.

mod content;
mod conversion;
mod input;
mod log;
mod pam;
mod pieces;
mod process;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use self::content::Container;
use self::content::{Content, content_of};
use self::conversion::Conversion;
use self::input::Input;
pub(crate) use self::input::{Remote, input_name};
use self::log::Facts;
use self::pam::PamError;
pub(crate) use self::process::Process;
use self::process::{EACH_FRAME_ONCE, Ending, Task, command};
use super::frame_source::{FrameSource, SourceError};
use super::kind;
use super::shrink::{Reduction, shrunk};
use crate::frame::{Frame, PixelFormat};

/// Names the program, where it is not the `ffmpeg` on the search path.
const PROGRAM_VARIABLE: &str = "CONVSCOPE_FFMPEG";

/// A clip of a few frames is over at once: it begins again no sooner than this after its last beginning.
const SHORTEST_ROUND: Duration = Duration::from_millis(250);

/// What kind of video a file is by its content; `None` where it is none, cannot be read, or is not a file. Where its first bytes
/// are of no kind that is known here, ffmpeg is asked, if there is one.
pub fn container_of(path: &Path) -> Option<Container> {
    match content_of(path) {
        Content::Video(container) => Some(container),
        Content::Other => None,
        Content::Unknown if matches!(kind::by_content(path), Ok(kind::Content::Other(_))) => None,
        Content::Unknown => {
            let looked =
                Process::start(command(&program(), &Input::File(path.into(), None), Task::Look)).ok()?.look();
            let facts = looked.log.facts;
            facts.picture.and_then(|_| Container::told_by_ffmpeg(&facts.format?))
        }
    }
}

/// True where a file's first bytes alone say that it is a video.
pub fn is_video(path: &Path) -> bool {
    matches!(content_of(path), Content::Video(_))
}

/// What ffmpeg is started as.
pub(crate) fn program() -> OsString {
    let named = std::env::var_os(PROGRAM_VARIABLE).filter(|program| !program.is_empty());
    named.unwrap_or_else(|| "ffmpeg".into())
}

/// How to start ffmpeg.
type Commands = Box<dyn Fn(Task<'_>) -> Command>;

/// The first video stream of a file as a source of frames.
pub struct Video {
    path: PathBuf,
    /// What ffmpeg calls it, which may hold a password.
    input: OsString,
    container: Container,
    live: bool,
    every: NonZeroU32,
    program: OsString,
    command: Commands,
    conversion: Conversion,
    /// How many frames the file's head announces.
    announced: Option<u64>,
    /// `None` before the first round and behind the end of each.
    process: Option<Process>,
    round_began: Instant,
    /// Frames read in this round.
    read: u64,
    /// The size of the picture in `rgb` that was read when ffmpeg was started.
    read_ahead: Option<(u32, u32)>,
    /// The bytes of the last picture, as large as it is in the file.
    rgb: Vec<u8>,
    next_id: u64,
    /// A round like the one before has nothing new to say.
    damage_is_told: bool,
    name: Arc<str>,
    /// That frames are shrunk.
    note: Option<Arc<str>>,
    /// What is not yet told.
    notes: Vec<String>,
    size: (u32, u32),
    fps: Option<String>,
    description: Arc<str>,
}

impl Video {
    /// Has ffmpeg look into a file of this kind, starts it and reads the first frame. Of `every` frames one is given; its number
    /// is the one it has in the file.
    ///
    /// `live` (in the window): the video keeps its own time and begins anew at its end. Otherwise (off screen)
    /// every frame is given once, as fast as it is taken, and then the source is at its end. Where the file is
    /// damaged, the frames that ffmpeg can still read are given, and then [`SourceError::Incomplete`] once (`live`: a note).
    ///
    /// # Errors
    /// [`SourceError::NoFfmpeg`] where ffmpeg cannot be started; [`SourceError::File`] where it finds no frame.
    pub fn open(
        path: &Path,
        container: Container,
        every: NonZeroU32,
        live: bool,
    ) -> Result<Self, SourceError> {
        if let Some(reason) = pieces::unfinished(path, &container) {
            return Err(SourceError::file(path, reason));
        }
        let program = program();
        let (for_command, input) = (program.clone(), Input::File(path.to_owned(), Some(container.clone())));
        let name = input.name();
        let command = move |task: Task<'_>| command(&for_command, &input, task);
        Self::open_with((path, name), container, every, live, program, Box::new(command))
    }

    /// The same of a stream of the network. `live`: where it ends or breaks off, it is asked for again.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_remote(remote: Remote, every: NonZeroU32, live: bool) -> Result<Self, SourceError> {
        let (for_command, shown) = (program(), PathBuf::from(&remote.shown));
        let input = Input::Remote(remote);
        let name = input.name();
        let command = move |task: Task<'_>| command(&for_command, &input, task);
        Self::open_with((&shown, name), Container::STREAM, every, live, program(), Box::new(command))
    }

    fn open_with(
        (path, input): (&Path, OsString),
        container: Container,
        every: NonZeroU32,
        live: bool,
        program: OsString,
        command: Commands,
    ) -> Result<Self, SourceError> {
        let mut video = Self {
            path: path.to_owned(),
            input,
            container,
            live,
            every,
            program,
            command,
            conversion: Conversion::default(),
            announced: None,
            process: None,
            round_began: Instant::now(),
            read: 0,
            read_ahead: None,
            rgb: Vec::new(),
            next_id: 0,
            damage_is_told: false,
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into(),
            note: None,
            notes: vec![],
            size: (0, 0),
            fps: None,
            description: "".into(),
        };
        let facts = video.look()?;
        video.conversion = Conversion::of(&facts);
        video.announced = facts.frames().map(|frames| frames.div_ceil(every.get().into()));
        video.fps = facts.fps;
        if let Err(error) = video.start() {
            if !video.conversion.is_special() {
                return Err(error);
            }
            let SourceError::File { reason, .. } = error else { return Err(error) };
            video.conversion = std::mem::take(&mut video.conversion).without_special(&reason);
            video.start()?;
        }
        video.notes = video.conversion.notes();
        Ok(video)
    }

    /// What ffmpeg says of the file.
    fn look(&self) -> Result<Facts, SourceError> {
        let process = Process::start((self.command)(Task::Look));
        let looked = process.map_err(|error| self.not_started(&error))?.look();
        let lacks_the_means = looked.complaint.is_some_and(|text| text.contains("'showinfo'"));
        if lacks_the_means {
            tracing::warn!("this ffmpeg lacks the filter showinfo: frames are taken as they come");
        }
        Ok(looked.log.facts)
    }

    /// Starts ffmpeg and reads the first picture.
    fn start(&mut self) -> Result<(), SourceError> {
        self.round_began = Instant::now();
        self.read = 0;
        let mut complaint = None;
        for once in EACH_FRAME_ONCE {
            let (conversion, every, paced) = (&self.conversion, self.every, self.live);
            let process = Process::start((self.command)(Task::Frames { conversion, every, paced, once }));
            let mut process = process.map_err(|error| self.not_started(&error))?;
            match process.read(&mut self.rgb) {
                Ok(Some(size)) => {
                    self.process = Some(process);
                    self.read_ahead = Some(size);
                    self.describe_as(size);
                    return Ok(());
                }
                Ok(None) | Err(PamError::CutOff) => complaint = process.finish().complaint,
                Err(error) => return Err(self.unreadable(&error.to_string())),
            }
            let unknown = format!("'{}'", once.trim_start_matches('-'));
            if !complaint.as_ref().is_some_and(|text| text.contains(&unknown)) {
                break;
            }
        }
        Err(match complaint {
            Some(text) if text.contains("matches no streams") => {
                self.failure("there is no video in it".into())
            }
            Some(text) => match pieces::without_frames(&self.path, &self.container) {
                Some(reason) => self.failure(reason),
                None => self.unreadable(&format!("ffmpeg says: {}", self.without_path(&text))),
            },
            None => self.unreadable("ffmpeg finds no frame in it"),
        })
    }

    /// The next picture of this round; `None` at its end.
    fn read(&mut self) -> Result<Option<(u32, u32)>, SourceError> {
        let size = match (self.read_ahead.take(), self.process.take()) {
            (Some(size), process) => {
                self.process = process;
                size
            }
            (None, None) => return Ok(None),
            (None, Some(mut process)) => match process.read(&mut self.rgb) {
                Ok(Some(size)) => {
                    self.process = Some(process);
                    self.describe_as(size);
                    size
                }
                Ok(None) | Err(PamError::CutOff) => {
                    self.end(&process.finish())?;
                    return Ok(None);
                }
                Err(error) => return Err(self.failure(error.to_string())),
            },
        };
        self.read += 1;
        Ok(Some(size))
    }

    /// Tells what was wrong with this round.
    ///
    /// # Errors
    /// [`SourceError::Incomplete`], where the video is not played again.
    fn end(&mut self, ending: &Ending) -> Result<(), SourceError> {
        // A short file is read to its end while ffmpeg looks into it.
        // And a stream of the network ends somewhere.
        let is_sound = || ending.log.damage().is_none() && !ending.log.is_cut_off();
        let is_whole = ending.succeeded && (self.container == Container::STREAM || is_sound());
        if is_whole || std::mem::replace(&mut self.damage_is_told, true) {
            return Ok(());
        }
        let (read, frames) = (self.read, if self.read == 1 { "frame was" } else { "frames were" });
        let of = match self.announced {
            Some(announced) if announced > read => format!(", of {announced} that it should have"),
            _ => String::new(),
        };
        let complaint = self.without_path(ending.complaint.as_deref().unwrap_or_default());
        tracing::info!("ffmpeg says of {}: {complaint}", self.path.display());
        let reason = match (ending.log.is_cut_off(), ending.succeeded) {
            (true, _) => format!("the video is cut off: {read} {frames} read{of}"),
            (false, true) => {
                format!("the video is cut off or damaged: {read} {frames} read{of}, not all of them whole")
            }
            (false, false) => {
                format!("the video breaks off: {read} {frames} read{of} (ffmpeg says: {complaint})")
            }
        };
        if self.live {
            self.notes.push(reason);
            return Ok(());
        }
        Err(SourceError::Incomplete { path: self.path.clone(), reason })
    }

    fn describe_as(&mut self, size: (u32, u32)) {
        let fps = self.fps.as_ref().map(|fps| format!(" · {fps} fps")).unwrap_or_default();
        // Once the rate is known nothing changes any more but, in some streams, the size.
        if self.size != size || !self.description.ends_with(&fps) {
            self.size = size;
            let reduction = Reduction::of(size);
            let (width, height) = reduction.map_or(size, |reduction| reduction.to);
            self.note = reduction.map(|reduction| reduction.note().into());
            let thinned = match self.every.get() {
                1 => String::new(),
                every => format!(" · one of {every} frames"),
            };
            self.description = format!("{} · {width}×{height} video{thinned}{fps}", self.name).into();
        }
    }

    fn not_started(&self, error: &io::Error) -> SourceError {
        let reason = match error.kind() {
            io::ErrorKind::NotFound if self.program == "ffmpeg" => "it was not found".into(),
            _ => format!("`{}` cannot be started ({error})", self.program.display()),
        };
        SourceError::NoFfmpeg { path: self.path.clone(), reason }
    }

    fn unreadable(&self, reason: &str) -> SourceError {
        self.failure(format!("not a video that can be read: {reason}"))
    }

    fn failure(&self, reason: String) -> SourceError {
        SourceError::file(&self.path, reason)
    }

    /// ffmpeg's words without the file's name, which stands before them anyway.
    fn without_path(&self, complaint: &str) -> String {
        let name = self.input.to_string_lossy();
        complaint.replace(&format!("{name}: "), "").replace(&*name, &self.name)
    }
}

impl FrameSource for Video {
    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        loop {
            if self.process.is_none() {
                if !self.live {
                    return Ok(None);
                }
                // ffmpeg can repeat a file by itself, but not transport streams and bare streams, and programme
                // streams lose their time.
                thread::sleep(SHORTEST_ROUND.saturating_sub(self.round_began.elapsed()));
                self.start()?;
            }
            if let Some(size) = self.read()? {
                let smaller = Reduction::of(size).map(|reduction| shrunk(&self.rgb, reduction));
                let (size, rgb) = smaller.as_ref().map_or((size, &self.rgb), |(size, rgb)| (*size, rgb));
                let frame = Frame::new(self.next_id, size, PixelFormat::Rgb8, rgb, self.name.clone())
                    .map_err(|error| self.unreadable(&error.to_string()))?;
                self.next_id += u64::from(self.every.get());
                return Ok(Some(Frame { note: self.note.clone(), ..frame }));
            }
        }
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn rate(&self) -> Option<f64> {
        let rate: f64 = self.fps.as_ref()?.parse().ok()?;
        Some(rate / f64::from(self.every.get()))
    }

    fn take_notes(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notes).into_iter().map(|note| format!("{}: {note}", self.name)).collect()
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}
