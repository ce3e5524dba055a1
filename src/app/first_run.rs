//! Whether somebody has used the window before, so that the first keys are shown only once.

use std::fs;
use std::path::PathBuf;

use crate::folders;

/// An empty file in the cache folder.
fn mark() -> Option<PathBuf> {
    Some(folders::cache()?.join("keys-seen"))
}

/// True until [`remember`] has been called once on this machine by this user.
pub fn is_first() -> bool {
    mark().is_none_or(|mark| !mark.exists())
}

/// From now on the first keys are known.
pub fn remember() {
    let Some(mark) = mark() else { return };
    let written = mark.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&mark, ""));
    // They are shown once more then.
    if let Err(error) = written {
        tracing::debug!("{}: {error}", mark.display());
    }
}
