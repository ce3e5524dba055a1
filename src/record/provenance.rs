//! Where numbers came from: the same fields at the head of every JSON document and in every snapshot.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::engine::WeightsSpec;
use crate::gpu::{Like, Preprocessing};
use crate::model::{AvgPool, Graph, LayerIndex};
use crate::weights::{Origin, Weights};

/// Everything that the numbers of a picture depend on, beside the picture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Provenance {
    /// Version of convscope.
    pub convscope: Cow<'static, str>,
    /// The architecture.
    pub network: String,
    /// Multiplier of its channel counts.
    pub width_multiplier: f64,
    /// Weight file, `embedded` or `untrained`.
    pub weights: String,
    /// SHA-256 of the weight file.
    pub weights_sha256: Option<String>,
    /// Seed of an untrained network.
    pub weights_seed: Option<u64>,
    /// Whether padding counts in average pooling: `exclude` or `include`; none where no window
    /// reaches into padding.
    pub avg_pool: Option<Cow<'static, str>>,
    /// What the input makes of black and white: a value of `--input-scale`.
    pub input_scale: String,
    /// Channels, height and width of the network's input.
    pub input_shape: [usize; 3],
    /// In which numbers the network was computed: `f32` or `f16`.
    pub precision: Cow<'static, str>,
    /// The library that was followed: a value of `--like`.
    pub like: Option<Cow<'static, str>>,
    /// `stretch`, `crop`, or the length of the shorter side before the middle is taken.
    pub fit: String,
    /// `bilinear`, `antialias`, `bicubic` or `nearest`.
    pub resize: Cow<'static, str>,
    /// What was changed in the pictures then: values of `--input-change`; not there where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub input_changes: Vec<String>,
    /// What was done to the network and its input then: the options that do it again; not there where nothing was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiment: Vec<String>,
}

impl Provenance {
    /// Of a network with these weights.
    pub fn new(graph: &Graph, weights: &Weights, how: Preprocessing) -> Self {
        let (path, weights_sha256, weights_seed) = match &weights.origin {
            Origin::File { path, sha256 } => (path.display().to_string(), Some(sha256.clone()), None),
            Origin::Embedded { sha256 } => (WeightsSpec::Embedded.to_string(), Some(sha256.clone()), None),
            Origin::Untrained { seed } => (WeightsSpec::Untrained.to_string(), None, Some(*seed)),
        };
        Self {
            convscope: env!("CARGO_PKG_VERSION").into(),
            network: graph.name.clone(),
            width_multiplier: graph.width_multiplier,
            weights: path,
            weights_sha256,
            weights_seed,
            avg_pool: graph.avg_pool().map(AvgPool::name).map(Cow::from),
            input_scale: weights.conventions.input_scale.name(),
            input_shape: graph.input_shape().sides(),
            precision: weights.conventions.precision.name().into(),
            like: how.like.map(Like::name).map(Cow::from),
            fit: how.fit(graph.input_shape()).to_string(),
            resize: how.resize().name().into(),
            input_changes: how.changes.names(),
            experiment: vec![],
        }
    }
}

/// A layer, as documents tell it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerInfo {
    /// Its index.
    pub index: LayerIndex,
    /// Its name.
    pub name: String,
    /// Another name for it.
    pub other_name: Option<String>,
    /// What it computes.
    pub operation: String,
    /// Channels, height, width.
    pub shape: [usize; 3],
}

impl LayerInfo {
    /// Of a layer of a network.
    pub fn new(graph: &Graph, layer: LayerIndex) -> Self {
        let node = &graph.nodes[layer];
        Self {
            index: layer,
            name: node.name.clone(),
            other_name: node.other_name.clone(),
            operation: node.operation(),
            shape: node.shape.sides(),
        }
    }
}

/// What a run over pictures is: two with the same are parts of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunInfo {
    /// The network, and how pictures become its input.
    pub provenance: Provenance,
    /// As typed.
    pub sources: Vec<String>,
    /// `--levels`, where it was said.
    pub levels: Option<String>,
    /// `--every`
    pub every: u32,
    /// `--frames`, where it was said.
    pub frames: Option<u64>,
}

impl RunInfo {
    /// True for the same run. The weights may lie elsewhere.
    pub fn is_same(&self, other: &Self) -> bool {
        let mut theirs = other.clone();
        if theirs.provenance.weights_sha256.is_some() {
            theirs.provenance.weights.clone_from(&self.provenance.weights);
        }
        *self == theirs
    }
}
