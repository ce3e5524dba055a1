//! Which values of a picture are black and white. Pure.

use std::fmt;
use std::str::FromStr;

/// What becomes of a picture's values, in the file's own numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Levels {
    /// The range of the format is that of the picture.
    #[default]
    Kept,
    /// The lowest value of a picture becomes black, its highest white.
    Auto,
    /// These become black and white; what lies beyond them too. `low < high`, both finite.
    Range {
        /// Black.
        low: f64,
        /// White.
        high: f64,
    },
}

impl FromStr for Levels {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
        match text.split_once("..").map(|(low, high)| (number(low), number(high))) {
            Some((Some(low), Some(high))) if low < high => Ok(Self::Range { low, high }),
            _ => Err("write `auto`, or the values of black and white as in 0..4095"),
        }
    }
}

/// As typed.
impl fmt::Display for Levels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kept => Ok(()),
            Self::Auto => f.write_str("auto"),
            Self::Range { low, high } => write!(f, "{low}..{high}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_written_as_they_are_read() {
        for text in ["auto", "0..4095", "-1024..3071", "0.25..1.5"] {
            assert_eq!(text.parse::<Levels>().unwrap().to_string(), text);
        }
        for text in ["", "1", "4095..0", "3..3", "0..inf", "a..b", "NaN..1"] {
            assert!(text.parse::<Levels>().is_err(), "{text}");
        }
    }
}
