//! `convscope diagnose`: what is wrong with each layer over a set of pictures, as data (`diagnosis.json`) and as a
//! report to read. Pure, any thread.

mod layer;
mod sentences;
#[cfg(test)]
mod tests;

use std::fmt::Write as _;

use serde::Serialize;

use super::LayerOutput;
use super::health::{LayerHealth, Marks, Thresholds, is_rectified};
use super::measure::measure;
use super::similarity::ChannelCorrelation;
use crate::model::{Graph, LayerIndex, Op};

pub use layer::{Copied, Duplicate, LayerDiagnosis};

/// One layer under examination; collects over pictures.
#[derive(Clone, Debug)]
pub struct LayerExamination {
    layer: LayerIndex,
    health: LayerHealth,
    correlation: ChannelCorrelation,
}

impl LayerExamination {
    /// Nothing seen yet.
    pub fn new(graph: &Graph, layer: LayerIndex) -> Self {
        let shape = graph.nodes[layer].shape;
        Self {
            layer,
            health: LayerHealth::new(shape, is_rectified(graph, layer)),
            correlation: ChannelCorrelation::new(shape.channels),
        }
    }

    /// Adds the layer's output for one picture, whose brightness at the map's resolution is `luminance`
    /// ([`super::luminance()`]).
    pub fn observe(&mut self, output: &LayerOutput, luminance: &[f32]) {
        self.health.observe(&measure(&output.values, output.shape, luminance, None));
        self.correlation.observe(output);
    }

    /// Correlations between its channels.
    pub fn correlation(&self) -> &ChannelCorrelation {
        &self.correlation
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
    /// Judges what was collected. `trained`: whether the weights are more than random.
    pub fn new(graph: &Graph, trained: bool, layers: &[LayerExamination], thresholds: Thresholds) -> Self {
        let pictures = layers.iter().map(|layer| layer.health.pictures()).max().unwrap_or(0);
        let layers: Vec<_> = layers.iter().map(|layer| judged(graph, layer, &thresholds)).collect();
        Self {
            network: graph.name.clone(),
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

/// What was collected of one layer, judged.
fn judged(graph: &Graph, examination: &LayerExamination, thresholds: &Thresholds) -> LayerDiagnosis {
    let node = &graph.nodes[examination.layer];
    let marks = examination.health.marks(thresholds);
    let channels = |is_marked: fn(&Marks) -> bool| -> Vec<usize> {
        (0..marks.len()).filter(|&channel| is_marked(&marks[channel])).collect()
    };
    let copies = marks
        .iter()
        .enumerate()
        .filter_map(|(channel, marks)| marks.copy.map(|correlation| Copied { channel, correlation }));
    let duplicates = examination.correlation.duplicates(thresholds.duplicate).into_iter().enumerate();
    let rectified = examination.health.is_rectified();
    let zeros: Vec<f32> = marks.iter().filter(|_| rectified).map(|marks| marks.zeros).collect();
    let zeros_sum: f64 = zeros.iter().map(|&zeros| f64::from(zeros)).sum();
    let mut diagnosis = LayerDiagnosis {
        index: examination.layer,
        name: node.name.clone(),
        torch_name: node.other_name.clone(),
        operation: node.operation(),
        shape: [node.shape.channels, node.shape.height, node.shape.width],
        rectified,
        early: sentences::is_early(graph, examination.layer),
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
        sentence: String::new(),
    };
    diagnosis.sentence = match (examination.health.pictures(), &node.op) {
        (0, _) => "No picture was looked at.".into(),
        (_, Op::Input) => "The picture itself.".into(),
        (pictures, _) => sentences::layer(graph, &diagnosis, pictures, thresholds),
    };
    diagnosis
}
