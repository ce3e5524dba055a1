//! A network as data: what its layers are, how they hang together, what they are called.
//!
//! No Burn, no wgpu: [`crate::network`] executes a [`Graph`], everything else asks it for names and shapes.

mod conventions;
mod cost;
mod graph;
pub mod inception_v3;
pub mod labels;
mod order;
mod typed;

pub use conventions::{AvgPool, Conventions, InputScale, Precision};
pub use cost::Cost;
pub use graph::{Graph, GraphBuilder, LayerIndex, Node, Op, ReceptiveField, Shape, UnknownLayer, Window};
pub use typed::{LayersError, layers};
