//! Tensors of a file → parameters of the layers of a graph.

use std::collections::BTreeMap;

use super::file::NamedTensor;
use super::{LayerWeights, assemble, expected_tensors};
use crate::model::Graph;

/// Parameters by layer, for files with torchvision's and timm's names. The auxiliary classifier is left aside.
///
/// # Errors
/// Everything that does not fit, one entry each.
pub fn by_torch_names(
    tensors: Vec<NamedTensor>,
    graph: &Graph,
) -> Result<Vec<Option<LayerWeights>>, Vec<String>> {
    let mut tensors: BTreeMap<String, NamedTensor> =
        tensors.into_iter().map(|tensor| (tensor.name.clone(), tensor)).collect();
    let mut problems = Vec::new();
    let mut layers = vec![None; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(torch_name) = &node.torch_name else { continue };
        let mut own = Vec::new();
        for (suffix, shape) in expected_tensors(graph, index) {
            let name = format!("{torch_name}.{suffix}");
            match tensors.remove(&name).ok_or_else(|| format!("`{name}` is missing")) {
                Ok(tensor) => match fitting(tensor, &shape) {
                    Ok(values) => own.push(values),
                    Err(problem) => problems.push(problem),
                },
                Err(problem) => problems.push(problem),
            }
        }
        layers[index] = assemble(own);
    }
    let ignored = |name: &str| name.starts_with("AuxLogits.") || name.ends_with(".num_batches_tracked");
    let extra = tensors.into_keys().filter(|name| !ignored(name));
    problems.extend(extra.map(|name| format!("`{name}` is not a tensor of this network")));
    if problems.is_empty() { Ok(layers) } else { Err(problems) }
}

/// The values of a tensor of this shape.
fn fitting(tensor: NamedTensor, shape: &[usize]) -> Result<Vec<f32>, String> {
    let NamedTensor { name, shape: actual, values, .. } = tensor;
    if actual != shape {
        return Err(format!("`{name}` has shape {actual:?}, not {shape:?}"));
    }
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("`{name}` holds NaN or infinite values"));
    }
    Ok(values)
}
