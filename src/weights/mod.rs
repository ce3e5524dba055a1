//! The numbers of a network: read from a file, or made from a seed. Plain host memory; no Burn. Known files
//! ([`manifest`]) can be fetched ([`fetch`]).

mod architectures;
mod assign;
mod canonical;
mod complete;
mod conventions;
mod described;
mod error;
pub mod fetch;
mod file;
mod hdf5;
mod hints;
mod hub;
mod inception;
mod keras;
mod keras_body;
mod keras_model;
mod keras_order;
mod keras_pieces;
mod keras_surroundings;
mod kind;
pub mod manifest;
mod onnx;
mod parameters;
mod pieces;
mod protobuf;
mod reading;
mod safetensors;
mod seeded;
mod selection;
mod sentence;
mod torch;
mod weight_file;
mod zip;

pub use conventions::Known;
pub use described::ReadOptions;
pub use error::WeightsError;
pub use file::{Layout, Stored};
pub use parameters::{EMBEDDED_TITLE, LayerWeights, Origin, UNTRAINED_TITLE, Weights};
pub use seeded::{RandomStream, seeded};
pub use weight_file::{FileFacts, Scores, WeightFile};
