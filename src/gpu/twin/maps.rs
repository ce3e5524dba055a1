//! Twins of the shaders that read feature maps. Values are in channel, row, column order.

use crate::gpu::{RangeMode, RgbDraw, TileDraw};
use crate::inspect::{ChannelStatistics, LayerOutput, measure};
use crate::model::Shape;
use crate::view::{ERROR_COLOR, color_entry, colormap_table};

/// statistics.wgsl: one entry a channel of `values`, then one of the layer. `luminance` has `height × width`
/// values.
pub fn statistics(values: &[f32], shape: Shape, luminance: &[f32]) -> Vec<ChannelStatistics> {
    let cells = shape.height * shape.width;
    let of = |shape: Shape| LayerOutput { layer: 0, shape, values: values.to_vec() };
    let mut all = measure(&of(shape), luminance);
    let zeros = all.iter().map(|channel| channel.zeros).sum::<f32>() / shape.channels as f32;
    let whole = of(Shape { channels: 1, height: shape.channels, width: cells });
    all.extend(
        measure(&whole, &vec![0.0; values.len()]).iter().map(|layer| ChannelStatistics { zeros, ..*layer }),
    );
    all
}

/// The cell under the centre of a pixel of a tile.
fn cell(pixel: f32, tile: f32, cells: usize) -> usize {
    ((pixel + 0.5) / tile * cells as f32).min(cells as f32 - 1.0) as usize
}

/// tiles.wgsl with nearest cells: the colour of pixel `(x, y)` of the tile of `channel`.
pub fn tile_pixel(
    values: &[f32],
    shape: Shape,
    statistics: &[ChannelStatistics],
    tiles: &TileDraw,
    channel: usize,
    [x, y]: [u32; 2],
) -> [u8; 3] {
    let column = cell(x as f32, tiles.tile_size[0], shape.width);
    let row = cell(y as f32, tiles.tile_size[1], shape.height);
    let value = values[(channel * shape.height + row) * shape.width + column];
    let range = match tiles.range {
        RangeMode::Map => statistics[channel],
        RangeMode::Layer => statistics[shape.channels],
    };
    let entry = color_entry(value, range.min, range.max, tiles.colormap);
    entry.map_or(ERROR_COLOR, |entry| colormap_table(tiles.colormap)[entry])
}

/// rgb.wgsl: the colour of pixel `(x, y)` of tile number `tile`, which shows the channels from `3 · tile` on.
pub fn rgb_pixel(values: &[f32], shape: Shape, tiles: &RgbDraw, tile: usize, [x, y]: [u32; 2]) -> [u8; 3] {
    let across = if tiles.mirror { tiles.tile_size[0] - 1.0 - x as f32 } else { x as f32 };
    let column = cell(across, tiles.tile_size[0], shape.width);
    let row = cell(y as f32, tiles.tile_size[1], shape.height);
    let value = |i: usize| {
        let channel = 3 * tile + i;
        let at = (channel * shape.height + row) * shape.width + column;
        values.get(at).copied().filter(|value| channel < shape.channels && value.is_finite())
    };
    let (Some(red), Some(green), Some(blue)) = (value(0), value(1), value(2)) else { return [255, 0, 255] };
    let colors = [red, green, blue];
    let level = |i: usize| ((colors[i] - tiles.low[i]) / (tiles.high[i] - tiles.low[i])).clamp(0.0, 1.0);
    [0, 1, 2].map(|i| (level(i) * 255.0 + 0.5) as u8)
}
