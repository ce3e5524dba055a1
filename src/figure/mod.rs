//! Pictures with words on them, drawn on the CPU: plots and labelled sheets as PNG or SVG.
//!
//! Pure functions for any thread; nothing here knows a graphics adapter or the system's fonts.
//! [`Figure`] is what is drawn on: a raster whose pixels stay as they were blitted, and marks over it.

mod around;
mod axes;
mod canvas;
mod font;
mod marks;
mod page;
mod plot;
mod sheet;
mod tiles;

use std::path::PathBuf;

pub use around::Legend;
pub use canvas::{ACCENT, BACKGROUND, Figure, LINE, MAX_PIXELS, MAX_SIDE, QUIET, TEXT};
pub use font::{fit_text, text_width, wrap_text};
pub use marks::{Anchor, TextStyle};
pub use page::{Page, Worst};
pub use plot::{bars, probability_plot};
pub use sheet::{Heading, Sheet};
pub use tiles::{Tile, tile_grid_figure};

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    /// More pixels than [`MAX_SIDE`] or [`MAX_PIXELS`] allow.
    #[error(
        "a figure of {width} × {height} pixels is too large (at most {MAX_SIDE} a side and {} million in all); \
         choose smaller tiles or fewer of them",
        MAX_PIXELS / 1_000_000
    )]
    TooLarge {
        /// Pixels from left to right that it would need.
        width: u64,
        /// Pixels from top to bottom that it would need.
        height: u64,
    },
    /// The file's name ends in nothing that can be written.
    #[error("{} names no format for a figure; end its name in .png or .svg", .0.display())]
    Extension(PathBuf),
    /// The marks could not be drawn or the PNG not encoded.
    #[error("the figure could not be encoded: {0}; try the other of .png and .svg")]
    Encode(String),
}
