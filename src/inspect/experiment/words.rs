//! Experiments in words, as they are typed, and in JSON.

use serde::Serialize;

use super::cover::Cover;
use super::intervention::{Intervention, Kind};
use super::whole::Experiment;
use crate::model::{Graph, LayerIndex};

/// As many channels are named at most.
const NAMED: usize = 6;

impl Intervention {
    /// `mixed5: channels 3 and 17 muted`
    pub fn in_words(&self, graph: &Graph) -> String {
        let name = &graph.nodes[self.layer].name;
        let channels = self.channels_in_words();
        match self.kind {
            Kind::Alone => format!("{name}: all but {channels} muted"),
            kind => format!("{name}: {channels} {}", kind.in_words()),
        }
    }

    fn channels_in_words(&self) -> String {
        let mut names: Vec<_> = self.channels.iter().take(NAMED).map(usize::to_string).collect();
        match (self.channels.len() - names.len(), names.len()) {
            (0, 1) => format!("channel {}", names[0]),
            (0, _) => {
                let last = names.pop().unwrap_or_default();
                format!("channels {} and {last}", names.join(", "))
            }
            (more, _) => format!("channels {} and {more} more", names.join(", ")),
        }
    }

    /// The option that does it again: `--mute mixed5:3,17`.
    pub fn typed(&self, graph: &Graph) -> String {
        let channels: Vec<_> = self.channels.iter().map(usize::to_string).collect();
        let number = match self.kind {
            Kind::Muted | Kind::Alone => String::new(),
            Kind::Times(factor) => format!("x{factor}"),
            Kind::Set(value) => format!("={value}"),
        };
        let what = format!("{}:{}{number}", graph.nodes[self.layer].name, channels.join(","));
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.:@,+-/=".contains(letter);
        let quote = if what.chars().all(is_plain) { "" } else { "'" };
        format!("--{} {quote}{what}{quote}", self.kind.flag())
    }
}

impl Kind {
    /// `muted`, `× 2`, `= 0.5`: short enough for a tile.
    pub fn in_words(self) -> String {
        match self {
            Self::Muted | Self::Alone => "muted".into(),
            Self::Times(factor) => format!("× {factor}"),
            Self::Set(value) => format!("= {value:.3}"),
        }
    }
}

impl Cover {
    /// `a square of 32 pixels, grey, covers the picture at 0.50, 0.25`
    pub fn in_words(&self) -> String {
        let Self { at: [x, y], size, fill } = self;
        format!("a square of {size} pixels, {}, covers the picture at {x:.2}, {y:.2}", fill.in_words())
    }

    /// As it can be typed.
    pub fn typed(&self) -> String {
        let Self { at: [x, y], size, fill } = self;
        format!("--cover {x},{y}:{size}:{}", fill.name())
    }
}

impl Experiment {
    /// All that is done, one part after the other; `None` where nothing is.
    pub fn in_words(&self, graph: &Graph) -> Option<String> {
        let parts = self.interventions.iter().map(|own| own.in_words(graph));
        let parts: Vec<_> = parts.chain(self.cover.iter().map(Cover::in_words)).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// The options that do it again.
    pub fn typed(&self, graph: &Graph) -> Vec<String> {
        let typed = self.interventions.iter().map(|own| own.typed(graph));
        typed.chain(self.cover.iter().map(Cover::typed)).collect()
    }

    /// As JSON has it; `None` where nothing is done.
    pub fn info(&self, graph: &Graph) -> Option<ExperimentInfo> {
        let words = self.in_words(graph)?;
        let channels = self.interventions.iter().map(|own| ChangedInfo {
            layer: own.layer,
            name: graph.nodes[own.layer].name.clone(),
            change: own.kind.flag(),
            number: match own.kind {
                Kind::Muted | Kind::Alone => None,
                Kind::Times(number) | Kind::Set(number) => Some(number),
            },
            channels: own.channels.clone(),
        });
        let cover = self.cover.map(|Cover { at, size, fill }| CoverInfo { at, size, fill: fill.name() });
        Some(ExperimentInfo { words, channels: channels.collect(), cover })
    }
}

/// An experiment in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExperimentInfo {
    /// In words.
    pub words: String,
    /// Channels that are changed.
    pub channels: Vec<ChangedInfo>,
    /// What covers the picture.
    pub cover: Option<CoverInfo>,
}

/// Changed channels in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedInfo {
    /// The layer's index.
    pub layer: LayerIndex,
    /// Its name.
    pub name: String,
    /// `mute`, `multiply`, `set` or `alone`.
    pub change: &'static str,
    /// The factor of `multiply`, the value of `set`.
    pub number: Option<f32>,
    /// The channels; of `alone` those that are left.
    pub channels: Vec<usize>,
}

/// A square over the picture in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CoverInfo {
    /// Where its middle is, in parts of width and height.
    pub at: [f32; 2],
    /// Its side in pixels of the network's input.
    pub size: usize,
    /// `grey`, `mean` or `blur`.
    pub fill: &'static str,
}
