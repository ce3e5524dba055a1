//! The cache folder: finished pictures, and what is needed to go on with the others.

use std::fs;
use std::path::PathBuf;

use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

use super::file::Preferred;
use crate::folders;
use crate::model::{Graph, Unit};
use crate::prefer::{Growth, Settings};
use crate::record::{Existing, SaveError, save, tensors};
use crate::weights::{Origin, Weights};

/// Goes up when the same settings give another picture.
const RECIPE: u32 = 2;

/// Where pictures are kept.
#[derive(Clone, Debug)]
pub struct PreferredStore {
    /// `None`: nothing is kept.
    folder: Option<PathBuf>,
}

/// What tells a picture from all others: the network with its parameters, the units and the settings.
pub fn key(graph: &Graph, weights: &Weights, units: &[Unit], settings: &Settings) -> String {
    let parameters = match &weights.origin {
        Origin::File { sha256, .. } | Origin::Embedded { sha256 } => sha256.clone(),
        Origin::Untrained { seed } => format!("seed {seed}"),
    };
    let version = env!("CARGO_PKG_VERSION");
    let conventions = weights.conventions;
    let all =
        format!("{RECIPE} {version} {parameters} {conventions:?} {units:?} {settings:?} {:?}", graph.nodes);
    Sha256::digest(all).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

impl PreferredStore {
    /// In the cache folder of this platform; nothing is kept where there is none.
    pub fn in_cache() -> Self {
        Self { folder: folders::cache().map(|cache| cache.join("preferred")) }
    }

    /// In this folder.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    fn path(&self, key: &str, ending: &str) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(format!("{key}.{ending}")))
    }

    /// A finished picture. A file that is damaged is as good as none.
    pub fn find(&self, key: &str) -> Option<Preferred> {
        Preferred::from_png(&fs::read(self.path(key, "png")?).ok()?)
    }

    /// How far a picture had grown.
    pub fn unfinished(&self, key: &str) -> Option<Vec<(String, Vec<f32>)>> {
        let bytes = fs::read(self.path(key, "safetensors")?).ok()?;
        let file = SafeTensors::deserialize(&bytes).ok()?;
        let values = |data: &[u8]| bytemuck::pod_collect_to_vec::<u8, f32>(data);
        Some(file.tensors().into_iter().map(|(name, view)| (name, values(view.data()))).collect())
    }

    /// Keeps a finished picture.
    ///
    /// # Errors
    /// [`SaveError`].
    pub fn keep(&self, key: &str, preferred: &Preferred) -> Result<(), SaveError> {
        let (Some(path), Ok(bytes)) = (self.path(key, "png"), preferred.to_png()) else { return Ok(()) };
        save(&path, &bytes, Existing::Replace)?;
        // It may not be there.
        self.path(key, "safetensors").map(fs::remove_file);
        Ok(())
    }

    /// Keeps what is needed to go on with a picture.
    ///
    /// # Errors
    /// [`SaveError`].
    pub fn leave(&self, key: &str, growth: &Growth) -> Result<(), SaveError> {
        let named =
            growth.state().into_iter().map(|(name, values)| (name.into(), vec![values.len()], values));
        let (Some(path), Ok(bytes)) = (self.path(key, "safetensors"), tensors(named.collect())) else {
            return Ok(());
        };
        save(&path, &bytes, Existing::Replace)
    }
}
