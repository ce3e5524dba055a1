//! The reverse of pooling on the CPU, on maps in blocks: each block on a thread of rayon's pool.

use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;

use crate::model::{Shape, Window};
use crate::network::blocked::{Blocked, blocked_len};
use crate::network::cpu::Host;
use crate::network::maps::Value;
use crate::network::vectors::{lanes, load, store};

impl Host {
    /// Back to the place that won in each window; of several the first one, as in PyTorch.
    pub(super) fn through_max_pool(
        &mut self,
        x: Value,
        gradient: Value,
        window: Window,
        input: Shape,
    ) -> Blocked {
        let x = self.blocked(x);
        let values = x.values().par_chunks_exact(input.height * input.width * lanes());
        let cells = &Cells::new(window, input);
        self.through_windows(gradient, input, |gradient, output, out| {
            let of_block = output.height * output.width * lanes();
            let blocks = out.zip(values.zip(gradient.par_chunks_exact(of_block)));
            blocks.for_each(|(out, (x, gradient))| {
                AutoArch::new().dispatch(MaxBlock { cells, output, x, gradient, out });
            });
        })
    }

    /// Spreads each window's gradient evenly over its values.
    pub(super) fn through_avg_pool(
        &mut self,
        gradient: Value,
        window: Window,
        count_padding: bool,
        input: Shape,
    ) -> Blocked {
        let cells = &Cells::new(window, input);
        self.through_windows(gradient, input, |gradient, output, out| {
            let parts = &parts(window, count_padding, input, output);
            let of_block = output.height * output.width * lanes();
            let blocks = out.zip(gradient.par_chunks_exact(of_block));
            blocks.for_each(|(out, gradient)| {
                AutoArch::new().dispatch(AverageBlock { cells, parts, output, gradient, out });
            });
        })
    }

    /// The gradient of each map's mean, times `scale`, for all of its cells.
    pub(super) fn fill_maps(&mut self, gradient: Value, scale: f32, input: Shape) -> Blocked {
        self.through_windows(gradient, input, |gradient, _, out| {
            out.zip(gradient.par_chunks_exact(lanes())).for_each(|(out, gradient)| {
                for cell in out.chunks_exact_mut(lanes()) {
                    cell.iter_mut().zip(gradient).for_each(|(cell, g)| *cell = g * scale);
                }
            });
        })
    }

    /// New maps of any content, filled from a gradient, block by block.
    fn through_windows(
        &mut self,
        gradient: Value,
        input: Shape,
        fill: impl FnOnce(&[f32], Shape, rayon::slice::ChunksExactMut<'_, f32>),
    ) -> Blocked {
        let gradient = self.blocked(gradient);
        let mut lines = self.take_lines(blocked_len(input));
        let out: &mut [f32] = &mut bytemuck::cast_slice_mut(&mut lines)[..blocked_len(input)];
        let blocks = out.par_chunks_exact_mut(input.height * input.width * lanes());
        fill(gradient.values(), gradient.shape, blocks);
        self.give_lines_back(gradient);
        Blocked::new(1, input, lines)
    }
}

/// The cells that windows read, as places in a block.
struct Cells {
    window: Window,
    input: Shape,
    /// Of a window that lies on the map as a whole, from its first one.
    whole: Vec<usize>,
}

impl Cells {
    fn new(window: Window, input: Shape) -> Self {
        let Window { kernel, dilation, .. } = window;
        let place = |at: usize| {
            let (row, column) = (at / kernel[1] * dilation[0], at % kernel[1] * dilation[1]);
            (row * input.width + column) * lanes()
        };
        Self { window, input, whole: (0..kernel[0] * kernel[1]).map(place).collect() }
    }

    /// Does something with each cell of the window at a row and column of the output.
    #[inline(always)]
    fn each(&self, row: usize, column: usize, lanes: usize, mut look: impl FnMut(usize)) {
        let Self { window, input, whole } = self;
        let first = [(0, row), (1, column)]
            .map(|(axis, at)| (at * window.stride[axis]).checked_sub(window.padding[axis]));
        if let [Some(y), Some(x)] = first
            && y + window.extent(0) <= input.height
            && x + window.extent(1) <= input.width
        {
            let start = (y * input.width + x) * lanes;
            for place in whole {
                look(start + place);
            }
            return;
        }
        for y in reached(*window, 0, row, input.height) {
            for x in reached(*window, 1, column, input.width) {
                look((y * input.width + x) * lanes);
            }
        }
    }
}

/// The cells of an axis that a window reads.
fn reached(window: Window, axis: usize, at: usize, length: usize) -> impl Iterator<Item = usize> {
    let (start, padding, step) = (at * window.stride[axis], window.padding[axis], window.dilation[axis]);
    let places = (0..window.kernel[axis]).map(move |place| start + place * step);
    places.filter_map(move |place| place.checked_sub(padding).filter(|place| *place < length))
}

// As types of their own, because a closure may be compiled without the vectors of the processor.

struct MaxBlock<'a> {
    cells: &'a Cells,
    output: Shape,
    x: &'a [f32],
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for MaxBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { cells, output, x, gradient, out } = self;
        let lanes = f32::lanes::<S>();
        let zero: Vector<S, f32> = 0.0f32.splat();
        // While it is near.
        out.fill(0.0);
        for row in 0..output.height {
            for column in 0..output.width {
                let mut best: Vector<S, f32> = f32::NEG_INFINITY.splat();
                cells.each(
                    row,
                    column,
                    lanes,
                    #[inline(always)]
                    |at| {
                        let value = load::<S>(&x[at..]);
                        best = best.lt(value).select(value, best);
                    },
                );
                let mut rest = load::<S>(&gradient[(row * output.width + column) * lanes..]);
                cells.each(
                    row,
                    column,
                    lanes,
                    #[inline(always)]
                    |at| {
                        let value = load::<S>(&x[at..]);
                        let sum = load::<S>(&out[at..]) + value.eq(best).select(rest, zero);
                        store(sum, &mut out[at..]);
                        // Whoever comes first takes all of it.
                        rest = value.eq(best).select(zero, rest);
                    },
                );
            }
        }
    }
}

struct AverageBlock<'a> {
    cells: &'a Cells,
    /// What part of its window's mean each value is, for each window.
    parts: &'a [f32],
    output: Shape,
    gradient: &'a [f32],
    out: &'a mut [f32],
}

impl WithSimd for AverageBlock<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { cells, parts, output, gradient, out } = self;
        let lanes = f32::lanes::<S>();
        out.fill(0.0);
        for row in 0..output.height {
            for column in 0..output.width {
                let window = row * output.width + column;
                let part = load::<S>(&gradient[window * lanes..]) * parts[window].splat::<S>();
                cells.each(
                    row,
                    column,
                    lanes,
                    #[inline(always)]
                    |at| {
                        let sum = load::<S>(&out[at..]) + part;
                        store(sum, &mut out[at..]);
                    },
                );
            }
        }
    }
}

/// What part of its window's mean each value is, for each window.
fn parts(window: Window, count_padding: bool, input: Shape, output: Shape) -> Vec<f32> {
    let part = |at: usize| {
        let rows = reached(window, 0, at / output.width, input.height).count();
        let columns = reached(window, 1, at % output.width, input.width).count();
        let all = window.kernel[0] * window.kernel[1];
        1.0 / (if count_padding { all } else { rows * columns }).max(1) as f32
    };
    (0..output.height * output.width).map(part).collect()
}
