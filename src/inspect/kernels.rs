//! The weights of a convolution as maps: what its filters look for.

use super::LayerOutput;
use crate::model::{Graph, LayerIndex, Op, Shape};

/// The convolution whose kernel belongs to a layer: itself, or the one that its batch normalisation or ReLU reads.
pub fn convolution_of(graph: &Graph, layer: LayerIndex) -> Option<LayerIndex> {
    let node = &graph.nodes[layer];
    match &node.op {
        Op::Conv(..) => Some(layer),
        Op::BatchNorm(_) | Op::Affine | Op::Activation => convolution_of(graph, *node.inputs.first()?),
        _ => None,
    }
}

/// Why a layer without such a convolution has no kernels to draw, as a part of a sentence.
pub fn no_kernels(graph: &Graph, layer: LayerIndex) -> String {
    let node = &graph.nodes[layer];
    let why = match &node.op {
        Op::ConvTranspose(..) => "spreads its kernels over the output, which is not drawn",
        Op::SeparableConv(_) => "has a kernel for each channel and a mixture behind it, which are not drawn",
        Op::Dense => "has a weight for each number it reads and no kernels",
        _ => "has no kernels",
    };
    format!("{} ({}) {why}", node.name, node.operation())
}

/// The slices of one filter of a convolution, one for each channel it reads, as a map of that many channels.
/// `kernel` is `[filters, inputs, height, width]`. `None` where the layer is no convolution or has no such filter.
pub fn slices(graph: &Graph, conv: LayerIndex, kernel: &[f32], filter: usize) -> Option<LayerOutput> {
    let node = &graph.nodes[conv];
    let Op::Conv(window, groups) = node.op else { return None };
    let channels = graph.nodes[*node.inputs.first()?].shape.channels / groups.max(1);
    let [height, width] = window.kernel;
    let shape = Shape { channels, height, width };
    let values = kernel.chunks_exact(shape.len()).nth(filter)?.to_vec();
    Some(LayerOutput { layer: conv, shape, values })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn filters_are_cut_where_they_begin() {
        let graph = inception_v3(10, 0.25);
        let relu = graph.find("activation_1").unwrap();
        let conv = convolution_of(&graph, relu).unwrap();
        assert_eq!(graph.nodes[conv].name, "conv2d_1");
        assert_eq!(convolution_of(&graph, graph.find("mixed0").unwrap()), None);
        // 8 filters over 8 channels of 3×3.
        let kernel: Vec<f32> = (0..8 * 8 * 9).map(|v| v as f32).collect();
        let cut = slices(&graph, conv, &kernel, 2).unwrap();
        assert_eq!((cut.shape, cut.values[0]), (Shape { channels: 8, height: 3, width: 3 }, 144.0));
        assert_eq!(cut.channel(7)[8], 215.0);
        assert!(slices(&graph, conv, &kernel, 8).is_none());
        assert!(slices(&graph, relu, &kernel, 0).is_none());
    }
}
