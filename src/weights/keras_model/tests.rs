//! Tests of the reader of Keras' models. `scripts/make_keras_networks.py` says what is in the fixtures.

mod hostile;

use std::io::Read;

use serde_json::json;

use super::*;
use crate::model::{Activation, Arithmetic, Graph, InputScale, Op, Shape};
use crate::weights::file::Stored;
use crate::weights::parameters::LayerWeights;

fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/networks/keras_{name}", env!("CARGO_MANIFEST_DIR"));
    if name.ends_with(".keras") {
        return std::fs::read(path).unwrap();
    }
    let mut bytes = Vec::new();
    let packed = std::fs::read(format!("{path}.gz")).unwrap();
    flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut bytes).unwrap();
    bytes
}

fn read(bytes: &[u8]) -> Result<DescribedNetwork, ReadError> {
    match recognises(bytes) {
        true => read_keras(bytes, ReadOptions::default()),
        false => read_h5(bytes, ReadOptions::default()).map(Option::unwrap),
    }
}

fn names(network: &DescribedNetwork) -> Vec<&str> {
    network.graph.nodes.iter().map(|node| node.name.as_str()).collect()
}

fn node<'n>(network: &'n DescribedNetwork, name: &str) -> &'n crate::model::Node {
    &network.graph.nodes[network.graph.find(name).unwrap()]
}

/// The `n`th value of a variable in a fixture.
fn value(layer: &str, variable: &str, n: usize) -> f32 {
    let mut checksum = flate2::Crc::new();
    checksum.update(format!("{layer}/{variable}").as_bytes());
    (f64::from(checksum.sum() % 1000) + n as f64 / 1024.0) as f32
}

fn vector(layer: &str, variable: &str, count: usize) -> Vec<f32> {
    (0..count).map(|n| value(layer, variable, n)).collect()
}

/// Values `[a, b, rows, columns]` of a kernel that Keras has as `[rows, columns, …]`, by what makes its place
/// of these four.
fn kernel(name: (&str, &str), sides: [usize; 4], place: impl Fn([usize; 4]) -> usize) -> Vec<f32> {
    let [a, b, rows, columns] = sides;
    let all = (0..a * b * rows * columns).map(|n| {
        let (cell, pair) = (n % (rows * columns), n / (rows * columns));
        value(name.0, name.1, place([pair / b, pair % b, cell / columns, cell % columns]))
    });
    all.collect()
}

/// Checks every parameter of a fixture by its own value.
fn check_parameters(graph: &Graph, layers: &[Option<LayerWeights>]) -> usize {
    let mut count = 0;
    for (node, weights) in graph.nodes.iter().zip(layers) {
        let name = node.name.rsplit('/').next().unwrap().trim_end_matches(" (2)");
        let inputs = node.inputs.first().map_or(0, |&input| graph.nodes[input].shape.channels);
        let channels = node.shape.channels;
        let own = |variable: &str| vector(name, variable, channels);
        let biased = node.has_bias.then(|| own("bias"));
        let side = |kernel: usize| kernel;
        let expected = match &node.op {
            Op::Conv(window, 1) => {
                let [rows, columns] = window.kernel;
                let place = |[o, i, y, x]: [usize; 4]| ((y * columns + x) * inputs + i) * channels + o;
                let kernel = kernel((name, "kernel"), [channels, inputs, rows, columns], place);
                LayerWeights::Conv { kernel, bias: biased }
            }
            // `[rows, columns, inputs, multiplier]`: outputs in the order of the last two.
            Op::Conv(window, _) => {
                let [rows, columns] = window.kernel;
                let place = |[o, _, y, x]: [usize; 4]| (y * columns + x) * channels + o;
                let kernel = kernel((name, "kernel"), [channels, 1, rows, columns], place);
                LayerWeights::Conv { kernel, bias: biased }
            }
            Op::ConvTranspose(window, 1) => {
                let [rows, columns] = window.kernel;
                let place = |[i, o, y, x]: [usize; 4]| ((y * columns + x) * channels + o) * inputs + i;
                let kernel = kernel((name, "kernel"), [inputs, channels, rows, columns], place);
                LayerWeights::Conv { kernel, bias: biased }
            }
            Op::SeparableConv(window) => {
                let [rows, columns] = window.kernel;
                let place = |[i, _, y, x]: [usize; 4]| (y * columns + x) * inputs + i;
                let depthwise = kernel((name, "depthwise_kernel"), [inputs, 1, rows, columns], place);
                let place = |[o, i, ..]: [usize; 4]| i * channels + o;
                let pointwise = kernel((name, "pointwise_kernel"), [channels, inputs, 1, 1], place);
                LayerWeights::Separable { depthwise, pointwise, bias: biased }
            }
            Op::Dense => {
                let place = |[o, i, ..]: [usize; 4]| i * channels + o;
                let weight = kernel((name, "kernel"), [channels, side(inputs), 1, 1], place);
                LayerWeights::Dense { weight, bias: own("bias") }
            }
            Op::BatchNorm(_) => {
                let Some(LayerWeights::BatchNorm { gamma, beta, .. }) = weights else { panic!("{name}") };
                // Where the layer has none, they are 1 and 0.
                let or = |given: &Vec<f32>, none: f32, variable: &str| match given[0] == none {
                    true => vec![none; channels],
                    false => own(variable),
                };
                LayerWeights::BatchNorm {
                    gamma: or(gamma, 1.0, "gamma"),
                    beta: or(beta, 0.0, "beta"),
                    mean: own("moving_mean"),
                    variance: own("moving_variance"),
                }
            }
            _ => continue,
        };
        assert_eq!(weights.as_ref(), Some(&expected), "{}", node.name);
        count += 1;
    }
    count
}

#[test]
fn a_flat_model_is_the_same_in_both_formats() {
    for (file, layout) in [("flat.keras", Layout::KerasArchive), ("flat.h5", Layout::KerasModel)] {
        let network = read(&fixture(file)).unwrap();
        assert_eq!((network.layout, &network.stored[..]), (layout, &[Stored::F32][..]));
        assert_eq!(
            names(&network),
            [
                "image",
                "stem",
                "norm",
                "relu",
                "deep",
                "short",
                "separable",
                "joined",
                "mean",
                "dropout",
                "classes",
                "up"
            ]
        );
        assert_eq!(check_parameters(&network.graph, &network.layers), 7, "{file}");
        assert_eq!(node(&network, "stem").shape, Shape { channels: 4, height: 5, width: 4 });
        assert_eq!(node(&network, "up").shape, Shape { channels: 2, height: 10, width: 8 });
        assert_eq!(node(&network, "norm").op, Op::BatchNorm(0.01));
        assert_eq!(node(&network, "relu").activation, Activation::Clip(0.0, 6.0));
        assert_eq!(node(&network, "separable").activation, Activation::Silu);
        assert_eq!(node(&network, "dropout").operation(), "linear");
        let outputs: Vec<_> = network.graph.outputs.iter().map(|out| (out.layer, out.meaning)).collect();
        assert_eq!(outputs, [(10, Meaning::Probabilities), (11, Meaning::Maps)]);
        assert!(network.metadata["keras_version"].starts_with("3."));
    }
}

#[test]
fn models_inside_are_flattened_and_shared_layers_stand_for_each_call() {
    for file in ["nested.keras", "nested.h5"] {
        let network = read(&fixture(file)).unwrap();
        assert_eq!(
            names(&network),
            [
                "image",
                "flip",
                "scaling",
                "first",
                "again",
                "body/conv_a",
                "body/norm_a",
                "body/conv_b",
                "body/norm_b",
                "body/sum",
                "again (2)",
                "multiply",
                "add",
                "largest",
                "head/hidden",
                "head/score"
            ]
        );
        assert_eq!(check_parameters(&network.graph, &network.layers), 9, "{file}");
        let [again, twice] = ["again", "again (2)"].map(|name| network.graph.find(name).unwrap());
        assert_eq!(network.layers[again], network.layers[twice]);
        assert_eq!(node(&network, "again (2)").inputs, [network.graph.find("body/sum").unwrap()]);
        assert_eq!(node(&network, "multiply").op, Op::WithConstant(Arithmetic::Mul, false));
        assert_eq!(
            [node(&network, "body").name.as_str(), &node(&network, "head").name],
            ["body/sum", "head/score"]
        );
        assert_eq!(network.input_scale, Some(InputScale::Levels));
        assert_eq!(network.metadata["logits"], "from_logits");
        assert_eq!(network.graph.outputs[0].meaning, Meaning::Numbers);
    }
}

#[test]
fn a_lambda_ends_the_graph_and_is_named() {
    let network = read(&fixture("lambda.keras")).unwrap();
    assert_eq!(names(&network), ["image", "conv"]);
    assert_eq!(network.graph.outputs[0].layer, 1);
    assert!(network.notes.iter().any(|note| note.contains("`turned` is a Lambda")), "{:?}", network.notes);
    assert!(!network.metadata.contains_key("logits"));
}

#[test]
fn keras_2_keeps_arithmetic_as_functions_of_tensorflow() {
    let network = read(&fixture("tf_keras.h5")).unwrap();
    assert_eq!(
        names(&network),
        [
            "image",
            "tf.math.truediv",
            "tf.math.subtract",
            "block/conv",
            "block/norm",
            "tf.nn.relu6",
            "tf.math.subtract_1",
            "flat",
            "dense"
        ]
    );
    assert_eq!(check_parameters(&network.graph, &network.layers), 3);
    assert_eq!(node(&network, "tf.math.subtract_1").op, Op::WithConstant(Arithmetic::Sub, true));
    assert_eq!(node(&network, "block/conv").activation, Activation::HardSigmoid(0.2, 0.5));
    assert_eq!(
        (network.input_scale, network.metadata["logits"].as_str()),
        (Some(InputScale::Levels), "regression")
    );
}

#[test]
fn keras_1_with_theanos_kernels() {
    let network = read(&fixture("old.h5")).unwrap();
    assert_eq!(
        names(&network),
        [
            "input",
            "convolution2d_1",
            "batchnormalization_1",
            "maxpooling2d_1",
            "flatten_1",
            "dropout_1",
            "dense_1"
        ]
    );
    assert_eq!(check_parameters(&network.graph, &network.layers), 3);
    assert_eq!(network.graph.input_shape(), Shape { channels: 1, height: 8, width: 6 });
    // Channels first: values lie as they are flattened.
    assert_eq!(node(&network, "flatten_1").op, Op::Rearrange(vec![]));
    assert!(network.notes.iter().any(|note| note.contains("Theano")), "{:?}", network.notes);
}

/// Builds a model of layers without parameters.
fn built(config: &Json, version: &str) -> Result<DescribedNetwork, String> {
    let bytes = fixture("old.h5");
    let file = Hdf5::open(&bytes).unwrap();
    let model = topology::model(config).map_err(|error| error.0)?;
    let options = ReadOptions::default();
    let mut variables = Variables::numbered(&file, &model, options.limits).map_err(|error| error.0)?;
    let described = Described {
        layout: Layout::KerasArchive,
        version: version.into(),
        backend: String::new(),
        training: None,
    };
    build(&model, &mut variables, described, options).map_err(|error| error.0)
}

/// A chain behind an input of 6×5 cells.
fn chain(layers: Vec<Json>) -> Json {
    let input =
        json!({"class_name": "InputLayer", "config": {"name": "image", "batch_shape": [null, 6, 5, 4]}});
    let layers = [vec![input], layers].concat();
    json!({"class_name": "Sequential", "config": {"name": "chain", "layers": layers}})
}

fn layer(class: &str, config: Json) -> Json {
    let mut config = config;
    config["name"] = json!(class.to_lowercase());
    json!({"class_name": class, "config": config})
}

/// The last node of a chain of one layer.
fn last(class: &str, config: Json, version: &str) -> crate::model::Node {
    let network = built(&chain(vec![layer(class, config)]), version).unwrap();
    network.graph.nodes.last().unwrap().clone()
}

#[test]
fn activations_mean_what_their_version_means() {
    let activation =
        |name: &str, version: &str| last("Activation", json!({"activation": name}), version).activation;
    assert_eq!(activation("hard_sigmoid", "2.15.0"), Activation::HardSigmoid(0.2, 0.5));
    assert_eq!(activation("hard_sigmoid", "3.1.0"), Activation::HardSigmoid(1.0 / 6.0, 0.5));
    assert_eq!(activation("leaky_relu", "3.1.0"), Activation::LeakyRelu(0.2));
    assert_eq!(activation("gelu", "3.1.0"), Activation::Gelu);
    assert_eq!(last("LeakyReLU", json!({}), "3.1.0").activation, Activation::LeakyRelu(0.3));
    let wrapped =
        json!({"alpha": {"class_name": "__numpy__", "config": {"value": 0.25, "dtype": "float32"}}});
    assert_eq!(last("LeakyReLU", wrapped, "2.9.0").activation, Activation::LeakyRelu(0.25));
    let object = json!({"activation": {"class_name": "LeakyReLU", "config": {"negative_slope": 0.5}}});
    assert_eq!(last("Activation", object, "3.1.0").activation, Activation::LeakyRelu(0.5));
    assert_eq!(last("ReLU", json!({"max_value": 6.0}), "3.1.0").activation, Activation::Clip(0.0, 6.0));
    assert_eq!(last("Softmax", json!({"axis": -1}), "3.1.0").activation, Activation::Softmax);
    assert_eq!(last("Softmax", json!({"axis": 1}), "3.1.0").op, Op::Softmax(crate::model::Axis::Height));
    let network =
        built(&chain(vec![layer("ReLU", json!({"threshold": 1.0, "negative_slope": 0.5}))]), "3").unwrap();
    assert!(network.graph.nodes.len() > 5 && network.graph.nodes.last().unwrap().name == "relu");
}

#[test]
fn values_are_flattened_and_reshaped_in_the_order_of_keras() {
    use crate::model::Step;
    let flat = last("Flatten", json!({}), "3");
    let step = Step { sides: vec![4, 6, 5], order: vec![1, 2, 0] };
    assert_eq!((flat.shape, flat.op), (Shape::vector(120), Op::Rearrange(vec![step.clone()])));
    let cube = last("Reshape", json!({"target_shape": [-1, 10, 3]}), "3");
    assert_eq!(cube.shape, Shape { channels: 3, height: 4, width: 10 });
    let back = Step { sides: vec![4, 10, 3], order: vec![2, 0, 1] };
    assert_eq!(cube.op, Op::Rearrange(vec![step, back]));
    let turned = last("Permute", json!({"dims": [2, 1, 3]}), "3");
    assert_eq!(turned.shape, Shape { channels: 4, height: 5, width: 6 });
    // Channels are shuffled through five axes.
    let layers = vec![
        layer("Reshape", json!({"target_shape": [6, 5, 2, 2]})),
        layer("Permute", json!({"dims": [1, 2, 4, 3]})),
        json!({"class_name": "Reshape", "config": {"name": "back", "target_shape": [6, 5, 4]}}),
    ];
    let network = built(&chain(layers), "3").unwrap();
    assert_eq!(network.graph.nodes[3].shape, Shape { channels: 4, height: 6, width: 5 });
}

#[test]
fn sizes_that_the_file_leaves_open_are_asked_for() {
    let open = json!({"class_name": "Sequential", "config": {"name": "xception_like", "layers": [
        {"class_name": "InputLayer", "config": {"name": "image", "batch_input_shape": [null, null, null, 3]}},
        {"class_name": "GlobalAveragePooling2D", "config": {"name": "mean"}}]}});
    let network = built(&open, "2.9.0").unwrap();
    assert_eq!(network.graph.input_shape(), Shape { channels: 3, height: 299, width: 299 });
    assert!(network.notes[0].contains("299×299 is a guess"));
    assert_eq!((network.input_scale, network.usual_scale), (None, InputScale::MinusOneToOne));
}

#[test]
fn pythons_json_may_have_infinities() {
    let text = r#"{"a": -Infinity, "b": [NaN, "NaN \" Infinity"], "c": Infinity}"#;
    let clean = r#"{"a": null, "b": [null, "NaN \" Infinity"], "c": null}"#;
    assert_eq!(config::without_infinities(text), clean);
}

#[test]
fn classes_are_written_as_keras_writes_them() {
    let names =
        ["Conv2D", "PReLU", "ReLU", "SeparableConv2D", "BatchNormalization", "MaxPooling2D", "ConvLSTM1D"];
    let snakes = names.map(numbered::snake_case);
    assert_eq!(
        snakes,
        [
            "conv2d",
            "p_re_lu",
            "re_lu",
            "separable_conv2d",
            "batch_normalization",
            "max_pooling2d",
            "conv_lstm1d"
        ]
    );
}
