//! Best patches as they are shown. Pure.

use std::sync::Arc;

use image::RgbImage;

use crate::inspect::best::KEPT;
use crate::model::LayerIndex;

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
