//! What the colours of the shown maps stand for, for panels, tiles and snapshots alike. Pure.

use std::sync::Arc;

use super::state::AppState;
use crate::inspect::ChannelStatistics;
use crate::model::LayerIndex;
use crate::session::Activations;
use crate::view::{ColorRange, Colormap, Normalize, Scale};

/// Statistics of one version of a layer: one entry a channel, then one of the layer.
pub type LayerStatistics = Arc<[ChannelStatistics]>;

/// The colours of one version of a layer.
#[derive(Clone, Debug)]
pub struct LayerColors {
    /// How values become places in the colormap.
    pub scale: Scale,
    /// The colours.
    pub colormap: Colormap,
    /// The ranges are those of an earlier frame.
    pub is_locked: bool,
    /// Of the frame that is shown.
    now: LayerStatistics,
    /// What colours are chosen by.
    ranges: LayerStatistics,
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
    pub fn of(state: &AppState, shown: &Activations, layer: LayerIndex) -> Vec<Self> {
        let versions = shown.versions(layer);
        Self::of_versions(state, layer, versions.map(|(tap, is)| (tap.channel_statistics.clone(), is)))
    }

    /// The same from statistics; true beside them where they are those of differences.
    fn of_versions(
        state: &AppState,
        layer: LayerIndex,
        versions: impl Iterator<Item = (LayerStatistics, bool)>,
    ) -> Vec<Self> {
        let locked = state.locks.get(&layer);
        let mut all: Vec<_> = versions
            .enumerate()
            .map(|(version, (now, is_difference))| {
                let held = locked.and_then(|versions| versions.get(version));
                let mut scale = state.scale_at(layer);
                if let (true, Normalize::Fixed { .. }) = (is_difference, scale.normalize) {
                    // The range was chosen for values.
                    scale.normalize = Normalize::Symmetric;
                }
                let colors = Self {
                    scale,
                    colormap: if is_difference { Colormap::Diverging } else { state.colormap() },
                    is_locked: held.is_some() && !matches!(scale.normalize, Normalize::Fixed { .. }),
                    layer: (0.0, 0.0),
                    ranges: held.unwrap_or(&now).clone(),
                    now,
                };
                (colors, is_difference)
            })
            .collect();
        for kind in [false, true] {
            let of_kind = || all.iter().filter(|(_, is_difference)| *is_difference == kind);
            let ends = of_kind().filter_map(|(colors, _)| colors.ranges.last()).map(ChannelStatistics::ends);
            let layer = ends.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
            for (colors, _) in all.iter_mut().filter(|(_, is_difference)| *is_difference == kind) {
                colors.layer = layer;
            }
        }
        all.into_iter().map(|(colors, _)| colors).collect()
    }

    /// What the colours of a channel stand for.
    pub fn range(&self, channel: u32) -> ColorRange {
        let ends = |all: &LayerStatistics| all.get(channel as usize).map(ChannelStatistics::ends);
        let own = ends(&self.ranges).unwrap_or_default();
        let range = self.scale.range(own, self.layer, self.colormap);
        range.for_map(ends(&self.now).unwrap_or_default())
    }

    /// Statistics of a channel on the frame that is shown.
    pub fn statistics(&self, channel: u32) -> ChannelStatistics {
        self.now.get(channel as usize).copied().unwrap_or_default()
    }

    /// Where colours are chosen by other ranges than the frame's own: those, one a channel and one of the layer.
    pub fn other_ranges(&self) -> Option<Vec<ChannelStatistics>> {
        let is_own = Arc::ptr_eq(&self.ranges, &self.now);
        if is_own && self.now.last().is_none_or(|layer| layer.ends() == self.layer) {
            return None;
        }
        let mut ranges = self.ranges.to_vec();
        if let Some(layer) = ranges.last_mut() {
            (layer.min, layer.max) = self.layer;
        }
        Some(ranges)
    }

    /// Counts over all channels of the layer.
    pub fn oddities(&self) -> Oddities {
        let maps = self.now.len().saturating_sub(1);
        let mut found = Oddities { maps, ..Oddities::default() };
        for (channel, statistics) in self.now[..maps].iter().enumerate() {
            let range = self.range(channel as u32);
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
        if !self.range(channel).is_flat || statistics.is_empty() {
            return None;
        }
        Some(match statistics.max {
            0.0 => "silent".into(),
            value => format!("constant {}", crate::view::number(value)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    /// Channels with these ends, and the layer around them.
    fn statistics(ends: &[(f32, f32)]) -> LayerStatistics {
        let layer = ends.iter().copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap();
        let one =
            |&(min, max): &(f32, f32)| ChannelStatistics { min, max, finite: 1.0, ..Default::default() };
        ends.iter().chain([&layer]).map(one).collect()
    }

    fn state(normalize: Normalize) -> AppState {
        let mut state = AppState::new(Arc::new(inception_v3(10, 0.1)), 164);
        state.scale.normalize = normalize;
        state
    }

    fn colors(state: &AppState, versions: &[(&LayerStatistics, bool)]) -> Vec<LayerColors> {
        let versions = versions.iter().map(|(statistics, is)| ((*statistics).clone(), *is));
        LayerColors::of_versions(state, 164, versions)
    }

    fn ends(colors: &LayerColors, channel: u32) -> (f32, f32) {
        let range = colors.range(channel);
        (range.low, range.high)
    }

    #[test]
    fn networks_that_are_compared_have_one_range_and_differences_another() {
        let (one, other) = (statistics(&[(0.0, 2.0), (0.0, 1.0)]), statistics(&[(0.0, 5.0), (-1.0, 1.0)]));
        let difference = statistics(&[(-3.0, 0.0), (0.0, 1.0)]);
        let all = [(&one, false), (&other, false), (&difference, true)];
        let found = colors(&state(Normalize::Layer), &all);
        assert_eq!([0, 1].map(|version| ends(&found[version], 1)), [(-1.0, 5.0); 2]);
        assert_eq!((ends(&found[2], 0), found[2].colormap), ((-3.0, 3.0), Colormap::Diverging));
        let uploaded = found[0].other_ranges().unwrap();
        assert_eq!((uploaded[0].ends(), uploaded[2].ends()), ((0.0, 2.0), (-1.0, 5.0)));
        assert!(found[2].other_ranges().is_none(), "the only differences have their own");
        // A fixed range is one for values.
        let found = colors(&state(Normalize::Fixed { low: 0.0, high: 9.0 }), &all);
        assert_eq!((ends(&found[0], 1), ends(&found[2], 1)), ((0.0, 9.0), (-3.0, 3.0)));
        let found = colors(&state(Normalize::Map), &all);
        assert_eq!((ends(&found[0], 1), ends(&found[1], 1)), ((0.0, 1.0), (-1.0, 1.0)));
    }

    #[test]
    fn a_lock_holds_ranges_but_not_what_is_silent() {
        let before = statistics(&[(0.0, 2.0), (0.0, 1.0), (0.0, 0.0), (0.0, 4.0)]);
        let now = statistics(&[(0.0, 3.0), (0.0, 0.0), (0.0, 1.0), (-1.0, 1.0)]);
        for (normalize, first, above) in [
            (Normalize::Map, (0.0, 2.0), 2),
            (Normalize::Layer, (0.0, 4.0), 0),
            (Normalize::Symmetric, (-4.0, 4.0), 0),
        ] {
            let mut state = state(normalize);
            state.locks.insert(164, vec![before.clone()]);
            let found = &colors(&state, &[(&now, false)])[0];
            assert!(found.is_locked);
            assert_eq!(ends(found, 0), first);
            assert_eq!(found.flat_in_words(1).as_deref(), Some("silent"));
            assert_eq!(found.flat_in_words(2), None);
            let odd = found.oddities();
            assert_eq!((odd.maps, odd.silent, odd.above), (4, 1, above), "{normalize}");
            assert_eq!(odd.below, usize::from(normalize != Normalize::Symmetric));
        }
        let free = &colors(&state(Normalize::Map), &[(&now, false)])[0];
        assert_eq!((free.is_locked, free.oddities().above), (false, 0));
    }

    #[test]
    fn constants_are_flat_only_where_they_have_no_range() {
        let now = statistics(&[(0.7, 0.7), (0.0, 1.0)]);
        let found = &colors(&state(Normalize::Map), &[(&now, false)])[0];
        assert_eq!(found.flat_in_words(0).as_deref(), Some("constant 0.700"));
        assert_eq!((found.oddities().constant, found.oddities().silent), (1, 0));
        let found = &colors(&state(Normalize::Layer), &[(&now, false)])[0];
        assert_eq!((found.flat_in_words(0), found.oddities().constant), (None, 0));
    }
}
