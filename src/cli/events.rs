//! `--tensorboard DIR`

use std::path::Path;

use crate::record::{EventError, EventWriter};

/// A writer, where a folder was named.
pub fn open(folder: Option<&Path>, command: &str) -> Result<Option<EventWriter>, EventError> {
    folder.map(|folder| EventWriter::create_run(folder, command)).transpose()
}

/// Ends the file and tells where it is.
pub fn close(events: Option<EventWriter>) -> Result<(), EventError> {
    if let Some(events) = events {
        eprintln!("convscope: {}", events.finish()?.display());
    }
    Ok(())
}
