//! Where tiles lie in a target, before it is said what is drawn there. Pure.

use std::ops::Range;

use super::lens::{Pixels, TileSet};
use crate::gpu::{Cover, Rect, RgbDraw, TileDraw};
use crate::model::InputColors;
use crate::view::{Colormap, Scale, TileGrid};

/// A grid of tiles, or one. Lengths are whole pixels of the target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placing {
    /// Size of the target.
    pub target_size: [u32; 2],
    /// Left and top edge of the first tile.
    pub origin: [f32; 2],
    /// Width and height of a tile.
    pub tile_size: [f32; 2],
    /// From one tile to the next.
    pub pitch: [f32; 2],
    /// Tiles a row.
    pub columns: u32,
    /// Position of the first tile.
    pub first: u32,
    /// Number of tiles.
    pub count: u32,
    /// Values beyond the range are hatched: a line every so many pixels; 0: not.
    pub hatch: u32,
    /// 1 hides what is there; less lets it show through, down to 0.
    pub opacity: f32,
    /// Swap left and right in every tile.
    pub mirror: bool,
}

impl Placing {
    /// One tile that fills an area.
    pub fn one(target_size: [u32; 2], area: Rect) -> Self {
        let size = [area.width, area.height];
        Self {
            target_size,
            origin: [area.x, area.y],
            tile_size: size,
            pitch: size,
            columns: 1,
            first: 0,
            count: 1,
            hatch: 0,
            opacity: 1.0,
            mirror: false,
        }
    }

    /// The tiles at these positions as a grid within an area.
    pub fn grid(target_size: [u32; 2], area: Rect, grid: &TileGrid, positions: Range<usize>) -> Self {
        Self {
            origin: [area.x + grid.origin[0] as f32, area.y + grid.origin[1] as f32],
            tile_size: grid.tile.map(|side| side as f32),
            pitch: grid.pitch().map(|side| side as f32),
            columns: grid.columns,
            first: positions.start as u32,
            count: positions.len() as u32,
            ..Self::one(target_size, area)
        }
    }

    /// Values in the colours of a colormap.
    pub fn colored_by(&self, scale: Scale, colormap: Colormap, smooth: bool) -> TileDraw {
        let Self { target_size, origin, tile_size, pitch, columns, first, count, hatch, opacity, mirror } =
            *self;
        TileDraw {
            target_size,
            origin,
            tile_size,
            pitch,
            columns,
            first,
            count,
            scale,
            colormap,
            hatch,
            smooth,
            opacity,
            mirror,
            cover: Cover::Even,
        }
    }

    /// Channels as these colours, with the values of each that become black and white.
    pub fn colored(&self, colors: InputColors, [low, high]: [[f32; 3]; 2]) -> RgbDraw {
        let Self { target_size, origin, tile_size, pitch, columns, first, count, mirror, opacity, .. } =
            *self;
        RgbDraw {
            target_size,
            origin,
            tile_size,
            pitch,
            columns,
            first,
            count,
            colors,
            low,
            high,
            mirror,
            smooth: false,
            opacity,
        }
    }
}

/// Between the versions of a comparison, in cells.
const VERSION_GAP: u32 = 8;

/// One pixel a value with a gap of one, all tiles in a square, sets beside each other: the size of the whole, and where each
/// set lies. `None` without a tile.
pub fn native(sets: &[&TileSet]) -> Option<([u32; 2], Vec<Placing>)> {
    let mut left = 0;
    let mut height = 0;
    let mut placings = Vec::new();
    for set in sets {
        let (shape, count) = match &set.pixels {
            Pixels::Values { map, .. } => (map.shape, set.order.len() as u32),
            Pixels::Colored(map) => (map.shape, (map.shape.channels / 3) as u32),
        };
        if count == 0 {
            continue;
        }
        let tile = [shape.width as u32, shape.height as u32];
        let columns = (count as f32).sqrt().ceil() as u32;
        let size = [columns * (tile[0] + 1) - 1, count.div_ceil(columns) * (tile[1] + 1) - 1];
        let area = Rect { x: left as f32, y: 0.0, width: size[0] as f32, height: size[1] as f32 };
        placings.push(Placing {
            tile_size: tile.map(|side| side as f32),
            pitch: tile.map(|side| side as f32 + 1.0),
            columns,
            count,
            ..Placing::one([0; 2], area)
        });
        left += size[0] + VERSION_GAP;
        height = height.max(size[1]);
    }
    let size = [left.checked_sub(VERSION_GAP)?, height];
    placings.iter_mut().for_each(|placing| placing.target_size = size);
    Some((size, placings))
}
