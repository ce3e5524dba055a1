//! What lenses look at: all that was chosen, and what has come of it.

use std::sync::Arc;

use crate::app::keys::{Action, Keymap};
use crate::app::state::{Basis, BestPatches, Colors, Lenses, Place};
use crate::engine::Model;
use crate::model::labels::{Label, class_name};
use crate::model::{Graph, LayerIndex, Node, Shape};
use crate::session::{Activations, HeldFrame};

/// One look at the network.
#[derive(Clone, Copy)]
pub struct Look<'a> {
    /// The network as data.
    pub graph: &'a Arc<Graph>,
    /// The layer whose tiles are shown: the chosen one, or the one before while that is computed.
    pub layer: LayerIndex,
    /// Layer, channels, page and cell.
    pub place: &'a Place,
    /// How values become colours.
    pub colors: &'a Colors,
    /// What lenses are set to.
    pub lenses: &'a Lenses,
    /// Which keys do what, for sentences.
    pub keys: &'a Keymap,
    /// The frame that others are compared with.
    pub held: Option<&'a HeldFrame>,
    /// Principal components of the shown layer's cells, once they are there.
    pub basis: Option<&'a Basis>,
    /// The best patches of the shown layer, where they are shown and known.
    pub best: Option<&'a Arc<BestPatches>>,
    /// The newest results.
    pub shown: Option<&'a Arc<Activations>>,
    /// The network with its parameters and class names, once it is there.
    pub network: Option<&'a Model>,
    /// Names of its classes; empty where they are not known.
    pub labels: &'a [Label],
    /// The frame stays until someone goes on.
    pub is_still: bool,
    /// What the columns of a comparison of networks are called; empty where nothing is compared.
    pub versions: &'a [String],
    /// The pixel (column, row) of the network's input under the cursor, or marked by keys.
    pub pixel: Option<[u32; 2]>,
}

impl<'a> Look<'a> {
    /// The shown layer.
    pub fn node(&self) -> &'a Node {
        &self.graph.nodes[self.layer]
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        self.node().shape
    }

    /// Its channels that are shown, in order.
    pub fn channels(&self) -> Arc<[u32]> {
        self.place.shown_channels(self.graph, self.layer)
    }

    /// The selected channel.
    pub fn selected_channel(&self) -> Option<u32> {
        self.place.selected_channel(self.graph, self.layer)
    }

    /// The key that does this, for sentences.
    pub fn key(&self, action: Action) -> String {
        self.keys.key_for(action)
    }

    /// `70 % opaque ([ fainter, ] stronger)`
    pub fn opacity_in_words(&self) -> String {
        format!("{} % opaque {}", (self.lenses.opacity * 100.0).round(), self.opacity_keys())
    }

    /// `([ fainter, ] stronger)`
    pub fn opacity_keys(&self) -> String {
        format!("({} fainter, {} stronger)", self.key(Action::LessOpacity), self.key(Action::MoreOpacity))
    }

    /// The class that a channel of the shown layer stands for, by name: where the layer has the classes' scores or probabilities,
    /// and their names are known.
    pub fn class_of_channel(&self, channel: u32) -> Option<String> {
        let answer = self.graph.answer()?;
        let scores = self.graph.class_unit(0, self.labels.len())?;
        let is_of_classes = [answer.layer, scores.layer].contains(&self.layer);
        let fits = self.shape().channels == self.labels.len();
        let label = self.labels.get(channel as usize).filter(|_| is_of_classes && fits)?;
        label.title(channel as usize)
    }

    /// `channel 5`, or `channel 5 (goldfish)`
    pub fn channel_in_words(&self, channel: u32) -> String {
        match self.class_of_channel(channel) {
            Some(name) => format!("channel {channel} ({name})"),
            None => format!("channel {channel}"),
        }
    }

    /// The name of a class, where it is known.
    pub fn class_name(&self, class: usize) -> String {
        class_name(self.labels, class)
    }
}
