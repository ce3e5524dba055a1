//! The one source of chance in drawings, and a noise that has no state.
//!
//! Pure, any thread. The numbers are the same on every machine: whole-number arithmetic and exactly rounded operations.

/// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014).
#[derive(Clone, Debug)]
pub struct Random(u64);

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mixed(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

impl Random {
    /// Numbers that depend on the seed and on nothing else.
    pub fn new(seed: u64) -> Self {
        Self(mixed(seed.wrapping_add(GOLDEN)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        mixed(self.0)
    }

    /// 0 ≤ number < 1.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 * (1.0 / 16_777_216.0)
    }

    /// `low` ≤ number ≤ `high`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// A number around 0 with standard deviation 1, never further away than 4 (a sum of uniform ones).
    pub fn bell(&mut self) -> f32 {
        let bits = self.bits();
        let part = |shift: u32| ((bits >> shift) & 0xffff) as f32 * (1.0 / 65_535.0);
        (part(0) + part(16) + part(32) + part(48) - 2.0) * 1.732
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// 0 ≤ number < `count`; 0 where `count` is 0.
    pub fn below(&mut self, count: usize) -> usize {
        ((self.bits() >> 32) as usize * count) >> 32
    }

    /// `low` ≤ number ≤ `high`.
    pub fn whole(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// −1 or 1.
    pub fn sign(&mut self) -> f32 {
        if self.chance(0.5) { -1.0 } else { 1.0 }
    }

    /// One of these; they must not be none.
    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }
}

/// The whole number below. `f32::floor` is a call into libm on plain x86-64, and slow.
pub fn floor(value: f32) -> i32 {
    let truncated = value as i32;
    truncated - i32::from(value < truncated as f32)
}

/// From 0 to 1, one number for each pair of whole numbers and each seed.
pub fn hashed(x: i32, y: i32, seed: u32) -> f32 {
    let mut h = (x as u32).wrapping_mul(0x85eb_ca6b) ^ (y as u32).wrapping_mul(0xc2b2_ae35) ^ seed;
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^= h >> 15;
    (h >> 8) as f32 * (1.0 / 16_777_216.0)
}

/// Smooth noise from 0 to 1 whose features are about one unit wide.
pub fn noise(x: f32, y: f32, seed: u32) -> f32 {
    let (column, row) = (floor(x), floor(y));
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (tx, ty) = (ease(x - column as f32), ease(y - row as f32));
    let at = |dx: i32, dy: i32| hashed(column.wrapping_add(dx), row.wrapping_add(dy), seed);
    let top = at(0, 0) + (at(1, 0) - at(0, 0)) * tx;
    let bottom = at(0, 1) + (at(1, 1) - at(0, 1)) * tx;
    top + (bottom - top) * ty
}

/// Noise of several octaves, from 0 to 1 (mostly 0.2 to 0.8).
pub fn fractal(x: f32, y: f32, octaves: u32, seed: u32) -> f32 {
    let (mut sum, mut total, mut weight, mut scale) = (0.0, 0.0, 1.0, 1.0);
    for octave in 0..octaves {
        sum += weight * noise(x * scale + 7.3 * octave as f32, y * scale, seed.wrapping_add(octave * 101));
        total += weight;
        weight *= 0.55;
        scale *= 2.03;
    }
    sum / total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_their_limits_and_their_seed() {
        let mut random = Random::new(3);
        let mut again = Random::new(3);
        let (mut sum, mut squares) = (0.0, 0.0);
        for _ in 0..20_000 {
            assert_eq!(random.bits(), again.bits());
            assert!((0.0..1.0).contains(&random.unit()));
            assert!(random.below(7) < 7);
            assert!((2..=5).contains(&random.whole(2, 5)));
            let bell = random.bell();
            sum += bell;
            squares += bell * bell;
            again = random.clone();
        }
        assert!((sum / 20_000.0).abs() < 0.05 && (squares / 20_000.0 - 1.0).abs() < 0.05, "{sum} {squares}");
        assert_ne!(Random::new(4).bits(), Random::new(3).bits());
    }

    #[test]
    fn noise_is_smooth_and_fills_its_range() {
        let values: Vec<f32> = (0..4000).map(|i| noise(i as f32 * 0.02, 1.7, 5)).collect();
        assert!(values.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.05));
        assert!(values.iter().all(|value| (0.0..=1.0).contains(value)));
        assert!(values.iter().any(|v| *v < 0.15) && values.iter().any(|v| *v > 0.85));
        assert_eq!(floor(-0.5), -1);
        assert_eq!(floor(-2.0), -2);
    }
}
