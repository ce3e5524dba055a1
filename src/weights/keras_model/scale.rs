//! What a model's input expects: by its own first layers, or by the architecture that its name tells.

use super::topology::Model;
use crate::model::{Activation, Arithmetic, Graph, InputScale, Op};
use crate::weights::parameters::LayerWeights;

/// The scale of an input.
#[derive(Debug)]
pub(super) struct Scale {
    /// What the file tells.
    pub told: Option<InputScale>,
    /// What is usual where it does not.
    pub usual: InputScale,
    /// That it is a guess.
    pub note: Option<String>,
}

pub(super) fn of(
    model: &Model<'_>,
    graph: &Graph,
    layers: &[Option<LayerWeights>],
    is_integer: bool,
) -> Scale {
    let (factor, offset) = own(graph, layers);
    let told = |scale| Scale { told: Some(scale), usual: scale, note: None };
    if is_integer || makes_small(&factor, &offset) {
        return told(InputScale::Levels);
    }
    if makes_of_unit(&factor, &offset) {
        return told(InputScale::ZeroToOne);
    }
    let (usual, by) = match architecture(model) {
        Some((scale, name)) => (scale, format!("usual for {name}")),
        None => (InputScale::ZeroToOne, "the most usual one".to_string()),
    };
    let note = format!(
        "the scale of the input is a guess, {} ({by}): the file does not tell; give --input-scale if it is \
         another",
        usual.name()
    );
    Scale { told: None, usual, note: Some(note) }
}

/// Layers in front that are looked at.
const MOST_STEPS: usize = 64;

/// What the model's first layers make of a channel: times the first, plus the second.
fn own(graph: &Graph, layers: &[Option<LayerWeights>]) -> (Vec<f64>, Vec<f64>) {
    let channels = graph.input_shape().channels;
    let (mut factor, mut offset) = (vec![1.0; channels], vec![0.0; channels]);
    let mut at = 0;
    for _ in 0..MOST_STEPS {
        let mut consumers = graph.consumers(at);
        let Some(next) = consumers.next() else { break };
        let others: Vec<usize> = consumers.collect();
        let node = &graph.nodes[next];
        // Red and blue exchanged.
        if let Op::Slice(crate::model::Axis::Channel, ..) = node.op {
            let joined = graph.consumers(next).next();
            match joined.filter(|&joined| matches!(graph.nodes[joined].op, Op::Concat(_))) {
                Some(joined) if others.iter().all(|&other| graph.nodes[joined].inputs.contains(&other)) => {
                    at = joined;
                    factor.reverse();
                    offset.reverse();
                    continue;
                }
                _ => break,
            }
        }
        if !others.is_empty() || node.activation != Activation::Linear {
            break;
        }
        let repeated = |values: &[f32]| -> Option<Vec<f64>> {
            match values.len() {
                1 => Some(vec![f64::from(values[0]); channels]),
                count => (count == channels).then(|| values.iter().map(|&value| f64::from(value)).collect()),
            }
        };
        let change = match (&node.op, layers.get(next).and_then(Option::as_ref)) {
            (Op::Activation | Op::Resize { .. } | Op::Pad(..) | Op::Slice(..), _) => {
                Some((vec![1.0; channels], vec![0.0; channels]))
            }
            (Op::Affine, Some(LayerWeights::Affine { scale, shift })) => repeated(scale).zip(repeated(shift)),
            (Op::WithConstant(arithmetic, is_first), Some(LayerWeights::Constant { values, .. })) => {
                let each = |change: &dyn Fn(f64) -> (f64, f64)| {
                    Some(repeated(values)?.into_iter().map(change).unzip())
                };
                match (arithmetic, is_first) {
                    (Arithmetic::Add, _) => each(&|value| (1.0, value)),
                    (Arithmetic::Sub, false) => each(&|value| (1.0, -value)),
                    (Arithmetic::Sub, true) => each(&|value| (-1.0, value)),
                    (Arithmetic::Mul, _) => each(&|value| (value, 0.0)),
                    (Arithmetic::Div, false) => each(&|value| (1.0 / value, 0.0)),
                    _ => None,
                }
            }
            _ => None,
        };
        let Some((times, plus)) = change else { break };
        for channel in 0..channels {
            factor[channel] *= times[channel];
            offset[channel] = offset[channel] * times[channel] + plus[channel];
        }
        at = next;
    }
    (factor, offset)
}

/// Whether levels from 0 to 255 become numbers near 0: then levels are what is wanted. Caffe's scale only
/// takes the mean away.
fn makes_small(factor: &[f64], offset: &[f64]) -> bool {
    factor.iter().zip(offset).all(|(factor, offset)| {
        let middle = -offset / factor;
        factor.abs() * 255.0 <= 40.0 || middle.is_finite() && middle > 20.0
    })
}

/// Whether values from 0 to 1 become numbers around 0.
fn makes_of_unit(factor: &[f64], offset: &[f64]) -> bool {
    factor
        .iter()
        .zip(offset)
        .all(|(factor, offset)| (1.5..8.0).contains(factor) && (0.2..0.8).contains(&(-offset / factor)))
}

/// The scale that an architecture of `keras.applications` expects, by the model's name, those of inner
/// models, or the names of its layers.
fn architecture(model: &Model<'_>) -> Option<(InputScale, &'static str)> {
    let inner = model.layers.iter().filter_map(|layer| layer.model.as_ref()).find_map(architecture);
    let has = |name: &str| model.layers.iter().any(|layer| layer.name == name);
    by_name(model.name).or(inner).or_else(|| match () {
        () if has("mixed7") && has("mixed6") => Some((InputScale::MinusOneToOne, "InceptionV3")),
        () if has("block17_10_conv") || has("mixed_5b") => {
            Some((InputScale::MinusOneToOne, "InceptionResNetV2"))
        }
        () if has("block3_sepconv1") => Some((InputScale::MinusOneToOne, "Xception")),
        () if has("block3_conv2") => Some((InputScale::Caffe, "VGG")),
        () if has("conv2_block1_preact_bn") => Some((InputScale::MinusOneToOne, "ResNetV2")),
        () if has("conv2_block1_concat") => Some((InputScale::Imagenet, "DenseNet")),
        () if has("conv2_block1_1_conv") || has("res2a_branch2a") => Some((InputScale::Caffe, "ResNet")),
        () if has("block_1_expand") || has("conv_pw_1") => Some((InputScale::MinusOneToOne, "MobileNet")),
        () if has("normal_conv_1_0") || has("normal_conv_1_1") => Some((InputScale::MinusOneToOne, "NASNet")),
        () => None,
    })
}

fn by_name(name: &str) -> Option<(InputScale, &'static str)> {
    let name: String = name.to_lowercase().chars().filter(|c| *c != '_' && *c != '-').collect();
    let has = |part: &str| name.contains(part);
    Some(match () {
        () if has("inceptionresnet") => (InputScale::MinusOneToOne, "InceptionResNetV2"),
        () if has("inception") => (InputScale::MinusOneToOne, "Inception"),
        () if has("xception") => (InputScale::MinusOneToOne, "Xception"),
        () if has("nasnet") => (InputScale::MinusOneToOne, "NASNet"),
        () if has("mobilenetv3") => (InputScale::Levels, "MobileNetV3"),
        () if has("mobilenet") => (InputScale::MinusOneToOne, "MobileNet"),
        () if has("efficientnet") => (InputScale::Levels, "EfficientNet"),
        () if has("convnext") => (InputScale::Levels, "ConvNeXt"),
        () if has("densenet") => (InputScale::Imagenet, "DenseNet"),
        () if has("resnet") && has("v2") => (InputScale::MinusOneToOne, "ResNetV2"),
        () if has("resnet") => (InputScale::Caffe, "ResNet"),
        () if has("vgg") => (InputScale::Caffe, "VGG"),
        () => return None,
    })
}
