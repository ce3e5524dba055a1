//! The graph: nodes, each with its operation, inputs, names, shape and receptive field.

use super::conventions::AvgPool;
use super::field::ReceptiveField;
use super::op::{Activation, Op};
use super::shape::Shape;

/// Position of a layer: in Keras' `model.layers`, or in the order of the file, from 0 (the input).
pub type LayerIndex = usize;

/// One layer.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// What is made of that in the same layer.
    pub activation: Activation,
    /// True where a convolution or a dense layer has a bias.
    pub has_bias: bool,
    /// The layers it reads, all with smaller indices.
    pub inputs: Vec<LayerIndex>,
    /// The name that the user knows: that of Keras' summary (`conv2d_12`), or of PyTorch's module (`layer1.0.conv1`).
    pub name: String,
    /// Another name for it: torchvision's (`Mixed_5b.branch1x1.conv`), or that of the value in an ONNX file.
    pub other_name: Option<String>,
    /// Shape of its output.
    pub shape: Shape,
    /// Index into [`Graph::stages`].
    pub stage: usize,
    /// What of the input one cell of it sees.
    pub receptive_field: ReceptiveField,
}

impl Node {
    /// What the layer does, in the words of the field: `convolution + ReLU`.
    pub fn operation(&self) -> String {
        match (&self.op, self.activation) {
            (Op::Activation, activation) => activation.name().into(),
            (op, Activation::Linear) => op.name().into(),
            (op, activation) => format!("{} + {}", op.name(), activation.name()),
        }
    }

    /// The name under which a state dict has its parameters.
    pub fn parameter_name(&self) -> &str {
        self.other_name.as_deref().unwrap_or(&self.name)
    }

    /// True for a layer that does nothing but max(0, x), or a function like it.
    pub fn is_relu(&self) -> bool {
        self.op == Op::Activation && self.activation.is_rectifier()
    }
}

/// What the numbers of an output are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// Probabilities of classes that exclude each other: they add up to 1.
    Probabilities,
    /// A probability for each class by itself, whatever the others say.
    Independent,
    /// Numbers that are no probabilities.
    Numbers,
    /// Maps: a place for each, as of segmentation and detection.
    Maps,
}

/// A layer whose values the network gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Which one.
    pub layer: LayerIndex,
    /// What it says.
    pub meaning: Meaning,
}

/// A network.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The architecture's name.
    pub name: String,
    /// Multiplier of the published channel counts.
    pub width_multiplier: f64,
    /// All layers; each reads only earlier ones.
    pub nodes: Vec<Node>,
    /// Names of the stages that the stage keys step through (`stem`, `mixed0`, …).
    pub stages: Vec<String>,
    /// What it gives, the main one first.
    pub outputs: Vec<Output>,
    /// Why it gives less than its file has layers for: a clause.
    pub open_end: Option<String>,
}

/// `--layer` names nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no layer `{name}`: use an index from 0 to {last} or a name that `convscope summary` shows{end}{hint}"
)]
pub struct UnknownLayer {
    name: String,
    last: usize,
    end: String,
    hint: String,
}

impl Graph {
    /// Shape of the network's input.
    pub fn input_shape(&self) -> Shape {
        self.nodes[0].shape
    }

    /// The layer whose output are the probabilities of classes.
    pub fn classifier(&self) -> Option<LayerIndex> {
        let says = |output: &&Output| matches!(output.meaning, Meaning::Probabilities | Meaning::Independent);
        self.outputs.iter().find(says).map(|output| output.layer)
    }

    /// The output that is a vector: probabilities, or numbers.
    pub fn answer(&self) -> Option<Output> {
        self.outputs.iter().find(|output| output.meaning != Meaning::Maps).copied()
    }

    /// What padding counts for in its average pooling; `None` where no window reaches into padding.
    pub fn avg_pool(&self) -> Option<AvgPool> {
        self.nodes.iter().find_map(|node| match node.op {
            Op::AvgPool(window, counts) if window.padding != [0, 0] || window.padding_after != [0, 0] => {
                Some(counts)
            }
            _ => None,
        })
    }

    /// Lets padding count, or not, in all average pooling.
    pub fn set_avg_pool(&mut self, counts: AvgPool) {
        for node in &mut self.nodes {
            if let Op::AvgPool(_, own) = &mut node.op {
                *own = counts;
            }
        }
    }

    /// Adds an activation behind a layer, as a layer of its own at the end, named after what it is.
    pub fn append(&mut self, activation: Activation, layer: LayerIndex) -> LayerIndex {
        let before = &self.nodes[layer];
        let name = format!("{} (added)", activation.name());
        self.nodes.push(Node {
            op: Op::Activation,
            activation,
            has_bias: false,
            inputs: vec![layer],
            name,
            other_name: None,
            ..before.clone()
        });
        self.nodes.len() - 1
    }

    /// Finds a layer by index or by one of its names.
    ///
    /// # Errors
    /// [`UnknownLayer`], with the most similar name.
    pub fn find(&self, name: &str) -> Result<LayerIndex, UnknownLayer> {
        let by_index = name.parse::<usize>().ok().filter(|&index| index < self.nodes.len());
        let is_named = |node: &Node| node.name == name || node.other_name.as_deref() == Some(name);
        by_index.or_else(|| self.nodes.iter().position(is_named)).or_else(|| self.inside(name)).ok_or_else(
            || {
                let names = self.nodes.iter().flat_map(|n| [Some(&n.name), n.other_name.as_ref()]).flatten();
                let nearest = names
                    .map(|known| (strsim::jaro_winkler(known, name), known))
                    .max_by(|a, b| a.0.total_cmp(&b.0))
                    .filter(|(similarity, _)| *similarity > 0.8);
                UnknownLayer {
                    name: name.into(),
                    last: self.nodes.len() - 1,
                    end: self.last_maps().map(|end| format!(" (its maps end at {end})")).unwrap_or_default(),
                    hint: nearest.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default(),
                }
            },
        )
    }

    /// The last layer that is no vector, by its names.
    fn last_maps(&self) -> Option<String> {
        let node = self.nodes.iter().rev().find(|node| !node.shape.is_vector())?;
        let other = node.other_name.as_ref().map(|name| format!(", `{name}`")).unwrap_or_default();
        Some(format!("`{}`{other}", node.name))
    }

    /// The one layer of a model inside the network that has this name there: `mixed2` for `inception_v3/mixed2`.
    fn inside(&self, name: &str) -> Option<LayerIndex> {
        let is_named = |node: &Node| node.name.rsplit_once('/').is_some_and(|(_, last)| last == name);
        let mut found = (0..self.nodes.len()).filter(|&layer| is_named(&self.nodes[layer]));
        found.next().filter(|_| found.next().is_none())
    }

    /// Which nodes have to run so that all of `taps` exist.
    pub fn needed(&self, taps: impl IntoIterator<Item = LayerIndex>) -> Vec<bool> {
        self.needed_behind(taps, &[])
    }

    /// The same where the values of some layers are `known`: what only they are computed from does not run.
    pub fn needed_behind(
        &self,
        taps: impl IntoIterator<Item = LayerIndex>,
        known: &[LayerIndex],
    ) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for tap in taps {
            needed[tap] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if needed[index] && !known.contains(&index) {
                for &input in &self.nodes[index].inputs {
                    needed[input] = true;
                }
            }
        }
        needed
    }

    /// The layers whose values have to be known to compute `taps` again where only those of `layers` are another: these, as far
    /// as they do not lie behind each other, and what else is read behind them.
    pub fn cut(&self, layers: &[LayerIndex], taps: &[LayerIndex]) -> Vec<LayerIndex> {
        let mut is_behind = vec![false; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            is_behind[index] = node.inputs.iter().any(|&input| is_behind[input] || layers.contains(&input));
        }
        let needed = self.needed(taps.iter().copied());
        let is_read = |layer: LayerIndex| {
            taps.contains(&layer) || self.consumers(layer).any(|reader| needed[reader] && is_behind[reader])
        };
        (0..self.nodes.len()).filter(|&layer| needed[layer] && !is_behind[layer] && is_read(layer)).collect()
    }

    /// The layers that read `index`.
    pub fn consumers(&self, index: LayerIndex) -> impl Iterator<Item = LayerIndex> {
        (index + 1..self.nodes.len()).filter(move |&other| self.nodes[other].inputs.contains(&index))
    }

    /// The layer to look at first: the end of the second stage, as of InceptionV3's first block; where that has no maps, the
    /// first convolution, or the input.
    pub fn first_look(&self) -> LayerIndex {
        let has_maps = |layer: &LayerIndex| !self.nodes[*layer].shape.is_vector();
        let is_convolution = |node: &Node| matches!(node.op, Op::Conv(..) | Op::SeparableConv(_));
        let convolution = || self.nodes.iter().position(is_convolution);
        let second = (self.stages.len() > 1).then(|| self.stage_end(1));
        second.filter(has_maps).or_else(convolution).unwrap_or(0)
    }

    /// The layer at which a stage is best looked at: its last one.
    pub fn stage_end(&self, stage: usize) -> LayerIndex {
        self.nodes.iter().rposition(|node| node.stage == stage).unwrap_or(0)
    }
}
