//! Files of best patches, as the view and commands open them.

use std::path::{Path, PathBuf};

use super::document::{BestDocument, FoundPlace};
use crate::model::Graph;
use crate::weights::Origin;

/// What `convscope best --json` has found.
#[derive(Debug, PartialEq)]
pub struct BestFile {
    /// As typed.
    pub path: PathBuf,
    /// What is in it. Files of pictures that are not there are looked for beside it.
    pub document: BestDocument,
}

impl BestFile {
    /// Reads one.
    ///
    /// # Errors
    /// One sentence.
    pub fn open(path: &Path) -> Result<Self, String> {
        let bytes =
            std::fs::read(path).map_err(|error| format!("{}: cannot be read: {error}", path.display()))?;
        let document = serde_json::from_slice(&bytes).map_err(|error| {
            format!(
                "{}: no best patches ({error}): --best takes what `convscope best --json` prints",
                path.display()
            )
        });
        let mut document: BestDocument = document?;
        let folder = path.parent().unwrap_or(Path::new("."));
        let places = document
            .channels
            .iter_mut()
            .flat_map(|channel| channel.strongest.iter_mut().chain(&mut channel.weakest));
        for FoundPlace { file, .. } in places {
            let beside = folder.join(&*file);
            if !Path::new(file).exists() && beside.exists() {
                *file = beside.to_string_lossy().into_owned();
            }
        }
        Ok(Self { path: path.into(), document })
    }

    /// That it is of this network.
    ///
    /// # Errors
    /// One sentence where it is not.
    pub fn check(&self, graph: &Graph, origin: &Origin) -> Result<(), String> {
        let BestDocument { provenance, layer, .. } = &self.document;
        let (sha256, seed) = match origin {
            Origin::File { sha256, .. } | Origin::Embedded { sha256 } => (Some(sha256), None),
            Origin::Untrained { seed } => (None, Some(*seed)),
        };
        let is_same = provenance.network == graph.name
            && provenance.width_multiplier == graph.width_multiplier
            && provenance.input_shape == graph.input_shape().sides()
            && (provenance.weights_sha256.as_ref(), provenance.weights_seed) == (sha256, seed)
            && graph.nodes.get(layer.index).is_some_and(|node| node.shape.sides() == layer.shape);
        match is_same {
            true => Ok(()),
            false => Err(format!(
                "{} is of another network ({}, weights {}): give these with --weights, or make the file anew with `convscope best`",
                self.path.display(),
                provenance.network,
                provenance.weights
            )),
        }
    }
}
