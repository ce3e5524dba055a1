//! The names of functions and classes in a pickle. A few have a meaning here; all others are passed over with what is
//! made of them, except those that no weight file has a reason to name.

use std::fmt;

use super::element::Element;
use super::error::{TorchError, shown};

/// A function or class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Global<'a> {
    OrderedDict,
    /// `tuple`, and `torch.Size`, which is one.
    Tuple,
    Bytes,
    /// `_codecs.encode`, how protocol 2 writes bytes.
    Encode,
    /// One that has no meaning here.
    Foreign(Path<'a>),
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
    /// `_rebuild_from_type_v2`: a tensor of a class of its own.
    RebuildFromType,
    /// How PyTorch/XLA saves a tensor that is on a TPU.
    RebuildFromHost,
    Ndarray,
    Dtype,
    Reconstruct,
    FromBuffer,
}

/// Where a function or class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path<'a> {
    pub(super) module: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Global<'a> {
    /// # Errors
    /// [`TorchError::Call`] for what could harm somebody who loads the file elsewhere, and [`TorchError::Pickled`] for a
    /// tensor that brings its storage along.
    pub(super) fn find(module: &'a str, name: &'a str) -> Result<Self, TorchError> {
        let path = Path { module, name };
        Ok(match (module, name) {
            ("collections", "OrderedDict") => Self::OrderedDict,
            ("builtins" | "__builtin__", "tuple") | ("torch", "Size") => Self::Tuple,
            ("builtins" | "__builtin__", "bytes") => Self::Bytes,
            ("_codecs", "encode") => Self::Encode,
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Self::RebuildTensor,
            ("torch._utils", "_rebuild_tensor_v3") => Self::RebuildTensorV3,
            ("torch._utils", "_rebuild_parameter" | "_rebuild_parameter_with_state") => {
                Self::RebuildParameter
            }
            ("torch._tensor", "_rebuild_from_type_v2") => Self::RebuildFromType,
            (
                "torch._utils",
                "_rebuild_device_tensor_from_numpy" | "_rebuild_device_tensor_from_cpu_tensor",
            ) => Self::RebuildFromHost,
            ("torch.storage", "_load_from_bytes") => return Err(TorchError::Pickled),
            ("torch.nn.parameter", "Parameter" | "Buffer") => Self::Parameter,
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
                found.unwrap_or(Self::Foreign(path))
            }
            _ if is_suspect(path) => return Err(TorchError::Call(path.to_string())),
            _ => Self::Foreign(path),
        })
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown(&format!("{}.{}", self.module, self.name)))
    }
}

/// Modules that run programs, open files or reach into the interpreter, with all that is in them.
const SUSPECT_MODULES: [&str; 44] = [
    "_ctypes",
    "_io",
    "_pickle",
    "_posixsubprocess",
    "_socket",
    "_thread",
    "asyncio",
    "bdb",
    "cPickle",
    "cProfile",
    "code",
    "codeop",
    "commands",
    "ctypes",
    "ftplib",
    "gc",
    "http",
    "httplib",
    "httpx",
    "importlib",
    "inspect",
    "io",
    "marshal",
    "mmap",
    "nt",
    "os",
    "pdb",
    "pickle",
    "pip",
    "pkgutil",
    "posix",
    "profile",
    "pty",
    "pydoc",
    "requests",
    "runpy",
    "shutil",
    "signal",
    "smtplib",
    "socket",
    "subprocess",
    "sys",
    "urllib",
    "webbrowser",
];

/// The same of the functions that are there without a module.
const SUSPECT_BUILTINS: [&str; 16] = [
    "__import__",
    "apply",
    "breakpoint",
    "compile",
    "delattr",
    "eval",
    "exec",
    "execfile",
    "file",
    "getattr",
    "globals",
    "input",
    "locals",
    "open",
    "setattr",
    "vars",
];

/// True for what could harm somebody who loads the file in Python. Here nothing is ever called; this is to warn.
fn is_suspect(Path { module, name }: Path<'_>) -> bool {
    match module {
        "builtins" | "__builtin__" => SUSPECT_BUILTINS.contains(&name),
        _ => {
            // `torch._utils` `sys.modules`: through one module into another.
            let through = name.split_once('.').map(|(first, _)| first);
            let first = module.split('.').next();
            first.into_iter().chain(through).any(|part| SUSPECT_MODULES.contains(&part))
        }
    }
}
