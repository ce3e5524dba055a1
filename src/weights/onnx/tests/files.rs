//! Files as a whole: inputs, outputs, where they are cut, what is refused.

use super::*;
use crate::model::{InputScale, Meaning};
use crate::weights::file::Stored;

#[test]
fn sizes_of_the_input() {
    let asked = |size| ReadOptions { input_size: size, ..ReadOptions::default() };
    let shape = |model: &ModelProto, size| {
        let network = read_with(model, asked(size)).unwrap();
        (network.graph.input_shape().to_string(), network.notes.join(" "))
    };
    let open = pooling(&[-1, 3, -1, -1]);
    let (shown, note) = shape(&open, None);
    assert_eq!(shown, "224×224×3");
    assert_eq!(note, "it leaves the size of its input open: it is computed at 224×224");
    assert_eq!(shape(&open, Some([32, 48])), ("32×48×3".into(), String::new()));
    let (shown, note) = shape(&pooling(&[1, 1, 28, 28]), Some([32, 32]));
    assert_eq!(shown, "28×28×1");
    assert_eq!(note, "it fixes its input at 28×28: the size 32×32 that was asked for is left aside");
    assert_eq!(shape(&pooling(&[1, -1, 20, 3]), Some([8, 20])).0, "8×20×3");
    let (_, note) = shape(&pooling(&[4, 3, 8, 8]), None);
    assert_eq!(note, "it is written for 4 pictures at once and computed for one");
    let single = model(&[3, 8, 8], vec![], vec![node("Relu x -> y", vec![])]);
    assert_eq!(shape(&single, None).0, "8×8×3");

    let mut yolo = open.clone();
    for (key, value) in [
        ("names", "{0: 'cat', 1: 'dog'}"),
        ("imgsz", "[640, 320]"),
        ("description", "Ultralytics YOLO11n model"),
    ] {
        yolo.metadata_props.push(StringStringEntryProto { key: key.into(), value: value.into() });
    }
    let network = read(&yolo).unwrap();
    assert_eq!(network.graph.input_shape().to_string(), "640×320×3");
    assert_eq!((network.graph.name.as_str(), network.usual_scale), ("YOLO11n", InputScale::ZeroToOne));
    assert_eq!(network.class_names, Some(vec!["cat".into(), "dog".into()]));
}

#[test]
fn inputs_that_are_none_of_a_picture() {
    let refused = |model: &ModelProto| read(model).unwrap_err();
    let mut two = pooling(&[1, 3, 8, 8]);
    graph(&mut two).node.push(node("Add y other -> z", vec![]));
    graph(&mut two).input.push(value("other", &[1, 3, 7, 7]));
    graph(&mut two).output[0].name = "z".into();
    assert_eq!(
        refused(&two),
        "it has 2 inputs (`x`, `other`); convscope gives a network one picture and nothing else"
    );
    // Old files list parameters among the inputs.
    graph(&mut two).initializer.push(tensor("other", &[1, 3, 7, 7]));
    assert_eq!(read(&two).unwrap().graph.nodes.len(), 3);
    assert_eq!(
        refused(&pooling(&[1, 784])),
        "its input `x` has the shape [1, 784], and a picture has [1, channels, height, width]"
    );
    let mut typed = pooling(&[1, 8, 8, 3]);
    let set = |model: &mut ModelProto, kind: i32| {
        let kinds = graph(model).input[0].r#type.as_mut().and_then(|kind| kind.tensor_type.as_mut());
        kinds.unwrap().elem_type = kind;
    };
    set(&mut typed, 7);
    assert_eq!(refused(&typed), "its input `x` takes int64, and a picture is of f32");
    set(&mut typed, 2);
    graph(&mut typed).node.insert(0, node("Cast x -> f", vec![int("to", 1)]));
    graph(&mut typed).node[1].input[0] = "f".into();
    assert_eq!(read(&typed).unwrap().input_scale, Some(InputScale::Levels));
}

#[test]
fn its_own_first_layers_may_scale() {
    let scale = |op: &str, number: f32| {
        let constant = filled("k", &[], &[number]);
        let nodes = vec![node(&format!("{op} x k -> a"), vec![]), pool("MaxPool a -> y")];
        layers(&[1, 3, 8, 8], vec![constant], nodes).input_scale
    };
    assert_eq!(scale("Mul", 1.0 / 255.0), Some(InputScale::Levels));
    assert_eq!(scale("Div", 255.0), Some(InputScale::Levels));
    assert_eq!(scale("Sub", 118.0), Some(InputScale::Levels));
    assert_eq!(scale("Mul", 0.5), None);
}

#[test]
fn the_graph_ends_where_something_is_not_computed() {
    let mut detector = model(
        &[1, 3, 8, 8],
        vec![tensor("w", &[4, 3, 1, 1])],
        vec![
            node("Conv x w -> a", vec![]),
            node("Relu a -> b", vec![]),
            pool("MaxPool b -> c"),
            node("Strange c -> d e", vec![]),
            node("Add d b -> y", vec![]),
        ],
    );
    graph(&mut detector).node[3].name = "/model.22/Strange".into();
    let network = read(&detector).unwrap();
    assert_eq!(network.notes, ["runs up to `/model.22/Strange`: Strange and what follows are not computed"]);
    let outputs: Vec<_> = network.graph.outputs.iter().map(|output| (output.layer, output.meaning)).collect();
    assert_eq!(outputs, [(3, Meaning::Maps)]);

    // What is computed of the outputs comes first.
    graph(&mut detector).output.insert(0, value("a", &[]));
    let network = read(&detector).unwrap();
    let outputs: Vec<_> = network.graph.outputs.iter().map(|output| output.layer).collect();
    assert_eq!(outputs, [1, 3]);

    let strange = model(&[1, 3, 8, 8], vec![], vec![node("Strange x -> y", vec![])]);
    assert_eq!(
        read(&strange).unwrap_err(),
        "convscope does not compute its first layer, `y` of the kind Strange"
    );
    let broken = model(
        &[1, 3, 8, 8],
        vec![tensor("w", &[4, 5, 1, 1])],
        vec![pool("MaxPool x -> a"), node("Conv a w -> y", vec![])],
    );
    assert_eq!(
        read(&broken).unwrap().notes,
        [
            "runs up to `y`: Conv and what follows are not computed (its kernels take 5×1 channels, and there are 3)"
        ]
    );
}

#[test]
fn functions_and_branches_are_put_in_place() {
    let domain = "pkg.onnxscript";
    let function = FunctionProto {
        name: "twice".into(),
        domain: domain.into(),
        input: vec!["value".into()],
        output: vec!["result".into()],
        node: vec![node("Relu value -> inner", vec![]), node("LeakyRelu inner -> result", vec![])],
        ..FunctionProto::default()
    };
    let call = |line: &str| NodeProto { domain: domain.into(), ..node(line, vec![]) };
    let mut called = model(&[1, 3, 8, 8], vec![], vec![call("twice x -> a"), call("twice a -> y")]);
    called.functions.push(function);
    let network = read(&called).unwrap();
    assert_eq!(network.graph.nodes.len(), 5);
    assert_eq!(network.graph.find("y").ok(), Some(4));
    // A function that calls itself has no end.
    called.functions[0].node[0] = call("twice value -> inner");
    assert!(read(&called).unwrap_err().contains("calls functions within functions"));

    let branch = |op: &str| GraphProto {
        node: vec![node(&format!("{op} x -> inner"), vec![])],
        output: vec![value("inner", &[])],
        ..GraphProto::default()
    };
    let graphs = [("then_branch", "Relu"), ("else_branch", "Sigmoid")];
    let attributes = graphs.map(|(name, op)| AttributeProto { g: Some(branch(op)), ..attribute(name, 5) });
    let condition = TensorProto { dims: vec![], data_type: 9, int32_data: vec![1], ..numbers("yes", &[]) };
    let branching = model(&[1, 3, 8, 8], vec![condition], vec![node("If yes -> y", attributes.to_vec())]);
    let network = read(&branching).unwrap();
    assert_eq!(network.graph.nodes[1].operation(), "ReLU");
}

#[test]
fn nodes_in_another_order() {
    let nodes = vec![node("Relu b -> y", vec![]), pool("MaxPool x -> a"), pool("AveragePool a -> b")];
    let mut shuffled = model(&[1, 3, 8, 8], vec![], nodes);
    graph(&mut shuffled).output[0].name = "y".into();
    assert_eq!(last_shape(&read(&shuffled).unwrap()), "6×6×3");
    graph(&mut shuffled).node[1].input[0] = "y".into();
    assert_eq!(read(&shuffled).unwrap_err(), "nothing in it reads its input");
    graph(&mut shuffled).node.push(node("Add x y -> z", vec![]));
    graph(&mut shuffled).node[0].name = "first".into();
    assert_eq!(
        read(&shuffled).unwrap_err(),
        "its nodes run in a circle, through `first`: none of them can be computed first"
    );
}

#[test]
fn number_types() {
    let dense = |tensor: TensorProto| {
        let network = layers(
            &[1, 1, 1, 2],
            vec![tensor],
            vec![node("Flatten x -> a", vec![]), node("MatMul a w -> y", vec![])],
        );
        let Some(crate::weights::parameters::LayerWeights::Dense { weight, .. }) = &network.layers[2] else {
            panic!()
        };
        (weight.clone(), network.stored)
    };
    let plain = TensorProto { dims: vec![2, 1], name: "w".into(), ..TensorProto::default() };
    let expected = vec![1.5, -2.0];
    let raw = |kind: i32, bytes: Vec<u8>| TensorProto { data_type: kind, raw_data: bytes, ..plain.clone() };
    let f32s = [1.5f32, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(dense(raw(1, f32s)), (expected.clone(), vec![Stored::F32]));
    assert_eq!(dense(raw(10, vec![0x00, 0x3e, 0x00, 0xc0])), (expected.clone(), vec![Stored::F16]));
    assert_eq!(dense(raw(16, vec![0xc0, 0x3f, 0x00, 0xc0])), (expected.clone(), vec![Stored::BF16]));
    let doubles = TensorProto { data_type: 11, double_data: vec![1.5, -2.0], ..plain.clone() };
    assert_eq!(dense(doubles), (expected.clone(), vec![Stored::F64]));
    // Halves may also lie in a list of integers.
    let halves = TensorProto { data_type: 10, int32_data: vec![0x3e00, 0xc000], ..plain.clone() };
    assert_eq!(dense(halves), (expected, vec![Stored::F16]));
}

#[test]
fn numbers_beside_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = [9f32, 1.5, -2.0].iter().flat_map(|value| value.to_le_bytes()).collect();
    std::fs::write(folder.path().join("model.data"), bytes).unwrap();
    let read_from = |location: &str, offset: &str, inside: bool| {
        let entry = |key: &str, value: &str| StringStringEntryProto { key: key.into(), value: value.into() };
        let external_data = vec![entry("location", location), entry("offset", offset), entry("length", "8")];
        let weight =
            TensorProto { data_location: 1, float_data: vec![], external_data, ..filled("w", &[1, 2], &[]) };
        let nodes = vec![node("Flatten x -> a", vec![]), node("Gemm a w -> y", vec![int("transB", 1)])];
        let options = ReadOptions { folder: inside.then(|| folder.path()), ..ReadOptions::default() };
        read_with(&model(&[1, 2, 1, 1], vec![weight], nodes), options).map(|network| network.layers)
    };
    assert!(read_from("model.data", "4", true).is_ok());
    let end = read_from("model.data", "8", true).unwrap_err();
    assert!(
        end.starts_with("the tensor `w` should lie at byte 8 of `model.data`, which ends before it does"),
        "{end}"
    );
    assert!(read_from("model.data", "4", false).unwrap_err().contains("put that beside it"));
    assert!(read_from("other.data", "4", true).unwrap_err().contains("is not beside it"));
    assert!(read_from("model.data", "four", true).unwrap_err().contains("is no number"));
    for outside in ["../model.data", "/etc/passwd", "a/../../model.data", "..\\model.data"] {
        let refused = read_from(outside, "4", true).unwrap_err();
        assert!(refused.contains("outside its folder, where convscope does not follow"), "{refused}");
    }
    #[cfg(unix)]
    {
        let elsewhere = tempfile::tempdir().unwrap();
        std::fs::write(elsewhere.path().join("secret"), [0; 12]).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join("secret"), folder.path().join("link.data")).unwrap();
        assert!(read_from("link.data", "4", true).unwrap_err().contains("outside its folder"));
    }
}
