//! A raw frame on the GPU: uploaded once, then turned into the network's input and drawn on the screen.

use super::objects::ComputePipeline;
use super::preprocessing::{Axis, Preprocessing, Rect};
use super::windows::is_down_first;
use super::{FeatureMapBuffer, GpuContext, GpuError, PooledBuffer};
use crate::frame::Frame;
use crate::model::InputScale;

/// A frame's bytes in GPU memory.
#[derive(Clone, Debug)]
pub struct FrameBuffer {
    /// The frame they came from.
    pub frame: Frame,
    buffer: PooledBuffer,
}

impl FrameBuffer {
    /// Uploads a frame as it is.
    ///
    /// # Errors
    /// [`GpuError::FrameTooLarge`] where no buffer of the adapter can hold it.
    pub fn upload(gpu: &GpuContext, frame: Frame) -> Result<Self, GpuError> {
        let limits = gpu.device.limits();
        let limit = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        if frame.bytes.len() as u64 > limit {
            return Err(GpuError::FrameTooLarge { width: frame.width, height: frame.height });
        }
        let buffer = if frame.bytes.len().is_multiple_of(4) {
            gpu.upload(&frame.bytes)
        } else {
            let mut padded = frame.bytes.to_vec();
            padded.resize(frame.bytes.len().next_multiple_of(4), 0);
            gpu.upload(&padded)
        };
        Ok(Self { frame, buffer })
    }
}

/// `Preprocess` in preprocess.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct PreprocessSettings {
    frame_size: [u32; 2],
    frame_format: u32,
    colors: u32,
    start: [u32; 2],
    length: [u32; 2],
    cells: [u32; 2],
    first: [u32; 2],
    output_size: [u32; 2],
    taps: [u32; 2],
    down_first: u32,
    base: u32,
    channel_stride: u32,
    row_stride: u32,
    column_stride: u32,
    padding: [u32; 3],
    divisor: [f32; 4],
    offset: [f32; 4],
}

/// Frame → network input.
#[derive(Debug)]
pub struct Preprocessor {
    pipeline: ComputePipeline,
}

impl Preprocessor {
    /// Compiles the shader.
    pub fn new(gpu: &GpuContext) -> Self {
        Self { pipeline: gpu.compute_pipeline("preprocess", "preprocess") }
    }

    /// Writes the picture in this scale and as many channels (1 or 3) as `output` has into it, and submits. What is changed in it
    /// ([`Preprocessing::changes`]) is the twin's alone.
    pub fn run(
        &self,
        gpu: &GpuContext,
        frame: &FrameBuffer,
        how: Preprocessing,
        scale: InputScale,
        output: &FeatureMapBuffer,
    ) {
        let Frame { width, height, format, .. } = frame.frame;
        let axes = how.axes([width, height], output.shape);
        let windows = gpu.windows((axes, how.resize()));
        let of_both = |part: fn(&Axis) -> u32| axes.each_ref().map(part);
        let layout = output.layout();
        let (divisor, offset) = scale.divisor_and_offset();
        let padded = |[first, second, third]: [f32; 3]| [first, second, third, 0.0];
        let settings = gpu.settings(&PreprocessSettings {
            frame_size: [width, height],
            frame_format: format as u32,
            colors: scale.colors(output.shape.channels) as u32,
            start: of_both(|axis| axis.start),
            length: of_both(|axis| axis.length),
            cells: of_both(|axis| axis.cells),
            first: of_both(|axis| axis.first),
            output_size: [layout.width, layout.height],
            taps: windows.taps,
            down_first: is_down_first(axes).into(),
            base: layout.base,
            channel_stride: layout.channel_stride,
            row_stride: layout.row_stride,
            column_stride: layout.column_stride,
            padding: [0; 3],
            divisor: padded(divisor),
            offset: padded(offset),
        });
        let bindings = [
            (0, frame.buffer.as_entire_binding()),
            (1, settings.as_entire_binding()),
            (2, output.binding()),
            (3, windows.buffer.as_entire_binding()),
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let workgroups = [layout.width.div_ceil(8), layout.height.div_ceil(8), 1];
            self.pipeline.run(gpu, &mut pass, &bindings, workgroups);
        });
    }
}

/// `Picture` in picture.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct PictureSettings {
    target_size: [f32; 2],
    origin: [f32; 2],
    size: [f32; 2],
    frame_size: [u32; 2],
    mirror: u32,
    padding: u32,
}

/// Frame → rectangle of the screen.
#[derive(Debug)]
pub struct PictureRenderer {
    target: wgpu::TextureFormat,
}

impl PictureRenderer {
    /// For targets of this format; the shader is compiled for each format of frames when it is first drawn.
    pub fn new(_: &GpuContext, target: wgpu::TextureFormat) -> Self {
        Self { target }
    }

    /// Draws the frame into `place` (whole pixels) of a target of this size. `mirror` swaps left and right.
    pub fn draw(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        frame: &FrameBuffer,
        target_size: [u32; 2],
        place: Rect,
        mirror: bool,
    ) {
        let settings = gpu.settings(&PictureSettings {
            target_size: target_size.map(|side| side as f32),
            origin: [place.x, place.y],
            size: [place.width, place.height],
            frame_size: [frame.frame.width, frame.frame.height],
            mirror: mirror.into(),
            padding: 0,
        });
        let bindings = [(0, frame.buffer.as_entire_binding()), (1, settings.as_entire_binding())];
        let overrides = [("FRAME_FORMAT", frame.frame.format as u32)];
        gpu.render_pipeline("picture", self.target, None, &overrides).draw(gpu, pass, &bindings, 1);
    }
}
