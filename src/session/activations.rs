//! What became of one frame.

use std::sync::Arc;
use std::time::Instant;

use super::request::Request;
use crate::engine::Model;
use crate::gpu::{FeatureMapBuffer, FrameBuffer, StatisticsBuffer};
use crate::inspect::{Answer, ChannelStatistics};
use crate::model::LayerIndex;

/// One layer's output.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Which layer.
    pub layer: LayerIndex,
    /// Its values, on the drawing device.
    pub map: FeatureMapBuffer,
    /// Their statistics, on the drawing device.
    pub statistics: StatisticsBuffer,
    /// The same on the host: one a channel, then one of the layer.
    pub channel_statistics: Arc<[ChannelStatistics]>,
    /// The values below which 1 % and 99 % of each channel's lie, where they were asked for.
    pub percentiles: Option<Arc<[[f32; 2]]>>,
}

/// What another network makes of the same frame.
#[derive(Clone, Debug, Default)]
pub struct ComparedTaps {
    /// False where it lacks a tapped layer, or has it in another shape: then there is nothing else here.
    pub is_there: bool,
    /// Its own outputs.
    pub taps: Vec<Tap>,
    /// The main network's outputs minus these.
    pub differences: Vec<Tap>,
}

/// What came of one way back.
#[derive(Clone, Debug)]
pub struct TracedMaps {
    /// The weighted sum of the units.
    pub value: f32,
    /// One for each wanted layer, in that order; of one channel where one map was wanted.
    pub maps: Vec<Tap>,
}

/// A mean over versions of a frame. The units' own value is told by a trace that wants nothing.
#[derive(Clone, Debug)]
pub struct AveragedMap {
    /// In the layer's shape.
    pub tap: Tap,
    /// Over how many versions it is.
    pub done: usize,
    /// Over how many it will be.
    pub passes: usize,
    /// Of a finished mean over the way from a picture without anything: the units' weighted sum there.
    pub without: Option<f32>,
}

/// What came of covering each place of a frame in turn.
#[derive(Clone, Debug)]
pub struct Occluded {
    /// How many places were covered.
    pub done: usize,
    /// Rows and columns of places.
    pub grid: [usize; 2],
    /// The unit's value where nothing is covered.
    pub usual: f32,
    /// How far it falls at each place; at one that was not covered yet as at the nearest that was.
    pub falls: Arc<[f32]>,
    /// For each pixel of the network's input the mean of that over the squares that cover it.
    pub map: Arc<[f32]>,
}

/// What the network says where nothing is done to it or its input.
#[derive(Clone, Debug)]
pub struct Before {
    /// Of which frame: while frames keep coming, of one of the last.
    pub frame: u64,
    /// When that frame was captured.
    pub captured: Instant,
    /// What it says.
    pub answer: Answer,
}

/// How long the stages of one frame took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct StageTimes {
    /// Upload of the raw frame; 0 where it was there already.
    pub upload_ms: f32,
    /// From the raw frame to the network's input.
    pub preprocess_ms: f32,
    /// The network, until its results are there.
    pub network_ms: f32,
    /// Taps, statistics and the way back of the numbers.
    pub statistics_ms: f32,
    /// Of that: until the taps are where they are drawn from. On a GPU they are there already.
    pub handover_ms: f32,
}

/// What became of one frame.
#[derive(Clone, Debug)]
pub struct Activations {
    /// Counts results from 0.
    pub sequence: u64,
    /// The frame, on the drawing device.
    pub frame: FrameBuffer,
    /// The network that it went through.
    pub model: Model,
    /// What was asked for.
    pub request: Request,
    /// One for each tap of the request, in its order.
    pub taps: Vec<Tap>,
    /// Values of the layers that were asked for without statistics, in that order.
    pub maps: Vec<(LayerIndex, FeatureMapBuffer)>,
    /// The same taps by the networks that are compared, each in the order of the taps.
    pub compared: Vec<ComparedTaps>,
    /// One for each trace of the request, in its order.
    pub traced: Vec<TracedMaps>,
    /// What is averaged while the frame stands still, as far as it is.
    pub averaged: Option<AveragedMap>,
    /// What came of covering places, as far as it is.
    pub occluded: Option<Occluded>,
    /// What the network says, where that was asked for.
    pub answer: Option<Answer>,
    /// While something is done to the network or its input: what it says otherwise.
    pub before: Option<Before>,
    /// How long it took.
    pub times: StageTimes,
    /// When it was done.
    pub finished: Instant,
}

impl Activations {
    /// A layer as the columns of a comparison have it: by the main network, by each of the others, and then the
    /// differences. True beside it where it is a difference.
    pub fn versions(&self, layer: LayerIndex) -> impl Iterator<Item = (&Tap, bool)> {
        let others = self.compared.iter().flat_map(|other| &other.taps);
        let differences = self.compared.iter().flat_map(|other| &other.differences);
        let values = self.taps.iter().chain(others).map(|tap| (tap, false));
        values.chain(differences.map(|tap| (tap, true))).filter(move |(tap, _)| tap.layer == layer)
    }

    /// The values of a layer, if it was asked for.
    pub fn map(&self, layer: LayerIndex) -> Option<&FeatureMapBuffer> {
        let alone = self.maps.iter().find(|(known, _)| *known == layer).map(|(_, map)| map);
        alone.or_else(|| self.tap(layer).map(|tap| &tap.map))
    }

    /// The tap of a layer.
    pub fn tap(&self, layer: LayerIndex) -> Option<&Tap> {
        self.taps.iter().find(|tap| tap.layer == layer)
    }
}
