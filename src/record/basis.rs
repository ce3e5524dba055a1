//! Bases of principal components in files of tensors, so that colours mean the same in another run.

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;

use crate::inspect::Components;
use crate::inspect::components::COUNT;
use crate::model::{Graph, LayerIndex};

/// Why a basis could not be taken from a file.
#[derive(Debug, thiserror::Error)]
#[error("{}: {reason}; a basis is what `convscope maps --pca --safetensors FILE` writes, and the map.safetensors of a snapshot with --pca", path.display())]
pub struct BasisError {
    path: PathBuf,
    reason: String,
}

/// Larger files hold something else.
const MOST_BYTES: u64 = 1 << 30;

/// The tensors of a layer's basis by their names: `mixed5.mean` `[channels]`, `mixed5.components` `[3, channels]`,
/// `mixed5.explained_variance` and `mixed5.explained_variance_ratio` `[3]`.
pub fn basis_tensors(layer: &str, basis: &Components) -> Vec<(String, Vec<usize>, Vec<f32>)> {
    let channels = basis.channels();
    vec![
        (format!("{layer}.mean"), vec![channels], basis.mean.clone()),
        (format!("{layer}.components"), vec![COUNT, channels], basis.directions.clone()),
        (format!("{layer}.explained_variance"), vec![COUNT], basis.variance.to_vec()),
        (format!("{layer}.explained_variance_ratio"), vec![COUNT], basis.explained.to_vec()),
    ]
}

/// The bases in a file for layers of this network.
///
/// # Errors
/// [`BasisError`] where the file cannot be read, or has none for a layer of this network.
pub fn read_bases(path: &Path, graph: &Graph) -> Result<Vec<(LayerIndex, Components)>, BasisError> {
    let error = |reason: String| BasisError { path: path.into(), reason };
    let size = std::fs::metadata(path).map_err(|source| error(source.to_string()))?.len();
    if size > MOST_BYTES {
        return Err(error("it is larger than any basis".into()));
    }
    let bytes = std::fs::read(path).map_err(|source| error(source.to_string()))?;
    let file = SafeTensors::deserialize(&bytes)
        .map_err(|_| error("it is no safetensors file, or damaged".into()))?;
    let mut bases = vec![];
    for (layer, node) in graph.nodes.iter().enumerate() {
        let tensor = |name: &str, shape: &[usize]| -> Option<Vec<f32>> {
            let tensor = file.tensor(&format!("{}.{name}", node.name)).ok()?;
            let fits = tensor.dtype() == safetensors::Dtype::F32 && tensor.shape() == shape;
            let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
            (fits && values.iter().all(|value| value.is_finite())).then_some(values)
        };
        let channels = node.shape.channels;
        let all = (
            tensor("mean", &[channels]),
            tensor("components", &[COUNT, channels]),
            tensor("explained_variance", &[COUNT]).and_then(|values| values.try_into().ok()),
            tensor("explained_variance_ratio", &[COUNT]).and_then(|values| values.try_into().ok()),
        );
        if let (Some(mean), Some(directions), Some(variance), Some(explained)) = all {
            bases.push((layer, Components { mean, directions, variance, explained }));
        }
    }
    match bases.is_empty() {
        true => Err(error("it holds no basis for a layer of this network".into())),
        false => Ok(bases),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::LayerOutput;
    use crate::model::inception_v3::inception_v3;
    use crate::record::tensors;

    #[test]
    fn a_basis_is_read_as_it_was_written_for_its_own_layer_alone() {
        let graph = inception_v3(3, 0.05);
        let layer = graph.find("mixed0").unwrap();
        let shape = crate::model::Shape { height: 2, width: 2, ..graph.nodes[layer].shape };
        let values = (0..shape.len()).map(|i| ((i * i * 7) % 23) as f32).collect();
        let basis = Components::of(&LayerOutput { layer, shape, values }).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("basis.safetensors");
        std::fs::write(&path, tensors(basis_tensors("mixed0", &basis)).unwrap()).unwrap();
        assert_eq!(read_bases(&path, &graph).unwrap(), [(layer, basis.clone())]);
        let wider = inception_v3(3, 0.1);
        assert!(read_bases(&path, &wider).unwrap_err().to_string().contains("no basis for a layer"));
        std::fs::write(&path, b"no tensors").unwrap();
        assert!(read_bases(&path, &graph).unwrap_err().to_string().contains("no safetensors file"));
        assert!(read_bases(&folder.path().join("none"), &graph).is_err());
    }
}
