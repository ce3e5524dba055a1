//! JSON, YAML, Python's dictionaries and lists, and TensorFlow's label maps, as one tree; and the list of names in it.

mod find;
mod parse;
mod python;
mod value;

pub(super) use find::list;
pub(super) use parse::parse;
