//! Layers behind a body, and how they are told by the names and shapes of their tensors.

use std::collections::BTreeMap;

use crate::model::{Activation, Reduction};

/// A layer that tensors tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Its name among the network's parameters.
    pub name: String,
    /// Its name in the file, by which it stands before or behind others.
    pub path: String,
    /// What it is.
    pub kind: PartKind,
}

/// What a layer is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PartKind {
    /// Fully connected, with a bias or not.
    Dense {
        /// Values that it reads.
        inputs: usize,
        /// Values that it gives.
        outputs: usize,
        /// Whether it has a bias.
        has_bias: bool,
    },
    /// A convolution of 1×1.
    Conv {
        /// Channels that it reads.
        inputs: usize,
        /// Channels that it gives.
        outputs: usize,
        /// Whether it has a bias.
        has_bias: bool,
    },
    /// Batch normalisation of so many channels; what is added to the variance.
    BatchNorm(usize, f64),
    /// Layer normalisation of so many values; what is added to the variance.
    LayerNorm(usize, f64),
    /// PReLU with so many slopes.
    Prelu(usize),
}

impl PartKind {
    /// Values, or channels, that it reads; `None`: any number.
    pub fn inputs(self) -> Option<usize> {
        match self {
            Self::Dense { inputs, .. } | Self::Conv { inputs, .. } => Some(inputs),
            Self::BatchNorm(channels, _) | Self::LayerNorm(channels, _) => Some(channels),
            Self::Prelu(slopes) => (slopes > 1).then_some(slopes),
        }
    }

    /// Values, or channels, that it gives where it reads `inputs`.
    pub fn outputs(self, inputs: usize) -> usize {
        match self {
            Self::Dense { outputs, .. } | Self::Conv { outputs, .. } => outputs,
            _ => inputs,
        }
    }

    /// True for layers with a matrix of weights, between which an activation makes sense.
    pub fn is_weighty(self) -> bool {
        matches!(self, Self::Dense { .. } | Self::Conv { .. })
    }
}

/// What a layer is, in the words of the field.
pub fn class_in_words(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Dense { .. } => "dense",
        PartKind::Conv { .. } => "convolution of 1×1",
        PartKind::BatchNorm(..) => "batch normalization",
        PartKind::LayerNorm(..) => "layer normalization",
        PartKind::Prelu(_) => "PReLU",
    }
}

/// What a library takes for granted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dialect {
    /// What batch normalisation adds to the variance.
    pub batch_norm: f64,
    /// What layer normalisation adds to the variance.
    pub layer_norm: f64,
    /// Whether flattened maps have all channels of a cell beside each other.
    pub channels_last: bool,
}

impl Dialect {
    /// PyTorch's; PaddlePaddle's is the same.
    pub const TORCH: Self = Self { batch_norm: 1e-5, layer_norm: 1e-5, channels_last: false };
    /// Keras'.
    pub const KERAS: Self = Self { batch_norm: 1e-3, layer_norm: 1e-3, channels_last: true };
}

/// How maps become a vector.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Joint {
    /// One value a channel.
    Pool(Reduction),
    /// All values of so many cells.
    Flatten(usize),
}

/// A step behind the body.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Maps become a vector.
    Join(Joint),
    /// A layer of the file.
    Part(Part),
    /// An activation, which is in no file.
    Between(Activation),
}

/// The layers behind a body in their order, and what was assumed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Head {
    /// From the body's maps to the end.
    pub steps: Vec<Step>,
    /// A sentence each.
    pub notes: Vec<String>,
}

impl Head {
    /// A pool alone.
    pub fn pool() -> Self {
        Self { steps: vec![Step::Join(Joint::Pool(Reduction::Mean))], notes: vec![] }
    }

    /// The layers that have tensors.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        self.steps.iter().filter_map(|step| match step {
            Step::Part(part) => Some(part),
            _ => None,
        })
    }
}

/// A tensor: its name among the parameters, its name in the file, its shape.
pub type Named<'a> = (&'a str, &'a str, &'a [usize]);

/// Shapes of a layer's tensors by the last parts of their names.
type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

/// The layers that these tensors are of, in the order of the first of each; and the names of those that are of no kind
/// that can stand there.
pub fn parts<'a>(tensors: impl IntoIterator<Item = Named<'a>>, dialect: Dialect) -> (Vec<Part>, Vec<String>) {
    let mut layers: Vec<(&str, &str, Shapes<'_>)> = vec![];
    for (name, path, shape) in tensors {
        let (layer, suffix) = name.rsplit_once('.').unwrap_or((name, ""));
        let path = path.rsplit_once('.').map_or(path, |(path, _)| path);
        match layers.iter_mut().find(|(known, ..)| *known == layer) {
            Some((.., suffixes)) => _ = suffixes.insert(suffix, shape),
            None => layers.push((layer, path, [(suffix, shape)].into())),
        }
    }
    let (mut found, mut unknown) = (vec![], vec![]);
    for (name, path, suffixes) in layers {
        match kind(path, &suffixes, dialect) {
            Some(kind) => found.push(Part { name: name.into(), path: path.into(), kind }),
            None => unknown.push(path.to_owned()),
        }
    }
    (found, unknown)
}

fn kind(path: &str, tensors: &Shapes<'_>, dialect: Dialect) -> Option<PartKind> {
    let suffixes: Vec<&str> = tensors.keys().copied().collect();
    let side = |suffix: &str| tensors.get(suffix).and_then(|shape| shape.first()).copied();
    let are_vectors = tensors.values().all(|shape| {
        shape.len() == 1
            && shape[0] > 0
            && Some(&shape[0]) == tensors.values().next().and_then(|shape| shape.first())
    });
    let weight = tensors.get("weight").copied().unwrap_or(&[]);
    Some(match (&suffixes[..], weight) {
        (["weight"] | ["bias", "weight"], &[outputs, inputs]) if outputs > 0 && inputs > 0 => {
            side("bias").is_none_or(|bias| bias == outputs).then_some(())?;
            PartKind::Dense { inputs, outputs, has_bias: suffixes.len() > 1 }
        }
        (["weight"] | ["bias", "weight"], &[outputs, inputs, 1, 1]) if outputs > 0 && inputs > 0 => {
            side("bias").is_none_or(|bias| bias == outputs).then_some(())?;
            PartKind::Conv { inputs, outputs, has_bias: suffixes.len() > 1 }
        }
        (["bias", "running_mean", "running_var", "weight"] | ["running_mean", "running_var"], _)
            if are_vectors =>
        {
            PartKind::BatchNorm(side("running_mean")?, dialect.batch_norm)
        }
        (["bias", "weight"], &[channels]) if are_vectors => PartKind::LayerNorm(channels, dialect.layer_norm),
        // A single vector may also be the scale of a normalisation.
        (["weight"], &[slopes]) if slopes == 1 || path.to_lowercase().replace('_', "").contains("relu") => {
            PartKind::Prelu(slopes)
        }
        _ => return None,
    })
}
