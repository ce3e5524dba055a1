//! Reads safetensors files with torchvision's (and timm's) tensor names.

use std::collections::BTreeSet;
use std::path::Path;

use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::{Origin, Weights, WeightsError, assemble, expected_tensors};
use crate::model::Graph;

/// The largest file that is read: the full network with its auxiliary classifier has 0.11 GB.
const MAX_BYTES: u64 = 2 << 30;

/// More problems than this are counted, not listed.
const MAX_PROBLEMS: usize = 12;

pub(super) fn read(path: &Path, graph: &Graph) -> Result<Weights, WeightsError> {
    let io = |source| WeightsError::Io { path: path.into(), source };
    let format = |reason: String| WeightsError::Format { path: path.into(), reason };
    let metadata = std::fs::metadata(path).map_err(io)?;
    if !metadata.is_file() {
        return Err(format("it is not a file".into()));
    }
    if metadata.len() > MAX_BYTES {
        return Err(format(format!("it has {} bytes, more than any InceptionV3", metadata.len())));
    }
    let bytes = std::fs::read(path).map_err(io)?;
    let file = SafeTensors::deserialize(&bytes).map_err(|error| format(error.to_string()))?;

    let mut problems = Vec::new();
    let mut known = BTreeSet::new();
    let mut layers = vec![None; graph.nodes.len()];
    for (index, node) in graph.nodes.iter().enumerate() {
        let Some(torch_name) = &node.torch_name else { continue };
        let mut tensors = Vec::new();
        for (suffix, shape) in expected_tensors(graph, index) {
            let name = format!("{torch_name}.{suffix}");
            match tensor(&file, &name, &shape) {
                Ok(values) => tensors.push(values),
                Err(problem) => problems.push(problem),
            }
            known.insert(name);
        }
        layers[index] = assemble(tensors);
    }
    for name in file.names() {
        let ignored = name.starts_with("AuxLogits.") || name.ends_with(".num_batches_tracked");
        if !ignored && !known.contains(name) {
            problems.push(format!("`{name}` is not a tensor of this network"));
        }
    }
    if !problems.is_empty() {
        let more = problems.len().saturating_sub(MAX_PROBLEMS);
        problems.truncate(MAX_PROBLEMS);
        if more > 0 {
            problems.push(format!("and {more} more problems like these"));
        }
        return Err(WeightsError::Mismatch { path: path.into(), network: graph.name, problems });
    }
    let sha256 = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Weights { origin: Origin::File { path: path.into(), sha256 }, layers })
}

fn tensor(file: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let view = file.tensor(name).map_err(|_| format!("`{name}` is missing"))?;
    if view.shape() != shape {
        return Err(format!("`{name}` has shape {:?}, not {shape:?}", view.shape()));
    }
    if view.dtype() != Dtype::F32 {
        return Err(format!("`{name}` holds {:?}, and only F32 is read", view.dtype()));
    }
    let values: Vec<f32> =
        view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
    if values.iter().any(|value| !value.is_finite()) {
        return Err(format!("`{name}` holds NaN or infinite values"));
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;
    use crate::weights::{LayerWeights, seeded};
    use safetensors::tensor::TensorView;
    use std::collections::BTreeMap;

    type Tensors = BTreeMap<String, (Vec<usize>, Vec<u8>)>;

    fn tensors(graph: &Graph) -> Tensors {
        let weights = seeded(graph, 7);
        let mut all = Tensors::new();
        for (index, layer) in weights.layers.iter().enumerate() {
            let values = match layer {
                None => continue,
                Some(LayerWeights::Conv { kernel }) => vec![kernel],
                Some(LayerWeights::BatchNorm { gamma, beta, mean, variance }) => {
                    vec![gamma, beta, mean, variance]
                }
                Some(LayerWeights::Classifier { weight, bias }) => vec![weight, bias],
            };
            let name = graph.nodes[index].torch_name.as_deref().unwrap();
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
        safetensors::serialize_to_file(views, None, path).unwrap();
    }

    #[test]
    fn what_was_written_is_read_and_every_problem_is_named() {
        let graph = inception_v3(10, 0.1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        let mut all = tensors(&graph);
        all.insert("AuxLogits.fc.bias".into(), (vec![1], vec![0; 4]));
        write(&all, &path);
        let read = read(&path, &graph).unwrap();
        assert_eq!(read.layers, seeded(&graph, 7).layers);
        assert!(read.origin.is_trained());

        all.remove("Conv2d_2a_3x3.bn.bias");
        all.insert("fc.bias".into(), (vec![1, 10], vec![0; 40]));
        all.insert("head.weight".into(), (vec![1], vec![0; 4]));
        all.insert("Conv2d_1a_3x3.bn.bias".into(), (vec![3], f32::NAN.to_le_bytes().repeat(3)));
        write(&all, &path);
        let message = super::read(&path, &graph).unwrap_err().to_string();
        for part in [
            "`Conv2d_2a_3x3.bn.bias` is missing",
            "`fc.bias` has shape [1, 10], not [10]",
            "`head.weight` is not a tensor of this network",
            "`Conv2d_1a_3x3.bn.bias` holds NaN",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn other_files_are_refused_in_one_sentence() {
        let graph = inception_v3(10, 0.1);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w.safetensors");
        std::fs::write(&path, [0xff; 64]).unwrap();
        assert!(matches!(read(&path, &graph), Err(WeightsError::Format { .. })));
        assert!(matches!(read(folder.path(), &graph), Err(WeightsError::Format { .. })));
        assert!(matches!(read(&folder.path().join("none"), &graph), Err(WeightsError::Io { .. })));
    }
}
