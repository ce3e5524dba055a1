//! Parameters of a file → the network they are for, and the parameters of its layers.

use std::collections::{BTreeMap, HashMap};
use std::ops::RangeInclusive;

use super::canonical::Parameter;
use super::parameters::{LayerWeights, assemble, expected_tensors};
use crate::model::architectures::EXPORT;
use crate::model::inception_v3::{HeadLayer, inception_v3, scaled};
use crate::model::{Graph, Op};

/// What the shapes in a weight file say of the network that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// The fully connected layers behind the pool; the last one gives the classes. None in a file without a
    /// classifier.
    pub head: Vec<HeadLayer>,
    /// Multiplier of the channel counts; 1 for the published network.
    pub width: f64,
    /// Of the input.
    pub channels: usize,
}

impl Architecture {
    /// Looks at names and shapes alone. What is no InceptionV3 at all comes out as something that the parameters then
    /// do not fit.
    pub fn of(parameters: &[Parameter]) -> Self {
        let mut head: Vec<_> = parameters
            .iter()
            // A matrix without values can claim any number of units.
            .filter(|parameter| parameter.tensor.shape.len() == 2 && !parameter.tensor.values.is_empty())
            .filter_map(|parameter| {
                let torch_name = parameter.name.strip_suffix(".weight")?.to_owned();
                Some(HeadLayer { units: parameter.tensor.shape[0], torch_name })
            })
            .collect();
        head.sort_by(|a, b| position(&a.torch_name).cmp(&position(&b.torch_name)));
        Self { head, width: width(parameters), channels: channels(parameters) }
    }
}

/// What the first convolution reads; 3 where it is no convolution.
fn channels(parameters: &[Parameter]) -> usize {
    let is_first =
        |parameter: &&Parameter| parameter.name == FIRST_KERNEL && !parameter.tensor.values.is_empty();
    match parameters.iter().find(is_first).map(|parameter| &parameter.tensor.shape[..]) {
        Some(&[_, channels, _, _]) => channels,
        _ => 3,
    }
}

const FIRST_KERNEL: &str = "Conv2d_1a_3x3.conv.weight";

/// Where a fully connected layer stands among the others: `head.1` before `head.2` before `fc`, `fc.1` before `fc.4`.
fn position(name: &str) -> (bool, Vec<u64>, &str) {
    let numbers = name.split('.').filter_map(|part| part.parse().ok()).collect();
    (!name.starts_with("head"), numbers, name)
}

/// The multiplier from which the channels of all convolutions follow, with as few decimals as it can have: of one alone
/// it could not be told, since channels are whole numbers. Where none explains them all, the one that comes nearest.
fn width(parameters: &[Parameter]) -> f64 {
    let outputs: HashMap<&str, usize> = parameters
        .iter()
        .filter(|parameter| !parameter.tensor.values.is_empty())
        .filter_map(|parameter| {
            Some((parameter.name.strip_suffix(".weight")?, *parameter.tensor.shape.first()?))
        })
        .collect();
    let published = inception_v3(0, 1.0);
    let convs: Vec<(usize, usize)> = published
        .nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Conv(..)))
        .filter_map(|node| Some((node.shape.channels, *outputs.get(node.parameter_name())?)))
        .collect();
    let explains = |width: f64| convs.iter().all(|&(channels, found)| scaled(channels, width) == found);
    let total = |side: fn(&(usize, usize)) -> usize| convs.iter().map(side).sum::<usize>() as f64;
    let ratio = total(|conv| conv.1) / total(|conv| conv.0);
    if !ratio.is_finite() {
        return 1.0;
    }
    // The least multiplier by which every convolution has at least what it has here.
    let least = convs
        .iter()
        .filter(|conv| conv.1 > 1)
        .map(|&(channels, found)| (found as f64 - 0.5) / channels as f64);
    let least = least.fold(*WIDTHS.start(), f64::max);
    let candidates = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6].map(|tenths| (least * tenths).ceil() / tenths);
    let nearest = (ratio * 1000.0).round() / 1000.0;
    let width = candidates.into_iter().find(|&width| explains(width)).unwrap_or(nearest);
    width.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Multipliers that are believed.
const WIDTHS: RangeInclusive<f64> = 0.01..=4.0;

/// Parameters by layer. Values that are NaN or infinite are told in `notes`, not refused: whoever looks for what
/// spoiled a network wants to see it.
///
/// # Errors
/// Everything that does not fit, one entry each; beyond [`MAX_PROBLEMS`] their number.
pub fn fit(
    parameters: Vec<Parameter>,
    graph: &Graph,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<LayerWeights>>, Vec<String>> {
    let count = parameters.len();
    let (mut problems, mut broken) = (Vec::new(), Vec::new());
    let mut by_name: BTreeMap<String, Parameter> = BTreeMap::new();
    for parameter in parameters {
        if let Some(other) = by_name.insert(parameter.name.clone(), parameter) {
            // With the prefix of the network inside of another and without it.
            problems.push(format!("`{}` is there twice, once as `{}`", other.name, other.tensor.name));
        }
    }
    let mut parameters = by_name;
    let mut layers = vec![None; graph.nodes.len()];
    let mut fitted = 0;
    for (index, node) in graph.nodes.iter().enumerate() {
        let torch_name = node.parameter_name();
        let mut own = Vec::new();
        for (suffix, shape) in expected_tensors(graph, index) {
            let name = format!("{torch_name}.{suffix}");
            let Some(parameter) = parameters.remove(&name) else {
                problems.push(format!("`{name}` is missing"));
                continue;
            };
            // Every matrix is taken for a layer of the head, whatever network it is of.
            fitted += usize::from(node.op != Op::Dense);
            if parameter.tensor.shape != shape {
                let actual = &parameter.tensor.shape;
                problems.push(format!("{} has shape {actual:?}, not {shape:?}", parameter.title()));
            }
            let unusable = parameter.tensor.values.iter().filter(|value| !value.is_finite()).count();
            if unusable > 0 {
                let values = parameter.tensor.values.len();
                let title = parameter.title();
                broken.push(format!("{title} holds {unusable} NaN or infinite of {values} values"));
            }
            own.push(parameter.tensor.values);
        }
        layers[index] = assemble(&node.op, own);
    }
    shorten(&mut broken);
    notes.extend(broken);
    if fitted == 0 {
        return Err(vec![format!(
            "none of its {count} tensors has the name of a convolution of InceptionV3: it is the file of another network; {EXPORT}"
        )]);
    }
    let extra = parameters.into_values().map(|parameter| parameter.title());
    problems.extend(extra.map(|title| format!("{title} is not a tensor of this network")));
    shorten(&mut problems);
    if problems.is_empty() { Ok(layers) } else { Err(problems) }
}

/// More problems than this are counted, not listed.
const MAX_PROBLEMS: usize = 12;

fn shorten(problems: &mut Vec<String>) {
    let more = problems.len().saturating_sub(MAX_PROBLEMS);
    problems.truncate(MAX_PROBLEMS);
    if more > 0 {
        problems.push(format!("and {more} more like these"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::file::{NamedTensor, Stored};

    /// Convolutions' kernels of a network, by their number of outputs alone.
    fn kernels(width: f64) -> Vec<Parameter> {
        let graph = inception_v3(0, width);
        let convs = graph.nodes.iter().filter(|node| matches!(node.op, Op::Conv(..)));
        let kernel = |node: &crate::model::Node| {
            let name = format!("{}.weight", node.parameter_name());
            let shape = vec![node.shape.channels];
            let tensor = NamedTensor { name: name.clone(), shape, values: vec![0.0], stored: Stored::F32 };
            Parameter { name, tensor }
        };
        convs.map(kernel).collect()
    }

    #[test]
    fn the_multiplier_is_one_from_which_all_channels_follow() {
        let outputs = |width| kernels(width).into_iter().map(|p| p.tensor.shape[0]).collect::<Vec<_>>();
        for thousandth in (10..1300).chain([1999, 2001, 3999, 4000]) {
            let given = f64::from(thousandth) / 1000.0;
            let found = width(&kernels(given));
            assert_eq!(outputs(found), outputs(given), "{given} came out as {found}");
        }
        assert_eq!([1.0, 0.5, 0.25, 0.1].map(|given| width(&kernels(given))), [1.0, 0.5, 0.25, 0.1]);
        // One layer that does not fit in is no reason to take all others for wrong.
        let mut odd = kernels(0.5);
        odd[3].tensor.shape = vec![41];
        assert_eq!(width(&odd), 0.5);
        odd[3].tensor = NamedTensor { shape: vec![usize::MAX, 0], values: vec![], ..odd[3].tensor.clone() };
        assert_eq!(width(&odd), 0.5);
        assert_eq!(width(&[]), 1.0);
    }

    #[test]
    fn layers_of_a_head_are_in_order() {
        let mut names = ["fc.4", "fc", "head.10", "fc.1", "head.2"];
        names.sort_by_key(|name| position(name));
        assert_eq!(names, ["head.2", "head.10", "fc", "fc.1", "fc.4"]);
    }
}
