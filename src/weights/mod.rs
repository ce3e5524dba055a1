//! The numbers of a network: read from a file, or made from a seed. Plain host memory; no Burn. Known files
//! ([`manifest`]) can be fetched ([`fetch`]).

mod assign;
mod canonical;
pub mod fetch;
mod file;
mod hdf5;
mod keras;
pub mod manifest;
mod parameters;
mod safetensors;
mod seeded;
mod torch;
mod weight_file;

pub use assign::Architecture;
pub use file::{Layout, Stored};
pub use parameters::{EMBEDDED_TITLE, LayerWeights, Origin, UNTRAINED_TITLE, Weights};
pub use seeded::{RandomStream, seeded};
pub use weight_file::{Known, WeightFile, WeightsError};
