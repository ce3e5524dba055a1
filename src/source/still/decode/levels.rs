//! From a file's own numbers to levels from 0 to 255 where these are not the same by the format: which range a picture
//! really uses, and what to say of it. Pure.

use super::raster::{Raster, Samples};
use super::trouble::Trouble;
use crate::source::levels::Levels;

/// A picture that uses less than this part of its format's range looks dark or flat. 14 bits of 16 are a quarter.
const NARROW: f64 = 1.0 / 3.0;

/// Fractions beyond 0 and 1 by so much come from rounding.
const ROUNDING: f64 = 0.004;

/// The same picture with the levels that were asked for, and what is to be known of its range.
///
/// # Errors
/// Where nobody knows which of its values are black and white.
pub(super) fn apply(raster: Raster, levels: Levels) -> Result<(Raster, Option<String>), Trouble> {
    let is_number = |samples: &[f32]| samples.iter().all(|value| !value.is_nan());
    let has_gaps = matches!(&raster.samples, Samples::F32(samples) if !is_number(samples));
    let (raster, note) = chosen(raster, levels)?;
    let gaps = has_gaps.then(|| "has values that are no numbers (NaN), which are shown black".into());
    Ok((
        raster,
        [gaps, note].into_iter().flatten().reduce(|first: String, second| format!("{first}; {second}")),
    ))
}

fn chosen(raster: Raster, levels: Levels) -> Result<(Raster, Option<String>), Trouble> {
    if matches!((&raster.samples, levels), (Samples::U8(_), Levels::Kept)) {
        return Ok((raster, None));
    }
    let full = raster.full.unwrap_or(1.0);
    let found = range(&raster);
    let (low, high) = found.unwrap_or((0.0, 0.0));
    let is_fraction = raster.full.is_none();
    let digits = if is_fraction { (3.0 - (high - low).log10().floor()).clamp(0.0, 12.0) as usize } else { 0 };
    let shown = |value: f64| shown(value, digits);
    let taken = |low, high| format!("values of {} are black, of {} white", shown(low), shown(high));
    let stretched = |low: f64, high: f64| stretch(&raster, (low / full) as f32, (high / full) as f32);
    match levels {
        // The note is for who looks at it later, in a snapshot.
        Levels::Range { low, high } => Ok((stretched(low, high), Some(taken(low, high)))),
        Levels::Auto if low < high => Ok((stretched(low, high), Some(taken(low, high)))),
        Levels::Auto => Ok((raster, None)),
        Levels::Kept => {
            let (shown_low, shown_high) = (shown(low), shown(high));
            let values = format!("{shown_low}…{shown_high}");
            if low < -full * ROUNDING || high > full * (1.0 + ROUNDING) {
                return match is_fraction {
                    true if low >= -1.0 && high <= 2.0 => {
                        let note = format!(
                            "holds values of {values}: those beyond 0…1 are cut off; `--levels auto` shows all of them"
                        );
                        Ok((raster, Some(note)))
                    }
                    true if low >= -1.0 && high <= 256.0 => {
                        let note = format!(
                            "holds values of {values}, taken as levels from 0 to 255; `--levels LOW..HIGH` \
                             says otherwise"
                        );
                        Ok((stretched(0.0, 255.0), Some(note)))
                    }
                    _ => Err(Trouble::Levels { low: shown_low, high: shown_high }),
                };
            }
            if !(low < high && high - low < full * NARROW) {
                return Ok((raster, None));
            }
            // Of a sensor with so many bits.
            let bits =
                [255.0, 1023.0, 4095.0, 16_383.0].into_iter().find(|&most| high <= most && high > most / 8.0);
            let ends = match bits.filter(|most| !is_fraction && low < most / 4.0) {
                Some(most) => format!("0..{most}"),
                None => format!("{shown_low}..{shown_high}"),
            };
            let note = format!(
                "holds values of {values} of {full}, kept as they are; `--levels auto` or `--levels {ends}` stretches them"
            );
            Ok((raster, Some(note)))
        }
    }
}

/// The lowest and highest value of its colours in the file's numbers; those that are no numbers left out.
fn range(raster: &Raster) -> Option<(f64, f64)> {
    let colors = raster.colors();
    let full = raster.full.unwrap_or(1.0);
    let (low, high) = match &raster.samples {
        Samples::U8(samples) => ends(samples, raster.channels, colors, |value| f64::from(value) / 255.0),
        Samples::U16(samples) => ends(samples, raster.channels, colors, |value| f64::from(value) / 65_535.0),
        Samples::F32(samples) => ends(samples, raster.channels, colors, f64::from),
    };
    (low <= high).then_some((low * full, high * full))
}

fn ends<S: Copy + PartialOrd>(
    samples: &[S],
    channels: usize,
    colors: usize,
    value: impl Fn(S) -> f64,
) -> (f64, f64) {
    samples.chunks_exact(channels).flat_map(|pixel| &pixel[..colors]).map(|&sample| value(sample)).fold(
        (f64::INFINITY, f64::NEG_INFINITY),
        |(low, high), value| match value.is_finite() {
            true => (low.min(value), high.max(value)),
            false => (low, high),
        },
    )
}

/// In 8 bits, `low` black and `high` white; both of a full range of 1.
fn stretch(raster: &Raster, low: f32, high: f32) -> Raster {
    let level = |value: f32| ((value - low) / (high - low) * 255.0).round().clamp(0.0, 255.0) as u8;
    let opacity = |value: f32| (value * 255.0).round().clamp(0.0, 255.0) as u8;
    let (channels, colors) = (raster.channels, raster.colors());
    let samples = match &raster.samples {
        Samples::U8(samples) => {
            mapped(samples, channels, colors, level, opacity, |value| f32::from(value) / 255.0)
        }
        Samples::U16(samples) => {
            mapped(samples, channels, colors, level, opacity, |value| f32::from(value) / 65_535.0)
        }
        Samples::F32(samples) => mapped(samples, channels, colors, level, opacity, |value| value),
    };
    Raster { samples: Samples::U8(samples), full: Some(255.0), ..*raster }
}

fn mapped<S: Copy>(
    samples: &[S],
    channels: usize,
    colors: usize,
    level: impl Fn(f32) -> u8,
    opacity: impl Fn(f32) -> u8,
    fraction: impl Fn(S) -> f32,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(samples.len());
    for pixel in samples.chunks_exact(channels) {
        bytes.extend(pixel[..colors].iter().map(|&value| level(fraction(value))));
        bytes.extend(pixel[colors..].iter().map(|&value| opacity(fraction(value))));
    }
    bytes
}

/// A value with at most so many digits behind the point.
fn shown(value: f64, digits: usize) -> String {
    let text = format!("{value:.digits$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').into(),
        false => text,
    }
}
