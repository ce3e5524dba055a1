//! `--channels 0..16,40`: which channels of a layer are shown or saved.

use std::str::FromStr;

/// Channels as the user wrote them; resolved against a layer by [`ChannelSet::resolve`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelSet {
    /// Half-open ranges; empty: all channels.
    ranges: Vec<(usize, usize)>,
}

/// Why a list of channels is not one.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// Not a number or range.
    #[error(
        "`{0}` is not a channel: write numbers and ranges such as `0..16,40` (0 up to but not 16, and 40)"
    )]
    Syntax(String),
    /// The layer has fewer channels.
    #[error("channel {channel} is asked for, but {layer} has {count} channels (0 to {})", count - 1)]
    TooMany {
        /// The largest channel asked for.
        channel: usize,
        /// Name of the layer.
        layer: String,
        /// How many it has.
        count: usize,
    },
}

impl FromStr for ChannelSet {
    type Err = ChannelError;

    fn from_str(text: &str) -> Result<Self, ChannelError> {
        let number = |part: &str| part.trim().parse::<usize>().ok();
        let range = |part: &str| -> Option<(usize, usize)> {
            let (start, end) = match part.split_once("..") {
                Some((start, end)) => match end.strip_prefix('=') {
                    Some(last) => (number(start)?, number(last)?.checked_add(1)?),
                    None => (number(start)?, number(end)?),
                },
                None => (number(part)?, number(part)?.checked_add(1)?),
            };
            (start < end).then_some((start, end))
        };
        let ranges = text
            .split(',')
            .map(|part| range(part).ok_or_else(|| ChannelError::Syntax(part.trim().into())))
            .collect::<Result<_, _>>()?;
        Ok(Self { ranges })
    }
}

impl ChannelSet {
    /// True where nothing was chosen, so that all channels are meant.
    pub fn is_all(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The channel numbers, in the order written, for a layer with `count` channels.
    ///
    /// # Errors
    /// [`ChannelError::TooMany`] where the layer has fewer.
    pub fn resolve(&self, layer: &str, count: usize) -> Result<Vec<u32>, ChannelError> {
        if let Some(&(_, end)) = self.ranges.iter().max_by_key(|(_, end)| end).filter(|(_, end)| *end > count)
        {
            return Err(ChannelError::TooMany { channel: end - 1, layer: layer.into(), count });
        }
        Ok(self.within(count))
    }

    /// Those of the chosen channels that a layer with `count` channels has (in the window, where layers change
    /// under a fixed choice); all of them where none is left.
    pub fn within(&self, count: usize) -> Vec<u32> {
        let chosen: Vec<u32> = self
            .ranges
            .iter()
            .flat_map(|&(start, end)| start..end.min(count))
            .map(|channel| channel as u32)
            .collect();
        if chosen.is_empty() { (0..count as u32).collect() } else { chosen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_numbers() {
        let set: ChannelSet = "0..3, 40,7..=8".parse().unwrap();
        assert_eq!(set.resolve("x", 64).unwrap(), [0, 1, 2, 40, 7, 8]);
        assert_eq!(ChannelSet::default().resolve("x", 3).unwrap(), [0, 1, 2]);
        assert_eq!(set.within(5), [0, 1, 2]);
        assert_eq!("9".parse::<ChannelSet>().unwrap().within(2), [0, 1]);
    }

    #[test]
    fn mistakes_are_named() {
        for text in ["", "a", "3..3", "5..2", "1,,2", "-1", "0..18446744073709551616"] {
            assert!(matches!(text.parse::<ChannelSet>(), Err(ChannelError::Syntax(_))), "{text}");
        }
        let error = "0..65".parse::<ChannelSet>().unwrap().resolve("conv2d_2", 64).unwrap_err();
        assert_eq!(error.to_string(), "channel 64 is asked for, but conv2d_2 has 64 channels (0 to 63)");
    }
}
