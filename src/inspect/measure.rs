//! A few numbers that say how a channel is on one picture. A shader computes the same for the live view. Pure;
//! spreads over rayon's threads.

use rayon::prelude::*;

use super::LayerOutput;
use crate::model::Shape;

/// Statistics of one channel for one picture, or of a whole layer; finite cells only.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct ChannelStatistics {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Mean.
    pub mean: f32,
    /// Standard deviation over the cells (of the population).
    pub std: f32,
    /// Fraction of the cells that are zero or less, from 0 to 1; of a layer, the mean over its channels.
    pub zeros: f32,
    /// Pearson correlation with the input's [`luminance`] at the map's resolution, from −1 to 1; 0 where either
    /// is constant but for rounding, where there is only one cell, and for a whole layer.
    pub brightness: f32,
    /// Fraction of the cells that are finite, from 0 to 1.
    pub finite: f32,
    /// How far the map is from that of the frame before ([`change`]); of a layer, the root mean square over its
    /// channels. 0 without a frame before.
    pub change: f32,
}

impl ChannelStatistics {
    /// True where no cell was finite: then all fields are 0.
    pub fn is_empty(&self) -> bool {
        self.finite <= 0.0
    }

    /// Smallest and largest value.
    pub fn ends(&self) -> (f32, f32) {
        (self.min, self.max)
    }

    /// True where no cell is above zero.
    pub fn is_silent(&self) -> bool {
        self.max <= 0.0 && self.zeros > 0.0
    }

    fn of(values: &[f32], luminance: &[f32]) -> Self {
        let (mut min, mut max) = (f32::INFINITY, f32::NEG_INFINITY);
        let (mut sum, mut count, mut zeros) = (0.0, 0_usize, 0_usize);
        for &value in values.iter().filter(|value| value.is_finite()) {
            (min, max) = (min.min(value), max.max(value));
            sum += f64::from(value);
            count += 1;
            zeros += usize::from(value <= 0.0);
        }
        if count == 0 {
            return Self::default();
        }
        let cells = count as f64;
        let mean = sum / cells;
        // A second pass: the difference of two large sums would lose small deviations.
        let square = |value: f32| (f64::from(value) - mean).powi(2);
        let squares: f64 = values.iter().filter(|value| value.is_finite()).map(|&value| square(value)).sum();
        Self {
            min,
            max,
            mean: mean as f32,
            std: (squares / cells).sqrt() as f32,
            zeros: (zeros as f64 / cells) as f32,
            brightness: pearson(values, (mean, squares, f64::from(min.abs().max(max.abs()))), luminance),
            finite: (cells / values.len() as f64) as f32,
            change: 0.0,
        }
    }
}

/// A map whose deviation is at most this part of its largest magnitude is constant: the rest is rounding, which must
/// not look like a correlation. `FLAT_VALUES` in statistics.wgsl.
const FLAT_VALUES: f64 = 1e-6;

/// A luminance with at most this deviation (a hundredth of a level) is constant. `FLAT_LUMINANCE` in statistics.wgsl.
const FLAT_LUMINANCE: f64 = 1e-4;

/// Pearson correlation over the cells whose value is finite. Of the values are known their mean, the sum of squared
/// distances from it, and the largest magnitude.
fn pearson(values: &[f32], (mean, squares, largest): (f64, f64, f64), luminance: &[f32]) -> f32 {
    let pairs = || values.iter().zip(luminance).filter(|(value, _)| value.is_finite());
    let (mut sum, mut count) = (0.0, 0_usize);
    for (_, &light) in pairs() {
        sum += f64::from(light);
        count += 1;
    }
    let light_mean = sum / count as f64;
    let (mut product, mut light_squares) = (0.0, 0.0);
    for (&value, &light) in pairs() {
        let light = f64::from(light) - light_mean;
        product += (f64::from(value) - mean) * light;
        light_squares += light * light;
    }
    let deviation = |squares: f64| (squares / count as f64).sqrt();
    if deviation(squares) <= FLAT_VALUES * largest || deviation(light_squares) <= FLAT_LUMINANCE {
        return 0.0;
    }
    let correlation = (product / (squares * light_squares).sqrt()) as f32;
    if correlation.is_finite() { correlation.clamp(-1.0, 1.0) } else { 0.0 }
}

/// Root mean square of the differences between a map and that of the frame before, over the cells that are finite now;
/// one that was not counts as unchanged. Half its square, averaged over frames, estimates a value's variance over time,
/// whether or not there is a slow trend (von Neumann, Kent, Bellinson and Hart, "The mean square successive difference",
/// Annals of Mathematical Statistics 12, 1941).
pub fn change(now: &[f32], before: &[f32]) -> f32 {
    let (mut sum, mut count) = (0.0, 0_usize);
    for (&now, &before) in now.iter().zip(before).filter(|(now, _)| now.is_finite()) {
        count += 1;
        if before.is_finite() {
            sum += (f64::from(now) - f64::from(before)).powi(2);
        }
    }
    (sum / count.max(1) as f64).sqrt() as f32
}

/// One measure a channel, without a frame before. `luminance` has the map's `height × width` values ([`luminance`]
/// makes them).
pub fn measure(output: &LayerOutput, luminance: &[f32]) -> Vec<ChannelStatistics> {
    let cells = output.shape.height * output.shape.width;
    let channels = output.values.par_chunks_exact(cells.max(1));
    channels.with_min_len(8).map(|values| ChannelStatistics::of(values, luminance)).collect()
}

/// Brightness of the network's input at the resolution of a map: luma of Rec. ITU-R BT.601 (0.299 red, 0.587
/// green, 0.114 blue), from −1 to 1, `target.height × target.width` values. `input_rgb` is `[3, height, width]`.
///
/// Cell `(y, x)` is the plain mean of whole pixels: rows from `floor(y·H/h)` up to `ceil((y + 1)·H/h)`, at least
/// one, and columns likewise. The convolutions' padding is not taken into account, so maps of a network without
/// padding are off by a few pixels at the edge.
pub fn luminance(input_rgb: &[f32], input: Shape, target: Shape) -> Vec<f32> {
    let pixels = input.height * input.width;
    let mut planes = input_rgb.chunks_exact(pixels.max(1));
    let (Some(red), Some(green), Some(blue)) = (planes.next(), planes.next(), planes.next()) else {
        return vec![0.0; target.height * target.width];
    };
    let luma: Vec<f64> = (red.iter().zip(green).zip(blue))
        .map(|((&red, &green), &blue)| {
            0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
        })
        .collect();
    let span = |cell: usize, source: usize, target: usize| {
        let start = cell * source / target;
        start..((cell + 1) * source).div_ceil(target).max(start + 1)
    };
    let mut averages = Vec::with_capacity(target.height * target.width);
    for y in 0..target.height {
        let rows = span(y, input.height, target.height);
        for x in 0..target.width {
            let columns = span(x, input.width, target.width);
            let row_sum = |row: usize| luma[row * input.width..][columns.clone()].iter().sum::<f64>();
            let sum: f64 = rows.clone().map(row_sum).sum();
            averages.push((sum / (rows.len() * columns.len()) as f64) as f32);
        }
    }
    averages
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shape: [usize; 3], values: &[f32], luminance: &[f32]) -> Vec<ChannelStatistics> {
        let [channels, height, width] = shape;
        let shape = Shape { channels, height, width };
        measure(&LayerOutput { layer: 0, shape, values: values.to_vec() }, luminance)
    }

    #[test]
    fn measures_of_known_maps() {
        let light = [-1.0, 0.0, 0.5, 1.0];
        let maps = [
            [0.0, 1.0, 1.5, 2.0],    // a copy: light + 1
            [5.0, 3.0, 2.0, 1.0],    // an inverted one: 3 − 2·light
            [0.1, 0.1, 0.1, 0.1],    // constant, and no exact binary fraction
            [0.0, 0.0, 0.0, 0.0],    // silent
            [-1.0, -2.0, -1.0, 0.0], // silent, though not constant
            [1.0, -1.0, -1.0, 1.0],
        ]
        .concat();
        let found = of([6, 2, 2], &maps, &light);
        assert_eq!((found[0].min, found[0].max, found[0].mean, found[0].zeros), (0.0, 2.0, 1.125, 0.25));
        assert!((found[0].std - 0.546_875_f32.sqrt()).abs() < 1e-6);
        assert!((found[0].brightness - 1.0).abs() < 1e-6 && (found[1].brightness + 1.0).abs() < 1e-6);
        assert_eq!((found[2].std, found[2].brightness, found[2].zeros), (0.0, 0.0, 0.0));
        let silent: Vec<bool> = found.iter().map(ChannelStatistics::is_silent).collect();
        assert_eq!(silent, [false, false, false, true, true, false]);
        assert!(found.iter().all(|measure| !measure.is_empty()));
        assert_eq!(found[5].zeros, 0.5);
        // Σ(v − 0)(l − 1/8) = −1 − 0 − 0.5 + 1; lengths 2 and √2.1875.
        assert!((found[5].brightness + 0.5 / (2.0 * 2.1875_f32.sqrt())).abs() < 1e-6);
    }

    #[test]
    fn nothing_correlates_with_a_picture_of_one_brightness_or_a_single_cell() {
        assert_eq!(of([1, 2, 2], &[1.0, 2.0, 3.0, 4.0], &[0.3; 4])[0].brightness, 0.0);
        let single = of([2, 1, 1], &[3.0, 0.0], &[0.3]);
        assert_eq!((single[0].min, single[0].max, single[0].std, single[0].brightness), (3.0, 3.0, 0.0, 0.0));
        assert!(single[1].is_silent());
    }

    #[test]
    fn non_finite_cells_are_left_out() {
        let light = [0.0, 9.0, 1.0, -9.0, 2.0, 3.0];
        let values = [1.0, f32::NAN, 2.0, f32::INFINITY, 3.0, 4.0];
        let found = of([2, 2, 3], &[values, [f32::NAN; 6]].concat(), &light);
        assert_eq!((found[0].min, found[0].max, found[0].mean), (1.0, 4.0, 2.5));
        assert!((found[0].std - 1.25_f32.sqrt()).abs() < 1e-6);
        assert!((found[0].brightness - 1.0).abs() < 1e-6, "{}", found[0].brightness);
        assert_eq!(found[1], ChannelStatistics::default());
        assert!(found[1].is_empty() && !found[1].is_silent());
        assert_eq!((found[0].finite, found[1].finite), (2.0 / 3.0, 0.0));
    }

    #[test]
    fn change_is_the_root_mean_square_of_the_differences() {
        assert_eq!(change(&[1.0, 2.0, 3.0, 4.0], &[1.0, 0.0, 3.0, 4.0]), 1.0);
        let (now, before) = ([f32::NAN, 3.0, 1.0, 1.0], [0.0, 1.0, f32::INFINITY, 1.0]);
        assert!((change(&now, &before) - (4.0_f32 / 3.0).sqrt()).abs() < 1e-6);
        assert_eq!(change(&[], &[]), 0.0);
    }

    #[test]
    fn luminance_averages_whole_pixels() {
        // Red, green and blue ramps whose luma is 0.299 x + 0.587·10 y + 0.114·100.
        let input = Shape { channels: 3, height: 3, width: 5 };
        let plane =
            |value: fn(usize, usize) -> f32| (0..15).map(move |i| value(i % 5, i / 5)).collect::<Vec<_>>();
        let rgb = [plane(|x, _| x as f32), plane(|_, y| 10.0 * y as f32), plane(|_, _| 100.0)].concat();
        let at = |x: f32, y: f32| 0.299 * x + 5.87 * y + 11.4;
        let close = |found: Vec<f32>, expected: &[f32]| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        };
        let target = |height, width| Shape { channels: 7, height, width };
        // Columns 0..3 and 2..5, rows 0..2 and 1..3: those in the middle count twice.
        let means = [at(1.0, 0.5), at(3.0, 0.5), at(1.0, 1.5), at(3.0, 1.5)];
        close(luminance(&rgb, input, target(2, 2)), &means);
        close(luminance(&rgb, input, target(1, 1)), &[at(2.0, 1.0)]);
        // A finer target repeats pixels: columns 0, 0..2, 1, … of 10.
        let fine = luminance(&rgb, input, target(3, 10));
        close(fine[..3].to_vec(), &[at(0.0, 0.0), at(0.0, 0.0), at(1.0, 0.0)]);
        close(
            luminance(&rgb, input, target(3, 5)),
            &(0..15).map(|i| at((i % 5) as f32, (i / 5) as f32)).collect::<Vec<_>>(),
        );
        assert_eq!(luminance(&[], input, target(2, 1)), [0.0; 2]);
    }
}
