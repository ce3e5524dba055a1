//! The graph in the making, which every kind of layer adds to.

use super::theano::Theano;
use super::variables::Variables;
use crate::model::GraphBuilder;
use crate::weights::parameters::LayerWeights;

/// A layer at which the graph ends.
#[derive(Debug)]
pub(super) struct Cut {
    /// Its name.
    pub name: String,
    /// Why, as the rest of a sentence.
    pub why: String,
    /// What it would read.
    pub reads: Vec<usize>,
}

/// A graph in the making, and what is known of the file that it comes from.
pub(super) struct Assembly<'v, 'f, 'a> {
    pub builder: GraphBuilder,
    pub variables: &'v mut Variables<'f, 'a>,
    pub weights: Vec<Option<LayerWeights>>,
    /// Keras before 3, whose `hard_sigmoid` is another.
    pub major_version: u32,
    /// Whether maps are `[channels, height, width]` in Keras.
    pub channels_first: bool,
    /// Whether kernels are as Theano turned them.
    pub theano: Theano,
    /// Whether a layer that is not known is left out where it stands in front of everything.
    pub guesses_front: bool,
    /// How many calls there were.
    pub calls: usize,
    pub notes: Vec<String>,
    pub cuts: Vec<Cut>,
}
