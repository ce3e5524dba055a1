//! Builds a graph after the shapes of a state dict.

use std::collections::{BTreeMap, HashSet};

use crate::model::head::{self, Between, Dialect, Given, Joint, Known, Naming, Step};
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
    pub notes: Vec<String>,
    /// Layers of the file that are left aside.
    pub aside: HashSet<String>,
    inside: Inside<'a>,
    /// What stands between fully connected layers, where the user says it.
    between: Option<Activation>,
    /// What its last layer says, where that is no matter of its activation.
    meaning: Option<Meaning>,
    open_end: Option<String>,
}

/// Which names of a file have something in front.
#[derive(Clone, Copy)]
pub(super) struct Inside<'a> {
    /// What that is.
    pub prefix: &'a str,
    /// Names without it.
    pub outside: &'a HashSet<String>,
}

impl<'a> Net<'a> {
    /// An input of this height and width, with as many channels as the first convolution reads.
    pub fn new(
        tensors: &'a BTreeMap<String, Vec<usize>>,
        inside: Inside<'a>,
        first: &str,
        [height, width]: [usize; 2],
        stage: &str,
        between: Option<Activation>,
    ) -> Result<Self, GraphError> {
        let channels = tensors.get(&format!("{first}.weight")).and_then(|shape| shape.get(1)).copied();
        let input = Shape::checked([channels.unwrap_or(0), height, width]);
        let input = input.ok_or_else(|| GraphError(format!("its input would be {height}×{width}")))?;
        let graph = GraphBuilder::with_input(input, "input", stage);
        Ok(Self {
            tensors,
            graph,
            at: 0,
            epsilon: 1e-5,
            usual_scale: InputScale::Imagenet,
            notes: vec![],
            aside: HashSet::new(),
            inside,
            between,
            meaning: None,
            open_end: None,
        })
    }

    /// The finished graph, if there is a layer for each tensor.
    pub fn finish(self, name: &str) -> Result<Graph, GraphError> {
        if let Some(tensor) = self.unread().next() {
            return Err(GraphError(format!("`{tensor}` is not a tensor of {name}")));
        }
        let last = self.graph.node(self.at);
        let meaning = self.meaning.unwrap_or(match last.activation {
            Activation::Softmax | Activation::Sigmoid => Meaning::Probabilities,
            _ => Meaning::Maps,
        });
        let open_end = self.open_end.or_else(|| {
            (meaning == Meaning::Maps).then(|| format!("its file has no layers behind `{}`", last.name))
        });
        let graph = self.graph.finish(name, 1.0, &[(self.at, meaning)], Order::Created);
        Ok(Graph { open_end, ..graph })
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
            let layer = layer_of(name);
            !layers.contains(layer) && !layers.contains(*name) && !self.aside.contains(layer)
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
    pub fn dense(&mut self, name: &str) -> Result<(), GraphError> {
        let Some(&[outputs, inputs]) = self.weight(name) else {
            return Err(GraphError(format!("`{name}.weight` is missing")));
        };
        let channels = self.shape().channels;
        if inputs != channels {
            return Err(GraphError(format!("`{name}.weight` has {inputs} inputs, not {channels}")));
        }
        let (at, shape) = (self.at, Some(Shape::vector(outputs)));
        self.push(NewNode { shape, has_bias: true, ..NewNode::new(Op::Dense, &[at], name) })
    }

    /// Tensors outside of the body: those of the classifier, whatever a fine-tuned network calls it, and whatever else
    /// stands behind.
    fn behind(&self) -> Vec<&'a str> {
        let is_body = |name: &str| {
            (0..self.graph.len()).any(|index| module_of(&self.graph.node(index).name) == module_of(name))
        };
        let is_open = |name: &&str| HEADS.contains(&module_of(name)) || !is_body(name);
        self.unread().filter(is_open).collect()
    }

    /// The matrices among them, in the order of their numbers.
    pub fn classifier(&self) -> Vec<&'a str> {
        let is_matrix = |name: &&str| self.tensors.get(*name).is_some_and(|shape| shape.len() == 2);
        let matrices = self.behind().into_iter().filter(is_matrix);
        let mut layers: Vec<_> = matrices.filter_map(|name| name.strip_suffix(".weight")).collect();
        // `fc.4` before `fc.10`.
        layers.sort_by_key(|name| {
            name.split('.').map(|part| (part.parse::<u64>().ok(), part)).collect::<Vec<_>>()
        });
        layers
    }

    /// All layers behind the body, and the probabilities that come out. Without any the network ends here, and where
    /// their order is not known. `published`: what the published network calls its fully connected layers, where it has
    /// several; between them stands `between`, and between others that is a guess.
    pub fn head(&mut self, between: Activation, published: &[&str]) -> Result<(), GraphError> {
        let path = |name: &str| match self.inside.outside.contains(name) {
            true => name.to_owned(),
            false => format!("{}{name}", self.inside.prefix),
        };
        let behind: Vec<(&str, String)> = self.behind().into_iter().map(|name| (name, path(name))).collect();
        let shape = |name: &str| self.tensors.get(name).map_or(&[][..], Vec::as_slice);
        let named = behind.iter().map(|(name, path)| (*name, path.as_str(), shape(name)));
        let (parts, unknown) = head::parts(named, Dialect::TORCH);
        let is_published =
            parts.len() == published.len() && parts.iter().all(|part| published.contains(&&*part.name));
        let between = match self.between {
            Some(said) => Between::Said(said),
            None if is_published => Between::Published(between),
            None => Between::Guessed(between),
        };
        // The body is joined already.
        let joint = Some(Joint::Pool(Reduction::Mean));
        let known = Known { channels: self.shape().channels, joint, between, given: Given::Nothing };
        let found = match unknown.is_empty() {
            true => head::arrange(parts, &known),
            false => Err(head::unknown(&parts, &unknown)),
        };
        match found {
            Ok(mut found) if found.parts().next().is_some() => {
                found.steps.retain(|step| !matches!(step, Step::Join(_)));
                let (at, meaning) =
                    head::append(&mut self.graph, self.at, &found, Dialect::TORCH, Naming::Own)?;
                self.notes.extend(found.notes);
                (self.at, self.meaning) = (at, Some(meaning));
            }
            Ok(_) => {}
            Err(why) => {
                self.aside.extend(behind.iter().map(|(name, _)| layer_of(name).to_owned()));
                self.open_end = Some(why);
            }
        }
        Ok(())
    }
}

/// A tensor's name without its own part.
pub(super) fn layer_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(layer, _)| layer)
}

/// What libraries call what stands behind a body.
const HEADS: [&str; 4] = ["classifier", "fc", "head", "heads"];

fn module_of(name: &str) -> &str {
    name.split('.').next().unwrap_or(name)
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
