//! One file of a film: ffmpeg at work, and the pictures that go into it.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::format::Format;
use super::matroska;
use super::tools::{FilmError, Tools};
use crate::source::video::{Process, input_name};

/// Threads of the encoder at most: the network wants the others.
const MOST_THREADS: usize = 4;

/// A file that is being written.
pub(super) struct Part {
    pub path: PathBuf,
    pub size: [u32; 2],
    process: Process,
    shortest_ms: u64,
    /// When the last picture begins.
    last_ms: Option<u64>,
    pub pictures: u64,
}

impl Part {
    /// Begins a file for pictures of this size.
    ///
    /// # Errors
    /// [`FilmError`]; an existing file is never touched.
    pub fn begin(path: &Path, tools: &Tools, size: [u32; 2]) -> Result<Self, FilmError> {
        let format = Format::of(path).ok_or_else(|| FilmError::Ending(path.into()))?;
        let disk = |source: io::Error| match source.kind() {
            io::ErrorKind::AlreadyExists => FilmError::Exists(path.into()),
            _ => FilmError::Disk { path: path.into(), source },
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(disk)?;
        }
        // Ours from here on: ffmpeg may write over it.
        OpenOptions::new().write(true).create_new(true).open(path).map_err(disk)?;
        let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
        let mut command = Command::new(&tools.program);
        command.args(["-hide_banner", "-nostats", "-y", "-loglevel", "level+error"]);
        // Nothing is to be found out by reading ahead. Not `-fflags nobuffer`: it loses the first pictures.
        command.args(["-probesize", "32", "-analyzeduration", "0"]);
        command.args(["-f", "matroska", "-i", "pipe:0"]);
        command.args(format.options(tools.encoder, tools.vfr, (cores / 2).clamp(1, MOST_THREADS)));
        command.arg(input_name(path));
        let start = |command| {
            let mut process = Process::start_fed(command)?;
            process.write(&matroska::head(size))?;
            Ok(process)
        };
        let process = start(command).map_err(|error: io::Error| {
            let _ = std::fs::remove_file(path);
            FilmError::NoFfmpeg(format!("it cannot be started ({error})"))
        })?;
        let shortest_ms = format.shortest_ms();
        Ok(Self { path: path.into(), size, process, shortest_ms, last_ms: None, pictures: 0 })
    }

    /// Adds a picture that is shown from this millisecond of the file on; not where the last one began just before.
    ///
    /// # Errors
    /// Where ffmpeg takes no more.
    pub fn add(&mut self, milliseconds: u64, rgba: &[u8]) -> io::Result<bool> {
        if self.last_ms.is_some_and(|last| milliseconds < last + self.shortest_ms) {
            return Ok(false);
        }
        self.process.write(&matroska::before_picture(milliseconds, rgba.len()))?;
        self.process.write(rgba)?;
        self.last_ms = Some(milliseconds);
        self.pictures += 1;
        Ok(true)
    }

    /// Has the last picture, which came before, stay until this millisecond.
    ///
    /// # Errors
    /// As [`Self::add`].
    pub fn stay(&mut self, milliseconds: u64, rgba: &[u8]) -> io::Result<()> {
        self.pictures -= u64::from(self.add(milliseconds, rgba)?);
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// Where ffmpeg says that something went wrong: what until then was written plays. A file without a picture is removed.
    pub fn end(self) -> Result<(), FilmError> {
        let Self { path, process, pictures, .. } = self;
        let ending = process.finish();
        let is_empty = std::fs::metadata(&path).is_ok_and(|about| about.len() == 0);
        if is_empty || pictures == 0 {
            let _ = std::fs::remove_file(&path);
        }
        match ending.complaint.filter(|_| !ending.succeeded) {
            Some(complaint) => Err(FilmError::Ended { path, reason: reason(&complaint) }),
            None => Ok(()),
        }
    }
}

/// What ffmpeg complained about, for the user.
fn reason(complaint: &str) -> String {
    match complaint.contains("No space left") {
        true => "the disk is full: make room and record again".into(),
        false => format!("ffmpeg stopped ({complaint})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_named() {
        assert!(reason("av_interleaved_write_frame(): No space left on device").contains("disk is full"));
        assert!(reason("ffmpeg ended with signal: 9").contains("signal: 9"));
    }
}
