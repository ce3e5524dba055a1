//! How one cell of a map comes about: what a convolution or a dense layer multiplies and adds for it, and what becomes of
//! the sum behind it.

mod patch;
mod route;
mod sum;
mod told;

#[cfg(test)]
mod tests;

pub use patch::{Patch, places};
pub use route::{Behind, Route, route};
pub use sum::{CellSum, Kernel, Part, Step};
pub use told::{Told, ToldLine, four_digits};
