//! What a weight file holds, whatever its layout: named tensors in the file's own order.

use std::collections::BTreeMap;

use half::{bf16, f16};

/// How a value was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stored {
    /// IEEE half precision.
    F16,
    /// The upper half of an f32.
    BF16,
    /// Single precision.
    F32,
    /// Double precision.
    F64,
}

impl Stored {
    /// As people write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F16 => "f16",
            Self::BF16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
        }
    }

    /// Little-endian values of this type as f32: f16 and bf16 exactly, f64 rounded. Bytes that are no whole value are
    /// left out.
    pub fn decode(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => numbers(bytes, |b| f16::from_le_bytes(b).to_f32()),
            Self::BF16 => numbers(bytes, |b| bf16::from_le_bytes(b).to_f32()),
            Self::F32 => numbers(bytes, f32::from_le_bytes),
            Self::F64 => numbers(bytes, |b| f64::from_le_bytes(b) as f32),
        }
    }
}

/// Values of `N` bytes each.
fn numbers<const N: usize>(bytes: &[u8], value: impl Fn([u8; N]) -> f32) -> Vec<f32> {
    bytes.as_chunks().0.iter().map(|bytes| value(*bytes)).collect()
}

/// A tensor as a file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedTensor {
    /// Its name in the file.
    pub name: String,
    /// Side lengths.
    pub shape: Vec<usize>,
    /// Row-major, converted to f32.
    pub values: Vec<f32>,
    /// What they were converted from.
    pub stored: Stored,
}

/// How a file names and orders its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// safetensors with torchvision's or timm's names.
    Safetensors,
    /// PyTorch's `.pth`, a pickle of tensors with torchvision's or timm's names.
    Torch,
    /// Keras' `.h5` as it was before Keras 3: layers in the order of `model.layers`.
    KerasLegacy,
    /// Keras 3's `.weights.h5`: layers by class, each class in the order of `model.layers`.
    KerasWeights,
    /// PaddlePaddle's `.pdparams`, a pickle of arrays.
    Paddle,
    /// A whole model of Keras 3: `.keras`.
    KerasArchive,
    /// A whole model of Keras 1 to 3 in HDF5: `.h5`.
    KerasModel,
    /// ONNX.
    Onnx,
}

impl Layout {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Torch => "PyTorch .pth",
            Self::KerasLegacy => "Keras .h5 (legacy)",
            Self::KerasWeights => "Keras 3 .weights.h5",
            Self::Paddle => "PaddlePaddle .pdparams",
            Self::KerasArchive => "Keras model (.keras)",
            Self::KerasModel => "Keras model (.h5)",
            Self::Onnx => "ONNX",
        }
    }

    /// True where a file says how its layers hang together.
    pub fn describes_network(self) -> bool {
        matches!(self, Self::KerasArchive | Self::KerasModel | Self::Onnx)
    }
}

/// What a reader found, in the file's own order (which is what Keras' layers are matched by).
#[derive(Clone, Debug, PartialEq)]
pub struct TensorFile {
    /// Which reader it was.
    pub layout: Layout,
    /// The tensors.
    pub tensors: Vec<NamedTensor>,
    /// What was left aside, such as an optimizer's state.
    pub notes: Vec<String>,
    /// What the file says of itself, where its layout has room for that.
    pub metadata: BTreeMap<String, String>,
    /// All layers of a Keras file, those without tensors among them.
    pub layers: Vec<ListedLayer>,
}

/// A layer that a Keras file lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedLayer {
    /// Its path in the file: `layers/functional/layers/conv2d_1`, or its name.
    pub path: String,
    /// Its name in the model, where the file tells.
    pub name: Option<String>,
}

/// Bounds on what a file can make a reader allocate.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Number of tensors.
    pub tensors: usize,
    /// Bytes of all values as f32.
    pub bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { tensors: 10_000, bytes: 2 << 30 }
    }
}

/// Why a file cannot be read: one sentence without the file's name.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ReadError(pub String);
