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

    all.remove("Conv2d_2a_3x3.bn.bias");
    all.insert("Mixed_5b.branch1x1.bn.bias".into(), (vec![1, 6], vec![0; 24]));
    all.insert("Mixed_5b.branch1x1.scale".into(), (vec![1], vec![0; 4]));
    write(&all, &path);
    let message = load(&path).unwrap_err().to_string();
    for part in [
        "`Conv2d_2a_3x3.bn.bias` is missing",
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
