//! The kernels of a convolution as something the tile shaders can draw.

use std::sync::Arc;

use crate::gpu::{FeatureMapBuffer, GpuContext, StatisticsBuffer};
use crate::inspect::{ChannelStatistics, slices};
use crate::model::{Graph, LayerIndex, Shape};
use crate::view::range;
use crate::weights::{LayerWeights, Weights};

/// What of a layer's weights is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum KernelChoice {
    /// These filters of the first convolution, in colour: red, green and blue are the channels they read.
    Colored(Vec<u32>),
    /// The slices of one filter, one for each channel it reads.
    Slices(u32),
}

/// Kernels on the drawing device.
pub struct KernelView {
    weights: Arc<Weights>,
    conv: LayerIndex,
    choice: KernelChoice,
    /// `Colored`: three channels a filter, from −1 to 1, each filter by its own largest weight. `Slices`: one channel
    /// a slice.
    pub map: FeatureMapBuffer,
    /// Of slices: the layer's range is the largest weight of the filter, both ways.
    pub statistics: StatisticsBuffer,
}

impl KernelView {
    /// True where this is what is to be shown.
    pub fn is(&self, weights: &Arc<Weights>, conv: LayerIndex, choice: &KernelChoice) -> bool {
        Arc::ptr_eq(&self.weights, weights) && self.conv == conv && self.choice == *choice
    }

    /// Uploads kernels; `None` where the layer is no convolution or has no such filter.
    pub fn upload(
        gpu: &GpuContext,
        graph: &Graph,
        weights: &Arc<Weights>,
        conv: LayerIndex,
        choice: KernelChoice,
    ) -> Option<Self> {
        let Some(LayerWeights::Conv { kernel }) = &weights.layers[conv] else { return None };
        let reach_of = |values: &[f32]| {
            let (low, high) = range(values);
            low.abs().max(high.abs())
        };
        let (shape, values, reach) = match &choice {
            KernelChoice::Slices(filter) => {
                let cut = slices(graph, conv, kernel, *filter as usize)?;
                let reach = reach_of(&cut.values);
                (cut.shape, cut.values, reach)
            }
            KernelChoice::Colored(filters) => {
                let mut values = Vec::new();
                let mut shape = None;
                for filter in filters {
                    let cut = slices(graph, conv, kernel, *filter as usize)?;
                    let reach = reach_of(&cut.values).max(f32::MIN_POSITIVE);
                    values.extend(cut.values.iter().map(|value| value / reach));
                    shape = Some(cut.shape);
                }
                let shape = shape?;
                (Shape { channels: shape.channels * filters.len(), ..shape }, values, reach_of(kernel))
            }
        };
        let one = ChannelStatistics { min: -reach, max: reach, ..Default::default() };
        Some(Self {
            weights: weights.clone(),
            conv,
            choice,
            map: FeatureMapBuffer::upload(gpu, &values, shape),
            statistics: StatisticsBuffer::upload(gpu, &vec![one; shape.channels + 1]),
        })
    }
}
