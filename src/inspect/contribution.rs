//! What channels add to the score of a class, where that can be said exactly. Pure, any thread.

use super::LayerOutput;
use super::class_activation::explained;
use super::measure::ChannelStatistics;
use crate::model::{Activation, Axis, Graph, LayerIndex, Op};

/// Where the channels of a layer lie among those whose means make the classes' scores; `None` unless they get there through
/// nothing but concatenation and the global average.
pub fn pooled_from(graph: &Graph, layer: LayerIndex) -> Option<usize> {
    let explained = explained(graph).ok()?;
    if layer == explained.pool { Some(0) } else { find(graph, explained.maps, 0, layer) }
}

/// The place of `layer` under `node`, whose own first channel is at `first`.
fn find(graph: &Graph, node: LayerIndex, first: usize, layer: LayerIndex) -> Option<usize> {
    if node == layer {
        return Some(first);
    }
    let joined = &graph.nodes[node];
    if joined.op != Op::Concat(Axis::Channel) || joined.activation != Activation::Linear {
        return None;
    }
    let mut start = first;
    for &input in &joined.inputs {
        if let Some(found) = find(graph, input, start, layer) {
            return Some(found);
        }
        start += graph.nodes[input].shape.channels;
    }
    None
}

/// What each channel adds to the score (logit) of a class: the weight of its average times the mean of its map. The score
/// is the sum of these over all channels that are averaged, and the class's bias. This is the class activation map
/// (Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative Localization", CVPR 2016,
/// arXiv:1512.04150) summed over its cells.
///
/// `weights` are the class's, one for each average; `first` as of [`pooled_from`]. `None` where there are not so many.
pub fn contributions(weights: &[f32], first: usize, channels: &[ChannelStatistics]) -> Option<Vec<f32>> {
    let weights = weights.get(first..first + channels.len())?;
    Some(weights.iter().zip(channels).map(|(weight, channel)| weight * channel.mean).collect())
}

/// The same at every layer, in the first order: what the class's score would lose, were it linear, if a channel were zero:
/// gradient × activation, summed over the channel's cells (Molchanov, Tyree, Karras, Aila and Kautz, "Pruning Convolutional Neural
/// Networks for Resource Efficient Inference", 2016, arXiv:1611.06440, with its sign). Where only an average and one layer
/// follow, it is exact: [`contributions`].
///
/// `products` are the layer's values times the class's gradient there ([`crate::model::Form::TimesValue`]).
pub fn first_order(products: &LayerOutput) -> Vec<f32> {
    let sum = |channel| products.channel(channel).iter().map(|value| f64::from(*value)).sum::<f64>() as f32;
    (0..products.shape.channels).map(sum).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shape;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn only_layers_that_are_averaged_have_contributions() {
        let graph = inception_v3(10, 1.0);
        let of = |name: &str| pooled_from(&graph, graph.find(name).unwrap());
        assert_eq!((of("avg_pool"), of("mixed10")), (Some(0), Some(0)));
        for name in ["mixed9", "conv2d_93", "predictions", "input_layer", "activation"] {
            assert_eq!(of(name), None, "{name}");
        }
        // Branches of the last block lie beside each other: 320 channels, twice 768, 192.
        let mixed10 = &graph.nodes[graph.find("mixed10").unwrap()];
        let places: Vec<_> = mixed10.inputs.iter().map(|&input| pooled_from(&graph, input)).collect();
        assert_eq!(places, [Some(0), Some(320), Some(1088), Some(1856)]);
        let inner = &graph.nodes[mixed10.inputs[2]];
        assert_eq!(
            inner.inputs.iter().map(|&input| pooled_from(&graph, input)).collect::<Vec<_>>(),
            [Some(1088), Some(1472)]
        );
    }

    #[test]
    fn contributions_are_weight_times_mean() {
        let of = |mean| ChannelStatistics { mean, ..Default::default() };
        let weights = [10.0, -20.0, 30.0];
        assert_eq!(contributions(&weights, 1, &[of(0.5), of(2.0)]), Some(vec![-10.0, 60.0]));
        assert_eq!(contributions(&weights, 2, &[of(1.0), of(1.0)]), None);
    }

    #[test]
    fn in_the_first_order_a_channel_adds_the_sum_of_its_cells() {
        let shape = Shape { channels: 2, height: 1, width: 2 };
        let products = LayerOutput { layer: 3, shape, values: vec![1.0, -3.0, 0.5, 0.25] };
        assert_eq!(first_order(&products), [-2.0, 0.75]);
    }
}
