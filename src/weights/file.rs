//! What a weight file holds, before it is fitted to a network: named tensors.

/// How a value was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Bounds on what a file can make a reader allocate.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Number of tensors.
    pub tensors: usize,
    /// Bytes of all values as f32.
    pub bytes: u64,
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
