//! How healthy the channels of each layer are, over all frames of the session that were shown. Main thread.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::relations::Relations;
use crate::inspect::{LayerHealth, Marks, Thresholds, is_rectified};
use crate::model::{Graph, LayerIndex};
use crate::session::Activations;

/// What is said of one layer.
#[derive(Clone, Debug)]
pub struct LayerMarks {
    /// Over how many frames.
    pub frames: usize,
    /// One entry a channel.
    pub marks: Vec<Marks>,
    /// For each channel, the one that it nearly repeats; empty before they were compared.
    pub duplicates: Arc<[Option<usize>]>,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub struct SessionHealth {
    layers: BTreeMap<LayerIndex, (LayerHealth, u64)>,
}

impl SessionHealth {
    /// Adds what a frame says of the layers that were tapped. A frame that is processed again counts once.
    pub fn observe(&mut self, graph: &Graph, activations: &Activations) {
        let frame = activations.frame.frame.id;
        for tap in &activations.taps {
            let shape = graph.nodes[tap.layer].shape;
            let new = || (LayerHealth::new(shape, is_rectified(graph, tap.layer)), u64::MAX);
            let (health, last) = self.layers.entry(tap.layer).or_insert_with(new);
            if *last != frame {
                *last = frame;
                health.observe(&tap.channel_statistics[..shape.channels]);
            }
        }
    }

    /// What is said of a layer that was seen.
    pub fn of(&self, layer: LayerIndex, relations: &Relations) -> Option<Arc<LayerMarks>> {
        let (health, _) = self.layers.get(&layer)?;
        let marks = health.marks(&Thresholds::default());
        let duplicates = relations.of(layer).map(|relation| relation.duplicates.clone()).unwrap_or_default();
        Some(Arc::new(LayerMarks { frames: health.pictures(), marks, duplicates }))
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        self.layers.clear();
    }
}

/// What is said of a channel first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// Above zero in every cell of every frame.
    AlwaysOn,
    /// Nearly another channel.
    Duplicate,
    /// The picture's brightness.
    Copy,
    /// The picture's brightness, inverted.
    InvertedCopy,
    /// Of one colour.
    Solid,
    /// Nowhere above zero now.
    Silent,
    /// Never above zero.
    Dead,
    /// No number.
    Broken,
}

impl Finding {
    /// All of them.
    #[cfg(test)]
    pub const ALL: [Self; 8] = [
        Self::AlwaysOn,
        Self::Duplicate,
        Self::Copy,
        Self::InvertedCopy,
        Self::Solid,
        Self::Silent,
        Self::Dead,
        Self::Broken,
    ];

    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::AlwaysOn => "always on",
            Self::Duplicate => "duplicate",
            Self::Copy => "copy",
            Self::InvertedCopy => "inverted copy",
            Self::Solid => "solid",
            Self::Silent => "silent",
            Self::Dead => "dead",
            Self::Broken => "broken",
        }
    }

    /// Its colour: distinguishable by colour-blind people (Okabe and Ito's palette).
    pub fn color(self) -> [u8; 3] {
        match self {
            Self::AlwaysOn => [0xf0, 0xe4, 0x42],
            Self::Duplicate => [0xcc, 0x79, 0xa7],
            Self::Copy | Self::InvertedCopy => [0x00, 0x9e, 0x73],
            Self::Solid => [0x56, 0xb4, 0xe9],
            Self::Silent => [0xe6, 0x9f, 0x00],
            Self::Dead => [0xd5, 0x5e, 0x00],
            Self::Broken => [0xff, 0x00, 0xff],
        }
    }
}

impl LayerMarks {
    /// What is said of a channel first.
    pub fn finding(&self, channel: usize) -> Option<Finding> {
        let marks = self.marks.get(channel)?;
        Some(if marks.broken {
            Finding::Broken
        } else if self.is_dead(channel) {
            Finding::Dead
        } else if marks.silent {
            Finding::Silent
        } else if marks.solid {
            Finding::Solid
        } else if marks.copy.is_some_and(|correlation| correlation < 0.0) {
            Finding::InvertedCopy
        } else if marks.copy.is_some() {
            Finding::Copy
        } else if self.duplicates.get(channel).copied().flatten().is_some() {
            Finding::Duplicate
        } else if marks.always_on {
            Finding::AlwaysOn
        } else {
            return None;
        })
    }

    /// Never above zero; on a single frame nobody can tell dead from silent.
    pub fn is_dead(&self, channel: usize) -> bool {
        self.frames > 1 && self.marks.get(channel).is_some_and(|marks| marks.dead)
    }

    /// Large where much is wrong with a channel, 0 where nothing is.
    pub fn severity(&self, channel: usize) -> f32 {
        self.finding(channel).map_or(0.0, |finding| finding as u32 as f32 + 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_is_said_first() {
        let marks = |frames| LayerMarks {
            frames,
            marks: vec![
                Marks { broken: true, dead: true, ..Marks::default() },
                Marks { dead: true, silent: true, ..Marks::default() },
                Marks { copy: Some(-0.95), always_on: true, ..Marks::default() },
                Marks { always_on: true, ..Marks::default() },
                Marks::default(),
                Marks::default(),
            ],
            duplicates: Arc::new([None, None, None, None, None, Some(2)]),
        };
        let findings = |frames| (0..6).map(|channel| marks(frames).finding(channel)).collect::<Vec<_>>();
        let expected = [
            Some(Finding::Broken),
            Some(Finding::Dead),
            Some(Finding::InvertedCopy),
            Some(Finding::AlwaysOn),
            None,
            Some(Finding::Duplicate),
        ];
        assert_eq!(findings(2), expected);
        assert_eq!(findings(1)[1], Some(Finding::Silent), "one frame is not enough");
        let severities: Vec<_> = (0..6).map(|channel| marks(2).severity(channel)).collect();
        assert_eq!(severities, [8.0, 7.0, 4.0, 1.0, 0.0, 2.0]);
    }
}
