//! InceptionV3: Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", CVPR 2016
//! (arXiv:1512.00567), as Keras and torchvision have it; the auxiliary classifier is left out.

use super::{
    Activation, AvgPool, Axis, Graph, GraphBuilder, GraphError, Meaning, NewNode, Op, Order, Reduction,
    Shape, Window,
};

/// Side of the square input picture, in pixels.
pub const INPUT_SIZE: usize = 299;

/// Number of ImageNet classes.
pub const IMAGENET_CLASSES: usize = 1000;

/// Added to the variance in batch normalisation, in Keras and torchvision alike.
pub const BATCH_NORM_EPSILON: f64 = 1e-3;

/// A fully connected layer behind the pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeadLayer {
    /// Number of its outputs.
    pub units: usize,
    /// Its name in a weight file.
    pub torch_name: String,
}

/// InceptionV3 as published, with so many classes and with every channel count multiplied by `width` (1.0 is the
/// published network; at least one channel is kept everywhere). With 0 classes it ends at the pool.
pub fn inception_v3(classes: usize, width: f64) -> Graph {
    let classifier = HeadLayer { units: classes, torch_name: "fc".into() };
    inception_v3_with_head(if classes == 0 { &[] } else { std::slice::from_ref(&classifier) }, width)
}

/// InceptionV3 with these fully connected layers behind the pool, ReLU between them and softmax at the end (the logistic
/// function of a single output); without any it ends at the pool.
pub fn inception_v3_with_head(head: &[HeadLayer], width: f64) -> Graph {
    let size = [INPUT_SIZE; 2];
    inception_v3_of_size(head, width, size)
        .unwrap_or_else(|error| unreachable!("the published network: {error}"))
}

/// The same for pictures of this height and width.
///
/// # Errors
/// Where they are too small: the published network needs 75 pixels.
pub fn inception_v3_of_size(
    head: &[HeadLayer],
    width: f64,
    [height, columns]: [usize; 2],
) -> Result<Graph, GraphError> {
    inception_v3_of_shape(head, width, Shape { channels: 3, height, width: columns })
}

/// The same for an input of this shape.
///
/// # Errors
/// Where it is too small.
pub fn inception_v3_of_shape(head: &[HeadLayer], width: f64, input: Shape) -> Result<Graph, GraphError> {
    let graph = GraphBuilder::new(input, "stem");
    let mut net = Inception { graph, width, scope: String::new(), error: None };

    let x = net.conv_bn_relu(0, "Conv2d_1a_3x3", 32, [3, 3], 2, Padding::Valid);
    let x = net.conv_bn_relu(x, "Conv2d_2a_3x3", 32, [3, 3], 1, Padding::Valid);
    let x = net.conv_bn_relu(x, "Conv2d_2b_3x3", 64, [3, 3], 1, Padding::Same);
    let x = net.max_pool(x, Some("maxpool1"));
    let x = net.conv_bn_relu(x, "Conv2d_3b_1x1", 80, [1, 1], 1, Padding::Valid);
    let x = net.conv_bn_relu(x, "Conv2d_4a_3x3", 192, [3, 3], 1, Padding::Valid);
    let x = net.max_pool(x, Some("maxpool2"));

    let x = net.inception_a(x, 0, "Mixed_5b", 32);
    let x = net.inception_a(x, 1, "Mixed_5c", 64);
    let x = net.inception_a(x, 2, "Mixed_5d", 64);
    let x = net.inception_b(x, 3, "Mixed_6a");
    let x = net.inception_c(x, 4, "Mixed_6b", 128);
    let x = net.inception_c(x, 5, "Mixed_6c", 160);
    let x = net.inception_c(x, 6, "Mixed_6d", 160);
    let x = net.inception_c(x, 7, "Mixed_6e", 192);
    let x = net.inception_d(x, 8, "Mixed_7a");
    let x = net.inception_e(x, 9, "Mixed_7b");
    let x = net.inception_e(x, 10, "Mixed_7c");

    net.graph.stage("pool");
    let mean = Op::GlobalPool(Reduction::Mean);
    let mut x = net.add(mean, &[x], None, "avg_pool".into(), Some("avgpool".into()));
    let mut meaning = Meaning::Numbers;
    if let Some((classifier, hidden)) = head.split_last() {
        net.graph.stage("out");
        for HeadLayer { units, torch_name } in hidden {
            let name = net.graph.auto_name("dense");
            let relu = format!("{name}_relu");
            x = net.dense(x, *units, name, torch_name, Activation::Linear);
            x = net.relu(x, relu, None);
        }
        let HeadLayer { units, torch_name } = classifier;
        let activation = if *units == 1 { Activation::Sigmoid } else { Activation::Softmax };
        x = net.dense(x, *units, "predictions".into(), torch_name, activation);
        meaning = Meaning::Probabilities;
    }
    match net.error {
        Some(error) => Err(error),
        None => Ok(net.graph.finish("InceptionV3", width, &[(x, meaning)], Order::Keras)),
    }
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

    fn add(
        &mut self,
        op: Op,
        inputs: &[usize],
        channels: Option<usize>,
        name: String,
        torch_name: Option<String>,
    ) -> usize {
        let shape = channels.map(Shape::vector);
        self.push(NewNode { shape, other_name: torch_name, ..NewNode::new(op, inputs, name) })
    }

    fn relu(&mut self, x: usize, name: String, torch_name: Option<String>) -> usize {
        let activation = Activation::Relu;
        self.push(NewNode { activation, other_name: torch_name, ..NewNode::new(Op::Activation, &[x], name) })
    }

    fn dense(
        &mut self,
        x: usize,
        units: usize,
        name: String,
        torch_name: &str,
        activation: Activation,
    ) -> usize {
        let (shape, other_name) = (Some(Shape::vector(units)), Some(torch_name.into()));
        self.push(NewNode {
            activation,
            shape,
            other_name,
            has_bias: true,
            ..NewNode::new(Op::Dense, &[x], name)
        })
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
        let x = self.add(Op::Conv(window, 1), &[x], Some(filters), name, Some(format!("{torch}.conv")));
        let name = self.graph.auto_name("batch_normalization");
        let x = self.add(Op::BatchNorm(BATCH_NORM_EPSILON), &[x], None, name, Some(format!("{torch}.bn")));
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
        self.add(Op::MaxPool(window), &[x], None, name, torch_name.map(Into::into))
    }

    fn pool_branch(&mut self, x: usize, filters: usize) -> usize {
        let window = Window::new([3, 3], [1, 1], [1, 1]);
        let name = self.graph.auto_name("average_pooling2d");
        let pool = self.add(Op::AvgPool(window, AvgPool::default()), &[x], None, name, None);
        self.chain(pool, &[("branch_pool", filters, [1, 1])])
    }

    fn enter(&mut self, block: usize, torch_name: &str) {
        self.scope = format!("{torch_name}.");
        self.graph.stage(&format!("mixed{block}"));
    }

    fn concat(&mut self, branches: &[usize], block: usize, torch_name: &str) -> usize {
        let keras_name = format!("mixed{block}");
        self.add(Op::Concat(Axis::Channel), branches, None, keras_name, Some(torch_name.into()))
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
        let b3 = self.add(Op::Concat(Axis::Channel), &[left, right], None, inner_name, None);
        let dbl = self.chain(x, &[("branch3x3dbl_1", 448, [1, 1]), ("branch3x3dbl_2", 384, [3, 3])]);
        let left = self.chain(dbl, &[("branch3x3dbl_3a", 384, [1, 3])]);
        let right = self.chain(dbl, &[("branch3x3dbl_3b", 384, [3, 1])]);
        let inner_name = self.graph.auto_name("concatenate");
        let dbl = self.add(Op::Concat(Axis::Channel), &[left, right], None, inner_name, None);
        let pool = self.pool_branch(x, 192);
        self.concat(&[b1, b3, dbl, pool], block, name)
    }
}
