//! What is shown where, in which colours: pure computations, tested with nothing at hand.

mod channels;
mod colormap;
mod layout;
mod order;
mod paint;
mod ranking;
mod scale;

pub use channels::{ChannelError, ChannelSet};
pub use colormap::{Colormap, colormap_table};
pub use layout::{TileGrid, TileSize, tile_grid};
pub use order::{Filter, Sort};
pub use paint::{input_picture, number, paint, paint_rgb, range};
pub use ranking::{Presence, Ranking};
pub use scale::{BOOSTS, ColorRange, ERROR_COLOR, FLAT_COLOR, GAMMAS, Normalize, Scale};
