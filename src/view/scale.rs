//! Which value takes which colour: what the ends of the colormap stand for, gamma and boost. The same arithmetic as in
//! tiles.wgsl.

use std::fmt;
use std::str::FromStr;

use super::Colormap;

/// NaN and infinity: a colour of no colormap.
pub const ERROR_COLOR: [u8; 3] = [255, 0, 255];

/// A map that is zero everywhere, and a constant one where it has no range of its own: a dark neutral colour, for there
/// is nothing to see. `FLAT_COLOR` in tiles.wgsl.
pub const FLAT_COLOR: [u8; 3] = [0x23, 0x27, 0x2d];

/// Values that differ by at most this part of the largest magnitude are one value: the rest is rounding, which would fill
/// the whole range of colours. `FLAT_SPREAD` in tiles.wgsl.
const FLAT_SPREAD: f32 = 1e-5;

/// Where a channel's sums nearly cancel each other, rounding is a larger part of it. So values that differ by at most
/// [`FLAT_OF_LAYER`] of the layer's largest magnitude are one value too, where that is no more than [`FLAT_CANCELLED`] of
/// their own. Measured on pictures of one colour: up to 2e-6 and 4e-4. Same names in tiles.wgsl.
const FLAT_OF_LAYER: f32 = 4e-6;
const FLAT_CANCELLED: f32 = 1e-3;

/// Steps of the gamma key, as in the Deep Visualization Toolbox.
pub const GAMMAS: [f32; 4] = [1.0, 0.7, 0.5, 0.3];

/// Steps of the boost key, as in the Deep Visualization Toolbox.
pub const BOOSTS: [f32; 5] = [0.0, 0.3, 0.5, 0.8, 1.0];

/// What the ends of the colormap stand for. `--normalize map|percentile|layer|symmetric|MIN..MAX`
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Normalize {
    /// Minimum and maximum of each map.
    #[default]
    Map,
    /// The values at or below which 1 % and 99 % of each map lie: a few extreme cells do not take the whole colormap.
    /// Where both are one value, as in a map that is zero nearly everywhere, its minimum and maximum.
    Percentile,
    /// Minimum and maximum of the whole layer: tiles can be compared.
    Layer,
    /// The largest magnitude of the whole layer, both ways: the middle of the colormap is zero.
    Symmetric,
    /// These two values, `low < high`, both finite: frames, layers and runs can be compared.
    Fixed {
        /// Takes the first colour.
        low: f32,
        /// Takes the last colour.
        high: f32,
    },
}

impl Normalize {
    /// Those that need no numbers, as the keys step through them.
    pub const CHOICES: [Self; 4] = [Self::Map, Self::Layer, Self::Symmetric, Self::Percentile];

    /// True where each map has a range of its own.
    pub fn is_of_each_map(self) -> bool {
        matches!(self, Self::Map | Self::Percentile)
    }

    /// True where percentiles of the values have to be known.
    pub fn is_percentile(self) -> bool {
        self == Self::Percentile
    }

    /// For a button.
    pub fn short_name(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Percentile => "1–99 %",
            Self::Layer => "layer",
            Self::Symmetric => "symmetric",
            Self::Fixed { .. } => "fixed",
        }
    }

    /// One sentence for whoever does not know the word.
    pub fn help(self) -> &'static str {
        match self {
            Self::Map => "Each map uses all colours, from its own lowest to its own highest value.",
            Self::Percentile => {
                "Each map uses all colours for 98 % of its values; the lowest and the highest 1 % lie beyond the ends and are \
                 hatched, so that a few extreme cells do not take all colours."
            }
            Self::Layer => "One range for all maps of the layer: equal colours are equal values.",
            Self::Symmetric => {
                "One range for all maps of the layer, as far below zero as above: the middle colour is zero."
            }
            Self::Fixed { .. } => "The range that --normalize chose, for all layers and frames.",
        }
    }

    /// In words, for legends.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Map => "each map its own range",
            Self::Percentile => "each map its own range, from 1 to 99 % of its values",
            Self::Layer => "one range for the whole layer",
            Self::Symmetric => "one range for the whole layer, symmetric around zero",
            Self::Fixed { .. } => "a fixed range",
        }
    }

    /// The colours that suit it where none were chosen.
    pub fn colormap(self) -> Colormap {
        if self == Self::Symmetric { Colormap::Diverging } else { Colormap::default() }
    }
}

impl fmt::Display for Normalize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Map => f.write_str("map"),
            Self::Percentile => f.write_str("percentile"),
            Self::Layer => f.write_str("layer"),
            Self::Symmetric => f.write_str("symmetric"),
            Self::Fixed { low, high } => write!(f, "{low}..{high}"),
        }
    }
}

impl FromStr for Normalize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let range = || -> Option<Self> {
            let (low, high) = text.split_once("..")?;
            let (low, high) = (low.trim().parse::<f32>().ok()?, high.trim().parse::<f32>().ok()?);
            (low < high && (high - low).is_finite()).then_some(Self::Fixed { low, high })
        };
        match text {
            "map" => Ok(Self::Map),
            "percentile" => Ok(Self::Percentile),
            "layer" => Ok(Self::Layer),
            "symmetric" => Ok(Self::Symmetric),
            _ => range().ok_or_else(|| {
                "write `map`, `percentile`, `layer`, `symmetric`, or two values with the smaller one first, as in -1..4.5".into()
            }),
        }
    }
}

/// How values become places in the colormap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// What the ends stand for.
    pub normalize: Normalize,
    /// Exponent of the level, above 0; below 1 small values become brighter. Where the scale is symmetric, it acts on
    /// the distance from zero.
    pub gamma: f32,
    /// From 0 to 1: how far one range for the layer gives way to each map's own. Acts on [`Normalize::Layer`] and
    /// [`Normalize::Symmetric`]; a fixed range stays fixed.
    ///
    /// As in the Deep Visualization Toolbox (Yosinski, Clune, Nguyen, Fuchs and Lipson, "Understanding Neural Networks
    /// Through Deep Visualization", 2015, arXiv:1506.06579), the low end stays the layer's, so that zero has the same
    /// colour in all maps, and the distance from it to the high end is layer^(1 − boost) · map^boost.
    pub boost: f32,
}

impl Default for Scale {
    fn default() -> Self {
        Self { normalize: Normalize::Map, gamma: 1.0, boost: 0.0 }
    }
}

impl Scale {
    /// This normalisation without gamma and boost.
    pub fn of(normalize: Normalize) -> Self {
        Self { normalize, ..Self::default() }
    }

    /// The colours of a map whose values lie in `own`, in a layer whose values lie in `layer`: smallest and largest
    /// finite value each. A diverging colormap makes every range symmetric, for its middle stands for zero.
    pub fn range(&self, own: (f32, f32), layer: (f32, f32), colormap: Colormap) -> ColorRange {
        let is_symmetric = self.normalize == Normalize::Symmetric || colormap.is_diverging();
        let widened = |ends| if is_symmetric { (-reach(ends), reach(ends)) } else { ends };
        let (low, high) = match self.normalize {
            Normalize::Map | Normalize::Percentile => widened(own),
            Normalize::Fixed { low, high } => widened((low, high)),
            Normalize::Layer | Normalize::Symmetric => {
                let ((low, high), (_, own_high)) = (widened(layer), widened(own));
                if self.boost > 0.0 && high > low {
                    let zero = if is_symmetric { 0.0 } else { low };
                    let distance = (high - zero) * ((own_high - zero) / (high - zero)).powf(self.boost);
                    // Not below the map's own end by rounding: it would look clipped.
                    let high = (zero + distance).max(own_high);
                    (if is_symmetric { -high } else { low }, high)
                } else {
                    (low, high)
                }
            }
        };
        let needs_spread = self.normalize.is_of_each_map();
        let rounding = FLAT_OF_LAYER * reach(layer);
        let is_flat = false;
        ColorRange { low, high, is_symmetric, gamma: self.gamma, needs_spread, rounding, is_flat }
            .for_map(own)
    }

    /// The gamma after this one.
    pub fn next_gamma(&self) -> f32 {
        next(&GAMMAS, self.gamma)
    }

    /// The boost after this one.
    pub fn next_boost(&self) -> f32 {
        next(&BOOSTS, self.boost)
    }

    /// `γ 0.5 · boost 0.3`, as far as they do something; for legends.
    pub fn extras_in_words(&self) -> Vec<String> {
        let boosts = matches!(self.normalize, Normalize::Layer | Normalize::Symmetric) && self.boost > 0.0;
        let gamma = (self.gamma != 1.0).then(|| format!("gamma {}", self.gamma));
        gamma.into_iter().chain(boosts.then(|| format!("boost {}", self.boost))).collect()
    }
}

/// The step after `current`; the first one where it is no step.
fn next(steps: &[f32], current: f32) -> f32 {
    let place = steps.iter().position(|step| *step == current);
    steps[place.map_or(0, |place| (place + 1) % steps.len())]
}

/// What the colours of one map stand for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorRange {
    /// Takes the first colour.
    pub low: f32,
    /// Takes the last colour.
    pub high: f32,
    /// Gamma acts on the distance from zero, which takes the middle colour.
    pub is_symmetric: bool,
    gamma: f32,
    /// The range is the map's own.
    needs_spread: bool,
    /// Differences that may be rounding where sums nearly cancel each other.
    rounding: f32,
    /// There is nothing to see: see [`FLAT_COLOR`].
    pub is_flat: bool,
}

impl ColorRange {
    /// The range of values that are shown by themselves, without gamma.
    pub fn plain(own: (f32, f32), colormap: Colormap) -> Self {
        Scale::default().range(own, own, colormap)
    }

    /// The same colours for a map whose values lie in `own`: flat where that is nothing but zero, or one value (but for
    /// rounding) without a range for others beside it.
    pub fn for_map(self, own: (f32, f32)) -> Self {
        Self { is_flat: self.is_one_value(own) && (self.needs_spread || own == (0.0, 0.0)), ..self }
    }

    /// False where both ends are the same value, but for rounding.
    pub fn has_spread(&self) -> bool {
        !self.is_one_value((self.low, self.high))
    }

    fn is_one_value(&self, ends: (f32, f32)) -> bool {
        let (spread, largest) = (ends.1 - ends.0, reach(ends));
        spread <= FLAT_SPREAD * largest || spread <= self.rounding.min(FLAT_CANCELLED * largest)
    }

    /// True for a value that has the colour of an end but lies beyond it.
    pub fn clips(&self, value: f32) -> bool {
        value.is_finite() && (value < self.low || value > self.high)
    }

    /// The entry of the colormap's table for a value; `None` for NaN and infinity. Without a range all values take the
    /// first entry, or the middle one where the scale is symmetric.
    pub fn entry(&self, value: f32) -> Option<usize> {
        self.level(value).map(entry_at)
    }

    /// The place of a value among the colours, from 0 (the first) to 1; `None` for NaN and infinity.
    pub fn level(&self, value: f32) -> Option<f32> {
        if !value.is_finite() {
            return None;
        }
        let level = if self.high > self.low {
            ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
        } else if self.is_symmetric {
            0.5
        } else {
            0.0
        };
        Some(self.bent(level))
    }

    /// What gamma makes of a place from 0 (low) to 1 (high).
    fn bent(&self, level: f32) -> f32 {
        if self.gamma == 1.0 {
            level
        } else if self.is_symmetric {
            let distance = level * 2.0 - 1.0;
            0.5 + 0.5 * distance.abs().powf(self.gamma).copysign(distance)
        } else {
            level.powf(self.gamma)
        }
    }

    /// The colour of a value, of these.
    pub fn color(&self, value: f32, table: &[[u8; 3]; 256]) -> [u8; 3] {
        match self.entry(value) {
            None => ERROR_COLOR,
            Some(_) if self.is_flat => FLAT_COLOR,
            Some(entry) => table[entry],
        }
    }

    /// The colours of 256 values from low to high, evenly spaced: what a legend shows.
    pub fn ramp(&self, table: &[[u8; 3]; 256]) -> [[u8; 3]; 256] {
        std::array::from_fn(|place| table[entry_at(self.bent((place as f32 + 0.5) / 256.0))])
    }
}

/// The entry of the colormap's table at a place from 0 to 1.
fn entry_at(level: f32) -> usize {
    ((level * 256.0) as usize).min(255)
}

/// The largest magnitude.
fn reach((low, high): (f32, f32)) -> f32 {
    low.abs().max(high.abs())
}

#[cfg(test)]
mod tests;
