//! How alike a layer's channels are: correlation of all pairs, near-duplicates, and an order in which similar
//! channels are neighbours. Pure; spreads over rayon's threads.

use rayon::prelude::*;

use super::LayerOutput;
use super::health::LEAST_FREEDOM;

/// Values added side by side, so that the compiler uses vector registers.
const LANES: usize = 4;
/// Cells of one run of f32 additions; longer maps are added up run by run, which keeps both the rounding and the
/// rows in the first cache small.
const RUN: usize = 1024;
/// Channels compared at once: a tile of sums that fits the sixteen vector registers of plain x86-64.
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

    /// Adds a picture. Takes `channels² · cells / 2` multiplications: on one core of 2.5 GHz about 30 ms for
    /// 2048 channels of 8×8.
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
        tasks.into_par_iter().rev().for_each(|(start, rows)| centred.add_products(start, rows));
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
    fn scales(&self) -> Vec<f32> {
        let scale = |channel| self.product(channel, channel).sqrt().recip();
        (0..self.channels).map(scale).map(|scale| if scale.is_finite() { scale } else { 0.0 }).collect()
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

    /// Adds the products of channels `start..` with all up to themselves to their rows of the triangle.
    fn add_products(&self, start: usize, rows: &mut [f32]) {
        let end = (start + ROWS_PER_TASK) * self.stride;
        for from in (0..self.stride).step_by(RUN) {
            let run = from..(from + RUN).min(self.stride);
            // The rows of this task stay in the first cache while the others pass by.
            for (pair, others) in self.values[..end].chunks_exact(TILE[1] * self.stride).enumerate() {
                let others = [0, 1].map(|i| &others[i * self.stride..][run.clone()]);
                for b in (start..start + ROWS_PER_TASK).step_by(TILE[0]) {
                    let own = [0, 1, 2, 3].map(|i| &self.values[(b + i) * self.stride..][run.clone()]);
                    let sums = tile(own, others);
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

/// All products of four rows with two, each of whole lanes and of the same length.
fn tile(own: [&[f32]; TILE[0]], others: [&[f32]; TILE[1]]) -> [[f32; TILE[1]]; TILE[0]] {
    let mut sums = [[[0.0_f32; LANES]; TILE[1]]; TILE[0]];
    let [o0, o1, o2, o3] = own.map(|row| row.as_chunks::<LANES>().0);
    let [p0, p1] = others.map(|row| row.as_chunks::<LANES>().0);
    for (((((o0, o1), o2), o3), p0), p1) in o0.iter().zip(o1).zip(o2).zip(o3).zip(p0).zip(p1) {
        for (sums, own) in sums.iter_mut().zip([o0, o1, o2, o3]) {
            for (sums, other) in sums.iter_mut().zip([p0, p1]) {
                for lane in 0..LANES {
                    sums[lane] += own[lane] * other[lane];
                }
            }
        }
    }
    sums.map(|sums| sums.map(|lanes| (lanes[0] + lanes[1]) + (lanes[2] + lanes[3])))
}

/// The channels ordered so that similar ones are neighbours; channels that never varied come last, by number.
///
/// Agglomerative clustering with average linkage of the distance 1 − correlation, by nearest-neighbour chains
/// (Müllner, "Modern hierarchical, agglomerative clustering algorithms", arXiv:1109.2378), in O(channels²). Where
/// two clusters meet, each is turned so that the most similar of their end channels touch. Ordering channels so for
/// display: Liu et al., "Towards Better Analysis of Deep Convolutional Neural Networks" (CNNVis), IEEE TVCG 2017,
/// arXiv:1604.07043. The same correlations give the same order.
pub fn similarity_order(correlation: &ChannelCorrelation) -> Vec<u32> {
    let scales = correlation.scales();
    let (varied, constant): (Vec<usize>, Vec<usize>) =
        (0..correlation.channels).partition(|&channel| scales[channel] > 0.0);
    let mut distances = Distances::of(correlation, &varied);
    let original = |a: u32, b: u32| correlation.correlation(varied[a as usize], varied[b as usize]);

    let mut clusters: Vec<Vec<u32>> = (0..varied.len() as u32).map(|leaf| vec![leaf]).collect();
    let mut chain: Vec<usize> = Vec::new();
    let mut first_active = 0;
    for _ in 1..varied.len() {
        if chain.is_empty() {
            while clusters[first_active].is_empty() {
                first_active += 1;
            }
            chain.push(first_active);
        }
        let (a, b) = loop {
            let last = chain[chain.len() - 1];
            let previous = chain.len().checked_sub(2).map(|index| chain[index]);
            let nearest = distances.nearest(last, previous);
            if Some(nearest) == previous {
                break (last.min(nearest), last.max(nearest));
            }
            chain.push(nearest);
        };
        chain.truncate(chain.len() - 2);
        let (left, right) = (std::mem::take(&mut clusters[a]), std::mem::take(&mut clusters[b]));
        distances.merge(a, b, [left.len() as f32, right.len() as f32]);
        // By theory neither is further down the chain; rounding of averages may put it there.
        let stale = chain.iter().position(|&cluster| cluster == a || cluster == b);
        chain.truncate(stale.unwrap_or(chain.len()));
        clusters[a] = joined(left, right, original);
    }

    let mut order = clusters.into_iter().find(|cluster| !cluster.is_empty()).unwrap_or_default();
    if order.first() > order.last() {
        order.reverse();
    }
    order.iter().map(|&leaf| varied[leaf as usize]).chain(constant).map(|channel| channel as u32).collect()
}

/// Two clusters in a row, each turned so that similar ends meet.
fn joined(mut left: Vec<u32>, mut right: Vec<u32>, similarity: impl Fn(u32, u32) -> f32) -> Vec<u32> {
    let (Some(&l0), Some(&l1), Some(&r0), Some(&r1)) =
        (left.first(), left.last(), right.first(), right.last())
    else {
        return if left.is_empty() { right } else { left };
    };
    // (turn the left one, turn the right one, what then touches); the first of the best wins.
    let ways = [(false, false, l1, r0), (false, true, l1, r1), (true, false, l0, r0), (true, true, l0, r1)];
    let mut best = (f32::NEG_INFINITY, false, false);
    for (turn_left, turn_right, a, b) in ways {
        let similarity = similarity(a, b);
        if similarity > best.0 {
            best = (similarity, turn_left, turn_right);
        }
    }
    if best.1 {
        left.reverse();
    }
    if best.2 {
        right.reverse();
    }
    left.append(&mut right);
    left
}

/// Distances between clusters: a full matrix, since rows are read far more often than entries are written.
struct Distances {
    values: Vec<f32>,
    side: usize,
}

impl Distances {
    fn of(correlation: &ChannelCorrelation, channels: &[usize]) -> Self {
        let side = channels.len();
        let mut values = vec![f32::INFINITY; side * side];
        values.par_chunks_mut(side.max(1)).enumerate().for_each(|(a, row)| {
            for (b, distance) in row.iter_mut().enumerate().filter(|(b, _)| *b != a) {
                *distance = 1.0 - correlation.correlation(channels[a], channels[b]);
            }
        });
        Self { values, side }
    }

    /// The nearest cluster; of equally near ones `preferred` (which ends the chain) or the lowest.
    fn nearest(&self, cluster: usize, preferred: Option<usize>) -> usize {
        let row = &self.values[cluster * self.side..][..self.side];
        // Lane by lane, since a plain minimum is not vectorised.
        let (whole, rest) = row.as_chunks::<16>();
        let mut lanes = [f32::INFINITY; 16];
        for values in whole {
            for (least, &value) in lanes.iter_mut().zip(values) {
                *least = if value < *least { value } else { *least };
            }
        }
        let least = lanes.iter().chain(rest).copied().fold(f32::INFINITY, f32::min);
        preferred
            .filter(|&preferred| row[preferred] <= least)
            .or_else(|| row.iter().position(|&distance| distance <= least))
            .unwrap_or(cluster)
    }

    /// Makes `a` the union of `a` and `b`, which have these sizes; `b` is then infinitely far from all.
    fn merge(&mut self, a: usize, b: usize, [size_a, size_b]: [f32; 2]) {
        let (share_a, share_b) = (size_a / (size_a + size_b), size_b / (size_a + size_b));
        for other in 0..self.side {
            let distance =
                share_a * self.values[a * self.side + other] + share_b * self.values[b * self.side + other];
            for (row, column, distance) in [
                (a, other, distance),
                (other, a, distance),
                (b, other, f32::INFINITY),
                (other, b, f32::INFINITY),
            ] {
                self.values[row * self.side + column] = distance;
            }
        }
        self.values[a * self.side + a] = f32::INFINITY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shape;

    /// Numbers from −1 to 1 without a pattern.
    fn noise(seed: u64) -> impl FnMut() -> f32 {
        let mut state = seed;
        move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        }
    }

    fn output(height: usize, width: usize, maps: &[Vec<f32>]) -> LayerOutput {
        LayerOutput { layer: 0, shape: Shape { channels: maps.len(), height, width }, values: maps.concat() }
    }

    fn random(channels: usize, height: usize, width: usize, seed: u64) -> LayerOutput {
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
        assert_eq!(similarity_order(&single), [0, 1]);
    }

    #[test]
    fn groups_become_neighbours_and_constant_channels_come_last() {
        let mut next = noise(11);
        let bases: Vec<Vec<f32>> = (0..3).map(|_| (0..64).map(|_| next()).collect()).collect();
        let mut maps: Vec<Vec<f32>> =
            (0..30).map(|channel| bases[channel % 3].iter().map(|v| v + 0.3 * next()).collect()).collect();
        maps[4] = vec![0.0; 64];
        maps[20] = vec![2.5; 64];
        let mut correlation = ChannelCorrelation::new(30);
        correlation.observe(&output(8, 8, &maps));
        let order = similarity_order(&correlation);
        assert_eq!(order[28..], [4, 20]);
        let changes = order[..28].windows(2).filter(|pair| pair[0] % 3 != pair[1] % 3).count();
        assert_eq!(changes, 2, "{order:?}");
        assert_eq!(order, similarity_order(&correlation));
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..30).collect::<Vec<_>>());
    }

    #[test]
    fn every_cluster_of_average_linkage_stays_together() {
        let channels = 40;
        let mut correlation = ChannelCorrelation::new(channels);
        correlation.observe(&random(channels, 6, 6, 5));
        let order = similarity_order(&correlation);
        let place = |channel: usize| order.iter().position(|&c| c as usize == channel).unwrap();
        let mean = |a: &[usize], b: &[usize]| {
            let pairs = a.iter().flat_map(|&a| b.iter().map(move |&b| (a, b)));
            pairs.map(|(a, b)| f64::from(correlation.correlation(a, b))).sum::<f64>()
                / (a.len() * b.len()) as f64
        };
        // Always the most similar pair of clusters, by the definition.
        let mut clusters: Vec<Vec<usize>> = (0..channels).map(|channel| vec![channel]).collect();
        while clusters.len() > 1 {
            let pairs = (0..clusters.len()).flat_map(|b| (0..b).map(move |a| (a, b)));
            let similarity = |&(a, b): &(usize, usize)| mean(&clusters[a], &clusters[b]);
            let (a, b) = pairs.max_by(|x, y| similarity(x).total_cmp(&similarity(y))).unwrap();
            let mut joined = clusters.remove(b);
            joined.append(&mut clusters[a]);
            let places: Vec<usize> = joined.iter().map(|&channel| place(channel)).collect();
            let span = places.iter().max().unwrap() - places.iter().min().unwrap();
            assert_eq!(span, joined.len() - 1, "{joined:?} in {order:?}");
            clusters[a] = joined;
        }
    }

    #[test]
    fn equal_distances_end() {
        // All channels the same, and pairs of equals: every step is a tie.
        let map: Vec<f32> = (0..16).map(|i| (i % 5) as f32).collect();
        let mut correlation = ChannelCorrelation::new(33);
        correlation.observe(&output(4, 4, &vec![map; 33]));
        let mut order = similarity_order(&correlation);
        order.sort_unstable();
        assert_eq!(order, (0..33).collect::<Vec<_>>());
        assert_eq!(similarity_order(&ChannelCorrelation::new(3)), [0, 1, 2]);
        assert!(similarity_order(&ChannelCorrelation::new(0)).is_empty());
    }

    #[test]
    fn the_best_ends_touch() {
        // 0–1–2–3 in a line: similar where numbers are close.
        let similarity = |a: u32, b: u32| -(f64::from(a) - f64::from(b)).abs() as f32;
        assert_eq!(joined(vec![0, 1], vec![3, 2], similarity), [0, 1, 2, 3]);
        assert_eq!(joined(vec![1, 0], vec![2, 3], similarity), [0, 1, 2, 3]);
        assert_eq!(joined(vec![1, 0], vec![3, 2], similarity), [0, 1, 2, 3]);
        assert_eq!(joined(vec![0, 1], vec![2, 3], similarity), [0, 1, 2, 3]);
    }
}
