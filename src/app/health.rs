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

impl LayerMarks {
    /// The one word that is said of a channel first, and its colour: distinguishable by colour-blind people (Okabe
    /// and Ito's palette).
    pub fn word(&self, channel: usize) -> Option<(&'static str, [u8; 3])> {
        let marks = self.marks.get(channel)?;
        Some(if marks.broken {
            ("broken", [0xff, 0x00, 0xff])
        } else if marks.dead && self.frames > 1 {
            // On a single frame nobody can tell dead from silent.
            ("dead", [0xd5, 0x5e, 0x00])
        } else if marks.silent {
            ("silent", [0xe6, 0x9f, 0x00])
        } else if marks.solid {
            ("solid", [0x56, 0xb4, 0xe9])
        } else if marks.copy.is_some_and(|correlation| correlation < 0.0) {
            ("inverted copy", [0x00, 0x9e, 0x73])
        } else if marks.copy.is_some() {
            ("copy", [0x00, 0x9e, 0x73])
        } else if self.duplicates.get(channel).copied().flatten().is_some() {
            ("duplicate", [0xcc, 0x79, 0xa7])
        } else if marks.always_on {
            ("always on", [0xf0, 0xe4, 0x42])
        } else {
            return None;
        })
    }
}
