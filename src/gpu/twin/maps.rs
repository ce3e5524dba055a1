//! Twins of the shaders that read feature maps. Values are in channel, row, column order.

use crate::gpu::{Cover, RgbDraw, TileDraw};
use crate::inspect::{ChannelStatistics, measure, summary};
use crate::model::{InputColors, Shape};
use crate::view::{ERROR_COLOR, colormap_table};

/// statistics.wgsl: one entry a channel of `values`, then one of the layer. `luminance` has `height × width`
/// values; `before` is the map of the frame before, as large as `values`.
pub fn statistics(
    values: &[f32],
    shape: Shape,
    luminance: &[f32],
    before: Option<&[f32]>,
) -> Vec<ChannelStatistics> {
    let mut all = measure(values, shape, luminance, before);
    all.push(summary(&all));
    all
}

/// The cell under the centre of a pixel of a tile.
fn cell(pixel: f32, tile: f32, cells: usize) -> usize {
    ((pixel + 0.5) / tile * cells as f32).min(cells as f32 - 1.0) as usize
}

/// tiles.wgsl with nearest cells, as in [`tile_pixel`]: how much of the opacity the pixel has.
pub fn tile_cover(
    values: &[f32],
    shape: Shape,
    [statistics, ranges]: [&[ChannelStatistics]; 2],
    tiles: &TileDraw,
    channel: usize,
    [x, y]: [u32; 2],
) -> f32 {
    let column = cell(x as f32, tiles.tile_size[0], shape.width);
    let row = cell(y as f32, tiles.tile_size[1], shape.height);
    let value = values[(channel * shape.height + row) * shape.width + column];
    let range = tiles.scale.range(ranges[channel].ends(), ranges[shape.channels].ends(), tiles.colormap);
    let range = range.for_map(statistics[channel].ends());
    let Some(level) = range.level(value).filter(|_| tiles.cover != Cover::Even) else { return 1.0 };
    let strength = if range.is_symmetric { (level * 2.0 - 1.0).abs() } else { level };
    match tiles.cover {
        _ if range.is_flat => 0.0,
        Cover::Even => 1.0,
        Cover::Strong | Cover::Dark => strength,
        Cover::Weak => 1.0 - strength,
    }
}

/// tiles.wgsl with nearest cells: the colour of pixel `(x, y)` of the tile of `channel`. `statistics` are those of
/// `values`, `ranges` those that the colours are chosen by.
pub fn tile_pixel(
    values: &[f32],
    shape: Shape,
    [statistics, ranges]: [&[ChannelStatistics]; 2],
    tiles: &TileDraw,
    channel: usize,
    [x, y]: [u32; 2],
) -> [u8; 3] {
    let column = cell(x as f32, tiles.tile_size[0], shape.width);
    let row = cell(y as f32, tiles.tile_size[1], shape.height);
    let value = values[(channel * shape.height + row) * shape.width + column];
    let range = tiles.scale.range(ranges[channel].ends(), ranges[shape.channels].ends(), tiles.colormap);
    let range = range.for_map(statistics[channel].ends());
    let table = colormap_table(tiles.colormap);
    match range.entry(value) {
        Some(entry) if range.clips(value) && tiles.hatch > 0 && (x + y) % tiles.hatch == 0 => {
            table[255 - entry]
        }
        _ => range.color(value, &table),
    }
}

/// rgb.wgsl with nearest cells: the colour of pixel `(x, y)` of tile number `tile`.
pub fn rgb_pixel(values: &[f32], shape: Shape, tiles: &RgbDraw, tile: usize, [x, y]: [u32; 2]) -> [u8; 3] {
    let across = if tiles.mirror { tiles.tile_size[0] - 1.0 - x as f32 } else { x as f32 };
    let column = cell(across, tiles.tile_size[0], shape.width);
    let row = cell(y as f32, tiles.tile_size[1], shape.height);
    let is_grey = tiles.colors == InputColors::Grey;
    let value = |i: usize| {
        let channel = if is_grey { tile } else { 3 * tile + i };
        let at = (channel * shape.height + row) * shape.width + column;
        values.get(at).copied().filter(|value| channel < shape.channels && value.is_finite())
    };
    let (Some(first), Some(second), Some(third)) = (value(0), value(1), value(2)) else { return ERROR_COLOR };
    let values = [first, second, third];
    let part = |i: usize| ((values[i] - tiles.low[i]) / (tiles.high[i] - tiles.low[i])).clamp(0.0, 1.0);
    let levels = [0, 1, 2].map(|i| (part(i) * 255.0 + 0.5) as u8);
    if is_grey { [levels[0]; 3] } else { tiles.colors.order(levels) }
}
