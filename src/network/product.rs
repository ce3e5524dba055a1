//! The inner loop of [`super::conv`]: packed weights times a packed tile of pixels.
//!
//! `macerator` compiles it for AVX-512, AVX2, SSE, NEON and without vectors, and picks at run time.

use std::ops::Range;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};

use crate::model::Window;

/// Values that are copied at once.
pub const CHUNK: usize = 16;

/// Vectors side by side in a tile.
const VECTORS: usize = 2;

/// Memory that every vector type is aligned in.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C, align(64))]
pub struct Line(pub [f32; CHUNK]);

/// The first `count` values of `lines`, which grows as needed.
pub fn as_floats(lines: &mut Vec<Line>, count: usize) -> &mut [f32] {
    let needed = count.div_ceil(CHUNK);
    if lines.len() < needed {
        lines.resize(needed, Line([0.0; CHUNK]));
    }
    &mut cast_slice_mut(lines)[..count]
}

/// Output channels that are computed together.
struct Block {
    channels: Range<usize>,
    /// Rows of the product: up to three more than channels.
    rows: usize,
    /// Where its weights start, `[depth][rows]`.
    weights: usize,
    /// Where its biases start.
    biases: usize,
}

/// The parameters of a convolution in the order in which they are read.
pub struct PackedKernel {
    window: Window,
    depth: usize,
    lanes: usize,
    blocks: Vec<Block>,
    weights: Vec<f32>,
    biases: Vec<f32>,
}

impl PackedKernel {
    /// Packs `kernel` (`[outputs, input channels, height, width]`) and one bias for each output, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, outputs: usize, window: Window) -> Self {
        let lanes = AutoArch::new().dispatch(Lanes);
        // With two vectors a row, 24 sums leave room in the 32 registers of AVX-512 and NEON, 12 in 16 registers.
        let (most, step) = if lanes == 8 { (6, 2) } else { (12, 4) };
        let depth = kernel.len() / outputs.max(1);
        let (mut blocks, mut weights, mut biases) = (vec![], Vec::with_capacity(kernel.len()), vec![]);
        for first in (0..outputs).step_by(most) {
            let channels = first..(first + most).min(outputs);
            let rows = channels.len().next_multiple_of(step);
            blocks.push(Block {
                channels: channels.clone(),
                rows,
                weights: weights.len(),
                biases: biases.len(),
            });
            let of_channel = |channel: usize| &kernel[channel * depth..][..depth];
            let of_block: Vec<_> = channels.clone().map(of_channel).collect();
            for place in 0..depth {
                weights.extend(of_block.iter().map(|weights| weights[place]));
                weights.extend((channels.len()..rows).map(|_| 0.0));
            }
            let of_channel = |row: usize| bias.and_then(|bias| bias.get(first + row)).copied().unwrap_or(0.0);
            biases.extend((0..rows).map(of_channel));
        }
        Self { window, depth, lanes, blocks, weights, biases }
    }

    /// Its window.
    pub fn window(&self) -> Window {
        self.window
    }

    /// Input channels × places of the kernel.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Pixels that are computed together.
    pub fn tile(&self) -> usize {
        VECTORS * self.lanes
    }

    /// All blocks of output channels in up to `count` groups of about the same size.
    pub fn groups(&self, count: usize) -> impl Iterator<Item = Range<usize>> {
        let blocks = self.blocks.len();
        let count = count.min(blocks);
        (0..count).map(move |group| group * blocks / count..(group + 1) * blocks / count)
    }

    /// The output channels of these blocks.
    pub fn channels(&self, blocks: &Range<usize>) -> Range<usize> {
        let blocks = &self.blocks[blocks.clone()];
        let (first, last) = (blocks.first(), blocks.last());
        first.map_or(0, |block| block.channels.start)..last.map_or(0, |block| block.channels.end)
    }
}

/// Multiplies `blocks` of a kernel with one packed tile (`[depth][tile]`, or half as wide where `columns` are no more)
/// and writes `columns` of `rows`, the output channels of these blocks.
pub fn multiply(
    kernel: &PackedKernel,
    blocks: Range<usize>,
    relu: bool,
    panel: &[f32],
    rows: &mut [&mut [f32]],
    columns: Range<usize>,
) {
    AutoArch::new().dispatch(Multiply { kernel, blocks, relu, panel, rows, columns });
}

/// How many values a vector has.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self) -> usize {
        f32::lanes::<S>()
    }
}

struct Multiply<'a, 'out> {
    kernel: &'a PackedKernel,
    blocks: Range<usize>,
    relu: bool,
    panel: &'a [f32],
    rows: &'a mut [&'out mut [f32]],
    columns: Range<usize>,
}

impl WithSimd for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { kernel, blocks, relu, panel, rows, columns } = self;
        let lines = kernel.depth * kernel.tile();
        let panel: &[Vector<S, f32>] = cast_slice(&panel[..lines]);
        let first = kernel.channels(&blocks).start;
        let is_half = columns.len() <= kernel.lanes;
        for block in &kernel.blocks[blocks] {
            let weights = &kernel.weights[block.weights..][..block.rows * kernel.depth];
            let biases = &kernel.biases[block.biases..][..block.rows];
            let rows = &mut rows[block.channels.start - first..block.channels.end - first];
            let out = (rows, columns.clone());
            match (block.rows, is_half) {
                (12, false) => product::<S, 12, 2>(weights, biases, panel, relu, out),
                (12, true) => product::<S, 12, 1>(weights, biases, panel, relu, out),
                (8, false) => product::<S, 8, 2>(weights, biases, panel, relu, out),
                (8, true) => product::<S, 8, 1>(weights, biases, panel, relu, out),
                (6, false) => product::<S, 6, 2>(weights, biases, panel, relu, out),
                (6, true) => product::<S, 6, 1>(weights, biases, panel, relu, out),
                (4, false) => product::<S, 4, 2>(weights, biases, panel, relu, out),
                (4, true) => product::<S, 4, 1>(weights, biases, panel, relu, out),
                (_, false) => product::<S, 2, 2>(weights, biases, panel, relu, out),
                (_, true) => product::<S, 2, 1>(weights, biases, panel, relu, out),
            }
        }
    }
}

/// Sums over the depth in registers, and writes them once.
#[inline(always)]
fn product<S: Simd, const ROWS: usize, const SIDE: usize>(
    weights: &[f32],
    biases: &[f32],
    panel: &[Vector<S, f32>],
    relu: bool,
    (rows, columns): (&mut [&mut [f32]], Range<usize>),
) {
    // Written out row by row: of twelve rows LLVM would keep loops, and with them the sums in memory.
    macro_rules! each_row {
        ($row:ident => $body:block) => { each_row!($row => $body: 0 1 2 3 4 5 6 7 8 9 10 11) };
        ($row:ident => $body:block: $($number:literal)*) => {{$({
            const $row: usize = $number;
            if $row < ROWS $body
        })*}};
    }
    let mut sums = [[0.0f32.splat::<S>(); SIDE]; ROWS];
    for (weights, values) in weights.as_chunks::<ROWS>().0.iter().zip(panel.as_chunks::<SIDE>().0) {
        each_row!(ROW => {
            let weight = weights[ROW].splat::<S>();
            for side in 0..SIDE {
                sums[ROW][side] = weight.mul_add(values[side], sums[ROW][side]);
            }
        });
    }
    // A second array, so that only this one has an address.
    let zero = 0.0f32.splat::<S>();
    let mut finished = [[zero; SIDE]; ROWS];
    each_row!(ROW => {
        for side in 0..SIDE {
            let sum = sums[ROW][side] + biases[ROW].splat::<S>();
            // In this order NaN stays NaN on x86, as it does in Burn.
            finished[ROW][side] = if relu { zero.max(sum) } else { sum };
        }
    });
    let lanes = f32::lanes::<S>();
    for (row, finished) in rows.iter_mut().zip(&finished) {
        let (row, finished): (_, &[f32]) = (&mut row[columns.clone()], cast_slice(finished));
        // Whole vectors, of a length that the compiler knows, take a tenth of what a call for any length does.
        if row.len() == finished.len() {
            for (row, finished) in row.chunks_exact_mut(lanes).zip(finished.chunks_exact(lanes)) {
                row.copy_from_slice(finished);
            }
        } else {
            row.copy_from_slice(&finished[..row.len()]);
        }
    }
}
