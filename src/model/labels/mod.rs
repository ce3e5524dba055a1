//! Class names: the 1000 of ImageNet with their WordNet ids (`models/imagenet_classes.tsv`, written by
//! `scripts/make_labels.py`), or those of a file, of whatever form (`tree`, `rows`).

mod columns;
mod decode;
mod find;
mod fit;
mod label;
mod list;
mod read;
mod rows;
#[cfg(test)]
mod tests;
mod tree;

pub use find::{UnknownClass, find_class};
pub use fit::{Named, Wanted, usual};
pub use label::{Label, class_name, embedded, imagenet, named};
pub use read::{LabelsError, names_in, read};
