//! Sums without rounding, so that it does not matter in which order, nor in how many parts, they are made: a fixed point wide
//! enough for every f32 (Kulisch, "Computer Arithmetic and Validity", 2008, chapter 8). Pure.

use bytemuck::{Pod, Zeroable};

/// 64-bit words: the smallest f32 is 2^-149, the largest below 2^128, and 43 bits are left to add up.
const WORDS: usize = 5;

/// No number at all: what sums of any numbers never reach.
const NONE: [u64; WORDS] = [0, 0, 0, 0, 1 << 63];

/// A sum of f32 values; two's complement in units of 2^-149, the lowest word first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(transparent)]
pub struct ExactSum([u64; WORDS]);

impl ExactSum {
    /// Adds a value. What is not finite makes the sum no number for good.
    pub fn add(&mut self, value: f32) {
        if value == 0.0 || self.0 == NONE {
            return;
        }
        if !value.is_finite() {
            self.0 = NONE;
            return;
        }
        let bits = value.to_bits();
        let exponent = bits >> 23 & 0xff;
        let mantissa = u128::from(bits & 0x7f_ffff | u32::from(exponent > 0) << 23);
        let at = exponent.max(1) as usize - 1;
        let wide = mantissa << (at % 64);
        let halves = [wide as u64, (wide >> 64) as u64];
        let words = &mut self.0[at / 64..];
        let mut carry = false;
        for (place, word) in words.iter_mut().enumerate() {
            let own = halves.get(place).copied().unwrap_or(0);
            if place > 1 && !carry {
                break;
            }
            let (first, second);
            (*word, first) = if value < 0.0 { word.overflowing_sub(own) } else { word.overflowing_add(own) };
            (*word, second) = match value < 0.0 {
                true => word.overflowing_sub(carry.into()),
                false => word.overflowing_add(carry.into()),
            };
            carry = first | second;
        }
    }

    /// Adds another sum.
    pub fn join(&mut self, other: &Self) {
        if self.0 == NONE || other.0 == NONE {
            self.0 = NONE;
            return;
        }
        let mut carry = false;
        for (word, own) in self.0.iter_mut().zip(other.0) {
            let (sum, first) = word.overflowing_add(own);
            let (sum, second) = sum.overflowing_add(carry.into());
            (*word, carry) = (sum, first | second);
        }
    }

    /// Its value, rounded once for each word: the same for the same sum. NaN where it is no number.
    pub fn value(&self) -> f64 {
        if self.0 == NONE {
            return f64::NAN;
        }
        let is_negative = self.0[WORDS - 1] >> 63 == 1;
        let mut words = self.0;
        if is_negative {
            let mut carry = true;
            for word in &mut words {
                (*word, carry) = (!*word).overflowing_add(carry.into());
            }
        }
        let size = words.iter().rev().fold(0.0, |size, word| size * 2f64.powi(64) + *word as f64);
        let size = size * 2f64.powi(-149);
        if is_negative { -size } else { size }
    }
}

#[cfg(test)]
mod tests {
    use super::super::similarity::tests::noise;
    use super::*;

    fn sum(values: &[f32]) -> ExactSum {
        let mut sum = ExactSum::default();
        values.iter().for_each(|&value| sum.add(value));
        sum
    }

    #[test]
    fn nothing_is_lost() {
        // In f64 the small ones would vanish beside the large ones.
        let all = [3e38, 1e-45, -3e38, 2.5, f32::MAX, -f32::MAX, -1.0, 7e-40];
        assert_eq!(sum(&all).value(), 1.5 + f64::from(7e-40_f32) + f64::from(1e-45_f32));
        for value in [0.0, 1.0, -1.0, 1e-45, -1e-45, 3.25e38, -0.1, f32::MIN_POSITIVE, 16_777_215.0] {
            assert_eq!(sum(&[value]).value(), f64::from(value), "{value}");
            assert_eq!(sum(&[value, -value]), ExactSum::default(), "{value}");
        }
        assert_eq!(sum(&[f32::MAX; 1000]).value(), f64::from(f32::MAX) * 1000.0);
    }

    #[test]
    fn order_and_parts_do_not_matter() {
        let mut next = noise(3);
        let mut values: Vec<f32> = (0..3000).map(|_| next() * 10f32.powf(next() * 30.0)).collect();
        let whole = sum(&values);
        let mut joined = sum(&values[..1000]);
        joined.join(&sum(&values[1000..]));
        values.reverse();
        assert_eq!((sum(&values), joined), (whole, whole));
    }

    #[test]
    fn what_is_no_number_stays_none() {
        let mut none = sum(&[1.0, f32::NAN, 2.0]);
        assert!(none.value().is_nan() && sum(&[f32::INFINITY]).value().is_nan());
        none.join(&sum(&[1.0]));
        assert!(none.value().is_nan());
        let mut one = sum(&[1.0]);
        one.join(&none);
        assert!(one.value().is_nan());
    }
}
