//! Convolution on the CPU: implicit im2col, tile by tile, on the threads of rayon's pool.
//!
//! The pixels of a tile are gathered for every place of the kernel into a panel that stays in the core's cache
//! (`[depth][tile]`, where depth is input channels × kernel places), and `product` multiplies panels with packed
//! weights. It is the scheme of Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008), without
//! the split of the depth: the panel of the deepest layer fits into half a megabyte. All of it is safe code.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::product::{CHUNK, Line, PackedKernel, as_floats, multiply};
use crate::model::{Shape, Window};

/// Up to this many values the panels of the whole input are made first and shared by all threads, which then
/// share out the output channels too: late layers have few pixels and large kernels.
const SHARED_VALUES: usize = 400_000;

/// Groups of output channels in that case: enough that no thread waits long for the last.
const GROUPS: usize = 4;

/// Values of the panels that one thread makes at a time otherwise; they stay in its second-level cache.
const BLOCK_VALUES: usize = 100_000;

/// Most tiles in such a block.
const BLOCK_TILES: usize = 8;

thread_local! {
    static SCRATCH: RefCell<(Vec<Line>, Vec<Run>)> = RefCell::default();
}

/// Memory that convolutions use again and again.
#[derive(Default)]
pub struct Workspace(Vec<Line>);

/// Writes the convolution of `x` (`[batch, channels, height, width]`, of `input`'s shape each) with `kernel` to
/// `out` (`[batch, channels, height, width]`, of `output`'s shape each), with bias, and with max(0, x) where
/// `relu` says so.
pub fn convolve(
    kernel: &PackedKernel,
    relu: bool,
    (x, input): (&[f32], Shape),
    (out, output): (&mut [f32], Shape),
    workspace: &mut Workspace,
) {
    let geometry = &Geometry::new(kernel, input, output);
    let Geometry { tile, panel, pixels, .. } = *geometry;
    let images = x.chunks_exact(input.len());
    let (batch, tiles) = (images.len(), pixels.div_ceil(tile));
    if batch * tiles * panel <= SHARED_VALUES {
        let panels = as_floats(&mut workspace.0, batch * tiles * panel);
        let side = tiles.div_ceil(rayon::current_num_threads());
        let parts = images.zip(panels.chunks_exact_mut(tiles * panel)).flat_map(|(image, panels)| {
            let parts = panels.chunks_mut(side * panel).enumerate();
            parts.map(move |(part, panels)| (image, part * side * tile, panels))
        });
        parts.collect::<Vec<_>>().into_par_iter().for_each(|(image, first, panels)| {
            SCRATCH.with_borrow_mut(|(_, runs)| {
                geometry.pack(image, first..(first + side * tile).min(pixels), panels, runs);
            });
        });
        let panels = &*panels;
        let mut planes: Vec<_> = out.chunks_exact_mut(pixels).map(|plane| plane.chunks_mut(tile)).collect();
        let mut units = Vec::with_capacity(GROUPS * batch * tiles);
        for blocks in kernel.groups(GROUPS) {
            let channels = kernel.channels(&blocks);
            for (image, panels) in panels.chunks_exact(tiles * panel).enumerate() {
                let planes = &mut planes[image * output.channels..][channels.clone()];
                for panel in panels.chunks_exact(panel) {
                    let rows: Vec<&mut [f32]> = planes.iter_mut().filter_map(Iterator::next).collect();
                    units.push((blocks.clone(), panel, rows));
                }
            }
        }
        units.into_par_iter().for_each(|(blocks, panel, mut rows)| {
            let width = rows.first().map_or(0, |row| row.len());
            multiply(kernel, blocks, relu, panel, &mut rows, 0..width);
        });
        return;
    }
    let side = (BLOCK_VALUES / panel).clamp(1, BLOCK_TILES);
    let mut units = Vec::new();
    for (image, out) in images.zip(out.chunks_exact_mut(output.len())) {
        let planes = out.chunks_exact_mut(pixels);
        let mut planes: Vec<_> = planes.map(|plane| plane.chunks_mut(side * tile)).collect();
        for first in (0..pixels).step_by(side * tile) {
            let rows: Vec<&mut [f32]> = planes.iter_mut().filter_map(Iterator::next).collect();
            units.push((image, first..(first + side * tile).min(pixels), rows));
        }
    }
    units.into_par_iter().for_each(|(image, pixels, mut rows)| {
        SCRATCH.with_borrow_mut(|(lines, runs)| {
            let panels = as_floats(lines, side * panel);
            let count = pixels.len();
            geometry.pack(image, pixels, panels, runs);
            for blocks in kernel.groups(usize::MAX) {
                let rows = &mut rows[kernel.channels(&blocks)];
                for (at, panel) in (0..count).step_by(tile).zip(panels.chunks_exact(panel)) {
                    multiply(kernel, blocks.clone(), relu, panel, rows, at..(at + tile).min(count));
                }
            }
        });
    });
}

/// Pixels side by side in one line of a tile, and where they come from in one plane of the input.
struct Run {
    /// In the panels, for the first line.
    to: usize,
    /// From one line of the tile to the next.
    pitch: usize,
    length: usize,
    /// `None`: padding.
    from: Option<usize>,
    /// After it comes the next place of the kernel.
    ends_line: bool,
}

struct Geometry {
    window: Window,
    input: Shape,
    output: Shape,
    /// Pixels of an output channel.
    pixels: usize,
    /// Pixels of a tile; the last one is half as wide where that is enough.
    tile: usize,
    /// Values from one tile's panel to the next, with room for what copying in chunks writes behind it.
    panel: usize,
}

impl Geometry {
    fn new(kernel: &PackedKernel, input: Shape, output: Shape) -> Self {
        let (window, tile) = (kernel.window(), kernel.tile());
        let is_plain = window == Window { kernel: [1, 1], stride: [1, 1], padding: [0, 0] };
        // Where no neighbour matters, an image is one long row.
        let as_row = |shape: Shape| match is_plain {
            true => Shape { height: 1, width: shape.height * shape.width, ..shape },
            false => shape,
        };
        let (pixels, panel) = (output.height * output.width, kernel.depth() * tile + CHUNK);
        Self { window, input: as_row(input), output: as_row(output), pixels, tile, panel }
    }

    /// The runs of these pixels, for each place of the kernel from left to right.
    fn runs(&self, pixels: Range<usize>, runs: &mut Vec<Run>) {
        let Window { kernel, stride, padding } = self.window;
        let Shape { height, width, .. } = self.input;
        runs.clear();
        for place in 0..kernel[0] * kernel[1] {
            let (kernel_y, kernel_x) = (place / kernel[1], place % kernel[1]);
            let mut at = pixels.start;
            while at < pixels.end {
                let (y, x) = (at / self.output.width, at % self.output.width);
                let (number, column) = ((at - pixels.start) / self.tile, (at - pixels.start) % self.tile);
                let is_half = pixels.end - (at - column) <= self.tile / 2;
                let pitch = if is_half { self.tile / 2 } else { self.tile };
                let length = (self.output.width - x).min(pixels.end - at).min(self.tile - column);
                let mut push = |part: Range<usize>, from: Option<usize>| {
                    if !part.is_empty() {
                        let to = number * self.panel + column + part.start;
                        runs.push(Run { to, pitch, length: part.len(), from, ends_line: false });
                    }
                };
                // Both counted from the edge of the padding.
                let (top, left) = (y * stride[0] + kernel_y, x * stride[1] + kernel_x);
                match top.checked_sub(padding[0]).filter(|row| *row < height) {
                    None => push(0..length, None),
                    Some(row) => {
                        let before =
                            |column: usize| column.saturating_sub(left).div_ceil(stride[1]).min(length);
                        let (start, end) = (before(padding[1]), before(padding[1] + width));
                        push(0..start, None);
                        let column = (left + start * stride[1]).saturating_sub(padding[1]);
                        push(start..end, Some(row * width + column));
                        push(end..length, None);
                    }
                }
                at += length;
            }
            if let Some(run) = runs.last_mut() {
                run.ends_line = true;
            }
        }
    }

    /// Gathers tiles of these pixels.
    fn pack(&self, image: &[f32], pixels: Range<usize>, panels: &mut [f32], runs: &mut Vec<Run>) {
        self.runs(pixels, runs);
        let stride = self.window.stride[1];
        let mut line = 0;
        for plane in 0..self.input.channels {
            // To the end of the image, so that all but its last pixels are copied in whole chunks.
            let plane = &image[plane * self.input.height * self.input.width..];
            for run in runs.iter() {
                let to = &mut panels[run.to + line * run.pitch..];
                match run.from {
                    None => to[..run.length].fill(0.0),
                    Some(from) if stride == 1 => copy(&plane[from..], to, run.length),
                    Some(from) => {
                        let from = plane[from..].iter().step_by(stride);
                        to[..run.length].iter_mut().zip(from).for_each(|(to, from)| *to = *from);
                    }
                }
                line += usize::from(run.ends_line);
            }
        }
    }
}

/// Copies in whole chunks where it can. What that writes behind the run, the next runs write again.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32], length: usize) {
    for at in (0..length).step_by(CHUNK) {
        match (from.get(at..at + CHUNK), to.get_mut(at..at + CHUNK)) {
            (Some(from), Some(to)) => to.copy_from_slice(from),
            _ => {
                let end = length.min(at + CHUNK);
                to[at..end].copy_from_slice(&from[at..end]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed.wrapping_mul(2_654_435_761).wrapping_add(12_345);
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..count).map(|_| next()).collect()
    }

    /// The definition, in f64.
    fn definition(x: &[f32], kernel: &[f32], bias: &[f32], shapes: [Shape; 2], window: Window) -> Vec<f64> {
        let [input, output] = shapes;
        let mut out = vec![];
        for image in x.chunks_exact(input.len()) {
            let filters = kernel.chunks_exact(kernel.len() / output.channels).zip(bias);
            for (filter, bias) in filters {
                for y in 0..output.height {
                    for x in 0..output.width {
                        let mut sum = f64::from(*bias);
                        for (place, weight) in filter.iter().enumerate() {
                            let (row, column) =
                                (place / window.kernel[1] % window.kernel[0], place % window.kernel[1]);
                            let plane = place / window.kernel[0] / window.kernel[1];
                            let row = (y * window.stride[0] + row).wrapping_sub(window.padding[0]);
                            let column = (x * window.stride[1] + column).wrapping_sub(window.padding[1]);
                            if row < input.height && column < input.width {
                                let value = image[(plane * input.height + row) * input.width + column];
                                sum += f64::from(value) * f64::from(*weight);
                            }
                        }
                        out.push(sum);
                    }
                }
            }
        }
        out
    }

    fn check(batch: usize, [inputs, outputs]: [usize; 2], [height, width]: [usize; 2], window: Window) {
        let input = Shape { channels: inputs, height, width };
        let side = |axis: usize, length: usize| {
            (length + 2 * window.padding[axis] - window.kernel[axis]) / window.stride[axis] + 1
        };
        let output = Shape { channels: outputs, height: side(0, height), width: side(1, width) };
        let x = noise(batch * input.len(), 1);
        let kernel = noise(outputs * inputs * window.kernel[0] * window.kernel[1], 2);
        let bias = noise(outputs, 3);
        let expected = definition(&x, &kernel, &bias, [input, output], window);
        let largest = expected.iter().fold(0f64, |largest, value| largest.max(value.abs()));
        let packed = PackedKernel::new(&kernel, Some(&bias), outputs, window);
        let mut workspace = Workspace::default();
        for relu in [false, true] {
            let mut out = vec![f32::NAN; expected.len()];
            convolve(&packed, relu, (&x, input), (&mut out, output), &mut workspace);
            for (at, (ours, expected)) in out.iter().zip(&expected).enumerate() {
                let expected = if relu { expected.max(0.0) } else { *expected };
                let difference = (f64::from(*ours) - expected).abs() / largest;
                assert!(
                    difference < 1e-5,
                    "{window:?} {input} → {output}, ReLU {relu}: {ours} at {at}, not {expected}"
                );
            }
        }
    }

    fn window(kernel: [usize; 2], stride: usize, padding: [usize; 2]) -> Window {
        Window { kernel, stride: [stride; 2], padding }
    }

    #[test]
    fn every_window_of_the_network_is_the_definition() {
        let windows = [
            window([1, 1], 1, [0, 0]),
            window([3, 3], 1, [0, 0]),
            window([3, 3], 1, [1, 1]),
            window([3, 3], 2, [0, 0]),
            window([5, 5], 1, [2, 2]),
            window([1, 7], 1, [0, 3]),
            window([7, 1], 1, [3, 0]),
            window([1, 3], 1, [0, 1]),
            window([3, 1], 1, [1, 0]),
        ];
        for window in windows {
            for size in [[35, 35], [17, 17], [8, 8], [9, 23]] {
                for channels in [[3, 32], [10, 12], [7, 13], [12, 1], [5, 30]] {
                    check(1, channels, size, window);
                }
                check(3, [6, 20], size, window);
            }
        }
    }

    #[test]
    fn padding_may_be_wider_than_the_picture() {
        for (size, window) in [
            ([1, 1], window([3, 3], 1, [1, 1])),
            ([2, 2], window([5, 5], 1, [2, 2])),
            ([2, 1], window([1, 7], 1, [0, 3])),
            ([4, 3], window([3, 3], 2, [1, 1])),
            ([3, 3], window([3, 3], 3, [2, 2])),
        ] {
            check(3, [4, 5], size, window);
        }
    }

    /// Large enough that every thread makes its own panels, with more and with fewer tiles than fit a block.
    #[test]
    fn panels_in_blocks_are_the_definition() {
        check(1, [40, 20], [47, 50], window([3, 3], 1, [1, 1]));
        check(2, [200, 9], [33, 31], window([1, 1], 1, [0, 0]));
        check(1, [260, 8], [19, 21], window([5, 5], 1, [2, 2]));
    }

    #[test]
    fn nan_and_infinity_pass_through_relu_as_in_burn() {
        let packed = PackedKernel::new(&[1.0], None, 1, window([1, 1], 1, [0, 0]));
        let shape = Shape { channels: 1, height: 1, width: 4 };
        let (x, mut out) = ([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2.0], [7.0; 4]);
        convolve(&packed, true, (&x, shape), (&mut out, shape), &mut Workspace::default());
        assert!(out[0].is_nan());
        assert_eq!(out[1..], [f32::INFINITY, 0.0, 2.0]);
    }
}
