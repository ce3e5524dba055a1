//! Pictures that come through a pipe (`-`, `/dev/stdin`, `<(…)`): saved to a file while they are read, for decoders go back and
//! forth in them.

use std::fs::{File, Metadata};
use std::io::{self, IsTerminal, Read};
use std::path::Path;

use tempfile::NamedTempFile;

use super::frame_source::SourceError;
use super::video;

/// Most bytes that are taken from a pipe.
const MOST_BYTES: u64 = 256 << 20;

/// The name of what comes on standard input.
pub(super) const STANDARD_INPUT: &str = "-";

/// What the picture is called.
pub(super) fn name_of(path: &Path) -> &'static str {
    let is_input = [STANDARD_INPUT, "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"]
        .iter()
        .any(|name| path == Path::new(name));
    if is_input { "stdin" } else { "pipe" }
}

/// True of named pipes.
pub(super) fn is_pipe(about: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::FileTypeExt::is_fifo(&about.file_type());
    #[cfg(not(unix))]
    return false;
}

/// Has `read` read what comes through a pipe, out of a file that is gone afterwards.
///
/// # Errors
/// What `read` says; [`SourceError::File`] where nothing comes, more than 256 MiB, or a video.
pub(super) fn read<T>(
    path: &Path,
    read: impl FnOnce(&Path) -> Result<T, SourceError>,
) -> Result<T, SourceError> {
    let file = save(path)?;
    if video::container_of(file.path()).is_some() {
        return Err(SourceError::file(path, "a video came: save it to a file and name that"));
    }
    // Sentences name the file, and commands in them.
    let saved = file.path().to_string_lossy();
    read(file.path()).map_err(|error| match error {
        SourceError::File { reason, .. } => SourceError::file(path, reason.replace(&*saved, "FILE")),
        other => other,
    })
}

fn save(path: &Path) -> Result<NamedTempFile, SourceError> {
    let failed = |error: io::Error| SourceError::unreadable(path, &error);
    let mut file = NamedTempFile::new().map_err(failed)?;
    let length = if path == Path::new(STANDARD_INPUT) {
        let input = io::stdin();
        if input.is_terminal() {
            return Err(SourceError::file(
                path,
                "standard input is the keyboard: put a picture in (`< cat.jpg`)",
            ));
        }
        io::copy(&mut input.lock().take(MOST_BYTES + 1), &mut file)
    } else {
        File::open(path).and_then(|pipe| io::copy(&mut pipe.take(MOST_BYTES + 1), &mut file))
    };
    match length.map_err(failed)? {
        0 => Err(SourceError::file(path, "nothing came: what was to give a picture gave none")),
        length if length > MOST_BYTES => {
            Err(SourceError::file(path, "more than 256 MiB came: save it to a file and name that"))
        }
        _ => Ok(file),
    }
}
