//! A few numbers that say how a channel is on one picture. A shader computes the same for the live view. Pure;
//! spreads over rayon's threads.

use macerator::AutoArch;
use rayon::prelude::*;

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
    /// Pearson correlation with the input's [`luminance`](super::luminance()) at the map's resolution, from −1 to 1;
    /// 0 where either is constant but for rounding, where there is only one cell, and for a whole layer.
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

    #[inline(always)]
    fn of(values: &[f32], light: &Light<'_>) -> Self {
        let first = Sums::of(values);
        let count: u32 = first.finite.iter().sum();
        if count == 0 {
            return Self::default();
        }
        let cells = f64::from(count);
        let mean = first.sum.iter().sum::<f64>() / cells;
        let min = first.min.iter().fold(f32::INFINITY, |a, b| a.min(*b));
        let max = first.max.iter().fold(f32::NEG_INFINITY, |a, b| a.max(*b));
        let zeros: u32 = first.zeros.iter().sum();
        let largest = f64::from(min.abs().max(max.abs()));
        let (squares, brightness) = if count as usize == values.len() {
            // A second pass: the difference of two large sums would lose small deviations.
            let [squares, product] = products(values, light.values, [mean, light.mean]);
            (squares, correlation([squares, product, light.squares], cells, largest))
        } else {
            let finite = values.iter().filter(|value| value.is_finite());
            let squares = finite.map(|&value| (f64::from(value) - mean).powi(2)).sum();
            (squares, pearson(values, (mean, squares, largest), light.values))
        };
        Self {
            min,
            max,
            mean: mean as f32,
            std: (squares / cells).sqrt() as f32,
            zeros: (f64::from(zeros) / cells) as f32,
            brightness,
            finite: (cells / values.len() as f64) as f32,
            change: 0.0,
        }
    }
}

/// Additions that need not wait for each other.
const LANES: usize = 8;

/// What one pass over a map gives, in several lanes.
struct Sums {
    min: [f32; LANES],
    max: [f32; LANES],
    sum: [f64; LANES],
    finite: [u32; LANES],
    zeros: [u32; LANES],
}

impl Sums {
    #[inline(always)]
    fn of(values: &[f32]) -> Self {
        let mut all = Self {
            min: [f32::INFINITY; LANES],
            max: [f32::NEG_INFINITY; LANES],
            sum: [0.0; LANES],
            finite: [0; LANES],
            zeros: [0; LANES],
        };
        let (chunks, rest) = values.as_chunks::<LANES>();
        for chunk in chunks {
            all.add(chunk);
        }
        all.add(rest);
        all
    }

    #[inline(always)]
    fn add(&mut self, chunk: &[f32]) {
        for (lane, &value) in chunk.iter().enumerate() {
            let is_finite = value.is_finite();
            let or = |other: f32| if is_finite { value } else { other };
            self.min[lane] = self.min[lane].min(or(f32::INFINITY));
            self.max[lane] = self.max[lane].max(or(f32::NEG_INFINITY));
            self.sum[lane] += f64::from(or(0.0));
            self.finite[lane] += u32::from(is_finite);
            self.zeros[lane] += u32::from(is_finite && value <= 0.0);
        }
    }
}

/// The picture's brightness at a map's resolution, and what is the same for all maps that are compared with it.
struct Light<'a> {
    values: &'a [f32],
    mean: f64,
    /// Sum of squared distances from the mean.
    squares: f64,
}

impl<'a> Light<'a> {
    fn of(values: &'a [f32]) -> Self {
        let mean = values.iter().map(|&light| f64::from(light)).sum::<f64>() / values.len().max(1) as f64;
        let squares = values.iter().map(|&light| (f64::from(light) - mean).powi(2)).sum();
        Self { values, mean, squares }
    }
}

/// Sums of squared distances of the values from their mean, and of products with those of the light from its.
#[inline(always)]
fn products(values: &[f32], light: &[f32], [mean, light_mean]: [f64; 2]) -> [f64; 2] {
    #[inline(always)]
    fn add([squares, products]: &mut [[f64; LANES]; 2], all: (&[f32], &[f32]), [mean, light_mean]: [f64; 2]) {
        for (lane, (&value, &light)) in all.0.iter().zip(all.1).enumerate() {
            let (value, light) = (f64::from(value) - mean, f64::from(light) - light_mean);
            squares[lane] += value * value;
            products[lane] += value * light;
        }
    }
    let (mut sums, means) = ([[0.0; LANES]; 2], [mean, light_mean]);
    let (chunks, rest) = values.as_chunks::<LANES>();
    let (lights, light_rest) = light.as_chunks::<LANES>();
    for (values, light) in chunks.iter().zip(lights) {
        add(&mut sums, (values, light), means);
    }
    add(&mut sums, (rest, light_rest), means);
    sums.map(|sums| sums.iter().sum())
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
    correlation([squares, product, light_squares], count as f64, largest)
}

/// From the sums of squared distances of the values, of products, and of squared distances of the light.
fn correlation([squares, product, light_squares]: [f64; 3], cells: f64, largest: f64) -> f32 {
    let deviation = |squares: f64| (squares / cells).sqrt();
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

/// One measure a channel of a layer's `values`. `luminance` has the map's `height × width` values
/// ([`luminance`](super::luminance()) makes them); `before` is what the layer was on the frame before.
pub fn measure(
    values: &[f32],
    shape: Shape,
    luminance: &[f32],
    before: Option<&[f32]>,
) -> Vec<ChannelStatistics> {
    let cells = (shape.height * shape.width).max(1);
    let light = Light::of(luminance);
    let channels = values.par_chunks_exact(cells).with_min_len(8).enumerate();
    let measured = channels.map(|(channel, values)| {
        let before = before.and_then(|before| before.get(channel * cells..(channel + 1) * cells));
        let change = before.map_or(0.0, |before| change(values, before));
        let statistics = AutoArch::new().dispatch(
            #[inline(always)]
            || ChannelStatistics::of(values, &light),
        );
        ChannelStatistics { change, ..statistics }
    });
    measured.collect()
}

/// The same of all cells of a layer, from those of its channels, which all have as many cells.
pub fn summary(channels: &[ChannelStatistics]) -> ChannelStatistics {
    let mean_of = |of: &dyn Fn(&ChannelStatistics) -> f64| {
        channels.iter().map(of).sum::<f64>() / channels.len().max(1) as f64
    };
    let finite = mean_of(&|channel| channel.finite.into());
    let known = channels.iter().filter(|channel| !channel.is_empty());
    if finite <= 0.0 {
        return ChannelStatistics::default();
    }
    let weighed = |of: &dyn Fn(&ChannelStatistics) -> f64| mean_of(&|c| f64::from(c.finite) * of(c)) / finite;
    let mean = weighed(&|channel| channel.mean.into());
    let variance =
        weighed(&|channel| f64::from(channel.std).powi(2) + (f64::from(channel.mean) - mean).powi(2));
    ChannelStatistics {
        min: known.clone().fold(f32::INFINITY, |low, channel| low.min(channel.min)),
        max: known.fold(f32::NEG_INFINITY, |high, channel| high.max(channel.max)),
        mean: mean as f32,
        std: variance.sqrt() as f32,
        zeros: mean_of(&|channel| channel.zeros.into()) as f32,
        brightness: 0.0,
        finite: finite as f32,
        change: mean_of(&|channel| f64::from(channel.change).powi(2)).sqrt() as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(shape: [usize; 3], values: &[f32], luminance: &[f32]) -> Vec<ChannelStatistics> {
        let [channels, height, width] = shape;
        let shape = Shape { channels, height, width };
        measure(values, shape, luminance, None)
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
    fn long_maps_are_added_up_as_short_ones_and_channels_as_their_layer() {
        // 3 channels of 5 × 7 cells: more than the lanes, and a rest.
        let shape = Shape { channels: 3, height: 5, width: 7 };
        let value = |i: usize| ((i * 37 % 101) as f32 - 40.0) * if i < 35 { 0.1 } else { 1.0 };
        let values: Vec<f32> = (0..105).map(value).collect();
        let light: Vec<f32> = (0..35).map(|i| (i * 13 % 35) as f32 / 35.0).collect();
        let before: Vec<f32> = values.iter().map(|value| value + 2.0).collect();
        let channels = measure(&values, shape, &light, Some(&before));
        for (channel, found) in channels.iter().enumerate() {
            let values = &values[channel * 35..][..35];
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / 35.0;
            let squares: f64 = values.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum();
            assert!((f64::from(found.mean) - mean).abs() < 1e-5);
            assert!((f64::from(found.std) - (squares / 35.0).sqrt()).abs() < 1e-5);
            let largest = values.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
            let brightness = pearson(values, (mean, squares, largest.into()), &light);
            assert!((found.brightness - brightness).abs() < 1e-6 && brightness.abs() > 0.01);
            assert_eq!(found.min, values.iter().copied().fold(f32::INFINITY, f32::min));
            assert_eq!(found.zeros, values.iter().filter(|v| **v <= 0.0).count() as f32 / 35.0);
            assert!((found.change - 2.0).abs() < 1e-6);
        }
        let whole = Shape { channels: 1, height: 3, width: 35 };
        let (layer, expected) = (summary(&channels), measure(&values, whole, &[0.0; 105], Some(&before))[0]);
        for (found, expected) in [
            (layer.min, expected.min),
            (layer.max, expected.max),
            (layer.mean, expected.mean),
            (layer.std, expected.std),
            (layer.zeros, expected.zeros),
            (layer.change, expected.change),
        ] {
            assert!((found - expected).abs() < 1e-5, "{found} {expected}");
        }
        assert_eq!(summary(&[ChannelStatistics::default(); 2]), ChannelStatistics::default());
    }
}
