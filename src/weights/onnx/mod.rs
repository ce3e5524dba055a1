//! ONNX: a graph of operators with its parameters, as PyTorch, TensorFlow, Keras, PaddlePaddle and others export networks.
//!
//! What the file says about tensors of any number of axes becomes a graph of layers of channels, height and width. A value
//! of the file is a [`view::View`] of a layer's values, so that transposing and reshaping need no layer: a network that
//! was written channels-last comes out like any other. What is known without a picture is computed here ([`fold`]). Where a
//! node is met that convscope does not compute, the graph ends: what comes before can still be looked at.

mod about;
mod arithmetic;
mod arrange;
mod attributes;
mod dense;
mod external;
mod finish;
mod fold;
mod import;
mod inputs;
mod join;
mod join_layers;
mod layer;
mod message;
mod names;
mod normalise;
mod numbers;
mod operations;
mod order;
mod pick;
mod reduce;
mod resize;
mod run;
mod scan;
mod shape_ops;
mod tensor;
#[cfg(test)]
mod tests;
mod view;
mod window;

use std::collections::{HashMap, HashSet};

use prost::Message;

use super::described::{DescribedNetwork, ReadOptions};
use super::file::{Layout, ReadError};
use attributes::Value;
use import::Importer;
use message::{GraphProto, ModelProto, NodeProto};
use run::{Around, Scope, version};
use scan::MOST_NODES;
use tensor::TensorReader;

/// Versions of the operator set that are known.
const OPSETS: std::ops::RangeInclusive<i64> = 7..=23;

/// Whether content is that of an ONNX file: the whole of it, or its first bytes.
pub fn recognises(head: &[u8]) -> bool {
    scan::recognises(head)
}

/// Reads a network.
///
/// # Errors
/// In a sentence, why there is none.
pub fn read(bytes: &[u8], options: ReadOptions<'_>) -> Result<DescribedNetwork, ReadError> {
    let extent = scan::extent(bytes);
    if extent.nodes > MOST_NODES {
        return Err(ReadError(format!(
            "it has {} nodes, and convscope reads at most {MOST_NODES}",
            extent.nodes
        )));
    }
    if extent.bytes > options.limits.bytes {
        return Err(ReadError("its content would take more memory than convscope gives one file".into()));
    }
    let mut model = ModelProto::decode(bytes).map_err(|_| {
        ReadError("it ends or breaks off in the middle: it is damaged, or no ONNX file".into())
    })?;
    let mut graph = model.graph.take().ok_or_else(|| ReadError("it has no graph".into()))?;
    let mut notes = vec![];
    let opset = operator_set(&model, &mut notes)?;
    refuse_quantised(&model, &graph)?;
    if graph.initializer.len() > options.limits.tensors {
        return Err(ReadError(format!(
            "it has {} tensors, and convscope reads at most {}",
            graph.initializer.len(),
            options.limits.tensors
        )));
    }

    let parameters: HashSet<&str> = graph.initializer.iter().map(|tensor| tensor.name.as_str()).collect();
    let input = inputs::find(&graph, &parameters, &options, about::usual_size(&model, &graph))?;
    let (shape, batch, is_bytes, view) = (input.shape, input.batch, input.is_bytes, input.view());
    let input_name = input.name.to_string();
    notes.extend(input.notes);
    drop(parameters);

    // Parameters are kept twice for a moment: as the file has them and as the layers do.
    let left = options.limits.bytes.saturating_mul(2);
    let mut reader = TensorReader { beside: external::Beside::new(options.folder), left, stored: vec![] };
    let mut values = HashMap::new();
    for tensor in std::mem::take(&mut graph.initializer) {
        let read = reader.read(&tensor)?;
        values.insert(tensor.name, Value::Constant(read.into()));
    }
    values.insert(input_name.clone(), Value::View(view));
    let mut scope = Scope { values, reads: reads(&graph), outer: None };
    let mut net = Importer::new(shape, &input_name, reader, &model.functions);
    net.batch = batch;
    net.run(&graph.node, &mut scope, Around { opset, given: &[], depth: 0, inside: None })?;

    let outputs: Vec<Option<Value>> =
        graph.output.iter().map(|output| scope.values.remove(&output.name)).collect();
    drop(scope);
    let is_cut = outputs.iter().any(|output| !matches!(output, Some(Value::View(_) | Value::Constant(_))));
    let ends = finish::ends(&net, &outputs);
    let first_cut = net.cuts.first().map(|cut| (net.origins[cut.origin].clone(), cut.reason.clone()));
    if let (true, Some((origin, reason))) = (is_cut, &first_cut) {
        let because = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        if ends.layers.iter().all(|&end| end == 0) {
            return Err(ReadError(format!(
                "convscope does not compute its first layer, `{}` of the kind {}{because}",
                origin.label(),
                origin.op
            )));
        }
        notes.push(format!(
            "runs up to `{}`: {} and what follows are not computed{because}",
            origin.label(),
            origin.op
        ));
    }
    if ends.layers.iter().all(|&end| end == 0) {
        return Err(ReadError("none of its outputs depends on its input".into()));
    }
    let stored = net.reader.stored.clone();
    let name = about::name(&model, &graph);
    let mut metadata = about::metadata(&model, opset);
    let finished =
        finish::finish(net, &ends, &name, is_bytes).map_err(|error| ReadError(error.to_string()))?;
    if finished.is_dense {
        metadata.insert("logits".into(), "dense".into());
    }
    Ok(DescribedNetwork {
        layout: Layout::Onnx,
        stored,
        graph: finished.graph,
        layers: finished.layers,
        input_scale: finished.input_scale,
        usual_scale: about::usual_scale(&model, shape.channels),
        class_names: about::class_names(&model),
        notes,
        metadata,
    })
}

fn operator_set(model: &ModelProto, notes: &mut Vec<String>) -> Result<i64, ReadError> {
    let (first, last) = (OPSETS.start(), OPSETS.end());
    let opset = version(&model.opset_import).unwrap_or(1);
    if opset < *first {
        return Err(ReadError(format!(
            "it is written in version {opset} of ONNX' operators, and convscope reads versions {first} to {last}: \
             onnx.version_converter makes a newer one of it"
        )));
    }
    if opset > *last {
        notes.push(format!("it is written in version {opset} of ONNX' operators: read as version {last}"));
    }
    Ok(opset.min(*last))
}

/// Integers in place of parameters: another arithmetic.
fn refuse_quantised(model: &ModelProto, graph: &GraphProto) -> Result<(), ReadError> {
    let inner = model.functions.iter().flat_map(|function| &function.node);
    let is_quantised = |node: &&NodeProto| {
        let op = node.op_type.as_str();
        op.starts_with("QLinear")
            || op.ends_with("Integer")
            || op.contains("QuantizeLinear")
            || op.contains("equantizeLinear")
    };
    match graph.node.iter().chain(inner).find(is_quantised) {
        Some(node) => Err(ReadError(format!(
            "it is quantised (`{}`), and convscope computes in floating point: open the network that it was made from",
            node.op_type
        ))),
        None => Ok(()),
    }
}

/// How often each value is read; outputs, and what inner graphs read, stay.
fn reads(graph: &GraphProto) -> HashMap<&str, usize> {
    let mut reads: HashMap<&str, usize> = HashMap::new();
    for node in &graph.node {
        order::reads(node, &mut |name, is_inner| {
            let count = reads.entry(name).or_default();
            *count = count.saturating_add(if is_inner { usize::MAX } else { 1 });
        });
    }
    for output in &graph.output {
        reads.insert(&output.name, usize::MAX);
    }
    reads
}
