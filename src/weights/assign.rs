//! Parameters of a file → the network they are for, and the parameters of its layers.

use std::collections::{BTreeMap, HashMap};

use super::canonical::Parameter;
use super::{LayerWeights, assemble, expected_tensors};
use crate::model::inception_v3::{HeadLayer, inception_v3};
use crate::model::{Graph, Op};

/// What the shapes in a weight file say of the network that it is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Architecture {
    /// The fully connected layers behind the pool; the last one gives the classes. None in a file without a
    /// classifier.
    pub head: Vec<HeadLayer>,
    /// Multiplier of the channel counts; 1 for the published network.
    pub width: f64,
}

impl Architecture {
    /// Looks at names and shapes alone. What is no InceptionV3 at all comes out as something that the parameters then
    /// do not fit.
    pub fn of(parameters: &[Parameter]) -> Self {
        let mut head: Vec<_> = parameters
            .iter()
            .filter(|parameter| parameter.tensor.shape.len() == 2)
            .filter_map(|parameter| {
                let torch_name = parameter.name.strip_suffix(".weight")?.to_owned();
                Some(HeadLayer { units: parameter.tensor.shape[0], torch_name })
            })
            .collect();
        head.sort_by(|a, b| position(&a.torch_name).cmp(&position(&b.torch_name)));
        Self { head, width: width(parameters) }
    }

    /// Number of classes; 0 where there is no classifier.
    pub fn classes(&self) -> usize {
        self.head.last().map_or(0, |layer| layer.units)
    }
}

/// Where a fully connected layer stands among the others: `head.1` before `head.2` before `fc`, `fc.1` before `fc.4`.
fn position(name: &str) -> (bool, Vec<u64>, &str) {
    let numbers = name.split('.').filter_map(|part| part.parse().ok()).collect();
    (!name.starts_with("head"), numbers, name)
}

/// The multiplier that explains the channels of all convolutions, and of those that do the shortest number. Where none
/// does, what the first convolution says; the parameters will then not fit.
fn width(parameters: &[Parameter]) -> f64 {
    let outputs: HashMap<&str, usize> = parameters
        .iter()
        .filter_map(|parameter| {
            Some((parameter.name.strip_suffix(".weight")?, *parameter.tensor.shape.first()?))
        })
        .collect();
    let published = inception_v3(0, 1.0);
    let (mut lowest, mut highest, mut first) = (0.0_f64, f64::INFINITY, None);
    for node in published.nodes.iter().filter(|node| matches!(node.op, Op::Conv(_))) {
        let Some(&found) = node.torch_name.as_deref().and_then(|name| outputs.get(name)) else { continue };
        let (found, expected) = (found as f64, node.shape.channels as f64);
        first = first.or(Some(found / expected));
        // One channel is kept, however small the multiplier.
        lowest = lowest.max(if found > 1.0 { (found - 0.5) / expected } else { 0.0 });
        highest = highest.min((found + 0.5) / expected);
    }
    let shortest = (1..=6).map(|digits| {
        let unit = 10_f64.powi(digits);
        (lowest * unit).ceil().max(1.0) / unit
    });
    let found = shortest.into_iter().find(|width| *width < highest);
    // Nothing larger than any network is made of a file that lies.
    found.filter(|_| first.is_some()).or(first).unwrap_or(1.0).clamp(0.01, 4.0)
}

/// Parameters by layer. Values that are NaN or infinite are told in `notes`, not refused: whoever looks for what
/// spoiled a network wants to see it.
///
/// # Errors
/// Everything that does not fit, one entry each.
pub fn fit(
    parameters: Vec<Parameter>,
    graph: &Graph,
    notes: &mut Vec<String>,
) -> Result<Vec<Option<LayerWeights>>, Vec<String>> {
    let count = parameters.len();
    let mut parameters: BTreeMap<String, Parameter> =
        parameters.into_iter().map(|parameter| (parameter.name.clone(), parameter)).collect();
    let mut problems = Vec::new();
    let mut layers = vec![None; graph.nodes.len()];
    let mut fitted = 0;
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(torch_name) = &node.torch_name else { continue };
        let mut own = Vec::new();
        for (suffix, shape) in expected_tensors(graph, index) {
            let name = format!("{torch_name}.{suffix}");
            let Some(parameter) = parameters.remove(&name) else {
                problems.push(format!("`{name}` is missing"));
                continue;
            };
            fitted += 1;
            if parameter.tensor.shape != shape {
                let actual = &parameter.tensor.shape;
                problems.push(format!("{} has shape {actual:?}, not {shape:?}", parameter.title()));
            }
            let unusable = parameter.tensor.values.iter().filter(|value| !value.is_finite()).count();
            if unusable > 0 {
                let values = parameter.tensor.values.len();
                notes.push(format!(
                    "{} holds {unusable} NaN or infinite of {values} values",
                    parameter.title()
                ));
            }
            own.push(parameter.tensor.values);
        }
        layers[index] = assemble(own);
    }
    if fitted == 0 {
        return Err(vec![format!(
            "none of its {count} tensors has a name of InceptionV3: it is the file of another network"
        )]);
    }
    let extra = parameters.into_values().map(|parameter| parameter.title());
    problems.extend(extra.map(|title| format!("{title} is not a tensor of this network")));
    if problems.is_empty() { Ok(layers) } else { Err(problems) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_of_a_head_are_in_order() {
        let mut names = ["fc.4", "fc", "head.10", "fc.1", "head.2"];
        names.sort_by_key(|name| position(name));
        assert_eq!(names, ["head.2", "head.10", "fc", "fc.1", "fc.4"]);
    }
}
