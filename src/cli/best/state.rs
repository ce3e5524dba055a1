//! What a run that is not at its end has found: in the cache folder, under everything that it depends on.

use std::fs;
use std::path::PathBuf;

use sha2::{Digest, Sha256};

use crate::cli::args::PictureArgs;
use crate::cli::share::Progress;
use crate::engine::Placement;
use crate::folders;
use crate::record::best::BestPart;
use crate::record::{Existing, SaveError, save};
use crate::source::{SourceSpec, still};

/// Where a run is kept.
pub struct State {
    /// `None` where there is no place for it.
    path: Option<PathBuf>,
}

impl State {
    /// Of a run that begins so. Where pictures have changed since, it is another one.
    pub fn of(part: &BestPart<Progress>, pictures: &PictureArgs, placement: Placement) -> Self {
        let mut digest = Sha256::new();
        // A run from elsewhere, with the same names, has pictures of its own.
        digest.update(std::env::current_dir().unwrap_or_default().as_os_str().as_encoded_bytes());
        digest.update(serde_json::to_vec(part).unwrap_or_default());
        digest.update(placement.name());
        for spec in &pictures.paths {
            if let SourceSpec::Path(path) = spec {
                digest.update(still::fingerprint(path));
            }
        }
        let key: String = digest.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        Self { path: folders::cache().map(|cache| cache.join("best").join(format!("{key}.json"))) }
    }

    /// How far it has come. A file that is damaged is as good as none.
    pub fn find(&self, new: &BestPart<Progress>) -> Option<BestPart<Progress>> {
        let found: BestPart<Progress> = serde_json::from_slice(&fs::read(self.path.as_ref()?).ok()?).ok()?;
        let is_same = found.is_alike(new) && found.progress.shard == new.progress.shard;
        is_same.then_some(found)
    }

    /// Keeps how far it has come.
    ///
    /// # Errors
    /// [`SaveError`].
    pub fn keep(&self, part: &BestPart<Progress>) -> Result<(), SaveError> {
        let (Some(path), Ok(bytes)) = (&self.path, serde_json::to_vec(part)) else { return Ok(()) };
        save(path, &bytes, Existing::Replace)
    }

    /// True where it is kept.
    pub fn is_kept(&self) -> bool {
        self.path.as_ref().is_some_and(|path| path.exists())
    }

    /// It is at its end.
    pub fn forget(&self) {
        // It may not be there.
        self.path.as_ref().map(fs::remove_file);
    }
}

/// `1 picture`, `2 pictures`.
pub fn pictures(count: u64) -> String {
    if count == 1 { "1 picture".into() } else { format!("{count} pictures") }
}
