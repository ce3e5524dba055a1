//! The graph executed by Burn, node by node. All of it on one thread (Burn's stream is thread-local).

mod calibrate;
mod conv;
mod cpu;
mod executor;
mod pool;
mod product;

pub use calibrate::calibrate;
pub use cpu::{input_from_values, values};
pub use executor::{Folding, Network};
