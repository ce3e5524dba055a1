//! What networks say with channels changed and with a square over the picture is what onnxruntime says of the same networks with a
//! multiplication and an addition put into their files (`scripts/make_experiments.py`).

use convscope::model::{Change, Edit};
use convscope::network::Occluding;

use super::*;

fn told() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/experiments.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn numbers(value: &Value) -> Vec<f32> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap() as f32).collect()
}

fn indices(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|number| number.as_u64().unwrap() as usize).collect()
}

/// Channels that are changed in a reference, where our graph has the value.
fn edits(graph: &Graph, experiment: &Value) -> Option<Vec<Edit>> {
    let layer = layer(graph, experiment["value"].as_str()?)?;
    let [factor, shift] = ["factor", "shift"].map(|name| experiment[name].as_f64().unwrap() as f32);
    let change = if factor == 0.0 { Change::Set(shift) } else { Change::Times(factor) };
    let edit = |channel| Edit { layer, channel, change };
    Some(indices(&experiment["channels"]).into_iter().map(edit).collect())
}

/// Compares all experiments of all networks; how many were.
fn compare_all(device: &Device) -> usize {
    let mut compared = 0;
    for (name, experiments) in told().as_object().unwrap() {
        let reference = open(&Path::new(FIXTURES).join(name));
        let graph = &reference.graph;
        let taps = [graph.outputs[0].layer];
        let picture = reference.tensors["input"].1.clone();
        let input = || input_from_values(picture.clone(), graph.input_shape(), device);
        let network =
            || Network::new(graph.clone(), reference.weights.clone(), device.clone(), Folding::Folded);
        let mut shared = network();
        let check = |what: &str, tensor: burn::tensor::Tensor<4>, experiment: &Value| {
            let found = difference(&values(tensor).unwrap(), &numbers(&experiment["output"]));
            assert!(found <= TOLERANCE, "{name}: {what} of {experiment} differs by {found:.1e}");
        };
        for experiment in experiments.as_array().unwrap().iter().skip(1) {
            let Some(edits) = edits(graph, experiment) else { continue };
            let layer = edits[0].layer;
            // Another channel by itself, to be computed at the same time.
            let other = vec![Edit { change: Change::Set(9.0), ..edits[0] }];
            // A network that was never run, and one that was in many ways.
            for network in [&mut network(), &mut shared] {
                let (stored, usual) = network.store(input(), &[layer], &taps);
                check("the usual output", usual[0].clone(), &experiments[0]);
                let variants = [edits.clone(), other.clone(), vec![]];
                let mut behind = network.run_stored(&stored, &variants, &taps);
                check("what lies behind, unchanged,", behind.pop().unwrap().remove(0), &experiments[0]);
                check("what lies behind", behind.remove(0).remove(0), experiment);
                network.set_edits(edits.clone());
                check("a whole run", network.run(input(), &taps, &mut |_, _| {}).remove(0), experiment);
                let both = network.run(input(), &[layer, taps[0]], &mut |_, _| {});
                check("a run that is looked at", both[1].clone(), experiment);
                network.set_edits(vec![]);
                check(
                    "a run thereafter",
                    network.run(input(), &taps, &mut |_, _| {}).remove(0),
                    &experiments[0],
                );
            }
            compared += 1;
        }
        let covered: Vec<_> = experiments
            .as_array()
            .unwrap()
            .iter()
            .filter(|experiment| experiment["rows"].is_array())
            .collect();
        let area = |experiment: &&Value| {
            ["rows", "columns"].map(|side| indices(&experiment[side]).try_into().unwrap())
        };
        let areas: Vec<_> = covered.iter().map(area).collect();
        let filled = vec![0.25; graph.input_shape().len()];
        let unit = Unit::new(taps[0], 1, Place::Cell(0, 0));
        let order = (0..areas.len()).rev().collect();
        let mut network = network();
        let mut occluding =
            Occluding::new(&mut network, (picture.clone(), filled), (areas, order), &unit).unwrap();
        while occluding.step(&mut network).unwrap() {}
        let largest = |outputs: &[f32]| outputs.iter().fold(0f32, |most, value| most.max(value.abs()));
        for (experiment, score) in covered.iter().zip(occluding.scores()) {
            let outputs = numbers(&experiment["output"]);
            let apart = (score.unwrap() - outputs[1]).abs() / largest(&outputs);
            assert!(apart <= TOLERANCE, "{name}: {experiment} differs by {apart:.1e}");
        }
        let apart = (occluding.usual() - numbers(&experiments[0]["output"])[1]).abs();
        assert!(apart <= TOLERANCE * largest(&numbers(&experiments[0]["output"])), "{name}");
    }
    compared
}

#[test]
fn changed_channels_and_covered_places_say_what_onnxruntime_says() {
    // Some nodes of a file are folded away, but never most.
    let compared = compare_all(&Device::flex());
    assert!(compared >= 60, "only {compared} were compared");
}

#[test]
fn an_adapter_changes_channels_alike() {
    let Some(device) = common::burn_device() else { return };
    assert!(compare_all(&device) >= 60);
}

/// The way back through changed channels: gradients of the input are what differences of whole runs say.
#[test]
fn gradients_go_through_changed_channels() {
    for name in ["residual", "mobile", "smooth"] {
        let reference = open(&Path::new(FIXTURES).join(name));
        let graph = &reference.graph;
        let device = Device::flex();
        let mut network =
            Network::new(graph.clone(), reference.weights.clone(), device.clone(), Folding::Folded);
        let picture = reference.tensors["input"].1.clone();
        let (output, shape) = (graph.outputs[0].layer, graph.input_shape());
        let told = told();
        let all = told[name].as_array().unwrap().iter().skip(1).filter_map(|one| edits(graph, one));
        for edits in all {
            network.set_edits(edits.clone());
            let unit = Unit::new(output, 0, Place::Cell(0, 0));
            let trace = Trace { from: vec![unit], rule: Rule::Gradient, wanted: vec![(0, Form::Gradient)] };
            let input = |values: Vec<f32>| input_from_values(values, shape, &device);
            let (_, mut traced) = network.run_traced(input(picture.clone()), &[], &[trace], &mut |_, _| {});
            let gradient = values(traced[0].outputs.remove(0)).unwrap();
            let length = gradient.iter().map(|value| value * value).sum::<f32>().sqrt();
            if length == 0.0 {
                continue;
            }
            // Along the gradient the unit changes by its length.
            const STEP: f32 = 5e-3;
            let mut at = |by: f32| {
                let moved = picture.iter().zip(&gradient).map(|(value, slope)| value + by * slope / length);
                let output = network.run(input(moved.collect()), &[output], &mut |_, _| {}).remove(0);
                values(output).unwrap()[0]
            };
            let found = (at(STEP) - at(-STEP)) / (2.0 * STEP);
            assert!(
                (found - length).abs() <= 0.03 * length + 1e-3,
                "{name}: {edits:?}: differences say {found}, the way back {length}"
            );
        }
    }
}
