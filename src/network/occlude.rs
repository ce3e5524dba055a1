//! A unit's value with a square over many places of a picture, one after the other, coarse to fine: Zeiler and Fergus,
//! "Visualizing and Understanding Convolutional Networks", 2014 (arXiv:1311.2901), section 4.2.

use super::cpu::input_from_values;
use super::executor::Network;
use crate::model::Unit;

/// Rows and columns of the input, half-open.
pub type Area = [[usize; 2]; 2];

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
        let usual = network.scores(unit, vec![tensor])?.pop().unwrap_or(f32::NAN);
        let scores = vec![None; areas.len()];
        Ok(Self { unit: *unit, input, filled, areas, order, done: 0, scores, usual })
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
            input_from_values(values, shape, network.device())
        });
        let covered = covered.collect();
        let scores = network.scores(&self.unit, covered)?;
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
