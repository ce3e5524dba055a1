//! The way back from units: for each frame, and averaged over versions of a frame that stands still.

use std::time::{Duration, Instant};

use burn::tensor::Tensor;

use crate::gpu::Preprocessing;
use crate::inspect::Experiment;
use crate::model::{Graph, LayerIndex, Method};
use crate::network::{Averaging, Network, Traced, Versions};
use crate::session::activations::{AveragedMap, Tap, TracedMaps};
use crate::session::request::{Averaged, Request};

/// How long a mean grows before it is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(250);

/// A mean that grows while a frame stands still.
#[derive(Default)]
pub(super) struct Growing {
    of: Option<(u64, Averaged, Preprocessing, Experiment)>,
    mean: Option<Averaging>,
    /// The units' value in a picture without anything, once the mean of a way from there is finished.
    without: Option<f32>,
}

/// What has grown so far.
pub(super) struct Grown {
    mean: Tensor<4>,
    done: usize,
    passes: usize,
    without: Option<f32>,
}

impl Growing {
    /// True where the mean of this frame is not finished.
    pub fn is_unfinished(&self, frame: u64, request: &Request) -> bool {
        let Some(asked) = &request.averaged else { return false };
        let is_same = self.of.as_ref() == Some(&of(frame, asked, request));
        !is_same || self.mean.as_ref().is_some_and(|mean| mean.progress().0 < mean.progress().1)
    }

    /// Lets the mean grow for a while: what it is now, and how far it is.
    ///
    /// # Errors
    /// The backend's message, where the network could not be run.
    pub fn grow(
        &mut self,
        network: &mut Network,
        frame: u64,
        request: &Request,
        (input, black): (Tensor<4>, [f32; 3]),
    ) -> Result<Option<Grown>, String> {
        let Some(asked) = &request.averaged else {
            *self = Self::default();
            return Ok(None);
        };
        let of = of(frame, asked, request);
        if self.of.as_ref() != Some(&of) {
            self.mean = match Versions::of(asked.method) {
                Some(versions) => {
                    let units = (asked.from.clone(), asked.to);
                    let passes = [asked.passes, asked.method.most_passes()];
                    Some(Averaging::new(network, versions, (input, black), units, passes, 0)?)
                }
                None => None,
            };
            (self.of, self.without) = (Some(of), None);
        }
        let Some(mean) = &mut self.mean else { return Ok(None) };
        let start = Instant::now();
        while mean.step(network) && start.elapsed() < SHOWN_EVERY {}
        let (done, passes) = mean.progress();
        if done == passes && asked.method == Method::Integrated && self.without.is_none() {
            self.without = mean.value_without(network);
        }
        Ok(Some(Grown { mean: mean.result(), done, passes, without: self.without }))
    }
}

/// What the mean depends on.
fn of(frame: u64, asked: &Averaged, request: &Request) -> (u64, Averaged, Preprocessing, Experiment) {
    (frame, asked.clone(), request.how, request.experiment.clone())
}

/// What came of the way back for one frame, on its way to where it is drawn from.
pub(super) struct Back {
    pub traced: Vec<Traced>,
    pub averaged: Option<Grown>,
}

impl Back {
    /// All its tensors, each with the layer it belongs to: of each trace the value, then what was wanted; the mean.
    pub fn tensors(&self, request: &Request) -> Vec<(LayerIndex, Tensor<4>)> {
        let mut all = vec![];
        for (trace, traced) in request.traces.iter().zip(&self.traced) {
            all.push((trace.from.first().map_or(0, |unit| unit.layer), traced.value.clone()));
            let wanted = trace.wanted.iter().map(|(layer, _)| *layer);
            all.extend(wanted.zip(traced.outputs.iter().cloned()));
        }
        let to = request.averaged.as_ref().map_or(0, |asked| asked.to);
        if let Some(grown) = &self.averaged {
            all.push((to, grown.mean.clone()));
        }
        all
    }

    /// The same once it is measured, in that order.
    pub fn measured(
        &self,
        request: &Request,
        taps: &mut impl Iterator<Item = Tap>,
    ) -> (Vec<TracedMaps>, Option<AveragedMap>) {
        let traced = request.traces.iter().zip(&self.traced).map(|(trace, _)| {
            let value = taps.next().map_or(0.0, |tap| value_of(&tap));
            TracedMaps { value, maps: taps.by_ref().take(trace.wanted.len()).collect() }
        });
        let traced = traced.collect();
        let averaged = self.averaged.as_ref().and_then(|Grown { done, passes, without, .. }| {
            let tap = taps.next()?;
            Some(AveragedMap { tap, done: *done, passes: *passes, without: *without })
        });
        (traced, averaged)
    }
}

/// The one value of a tap.
fn value_of(tap: &Tap) -> f32 {
    tap.channel_statistics.first().map_or(0.0, |statistics| statistics.mean)
}

/// What is asked of layers that the network has: whoever asks may not know yet that another one runs.
pub(super) fn retain_known(request: &mut Request, graph: &Graph) {
    request.experiment.retain_known(graph);
    let layers = graph.nodes.len();
    request.taps.retain(|&layer| layer < layers);
    request.maps.retain(|&layer| layer < layers);
    request.traces.retain(|trace| {
        let wanted = trace.wanted.iter().map(|(layer, _)| *layer);
        trace.from.iter().map(|unit| unit.layer).chain(wanted).all(|layer| layer < layers)
    });
    let is_known = |asked: &Averaged| asked.to < layers && asked.from.iter().all(|unit| unit.layer < layers);
    request.averaged = request.averaged.take().filter(is_known);
    request.occlusion = request.occlusion.take().filter(|asked| asked.unit.layer < layers);
}
