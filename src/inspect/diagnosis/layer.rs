//! What was found in one layer. Pure, any thread.

use serde::{Deserialize, Serialize};

use crate::inspect::HistogramInfo;
use crate::model::{Graph, LayerIndex, Op};

/// What is known of a layer before a picture is seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Examined {
    pub index: LayerIndex,
    pub name: String,
    pub other_name: Option<String>,
    pub operation: String,
    pub shape: [usize; 3],
    pub early: bool,
    pub is_input: bool,
    pub is_relu: bool,
    /// Height and width of what a cell sees.
    pub field: [usize; 2],
}

impl Examined {
    /// Of a layer; `early`: a copy of the brightness is no bad sign there.
    pub fn new(graph: &Graph, layer: LayerIndex, early: bool) -> Self {
        let node = &graph.nodes[layer];
        Self {
            index: layer,
            name: node.name.clone(),
            other_name: node.other_name.clone(),
            operation: node.operation(),
            shape: node.shape.sides(),
            early,
            is_input: node.op == Op::Input,
            is_relu: node.is_relu(),
            field: node.receptive_field.size,
        }
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
    pub name: String,
    /// torchvision's name, where it has one.
    pub torch_name: Option<String>,
    /// What it computes.
    pub operation: String,
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
    /// With details: how the values of each channel are spread, over all pictures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub histograms: Option<Vec<HistogramInfo>>,
    /// With details: for each channel its correlations with those before it, from −1 to 1; 0 where one never varies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlations: Option<Vec<Vec<f32>>>,
    /// The above in one English sentence.
    pub sentence: String,
}

impl LayerDiagnosis {
    /// `164  mixed5  17×17×768  73% zeros`.
    pub(super) fn title(&self) -> String {
        let [channels, height, width] = self.shape;
        let zeros = self.zeros_mean.map(|zeros| format!("  {:.0}% zeros", zeros * 100.0)).unwrap_or_default();
        format!("{:>3}  {}  {height}×{width}×{channels}{zeros}", self.index, self.name)
    }
}
