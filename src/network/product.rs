//! The inner loop of [`super::conv`]: packed weights times a packed tile of pixels.
//!
//! `macerator` compiles it for AVX-512, AVX2, SSE, NEON and without vectors, and picks at run time.

use std::ops::Range;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};

use crate::model::Window;

/// What a sum is kept between before it is written: a ReLU costs nothing there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits(pub f32, pub f32);

impl Limits {
    /// Any value.
    pub const NONE: Self = Self(f32::NEG_INFINITY, f32::INFINITY);

    /// max(0, x).
    pub const RELU: Self = Self(0.0, f32::INFINITY);
}

/// Values that are copied at once.
pub const CHUNK: usize = 16;

/// Vectors side by side in a tile.
const VECTORS: usize = 2;

/// Most output channels that are computed together.
pub const MOST_ROWS: usize = 12;

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
    /// So many places of the kernel in a row read the same line of a panel, each one value further on.
    shifts: usize,
    lanes: usize,
    blocks: Vec<Block>,
    weights: Vec<f32>,
    biases: Vec<f32>,
}

impl PackedKernel {
    /// Packs `kernel` (`[outputs, input channels, height, width]`) and one bias for each output, if there are any.
    pub fn new(kernel: &[f32], bias: Option<&[f32]>, outputs: usize, window: Window) -> Self {
        Self::shifted(kernel, bias, outputs, window, 1)
    }

    /// The same, for panels with a line for each `shifts` places of the kernel, which are 1, 3 or 5.
    pub fn shifted(
        kernel: &[f32],
        bias: Option<&[f32]>,
        outputs: usize,
        window: Window,
        shifts: usize,
    ) -> Self {
        let lanes = AutoArch::new().dispatch(Lanes);
        // With two vectors a row, 24 sums leave room in the 32 registers of AVX-512 and NEON, 12 in 16 registers.
        let (most, step) = if lanes == 8 { (6, 2) } else { (MOST_ROWS, 4) };
        let depth = kernel.len() / outputs.max(1);
        let (mut blocks, mut weights, mut biases) = (vec![], Vec::with_capacity(kernel.len()), vec![]);
        let (mut count, threads) = (outputs.div_ceil(most), rayon::current_num_threads());
        let mut steps = count * most / step;
        // Large blocks are shared out evenly. Small ones are so already, and would be slower still.
        if most == MOST_ROWS && count > threads {
            count = count.next_multiple_of(threads);
            steps = outputs.div_ceil(step);
        }
        for block in 0..count {
            let start = |block: usize| (block * steps / count * step).min(outputs);
            let channels = start(block)..start(block + 1);
            let first = channels.start;
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
        Self { window, depth, shifts, lanes, blocks, weights, biases }
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

    /// The number of blocks of output channels.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Rows of a block.
    pub fn rows(&self, block: usize) -> usize {
        self.blocks[block].rows
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

/// Multiplies `blocks` of a kernel with tiles: for each its first column, how many values its lines are wide, and its panel.
/// Products go to `rows`, one for each output channel, of so many columns.
pub fn multiply<'a>(
    kernel: &PackedKernel,
    blocks: Range<usize>,
    limits: Limits,
    tiles: impl Iterator<Item = (usize, usize, &'a [f32])>,
    rows: &mut [&mut [f32]],
) {
    AutoArch::new().dispatch(Rows { kernel, blocks, limits, tiles, rows });
}

/// Multiplies one block of a kernel with one tile, or with half of one, into `[rows][tile]`, or half as wide. Each line of
/// its panel begins `pitch` values after the one before.
pub fn multiply_block(
    kernel: &PackedKernel,
    block: usize,
    (panel, pitch): (&[f32], usize),
    is_half: bool,
    out: &mut [Line],
) {
    AutoArch::new().dispatch(OneBlock { kernel, block, panel, pitch, is_half, out });
}

/// How many values a vector has.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self) -> usize {
        f32::lanes::<S>()
    }
}

struct Rows<'a, 'row, T> {
    kernel: &'a PackedKernel,
    blocks: Range<usize>,
    limits: Limits,
    tiles: T,
    rows: &'a mut [&'row mut [f32]],
}

impl<'panel, T: Iterator<Item = (usize, usize, &'panel [f32])>> WithSimd for Rows<'_, '_, T> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { kernel, blocks, limits, tiles, rows } = self;
        for (first, width, panel) in tiles {
            match width < kernel.tile() {
                false => rows_of::<S, 2>(kernel, &blocks, limits, (panel, width), rows, first),
                true => rows_of::<S, 1>(kernel, &blocks, limits, (panel, width), rows, first),
            }
        }
    }
}

/// One tile into rows, from a column on, as far as they go.
#[inline(always)]
fn rows_of<S: Simd, const SIDE: usize>(
    kernel: &PackedKernel,
    blocks: &Range<usize>,
    limits: Limits,
    from: (&[f32], usize),
    rows: &mut [&mut [f32]],
    first: usize,
) {
    let (lanes, start) = (f32::lanes::<S>(), kernel.channels(blocks).start);
    for block in &kernel.blocks[blocks.clone()] {
        let mut local = [[0.0f32.splat::<S>(); SIDE]; MOST_ROWS];
        product_of::<S, SIDE, 1>(kernel, block, from, limits, &mut local);
        let rows = &mut rows[block.channels.start - start..block.channels.end - start];
        for (row, finished) in rows.iter_mut().zip(&local) {
            let (row, finished): (_, &[f32]) = (&mut row[first..], cast_slice(finished));
            // Whole vectors, of a length that the compiler knows, take a tenth of what a call for any length does.
            if row.len() >= finished.len() {
                for (row, finished) in row.chunks_exact_mut(lanes).zip(finished.chunks_exact(lanes)) {
                    row.copy_from_slice(finished);
                }
            } else {
                row.copy_from_slice(&finished[..row.len()]);
            }
        }
    }
}

struct OneBlock<'a> {
    kernel: &'a PackedKernel,
    block: usize,
    panel: &'a [f32],
    pitch: usize,
    is_half: bool,
    out: &'a mut [Line],
}

impl WithSimd for OneBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        match (self.kernel.shifts, self.is_half) {
            (1, false) => self.run::<S, 2, 1>(),
            (1, true) => self.run::<S, 1, 1>(),
            (3, false) => self.run::<S, 2, 3>(),
            (3, true) => self.run::<S, 1, 3>(),
            (_, false) => self.run::<S, 2, 5>(),
            (_, true) => self.run::<S, 1, 5>(),
        }
    }
}

impl OneBlock<'_> {
    #[inline(always)]
    fn run<S: Simd, const SIDE: usize, const SHIFTS: usize>(self) {
        let Self { kernel, block, panel, pitch, out, .. } = self;
        let out = cast_slice_mut::<Line, Vector<S, f32>>(out).as_chunks_mut::<SIDE>().0;
        product_of::<S, SIDE, SHIFTS>(kernel, &kernel.blocks[block], (panel, pitch), Limits::NONE, out);
    }
}

/// One block times one tile.
#[inline(always)]
fn product_of<S: Simd, const SIDE: usize, const SHIFTS: usize>(
    kernel: &PackedKernel,
    block: &Block,
    (panel, pitch): (&[f32], usize),
    limits: Limits,
    to: &mut [[Vector<S, f32>; SIDE]],
) {
    let weights = &kernel.weights[block.weights..][..block.rows * kernel.depth];
    let biases = &kernel.biases[block.biases..][..block.rows];
    let from = (weights, biases, panel, pitch, limits);
    match block.rows {
        12 => product::<S, 12, SIDE, SHIFTS>(from, to),
        8 => product::<S, 8, SIDE, SHIFTS>(from, to),
        6 => product::<S, 6, SIDE, SHIFTS>(from, to),
        4 => product::<S, 4, SIDE, SHIFTS>(from, to),
        _ => product::<S, 2, SIDE, SHIFTS>(from, to),
    }
}

/// Sums over the depth in registers, and writes them once.
#[inline(always)]
fn product<S: Simd, const ROWS: usize, const SIDE: usize, const SHIFTS: usize>(
    (weights, biases, panel, pitch, Limits(low, high)): (&[f32], &[f32], &[f32], usize, Limits),
    out: &mut [[Vector<S, f32>; SIDE]],
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
    let lanes = f32::lanes::<S>();
    let weights = weights.as_chunks::<ROWS>().0.as_chunks::<SHIFTS>().0;
    for (weights, line) in weights.iter().zip(panel.chunks(pitch)) {
        let line = &line[..SIDE * lanes + SHIFTS - 1];
        for (shift, weights) in weights.iter().enumerate() {
            let values: [Vector<S, f32>; SIDE] = std::array::from_fn(|side| {
                pod_read_unaligned(cast_slice(&line[shift + side * lanes..][..lanes]))
            });
            each_row!(ROW => {
                let weight = weights[ROW].splat::<S>();
                for side in 0..SIDE {
                    sums[ROW][side] = weight.mul_add(values[side], sums[ROW][side]);
                }
            });
        }
    }
    let (low, high) = (low.splat::<S>(), high.splat::<S>());
    let (out, biases) = (&mut out[..ROWS], &biases[..ROWS]);
    each_row!(ROW => {
        for side in 0..SIDE {
            let sum = sums[ROW][side] + biases[ROW].splat::<S>();
            // In this order NaN stays NaN on x86, as it does in Burn.
            out[ROW][side] = high.min(low.max(sum));
        }
    });
}
