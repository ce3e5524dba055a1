//! A run forward and back.

use burn::tensor::Tensor;

use super::plan::Plan;
use super::walk::{self, Traced, Values};
use crate::model::{LayerIndex, Trace};
use crate::network::cpu;
use crate::network::executor::Network;
use crate::network::maps::Value;

impl Network {
    /// [`Network::run`], and then back from the units of each trace. All traces share the way forward; only what lies between
    /// a trace's units and its wanted layers is computed. While it runs, the values that it needs of layers between stay in
    /// memory ([`Network::traced_values`] tells how many). `before_node` is called on the way back too.
    pub fn run_traced(
        &mut self,
        input: Tensor<4>,
        taps: &[LayerIndex],
        traces: &[Trace],
        before_node: &mut (dyn FnMut(usize, usize) + Send),
    ) -> (Vec<Tensor<4>>, Vec<Traced>) {
        if traces.is_empty() {
            return (self.run(input, taps, before_node), vec![]);
        }
        let plans: Vec<_> = traces.iter().map(|trace| Plan::new(self, trace)).collect();
        let kept = kept(taps, &plans);
        let behind: usize = plans.iter().map(|plan| plan.nodes(self.graph())).sum();
        let mut done = 0;
        let all = self.run_values(input, &kept, &mut |started, total| {
            done = total;
            before_node(started, total + behind);
        });
        let (is_cpu, total) = (self.is_cpu(), done + behind);
        // What is handed out stays; everything else is let go as the last way back passes it.
        let outputs = all[..taps.len()].iter().cloned().map(Value::into_tensor).collect();
        let mut values = Values { layers: kept, outputs: all.into_iter().map(Some).collect() };
        let mut back = || -> Vec<Traced> {
            let pairs = traces.iter().zip(&plans).enumerate();
            let walk = |(at, (trace, plan))| {
                let is_last = at + 1 == plans.len();
                walk::back(self, (trace, plan), (&mut values, is_last), &mut || {
                    before_node(done, total);
                    done += 1;
                })
            };
            pairs.map(walk).collect()
        };
        let traced = if is_cpu { cpu::on_all_cores(&mut back) } else { back() };
        (outputs, traced)
    }

    /// How many values of layers stay in memory while these traces run, beside those of the taps.
    pub fn traced_values(&self, taps: &[LayerIndex], traces: &[Trace]) -> usize {
        let plans: Vec<_> = traces.iter().map(|trace| Plan::new(self, trace)).collect();
        let kept = kept(taps, &plans);
        kept[taps.len()..].iter().map(|&layer| self.graph().nodes[layer].shape.len()).sum()
    }
}

/// The taps, then what else the plans need.
fn kept(taps: &[LayerIndex], plans: &[Plan]) -> Vec<LayerIndex> {
    let mut kept = taps.to_vec();
    for &layer in plans.iter().flat_map(|plan| &plan.kept) {
        if !kept.contains(&layer) {
            kept.push(layer);
        }
    }
    kept
}
