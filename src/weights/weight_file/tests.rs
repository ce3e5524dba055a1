//! A file that was written is read and fitted; everything that does not fit is named.

use super::*;
use crate::model::inception_v3::{Plan, inception_v3};
use crate::weights::conventions::FROM_MANIFEST;
use crate::weights::parameters::{LayerWeights, expected_tensors};
use crate::weights::seeded;
use ::safetensors::{Dtype, tensor::TensorView};
use std::collections::BTreeMap;

type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

fn tensors(graph: &Graph) -> Tensors {
    let weights = seeded(graph, 7);
    let mut all = Tensors::new();
    for (index, layer) in weights.layers.iter().enumerate() {
        let values = match layer {
            None => continue,
            Some(LayerWeights::Conv { kernel, .. }) => vec![kernel],
            Some(LayerWeights::BatchNorm { gamma, beta, mean, variance }) => {
                vec![gamma, beta, mean, variance]
            }
            Some(LayerWeights::Dense { weight, bias }) => vec![weight, bias],
            Some(other) => panic!("{other:?}"),
        };
        let name = graph.nodes[index].parameter_name();
        for ((suffix, shape), values) in expected_tensors(graph, index).into_iter().zip(values) {
            let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
            all.insert(format!("{name}.{suffix}"), (shape, bytes));
        }
    }
    all
}

fn write(tensors: &Tensors, path: &Path) {
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, (shape, bytes))| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()))
        .collect();
    ::safetensors::serialize_to_file(views, None, path).unwrap();
}

fn load(path: &Path) -> Result<Weights, WeightsError> {
    Ok(WeightFile::open(path, ReadOptions::default())?.fit()?.1)
}

#[test]
fn what_was_written_is_read_and_every_problem_is_named() {
    let graph = inception_v3(10, 0.1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut all = tensors(&graph);
    all.insert("AuxLogits.fc.bias".into(), (vec![1], vec![0; 4]));
    write(&all, &path);
    let read = load(&path).unwrap();
    assert_eq!(read.layers, seeded(&graph, 7).layers);
    assert!(read.origin.is_trained());

    all.remove("Conv2d_2a_3x3.bn.running_mean");
    all.insert("Mixed_5b.branch1x1.bn.bias".into(), (vec![1, 6], vec![0; 24]));
    all.insert("Mixed_5b.branch1x1.scale".into(), (vec![1], vec![0; 4]));
    write(&all, &path);
    let message = load(&path).unwrap_err().to_string();
    for part in [
        "`Conv2d_2a_3x3.bn.running_mean` is missing",
        "`Mixed_5b.branch1x1.bn.bias` has shape [1, 6], not [6]",
        "`Mixed_5b.branch1x1.scale` is not a tensor of this network",
    ] {
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn other_files_are_refused_in_one_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    std::fs::write(&path, [0xff; 64]).unwrap();
    let unknown = load(&path).unwrap_err();
    assert!(
        matches!(unknown, WeightsError::Unknown { .. }) && unknown.to_string().contains("`--weights` reads")
    );
    // Where it is known what something is, the list of what is read is of no use.
    let folder_itself = load(folder.path()).unwrap_err();
    assert!(
        matches!(folder_itself, WeightsError::Kind { .. }) && !folder_itself.to_string().contains("reads")
    );
    std::fs::write(&path, b"\x40\0\0\0\0\0\0\0{\"a\": 1").unwrap();
    let damaged = load(&path).unwrap_err();
    assert!(
        matches!(damaged, WeightsError::Format { .. }) && !damaged.to_string().contains("`--weights` reads")
    );
    assert!(matches!(load(&folder.path().join("none")), Err(WeightsError::Io { .. })));
}

#[test]
fn values_that_are_no_numbers_are_told_and_kept() {
    let graph = inception_v3(10, 0.1);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let mut all = tensors(&graph);
    all.insert(
        "Conv2d_1a_3x3.bn.bias".into(),
        (vec![3], [1.0, f32::NAN, f32::INFINITY].map(f32::to_le_bytes).concat()),
    );
    write(&all, &path);
    let weights = load(&path).unwrap();
    assert_eq!(weights.notes, ["`Conv2d_1a_3x3.bn.bias` holds 2 NaN or infinite of 3 values"]);
    let Some(LayerWeights::BatchNorm { beta, .. }) = &weights.layers[2] else { panic!() };
    assert!(beta[0] == 1.0 && beta[1].is_nan() && beta[2] == f32::INFINITY);
}

#[test]
fn the_architecture_is_told_by_the_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    type Head<'a> = &'a [(&'a str, usize)];
    let heads: [(f64, Head<'_>); 4] = [
        (0.1, &[("fc", 10)]),
        (0.07, &[]),
        (0.25, &[("head.1", 9), ("head.3", 5), ("head.10", 3)]),
        (0.13, &[("fc.0", 6), ("fc.3", 2)]),
    ];
    for (width, layers) in heads {
        let graph = Plan::with_dense(layers, width).graph().unwrap();
        write(&tensors(&graph), &path);
        let (found, weights) = WeightFile::open(&path, ReadOptions::default()).unwrap().fit().unwrap();
        let facts = |graph: &Graph| {
            let nodes = graph.nodes.iter();
            nodes.map(|node| (node.shape, node.parameter_name().to_owned())).collect::<Vec<_>>()
        };
        assert!(facts(&found) == facts(&graph), "{}", found.width_multiplier);
        assert_eq!(found.width_multiplier, width);
        assert_eq!(weights.layers, seeded(&graph, 7).layers);
    }
}

#[test]
fn conventions_are_those_of_the_file_or_usual_for_it() {
    let file = |layout, metadata: &[(&str, &str)]| TensorFile {
        layout,
        tensors: vec![],
        notes: vec![],
        layers: vec![],
        metadata: metadata.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
    };
    let of = |layout, metadata: &[(&str, &str)]| {
        let (pool, scale) = conventions(&file(layout, metadata), None);
        (pool.value, scale.value)
    };
    use {AvgPool::*, InputScale::*};
    assert_eq!(of(Layout::KerasLegacy, &[]), (Exclude, MinusOneToOne));
    assert_eq!(of(Layout::Torch, &[]), (Include, MinusOneToOne));
    assert_eq!(of(Layout::Paddle, &[]), (Include, Imagenet));
    assert_eq!(of(Layout::Safetensors, &[]), (Include, MinusOneToOne));
    assert_eq!(of(Layout::Safetensors, &[("format", "pt")]), (Include, MinusOneToOne));
    let said = [("format", "pt"), ("avg_pool", "count_include_pad=False"), ("input_scale", "0..1")];
    assert_eq!(of(Layout::Safetensors, &said), (Exclude, ZeroToOne));
    let known = &Manifest::built_in().unwrap().entries[0];
    let (pool, _) = conventions(&file(Layout::Safetensors, &[("format", "pt")]), Some(known));
    assert_eq!(pool, Known { value: Exclude, from: FROM_MANIFEST });
}

#[test]
fn pieces_are_one_network_with_what_lies_beside_them() {
    let graph = inception_v3(3, 0.1);
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let mut one = tensors(&graph);
    let middle = one.keys().nth(one.len() / 2).unwrap().clone();
    let two = one.split_off(&middle);
    let names = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let mut map = serde_json::Map::new();
    for (tensors, name) in [(&one, names[0]), (&two, names[1])] {
        write(tensors, &place(name));
        map.extend(tensors.keys().map(|tensor| (tensor.clone(), name.into())));
    }
    let index = place("model.safetensors.index.json");
    std::fs::write(&index, serde_json::json!({"weight_map": map}).to_string()).unwrap();
    let config = serde_json::json!({"architecture": "inception_v3", "id2label": {"0": "a", "1": "b", "2": "c"},
        "pretrained_cfg": {"mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0], "input_size": [3, 203, 299]}});
    std::fs::write(place("config.json"), config.to_string()).unwrap();
    for path in [folder.path(), &index, &place(names[1])] {
        let file = WeightFile::open(path, ReadOptions::default()).unwrap();
        assert_eq!(file.class_names.as_deref(), Some(&["a", "b", "c"].map(String::from)[..]));
        assert_eq!(
            (file.facts.input_scale.value, file.facts.input_scale.from),
            (InputScale::ZeroToOne, "says config.json")
        );
        let input = file.graph.input_shape();
        assert_eq!((input.height, input.width), (203, 299));
        let both = [names[0], names[1]].map(|name| std::fs::read(place(name)).unwrap());
        assert_eq!(file.facts.bytes, both.iter().map(|bytes| bytes.len() as u64).sum::<u64>());
        let sha256 = reading::sha256(both.iter().map(Vec::as_slice));
        assert_eq!(file.facts.origin, Origin::File { path: path.into(), sha256 });
        assert_eq!(load(path).unwrap().layers, seeded(&graph, 7).layers);
    }
    let said = load(&place(names[0])).unwrap().notes;
    assert!(said.iter().any(|note| note.contains("one of 2 pieces: all of them are read")), "{said:?}");
    std::fs::write(place("config.json"), r#"{"id2label": {"0": "a"}}"#).unwrap();
    let file = WeightFile::open(folder.path(), ReadOptions::default()).unwrap();
    assert!(
        file.class_names.is_none() && file.notes.iter().any(|note| note.contains("the names are not used"))
    );
    std::fs::remove_file(place(names[1])).unwrap();
    let message = load(folder.path()).unwrap_err().to_string();
    assert!(message.contains("model-00002-of-00002.safetensors is not beside it"), "{message}");
}

#[test]
fn networks_that_end_early_are_read_as_far_as_they_go() {
    use crate::model::Meaning;
    use crate::model::head::{Head, Joint, Part, PartKind, Step};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("w.safetensors");
    let cut = Plan { blocks: 8, head: None, ..Plan::published(0, 0.05) };
    let graph = cut.graph().unwrap();
    write(&tensors(&graph), &path);
    let (found, weights) = WeightFile::open(&path, ReadOptions::default()).unwrap().fit().unwrap();
    assert_eq!((found.name.as_str(), found.outputs[0].meaning), ("InceptionV3 up to mixed7", Meaning::Maps));
    assert!(found.open_end.as_ref().is_some_and(|why| why.contains("mixed7 (Mixed_6e)")));
    assert_eq!(weights.layers, seeded(&graph, 7).layers);
    assert!(weights.notes[0].contains("mixed7 (Mixed_6e)"), "{:?}", weights.notes);
    assert!(found.find("Mixed_7a").unwrap_err().to_string().contains("its maps end at `mixed7`, `Mixed_6e`"));

    // 7×7 cells are those of pictures of 150×150.
    let inputs = 49 * graph.nodes.last().unwrap().shape.channels;
    let kind = PartKind::Dense { inputs, outputs: 1, has_bias: true };
    let steps = vec![
        Step::Join(Joint::Flatten(49)),
        Step::Part(Part { name: "top.1".into(), path: "top.1".into(), kind }),
    ];
    let head = Some(Head { steps, notes: vec![] });
    write(&tensors(&Plan { size: [150; 2], head, ..cut }.graph().unwrap()), &path);
    let open =
        |input_size| WeightFile::open(&path, ReadOptions { input_size, ..ReadOptions::default() }).unwrap();
    let (found, weights) = open(None).fit().unwrap();
    assert_eq!((found.input_shape().height, found.outputs[0].meaning), (150, Meaning::Probabilities));
    assert!(weights.notes.iter().any(|note| note.contains("150×150 is a guess")), "{:?}", weights.notes);
    // At another size the maps are there, and no classes.
    let (found, _) = open(Some([224; 2])).fit().unwrap();
    assert_eq!((found.input_shape().height, found.outputs[0].meaning), (224, Meaning::Maps));
    assert!(found.open_end.is_some_and(|why| why.contains("`top.1` reads 49 values of each map")));
}
