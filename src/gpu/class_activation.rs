//! Class activation maps where the feature maps are.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext};
use crate::model::Shape;

/// The compiled shader.
#[derive(Debug)]
pub struct ClassActivationPass {
    pipeline: ComputePipeline,
}

impl ClassActivationPass {
    /// Compiles the shader.
    pub fn new(gpu: &GpuContext) -> Self {
        Self { pipeline: gpu.compute_pipeline("class_activation", "class_activation") }
    }

    /// The sum of the channels of `map`, each times its weight (one a channel), as a map of one channel; submits.
    pub fn run(&self, gpu: &GpuContext, map: &FeatureMapBuffer, weights: &[f32]) -> FeatureMapBuffer {
        let Shape { height, width, .. } = map.shape;
        let shape = Shape { channels: 1, height, width };
        let activation = gpu.storage(shape.len());
        let layout = gpu.settings(&map.layout());
        let weights = gpu.upload(bytemuck::cast_slice(weights));
        let bindings = [
            (0, map.binding()),
            (1, layout.as_entire_binding()),
            (2, weights.as_entire_binding()),
            (3, activation.as_entire_binding()),
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let workgroups = [width, height, 1].map(|cells| (cells as u32).div_ceil(8));
            self.pipeline.run(gpu, &mut pass, &bindings, workgroups);
        });
        FeatureMapBuffer::dense(activation, shape)
    }
}
