//! A model that Keras saved in several pieces: their arrays, in the order of one file. Pure.

use super::file::{ListedLayer, NamedTensor, ReadError};
use super::keras::{layer_of, missing, natural};

/// A model's own arrays first, then class by class as they are numbered.
fn order(name: &str) -> impl Iterator<Item = (bool, (&str, u64))> {
    name.split('/').map(|part| (part != "vars", natural(part)))
}

/// Puts the layers that several pieces list into the order that one file has.
pub fn arrange_layers(layers: &mut Vec<ListedLayer>) {
    layers.sort_by(|a, b| order(&a.path).cmp(order(&b.path)).then(b.name.cmp(&a.name)));
    layers.dedup_by(|a, b| a.path == b.path);
}

/// Puts the arrays of several pieces into the order that one file has.
///
/// # Errors
/// Where an array of a layer is in none of them, or in two.
pub fn arrange(tensors: &mut [NamedTensor]) -> Result<(), ReadError> {
    tensors.sort_by(|a, b| order(&a.name).cmp(order(&b.name)));
    let mut before = ("", 0);
    for tensor in &*tensors {
        let layer = layer_of(&tensor.name);
        let expected = if before.0 == layer { before.1 + 1 } else { 0 };
        let number = tensor.name.rsplit('/').next().map_or(0, |name| natural(name).1);
        if number != expected {
            return Err(missing(&format!("{layer}/{expected}")));
        }
        before = (layer, number);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::file::Stored;

    fn tensors(names: &[&str]) -> Vec<NamedTensor> {
        let tensor = |name: &&str| NamedTensor {
            name: name.to_string(),
            shape: vec![1],
            values: vec![0.0],
            stored: Stored::F32,
        };
        names.iter().map(tensor).collect()
    }

    #[test]
    fn arrays_of_all_pieces_stand_as_in_one_file() {
        let mut all = tensors(&[
            "layers/conv2d_10/vars/0",
            "layers/dense/vars/1",
            "layers/conv2d_2/vars/0",
            "layers/model/layers/conv2d/vars/0",
            "layers/conv2d/vars/0",
            "layers/dense/vars/0",
            "layers/model/vars/0",
        ]);
        arrange(&mut all).unwrap();
        let names: Vec<&str> = all.iter().map(|tensor| &*tensor.name).collect();
        let expected = [
            "layers/conv2d/vars/0",
            "layers/conv2d_2/vars/0",
            "layers/conv2d_10/vars/0",
            "layers/dense/vars/0",
            "layers/dense/vars/1",
            "layers/model/vars/0",
            "layers/model/layers/conv2d/vars/0",
        ];
        assert_eq!(names, expected);
    }

    #[test]
    fn an_array_that_is_in_no_piece_is_named() {
        for names in [
            &["layers/a/vars/0", "layers/b/vars/1"][..],
            &["layers/b/vars/1"],
            &["layers/b/vars/0", "layers/b/vars/2"],
        ] {
            let error = arrange(&mut tensors(names)).unwrap_err();
            assert!(error.0.contains("layers/b/vars/"), "{names:?}: {error}");
        }
        assert!(arrange(&mut tensors(&["layers/a/vars/0", "layers/a/vars/0"])).is_err());
    }
}
