//! The graph executed by Burn, node by node. On a GPU all of it on one thread (Burn's stream is
//! thread-local), on the CPU on rayon's.

mod backward;
mod blocked;
mod by_block;
mod calibrate;
mod conv;
#[cfg(test)]
mod conv_tests;
mod cpu;
mod crop;
mod depthwise;
mod direct;
mod edits;
mod elementwise;
mod executor;
mod functions;
mod fusion;
mod gather;
mod maps;
mod occlude;
mod operations;
mod padded;
mod pool;
mod prepared;
mod run;
mod score;
mod sigmoid;
mod slide;
mod tiles;
mod vectors;
mod walk;
mod winograd;

pub use backward::{Averaging, Traced, Versions};
pub use calibrate::calibrate;
pub use cpu::{input_from_values, values};
pub use executor::{Folding, Network};
pub use occlude::Occluding;
pub use run::Stored;
