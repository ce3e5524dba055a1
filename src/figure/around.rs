//! What stands around tiles: margins, title and subtitle, the legend of the colours. Any thread.

use image::RgbImage;

use super::canvas::{Figure, FigureError, QUIET, TEXT};
use super::font::{fit_text, text_width, wrap_text};
use super::marks::TextStyle;

/// Pixels from the figure's edge to what is in it.
pub(super) const MARGIN: u32 = 20;
/// Narrowest figure inside its margins, so that its title has room.
pub(super) const NARROWEST: u32 = 420;

/// Height of the legend's strip; it is as wide as its table is long.
const STRIP_HEIGHT: u32 = 14;
const SUBTITLE_LINES: usize = 3;

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
    /// The text below the strip, where it has no room beside it.
    below: Vec<String>,
}

impl<'a> LegendStrip<'a> {
    const SIZE: f32 = 13.0;
    const BESIDE: f32 = 8.0;
    const BEFORE_TEXT: f32 = 28.0;
    const ABOVE: u32 = 16;
    const LINES: usize = 3;

    /// Pixels that ends and colours need beside each other.
    pub fn least_width(legend: &Legend) -> u32 {
        let ends = [&legend.low, &legend.high].map(|end| text_width(end, Self::SIZE * 1.6));
        (ends[0] + ends[1] + 2.0 * Self::BESIDE + 256.0).ceil() as u32
    }

    /// Fits it to the width of the figure inside its margins.
    pub fn new(legend: &'a Legend, width: u32) -> Self {
        let size = Self::SIZE * enlargement(width);
        let ends = [&legend.low, &legend.high].map(|end| text_width(end, size));
        let mut strip = Self { legend, size, ends, below: vec![] };
        let needed = strip.end() + Self::BEFORE_TEXT + text_width(&legend.text, size);
        if !legend.text.is_empty() && needed > width as f32 {
            (strip.below, _) = wrap_text(&legend.text, size, width as f32, Self::LINES);
        }
        strip
    }

    /// From the margin to the end of the high end.
    fn end(&self) -> f32 {
        self.ends[0] + self.ends[1] + 2.0 * Self::BESIDE + 256.0
    }

    /// Pixels it takes, with the space over it.
    pub fn height(&self) -> u32 {
        let text = self.below.len() as f32 * self.size * 1.5;
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
        let style = TextStyle::new(self.size, QUIET);
        if self.below.is_empty() {
            let x = margin + self.end() + Self::BEFORE_TEXT;
            figure.text(x, baseline, &self.legend.text, style);
        }
        for (row, line) in self.below.iter().enumerate() {
            figure.text(margin, baseline + (row + 1) as f32 * self.size * 1.5, line, style);
        }
    }
}

/// Paragraphs under everything, as wide as the figure.
pub(super) struct Notes {
    lines: Vec<String>,
    size: f32,
}

impl Notes {
    const SIZE: f32 = 13.0;
    const LINES: usize = 4;
    const ABOVE: f32 = 14.0;

    /// Fits them to the width of the figure inside its margins.
    pub fn new(notes: &[String], width: u32) -> Self {
        let size = Self::SIZE * enlargement(width);
        let lines = notes.iter().flat_map(|note| wrap_text(note, size, width as f32, Self::LINES).0);
        Self { lines: lines.collect(), size }
    }

    /// Pixels they take, with the space over them.
    pub fn height(&self) -> u32 {
        match self.lines.len() {
            0 => 0,
            count => (Self::ABOVE + count as f32 * self.size * 1.4).ceil() as u32,
        }
    }

    /// Writes them in a space that begins at `top`.
    pub fn draw(&self, figure: &mut Figure, top: u32) {
        let style = TextStyle::new(self.size, QUIET);
        for (row, line) in self.lines.iter().enumerate() {
            let y = top as f32 + Self::ABOVE + self.size + row as f32 * self.size * 1.4;
            figure.text(MARGIN as f32, y, line, style);
        }
    }
}

/// A figure of these sides, which may be beyond all numbers.
pub(super) fn figure_of(width: u64, height: u64) -> Result<Figure, FigureError> {
    match (u32::try_from(width), u32::try_from(height)) {
        (Ok(width), Ok(height)) => Figure::new(width, height),
        _ => Err(FigureError::TooLarge { width, height }),
    }
}
