//! What channels add to the score of a class, where that can be said exactly. Pure, any thread.

use super::class_activation::class_weights;
use super::measure::ChannelStatistics;
use crate::model::{Graph, LayerIndex, Op};

/// Where the channels of a layer lie among those that the classifier reads; `None` unless they reach it through nothing
/// but concatenation and the global average.
pub fn pooled_from(graph: &Graph, layer: LayerIndex) -> Option<usize> {
    let classifier = graph.classifier()?;
    let pool = *graph.nodes[classifier].inputs.first()?;
    find(graph, pool, 0, layer)
}

/// The place of `layer` under `node`, whose own first channel is at `first`.
fn find(graph: &Graph, node: LayerIndex, first: usize, layer: LayerIndex) -> Option<usize> {
    if node == layer {
        return Some(first);
    }
    if !matches!(graph.nodes[node].op, Op::GlobalAvgPool | Op::Concat) {
        return None;
    }
    let mut start = first;
    for &input in &graph.nodes[node].inputs {
        if let Some(found) = find(graph, input, start, layer) {
            return Some(found);
        }
        start += graph.nodes[input].shape.channels;
    }
    None
}

/// What each channel adds to the score (logit) of a class: the weight of its average times the mean of its map. The score
/// is the sum of these over all channels that the classifier reads, and the class's bias. This is the class activation map
/// (Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative Localization", CVPR 2016,
/// arXiv:1512.04150) summed over its cells.
///
/// `weight` is the classifier's, `[classes, inputs]`; `first` as of [`pooled_from`]. `None` where it has no such row.
pub fn contributions(
    weight: &[f32],
    inputs: usize,
    class: usize,
    first: usize,
    channels: &[ChannelStatistics],
) -> Option<Vec<f32>> {
    let row = class_weights(weight, inputs, class)?;
    let row = row.get(first..first + channels.len())?;
    Some(row.iter().zip(channels).map(|(weight, channel)| weight * channel.mean).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
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
        // Two classes, three inputs.
        let weight = [1.0, 2.0, 3.0, 10.0, -20.0, 30.0];
        assert_eq!(contributions(&weight, 3, 1, 1, &[of(0.5), of(2.0)]), Some(vec![-10.0, 60.0]));
        assert_eq!(contributions(&weight, 3, 2, 0, &[of(1.0)]), None);
        assert_eq!(contributions(&weight, 3, 0, 2, &[of(1.0), of(1.0)]), None);
    }
}
