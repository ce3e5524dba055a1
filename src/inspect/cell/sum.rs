//! Adds up one cell. Sums are f64, so that they have all digits of what a network computes in f32.

use super::patch::{Patch, places};
use super::route::Route;
use crate::model::{Activation, Graph, LayerIndex, Op, Shape};

/// The weights of a layer that multiplies and adds, as their file has them.
#[derive(Clone, Copy, Debug)]
pub struct Kernel<'a> {
    /// `[filters, inputs of a group, height, width]`; of a transposed convolution `[inputs, filters of a group, height,
    /// width]`, of a dense layer `[filters, inputs]`, of a separable convolution `[inputs × multiplier, height, width]`.
    pub values: &'a [f32],
    /// Of a separable convolution: `[filters, inputs × multiplier]`.
    pub mixture: Option<&'a [f32]>,
    /// `[filters]`
    pub bias: Option<&'a [f32]>,
}

/// What is done to the sum, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Times the first, plus the second: batch normalisation with its stored statistics.
    Scale(f64, f64),
    /// A function of it.
    Function(Activation),
}

/// What one input channel adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The channel of the layer that is read.
    pub channel: usize,
    /// Sum of the products.
    pub sum: f64,
    /// What is read, kernel row by kernel row; `None` where padding is, or nothing.
    pub patch: Vec<Option<f32>>,
    /// What it is multiplied by, in the same order.
    pub kernel: Vec<f32>,
}

/// A cell's value, step by step.
#[derive(Clone, Debug, PartialEq)]
pub struct CellSum {
    /// The way from the sum to the cell.
    pub route: Route,
    /// Row and column.
    pub cell: [usize; 2],
    /// Height and width of the kernel.
    pub size: [usize; 2],
    /// Input channels that add most, either way, the strongest first.
    pub parts: Vec<Part>,
    /// How many channels are read besides, and what they add.
    pub others: (usize, f64),
    /// Where there is one.
    pub bias: Option<f64>,
    /// All of that.
    pub sum: f64,
    /// Layer, step, and the value after it.
    pub steps: Vec<(LayerIndex, Step, f64)>,
    /// Of the `size` places of the kernel, how many lie in padding (of a transposed convolution: meet no cell).
    pub empty: usize,
}

impl CellSum {
    /// The cell's value.
    pub fn value(&self) -> f64 {
        self.steps.last().map_or(self.sum, |(.., value)| *value)
    }

    /// Adds up. `input` has the cells that [`places`] names, of every channel that `route.adds` reads; `scales` is asked
    /// for the scale and shift of a layer behind it, at a channel; of the `strongest` channels all numbers are kept.
    ///
    /// # Errors
    /// A clause on what does not fit.
    pub fn of(
        graph: &Graph,
        route: Route,
        cell: [usize; 2],
        input: &Patch,
        kernel: Kernel<'_>,
        scales: &dyn Fn(LayerIndex, usize) -> Option<[f64; 2]>,
        strongest: usize,
    ) -> Result<Self, String> {
        let adder = Adder::new(graph, route.adds, cell, input, kernel)?;
        let mut sums = adder.sums(route.filter);
        sums.sort_by(|a, b| b.1.abs().total_cmp(&a.1.abs()).then(a.0.cmp(&b.0)));
        let kept = strongest.min(sums.len());
        let parts: Vec<Part> =
            sums[..kept].iter().map(|&(channel, sum)| adder.part(route.filter, channel, sum)).collect();
        let others = (sums.len() - kept, sums[kept..].iter().map(|(_, sum)| sum).sum());
        let bias = kernel.bias.and_then(|bias| bias.get(route.filter)).map(|&bias| f64::from(bias));
        let sum = parts.iter().map(|part| part.sum).sum::<f64>() + others.1 + bias.unwrap_or(0.0);
        let mut steps = Vec::new();
        let mut value: f64 = sum;
        for behind in &route.behind {
            let step = match behind.function {
                Some(function) => Step::Function(function),
                None => {
                    let [scale, shift] = scales(behind.layer, behind.channel).ok_or("a scale is missing")?;
                    Step::Scale(scale, shift)
                }
            };
            value = match step {
                Step::Scale(scale, shift) => value * scale + shift,
                Step::Function(Activation::Softmax) if steps.is_empty() => (value - adder.log_sum()).exp(),
                Step::Function(Activation::LogSoftmax) if steps.is_empty() => value - adder.log_sum(),
                Step::Function(function) => {
                    function.at(value).ok_or("a softmax behind other steps is not told")?
                }
            };
            steps.push((behind.layer, step, value));
        }
        let size = adder.size;
        let empty = adder.places.iter().filter(|place| place.is_none()).count();
        Ok(Self { route, cell, size, parts, others, bias, sum, steps, empty })
    }
}

/// Products of one cell, for any filter.
struct Adder<'a> {
    op: &'a Op,
    filters: usize,
    inputs: usize,
    size: [usize; 2],
    places: Vec<Option<[usize; 2]>>,
    input: &'a Patch,
    kernel: Kernel<'a>,
}

impl<'a> Adder<'a> {
    fn new(
        graph: &'a Graph,
        layer: LayerIndex,
        cell: [usize; 2],
        input: &'a Patch,
        kernel: Kernel<'a>,
    ) -> Result<Self, String> {
        let node = &graph.nodes[layer];
        let read: Shape =
            node.inputs.first().map(|&input| graph.nodes[input].shape).ok_or("it reads nothing")?;
        let places = places(&node.op, cell, read);
        let size = node.op.window().map_or([1, 1], |window| window.kernel);
        let adder = Self {
            op: &node.op,
            filters: node.shape.channels,
            inputs: read.channels,
            size,
            places,
            input,
            kernel,
        };
        let wanted = match &node.op {
            Op::Conv(_, groups) => adder.filters * (adder.inputs / groups) * adder.cells(),
            Op::ConvTranspose(_, groups) => adder.inputs * (adder.filters / groups) * adder.cells(),
            Op::SeparableConv(_) => {
                let multiplier = kernel.mixture.map_or(0, |mixture| mixture.len() / adder.filters);
                multiplier * adder.cells()
            }
            _ => adder.filters * adder.inputs,
        };
        let fits = wanted == kernel.values.len()
            && input.channels == adder.inputs
            && adder.places.iter().flatten().all(|place| input.holds(*place));
        fits.then_some(adder).ok_or_else(|| "its weights are of another shape".into())
    }

    /// Places of the kernel.
    fn cells(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// The channels that a filter reads.
    fn channels_of(&self, filter: usize) -> std::ops::Range<usize> {
        let groups = match self.op {
            Op::Conv(_, groups) | Op::ConvTranspose(_, groups) => (*groups).max(1),
            _ => 1,
        };
        let count = self.inputs / groups;
        let group = filter / (self.filters / groups).max(1);
        group * count..(group + 1) * count
    }

    /// What a filter multiplies a channel by, at a place of the kernel.
    fn weight(&self, filter: usize, channel: usize, place: usize) -> f64 {
        let values = |at: usize| f64::from(self.kernel.values[at]);
        let cells = self.cells();
        match self.op {
            Op::ConvTranspose(_, groups) => {
                let filters = self.filters / groups;
                values((channel * filters + filter % filters) * cells + place)
            }
            Op::SeparableConv(_) => {
                let mixture = self.kernel.mixture.unwrap_or_default();
                let multiplier = mixture.len() / self.filters / self.inputs;
                let between = |at: usize| channel * multiplier + at;
                let mixed = |at: usize| f64::from(mixture[filter * self.inputs * multiplier + between(at)]);
                (0..multiplier).map(|at| values(between(at) * cells + place) * mixed(at)).sum()
            }
            _ => {
                let read = self.channels_of(filter);
                values((filter * read.len() + channel - read.start) * cells + place)
            }
        }
    }

    /// What each channel adds to a filter's sum.
    fn sums(&self, filter: usize) -> Vec<(usize, f64)> {
        let sum = |channel: usize| {
            let products = self.places.iter().enumerate().filter_map(|(at, place)| {
                Some(f64::from(self.input.at(channel, (*place)?)) * self.weight(filter, channel, at))
            });
            products.sum()
        };
        self.channels_of(filter).map(|channel| (channel, sum(channel))).collect()
    }

    fn part(&self, filter: usize, channel: usize, sum: f64) -> Part {
        let patch = self.places.iter().map(|place| place.map(|place| self.input.at(channel, place)));
        let kernel = (0..self.cells()).map(|at| self.weight(filter, channel, at) as f32);
        Part { channel, sum, patch: patch.collect(), kernel: kernel.collect() }
    }

    /// ln Σ eˣ over all filters of the cell.
    fn log_sum(&self) -> f64 {
        let all = (0..self.filters).map(|filter| {
            let bias =
                self.kernel.bias.and_then(|bias| bias.get(filter)).map_or(0.0, |&bias| f64::from(bias));
            self.sums(filter).iter().map(|(_, sum)| sum).sum::<f64>() + bias
        });
        let all: Vec<f64> = all.collect();
        let largest = all.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        largest + all.iter().map(|value| (value - largest).exp()).sum::<f64>().ln()
    }
}
