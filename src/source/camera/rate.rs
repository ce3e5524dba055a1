//! Frames a second, which are not always whole: 25/2, 30000/1001.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// So many frames in so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// At least 1.
    pub frames: u32,
    /// At least 1.
    pub seconds: u32,
}

impl Rate {
    /// `None` where either is 0.
    pub fn new(frames: u32, seconds: u32) -> Option<Self> {
        (frames > 0 && seconds > 0).then_some(Self { frames, seconds })
    }

    /// Frames a second.
    pub fn per_second(self) -> f64 {
        f64::from(self.frames) / f64::from(self.seconds)
    }

    /// How many frames fewer than another come in a second; 0 where there are as many or more.
    pub fn lacks(self, wanted: Self) -> f64 {
        (wanted.per_second() - self.per_second()).max(0.0)
    }
}

impl From<u32> for Rate {
    fn from(frames: u32) -> Self {
        Self { frames: frames.max(1), seconds: 1 }
    }
}

impl Ord for Rate {
    fn cmp(&self, other: &Self) -> Ordering {
        let product = |a: u32, b: u32| u64::from(a) * u64::from(b);
        product(self.frames, other.seconds)
            .cmp(&product(other.frames, self.seconds))
            .then(self.seconds.cmp(&other.seconds))
    }
}

impl PartialOrd for Rate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// `12.5`, `29.97`, `30`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hundredths = (self.per_second() * 100.0).round() / 100.0;
        write!(f, "{hundredths}")
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = match text.split_once('/') {
            Some((frames, seconds)) => {
                frames.trim().parse().ok().zip(seconds.trim().parse().ok()).and_then(|(f, s)| Self::new(f, s))
            }
            None => text.trim().parse().ok().filter(|rate| (0.01..=10_000.0).contains(rate)).and_then(
                |rate: f64| match rate.fract() == 0.0 {
                    true => Self::new(rate as u32, 1),
                    false => Self::new((rate * 1000.0).round() as u32, 1000),
                },
            ),
        };
        rate.ok_or_else(|| "frames a second such as 30, 12.5 or 30000/1001".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_told_as_they_are_and_read_again() {
        for (text, told, per_second) in [
            ("30", "30", 30.0),
            ("12.5", "12.5", 12.5),
            ("30000/1001", "29.97", 29.97),
            ("25/2", "12.5", 12.5),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), told);
            assert!((rate.per_second() - per_second).abs() < 1e-3);
        }
        for wrong in ["", "0", "-5", "1/0", "fast", "inf", "NaN", "1e9"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        let (slow, fast) = (Rate::new(25, 2).unwrap(), Rate::from(13));
        assert!(slow < fast && slow.lacks(fast) == 0.5 && fast.lacks(slow) == 0.0);
    }
}
