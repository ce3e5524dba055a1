//! Scales, ticks and places for labels: what all plots share. Pure.

use super::canvas::{Figure, LINE, QUIET, TEXT};
use super::font::text_width;
use super::marks::{Anchor, TextStyle};

/// Size of the numbers along the axes.
pub(super) const TICK_SIZE: f32 = 14.0;

/// Most pixels of a bar from left to right.
const WIDEST_BAR: f32 = 96.0;

/// A range with round ends and round steps (1, 2 or 5 times a power of ten) that contains zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    pub low: f64,
    pub high: f64,
    pub step: f64,
}

impl Scale {
    /// The narrowest with about `steps` steps in which all finite values and zero lie; 0 to 1 where all are zero.
    pub fn covering(values: &[f32], steps: usize) -> Self {
        let finite = || values.iter().filter(|value| value.is_finite()).map(|value| f64::from(*value));
        let (least, most) = (finite().fold(0.0, f64::min), finite().fold(0.0, f64::max));
        let (least, most) = if least == most { (0.0, 1.0) } else { (least, most) };
        let step = nearest_step((most - least) / steps.max(1) as f64);
        // Quotients such as 0.6/0.2 come out a hair above a whole number.
        let up = |value: f64| (value / step - 1e-6).ceil().max(0.0) * step;
        Self { low: -up(-least), high: up(most), step }
    }

    /// The values at which lines and numbers stand, from low to high.
    pub fn ticks(&self) -> Vec<f64> {
        let count = ((self.high - self.low) / self.step).round() as usize;
        let first = (self.low / self.step).round();
        (0..=count).map(|number| (first + number as f64) * self.step).collect()
    }

    /// A tick as text with as many digits as its step has; `percent`: in hundredths.
    pub fn label(&self, tick: f64, percent: bool) -> String {
        let (hundred, unit) = if percent { (100.0, " %") } else { (1.0, "") };
        let (tick, step) = (tick * hundred, self.step * hundred);
        let digits = |value: f64| (value.log10() + 1e-9).floor() as i32;
        let largest = digits(self.high.max(-self.low) * hundred);
        if tick == 0.0 {
            format!("0{unit}")
        } else if largest > 5 || digits(step) < -4 {
            let decimals = (digits(tick.abs()) - digits(step)).max(0) as usize;
            format!("{tick:.decimals$e}{unit}")
        } else {
            let decimals = (-digits(step)).max(0) as usize;
            format!("{tick:.decimals$}{unit}")
        }
        .replace('-', "−")
    }
}

/// The nearest of 1, 2 and 5 times a power of ten, measured by their quotient.
fn nearest_step(step: f64) -> f64 {
    let power = 10f64.powi(step.log10().floor() as i32);
    // The limits are the geometric means of neighbours.
    let factor = match step / power {
        part if part < 2f64.sqrt() => 1.0,
        part if part < 10f64.sqrt() => 2.0,
        part if part < 50f64.sqrt() => 5.0,
        _ => 10.0,
    };
    factor * power
}

/// The least of 1, 2 and 5 times a power of ten that is not below this.
fn round_step(step: f64) -> f64 {
    let power = 10f64.powi(step.log10().floor() as i32);
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * power >= step * (1.0 - 1e-9));
    factor.unwrap_or(10.0) * power
}

/// Where a vector is plotted: places of its `count` values from left to right, a scale from bottom to top.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axes {
    pub left: f32,
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    pub count: usize,
    pub scale: Scale,
}

impl Axes {
    /// Pixels a value has from left to right.
    pub fn pitch(&self) -> f32 {
        (self.right - self.left) / self.count.max(1) as f32
    }

    /// Width of a bar: where there is room they stand apart.
    pub fn bar(&self) -> f32 {
        if self.pitch() < 4.0 { self.pitch() } else { (self.pitch() * 0.75).min(WIDEST_BAR) }
    }

    /// Middle of the place of a value.
    pub fn x(&self, index: usize) -> f32 {
        self.edge(index) + self.pitch() / 2.0
    }

    /// Left edge of the place of a value.
    pub fn edge(&self, index: usize) -> f32 {
        // In f64: with many values an f32 has no room for the fraction.
        let part = index as f64 / self.count.max(1) as f64;
        self.left + (part * f64::from(self.right - self.left)) as f32
    }

    /// Height of a value.
    pub fn y(&self, value: f64) -> f32 {
        let part = (value - self.scale.low) / (self.scale.high - self.scale.low);
        self.bottom - (part * f64::from(self.bottom - self.top)) as f32
    }

    /// Room for the numbers left of the axis.
    pub fn margin(scale: &Scale, percent: bool) -> f32 {
        let widths = scale.ticks().into_iter().map(|tick| text_width(&scale.label(tick, percent), TICK_SIZE));
        widths.fold(0.0, f32::max).ceil() + 10.0
    }

    /// Draws lines and numbers; what the places are stands under them.
    pub fn draw(&self, figure: &mut Figure, percent: bool, place_name: &str) {
        let number = TextStyle::new(TICK_SIZE, QUIET);
        for tick in self.scale.ticks() {
            // Whole pixels and a half: lines one pixel wide stay sharp.
            let y = self.y(tick).floor() + 0.5;
            let colour = if tick == 0.0 { QUIET } else { LINE };
            figure.line([self.left, y], [self.right, y], 1.0, colour);
            let label = self.scale.label(tick, percent);
            figure.text(self.left - 8.0, y + TICK_SIZE * 0.35, &label, number.anchored(Anchor::End));
        }
        figure.line([self.left + 0.5, self.top], [self.left + 0.5, self.bottom], 1.0, QUIET);
        for index in place_ticks(self.count, self.right - self.left) {
            let x = self.x(index).floor() + 0.5;
            figure.line([x, self.bottom + 1.0], [x, self.bottom + 6.0], 1.0, QUIET);
            let middle = number.anchored(Anchor::Middle);
            figure.text(x, self.bottom + 22.0, &index.to_string(), middle);
        }
        let middle = TextStyle::new(TICK_SIZE, TEXT).anchored(Anchor::Middle);
        figure.text((self.left + self.right) / 2.0, self.bottom + 44.0, place_name, middle);
    }

    /// Draws every finite value as a bar from zero.
    pub fn draw_bars(&self, figure: &mut Figure, values: &[f32], colour: [u8; 3]) {
        let half = self.bar() / 2.0;
        let zero = self.y(0.0);
        let bars = values.iter().enumerate().filter(|(_, value)| value.is_finite() && **value != 0.0);
        let bars = bars.map(|(index, value)| {
            let (left, right) = (self.x(index) - half, self.x(index) + half);
            let y = self.y(f64::from(*value));
            vec![[left, zero], [right, zero], [right, y], [left, y]]
        });
        figure.polygons(bars.collect(), colour);
    }
}

/// Indices at which numbers stand under `width` pixels: round steps, no two closer than their text.
fn place_ticks(count: usize, width: f32) -> Vec<usize> {
    let widest = text_width(&count.to_string(), TICK_SIZE) + 16.0;
    let most = (width / widest.max(48.0)).max(1.0);
    let step = round_step((count as f64 / f64::from(most)).max(1.0)).round() as usize;
    (0..count).step_by(step.max(1)).collect()
}

/// Moves positions apart so that none is nearer than `spacing` to the next and all lie between `low` and `high`,
/// as near to where they were wanted as their order allows. `wanted` ascends; if they do not all fit in, they are
/// spread evenly and nearer than `spacing`.
pub(super) fn spread(wanted: &[f32], spacing: f32, low: f32, high: f32) -> Vec<f32> {
    if wanted.len() < 2 {
        return wanted.iter().map(|position| position.clamp(low, high.max(low))).collect();
    }
    let spacing = spacing.min((high - low).max(0.0) / (wanted.len() - 1) as f32);
    // Neighbours that collide become a block whose middle is the mean of what its members want.
    struct Block {
        first: f32,
        len: usize,
    }
    let last_of = |block: &Block| block.first + (block.len - 1) as f32 * spacing;
    let inside = |first: f32, len: usize| first.min(high - (len - 1) as f32 * spacing).max(low);
    let mut blocks: Vec<Block> = Vec::new();
    for position in wanted {
        let mut block = Block { first: inside(*position, 1), len: 1 };
        while let Some(before) = blocks.pop_if(|before| last_of(before) + spacing > block.first) {
            let len = before.len + block.len;
            let shift = before.len as f32 * spacing;
            let first =
                (before.first * before.len as f32 + (block.first - shift) * block.len as f32) / len as f32;
            block = Block { first: inside(first, len), len };
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|block| (0..block.len).map(|n| block.first + n as f32 * spacing)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(values: &[f32], percent: bool) -> Vec<String> {
        let scale = Scale::covering(values, 5);
        scale.ticks().into_iter().map(|tick| scale.label(tick, percent)).collect()
    }

    #[test]
    fn scales_are_round_and_contain_zero() {
        assert_eq!(labels(&[0.523, 0.01], true), ["0 %", "10 %", "20 %", "30 %", "40 %", "50 %", "60 %"]);
        assert_eq!(
            labels(&[0.0013], true),
            ["0 %", "0.02 %", "0.04 %", "0.06 %", "0.08 %", "0.10 %", "0.12 %", "0.14 %"]
        );
        assert_eq!(labels(&[1.0], true), ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        assert_eq!(labels(&[0.0, f32::NAN], false), ["0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&[-3.0, 7.5, f32::INFINITY], false), ["−4", "−2", "0", "2", "4", "6", "8"]);
        assert_eq!(labels(&[2.5e-7], false), ["0", "5e−8", "1.0e−7", "1.5e−7", "2.0e−7", "2.5e−7"]);
        assert_eq!(labels(&[], false).len(), 6);
        for extreme in [f32::MAX, f32::MIN_POSITIVE, 1e-45] {
            let scale = Scale::covering(&[extreme, -extreme], 5);
            assert!(scale.high >= f64::from(extreme) && scale.low <= -f64::from(extreme), "{scale:?}");
            assert!((3..10).contains(&scale.ticks().len()), "{scale:?}");
        }
    }

    #[test]
    fn numbers_under_the_axis_do_not_touch() {
        for count in [1, 2, 10, 64, 999, 1000, 1376, 1_000_000] {
            let axes = Axes {
                left: 60.0,
                top: 0.0,
                right: 900.0,
                bottom: 100.0,
                count,
                scale: Scale { low: 0.0, high: 1.0, step: 0.2 },
            };
            let mut end = f32::MIN;
            let ticks = place_ticks(count, 840.0);
            assert!(!ticks.is_empty() && (count < 10 || ticks.len() > 5), "{count}: {ticks:?}");
            for index in ticks {
                let half = text_width(&index.to_string(), TICK_SIZE) / 2.0;
                assert!(axes.x(index) - half > end + 4.0, "{count} {index}");
                end = axes.x(index) + half;
            }
        }
    }

    #[test]
    fn labels_move_apart_and_no_further() {
        assert_eq!(spread(&[10.0, 100.0, 190.0], 20.0, 0.0, 200.0), [10.0, 100.0, 190.0]);
        assert_eq!(spread(&[100.0, 100.0, 100.0], 20.0, 0.0, 200.0), [80.0, 100.0, 120.0]);
        assert_eq!(spread(&[195.0, 199.0, 200.0], 20.0, 0.0, 200.0), [160.0, 180.0, 200.0]);
        assert_eq!(spread(&[-5.0], 20.0, 0.0, 200.0), [0.0]);
        assert_eq!(spread(&[0.0; 5], 100.0, 0.0, 200.0), [0.0, 50.0, 100.0, 150.0, 200.0]);
        let chained = spread(&[90.0, 100.0, 118.0, 119.0], 20.0, 0.0, 200.0);
        assert!(chained.windows(2).all(|pair| pair[1] - pair[0] >= 19.99), "{chained:?}");
    }
}
