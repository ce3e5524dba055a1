//! Runs of what taps need: from the input, or from layers whose values are known; of one picture or several at the same time;
//! with channels changed on the way.

use burn::tensor::{FloatDType, Tensor};
use rayon::prelude::*;

use super::cpu::{self, Host};
use super::edits::edited;
use super::executor::Network;
use super::maps::Value;
use super::prepared::is_half;
use super::walk::{Given, Known, walk};
use crate::model::{Edit, LayerIndex};

/// What a network made of a picture up to some layers: what lies behind them can be computed again and again.
#[derive(Clone)]
pub struct Stored(Known);

impl Network {
    /// From now on these channels are changed in every run, also on its way back.
    pub fn set_edits(&mut self, edits: Vec<Edit>) {
        self.edits = edits;
    }

    /// What is changed in every run.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// Runs what `taps` need on `input` (`[1, channels, height, width]`, in the scale that the weights take) and returns the output of each
    /// tapped layer, `[1, channels, height, width]`, in the order asked.
    ///
    /// `before_node` is called before each node that runs, with how many have been started and how many will be.
    pub fn run(
        &mut self,
        input: Tensor<4>,
        taps: &[LayerIndex],
        before_node: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Vec<Tensor<4>> {
        into_tensors(self.run_values(input, taps, before_node))
    }

    /// The same, with the values as they are kept between nodes.
    pub(super) fn run_values(
        &mut self,
        input: Tensor<4>,
        taps: &[LayerIndex],
        before_node: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Vec<Value> {
        self.run_known(from_input(input), self.edits.clone(), taps, before_node)
    }

    /// The same for several pictures, for the outputs of each. On the CPU they are computed at the same time.
    pub fn run_each(&mut self, inputs: Vec<Tensor<4>>, taps: &[LayerIndex]) -> Vec<Vec<Tensor<4>>> {
        self.run_behind(0, inputs, taps)
    }

    /// The same from a layer on through which all goes that the taps need, for several values of it (changed already, where its
    /// channels are).
    pub(super) fn run_behind(
        &mut self,
        layer: LayerIndex,
        values: Vec<Tensor<4>>,
        taps: &[LayerIndex],
    ) -> Vec<Vec<Tensor<4>>> {
        let edits = self.edits.iter().copied().filter(|edit| layer == 0 || edit.layer > layer);
        let edits: Vec<_> = edits.collect();
        let runs = values.into_iter().map(|value| (vec![(layer, value.into())], edits.clone())).collect();
        self.run_all(runs, taps)
    }

    /// Runs on `input` once, and stores what [`Network::run_stored`] needs to compute `taps` again with channels of `layers`
    /// changed. Also gives the taps' own outputs.
    pub fn store(
        &mut self,
        input: Tensor<4>,
        layers: &[LayerIndex],
        taps: &[LayerIndex],
    ) -> (Stored, Vec<Tensor<4>>) {
        let cut = self.graph.cut(layers, taps);
        let all: Vec<_> = taps.iter().chain(&cut).copied().collect();
        let mut outputs = self.run_values(input, &all, &mut |_, _| {});
        let stored = cut.into_iter().zip(outputs.split_off(taps.len())).collect();
        (Stored(stored), into_tensors(outputs))
    }

    /// Computes only what lies behind stored layers, once for each variant of changed channels: the outputs of `taps` for each.
    /// On the CPU the variants are computed at the same time, with memory for each.
    pub fn run_stored(
        &mut self,
        stored: &Stored,
        variants: &[Vec<Edit>],
        taps: &[LayerIndex],
    ) -> Vec<Vec<Tensor<4>>> {
        let is_stored = |layer: LayerIndex| stored.0.iter().any(|(known, _)| *known == layer);
        // Stored values are changed already.
        let usual = self.edits.iter().copied().filter(|edit| !is_stored(edit.layer));
        let usual: Vec<_> = usual.collect();
        let runs = variants.iter().map(|variant| {
            let edits = usual.iter().chain(variant).copied().collect();
            (stored.0.clone(), edits)
        });
        self.run_all(runs.collect(), taps)
    }

    fn run_all(&mut self, mut runs: Vec<(Known, Vec<Edit>)>, taps: &[LayerIndex]) -> Vec<Vec<Tensor<4>>> {
        if !self.is_cpu() || runs.len() == 1 {
            let run = |(known, edits)| into_tensors(self.run_known(known, edits, taps, &mut |_, _| {}));
            return runs.into_iter().map(run).collect();
        }
        let apart = apart(taps, runs.iter());
        let layers: Vec<_> = runs.iter().flat_map(|(known, _)| known).map(|(layer, _)| *layer).collect();
        self.prepare_all(taps, &layers, &apart);
        let mut hosts = std::mem::take(&mut self.hosts);
        hosts.resize_with(runs.len().max(hosts.len()), Host::default);
        let network = &*self;
        let runs: Vec<_> = runs.drain(..).zip(&mut hosts).collect();
        let outputs = cpu::on_all_cores(|| {
            let outputs = runs.into_par_iter().with_max_len(1).map(|((known, edits), host)| {
                let values = walk(&network.graph, known, taps, &mut |_, _| {}, |index, given| {
                    let value = match given {
                        Given::Value(value) => value,
                        Given::Inputs(inputs) => network.compute(index, inputs, &apart, Some(&mut *host)),
                    };
                    edited(value, index, &edits, Some(&mut *host))
                });
                into_tensors(values)
            });
            outputs.collect()
        });
        self.hosts = hosts;
        outputs
    }

    fn run_known(
        &mut self,
        known: Known,
        edits: Vec<Edit>,
        taps: &[LayerIndex],
        before_node: &mut (dyn FnMut(usize, usize) + Send),
    ) -> Vec<Value> {
        let is_cpu = self.is_cpu();
        let run = || {
            let half = is_half(&self.weights, &self.device);
            let known = known.into_iter().map(|(layer, value)| match value {
                Value::Tensor(tensor) if half => (layer, tensor.cast(FloatDType::F16).into()),
                value => (layer, value),
            });
            let run = (known.collect::<Known>(), edits);
            let apart = apart(taps, std::iter::once(&run));
            let (known, edits) = run;
            if is_cpu {
                let layers: Vec<_> = known.iter().map(|(layer, _)| *layer).collect();
                self.prepare_all(taps, &layers, &apart);
            }
            let graph = self.graph.clone();
            walk(&graph, known, taps, before_node, |index, given| {
                let value = match given {
                    Given::Value(value) => value,
                    Given::Inputs(inputs) => self.execute(index, inputs, &apart),
                };
                edited(value, index, &edits, self.hosts.first_mut())
            })
        };
        match is_cpu {
            true => cpu::on_all_cores(run),
            false => run(),
        }
    }

    /// Prepares all layers that a run needs, many at the same time.
    fn prepare_all(&mut self, taps: &[LayerIndex], known: &[LayerIndex], apart: &[LayerIndex]) {
        let needed = self.graph.needed_behind(taps.iter().copied(), known);
        let layers = (0..needed.len()).filter(|&index| needed[index] && !known.contains(&index));
        let places: Vec<_> =
            layers.filter_map(|index| Some((index, self.is_folded(index, apart)?))).collect();
        let missing = places.into_iter().filter(|&(index, folded)| self.place(index, folded).is_none());
        let missing: Vec<_> = missing.collect();
        let network = &*self;
        let made =
            missing.into_par_iter().map(|(index, folded)| (index, folded, network.prepared(index, folded)));
        for (index, folded, prepared) in made.collect::<Vec<_>>() {
            *self.place(index, folded) = Some(prepared);
        }
    }
}

fn from_input(input: Tensor<4>) -> Known {
    vec![(0, input.into())]
}

fn into_tensors(values: Vec<Value>) -> Vec<Tensor<4>> {
    values.into_iter().map(Value::into_tensor).collect()
}

/// The layers whose own values are read, begun with or changed: nothing is computed inside others across them.
fn apart<'a>(taps: &[LayerIndex], runs: impl Iterator<Item = &'a (Known, Vec<Edit>)>) -> Vec<LayerIndex> {
    let layers = runs.flat_map(|(known, edits)| {
        let known = known.iter().map(|(layer, _)| *layer);
        known.chain(edits.iter().map(|edit| edit.layer))
    });
    let mut apart: Vec<_> = taps.iter().copied().chain(layers).collect();
    apart.sort_unstable();
    apart.dedup();
    apart
}
