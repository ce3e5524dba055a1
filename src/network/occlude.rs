//! A unit's value with a square over many places of a picture, one after the other, coarse to fine: Zeiler and Fergus,
//! "Visualizing and Understanding Convolutional Networks", 2014 (arXiv:1311.2901), section 4.2.

use super::cpu::{input_from_values, values};
use super::crop::{Area, Crop};
use super::executor::Network;
use crate::model::Unit;

/// What is known so far, and what is to be computed next.
pub struct Occluding {
    unit: Unit,
    input: Vec<f32>,
    /// The picture where it is covered everywhere.
    filled: Vec<f32>,
    areas: Vec<Area>,
    order: Vec<usize>,
    done: usize,
    scores: Vec<Option<f32>>,
    usual: f32,
    /// On the CPU, where an early part of the network need not be computed for all of the picture: that part, and its last
    /// layer's values as usual.
    crop: Option<(Crop, Vec<f32>)>,
}

impl Occluding {
    /// Of a picture and the same covered everywhere (values of the network's input each), with each of `areas` covered by itself,
    /// in the order of `order`.
    ///
    /// # Errors
    /// The backend's message.
    pub fn new(
        network: &mut Network,
        (input, filled): (Vec<f32>, Vec<f32>),
        (areas, order): (Vec<Area>, Vec<usize>),
        unit: &Unit,
    ) -> Result<Self, String> {
        let shape = network.graph().input_shape();
        let tensor = input_from_values(input.clone(), shape, network.device());
        let mut taps = network.score_taps(unit);
        let longest =
            |axis: usize| areas.iter().map(|area| area[axis][1] - area[axis][0]).max().unwrap_or(1).max(1);
        let square = [longest(0), longest(1)];
        let crop = if network.is_cpu() { Crop::new(network, square, &taps) } else { None };
        taps.extend(crop.as_ref().map(Crop::layer));
        let mut outputs = network.run(tensor, &taps, &mut |_, _| {});
        let crop = match crop {
            Some(crop) => Some((crop, outputs.pop().map_or(Ok(vec![]), values)?)),
            None => None,
        };
        let usual = network.score(unit, outputs)?;
        let scores = vec![None; areas.len()];
        Ok(Self { unit: *unit, input, filled, areas, order, done: 0, scores, usual, crop })
    }

    /// Computes some more; false where all are known.
    ///
    /// # Errors
    /// The backend's message.
    pub fn step(&mut self, network: &mut Network) -> Result<bool, String> {
        let shape = network.graph().input_shape();
        let together = rayon::current_num_threads().max(1);
        let group: Vec<usize> = self.order.iter().skip(self.done).take(together).copied().collect();
        let covered = group.iter().map(|&place| {
            let mut values = self.input.clone();
            shape.paste(&mut values, &self.filled, self.areas[place]);
            (values, self.areas[place])
        });
        let covered: Vec<_> = covered.collect();
        let (layer, changed) = match &mut self.crop {
            Some((crop, usual)) => (crop.layer(), crop.maps(&covered, usual)?),
            None => (0, covered.into_iter().map(|(values, _)| values).collect()),
        };
        let shape = network.graph().nodes[layer].shape;
        let changed = changed.into_iter().map(|values| input_from_values(values, shape, network.device()));
        let scores = network.scores_behind(&self.unit, layer, changed.collect())?;
        for (&place, score) in group.iter().zip(scores) {
            self.scores[place] = Some(score);
        }
        self.done += group.len();
        Ok(self.done < self.order.len())
    }

    /// How many places are done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// The unit's value where nothing is covered.
    pub fn usual(&self) -> f32 {
        self.usual
    }

    /// The unit's value for each area that is done.
    pub fn scores(&self) -> &[Option<f32>] {
        &self.scores
    }
}
