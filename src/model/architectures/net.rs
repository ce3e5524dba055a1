//! Builds a graph after the shapes of a state dict.

use std::collections::{BTreeMap, HashSet};

use crate::model::{
    Activation, Arithmetic, AvgPool, Axis, Graph, GraphBuilder, GraphError, InputScale, Meaning, NewNode, Op,
    Order, Over, Reduction, Shape, Window,
};

/// Height and width of the input for which the networks were published.
pub const INPUT_SIZE: [usize; 2] = [224, 224];

/// A graph that grows layer by layer. What is added reads [`Net::at`], the layer before it, and takes its
/// place.
pub(super) struct Net<'a> {
    tensors: &'a BTreeMap<String, Vec<usize>>,
    graph: GraphBuilder,
    /// The layer that the next one reads.
    pub at: usize,
    /// What is added to the variance in batch normalisation.
    pub epsilon: f64,
    /// What the input usually expects.
    pub usual_scale: InputScale,
    /// What the user ought to know about what was assumed.
    pub note: Option<&'static str>,
}

impl<'a> Net<'a> {
    /// An input of this height and width, with as many channels as the first convolution reads.
    pub fn new(
        tensors: &'a BTreeMap<String, Vec<usize>>,
        first: &str,
        [height, width]: [usize; 2],
        stage: &str,
    ) -> Result<Self, GraphError> {
        let channels = tensors.get(&format!("{first}.weight")).and_then(|shape| shape.get(1)).copied();
        let input = Shape::checked([channels.unwrap_or(0), height, width]);
        let input = input.ok_or_else(|| GraphError(format!("its input would be {height}×{width}")))?;
        let graph = GraphBuilder::with_input(input, "input", stage);
        Ok(Self { tensors, graph, at: 0, epsilon: 1e-5, usual_scale: InputScale::Imagenet, note: None })
    }

    /// The finished graph, if there is a layer for each tensor.
    pub fn finish(self, name: &str) -> Result<Graph, GraphError> {
        if let Some(tensor) = self.unread().next() {
            return Err(GraphError(format!("`{tensor}` is not a tensor of {name}")));
        }
        let last = self.graph.node(self.at);
        let meaning = match last.activation {
            Activation::Softmax | Activation::Sigmoid => Meaning::Probabilities,
            _ if last.shape.is_vector() => Meaning::Numbers,
            _ => Meaning::Maps,
        };
        Ok(self.graph.finish(name, 1.0, &[(self.at, meaning)], Order::Created))
    }

    /// Layers added from here on belong to this stage.
    pub fn stage(&mut self, name: &str) {
        self.graph.stage(name);
    }

    /// Shape of the last layer.
    pub fn shape(&self) -> Shape {
        self.graph.shape(self.at)
    }

    /// True where the file has a weight for this layer.
    pub fn has(&self, layer: &str) -> bool {
        self.weight(layer).is_some()
    }

    /// Shape of a layer's weight: outputs, inputs of a group, height, width.
    pub fn weight(&self, layer: &str) -> Option<&'a [usize]> {
        self.tensor(layer, "weight")
    }

    /// How many layers there are whose names are those of 0, 1, 2, ….
    pub fn count(&self, name: impl Fn(usize) -> String) -> usize {
        (0..).take_while(|&number| self.has(&name(number))).count()
    }

    fn tensor(&self, layer: &str, suffix: &str) -> Option<&'a [usize]> {
        self.tensors.get(&format!("{layer}.{suffix}")).map(Vec::as_slice)
    }

    /// A tensor without which a layer would be another one.
    pub fn expect(&self, layer: &str, suffix: &str) -> Result<(), GraphError> {
        match self.tensor(layer, suffix) {
            Some(_) => Ok(()),
            None => Err(GraphError(format!("`{layer}.{suffix}` is missing"))),
        }
    }

    /// The tensors that no layer has so far.
    fn unread(&self) -> impl Iterator<Item = &'a str> {
        let layers: HashSet<String> =
            (0..self.graph.len()).map(|index| self.graph.node(index).name.clone()).collect();
        self.tensors.keys().map(String::as_str).filter(move |name| {
            let layer = name.rsplit_once('.').map_or("", |(layer, _)| layer);
            !layers.contains(layer) && !layers.contains(*name)
        })
    }

    fn push(&mut self, new: NewNode<'_>) -> Result<(), GraphError> {
        self.at = self.graph.push(new)?;
        Ok(())
    }

    fn add(&mut self, op: Op, name: &str) -> Result<(), GraphError> {
        let at = self.at;
        self.push(NewNode::new(op, &[at], name))
    }

    /// A convolution that leaves maps as large as they are, but for the stride.
    pub fn conv(&mut self, name: &str, stride: usize) -> Result<(), GraphError> {
        let padding = self.weight(name).and_then(|shape| shape.get(2)).map_or(0, |kernel| kernel / 2);
        self.conv_padded(name, stride, padding)
    }

    /// A convolution; its channels, kernel and groups are those of its weight.
    pub fn conv_padded(&mut self, name: &str, stride: usize, padding: usize) -> Result<(), GraphError> {
        let Some(&[outputs, inputs, height, width]) = self.weight(name) else {
            return Err(GraphError(format!("`{name}.weight` is missing")));
        };
        let channels = self.shape().channels;
        if inputs == 0 || !channels.is_multiple_of(inputs) || !outputs.is_multiple_of(channels / inputs) {
            return Err(GraphError(format!("`{name}.weight` has {inputs} input channels, not {channels}")));
        }
        let op = Op::Conv(Window::new([height, width], [stride; 2], [padding; 2]), channels / inputs);
        let (shape, has_bias) = (Some(Shape::vector(outputs)), self.tensor(name, "bias").is_some());
        let at = self.at;
        self.push(NewNode { shape, has_bias, ..NewNode::new(op, &[at], name) })
    }

    /// Batch normalisation. Where it was folded into the convolution before it, the file has none of its tensors, and
    /// the convolution a bias.
    pub fn batch_norm(&mut self, name: &str) -> Result<(), GraphError> {
        let before = self.graph.node(self.at);
        let is_folded = matches!(before.op, Op::Conv(..)) && before.has_bias && !self.has(name);
        if !is_folded {
            self.expect(name, "running_var")?;
        }
        self.add(Op::BatchNorm(self.epsilon), name)
    }

    /// Normalisation of the channels of each cell.
    pub fn layer_norm(&mut self, name: &str) -> Result<(), GraphError> {
        self.expect(name, "bias")?;
        self.add(Op::Normalize(Over::Channels, 1e-6), name)
    }

    /// A scale for each channel, a tensor of this very name.
    pub fn scale(&mut self, name: &str) -> Result<(), GraphError> {
        if !self.tensors.contains_key(name) {
            return Err(GraphError(format!("`{name}` is missing")));
        }
        self.add(Op::Affine, name)
    }

    /// A layer that does nothing else.
    pub fn act(&mut self, name: &str, activation: Activation) -> Result<(), GraphError> {
        let at = self.at;
        self.push(NewNode { activation, ..NewNode::new(Op::Activation, &[at], name) })
    }

    /// ReLU.
    pub fn relu(&mut self, name: &str) -> Result<(), GraphError> {
        self.act(name, Activation::Relu)
    }

    /// Max pooling.
    pub fn max_pool(
        &mut self,
        name: &str,
        kernel: usize,
        stride: usize,
        padding: usize,
    ) -> Result<(), GraphError> {
        self.add(Op::MaxPool(Window::new([kernel; 2], [stride; 2], [padding; 2])), name)
    }

    /// Max pooling with PyTorch's `ceil_mode`: a last window that reaches over the edge counts, if it begins
    /// before it.
    pub fn max_pool_ceil(&mut self, name: &str, kernel: usize, stride: usize) -> Result<(), GraphError> {
        let Shape { height, width, .. } = self.shape();
        let mut window = Window::new([kernel; 2], [stride; 2], [0; 2]);
        // With a kernel that is not smaller than the stride the last window always begins before the edge.
        window.padding_after = [height, width]
            .map(|side| (side.saturating_sub(kernel).next_multiple_of(stride) + kernel).saturating_sub(side));
        self.add(Op::MaxPool(window), name)
    }

    /// Average pooling without padding.
    pub fn avg_pool(&mut self, name: &str, kernel: [usize; 2], stride: [usize; 2]) -> Result<(), GraphError> {
        self.add(Op::AvgPool(Window::new(kernel, stride, [0; 2]), AvgPool::Include), name)
    }

    /// PyTorch's adaptive average pooling to so many rows and columns.
    pub fn adaptive_pool(&mut self, name: &str, side: usize) -> Result<(), GraphError> {
        let Shape { height, width, .. } = self.shape();
        let (Some(rows), Some(columns)) = (adaptive_window(height, side), adaptive_window(width, side))
        else {
            return Err(GraphError(format!(
                "`{name}` makes {side}×{side} of maps of {height}×{width}, which takes windows of different \
                 sizes: give it pictures of {0}×{0}, for one",
                INPUT_SIZE[0]
            )));
        };
        self.avg_pool(name, [rows.0, columns.0], [rows.1, columns.1])
    }

    /// Mean over all cells.
    pub fn global_pool(&mut self, name: &str) -> Result<(), GraphError> {
        self.add(Op::GlobalPool(Reduction::Mean), name)
    }

    /// Cells one behind the other, channel by channel.
    pub fn flatten(&mut self, name: &str) -> Result<(), GraphError> {
        let (at, shape) = (self.at, Some(Shape::vector(self.shape().len())));
        self.push(NewNode { shape, ..NewNode::new(Op::Rearrange(vec![]), &[at], name) })
    }

    /// The sum of the last layer and another.
    pub fn add_to(&mut self, other: usize, name: &str) -> Result<(), GraphError> {
        let at = self.at;
        self.push(NewNode::new(Op::Arithmetic(Arithmetic::Add), &[at, other], name))
    }

    /// Another layer times the last one, channel by channel.
    pub fn times(&mut self, other: usize, name: &str) -> Result<(), GraphError> {
        let at = self.at;
        self.push(NewNode::new(Op::Arithmetic(Arithmetic::Mul), &[other, at], name))
    }

    /// Channels of several layers.
    pub fn concat(&mut self, inputs: &[usize], name: &str) -> Result<(), GraphError> {
        self.push(NewNode::new(Op::Concat(Axis::Channel), inputs, name))
    }

    /// A fully connected layer, for each cell by itself.
    pub fn dense(&mut self, name: &str, activation: Activation) -> Result<(), GraphError> {
        let Some(&[outputs, inputs]) = self.weight(name) else {
            return Err(GraphError(format!("`{name}.weight` is missing")));
        };
        let channels = self.shape().channels;
        if inputs != channels {
            return Err(GraphError(format!("`{name}.weight` has {inputs} inputs, not {channels}")));
        }
        let (at, shape) = (self.at, Some(Shape::vector(outputs)));
        self.push(NewNode { activation, shape, has_bias: true, ..NewNode::new(Op::Dense, &[at], name) })
    }

    /// The fully connected layers that are left: those of the classifier, whatever a fine-tuned network calls
    /// them.
    pub fn classifier(&self) -> Vec<&'a str> {
        let matrices =
            self.unread().filter(|name| self.tensors.get(*name).is_some_and(|shape| shape.len() == 2));
        let mut layers: Vec<_> = matrices.filter_map(|name| name.strip_suffix(".weight")).collect();
        // `fc.4` before `fc.10`.
        layers.sort_by_key(|name| {
            name.split('.').map(|part| (part.parse::<u64>().ok(), part)).collect::<Vec<_>>()
        });
        layers
    }

    /// These layers with this activation between them, and the probabilities that come out. Without any the
    /// network ends here.
    pub fn head(&mut self, between: Activation) -> Result<(), GraphError> {
        let layers = self.classifier();
        let Some((last, hidden)) = layers.split_last() else { return Ok(()) };
        for name in hidden {
            self.dense(name, Activation::Linear)?;
            self.act(&behind(name), between)?;
        }
        let is_one = self.weight(last).is_some_and(|shape| shape[0] == 1);
        self.dense(last, if is_one { Activation::Sigmoid } else { Activation::Softmax })
    }
}

/// The name of the activation behind a layer: the next one of a `Sequential`, or a part of the layer's own.
fn behind(layer: &str) -> String {
    let (path, last) = layer.rsplit_once('.').unwrap_or(("", layer));
    match last.parse::<u32>() {
        Ok(number) if !path.is_empty() => format!("{path}.{}", number.saturating_add(1)),
        _ => format!("{layer}.act"),
    }
}

/// Length and step of the windows by which adaptive pooling makes `count` cells of `length`: number i reads from
/// i·length/count, rounded down, to (i + 1)·length/count, rounded up. `None` where they are not all alike.
fn adaptive_window(length: usize, count: usize) -> Option<(usize, usize)> {
    let window = |i: usize| [i * length / count, ((i + 1) * length).div_ceil(count)];
    let kernel = window(0)[1];
    let stride = if count == 1 { length } else { window(1)[0] };
    let is_alike = |i: usize| window(i) == [i * stride, i * stride + kernel];
    (stride > 0 && (0..count).all(is_alike)).then_some((kernel, stride))
}
