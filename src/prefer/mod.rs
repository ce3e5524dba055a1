//! What a unit would like to see: a picture that is made from noise, step by step, along the unit's gradient (Erhan, Bengio,
//! Courville and Vincent, "Visualizing Higher-Layer Features of a Deep Network", 2009).
//!
//! By itself that gives fine noise. So the picture is not climbed on pixel by pixel but in frequencies ([`Method`]) of colours
//! that vary independently in photographs, and in each step the network sees it moved, turned and resized a little
//! differently. Each part has a reverse beside it, which takes a gradient back. Pure, any thread; who drives it asks
//! a network in between ([`Growth`]).

mod adam;
mod canvas;
mod colors;
mod glance;
mod growth;
mod hartley;
mod method;
mod reach;
#[cfg(test)]
mod tests;
mod unit;

pub use growth::{Growth, Settings, USUAL_STEPS};
pub use method::Method;
pub use unit::climbed;
