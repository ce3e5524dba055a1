//! Maps on the CPU, in blocks of as many channels as a vector has values.

use std::sync::Arc;

use rayon::prelude::*;

use super::vectors::{Line, lanes};
use crate::model::Shape;

/// The maps of one or several images, `[image][block][row][column][lane]`. What is behind the last channel means nothing, but
/// is finite where all channels are.
#[derive(Clone)]
pub struct Blocked {
    /// How many images.
    pub batch: usize,
    /// Of each.
    pub shape: Shape,
    lines: Arc<Vec<Line>>,
}

/// Values of an image in blocks.
pub fn blocked_len(shape: Shape) -> usize {
    shape.channels.next_multiple_of(lanes()) * shape.height * shape.width
}

impl Blocked {
    /// Of lines that hold at least as many values.
    pub fn new(batch: usize, shape: Shape, lines: Vec<Line>) -> Self {
        Self { batch, shape, lines: Arc::new(lines) }
    }

    /// All values.
    pub fn values(&self) -> &[f32] {
        &bytemuck::cast_slice(&self.lines)[..self.batch * blocked_len(self.shape)]
    }

    /// Its memory, where nobody else has it.
    pub fn into_lines(self) -> Result<Vec<Line>, Self> {
        let Self { batch, shape, lines } = self;
        Arc::try_unwrap(lines).map_err(|lines| Self { batch, shape, lines })
    }
}

/// Channels are moved in tiles of so many cells, which stay in the first-level cache.
const CELLS: usize = 64;

/// Brings `[channel][row][column]` into blocks.
pub fn to_blocks(planes: &[f32], shape: Shape, out: &mut [f32]) {
    let (lanes, cells) = (lanes(), shape.height * shape.width);
    let blocks = planes.par_chunks(lanes * cells).zip(out.par_chunks_exact_mut(lanes * cells));
    blocks.for_each(|(planes, out)| {
        for (part, out) in out.chunks_mut(CELLS * lanes).enumerate() {
            let channels = planes.len() / cells;
            for (channel, plane) in planes.chunks_exact(cells).enumerate() {
                let values = &plane[part * CELLS..];
                out.iter_mut().skip(channel).step_by(lanes).zip(values).for_each(|(to, from)| *to = *from);
            }
            for channel in channels..lanes {
                out.iter_mut().skip(channel).step_by(lanes).for_each(|to| *to = 0.0);
            }
        }
    });
}

/// Brings blocks into `[channel][row][column]`.
pub fn to_planes(blocks: &[f32], shape: Shape, out: &mut [f32]) {
    let (lanes, cells) = (lanes(), shape.height * shape.width);
    let blocks = blocks.par_chunks_exact(lanes * cells).zip(out.par_chunks_mut(lanes * cells));
    blocks.for_each(|(block, out)| {
        for (part, block) in block.chunks(CELLS * lanes).enumerate() {
            for (channel, plane) in out.chunks_exact_mut(cells).enumerate() {
                let to = &mut plane[part * CELLS..];
                to.iter_mut().zip(block[channel..].iter().step_by(lanes)).for_each(|(to, from)| *to = *from);
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_nothing_changes() {
        for channels in [1, 3, 16, 37] {
            let shape = Shape { channels, height: 9, width: 23 };
            let planes: Vec<f32> = (0..shape.len()).map(|at| at as f32).collect();
            let mut blocks = vec![f32::NAN; blocked_len(shape)];
            to_blocks(&planes, shape, &mut blocks);
            assert_eq!(blocks[lanes()], 1.0);
            assert!(blocks.iter().all(|value| !value.is_nan()));
            let mut back = vec![0.0; shape.len()];
            to_planes(&blocks, shape, &mut back);
            assert_eq!(back, planes);
        }
    }
}
