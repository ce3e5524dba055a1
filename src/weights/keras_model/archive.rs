//! The zip archive that a `.keras` file is.

use std::borrow::Cow;

use crate::weights::file::{Limits, ReadError};
use crate::weights::zip::{Archive, ZipError};

/// Names of what is in it.
const CONFIG: &str = "config.json";
const WEIGHTS: &str = "model.weights.h5";
const METADATA: &str = "metadata.json";

/// Bytes of the two JSON files; the configuration is bounded once more where it is read.
const MAX_JSON: usize = 32 << 20;

/// What a `.keras` file holds.
#[derive(Debug)]
pub(super) struct Parts<'a> {
    pub config: String,
    pub metadata: String,
    pub weights: Cow<'a, [u8]>,
}

/// Whether a file, whole in memory, is a `.keras` archive and not PyTorch's, which is a zip archive, too.
pub fn recognises(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
        && Archive::open(bytes)
            .is_ok_and(|archive| [CONFIG, WEIGHTS].iter().all(|name| archive.find(name).is_some()))
}

pub(super) fn open(bytes: &[u8], limits: Limits) -> Result<Parts<'_>, ReadError> {
    let error = |error: ZipError| ReadError(error.to_string());
    let archive = Archive::open(bytes).map_err(error)?;
    let part = |name: &str, limit: usize| match archive.find(name) {
        Some(entry) => archive.unpacked(entry, limit).map(Some).map_err(error),
        None => Ok(None),
    };
    let missing = |name: &str| ReadError(format!("a `.keras` archive without `{name}`; save the model anew"));
    let text = |bytes: Cow<'_, [u8]>, name: &str| {
        String::from_utf8(bytes.into_owned())
            .map_err(|_| ReadError(format!("its `{name}` is no text; save the model anew")))
    };
    let config = text(part(CONFIG, MAX_JSON)?.ok_or_else(|| missing(CONFIG))?, CONFIG)?;
    let metadata =
        part(METADATA, MAX_JSON)?.map(|bytes| text(bytes, METADATA)).transpose()?.unwrap_or_default();
    // Weights in the file may be f64 and have a few numbers besides.
    let weights = part(WEIGHTS, limits.bytes.saturating_mul(2))?.ok_or_else(|| missing(WEIGHTS))?;
    Ok(Parts { config, metadata, weights })
}
