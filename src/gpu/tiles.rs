//! Feature maps as coloured tiles in a grid.

use super::{FeatureMapBuffer, GpuContext, PooledBuffer, StatisticsBuffer};
use crate::view::{Colormap, Normalize, Scale, colormap_table};

/// The number of a normalisation in tiles.wgsl, where the symmetric one is the layer's, widened.
pub fn range_mode(normalize: Normalize) -> u32 {
    match normalize {
        Normalize::Map | Normalize::Percentile => 0,
        Normalize::Layer | Normalize::Symmetric => 1,
        Normalize::Fixed { .. } => 2,
    }
}

/// What of a place's opacity a value has. The numbers are those of tiles.wgsl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum Cover {
    /// All of it.
    #[default]
    Even = 0,
    /// The more, the further it is from zero (the middle of a symmetric range, else the low end): what says nothing covers nothing.
    Strong = 1,
    /// The less, and in black: a mask that leaves free what is strong.
    Weak = 2,
    /// The more, the further it is from zero, in black: the mask's inverse.
    Dark = 3,
}

/// Which channels are shown, in which order.
#[derive(Clone, Debug)]
pub struct ChannelOrder {
    buffer: PooledBuffer,
}

impl ChannelOrder {
    /// Uploads the channel numbers; at least one.
    pub fn upload(gpu: &GpuContext, channels: &[u32]) -> Self {
        Self { buffer: gpu.upload(bytemuck::cast_slice(channels)) }
    }
}

/// `Tiles` in tiles.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct TilesSettings {
    target_size: [f32; 2],
    origin: [f32; 2],
    tile_size: [f32; 2],
    pitch: [f32; 2],
    columns: u32,
    first: u32,
    range_mode: u32,
    symmetric: u32,
    colormap: u32,
    opacity: f32,
    mirror: u32,
    hatch: u32,
    fixed_range: [f32; 2],
    gamma: f32,
    boost: f32,
}

/// A grid of tiles to draw. Lengths are whole pixels of the target.
#[derive(Clone, Copy, Debug)]
pub struct TileDraw {
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
    /// Position in the channel order of the first tile.
    pub first: u32,
    /// Number of tiles.
    pub count: u32,
    /// What the colours stand for.
    pub scale: Scale,
    /// The colours. A diverging colormap makes ranges symmetric around zero.
    pub colormap: Colormap,
    /// Values beyond the range are hatched: a line every so many pixels; 0: not.
    pub hatch: u32,
    /// Interpolate the values; otherwise every cell is a plain rectangle.
    pub smooth: bool,
    /// 1 hides what is there; less lets it show through, down to 0.
    pub opacity: f32,
    /// Swap left and right in every tile.
    pub mirror: bool,
    /// What of the opacity a value has.
    pub cover: Cover,
}

/// The colormaps; the shader is compiled for each kind of drawing when that is first wanted.
#[derive(Debug)]
pub struct TilesRenderer {
    target: wgpu::TextureFormat,
    colormaps: wgpu::TextureView,
}

impl TilesRenderer {
    /// For targets of this format, which must not be sRGB: colormap bytes are drawn as they are.
    pub fn new(gpu: &GpuContext, target: wgpu::TextureFormat) -> Self {
        let table: Vec<u8> = Colormap::ALL
            .iter()
            .flat_map(|map| colormap_table(*map))
            .flat_map(|[r, g, b]| [r, g, b, 255])
            .collect();
        let usage = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
        let size = [256, Colormap::ALL.len() as u32];
        let (texture, colormaps) = gpu.texture(size, wgpu::TextureFormat::Rgba8Unorm, usage);
        let rows = wgpu::TexelCopyBufferLayout { bytes_per_row: Some(256 * 4), ..Default::default() };
        gpu.queue.write_texture(texture.as_image_copy(), &table, rows, texture.size());
        Self { target, colormaps }
    }

    /// Draws tiles of `map`, whose `statistics` these are; `ranges` are the ones that colours are chosen by, where those
    /// are others. The caller keeps `map` alive until the pass is submitted.
    #[expect(clippy::too_many_arguments, reason = "one call draws one grid: a struct would only rename them")]
    pub fn draw(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        map: &FeatureMapBuffer,
        statistics: &StatisticsBuffer,
        ranges: Option<&StatisticsBuffer>,
        order: &ChannelOrder,
        tiles: &TileDraw,
    ) {
        let layout = gpu.settings(&map.layout());
        let is_symmetric = tiles.scale.normalize == Normalize::Symmetric || tiles.colormap.is_diverging();
        let fixed_range = match tiles.scale.normalize {
            Normalize::Fixed { low, high } => [low, high],
            _ => [0.0; 2],
        };
        let settings = gpu.settings(&TilesSettings {
            target_size: tiles.target_size.map(|side| side as f32),
            origin: tiles.origin,
            tile_size: tiles.tile_size,
            pitch: tiles.pitch,
            columns: tiles.columns,
            first: tiles.first,
            range_mode: range_mode(tiles.scale.normalize),
            symmetric: is_symmetric.into(),
            colormap: tiles.colormap as u32,
            opacity: tiles.opacity,
            mirror: tiles.mirror.into(),
            hatch: tiles.hatch,
            fixed_range,
            gamma: tiles.scale.gamma,
            boost: tiles.scale.boost,
        });
        let bindings = [
            (0, map.binding()),
            (1, layout.as_entire_binding()),
            (2, statistics.buffer.as_entire_binding()),
            (3, settings.as_entire_binding()),
            (4, order.buffer.as_entire_binding()),
            (5, wgpu::BindingResource::TextureView(&self.colormaps)),
            (6, ranges.unwrap_or(statistics).buffer.as_entire_binding()),
        ];
        // Not blended unless it must be: a colormap's bytes are then surely the target's.
        let blend =
            (tiles.opacity < 1.0 || tiles.cover != Cover::Even).then_some(wgpu::BlendState::ALPHA_BLENDING);
        let overrides = [
            ("SMOOTH", tiles.smooth.into()),
            ("BENT", (tiles.scale.gamma != 1.0).into()),
            ("COVER", tiles.cover as u32),
        ];
        gpu.render_pipeline("tiles", self.target, blend, &overrides).draw(gpu, pass, &bindings, tiles.count);
    }
}
