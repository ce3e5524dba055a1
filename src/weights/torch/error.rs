//! What can be wrong with a pickled weight file, one sentence each.

use crate::weights::zip::ZipError;

/// Why a PyTorch or PaddlePaddle file is not read. The caller puts the path in front.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TorchError {
    #[error(
        "the pickle wants to call `{0}`, which a weight file has no business doing: refused, and nothing was run"
    )]
    Call(String),
    #[error(
        "the pickle holds an object of class `{0}`, not only tensors: refused; `torch.save(model.state_dict(), …)` writes a file that is read"
    )]
    Class(String),
    #[error(
        "written by Python's `pickle`, and not by `torch.save`: load it with pickle and write it again with `torch.save(model.state_dict(), …)`"
    )]
    Pickled,
    #[error("byte {at} of the pickle is the instruction 0x{opcode:02x}, which no weight file needs: refused")]
    Opcode { at: usize, opcode: u8 },
    #[error("the pickle is damaged at byte {at}: {what}")]
    Damaged { at: usize, what: &'static str },
    #[error("the pickle has more than {0} instructions, far more than any weight file: refused")]
    Endless(usize),
    #[error("the file is cut short: {0}; download it again")]
    CutShort(&'static str),
    #[error("the zip archive is damaged: {0}; download it again")]
    Zip(&'static str),
    #[error("a zip archive without one `data.pkl`, so not a file that `torch.save` has written")]
    NoPickle,
    #[error(
        "`{0}` in the zip archive is compressed or encrypted, which `torch.save` never does: refused; save the weights again with PyTorch"
    )]
    Compressed(String),
    #[error(
        "a TorchScript archive, which holds code; `torch.save(model.state_dict(), …)` writes a file that is read"
    )]
    TorchScript,
    #[error(
        "a tar archive, as PyTorch wrote before 0.1.10; load it with PyTorch and save it again with `torch.save`"
    )]
    Tar,
    #[error("neither a PyTorch file nor a pickle of numpy arrays as PaddlePaddle writes it")]
    Unknown,
    #[error(
        "its numbers are big-endian, and only little-endian files are read; have PyTorch or numpy write it again on a little-endian computer"
    )]
    BigEndian,
    #[error("it holds no dictionary of float tensors; `torch.save(model.state_dict(), …)` writes one")]
    NoTensors,
    #[error(
        "it holds several dictionaries of tensors ({0}), and which is meant is not clear; save one alone"
    )]
    Ambiguous(String),
    #[error("`{name}` {problem}")]
    Tensor { name: String, problem: &'static str },
    #[error("it holds more than {0} tensors: refused")]
    TooMany(usize),
    #[error(
        "its tensors come to more than {limit} bytes with `{name}`, too much for a file of {file} bytes: refused"
    )]
    TooLarge { name: String, limit: usize, file: usize },
}

impl From<ZipError> for TorchError {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::CutShort(what) => Self::CutShort(what),
            ZipError::Damaged(what) => Self::Zip(what),
            ZipError::Packed(name) | ZipError::TooLarge { name, .. } => Self::Compressed(name),
        }
    }
}

/// A name out of a file as a sentence can show it between backticks: not too long, nothing that moves a terminal's
/// cursor or ends the name early.
pub(super) fn shown(name: &str) -> String {
    const LONGEST: usize = 80;
    let letters = name.chars().take(LONGEST).map(|letter| if letter == '`' { '\'' } else { letter });
    let mut text: String = letters.flat_map(char::escape_debug).collect();
    if name.chars().nth(LONGEST).is_some() {
        text.push('…');
    }
    text
}
