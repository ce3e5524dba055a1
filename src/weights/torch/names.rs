//! The names that a pickle may use, all of them. Anything else is refused by name.

use super::element::Element;
use super::error::{TorchError, shown};

/// A function or class that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global {
    OrderedDict,
    /// `tuple`, and `torch.Size`, which is one.
    Tuple,
    Bytes,
    /// `_codecs.encode`, how protocol 2 writes bytes.
    Encode,
    /// A class whose objects hold settings, and never tensors that are wanted.
    Inert,
    Storage(Element),
    TorchDtype(Element),
    /// `torch.FloatTensor` and others, called without arguments and filled afterwards (2016 to 2018).
    TensorClass,
    Parameter,
    /// `_rebuild_tensor` (until 2018) and `_rebuild_tensor_v2`.
    RebuildTensor,
    /// With a number type of its own, for those without a storage class.
    RebuildTensorV3,
    RebuildParameter,
    Ndarray,
    Dtype,
    Reconstruct,
    FromBuffer,
}

impl Global {
    /// # Errors
    /// [`TorchError::Call`] or [`TorchError::Class`] for every name that is not on the list.
    pub(super) fn find(module: &str, name: &str) -> Result<Self, TorchError> {
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("builtins" | "__builtin__", "tuple") | ("torch", "Size") => Self::Tuple,
            ("builtins" | "__builtin__", "bytes") => Self::Bytes,
            ("_codecs", "encode") => Self::Encode,
            ("argparse", "Namespace") | ("torch", "device") => Self::Inert,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "scalar") => Self::Inert,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v3") => Self::RebuildTensorV3,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::RebuildParameter
            }
            ("torch.nn.parameter", "Parameter") => Self::Parameter,
            ("torch.storage", "UntypedStorage") => Self::Storage(Element::Integer(1)),
            ("numpy", "ndarray") => Self::Ndarray,
            ("numpy", "dtype") => Self::Dtype,
            ("numpy.core.multiarray" | "numpy._core.multiarray", "_reconstruct") => Self::Reconstruct,
            ("numpy.core.numeric" | "numpy._core.numeric", "_frombuffer") => Self::FromBuffer,
            ("torch" | "torch.cuda", _) => {
                let storage = name.strip_suffix("Storage").and_then(Element::of_class).map(Self::Storage);
                let tensor = || name.strip_suffix("Tensor").and_then(Element::of_class);
                let dtype = || Element::of_torch(name).map(Self::TorchDtype);
                let found = storage.or_else(|| tensor().map(|_| Self::TensorClass)).or_else(dtype);
                found.ok_or_else(|| unknown(module, name))?
            }
            _ => return Err(unknown(module, name)),
        })
    }
}

/// Classes are written with a capital letter: a whole model, most likely.
fn unknown(module: &str, name: &str) -> TorchError {
    let full = shown(&format!("{module}.{name}"));
    let last = name.rsplit('.').next().unwrap_or(name);
    if last.starts_with(char::is_uppercase) { TorchError::Class(full) } else { TorchError::Call(full) }
}
