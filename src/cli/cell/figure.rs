//! A cell's sum as a figure: patches and kernels of its strongest input channels, and the lines of the sum.

use crate::figure::{
    ACCENT, Anchor, Figure, FigureError, LINE, QUIET, TEXT, TextStyle, text_width, wrap_text,
};
use crate::inspect::cell::{CellSum, Told, four_digits};

const MARGIN: f32 = 24.0;
const WIDTH: f32 = 640.0;
const TITLE: f32 = 20.0;
const SIZE: f32 = 14.0;
const LINE_HEIGHT: f32 = 21.0;

/// A place with its number, and one without.
const NUMBERED: [f32; 2] = [66.0, 26.0];
const PLAIN: f32 = 18.0;

/// Kernels with more columns have no numbers in them.
const MOST_COLUMNS: usize = 5;

/// Between patch and kernel.
const SIGN: f32 = 28.0;

const GROUND: [u8; 3] = [0x1e, 0x21, 0x27];
const POSITIVE: [u8; 3] = [0xc0, 0x48, 0x3a];
const NEGATIVE: [u8; 3] = [0x3d, 0x6f, 0xc4];

/// Draws it. `picture`: what the network looked at.
pub fn draw(sum: &CellSum, told: &Told, picture: &str) -> Result<Figure, FigureError> {
    let is_numbered = sum.size[1] <= MOST_COLUMNS;
    let [rows, columns] = sum.size;
    let empty = Some(told.empty).filter(|_| is_numbered);
    let cell = if is_numbered { NUMBERED } else { [PLAIN; 2] };
    let [wide, high] = [columns as f32 * cell[0], rows as f32 * cell[1]];
    let width = WIDTH.max(2.0 * wide + SIGN).max(text_width(&told.title, TITLE));
    let wrapped = |text: &str| wrap_text(text, SIZE, width, 4).0;
    let heads: Vec<String> = [picture, &told.from].iter().flat_map(|text| wrapped(text)).collect();
    let notes: Vec<String> = told.notes.iter().flat_map(|note| wrapped(note)).collect();
    let part_height = LINE_HEIGHT + high + 10.0;
    let lines = heads.len() + told.lines.len() + notes.len();
    let height = 2.0 * MARGIN
        + 1.5 * TITLE
        + LINE_HEIGHT * (lines + 1) as f32
        + part_height * sum.parts.len() as f32
        + 24.0;
    let mut figure = Figure::new((width + 2.0 * MARGIN).ceil() as u32, height.ceil() as u32)?;
    let style = |colour| TextStyle::new(SIZE, colour);
    let mut y = MARGIN + TITLE;
    figure.text(MARGIN, y, &told.title, TextStyle::new(TITLE, TEXT));
    y += 0.4 * TITLE;
    for line in &heads {
        y += LINE_HEIGHT;
        figure.text(MARGIN, y, line, style(QUIET));
    }
    y += 8.0;
    for part in &sum.parts {
        y += LINE_HEIGHT;
        let text = format!("channel {}: what is read × the kernel", part.channel);
        figure.text(MARGIN, y, &text, style(TEXT));
        y += 7.0;
        let kernel: Vec<_> = part.kernel.iter().copied().map(Some).collect();
        grid(&mut figure, [MARGIN, y], &part.patch, columns, cell, empty);
        let middle = [MARGIN + wide + 0.5 * SIGN, y + 0.5 * high + 5.0];
        figure.text(middle[0], middle[1], "×", style(TEXT).anchored(Anchor::Middle));
        grid(&mut figure, [MARGIN + wide + SIGN, y], &kernel, columns, cell, empty);
        y += high + 3.0;
    }
    y += 8.0;
    for line in &told.lines {
        if line.text == "sum" {
            figure.line([MARGIN, y + 6.0], [MARGIN + width, y + 6.0], 1.0, LINE);
        }
        y += LINE_HEIGHT;
        let colour = if line.is_result { TEXT } else { QUIET };
        figure.text(MARGIN, y, &line.text, style(colour));
        let end = told.lines.last() == Some(line);
        let colour = if end { ACCENT } else { colour };
        figure.text(MARGIN + width, y, &line.number, style(colour).anchored(Anchor::End));
    }
    y += 6.0;
    for note in &notes {
        y += LINE_HEIGHT;
        figure.text(MARGIN, y, note, style(QUIET));
    }
    Ok(figure)
}

/// Numbers in their places: red above zero, blue below; `empty` is what places without one are called, where numbers have room.
fn grid(
    figure: &mut Figure,
    [left, top]: [f32; 2],
    values: &[Option<f32>],
    columns: usize,
    [wide, high]: [f32; 2],
    empty: Option<&str>,
) {
    let is_numbered = empty.is_some();
    let reach = values.iter().flatten().fold(0.0_f32, |reach, value| reach.max(value.abs()));
    for (at, value) in values.iter().enumerate() {
        let x = left + (at % columns) as f32 * wide;
        let y = top + (at / columns) as f32 * high;
        let middle = [x + 0.5 * wide, y + 0.5 * high + 4.5];
        let small = TextStyle::new(12.5, TEXT).anchored(Anchor::Middle);
        let Some(value) = *value else {
            figure.rect(x + 0.5, y + 0.5, wide - 1.0, high - 1.0, LINE);
            if let Some(empty) = empty {
                figure.text(middle[0], middle[1], empty, TextStyle { colour: QUIET, ..small });
            }
            continue;
        };
        let strength = if reach > 0.0 { value.abs() / reach } else { 0.0 };
        let strength = if is_numbered { 0.75 * strength } else { strength };
        let to = if value < 0.0 { NEGATIVE } else { POSITIVE };
        let level = |from: u8, to: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * strength) as u8;
        let color = [0, 1, 2].map(|at| level(GROUND[at], to[at]));
        figure.rect(x + 0.5, y + 0.5, wide - 1.0, high - 1.0, color);
        if is_numbered {
            figure.text(middle[0], middle[1], &four_digits(value), small);
        }
    }
}
