//! A gradient with respect to a picture as one map, where the gradient is.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext};
use crate::model::Shape;

/// What the channels of a gradient become. The numbers are those of saliency.wgsl.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Join {
    /// Their sum.
    Sum = 0,
    /// The length of the vector that they are: without a sign.
    Length = 1,
    /// The same, and infinite where it is zero: percentiles are of finite values.
    Told = 2,
}

/// `Saliency` in saliency.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct SaliencySettings {
    join: u32,
    is_down: u32,
    radius: u32,
    deviation: f32,
}

/// The compiled shaders.
#[derive(Debug)]
pub struct SaliencyPass {
    join: ComputePipeline,
    blur: ComputePipeline,
}

impl SaliencyPass {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        let pipeline = |entry| gpu.compute_pipeline("saliency", entry);
        Self { join: pipeline("join_channels"), blur: pipeline("blur") }
    }

    /// The channels of `map` as one; submits.
    pub fn join(&self, gpu: &GpuContext, map: &FeatureMapBuffer, how: Join) -> FeatureMapBuffer {
        let settings = SaliencySettings { join: how as u32, is_down: 0, radius: 0, deviation: 1.0 };
        run(gpu, &self.join, map, settings)
    }

    /// A map of one channel, blurred by a Gaussian of this standard deviation in cells (above 0), cut off at three of them; submits.
    pub fn blur(&self, gpu: &GpuContext, map: &FeatureMapBuffer, deviation: f32) -> FeatureMapBuffer {
        let radius = (3.0 * deviation).ceil() as u32;
        let settings = |is_down| SaliencySettings { join: 0, is_down, radius, deviation };
        let across = run(gpu, &self.blur, map, settings(0));
        run(gpu, &self.blur, &across, settings(1))
    }
}

fn run(
    gpu: &GpuContext,
    pipeline: &ComputePipeline,
    map: &FeatureMapBuffer,
    settings: SaliencySettings,
) -> FeatureMapBuffer {
    let Shape { height, width, .. } = map.shape;
    let shape = Shape { channels: 1, height, width };
    let joined = gpu.storage(shape.len());
    let (layout, settings) = (gpu.settings(&map.layout()), gpu.settings(&settings));
    let bindings = [
        (0, map.binding()),
        (1, layout.as_entire_binding()),
        (2, settings.as_entire_binding()),
        (3, joined.as_entire_binding()),
    ];
    gpu.submit(|encoder| {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        let workgroups = [width, height, 1].map(|cells| (cells as u32).div_ceil(8));
        pipeline.run(gpu, &mut pass, &bindings, workgroups);
    });
    FeatureMapBuffer::dense(joined, shape)
}
