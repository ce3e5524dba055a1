//! The picture only where the selected channel is active, or only where it is not: black over the rest.

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Takes};
use super::legend::Line;
use super::look::Look;
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::state::{LensName, Lenses};
use crate::gpu::{Cover, GpuContext, MapStatistics};
use crate::inspect::ChannelStatistics;
use crate::model::LayerIndex;
use crate::view::{Colormap, Normalize, Scale};

/// In keys, options and JSON.
pub const NAME: LensName = "mask";

/// The command that shows the rest.
pub const INVERSE: &str = "inverse";

/// What `--mask` has for where the channel is active.
const ACTIVE: &str = "active";

const ABOUT: About = About {
    name: NAME,
    keys: &[],
    help: "the picture only where the selected channel is active",
    flag: Some(Flag {
        long: "mask",
        takes: Takes::One("WHERE"),
        help: "Show the picture only where the selected channel is `active`, or the `inverse`",
    }),
    more: &[More {
        name: INVERSE,
        keys: &[],
        help: "the picture only where the selected channel is not active",
    }],
};

/// From zero to two deviations above the channel's mean, so that a few extreme cells do not hide all others; what is below zero is
/// not active.
fn scale(look: &Look<'_>, channel: u32) -> Scale {
    let high = own(look, channel).map_or(0.0, |own| own.max.min(own.mean + 2.0 * own.std));
    let normalize = Normalize::Fixed { low: 0.0, high: if high > 0.0 { high } else { 1.0 } };
    Scale { normalize, boost: 0.0, ..look.colors.scale }
}

/// What is known of a channel of the shown layer.
fn own(look: &Look<'_>, channel: u32) -> Option<ChannelStatistics> {
    look.shown?.tap(look.layer)?.channel_statistics.get(channel as usize).copied()
}

/// The lens.
pub struct Mask;

impl OverlayLens for Mask {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work { statistics: MapStatistics::new(gpu), shown: None })
    }

    fn act(&self, command: &str, lenses: &mut Lenses, _layer: LayerIndex) {
        if command == INVERSE {
            // The first press shows what it says.
            lenses.is_mask_inverse = lenses.over != Some(NAME) || !lenses.is_mask_inverse;
            lenses.over = Some(NAME);
        }
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        choices.lenses.is_mask_inverse = match values.first().map(String::as_str) {
            Some(ACTIVE) => false,
            Some(INVERSE) => true,
            _ => return Err(format!("--mask: write {ACTIVE} or {INVERSE}")),
        };
        choices.lenses.over = Some(NAME);
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        format!("--mask {}", if look.lenses.is_mask_inverse { INVERSE } else { ACTIVE })
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let mut more = Map::new();
        more.insert("channel".into(), look.selected_channel().into());
        more.insert("is_inverse".into(), look.lenses.is_mask_inverse.into());
        more
    }
}

/// Results, layer and channel.
type Key = (u64, LayerIndex, u32);

struct Work {
    statistics: MapStatistics,
    shown: Option<(Key, Over)>,
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (shown, channel) = (look.shown?, look.selected_channel()?);
        let key = (shown.sequence, look.layer, channel);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            let map = shown.map(look.layer)?.channel(channel as usize)?;
            let (statistics, _) = self.statistics.run(gpu, &map, false);
            self.shown = Some((key, Over::even(map, statistics, None, scale(look, channel))));
        }
        let (_, over) = self.shown.as_ref()?;
        let cover = if look.lenses.is_mask_inverse { Cover::Dark } else { Cover::Weak };
        Some(Over { scale: scale(look, channel), colormap: Some(Colormap::Grey), cover, ..over.clone() })
    }

    fn legend(&mut self, _gpu: &GpuContext, look: &Look<'_>, _wait: bool) -> Vec<Line> {
        let Some(channel) = look.selected_channel() else { return vec![] };
        let (not, dark, free) = match look.lenses.is_mask_inverse {
            true => ("not ", "two deviations above its mean", "zero"),
            false => ("", "zero", "two deviations above its mean"),
        };
        let text = format!(
            "The picture only where {} is {not}active, {}.",
            look.channel_in_words(channel),
            look.opacity_in_words()
        );
        let mut lines = vec![
            Line::Main(text, ""),
            Line::quiet(format!("It is dark where the channel is {dark}, and free where it is {free}.")),
        ];
        if own(look, channel).is_some_and(|own| own.max <= 0.0) {
            lines.push(Line::quiet("On this frame it is active nowhere."));
        }
        lines
    }
}
