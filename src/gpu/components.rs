//! Cells along a layer's principal components, where the cells are.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext, PooledBuffer};
use crate::inspect::Components;
use crate::inspect::components::COUNT;
use crate::model::Shape;

/// The compiled shader.
#[derive(Debug)]
pub struct ComponentsPass {
    pipeline: ComputePipeline,
}

/// Directions and mean on the drawing device.
#[derive(Clone, Debug)]
pub struct BasisBuffer {
    buffer: PooledBuffer,
    channels: usize,
}

impl BasisBuffer {
    /// Uploads a basis.
    pub fn upload(gpu: &GpuContext, basis: &Components) -> Self {
        let channels = basis.channels();
        let of_channel = |channel: usize| {
            let [red, green, blue] = [0, 1, 2].map(|place| basis.direction(place)[channel]);
            [red, green, blue, basis.mean[channel]]
        };
        let entries: Vec<[f32; 4]> = (0..channels).map(of_channel).collect();
        Self { buffer: gpu.upload(bytemuck::cast_slice(&entries)), channels }
    }
}

impl ComponentsPass {
    /// Compiles the shader.
    pub fn new(gpu: &GpuContext) -> Self {
        Self { pipeline: gpu.compute_pipeline("components", "project") }
    }

    /// Where the cells of `map` lie along each direction, as a map of three channels; submits. `None` for a basis of another
    /// number of channels.
    pub fn run(
        &self,
        gpu: &GpuContext,
        map: &FeatureMapBuffer,
        basis: &BasisBuffer,
    ) -> Option<FeatureMapBuffer> {
        let Shape { channels, height, width } = map.shape;
        if channels != basis.channels {
            return None;
        }
        let shape = Shape { channels: COUNT, height, width };
        let projected = gpu.storage(shape.len());
        let layout = gpu.settings(&map.layout());
        let bindings = [
            (0, map.binding()),
            (1, layout.as_entire_binding()),
            (2, basis.buffer.as_entire_binding()),
            (3, projected.as_entire_binding()),
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let workgroups = [width, height, 1].map(|cells| (cells as u32).div_ceil(8));
            self.pipeline.run(gpu, &mut pass, &bindings, workgroups);
        });
        Some(FeatureMapBuffer::dense(projected, shape))
    }
}
