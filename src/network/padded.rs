//! What a convolution reads, where neighbours and padding lie as its tiles want them.

use macerator::{AutoArch, Scalar, Simd, WithSimd};
use rayon::prelude::*;

use super::tiles::FEW;
use super::vectors::{Line, as_floats, lanes, load, store};
use crate::model::{Shape, Window};

/// The values of one image.
#[derive(Clone, Copy)]
pub enum Image<'a> {
    /// `[block][row][column][lane]`
    Blocks(&'a [f32]),
    /// `[channel][row][column]`, of few channels.
    Planes(&'a [f32]),
}

/// What the tiles of a convolution read. Columns that a step of the stride reads together lie side by side.
pub struct Padded<'a> {
    /// `[input block][…]`
    pub values: &'a [f32],
    /// From one input block to the next.
    pub plane: usize,
    /// Where each place of the kernel reads for the first cell.
    pub places: Vec<usize>,
    /// From one output row to the next.
    pub step: usize,
    /// Rows and columns of the output; where nothing lies between the rows, they are a single one.
    pub rows: [usize; 2],
}

/// Where rows and columns go: those of each phase of the stride by themselves.
struct Phases {
    window: Window,
    input: Shape,
    /// The phases that any place of the kernel reads.
    used: Vec<[usize; 2]>,
    rows: usize,
    columns: usize,
    /// Values of a cell.
    pitch: usize,
}

impl Phases {
    fn new(window: Window, input: Shape, pitch: usize) -> Self {
        let Window { kernel, stride, padding, padding_after, dilation } = window;
        let side = |axis: usize, length: usize| {
            (length + padding[axis] + padding_after[axis]).div_ceil(stride[axis])
        };
        let phases = |axis: usize| {
            let mut phases: Vec<_> = (0..kernel[axis]).map(|at| at * dilation[axis] % stride[axis]).collect();
            phases.sort_unstable();
            phases.dedup();
            phases
        };
        let (of_rows, of_columns) = (phases(0), phases(1));
        let used = of_rows.iter().flat_map(|row| of_columns.iter().map(move |column| [*row, *column]));
        Self {
            window,
            input,
            used: used.collect(),
            rows: side(0, input.height),
            columns: side(1, input.width),
            pitch,
        }
    }

    /// Values of a row.
    fn row(&self) -> usize {
        self.columns * self.pitch
    }

    fn places(&self) -> Vec<usize> {
        let Window { kernel, stride, dilation, .. } = self.window;
        let place = |at: usize| {
            let [row, column] = [at / kernel[1] * dilation[0], at % kernel[1] * dilation[1]];
            let phase = [row % stride[0], column % stride[1]];
            let number = self.used.iter().position(|used| *used == phase).unwrap_or(0);
            (number * self.rows + row / stride[0]) * self.row() + column / stride[1] * self.pitch
        };
        (0..kernel[0] * kernel[1]).map(place).collect()
    }

    /// Writes one row, `number` of all phases and rows of a block.
    #[inline(always)]
    fn fill<S: Simd>(&self, image: Image, block: usize, number: usize, to: &mut [f32]) {
        let Window { stride, padding, .. } = self.window;
        let Shape { channels, height, width } = self.input;
        let [phase_y, phase_x] = self.used[number / self.rows];
        let y = (number % self.rows * stride[0] + phase_y).wrapping_sub(padding[0]);
        if y >= height {
            return to.fill(0.0);
        }
        // The columns that lie in the picture.
        let before = |end: usize| end.saturating_sub(phase_x).div_ceil(stride[1]).min(self.columns);
        let (start, end) = (before(padding[1]), before(padding[1] + width));
        if start == end {
            return to.fill(0.0);
        }
        let first = start * stride[1] + phase_x - padding[1];
        let (left, rest) = to.split_at_mut(start * self.pitch);
        let (middle, right) = rest.split_at_mut((end - start) * self.pitch);
        left.fill(0.0);
        right.fill(0.0);
        match image {
            Image::Blocks(values) => {
                let lanes = f32::lanes::<S>();
                let row = &values[((block * height + y) * width + first) * lanes..];
                if stride[1] == 1 {
                    return middle.copy_from_slice(&row[..middle.len()]);
                }
                for (to, from) in middle.chunks_exact_mut(lanes).zip(row.chunks(stride[1] * lanes)) {
                    store::<S>(load::<S>(from), to);
                }
            }
            Image::Planes(values) => {
                for channel in 0..channels {
                    let row = &values[(channel * height + y) * width + first..];
                    let cells = middle.as_chunks_mut::<FEW>().0.iter_mut();
                    let from = row.iter().step_by(stride[1]);
                    cells.zip(from).for_each(|(to, from)| to[channel] = *from);
                }
            }
        }
    }
}

/// Some rows in a row.
struct Rows<'a, 'to> {
    phases: &'a Phases,
    image: Image<'a>,
    first: usize,
    to: &'to mut [f32],
}

impl WithSimd for Rows<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let count = self.phases.used.len() * self.phases.rows;
        for (number, to) in self.to.chunks_exact_mut(self.phases.row()).enumerate() {
            let number = self.first + number;
            self.phases.fill::<S>(self.image, number / count, number % count, to);
        }
    }
}

/// Values that one thread copies at a time.
const COPIED: usize = 8192;

impl<'a> Padded<'a> {
    /// What a convolution of this window reads of an image; copied to `memory` unless it lies as it should.
    pub fn new(
        image: Image<'a>,
        window: Window,
        [input, output]: [Shape; 2],
        memory: &'a mut Vec<Line>,
    ) -> Self {
        let lanes = lanes();
        let pitch = if matches!(image, Image::Planes(_)) { FEW } else { lanes };
        let phases = Phases::new(window, input, pitch);
        let blocks = input.channels.div_ceil(pitch);
        let is_bare = window.padding == [0, 0] && window.padding_after == [0, 0] && window.stride == [1, 1];
        let plane = phases.used.len() * phases.rows * phases.row();
        let values = match image {
            Image::Blocks(values) if is_bare => values,
            image => {
                let values = as_floats(memory, blocks * plane);
                let rows = (COPIED / phases.row().max(1)).max(1);
                let parts = values.par_chunks_mut(rows * phases.row()).enumerate();
                parts.for_each(|(part, to)| {
                    AutoArch::new().dispatch(Rows { phases: &phases, image, first: part * rows, to });
                });
                &*values
            }
        };
        let is_long = window.kernel == [1, 1] && phases.columns == output.width;
        let rows = match is_long {
            true => [1, output.height * output.width],
            false => [output.height, output.width],
        };
        Self { values, plane, places: phases.places(), step: phases.row(), rows }
    }
}
