//! Bars one below the other, each with a name, a number and perhaps a spread: what a ranking is shown as.

use super::axes::Scale;
use super::canvas::{ACCENT, BACKGROUND, Figure, FigureError, LINE, QUIET, TEXT, mix};
use super::font::{fit_text, text_width};
use super::marks::{Anchor, TextStyle};

const WIDTH: u32 = 1000;
const MARGIN: f32 = 24.0;
const TITLE_SIZE: f32 = 24.0;
const TEXT_SIZE: f32 = 17.0;
const SMALL_SIZE: f32 = 15.0;
const ROW: f32 = 28.0;
const TOP: f32 = 116.0;
/// From a name, or a number, to the bars.
const GAP: f32 = 12.0;

/// One row.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// At the left.
    pub name: String,
    /// The bar's length.
    pub value: f32,
    /// Half of the line over the bar's end.
    pub spread: Option<f32>,
    /// At the right.
    pub number: String,
}

/// The rows from top to bottom, under a title and a line that explains.
///
/// # Errors
/// Where there are more rows than a figure has room for.
pub fn ranked_bars(title: &str, explained: &str, rows: &[Ranked]) -> Result<Figure, FigureError> {
    let height = TOP + ROW * rows.len() as f32 + 52.0;
    let mut figure = Figure::new(WIDTH, height as u32)?;
    let room = WIDTH as f32 - 2.0 * MARGIN;
    figure.text(MARGIN, 42.0, &fit_text(title, TITLE_SIZE, room), TextStyle::new(TITLE_SIZE, TEXT));
    figure.text(MARGIN, 72.0, &fit_text(explained, SMALL_SIZE, room), TextStyle::new(SMALL_SIZE, QUIET));
    let widest = |texts: &mut dyn Iterator<Item = &String>| {
        texts.map(|text| text_width(text, TEXT_SIZE)).fold(0.0, f32::max)
    };
    let names = widest(&mut rows.iter().map(|row| &row.name)).min(room * 0.4);
    let numbers = widest(&mut rows.iter().map(|row| &row.number)).min(room * 0.3);
    let (left, right) = (MARGIN + names + GAP, WIDTH as f32 - MARGIN - numbers - GAP);
    let ends: Vec<f32> = rows
        .iter()
        .filter(|row| row.value.is_finite())
        .flat_map(|row| {
            let spread = row.spread.filter(|spread| spread.is_finite()).unwrap_or_default();
            [row.value - spread, row.value + spread, 0.0]
        })
        .collect();
    let (low, high) = ends.iter().fold((0.0f32, 0.0f32), |(low, high), end| (low.min(*end), high.max(*end)));
    let span = (high - low).max(f32::MIN_POSITIVE);
    let x = |value: f32| left + (right - left) * (value - low) / span;
    let bottom = TOP + ROW * rows.len() as f32;
    let scale = Scale::covering(&[low, high], 5);
    for tick in scale.ticks() {
        let at = x(tick as f32);
        if (left - 0.5..=right + 0.5).contains(&at) {
            figure.line([at, TOP], [at, bottom], 1.0, LINE);
            let style = TextStyle::new(SMALL_SIZE, QUIET).anchored(Anchor::Middle);
            figure.text(at, bottom + 20.0, &scale.label(tick, false), style);
        }
    }
    for (place, row) in rows.iter().enumerate() {
        let top = TOP + ROW * place as f32;
        let baseline = top + ROW * 0.5 + TEXT_SIZE * 0.35;
        let name = TextStyle::new(TEXT_SIZE, TEXT).anchored(Anchor::End);
        figure.text(left - GAP, baseline, &fit_text(&row.name, TEXT_SIZE, names), name);
        let number = TextStyle::new(TEXT_SIZE, ACCENT);
        figure.text(right + GAP, baseline, &fit_text(&row.number, TEXT_SIZE, numbers), number);
        if !row.value.is_finite() {
            continue;
        }
        let [from, to] = [x(row.value.min(0.0)), x(row.value.max(0.0))];
        figure.rect(from, top + 5.0, (to - from).max(1.0), ROW - 10.0, mix(BACKGROUND, ACCENT, 0.75));
        if let Some(spread) = row.spread.filter(|spread| spread.is_finite()) {
            let ends = [row.value - spread, row.value + spread].map(x);
            let middle = top + ROW / 2.0;
            figure.line([ends[0], middle], [ends[1], middle], 2.0, TEXT);
            for end in ends {
                figure.line([end, middle - 5.0], [end, middle + 5.0], 2.0, TEXT);
            }
        }
    }
    let zero = x(0.0);
    figure.line([zero, TOP], [zero, bottom], 1.5, QUIET);
    Ok(figure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_go_both_ways_from_zero_and_odd_values_are_left_out() {
        let row = |name: &str, value: f32, spread| Ranked {
            name: name.into(),
            value,
            spread,
            number: format!("{value}"),
        };
        let rows =
            [row("a", 2.0, Some(0.5)), row("b", -1.0, None), row(&"long ".repeat(50), f32::NAN, Some(1.0))];
        let figure = ranked_bars("title", "explained", &rows).unwrap();
        assert!(figure.checked_texts().iter().any(|(text, _)| *text == "b"));
        let drawn = figure.to_picture().unwrap();
        let filled = mix(BACKGROUND, ACCENT, 0.75);
        let bar = |row: f32| {
            let y = (TOP + ROW * row + 7.0) as u32;
            (0..WIDTH).filter(|x| drawn.get_pixel(*x, y).0 == filled).collect::<Vec<_>>()
        };
        let (up, down) = (bar(0.0), bar(1.0));
        assert!((up.len() as f32 / down.len() as f32 - 2.0).abs() < 0.05, "{} {}", up.len(), down.len());
        assert!(down.last().unwrap() <= up.first().unwrap() && bar(2.0).is_empty());
        ranked_bars("", "", &[]).unwrap().checked_texts();
    }
}
