//! Parameters of a file → the parameters of a network's layers.

use std::collections::BTreeMap;

use super::canonical::Parameter;
use super::parameters::{LayerWeights, assemble, expected_tensors};
use crate::model::architectures::EXPORT;
use crate::model::{Graph, Op};

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
            // A PReLU may have one slope for all.
            let is_one_slope = node.op == Op::Prelu && parameter.tensor.shape == [1];
            if parameter.tensor.shape != shape && !is_one_slope {
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
        layers[index] = assemble(node, own);
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
