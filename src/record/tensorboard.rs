//! TensorBoard event files: scalars, histograms and pictures by tag and step. Any one thread writes a file.
//!
//! A file is a row of TFRecords, each an `Event` of tensorflow's event.proto. Values are written in the old style
//! (`simple_value`, `histo`, `image` of summary.proto), which needs no tensors and no plugin metadata and which
//! TensorBoard turns into the new style as it reads (its data_compat.py).
//!
//! Each recording wants a folder of its own, which TensorBoard calls a run: where two files of a folder share a tag,
//! the later one's steps displace the earlier one's. Of a long series it shows a sample: 1000 scalars, 51 histograms
//! and 10 pictures a tag; `tensorboard --samples_per_plugin scalars=N,images=N` raises two of them.

mod message;

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use message::{Content, Event, Histogram, Image, Summary, Value, What, record};

/// Version 2 of the format, as tensorflow and TensorBoard write it.
const FILE_VERSION: &str = "brain.Event:2";

/// Files that may begin in the same second, process and folder.
const MAX_SAME_NAME: u32 = 10_000;

/// Why something is not in the event file.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The disk said no. The file may end in half a record; TensorBoard reads up to there.
    #[error("the TensorBoard file {} could not be written: {source}; choose another folder", path.display())]
    Disk {
        /// The file or its folder.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The picture cannot be a PNG. Nothing was written.
    #[error(
        "the picture `{tag}` of {width} × {height} pixels could not be encoded: {reason}; give it another size"
    )]
    Picture {
        /// Tag of the picture.
        tag: String,
        /// Pixels.
        width: u32,
        /// Pixels.
        height: u32,
        /// What the encoder said.
        reason: String,
    },
    /// TensorBoard takes a step that does not grow for a training run that started again, and drops what came
    /// before. Nothing was written.
    #[error(
        "step {step} of `{tag}` comes after step {last}, and TensorBoard would drop that one; count upwards"
    )]
    Step {
        /// Tag of the series.
        tag: String,
        /// The step refused.
        step: i64,
        /// The last one written.
        last: i64,
    },
    /// TensorBoard decides by the first value of a tag what the tag is, and drops all others. Nothing was written.
    #[error(
        "`{tag}` cannot be the tag of a {kind} too, it is the tag of a {known} already; choose another tag"
    )]
    Kind {
        /// Tag of the series.
        tag: String,
        /// What was to be written: `scalar`, `histogram` or `picture`.
        kind: &'static str,
        /// What the tag is.
        known: &'static str,
    },
}

/// One event file. Each value is on its way to the disk when its method returns; dropping the writer loses nothing.
#[derive(Debug)]
pub struct EventWriter {
    file: File,
    path: PathBuf,
    /// Kind and last step by tag.
    series: HashMap<String, (&'static str, i64)>,
}

impl EventWriter {
    /// Starts a file in a new folder inside `folder`, named by `what` and the time: a run of its own.
    ///
    /// # Errors
    /// [`EventError::Disk`].
    pub fn create_run(folder: &Path, what: &str) -> Result<Self, EventError> {
        let run = format!("{what}-{}", jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S%.3f"));
        Self::create(&folder.join(run))
    }

    /// Starts `events.out.tfevents.<unix seconds>.convscope.<process id>.<number>` in `folder`, which is made
    /// where it is missing. An existing file is never touched.
    ///
    /// # Errors
    /// [`EventError::Disk`].
    pub fn create(folder: &Path) -> Result<Self, EventError> {
        let disk = |path: &Path, source| EventError::Disk { path: path.to_path_buf(), source };
        fs::create_dir_all(folder).map_err(|source| disk(folder, source))?;
        let (seconds, process) = (since_epoch().as_secs(), std::process::id());
        for number in 0..MAX_SAME_NAME {
            // TensorBoard knows an event file by `tfevents` in its name, and reads a folder's files in order of name.
            let path = folder.join(format!("events.out.tfevents.{seconds:010}.convscope.{process}.{number}"));
            match File::create_new(&path) {
                Ok(file) => {
                    let mut writer = Self { file, path, series: HashMap::new() };
                    writer.write(0, What::FileVersion(FILE_VERSION.into()))?;
                    return Ok(writer);
                }
                Err(source) if source.kind() == ErrorKind::AlreadyExists => {}
                Err(source) => return Err(disk(&path, source)),
            }
        }
        Err(disk(folder, ErrorKind::AlreadyExists.into()))
    }

    /// Writes a number, which may be NaN or infinite. `/` in a tag makes groups. Steps start at 0 or above and
    /// grow within a tag; a tag belongs to one kind of value.
    ///
    /// # Errors
    /// [`EventError::Disk`], [`EventError::Step`], [`EventError::Kind`].
    pub fn scalar(&mut self, tag: &str, step: i64, value: f32) -> Result<(), EventError> {
        self.write_value(tag, step, Content::SimpleValue(value))
    }

    /// Writes how values are distributed: 30 buckets of equal width from the least to the greatest, the buckets of
    /// TensorBoard's own `histogram` (tensorboard/plugins/histogram/summary_v2.py). NaN and infinite values are left
    /// out; returns how many. Of no values it writes an empty histogram. Tag and step as in [`Self::scalar`].
    ///
    /// # Errors
    /// [`EventError::Disk`], [`EventError::Step`], [`EventError::Kind`].
    pub fn histogram(&mut self, tag: &str, step: i64, values: &[f32]) -> Result<usize, EventError> {
        let finite: Vec<f64> =
            values.iter().filter(|value| value.is_finite()).map(|v| f64::from(*v)).collect();
        self.write_value(tag, step, Content::Histo(Histogram::of(&finite)))?;
        Ok(values.len() - finite.len())
    }

    /// Writes a picture, encoded as PNG. Tag and step as in [`Self::scalar`].
    ///
    /// # Errors
    /// [`EventError::Picture`] where it has no pixels, and [`EventError::Disk`], [`EventError::Step`],
    /// [`EventError::Kind`].
    pub fn image(&mut self, tag: &str, step: i64, picture: &image::RgbImage) -> Result<(), EventError> {
        let image = Image::of(picture).map_err(|reason| {
            let (width, height) = picture.dimensions();
            EventError::Picture { tag: tag.into(), width, height, reason }
        })?;
        self.write_value(tag, step, Content::Image(image))
    }

    /// Waits until everything is on the disk. Returns the file's path.
    ///
    /// # Errors
    /// [`EventError::Disk`].
    pub fn finish(self) -> Result<PathBuf, EventError> {
        match self.file.sync_all() {
            Ok(()) => Ok(self.path),
            Err(source) => Err(EventError::Disk { path: self.path, source }),
        }
    }

    fn write_value(&mut self, tag: &str, step: i64, content: Content) -> Result<(), EventError> {
        let kind = content.kind();
        match self.series.get(tag) {
            Some(&(known, _)) if known != kind => {
                return Err(EventError::Kind { tag: tag.into(), kind, known });
            }
            Some(&(_, last)) if step <= last => return Err(EventError::Step { tag: tag.into(), step, last }),
            _ => {}
        }
        let value = Value { tag: tag.into(), content: Some(content) };
        self.write(step, What::Summary(Summary { values: vec![value] }))?;
        self.series.insert(tag.into(), (kind, step));
        Ok(())
    }

    /// One call to the system a record: a TensorBoard that watches sees whole records, and nothing waits in a buffer
    /// that an interrupted process would lose.
    fn write(&mut self, step: i64, what: What) -> Result<(), EventError> {
        let event = Event { wall_time: since_epoch().as_secs_f64(), step, what: Some(what) };
        let written = self.file.write_all(&record(&event));
        written.map_err(|source| EventError::Disk { path: self.path.clone(), source })
    }
}

fn since_epoch() -> Duration {
    // A clock before 1970 is wrong by more than this says.
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tensorboard_would_drop_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut writer = EventWriter::create(folder.path()).unwrap();
        writer.scalar("loss", 3, 1.0).unwrap();
        writer.scalar("other", 0, 1.0).unwrap();
        let path = writer.path.clone();
        let length = || fs::metadata(&path).unwrap().len();
        let before = length();
        let picture = image::RgbImage::new(2, 2);
        let step = writer.scalar("loss", 3, 2.0);
        assert!(matches!(step, Err(EventError::Step { step: 3, last: 3, .. })));
        assert!(matches!(writer.image("loss", 4, &picture), Err(EventError::Kind { known: "scalar", .. })));
        let none = image::RgbImage::new(0, 2);
        assert!(matches!(writer.image("none", 0, &none), Err(EventError::Picture { height: 2, .. })));
        assert_eq!(length(), before);
        writer.scalar("loss", 4, 2.0).unwrap();
        assert_eq!(writer.histogram("h", 0, &[1.0, f32::NAN, f32::NEG_INFINITY]).unwrap(), 2);
        assert!(length() > before);
    }

    #[test]
    fn nothing_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("runs/first");
        let paths: Vec<PathBuf> = (0..3)
            .map(|number| {
                let mut writer = EventWriter::create(&inner).unwrap();
                writer.scalar("number", number, 0.0).unwrap();
                writer.finish().unwrap()
            })
            .collect();
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 3);
        assert!(paths.is_sorted() && paths.iter().all(|path| path.exists()));
        // A file where a folder should be.
        assert!(matches!(EventWriter::create(&paths[0]), Err(EventError::Disk { .. })));
    }
}
