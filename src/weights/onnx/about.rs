//! What a file says of itself: who wrote it, what its input expects, what its classes are called.

use std::collections::BTreeMap;

use super::message::{GraphProto, ModelProto};
use crate::model::{InputScale, labels};

/// Longest text that is kept of one entry.
const LONGEST: usize = 2000;

/// Entries kept.
const MOST_ENTRIES: usize = 64;

/// An entry of the file's own metadata.
pub(super) fn entry<'a>(model: &'a ModelProto, key: &str) -> Option<&'a str> {
    model.metadata_props.iter().find(|entry| entry.key == key).map(|entry| entry.value.as_str())
}

/// Whether Ultralytics wrote it: YOLO.
fn is_ultralytics(model: &ModelProto) -> bool {
    let has = |key: &str| entry(model, key).is_some();
    has("names") && (has("imgsz") || has("stride") || has("task"))
}

/// What the file says of itself.
pub(super) fn metadata(model: &ModelProto, opset: i64) -> BTreeMap<String, String> {
    let short = |text: &str| text.chars().take(LONGEST).collect::<String>();
    let entries = model.metadata_props.iter().take(MOST_ENTRIES);
    let mut all: BTreeMap<String, String> =
        entries.map(|entry| (short(&entry.key), short(&entry.value))).collect();
    let producer = [model.producer_name.as_str(), model.producer_version.as_str()].join(" ");
    if !producer.trim().is_empty() {
        all.insert("producer".into(), short(producer.trim()));
    }
    all.insert("opset".into(), opset.to_string());
    all
}

/// What a network of this origin usually expects.
pub(super) fn usual_scale(model: &ModelProto, channels: usize) -> InputScale {
    let producer = model.producer_name.to_lowercase();
    let is_from = |names: &[&str]| names.iter().any(|name| producer.contains(name));
    if is_ultralytics(model) {
        InputScale::ZeroToOne
    } else if is_from(&["tf2onnx", "keras", "tensorflow", "onnxmltools"]) {
        InputScale::MinusOneToOne
    } else if is_from(&["caffe"]) {
        InputScale::Caffe
    } else if channels == 1 {
        InputScale::ZeroToOne
    } else {
        InputScale::Imagenet
    }
}

/// The network's own name, if the file has one.
pub(super) fn name(model: &ModelProto, graph: &GraphProto) -> String {
    if is_ultralytics(model)
        && let Some(name) = entry(model, "description")
            .and_then(|text| text.split_whitespace().find(|word| word.starts_with("YOLO")))
    {
        return name.into();
    }
    let given = graph.name.trim();
    let is_any =
        ["main_graph", "main", "graph", "torch", "tf2onnx", "model", "functional", "sequential", "onnx"];
    let plain = given.to_lowercase();
    let says_nothing = plain.is_empty()
        || is_any.iter().any(|word| plain.trim_end_matches(|c: char| !c.is_alphabetic()) == *word);
    let any = ["torch-jit", "torch_jit", "main_graph", "paddle-onnx", "paddle2onnx", "model from paddle"];
    let generic = any.iter().any(|start| plain.starts_with(start));
    if says_nothing || generic || given.len() > 60 { "ONNX network".into() } else { given.into() }
}

/// Height and width that its input usually has, where it leaves them open.
pub(super) fn usual_size(model: &ModelProto, graph: &GraphProto) -> [usize; 2] {
    if let Some(sizes) = entry(model, "imgsz") {
        let numbers: Vec<usize> =
            sizes.split(|c: char| !c.is_ascii_digit()).filter_map(|number| number.parse().ok()).collect();
        match numbers.as_slice() {
            [side] => return [*side; 2],
            [height, width, ..] => return [*height, *width],
            [] => {}
        }
    }
    if is_ultralytics(model) {
        return [640; 2];
    }
    let is_inception = |name: &str| {
        let name = name.to_lowercase();
        name.contains("inception") || name.contains("xception") || name.contains("mixed_5b")
    };
    let names = graph.node.iter().map(|node| node.name.as_str()).chain([graph.name.as_str()]);
    if names.take(500).any(is_inception) { [299; 2] } else { [224; 2] }
}

/// Names of classes, from 0: of Ultralytics a dictionary as Python writes it.
pub(super) fn class_names(model: &ModelProto) -> Option<Vec<String>> {
    let text = ["names", "class_names", "classes", "labels"].iter().find_map(|key| entry(model, key))?;
    labels::names_in(text)
}
