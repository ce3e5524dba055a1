//! Channels of a feature map as one coloured tile: the network's own input, or its first filters.

use super::{FeatureMapBuffer, GpuContext};
use crate::model::InputColors;

/// `Rgb` in rgb.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct RgbSettings {
    target_size: [f32; 2],
    origin: [f32; 2],
    tile_size: [f32; 2],
    pitch: [f32; 2],
    columns: u32,
    first: u32,
    mirror: u32,
    colors: u32,
    low: [f32; 4],
    high: [f32; 4],
    opacity: f32,
    padding: [u32; 3],
}

/// A grid of coloured tiles to draw: tile i shows the channels 3i, 3i + 1 and 3i + 2, or channel i in grey. Lengths are
/// whole pixels of the target.
#[derive(Clone, Copy, Debug)]
pub struct RgbDraw {
    /// Size of the target.
    pub target_size: [u32; 2],
    /// Left and top edge of the first tile.
    pub origin: [f32; 2],
    /// Width and height of a tile.
    pub tile_size: [f32; 2],
    /// From one tile to the next.
    pub pitch: [f32; 2],
    /// Tiles a row.
    pub columns: u32,
    /// Number of the tile that comes first.
    pub first: u32,
    /// Number of tiles.
    pub count: u32,
    /// What a tile's channels are.
    pub colors: InputColors,
    /// The values of each of them that become level 0, and everything below.
    pub low: [f32; 3],
    /// The values that become level 255, and everything above; more than `low`.
    pub high: [f32; 3],
    /// Swap left and right in every tile.
    pub mirror: bool,
    /// Interpolate the values; otherwise every cell is a plain rectangle.
    pub smooth: bool,
    /// 1 hides what is there; less lets it show through, down to 0.
    pub opacity: f32,
}

/// The shader is compiled for each kind of drawing when that is first wanted.
#[derive(Debug)]
pub struct RgbRenderer {
    target: wgpu::TextureFormat,
}

impl RgbRenderer {
    /// For targets of this format, which must not be sRGB: levels are drawn as they are.
    pub fn new(_: &GpuContext, target: wgpu::TextureFormat) -> Self {
        Self { target }
    }

    /// Draws tiles of `map`; magenta where a value is not finite or a channel
    /// is missing. The caller keeps `map` alive until the pass is submitted.
    pub fn draw(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        map: &FeatureMapBuffer,
        tiles: &RgbDraw,
    ) {
        let layout = gpu.settings(&map.layout());
        let padded = |[first, second, third]: [f32; 3]| [first, second, third, 0.0];
        let settings = gpu.settings(&RgbSettings {
            target_size: tiles.target_size.map(|side| side as f32),
            origin: tiles.origin,
            tile_size: tiles.tile_size,
            pitch: tiles.pitch,
            columns: tiles.columns,
            first: tiles.first,
            mirror: tiles.mirror.into(),
            colors: tiles.colors as u32,
            low: padded(tiles.low),
            high: padded(tiles.high),
            opacity: tiles.opacity,
            padding: [0; 3],
        });
        let bindings =
            [(0, map.binding()), (1, layout.as_entire_binding()), (2, settings.as_entire_binding())];
        let blend = (tiles.opacity < 1.0).then_some(wgpu::BlendState::ALPHA_BLENDING);
        let overrides = [("SMOOTH", tiles.smooth.into())];
        gpu.render_pipeline("rgb", self.target, blend, &overrides).draw(gpu, pass, &bindings, tiles.count);
    }
}
