//! What is shown where, in which colours: pure computations, tested with nothing at hand.

mod channels;
mod colormap;
mod layout;
mod paint;

pub use channels::{ChannelError, ChannelSet};
pub use colormap::{Colormap, colormap_table};
pub use layout::{TileGrid, TileSize, tile_grid};
pub use paint::{ERROR_COLOR, color_ends, color_entry, input_picture, number, paint, paint_rgb, range};
