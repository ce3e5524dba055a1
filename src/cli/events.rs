//! `--tensorboard DIR`

use std::path::Path;

use crate::record::tensorboard::{EventError, EventWriter};

/// A writer, where a folder was named.
pub fn open(folder: Option<&Path>) -> Result<Option<EventWriter>, EventError> {
    folder.map(EventWriter::create).transpose()
}

/// Ends the file and tells how to look at it.
pub fn close(events: Option<EventWriter>) -> Result<(), EventError> {
    if let Some(events) = events {
        let path = events.finish()?;
        eprintln!("convscope: {} (`tensorboard --logdir` its folder shows it)", path.display());
    }
    Ok(())
}
