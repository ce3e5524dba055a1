//! A network's parameters as the way back needs them.

use super::turned::{Turned, turn};
use crate::model::LayerIndex;
use crate::network::cpu::Host;
use crate::network::executor::Network;
use crate::network::maps::Value;
use crate::network::operations;
use crate::network::prepared::{Prepared, folded};
use crate::network::vectors::Limits;
use crate::weights::LayerWeights;

impl Network {
    /// A layer's parameters on the device, as they are where `taps` are asked for; `None` where it needs none.
    pub(in crate::network) fn prepared_for(
        &mut self,
        index: LayerIndex,
        taps: &[LayerIndex],
    ) -> Option<&Prepared> {
        self.prepare(index, taps);
        let is_folded = self.is_folded(index, taps)?;
        self.place(index, is_folded).as_ref()
    }

    /// What a node computes of its inputs before its own activation, where `taps` are asked for.
    pub(in crate::network) fn without_activation(
        &mut self,
        index: LayerIndex,
        inputs: Vec<Value>,
        taps: &[LayerIndex],
        host: Option<&mut Host>,
    ) -> Value {
        self.prepare(index, taps);
        let prepared = match self.is_folded(index, taps) {
            Some(true) => &self.folded[index],
            _ => &self.plain[index],
        };
        let node = &self.graph.nodes[index];
        let inputs = match host {
            None => inputs,
            Some(host) => {
                match self.compute_on_host(index, inputs, prepared.as_ref(), Limits::NONE.into(), host) {
                    Ok(output) => return output,
                    Err(inputs) => inputs,
                }
            }
        };
        let inputs = inputs.into_iter().map(Value::into_tensor).collect();
        operations::compute(&node.op, inputs, prepared.as_ref(), node.shape).into()
    }

    /// The reverse of a layer's convolutions on the CPU, as they are where `taps` are asked for; nothing where our own loops
    /// do not have it.
    pub(in crate::network) fn turned(&mut self, index: LayerIndex, taps: &[LayerIndex]) -> &[Turned] {
        let is_folded = self.is_folded(index, taps).unwrap_or(false);
        if self.turned[index][usize::from(is_folded)].is_none() {
            let node = &self.graph.nodes[index];
            let input = node.inputs.first().map_or(node.shape, |&input| self.graph.nodes[input].shape);
            let norms = if is_folded { self.fusion.norms(index) } else { &[] };
            let shapes = [input, node.shape];
            let turned = match &self.weights.layers[index] {
                Some(LayerWeights::Conv { kernel, .. } | LayerWeights::Dense { weight: kernel, .. }) => {
                    let (kernel, _) = folded(kernel, None, &self.graph, &self.weights, norms);
                    turn(&node.op, &[&kernel], shapes)
                }
                Some(LayerWeights::Separable { depthwise, pointwise, .. }) => {
                    turn(&node.op, &[depthwise, pointwise], shapes)
                }
                _ => vec![],
            };
            self.turned[index][usize::from(is_folded)] = Some(turned);
        }
        self.turned[index][usize::from(is_folded)].as_deref().unwrap_or_default()
    }
}
