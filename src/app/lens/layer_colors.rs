//! What the colours of the shown maps stand for, for window, tiles, snapshots and figures alike. Pure.

use std::sync::Arc;

use crate::app::state::{Colors, LayerRanges, LayerStatistics};
use crate::inspect::ChannelStatistics;
use crate::model::{LayerIndex, Shape};
use crate::session::{Activations, Tap};
use crate::view::{ColorRange, Colormap, ERROR_COLOR, FLAT_COLOR, Normalize, Scale, colormap_table, number};

use super::legend::Line;

/// The colours of one version of a layer.
#[derive(Clone, Debug)]
pub struct LayerColors {
    /// How values become places in the colormap.
    pub scale: Scale,
    /// The colours.
    pub colormap: Colormap,
    /// The ranges are those of an earlier frame.
    pub is_locked: bool,
    /// Each map was to have its own range, and has only one value: they share the layer's.
    pub shares_range: bool,
    /// Of the frame that is shown.
    now: LayerStatistics,
    /// What colours are chosen by.
    ranges: LayerRanges,
    /// Smallest and largest value of the layer, in all versions that are compared.
    layer: (f32, f32),
}

/// How many maps of a layer are out of the ordinary.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// All maps.
    pub maps: usize,
    /// Zero everywhere.
    pub silent: usize,
    /// One other value everywhere, and shown as flat.
    pub constant: usize,
    /// With NaN or infinity somewhere.
    pub not_finite: usize,
    /// With values below the low end.
    pub below: usize,
    /// With values above the high end.
    pub above: usize,
}

impl LayerColors {
    /// Of a layer, one for each version: the main network, those that are compared with it, the differences.
    pub fn of(colors: &Colors, shape: Shape, shown: &Activations, layer: LayerIndex) -> Vec<Self> {
        let locked = colors.locks.get(&layer).map_or(&[][..], |versions| versions);
        let versions = shown.versions(layer).map(|(tap, is_difference)| (ranges_of(tap), is_difference));
        Self::of_versions(colors, shape, locked, versions)
    }

    /// The same from ranges; true beside them where they are those of differences. `locked`: ranges that are held.
    pub fn of_versions(
        colors: &Colors,
        shape: Shape,
        locked: &[LayerRanges],
        versions: impl Iterator<Item = (LayerRanges, bool)>,
    ) -> Vec<Self> {
        let mut all: Vec<_> = versions
            .enumerate()
            .map(|(version, (now, is_difference))| {
                let mut scale = colors.scale_at(shape);
                let shares_range = scale.normalize != colors.scale.normalize;
                if let (true, Normalize::Fixed { .. }) = (is_difference, scale.normalize) {
                    // The range was chosen for values.
                    scale.normalize = Normalize::Symmetric;
                }
                // Percentiles can only be held where they were known.
                let needs_percentiles = scale.normalize == Normalize::Percentile;
                let held = locked.get(version);
                let held = held.filter(|held| !needs_percentiles || held.percentiles.is_some());
                let colors = Self {
                    scale,
                    colormap: if is_difference { Colormap::Diverging } else { colors.colormap() },
                    is_locked: held.is_some() && !matches!(scale.normalize, Normalize::Fixed { .. }),
                    shares_range,
                    layer: (0.0, 0.0),
                    ranges: held.unwrap_or(&now).clone(),
                    now: now.statistics,
                };
                (colors, is_difference)
            })
            .collect();
        for kind in [false, true] {
            let of_kind = || all.iter().filter(|(_, is_difference)| *is_difference == kind);
            let ends = of_kind().filter_map(|(colors, _)| colors.ranges.statistics.last());
            let ends = ends.map(ChannelStatistics::ends);
            let layer = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
            for (colors, _) in all.iter_mut().filter(|(_, is_difference)| *is_difference == kind) {
                colors.layer = layer;
            }
        }
        all.into_iter().map(|(colors, _)| colors).collect()
    }

    /// `viridis · one range for the whole layer: each map is one value`
    pub fn meaning(&self) -> String {
        let why = if self.shares_range { ": each map is one value" } else { "" };
        meaning(&self.scale, self.colormap, why)
    }

    /// What the colours of a channel stand for.
    pub fn range(&self, channel: u32) -> ColorRange {
        let ends = |all: &LayerStatistics| all.get(channel as usize).map(ChannelStatistics::ends);
        let own = match (self.scale.normalize, &self.ranges.percentiles) {
            (Normalize::Percentile, Some(all)) => all.get(channel as usize).map(|[low, high]| (*low, *high)),
            _ => ends(&self.ranges.statistics),
        };
        let range = self.scale.range(own.unwrap_or_default(), self.layer, self.colormap);
        range.for_map(ends(&self.now).unwrap_or_default())
    }

    /// Statistics of a channel on the frame that is shown.
    pub fn statistics(&self, channel: u32) -> ChannelStatistics {
        self.now.get(channel as usize).copied().unwrap_or_default()
    }

    /// Where colours are chosen by other ranges than the frame's own: those, one a channel and one of the layer.
    pub fn other_ranges(&self) -> Option<Vec<ChannelStatistics>> {
        let is_own = Arc::ptr_eq(&self.ranges.statistics, &self.now);
        let percentiles = self.ranges.percentiles.as_ref();
        let percentiles = percentiles.filter(|_| self.scale.normalize == Normalize::Percentile);
        let is_layers_own = self.now.last().is_none_or(|layer| layer.ends() == self.layer);
        if is_own && is_layers_own && percentiles.is_none() {
            return None;
        }
        let mut ranges = self.ranges.statistics.to_vec();
        if let Some(layer) = ranges.last_mut() {
            (layer.min, layer.max) = self.layer;
        }
        for (range, [low, high]) in ranges.iter_mut().zip(percentiles.into_iter().flat_map(|all| all.iter()))
        {
            (range.min, range.max) = (*low, *high);
        }
        Some(ranges)
    }

    /// Counts over all channels of the layer.
    pub fn oddities(&self) -> Oddities {
        let maps = self.now.len().saturating_sub(1);
        self.oddities_of(0..maps as u32)
    }

    /// Counts over these channels.
    pub fn oddities_of(&self, channels: impl IntoIterator<Item = u32>) -> Oddities {
        let mut found = Oddities::default();
        for channel in channels {
            let (statistics, range) = (self.statistics(channel), self.range(channel));
            found.maps += 1;
            if statistics.is_empty() {
                found.not_finite += 1;
                continue;
            }
            let is_zero = statistics.ends() == (0.0, 0.0);
            found.silent += usize::from(range.is_flat && is_zero);
            found.constant += usize::from(range.is_flat && !is_zero);
            found.not_finite += usize::from(statistics.finite < 1.0);
            found.below += usize::from(range.clips(statistics.min) && statistics.min < range.low);
            found.above += usize::from(range.clips(statistics.max) && statistics.max > range.high);
        }
        found
    }

    /// What is said of a map that is not shown as values: `silent`, or `constant 0.7`.
    pub fn flat_in_words(&self, channel: u32) -> Option<String> {
        let statistics = self.statistics(channel);
        if !self.range(channel).is_flat || statistics.is_empty() || statistics.finite < 1.0 {
            return None;
        }
        Some(match statistics.max {
            0.0 => "silent".into(),
            value => format!("constant {}", number(value)),
        })
    }

    /// True where all maps of the layer have one range.
    pub fn has_one_range(&self) -> bool {
        match self.scale.normalize {
            Normalize::Map | Normalize::Percentile => false,
            Normalize::Layer | Normalize::Symmetric => self.scale.boost == 0.0,
            Normalize::Fixed { .. } => true,
        }
    }
}

/// What colours can be chosen by, of one version of a layer.
pub fn ranges_of(tap: &Tap) -> LayerRanges {
    LayerRanges { statistics: tap.channel_statistics.clone(), percentiles: tap.percentiles.clone() }
}

/// `viridis · one range for the whole layer · gamma 0.5`; `why`: goes on behind the range.
pub fn meaning(scale: &Scale, colormap: Colormap, why: &str) -> String {
    let mut parts = vec![colormap.name().to_string(), format!("{}{why}", scale.normalize.in_words())];
    parts.extend(scale.extras_in_words());
    parts.join(" · ")
}

impl std::iter::Sum for Oddities {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            maps: a.maps + b.maps,
            silent: a.silent + b.silent,
            constant: a.constant + b.constant,
            not_finite: a.not_finite + b.not_finite,
            below: a.below + b.below,
            above: a.above + b.above,
        })
    }
}

impl Oddities {
    /// Colours and patterns that mean something else than a value of the range, as far as they occur.
    pub fn in_words(&self, colormap: Colormap) -> Vec<Line> {
        let table = colormap_table(colormap);
        let line = |(count, color, hatch, meaning): (usize, [u8; 3], Option<[u8; 3]>, &str)| {
            let text = format!("{meaning}{count} of {} maps", self.maps);
            (count > 0).then_some(Line::Sample { color, hatch, text })
        };
        let all = [
            (self.silent, FLAT_COLOR, None, "zero everywhere: "),
            (self.constant, FLAT_COLOR, None, "one value everywhere, so without a range: "),
            (self.not_finite, ERROR_COLOR, None, "not a number, or infinite: in "),
            (self.above, table[255], Some(table[0]), "above the range: in "),
            (self.below, table[0], Some(table[255]), "below the range: in "),
        ];
        all.into_iter().filter_map(line).collect()
    }
}

#[cfg(test)]
mod tests;
