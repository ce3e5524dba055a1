//! The graph is Keras' and torchvision's InceptionV3: names, order, shapes, connections, parameters.

use convscope::model::Op;
use convscope::model::inception_v3::inception_v3;
use convscope::weights::{LayerWeights, seeded};
use serde_json::Value;

#[test]
fn equals_the_layer_table_of_keras() {
    let graph = inception_v3(1000, 1.0);
    let table: Value = serde_json::from_str(include_str!("data/keras_layers.json")).unwrap();
    let layers = table["layers"].as_array().unwrap();
    assert_eq!(graph.nodes.len(), layers.len());
    for (index, (node, layer)) in graph.nodes.iter().zip(layers).enumerate() {
        assert_eq!(node.name, layer["name"].as_str().unwrap(), "layer {index}");
        let shape: Vec<usize> =
            layer["output_shape"].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect();
        let ours = [node.shape.height, node.shape.width, node.shape.channels];
        assert_eq!(ours[3 - shape.len()..], shape, "{}", node.name);
        let inputs: Vec<&str> = node.inputs.iter().map(|&i| graph.nodes[i].name.as_str()).collect();
        let inbound: Vec<&str> =
            layer["inbound"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        assert_eq!(inputs, inbound, "{}", node.name);
        assert!(node.inputs.iter().all(|&input| input < index));
    }
}

#[test]
fn equals_the_mapping_to_torchvision() {
    let graph = inception_v3(1000, 1.0);
    let mapping: Value = serde_json::from_str(include_str!("data/mapping.json")).unwrap();
    let convs = mapping["convs"].as_array().unwrap();
    assert_eq!(convs.len(), 94);
    for conv in convs {
        let torch = conv["torch"].as_str().unwrap();
        for (suffix, key) in [(".conv", "conv"), (".bn", "bn"), ("", "activation")] {
            let index = graph.find(&format!("{torch}{suffix}")).unwrap();
            assert_eq!(index, conv[format!("{key}_index")].as_u64().unwrap() as usize, "{torch}{suffix}");
            assert_eq!(graph.find(conv[key].as_str().unwrap()).unwrap(), index);
        }
        let Op::Conv(window, 1) = graph.nodes[graph.find(&format!("{torch}.conv")).unwrap()].op else {
            panic!("{torch}.conv is no convolution");
        };
        let sizes = |key: &str| -> Vec<usize> {
            conv[key].as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
        };
        assert_eq!(window.kernel[..], sizes("kernel"), "{torch}");
        assert_eq!(window.stride[..], sizes("stride"), "{torch}");
        assert_eq!(window.padding[..], sizes("padding"), "{torch}");
    }
    assert_eq!(graph.find("fc").unwrap(), 312);
    assert_eq!(graph.find("Mixed_7c").unwrap(), 310);
}

#[test]
fn has_the_parameters_that_keras_counts() {
    let graph = inception_v3(1000, 1.0);
    let count: usize = seeded(&graph, 0)
        .layers
        .iter()
        .flatten()
        .map(|layer| match layer {
            LayerWeights::Conv { kernel, .. } => kernel.len(),
            // Keras has no gamma here.
            LayerWeights::BatchNorm { beta, mean, variance, .. } => beta.len() + mean.len() + variance.len(),
            LayerWeights::Dense { weight, bias } => weight.len() + bias.len(),
            other => panic!("{other:?}"),
        })
        .sum();
    assert_eq!(count, 23_851_784);
}

#[test]
fn names_find_layers_and_typing_errors_find_help() {
    let graph = inception_v3(1000, 1.0);
    for name in ["164", "mixed5", "Mixed_6c"] {
        assert_eq!(graph.find(name).unwrap(), 164);
    }
    let message = graph.find("mixd5").unwrap_err().to_string();
    assert!(message.contains("did you mean `mixed5`?") && message.contains("0 to 312"), "{message}");
    assert!(graph.find("313").is_err() && graph.find("").is_err() && graph.find("-1").is_err());
}

#[test]
fn stages_and_receptive_fields() {
    let graph = inception_v3(1000, 1.0);
    let names: Vec<&str> = graph.stages.iter().map(String::as_str).collect();
    assert_eq!(names.first(), Some(&"stem"));
    assert_eq!(names[names.len() - 3..], ["mixed10", "pool", "out"]);
    assert_eq!(graph.stage_end(1), graph.find("mixed0").unwrap());
    let field = |name: &str| graph.nodes[graph.find(name).unwrap()].receptive_field;
    assert_eq!((field("conv2d").size, field("conv2d").stride), ([3, 3], [2.0, 2.0]));
    assert_eq!(field("activation_1").size, [7, 7]);
    assert_eq!((field("max_pooling2d").size, field("max_pooling2d").stride), ([15, 15], [4.0, 4.0]));
    // Two 1×7 and 7×1 pairs: as wide as high.
    assert_eq!(field("mixed4").size[0], field("mixed4").size[1]);
    assert!(field("avg_pool").size[0] > 299);
}

#[test]
fn a_thinner_network_has_the_same_layers() {
    let (full, quarter) = (inception_v3(1000, 1.0), inception_v3(1000, 0.25));
    for (a, b) in full.nodes.iter().zip(&quarter.nodes) {
        assert_eq!((&a.name, &a.inputs, a.shape.height), (&b.name, &b.inputs, b.shape.height));
    }
    assert_eq!(quarter.nodes[310].shape.channels, 512);
}

#[test]
fn only_what_is_needed_runs() {
    let graph = inception_v3(1000, 1.0);
    let count = |tap: usize| graph.needed([tap]).iter().filter(|&&needed| needed).count();
    assert_eq!((count(0), count(7), count(17), count(312)), (1, 8, 18, 313));
}
