//! Networks of inverted residual blocks.
//!
//! MobileNetV2: Sandler et al., CVPR 2018 (arXiv:1801.04381). MobileNetV3: Howard et al., ICCV 2019
//! (arXiv:1905.02244). EfficientNet: Tan & Le, ICML 2019 (arXiv:1905.11946). Kernels and depths tell which it
//! is.

use super::net::Net;
use crate::model::{Activation, GraphError};

/// Blocks one behind the other: kernel of the depthwise convolution, stride of the first block, number of
/// blocks (deeper EfficientNets have more), and whether channels are weighted (squeeze and excitation: Hu et
/// al., arXiv:1709.01507).
type Stage = (usize, usize, usize, bool);

struct Variant {
    name: &'static str,
    stages: &'static [Stage],
    activation: Activation,
    /// So many stages at the beginning have ReLU instead.
    relu_stages: usize,
    /// Between the two layers that weight channels, and behind them.
    weighting: [Activation; 2],
    /// What torchvision adds to the variance; timm adds 0.00001 everywhere.
    epsilon: f64,
}

const HARD_SIGMOID: Activation = Activation::HardSigmoid(1.0 / 6.0, 0.5);

static VARIANTS: [Variant; 4] = [
    Variant {
        name: "MobileNetV2",
        stages: &[
            (3, 1, 1, false),
            (3, 2, 2, false),
            (3, 2, 3, false),
            (3, 2, 4, false),
            (3, 1, 3, false),
            (3, 2, 3, false),
            (3, 1, 1, false),
        ],
        activation: Activation::Clip(0.0, 6.0),
        relu_stages: 0,
        weighting: [Activation::Relu, Activation::Sigmoid],
        epsilon: 1e-5,
    },
    Variant {
        name: "MobileNetV3-Large",
        stages: &[
            (3, 1, 1, false),
            (3, 2, 2, false),
            (5, 2, 3, true),
            (3, 2, 4, false),
            (3, 1, 2, true),
            (5, 2, 3, true),
        ],
        activation: Activation::HardSwish,
        relu_stages: 3,
        weighting: [Activation::Relu, HARD_SIGMOID],
        epsilon: 1e-3,
    },
    Variant {
        name: "MobileNetV3-Small",
        stages: &[(3, 2, 1, true), (3, 2, 2, false), (5, 2, 3, true), (5, 1, 2, true), (5, 2, 3, true)],
        activation: Activation::HardSwish,
        relu_stages: 2,
        weighting: [Activation::Relu, HARD_SIGMOID],
        epsilon: 1e-3,
    },
    Variant {
        name: "EfficientNet",
        stages: &[
            (3, 1, 1, true),
            (3, 2, 2, true),
            (5, 2, 2, true),
            (3, 2, 3, true),
            (5, 1, 3, true),
            (5, 2, 4, true),
            (3, 1, 1, true),
        ],
        activation: Activation::Silu,
        relu_stages: 0,
        weighting: [Activation::Silu, Activation::Sigmoid],
        epsilon: 1e-5,
    },
];

/// Number of blocks and channels at the end of EfficientNet-B0, B1, …
const EFFICIENTNETS: [(usize, usize); 8] =
    [(16, 1280), (23, 1280), (23, 1408), (26, 1536), (32, 1792), (39, 2048), (45, 2304), (55, 2560)];

/// Names of a convolution, its normalisation and its activation.
type Unit = [String; 3];

/// Names of a block's layers.
struct Block {
    path: String,
    expand: Option<Unit>,
    depthwise: Unit,
    /// Mean, convolution, activation, convolution, activation, product.
    weighting: Option<[String; 6]>,
    project: Unit,
}

/// Networks with torchvision's names: EfficientNet has its blocks in stages, the others one behind the other.
pub(super) fn torchvision(net: &mut Net<'_>) -> Result<String, GraphError> {
    let parts = |path: &str| ["0", "1", "2"].map(|part| format!("{path}.{part}"));
    let depths: Vec<usize> = (1..)
        .map(|stage| net.count(|block| format!("features.{stage}.{block}.block.0.0")))
        .take_while(|&depth| depth > 0)
        .collect();
    let is_block = |path: &str| ["block", "conv"].iter().any(|inner| net.has(&format!("{path}.{inner}.0.0")));
    let paths: Vec<String> = match depths[..] {
        [] => (1..).map(|number| format!("features.{number}")).take_while(|path| is_block(path)).collect(),
        _ => in_stages("features", 1, &depths),
    };
    let last = if depths.is_empty() { paths.len() } else { depths.len() } + 1;
    let named: Vec<Block> = paths.into_iter().map(|path| torchvision_block(net, path)).collect();
    let variant = told(net, &named, &depths)?;
    // EfficientNet-B5 and larger ones came from TensorFlow.
    net.epsilon = if named.len() < 39 { variant.epsilon } else { 1e-3 };
    unit(net, &parts("features.0"), 2, Some(variant.activation))?;
    let name = blocks(net, variant, &named, &depths)?;
    net.stage("head");
    unit(net, &parts(&format!("features.{last}")), 1, Some(variant.activation))?;
    net.global_pool("avgpool")?;
    net.head(variant.between(), &["classifier.0", "classifier.3"])?;
    Ok(name)
}

fn torchvision_block(net: &Net<'_>, path: String) -> Block {
    let inner = if net.has(&format!("{path}.conv.0.0")) { "conv" } else { "block" };
    let part = |number: usize| format!("{path}.{inner}.{number}");
    let unit = |number: usize| ["0", "1", "2"].map(|last| format!("{}.{last}", part(number)));
    // Without a convolution of 1×1 where there are no more channels inside.
    let expands = net.weight(&format!("{}.0", part(0))).is_some_and(|shape| shape.ends_with(&[1, 1]));
    let depthwise = usize::from(expands);
    let next = depthwise + 1;
    let is_weighted = net.has(&format!("{}.fc1", part(next)));
    let weighting = ["avgpool", "fc1", "activation", "fc2", "scale_activation", "mul"];
    let project = next + usize::from(is_weighted);
    Block {
        expand: expands.then(|| unit(0)),
        depthwise: unit(depthwise),
        weighting: is_weighted.then(|| weighting.map(|last| format!("{}.{last}", part(next)))),
        project: match net.has(&part(project)) {
            // MobileNetV2
            true => [part(project), part(project + 1), String::new()],
            false => unit(project),
        },
        path,
    }
}

/// Networks with timm's names.
pub(super) fn timm(net: &mut Net<'_>) -> Result<String, GraphError> {
    let depths: Vec<usize> = (0..)
        .map(|stage| net.count(|block| format!("blocks.{stage}.{block}.conv_dw")))
        .take_while(|&depth| depth > 0)
        .collect();
    let named: Vec<Block> =
        in_stages("blocks", 0, &depths).into_iter().map(|path| timm_block(net, path)).collect();
    let variant = told(net, &named, &depths)?;
    if variant.name != "MobileNetV2" {
        net.notes.push(
            "timm's networks with `tf_` or `pruned` in their names have the same layers as this one, but \
             pad as TensorFlow does: if it is one of those, export it to ONNX"
                .into(),
        );
    }
    let with_act = |conv: &str, norm: &str| [conv.into(), norm.into(), format!("{norm}.act")];
    unit(net, &with_act("conv_stem", "bn1"), 2, Some(variant.activation))?;
    let name = blocks(net, variant, &named, &depths)?;
    net.stage("head");
    if variant.is_v3() {
        let last = format!("blocks.{}.0", depths.len());
        unit(net, &with_act(&format!("{last}.conv"), &format!("{last}.bn1")), 1, Some(variant.activation))?;
        net.global_pool("global_pool")?;
        // Without it, it is timm's older `mobilenetv3_rw`, which has other details too.
        net.expect("conv_head", "bias")?;
        net.conv("conv_head", 1)?;
        net.act("act2", variant.activation)?;
    } else {
        unit(net, &with_act("conv_head", "bn2"), 1, Some(variant.activation))?;
        net.global_pool("global_pool")?;
    }
    net.head(variant.between(), &["classifier.0", "classifier.3"])?;
    Ok(name)
}

fn timm_block(net: &Net<'_>, path: String) -> Block {
    let unit = |conv: &str, norm: &str| {
        [format!("{path}.{conv}"), format!("{path}.{norm}"), format!("{path}.{norm}.act")]
    };
    let expands = net.has(&format!("{path}.conv_pwl"));
    let [depthwise, project] = match expands {
        true => [unit("conv_dw", "bn2"), unit("conv_pwl", "bn3")],
        false => [unit("conv_dw", "bn1"), unit("conv_pw", "bn2")],
    };
    let weighting = ["mean", "conv_reduce", "act1", "conv_expand", "gate", "mul"];
    Block {
        expand: expands.then(|| unit("conv_pw", "bn1")),
        depthwise,
        weighting: net
            .has(&format!("{path}.se.conv_reduce"))
            .then(|| weighting.map(|last| format!("{path}.se.{last}"))),
        project,
        path,
    }
}

/// Paths of blocks that are in stages.
fn in_stages(path: &str, first: usize, depths: &[usize]) -> Vec<String> {
    let stages = (first..).zip(depths);
    stages
        .flat_map(|(stage, &depth)| (0..depth).map(move |block| format!("{path}.{stage}.{block}")))
        .collect()
}

impl Variant {
    fn is_v3(&self) -> bool {
        self.activation == Activation::HardSwish
    }

    /// What is between the layers of the classifier, where there are several.
    fn between(&self) -> Activation {
        if self.is_v3() { self.activation } else { Activation::Relu }
    }

    /// Number of blocks in each stage, by the file where it has stages.
    fn depths(&self, found: &[usize]) -> Vec<usize> {
        if found.is_empty() { self.stages.iter().map(|stage| stage.2).collect() } else { found.to_vec() }
    }
}

/// The variant that has these blocks.
fn told(net: &Net<'_>, named: &[Block], found: &[usize]) -> Result<&'static Variant, GraphError> {
    let looks = |block: &Block| match net.weight(&block.depthwise[0]) {
        Some(&[_, 1, kernel, _]) => (kernel, block.weighting.is_some()),
        _ => (0, false),
    };
    let has = |variant: &&Variant| {
        let depths = variant.depths(found);
        let stages = || variant.stages.iter().zip(&depths);
        let blocks = stages().flat_map(|(stage, &depth)| std::iter::repeat_n((stage.0, stage.3), depth));
        depths.len() == variant.stages.len()
            && stages().all(|(stage, &depth)| stage.2 <= depth)
            && blocks.eq(named.iter().map(looks))
    };
    VARIANTS.iter().find(has).ok_or_else(|| GraphError("its blocks are those of another network".into()))
}

/// All blocks, and what the network is called.
fn blocks(
    net: &mut Net<'_>,
    variant: &Variant,
    named: &[Block],
    found: &[usize],
) -> Result<String, GraphError> {
    let mut rest = named;
    for (number, (&(_, stride, ..), depth)) in variant.stages.iter().zip(variant.depths(found)).enumerate() {
        let (stage, others) = rest.split_at(depth);
        rest = others;
        net.stage(&stage_name(stage, found.is_empty()));
        let activation = if number < variant.relu_stages { Activation::Relu } else { variant.activation };
        for (block, stride) in stage.iter().zip(std::iter::once(stride).chain(std::iter::repeat(1))) {
            inverted_residual(net, block, stride, activation, variant.weighting)?;
        }
    }
    let end = ["conv_head", "features.8.0"].iter().find_map(|layer| net.weight(layer)?.first());
    let published =
        EFFICIENTNETS.iter().position(|(count, channels)| (named.len(), end) == (*count, Some(channels)));
    Ok(match published {
        Some(number) if variant.name == "EfficientNet" => format!("EfficientNet-B{number}"),
        _ => variant.name.into(),
    })
}

/// `features.3`, `blocks.2`; of blocks that are in no stage their numbers: `features.2-3`.
fn stage_name(stage: &[Block], is_flat: bool) -> String {
    let [first, rest @ ..] = stage else { return String::new() };
    match (first.path.rsplit_once('.'), rest.last().and_then(|last| last.path.rsplit_once('.'))) {
        (Some((stage, _)), _) if !is_flat => stage.into(),
        (_, Some((_, number))) => format!("{}-{number}", first.path),
        _ => first.path.clone(),
    }
}

fn unit(
    net: &mut Net<'_>,
    [conv, norm, act]: &Unit,
    stride: usize,
    activation: Option<Activation>,
) -> Result<(), GraphError> {
    net.conv(conv, stride)?;
    net.batch_norm(norm)?;
    activation.map_or(Ok(()), |activation| net.act(act, activation))
}

fn inverted_residual(
    net: &mut Net<'_>,
    block: &Block,
    stride: usize,
    activation: Activation,
    [between, gate]: [Activation; 2],
) -> Result<(), GraphError> {
    let input = net.at;
    let channels = net.shape().channels;
    if let Some(expand) = &block.expand {
        unit(net, expand, 1, Some(activation))?;
    }
    unit(net, &block.depthwise, stride, Some(activation))?;
    if let Some([mean, reduce, act, expand, scale, product]) = &block.weighting {
        let weighted = net.at;
        net.global_pool(mean)?;
        net.conv(reduce, 1)?;
        net.act(act, between)?;
        net.conv(expand, 1)?;
        net.act(scale, gate)?;
        net.times(weighted, product)?;
    }
    unit(net, &block.project, 1, None)?;
    if stride == 1 && net.shape().channels == channels {
        net.add_to(input, &format!("{}.add", block.path))?;
    }
    Ok(())
}
