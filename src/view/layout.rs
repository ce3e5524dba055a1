//! How many tiles of which size fit where. Lengths are pixels of the target.

/// How large a tile is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TileSize {
    /// As large as possible with all channels on one page; not below [`SMALLEST_AUTO`].
    #[default]
    Auto,
    /// This many pixels on the longer side.
    Pixels(u32),
}

/// An automatic tile is not made smaller than this; the layer then has more than one page.
pub const SMALLEST_AUTO: u32 = 48;

/// No tile is smaller than this.
const SMALLEST: u32 = 4;

/// A grid of tiles on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileGrid {
    /// Size of one tile.
    pub tile: [u32; 2],
    /// Pixels between tiles.
    pub gap: u32,
    /// Tiles a row.
    pub columns: u32,
    /// Rows on a full page.
    pub rows: u32,
    /// Left and top edge of the first tile, from the area's corner: the grid is centred.
    pub origin: [u32; 2],
}

impl TileGrid {
    /// Tiles on a full page.
    pub fn page_len(&self) -> usize {
        (self.columns * self.rows) as usize
    }

    /// Number of pages for so many channels; at least 1.
    pub fn pages(&self, channels: usize) -> usize {
        channels.div_ceil(self.page_len()).max(1)
    }

    /// From one tile to the next.
    pub fn pitch(&self) -> [u32; 2] {
        self.tile.map(|side| side + self.gap)
    }

    /// Left and top edge of the tile at this place on the page, from the area's corner.
    pub fn tile_origin(&self, place: usize) -> [u32; 2] {
        let (column, row) = (place as u32 % self.columns, place as u32 / self.columns);
        [self.origin[0] + column * self.pitch()[0], self.origin[1] + row * self.pitch()[1]]
    }

    /// The place on the page under a point of the area, and the point's position in that tile from 0 to 1.
    pub fn tile_from_pixel(&self, x: f32, y: f32) -> Option<(usize, [f32; 2])> {
        let local = [x - self.origin[0] as f32, y - self.origin[1] as f32];
        let pitch = self.pitch();
        let mut cell = [0u32; 2];
        let mut inside = [0f32; 2];
        for axis in 0..2 {
            if local[axis] < 0.0 {
                return None;
            }
            cell[axis] = (local[axis] / pitch[axis] as f32) as u32;
            inside[axis] = (local[axis] - (cell[axis] * pitch[axis]) as f32) / self.tile[axis] as f32;
        }
        (cell[0] < self.columns && cell[1] < self.rows && inside.iter().all(|part| *part < 1.0))
            .then_some(((cell[1] * self.columns + cell[0]) as usize, inside))
    }
}

/// Lays out maps of `map = [width, height]` cells in an area of `area` pixels. `scale` is pixels a point: the gap
/// is one point wide.
pub fn tile_grid(area: [u32; 2], map: [usize; 2], channels: usize, size: TileSize, scale: f32) -> TileGrid {
    let gap = (scale.round() as u32).max(1);
    let area = area.map(|side| side.max(1));
    let longest = map[0].max(map[1]).max(1) as f32;
    // Sides of a tile whose longer side has this many pixels, and how many fit.
    let grid = |side: u32| {
        let tile = [0, 1]
            .map(|axis| ((side as f32 * map[axis] as f32 / longest).round() as u32).clamp(1, area[axis]));
        let fit = |axis: usize| ((area[axis] + gap) / (tile[axis] + gap)).max(1);
        (tile, fit(0), fit(1))
    };
    let smallest_auto = (SMALLEST_AUTO as f32 * scale).round() as u32;
    let side = match size {
        TileSize::Pixels(side) => side.clamp(SMALLEST, area[0].min(area[1]).max(SMALLEST)),
        TileSize::Auto => {
            // The largest side with which all channels fit on a page; counting down is at most some thousand steps.
            let largest = area[0].min(area[1]);
            (smallest_auto.min(largest)..=largest)
                .rev()
                .find(|&side| {
                    let (_, columns, rows) = grid(side);
                    (columns * rows) as usize >= channels
                })
                .unwrap_or(smallest_auto.min(largest))
        }
    };
    let (tile, columns, rows) = grid(side);
    // Where not all columns are needed the grid is as narrow as its channels.
    let columns = columns.min(channels.max(1) as u32);
    let used_rows = rows.min((channels.max(1) as u32).div_ceil(columns));
    let width = columns * (tile[0] + gap) - gap;
    let height = used_rows * (tile[1] + gap) - gap;
    let origin = [area[0].saturating_sub(width) / 2, area[1].saturating_sub(height) / 2];
    TileGrid { tile, gap, columns, rows, origin }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tile_lies_in_the_area_and_automatic_ones_fill_it() {
        for area in [[900, 600], [300, 1000], [50, 40], [1, 1], [3000, 2000]] {
            for channels in [1, 3, 32, 64, 288, 768, 2048] {
                for map in [[149, 149], [8, 8], [1, 1]] {
                    for size in [TileSize::Auto, TileSize::Pixels(17), TileSize::Pixels(5000)] {
                        let grid = tile_grid(area, map, channels, size, 1.0);
                        let shown = channels.min(grid.page_len());
                        let last = grid.tile_origin(shown - 1);
                        for axis in 0..2 {
                            assert!(
                                last[axis] + grid.tile[axis] <= area[axis],
                                "{area:?} {channels} {grid:?}"
                            );
                        }
                        assert!(grid.pages(channels) * grid.page_len() >= channels);
                    }
                }
            }
        }
        let grid = tile_grid([900, 600], [35, 35], 64, TileSize::Auto, 1.0);
        assert_eq!(grid.pages(64), 1);
        let used = 64.0 * (grid.tile[0] * grid.tile[1]) as f32 / (900.0 * 600.0);
        assert!(used > 0.6, "{used}");
    }

    #[test]
    fn points_find_their_tiles() {
        let grid = tile_grid([900, 600], [35, 35], 64, TileSize::Pixels(50), 2.0);
        assert_eq!(grid.gap, 2);
        for place in [0, 5, grid.columns as usize, 63] {
            let [x, y] = grid.tile_origin(place).map(|edge| edge as f32);
            let (found, inside) = grid.tile_from_pixel(x + 25.0, y + 12.5).unwrap();
            assert_eq!((found, inside), (place, [0.5, 0.25]));
            assert_eq!(grid.tile_from_pixel(x + 51.0, y), None, "the gap belongs to nobody");
        }
        assert_eq!(grid.tile_from_pixel(-1.0, 5.0), None);
    }
}
