//! From which units a network is traced back: as people type it, in words, and as JSON. Pure, any thread.

mod parse;
#[cfg(test)]
mod tests;
mod unit;
mod words;

pub use parse::UnknownOrigin;
pub use unit::{Part, Start, TraceOrigin, strongest_cell};
pub use words::OriginInfo;
