//! Videos from files, through the separate program `ffmpeg`: it decodes, and a pipe brings the frames.
//!
//! A [`Video`] is opened, used and dropped on the capture thread; what reads ffmpeg's complaints is a thread of
//! its own. Pixels that are not square stay so, and fields of interlaced video stay interlaced.

mod content;
mod ppm;
mod process;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

pub use self::content::{Container, container_of};
use self::ppm::PpmError;
use self::process::{EACH_FRAME_ONCE, Process, command, input_name};
use super::frame_source::{FrameSource, SourceError};
use super::shrink::{Reduction, Shrinker};
use crate::frame::{Frame, PixelFormat};

/// Names the program, where it is not the `ffmpeg` on the search path.
const PROGRAM_VARIABLE: &str = "CONVSCOPE_FFMPEG";

/// A clip of a few frames is over at once: it begins again no sooner than this after its last beginning.
const SHORTEST_ROUND: Duration = Duration::from_millis(250);

/// The first video stream of a file as a source of frames.
pub struct Video {
    path: PathBuf,
    live: bool,
    program: OsString,
    /// How to start ffmpeg, given one of [`EACH_FRAME_ONCE`].
    command: Box<dyn Fn(&str) -> Command>,
    /// `None` before the first round and behind the end of each.
    process: Option<Process>,
    round_began: Instant,
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
    size: (u32, u32),
    fps: Option<String>,
    description: Arc<str>,
}

impl Video {
    /// Starts ffmpeg on a file of this kind and reads the first frame.
    ///
    /// `live` (in the window): the video keeps its own time and begins anew at its end. Otherwise (off screen)
    /// every frame is given once, as fast as it is taken, and then the source is at its end. Where the file is
    /// damaged, the frames that ffmpeg can still read are given.
    ///
    /// # Errors
    /// [`SourceError::NoFfmpeg`] where ffmpeg cannot be started; [`SourceError::File`] where it finds no frame.
    pub fn open(path: &Path, container: Container, live: bool) -> Result<Self, SourceError> {
        let named = std::env::var_os(PROGRAM_VARIABLE).filter(|program| !program.is_empty());
        let program = named.unwrap_or_else(|| "ffmpeg".into());
        let (for_command, file) = (program.clone(), path.to_owned());
        let command = move |once: &str| command(&for_command, &file, container, live, once);
        Self::open_with(path, live, program, Box::new(command))
    }

    fn open_with(
        path: &Path,
        live: bool,
        program: OsString,
        command: Box<dyn Fn(&str) -> Command>,
    ) -> Result<Self, SourceError> {
        let mut video = Self {
            path: path.to_owned(),
            live,
            program,
            command,
            process: None,
            round_began: Instant::now(),
            read_ahead: None,
            rgb: Vec::new(),
            next_id: 0,
            damage_is_told: false,
            name: path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into(),
            note: None,
            size: (0, 0),
            fps: None,
            description: "".into(),
        };
        video.start()?;
        Ok(video)
    }

    /// Starts ffmpeg and reads the first picture.
    fn start(&mut self) -> Result<(), SourceError> {
        self.round_began = Instant::now();
        let mut complaint = None;
        for once in EACH_FRAME_ONCE {
            let process = Process::start((self.command)(once));
            let mut process = process.map_err(|error| self.not_started(&error))?;
            match process.read(&mut self.rgb) {
                Ok(Some(size)) => {
                    self.fps = self.fps.take().or_else(|| process.fps());
                    self.process = Some(process);
                    self.read_ahead = Some(size);
                    self.describe_as(size);
                    return Ok(());
                }
                Ok(None) | Err(PpmError::CutOff) => complaint = process.finish().complaint,
                Err(error) => return Err(self.unreadable(error.to_string())),
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
            Some(text) => self.unreadable(text),
            None => self.unreadable("ffmpeg finds no frame in it".into()),
        })
    }

    /// The next picture of this round; `None` at its end.
    fn read(&mut self) -> Result<Option<(u32, u32)>, SourceError> {
        if let Some(size) = self.read_ahead.take() {
            return Ok(Some(size));
        }
        let Some(mut process) = self.process.take() else { return Ok(None) };
        match process.read(&mut self.rgb) {
            Ok(Some(size)) => {
                self.fps = self.fps.take().or_else(|| process.fps());
                self.process = Some(process);
                self.describe_as(size);
                Ok(Some(size))
            }
            Ok(None) | Err(PpmError::CutOff) => {
                let ending = process.finish();
                match ending.complaint {
                    Some(complaint) if !ending.succeeded => {
                        let complaint = self.without_path(&complaint);
                        Err(self.failure(format!("the video breaks off: {complaint}")))
                    }
                    Some(complaint) if !self.damage_is_told => {
                        self.damage_is_told = true;
                        let complaint = self.without_path(&complaint);
                        tracing::warn!("{}: the video is damaged: {complaint}", self.path.display());
                        Ok(None)
                    }
                    _ => Ok(None),
                }
            }
            Err(error) => Err(self.failure(error.to_string())),
        }
    }

    fn describe_as(&mut self, size: (u32, u32)) {
        let fps = self.fps.as_ref().map(|fps| format!(" · {fps} fps")).unwrap_or_default();
        // Once the rate is known nothing changes any more but, in some streams, the size.
        if self.size != size || !self.description.ends_with(&fps) {
            self.size = size;
            let reduction = Reduction::of(size);
            let (width, height) = reduction.map_or(size, |reduction| reduction.to);
            self.note = reduction.map(|reduction| reduction.note().into());
            self.description = format!("{} · {width}×{height} video{fps}", self.name).into();
        }
    }

    fn not_started(&self, error: &io::Error) -> SourceError {
        let reason = match error.kind() {
            io::ErrorKind::NotFound if self.program == "ffmpeg" => "it was not found".into(),
            _ => format!("`{}` cannot be started ({error})", self.program.display()),
        };
        SourceError::NoFfmpeg { path: self.path.clone(), reason }
    }

    fn unreadable(&self, reason: String) -> SourceError {
        self.failure(format!("not a video that can be read: {}", self.without_path(&reason)))
    }

    fn failure(&self, reason: String) -> SourceError {
        SourceError::file(&self.path, reason)
    }

    /// ffmpeg's words without the file's name, which stands before them anyway.
    fn without_path(&self, complaint: &str) -> String {
        complaint.replace(&format!("{}: ", input_name(&self.path).display()), "")
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
                let smaller = Reduction::of(size).map(|reduction| shrink(&self.rgb, reduction));
                let (size, rgb) = smaller.as_ref().map_or((size, &self.rgb), |(size, rgb)| (*size, rgb));
                let frame = Frame::new(self.next_id, size, PixelFormat::Rgb8, rgb, self.name.clone())
                    .map_err(|error| self.unreadable(error.to_string()))?;
                self.next_id += 1;
                return Ok(Some(Frame { note: self.note.clone(), ..frame }));
            }
        }
    }

    fn is_live(&self) -> bool {
        self.live
    }

    fn describe(&self) -> Arc<str> {
        self.description.clone()
    }
}

fn shrink(rgb: &[u8], reduction: Reduction) -> ((u32, u32), Vec<u8>) {
    let mut smaller = Shrinker::new(reduction);
    rgb.chunks_exact(reduction.from.0 as usize * 3).for_each(|row| smaller.add_row(row));
    let (width, height, rgb) = smaller.finish();
    ((width, height), rgb)
}
