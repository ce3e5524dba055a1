//! Minimum, maximum, mean and deviation of every channel, computed where the values are.

use super::{FeatureMapBuffer, GpuContext, bind, compute_pipeline, shader};

/// Statistics of one channel, or of a whole layer; finite values only.
#[derive(Clone, Copy, Debug, Default, PartialEq, bytemuck::Pod, bytemuck::Zeroable, serde::Serialize)]
#[repr(C)]
pub struct ChannelStatistics {
    /// Smallest value.
    pub min: f32,
    /// Largest value.
    pub max: f32,
    /// Mean.
    pub mean: f32,
    /// Standard deviation (of the population).
    pub std: f32,
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

    /// The buffer, for reading back.
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

    /// Computes the statistics of `map` and submits.
    pub fn run(&self, gpu: &GpuContext, map: &FeatureMapBuffer) -> StatisticsBuffer {
        let layout = gpu.uniform(&map.layout());
        let buffer = gpu.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some("statistics"),
            size: (map.shape.channels as u64 + 1) * size_of::<ChannelStatistics>() as u64,
            usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC,
            mapped_at_creation: false,
        });
        let all = [(0, map.binding()), (1, layout.as_entire_binding()), (2, buffer.as_entire_binding())];
        // The automatic layout of the second shader leaves out the values, which it does not read.
        let channels = bind(&gpu.device, &self.channels.get_bind_group_layout(0), &all);
        let layer = bind(&gpu.device, &self.layer.get_bind_group_layout(0), &all[1..]);
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
