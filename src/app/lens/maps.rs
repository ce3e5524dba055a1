//! The maps of the shown layer; where networks are compared, those of each and the signed differences.

use super::about::About;
use super::layer_colors::LayerColors;
use super::legend::{Line, Strip};
use super::look::Look;
use super::tiles::{Pixels, Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::LensName;
use crate::gpu::{GpuContext, StatisticsBuffer};
use crate::inspect::ChannelStatistics;
use crate::view::{Normalize, number};

/// What the tiles show from the start.
pub const NAME: LensName = "maps";

const ABOUT: About = About { name: NAME, keys: &[], help: "the maps of the layer", flag: None, more: &[] };

/// The lens.
pub struct Maps;

impl TilesLens for Maps {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn shows_maps(&self) -> bool {
        true
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        Ok(subject(look, look.versions))
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(Work::new(|look| look.versions.to_vec()))
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        legend(look)
    }
}

/// All channels of the shown layer, under these titles; one channel large says how all are shown again.
pub fn subject(look: &Look<'_>, titles: &[String]) -> Subject {
    let shape = look.shape();
    let titles = match look.selected_channel().filter(|_| look.place.enlarged) {
        Some(channel) if titles.is_empty() => {
            let channel = look.channel_in_words(channel);
            vec![format!("{channel} · {} shows all", look.key(Action::ToggleEnlarged))]
        }
        _ => titles.to_vec(),
    };
    let count = look.channels().len();
    Subject { size: [shape.width, shape.height], count, is_selectable: true, titles, rows: vec![] }
}

/// Where other ranges than those of the session are put, of each version.
#[derive(Default)]
pub struct Ranges(Vec<Option<StatisticsBuffer>>);

impl Ranges {
    /// Ranges of a version on the drawing device, in the same buffer as those of the frame before.
    pub fn place(
        &mut self,
        gpu: &GpuContext,
        version: usize,
        ranges: Option<Vec<ChannelStatistics>>,
    ) -> Option<StatisticsBuffer> {
        let ranges = ranges?;
        if self.0.len() <= version {
            self.0.resize(version + 1, None);
        }
        match &mut self.0[version] {
            Some(buffer) => buffer.replace(gpu, &ranges),
            empty => *empty = Some(StatisticsBuffer::upload(gpu, &ranges)),
        }
        self.0[version].clone()
    }
}

/// The session computes maps and their statistics.
pub struct Work {
    titles: fn(&Look<'_>) -> Vec<String>,
    ranges: Ranges,
}

impl Work {
    /// `titles`: what the versions are called.
    pub fn new(titles: fn(&Look<'_>) -> Vec<String>) -> Self {
        Self { titles, ranges: Ranges::default() }
    }
}

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        let Some(shown) = look.shown else { return vec![] };
        let colors = LayerColors::of(look.colors, look.shape(), shown, look.layer);
        let order = look.channels();
        let titles = (self.titles)(look);
        let names = names(&look.node().name, &titles, colors.len());
        let mut sets = Vec::with_capacity(colors.len());
        for (version, (colors, (tap, _))) in colors.into_iter().zip(shown.versions(look.layer)).enumerate() {
            let pixels = Pixels::Values {
                map: tap.map.clone(),
                statistics: tap.statistics.clone(),
                ranges: self.ranges.place(gpu, version, colors.other_ranges()),
                scale: colors.scale,
                colormap: colors.colormap,
                smooth: look.colors.smooth,
            };
            let (name, order) = (names[version].clone(), order.clone());
            sets.push(TileSet { name, pixels, order, numbers: None });
        }
        sets
    }
}

/// `mixed5` for the main network, `mixed5@other` for what is compared with it.
fn names(layer: &str, titles: &[String], versions: usize) -> Vec<String> {
    let name = |version: usize| match titles.get(version) {
        Some(title) if version > 0 => format!("{layer}@{title}"),
        _ => layer.to_string(),
    };
    (0..versions).map(name).collect()
}

/// What the colours of the shown maps mean.
pub fn legend(look: &Look<'_>) -> Vec<Line> {
    let Some(shown) = look.shown else { return vec![] };
    let versions = LayerColors::of(look.colors, look.shape(), shown, look.layer);
    let (Some(colors), Some(channel)) = (versions.first(), look.selected_channel()) else { return vec![] };
    let odd = colors.oddities();
    let range = colors.range(channel);
    let mut lines = vec![
        Line::Heading("What the colours mean".into(), "colormap"),
        Line::Choices,
        Line::Strip(Strip::new(&range, colors.colormap, [odd.below > 0, odd.above > 0])),
    ];
    let mut text = colors.meaning();
    if colors.is_locked {
        text += " · locked to an earlier frame";
    }
    if !colors.has_one_range() {
        text += &format!(" · ends of channel {channel}");
    }
    lines.push(Line::quiet(text));
    lines.extend(odd.in_words(colors.colormap));
    lines.push(Line::Quiet(channel_in_words(look, channel, colors.statistics(channel)), "deviation"));
    if let Some(differences) = versions.last().filter(|_| versions.len() > 1) {
        lines.push(Line::bar(&differences.range(0), differences.colormap));
        lines.push(Line::quiet(differences_in_words(differences)));
    }
    lines
}

/// What the colours of differences mean.
pub fn differences_in_words(colors: &LayerColors) -> String {
    let range = colors.range(0);
    match colors.scale.normalize {
        Normalize::Map | Normalize::Percentile => {
            "differences: blue is less, white none, red more; each map its own range".to_string()
        }
        _ if !colors.has_one_range() => {
            "differences: blue is less, white none, red more; boosted as the maps".to_string()
        }
        _ => format!("differences from {} to {}, white is none", number(range.low), number(range.high)),
    }
}

/// `channel 12: 0 to 4.21, mean 0.3, deviation 0.52`
pub fn channel_in_words(look: &Look<'_>, channel: u32, statistics: ChannelStatistics) -> String {
    let channel = look.channel_in_words(channel);
    let ChannelStatistics { min, max, mean, std, finite, .. } = statistics;
    if statistics.is_empty() {
        return format!("{channel}: no finite value");
    }
    let [min, max, mean, std] = [min, max, mean, std].map(number);
    let rest = match finite {
        1.0 => String::new(),
        part => format!(", {:.1} % of cells not finite", (1.0 - part) * 100.0),
    };
    format!("{channel}: {min} to {max}, mean {mean}, deviation {std}{rest}")
}
