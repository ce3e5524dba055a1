//! `convscope diagnose`: what is wrong with each layer over a set of pictures, as data (`diagnosis.json`) and as a
//! report to read. Pure, any thread.

use std::fmt::Write as _;

use serde::Serialize;

use super::LayerOutput;
use super::health::{LayerHealth, Thresholds, is_rectified};
use super::measure::measure;
use super::sentences;
use super::similarity::ChannelCorrelation;
use crate::model::{Graph, LayerIndex, Op};

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
    /// ([`super::luminance`]).
    pub fn observe(&mut self, output: &LayerOutput, luminance: &[f32]) {
        self.health.observe(&measure(output, luminance));
        self.correlation.observe(output);
    }

    /// Correlations between its channels.
    pub fn correlation(&self) -> &ChannelCorrelation {
        &self.correlation
    }
}

/// A channel that copies the input's brightness.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Copied {
    /// Its number.
    pub channel: usize,
    /// Mean correlation with the brightness, from −1 to 1; negative: an inverted copy.
    pub correlation: f32,
}

/// A channel that is nearly the same as an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Duplicate {
    /// Its number.
    pub channel: usize,
    /// The lowest-numbered one it repeats.
    pub of: usize,
    /// Their correlation, up to 1.
    pub correlation: f32,
}

/// What was found in one layer. Channels are counted from 0; lists of them ascend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerDiagnosis {
    /// Keras' index.
    pub index: LayerIndex,
    /// Keras' name.
    pub keras_name: String,
    /// torchvision's name, where it has one.
    pub torch_name: Option<String>,
    /// What it computes.
    pub operation: &'static str,
    /// Channels, height, width.
    pub shape: [usize; 3],
    /// True where zero means "nothing found" (after a ReLU): only there are `dead`, `silent`, `always_on` and
    /// the zeros filled.
    pub rectified: bool,
    /// True where one cell sees so little of the picture that copies of its brightness are no bad sign.
    pub early: bool,
    /// Channels never above zero; with one picture no more than silent on it.
    pub dead: Vec<usize>,
    /// Channels nowhere above zero on the last picture.
    pub silent: Vec<usize>,
    /// Channels of one colour on every picture, but not dead.
    pub solid: Vec<usize>,
    /// Channels above zero everywhere on all pictures.
    pub always_on: Vec<usize>,
    /// Channels without a finite value on some picture; in no other list but `duplicates`.
    pub broken: Vec<usize>,
    /// Channels that copy the input's brightness.
    pub copies: Vec<Copied>,
    /// Channels nearly the same as an earlier one.
    pub duplicates: Vec<Duplicate>,
    /// Mean of `zeros`.
    pub zeros_mean: Option<f32>,
    /// For each channel the mean over pictures of the fraction of cells at zero, from 0 to 1.
    pub zeros: Vec<f32>,
    /// The above in one English sentence.
    pub sentence: String,
}

/// The diagnosis of a network over a set of pictures: `diagnosis.json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    /// The architecture.
    pub network: &'static str,
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
        let layers: Vec<_> =
            layers.iter().map(|layer| LayerDiagnosis::of(graph, layer, &thresholds)).collect();
        Self {
            network: graph.name,
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

impl LayerDiagnosis {
    fn of(graph: &Graph, examination: &LayerExamination, thresholds: &Thresholds) -> Self {
        let node = &graph.nodes[examination.layer];
        let marks = examination.health.marks(thresholds);
        let channels = |is_marked: fn(&super::health::Marks) -> bool| -> Vec<usize> {
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
        let mut diagnosis = Self {
            index: examination.layer,
            keras_name: node.keras_name.clone(),
            torch_name: node.torch_name.clone(),
            operation: node.op.name(),
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
        diagnosis.sentence = match (examination.health.pictures(), node.op) {
            (0, _) => "No picture was looked at.".into(),
            (_, Op::Input) => "The picture itself.".into(),
            (pictures, _) => sentences::layer(graph, &diagnosis, pictures, thresholds),
        };
        diagnosis
    }

    /// `164  mixed5  17×17×768  73% zeros`.
    fn title(&self) -> String {
        let [channels, height, width] = self.shape;
        let zeros = self.zeros_mean.map(|zeros| format!("  {:.0}% zeros", zeros * 100.0)).unwrap_or_default();
        format!("{:>3}  {}  {height}×{width}×{channels}{zeros}", self.index, self.keras_name)
    }
}
