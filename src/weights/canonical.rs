//! Brings the tensors of Keras and PaddlePaddle to torchvision's names and PyTorch's shapes, by which they are then fitted to a
//! graph. Pure.

use super::file::{Layout, NamedTensor, ReadError, TensorFile};
use crate::model::inception_v3::BATCH_NORM_EPSILON;

/// A tensor under the name that torchvision gives it.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// torchvision's name.
    pub name: String,
    /// The tensor in PyTorch's shape, and the name that the file has for it.
    pub tensor: NamedTensor,
}

impl Parameter {
    /// For messages: both names, where they differ.
    pub fn title(&self) -> String {
        let (name, own) = (&self.name, &self.tensor.name);
        if name == own { format!("`{name}`") } else { format!("`{own}` ({name})") }
    }
}

/// The parameters of InceptionV3 in a file; what belongs to training alone is left out. What else is remarkable about
/// the file is added to `notes`.
///
/// # Errors
/// [`ReadError`], where the layout gives no way to tell which tensor is which.
pub fn parameters(file: TensorFile, notes: &mut Vec<String>) -> Result<Vec<Parameter>, ReadError> {
    match file.layout {
        // Those of PyTorch are selected by their names, Keras' are told by the order of their layers, and the others
        // describe their network themselves.
        Layout::Safetensors
        | Layout::Torch
        | Layout::KerasLegacy
        | Layout::KerasWeights
        | Layout::KerasArchive
        | Layout::KerasModel
        | Layout::Onnx => Ok(vec![]),
        Layout::Paddle => {
            notes.push(PADDLE_NOTE.into());
            Ok(from_paddle(file.tensors))
        }
    }
}

/// Without what only training needs of torchvision's InceptionV3.
pub fn without_auxiliary(mut parameters: Vec<Parameter>) -> Vec<Parameter> {
    parameters.retain(|Parameter { name, .. }| {
        !name.starts_with("AuxLogits.") && !name.ends_with(".num_batches_tracked")
    });
    parameters
}

/// `[…, inputs, outputs]` → `[outputs, inputs, …]`: Keras' and PaddlePaddle's order of the sides → PyTorch's.
pub(super) fn output_first(tensor: &NamedTensor) -> NamedTensor {
    let (window, rest) = tensor.shape.split_at(tensor.shape.len() - 2);
    let (inputs, outputs) = (rest[0], rest[1]);
    let cells: usize = window.iter().product();
    let mut values = Vec::with_capacity(tensor.values.len());
    // Where one side is 0, another can be anything and would be walked through for nothing.
    let walked = if tensor.values.is_empty() { 0 } else { outputs };
    for output in 0..walked {
        for input in 0..inputs {
            values.extend((0..cells).map(|cell| tensor.values[(cell * inputs + input) * outputs + output]));
        }
    }
    let shape = [&[outputs, inputs], window].concat();
    NamedTensor { name: tensor.name.clone(), shape, values, stored: tensor.stored }
}

/// Where PaddlePaddle's InceptionV3 (paddle.vision.models, PaddleClas) is not Keras'.
const PADDLE_NOTE: &str = "PaddlePaddle's InceptionV3 differs from Keras' in three places: its batch normalisation \
    adds 0.00001 and not 0.001 to variances (the difference was taken from the variances), its dropout leaves 0.8 of \
    each feature to the fully connected layer behind the pool (its weights were multiplied by that, no others), and padding counts in average pooling \
    (`--avg-pool include`, which is set)";

const PADDLE_EPSILON: f64 = 1e-5;
/// `Dropout(p=0.2, mode="downscale_in_infer")`.
const PADDLE_KEPT: f32 = 0.8;

/// torchvision's names of the blocks in `inception_block_list`.
const BLOCKS: [&str; 11] = [
    "Mixed_5b", "Mixed_5c", "Mixed_5d", "Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e",
    "Mixed_7a", "Mixed_7b", "Mixed_7c",
];

fn from_paddle(tensors: Vec<NamedTensor>) -> Vec<Parameter> {
    // The dropout stands before the first fully connected layer only.
    let matrices = tensors.iter().filter(|tensor| tensor.shape.len() == 2);
    let behind_dropout = matrices.map(|tensor| tensor.name.clone()).min_by_key(|name| numbers_of(name));
    let rename = |tensor: NamedTensor| {
        let name = paddle_name(&tensor.name).unwrap_or_else(|| tensor.name.clone());
        let mut tensor = tensor;
        if name.ends_with(".running_var") {
            for value in &mut tensor.values {
                *value = (f64::from(*value) + PADDLE_EPSILON - BATCH_NORM_EPSILON) as f32;
            }
        }
        if tensor.shape.len() == 2 {
            tensor = output_first(&tensor);
            if behind_dropout.as_ref() == Some(&tensor.name) {
                tensor.values.iter_mut().for_each(|value| *value *= PADDLE_KEPT);
            }
        }
        Parameter { name, tensor }
    };
    tensors.into_iter().map(rename).collect()
}

/// The numbers in a name: `fc.2` comes before `fc.10`.
fn numbers_of(name: &str) -> Vec<u64> {
    name.split('.').filter_map(|part| part.parse().ok()).collect()
}

/// torchvision's name for one of PaddlePaddle's, such as `inception_block_list.0.branch_pool_conv.1._mean`.
fn paddle_name(name: &str) -> Option<String> {
    let parts: Vec<&str> = name.split('.').collect();
    let (module, rest) = match parts[..] {
        ["inception_stem", conv, ref rest @ ..] => (format!("Conv2d_{}", conv.strip_prefix("conv_")?), rest),
        ["inception_block_list", block, branch, ref rest @ ..] => {
            let block = BLOCKS.get(block.parse::<usize>().ok()?)?;
            (format!("{block}.{}", branch.strip_suffix("_conv").unwrap_or(branch)), rest)
        }
        _ => return None,
    };
    let part = match *rest {
        ["0" | "conv", "weight"] => "conv.weight",
        ["1" | "batch_norm" | "bn", parameter] => match parameter {
            "weight" => "bn.weight",
            "bias" => "bn.bias",
            "_mean" => "bn.running_mean",
            "_variance" => "bn.running_var",
            _ => return None,
        },
        _ => return None,
    };
    Some(format!("{module}.{part}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::file::Stored;

    fn tensor(name: &str, shape: &[usize], values: &[f32]) -> NamedTensor {
        NamedTensor { name: name.into(), shape: shape.into(), values: values.into(), stored: Stored::F32 }
    }

    #[test]
    fn sides_change_places() {
        // One row of two cells, two inputs, three outputs.
        let values: Vec<f32> = (0..12).map(|value| value as f32).collect();
        let turned = output_first(&tensor("k", &[1, 2, 2, 3], &values));
        assert_eq!(turned.shape, [3, 2, 1, 2]);
        assert_eq!(turned.values, [0., 6., 3., 9., 1., 7., 4., 10., 2., 8., 5., 11.]);
    }

    #[test]
    fn a_side_that_is_endless_in_a_tensor_of_nothing_is_not_walked() {
        let turned = output_first(&tensor("k", &[0, usize::MAX], &[]));
        assert_eq!((&turned.shape[..], turned.values.len()), (&[usize::MAX, 0][..], 0));
    }

    #[test]
    fn paddles_names_and_numbers_become_torchvisions() {
        let name = |text| paddle_name(text).unwrap_or_default();
        assert_eq!(name("inception_stem.conv_1a_3x3.0.weight"), "Conv2d_1a_3x3.conv.weight");
        assert_eq!(name("inception_stem.conv_3b_1x1.batch_norm._variance"), "Conv2d_3b_1x1.bn.running_var");
        assert_eq!(
            name("inception_block_list.0.branch_pool_conv.1._mean"),
            "Mixed_5b.branch_pool.bn.running_mean"
        );
        assert_eq!(
            name("inception_block_list.10.branch3x3dbl_3b.conv.weight"),
            "Mixed_7c.branch3x3dbl_3b.conv.weight"
        );
        assert_eq!(paddle_name("inception_block_list.11.branch1x1.0.weight"), None);
        assert_eq!(paddle_name("fc.weight"), None);

        let tensors = vec![
            tensor("inception_stem.conv_1a_3x3.1._variance", &[1], &[0.5]),
            tensor("fc.10.weight", &[2, 1], &[1.0, 2.0]),
            tensor("fc.2.weight", &[1, 2], &[1.0, 2.0]),
        ];
        let found = from_paddle(tensors);
        assert!((f64::from(found[0].tensor.values[0]) + 1e-3 - 0.50001).abs() < 1e-7);
        assert_eq!((&found[1].tensor.shape[..], &found[1].tensor.values[..]), (&[1, 2][..], &[1.0, 2.0][..]));
        assert_eq!((&found[2].tensor.shape[..], &found[2].tensor.values[..]), (&[2, 1][..], &[0.8, 1.6][..]));
    }
}
