//! The order in which a layer's similar channels are neighbours. Pure, any thread.

use rayon::prelude::*;

use super::similarity::ChannelCorrelation;

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
        (0..correlation.channels()).partition(|&channel| scales[channel] > 0.0);
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
    use super::super::similarity::tests::{noise, output, random};
    use super::*;

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
