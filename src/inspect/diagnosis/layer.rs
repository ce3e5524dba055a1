//! What was found in one layer. Pure, any thread.

use serde::Serialize;

use crate::model::LayerIndex;

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
