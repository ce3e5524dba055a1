//! The graph: nodes in Keras' layer order, each with its operation, inputs, names, shape and receptive field.

use std::fmt;

use super::order;

/// Position of a layer in Keras' `model.layers`, from 0 (the input).
pub type LayerIndex = usize;

/// Channels, height and width of a feature map (the batch is always 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Number of channels; of classes at the end.
    pub channels: usize,
    /// Rows of one map.
    pub height: usize,
    /// Columns of one map.
    pub width: usize,
}

impl Shape {
    /// Number of values.
    pub fn len(self) -> usize {
        self.channels * self.height * self.width
    }

    /// True for a shape without values.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// Height × width × channels, as Keras prints it.
impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}×{}×{}", self.height, self.width, self.channels)
    }
}

/// A sliding window: kernel, stride and zero padding, each `[vertical, horizontal]`, in cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the window.
    pub kernel: [usize; 2],
    /// Steps between windows.
    pub stride: [usize; 2],
    /// Cells added on each side.
    pub padding: [usize; 2],
}

/// What a node computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The network's input.
    Input,
    /// Convolution without bias.
    Conv(Window),
    /// Batch normalisation with the stored statistics, one scale and shift a channel.
    BatchNorm,
    /// max(0, x).
    Relu,
    /// Largest value of each window.
    MaxPool(Window),
    /// Mean of each window; whether padding counts is an option of the executor.
    AvgPool(Window),
    /// Inputs joined along the channels.
    Concat,
    /// Mean over height and width.
    GlobalAvgPool,
    /// Fully connected layer.
    Dense,
    /// Fully connected layer and softmax: class probabilities. Of a single output the logistic function.
    Classifier,
}

impl Op {
    /// What the layer does, in the words of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv(_) => "convolution",
            Self::BatchNorm => "batch normalization",
            Self::Relu => "ReLU",
            Self::MaxPool(_) => "max pooling",
            Self::AvgPool(_) => "average pooling",
            Self::Concat => "concatenation",
            Self::GlobalAvgPool => "global average pooling",
            Self::Dense => "dense",
            Self::Classifier => "dense + softmax",
        }
    }
}

/// The part of the input picture that one cell of a map depends on, per axis `[vertical, horizontal]`,
/// in pixels of the network's input. Cell `(y, x)` sees `start + stride·(y, x)` up to `+ size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceptiveField {
    /// Side lengths.
    pub size: [usize; 2],
    /// Input pixels from one cell to the next.
    pub stride: [usize; 2],
    /// Where the first cell's field begins; negative where it reaches into the padding.
    pub start: [isize; 2],
}

/// One layer.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// The layers it reads, all with smaller indices.
    pub inputs: Vec<LayerIndex>,
    /// Keras' name (`conv2d_12`).
    pub keras_name: String,
    /// torchvision's name, where it has one (`Mixed_5b.branch1x1.conv`).
    pub torch_name: Option<String>,
    /// Shape of its output.
    pub shape: Shape,
    /// Index into [`Graph::stages`].
    pub stage: usize,
    /// What of the input one cell of it sees.
    pub receptive_field: ReceptiveField,
}

/// A network. Nodes are in Keras' order, so index 4 here is `model.layers[4]` there.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The architecture's name.
    pub name: &'static str,
    /// Multiplier of the published channel counts.
    pub width_multiplier: f64,
    /// All layers; each reads only earlier ones.
    pub nodes: Vec<Node>,
    /// Names of the stages that the stage keys step through (`stem`, `mixed0`, …).
    pub stages: Vec<String>,
}

/// `--layer` names nothing.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no layer `{name}`: use an index from 0 to {last}, a Keras name or a torchvision name{hint}"
)]
pub struct UnknownLayer {
    name: String,
    last: usize,
    hint: String,
}

impl Graph {
    /// Shape of the network's input.
    pub fn input_shape(&self) -> Shape {
        self.nodes[0].shape
    }

    /// Index of the classifier, whose output are the class probabilities.
    pub fn classifier(&self) -> Option<LayerIndex> {
        self.nodes.iter().position(|node| node.op == Op::Classifier)
    }

    /// Finds a layer by index, Keras name or torchvision name.
    ///
    /// # Errors
    /// [`UnknownLayer`], with the most similar name.
    pub fn find(&self, name: &str) -> Result<LayerIndex, UnknownLayer> {
        let by_index = name.parse::<usize>().ok().filter(|&index| index < self.nodes.len());
        let is_named = |node: &Node| node.keras_name == name || node.torch_name.as_deref() == Some(name);
        by_index.or_else(|| self.nodes.iter().position(is_named)).ok_or_else(|| {
            let names =
                self.nodes.iter().flat_map(|n| [Some(&n.keras_name), n.torch_name.as_ref()]).flatten();
            let nearest = names
                .map(|known| (strsim::jaro_winkler(known, name), known))
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .filter(|(similarity, _)| *similarity > 0.8);
            UnknownLayer {
                name: name.into(),
                last: self.nodes.len() - 1,
                hint: nearest.map(|(_, known)| format!("; did you mean `{known}`?")).unwrap_or_default(),
            }
        })
    }

    /// Which nodes have to run so that all of `taps` exist.
    pub fn needed(&self, taps: impl IntoIterator<Item = LayerIndex>) -> Vec<bool> {
        let mut needed = vec![false; self.nodes.len()];
        for tap in taps {
            needed[tap] = true;
        }
        for index in (0..self.nodes.len()).rev() {
            if needed[index] {
                for &input in &self.nodes[index].inputs {
                    needed[input] = true;
                }
            }
        }
        needed
    }

    /// The layers that read `index`.
    pub fn consumers(&self, index: LayerIndex) -> impl Iterator<Item = LayerIndex> {
        (index + 1..self.nodes.len()).filter(move |&other| self.nodes[other].inputs.contains(&index))
    }

    /// The layer at which a stage is best looked at: its last one.
    pub fn stage_end(&self, stage: usize) -> LayerIndex {
        self.nodes.iter().rposition(|node| node.stage == stage).unwrap_or(0)
    }
}

/// Builds a [`Graph`] in the order of creation; [`GraphBuilder::finish`] brings it into Keras' order.
#[derive(Debug)]
pub struct GraphBuilder {
    nodes: Vec<Node>,
    stages: Vec<String>,
    counts: Vec<(&'static str, usize)>,
}

impl GraphBuilder {
    /// A graph with an input of this shape.
    pub fn new(input: Shape, first_stage: &str) -> Self {
        let node = Node {
            op: Op::Input,
            inputs: vec![],
            keras_name: "input_layer".into(),
            torch_name: None,
            shape: input,
            stage: 0,
            receptive_field: ReceptiveField { size: [1, 1], stride: [1, 1], start: [0, 0] },
        };
        Self { nodes: vec![node], stages: vec![first_stage.into()], counts: vec![] }
    }

    /// Nodes added from here on belong to this stage.
    pub fn stage(&mut self, name: &str) {
        self.stages.push(name.into());
    }

    /// Keras' automatic name: `conv2d`, `conv2d_1`, …
    pub fn auto_name(&mut self, kind: &'static str) -> String {
        let position = self.counts.iter().position(|(known, _)| *known == kind).unwrap_or_else(|| {
            self.counts.push((kind, 0));
            self.counts.len() - 1
        });
        let count = &mut self.counts[position].1;
        *count += 1;
        if *count == 1 { kind.into() } else { format!("{kind}_{}", *count - 1) }
    }

    /// Adds a node and returns its (creation) index. `channels` is used where the operation changes their number.
    pub fn add(
        &mut self,
        op: Op,
        inputs: &[usize],
        channels: Option<usize>,
        keras_name: String,
        torch_name: Option<String>,
    ) -> usize {
        let first = &self.nodes[inputs[0]];
        let (mut shape, mut field) = (first.shape, first.receptive_field);
        match op {
            Op::Conv(window) | Op::MaxPool(window) | Op::AvgPool(window) => {
                let side = |axis: usize, length: usize| {
                    (length + 2 * window.padding[axis] - window.kernel[axis]) / window.stride[axis] + 1
                };
                (shape.height, shape.width) = (side(0, shape.height), side(1, shape.width));
                for axis in 0..2 {
                    field.size[axis] += (window.kernel[axis] - 1) * field.stride[axis];
                    field.start[axis] -= (window.padding[axis] * field.stride[axis]) as isize;
                    field.stride[axis] *= window.stride[axis];
                }
            }
            Op::Concat => {
                let fields = || inputs.iter().map(|&input| self.nodes[input].receptive_field);
                for axis in 0..2 {
                    let start = fields().map(|f| f.start[axis]).min().unwrap_or(0);
                    let end = fields().map(|f| f.start[axis] + f.size[axis] as isize).max().unwrap_or(0);
                    (field.start[axis], field.size[axis]) = (start, (end - start) as usize);
                }
                shape.channels = inputs.iter().map(|&input| self.nodes[input].shape.channels).sum();
            }
            Op::GlobalAvgPool => {
                field.size[0] += (shape.height - 1) * field.stride[0];
                field.size[1] += (shape.width - 1) * field.stride[1];
                (shape.height, shape.width) = (1, 1);
            }
            Op::Input | Op::BatchNorm | Op::Relu | Op::Dense | Op::Classifier => {}
        }
        shape.channels = channels.unwrap_or(shape.channels);
        self.nodes.push(Node {
            op,
            inputs: inputs.to_vec(),
            keras_name,
            torch_name,
            shape,
            stage: self.stages.len() - 1,
            receptive_field: field,
        });
        self.nodes.len() - 1
    }

    /// The finished graph in Keras' order; the last node added is the output.
    pub fn finish(self, name: &'static str, width_multiplier: f64) -> Graph {
        let inputs: Vec<&[usize]> = self.nodes.iter().map(|node| node.inputs.as_slice()).collect();
        let order = order::keras_order(&inputs, self.nodes.len() - 1);
        let mut position = vec![0; self.nodes.len()];
        for (index, &created) in order.iter().enumerate() {
            position[created] = index;
        }
        let nodes = order
            .iter()
            .map(|&created| {
                let mut node = self.nodes[created].clone();
                for input in &mut node.inputs {
                    *input = position[*input];
                }
                node
            })
            .collect();
        Graph { name, width_multiplier, nodes, stages: self.stages }
    }
}
