//! Interventions as people type them.

use super::intervention::{Intervention, Kind};
use crate::model::{Graph, UnknownLayer};

/// Why a text is no intervention.
#[derive(Debug, thiserror::Error)]
pub enum UnknownIntervention {
    /// Not the form of one.
    #[error("--{flag} {text}: write {example}")]
    Form {
        /// The option.
        flag: &'static str,
        /// As typed.
        text: String,
        /// What would do.
        example: &'static str,
    },
    /// No such layer.
    #[error(transparent)]
    Layer(#[from] UnknownLayer),
    /// No such channel.
    #[error("{layer} has no channel {channel}: it has {channels}, from 0 to {}", channels - 1)]
    Channel {
        /// The layer's name.
        layer: String,
        /// As typed.
        channel: usize,
        /// How many there are.
        channels: usize,
    },
}

impl Kind {
    /// The option that does this, without its dashes.
    pub fn flag(self) -> &'static str {
        match self {
            Self::Muted => "mute",
            Self::Times(_) => "multiply",
            Self::Set(_) => "set",
            Self::Alone => "alone",
        }
    }

    fn example(self) -> &'static str {
        match self {
            Self::Muted => "LAYER:CHANNELS as in mixed5:3,17 or mixed5:0..16",
            Self::Times(_) => "LAYER:CHANNELSxFACTOR as in mixed5:3x2",
            Self::Set(_) => "LAYER:CHANNELS=VALUE as in mixed5:3=0.5",
            Self::Alone => "LAYER:CHANNELS as in mixed5:3",
        }
    }
}

impl Intervention {
    /// `mixed5:3,17`; with a number behind it `mixed5:3x2` or `mixed5:3=0.5`, as the kind has one: the kind's own number is of
    /// no importance.
    ///
    /// # Errors
    /// [`UnknownIntervention`]: one sentence.
    pub fn parse(kind: Kind, text: &str, graph: &Graph) -> Result<Self, UnknownIntervention> {
        let form =
            || UnknownIntervention::Form { flag: kind.flag(), text: text.into(), example: kind.example() };
        let (layer, rest) = text.rsplit_once(':').ok_or_else(form)?;
        let number = |split: Option<(&str, &str)>| {
            let (channels, number) = split?;
            let number = number.trim().parse::<f32>().ok().filter(|number| number.is_finite())?;
            Some((channels.to_string(), number))
        };
        let (channels, kind) = match kind {
            Kind::Muted | Kind::Alone => (rest.to_string(), kind),
            Kind::Times(_) => {
                let (channels, factor) = number(rest.split_once(['x', '×'])).ok_or_else(form)?;
                (channels, Kind::Times(factor))
            }
            Kind::Set(_) => {
                let (channels, value) = number(rest.split_once('=')).ok_or_else(form)?;
                (channels, Kind::Set(value))
            }
        };
        let layer = graph.find(layer.trim())?;
        let node = &graph.nodes[layer];
        let count = node.shape.channels;
        let mut all: Vec<usize> = vec![];
        for part in channels.split(',') {
            let channel = |text: &str| text.trim().parse::<usize>().ok();
            let (first, end) = match part.split_once("..") {
                Some((first, end)) => (channel(first), channel(end)),
                None => (channel(part), channel(part).and_then(|channel| channel.checked_add(1))),
            };
            let (Some(first), Some(end)) = (first, end) else { return Err(form()) };
            if first >= end {
                return Err(form());
            }
            if end > count {
                let channel = end - 1;
                return Err(UnknownIntervention::Channel {
                    layer: node.name.clone(),
                    channel,
                    channels: count,
                });
            }
            all.extend((first..end).filter(|channel| !all.contains(channel)).collect::<Vec<_>>());
        }
        Ok(Self { layer, channels: all, kind })
    }
}
