//! One colour over a part of a target. A pass can only begin with a colour everywhere.

use std::sync::Arc;

use super::GpuContext;
use super::kept::RenderPipeline;

/// `Fill` in fill.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct FillSettings {
    color: [f32; 4],
}

/// The compiled shader.
#[derive(Debug)]
pub struct FillRenderer {
    pipeline: Arc<RenderPipeline>,
}

impl FillRenderer {
    /// Compiles the shader for targets of this format, which must not be sRGB: levels are drawn as they are.
    pub fn new(gpu: &GpuContext, target: wgpu::TextureFormat) -> Self {
        Self { pipeline: gpu.render_pipeline("fill", target, None, &[]) }
    }

    /// Covers everything within the scissor rectangle with an opaque colour: red, green and blue from 0 to 255.
    pub fn draw(&self, gpu: &GpuContext, pass: &mut wgpu::RenderPass<'_>, [r, g, b]: [u8; 3]) {
        let color = [r, g, b, u8::MAX].map(|level| f32::from(level) / 255.0);
        let settings = gpu.settings(&FillSettings { color });
        self.pipeline.draw(gpu, pass, &[(0, settings.as_entire_binding())], 1);
    }
}
