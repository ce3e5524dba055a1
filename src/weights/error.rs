//! Why a weight file cannot be used, in words for its user.

use std::path::PathBuf;

/// Why a weight file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// It cannot be read from disk.
    #[error("{}: {}", path.display(), in_words(source))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is one that is read, and something is wrong with it.
    #[error("{}: not a weight file that can be read: {reason}{}", path.display(), what_to_do(reason))]
    Format {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        reason: String,
    },
    /// It is something else, which is known.
    #[error("{}: not a weight file that can be read, but {kind}", path.display())]
    Kind {
        /// The file or folder.
        path: PathBuf,
        /// What it is, and what to do.
        kind: String,
    },
    /// Nobody knows what it is.
    #[error("{}: not a weight file that can be read: its content is of no layout that is read; `--weights` reads whole networks (ONNX, Keras' .keras and .h5) and weights (safetensors, PyTorch's .pth, Keras' .weights.h5, PaddlePaddle's .pdparams)", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
    },
    /// It holds other tensors than the network has.
    #[error("{}: does not fit {network}: {}; give `--weights` a file of this network, or one that was fine-tuned from it", path.display(), problems.join("; "))]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The architecture.
        network: String,
        /// Everything that is wrong, one entry each.
        problems: Vec<String>,
    },
}

/// What to do, where the reason does not say it: most often a file is damaged.
fn what_to_do(reason: &str) -> &'static str {
    let said = ["give ", "save ", "put ", "unpack "];
    match said
        .iter()
        .any(|verb| reason.contains(&format!("; {verb}")) || reason.contains(&format!(": {verb}")))
    {
        true => "",
        false => "; copy it again, or give `--weights` another file",
    }
}

/// What is wrong with reading a file, and what to do.
fn in_words(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such weight file: check the name after --weights".into(),
        std::io::ErrorKind::PermissionDenied => {
            "permission denied: make the weight file readable for you".into()
        }
        _ => format!("the weight file cannot be read: {error}"),
    }
}
