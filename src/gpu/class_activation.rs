//! Class activation maps where the feature maps are.

use std::sync::Arc;

use super::{FeatureMapBuffer, GpuContext, bind, compute_pipeline, shader};
use crate::model::Shape;

/// The compiled shader.
#[derive(Debug)]
pub struct ClassActivationPass {
    pipeline: wgpu::ComputePipeline,
}

impl ClassActivationPass {
    /// Compiles the shader.
    pub fn new(gpu: &GpuContext) -> Self {
        let module = shader(&gpu.device, "class_activation");
        Self { pipeline: compute_pipeline(&gpu.device, &module, "class_activation") }
    }

    /// The sum of the channels of `map`, each times its weight (one a channel), as a map of one channel; submits.
    pub fn run(&self, gpu: &GpuContext, map: &FeatureMapBuffer, weights: &[f32]) -> FeatureMapBuffer {
        let Shape { height, width, .. } = map.shape;
        let shape = Shape { channels: 1, height, width };
        let activation = gpu.storage("class activation", shape.len());
        let layout = gpu.settings(&map.layout());
        let weights = gpu.buffer(bytemuck::cast_slice(weights), wgpu::BufferUsages::STORAGE);
        let bindings = [
            (0, map.binding()),
            (1, layout.as_entire_binding()),
            (2, weights.as_entire_binding()),
            (3, activation.as_entire_binding()),
        ];
        let group = bind(&gpu.device, &self.pipeline.get_bind_group_layout(0), &bindings);
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.pipeline);
            pass.set_bind_group(0, &group, &[]);
            pass.dispatch_workgroups((width as u32).div_ceil(8), (height as u32).div_ceil(8), 1);
        });
        FeatureMapBuffer {
            buffer: activation,
            offset: 0,
            shape,
            strides: [(width * height) as u32, width as u32, 1],
            keep_alive: Arc::new(()),
        }
    }
}
