//! How bright the picture is under each cell of a feature map: what a channel may merely follow.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext, PooledBuffer};
use crate::model::{InputScale, Shape};

/// `Luminance` in luminance.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct LuminanceSettings {
    height: u32,
    width: u32,
    padding: [u32; 2],
    weights: [f32; 4],
}

/// Luminance on the GPU, `height × width` values from −1 (black) to 1 (white), row by row.
#[derive(Clone, Debug)]
pub struct LuminanceBuffer {
    buffer: PooledBuffer,
}

impl LuminanceBuffer {
    /// One brightness everywhere, for a map of this shape of which the correlation with brightness is not wanted.
    pub fn uniform(gpu: &GpuContext, shape: Shape) -> Self {
        let buffer = gpu.storage(shape.height * shape.width);
        gpu.submit(|encoder| encoder.clear_buffer(&buffer, 0, None));
        Self { buffer }
    }

    /// The buffer, for reading back.
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }
}

/// The compiled shaders.
#[derive(Debug)]
pub struct LuminancePass {
    rows: ComputePipeline,
    cells: ComputePipeline,
}

impl LuminancePass {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        let pipeline = |entry| gpu.compute_pipeline("luminance", entry);
        Self { rows: pipeline("luminance_rows"), cells: pipeline("luminance_cells") }
    }

    /// Computes the luminance of `input` (1 or 3 channels in this scale) at the height and width of `shape`, whose channels
    /// do not matter, and submits. [`InputScale::brightness`] of each pixel; each cell is the mean of the pixels that it
    /// touches, which count as whole ones.
    pub fn run(
        &self,
        gpu: &GpuContext,
        input: &FeatureMapBuffer,
        scale: InputScale,
        shape: Shape,
    ) -> LuminanceBuffer {
        let layout = gpu.settings(&input.layout());
        let (height, width) = (shape.height as u32, shape.width as u32);
        let ([first, second, third], rest) = scale.brightness(input.shape.channels);
        let weights = [first, second, third, rest];
        let settings = gpu.settings(&LuminanceSettings { height, width, padding: [0; 2], weights });
        let strips = gpu.storage(shape.height * input.shape.width);
        let buffer = gpu.storage(shape.height * shape.width);
        let all = [
            (0, input.binding()),
            (1, layout.as_entire_binding()),
            (2, settings.as_entire_binding()),
            (3, strips.as_entire_binding()),
            (4, buffer.as_entire_binding()),
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let over = |width: u32| [width.div_ceil(8), height.div_ceil(8), 1];
            // Each is handed what it uses.
            self.rows.run(gpu, &mut pass, &all[..4], over(input.shape.width as u32));
            self.cells.run(gpu, &mut pass, &all[1..], over(width));
        });
        LuminanceBuffer { buffer }
    }
}
