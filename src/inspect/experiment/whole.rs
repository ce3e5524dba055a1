//! All that is done at the same time.

use super::cover::Cover;
use super::intervention::{Intervention, Kind};
use crate::model::{Edit, Graph, InputScale, LayerIndex, Shape};

/// What is done to a network and to its picture, so that its answer can be compared with the usual one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Experiment {
    /// Channels that are changed; later ones act on what earlier ones made.
    pub interventions: Vec<Intervention>,
    /// What covers the picture.
    pub cover: Option<Cover>,
}

impl Experiment {
    /// True where everything is as usual.
    pub fn is_empty(&self) -> bool {
        self.interventions.is_empty() && !self.changes_input()
    }

    /// True where the network sees another picture.
    pub fn changes_input(&self) -> bool {
        self.cover.is_some()
    }

    /// Makes of a network's input what the network sees.
    pub fn change_input(&self, values: &mut [f32], shape: Shape, scale: InputScale) {
        if let Some(cover) = &self.cover {
            cover.apply(values, shape, scale);
        }
    }

    /// The channels that are changed, for the network.
    pub fn edits(&self, graph: &Graph) -> Vec<Edit> {
        self.interventions.iter().flat_map(|intervention| intervention.edits(graph)).collect()
    }

    /// What is done to a channel of a layer.
    pub fn of(&self, layer: LayerIndex, channel: usize) -> Option<&Intervention> {
        self.interventions.iter().rev().find(|own| own.layer == layer && own.changes(channel))
    }

    /// Leaves out what is no layer or channel of this network.
    pub fn retain_known(&mut self, graph: &Graph) {
        self.interventions.retain(|own| own.fits(graph));
    }

    /// Does this to a channel, or no longer where that is done to it already.
    pub fn toggle(&mut self, layer: LayerIndex, channel: usize, kind: Kind) {
        let is_done = |own: &Intervention| own.layer == layer && own.kind.is_like(kind);
        let was_done = self.interventions.iter().any(|own| is_done(own) && own.channels.contains(&channel));
        // Of all but one, each other is changed too.
        self.interventions.retain(|own| own.layer != layer || !own.kind.is_alone() || is_done(own));
        for own in self.interventions.iter_mut().filter(|own| own.layer == layer) {
            own.channels.retain(|known| *known != channel);
        }
        if kind.is_alone() {
            self.interventions.retain(|own| own.layer != layer);
        }
        self.interventions.retain(|own| !own.channels.is_empty());
        if was_done {
            return;
        }
        match self.interventions.iter_mut().find(|own| own.layer == layer && own.kind == kind) {
            Some(own) => own.channels.push(channel),
            None => self.interventions.push(Intervention { layer, channels: vec![channel], kind }),
        }
    }
}
