//! Tiles with captions, and the plain grid of one layer. Any thread.

use image::RgbImage;
use image::imageops;

use super::around::{Head, Legend, LegendStrip, MARGIN, NARROWEST, figure_of};
use super::canvas::{BACKGROUND, Figure, FigureError, LINE, QUIET, mix};
use super::font::wrap_text;
use super::marks::{Anchor, TextStyle};

/// Pixels between tiles.
pub(super) const GAP: u32 = 6;
const CAPTION_LINES: usize = 2;
/// Narrower tiles of a grid have captions only if all of them have room.
const SOME_CAPTIONED: u32 = 72;

/// One coloured map.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The map, one pixel a value.
    pub picture: RgbImage,
    /// Stands under it; may be empty.
    pub caption: String,
}

/// Draws a map as large as fits into a square, its aspect kept, in the middle of it. Where whole multiples of its
/// pixels fill at least four fifths of the square they are used, so that every value is a square of the same size.
/// `smooth`: colours between pixels are interpolated; otherwise each pixel is the nearest value.
pub(super) fn draw_map(figure: &mut Figure, [x, y]: [u32; 2], side: u32, map: &RgbImage, smooth: bool) {
    if map.width().min(map.height()) == 0 || side == 0 {
        return;
    }
    let drawn = fitted(map, side, smooth);
    figure.picture(x + (side - drawn.width()) / 2, y + (side - drawn.height()) / 2, &drawn);
}

/// The map as large as [`draw_map`] draws it.
fn fitted(map: &RgbImage, side: u32, smooth: bool) -> RgbImage {
    let longest = map.width().max(map.height());
    let whole = side / longest * longest;
    let longest_drawn = if u64::from(whole) * 5 >= u64::from(side) * 4 { whole } else { side };
    let [width, height] = [map.width(), map.height()].map(|cells| {
        let pixels =
            (u64::from(cells) * u64::from(longest_drawn) + u64::from(longest) / 2) / u64::from(longest);
        pixels.clamp(1, side.into()) as u32
    });
    if smooth {
        imageops::resize(map, width, height, imageops::FilterType::Triangle)
    } else {
        // The value in whose cell the pixel's middle lies.
        let cell = |pixel: u32, pixels: u32, cells: u32| {
            ((2 * u64::from(pixel) + 1) * u64::from(cells) / (2 * u64::from(pixels))) as u32
        };
        RgbImage::from_fn(width, height, |column, row| {
            *map.get_pixel(cell(column, width, map.width()), cell(row, height, map.height()))
        })
    }
}

/// Pixels between the patches of a mosaic.
const MOSAIC_GAP: u32 = 2;

/// Patches beside and below each other in one square picture, from left to right and top to bottom, each as large as fits into its
/// place with its own pixels seen; `None` leaves a place empty. As many columns as rows.
pub fn mosaic(patches: &[Option<RgbImage>], patch_side: u32) -> RgbImage {
    let columns = (patches.len() as f64).sqrt().ceil().max(1.0) as u32;
    let pitch = patch_side + MOSAIC_GAP;
    let side = columns * pitch - MOSAIC_GAP;
    let mut all = RgbImage::from_pixel(side, side, image::Rgb(BACKGROUND));
    for (place, patch) in (0..).zip(patches) {
        let (left, top) = (place % columns * pitch, place / columns * pitch);
        let empty = RgbImage::from_pixel(patch_side, patch_side, image::Rgb(mix(BACKGROUND, LINE, 0.35)));
        imageops::replace(&mut all, &empty, left.into(), top.into());
        if let Some(patch) = patch.as_ref().filter(|patch| patch.width().min(patch.height()) > 0) {
            let drawn = fitted(patch, patch_side, patch.width().max(patch.height()) > patch_side);
            let [x, y] = [(left, drawn.width()), (top, drawn.height())]
                .map(|(edge, length)| i64::from(edge + (patch_side - length) / 2));
            imageops::replace(&mut all, &drawn, x, y);
        }
    }
    all
}

/// Marks a place without a map.
pub(super) fn draw_nothing(figure: &mut Figure, [x, y]: [u32; 2], side: u32) {
    let [left, top, side] = [x, y, side].map(|pixels| pixels as f32);
    figure.rect(left, top, side, side, mix(BACKGROUND, LINE, 0.35));
}

/// Captions under tiles of one width: whole or not at all, for half a number would be another number.
pub(super) struct Captions {
    size: f32,
    side: f32,
}

impl Captions {
    /// Captions under tiles of so many pixels.
    pub fn new(tile_side: u32) -> Self {
        Self { size: (tile_side / 10).clamp(12, 15) as f32, side: tile_side as f32 }
    }

    /// The lines of a caption; none where it has no room.
    fn lines(&self, caption: &str) -> Vec<String> {
        let (lines, whole) = wrap_text(caption, self.size, self.side, CAPTION_LINES);
        if whole { lines } else { Vec::new() }
    }

    /// True where every caption has room.
    fn all_fit<'a>(&self, mut captions: impl Iterator<Item = &'a str>) -> bool {
        captions.all(|caption| caption.trim().is_empty() || !self.lines(caption).is_empty())
    }

    /// Pixels under tiles that stand beside each other.
    pub fn height<'a>(&self, captions: impl Iterator<Item = &'a str>) -> u32 {
        match captions.map(|caption| self.lines(caption).len()).max() {
            None | Some(0) => 0,
            Some(lines) => lines as u32 * self.pitch() + 2,
        }
    }

    fn pitch(&self) -> u32 {
        self.size as u32 + 3
    }

    /// Writes a caption under the tile whose corner this is.
    pub fn draw(&self, figure: &mut Figure, [x, y]: [u32; 2], caption: &str) {
        let style = TextStyle::new(self.size, QUIET).anchored(Anchor::Middle);
        let first = y as f32 + self.side + self.size + 1.0;
        for (number, line) in self.lines(caption).iter().enumerate() {
            let baseline = first + (number as u32 * self.pitch()) as f32;
            figure.text(x as f32 + self.side / 2.0, baseline, line, style);
        }
    }
}

/// Columns of a grid of `count` cells, about as wide as high and with few places left over.
fn grid_columns(count: usize, pitch: [u64; 2]) -> usize {
    let square = (count as f64 * pitch[1] as f64 / pitch[0] as f64).sqrt();
    let cost = |columns: usize| {
        let rows = count.div_ceil(columns);
        let aspect = (columns as f64 * pitch[0] as f64) / (rows as f64 * pitch[1] as f64);
        aspect.ln().abs() + (rows * columns - count) as f64 / count as f64
    };
    let candidates =
        ((square * 0.75) as usize).max(1)..=((square * 1.4).ceil() as usize).clamp(1, count.max(1));
    candidates.min_by(|a, b| cost(*a).total_cmp(&cost(*b))).unwrap_or(1)
}

/// All maps of one layer in a grid about as wide as high. Captions are written where they have room under tiles of
/// `tile_side` pixels, under small tiles all or none; `smooth` as in [`super::Sheet`].
///
/// # Errors
/// [`FigureError::TooLarge`].
pub fn tile_grid_figure(
    title: &str,
    subtitle: &str,
    tiles: &[Tile],
    tile_side: u32,
    smooth: bool,
    legend: Option<&Legend>,
) -> Result<Figure, FigureError> {
    let captions = Captions::new(tile_side);
    let texts = || tiles.iter().map(|tile| tile.caption.as_str());
    let captioned = tile_side >= SOME_CAPTIONED || captions.all_fit(texts());
    let below = if captioned { captions.height(texts()) } else { 0 };
    // Small tiles stand nearer to each other.
    let gap = u64::from(if tile_side < 48 && below == 0 { 2 } else { GAP });
    let pitch = [0, below].map(|below| u64::from(tile_side) + gap + u64::from(below));
    let columns = grid_columns(tiles.len(), pitch);
    let rows = tiles.len().div_ceil(columns);

    let legend_width = legend.map_or(0, LegendStrip::least_width);
    let width = (columns as u64 * pitch[0] - gap).max(legend_width.into()).max(NARROWEST.into());
    let inner = width.min(super::MAX_SIDE.into()) as u32;
    let head = Head::new(title, subtitle, inner);
    let legend = legend.map(|legend| LegendStrip::new(legend, inner));
    let top = u64::from(MARGIN + head.height());
    let legend_top = top + (rows as u64 * pitch[1]).saturating_sub(gap);
    let height = legend_top + u64::from(legend.as_ref().map_or(0, LegendStrip::height) + MARGIN);
    let mut figure = figure_of(width + 2 * u64::from(MARGIN), height)?;
    head.draw(&mut figure);
    for (place, tile) in tiles.iter().enumerate() {
        // The figure is small enough that no position overflows.
        let (column, row) = ((place % columns) as u64, (place / columns) as u64);
        let at = [u64::from(MARGIN) + column * pitch[0], top + row * pitch[1]].map(|edge| edge as u32);
        draw_map(&mut figure, at, tile_side, &tile.picture, smooth);
        if captioned {
            captions.draw(&mut figure, at, &tile.caption);
        }
    }
    if let Some(legend) = legend {
        legend.draw(&mut figure, legend_top as u32);
    }
    Ok(figure)
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;
    use crate::figure::{Legend, MAX_SIDE};

    fn map(width: u32, height: u32) -> RgbImage {
        RgbImage::from_fn(width, height, |x, y| Rgb([x as u8 + 1, y as u8 + 1, 200]))
    }

    fn tiles(count: usize, side: u32) -> Vec<Tile> {
        (0..count).map(|n| Tile { picture: map(side, side), caption: n.to_string() }).collect()
    }

    fn legend() -> Legend {
        let table = std::array::from_fn(|entry| [entry as u8, 7, 255 - entry as u8]);
        Legend { table, low: "−1.5".into(), high: "4".into(), text: "one range for all".into() }
    }

    #[test]
    fn every_value_is_a_square() {
        let mut figure = Figure::new(60, 60).unwrap();
        draw_map(&mut figure, [10, 10], 40, &map(7, 3), false);
        let drawn = figure.to_picture().unwrap();
        // Five times fits; 35 × 15 pixels in the middle of 40 × 40.
        for (x, y, pixel) in drawn.enumerate_pixels() {
            let inside = (12..47).contains(&x) && (22..37).contains(&y);
            let expected =
                if inside { [(x - 12) as u8 / 5 + 1, (y - 22) as u8 / 5 + 1, 200] } else { BACKGROUND };
            assert_eq!(pixel.0, expected, "{x} {y}");
        }
    }

    #[test]
    fn where_whole_multiples_are_small_the_square_is_filled() {
        for (width, height) in [(9, 9), (30, 30), (1, 1), (299, 299), (40, 1), (1, 5000)] {
            let mut figure = Figure::new(16, 16).unwrap();
            draw_map(&mut figure, [0, 0], 16, &map(width, height), false);
            let drawn = figure.to_picture().unwrap();
            let covered = drawn.pixels().filter(|pixel| pixel.0 != BACKGROUND).count();
            assert!(covered >= 16 && (width != height || covered == 256), "{width} {height} {covered}");
            // Nearest: no colour that the map lacks.
            assert!(drawn.pixels().all(|pixel| pixel.0[2] == 200 || pixel.0 == BACKGROUND));
        }
        let mut figure = Figure::new(16, 16).unwrap();
        draw_map(&mut figure, [0, 0], 16, &RgbImage::new(0, 5), false);
        draw_map(&mut figure, [0, 0], 0, &map(3, 3), true);
        assert!(figure.to_picture().unwrap().pixels().all(|pixel| pixel.0 == BACKGROUND));
    }

    #[test]
    fn a_mosaic_has_every_patch_in_its_place() {
        let patch = |color: u8| Some(RgbImage::from_pixel(2, 2, Rgb([color; 3])));
        let all = mosaic(&[patch(1), None, patch(3), patch(4), patch(5)], 10);
        assert_eq!(all.dimensions(), (34, 34));
        let at = |column: u32, row: u32| all.get_pixel(column * 12 + 5, row * 12 + 5).0[0];
        assert_eq!([at(0, 0), at(2, 0), at(0, 1), at(1, 1)], [1, 3, 4, 5]);
        assert!(at(1, 0) > 5 && all.get_pixel(10, 10).0 == BACKGROUND);
        assert_eq!(mosaic(&[], 10).dimensions(), (10, 10));
    }

    #[test]
    fn smooth_ones_have_colours_between() {
        let two = RgbImage::from_fn(2, 1, |x, _| Rgb([x as u8 * 200; 3]));
        let mut figure = Figure::new(40, 40).unwrap();
        draw_map(&mut figure, [0, 0], 40, &two, true);
        let middle = figure.to_picture().unwrap().get_pixel(20, 20).0[0];
        assert!((80..120).contains(&middle), "{middle}");
    }

    #[test]
    fn grids_are_nearly_square_and_captioned_where_there_is_room() {
        for (count, side) in
            [(0, 50), (1, 8), (3, 147), (32, 96), (64, 96), (288, 60), (2048, 40), (2048, 24), (2048, 12)]
        {
            let figure =
                tile_grid_figure("layer", "of a net", &tiles(count, 5), side, false, Some(&legend()));
            let figure = figure.unwrap();
            let texts = figure.checked_texts();
            let captions = texts.iter().filter(|(text, _)| text.parse::<usize>().is_ok()).count();
            match side {
                12 | 24 => assert_eq!(captions, 1, "only the legend's end is a number under {side} pixels"),
                _ => assert_eq!(captions, count + 1, "{captions} of {count}"),
            }
            let aspect = figure.width() as f32 / figure.height() as f32;
            assert!(count < 64 || (0.7..1.4).contains(&aspect), "{count} {aspect}");
        }
        assert_eq!(grid_columns(64, [100, 115]), 8);
        assert_eq!(grid_columns(0, [100, 100]), 1);
    }

    #[test]
    fn captions_are_whole_or_absent() {
        let mut tiles = tiles(4, 5);
        tiles[2].caption = "17: 0.000123 … 12345.678".into();
        for side in [40, 64, 90, 200] {
            let figure = tile_grid_figure("", "", &tiles, side, false, None).unwrap();
            let texts = figure.checked_texts();
            let written: String = texts.iter().map(|(text, _)| *text).filter(|text| text.len() > 1).collect();
            let found = written.replace(' ', "");
            assert!(found.is_empty() || found == tiles[2].caption.replace(' ', ""), "{side}: {texts:?}");
            assert!(side < 90 || !found.is_empty(), "{side}");
            let others = texts.iter().filter(|(text, _)| text.len() == 1).count();
            assert_eq!(others, if side < 72 { 0 } else { 3 }, "{side}");
        }
    }

    #[test]
    fn the_legend_shows_every_colour_once() {
        let figure = tile_grid_figure("", "", &tiles(9, 8), 64, false, Some(&legend())).unwrap();
        let drawn = figure.to_picture().unwrap();
        let strip = (0..drawn.height()).find_map(|y| {
            let row: Vec<[u8; 3]> = (0..drawn.width()).map(|x| drawn.get_pixel(x, y).0).collect();
            row.windows(256).find(|part| **part == legend().table).map(<[_]>::to_vec)
        });
        assert!(strip.is_some());
        let texts = figure.checked_texts();
        assert!(
            ["−1.5", "4", "one range for all"].iter().all(|end| texts.iter().any(|(text, _)| text == end))
        );
    }

    #[test]
    fn too_many_too_large_tiles_are_refused() {
        for side in [1000, MAX_SIDE, u32::MAX] {
            let error = tile_grid_figure("", "", &tiles(2048, 3), side, false, None).unwrap_err();
            assert!(matches!(error, FigureError::TooLarge { .. }), "{error}");
        }
    }
}
