//! The network computes what Keras computes: all 313 layers for seeded weights and a seeded input.
//!
//! `tests/data/keras_taps.json` holds statistics and 8 values of each layer as Keras put them out. Where
//! `CONVSCOPE_REFERENCE` names a folder with the `weights.safetensors` and `reference.safetensors` that
//! torchvision made from the same seed, whole tensors are compared too, in both average-pool conventions.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use burn::tensor::Device;
use convscope::model::inception_v3::inception_v3;
use convscope::model::{AvgPool, Graph, Shape};
use convscope::network::{Folding, Network, input_from_values, values};
use convscope::weights::{RandomStream, ReadOptions, WeightFile, Weights, seeded};
use serde_json::Value;

/// Largest difference, as a share of the largest value.
const TOLERANCE: f64 = 1e-4;

fn graph() -> &'static Arc<Graph> {
    static GRAPH: OnceLock<Arc<Graph>> = OnceLock::new();
    GRAPH.get_or_init(|| Arc::new(inception_v3(1000, 1.0)))
}

fn weights() -> &'static Arc<Weights> {
    static WEIGHTS: OnceLock<Arc<Weights>> = OnceLock::new();
    WEIGHTS.get_or_init(|| Arc::new(seeded(graph(), 0)))
}

/// Smooth colour waves plus noise from −1 to 1.
fn input() -> Vec<f32> {
    use std::f64::consts::TAU;
    let noise = RandomStream::new(0, "input");
    let mut values = Vec::with_capacity(3 * 299 * 299);
    for channel in 0..3 {
        for row in 0..299 {
            for column in 0..299 {
                let (y, x) = (row as f64 / 299.0, column as f64 / 299.0);
                let wave = match channel {
                    0 => (TAU * (3.0 * x + 2.0 * y)).sin(),
                    1 => (TAU * (5.0 * y - x)).cos(),
                    _ => (TAU * 7.0 * x * y).sin(),
                };
                let index = (channel * 299 + row) * 299 + column;
                values.push((0.7 * wave + 0.3 * (2.0 * noise.uniform(index as u64) - 1.0)) as f32);
            }
        }
    }
    values
}

/// Runs the network for all taps in one pass.
fn run(taps: &[usize], weights: &Arc<Weights>, folding: Folding) -> Vec<Vec<f32>> {
    run_in(graph(), taps, weights, folding)
}

fn run_in(graph: &Arc<Graph>, taps: &[usize], weights: &Arc<Weights>, folding: Folding) -> Vec<Vec<f32>> {
    let device = Device::flex();
    let mut network = Network::new(graph.clone(), weights.clone(), device.clone(), folding);
    let input = input_from_values(input(), graph.input_shape(), &device);
    network.run(input, taps, &mut |_, _| {}).into_iter().map(|tensor| values(tensor).unwrap()).collect()
}

fn check_against_keras(taps: &[usize], outputs: &[Vec<f32>]) {
    let reference: Vec<Value> = serde_json::from_str(include_str!("data/keras_taps.json")).unwrap();
    for (&index, values) in taps.iter().zip(outputs) {
        let (tap, node) = (&reference[index], &graph().nodes[index]);
        let name = &node.name;
        assert_eq!(tap["name"].as_str().unwrap(), name, "layer {index}");
        let Shape { channels, height, width } = node.shape;
        assert_eq!(values.len(), channels * height * width, "{name}");
        let number = |key: &str| tap[key].as_f64().unwrap();
        let largest = number("min").abs().max(number("max").abs());
        let check = |what: &str, ours: f64, theirs: f64| {
            let difference = (ours - theirs).abs() / largest;
            assert!(difference <= TOLERANCE, "{name}: {what} is {ours}, Keras has {theirs}");
        };
        let of = |v: &f32| f64::from(*v);
        let mean = values.iter().map(of).sum::<f64>() / values.len() as f64;
        let variance = values.iter().map(|v| (of(v) - mean).powi(2)).sum::<f64>() / values.len() as f64;
        check("the mean", mean, number("mean"));
        check("the deviation", variance.sqrt(), number("std"));
        check("the minimum", values.iter().map(of).fold(f64::INFINITY, f64::min), number("min"));
        check("the maximum", values.iter().map(of).fold(f64::NEG_INFINITY, f64::max), number("max"));
        for sample in tap["samples"].as_array().unwrap() {
            let sample: Vec<f64> = sample.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
            // Keras' order is row, column, channel; vectors have the channel alone.
            let place: Vec<usize> = sample[..sample.len() - 1].iter().map(|v| *v as usize).collect();
            let at = match place[..] {
                [row, column, channel] => (channel * height + row) * width + column,
                [channel] => channel,
                _ => panic!("{name}: unknown sample {sample:?}"),
            };
            check(&format!("the value at {place:?}"), of(&values[at]), sample[sample.len() - 1]);
        }
    }
}

#[test]
fn all_313_layers_unfolded() {
    let taps: Vec<usize> = (0..graph().nodes.len()).collect();
    assert_eq!(taps.len(), 313);
    check_against_keras(&taps, &run(&taps, weights(), Folding::Apart));
}

/// A tap before batch normalisation takes its convolution off the fast path, so the folded path is seen where
/// convolutions are not tapped; and the taps before normalisation are right among folded layers.
#[test]
fn all_313_layers_folded() {
    let is_conv = |index: &usize| matches!(graph().nodes[*index].op, convscope::model::Op::Conv(..));
    let all = 0..graph().nodes.len();
    let fast: Vec<usize> = all.clone().filter(|index| !is_conv(index)).collect();
    check_against_keras(&fast, &run(&fast, weights(), Folding::Folded));
    for parity in 0..2 {
        let convs: Vec<usize> = all.clone().filter(is_conv).collect();
        let every_other: Vec<usize> = convs.into_iter().skip(parity).step_by(2).collect();
        check_against_keras(&every_other, &run(&every_other, weights(), Folding::Folded));
    }
}

#[test]
fn whole_tensors_in_both_pool_conventions() {
    let Some(folder) = std::env::var_os("CONVSCOPE_REFERENCE").map(PathBuf::from) else {
        eprintln!("skipped: CONVSCOPE_REFERENCE names no folder with reference.safetensors");
        return;
    };
    let from_file = WeightFile::open(&folder.join("weights.safetensors"), ReadOptions::default()).unwrap();
    let (_, from_file) = from_file.fit().unwrap();
    assert_eq!(
        from_file.layers,
        weights().layers,
        "the file's weights are the seed's to the bit, up to libm"
    );
    let bytes = std::fs::read(folder.join("reference.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |name: &str| -> Vec<f32> {
        let view = file.tensor(name).unwrap_or_else(|_| panic!("{name}"));
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect()
    };
    for avg_pool in [AvgPool::Exclude, AvgPool::Include] {
        let variant = format!("{}_pad/", avg_pool.name());
        let wanted: Vec<(usize, String)> = file
            .names()
            .into_iter()
            .filter(|name| name.starts_with(&variant) || !name.contains('/'))
            .filter_map(|name| {
                let layer = name.strip_prefix(&variant).unwrap_or(name);
                let layer = if layer == "softmax" { "fc" } else { layer };
                // The logits have no layer of their own; softmax follows from them.
                Some((graph().find(if layer == "input" { "0" } else { layer }).ok()?, name.to_string()))
            })
            .collect();
        assert!(wanted.len() >= 25, "{wanted:?}");
        let taps: Vec<usize> = wanted.iter().map(|(layer, _)| *layer).collect();
        let mut graph = Graph::clone(graph());
        graph.set_avg_pool(avg_pool);
        let graph = Arc::new(graph);
        for folding in [Folding::Apart, Folding::Folded] {
            let outputs = run_in(&graph, &taps, weights(), folding);
            let mut worst = (0.0f32, "");
            for ((_, name), ours) in wanted.iter().zip(&outputs) {
                let theirs = tensor(name);
                assert_eq!(ours.len(), theirs.len(), "{name}");
                let largest = theirs.iter().fold(0f32, |a, b| a.max(b.abs()));
                let difference =
                    ours.iter().zip(&theirs).fold(0f32, |worst, (a, b)| worst.max((a - b).abs()));
                let share = difference / largest;
                worst = if share > worst.0 { (share, name) } else { worst };
                assert!(f64::from(share) <= TOLERANCE, "{name}: {share:e} ({folding:?})");
            }
            eprintln!(
                "{} {folding:?}: {} tensors, worst {:e} in {}",
                variant,
                wanted.len(),
                worst.0,
                worst.1
            );
        }
    }
}
