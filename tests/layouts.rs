//! One thin InceptionV3 in every layout, as Keras, PyTorch and PaddlePaddle write it, comes out as the same numbers,
//! and computes what Keras computes. `scripts/make_layout_fixtures.py` says what is in the files.

mod common;
mod layouts {
    pub mod bad;
    pub mod fuzz;
}

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use convscope::model::{AvgPool, Conventions, Graph, InputScale, Op, Shape};
use convscope::network::{Folding, Network, input_from_values, values};
use convscope::weights::{LayerWeights, Layout, RandomStream, ReadOptions, Stored, WeightFile, Weights};
use half::{bf16, f16};
use serde_json::Value;

/// Largest difference, as a share of the largest value (as in tests/parity.rs).
const TOLERANCE: f64 = 1e-4;

/// All fixtures.
#[rustfmt::skip]
pub const ALL: [&str; 14] = [
    "keras_legacy",
    "keras_weights",
    "headless_legacy",
    "headless_weights",
    "dense_legacy",
    "dense_weights",
    "nested_legacy",
    "nested_weights",
    "torch",
    "torch_old",
    "paddle",
    "safetensors",
    "f16",
    "bf16",
];

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/weights").join(path)
}

/// The bytes of a fixture.
pub fn fixture(name: &str) -> Vec<u8> {
    common::fixture(&format!("layouts/{name}"))
}

/// A file of a name that tells nothing.
pub fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn open(name: &str) -> WeightFile {
    let folder = tempfile::tempdir().unwrap();
    WeightFile::open(&file(folder.path(), "a", &fixture(name)), ReadOptions::default()).unwrap()
}

/// The network that a file says it is for, and its parameters in it.
fn load(name: &str) -> (Arc<Graph>, Weights) {
    let (graph, weights) = open(name).fit().unwrap();
    (Arc::new(graph), weights)
}

fn classes(graph: &Graph) -> usize {
    graph.classifier().map_or(0, |layer| graph.nodes[layer].shape.channels)
}

fn dense_units(graph: &Graph) -> Vec<usize> {
    graph.nodes.iter().filter(|node| node.op == Op::Dense).map(|node| node.shape.channels).collect()
}

/// The parameters' bits: 0 and −0 differ.
fn bits(weights: &Weights) -> Vec<Vec<Vec<u32>>> {
    changed(weights, |_, value| value)
}

/// The bits of the parameters after a change, which is told what they are.
fn changed(weights: &Weights, change: impl Fn(&str, f32) -> f32) -> Vec<Vec<Vec<u32>>> {
    let layer = |layer: &Option<LayerWeights>| match layer {
        None => vec![],
        Some(LayerWeights::Conv { kernel, bias: None }) => vec![("kernel", kernel.clone())],
        Some(LayerWeights::BatchNorm { gamma, beta, mean, variance }) => vec![
            ("gamma", gamma.clone()),
            ("beta", beta.clone()),
            ("mean", mean.clone()),
            ("variance", variance.clone()),
        ],
        Some(LayerWeights::Dense { weight, bias }) => {
            vec![("weight", weight.clone()), ("bias", bias.clone())]
        }
        Some(other) => panic!("{other:?} is nothing of InceptionV3"),
    };
    let all = weights.layers.iter().map(layer);
    let bits = |(what, values): (&str, Vec<f32>)| {
        values.into_iter().map(|value| change(what, value).to_bits()).collect()
    };
    all.map(|tensors| tensors.into_iter().map(bits).collect()).collect()
}

#[test]
fn every_layout_gives_the_same_bits() {
    let (graph, reference) = load("keras_legacy");
    let expected = bits(&reference);
    let parameters: usize = expected.iter().flatten().map(Vec::len).sum();
    assert_eq!((graph.nodes.len(), graph.width_multiplier, parameters), (313, 0.051, PARAMETERS));
    for (name, layout, pool) in [
        ("keras_legacy", Layout::KerasLegacy, AvgPool::Exclude),
        ("keras_weights", Layout::KerasWeights, AvgPool::Exclude),
        ("torch", Layout::Torch, AvgPool::Include),
        ("torch_old", Layout::Torch, AvgPool::Include),
        ("safetensors", Layout::Safetensors, AvgPool::Include),
    ] {
        let file = open(name);
        assert_eq!((file.facts.layout, &file.facts.stored[..]), (layout, &[Stored::F32][..]), "{name}");
        assert_eq!((file.graph.width_multiplier, classes(&file.graph)), (0.051, 10), "{name}");
        let (graph, weights) = load(name);
        assert_eq!(graph.nodes.len(), 313, "{name}");
        assert_eq!((graph.avg_pool(), weights.conventions), (Some(pool), Conventions::default()), "{name}");
        assert!(bits(&weights) == expected, "{name}");
    }
}

/// Of the thin network, with a scale of 1 that Keras leaves away.
const PARAMETERS: usize = 62453;

#[test]
fn half_precision_gives_the_rounded_values() {
    let (_, reference) = load("safetensors");
    type Round = fn(f32) -> f32;
    let half: Round = |value| f16::from_f32(value).to_f32();
    let brain: Round = |value| bf16::from_f32(value).to_f32();
    for (name, stored, round) in [("f16", Stored::F16, half), ("bf16", Stored::BF16, brain)] {
        assert_eq!(open(name).facts.stored, [stored], "{name}");
        let expected = changed(&reference, |_, value| round(value));
        assert!(expected != bits(&reference), "{name}: nothing was rounded");
        assert!(bits(&load(name).1) == expected, "{name}");
    }
}

#[test]
fn paddles_numbers_are_those_of_its_own_network() {
    let (_, reference) = load("keras_legacy");
    let expected = changed(&reference, |what, value| match what {
        "variance" => (f64::from(value) + 1e-5 - 1e-3) as f32,
        "weight" => value * 0.8,
        _ => value,
    });
    let file = open("paddle");
    assert_eq!((file.facts.layout, &file.facts.stored[..]), (Layout::Paddle, &[Stored::F32][..]));
    let (graph, weights) = load("paddle");
    assert!(bits(&weights) == expected);
    let paddles = Conventions { input_scale: InputScale::Imagenet, ..Conventions::default() };
    assert_eq!((graph.avg_pool(), weights.conventions), (Some(AvgPool::Include), paddles));
    let [note] = &weights.notes[..] else { panic!("{:?}", weights.notes) };
    for part in ["0.00001 and not 0.001", "multiplied by", "--avg-pool include"] {
        assert!(note.contains(part), "{note}");
    }
}

/// The input of tests/parity.rs.
fn input() -> Vec<f32> {
    use std::f64::consts::TAU;
    let noise = RandomStream::new(0, "input");
    let value = |index: usize| {
        let (channel, row, column) = (index / (299 * 299), index / 299 % 299, index % 299);
        let (y, x) = (row as f64 / 299.0, column as f64 / 299.0);
        let wave = match channel {
            0 => (TAU * (3.0 * x + 2.0 * y)).sin(),
            1 => (TAU * (5.0 * y - x)).cos(),
            _ => (TAU * 7.0 * x * y).sin(),
        };
        (0.7 * wave + 0.3 * (2.0 * noise.uniform(index as u64) - 1.0)) as f32
    };
    (0..3 * 299 * 299).map(value).collect()
}

fn run(graph: &Arc<Graph>, weights: &Arc<Weights>, taps: &[usize], folding: Folding) -> Vec<Vec<f32>> {
    let device = Device::flex();
    let mut network = Network::new(graph.clone(), weights.clone(), device.clone(), folding);
    let input = input_from_values(input(), graph.input_shape(), &device);
    network.run(input, taps, &mut |_, _| {}).into_iter().map(|tensor| values(tensor).unwrap()).collect()
}

fn keras() -> Value {
    serde_json::from_str(include_str!("data/weights/layouts/taps.json")).unwrap()
}

/// Panics unless a layer's output is Keras', and returns the worst difference.
fn check_tap(tap: &Value, name: &str, shape: Shape, values: &[f32]) -> f64 {
    let Shape { channels, height, width } = shape;
    assert_eq!(values.len(), channels * height * width, "{name}");
    let number = |key: &str| tap[key].as_f64().unwrap();
    let largest = number("min").abs().max(number("max").abs());
    let mut worst = 0.0_f64;
    let mut check = |what: &str, ours: f64, theirs: f64| {
        let difference = (ours - theirs).abs() / largest;
        assert!(difference <= TOLERANCE, "{name}: {what} is {ours}, Keras has {theirs}");
        worst = worst.max(difference);
    };
    let all = || values.iter().map(|value| f64::from(*value));
    let mean = all().sum::<f64>() / values.len() as f64;
    let variance = all().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64;
    check("the mean", mean, number("mean"));
    check("the deviation", variance.sqrt(), number("std"));
    check("the minimum", all().fold(f64::INFINITY, f64::min), number("min"));
    check("the maximum", all().fold(f64::NEG_INFINITY, f64::max), number("max"));
    for sample in tap["samples"].as_array().unwrap() {
        let sample: Vec<f64> = sample.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        // Keras' order is row, column, channel; vectors have the channel alone.
        let place: Vec<usize> = sample[..sample.len() - 1].iter().map(|v| *v as usize).collect();
        let at = match place[..] {
            [row, column, channel] => (channel * height + row) * width + column,
            [channel] => channel,
            _ => panic!("{name}: unknown sample {sample:?}"),
        };
        check(&format!("the value at {place:?}"), f64::from(values[at]), sample[sample.len() - 1]);
    }
    worst
}

#[test]
fn all_313_layers_of_both_layouts_compute_what_keras_computes() {
    let keras = keras();
    let reference = keras["layers"].as_array().unwrap();
    for name in ["keras_legacy", "keras_weights"] {
        let (graph, weights) = load(name);
        let taps: Vec<usize> = (0..graph.nodes.len()).collect();
        assert_eq!((taps.len(), reference.len()), (313, 313));
        let outputs = run(&graph, &Arc::new(weights), &taps, Folding::Apart);
        let mut worst = (0.0_f64, "");
        for (index, (tap, output)) in reference.iter().zip(&outputs).enumerate() {
            let node = &graph.nodes[index];
            assert_eq!(tap["name"].as_str().unwrap(), node.name, "{name}, layer {index}");
            let title = format!("{name}: {}", node.name);
            let difference = check_tap(tap, &title, node.shape, output);
            worst = if difference > worst.0 { (difference, &node.name) } else { worst };
        }
        eprintln!("{name}: 313 layers, worst difference {:e} of the largest value in {}", worst.0, worst.1);
    }
}

fn check_output(name: &str, key: &str) -> (Arc<Graph>, Weights) {
    let (graph, weights) = load(name);
    let shared = Arc::new(weights);
    let keras = keras();
    let theirs: Vec<f64> = keras[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    let largest = theirs.iter().fold(0.0_f64, |largest, value| largest.max(value.abs()));
    for folding in [Folding::Apart, Folding::Folded] {
        let ours = run(&graph, &shared, &[graph.nodes.len() - 1], folding).remove(0);
        assert_eq!(ours.len(), theirs.len(), "{name}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            let difference = (f64::from(*ours) - theirs).abs() / largest;
            assert!(difference <= TOLERANCE, "{name} {folding:?}: {ours}, Keras has {theirs}");
        }
    }
    (graph, Arc::unwrap_or_clone(shared))
}

#[test]
fn probabilities_are_those_of_keras() {
    for name in ["keras_legacy", "keras_weights"] {
        check_output(name, "predictions");
    }
}

#[test]
fn a_headless_file_ends_at_the_pool() {
    let whole = bits(&load("keras_legacy").1);
    for name in ["headless_legacy", "headless_weights"] {
        assert_eq!((classes(&open(name).graph), dense_units(&open(name).graph)), (0, vec![]), "{name}");
        let (graph, weights) = check_output(name, "headless");
        assert_eq!((graph.nodes.len(), graph.classifier()), (312, None), "{name}");
        assert_eq!(graph.nodes[311].name, "avg_pool");
        assert!(bits(&weights)[..] == whole[..312], "{name}");
    }
}

#[test]
fn dense_layers_behind_the_pool_are_part_of_the_network() {
    let whole = bits(&load("keras_legacy").1);
    for (name, key) in [
        ("dense_legacy", "dense"),
        ("dense_weights", "dense"),
        ("nested_legacy", "nested"),
        ("nested_weights", "nested"),
    ] {
        assert_eq!((dense_units(&open(name).graph), classes(&open(name).graph)), (vec![12, 7], 7), "{name}");
        let (graph, weights) = check_output(name, key);
        // A whole model has names and activations of its own; of weights alone they are added.
        let whole_model = graph.nodes[311].name != "avg_pool";
        let last: Vec<&str> = graph.nodes[312..].iter().map(|node| node.name.as_str()).collect();
        match whole_model {
            true => assert_eq!(last[last.len() - 2..], ["dense", "dense_1"], "{name}"),
            false => assert_eq!(last, ["dense", "dense_relu", "predictions"], "{name}"),
        }
        assert_eq!(graph.classifier(), Some(graph.nodes.len() - 1), "{name}");
        assert!(bits(&weights)[..312] == whole[..312], "{name}");
    }
}
