//! What a node computes. All values are `[channels, height, width]`: vectors have height and width 1, sequences height 1.

use super::conventions::AvgPool;
use super::step::Step;
use super::window::Window;

/// An axis of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// From channel to channel.
    Channel,
    /// From row to row.
    Height,
    /// From column to column.
    Width,
}

impl Axis {
    /// Its place among a value's sides, from 0.
    pub fn place(self) -> usize {
        self as usize
    }
}

/// A function of each value, or of all channels of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Activation {
    /// The value itself.
    #[default]
    Linear,
    /// max(0, x).
    Relu,
    /// x between two limits; ReLU6 is 0 to 6.
    Clip(f32, f32),
    /// x, and below zero this part of it.
    LeakyRelu(f32),
    /// x, and below zero alpha·(eˣ − 1).
    Elu(f32),
    /// ELU that keeps mean and variance: Klambauer et al., "Self-Normalizing Neural Networks", 2017 (arXiv:1706.02515).
    Selu,
    /// x·Φ(x), Φ the normal distribution: Hendrycks & Gimpel, 2016 (arXiv:1606.08415).
    Gelu,
    /// The same with Φ approximated by tanh.
    GeluTanh,
    /// The logistic function.
    Sigmoid,
    /// alpha·x + beta between 0 and 1.
    HardSigmoid(f32, f32),
    /// x·sigmoid(x).
    Silu,
    /// x·min(max(x + 3, 0), 6)/6: Howard et al., "Searching for MobileNetV3", 2019 (arXiv:1905.02244).
    HardSwish,
    /// The hyperbolic tangent.
    Tanh,
    /// ln(1 + eˣ).
    Softplus,
    /// x/(1 + |x|).
    Softsign,
    /// x·tanh(softplus(x)): Misra, 2019 (arXiv:1908.08681).
    Mish,
    /// eˣ.
    Exp,
    /// The natural logarithm.
    Log,
    /// The square root.
    Sqrt,
    /// |x|.
    Abs,
    /// −x.
    Neg,
    /// 1/x.
    Reciprocal,
    /// The error function.
    Erf,
    /// Down to the next whole number.
    Floor,
    /// x to this power.
    Power(f32),
    /// eˣ over the sum of eˣ of all channels of the cell.
    Softmax,
    /// The logarithm of that.
    LogSoftmax,
}

impl Activation {
    /// In the words of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Relu => "ReLU",
            Self::Clip(low, high) if low == 0.0 && high == 6.0 => "ReLU6",
            Self::Clip(..) => "clip",
            Self::LeakyRelu(_) => "leaky ReLU",
            Self::Elu(_) => "ELU",
            Self::Selu => "SELU",
            Self::Gelu | Self::GeluTanh => "GELU",
            Self::Sigmoid => "sigmoid",
            Self::HardSigmoid(..) => "hard sigmoid",
            Self::Silu => "SiLU (swish)",
            Self::HardSwish => "hard swish",
            Self::Tanh => "tanh",
            Self::Softplus => "softplus",
            Self::Softsign => "softsign",
            Self::Mish => "Mish",
            Self::Exp => "exponential",
            Self::Log => "logarithm",
            Self::Sqrt => "square root",
            Self::Abs => "absolute value",
            Self::Neg => "negation",
            Self::Reciprocal => "reciprocal",
            Self::Erf => "error function",
            Self::Floor => "floor",
            Self::Power(_) => "power",
            Self::Softmax => "softmax",
            Self::LogSoftmax => "log softmax",
        }
    }

    /// True where zero is the least that comes out and means that nothing was found.
    pub fn is_rectifier(self) -> bool {
        matches!(self, Self::Relu) || matches!(self, Self::Clip(low, _) if low == 0.0)
    }

    /// True for functions of each value by itself.
    pub fn is_elementwise(self) -> bool {
        !matches!(self, Self::Softmax | Self::LogSoftmax)
    }
}

/// How values are joined to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reduction {
    /// Their mean.
    Mean,
    /// The largest.
    Max,
    /// The smallest.
    Min,
    /// Their sum.
    Sum,
}

/// Arithmetic of two values, or of several from left to right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Sum.
    Add,
    /// Difference.
    Sub,
    /// Product.
    Mul,
    /// Quotient.
    Div,
    /// The larger.
    Max,
    /// The smaller.
    Min,
    /// Mean of all.
    Mean,
    /// Power.
    Pow,
}

impl Arithmetic {
    /// In the words of the field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Add => "addition",
            Self::Sub => "subtraction",
            Self::Mul => "multiplication",
            Self::Div => "division",
            Self::Max => "maximum",
            Self::Min => "minimum",
            Self::Mean => "average",
            Self::Pow => "power",
        }
    }
}

/// What values are normalised over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Over {
    /// The channels of each cell: layer normalisation of channels-last maps.
    Channels,
    /// Everything: layer normalisation of a whole picture.
    All,
    /// So many groups of channels, all cells of each: Wu & He, "Group Normalization", 2018 (arXiv:1803.08494). As many
    /// groups as channels is instance normalisation.
    Groups(usize),
}

/// What stands around a picture that is made larger.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Filling {
    /// This value.
    Constant(f32),
    /// The picture mirrored, its edge once.
    Reflect,
    /// The edge itself.
    Edge,
}

/// How a map is resized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest cell.
    Nearest,
    /// Between four cells.
    Linear,
}

/// Which place of the input an output cell is made of, along one axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coordinates {
    /// Centres of cells: (i + ½)/scale − ½.
    HalfPixel,
    /// Corners: i/scale.
    Asymmetric,
    /// First and last cells lie on each other.
    AlignCorners,
}

/// How a place between two cells is rounded to the nearest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    /// Down.
    Floor,
    /// Up.
    Ceil,
    /// To the nearest, a half down.
    HalfDown,
    /// To the nearest, a half up.
    HalfUp,
}

/// What a node computes.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The network's input.
    Input,
    /// Convolution; each of so many groups of channels by itself. As many groups as channels: depthwise.
    Conv(Window, usize),
    /// Transposed convolution: every cell is spread by the kernel, `stride` steps apart; of what comes out, `padding` is
    /// cut off.
    ConvTranspose(Window, usize),
    /// Depthwise convolution and a convolution of 1×1 behind it, as one layer.
    SeparableConv(Window),
    /// Batch normalisation with the stored statistics; what is added to the variance.
    BatchNorm(f64),
    /// A scale and a shift for each channel.
    Affine,
    /// Mean 0 and variance 1 over a part of the values, then a scale and a shift for each channel; what is added to the
    /// variance.
    Normalize(Over, f64),
    /// Local response normalisation over so many channels; alpha, beta, bias: Krizhevsky et al., 2012.
    LocalResponse(usize, f32, f32, f32),
    /// Nothing but the node's [`Activation`].
    Activation,
    /// x, and below zero x times its own slope: He et al., 2015 (arXiv:1502.01852).
    Prelu,
    /// Largest value of each window.
    MaxPool(Window),
    /// Mean of each window.
    AvgPool(Window, AvgPool),
    /// Mean, or the largest, over height and width.
    GlobalPool(Reduction),
    /// Inputs joined along an axis.
    Concat(Axis),
    /// Arithmetic of inputs; sides of length 1 are repeated.
    Arithmetic(Arithmetic),
    /// The same with values that belong to the layer; true: those come first.
    WithConstant(Arithmetic, bool),
    /// Fully connected: a matrix times the channels of each cell.
    Dense,
    /// Products of two matrices, rows by columns, for each channel.
    MatMul,
    /// [`Activation::Softmax`] along another axis than the channels.
    Softmax(Axis),
    /// Joined along the axes that are true: channels, height, width.
    Reduce(Reduction, [bool; 3]),
    /// Cells added above and to the left, below and to the right.
    Pad([usize; 2], [usize; 2], Filling),
    /// So many from `start`, each `step` further: (axis, start, step, count).
    Slice(Axis, usize, usize, usize),
    /// Made larger or smaller, to this height and width.
    Resize {
        /// Between which cells.
        interpolation: Interpolation,
        /// From which place.
        coordinates: Coordinates,
        /// For the nearest cell.
        rounding: Rounding,
        /// Output cells for each input cell, `[vertical, horizontal]`.
        scale: [f64; 2],
    },
    /// The same values in another order or shape.
    Rearrange(Vec<Step>),
    /// Values that belong to the layer, whatever the picture.
    Constant,
}

impl Op {
    /// What the layer does, in the words of the field.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Conv(..) => "convolution",
            Self::ConvTranspose(..) => "transposed convolution",
            Self::SeparableConv(_) => "separable convolution",
            Self::BatchNorm(_) => "batch normalization",
            Self::Affine => "scale and shift",
            Self::Normalize(Over::Groups(_), _) => "group normalization",
            Self::Normalize(..) => "layer normalization",
            Self::LocalResponse(..) => "local response normalization",
            Self::Activation => "activation",
            Self::Prelu => "PReLU",
            Self::MaxPool(_) => "max pooling",
            Self::AvgPool(..) => "average pooling",
            Self::GlobalPool(Reduction::Max) => "global max pooling",
            Self::GlobalPool(_) => "global average pooling",
            Self::Concat(_) => "concatenation",
            Self::Arithmetic(arithmetic) | Self::WithConstant(arithmetic, _) => arithmetic.name(),
            Self::Dense => "dense",
            Self::MatMul => "matrix product",
            Self::Softmax(_) => "softmax",
            Self::Reduce(Reduction::Mean, _) => "mean",
            Self::Reduce(Reduction::Sum, _) => "sum",
            Self::Reduce(Reduction::Max, _) => "maximum",
            Self::Reduce(Reduction::Min, _) => "minimum",
            Self::Pad(..) => "padding",
            Self::Slice(..) => "slice",
            Self::Resize { .. } => "resize",
            Self::Rearrange(_) => "rearrangement",
            Self::Constant => "constant",
        }
    }

    /// The window that it slides over its input.
    pub fn window(&self) -> Option<Window> {
        match self {
            Self::Conv(window, _)
            | Self::ConvTranspose(window, _)
            | Self::SeparableConv(window)
            | Self::MaxPool(window)
            | Self::AvgPool(window, _) => Some(*window),
            _ => None,
        }
    }
}
