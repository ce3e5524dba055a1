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
    let bytes = read(path)?;
    let file = tensors_in(&bytes, path)?;
    let nodes = graph.nodes.iter().enumerate();
    let bases =
        nodes.filter_map(|(layer, node)| Some((layer, find(&file, &node.name, node.shape.channels)?)));
    let bases: Vec<_> = bases.collect();
    match bases.is_empty() {
        true => Err(error(path, "it holds no basis for a layer of this network")),
        false => Ok(bases),
    }
}

/// The basis in a file that goes by this name, of as many channels: a layer's, or a hypercolumn's (`mixed0+mixed2`).
///
/// # Errors
/// [`BasisError`] where the file cannot be read, or has no such basis.
pub fn read_basis(path: &Path, name: &str, channels: usize) -> Result<Components, BasisError> {
    let bytes = read(path)?;
    let basis = find(&tensors_in(&bytes, path)?, name, channels);
    basis.ok_or_else(|| error(path, format!("it holds no basis of {name} with {channels} channels")))
}

fn error(path: &Path, reason: impl ToString) -> BasisError {
    BasisError { path: path.into(), reason: reason.to_string() }
}

fn read(path: &Path) -> Result<Vec<u8>, BasisError> {
    let size = std::fs::metadata(path).map_err(|source| error(path, source))?.len();
    if size > MOST_BYTES {
        return Err(error(path, "it is larger than any basis"));
    }
    std::fs::read(path).map_err(|source| error(path, source))
}

fn tensors_in<'a>(bytes: &'a [u8], path: &Path) -> Result<SafeTensors<'a>, BasisError> {
    SafeTensors::deserialize(bytes).map_err(|_| error(path, "it is no safetensors file, or damaged"))
}

fn find(file: &SafeTensors<'_>, name: &str, channels: usize) -> Option<Components> {
    let tensor = |part: &str, shape: &[usize]| -> Option<Vec<f32>> {
        let tensor = file.tensor(&format!("{name}.{part}")).ok()?;
        let fits = tensor.dtype() == safetensors::Dtype::F32 && tensor.shape() == shape;
        let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
        (fits && values.iter().all(|value| value.is_finite())).then_some(values)
    };
    Some(Components {
        mean: tensor("mean", &[channels])?,
        directions: tensor("components", &[COUNT, channels])?,
        variance: tensor("explained_variance", &[COUNT])?.try_into().ok()?,
        explained: tensor("explained_variance_ratio", &[COUNT])?.try_into().ok()?,
    })
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
        assert_eq!(read_basis(&path, "mixed0", basis.channels()).unwrap(), basis);
        assert!(
            read_basis(&path, "mixed0", 7).unwrap_err().to_string().contains("no basis of mixed0 with 7")
        );
        let wider = inception_v3(3, 0.1);
        assert!(read_bases(&path, &wider).unwrap_err().to_string().contains("no basis for a layer"));
        std::fs::write(&path, b"no tensors").unwrap();
        assert!(read_bases(&path, &graph).unwrap_err().to_string().contains("no safetensors file"));
        assert!(read_bases(&folder.path().join("none"), &graph).is_err());
    }
}
