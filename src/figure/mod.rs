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
mod ranked;
mod sheet;
mod tiles;

pub use around::Legend;
pub use canvas::{ACCENT, BACKGROUND, Figure, FigureError, LINE, MAX_PIXELS, MAX_SIDE, QUIET, TEXT};
pub use font::{fit_text, text_width, wrap_text};
pub use marks::{Anchor, TextStyle};
pub use page::{Captioned, Page};
pub use plot::{bars, probability_plot};
pub use ranked::{Ranked, ranked_bars};
pub use sheet::{Heading, Sheet};
pub use tiles::{Tile, mosaic, tile_grid_figure};
