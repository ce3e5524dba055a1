//! What can be said of every channel in six numbers, computed where the values are.

use super::{FeatureMapBuffer, GpuContext, LuminanceBuffer, bind, compute_pipeline, shader};

/// Statistics of one channel, or of a whole layer; finite values only.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct ChannelStatistics {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Mean.
    pub mean: f32,
    /// Standard deviation (of the population).
    pub std: f32,
    /// Fraction of the values that are zero or less, from 0 to 1; of a layer, the mean over its channels.
    pub zeros: f32,
    /// Pearson's correlation of the values with the luminance of the picture under their cells, from −1 to 1.
    /// 0 where one of the two is constant, or there is only one cell; and for a whole layer.
    pub brightness: f32,
}

impl ChannelStatistics {
    /// Values of one entry of a [`StatisticsBuffer`]: the six and two that mean nothing.
    const LEN: usize = 8;

    /// What was read back of a [`StatisticsBuffer`]: one a channel, then one of the layer.
    pub fn from_values(values: &[f32]) -> Vec<Self> {
        let entries = values.chunks_exact(Self::LEN);
        let entry =
            |v: &[f32]| Self { min: v[0], max: v[1], mean: v[2], std: v[3], zeros: v[4], brightness: v[5] };
        entries.map(entry).collect()
    }
}

/// [`ChannelStatistics`] of a feature map on the GPU: one a channel, then one of the layer.
#[derive(Clone, Debug)]
pub struct StatisticsBuffer {
    pub(super) buffer: wgpu::Buffer,
}

impl StatisticsBuffer {
    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.buffer.size()
    }

    /// The buffer, for reading back; [`ChannelStatistics::from_values`] understands its f32 values.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

/// The compiled shaders.
#[derive(Debug)]
pub struct StatisticsPass {
    channels: wgpu::ComputePipeline,
    layer: wgpu::ComputePipeline,
}

impl StatisticsPass {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        let module = shader(&gpu.device, "statistics");
        Self {
            channels: compute_pipeline(&gpu.device, &module, "channel_statistics"),
            layer: compute_pipeline(&gpu.device, &module, "layer_statistics"),
        }
    }

    /// Computes the statistics of `map` and submits. `luminance` has the map's height and width.
    pub fn run(
        &self,
        gpu: &GpuContext,
        map: &FeatureMapBuffer,
        luminance: &LuminanceBuffer,
    ) -> StatisticsBuffer {
        let layout = gpu.uniform(&map.layout());
        let buffer = gpu.storage("statistics", (map.shape.channels + 1) * ChannelStatistics::LEN);
        let all = [
            (1, layout.as_entire_binding()),
            (2, buffer.as_entire_binding()),
            (0, map.binding()),
            (3, luminance.buffer().as_entire_binding()),
        ];
        // The automatic layout of the second shader leaves out what it does not read.
        let channels = bind(&gpu.device, &self.channels.get_bind_group_layout(0), &all);
        let layer = bind(&gpu.device, &self.layer.get_bind_group_layout(0), &all[..2]);
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.channels);
            pass.set_bind_group(0, &channels, &[]);
            pass.dispatch_workgroups(map.shape.channels as u32, 1, 1);
            pass.set_pipeline(&self.layer);
            pass.set_bind_group(0, &layer, &[]);
            pass.dispatch_workgroups(1, 1, 1);
        });
        StatisticsBuffer { buffer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_is_skipped_and_not_written() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let all = ChannelStatistics::from_values(&values);
        assert_eq!(all.len(), 2);
        let json = r#"{"min":1.0,"max":2.0,"mean":3.0,"std":4.0,"zeros":5.0,"brightness":6.0}"#;
        assert_eq!(serde_json::to_string(&all[0]).unwrap(), json);
        assert_eq!(all[1].min, -1.0);
    }
}
