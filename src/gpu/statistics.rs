//! What can be said of every channel in eight numbers, computed where the values are.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext, LuminanceBuffer, PooledBuffer};
use crate::inspect::ChannelStatistics;

/// Values of one entry of a [`StatisticsBuffer`]: those of [`ChannelStatistics`].
const ENTRY_LEN: usize = 8;

/// [`ChannelStatistics`] of a feature map on the GPU: one a channel, then one of the layer.
#[derive(Clone, Debug)]
pub struct StatisticsBuffer {
    pub(super) buffer: PooledBuffer,
}

impl StatisticsBuffer {
    /// Bytes of the numbers of one channel.
    pub const ENTRY_BYTES: u64 = 4 * ENTRY_LEN as u64;

    /// Room for the statistics of so many channels and their layer.
    pub(super) fn empty(gpu: &GpuContext, channels: usize) -> Self {
        Self { buffer: gpu.storage((channels + 1) * ENTRY_LEN) }
    }

    /// What was read back of such a buffer: one entry a channel, then one of the layer.
    pub fn decode(values: &[f32]) -> Vec<ChannelStatistics> {
        let entry = |v: &[f32]| ChannelStatistics {
            min: v[0],
            max: v[1],
            mean: v[2],
            std: v[3],
            zeros: v[4],
            brightness: v[5],
            finite: v[6],
            change: v[7],
        };
        values.chunks_exact(ENTRY_LEN).map(entry).collect()
    }

    /// Uploads statistics that are known: one a channel, then one of the layer.
    pub fn upload(gpu: &GpuContext, statistics: &[ChannelStatistics]) -> Self {
        Self { buffer: gpu.upload(bytemuck::cast_slice(&encode(statistics))) }
    }

    /// Puts other statistics in this buffer's place where there are as many; what was submitted reads those before.
    pub fn replace(&mut self, gpu: &GpuContext, statistics: &[ChannelStatistics]) {
        if self.size() == Self::ENTRY_BYTES * statistics.len() as u64 {
            gpu.write(&self.buffer, bytemuck::cast_slice(&encode(statistics)));
        } else {
            *self = Self::upload(gpu, statistics);
        }
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.buffer.size()
    }

    /// The buffer, for reading back; [`Self::decode`] understands its f32 values.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

fn encode(statistics: &[ChannelStatistics]) -> Vec<f32> {
    let entry =
        |s: &ChannelStatistics| [s.min, s.max, s.mean, s.std, s.zeros, s.brightness, s.finite, s.change];
    statistics.iter().flat_map(entry).collect()
}

/// The compiled shaders.
#[derive(Debug)]
pub struct StatisticsPass {
    channels: ComputePipeline,
    layer: ComputePipeline,
}

impl StatisticsPass {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        let pipeline = |entry| gpu.compute_pipeline("statistics", entry);
        Self { channels: pipeline("channel_statistics"), layer: pipeline("layer_statistics") }
    }

    /// Computes the statistics of `map` and submits. `luminance` has the map's height and width; `before` is the same
    /// layer's map of the frame before, where there was one.
    pub fn run(
        &self,
        gpu: &GpuContext,
        map: &FeatureMapBuffer,
        luminance: &LuminanceBuffer,
        before: Option<&FeatureMapBuffer>,
    ) -> StatisticsBuffer {
        let before = before.filter(|before| before.shape == map.shape).unwrap_or(map);
        let (layout, before_layout) = (gpu.settings(&map.layout()), gpu.settings(&before.layout()));
        let statistics = StatisticsBuffer::empty(gpu, map.shape.channels);
        let all = [
            (1, layout.as_entire_binding()),
            (2, statistics.buffer.as_entire_binding()),
            (0, map.binding()),
            (3, luminance.buffer().as_entire_binding()),
            (4, before.binding()),
            (5, before_layout.as_entire_binding()),
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            self.channels.run(gpu, &mut pass, &all, [map.shape.channels as u32, 1, 1]);
            // The second shader reads no more than these.
            self.layer.run(gpu, &mut pass, &all[..2], [1, 1, 1]);
        });
        statistics
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_in_their_order() {
        let values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, -1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        let all = StatisticsBuffer::decode(&values);
        assert_eq!(all.len(), 2);
        let json = r#"{"min":1.0,"max":2.0,"mean":3.0,"std":4.0,"zeros":5.0,"brightness":6.0,"finite":7.0,"change":8.0}"#;
        assert_eq!(serde_json::to_string(&all[0]).unwrap(), json);
        assert_eq!(all[1].min, -1.0);
    }
}
