//! The layers of InceptionV3 and of its beginnings, in the order of Keras' `model.layers`.

use std::sync::OnceLock;

use crate::model::inception_v3::{BLOCKS, Plan};
use crate::model::{Graph, Op};

/// A layer of the body.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// torchvision's name.
    pub torch: String,
    /// The how manyeth of its kind was made.
    pub made: usize,
    /// Of a convolution, its kernel; of a normalisation, nothing.
    kernel: [usize; 2],
    /// Of a normalisation, the convolution whose channels it has.
    conv: usize,
}

/// The network up to one of its blocks.
#[derive(Debug)]
pub(super) struct Body {
    /// How many blocks it has.
    pub blocks: usize,
    /// Its convolutions.
    pub convs: Vec<Place>,
    /// Its normalisations.
    pub norms: Vec<Place>,
    /// How many layers of other classes it has.
    pub others: Vec<(&'static str, usize)>,
}

/// The published network up to each of its blocks, the shortest first.
pub(super) fn bodies() -> &'static [Body] {
    static ALL: OnceLock<Vec<Body>> = OnceLock::new();
    ALL.get_or_init(|| {
        let plan = |blocks| Plan { blocks, head: None, ..Plan::published(0, 1.0) };
        (0..=BLOCKS.len()).filter_map(|blocks| Some(Body::of(blocks, &plan(blocks).graph().ok()?))).collect()
    })
}

impl Body {
    fn of(blocks: usize, graph: &Graph) -> Self {
        let convs_at: Vec<usize> =
            (0..graph.nodes.len()).filter(|&at| matches!(graph.nodes[at].op, Op::Conv(..))).collect();
        let made = |name: &str| super::keras::natural(name).1 as usize;
        let place = |at: usize| {
            let node = &graph.nodes[at];
            let kernel = node.op.window().map_or([0; 2], |window| window.kernel);
            let read = node.inputs.first().copied().unwrap_or(0);
            let conv = convs_at.iter().position(|&conv| conv == read).unwrap_or(0);
            Place { torch: node.parameter_name().to_owned(), made: made(&node.name), kernel, conv }
        };
        let of =
            |is_kind: fn(&Op) -> bool| (0..graph.nodes.len()).filter(move |&at| is_kind(&graph.nodes[at].op));
        let norms = of(|op| matches!(op, Op::BatchNorm(_))).map(place).collect();
        let others = [
            ("activation", of(|op| *op == Op::Activation).count()),
            ("max_pooling2d", of(|op| matches!(op, Op::MaxPool(_))).count()),
            ("average_pooling2d", of(|op| matches!(op, Op::AvgPool(..))).count()),
            ("concatenate", of(|op| matches!(op, Op::Concat(_))).count()),
        ];
        Self { blocks, convs: convs_at.iter().map(|&at| place(at)).collect(), norms, others: others.into() }
    }

    /// Whether these kernels, `[height, width, inputs, outputs]`, and channels of normalisations are of such a network,
    /// whatever its width.
    pub fn fits(&self, kernels: &[[usize; 4]], channels: &[usize]) -> bool {
        let are_kernels = self.convs.iter().zip(kernels).all(|(place, kernel)| kernel[..2] == place.kernel);
        let outputs = |place: &Place| kernels.get(place.conv).map_or(0, |kernel| kernel[3]);
        are_kernels && self.norms.iter().zip(channels).all(|(place, channels)| outputs(place) == *channels)
    }
}
