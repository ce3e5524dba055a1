//! How alike a layer's channels are: correlation of all pairs, near-duplicates, and (`order.rs`) an order in which
//! similar channels are neighbours. Pure; spreads over rayon's threads.

use bytemuck::{cast_slice, pod_read_unaligned};
use macerator::{AutoArch, Scalar, Simd, Vector, WithSimd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::LayerOutput;
use super::exact::ExactSum;
use super::health::LEAST_FREEDOM;
use super::packed;

/// Maps are filled up to a multiple of this, which every vector type divides.
const LANES: usize = 16;
/// Cells of one run of f32 additions; longer maps are added up run by run, which keeps both the rounding and the
/// rows in the first cache small.
const RUN: usize = 1024;
/// Channels compared at once: a tile of sums that fits sixteen vector registers.
const TILE: [usize; 2] = [4, 2];
/// Rows of the triangle that one task computes; a multiple of the tile's.
const ROWS_PER_TASK: usize = 16;

/// Pearson correlation between all pairs of a layer's channels, pooled over pictures: every map is centred by its
/// own mean on each picture, and products and squares are added up over pictures. So what counts is where in the
/// picture two channels answer, not on which pictures; and a picture on which they answer strongly counts more.
///
/// A non-finite cell counts as the map's mean. Memory: `channels²/2` f32 (8.4 MB for 2048).
#[derive(Clone, Debug)]
pub struct ChannelCorrelation {
    channels: usize,
    /// Sums of products; lower triangle by rows: pair `(a, b)` with `a ≤ b` is at `b(b + 1)/2 + a`.
    products: Vec<f32>,
    /// (cells − 1) × pictures.
    freedom: usize,
}

impl ChannelCorrelation {
    /// For a layer with this many channels.
    pub fn new(channels: usize) -> Self {
        Self { channels, products: vec![0.0; triangle(channels)], freedom: 0 }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// Adds a picture. Takes `channels² · cells / 2` multiplications.
    pub fn observe(&mut self, output: &LayerOutput) {
        debug_assert_eq!(output.shape.channels, self.channels);
        let cells = output.shape.height * output.shape.width;
        self.freedom += cells.saturating_sub(1);
        if cells < 2 {
            return;
        }
        let centred = Centred::of(&output.values, cells, self.channels);
        let mut tasks = Vec::new();
        let mut rest = self.products.as_mut_slice();
        for start in (0..self.channels).step_by(ROWS_PER_TASK) {
            let end = (start + ROWS_PER_TASK).min(self.channels);
            let (rows, others) = rest.split_at_mut(triangle(end) - triangle(start));
            rest = others;
            tasks.push((start, rows));
        }
        // The last rows are the longest: begin with them.
        tasks.into_par_iter().rev().for_each(|(start, rows)| {
            AutoArch::new().dispatch(AddProducts { centred: &centred, start, rows });
        });
    }

    /// Correlation of two channels, from −1 to 1; 0 where one of them never varied.
    pub fn correlation(&self, a: usize, b: usize) -> f32 {
        let correlation = self.product(a, b) / (self.product(a, a).sqrt() * self.product(b, b).sqrt());
        if correlation.is_finite() { correlation.clamp(-1.0, 1.0) } else { 0.0 }
    }

    /// For each channel the lowest-numbered one before it that correlates with it by `threshold` or more, and the
    /// correlation: of a pair only the later one is marked. Inverted maps are no duplicates: a filter and its
    /// negative find two different things once a ReLU follows (Shang et al., "Understanding and Improving
    /// Convolutional Neural Networks via Concatenated Rectified Linear Units", arXiv:1603.05201).
    ///
    /// All `None` below [`LEAST_FREEDOM`]. The relation is not transitive: the one named may itself be marked.
    pub fn duplicates(&self, threshold: f32) -> Vec<Option<(usize, f32)>> {
        if self.freedom < LEAST_FREEDOM {
            return vec![None; self.channels];
        }
        let scales = self.scales();
        let first = |b: usize| {
            let row = &self.products[triangle(b)..][..b];
            let correlations = row.iter().zip(&scales).map(|(product, scale)| product * scale * scales[b]);
            let (a, correlation) =
                correlations.enumerate().find(|&(_, r)| r.is_finite() && r >= threshold && r > 0.0)?;
            Some((a, correlation.min(1.0)))
        };
        (0..self.channels).into_par_iter().map(first).collect()
    }

    fn product(&self, a: usize, b: usize) -> f32 {
        self.products[triangle(a.max(b)) + a.min(b)]
    }

    /// One over each channel's length; 0 where it never varied.
    pub(super) fn scales(&self) -> Vec<f32> {
        let scale = |channel| self.product(channel, channel).sqrt().recip();
        (0..self.channels).map(scale).map(|scale| if scale.is_finite() { scale } else { 0.0 }).collect()
    }
}

/// The same over many pictures and in several parts: what one picture adds is summed up without rounding. Memory: `channels²/2`
/// times 40 bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PooledCorrelation {
    channels: usize,
    /// As in [`ChannelCorrelation`].
    #[serde(with = "packed")]
    products: Vec<ExactSum>,
    freedom: usize,
}

impl PooledCorrelation {
    /// For a layer with this many channels.
    pub fn new(channels: usize) -> Self {
        Self { channels, products: vec![ExactSum::default(); triangle(channels)], freedom: 0 }
    }

    /// Adds a picture.
    pub fn observe(&mut self, output: &LayerOutput) {
        let mut one = ChannelCorrelation::new(self.channels);
        one.observe(output);
        self.freedom += one.freedom;
        let pairs = self.products.par_iter_mut().zip(&one.products).with_min_len(4096);
        pairs.for_each(|(sum, &product)| sum.add(product));
    }

    /// Adds other pictures.
    pub fn join(&mut self, other: &Self) {
        self.freedom += other.freedom;
        self.products.iter_mut().zip(&other.products).for_each(|(sum, other)| sum.join(other));
    }

    /// The correlations.
    pub fn rounded(&self) -> ChannelCorrelation {
        let products = self.products.iter().map(|sum| sum.value() as f32).collect();
        ChannelCorrelation { channels: self.channels, products, freedom: self.freedom }
    }

    /// True where it is one of a layer of so many channels.
    pub fn fits(&self, channels: usize) -> bool {
        self.channels == channels && self.products.len() == triangle(channels)
    }
}

/// Entries of the triangle's first `rows` rows.
fn triangle(rows: usize) -> usize {
    rows * (rows + 1) / 2
}

/// A layer's maps less their means, each filled up with zeros to whole lanes; whole tiles of rows.
struct Centred {
    values: Vec<f32>,
    stride: usize,
}

impl Centred {
    fn of(values: &[f32], cells: usize, channels: usize) -> Self {
        let stride = cells.next_multiple_of(LANES);
        let mut centred = vec![0.0; stride * channels.next_multiple_of(ROWS_PER_TASK)];
        centred.par_chunks_mut(stride).zip(values.par_chunks_exact(cells)).for_each(|(row, map)| {
            let finite = || map.iter().filter(|value| value.is_finite());
            let mean = finite().map(|&value| f64::from(value)).sum::<f64>() / finite().count() as f64;
            for (centred, &value) in row.iter_mut().zip(map).filter(|(_, value)| value.is_finite()) {
                *centred = (f64::from(value) - mean) as f32;
            }
        });
        Self { values: centred, stride }
    }
}

/// Adds the products of channels `start..` with all up to themselves to their rows of the triangle.
struct AddProducts<'a> {
    centred: &'a Centred,
    start: usize,
    rows: &'a mut [f32],
}

impl WithSimd for AddProducts<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self) {
        let Self { centred: Centred { values, stride }, start, rows } = self;
        let end = (start + ROWS_PER_TASK) * stride;
        for from in (0..*stride).step_by(RUN) {
            let run = from..(from + RUN).min(*stride);
            // The rows of this task stay in the first cache while the others pass by.
            for (pair, others) in values[..end].chunks_exact(TILE[1] * stride).enumerate() {
                let others = [0, 1].map(|i| &others[i * stride..][run.clone()]);
                for b in (start..start + ROWS_PER_TASK).step_by(TILE[0]) {
                    let own = [0, 1, 2, 3].map(|i| &values[(b + i) * stride..][run.clone()]);
                    let sums = tile::<S>(own, others);
                    for (b, sums) in (b..).zip(sums) {
                        for (a, sum) in (pair * TILE[1]..).zip(sums).filter(|(a, _)| *a <= b) {
                            // Rows beyond the last channel are padding.
                            if let Some(entry) = rows.get_mut(triangle(b) - triangle(start) + a) {
                                *entry += sum;
                            }
                        }
                    }
                }
            }
        }
    }
}

/// All products of four rows with two, each of whole vectors and of the same length.
#[inline(always)]
fn tile<S: Simd>(own: [&[f32]; TILE[0]], others: [&[f32]; TILE[1]]) -> [[f32; TILE[1]]; TILE[0]] {
    let lanes = f32::lanes::<S>();
    let load = |values: &[f32]| -> Vector<S, f32> { pod_read_unaligned(cast_slice(values)) };
    let mut sums = [[0.0f32.splat::<S>(); TILE[1]]; TILE[0]];
    let [o0, o1, o2, o3] = own.map(|row| row.chunks_exact(lanes));
    let [p0, p1] = others.map(|row| row.chunks_exact(lanes));
    for (((((o0, o1), o2), o3), p0), p1) in o0.zip(o1).zip(o2).zip(o3).zip(p0).zip(p1) {
        let others = [p0, p1].map(load);
        for (sums, own) in sums.iter_mut().zip([o0, o1, o2, o3].map(load)) {
            for (sum, other) in sums.iter_mut().zip(others) {
                *sum = own.mul_add(other, *sum);
            }
        }
    }
    sums.map(|sums| sums.map(|sum| sum.reduce_add()))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::Shape;

    /// Numbers from −1 to 1 without a pattern.
    pub(in super::super) fn noise(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        }
    }

    pub(in super::super) fn output(height: usize, width: usize, maps: &[Vec<f32>]) -> LayerOutput {
        LayerOutput { layer: 0, shape: Shape { channels: maps.len(), height, width }, values: maps.concat() }
    }

    pub(in super::super) fn random(channels: usize, height: usize, width: usize, seed: u64) -> LayerOutput {
        let mut next = noise(seed);
        let base: Vec<f32> = (0..height * width).map(|_| next()).collect();
        let map = |next: &mut dyn FnMut() -> f32| {
            let share = next();
            base.iter().map(|value| 3.0 + share * value + next()).collect::<Vec<f32>>()
        };
        output(height, width, &(0..channels).map(|_| map(&mut next)).collect::<Vec<_>>())
    }

    /// By the definition, in f64.
    fn naive(outputs: &[LayerOutput], a: usize, b: usize) -> f64 {
        let mut sums = [0.0; 3];
        for output in outputs {
            let centred = |channel: usize| -> Vec<f64> {
                let map = output.channel(channel);
                let mean = map.iter().map(|&v| f64::from(v)).sum::<f64>() / map.len() as f64;
                map.iter().map(|&v| f64::from(v) - mean).collect()
            };
            for (x, y) in centred(a).iter().zip(centred(b)) {
                sums = [sums[0] + x * y, sums[1] + x * x, sums[2] + y * y];
            }
        }
        sums[0] / (sums[1] * sums[2]).sqrt()
    }

    #[test]
    fn correlations_equal_the_definition() {
        // Channels and cells that fill neither tile, lane, task nor run; a layer of more than one run.
        for (channels, height, width) in [(37, 3, 7), (5, 41, 53), (1, 2, 2), (16, 4, 4)] {
            let outputs = [random(channels, height, width, 1), random(channels, height, width, 2)];
            let mut correlation = ChannelCorrelation::new(channels);
            outputs.iter().for_each(|output| correlation.observe(output));
            for a in 0..channels {
                for b in 0..channels {
                    let (found, expected) = (correlation.correlation(a, b), naive(&outputs, a, b));
                    assert!((f64::from(found) - expected).abs() < 1e-5, "{a} {b}: {found} {expected}");
                }
            }
        }
    }

    #[test]
    fn only_the_later_of_a_pair_is_a_duplicate() {
        let mut next = noise(3);
        let first: Vec<f32> = (0..20).map(|_| next()).collect();
        let other: Vec<f32> = (0..20).map(|_| next()).collect();
        let scaled = first.iter().map(|v| 5.0 + 0.1 * v).collect();
        let inverted = first.iter().map(|v| -v).collect();
        let mut with_hole = first.clone();
        with_hole[3] = f32::NAN;
        let mut correlation = ChannelCorrelation::new(7);
        let maps = [other, first, vec![0.1; 20], scaled, inverted, with_hole, vec![0.0; 20]];
        correlation.observe(&output(4, 5, &maps));
        let found = correlation.duplicates(0.9);
        let of: Vec<_> = found.iter().map(|found| found.map(|(of, _)| of)).collect();
        assert_eq!(of, [None, None, None, Some(1), None, Some(1), None]);
        assert!((found[3].unwrap().1 - 1.0).abs() < 1e-6);
        assert!(found[5].unwrap().1 < 0.999);
        assert!((correlation.correlation(4, 1) + 1.0).abs() < 1e-6);
        assert_eq!((correlation.correlation(2, 2), correlation.correlation(2, 1)), (0.0, 0.0));
    }

    #[test]
    fn pictures_are_pooled() {
        // Alike on the first picture, unlike and stronger on the second.
        let pattern: Vec<f32> = (0..9).map(|i| i as f32).collect();
        let against = pattern.iter().map(|v| -3.0 * v).collect();
        let strong = pattern.iter().map(|v| 3.0 * v).collect();
        let mut correlation = ChannelCorrelation::new(2);
        correlation.observe(&output(3, 3, &[pattern.clone(), pattern]));
        assert_eq!(correlation.duplicates(0.95)[1].map(|(of, _)| of), Some(0));
        correlation.observe(&output(3, 3, &[strong, against]));
        // (1 − 9) / (1 + 9)
        assert!((correlation.correlation(0, 1) + 0.8).abs() < 1e-6);
    }

    #[test]
    fn parts_make_the_whole_to_the_last_bit() {
        let outputs: Vec<_> = (0..7).map(|seed| random(19, 5, 6, seed)).collect();
        let of = |which: &dyn Fn(usize) -> bool| {
            let mut pooled = PooledCorrelation::new(19);
            let mine = outputs.iter().enumerate().filter(|(place, _)| which(*place));
            mine.for_each(|(_, output)| pooled.observe(output));
            pooled
        };
        let whole = of(&|_| true);
        let mut joined = of(&|place| place % 2 == 1);
        joined.join(&of(&|place| place % 2 == 0));
        assert_eq!(joined, whole);
        let text = serde_json::to_string(&whole).unwrap();
        assert_eq!(serde_json::from_str::<PooledCorrelation>(&text).unwrap(), whole);
        for (a, b) in [(0, 1), (18, 3), (7, 7)] {
            assert!((f64::from(whole.rounded().correlation(a, b)) - naive(&outputs, a, b)).abs() < 1e-5);
        }
    }

    #[test]
    fn too_few_cells_make_no_duplicates() {
        let map = vec![1.0, 2.0, 3.0, 4.0];
        let mut correlation = ChannelCorrelation::new(2);
        for expected in [None, None, Some(0)] {
            correlation.observe(&output(2, 2, &[map.clone(), map.clone()]));
            assert_eq!(correlation.duplicates(0.95)[1].map(|(of, _)| of), expected);
        }
        let mut single = ChannelCorrelation::new(2);
        (0..20).for_each(|i| single.observe(&output(1, 1, &[vec![i as f32], vec![i as f32]])));
        assert_eq!(single.duplicates(0.95), [None, None]);
    }
}
