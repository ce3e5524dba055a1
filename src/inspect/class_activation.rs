//! Class activation maps: where in the picture a class's score comes from. Pure, any thread.
//!
//! Zhou, Khosla, Lapedriza, Oliva and Torralba, "Learning Deep Features for Discriminative Localization", CVPR 2016
//! (arXiv:1512.04150). For a network that ends in a pool over the whole map and one fully connected layer it is exact:
//! the mean of the map plus the class's bias is the class's logit.

use super::LayerOutput;
use crate::model::{Graph, LayerIndex, Op};

/// The layer whose maps a network's classifier sums up, and the classifier. `None` where the network does not end in
/// a pool and one fully connected layer: then there is no exact map.
pub fn explained_layer(graph: &Graph) -> Option<(LayerIndex, LayerIndex)> {
    let classifier = graph.classifier()?;
    let pool = *graph.nodes[classifier].inputs.first()?;
    let is_pool = graph.nodes[pool].op == Op::GlobalAvgPool;
    let maps = *graph.nodes[pool].inputs.first().filter(|_| is_pool)?;
    Some((maps, classifier))
}

/// The weights of one class: one a channel of the layer. `weight` is the classifier's, `[classes, channels]`.
pub fn class_weights(weight: &[f32], channels: usize, class: usize) -> Option<&[f32]> {
    weight.get(class.checked_mul(channels)?..)?.get(..channels)
}

/// The class activation map, `height × width` values: at each place the sum of the maps of `output`, each times its
/// weight for the class (one a channel).
pub fn class_activation(output: &LayerOutput, weights: &[f32]) -> Vec<f32> {
    let mut sums = vec![0.0_f64; output.shape.height * output.shape.width];
    for (channel, weight) in weights.iter().enumerate() {
        for (sum, value) in sums.iter_mut().zip(output.channel(channel)) {
            *sum += f64::from(*weight) * f64::from(*value);
        }
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// The class's logit, by its activation map and its bias.
pub fn logit(activation: &[f32], bias: f32) -> f32 {
    let sum: f64 = activation.iter().map(|value| f64::from(*value)).sum();
    (sum / activation.len().max(1) as f64 + f64::from(bias)) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shape;
    use crate::model::inception_v3::{HeadLayer, inception_v3, inception_v3_with_head};

    #[test]
    fn maps_are_weighed_and_their_mean_is_the_logit() {
        let shape = Shape { channels: 2, height: 1, width: 3 };
        let output = LayerOutput { layer: 0, shape, values: vec![1.0, 0.0, 2.0, 0.0, 3.0, 1.0] };
        let weight = [9.0, 9.0, 2.0, -1.0];
        let weights = class_weights(&weight, 2, 1).unwrap();
        let activation = class_activation(&output, weights);
        assert_eq!(activation, [2.0, -3.0, 3.0]);
        // The means of both maps, times their weights.
        assert!((logit(&activation, 0.5) - (1.0 * 2.0 - 4.0 / 3.0 + 0.5)).abs() < 1e-6);
        assert_eq!(class_weights(&weight, 2, 2), None);
    }

    #[test]
    fn only_networks_that_end_in_a_pool_and_one_layer_are_explained() {
        let graph = inception_v3(5, 0.05);
        let (maps, classifier) = explained_layer(&graph).unwrap();
        assert_eq!((graph.nodes[maps].keras_name.as_str(), classifier), ("mixed10", 312));
        assert_eq!(explained_layer(&inception_v3(0, 0.05)), None);
        let head = ["head.1", "head.2"].map(|name| HeadLayer { units: 3, torch_name: name.into() });
        assert_eq!(explained_layer(&inception_v3_with_head(&head, 0.05)), None);
    }
}
