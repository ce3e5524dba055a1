//! What a reader finds in a file that describes its network.

use std::collections::BTreeMap;
use std::path::Path;

use super::file::{Layout, Limits, Stored};
use super::parameters::LayerWeights;
use crate::model::{Activation, Graph, InputScale};

/// What the user says of a network before it is read.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReadOptions<'a> {
    /// Height and width of the input, where the file leaves them open or the network takes any.
    pub input_size: Option<[usize; 2]>,
    /// What stands between fully connected layers, which files that hold tensors alone do not say.
    pub between: Option<Activation>,
    /// Where files lie that belong to it.
    pub folder: Option<&'a Path>,
    /// What it may allocate.
    pub limits: Limits,
}

/// A network out of a file that describes it.
#[derive(Clone, Debug)]
pub struct DescribedNetwork {
    /// Which reader it was.
    pub layout: Layout,
    /// The number types of its parameters, each once.
    pub stored: Vec<Stored>,
    /// Its layers.
    pub graph: Graph,
    /// Their parameters.
    pub layers: Vec<Option<LayerWeights>>,
    /// What its input expects, where the file tells: [`InputScale::Levels`] where its own first layers scale.
    pub input_scale: Option<InputScale>,
    /// What its input usually expects, where the file does not tell.
    pub usual_scale: InputScale,
    /// Names of its classes, where the file has them.
    pub class_names: Option<Vec<String>>,
    /// What was left aside or assumed, and where the graph was cut, a sentence each.
    pub notes: Vec<String>,
    /// What else the file says of itself; `logits` says what numbers without an activation are, and `scale_note` how the
    /// usual scale was chosen.
    pub metadata: BTreeMap<String, String>,
}
