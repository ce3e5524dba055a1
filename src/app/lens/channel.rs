//! The map of the selected channel over the picture.

use super::about::{About, Flag, Takes};
use super::legend::Line;
use super::look::Look;
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::LensName;
use crate::gpu::{GpuContext, MapStatistics};
use crate::model::LayerIndex;

/// In keys, options and JSON.
pub const NAME: LensName = "channel-over-picture";

const ABOUT: About = About {
    name: NAME,
    keys: &["r"],
    help: "the selected map over the picture",
    flag: Some(Flag {
        long: "over-channel",
        takes: Takes::Nothing,
        help: "Lay the map of the selected channel over the picture",
    }),
    more: &[],
};

/// The lens.
pub struct Channel;

impl OverlayLens for Channel {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work { statistics: MapStatistics::new(gpu), shown: None })
    }

    fn record(&self, look: &Look<'_>) -> serde_json::Map<String, serde_json::Value> {
        look.selected_channel().into_iter().map(|channel| ("channel".to_string(), channel.into())).collect()
    }
}

/// Whose map it is: frame, layer, channel; and whether percentiles were wanted.
type Key = (u64, LayerIndex, u32, bool);

struct Work {
    statistics: MapStatistics,
    shown: Option<(Key, Over)>,
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (shown, channel) = (look.shown?, look.selected_channel()?);
        let scale = look.colors.scale_of_one();
        let by_percentile = scale.normalize.is_percentile();
        let key = (shown.sequence, look.layer, channel, by_percentile);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            let map = shown.map(look.layer)?.channel(channel as usize)?;
            let (statistics, ranges) = self.statistics.run(gpu, &map, by_percentile);
            self.shown = Some((key, Over::even(map, statistics, ranges, scale)));
        }
        let (_, over) = self.shown.as_ref()?;
        Some(Over { scale, ..over.clone() })
    }

    fn legend(&mut self, _gpu: &GpuContext, look: &Look<'_>, _wait: bool) -> Vec<Line> {
        let Some(channel) = look.selected_channel() else { return vec![] };
        let key = look.key(Action::Over(NAME));
        let text =
            format!("Over it {} ({key}), {}.", look.channel_in_words(channel), look.opacity_in_words());
        vec![Line::Main(text, "")]
    }
}
