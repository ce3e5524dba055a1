//! One number of a network, such as a class's score, for many versions of a picture or of what lies behind a layer.

use burn::tensor::Tensor;

use super::backward::seed;
use super::cpu::{read, values};
use super::executor::Network;
use super::maps::Value;
use super::run::Stored;
use crate::model::{Activation, Edit, LayerIndex, Op, Unit};
use crate::weights::LayerWeights;

impl Network {
    /// The layers that a unit is computed from by [`Network::score`].
    pub fn score_taps(&self, unit: &Unit) -> Vec<LayerIndex> {
        let node = &self.graph.nodes[unit.layer];
        match unit.before_activation || self.is_row(unit) {
            true => node.inputs.clone(),
            false => vec![unit.layer],
        }
    }

    /// True where the unit is one row of a matrix times a vector: the others need not be computed.
    fn is_row(&self, unit: &Unit) -> bool {
        let node = &self.graph.nodes[unit.layer];
        let is_plain = unit.before_activation || node.activation == Activation::Linear;
        let is_changed = self.edits.iter().any(|edit| edit.layer == unit.layer);
        let has_matrix = matches!(self.weights.layers[unit.layer], Some(LayerWeights::Dense { .. }));
        node.op == Op::Dense && node.shape.is_vector() && is_plain && !is_changed && has_matrix
    }

    /// A unit's value, where its layers' outputs ([`Network::score_taps`]) are these.
    ///
    /// # Errors
    /// The backend's message.
    pub fn score(&mut self, unit: &Unit, mut outputs: Vec<Tensor<4>>) -> Result<f32, String> {
        let shape = self.graph.nodes[unit.layer].shape;
        if self.is_row(unit)
            && let Some(LayerWeights::Dense { weight, bias }) = &self.weights.layers[unit.layer]
            && let Some(x) = outputs.pop()
        {
            let inputs = weight.len() / shape.channels.max(1);
            let row = &weight[unit.channel * inputs..][..inputs];
            let product = |x: &[f32]| -> f64 {
                row.iter().zip(x).map(|(weight, x)| f64::from(*weight) * f64::from(*x)).sum()
            };
            let sum = if self.is_cpu() { read(x, product) } else { product(&values(x)?) };
            let bias = bias.get(unit.channel).copied().unwrap_or_default();
            return Ok((sum + f64::from(bias)) as f32 * unit.weight);
        }
        let output = match unit.before_activation {
            false => outputs.pop(),
            true => {
                let mut hosts = std::mem::take(&mut self.hosts);
                let inputs = outputs.into_iter().map(Value::from).collect();
                let value = self.without_activation(unit.layer, inputs, &[unit.layer], hosts.first_mut());
                self.hosts = hosts;
                Some(value.into_tensor())
            }
        };
        let output = output.ok_or("the network gave nothing")?;
        let seed = seed(unit, shape, Some(&output), &self.device.clone());
        let all = values(output.mul(seed))?;
        Ok(all.iter().map(|value| f64::from(*value)).sum::<f64>() as f32)
    }

    /// A unit's value for each of several values of a layer (0 for pictures) through which all goes that it depends on, computed
    /// at the same time where that is faster.
    ///
    /// # Errors
    /// The backend's message.
    pub fn scores_behind(
        &mut self,
        unit: &Unit,
        layer: LayerIndex,
        values: Vec<Tensor<4>>,
    ) -> Result<Vec<f32>, String> {
        let taps = self.score_taps(unit);
        let outputs = self.run_behind(layer, values, &taps);
        outputs.into_iter().map(|outputs| self.score(unit, outputs)).collect()
    }

    /// A unit's value for each variant of what lies behind stored layers.
    ///
    /// # Errors
    /// The backend's message.
    pub fn stored_scores(
        &mut self,
        unit: &Unit,
        stored: &Stored,
        variants: &[Vec<Edit>],
    ) -> Result<Vec<f32>, String> {
        let taps = self.score_taps(unit);
        let outputs = self.run_stored(stored, variants, &taps);
        outputs.into_iter().map(|outputs| self.score(unit, outputs)).collect()
    }
}
