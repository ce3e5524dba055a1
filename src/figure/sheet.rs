//! Sheets: layers side by side, one row a choice, every column under its heading. Any thread.

use super::around::{Head, Legend, LegendStrip, MARGIN, NARROWEST, Notes, enlargement, figure_of};
use super::canvas::{Figure, FigureError, QUIET, TEXT};
use super::font::{fit_text, text_width, wrap_text};
use super::marks::{Anchor, TextStyle};
use super::tiles::{Captions, GAP, Tile, draw_map, draw_nothing};

/// What stands over a column.
#[derive(Clone, Debug, Default)]
pub struct Heading {
    /// Line by line, such as `4`, `conv2d_1`, `147×147×32`. The second (or only) one is the column's name; the
    /// others stand back.
    pub lines: Vec<String>,
}

/// A table of tiles.
#[derive(Clone, Debug)]
pub struct Sheet {
    /// Over everything; may be empty.
    pub title: String,
    /// Under the title; may be empty.
    pub subtitle: String,
    /// Headings from left to right.
    pub columns: Vec<Heading>,
    /// Names of the rows from top to bottom; may be empty.
    pub rows: Vec<String>,
    /// Rows of as many tiles as there are columns; missing ones are left blank.
    pub cells: Vec<Vec<Option<Tile>>>,
    /// Pixels of a tile's longer side.
    pub tile_side: u32,
    /// True: colours are interpolated between pixels; false: every pixel is the nearest value.
    pub smooth: bool,
    /// What the colours stand for.
    pub legend: Option<Legend>,
    /// Paragraphs under everything else.
    pub notes: Vec<String>,
}

/// Sizes and numbers of lines that headings may have, the most readable first.
const HEADING_FORMS: [(f32, usize); 13] = [
    (18.0, 1),
    (17.0, 1),
    (16.0, 1),
    (15.0, 1),
    (18.0, 2),
    (17.0, 2),
    (16.0, 2),
    (15.0, 2),
    (14.0, 1),
    (14.0, 2),
    (13.0, 2),
    (12.0, 2),
    (12.0, 3),
];
/// Largest of them where the figure is not enlarged.
const HEADING_SIZE: f32 = 15.0;
/// Pixels by which a heading is narrower than its tiles at least.
const HEADING_INSET: f32 = 4.0;
const SIDEWAYS_SIZE: f32 = 13.0;
const SIDEWAYS_PITCH: f32 = 17.0;
const HIGHEST_SIDEWAYS: f32 = 250.0;
const ROW_SIZE: f32 = 14.0;
const WIDEST_ROW_NAME: f32 = 170.0;
const BETWEEN_NAMES_AND_TILES: u32 = 12;

/// How all headings of a sheet are written.
enum Headings {
    /// Upright: by column, by line of the heading, its broken lines.
    Upright { size: f32, columns: Vec<Vec<Vec<String>>>, heights: Vec<usize> },
    /// Reading upwards: by column its lines beside each other; every so manyth column has them.
    Sideways { columns: Vec<Vec<String>>, every: usize, height: f32 },
}

impl Headings {
    /// The first form in which every heading is whole; sideways where there is none. `pitch`: from one column to
    /// the next; `scale`: see [`enlargement`].
    fn new(columns: &[Heading], tile_side: u32, pitch: f32, scale: f32) -> Self {
        for (size, most) in HEADING_FORMS.into_iter().filter(|(size, _)| *size <= HEADING_SIZE * scale) {
            let mut whole = true;
            let broken: Vec<Vec<Vec<String>>> = columns
                .iter()
                .map(|heading| {
                    let lines = heading.lines.iter().map(|line| {
                        let (lines, fits) = wrap_text(line, size, tile_side as f32 - HEADING_INSET, most);
                        whole &= fits;
                        lines
                    });
                    lines.collect()
                })
                .collect();
            if whole {
                // Lines of the same meaning stand at the same height in all columns.
                let slots = broken.iter().map(Vec::len).max().unwrap_or(0);
                let height = |slot: usize| broken.iter().filter_map(|c| c.get(slot)).map(Vec::len).max();
                let heights = (0..slots).map(|slot| height(slot).unwrap_or(0)).collect();
                return Self::Upright { size, columns: broken, heights };
            }
        }
        let lines = columns.iter().map(|heading| heading.lines.len()).max().unwrap_or(0);
        let beside = lines as f32 * SIDEWAYS_PITCH <= pitch;
        let columns: Vec<Vec<String>> = columns
            .iter()
            .map(|heading| {
                let lines = if beside { heading.lines.clone() } else { vec![heading.lines.join("  ·  ")] };
                lines.iter().map(|line| fit_text(line, SIDEWAYS_SIZE, HIGHEST_SIDEWAYS)).collect()
            })
            .collect();
        let widths = columns.iter().flatten().map(|line| text_width(line, SIDEWAYS_SIZE));
        let height = widths.fold(0.0, f32::max);
        Self::Sideways { columns, every: (SIDEWAYS_PITCH / pitch).ceil().max(1.0) as usize, height }
    }

    /// Pixels they take, with the space under them.
    fn height(&self) -> u32 {
        let height = match self {
            Self::Upright { size, heights, .. } => heights.iter().sum::<usize>() as f32 * line_pitch(*size),
            Self::Sideways { height, .. } => *height,
        };
        if height > 0.0 { height.ceil() as u32 + 10 } else { 0 }
    }

    /// Draws them over columns whose middles are given, from `top`.
    fn draw(&self, figure: &mut Figure, top: f32, middles: &[f32]) {
        let colour = |slot: usize, slots: usize| if slot == usize::from(slots > 1) { TEXT } else { QUIET };
        match self {
            Self::Upright { size, columns, heights } => {
                for (slots, middle) in columns.iter().zip(middles) {
                    let mut y = top + size * 0.8;
                    for (slot, (lines, height)) in slots.iter().zip(heights).enumerate() {
                        let style = TextStyle::new(*size, colour(slot, slots.len())).anchored(Anchor::Middle);
                        for (row, line) in lines.iter().enumerate() {
                            figure.text(*middle, y + row as f32 * line_pitch(*size), line, style);
                        }
                        y += *height as f32 * line_pitch(*size);
                    }
                }
            }
            Self::Sideways { columns, every, height } => {
                for (lines, middle) in columns.iter().zip(middles).step_by(*every) {
                    let first = middle - (lines.len() as f32 - 1.0) / 2.0 * SIDEWAYS_PITCH;
                    for (slot, line) in lines.iter().enumerate() {
                        let x = first + slot as f32 * SIDEWAYS_PITCH + SIDEWAYS_SIZE * 0.35;
                        let style = TextStyle::new(SIDEWAYS_SIZE, colour(slot, lines.len())).upwards();
                        figure.text(x, top + height, line, style);
                    }
                }
            }
        }
    }
}

/// Names of rows, broken to a column at the left.
struct RowNames {
    names: Vec<Vec<String>>,
    size: f32,
    /// Pixels of the column with the space behind it; 0 without names.
    width: u32,
    /// Of rows lower than a line every so manyth is named.
    every: usize,
}

impl RowNames {
    fn new(rows: &[String], tile_side: u32, scale: f32) -> Self {
        let size = ROW_SIZE * scale;
        let most = ((tile_side as f32 / line_pitch(size)) as usize).max(1);
        let broken = rows.iter().map(|name| wrap_text(name, size, WIDEST_ROW_NAME * scale, most).0);
        let names: Vec<Vec<String>> = broken.collect();
        let widest = names.iter().flatten().map(|line| text_width(line, size)).fold(0.0, f32::max);
        let width = if widest > 0.0 { widest.ceil() as u32 + BETWEEN_NAMES_AND_TILES } else { 0 };
        let every = (line_pitch(size) / (tile_side.saturating_add(GAP)) as f32).ceil().max(1.0) as usize;
        Self { names, size, width, every }
    }

    /// Writes one beside the row whose middle is at `y`.
    fn draw(&self, figure: &mut Figure, row: usize, y: f32) {
        let style = TextStyle::new(self.size, TEXT).anchored(Anchor::End);
        let named = self.names.get(row).filter(|_| row.is_multiple_of(self.every));
        let lines = named.map(Vec::as_slice).unwrap_or_default();
        let right = (MARGIN + self.width.saturating_sub(BETWEEN_NAMES_AND_TILES)) as f32;
        let first = y - (lines.len() as f32 - 1.0) / 2.0 * line_pitch(self.size) + self.size * 0.35;
        for (number, line) in lines.iter().enumerate() {
            figure.text(right, first + number as f32 * line_pitch(self.size), line, style);
        }
    }
}

fn line_pitch(size: f32) -> f32 {
    size * 1.25
}

impl Sheet {
    /// Draws the sheet: title and subtitle, headings, rows of tiles with their captions, legend, notes.
    ///
    /// # Errors
    /// [`FigureError::TooLarge`].
    pub fn draw(&self) -> Result<Figure, FigureError> {
        let columns = self.cells.iter().map(Vec::len).max().unwrap_or(0).max(self.columns.len());
        let rows = self.cells.len().max(self.rows.len());
        let pitch = u64::from(self.tile_side) + u64::from(GAP);
        let tiles_width = (columns as u64 * pitch).saturating_sub(GAP.into());
        let names = RowNames::new(&self.rows, self.tile_side, enlargement(tiles_width.min(10_000) as u32));
        let left = MARGIN + names.width;

        let legend_width = self.legend.as_ref().map_or(0, LegendStrip::least_width);
        let width = (u64::from(names.width) + tiles_width).max(legend_width.into()).max(NARROWEST.into());
        let inner = width.min(super::MAX_SIDE.into()) as u32;
        let head = Head::new(&self.title, &self.subtitle, inner);
        let legend = self.legend.as_ref().map(|legend| LegendStrip::new(legend, inner));
        let notes = Notes::new(&self.notes, inner);
        let headings = Headings::new(&self.columns, self.tile_side, pitch as f32, enlargement(inner));
        let captions = Captions::new(self.tile_side);
        let mut y = u64::from(MARGIN + head.height() + headings.height());
        let mut tops = Vec::with_capacity(rows);
        for row in 0..rows {
            tops.push(y);
            let tiles = self.cells.get(row).into_iter().flatten().flatten();
            y += pitch + u64::from(captions.height(tiles.map(|tile| tile.caption.as_str())));
        }
        let legend_top = if rows > 0 { y - u64::from(GAP) } else { y };
        let notes_top = legend_top + u64::from(legend.as_ref().map_or(0, LegendStrip::height));
        let height = notes_top + u64::from(notes.height() + MARGIN);
        let mut figure = figure_of(width + 2 * u64::from(MARGIN), height)?;

        // The figure is small enough that no position overflows from here on.
        head.draw(&mut figure);
        let lefts: Vec<u32> = (0..columns as u64).map(|column| left + (column * pitch) as u32).collect();
        let half = self.tile_side as f32 / 2.0;
        let middles: Vec<f32> = lefts.iter().map(|x| *x as f32 + half).collect();
        headings.draw(&mut figure, (MARGIN + head.height()) as f32, &middles);
        for (row, top) in tops.iter().enumerate() {
            let top = *top as u32;
            names.draw(&mut figure, row, top as f32 + half);
            for (column, x) in lefts.iter().enumerate() {
                match self.cells.get(row).and_then(|cells| cells.get(column)).and_then(Option::as_ref) {
                    Some(tile) => {
                        draw_map(&mut figure, [*x, top], self.tile_side, &tile.picture, self.smooth);
                        captions.draw(&mut figure, [*x, top], &tile.caption);
                    }
                    None => draw_nothing(&mut figure, [*x, top], self.tile_side),
                }
            }
        }
        if let Some(legend) = legend {
            legend.draw(&mut figure, legend_top as u32);
        }
        notes.draw(&mut figure, notes_top as u32);
        Ok(figure)
    }
}

#[cfg(test)]
mod tests {
    use image::{Rgb, RgbImage};

    use super::*;

    fn tile(colour: [u8; 3]) -> Tile {
        Tile { picture: RgbImage::from_pixel(5, 5, Rgb(colour)), caption: "0 … 4.21".into() }
    }

    fn sheet(names: &[&str], rows: usize, tile_side: u32) -> Sheet {
        let heading = |(index, name): (usize, &&str)| Heading {
            lines: vec![index.to_string(), (*name).to_owned(), "147×147×32".to_owned()],
        };
        Sheet {
            title: "title".into(),
            subtitle: "sub".into(),
            columns: names.iter().enumerate().map(heading).collect(),
            rows: (0..rows).map(|row| format!("row {row} with a name of several words")).collect(),
            cells: vec![vec![Some(tile([200, 30, 40])); names.len()]; rows],
            tile_side,
            smooth: false,
            legend: Some(Legend {
                table: [[0; 3]; 256],
                low: "a".into(),
                high: "b".into(),
                text: "c".repeat(80),
            }),
            notes: vec!["a paragraph of some words ".repeat(12), "another one".into()],
        }
    }

    const NAMES: [&str; 15] = [
        "input_layer",
        "conv2d",
        "batch_normalization",
        "activation",
        "conv2d_1",
        "batch_normalization_91",
        "batch_normalization_92",
        "conv2d_2",
        "batch_normalization_2",
        "activation_2",
        "max_pooling2d",
        "average_pooling2d_8",
        "global_average_pooling2d",
        "concatenate_1",
        "predictions",
    ];

    #[test]
    fn headings_never_touch_and_are_whole() {
        for side in [16, 24, 48, 64, 80, 100, 120, 150, 224, 299] {
            let figure = sheet(&NAMES, 3, side).draw().unwrap();
            let texts = figure.checked_texts();
            let written: String = texts.iter().map(|(text, _)| *text).collect();
            // Broken lines follow each other, so that names read on.
            assert!(NAMES.iter().all(|name| written.contains(name)), "{side}: {written}");
        }
        // Columns narrower than letters are high: some headings are left out.
        let figure = sheet(&NAMES, 2, 4).draw().unwrap();
        let texts = figure.checked_texts();
        assert!(texts.iter().any(|(text, _)| text.contains("input_layer")));
    }

    #[test]
    fn endless_words_are_cut() {
        let endless = "x".repeat(500);
        let mut sheet = sheet(&[&endless, &endless], 2, 100);
        sheet.rows = vec![endless.clone(), endless.repeat(40)];
        sheet.title = endless.clone();
        sheet.subtitle = endless.clone();
        sheet.legend.as_mut().unwrap().text = endless.clone();
        let figure = sheet.draw().unwrap();
        figure.checked_texts();
        assert!(figure.height() < 900, "{}", figure.height());
    }

    #[test]
    fn rows_and_columns_may_be_missing() {
        let mut sheet = sheet(&NAMES[..3], 2, 60);
        sheet.cells = vec![vec![None, Some(tile([1, 2, 3]))], vec![], vec![Some(tile([4, 5, 6])); 4]];
        let drawn = sheet.draw().unwrap().to_picture().unwrap();
        let count = |colour: [u8; 3]| drawn.pixels().filter(|pixel| pixel.0 == colour).count();
        assert_eq!([count([1, 2, 3]), count([4, 5, 6])], [3600, 4 * 3600]);
        let none = Sheet {
            title: String::new(),
            subtitle: String::new(),
            columns: vec![],
            rows: vec![],
            cells: vec![],
            tile_side: 0,
            smooth: true,
            legend: None,
            notes: vec![],
        };
        none.draw().unwrap();
    }

    #[test]
    fn sheets_beyond_the_bounds_are_refused() {
        for side in [5000, u32::MAX] {
            let error = sheet(&NAMES, 3, side).draw().unwrap_err();
            assert!(matches!(error, FigureError::TooLarge { .. }), "{error}");
        }
    }
}
