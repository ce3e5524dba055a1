//! Tiles with captions, the legend of their colours, and the plain grid of one layer. Any thread.

use image::RgbImage;
use image::imageops;

use super::FigureError;
use super::canvas::{Figure, LINE, QUIET, TEXT, mix};
use super::font::{fit_text, text_width, wrap_text};
use super::marks::{Anchor, TextStyle};

/// Pixels from the figure's edge to what is in it.
pub(super) const MARGIN: u32 = 20;
/// Pixels between tiles.
pub(super) const GAP: u32 = 6;
/// Narrowest figure inside its margins, so that its title has room.
pub(super) const NARROWEST: u32 = 420;

const CAPTION_LINES: usize = 2;
/// Height of the legend's strip; it is as wide as its table is long.
const STRIP_HEIGHT: u32 = 14;
const SUBTITLE_LINES: usize = 3;

/// One coloured map.
#[derive(Clone, Debug)]
pub struct Tile {
    /// The map, one pixel a value.
    pub picture: RgbImage,
    /// Stands under it; may be empty.
    pub caption: String,
}

/// What the colours stand for.
#[derive(Clone, Debug)]
pub struct Legend {
    /// The colours, red, green, blue, from low to high.
    pub table: [[u8; 3]; 256],
    /// What the first stands for.
    pub low: String,
    /// What the last stands for.
    pub high: String,
    /// Anything else there is to say; may be empty.
    pub text: String,
}

/// Draws a map as large as fits into a square, its aspect kept, in the middle of it. Where whole multiples of its
/// pixels fill at least four fifths of the square they are used, so that every value is a square of the same size.
/// `smooth`: colours between pixels are interpolated; otherwise each pixel is the nearest value.
pub(super) fn draw_map(figure: &mut Figure, [x, y]: [u32; 2], side: u32, map: &RgbImage, smooth: bool) {
    let longest = map.width().max(map.height());
    if map.width().min(map.height()) == 0 || side == 0 {
        return;
    }
    let whole = side / longest * longest;
    let longest_drawn = if u64::from(whole) * 5 >= u64::from(side) * 4 { whole } else { side };
    let [width, height] = [map.width(), map.height()].map(|cells| {
        let pixels =
            (u64::from(cells) * u64::from(longest_drawn) + u64::from(longest) / 2) / u64::from(longest);
        pixels.clamp(1, side.into()) as u32
    });
    let drawn = if smooth {
        imageops::resize(map, width, height, imageops::FilterType::Triangle)
    } else {
        // The value in whose cell the pixel's middle lies.
        let cell = |pixel: u32, pixels: u32, cells: u32| {
            ((2 * u64::from(pixel) + 1) * u64::from(cells) / (2 * u64::from(pixels))) as u32
        };
        RgbImage::from_fn(width, height, |column, row| {
            *map.get_pixel(cell(column, width, map.width()), cell(row, height, map.height()))
        })
    };
    figure.picture(x + (side - width) / 2, y + (side - height) / 2, &drawn);
}

/// Marks a place without a map.
pub(super) fn draw_nothing(figure: &mut Figure, [x, y]: [u32; 2], side: u32) {
    let [left, top, side] = [x, y, side].map(|pixels| pixels as f32);
    figure.rect(left, top, side, side, mix(super::BACKGROUND, LINE, 0.35));
}

/// Captions under tiles of one width: whole or not at all, for half a number would be another number.
pub(super) struct Captions {
    size: f32,
    side: f32,
}

impl Captions {
    /// Captions under tiles of so many pixels.
    pub fn new(tile_side: u32) -> Self {
        Self { size: if tile_side < 100 { 12.0 } else { 13.0 }, side: tile_side as f32 }
    }

    /// The lines of a caption; none where it has no room.
    fn lines(&self, caption: &str) -> Vec<String> {
        let (lines, whole) = wrap_text(caption, self.size, self.side, CAPTION_LINES);
        if whole { lines } else { Vec::new() }
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

/// How much larger words around the tiles are in a figure of this width, which will be shown smaller.
pub(super) fn enlargement(width: u32) -> f32 {
    (width as f32 / 1400.0).clamp(1.0, 1.6)
}

/// What stands over the content of a figure: title and subtitle.
pub(super) struct Head {
    title: String,
    subtitle: Vec<String>,
    scale: f32,
}

impl Head {
    const TITLE: f32 = 22.0;
    const SUBTITLE: f32 = 14.0;

    /// Fits both to the width of the figure inside its margins.
    pub fn new(title: &str, subtitle: &str, width: u32) -> Self {
        let scale = enlargement(width);
        let (subtitle, _) = wrap_text(subtitle, Self::SUBTITLE * scale, width as f32, SUBTITLE_LINES);
        Self { title: fit_text(title, Self::TITLE * scale, width as f32), subtitle, scale }
    }

    /// Pixels it takes, with the space under it.
    pub fn height(&self) -> u32 {
        let title = if self.title.is_empty() { 0.0 } else { 1.4 * Self::TITLE };
        let subtitle = self.subtitle.len() as f32 * Self::SUBTITLE * 1.35;
        let below = if title + subtitle > 0.0 { 12.0 } else { 0.0 };
        ((title + subtitle + below) * self.scale).ceil() as u32
    }

    /// Draws it at the top.
    pub fn draw(&self, figure: &mut Figure) {
        let [title, subtitle] = [Self::TITLE, Self::SUBTITLE].map(|size| size * self.scale);
        let [left, top] = [MARGIN as f32; 2];
        figure.text(left, top + 0.9 * title, &self.title, TextStyle::new(title, TEXT));
        let first = top + subtitle + if self.title.is_empty() { 0.0 } else { 1.4 * title };
        for (row, line) in self.subtitle.iter().enumerate() {
            let y = first + row as f32 * subtitle * 1.35;
            figure.text(left, y, line, TextStyle::new(subtitle, QUIET));
        }
    }
}

/// A legend laid out for a figure: low end, colours, high end, then the text, under them where it has no room.
pub(super) struct LegendStrip<'a> {
    legend: &'a Legend,
    size: f32,
    /// Widths of low and high end.
    ends: [f32; 2],
    breaks: bool,
}

impl<'a> LegendStrip<'a> {
    const SIZE: f32 = 13.0;
    const BESIDE: f32 = 8.0;
    const BEFORE_TEXT: f32 = 28.0;
    const ABOVE: u32 = 16;

    /// Pixels that ends and colours need beside each other.
    pub fn least_width(legend: &Legend) -> u32 {
        let ends = [&legend.low, &legend.high].map(|end| text_width(end, Self::SIZE * 1.6));
        (ends[0] + ends[1] + 2.0 * Self::BESIDE + 256.0).ceil() as u32
    }

    /// Fits it to the width of the figure inside its margins.
    pub fn new(legend: &'a Legend, width: u32) -> Self {
        let size = Self::SIZE * enlargement(width);
        let ends = [&legend.low, &legend.high].map(|end| text_width(end, size));
        let mut strip = Self { legend, size, ends, breaks: false };
        let needed = strip.end() + Self::BEFORE_TEXT + text_width(&legend.text, size);
        strip.breaks = !legend.text.is_empty() && needed > width as f32;
        strip
    }

    /// From the margin to the end of the high end.
    fn end(&self) -> f32 {
        self.ends[0] + self.ends[1] + 2.0 * Self::BESIDE + 256.0
    }

    /// Pixels it takes, with the space over it.
    pub fn height(&self) -> u32 {
        let text = if self.breaks { self.size * 1.5 } else { 0.0 };
        Self::ABOVE + STRIP_HEIGHT.max(self.size as u32) + text.ceil() as u32
    }

    /// Draws it in a space that begins at `top`.
    pub fn draw(&self, figure: &mut Figure, top: u32) {
        let margin = MARGIN as f32;
        let y = top + Self::ABOVE;
        let baseline = (y + STRIP_HEIGHT / 2) as f32 + self.size * 0.35;
        let style = TextStyle::new(self.size, TEXT);
        figure.text(margin, baseline, &self.legend.low, style);
        let left = (margin + self.ends[0] + Self::BESIDE) as u32;
        let table = &self.legend.table;
        let colours = RgbImage::from_fn(256, STRIP_HEIGHT, |column, _| image::Rgb(table[column as usize]));
        figure.picture(left, y, &colours);
        figure.text(left as f32 + 256.0 + Self::BESIDE, baseline, &self.legend.high, style);
        let (x, baseline) = match self.breaks {
            true => (margin, baseline + self.size * 1.5),
            false => (margin + self.end() + Self::BEFORE_TEXT, baseline),
        };
        let text = fit_text(&self.legend.text, self.size, figure.width() as f32 - margin - x);
        figure.text(x, baseline, &text, TextStyle::new(self.size, QUIET));
    }
}

/// A figure of these sides, which may be beyond all numbers.
pub(super) fn figure_of(width: u64, height: u64) -> Result<Figure, FigureError> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => Figure::new(width, height),
        _ => Err(FigureError::TooLarge { width, height }),
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
/// `tile_side` pixels; `smooth` as in [`super::Sheet`].
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
    let below = captions.height(tiles.iter().map(|tile| tile.caption.as_str()));
    // Small tiles stand nearer to each other.
    let gap = u64::from(if tile_side < 48 { 2 } else { GAP });
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
        captions.draw(&mut figure, at, &tile.caption);
    }
    if let Some(legend) = legend {
        legend.draw(&mut figure, legend_top as u32);
    }
    Ok(figure)
}
