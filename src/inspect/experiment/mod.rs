//! Experiments on a running network: channels that are muted, boosted, set to a value or left alone, and a square that covers
//! a part of the picture. As people type them, in words, and as JSON. Pure, any thread.

mod cover;
mod intervention;
mod parse;
mod places;
#[cfg(test)]
mod tests;
mod whole;
mod words;

pub use cover::{Cover, Fill};
pub use intervention::{Intervention, Kind};
pub use parse::UnknownIntervention;
pub use places::{Places, coarse_first};
pub use whole::Experiment;
pub use words::ExperimentInfo;
