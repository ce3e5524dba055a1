//! Class names out of a file, or out of a text inside one.

use super::fit::{Named, Wanted, fit};
use super::{decode, rows, tree};

/// Why a file gives no class names: a sentence that goes on behind the file's name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LabelsError(String);

/// The names that a text of the kind that files have inside (JSON, or what Python prints) lists, in the order of their
/// indices from 0. `None` where it is none, or an index is there twice or missing.
pub fn names_in(text: &str) -> Option<Vec<String>> {
    let list = tree::parse(text.trim()).ok().flatten().and_then(|tree| tree::list(&tree).ok())?;
    let labels = list.in_order().ok()?;
    Some(labels.into_iter().map(|label| label.name).collect())
}

/// Class names out of a file's bytes, in the order of the network's outputs.
///
/// A list may be text (UTF-8 or UTF-16): a name a line; index, WordNet id and name in columns of any order, parted by
/// tabs, commas, semicolons, blanks or a colon; or JSON, YAML and Python's dictionaries of names by index, indices by
/// name, pairs, objects, and such a list under a usual key (`names`, `id2label`, `categories`, …). Lines that begin with `#`
/// and empty ones are names only where the network has as many outputs.
///
/// # Errors
/// What the file is instead; an index that is missing or there twice, with the number of the line; another number of
/// names than the network has outputs.
pub fn read(bytes: &[u8], wanted: Wanted) -> Result<Named, LabelsError> {
    let text = decode::text(bytes).map_err(LabelsError)?;
    let readings = match tree::parse(text.trim()).map_err(LabelsError)? {
        Some(tree) => vec![tree::list(&tree)],
        None => rows::readings(&text),
    };
    fit(readings, wanted).map_err(LabelsError)
}
