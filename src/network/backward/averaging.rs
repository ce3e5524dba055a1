//! Gradients averaged over several versions of a picture, version by version, so that whoever asks can show how far it is.

use burn::tensor::{Tensor, TensorData};

use crate::model::{Form, LayerIndex, Method, Place, Rule, Trace, Unit};
use crate::network::cpu::values;
use crate::network::executor::Network;
use crate::weights::RandomStream;

/// What the versions are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Versions {
    /// With noise of this standard deviation, in parts of the distance between the input's least and largest value: Smilkov,
    /// Thorat, Kim, Viégas and Wattenberg, "SmoothGrad", 2017 (arXiv:1706.03825).
    Noisy(f32),
    /// On the straight way from a picture without anything to the picture: Sundararajan, Taly and Yan, "Axiomatic Attribution
    /// for Deep Networks", 2017 (arXiv:1703.01365). The mean gradient is multiplied by the way, so that the sum of all is the
    /// difference that the picture makes to the unit. Most of that comes about close to the picture without anything, so the
    /// versions lie closer there, as the cubes of evenly spaced numbers (unevenly spaced ones: Bhat and Raychowdhury,
    /// "Non-Uniform Interpolation in Integrated Gradients for Low-Latency Explainable-AI", 2023, arXiv:2302.11107).
    Between,
}

impl Versions {
    /// What a method asks for; `None` where one picture is enough.
    pub fn of(method: Method) -> Option<Self> {
        match method {
            Method::SmoothGrad => Some(Self::Noisy(NOISE)),
            Method::Integrated => Some(Self::Between),
            _ => None,
        }
    }
}

/// The authors' 10 to 20 %.
const NOISE: f32 = 0.15;

/// Part of a difference by which the sum of all values may miss it.
const NEAR: f64 = 0.01;

/// A mean that grows by one version at a time.
pub struct Averaging {
    versions: Versions,
    input: Tensor<4>,
    /// The picture without anything.
    baseline: Tensor<4>,
    trace: Trace,
    seed: u64,
    deviation: f32,
    done: usize,
    passes: usize,
    /// There are never more.
    most: usize,
    /// Those that were done when there came to be three times as many.
    before: usize,
    sum: Option<Tensor<4>>,
    /// The units' weighted sum in the picture without anything and in the picture, once it was asked for.
    ends: Option<[f32; 2]>,
}

impl Averaging {
    /// Of the gradient of `from` at the layer `to`, over `passes` versions of `input` (`[1, channels, height, width]`): a number,
    /// and the most there may be. Of [`Versions::Between`] there come to be three times as many until their sum misses the
    /// difference by no more than one in a hundred. `black` is
    /// what the input's channels are in a picture without anything. [`Versions::Between`] goes to the input whatever `to` is. Which cell is a
    /// channel's strongest is asked of the picture itself, once.
    ///
    /// # Errors
    /// The backend's message, where the network could not be run.
    pub fn new(
        network: &mut Network,
        versions: Versions,
        (input, black): (Tensor<4>, [f32; 3]),
        (from, to): (Vec<Unit>, LayerIndex),
        [passes, most]: [usize; 2],
        seed: u64,
    ) -> Result<Self, String> {
        let baseline = baseline(&input, black);
        let from = fixed(network, &input, from)?;
        let deviation = match versions {
            Versions::Noisy(part) => {
                let all = values(input.clone())?;
                let (low, high) =
                    all.iter().fold((f32::MAX, f32::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
                part * (high - low)
            }
            Versions::Between => 0.0,
        };
        let to = if versions == Versions::Between { 0 } else { to };
        let trace = Trace { from, rule: Rule::Gradient, wanted: vec![(to, Form::Gradient)] };
        let (sum, ends) = (None, None);
        Ok(Self {
            versions,
            input,
            baseline,
            trace,
            seed,
            deviation,
            done: 0,
            passes,
            most,
            before: 0,
            sum,
            ends,
        })
    }

    /// One version more; true while there are others.
    pub fn step(&mut self, network: &mut Network) -> bool {
        if self.done < self.passes {
            let version = self.version();
            let (_, mut traced) =
                network.run_traced(version, &[], std::slice::from_ref(&self.trace), &mut |_, _| {});
            let gradient = traced.pop().and_then(|mut traced| traced.outputs.pop());
            let gradient = gradient.map(|gradient| match self.versions {
                Versions::Noisy(_) => gradient,
                // What the way is there, for each step in the numbers that are cubed.
                Versions::Between => gradient.mul_scalar(3.0 * self.number() * self.number()),
            });
            self.sum = match (self.sum.take(), gradient) {
                (Some(sum), Some(gradient)) => Some(sum.add(gradient)),
                (sum, gradient) => sum.or(gradient),
            };
            self.done += 1;
            if self.done == self.passes && 3 * self.passes <= self.most && self.misses(network) {
                (self.before, self.passes) = (self.done, 3 * self.passes);
            }
        }
        self.done < self.passes
    }

    /// True where the sum of all values is not near enough to the difference that the picture makes.
    fn misses(&mut self, network: &mut Network) -> bool {
        if self.versions != Versions::Between {
            return false;
        }
        let (Ok(values), Some([without, with])) = (values(self.result()), self.ends(network)) else {
            return false;
        };
        // In doubles: much larger values of both signs nearly cancel.
        let sum: f64 = values.into_iter().map(f64::from).sum();
        let change = f64::from(with) - f64::from(without);
        (sum - change).abs() > NEAR * change.abs()
    }

    /// The units' weighted sum at both ends of the way; `None` where the network gave nothing.
    fn ends(&mut self, network: &mut Network) -> Option<[f32; 2]> {
        if self.ends.is_none() {
            let trace = Trace { wanted: vec![], ..self.trace.clone() };
            let mut value = |version: &Tensor<4>| {
                let traces = std::slice::from_ref(&trace);
                let (_, mut traced) = network.run_traced(version.clone(), &[], traces, &mut |_, _| {});
                values(traced.pop()?.value).ok()?.first().copied()
            };
            self.ends = value(&self.baseline).zip(value(&self.input)).map(|(without, with)| [without, with]);
        }
        self.ends
    }

    /// How many versions are done, and how many there will be.
    pub fn progress(&self) -> (usize, usize) {
        (self.done, self.passes)
    }

    /// The mean of the versions that are done, in the layer's shape; zeros before the first.
    pub fn result(&self) -> Tensor<4> {
        let Some(sum) = &self.sum else { return self.input.zeros_like() };
        let mean = sum.clone().div_scalar(self.done.max(1) as f32);
        match self.versions {
            Versions::Noisy(_) => mean,
            Versions::Between => mean.mul(self.input.clone().sub(self.baseline.clone())),
        }
    }

    /// The units' weighted sum in the picture without anything; `None` where the network gave nothing.
    pub fn value_without(&mut self, network: &mut Network) -> Option<f32> {
        self.ends(network).map(|[without, _]| without)
    }

    fn version(&self) -> Tensor<4> {
        match self.versions {
            Versions::Noisy(_) => {
                let stream = RandomStream::new(self.seed, &format!("noise {}", self.done));
                let sides = self.input.dims();
                let count = sides.iter().product::<usize>() as u64;
                let noise: Vec<f32> =
                    (0..count).map(|at| stream.normal(at) as f32 * self.deviation).collect();
                self.input.clone().add(Tensor::from_data(TensorData::new(noise, sides), &self.input.device()))
            }
            Versions::Between => {
                let part = self.number().powi(3);
                let way = self.input.clone().sub(self.baseline.clone());
                self.baseline.clone().add(way.mul_scalar(part))
            }
        }
    }

    /// The number that is cubed: the middle of one of as many parts of 0 to 1 as there are versions.
    fn number(&self) -> f32 {
        (part(self.done, self.before, self.passes) as f32 + 0.5) / self.passes as f32
    }
}

/// Which of `passes` parts comes next, in an order in which a mean is near its end early: steps of the golden ratio. Of the first
/// `before` the middles are middles again, of every third part.
fn part(done: usize, before: usize, passes: usize) -> usize {
    let left = (passes - before).max(1);
    let ideal = ((left as f64 * 0.618_033_988_749_895) as usize).max(1);
    let step = (ideal..left + ideal).find(|step| coprime(*step, left)).unwrap_or(1);
    let next = (done - before) * step % left;
    if before == 0 { next } else { next / 2 * 3 + next % 2 * 2 }
}

fn baseline(input: &Tensor<4>, black: [f32; 3]) -> Tensor<4> {
    let [_, channels, height, width] = input.dims();
    let values = (0..channels).flat_map(|channel| std::iter::repeat_n(black[channel % 3], height * width));
    let values = TensorData::new(values.collect::<Vec<f32>>(), [1, channels, height, width]);
    Tensor::from_data(values, &input.device())
}

fn coprime(a: usize, b: usize) -> bool {
    if b == 0 { a == 1 } else { coprime(b, a % b) }
}

/// The units with the cell that is strongest in this input, or the class that is on top.
fn fixed(network: &mut Network, input: &Tensor<4>, units: Vec<Unit>) -> Result<Vec<Unit>, String> {
    let is_sought = |unit: &Unit| matches!(unit.place, Place::Strongest | Place::Top);
    let mut layers: Vec<_> = units.iter().filter(|unit| is_sought(unit)).map(|unit| unit.layer).collect();
    layers.dedup();
    if layers.is_empty() {
        return Ok(units);
    }
    let outputs = network.run(input.clone(), &layers, &mut |_, _| {});
    let outputs = outputs.into_iter().map(values).collect::<Result<Vec<_>, _>>()?;
    let graph = network.graph();
    let fix = |mut unit: Unit| {
        let at = layers.iter().position(|layer| *layer == unit.layer);
        if let Some(at) = at.filter(|_| is_sought(&unit)) {
            let shape = graph.nodes[unit.layer].shape;
            let cells = shape.height * shape.width;
            let first = if unit.place == Place::Top { 0 } else { unit.channel * cells };
            let end = if unit.place == Place::Top { shape.len() } else { first + cells };
            let values = &outputs[at];
            let better = |best: usize, at: usize| if values[at] > values[best] { at } else { best };
            let best = (first..end).fold(first, better);
            unit.channel = best / cells;
            unit.place = Place::Cell(best % cells / shape.width, best % shape.width);
        }
        unit
    };
    Ok(units.into_iter().map(fix).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_times_as_many_parts_are_each_taken_once() {
        let middle = |part: usize, passes: usize| (2 * part + 1) as f32 / (2 * passes) as f32;
        for passes in [1, 2, 5, 50] {
            let first = (0..passes).map(|done| middle(part(done, 0, passes), passes));
            let others = (passes..3 * passes).map(|done| middle(part(done, passes, 3 * passes), 3 * passes));
            let mut all: Vec<f32> = first.chain(others).collect();
            all.sort_by(f32::total_cmp);
            let expected = (0..3 * passes).map(|part| middle(part, 3 * passes));
            assert!(all.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{passes}: {all:?}");
        }
    }
}
