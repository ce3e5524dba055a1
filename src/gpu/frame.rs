//! A raw frame on the GPU: uploaded once, then turned into the network's input and drawn on the screen.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext, GpuError, PooledBuffer};
use crate::frame::Frame;
use crate::model::{InputScale, Shape};

/// What becomes of a picture whose sides are not in the proportion of the network's input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Fit {
    /// The whole picture, squeezed (as the tutorial and Keras' `load_img` do).
    #[default]
    Stretch,
    /// The largest part in the middle with the input's proportions: of a square input, a square.
    Crop,
}

/// How a picture becomes as large as the network's input. The numbers are shared with preprocess.wgsl.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
#[repr(u32)]
pub enum Resize {
    /// The four nearest pixels, half-pixel centres, fractions kept: OpenCV's INTER_LINEAR.
    #[default]
    Bilinear = 0,
    /// A triangle filter as wide as the reduction, in whole levels: PIL's BILINEAR.
    ///
    /// Rounded along the rows and then down the columns, as a picture program that saves the resized picture
    /// does, and `keras.utils.load_img(interpolation="bilinear")`; a few values in a thousand are one level
    /// off.
    Antialias = 1,
    /// The one pixel under the centre: PIL's NEAREST.
    ///
    /// At floor((x + 0.5) · scale), as `keras.utils.load_img` does unless told otherwise; OpenCV's
    /// INTER_NEAREST takes the pixel at floor(x · scale). Where a centre lies exactly between two pixels (the
    /// middle one of an even side does), it is the right one; PIL adds scales up and may end at the left one.
    Nearest = 2,
}

/// A rectangle in pixels: left, top, width, height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rect {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// The part of a `width × height` picture that a network with this input sees, in whole pixels.
pub fn crop_of(width: u32, height: u32, fit: Fit, input: Shape) -> Rect {
    let (w, h) = (u64::from(width), u64::from(height));
    let (across, down) = (input.width as u64, input.height as u64);
    // One side is the picture's; the other follows, to the nearest pixel.
    let scaled = |side: u64, to: u64, from: u64| ((2 * side * to + from) / (2 * from)).max(1);
    let (used_w, used_h) = match fit {
        Fit::Stretch => (w, h),
        Fit::Crop if w * down > h * across => (scaled(h, across, down).min(w), h),
        Fit::Crop => (w, scaled(w, down, across).min(h)),
    };
    let start = |side: u64, used: u64| ((side - used) / 2) as f32;
    Rect { x: start(w, used_w), y: start(h, used_h), width: used_w as f32, height: used_h as f32 }
}

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
    resize: u32,
    crop_origin: [f32; 2],
    crop_size: [f32; 2],
    output_size: [u32; 2],
    base: u32,
    channel_stride: u32,
    row_stride: u32,
    column_stride: u32,
    colors: u32,
    padding: u32,
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

    /// Writes the picture in this scale and as many channels (1 or 3) as `output` has into it, and submits.
    pub fn run(
        &self,
        gpu: &GpuContext,
        frame: &FrameBuffer,
        fit: Fit,
        resize: Resize,
        scale: InputScale,
        output: &FeatureMapBuffer,
    ) {
        let Frame { width, height, format, .. } = frame.frame;
        let crop = crop_of(width, height, fit, output.shape);
        let layout = output.layout();
        let (divisor, offset) = scale.divisor_and_offset();
        let padded = |[first, second, third]: [f32; 3]| [first, second, third, 0.0];
        let settings = gpu.settings(&PreprocessSettings {
            frame_size: [width, height],
            frame_format: format as u32,
            resize: resize as u32,
            crop_origin: [crop.x, crop.y],
            crop_size: [crop.width, crop.height],
            output_size: [layout.width, layout.height],
            base: layout.base,
            channel_stride: layout.channel_stride,
            row_stride: layout.row_stride,
            column_stride: layout.column_stride,
            colors: scale.colors(output.shape.channels) as u32,
            padding: 0,
            divisor: padded(divisor),
            offset: padded(offset),
        });
        let bindings =
            [(0, frame.buffer.as_entire_binding()), (1, settings.as_entire_binding()), (2, output.binding())];
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crop_is_the_middle_part_with_the_inputs_proportions() {
        let crop = |width, height, input: [usize; 2]| {
            let input = Shape { channels: 3, height: input[1], width: input[0] };
            let Rect { x, y, width, height } = crop_of(width, height, Fit::Crop, input);
            [x, y, width, height]
        };
        assert_eq!(crop(640, 480, [299, 299]), [80.0, 0.0, 480.0, 480.0]);
        assert_eq!(crop(3, 8, [24, 24]), [0.0, 2.0, 3.0, 3.0]);
        // Wider than the input, higher, and of its very proportions.
        assert_eq!(crop(640, 480, [100, 200]), [200.0, 0.0, 240.0, 480.0]);
        assert_eq!(crop(640, 480, [200, 100]), [0.0, 80.0, 640.0, 320.0]);
        assert_eq!(crop(640, 480, [320, 240]), [0.0, 0.0, 640.0, 480.0]);
        // To the nearest pixel, but at least one.
        assert_eq!(crop(10, 10, [3, 4]), [1.0, 0.0, 8.0, 10.0]);
        assert_eq!(crop(5, 400, [900, 1]), [0.0, 199.0, 5.0, 1.0]);
        let input = Shape { channels: 3, height: 50, width: 20 };
        assert_eq!(crop_of(640, 480, Fit::Stretch, input).width, 640.0);
    }
}
