//! Twins of the shaders that read feature maps. Values are in channel, row, column order.

use std::ops::Range;

use crate::gpu::{ChannelStatistics, RangeMode, RgbDraw, TileDraw};
use crate::model::Shape;
use crate::view::colormap_table;

/// luminance.wgsl: Rec. 601 luma of `input` (`[3, rows, columns]`, red, green, blue) averaged over the pixels
/// under each of the `height × width` cells of `target`.
pub fn luminance(input: &[f32], input_shape: Shape, target: Shape) -> Vec<f32> {
    let plane = input_shape.height * input_shape.width;
    let luma = |row: usize, column: usize| {
        let at = row * input_shape.width + column;
        0.299 * f64::from(input[at])
            + 0.587 * f64::from(input[plane + at])
            + 0.114 * f64::from(input[2 * plane + at])
    };
    let mut cells = Vec::with_capacity(target.height * target.width);
    for y in 0..target.height {
        let rows = span(y, target.height, input_shape.height);
        for x in 0..target.width {
            let columns = span(x, target.width, input_shape.width);
            let all = rows.clone().flat_map(|row| columns.clone().map(move |column| luma(row, column)));
            cells.push((all.sum::<f64>() / (rows.len() * columns.len()) as f64) as f32);
        }
    }
    cells
}

/// The pixels that a cell touches.
fn span(cell: usize, cells: usize, pixels: usize) -> Range<usize> {
    cell * pixels / cells..((cell + 1) * pixels).div_ceil(cells)
}

/// `FLAT_VALUES` and `FLAT_LUMINANCE` in statistics.wgsl.
const FLAT_VALUES: f64 = 1e-6;
const FLAT_LUMINANCE: f64 = 1e-4;

/// statistics.wgsl: one entry a channel of `values`, then one of the layer. `luminance` has `height × width`
/// values.
pub fn statistics(values: &[f32], shape: Shape, luminance: &[f32]) -> Vec<ChannelStatistics> {
    let cells = shape.height * shape.width;
    let mut all: Vec<_> =
        values.chunks_exact(cells).map(|values| channel_statistics(values, luminance)).collect();
    let zeros = all.iter().map(|channel| channel.zeros).sum::<f32>() / shape.channels as f32;
    let layer = channel_statistics(values, &vec![0.0; values.len()]);
    all.push(ChannelStatistics { zeros, ..layer });
    all
}

fn channel_statistics(values: &[f32], luminance: &[f32]) -> ChannelStatistics {
    let pairs = values.iter().zip(luminance).filter(|(value, _)| value.is_finite());
    let pairs: Vec<_> = pairs.map(|(value, light)| (f64::from(*value), f64::from(*light))).collect();
    if pairs.is_empty() {
        return ChannelStatistics::default();
    }
    let mean_of =
        |number: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(number).sum::<f64>() / pairs.len() as f64;
    let (mean, light) = (mean_of(&|pair| pair.0), mean_of(&|pair| pair.1));
    let std = mean_of(&|pair| (pair.0 - mean).powi(2)).sqrt();
    let light_std = mean_of(&|pair| (pair.1 - light).powi(2)).sqrt();
    let min = pairs.iter().map(|pair| pair.0).fold(f64::INFINITY, f64::min);
    let max = pairs.iter().map(|pair| pair.0).fold(f64::NEG_INFINITY, f64::max);
    let flat = std <= FLAT_VALUES * min.abs().max(max.abs()) || light_std <= FLAT_LUMINANCE;
    let covariance = mean_of(&|pair| (pair.0 - mean) * (pair.1 - light));
    ChannelStatistics {
        min: min as f32,
        max: max as f32,
        mean: mean as f32,
        std: std as f32,
        zeros: mean_of(&|pair| f64::from(u8::from(pair.0 <= 0.0))) as f32,
        brightness: if flat { 0.0 } else { (covariance / (std * light_std)).clamp(-1.0, 1.0) as f32 },
    }
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
    if !value.is_finite() {
        return [255, 0, 255];
    }
    let range = match tiles.range {
        RangeMode::Map => statistics[channel],
        RangeMode::Layer => statistics[shape.channels],
    };
    let (mut low, mut high) = (range.min, range.max);
    if tiles.colormap.is_diverging() {
        let reach = low.abs().max(high.abs());
        (low, high) = (-reach, reach);
    }
    let level = if high > low {
        ((value - low) / (high - low)).clamp(0.0, 1.0)
    } else if tiles.colormap.is_diverging() {
        0.5
    } else {
        0.0
    };
    colormap_table(tiles.colormap)[((level * 256.0) as usize).min(255)]
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
    let level = |value: f32| ((value - tiles.low) / (tiles.high - tiles.low)).clamp(0.0, 1.0);
    [red, green, blue].map(|value| (level(value) * 255.0 + 0.5) as u8)
}

/// The two cells around a pixel's centre and how far it is from the first to the second: half-pixel centres,
/// held edges.
fn neighbours(pixel: u32, pixels: u32, cells: usize) -> (usize, usize, f32) {
    let last = cells as f32 - 1.0;
    let at = (pixel as f32 + 0.5) * cells as f32 / pixels as f32;
    let place = (at - 0.5).clamp(0.0, last);
    let low = place.floor();
    (low as usize, (low + 1.0).min(last) as usize, place - low)
}

/// One channel of `height × width` values, between the four cells around pixel `(x, y)` of a grid.
fn interpolate(values: &[f32], shape: Shape, [height, width]: [u32; 2], [x, y]: [u32; 2]) -> f32 {
    let (left, right, across) = neighbours(x, width, shape.width);
    let (upper, lower, down) = neighbours(y, height, shape.height);
    let mix = |a: f32, b: f32, part: f32| a * (1.0 - part) + b * part;
    let row = |row: usize| mix(values[row * shape.width + left], values[row * shape.width + right], across);
    mix(row(upper), row(lower), down)
}

/// hypercolumn.wgsl, `channel_sums` and `accumulate`: the mean of all channels of all maps, `height × width`
/// values.
pub fn hypercolumn_picture(maps: &[(&[f32], Shape)], [height, width]: [u32; 2]) -> Vec<f32> {
    let scale = 1.0 / maps.iter().map(|(_, shape)| shape.channels).sum::<usize>() as f32;
    let mut picture = vec![0.0; height as usize * width as usize];
    for (values, shape) in maps {
        let mut sums = vec![0.0; shape.height * shape.width];
        for channel in values.chunks_exact(sums.len()) {
            sums.iter_mut().zip(channel).for_each(|(sum, value)| *sum += value);
        }
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| [x, y]));
        for (pixel, at) in picture.iter_mut().zip(pixels) {
            *pixel += interpolate(&sums, *shape, [height, width], at) * scale;
        }
    }
    picture
}

/// hypercolumn.wgsl, `interpolate_channels`: all channels of all maps at pixel `(x, y)` of the grid, or at
/// the last pixel where there is none.
pub fn hypercolumn_vector(maps: &[(&[f32], Shape)], [height, width]: [u32; 2], [x, y]: [u32; 2]) -> Vec<f32> {
    let at = [x.min(width.saturating_sub(1)), y.min(height.saturating_sub(1))];
    let of = |(values, shape): &(&[f32], Shape)| -> Vec<f32> {
        let channels = values.chunks_exact(shape.height * shape.width);
        channels.map(|channel| interpolate(channel, *shape, [height, width], at)).collect()
    };
    maps.iter().flat_map(of).collect()
}
