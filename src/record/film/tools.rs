//! The ffmpeg that writes films: whether it is there, and what it can.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::format::Format;
use crate::source::video;

/// Why no film is recorded. Each message says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum FilmError {
    /// An ending that names no kind of film.
    #[error("{}: the name of a film ends in .mp4, .webm, .mkv or .gif", .0.display())]
    Ending(PathBuf),
    /// Nothing to write it with.
    #[error(
        "recording a film takes the program ffmpeg, and {0}: install it (`sudo apt install ffmpeg`, `brew install ffmpeg` or \
         `winget install ffmpeg`), or name it in CONVSCOPE_FFMPEG"
    )]
    NoFfmpeg(String),
    /// This ffmpeg was built without an encoder.
    #[error(
        "this ffmpeg cannot write .{ending} (it has no encoder {encoder}): name a film that ends in {others}, or install \
         another ffmpeg"
    )]
    NoEncoder {
        /// The ending of the film's name.
        ending: &'static str,
        /// The encoder.
        encoder: &'static str,
        /// What it can write.
        others: String,
    },
    /// There is one of this name.
    #[error("{} exists already: name another film", .0.display())]
    Exists(PathBuf),
    /// The disk said no.
    #[error("{} could not be written: {source}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// It ended before the film did.
    #[error("{}: the recording ended, for {reason}; what was recorded until then plays", path.display())]
    Ended {
        /// The film.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
    /// The same, where it was to replace another.
    #[error("{}: the new film ended, for {reason}; the one that was there stays", path.display())]
    NotReplaced {
        /// The film.
        path: PathBuf,
        /// What happened.
        reason: String,
    },
}

/// What there is to write a film with.
#[derive(Clone, Debug)]
pub struct Tools {
    pub program: OsString,
    pub encoder: &'static str,
    /// What this ffmpeg calls the option that keeps times.
    pub vfr: &'static str,
}

impl Tools {
    /// Asks ffmpeg what it can.
    ///
    /// # Errors
    /// [`FilmError::NoFfmpeg`] and [`FilmError::NoEncoder`].
    pub fn find(format: Format) -> Result<Self, FilmError> {
        let Asked { program, listed, vfr } = Asked::once()?;
        let knows = |format: Format| {
            let lists = |name: &str| listed.lines().any(|line| line.split_whitespace().nth(1) == Some(name));
            format.encoders().iter().copied().find(|name| lists(name))
        };
        let Some(encoder) = knows(format) else {
            let others: Vec<_> = Format::ALL.into_iter().filter(|other| knows(*other).is_some()).collect();
            if others.is_empty() {
                return Err(FilmError::NoFfmpeg(format!("`{}` lists no encoder", program.display())));
            }
            let others: Vec<_> = others.into_iter().map(|other| format!(".{}", other.ending())).collect();
            let (ending, encoder) = (format.ending(), format.encoders()[0]);
            return Err(FilmError::NoEncoder { ending, encoder, others: others.join(", ") });
        };
        Ok(Self { program, encoder, vfr })
    }
}

/// What ffmpeg answered.
#[derive(Clone, Debug)]
struct Asked {
    program: OsString,
    /// Its encoders, a line each.
    listed: String,
    vfr: &'static str,
}

impl Asked {
    /// ffmpeg is asked once: a film that begins later need not wait.
    fn once() -> Result<Self, FilmError> {
        static ASKED: OnceLock<Asked> = OnceLock::new();
        if let Some(asked) = ASKED.get() {
            return Ok(asked.clone());
        }
        let asked = Self::ask()?;
        Ok(ASKED.get_or_init(|| asked).clone())
    }

    fn ask() -> Result<Self, FilmError> {
        let program = video::program();
        let asked =
            Command::new(&program).args(["-loglevel", "quiet", "-encoders"]).stdin(Stdio::null()).output();
        let asked = asked.map_err(|error| {
            FilmError::NoFfmpeg(match error.kind() {
                io::ErrorKind::NotFound if program == "ffmpeg" => "it was not found".into(),
                _ => format!("`{}` cannot be started ({error})", program.display()),
            })
        })?;
        let listed = String::from_utf8_lossy(&asked.stdout).into_owned();
        let vfr = match Command::new(&program).arg("-version").stdin(Stdio::null()).output() {
            Ok(told) if is_before_5_1(&String::from_utf8_lossy(&told.stdout)) => "-vsync",
            _ => "-fps_mode",
        };
        Ok(Self { program, listed, vfr })
    }
}

/// What `ffmpeg -version` begins with; builds between versions have names without one.
fn is_before_5_1(told: &str) -> bool {
    let version = told.strip_prefix("ffmpeg version ").unwrap_or_default().trim_start_matches('n');
    let mut numbers = version.split(|c: char| !c.is_ascii_digit()).map(|part| part.parse::<u32>());
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (5, 1),
        _ => false,
    }
}

/// Before the work begins: whether a film can be written under this name.
///
/// # Errors
/// [`FilmError`].
pub fn check(path: &Path) -> Result<(), FilmError> {
    let format = Format::of(path).ok_or_else(|| FilmError::Ending(path.into()))?;
    if path.exists() {
        return Err(FilmError::Exists(path.into()));
    }
    Tools::find(format).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_ones_are_told_by_their_version() {
        assert!(is_before_5_1("ffmpeg version 4.4.2-0ubuntu0.22.04.1 Copyright"));
        assert!(is_before_5_1("ffmpeg version n5.0 Copyright"));
        for new in ["ffmpeg version 5.1.9-0+deb12u1 Copyright", "ffmpeg version N-108-gabc Copyright", ""] {
            assert!(!is_before_5_1(new), "{new}");
        }
    }
}
