//! `--tensorboard DIR`

use std::path::Path;

use crate::record::{EventError, EventWriter};

/// A writer, where a folder was named. Each run has its own folder in it, as TensorBoard wants: two files with the
/// same tags in one folder would push each other's values out.
pub fn open(folder: Option<&Path>, command: &str) -> Result<Option<EventWriter>, EventError> {
    let run = format!("{command}-{}", jiff::Zoned::now().strftime("%Y-%m-%dT%H-%M-%S%.3f"));
    folder.map(|folder| EventWriter::create(&folder.join(run))).transpose()
}

/// Ends the file and tells where it is.
pub fn close(events: Option<EventWriter>) -> Result<(), EventError> {
    if let Some(events) = events {
        eprintln!("convscope: {}", events.finish()?.display());
    }
    Ok(())
}
