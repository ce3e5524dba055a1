//! Networks out of files against their own runtimes: every layer, whole tensors.
//!
//! Small ones lie in tests/data/networks; `CONVSCOPE_NETWORKS=DIR` adds folders that `scripts/make_networks.py DIR` wrote; `CONVSCOPE_NETWORKS_TABLE=FILE` writes
//! the worst differences as docs/networks.md has them.

mod common;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use burn::tensor::Device;
use convscope::engine::cell_sum;
use convscope::inspect::cell::{Patch, Told, places, route};
use convscope::model::{Activation, Graph, GraphBuilder, Meaning, NewNode, Op, Order, Shape, Window};
use convscope::network::{Folding, Network, input_from_values, values};
use convscope::weights::{ReadOptions, WeightFile, Weights, seeded};
use safetensors::SafeTensors;

/// What a network is in a folder.
const MODELS: [&str; 6] =
    ["model.keras", "model.h5", "model.hdf5", "model.onnx", "model.safetensors", "model.pth"];

/// Largest difference of a layer, as a part of its largest value.
const TOLERANCE: f32 = 1e-4;

/// The same for networks of more than 200 layers in a row.
const DEEP_TOLERANCE: f32 = 1e-3;

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/networks");

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

struct Row {
    folder: String,
    network: String,
    layers: usize,
    compared: usize,
    worst: f32,
    at: String,
    notes: Vec<String>,
}

#[test]
fn every_layer_is_that_of_its_own_runtime() {
    let mut folders = folders_in(Path::new(FIXTURES));
    match std::env::var_os("CONVSCOPE_NETWORKS") {
        Some(folder) => folders.extend(folders_in(Path::new(&folder))),
        None => {
            println!("only small ones: CONVSCOPE_NETWORKS names no folder that scripts/make_networks.py made")
        }
    }
    let only = std::env::var("CONVSCOPE_NETWORKS_ONLY").ok();
    let (mut rows, mut problems) = (vec![], vec![]);
    for folder in folders.iter().filter(|folder| folder.join("reference.safetensors").is_file()) {
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        if only.as_ref().is_some_and(|only| !only.split(',').any(|part| name.contains(part))) {
            continue;
        }
        for model in MODELS.iter().map(|model| folder.join(model)).filter(|model| model.is_file()) {
            let title = format!("{name}/{}", model.file_name().unwrap().to_string_lossy());
            match compare(&model, &folder.join("reference.safetensors"), &Device::flex()) {
                Ok(row) => {
                    let deep = row.layers > 200;
                    let allowed = if deep { DEEP_TOLERANCE } else { TOLERANCE };
                    println!(
                        "{title}: {} of {} layers, worst {:.1e} at {} {:?}",
                        row.compared, row.layers, row.worst, row.at, row.notes
                    );
                    if row.worst.is_nan() || row.worst > allowed {
                        problems.push(format!("{title}: {:.2e} at {}", row.worst, row.at));
                    }
                    // Some nodes of a file are folded away, but never most.
                    if row.compared * 3 < row.layers {
                        problems.push(format!("{title}: only {} of {} compared", row.compared, row.layers));
                    }
                    rows.push(Row { folder: title, ..row });
                }
                Err(problem) => {
                    println!("{title}: {problem}");
                    problems.push(format!("{title}: {problem}"));
                }
            }
        }
    }
    if let Ok(path) = std::env::var("CONVSCOPE_NETWORKS_TABLE") {
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        let (before, after) = page.split_once(TABLE).unwrap_or((&page, ""));
        std::fs::write(&path, format!("{before}{TABLE}\n\n{}{}", table(&rows), after_table(after))).unwrap();
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// In docs/networks.md the table stands behind this.
const TABLE: &str = "<!-- made by tests/networks.rs -->";

/// What follows the old table.
fn after_table(text: &str) -> String {
    let rest: Vec<&str> = text.lines().skip_while(|line| line.is_empty() || line.starts_with('|')).collect();
    if rest.is_empty() { String::new() } else { format!("\n{}\n", rest.join("\n")) }
}

fn table(rows: &[Row]) -> String {
    let mut text = String::from(
        "| file | network | layers | compared | worst difference | at |\n|---|---|--:|--:|--:|---|\n",
    );
    for row in rows {
        text += &format!(
            "| {} | {} | {} | {} | {:.1e} | {} |\n",
            row.folder, row.network, row.layers, row.compared, row.worst, row.at
        );
    }
    text
}

/// The same small networks by Burn's operations on an adapter.
#[test]
fn an_adapter_computes_the_same_layers() {
    let Some(device) = common::burn_device() else { return };
    for folder in folders_in(Path::new(FIXTURES)) {
        for model in MODELS.iter().map(|model| folder.join(model)).filter(|model| model.is_file()) {
            let row = compare(&model, &folder.join("reference.safetensors"), &device).unwrap();
            println!("{}: {} layers, worst {:.1e} at {}", model.display(), row.compared, row.worst, row.at);
            assert!(row.worst <= TOLERANCE, "{}: {:.1e} at {}", model.display(), row.worst, row.at);
        }
    }
}

/// Every layer that the reference has under one of its names.
fn compare(model: &Path, reference: &Path, device: &Device) -> Result<Row, String> {
    let bytes = std::fs::read(reference).map_err(|error| error.to_string())?;
    let reference = SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?;
    let expected: HashMap<String, (Vec<usize>, Vec<f32>)> = reference
        .tensors()
        .into_iter()
        .map(|(name, view)| {
            let values = view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            (name, (view.shape().to_vec(), values))
        })
        .collect();
    let (shape, input) = &expected["input"];
    let options = ReadOptions { input_size: Some([shape[2], shape[3]]), ..ReadOptions::default() };
    let file = WeightFile::open(model, options).map_err(|error| error.to_string())?;
    let (graph, weights) = file.fit().map_err(|error| error.to_string())?;
    let notes = weights.notes.clone();
    let (graph, weights) = (Arc::new(graph), Arc::new(weights));
    let input_shape = graph.input_shape();
    if input_shape.len() != input.len() {
        return Err(format!("its input is {input_shape}, and the reference has {shape:?}"));
    }
    let known = |layer: &usize| expected_of(&graph, *layer, &expected).is_some();
    let layers: Vec<usize> = (1..graph.nodes.len()).filter(known).collect();
    let mut row = Row {
        folder: String::new(),
        network: graph.name.clone(),
        layers: graph.nodes.len(),
        compared: layers.len(),
        worst: 0.0,
        at: String::new(),
        notes,
    };
    // With everything folded that can be, a few at a time, and each layer by itself.
    let mut network = Network::new(graph.clone(), weights.clone(), device.clone(), Folding::Folded);
    let spread: Vec<usize> = layers.iter().copied().step_by(7).chain(layers.last().copied()).collect();
    for taps in [layers, spread] {
        let input = input_from_values(input.clone(), input_shape, device);
        let outputs = network.run(input, &taps, &mut |_, _| {});
        for (&layer, output) in taps.iter().zip(outputs) {
            let ours = values(output)?;
            let node = &graph.nodes[layer];
            let Some((shape, theirs)) = expected_of(&graph, layer, &expected) else { continue };
            // PyTorch's classifiers end in scores; a state dict's network goes on to probabilities.
            let theirs = &match node.activation == Activation::Softmax && theirs.iter().any(|&v| v < 0.0) {
                true => softmax(theirs),
                false => theirs.clone(),
            };
            let largest = theirs.iter().fold(0f32, |largest, value| largest.max(value.abs()));
            // A runtime's sigmoid may be a little off near 0, where nothing is measured by it.
            let largest = if node.activation == Activation::Sigmoid { 1.0 } else { largest.max(1e-30) };
            let difference = difference(&ours, node.shape, theirs, shape, largest);
            if difference > row.worst || difference.is_nan() {
                (row.worst, row.at) = (difference, node.name.clone());
            }
        }
    }
    Ok(row)
}

fn expected_of<'a>(
    graph: &Graph,
    layer: usize,
    expected: &'a HashMap<String, (Vec<usize>, Vec<f32>)>,
) -> Option<&'a (Vec<usize>, Vec<f32>)> {
    let node = &graph.nodes[layer];
    // timm's normalisations have their activation inside; what is before it is called `drop`.
    let before = expected.get(&format!("{}.drop", node.name));
    // In ONNX files values have the other name; a layer may be called as another layer's value is.
    let others = graph.nodes.iter().filter(|node| node.other_name.is_some()).count();
    let has_values = 2 * others > graph.nodes.len();
    let by_name = || expected.get(&node.name).filter(|_| !has_values);
    let by_other_name = || node.other_name.as_ref().and_then(|name| expected.get(name));
    let found = before.or_else(by_other_name).or_else(by_name)?;
    // A value of another size is another value: torch's module before a flatten, for one.
    (found.1.len() == node.shape.len()).then_some(found)
}

fn softmax(scores: &[f32]) -> Vec<f32> {
    let largest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = scores.iter().map(|score| (score - largest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|value| value / sum).collect()
}

/// The largest difference as a part of the largest value. A runtime's axes may come in another order than ours (channels
/// last), or be more than three: then values are compared in the order of their size.
fn difference(ours: &[f32], shape: Shape, theirs: &[f32], their_shape: &[usize], largest: f32) -> f32 {
    let worst = |mine: &dyn Fn(usize) -> f32, theirs: &[f32]| {
        theirs.iter().enumerate().fold(0f32, |worst, (at, theirs)| {
            let difference = (mine(at) - theirs).abs();
            // NaN, once found, stays.
            if difference.is_nan() || difference > worst { difference } else { worst }
        }) / largest
    };
    let sides = shape.sides();
    let strides = [shape.height * shape.width, shape.width, 1];
    let wanted: Vec<usize> = their_shape.iter().copied().filter(|&side| side != 1).collect();
    let orders = [[0, 1, 2], [1, 2, 0], [0, 2, 1], [1, 0, 2], [2, 0, 1], [2, 1, 0]];
    let fits = |order: &&[usize; 3]| {
        order.iter().map(|&axis| sides[axis]).filter(|&side| side != 1).eq(wanted.iter().copied())
    };
    // All cells may be one axis, with the channels behind it.
    let cells = shape.height * shape.width;
    let last = match their_shape.last() == Some(&shape.channels) {
        true => worst(&|at| ours[at % shape.channels * cells + at / shape.channels], theirs),
        false => f32::INFINITY,
    };
    let same = worst(&|at| ours[at], theirs).min(last);
    let best = orders.iter().filter(fits).fold(same, |best, order| {
        let [_, second, third] = order.map(|axis| sides[axis]);
        let place = |at: usize| {
            let at = [at / (second * third), at / third % second, at % third];
            (0..3).map(|place| at[place] * strides[order[place]]).sum::<usize>()
        };
        let found = worst(&|at| ours[place(at)], theirs);
        if found < best { found } else { best }
    });
    if best <= TOLERANCE || best.is_nan() {
        return best;
    }
    let (mut ours, mut theirs) = (ours.to_vec(), theirs.to_vec());
    ours.sort_by(f32::total_cmp);
    theirs.sort_by(f32::total_cmp);
    let is_other = !orders.iter().any(|order| fits(&order));
    if is_other { best.min(worst(&|at| ours[at], &theirs)) } else { best }
}

/// Damaged in many ways, a file gives a network or one sentence, in bounded time.
#[test]
#[ignore = "runs for CONVSCOPE_FUZZ_SECONDS"]
fn fuzz_network_files() {
    let seconds: u64 =
        std::env::var("CONVSCOPE_FUZZ_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let folder = tempfile::tempdir().unwrap();
    let files: Vec<Vec<u8>> = folders_in(Path::new(FIXTURES))
        .iter()
        .flat_map(|folder| MODELS.map(|model| folder.join(model)))
        .filter_map(|path| std::fs::read(path).ok())
        .collect();
    let mut state = 0x9E37_79B9_7F4A_7C15u64;
    let mut dice = move |sides: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % sides.max(1)
    };
    let start = Instant::now();
    let (mut count, mut opened, mut slowest) = (0u64, 0u64, Duration::ZERO);
    while start.elapsed() < Duration::from_secs(seconds) {
        let mut bytes = files[dice(files.len())].clone();
        for _ in 0..=dice(6) {
            let at = dice(bytes.len());
            match dice(6) {
                0 => bytes.truncate(at.max(1)),
                1 => bytes[at] ^= 1 << dice(8),
                2 => bytes[at] = [0, 1, 0x7f, 0x80, 0xff][dice(5)],
                3 => {
                    // A number of the format, or a digit of its text.
                    let value = [0u64, 1, 1 << 31, u64::MAX, 1 << 60][dice(5)].to_le_bytes();
                    let end = (at + 8).min(bytes.len());
                    bytes[at..end].copy_from_slice(&value[..end - at]);
                }
                4 => {
                    let (from, length) = (dice(bytes.len()), dice(200));
                    let part: Vec<u8> = bytes.iter().skip(from).take(length).copied().collect();
                    bytes.splice(at..at, part);
                }
                _ => {
                    let end = (at + dice(100)).min(bytes.len());
                    bytes.drain(at..end);
                }
            }
            if bytes.is_empty() {
                bytes.push(0);
            }
        }
        let path = folder.path().join("damaged");
        std::fs::write(&path, &bytes).unwrap();
        let begin = Instant::now();
        match WeightFile::open(&path, ReadOptions::default()).and_then(WeightFile::fit) {
            Ok((graph, weights)) => {
                opened += 1;
                assert_eq!(graph.nodes.len(), weights.layers.len());
            }
            Err(error) => {
                let message = error.to_string();
                assert!(!message.contains(char::is_control) && message.len() < 16_000, "{message:?}");
            }
        }
        slowest = slowest.max(begin.elapsed());
        count += 1;
    }
    println!("{count} files, {opened} of them opened, the slowest took {slowest:?}");
    assert!(slowest < Duration::from_secs(60));
}

/// Adds up some cells of every layer that a sum leads to, and compares them with what the network computes: as a part of
/// the layer's largest value. Returns what was added up.
fn check_cells(graph: &Arc<Graph>, weights: &Arc<Weights>, input: &[f32]) -> BTreeSet<String> {
    let device = Device::flex();
    let mut network = Network::new(graph.clone(), weights.clone(), device.clone(), Folding::Folded);
    let layers: Vec<usize> = (0..graph.nodes.len()).collect();
    let input = input_from_values(input.to_vec(), graph.input_shape(), &device);
    let outputs: Vec<Vec<f32>> = network
        .run(input, &layers, &mut |_, _| {})
        .into_iter()
        .map(|output| values(output).unwrap())
        .collect();
    let mut kinds = BTreeSet::new();
    for (layer, own) in outputs.iter().enumerate() {
        let (node, shape) = (&graph.nodes[layer], graph.nodes[layer].shape);
        let largest = own.iter().fold(1e-30f32, |largest, value| largest.max(value.abs()));
        let middle = [shape.height / 2, shape.width / 2];
        let cells = [[0, 0], middle, [shape.height - 1, shape.width - 1]];
        for channel in [0, shape.channels / 2, shape.channels - 1] {
            let Ok(route) = route(graph, layer, channel) else { continue };
            let adds = &graph.nodes[route.adds];
            let read = graph.nodes[adds.inputs[0]].shape;
            for cell in cells {
                let (origin, size) = Patch::around(&places(&adds.op, cell, read));
                let patch = Patch::cut(&outputs[adds.inputs[0]], read, origin, size);
                let sum = cell_sum(graph, weights, route.clone(), cell, &patch, 3).unwrap();
                let value = own[(channel * shape.height + cell[0]) * shape.width + cell[1]];
                let off = (sum.value() as f32 - value).abs() / largest;
                assert!(off < 1e-5, "{} {channel} {cell:?}: {} is not {value}", node.name, sum.value());
                let told = Told::of(graph, &sum, value);
                assert!(told.notes[0].contains("the same to the last digit"), "{told:?}");
                let window = adds.op.window();
                let is_dilated = window.is_some_and(|window| window.dilation != [1, 1]);
                let is_spread = window.is_some_and(|window| window.stride != [1, 1]);
                let groups = match adds.op {
                    Op::Conv(_, groups) if groups == adds.shape.channels && groups > 1 => " depthwise",
                    Op::Conv(_, groups) if groups > 1 => " in groups",
                    _ => "",
                };
                let words =
                    [(is_dilated, " dilated"), (is_spread, " with steps"), (sum.empty > 0, " padded")];
                let words: String = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
                kinds.insert(format!("{}{groups}{words}", adds.op.name()));
            }
        }
    }
    kinds
}

#[test]
fn cells_add_up_to_what_networks_compute() {
    let mut kinds = BTreeSet::new();
    for folder in folders_in(Path::new(FIXTURES)) {
        for model in MODELS.iter().map(|model| folder.join(model)).filter(|model| model.is_file()) {
            let bytes = std::fs::read(folder.join("reference.safetensors")).unwrap();
            let reference = SafeTensors::deserialize(&bytes).unwrap();
            let view = reference.tensor("input").unwrap();
            let input: Vec<f32> =
                view.data().as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
            let size = Some([view.shape()[2], view.shape()[3]]);
            let options = ReadOptions { input_size: size, ..ReadOptions::default() };
            let (graph, weights) = WeightFile::open(&model, options).unwrap().fit().unwrap();
            kinds.extend(check_cells(&Arc::new(graph), &Arc::new(weights), &input));
        }
    }
    // Those that no file has.
    let input = Shape { channels: 4, height: 11, width: 9 };
    let mut builder = GraphBuilder::new(input, "all");
    let mut push = |op: Op, from: usize, channels: usize, activation| {
        let inputs = [from];
        let new = NewNode { activation, ..NewNode::new(op, &inputs, format!("from {from}")) };
        let new = NewNode { shape: Some(Shape::vector(channels)), has_bias: true, ..new };
        builder.push(new).unwrap()
    };
    let window = Window { dilation: [2, 3], ..Window::new([3, 2], [1, 2], [2, 1]) };
    let dilated = push(Op::Conv(window, 1), 0, 6, Activation::Silu);
    let uneven = Window { padding_after: [0, 2], ..Window::new([2, 5], [2, 1], [1, 2]) };
    let groups = push(Op::Conv(uneven, 2), dilated, 8, Activation::Linear);
    let depthwise = push(Op::Conv(Window::new([3, 3], [1, 1], [1, 1]), 8), groups, 8, Activation::Relu);
    let graph = Arc::new(builder.finish("kinds", 1.0, &[(depthwise, Meaning::Maps)], Order::Created));
    let values: Vec<f32> = (0..input.len()).map(|at| ((at * 37 % 101) as f32 - 50.0) / 40.0).collect();
    kinds.extend(check_cells(&graph, &Arc::new(seeded(&graph, 5)), &values));
    println!("{kinds:?}");
    for kind in [
        "convolution",
        "convolution depthwise padded",
        "convolution dilated with steps padded",
        "convolution in groups with steps padded",
        "convolution with steps padded",
        "dense",
        "separable convolution",
        "transposed convolution with steps",
    ] {
        assert!(kinds.iter().any(|known| known.starts_with(kind)), "{kind} is not among {kinds:?}");
    }
}
