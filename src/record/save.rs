//! One file onto the disk: whole or not at all, and never silently over another.

use std::io::Write;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What becomes of a file that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and saving is an error.
    #[default]
    Keep,
    /// It is replaced, at once.
    Replace,
}

/// Why a file was not written.
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// There is one of this name.
    #[error("{} exists already: name another file, or say `--overwrite`", .0.display())]
    Exists(PathBuf),
    /// A folder of its path is none.
    #[error("{} could not be written: a part of its path is a file, not a folder", .0.display())]
    UnderFile(PathBuf),
    /// The disk said no.
    #[error("{} could not be written: {source}", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
}

/// Most bytes of a layer's name in the name of a file.
const LONGEST_NAME: usize = 100;

/// A layer's name as a part of a file's: what file systems take for something else becomes `_`.
pub fn file_name(layer: &str) -> String {
    let is_safe = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ' | '(' | ')' | '+');
    let safe = layer.chars().map(|c| if is_safe(c) { c } else { '_' });
    let mut name = String::new();
    for c in safe {
        if name.len() + c.len_utf8() > LONGEST_NAME {
            break;
        }
        name.push(c);
    }
    name
}

/// Writes a file under a temporary name beside it, then gives it its own. The folder is made where it is missing.
///
/// # Errors
/// [`SaveError`]; nothing is left behind.
pub fn save(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), SaveError> {
    let disk = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::AlreadyExists | std::io::ErrorKind::NotADirectory => {
            SaveError::UnderFile(path.into())
        }
        _ => SaveError::Disk { path: path.into(), source },
    };
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).map_err(disk)?;
    if existing == Existing::Keep && path.exists() {
        return Err(SaveError::Exists(path.into()));
    }
    let mut file = temporary(folder).map_err(disk)?;
    file.write_all(bytes).map_err(disk)?;
    match existing {
        Existing::Replace => file.persist(path).map_err(|error| disk(error.error))?,
        Existing::Keep => file.persist_noclobber(path).map_err(|error| match error.error.kind() {
            std::io::ErrorKind::AlreadyExists => SaveError::Exists(path.into()),
            _ => disk(error.error),
        })?,
    };
    Ok(())
}

/// A temporary file, readable for whoever may read new files of this user (the library's are for their owner alone).
fn temporary(folder: &Path) -> std::io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(folder)
}

/// Endings of numbered pictures.
const STILL_ENDINGS: [&str; 2] = ["png", "jpg"];

/// `folder/stem-1.ending`, `folder/stem-2.ending`, …: writes to the first name that is free.
///
/// # Errors
/// [`SaveError::Disk`].
pub fn save_numbered(folder: &Path, stem: &str, ending: &str, bytes: &[u8]) -> Result<PathBuf, SaveError> {
    for number in 1_u64.. {
        let named = |ending: &str| folder.join(format!("{stem}-{number:04}.{ending}"));
        // A number is taken by a picture of any format.
        if STILL_ENDINGS.iter().any(|other| named(other).exists()) {
            continue;
        }
        let path = named(ending);
        match save(&path, bytes, Existing::Keep) {
            Ok(()) => return Ok(path),
            Err(SaveError::Exists(_)) => {}
            Err(error) => return Err(error),
        }
    }
    Err(SaveError::Exists(folder.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_layers_make_no_folders() {
        assert_eq!(file_name("block/conv:0 (1)\\x"), "block_conv_0 (1)_x");
        assert_eq!(file_name("features.0.0"), "features.0.0");
        assert_eq!(file_name(&"ä".repeat(99)).len(), LONGEST_NAME);
    }

    #[test]
    fn nothing_is_overwritten_unless_asked_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.txt");
        save(&path, b"one", Existing::Keep).unwrap();
        assert!(matches!(save(&path, b"two", Existing::Keep), Err(SaveError::Exists(_))));
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        save(&path, b"two", Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        assert!(matches!(
            save(&path.join("under a file"), b"", Existing::Keep),
            Err(SaveError::UnderFile(_))
        ));
        assert_eq!(std::fs::read_dir(folder.path().join("new")).unwrap().count(), 1);
    }

    #[test]
    fn numbers_go_on_where_they_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let name = |path: PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
        for expected in ["still-0001.png", "still-0002.png"] {
            assert_eq!(name(save_numbered(folder.path(), "still", "png", b"x").unwrap()), expected);
        }
    }
}
