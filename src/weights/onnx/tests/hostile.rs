//! What is refused, and what must not do harm.

use super::*;
use crate::weights::file::Limits;

#[test]
fn what_is_refused() {
    let good = pooling(&[1, 3, 8, 8]);
    let refused = |model: &ModelProto| read(model).unwrap_err();
    let bytes = good.encode_to_vec();
    let cut_short =
        crate::weights::onnx::read(&bytes[..bytes.len() - 3], ReadOptions::default()).unwrap_err();
    assert_eq!(cut_short.0, "it ends or breaks off in the middle: it is damaged, or no ONNX file");

    let mut old = good.clone();
    old.opset_import[0].version = 6;
    assert!(
        refused(&old).starts_with(
            "it is written in version 6 of ONNX' operators, and convscope reads versions 7 to 23"
        )
    );

    let mut quantised = good.clone();
    graph(&mut quantised).node[0].op_type = "QLinearConv".into();
    assert!(refused(&quantised).starts_with("it is quantised (`QLinearConv`)"));

    let mut many = good.clone();
    graph(&mut many).node = vec![node("Relu x -> y", vec![]); 20_001];
    assert_eq!(refused(&many), "it has 20001 nodes, and convscope reads at most 20000");

    let mut huge = good.clone();
    graph(&mut huge).initializer.push(TensorProto { dims: vec![1 << 40, 1 << 40], ..tensor("w", &[1]) });
    assert_eq!(refused(&huge), "the tensor `w` is said to have the shape [1099511627776, 1099511627776]");

    let mut short = good.clone();
    graph(&mut short).initializer.push(TensorProto { dims: vec![2, 2], ..tensor("w", &[3]) });
    assert_eq!(
        refused(&short),
        "the tensor `w` has 3 values where its shape [2, 2] asks for 4: the file is damaged or was cut short"
    );

    let limits = Limits { bytes: 4000, ..Limits::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let mut large = good.clone();
    graph(&mut large).node.insert(0, node("ConstantOfShape sizes -> k", vec![]));
    graph(&mut large).initializer.push(numbers("sizes", &[1000, 1000]));
    assert!(read_with(&large, options).unwrap_err().contains("take more memory"));

    let mut empty = good.clone();
    graph(&mut empty).output.clear();
    assert_eq!(refused(&empty), "none of its outputs depends on its input");
}

/// A small file must not become a large one in memory: two bytes can be a message of hundreds.
#[test]
fn messages_of_nothing_are_counted_before_they_are_made() {
    let mut graph = vec![];
    graph.extend([0x2a, 0x00].repeat(6_000_000));
    let mut bytes = vec![0x08, 0x08, 0x3a];
    prost::encoding::encode_varint(graph.len() as u64, &mut bytes);
    bytes.extend(graph);
    let refused = crate::weights::onnx::read(&bytes, ReadOptions::default()).unwrap_err();
    assert_eq!(refused.0, "its content would take more memory than convscope gives one file");
}

/// Attributes of a wrong type, missing inputs and numbers without measure end in a sentence, never in a panic.
#[test]
fn nodes_that_make_no_sense() {
    let far = i64::MAX;
    let lists =
        [vec![], vec![0], vec![-1], vec![far, far], vec![1, 2, 3, 4], vec![far; 4], vec![i64::MIN; 8]];
    let ops = [
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "BatchNormalization",
        "InstanceNormalization",
        "GroupNormalization",
        "LayerNormalization",
        "LRN",
        "Gemm",
        "MatMul",
        "Softmax",
        "ReduceMean",
        "Reshape",
        "Flatten",
        "Transpose",
        "Squeeze",
        "Unsqueeze",
        "Concat",
        "Split",
        "Slice",
        "Gather",
        "Pad",
        "Resize",
        "Upsample",
        "Expand",
        "Tile",
        "DepthToSpace",
        "SpaceToDepth",
        "Shape",
        "Cast",
        "Clip",
        "PRelu",
        "Add",
        "Pow",
        "Sum",
        "Mean",
        "LpNormalization",
        "ReduceL2",
        "If",
        "Loop",
        "Identity",
        "ConstantOfShape",
        "Range",
    ];
    let attributes = [
        "kernel_shape",
        "strides",
        "pads",
        "dilations",
        "perm",
        "axes",
        "axis",
        "split",
        "group",
        "blocksize",
        "output_shape",
        "output_padding",
        "starts",
        "ends",
        "scales",
        "sizes",
        "size",
        "to",
        "keepdims",
        "num_groups",
        "start",
        "end",
    ];
    for op in ops {
        for list in &lists {
            for count in 0..5 {
                let line = ["x", "k", "k", "k", "k"][..count].join(" ");
                let line = if count == 0 { format!("{op} -> y") } else { format!("{op} {line} -> y") };
                let mut all: Vec<AttributeProto> = attributes.iter().map(|name| ints(name, list)).collect();
                all.extend(attributes.iter().map(|name| int(name, list.first().copied().unwrap_or(-9))));
                if list.len() % 2 == 0 {
                    all.reverse();
                }
                let nodes = vec![pool("MaxPool x -> a"), node(&line, all), node("Add a y -> z", vec![])];
                let _ = read(&model(&[1, 3, 8, 8], vec![numbers("k", list)], nodes));
            }
        }
    }
}

#[test]
fn only_onnx_is_recognised() {
    let good = pooling(&[1, 3, 8, 8]).encode_to_vec();
    for length in [good.len(), 40, 20] {
        assert!(crate::weights::onnx::recognises(&good[..length]), "{length}");
    }
    let others: [&[u8]; 10] = [
        b"",
        b"\x08",
        b"\x89HDF\r\n\x1a\n",
        b"PK\x03\x04\x14\x00",
        b"\x80\x02}q\x00",
        b"\x89PNG\r\n\x1a\n",
        b"\x08\x01\0\0\0\0\0\0{\"a\":{}}",
        b"{\"class_name\": \"Sequential\"}",
        b"\x0a\x12\x0a\x05input\x12\x0bPlaceholder",
        b"hello, this is text",
    ];
    for other in others {
        assert!(!crate::weights::onnx::recognises(other), "{other:?}");
    }
}
