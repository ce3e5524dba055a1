//! Files and folders that are given for weights and are not read: what they are, and what to do with them. Pure.
//!
//! Content tells, and names only where it cannot: raw numbers belong to the file of another ending beside them.

mod files;
mod folders;
mod seen;
mod signs;
mod tensors;
#[cfg(test)]
mod tests;
mod told;

pub use files::{of_file, of_pickle};
pub use folders::of_folder;
pub use seen::Seen;
pub use tensors::of_tensors;
