//! Which files of a training are new and whole.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// A file that has not changed for so long is whole.
const SETTLED: Duration = Duration::from_secs(1);

/// Folders below the one that is followed: some trainings make one for each checkpoint.
const MOST_DEEP: usize = 2;

/// Files that are looked at, at most.
const MOST_FILES: usize = 10_000;

/// How the names of weights end, in small letters.
const ENDINGS: [&str; 10] =
    ["keras", "h5", "hdf5", "pth", "pt", "ckpt", "safetensors", "onnx", "pdparams", "bin"];

/// What trainings keep beside the weights.
const OTHERS: [&str; 4] = ["optimizer", "scheduler", "rng_state", "training_args"];

/// When a file was changed, and how long it is.
type Stamp = (SystemTime, u64);

/// Looks for files that a training writes: one that is written again and again, or all those of a folder.
#[derive(Debug)]
pub struct Watch {
    path: PathBuf,
    /// Files that were given, as they were.
    given: HashMap<PathBuf, Stamp>,
    /// Files that are new, as they were when they were seen so first.
    waiting: HashMap<PathBuf, (Stamp, Instant)>,
}

impl Watch {
    /// Nothing was given yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.into(), given: HashMap::new(), waiting: HashMap::new() }
    }

    /// Files that are new and whole, the oldest first.
    pub fn look(&mut self) -> Vec<PathBuf> {
        let mut files = vec![];
        match self.path.is_dir() {
            true => list(&self.path, 0, &mut files),
            false => files.extend(stamp(&self.path).map(|stamp| (self.path.clone(), stamp))),
        }
        self.settle(files, Instant::now())
    }

    fn settle(&mut self, files: Vec<(PathBuf, Stamp)>, now: Instant) -> Vec<PathBuf> {
        let mut whole: Vec<(Stamp, PathBuf)> = vec![];
        self.waiting.retain(|path, _| files.iter().any(|(known, _)| known == path));
        for (path, stamp) in files {
            if self.given.get(&path) == Some(&stamp) || stamp.1 == 0 {
                continue;
            }
            let (seen, since) = self.waiting.entry(path.clone()).or_insert((stamp, now));
            if *seen != stamp {
                (*seen, *since) = (stamp, now);
            } else if now.duration_since(*since) >= SETTLED {
                whole.push((stamp, path));
            }
        }
        whole.sort();
        for (stamp, path) in &whole {
            self.waiting.remove(path);
            self.given.insert(path.clone(), *stamp);
        }
        whole.into_iter().map(|(_, path)| path).collect()
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let about = fs::metadata(path).ok()?;
    about.is_file().then(|| Some((about.modified().ok()?, about.len())))?
}

fn list(folder: &Path, depth: usize, files: &mut Vec<(PathBuf, Stamp)>) {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        if files.len() == MOST_FILES {
            return;
        }
        if path.is_dir() {
            if depth < MOST_DEEP && !is_hidden(&path) {
                list(&path, depth + 1, files);
            }
        } else if is_weights(&path) {
            files.extend(stamp(&path).map(|stamp| (path, stamp)));
        }
    }
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_none_or(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// By its name.
fn is_weights(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
    let is_other = OTHERS.iter().any(|other| name.starts_with(other)) || name.contains(".tmp");
    ENDINGS.contains(&ending) && !is_hidden(path) && !is_other
}

/// What a checkpoint is called: in a folder by its path there.
pub fn name_of(path: &Path, followed: &Path) -> String {
    let within = path.strip_prefix(followed).ok().filter(|within| !within.as_os_str().is_empty());
    let name = within.or_else(|| path.file_name().map(Path::new)).unwrap_or(path);
    name.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_given_once_it_is_still_and_again_when_it_has_changed() {
        let mut watch = Watch::new(Path::new("x"));
        let start = Instant::now();
        let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut look = |files: &[(&str, u64, u64)], after: f64| {
            let files = files.iter().map(|(name, time, size)| (PathBuf::from(name), (at(*time), *size)));
            let whole = watch.settle(files.collect(), start + Duration::from_secs_f64(after));
            whole.iter().map(|path| path.display().to_string()).collect::<Vec<_>>()
        };
        assert_eq!(look(&[("a", 5, 10)], 0.0), [""; 0]);
        // It grows, and then stands still.
        assert_eq!(look(&[("a", 5, 20)], 0.9), [""; 0]);
        assert_eq!(look(&[("a", 5, 20), ("b", 3, 9)], 1.5), [""; 0]);
        assert_eq!(look(&[("a", 5, 20), ("b", 3, 9)], 2.6), ["b", "a"]);
        assert_eq!(look(&[("a", 5, 20), ("b", 3, 9)], 9.0), [""; 0]);
        // Written again, of the same length.
        assert_eq!(look(&[("a", 7, 20)], 10.0), [""; 0]);
        assert_eq!(look(&[("a", 7, 20)], 11.1), ["a"]);
        // Nothing yet, or gone.
        assert_eq!(look(&[("c", 8, 0)], 12.0), [""; 0]);
        assert_eq!(look(&[("c", 8, 0)], 14.0), [""; 0]);
        assert_eq!(look(&[], 15.0), [""; 0]);
        assert_eq!(look(&[("c", 8, 5)], 16.0), [""; 0], "it begins anew");
    }

    #[test]
    fn weights_are_told_by_their_names() {
        for name in ["epoch-01.keras", "model.weights.h5", "step=5.CKPT", "a.pt", "model.safetensors"] {
            assert!(is_weights(Path::new(name)), "{name}");
        }
        for name in
            [".a.keras", "a.keras.tmp123", "optimizer.pt", "log.txt", "keras", "a.tmp.h5", "scheduler.pt"]
        {
            assert!(!is_weights(Path::new(name)), "{name}");
        }
    }
}
