//! The way back: how much units answer to each value of the layers before them, and of the input.
//!
//! Gradients with respect to values only, never to weights, so there is no tape: the graph is walked in reverse, node by
//! node ([`walk`]), over as much of it as lies between the units and the layers that are wanted ([`plan`]). The values that
//! the reverse of a node needs are taken from the way forward as taps. On the CPU the operations that most of the time goes
//! into are our own ([`host`], [`turned`]); all others, and all on a GPU, are Burn's ([`operations`]).

mod averaging;
mod cam;
mod derivatives;
mod host;
mod operations;
mod parameters;
mod plan;
mod pooling;
mod run;
mod seeds;
pub mod turned;
mod walk;

pub(super) use seeds::seed;

pub use averaging::{Averaging, Versions};
pub use walk::Traced;
