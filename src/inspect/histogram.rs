//! How a channel's values are spread over many pictures: a histogram whose bins widen as values need it, the same in whatever
//! order and parts. Pure.

use serde::{Deserialize, Serialize};

/// Most bins.
const BINS: i64 = 64;

/// No bin is finer than this part of the largest magnitude, in powers of two: their numbers stay small.
const FINEST: i32 = 30;

/// Counts of values. Bins are as wide as a power of two, begin at multiples of that, and are the narrowest of which 64 reach from the
/// lowest to the highest value; so only the values decide on them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Histogram {
    /// Bins are 2 to this power wide.
    exponent: i32,
    /// Number of the first bin: it begins at that many widths.
    first: i64,
    /// Values in each bin; zero is in none.
    counts: Vec<u64>,
    /// Lowest and highest value that is in a bin.
    ends: [f32; 2],
    /// Values that are zero.
    zeros: u64,
    /// Values that are no numbers.
    broken: u64,
}

/// A histogram, as documents tell it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HistogramInfo {
    /// Where the first bin begins.
    pub start: f64,
    /// How wide each is.
    pub width: f64,
    /// Values in each bin; zero is in none.
    pub counts: Vec<u64>,
    /// Values that are zero.
    pub zeros: u64,
    /// Values that are no numbers.
    pub without_number: u64,
}

/// The number of the bin that a value is in; exact, for a power of two only moves the point.
fn bin(value: f32, exponent: i32) -> i64 {
    (f64::from(value) * 2f64.powi(-exponent)).floor() as i64
}

/// How wide bins must be, as a power of two.
fn exponent_for([low, high]: [f32; 2]) -> i32 {
    let largest = f64::from(low.abs().max(high.abs()));
    let mut exponent = largest.log2().floor() as i32 - FINEST;
    while bin(high, exponent) - bin(low, exponent) >= BINS {
        exponent += 1;
    }
    exponent
}

impl Histogram {
    /// Adds values.
    pub fn observe(&mut self, values: &[f32]) {
        let binned = || values.iter().copied().filter(|value| value.is_finite() && *value != 0.0);
        let ends = binned()
            .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], value| [low.min(value), high.max(value)]);
        self.broken += values.iter().filter(|value| !value.is_finite()).count() as u64;
        self.zeros += values.iter().filter(|value| **value == 0.0).count() as u64;
        if ends[0] > ends[1] {
            return;
        }
        self.reach(ends);
        let (exponent, first) = (self.exponent, self.first);
        for value in binned() {
            if let Some(count) = self.counts.get_mut((bin(value, exponent) - first) as usize) {
                *count += 1;
            }
        }
    }

    /// Adds what was counted of other pictures.
    pub fn join(&mut self, other: &Self) {
        self.zeros += other.zeros;
        self.broken += other.broken;
        if other.counts.is_empty() {
            return;
        }
        self.reach(other.ends);
        for (number, count) in (other.first..).zip(&other.counts) {
            let own = number >> (self.exponent - other.exponent).clamp(0, 63);
            if let Some(sum) = self.counts.get_mut((own - self.first) as usize) {
                *sum += count;
            }
        }
    }

    /// Has bins reach from the lowest to the highest of all values.
    fn reach(&mut self, [low, high]: [f32; 2]) {
        let ends = match self.counts.is_empty() {
            true => [low, high],
            false => [self.ends[0].min(low), self.ends[1].max(high)],
        };
        let exponent = exponent_for(ends);
        let first = bin(ends[0], exponent);
        let mut counts = vec![0; (bin(ends[1], exponent) - first + 1) as usize];
        for (number, count) in (self.first..).zip(&self.counts) {
            let own = number >> (exponent - self.exponent).clamp(0, 63);
            if let Some(sum) = counts.get_mut((own - first) as usize) {
                *sum += count;
            }
        }
        (self.exponent, self.first, self.counts, self.ends) = (exponent, first, counts, ends);
    }

    /// For a document.
    pub fn info(&self) -> HistogramInfo {
        let width = 2f64.powi(self.exponent);
        HistogramInfo {
            start: self.first as f64 * width,
            width: if self.counts.is_empty() { 0.0 } else { width },
            counts: self.counts.clone(),
            zeros: self.zeros,
            without_number: self.broken,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::similarity::tests::noise;
    use super::*;

    fn of(values: &[f32]) -> Histogram {
        let mut all = Histogram::default();
        all.observe(values);
        all
    }

    #[test]
    fn every_value_is_in_its_bin() {
        let mut next = noise(5);
        for scale in [1e-30, 0.01, 1.0, 1e4, 1e30] {
            let values: Vec<f32> = (0..5000).map(|_| next() * scale).collect();
            let HistogramInfo { start, width, counts, .. } = of(&values).info();
            assert!((33..=64).contains(&counts.len()), "{scale}: {}", counts.len());
            for (number, &count) in counts.iter().enumerate() {
                let low = start + width * number as f64;
                let inside = |value: &&f32| (low..low + width).contains(&f64::from(**value));
                assert_eq!(values.iter().filter(inside).count() as u64, count, "{scale} {number}");
            }
        }
        let odd = of(&[0.0, -0.0, f32::NAN, 3.0, f32::NEG_INFINITY]).info();
        assert_eq!((odd.zeros, odd.without_number, odd.counts), (2, 2, vec![1]));
        assert_eq!(of(&[0.0]).info().counts.len(), 0);
        assert_eq!(of(&[f32::MAX, f32::MIN, 1e-45]).info().counts.iter().sum::<u64>(), 3);
    }

    #[test]
    fn order_and_parts_do_not_matter() {
        let mut next = noise(9);
        let mut part = |scale: f32| (0..300).map(|_| (next() * scale).max(0.0)).collect::<Vec<f32>>();
        let parts = [part(0.001), part(50.0), vec![0.0], part(3.0), vec![7.25]];
        let whole = of(&parts.concat());
        for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 4, 0, 3, 1]] {
            let (mut observed, mut joined) = (Histogram::default(), Histogram::default());
            for place in order {
                observed.observe(&parts[place]);
                joined.join(&of(&parts[place]));
            }
            assert_eq!((&observed, &joined), (&whole, &whole), "{order:?}");
        }
    }
}
