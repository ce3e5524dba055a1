//! Numbers of PyTorch's own are in tests/data/weights/pickled/reparametrized.pth (scripts/make_weight_fixtures.py).

use super::*;
use crate::model::architectures::tests::state_dict;
use crate::model::inception_v3::inception_v3;
use crate::weights::file::{Limits, Stored};

/// A tensor without a shape, of one value.
fn tensor(name: &str, value: f32) -> NamedTensor {
    NamedTensor { name: name.into(), shape: vec![1], values: vec![value], stored: Stored::F32 }
}

fn tensors(names: &[&str], value: f32) -> Vec<NamedTensor> {
    names.iter().map(|name| tensor(name, value)).collect()
}

/// Names that a file has, and the sentences about them.
fn selected(tensors: Vec<NamedTensor>) -> (Vec<(String, f32)>, Vec<String>) {
    let mut notes = vec![];
    let parameters = network(tensors, &mut notes).unwrap();
    let named = |parameter: Parameter| (parameter.name, parameter.tensor.values[0]);
    (parameters.into_iter().map(named).collect(), notes)
}

/// A few tensors by which InceptionV3 is known.
const INCEPTION: [&str; 3] = ["Conv2d_1a_3x3.conv.weight", "Mixed_5b.branch1x1.bn.bias", "fc.weight"];

fn prefixed(prefix: &str, value: f32) -> Vec<NamedTensor> {
    INCEPTION.iter().map(|name| tensor(&format!("{prefix}{name}"), value)).collect()
}

fn own(value: f32) -> Vec<(String, f32)> {
    INCEPTION.iter().map(|name| ((*name).to_owned(), value)).collect()
}

#[test]
fn a_network_inside_of_another_loses_what_is_in_front() {
    for prefix in
        ["", "model.", "module.", "_orig_mod.", "net._orig_mod.module.", "ema_model.", "module.teacher."]
    {
        let (names, notes) = selected(prefixed(prefix, 1.0));
        assert_eq!(names, own(1.0), "{prefix}");
        assert_eq!(notes.len(), usize::from(prefix.starts_with("ema")), "{notes:?}");
    }
    // Compiled in part.
    let (names, _) = selected(tensors(&["Conv2d_1a_3x3._orig_mod.conv.weight"], 1.0));
    assert_eq!(names[0].0, "Conv2d_1a_3x3.conv.weight");
    // A classifier outside.
    let (names, notes) =
        selected([prefixed("backbone.", 1.0), tensors(&["classifier.weight"], 2.0)].concat());
    assert_eq!((names.last().unwrap().0.as_str(), notes.len()), ("classifier.weight", 0));
}

#[test]
fn what_training_leaves_is_left_aside_and_named() {
    let left = [
        "criterion.pos_weight",
        "loss_fn.weight",
        "val_auroc.preds",
        "center_loss.centers",
        "trainAccuracy.tp",
        "class_weights",
        "model_ema.Conv2d_1a_3x3convweight",
    ];
    for prefix in ["model.", ""] {
        let (names, notes) = selected([tensors(&left, 0.0), prefixed(prefix, 1.0)].concat());
        assert_eq!(names, own(1.0), "{prefix}");
        let [note] = &notes[..] else { panic!("{notes:?}") };
        assert!(
            note.ends_with("`class_weights`, 1 more") && note.contains("`criterion.pos_weight`"),
            "{note}"
        );
    }
    // What is no loss's may change the network, and is not left aside.
    let (names, notes) =
        selected([prefixed("", 1.0), tensors(&["Mixed_5b.attention.conv.weight"], 2.0)].concat());
    assert_eq!((names.len(), notes.len()), (4, 0));
}

#[test]
fn of_several_networks_the_one_that_was_trained_is_taken() {
    for (other, said) in [
        ("ema_model.", "`ema_model` (a moving average)"),
        ("model_ema.module.", "`model_ema.module` (a moving average)"),
        ("teacher.", "`teacher`"),
        ("encoder_k.", "`encoder_k`"),
    ] {
        for (first, second) in [("model.", other), (other, "model.")] {
            let value = |prefix: &str| if prefix == other { 2.0 } else { 1.0 };
            let both = [prefixed(first, value(first)), prefixed(second, value(second))].concat();
            let (names, notes) = selected(both);
            assert_eq!(names, own(1.0), "{first} {second}");
            assert_eq!(notes, [format!("it holds several networks: taken is `model`, left aside {said}")]);
        }
    }
    let (names, notes) = selected([prefixed("", 1.0), prefixed("ema.", 2.0)].concat());
    assert_eq!((names, notes.len()), (own(1.0), 1));
    // A teacher of another kind.
    let resnet = state_dict("torchvision-resnet18").into_iter().map(|(name, shape)| NamedTensor {
        name: format!("teacher.{name}"),
        shape,
        values: vec![0.0],
        stored: Stored::F32,
    });
    let (names, notes) = selected(resnet.chain(prefixed("student.", 1.0)).collect());
    assert_eq!((names, notes.len()), (own(1.0), 1));
    // Two of equal rights are refused, and one under two names is not.
    let error =
        network([prefixed("left.", 1.0), prefixed("right.", 2.0)].concat(), &mut vec![]).unwrap_err().0;
    assert!(error.contains("2 networks, whose names begin with `left.` and `right.`"), "{error}");
    assert_eq!(selected([prefixed("left.", 1.0), prefixed("right.", 1.0)].concat()).0, own(1.0));
}

#[test]
fn numbered_parts_get_their_names() {
    let numbered = |file: &str, rename: &dyn Fn(&str) -> Option<String>| {
        let tensors = state_dict(file).into_iter().filter_map(|(name, shape)| {
            let name = rename(&name)?;
            Some(NamedTensor { name, shape, values: vec![0.0], stored: Stored::F32 })
        });
        let names: Vec<String> = selected(tensors.collect()).0.into_iter().map(|(name, _)| name).collect();
        let expected: Vec<String> = state_dict(file)
            .into_iter()
            .map(|(name, _)| name)
            .filter(|name| rename(name).is_some())
            .collect();
        assert_eq!(names, expected, "{file}");
    };
    let resnet = ["conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4", "avgpool", "fc"];
    let google = [
        "conv1",
        "maxpool1",
        "conv2",
        "conv3",
        "maxpool2",
        "inception3a",
        "inception3b",
        "maxpool3",
        "inception4a",
        "inception4b",
        "inception4c",
        "inception4d",
        "inception4e",
        "maxpool4",
        "inception5a",
        "inception5b",
    ];
    let by = |parts: &'static [&'static str], prefix: &'static str| {
        move |name: &str| {
            let (part, rest) = name.split_once('.')?;
            Some(format!("{prefix}{}.{rest}", parts.iter().position(|own| *own == part)?))
        }
    };
    let resnet: &'static [&'static str] = Box::leak(Box::new(resnet));
    let google: &'static [&'static str] = Box::leak(Box::new(google));
    for prefix in ["", "0.", "model.features."] {
        numbered("torchvision-resnet18", &by(resnet, prefix));
        numbered("torchvision-googlenet", &by(google, prefix));
        for file in
            ["mobilenet_v2", "efficientnet_b0", "vgg11", "squeezenet1_1", "densenet121", "convnext_tiny"]
        {
            numbered(&format!("torchvision-{file}"), &by(&["features"], prefix));
        }
    }
}

#[test]
fn numbered_blocks_of_inception_get_their_names_by_their_order() {
    let graph = inception_v3(0, 0.1);
    let names: Vec<String> = graph
        .nodes
        .iter()
        .filter_map(|node| node.other_name.clone())
        .filter(|name| name.ends_with(".conv"))
        .collect();
    assert_eq!(names.len(), 94);
    // Places of the parts in torchvision, with the auxiliary classifier and without pools, and as pytorch-fid has them.
    let mut parts: Vec<&str> = names.iter().map(|name| name.split('.').next().unwrap()).collect();
    parts.dedup();
    let place = |part: &str| parts.iter().position(|own| *own == part).unwrap();
    let in_torchvision =
        |part: &str| place(part) + usize::from(place(part) > 2) + usize::from(place(part) > 4);
    let in_blocks = |part: &str| match place(part) {
        number @ 0..3 => format!("0.{number}"),
        number @ 3..5 => format!("1.{}", number - 3),
        number => format!("2.{}", number - 5),
    };
    type Rename<'a> = &'a dyn Fn(&str) -> String;
    let ways: [Rename<'_>; 5] = [
        &|part| format!("{}.", place(part)),
        &|part| format!("0.{}.", in_torchvision(part)),
        &|part| format!("model.features.{}.", in_torchvision(part)),
        &|part| format!("blocks.{}.", in_blocks(part)),
        &|part| format!("{}.", place(part) + usize::from(part.starts_with("Mixed_7"))),
    ];
    for way in ways {
        let renamed = names.iter().map(|name| {
            let (part, rest) = name.split_once('.').unwrap();
            tensor(&format!("{}{rest}.weight", way(part)), 0.0)
        });
        let mut all: Vec<NamedTensor> = renamed.collect();
        let auxiliary = way("Mixed_6e").replace("15.", "16.");
        all.push(tensor("classifier.weight", 0.0));
        let (mut found, notes) = selected(all);
        assert_eq!((found.pop().unwrap().0.as_str(), notes.len()), ("classifier.weight", 0), "{auxiliary}");
        let found: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, names.iter().map(|name| format!("{name}.weight")).collect::<Vec<_>>());
    }
    assert_eq!(
        ["features.7.", "7.", "blocks.2.0.", "net2.7.", "", "model.0.7."].map(positions::without_numbers),
        ["features.", "", "blocks.", "net2.", "", "model."]
    );
}

#[test]
fn kernels_are_what_pytorch_computes() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/weights/pickled");
    let bytes = std::fs::read(folder.join("reparametrized.pth")).unwrap();
    let file = crate::weights::torch::read(&bytes, Limits::default()).unwrap();
    let mut notes = vec![];
    let parameters = network(file.tensors, &mut notes).unwrap();
    let of = |name: &str| {
        let found = parameters.iter().find(|parameter| parameter.name == name);
        &found.unwrap_or_else(|| panic!("{name} is missing")).tensor
    };
    let mut count = 0;
    for expected in parameters.iter().filter(|parameter| parameter.name.starts_with("expected.")) {
        let name = expected.name.replacen("expected.", "", 1);
        let found = of(&name);
        assert_eq!(found.shape, expected.tensor.shape, "{name}");
        for (ours, theirs) in found.values.iter().zip(&expected.tensor.values) {
            assert!(
                (ours - theirs).abs() <= 1e-6 * theirs.abs().max(1.0),
                "{name}: {ours}, PyTorch has {theirs}"
            );
        }
        count += 1;
    }
    // Of each there is its kernel, and nothing else.
    let biases = parameters.iter().filter(|parameter| parameter.name.ends_with(".bias")).count();
    assert_eq!((count, parameters.len()), (11, 2 * count + biases));
    let starts = ["3 of its tensors, pruned", "4 of its tensors, divided", "5 of its tensors, with weight"];
    assert_eq!(notes.len(), starts.len(), "{notes:?}");
    assert!(notes.iter().zip(starts).all(|(note, start)| note.contains(start)), "{notes:?}");
    // Shapes that no such layer has are left as they are.
    let odd = vec![
        tensor("a.weight_g", 1.0),
        NamedTensor { shape: vec![0, 1 << 40], values: vec![], ..tensor("a.weight_v", 0.0) },
    ];
    assert_eq!(network(odd, &mut vec![]).unwrap().len(), 2);
}

#[test]
fn a_block_of_something_else_is_no_network() {
    let kernel = |name: &str, shape: &[usize]| NamedTensor { shape: shape.to_vec(), ..tensor(name, 1.0) };
    let tensors = vec![
        kernel("features.0.0.weight", &[32, 3, 3, 3]),
        kernel("features.1.conv.0.0.weight", &[32, 1, 3, 3]),
        kernel("classifier.1.weight", &[32, 27]),
    ];
    let names: Vec<_> = tensors.iter().map(|tensor| tensor.name.clone()).collect();
    let found = network(tensors, &mut vec![]).unwrap();
    assert_eq!(found.iter().map(|parameter| parameter.name.clone()).collect::<Vec<_>>(), names);
}
