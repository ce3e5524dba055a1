//! What a file of tensors tells of its network beside names and shapes.

use std::collections::BTreeMap;

use crate::model::head::{Dialect, Given, Joint};

/// What a file of tensors tells of its network beside names and shapes.
#[derive(Clone, Debug)]
pub(super) struct Hints {
    /// How many of the network's blocks it has; `None`: as many as have their tensors.
    pub blocks: Option<usize>,
    /// Parameters of these layers stand in front.
    pub front: Vec<String>,
    /// How maps become a vector, where it tells.
    pub joint: Option<Joint>,
    /// Layers of which nothing is known but their names.
    pub unknown: Vec<String>,
    /// What the order of the layers behind the body means.
    pub given: Given,
    /// What its library takes for granted.
    pub dialect: Dialect,
    /// Its names for the body's layers, by Keras' class in the order of `model.layers`.
    pub names: BTreeMap<&'static str, Vec<String>>,
    /// A layer that makes the input's scale, by numbers that are not in the file.
    pub rescaling: Option<String>,
    /// A sentence each.
    pub notes: Vec<String>,
}

impl Hints {
    /// Of a state dict, whose layers come in this order.
    pub fn torch(given: Given) -> Self {
        Self {
            blocks: None,
            front: vec![],
            joint: None,
            unknown: vec![],
            given,
            dialect: Dialect::TORCH,
            names: BTreeMap::new(),
            rescaling: None,
            notes: vec![],
        }
    }
}
