//! Ranges that a snapshot held, so that another run can hold them too.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// Ranges that were held, in `snapshot.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LockedRanges {
    /// Smallest and largest value of each channel of the layer, then of the layer.
    pub ends: Vec<[f32; 2]>,
    /// The values below which 1 % and 99 % of each channel's lie, where they were asked for.
    pub percentiles: Option<Vec<[f32; 2]>>,
}

/// What `--lock` reads of a `snapshot.json`.
#[derive(Clone, Debug, Deserialize)]
struct LockFile {
    layer: LockedLayer,
    locked_ranges: Option<Vec<LockedRanges>>,
}

#[derive(Clone, Debug, Deserialize)]
struct LockedLayer {
    index: usize,
    shape: [usize; 3],
}

/// Why ranges could not be taken from a snapshot.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}; --lock takes the snapshot.json of a snapshot whose ranges were locked", path.display())]
pub struct LockError {
    path: PathBuf,
    reason: String,
}

/// The ranges that a snapshot held: of which layer, and of each version that was shown.
///
/// # Errors
/// [`LockError`] where the file cannot be read or holds none.
pub fn read_locked_ranges(path: &Path) -> Result<(usize, Vec<LockedRanges>), LockError> {
    let error = |reason: String| LockError { path: path.into(), reason };
    let bytes = fs::read(path).map_err(|source| error(source.to_string()))?;
    let file: LockFile = serde_json::from_slice(&bytes).map_err(|source| error(source.to_string()))?;
    let ranges = file.locked_ranges.ok_or_else(|| error("it holds no locked ranges".into()))?;
    let channels = file.layer.shape[0];
    let fits = |one: &LockedRanges| {
        one.ends.len() == channels + 1
            && one.percentiles.as_ref().is_none_or(|all| all.len() == channels)
            && one.ends.iter().all(|[low, high]| low <= high)
    };
    if ranges.is_empty() || !ranges.iter().all(fits) {
        return Err(error(format!("its locked ranges are not those of {channels} channels and their layer")));
    }
    Ok((file.layer.index, ranges))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(usize, Vec<LockedRanges>), String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("snapshot.json");
        fs::write(&path, text).unwrap();
        read_locked_ranges(&path).map_err(|error| error.to_string())
    }

    #[test]
    fn only_ranges_that_fit_their_layer_are_taken() {
        let of = |ranges: &str| {
            format!(r#"{{"layer": {{"index": 7, "shape": [2, 3, 3]}}, "locked_ranges": {ranges}}}"#)
        };
        let (layer, ranges) =
            read(&of(r#"[{"ends": [[0, 1], [-2, 2.5], [-2, 2.5]], "percentiles": null}]"#)).unwrap();
        assert_eq!((layer, ranges[0].ends[1], ranges[0].percentiles.is_none()), (7, [-2.0, 2.5], true));
        for (text, part) in [
            ("", "EOF"),
            ("{}", "missing field `layer`"),
            (&of("null"), "it holds no locked ranges"),
            (&of("[]"), "not those of 2 channels"),
            (&of(r#"[{"ends": [[0, 1]], "percentiles": null}]"#), "not those of 2 channels"),
            (&of(r#"[{"ends": [[1, 0], [0, 1], [0, 1]], "percentiles": null}]"#), "not those of 2 channels"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part) && error.contains("--lock takes"), "{error}");
        }
    }
}
