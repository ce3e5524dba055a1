//! `convscope diagnose`: what is wrong with each layer over a set of pictures, as data (`diagnosis.json`) and as a
//! report to read. Pure, any thread.

mod layer;
mod sentences;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::LayerOutput;
use super::health::{LayerHealth, Marks, Thresholds, is_rectified};
use super::histogram::Histogram;
use super::measure::measure;
use super::similarity::{ChannelCorrelation, PooledCorrelation};
use crate::model::{Graph, LayerIndex};

use layer::Examined;
pub use layer::{Copied, Duplicate, LayerDiagnosis};

/// One layer under examination; collects over pictures, the same in whatever order and parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerExamination {
    layer: Examined,
    health: LayerHealth,
    correlation: PooledCorrelation,
    /// Of each channel, where they are wanted.
    histograms: Option<Vec<Histogram>>,
}

impl LayerExamination {
    /// Nothing seen yet. `detailed`: the diagnosis is to have all correlations, and the histogram of each channel.
    pub fn new(graph: &Graph, layer: LayerIndex, detailed: bool) -> Self {
        let node = &graph.nodes[layer];
        Self {
            layer: Examined::new(graph, layer, sentences::is_early(graph, layer)),
            health: LayerHealth::new(node.shape, is_rectified(graph, layer)),
            correlation: PooledCorrelation::new(node.shape.channels),
            histograms: detailed.then(|| vec![Histogram::default(); node.shape.channels]),
        }
    }

    /// Adds the layer's output for one picture, whose brightness at the map's resolution is `luminance`
    /// ([`super::luminance()`]).
    pub fn observe(&mut self, output: &LayerOutput, luminance: &[f32]) {
        self.health.observe(&measure(&output.values, output.shape, luminance, None));
        self.correlation.observe(output);
        for (channel, histogram) in self.histograms.iter_mut().flatten().enumerate() {
            histogram.observe(output.channel(channel));
        }
    }

    /// True where all that it has is of its layer; it may have been read from a file.
    pub fn is_sound(&self) -> bool {
        let channels = self.layer.shape[0];
        self.correlation.fits(channels)
            && self.health.channels() == channels
            && self.histograms.as_ref().is_none_or(|all| all.len() == channels)
    }

    /// Adds what was seen of the same layer in other pictures; `is_later`: the newest of all is one of those. `false` where it is
    /// another layer.
    pub fn join(&mut self, other: &Self, is_later: bool) -> bool {
        let is_same = self.layer == other.layer
            && self.histograms.is_some() == other.histograms.is_some()
            && self.is_sound()
            && other.is_sound();
        if is_same {
            self.health.join(&other.health, is_later);
            self.correlation.join(&other.correlation);
            let pairs = self.histograms.iter_mut().flatten().zip(other.histograms.iter().flatten());
            pairs.for_each(|(own, other)| own.join(other));
        }
        is_same
    }
}

/// The diagnosis of a network over a set of pictures: `diagnosis.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The architecture.
    pub network: String,
    /// False where the weights are random.
    pub trained: bool,
    /// Number of pictures.
    pub pictures: usize,
    /// From where on a channel is listed.
    pub thresholds: Thresholds,
    /// What to keep in mind while reading, one English sentence each.
    pub notes: Vec<String>,
    /// The layers, in the order given.
    pub layers: Vec<LayerDiagnosis>,
}

impl Diagnosis {
    /// Judges what was collected of a network. `trained`: whether the weights are more than random.
    pub fn new(network: &str, trained: bool, layers: &[LayerExamination], thresholds: Thresholds) -> Self {
        let pictures = layers.iter().map(|layer| layer.health.pictures()).max().unwrap_or(0);
        let layers: Vec<_> = layers.iter().map(|layer| judged(layer, &thresholds)).collect();
        Self {
            network: network.into(),
            trained,
            pictures,
            thresholds,
            notes: sentences::notes(trained, pictures, &thresholds, &layers),
            layers,
        }
    }

    /// A report for a terminal or a text file: the notes, then one line a layer; ends with a line feed.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{} on {}, {} looked at\n",
            self.network,
            sentences::count(self.pictures, "picture"),
            sentences::count(self.layers.len(), "layer")
        );
        for note in &self.notes {
            let _ = writeln!(text, "Note: {note}");
        }
        text.push('\n');
        let titles: Vec<String> = self.layers.iter().map(LayerDiagnosis::title).collect();
        let width = titles.iter().map(|title| title.chars().count()).max().unwrap_or(0);
        for (title, layer) in titles.iter().zip(&self.layers) {
            let _ = writeln!(text, "{title:width$}  {}", layer.sentence);
        }
        text
    }
}

/// The correlations of each channel with those before it.
fn pairs(correlation: &ChannelCorrelation) -> Vec<Vec<f32>> {
    let row = |b: usize| (0..b).map(|a| correlation.correlation(a, b)).collect();
    (0..correlation.channels()).map(row).collect()
}

/// What was collected of one layer, judged.
fn judged(examination: &LayerExamination, thresholds: &Thresholds) -> LayerDiagnosis {
    let layer = &examination.layer;
    let marks = examination.health.marks(thresholds);
    let channels = |is_marked: fn(&Marks) -> bool| -> Vec<usize> {
        (0..marks.len()).filter(|&channel| is_marked(&marks[channel])).collect()
    };
    let copies = marks
        .iter()
        .enumerate()
        .filter_map(|(channel, marks)| marks.copy.map(|correlation| Copied { channel, correlation }));
    let correlation = examination.correlation.rounded();
    let duplicates = correlation.duplicates(thresholds.duplicate).into_iter().enumerate();
    let rectified = examination.health.is_rectified();
    let zeros: Vec<f32> = marks.iter().filter(|_| rectified).map(|marks| marks.zeros).collect();
    let zeros_sum: f64 = zeros.iter().map(|&zeros| f64::from(zeros)).sum();
    let mut diagnosis = LayerDiagnosis {
        index: layer.index,
        name: layer.name.clone(),
        torch_name: layer.other_name.clone(),
        operation: layer.operation.clone(),
        shape: layer.shape,
        rectified,
        early: layer.early,
        dead: channels(|marks| marks.dead),
        silent: channels(|marks| marks.silent),
        solid: channels(|marks| marks.solid),
        always_on: channels(|marks| marks.always_on),
        broken: channels(|marks| marks.broken),
        copies: copies.collect(),
        duplicates: duplicates
            .filter_map(|(channel, found)| {
                found.map(|(of, correlation)| Duplicate { channel, of, correlation })
            })
            .collect(),
        zeros_mean: (!zeros.is_empty()).then(|| (zeros_sum / zeros.len() as f64) as f32),
        zeros,
        histograms: examination.histograms.as_ref().map(|all| all.iter().map(Histogram::info).collect()),
        correlations: examination.histograms.as_ref().map(|_| pairs(&correlation)),
        sentence: String::new(),
    };
    diagnosis.sentence = match examination.health.pictures() {
        0 => "No picture was looked at.".into(),
        _ if layer.is_input => "The picture itself.".into(),
        pictures => sentences::layer(layer, &diagnosis, pictures, thresholds),
    };
    diagnosis
}
