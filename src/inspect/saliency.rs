//! What a way back brought, as one map to look at. Pure, any thread.

use super::LayerOutput;
use super::hypercolumn::enlarge;

/// How a layer's gradient, or that of the picture, becomes one map. `--view`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SaliencyView {
    /// The sum over colours or channels, with its sign: red raises the unit, blue lowers it.
    #[default]
    Signed,
    /// Its length over colours or channels, without a sign.
    Magnitude,
    /// The length, blurred: roughly where.
    Blurred,
    /// The picture itself, dark where the blurred length is small.
    Masked,
}

impl SaliencyView {
    /// All of them, as keys step through them.
    pub const ALL: [Self; 4] = [Self::Signed, Self::Magnitude, Self::Blurred, Self::Masked];

    /// The value of `--view`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signed => "signed",
            Self::Magnitude => "magnitude",
            Self::Blurred => "blurred",
            Self::Masked => "masked",
        }
    }

    /// What its colours mean, for legends. `what` are the values that are summed up: `colours` or `channels`.
    pub fn in_words(self, what: &str) -> String {
        match self {
            Self::Signed => format!("red raises the unit, blue lowers it, white is zero (sum over {what})"),
            Self::Magnitude => format!("how much, without the sign (length over {what})"),
            Self::Blurred => format!("how much, without the sign (length over {what}), blurred"),
            Self::Masked => {
                format!("the picture, dark where little comes from (length over {what}, blurred)")
            }
        }
    }

    /// True where the sign is shown.
    pub fn is_signed(self) -> bool {
        self == Self::Signed
    }

    /// The map: `height × width` values of a layer's gradient, or what else is in the layer's shape. Of [`Self::Masked`] the
    /// blurred length, for [`mask`].
    pub fn map(self, output: &LayerOutput) -> Vec<f32> {
        let size = [output.shape.height, output.shape.width];
        match self {
            Self::Signed => sum(output),
            Self::Magnitude => length(output),
            Self::Blurred | Self::Masked => blur(&length(output), size, blur_width(size)),
        }
    }
}

/// At each place the sum over all channels.
pub fn sum(output: &LayerOutput) -> Vec<f32> {
    let mut sums = vec![0.0_f64; output.shape.height * output.shape.width];
    for channel in 0..output.shape.channels {
        for (sum, value) in sums.iter_mut().zip(output.channel(channel)) {
            *sum += f64::from(*value);
        }
    }
    sums.into_iter().map(|sum| sum as f32).collect()
}

/// At each place the length of the vector of all channels (L2).
pub fn length(output: &LayerOutput) -> Vec<f32> {
    let mut squares = vec![0.0_f64; output.shape.height * output.shape.width];
    for channel in 0..output.shape.channels {
        for (sum, value) in squares.iter_mut().zip(output.channel(channel)) {
            *sum += f64::from(*value).powi(2);
        }
    }
    squares.into_iter().map(|sum| sum.sqrt() as f32).collect()
}

/// Standard deviation of the blur, in cells, of a map of this height and width: a sixtieth of the longer side.
pub fn blur_width(size: [usize; 2]) -> f32 {
    size[0].max(size[1]) as f32 / 60.0
}

/// A map of `[height, width]`, blurred by a Gaussian of this standard deviation in cells, cut off at three of them. What
/// lies beyond the edges counts for nothing, and does not darken them.
pub fn blur(map: &[f32], [height, width]: [usize; 2], deviation: f32) -> Vec<f32> {
    let reach = (3.0 * deviation).ceil() as usize;
    if reach == 0 || map.is_empty() {
        return map.to_vec();
    }
    let weight = |distance: usize| (-0.5 * (distance as f32 / deviation).powi(2)).exp();
    let weights: Vec<f32> = (0..=reach).map(weight).collect();
    let along = |values: &[f32], count: usize, step: usize, starts: &mut dyn Iterator<Item = usize>| {
        let mut blurred = vec![0.0; values.len()];
        for start in starts {
            for at in 0..count {
                let (mut sum, mut all) = (0.0, 0.0);
                for other in at.saturating_sub(reach)..(at + reach + 1).min(count) {
                    let weight = weights[at.abs_diff(other)];
                    sum += weight * values[start + other * step];
                    all += weight;
                }
                blurred[start + at * step] = sum / all;
            }
        }
        blurred
    };
    let rows = along(map, width, 1, &mut (0..height).map(|row| row * width));
    along(&rows, height, width, &mut (0..width))
}

/// How far colours reach: 99 of 100 values that are finite and not zero are no further from zero. (Most of a map is zero where
/// the unit sees little of the picture.) 0 of a map of zeros.
pub fn reach(map: &[f32]) -> f32 {
    let is_told = |size: &f32| size.is_finite() && *size > 0.0;
    let mut sizes: Vec<f32> = map.iter().map(|value| value.abs()).filter(is_told).collect();
    let rank = (99 * sizes.len()).div_ceil(100);
    match rank.checked_sub(1) {
        Some(place) => *sizes.select_nth_unstable_by(place, f32::total_cmp).1,
        None => 0.0,
    }
}

/// How much of a picture of `[height, width]` is let through, from 0 to 1 at each of its pixels: the map, of `from` height and
/// width, in parts of its [`reach`], enlarged.
pub fn mask(map: &[f32], from: [usize; 2], [height, width]: [usize; 2]) -> Vec<f32> {
    let reach = reach(map).max(f32::MIN_POSITIVE);
    let part = |value: f32| (value / reach).clamp(0.0, 1.0);
    enlarge(map, from[0], from[1], height, width).into_iter().map(part).collect()
}

/// What can be said of a gradient, or of what was made of it, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Attributed {
    /// The value furthest from zero, with its sign.
    pub largest: f32,
    /// Its channel (of the picture: its colour), row and column.
    pub largest_at: [usize; 3],
    /// Of all values.
    pub sum: f64,
    /// Of all values above zero.
    pub positive: f64,
    /// Of all values below zero.
    pub negative: f64,
    /// Values that are not finite; the others are what is told of.
    pub broken: usize,
}

impl Attributed {
    /// Of these values.
    pub fn of(output: &LayerOutput) -> Self {
        let cells = (output.shape.height * output.shape.width).max(1);
        let mut told =
            Self { largest: 0.0, largest_at: [0; 3], sum: 0.0, positive: 0.0, negative: 0.0, broken: 0 };
        for (at, &value) in output.values.iter().enumerate() {
            if !value.is_finite() {
                told.broken += 1;
                continue;
            }
            if value.abs() > told.largest.abs() {
                told.largest = value;
                let width = output.shape.width;
                told.largest_at = [at / cells, at % cells / width, at % width];
            }
            let side = if value > 0.0 { &mut told.positive } else { &mut told.negative };
            *side += f64::from(value);
        }
        told.sum = told.positive + told.negative;
        told
    }

    /// True where nothing came back: the unit is silent, or nothing between lets anything through.
    pub fn is_nothing(&self) -> bool {
        self.largest == 0.0 && self.broken == 0
    }

    /// What is said in place of an empty map; `value` is the unit's. `None` where there is something to see.
    pub fn nothing_in_words(&self, value: f32) -> Option<&'static str> {
        match (self.is_nothing(), value == 0.0) {
            (false, _) => None,
            (true, true) => Some("silent: nothing to trace"),
            (true, false) => Some("zero everywhere: nothing comes back"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shape;

    fn output(channels: usize, height: usize, width: usize, values: &[f32]) -> LayerOutput {
        LayerOutput { layer: 0, shape: Shape { channels, height, width }, values: values.into() }
    }

    #[test]
    fn channels_become_one_map() {
        let gradient = output(3, 1, 2, &[3.0, 0.0, -4.0, 1.0, 0.0, -2.0]);
        assert_eq!(SaliencyView::Signed.map(&gradient), [-1.0, -1.0]);
        assert_eq!(SaliencyView::Magnitude.map(&gradient), [5.0, 5.0_f32.sqrt()]);
        let told = Attributed::of(&gradient);
        assert_eq!((told.largest, told.largest_at), (-4.0, [1, 0, 0]));
        assert_eq!((told.sum, told.positive, told.negative), (-2.0, 4.0, -6.0));
    }

    #[test]
    fn a_blur_keeps_what_is_level_and_spreads_what_is_not() {
        let level = vec![2.0; 7 * 9];
        assert!(blur(&level, [7, 9], 1.5).iter().all(|value| (value - 2.0).abs() < 1e-6));
        // So far from the edges that no window is cut off.
        let mut point = vec![0.0; 15 * 15];
        point[7 * 15 + 7] = 1.0;
        let spread = blur(&point, [15, 15], 1.0);
        let sum: f32 = spread.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
        // exp(−1/2) of the middle, in both directions alike.
        for neighbour in [7 * 15 + 8, 7 * 15 + 6, 8 * 15 + 7, 6 * 15 + 7] {
            assert!((spread[neighbour] / spread[7 * 15 + 7] - (-0.5_f32).exp()).abs() < 1e-5);
        }
        assert_eq!(blur(&point, [15, 15], 0.0), point);
    }

    #[test]
    fn a_few_extreme_values_do_not_take_all_colours() {
        let mut map: Vec<f32> = (0..1000).map(|value| -(value as f32) / 1000.0).collect();
        map[7] = 1e6;
        assert_eq!(reach(&map), 0.991);
        let mut sparse = vec![0.0; 1000];
        sparse[3] = -5.0;
        assert_eq!((reach(&sparse), reach(&[]), reach(&[f32::NAN])), (5.0, 0.0, 0.0));
        let mask = mask(&[0.0, 1.0], [1, 2], [2, 4]);
        assert_eq!(mask, [0.0, 0.25, 0.75, 1.0, 0.0, 0.25, 0.75, 1.0]);
    }

    #[test]
    fn nothing_is_told_apart_from_silence() {
        let none = Attributed::of(&output(1, 1, 2, &[0.0, -0.0]));
        assert_eq!(none.nothing_in_words(0.0), Some("silent: nothing to trace"));
        assert!(none.nothing_in_words(1.5).unwrap().starts_with("zero everywhere"));
        let some = Attributed::of(&output(1, 1, 2, &[0.0, f32::NAN]));
        assert_eq!((some.nothing_in_words(0.0), some.broken), (None, 1));
    }
}
