//! What stands behind the body of a network whose file holds tensors alone. Its layers are told by the names and shapes of
//! their tensors; their order where names and shapes leave but one. Activations are in no such file: what is taken for
//! granted is told in notes.

mod between;
mod build;
mod order;
mod part;
#[cfg(test)]
mod tests;

pub use between::Between;
pub use build::{Naming, append, append_part};
pub use order::{Given, Known, arrange, listed, unknown};
pub use part::{Dialect, Head, Joint, Named, Part, PartKind, Step, class_in_words, parts};
