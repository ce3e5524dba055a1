//! InceptionV3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016
//! (arXiv:1512.00567), as Keras and torchvision have it; the auxiliary classifier is left out.

use super::head::{self, Dialect, Head, Naming, Part, PartKind, Step};
use super::{
    Activation, AvgPool, Axis, Graph, GraphBuilder, GraphError, Meaning, NewNode, Op, Order, Shape, Window,
};

/// Side of the square input picture, in pixels.
pub const INPUT_SIZE: usize = 299;

/// Number of ImageNet classes.
pub const IMAGENET_CLASSES: usize = 1000;

/// Added to the variance in batch normalisation, in Keras and torchvision alike.
pub const BATCH_NORM_EPSILON: f64 = 1e-3;

/// torchvision's names of the blocks; Keras' are `mixed0` to `mixed10`.
pub const BLOCKS: [&str; 11] = [
    "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
    "Mixed_7a", "Mixed_7b", "Mixed_7c",
];

/// An InceptionV3, published or changed.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Multiplier of the channel counts; 1 for the published network. At least one channel is kept everywhere.
    pub width: f64,
    /// Height and width of its pictures; the published network needs 75 pixels.
    pub size: [usize; 2],
    /// Channels of its pictures.
    pub channels: usize,
    /// Layers in front of it.
    pub front: Vec<Part>,
    /// How many of its [`BLOCKS`] there are, from the first one.
    pub blocks: usize,
    /// What stands behind them; `None`: nothing, so that maps come out.
    pub head: Option<Head>,
    /// What its library takes for granted.
    pub dialect: Dialect,
    /// Why there is no more behind it: see [`Graph::open_end`].
    pub open_end: Option<String>,
}

impl Plan {
    /// The network as published, with so many classes; with 0 it ends at the pool.
    pub fn published(classes: usize, width: f64) -> Self {
        let units = if classes == 0 { vec![] } else { vec![("fc", classes)] };
        Self::with_dense(&units, width)
    }

    /// The same with these fully connected layers behind the pool and ReLU between them.
    pub fn with_dense(units: &[(&str, usize)], width: f64) -> Self {
        let mut head = Head::pool();
        let mut inputs = features(width);
        for (index, &(name, outputs)) in units.iter().enumerate() {
            if index > 0 {
                head.steps.push(Step::Between(Activation::Relu));
            }
            let kind = PartKind::Dense { inputs, outputs, has_bias: true };
            head.steps.push(Step::Part(Part { name: name.into(), path: name.into(), kind }));
            inputs = outputs;
        }
        Self {
            width,
            size: [INPUT_SIZE; 2],
            channels: 3,
            front: vec![],
            blocks: BLOCKS.len(),
            head: Some(head),
            dialect: Dialect::KERAS,
            open_end: None,
        }
    }

    /// The network's layers.
    ///
    /// # Errors
    /// Where pictures are too small, or a layer before or behind the body does not fit.
    pub fn graph(&self) -> Result<Graph, GraphError> {
        let input = Shape::checked([self.channels, self.size[0], self.size[1]]);
        let input = input.ok_or_else(|| GraphError(format!("its input would be {:?}", self.size)))?;
        let mut graph = GraphBuilder::new(input, "stem");
        let mut x = 0;
        for part in &self.front {
            x = head::append_part(&mut graph, x, part, part.path.clone(), Activation::Linear)?;
        }
        let mut net = Inception { graph, width: self.width, scope: String::new(), error: None };
        x = net.body(x, self.blocks);
        if let Some(error) = net.error {
            return Err(error);
        }
        let mut graph = net.graph;
        let mut meaning = Meaning::Maps;
        if let Some(head) = &self.head {
            graph.stage("pool");
            (x, meaning) = head::append(&mut graph, x, head, self.dialect, Naming::Keras)?;
        }
        let name = match self.blocks.checked_sub(1) {
            Some(last) if self.blocks < BLOCKS.len() => format!("InceptionV3 up to mixed{last}"),
            Some(_) => "InceptionV3".into(),
            None => "InceptionV3 up to its first pools".into(),
        };
        let graph = graph.finish(&name, self.width, &[(x, meaning)], Order::Keras);
        Ok(Graph { open_end: self.open_end.clone(), ..graph })
    }
}

/// Channels of the last maps.
pub fn features(width: f64) -> usize {
    let branches = [320, 384, 384, 384, 384, 192];
    branches.into_iter().map(|channels| scaled(channels, width)).sum()
}

/// InceptionV3 as published, with so many classes and with every channel count multiplied by `width` (1.0 is the
/// published network; at least one channel is kept everywhere). With 0 classes it ends at the pool.
pub fn inception_v3(classes: usize, width: f64) -> Graph {
    Plan::published(classes, width)
        .graph()
        .unwrap_or_else(|error| unreachable!("the published network: {error}"))
}

/// The number of channels in a network whose channel counts are multiplied by `width`: rounded, at least one.
pub fn scaled(channels: usize, width: f64) -> usize {
    ((channels as f64 * width).round() as usize).max(1)
}

#[derive(Clone, Copy)]
enum Padding {
    Valid,
    Same,
}

struct Inception {
    graph: GraphBuilder,
    width: f64,
    /// torchvision's module name, in front of the branch names.
    scope: String,
    /// The first one.
    error: Option<GraphError>,
}

impl Inception {
    fn push(&mut self, new: NewNode<'_>) -> usize {
        self.graph.push(new).unwrap_or_else(|error| {
            self.error.get_or_insert(error);
            0
        })
    }

    fn add(&mut self, op: Op, inputs: &[usize], name: String, torch_name: Option<String>) -> usize {
        self.push(NewNode { other_name: torch_name, ..NewNode::new(op, inputs, name) })
    }

    fn relu(&mut self, x: usize, name: String, torch_name: Option<String>) -> usize {
        let activation = Activation::Relu;
        self.push(NewNode { activation, other_name: torch_name, ..NewNode::new(Op::Activation, &[x], name) })
    }

    /// Everything up to the last of so many blocks.
    fn body(&mut self, x: usize, blocks: usize) -> usize {
        let x = self.conv_bn_relu(x, "Conv2d_1a_3x3", 32, [3, 3], 2, Padding::Valid);
        let x = self.conv_bn_relu(x, "Conv2d_2a_3x3", 32, [3, 3], 1, Padding::Valid);
        let x = self.conv_bn_relu(x, "Conv2d_2b_3x3", 64, [3, 3], 1, Padding::Same);
        let x = self.max_pool(x, Some("maxpool1"));
        let x = self.conv_bn_relu(x, "Conv2d_3b_1x1", 80, [1, 1], 1, Padding::Valid);
        let x = self.conv_bn_relu(x, "Conv2d_4a_3x3", 192, [3, 3], 1, Padding::Valid);
        let mut x = self.max_pool(x, Some("maxpool2"));
        for (block, name) in BLOCKS.into_iter().enumerate().take(blocks) {
            x = match block {
                0 => self.inception_a(x, block, name, 32),
                1 | 2 => self.inception_a(x, block, name, 64),
                3 => self.inception_b(x, block, name),
                4 => self.inception_c(x, block, name, 128),
                5 | 6 => self.inception_c(x, block, name, 160),
                7 => self.inception_c(x, block, name, 192),
                8 => self.inception_d(x, block, name),
                _ => self.inception_e(x, block, name),
            };
        }
        x
    }

    fn conv_bn_relu(
        &mut self,
        x: usize,
        torch_name: &str,
        filters: usize,
        kernel: [usize; 2],
        stride: usize,
        padding: Padding,
    ) -> usize {
        let padding = match padding {
            Padding::Valid => [0, 0],
            Padding::Same => [kernel[0] / 2, kernel[1] / 2],
        };
        let window = Window::new(kernel, [stride, stride], padding);
        let filters = scaled(filters, self.width);
        let torch = format!("{}{torch_name}", self.scope);
        let name = self.graph.auto_name("conv2d");
        let (shape, other_name) = (Some(Shape::vector(filters)), Some(format!("{torch}.conv")));
        let x = self.push(NewNode { shape, other_name, ..NewNode::new(Op::Conv(window, 1), &[x], name) });
        let name = self.graph.auto_name("batch_normalization");
        let x = self.add(Op::BatchNorm(BATCH_NORM_EPSILON), &[x], name, Some(format!("{torch}.bn")));
        let name = self.graph.auto_name("activation");
        self.relu(x, name, Some(torch))
    }

    /// A chain of convolutions with stride 1 and `same` padding: (name, filters, kernel).
    fn chain(&mut self, mut x: usize, convs: &[(&str, usize, [usize; 2])]) -> usize {
        for &(name, filters, kernel) in convs {
            x = self.conv_bn_relu(x, name, filters, kernel, 1, Padding::Same);
        }
        x
    }

    fn max_pool(&mut self, x: usize, torch_name: Option<&str>) -> usize {
        let window = Window::new([3, 3], [2, 2], [0, 0]);
        let name = self.graph.auto_name("max_pooling2d");
        self.add(Op::MaxPool(window), &[x], name, torch_name.map(Into::into))
    }

    fn pool_branch(&mut self, x: usize, filters: usize) -> usize {
        let window = Window::new([3, 3], [1, 1], [1, 1]);
        let name = self.graph.auto_name("average_pooling2d");
        let pool = self.add(Op::AvgPool(window, AvgPool::default()), &[x], name, None);
        self.chain(pool, &[("branch_pool", filters, [1, 1])])
    }

    fn enter(&mut self, block: usize, torch_name: &str) {
        self.scope = format!("{torch_name}.");
        self.graph.stage(&format!("mixed{block}"));
    }

    fn concat(&mut self, branches: &[usize], block: usize, torch_name: &str) -> usize {
        let keras_name = format!("mixed{block}");
        self.add(Op::Concat(Axis::Channel), branches, keras_name, Some(torch_name.into()))
    }

    fn inception_a(&mut self, x: usize, block: usize, name: &str, pool_filters: usize) -> usize {
        self.enter(block, name);
        let b1 = self.chain(x, &[("branch1x1", 64, [1, 1])]);
        let b5 = self.chain(x, &[("branch5x5_1", 48, [1, 1]), ("branch5x5_2", 64, [5, 5])]);
        let b3 = self.chain(
            x,
            &[("branch3x3dbl_1", 64, [1, 1]), ("branch3x3dbl_2", 96, [3, 3]), ("branch3x3dbl_3", 96, [3, 3])],
        );
        let pool = self.pool_branch(x, pool_filters);
        self.concat(&[b1, b5, b3, pool], block, name)
    }

    fn inception_b(&mut self, x: usize, block: usize, name: &str) -> usize {
        self.enter(block, name);
        let b3 = self.conv_bn_relu(x, "branch3x3", 384, [3, 3], 2, Padding::Valid);
        let dbl = self.chain(x, &[("branch3x3dbl_1", 64, [1, 1]), ("branch3x3dbl_2", 96, [3, 3])]);
        let dbl = self.conv_bn_relu(dbl, "branch3x3dbl_3", 96, [3, 3], 2, Padding::Valid);
        let pool = self.max_pool(x, None);
        self.concat(&[b3, dbl, pool], block, name)
    }

    fn inception_c(&mut self, x: usize, block: usize, name: &str, c: usize) -> usize {
        self.enter(block, name);
        let b1 = self.chain(x, &[("branch1x1", 192, [1, 1])]);
        let b7 = self.chain(
            x,
            &[("branch7x7_1", c, [1, 1]), ("branch7x7_2", c, [1, 7]), ("branch7x7_3", 192, [7, 1])],
        );
        let dbl = self.chain(
            x,
            &[
                ("branch7x7dbl_1", c, [1, 1]),
                ("branch7x7dbl_2", c, [7, 1]),
                ("branch7x7dbl_3", c, [1, 7]),
                ("branch7x7dbl_4", c, [7, 1]),
                ("branch7x7dbl_5", 192, [1, 7]),
            ],
        );
        let pool = self.pool_branch(x, 192);
        self.concat(&[b1, b7, dbl, pool], block, name)
    }

    fn inception_d(&mut self, x: usize, block: usize, name: &str) -> usize {
        self.enter(block, name);
        let b3 = self.chain(x, &[("branch3x3_1", 192, [1, 1])]);
        let b3 = self.conv_bn_relu(b3, "branch3x3_2", 320, [3, 3], 2, Padding::Valid);
        let b7 = self.chain(
            x,
            &[("branch7x7x3_1", 192, [1, 1]), ("branch7x7x3_2", 192, [1, 7]), ("branch7x7x3_3", 192, [7, 1])],
        );
        let b7 = self.conv_bn_relu(b7, "branch7x7x3_4", 192, [3, 3], 2, Padding::Valid);
        let pool = self.max_pool(x, None);
        self.concat(&[b3, b7, pool], block, name)
    }

    fn inception_e(&mut self, x: usize, block: usize, name: &str) -> usize {
        self.enter(block, name);
        let b1 = self.chain(x, &[("branch1x1", 320, [1, 1])]);
        let b3 = self.chain(x, &[("branch3x3_1", 384, [1, 1])]);
        let left = self.chain(b3, &[("branch3x3_2a", 384, [1, 3])]);
        let right = self.chain(b3, &[("branch3x3_2b", 384, [3, 1])]);
        let inner_name = format!("mixed9_{}", block - 9);
        let b3 = self.add(Op::Concat(Axis::Channel), &[left, right], inner_name, None);
        let dbl = self.chain(x, &[("branch3x3dbl_1", 448, [1, 1]), ("branch3x3dbl_2", 384, [3, 3])]);
        let left = self.chain(dbl, &[("branch3x3dbl_3a", 384, [1, 3])]);
        let right = self.chain(dbl, &[("branch3x3dbl_3b", 384, [3, 1])]);
        let inner_name = self.graph.auto_name("concatenate");
        let dbl = self.add(Op::Concat(Axis::Channel), &[left, right], inner_name, None);
        let pool = self.pool_branch(x, 192);
        self.concat(&[b1, b3, dbl, pool], block, name)
    }
}
