//! The state dicts in tests/data/architectures are what `state_dict()` of torchvision 0.29 and timm 1.0
//! gives; `x.*` stands for the five tensors of a batch normalisation.

use std::path::Path;

use super::{Architecture, INPUT_SIZE, tell};
use crate::model::{Activation, Graph, Meaning, Op};

/// Names and shapes.
pub(crate) type StateDict = Vec<(String, Vec<usize>)>;

pub(crate) fn state_dict(name: &str) -> StateDict {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/architectures");
    let text = std::fs::read_to_string(folder.join(format!("{name}.txt"))).unwrap();
    let entry = |line: &str| {
        let (name, shape) = line.split_once(' ').unwrap();
        let shape =
            shape.trim_matches(['[', ']']).split(',').map(|side| side.parse().unwrap()).collect::<Vec<_>>();
        match name.strip_suffix('*') {
            Some(norm) => ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
                .map(|suffix| {
                    (
                        format!("{norm}{suffix}"),
                        if suffix.starts_with("num") { vec![] } else { shape.clone() },
                    )
                })
                .into(),
            None => vec![(name.to_owned(), shape)],
        }
    };
    text.lines().flat_map(entry).collect()
}

pub(crate) fn told(tensors: &StateDict) -> Option<Architecture> {
    tell(&tensors.iter().map(|(name, shape)| (name.as_str(), &shape[..])).collect::<Vec<_>>(), None)
}

fn graph(tensors: &StateDict) -> Graph {
    told(tensors).unwrap().graph(INPUT_SIZE).unwrap()
}

fn renamed(tensors: StateDict, rename: impl Fn(&str) -> String) -> StateDict {
    tensors.into_iter().map(|(name, shape)| (rename(&name), shape)).collect()
}

/// File, name, and the millions of multiply-adds that torchvision's documentation gives.
pub(crate) const KNOWN: [(&str, &str, usize); 19] = [
    ("torchvision-resnet18", "ResNet-18", 1814),
    ("torchvision-resnet50", "ResNet-50", 4089),
    ("torchvision-mobilenet_v2", "MobileNetV2", 301),
    ("torchvision-mobilenet_v3_large", "MobileNetV3-Large", 217),
    ("torchvision-mobilenet_v3_small", "MobileNetV3-Small", 57),
    ("torchvision-vgg11", "VGG-11", 7609),
    ("torchvision-vgg16_bn", "VGG-16 with batch normalization", 15470),
    ("torchvision-densenet121", "DenseNet-121", 2834),
    ("torchvision-efficientnet_b0", "EfficientNet-B0", 386),
    ("torchvision-squeezenet1_1", "SqueezeNet 1.1", 349),
    ("torchvision-googlenet", "GoogLeNet", 1498),
    ("torchvision-alexnet", "AlexNet", 714),
    ("torchvision-convnext_tiny", "ConvNeXt-Tiny", 4456),
    ("timm-mobilenetv2_100", "MobileNetV2", 301),
    ("timm-mobilenetv3_large_100", "MobileNetV3-Large", 217),
    ("timm-mobilenetv3_small_100", "MobileNetV3-Small", 57),
    ("timm-vgg11", "VGG-11", 7609),
    ("timm-efficientnet_b0", "EfficientNet-B0", 386),
    ("timm-convnext_tiny", "ConvNeXt-Tiny", 4456),
];

#[test]
fn state_dicts_are_told() {
    for (file, name, millions) in KNOWN {
        let tensors = state_dict(file);
        let architecture = told(&tensors).unwrap_or_else(|| panic!("{file} is not told"));
        assert_eq!((architecture.name.as_str(), architecture.classes), (name, 1000), "{file}");
        let graph = architecture.graph(INPUT_SIZE).unwrap();
        let found = graph.total_cost().multiply_adds as f64 / 1e6;
        assert!((found - millions as f64).abs() < 0.6, "{file}: {found}");
        assert_eq!(graph.outputs.len(), 1);
        assert_eq!(graph.outputs[0].meaning, Meaning::Probabilities);
        assert!(graph.stages.len() >= 4, "{file}: {:?}", graph.stages);
        let has_layer = |stage: usize| graph.nodes.iter().any(|node| node.stage == stage);
        assert!((0..graph.stages.len()).all(has_layer), "{file}: {:?}", graph.stages);
        let mut names: Vec<_> = graph.nodes.iter().map(|node| &node.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), graph.nodes.len(), "{file} has a name twice");
    }
}

#[test]
fn other_networks_are_not_told() {
    // The same names as EfficientNet and ResNet, another network.
    for file in ["timm-mnasnet_100", "timm-seresnet50"] {
        assert!(told(&state_dict(file)).is_none(), "{file}");
    }
    assert!(tell(&[], None).is_none());
    let resnet = state_dict("torchvision-resnet18");
    let mut small = resnet.clone();
    small[0].1 = vec![64, 3, 3, 3];
    assert!(told(&small).is_none(), "a stem for small pictures has strides that nothing tells");
    let mut more = resnet.clone();
    more.push(("layer2.queue.weight".into(), vec![128]));
    assert!(told(&more).is_none());
    let lacking = |lost: &str| resnet.iter().filter(|(name, _)| name != lost).cloned().collect::<StateDict>();
    for lost in ["layer3.0.conv2.weight", "layer2.1.bn1.running_var", "layer4.1.conv1.weight"] {
        assert!(told(&lacking(lost)).is_none(), "{lost}");
    }
}

#[test]
fn shapes_that_no_network_has_are_no_reason_to_stop() {
    for (file, ..) in KNOWN {
        let tensors = state_dict(file);
        let step = (tensors.len() / 12).max(1);
        for place in (0..tensors.len()).step_by(step).chain([tensors.len() - 2]) {
            for shape in [
                vec![],
                vec![0],
                vec![1; 5],
                vec![0; 4],
                vec![7, 0, 1, 1],
                vec![1 << 28; 2],
                vec![3, 1 << 20, 3, 3],
            ] {
                let mut wrong = tensors.clone();
                wrong[place].1 = shape;
                told(&wrong);
            }
        }
    }
}

#[test]
fn names_may_have_something_in_front() {
    for (file, name, _) in KNOWN {
        for prefix in ["model.", "module.backbone."] {
            let tensors = renamed(state_dict(file), |name| format!("{prefix}{name}"));
            let architecture = told(&tensors).unwrap_or_else(|| panic!("{prefix}{file}"));
            assert_eq!(architecture.name, name);
            let own = state_dict(file);
            assert_eq!(architecture.own_name(&tensors[0].0), Some(own[0].0.clone()));
        }
    }
    assert_eq!(told(&state_dict("torchvision-resnet18")).unwrap().own_name("bn1.num_batches_tracked"), None);
    // The classifier outside of the network that gives the features.
    let outside = |name: &str| match name.strip_prefix("fc.") {
        Some(last) => format!("head.{last}"),
        None => format!("backbone.{name}"),
    };
    let graph = graph(&renamed(state_dict("torchvision-resnet18"), outside));
    assert_eq!(graph.nodes.last().unwrap().name, "head");
    // torchvision's file of 2017.
    let old = renamed(state_dict("torchvision-densenet121"), |name| match name.contains("denselayer") {
        true => name.replace(".norm", ".norm.").replace(".conv", ".conv."),
        false => name.into(),
    });
    assert!(old.iter().any(|(name, _)| name == "features.denseblock1.denselayer1.norm.1.weight"));
    assert_eq!(told(&old).unwrap().name, "DenseNet-121");
}

#[test]
fn heads_are_as_they_are() {
    let head = |layers: &[(&str, [usize; 2])]| {
        let mut tensors = state_dict("torchvision-resnet18");
        tensors.retain(|(name, _)| !name.starts_with("fc."));
        for (name, shape) in layers {
            tensors.push((format!("{name}.weight"), shape.to_vec()));
            tensors.push((format!("{name}.bias"), vec![shape[0]]));
        }
        tensors
    };
    let features = graph(&head(&[]));
    let last = features.nodes.last().unwrap();
    assert_eq!((last.name.as_str(), features.outputs[0].meaning), ("avgpool", Meaning::Maps));
    assert_eq!(told(&head(&[])).unwrap().classes, 0);
    let dropout = graph(&head(&[("fc.1", [10, 512])]));
    assert_eq!(dropout.nodes.last().unwrap().name, "fc.1");
    let two = graph(&head(&[("fc.10", [1, 64]), ("fc.2", [64, 512])]));
    let tail: Vec<_> =
        two.nodes[two.nodes.len() - 3..].iter().map(|node| (node.name.as_str(), node.activation)).collect();
    let expected = [("fc.2", Activation::Linear), ("fc.3", Activation::Relu), ("fc.10", Activation::Sigmoid)];
    assert_eq!(tail, expected);
    // A layer that reads something else is left aside, and told.
    let other = told(&head(&[("fc", [10, 256])])).unwrap();
    assert_eq!((other.classes, other.own_name("fc.weight"), other.notes.len()), (0, None, 1));
    assert!(other.notes[0].contains("`fc`"), "{:?}", other.notes);
    assert_eq!(other.graph(INPUT_SIZE).unwrap().outputs[0].meaning, Meaning::Maps);
    // Without its classifier VGG takes pictures of any size, and gives maps.
    let mut vgg = state_dict("torchvision-vgg11");
    vgg.retain(|(name, _)| name.starts_with("features"));
    let maps = told(&vgg).unwrap().graph([320, 200]).unwrap();
    assert_eq!(maps.stages, ["block1", "block2", "block3", "block4", "block5"]);
    assert_eq!(
        (maps.outputs[0].meaning, maps.nodes.last().unwrap().shape.sides()),
        (Meaning::Maps, [512, 10, 6])
    );
}

#[test]
fn sizes_that_a_classifier_cannot_read_are_refused() {
    let vgg = told(&state_dict("torchvision-vgg11")).unwrap();
    let pool = |size: [usize; 2]| {
        let graph = vgg.graph(size).unwrap();
        let window = graph.nodes[graph.find("avgpool").unwrap()].op.window().unwrap();
        (window.kernel, window.stride)
    };
    assert_eq!(pool(INPUT_SIZE), ([1, 1], [1, 1]));
    assert_eq!(pool([448, 224]), ([2, 1], [2, 1]));
    // 8 rows to 7: each of two rows, and so on from the next.
    assert_eq!(pool([256, 224]), ([2, 1], [1, 1]));
    let error = vgg.graph([320, 224]).unwrap_err().0;
    assert!(error.contains("7×7 of maps of 10×7") && error.contains("224×224"), "{error}");
    assert!(vgg.graph([16, 16]).is_err());
    assert!(vgg.graph([0, 224]).is_err());
}

#[test]
fn layers_are_those_of_pytorch() {
    let names_of = |file: &str, first: usize, count: usize| -> Vec<String> {
        graph(&state_dict(file)).nodes[first..first + count].iter().map(|node| node.name.clone()).collect()
    };
    let resnet = names_of("torchvision-resnet18", 0, 12).join(" ");
    assert_eq!(
        resnet,
        "input conv1 bn1 relu maxpool layer1.0.conv1 layer1.0.bn1 layer1.0.relu layer1.0.conv2 layer1.0.bn2 \
         layer1.0.add layer1.0.relu_1"
    );
    let mobile = names_of("timm-mobilenetv3_small_100", 4, 12).join(" ");
    assert_eq!(
        mobile,
        "blocks.0.0.conv_dw blocks.0.0.bn1 blocks.0.0.bn1.act blocks.0.0.se.mean blocks.0.0.se.conv_reduce \
         blocks.0.0.se.act1 blocks.0.0.se.conv_expand blocks.0.0.se.gate blocks.0.0.se.mul blocks.0.0.conv_pw \
         blocks.0.0.bn2 blocks.1.0.conv_pw"
    );
    // GoogLeNet's third branch, and what its pooling makes of an odd number of cells.
    let google = graph(&state_dict("torchvision-googlenet"));
    let window = |name: &str| google.nodes[google.find(name).unwrap()].op.window().unwrap();
    assert_eq!(window("inception4a.branch3.1.conv").kernel, [3, 3]);
    assert_eq!((window("maxpool1").padding, window("maxpool1").padding_after), ([0, 0], [1, 1]));
    assert!(google.nodes.iter().all(|node| !matches!(node.op, Op::BatchNorm(epsilon) if epsilon != 1e-3)));
}

#[test]
fn bodies_may_end_early_and_layers_stand_behind_them() {
    let mut cut = state_dict("torchvision-resnet18");
    cut.retain(|(name, _)| !name.starts_with("layer4") && !name.starts_with("fc"));
    let maps = graph(&cut);
    assert_eq!((maps.name.as_str(), maps.outputs[0].meaning), ("ResNet up to layer3", Meaning::Maps));
    assert_eq!(maps.nodes.last().unwrap().shape.sides(), [256, 14, 14]);
    // A head of one's own, outside of the network, whose layer has the name of one inside.
    let mut wrapped = renamed(state_dict("torchvision-resnet18"), |name| format!("backbone.{name}"));
    for (name, shape) in [("fc.weight", vec![5, 1000]), ("fc.bias", vec![5])] {
        wrapped.push((name.into(), shape));
    }
    let architecture = told(&wrapped).unwrap();
    let graph = architecture.graph(INPUT_SIZE).unwrap();
    let tail: Vec<_> = graph.nodes[graph.nodes.len() - 3..].iter().map(|node| node.name.as_str()).collect();
    assert_eq!(tail, ["backbone.fc", "backbone.fc.act", "fc"]);
    assert!(architecture.notes[0].contains("ReLU is a guess"), "{:?}", architecture.notes);
    // What the published network has is no guess.
    let vgg = told(&state_dict("torchvision-vgg11")).unwrap();
    assert!(vgg.notes.is_empty(), "{:?}", vgg.notes);
}
