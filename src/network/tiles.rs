//! The inner loop of convolutions: some neighbouring cells of some blocks of output channels, whose sums stay in registers.
//!
//! Of the input one value is read at a time and multiplied with vectors of weights, one for each block, so that cells need not
//! be gathered first (as in E. Georganas et al., "Anatomy of High-Performance Deep Learning Convolutions on SIMD Architectures",
//! 2018, arXiv:1808.05567).

use std::ops::Range;

use bytemuck::cast_slice_mut;
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use super::sigmoid::silu;
use super::vectors::{LONGEST, Limits, Line, lanes, load, prefetch, store, zeros};

/// Values of a cell where it has few channels, as a picture.
pub const FEW: usize = 4;

/// Blocks of output channels that are computed together, and where their weights start.
#[derive(Clone)]
struct Group {
    blocks: Range<usize>,
    start: usize,
}

/// The weights of a convolution in the order in which they are read: `[group][input block][place][input channel][blocks of the
/// group][lane]`.
pub struct PackedWeights {
    /// Input channels.
    pub inputs: usize,
    groups: Vec<Group>,
    values: Vec<Line>,
}

/// True with the 32 registers of AVX-512 and NEON; others have 16.
fn has_many_registers() -> bool {
    lanes() == 16 || cfg!(target_arch = "aarch64")
}

/// Most cells that are computed together, in so many blocks.
const fn most_cells(blocks: usize, lanes: usize) -> usize {
    match (blocks, lanes) {
        (4, _) => 6,
        (2, 8) => 6,
        // Old processors, on which little else would be fast either, are not worth their code.
        (_, ..8) if cfg!(not(target_arch = "aarch64")) => 4,
        _ => 8,
    }
}

/// Divides blocks of output channels into groups of 4, 2 and 1; where cells have few values, of 2 and 1.
fn divided(blocks: usize, is_few: bool) -> Vec<Range<usize>> {
    let most = if !is_few && has_many_registers() { 4 } else { 2 };
    let (mut groups, mut start) = (vec![], 0);
    while start < blocks {
        let count = [4, 2, 1].into_iter().find(|&count| count <= most.min(blocks - start)).unwrap_or(1);
        groups.push(start..start + count);
        start += count;
    }
    groups
}

impl PackedWeights {
    /// Packs `kernel`, `[outputs, inputs, places]`, for cells of `of_cell` values at most.
    pub fn new(kernel: &[f32], [outputs, inputs]: [usize; 2], of_cell: usize) -> Self {
        let lanes = lanes();
        let places = kernel.len() / (outputs * inputs).max(1);
        let blocks = outputs.div_ceil(lanes);
        let depth = inputs * places;
        let group = |blocks: Range<usize>| Group { start: blocks.start * lanes * depth, blocks };
        let groups: Vec<_> = divided(blocks, of_cell < lanes).into_iter().map(group).collect();
        let mut values = zeros(blocks * lanes * depth);
        let mut parts = vec![];
        let mut rest: &mut [f32] = &mut cast_slice_mut(&mut values)[..blocks * lanes * depth];
        for group in &groups {
            let (part, others) = rest.split_at_mut(group.blocks.len() * lanes * depth);
            parts.push((group, part));
            rest = others;
        }
        parts.into_par_iter().for_each(|(group, part)| {
            let width = group.blocks.len() * lanes;
            let channels = group.blocks.start * lanes..(group.blocks.end * lanes).min(outputs);
            let mut lines = part.chunks_exact_mut(width);
            for first in (0..inputs).step_by(of_cell) {
                for place in 0..places {
                    for input in first..(first + of_cell).min(inputs) {
                        let from =
                            channels.clone().map(|output| kernel[(output * inputs + input) * places + place]);
                        let line = lines.next().unwrap_or_default();
                        line.iter_mut().zip(from).for_each(|(to, from)| *to = from);
                    }
                }
            }
        });
        Self { inputs, groups, values }
    }

    /// Those of a kernel of one place, times one value for each input channel.
    pub fn scaled(&self, scale: &[f32]) -> Self {
        let mut values = self.values.clone();
        let mut rest: &mut [f32] = cast_slice_mut(&mut values);
        for group in &self.groups {
            let width = group.blocks.len() * lanes();
            let (own, others) = rest.split_at_mut(width * self.inputs);
            rest = others;
            for (weights, scale) in own.chunks_exact_mut(width).zip(scale) {
                weights.iter_mut().for_each(|weight| *weight *= scale);
            }
        }
        Self { inputs: self.inputs, groups: self.groups.clone(), values }
    }

    /// The number of groups of blocks.
    pub fn groups(&self) -> usize {
        self.groups.len()
    }

    /// The output blocks of a group.
    pub fn blocks(&self, group: usize) -> Range<usize> {
        self.groups[group].blocks.clone()
    }

    /// All weights of a group; none behind the last.
    pub fn of_group(&self, group: usize) -> &[f32] {
        let values: &[f32] = bytemuck::cast_slice(&self.values);
        let start = |group: usize| self.groups.get(group).map_or(values.len(), |group| group.start);
        &values[start(group)..start(group + 1)]
    }

    /// Values of all weights, in bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.values[..])
    }
}

/// What tiles read and what becomes of their sums.
#[derive(Clone, Copy)]
pub struct Multiplication<'a> {
    /// `[input block][cells]`
    pub values: &'a [f32],
    /// From one input block to the next.
    pub plane: usize,
    /// Of each place of the kernel, in values.
    pub places: &'a [usize],
    /// Input channels.
    pub inputs: usize,
    /// True where cells have [`FEW`] values.
    pub is_few: bool,
    /// Of one group.
    pub weights: &'a [f32],
    /// The weights that are read when this is done.
    pub following: &'a [f32],
    /// Of one group's blocks.
    pub biases: &'a [f32],
    /// What is added besides, of each block the same cells as are written.
    pub added: Option<&'a [&'a [f32]]>,
    /// What is done at the end.
    pub limits: Limits,
    /// Then SiLU.
    pub is_gated: bool,
}

/// Where tiles lie: for each size, what they read, in values behind each place, and where they write.
pub struct Tiles(Vec<(usize, Vec<[usize; 2]>)>);

impl Tiles {
    /// Divides `rows`, each of some cells that begin at a place where they are read and one where they are written, into tiles
    /// of about the same size, for groups of so many blocks. Cells that are read lie `pitch` values apart.
    pub fn new(blocks: usize, pitch: usize, rows: impl Iterator<Item = ([usize; 2], usize)>) -> Self {
        let lanes = lanes();
        let most = most_cells(blocks, lanes);
        let mut tiles: Vec<(usize, Vec<[usize; 2]>)> = (0..=most).map(|size| (size, vec![])).collect();
        for ([read, written], count) in rows {
            let parts = count.div_ceil(most);
            let mut start = 0;
            for part in 0..parts {
                let mut size = (part + 1) * count / parts - start;
                while size > 0 {
                    // There are fewer sizes of tiles whose cells have few values.
                    let now = if pitch < lanes { 1 << size.ilog2() } else { size };
                    tiles[now].1.push([read + start * pitch, written + start * lanes]);
                    (start, size) = (start + now, size - now);
                }
            }
        }
        tiles.retain(|(_, places)| !places.is_empty());
        Self(tiles)
    }
}

/// Values are asked for when so many blocks of the input are still to come before them.
const AHEAD: usize = 2;

/// Weights that stay in the first-level cache.
const NEAR: usize = 8192;

/// Multiplies all tiles, and writes to `out`, one for each block of the group.
pub fn multiply(multiplication: &Multiplication, tiles: &Tiles, out: &mut [&mut [f32]]) {
    let Multiplication { values, plane, places, inputs, weights, following, is_few, .. } = *multiplication;
    let pitch = if is_few { FEW } else { lanes() };
    let of_block = places.len() * pitch * out.len() * lanes();
    // Many weights are not read anew for each tile: some input blocks at a time, whose sums are gone on from.
    let together =
        match weights.len() > 3 * NEAR && tiles.0.iter().map(|(_, places)| places.len()).sum::<usize>() > 2 {
            true => (NEAR / of_block).max(1),
            false => inputs.div_ceil(pitch),
        };
    let mut parts = weights.chunks(together * of_block).enumerate().peekable();
    while let Some((number, weights)) = parts.next() {
        let first = number * together;
        let next = parts.peek().map_or(following, |(_, next)| next);
        let end = ((first + together) * plane).min(values.len());
        let part = Multiplication {
            values: &values[first * plane..end],
            inputs: (inputs - first * pitch).min(together * pitch),
            weights,
            following: &next[..next.len().min(weights.len())],
            ..*multiplication
        };
        let is_last = first + together >= inputs.div_ceil(pitch);
        multiply_part(&part, [number == 0, is_last], tiles, out);
    }
}

fn multiply_part(
    multiplication: &Multiplication,
    [is_first, is_last]: [bool; 2],
    tiles: &Tiles,
    out: &mut [&mut [f32]],
) {
    let (is_few, blocks) = (multiplication.is_few, out.len());
    let ahead = &mut &*multiplication.following;
    for (size, places) in &tiles.0 {
        macro_rules! of_size {
            ($($few:literal $blocks:literal: $($cells:literal)*,)*) => {
                match (is_few, blocks, *size) {
                    $($(($few, $blocks, $cells) => AutoArch::new().dispatch(
                        OfSize::<$blocks, $cells, $few> { multiplication, is_first, is_last, places, ahead, out },
                    ),)*)*
                    _ => unreachable!("no tile is that large"),
                }
            };
        }
        of_size!(
            false 1: 1 2 3 4 5 6 7 8,
            false 2: 1 2 3 4 5 6 7 8,
            false 4: 1 2 3 4 5 6,
            true 1: 1 2 4 8,
            true 2: 1 2 4 8,
        );
    }
}

/// Tiles of one size.
struct OfSize<'a, 'w, 'out, const BLOCKS: usize, const CELLS: usize, const IS_FEW: bool> {
    multiplication: &'a Multiplication<'a>,
    /// The sums begin here; otherwise they go on from what is written already.
    is_first: bool,
    /// They end here.
    is_last: bool,
    places: &'a [[usize; 2]],
    /// What of the weights that follow is not on its way yet: a line for each value of a tile, so that they come while
    /// these are multiplied.
    ahead: &'a mut &'w [f32],
    out: &'a mut [&'out mut [f32]],
}

/// Does something for each cell of a tile: written out one by one, because LLVM would keep a loop over many, and with it the
/// sums in memory.
macro_rules! each_cell {
    ($cell:ident < $count:ident => $body:block) => {
        $crate::network::tiles::each_cell!($cell < $count => $body: 0 1 2 3 4 5 6 7)
    };
    ($cell:ident < $count:ident => $body:block: $($number:literal)*) => {{$({
        const $cell: usize = $number;
        if $cell < $count $body
    })*}};
}
pub(super) use each_cell;

impl<const BLOCKS: usize, const CELLS: usize, const IS_FEW: bool> WithSimd
    for OfSize<'_, '_, '_, BLOCKS, CELLS, IS_FEW>
{
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { multiplication, is_first, is_last, places, ahead, out } = self;
        let lanes = f32::lanes::<S>();
        // No code for what does not happen.
        if CELLS > most_cells(BLOCKS, lanes)
            || (BLOCKS > 2 && lanes < 16 && cfg!(not(target_arch = "aarch64")))
        {
            return;
        }
        let Multiplication { biases, added, limits, is_gated, .. } = *multiplication;
        let limits = if is_last { limits } else { Limits::NONE };
        for [read, written] in places {
            let mut sums = [[0.0f32.splat::<S>(); BLOCKS]; CELLS];
            for block in 0..BLOCKS {
                let bias = load::<S>(&biases[block * lanes..]);
                let start = match (is_first, added) {
                    (true, None) => {
                        each_cell!(CELL < CELLS => { sums[CELL][block] = bias; });
                        continue;
                    }
                    (true, Some(added)) => &added[block][*written..][..CELLS * lanes],
                    (false, _) => &out[block][*written..][..CELLS * lanes],
                };
                let bias = if is_first { bias } else { 0.0f32.splat::<S>() };
                each_cell!(CELL < CELLS => {
                    sums[CELL][block] = load::<S>(&start[CELL * lanes..]) + bias;
                });
            }
            let sums = sum_up::<S, BLOCKS, CELLS, IS_FEW>(multiplication, *read, ahead, sums);
            for block in 0..BLOCKS {
                let out = &mut out[block][*written..][..CELLS * lanes];
                each_cell!(CELL < CELLS => {
                    store::<S>(limits.apply::<S>(sums[CELL][block]), &mut out[CELL * lanes..]);
                });
                if is_last && is_gated {
                    out.chunks_exact_mut(lanes).for_each(
                        #[inline(always)]
                        |out| store::<S>(silu::<S>(load::<S>(out)), out),
                    );
                }
            }
        }
    }
}

/// Adds what belongs to `CELLS` cells in `BLOCKS` blocks. Cells have [`FEW`] values, or as many as a vector.
#[inline(always)]
fn sum_up<S: Simd, const BLOCKS: usize, const CELLS: usize, const IS_FEW: bool>(
    multiplication: &Multiplication,
    read: usize,
    ahead: &mut &[f32],
    mut sums: [[Vector<S, f32>; BLOCKS]; CELLS],
) -> [[Vector<S, f32>; BLOCKS]; CELLS] {
    let lanes = f32::lanes::<S>();
    let pitch = if IS_FEW { FEW } else { lanes };
    let Multiplication { values: all, plane, places, inputs, mut weights, .. } = *multiplication;
    let mut following = *ahead;
    for (block, values) in all.chunks(plane).enumerate() {
        if !IS_FEW {
            // Another core may have written them.
            let soon = all.get((block + AHEAD) * plane + read..).unwrap_or_default();
            let soon = soon.as_chunks::<LONGEST>().0;
            soon.iter().take(CELLS * lanes / LONGEST).for_each(prefetch);
        }
        let count = inputs.saturating_sub(block * pitch).min(pitch);
        for place in places {
            let values = &values[place + read..][..CELLS * pitch];
            let (now, rest) = weights.split_at(count * BLOCKS * lanes);
            weights = rest;
            for (channel, weights) in (0..count).zip(now.chunks_exact(BLOCKS * lanes)) {
                let weights: [Vector<S, f32>; BLOCKS] =
                    std::array::from_fn(|block| load::<S>(&weights[block * lanes..]));
                if let Some((line, rest)) = following.split_first_chunk::<LONGEST>() {
                    prefetch(line);
                    following = rest;
                }
                each_cell!(CELL < CELLS => {
                    let value = values[CELL * pitch + channel].splat::<S>();
                    sums[CELL][0] = weights[0].mul_add(value, sums[CELL][0]);
                    if BLOCKS > 1 {
                        sums[CELL][1 % BLOCKS] = weights[1 % BLOCKS].mul_add(value, sums[CELL][1 % BLOCKS]);
                    }
                    if BLOCKS > 2 {
                        sums[CELL][2 % BLOCKS] = weights[2 % BLOCKS].mul_add(value, sums[CELL][2 % BLOCKS]);
                    }
                    if BLOCKS > 3 {
                        sums[CELL][3 % BLOCKS] = weights[3 % BLOCKS].mul_add(value, sums[CELL][3 % BLOCKS]);
                    }
                });
            }
        }
    }
    *ahead = following;
    sums
}
