//! What can be said about feature maps in host memory: pure arithmetic, any thread.

mod answer;
pub mod best;
pub mod block;
pub mod cell;
pub mod checkpoint;
mod class_activation;
pub mod components;
mod contribution;
pub mod diagnosis;
mod exact;
mod experiment;
mod health;
mod histogram;
pub mod hypercolumn;
mod kernels;
pub mod likeness;
mod luminance;
mod measure;
mod order;
mod origin;
pub mod packed;
mod percentiles;
pub mod saliency;
mod similarity;

use crate::model::{LayerIndex, Shape};

pub use answer::{Answer, Said, no_answer, top_classes};
pub use class_activation::{Explained, class_activation, class_weights, explained, is_pair, logit};
pub use components::{CellSum, Components};
pub use contribution::{contributions, first_order, pooled_from};
pub use experiment::{
    Cover, Experiment, ExperimentInfo, Fill, Intervention, Kind, Places, UnknownIntervention, coarse_first,
};
pub use health::{LayerHealth, Marks, Thresholds, is_rectified};
pub use histogram::HistogramInfo;
pub use hypercolumn::{enlarge, joined};
pub use kernels::{convolution_of, no_kernels, slices};
pub use likeness::Likeness;
pub use luminance::luminance;
pub use measure::{ChannelStatistics, change, measure, summary};
pub use order::similarity_order;
pub use origin::{OriginInfo, Part, Start, TraceOrigin, UnknownOrigin, strongest_cell};
pub use percentiles::{PERCENTILES, percentiles};
pub use saliency::{Attributed, SaliencyView};
pub use similarity::{ChannelCorrelation, PooledCorrelation};

/// One layer's output for one picture.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct LayerOutput {
    /// Which layer.
    pub layer: LayerIndex,
    /// Its shape.
    pub shape: Shape,
    /// `shape.len()` values in channel, row, column order.
    #[serde(with = "packed")]
    pub values: Vec<f32>,
}

impl LayerOutput {
    /// The `height × width` values of one channel.
    pub fn channel(&self, channel: usize) -> &[f32] {
        let cells = self.shape.height * self.shape.width;
        &self.values[channel * cells..][..cells]
    }
}
