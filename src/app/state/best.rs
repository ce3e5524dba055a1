//! Best patches as they are shown, and files of them. Pure but for reading a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image::RgbImage;

use crate::inspect::best::KEPT;
use crate::model::{Graph, LayerIndex};
use crate::record::best::{BestDocument, FoundPlace};
use crate::weights::Origin;

/// Most bytes that the patches of a layer take.
const MOST_BYTES: f32 = 96e6;

/// A patch of a picture.
#[derive(Clone, Debug)]
pub struct BestPatch {
    /// The channel's value there.
    pub value: f32,
    /// Row and column of the cell.
    pub cell: [usize; 2],
    /// What the picture is called.
    pub picture: Arc<str>,
    /// What the cell sees of it: left, top, width, height in whole pixels.
    pub area: [u32; 4],
    /// `None` where the picture cannot be had.
    pub patch: Option<Arc<RgbImage>>,
}

/// The patches of a layer's channels.
#[derive(Clone, Debug)]
pub struct BestPatches {
    /// Which layer.
    pub layer: LayerIndex,
    /// Longest side of a patch in pixels.
    pub side: u32,
    /// For each channel, the strongest first.
    pub channels: Vec<Vec<BestPatch>>,
    /// Why some are blank.
    pub trouble: Option<String>,
}

impl BestPatches {
    /// The longest side of patches for a layer with so many channels, in pixels.
    pub fn side_for(channels: usize) -> u32 {
        let side = (MOST_BYTES / (channels.max(1) * KEPT * 3) as f32).sqrt();
        (side as u32).clamp(24, 96)
    }

    /// Those of a channel.
    pub fn of(&self, channel: u32) -> &[BestPatch] {
        self.channels.get(channel as usize).map_or(&[], Vec::as_slice)
    }
}

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
        let places = document.channels.iter_mut().flat_map(|channel| channel.strongest.iter_mut());
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
