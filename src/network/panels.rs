//! Panels of pixels for [`super::product`], and how their products are shared out among threads.
//!
//! The pixels of a tile are gathered for every place of the kernel into a panel that stays in the core's cache
//! (`[depth][tile]`, where depth is input channels × kernel places: im2col, tile by tile), and `product` multiplies panels
//! with packed weights. It is the scheme of Goto & van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008),
//! without the split of the depth: the panel of the deepest layer fits into half a megabyte. All of it is safe code.

use std::cell::RefCell;
use std::ops::Range;

use rayon::prelude::*;

use super::product::{CHUNK, Limits, Line, PackedKernel, as_floats, multiply};
use crate::model::{Shape, Window};

/// Where panels are shared, products are divided into so many units for each thread: none waits long for the last.
pub const UNITS: usize = 4;

/// Values of the panels that one thread makes at a time; they stay in its second-level cache.
const BLOCK_VALUES: usize = 100_000;

/// Most tiles in such a block.
const BLOCK_TILES: usize = 8;

thread_local! {
    static SCRATCH: RefCell<(Vec<Line>, Vec<Run>)> = RefCell::default();
}

/// Memory that convolutions use again and again.
#[derive(Default)]
pub struct Workspace {
    /// Panels that all threads read.
    pub panels: Vec<Line>,
    /// What belongs to one phase of a convolution in reverse.
    pub phase: Vec<f32>,
}

/// Multiplies a kernel with its panels, and writes `out`, `[channels, pixels]`, with bias, kept between
/// `limits`. `pack` fills, for a range of pixels, their panels, tile after tile, and may use the runs as memory.
pub fn multiply_all(
    kernel: &PackedKernel,
    limits: Limits,
    tiling: Tiling,
    out: &mut [f32],
    workspace: &mut Workspace,
    pack: impl Fn(Range<usize>, &mut [f32], &mut Vec<Run>) + Sync,
) {
    let Tiling { tile, panel, pixels } = tiling;
    let (tiles, threads) = (pixels.div_ceil(tile), rayon::current_num_threads());
    let is_even = 10 * tiles >= 9 * tiles.next_multiple_of(threads);
    // What is read twice is the smaller part then.
    if is_even && out.len() / pixels <= pixels {
        let most = (BLOCK_VALUES / panel).clamp(1, BLOCK_TILES);
        // As many for each thread.
        let blocks = (tiles.div_ceil(threads * most) * threads).min(tiles);
        multiply_blocks(kernel, limits, tiling, out, blocks, pack);
    } else {
        multiply_shared(kernel, limits, tiling, out, (UNITS * threads).div_ceil(tiles), workspace, pack);
    }
}

/// Every thread makes the panels of some tiles, and multiplies them with all weights.
fn multiply_blocks(
    kernel: &PackedKernel,
    limits: Limits,
    tiling: Tiling,
    out: &mut [f32],
    blocks: usize,
    pack: impl Fn(Range<usize>, &mut [f32], &mut Vec<Run>) + Sync,
) {
    let Tiling { tile, panel, pixels } = tiling;
    let tiles = pixels.div_ceil(tile);
    let mut planes: Vec<&mut [f32]> = out.chunks_exact_mut(pixels).collect();
    let units = (0..blocks).map(|block| {
        let start = |block: usize| (block * tiles / blocks * tile).min(pixels);
        let pixels = start(block)..start(block + 1);
        let rows = planes.iter_mut().filter_map(|plane| plane.split_off_mut(..pixels.len()));
        let rows: Vec<&mut [f32]> = rows.collect();
        (pixels, rows)
    });
    units.collect::<Vec<_>>().into_par_iter().for_each(|(pixels, mut rows)| {
        SCRATCH.with_borrow_mut(|(lines, runs)| {
            let count = pixels.len();
            let panels = as_floats(lines, count.div_ceil(tile) * panel);
            pack(pixels, panels, runs);
            for blocks in kernel.groups(usize::MAX) {
                let rows = &mut rows[kernel.channels(&blocks)];
                multiply(kernel, blocks, limits, tiling.tiles(count, panels), rows);
            }
        });
    });
}

/// All panels are made first, and the threads share out the output channels too, in `groups`: late layers have few pixels
/// and large kernels.
fn multiply_shared(
    kernel: &PackedKernel,
    limits: Limits,
    tiling: Tiling,
    out: &mut [f32],
    groups: usize,
    workspace: &mut Workspace,
    pack: impl Fn(Range<usize>, &mut [f32], &mut Vec<Run>) + Sync,
) {
    let Tiling { tile, panel, pixels } = tiling;
    let tiles = pixels.div_ceil(tile);
    let panels = as_floats(&mut workspace.panels, tiles * panel);
    let side = tiles.div_ceil(rayon::current_num_threads());
    panels.par_chunks_mut(side * panel).enumerate().for_each(|(number, panels)| {
        let first = number * side * tile;
        let pixels = first..(first + side * tile).min(pixels);
        SCRATCH.with_borrow_mut(|(_, runs)| pack(pixels, panels, runs));
    });
    let mut planes: Vec<_> = out.chunks_exact_mut(pixels).map(|plane| plane.chunks_mut(tile)).collect();
    let mut units = Vec::with_capacity(groups * tiles);
    for blocks in kernel.groups(groups) {
        let planes = &mut planes[kernel.channels(&blocks)];
        for (_, width, panel) in tiling.tiles(pixels, panels) {
            let rows: Vec<&mut [f32]> = planes.iter_mut().filter_map(Iterator::next).collect();
            units.push((blocks.clone(), (0, width, panel), rows));
        }
    }
    units.into_par_iter().for_each(|(blocks, tile, mut rows)| {
        multiply(kernel, blocks, limits, std::iter::once(tile), &mut rows);
    });
}

/// Pixels side by side in one line of a tile, and where they come from in one plane of the input.
pub struct Run {
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

/// How pixels are divided into tiles.
#[derive(Clone, Copy)]
pub struct Tiling {
    /// Pixels of a tile; the last one is half as wide where that is enough.
    tile: usize,
    /// Values from one tile's panel to the next, with room for what copying in chunks writes behind it.
    panel: usize,
    /// Pixels of an output channel.
    pixels: usize,
}

impl Tiling {
    /// For a kernel and so many pixels.
    pub fn new(kernel: &PackedKernel, pixels: usize) -> Self {
        Self { tile: kernel.tile(), panel: kernel.depth() * kernel.tile() + CHUNK, pixels }
    }

    /// The panels of `count` pixels: the first pixel of each, how many it is wide, and its values.
    fn tiles(self, count: usize, panels: &[f32]) -> impl Iterator<Item = (usize, usize, &[f32])> {
        let width =
            move |first: usize| if count - first <= self.tile / 2 { self.tile / 2 } else { self.tile };
        let firsts = (0..count).step_by(self.tile);
        firsts.zip(panels.chunks_exact(self.panel)).map(move |(first, panel)| (first, width(first), panel))
    }
}

/// Where the pixels of a convolution come from.
pub struct Geometry {
    window: Window,
    input: Shape,
    output: Shape,
    tiling: Tiling,
}

impl Geometry {
    /// Of a convolution that reads `input` and writes `output`.
    pub fn new(kernel: &PackedKernel, input: Shape, output: Shape) -> Self {
        let window = kernel.window();
        let is_plain = window == Window::new([1, 1], [1, 1], [0, 0]);
        // Where no neighbour matters, an image is one long row.
        let as_row = |shape: Shape| match is_plain {
            true => Shape { height: 1, width: shape.height * shape.width, ..shape },
            false => shape,
        };
        let tiling = Tiling::new(kernel, output.height * output.width);
        Self { window, input: as_row(input), output: as_row(output), tiling }
    }

    /// Its tiles.
    pub fn tiling(&self) -> Tiling {
        self.tiling
    }

    /// The runs of these pixels, for each place of the kernel from left to right.
    pub fn runs(&self, pixels: Range<usize>, runs: &mut Vec<Run>) {
        let Window { kernel, stride, padding, dilation, .. } = self.window;
        let Shape { height, width, .. } = self.input;
        let Tiling { tile, panel, .. } = self.tiling;
        runs.clear();
        for place in 0..kernel[0] * kernel[1] {
            let (kernel_y, kernel_x) = (place / kernel[1], place % kernel[1]);
            let mut at = pixels.start;
            while at < pixels.end {
                let (y, x) = (at / self.output.width, at % self.output.width);
                let (number, column) = ((at - pixels.start) / tile, (at - pixels.start) % tile);
                let is_half = pixels.end - (at - column) <= tile / 2;
                let pitch = if is_half { tile / 2 } else { tile };
                let length = (self.output.width - x).min(pixels.end - at).min(tile - column);
                let mut push = |part: Range<usize>, from: Option<usize>| {
                    if !part.is_empty() {
                        let to = number * panel + column + part.start;
                        runs.push(Run { to, pitch, length: part.len(), from, ends_line: false });
                    }
                };
                // Both counted from the edge of the padding.
                let (top, left) =
                    (y * stride[0] + kernel_y * dilation[0], x * stride[1] + kernel_x * dilation[1]);
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

    /// Gathers one channel for `runs`, from a line of the panels on; returns the next line. `plane` may be longer than the
    /// channel: what is behind it makes no difference, but lets all pixels be copied in whole chunks.
    pub fn pack(&self, plane: &[f32], runs: &[Run], panels: &mut [f32], mut line: usize) -> usize {
        let stride = self.window.stride[1];
        for run in runs {
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
        line
    }
}

/// Copies in whole chunks where it can. What that writes behind the run, the next runs write again.
#[inline(always)]
fn copy(from: &[f32], to: &mut [f32], length: usize) {
    let padded = length.next_multiple_of(CHUNK);
    match (from.get(..padded), to.get_mut(..padded)) {
        (Some(from), Some(to)) => {
            let (from, to) = (from.as_chunks::<CHUNK>().0, to.as_chunks_mut::<CHUNK>().0);
            match (from, to) {
                ([a], [to]) => *to = *a,
                ([a, b], [to_a, to_b]) => (*to_a, *to_b) = (*a, *b),
                (from, to) => to.copy_from_slice(from),
            }
        }
        _ => to[..length].copy_from_slice(&from[..length]),
    }
}
