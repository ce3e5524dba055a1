//! Files that pages send: into a folder of ours, under names of ours, within limits.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tempfile::TempDir;

/// Most bytes of a file.
pub const MOST_BYTES: u64 = 1 << 30;

/// Files that are kept; the oldest go.
const MOST_FILES: usize = 4;

/// Longest ending of a name that is kept.
const LONGEST_ENDING: usize = 12;

/// Where files go. Dropping it removes them.
pub struct Uploads {
    folder: TempDir,
    count: AtomicU64,
    whole: Mutex<VecDeque<PathBuf>>,
}

impl Uploads {
    pub fn new() -> io::Result<Self> {
        let folder = tempfile::Builder::new().prefix("convscope-").tempdir()?;
        Ok(Self { folder, count: AtomicU64::new(0), whole: Mutex::default() })
    }

    /// Begins a file. Of its name nothing is kept but the ending.
    ///
    /// # Errors
    /// One sentence.
    pub fn begin(&self, name: &str, size: u64) -> Result<Upload, String> {
        if size == 0 || size > MOST_BYTES {
            return Err(format!("a file may have up to {} MB, and not none", MOST_BYTES >> 20));
        }
        let number = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let path = self.folder.path().join(format!("dropped-{number}{}", ending(name)));
        let file =
            File::create_new(&path).map_err(|error| format!("the file cannot be written here: {error}"))?;
        Ok(Upload { file: Some(file), path, left: size, is_whole: false })
    }

    /// A file is whole: it is kept for a while.
    pub fn keep(&self, mut upload: Upload) -> PathBuf {
        (upload.is_whole, upload.file) = (true, None);
        let path = upload.path.clone();
        let mut whole = self.whole.lock().unwrap_or_else(PoisonError::into_inner);
        whole.push_back(path.clone());
        if whole.len() > MOST_FILES
            && let Some(old) = whole.pop_front()
        {
            // One that is shown has been read, or is open.
            let _ = std::fs::remove_file(old);
        }
        path
    }
}

/// `.png` of `../../cat.PNG`; nothing of what is no usual ending.
fn ending(name: &str) -> String {
    let name = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let parts: Vec<&str> = name.split('.').collect();
    // `model.weights.h5` is told by both.
    let from = match parts.len() {
        0 | 1 => return String::new(),
        count if count > 2 && parts[count - 2] == "weights" => count - 2,
        count => count - 1,
    };
    let ending = parts[from..].join(".");
    let is_usual = ending.len() <= LONGEST_ENDING
        && !ending.is_empty()
        && ending.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.');
    if is_usual { format!(".{ending}") } else { String::new() }
}

/// A file that is being written; removed unless it becomes whole.
pub struct Upload {
    file: Option<File>,
    path: PathBuf,
    left: u64,
    is_whole: bool,
}

impl Upload {
    /// Adds a part; true once it is whole.
    ///
    /// # Errors
    /// Where more comes than was said, or the disk is full: one sentence.
    pub fn add(&mut self, part: &[u8]) -> Result<bool, String> {
        let Some(left) = self.left.checked_sub(part.len() as u64) else {
            return Err("more came than was said".into());
        };
        let file = self.file.as_mut().ok_or("the file is closed")?;
        file.write_all(part).map_err(|error| format!("the file cannot be written here: {error}"))?;
        self.left = left;
        Ok(left == 0)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.is_whole {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ours_and_only_endings_are_theirs() {
        for (name, expected) in [
            ("cat.png", ".png"),
            ("../../etc/cat.PNG", ".PNG"),
            ("a\\b\\c.weights.h5", ".weights.h5"),
            ("x.tar.gz", ".gz"),
            ("none", ""),
            ("a./../b", ""),
            ("a.b\0c", ""),
            ("a.averyveryverylongending", ""),
            (".", ""),
        ] {
            assert_eq!(ending(name), expected, "{name}");
        }
        let uploads = Uploads::new().unwrap();
        let mut upload = uploads.begin("../../x.png", 5).unwrap();
        assert!(!upload.add(b"abc").unwrap());
        assert!(upload.add(b"more").is_err() && upload.add(b"de").unwrap());
        let path = uploads.keep(upload);
        assert!(path.starts_with(uploads.folder.path()) && path.ends_with("dropped-1.png"));
        assert_eq!(std::fs::read(&path).unwrap(), b"abcde");
    }

    #[test]
    fn what_is_not_whole_goes_and_so_do_old_files() {
        let uploads = Uploads::new().unwrap();
        assert!(uploads.begin("a", MOST_BYTES + 1).is_err() && uploads.begin("a", 0).is_err());
        drop(uploads.begin("a.png", 9).unwrap());
        assert_eq!(std::fs::read_dir(uploads.folder.path()).unwrap().count(), 0);
        let all: Vec<_> = (0..6)
            .map(|_| {
                let mut upload = uploads.begin("a.png", 1).unwrap();
                upload.add(b"x").unwrap();
                uploads.keep(upload)
            })
            .collect();
        assert_eq!(
            all.iter().map(|path| path.exists()).collect::<Vec<_>>(),
            [false, false, true, true, true, true]
        );
    }
}
