//! Little files put together field by field, one idea each.

mod files;
mod hostile;
mod layers;
mod named;

use prost::Message;

use super::super::described::{DescribedNetwork, ReadOptions};
use super::message::*;
use crate::model::Op;

fn attribute(name: &str, kind: i32) -> AttributeProto {
    AttributeProto { name: name.into(), kind, ..AttributeProto::default() }
}

fn int(name: &str, i: i64) -> AttributeProto {
    AttributeProto { i, ..attribute(name, 2) }
}

fn float(name: &str, f: f32) -> AttributeProto {
    AttributeProto { f, ..attribute(name, 1) }
}

fn text(name: &str, s: &str) -> AttributeProto {
    AttributeProto { s: s.into(), ..attribute(name, 3) }
}

fn ints(name: &str, ints: &[i64]) -> AttributeProto {
    AttributeProto { ints: ints.to_vec(), ..attribute(name, 7) }
}

/// `"Conv x w -> y"`
fn node(line: &str, attributes: Vec<AttributeProto>) -> NodeProto {
    let (left, outputs) = line.split_once(" -> ").unwrap();
    let mut words = left.split(' ').map(|word| if word == "_" { String::new() } else { word.into() });
    NodeProto {
        op_type: words.next().unwrap(),
        input: words.collect(),
        output: outputs.split(' ').map(String::from).collect(),
        attribute: attributes,
        ..NodeProto::default()
    }
}

/// A parameter with the values 1, 2, 3 …
fn tensor(name: &str, dims: &[i64]) -> TensorProto {
    let values = (0..dims.iter().product::<i64>()).map(|value| value as f32 + 1.0);
    filled(name, dims, &values.collect::<Vec<_>>())
}

fn filled(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    let float_data = values.to_vec();
    TensorProto { name: name.into(), dims: dims.to_vec(), data_type: 1, float_data, ..TensorProto::default() }
}

fn numbers(name: &str, values: &[i64]) -> TensorProto {
    let (dims, int64_data) = (vec![values.len() as i64], values.to_vec());
    TensorProto { name: name.into(), dims, data_type: 7, int64_data, ..TensorProto::default() }
}

fn pool(line: &str) -> NodeProto {
    node(line, vec![ints("kernel_shape", &[2, 2])])
}

fn pooling(input: &[i64]) -> ModelProto {
    model(input, vec![], vec![pool("MaxPool x -> y")])
}

fn value(name: &str, dims: &[i64]) -> ValueInfoProto {
    let dim = |&size: &i64| Dimension {
        dim_value: (size >= 0).then_some(size),
        dim_param: (size < 0).then(|| "N".into()),
    };
    let shape = Some(TensorShapeProto { dim: dims.iter().map(dim).collect() });
    let tensor_type = Some(TensorTypeProto { elem_type: 1, shape });
    ValueInfoProto { name: name.into(), r#type: Some(TypeProto { tensor_type }) }
}

/// A model that reads `x` and gives what its last node makes.
fn model(input: &[i64], initializer: Vec<TensorProto>, node: Vec<NodeProto>) -> ModelProto {
    let last = node.last().and_then(|node| node.output.first()).cloned().unwrap_or_default();
    let graph = GraphProto {
        node,
        name: "little".into(),
        initializer,
        input: vec![value("x", input)],
        output: vec![value(&last, &[])],
    };
    ModelProto {
        ir_version: 8,
        producer_name: "pytorch".into(),
        graph: Some(graph),
        opset_import: vec![OperatorSetIdProto { domain: String::new(), version: 17 }],
        ..ModelProto::default()
    }
}

fn graph(model: &mut ModelProto) -> &mut GraphProto {
    model.graph.as_mut().unwrap()
}

fn read_with(model: &ModelProto, options: ReadOptions<'_>) -> Result<DescribedNetwork, String> {
    let bytes = model.encode_to_vec();
    assert!(super::recognises(&bytes));
    super::read(&bytes, options).map_err(|error| error.0)
}

fn read(model: &ModelProto) -> Result<DescribedNetwork, String> {
    read_with(model, ReadOptions::default())
}

/// Of a model that can be read.
fn layers(input: &[i64], initializer: Vec<TensorProto>, node: Vec<NodeProto>) -> DescribedNetwork {
    let network = read(&model(input, initializer, node)).unwrap();
    assert_eq!(network.layers.len(), network.graph.nodes.len());
    assert!(network.notes.is_empty(), "{:?}", network.notes);
    network
}

/// All operations but the input, in order.
fn ops(network: &DescribedNetwork) -> Vec<&Op> {
    network.graph.nodes.iter().skip(1).map(|node| &node.op).collect()
}

/// Height×width×channels of the last layer.
fn last_shape(network: &DescribedNetwork) -> String {
    network.graph.nodes.last().unwrap().shape.to_string()
}
