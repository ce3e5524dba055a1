//! The inner loop of [`super::conv`]: packed weights times a packed tile of pixels.
//!
//! `macerator` compiles it for AVX-512, AVX2, SSE, NEON and without vectors, and picks at run time.

use std::ops::Range;

use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};

use crate::model::Window;

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

/// Where products go.
pub enum Out<'a, 'row> {
    /// `columns` of one row for each output channel.
    Rows(&'a mut [&'row mut [f32]], Range<usize>),
    /// A block, `[rows][tile]`, or half as wide.
    Block(&'a mut [Line]),
}

/// Multiplies `blocks` of a kernel with one tile, or with half of one. Each line of its panel begins `pitch` values after
/// the one before.
pub fn multiply(
    kernel: &PackedKernel,
    blocks: Range<usize>,
    relu: bool,
    (panel, pitch): (&[f32], usize),
    is_half: bool,
    out: Out,
) {
    AutoArch::new().dispatch(Multiply { kernel, blocks, relu, panel, pitch, is_half, out });
}

/// How many values a vector has.
struct Lanes;

impl WithSimd for Lanes {
    type Output = usize;

    fn with_simd<S: Simd>(self) -> usize {
        f32::lanes::<S>()
    }
}

struct Multiply<'a, 'row> {
    kernel: &'a PackedKernel,
    blocks: Range<usize>,
    relu: bool,
    panel: &'a [f32],
    pitch: usize,
    is_half: bool,
    out: Out<'a, 'row>,
}

impl WithSimd for Multiply<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        match (self.kernel.shifts, self.is_half) {
            (1, false) => self.run::<S, 1, 2>(),
            (1, true) => self.run::<S, 1, 1>(),
            (3, false) => self.run::<S, 3, 2>(),
            (3, true) => self.run::<S, 3, 1>(),
            (_, false) => self.run::<S, 5, 2>(),
            (_, true) => self.run::<S, 5, 1>(),
        }
    }
}

impl Multiply<'_, '_> {
    #[inline(always)]
    fn run<S: Simd, const SHIFTS: usize, const SIDE: usize>(self) {
        let Self { kernel, blocks, relu, panel, pitch, mut out, .. } = self;
        let first = kernel.channels(&blocks).start;
        let zero = 0.0f32.splat::<S>();
        for block in &kernel.blocks[blocks] {
            let weights = &kernel.weights[block.weights..][..block.rows * kernel.depth];
            let biases = &kernel.biases[block.biases..][..block.rows];
            let from = (weights, biases, panel, pitch, relu);
            let mut local = [[zero; SIDE]; MOST_ROWS];
            let to = match &mut out {
                Out::Rows(..) => &mut local[..],
                Out::Block(lines) => cast_slice_mut::<Line, Vector<S, f32>>(lines).as_chunks_mut::<SIDE>().0,
            };
            match block.rows {
                12 => product::<S, 12, SIDE, SHIFTS>(from, to),
                8 => product::<S, 8, SIDE, SHIFTS>(from, to),
                6 => product::<S, 6, SIDE, SHIFTS>(from, to),
                4 => product::<S, 4, SIDE, SHIFTS>(from, to),
                _ => product::<S, 2, SIDE, SHIFTS>(from, to),
            }
            let Out::Rows(rows, columns) = &mut out else { continue };
            let lanes = f32::lanes::<S>();
            let rows = &mut rows[block.channels.start - first..block.channels.end - first];
            for (row, finished) in rows.iter_mut().zip(&local) {
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
    }
}

/// Sums over the depth in registers, and writes them once.
#[inline(always)]
fn product<S: Simd, const ROWS: usize, const SIDE: usize, const SHIFTS: usize>(
    (weights, biases, panel, pitch, relu): (&[f32], &[f32], &[f32], usize, bool),
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
    let zero = 0.0f32.splat::<S>();
    let (out, biases) = (&mut out[..ROWS], &biases[..ROWS]);
    each_row!(ROW => {
        for side in 0..SIDE {
            let sum = sums[ROW][side] + biases[ROW].splat::<S>();
            // In this order NaN stays NaN on x86, as it does in Burn.
            out[ROW][side] = if relu { zero.max(sum) } else { sum };
        }
    });
}
