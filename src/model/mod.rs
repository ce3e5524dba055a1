//! A network as data: what its layers are, how they hang together, what they are called.
//!
//! No Burn, no wgpu: [`crate::network`] executes a [`Graph`], everything else asks it for names and shapes.

mod activation;
pub mod architectures;
mod builder;
mod conventions;
mod cost;
mod edit;
mod field;
mod graph;
pub mod head;
pub mod inception_v3;
pub mod labels;
mod method;
mod op;
mod order;
mod shape;
mod stages;
mod step;
mod trace;
mod typed;
mod window;

pub use builder::{GraphBuilder, GraphError, NewNode, Order};
pub use conventions::{AvgPool, Conventions, InputColors, InputScale, LUMA, Precision, three_numbers};
pub use cost::Cost;
pub use edit::{Change, Edit};
pub use field::ReceptiveField;
pub use graph::{Graph, LayerIndex, Meaning, Node, Output, UnknownLayer};
pub use method::{Method, UnknownCamMethod, UnknownMethod};
pub use op::{
    Activation, Arithmetic, Axis, Coordinates, Filling, Interpolation, Op, Over, Reduction, Rounding,
};
pub use shape::{MOST_VALUES, Shape, broadcast, output_shape};
pub use step::{MOST_AXES, Step};
pub use trace::{CamMethod, Form, Place, Rule, Trace, Unit};
pub use typed::{LayersError, layers};
pub use window::Window;
