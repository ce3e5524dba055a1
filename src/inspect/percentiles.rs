//! Between which values nearly all of a map lie.

/// How many of a hundred values lie at or below the two ends. Same numbers in percentiles.wgsl.
pub const PERCENTILES: [usize; 2] = [1, 99];

/// The values at or below which 1 % and 99 % of the finite values lie (nearest rank). Where both are one value, as in a map
/// that is zero nearly everywhere, that is no range: then the smallest and the largest. Zeros without a finite value.
pub fn percentiles(values: &[f32]) -> [f32; 2] {
    let mut finite: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    if finite.is_empty() {
        return [0.0; 2];
    }
    let count = finite.len();
    let mut ends = PERCENTILES.map(|percent| {
        let rank = (percent * count).div_ceil(100).max(1);
        *finite.select_nth_unstable_by(rank - 1, f32::total_cmp).1
    });
    if ends[0] >= ends[1] {
        ends = [f32::min, f32::max].map(|pick| finite.iter().copied().reduce(pick).unwrap_or_default());
    }
    ends
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_a_hundred_lies_beyond_each_end() {
        let values: Vec<f32> = (0..1000).map(|i| ((i * 7) % 1000) as f32).collect();
        assert_eq!(percentiles(&values), [9.0, 989.0]);
        assert_eq!(percentiles(&[3.0]), [3.0, 3.0]);
        assert_eq!(percentiles(&[f32::NAN, 2.0, f32::INFINITY, -1.0]), [-1.0, 2.0]);
        assert_eq!(percentiles(&[f32::NAN]), [0.0; 2]);
        // Zero nearly everywhere.
        let mut sparse = vec![0.0; 1000];
        (sparse[10], sparse[20]) = (5.0, -1.0);
        assert_eq!(percentiles(&sparse), [-1.0, 5.0]);
    }
}
