//! The way back is PyTorch's: gradients of classes and units with respect to the input and to layers before them, whole
//! tensors, by every rule, and class activation maps, of small networks that `scripts/make_gradients.py` wrote.
//! `CONVSCOPE_GRADIENTS=DIR` adds what lies in DIR; `CONVSCOPE_GRADIENTS_ONLY` chooses by parts of the names.

mod common;
#[path = "gradients/experiments.rs"]
mod experiments;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burn::tensor::Device;
use convscope::model::{Activation, CamMethod, Form, Graph, LayerIndex, Place, Rule, Trace, Unit};
use convscope::network::{Averaging, Folding, Network, Versions, input_from_values, values};
use convscope::weights::{RandomStream, ReadOptions, WeightFile};
use safetensors::SafeTensors;
use serde_json::Value;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/gradients");

const MODELS: [&str; 3] = ["model.onnx", "model.keras", "model.safetensors"];

/// Largest difference of a tensor, as a part of its largest value.
const TOLERANCE: f32 = 1e-4;

struct Reference {
    graph: Arc<Graph>,
    weights: Arc<convscope::weights::Weights>,
    tensors: HashMap<String, (Vec<usize>, Vec<f32>)>,
    origins: Vec<Vec<Unit>>,
    /// How far PyTorch's own f32 is from its f64.
    rounding: HashMap<String, f32>,
}

fn references() -> Vec<PathBuf> {
    let mut folders = vec![PathBuf::from(FIXTURES)];
    match std::env::var_os("CONVSCOPE_GRADIENTS") {
        Some(folder) => folders.push(folder.into()),
        None => println!("only small ones: CONVSCOPE_GRADIENTS names no folder of scripts/make_gradients.py"),
    }
    let only = std::env::var("CONVSCOPE_GRADIENTS_ONLY").unwrap_or_default();
    let is_chosen = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        only.split(',').any(|part| name.contains(part)) && path.join("gradients.safetensors").is_file()
    };
    let inside = folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap());
    let mut found: Vec<PathBuf> = inside.map(|entry| entry.unwrap().path()).filter(is_chosen).collect();
    found.sort();
    found
}

fn open(folder: &Path) -> Reference {
    let bytes = std::fs::read(folder.join("gradients.safetensors")).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let said = metadata.metadata().as_ref().unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let size = file.tensor("input").unwrap().shape()[2..].to_vec();
    let numbers = |data: &[u8]| data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    let numbered = |(name, view): (String, safetensors::tensor::TensorView<'_>)| {
        (name, (view.shape().to_vec(), numbers(view.data())))
    };
    let tensors = file.tensors().into_iter().map(numbered).collect();
    let model = MODELS.iter().map(|name| folder.join(name)).find(|path| path.is_file()).unwrap();
    let options = ReadOptions { input_size: Some([size[0], size[1]]), ..ReadOptions::default() };
    let (graph, weights) = WeightFile::open(&model, options).and_then(WeightFile::fit).unwrap();
    let origins: Vec<Vec<Value>> = serde_json::from_str(&said["origins"]).unwrap();
    let origins =
        origins.iter().map(|units| units.iter().map(|unit| unit_of(&graph, unit)).collect()).collect();
    let rounding = serde_json::from_str(&said["rounding"]).unwrap();
    Reference { graph: Arc::new(graph), weights: Arc::new(weights), tensors, origins, rounding }
}

fn unit_of(graph: &Graph, unit: &Value) -> Unit {
    let layer = layer(graph, unit["layer"].as_str().unwrap()).expect("an origin is a layer");
    let place = match &unit["place"] {
        Value::String(word) if word == "strongest" => Place::Strongest,
        Value::String(_) => Place::Mean,
        cell => Place::Cell(cell[0].as_u64().unwrap() as usize, cell[1].as_u64().unwrap() as usize),
    };
    Unit {
        weight: unit["weight"].as_f64().unwrap() as f32,
        // PyTorch's classifiers end in scores; a state dict's network goes on to probabilities.
        before_activation: graph.nodes[layer].activation == Activation::Softmax,
        ..Unit::new(layer, unit["channel"].as_u64().unwrap() as usize, place)
    }
}

/// In ONNX files values have the other name; a layer may be called as another layer's value is.
fn layer(graph: &Graph, name: &str) -> Option<LayerIndex> {
    let others = graph.nodes.iter().filter(|node| node.other_name.is_some()).count();
    let has_values = 2 * others > graph.nodes.len();
    let by_other = graph.nodes.iter().position(|node| node.other_name.as_deref() == Some(name));
    let by_name = || graph.nodes.iter().position(|node| node.name == name && !has_values);
    if name == "input" { Some(0) } else { by_other.or_else(by_name) }
}

/// What the first part of a tensor's name asks for.
fn asked(word: &str) -> (Rule, Form) {
    match word {
        "gradient" => (Rule::Gradient, Form::Gradient),
        "guided" => (Rule::Guided, Form::Gradient),
        "deconvolution" => (Rule::Deconvolution, Form::Gradient),
        "grad_cam" => (Rule::Gradient, Form::Cam(CamMethod::GradCam)),
        "grad_cam_plus_plus" => (Rule::Gradient, Form::Cam(CamMethod::GradCamPlusPlus)),
        "layer_cam" => (Rule::Gradient, Form::Cam(CamMethod::LayerCam)),
        other => panic!("what is {other}?"),
    }
}

/// The largest difference, as a part of the largest value.
fn difference(ours: &[f32], theirs: &[f32]) -> f32 {
    assert_eq!(ours.len(), theirs.len());
    let largest = theirs.iter().fold(0f32, |largest, value| largest.max(value.abs()));
    let worst = ours.iter().zip(theirs).fold(0f32, |worst, (a, b)| {
        let apart = (a - b).abs();
        if apart.is_nan() || apart > worst { apart } else { worst }
    });
    if worst == 0.0 { 0.0 } else { worst / largest }
}

struct Compared {
    tensors: usize,
    worst: f32,
    at: String,
    /// PyTorch's own rounding.
    theirs: f32,
    problems: Vec<String>,
}

/// A tensor's name, and what it is.
type Asked<'a> = (&'a String, LayerIndex, Form);

/// All tensors of a reference, each rule's and origin's in one run, and each by itself.
fn compare(folder: &Path, device: &Device) -> Compared {
    let name = folder.file_name().unwrap().to_string_lossy();
    let reference = open(folder);
    let graph = &reference.graph;
    let mut network = Network::new(graph.clone(), reference.weights.clone(), device.clone(), Folding::Folded);
    let input = || input_from_values(reference.tensors["input"].1.clone(), graph.input_shape(), device);
    let mut by_trace: HashMap<(String, usize), Vec<Asked<'_>>> = HashMap::new();
    let mut compared = Compared { tensors: 0, worst: 0.0, at: String::new(), theirs: 0.0, problems: vec![] };
    for (title, expected) in reference.tensors.iter().filter(|(title, _)| *title != "input") {
        let mut parts = title.splitn(3, '/');
        let [word, origin, name] = [0; 3].map(|_| parts.next().unwrap());
        let (rule, form) = asked(word);
        // Some nodes of a file are folded away.
        let Some(layer) = layer(graph, name) else { continue };
        let shape = graph.nodes[layer].shape;
        let sides = match form {
            Form::Cam(_) => vec![shape.height, shape.width],
            _ if shape.is_vector() => vec![1, shape.channels],
            _ => vec![1, shape.channels, shape.height, shape.width],
        };
        // Sides of 1 aside. A value with channels last has another order.
        let long = |sides: &[usize]| sides.iter().copied().filter(|side| *side > 1).collect::<Vec<_>>();
        if long(&sides) == long(&expected.0) {
            let key = (format!("{rule:?}"), origin.parse().unwrap());
            by_trace.entry(key).or_default().push((title, layer, form));
        }
    }
    for ((_, origin), mut wanted) in by_trace {
        wanted.sort_by_key(|(title, ..)| *title);
        let (rule, _) = asked(wanted[0].0.split('/').next().unwrap());
        let trace = |wanted: &[Asked<'_>]| Trace {
            from: reference.origins[origin].clone(),
            rule,
            wanted: wanted.iter().map(|(_, layer, form)| (*layer, *form)).collect(),
        };
        // The last by itself: then nothing before it runs, and more is folded.
        let alone = &wanted[wanted.len() - 1..];
        let traces = [trace(&wanted), trace(alone)];
        let (_, traced) = network.run_traced(input(), &[], &traces, &mut |_, _| {});
        for (wanted, traced) in [wanted.as_slice(), alone].into_iter().zip(traced) {
            for ((title, ..), output) in wanted.iter().zip(traced.outputs) {
                let found = difference(&values(output).unwrap(), &reference.tensors[*title].1);
                compared.tensors += 1;
                if found.is_nan() || found > TOLERANCE {
                    compared.problems.push(format!("{name}: {title} differs by {found:.1e}"));
                }
                if found.is_nan() || found > compared.worst {
                    (compared.worst, compared.at) = (found, (*title).clone());
                    compared.theirs = reference.rounding.get(*title).copied().unwrap_or(0.0);
                }
            }
        }
    }
    // Some nodes of a file are folded away, but never most.
    if compared.tensors * 2 < reference.tensors.len() {
        compared.problems.push(format!("{name}: only {} compared", compared.tensors));
    }
    compared.problems.sort();
    compared
}

#[test]
fn every_gradient_is_that_of_pytorch() {
    let mut problems = vec![];
    for folder in references() {
        let found = compare(&folder, &Device::flex());
        println!(
            "| {} | {} | {:.1e} | {:.1e} | {} |",
            folder.file_name().unwrap().to_string_lossy(),
            found.tensors,
            found.worst,
            found.theirs,
            found.at
        );
        problems.extend(found.problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// The same small networks by Burn's operations on an adapter.
#[test]
fn an_adapter_computes_the_same_gradients() {
    let Some(device) = common::burn_device() else { return };
    let mut problems = vec![];
    for folder in references().iter().filter(|folder| folder.starts_with(FIXTURES)) {
        let found = compare(folder, &device);
        println!(
            "{}: {} tensors, worst {:.1e} at {}",
            folder.display(),
            found.tensors,
            found.worst,
            found.at
        );
        problems.extend(found.problems);
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// A small network with its input, and what one of its origins gives for any input.
struct Small {
    network: Network,
    graph: Arc<Graph>,
    input: Vec<f32>,
    units: Vec<Unit>,
}

impl Small {
    fn new(name: &str, origin: impl Fn(&[Vec<Unit>]) -> usize) -> Self {
        let mut reference = open(&Path::new(FIXTURES).join(name));
        let graph = reference.graph.clone();
        let network = Network::new(graph.clone(), reference.weights, Device::flex(), Folding::Folded);
        let units = reference.origins.swap_remove(origin(&reference.origins));
        let (_, input) = reference.tensors.remove("input").unwrap();
        Self { network, graph, input, units }
    }

    /// The origin's value, and its gradient at the input.
    fn trace(&mut self, input: Vec<f32>) -> (f64, Vec<f32>) {
        let input = input_from_values(input, self.graph.input_shape(), &Device::flex());
        let trace =
            Trace { from: self.units.clone(), rule: Rule::Gradient, wanted: vec![(0, Form::Gradient)] };
        let (_, mut traced) = self.network.run_traced(input, &[], &[trace], &mut |_, _| {});
        let mut traced = traced.remove(0);
        (f64::from(values(traced.value).unwrap()[0]), values(traced.outputs.remove(0)).unwrap())
    }
}

/// Along some directions the value changes as the gradient says. Steps are as wide as f32 wants them, and what is of third order
/// in them is taken out by a second, twice as wide pair.
#[test]
fn gradients_are_the_limit_of_differences() {
    let mut small = Small::new("smooth", |_| 1);
    let (_, gradient) = small.trace(small.input.clone());
    let length = gradient.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
    for at in 0..12 {
        let stream = RandomStream::new(at, "direction");
        let direction: Vec<f64> = (0..gradient.len() as u64).map(|i| stream.normal(i)).collect();
        let norm = direction.iter().map(|d| d * d).sum::<f64>().sqrt();
        let mut slope = |step: f64| {
            let mut moved = |step: f64| {
                let moved = small.input.iter().zip(&direction);
                small.trace(moved.map(|(x, d)| (f64::from(*x) + step * d / norm) as f32).collect()).0
            };
            (moved(step) - moved(-step)) / (2.0 * step)
        };
        let found = (4.0 * slope(0.1) - slope(0.2)) / 3.0;
        let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(*g) * d / norm).sum();
        let apart = (found - expected).abs() / length;
        assert!(apart < 1e-4, "direction {at}: {found} instead of {expected}, {apart:.1e} of the whole");
    }
}

/// Integrated gradients add up to the difference between the picture and black (Sundararajan et al., 2017): completeness. Each
/// ReLU that turns on the way costs a little of it, the less the more steps there are.
#[test]
fn integrated_gradients_add_up() {
    for name in ["smooth", "residual"] {
        for origin in [0, 1] {
            let mut small = Small::new(name, |_| origin);
            let black = [-2.0, -1.9, -1.7];
            let cells = small.input.len() / 3;
            let nothing = black.iter().flat_map(|value| std::iter::repeat_n(*value, cells)).collect();
            let difference = small.trace(small.input.clone()).0 - small.trace(nothing).0;
            let input = input_from_values(small.input.clone(), small.graph.input_shape(), &Device::flex());
            let from = (small.units.clone(), 0);
            let mut averaging =
                Averaging::new(&mut small.network, Versions::Between, (input, black), from, [44, 400], 0)
                    .unwrap();
            while averaging.step(&mut small.network) {}
            let sum: f64 = values(averaging.result()).unwrap().into_iter().map(f64::from).sum();
            let apart = (sum - difference).abs() / difference.abs();
            println!("{name} {origin}: {sum:.4} of {difference:.4}, {apart:.1e}");
            assert!(apart < 0.01, "{name}, origin {origin}: {sum} instead of {difference}");
        }
    }
}

/// The last unit of this network is zero whatever the picture.
#[test]
fn a_silent_unit_has_no_gradient() {
    let mut small = Small::new("ties", |origins| origins.len() - 1);
    let (value, gradient) = small.trace(small.input.clone());
    assert_eq!(value, 0.0);
    assert!(gradient.iter().all(|g| *g == 0.0));
}

/// A layer that the unit does not depend on gets zeros, and each layer its own, whatever else is asked in the same run.
#[test]
fn traces_do_not_disturb_each_other() {
    let small = Small::new("residual", |_| 2);
    let unit = small.units[0];
    let (mut network, last) = (small.network, small.graph.nodes.len() - 1);
    let mut run = |traces: &[Trace], taps: &[LayerIndex]| {
        let input = input_from_values(small.input.clone(), small.graph.input_shape(), &Device::flex());
        let (outputs, traced) = network.run_traced(input, taps, traces, &mut |_, _| {});
        let outputs: Vec<_> = outputs.into_iter().map(|output| values(output).unwrap()).collect();
        let traced: Vec<Vec<_>> = traced
            .into_iter()
            .map(|traced| traced.outputs.into_iter().map(|output| values(output).unwrap()).collect())
            .collect();
        (outputs, traced)
    };
    let wanted = vec![(0, Form::Gradient), (unit.layer, Form::Gradient), (last, Form::Gradient)];
    let by = |rule| Trace { from: vec![unit], rule, wanted: wanted.clone() };
    let rules = [Rule::Gradient, Rule::Guided, Rule::Deconvolution];
    let taps = [last, 1, unit.layer];
    let (plain, _) = run(&[], &taps);
    let (tapped, together) = run(&rules.map(by), &taps);
    assert_eq!(plain, tapped);
    for (rule, together) in rules.into_iter().zip(&together) {
        assert_eq!(&run(&[by(rule)], &[]).1[0], together);
        assert!(together[2].iter().all(|g| *g == 0.0), "the end does not lie before a unit in the middle");
        assert_eq!(together[1].iter().filter(|g| **g != 0.0).count(), 1);
    }
    assert_ne!(together[0][0], together[1][0]);
    assert_ne!(together[1][0], together[2][0]);
}
