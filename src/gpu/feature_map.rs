//! A feature map in GPU memory.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use super::{GpuContext, PooledBuffer};
use crate::model::Shape;

/// Buffer ranges are bound from multiples of this, the strictest alignment that WebGPU allows to demand.
const BINDING_ALIGNMENT: u64 = 256;

/// One layer's output: where in which buffer, and how it is laid out. Never assume channel order: a
/// convolution may leave its output with channels innermost.
#[derive(Clone)]
pub struct FeatureMapBuffer {
    /// The buffer; other tensors live in it too.
    pub buffer: wgpu::Buffer,
    /// Where the first value is, in bytes.
    pub offset: u64,
    /// Channels, height, width.
    pub shape: Shape,
    /// From one channel, row, column to the next, in values.
    pub strides: [u32; 3],
    /// Keeps the memory from being used for something else. Opaque, so that this folder needs no Burn.
    pub keep_alive: Arc<dyn Any + Send + Sync>,
}

impl fmt::Debug for FeatureMapBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeatureMapBuffer")
            .field("offset", &self.offset)
            .field("shape", &self.shape)
            .field("strides", &self.strides)
            .finish_non_exhaustive()
    }
}

/// `MapLayout` in feature_map.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct MapLayout {
    pub base: u32,
    pub channel_stride: u32,
    pub row_stride: u32,
    pub column_stride: u32,
    pub channels: u32,
    pub height: u32,
    pub width: u32,
    pub padding: u32,
}

impl FeatureMapBuffer {
    /// Uploads values in channel, row, column order: the way of the CPU device.
    pub fn upload(gpu: &GpuContext, values: &[f32], shape: Shape) -> Self {
        Self::dense(gpu.upload(bytemuck::cast_slice(values)), shape)
    }

    /// Values that fill a buffer in channel, row, column order.
    pub(super) fn dense(buffer: PooledBuffer, shape: Shape) -> Self {
        Self {
            buffer: (*buffer).clone(),
            offset: 0,
            shape,
            strides: [(shape.height * shape.width) as u32, shape.width as u32, 1],
            keep_alive: Arc::new(buffer),
        }
    }

    /// One channel alone, where it lies; `None` where there is no such channel.
    pub fn channel(&self, channel: usize) -> Option<Self> {
        if channel >= self.shape.channels {
            return None;
        }
        let offset = self.offset + channel as u64 * u64::from(self.strides[0]) * 4;
        Some(Self { offset, shape: Shape { channels: 1, ..self.shape }, ..self.clone() })
    }

    /// Some cells of all channels, where they lie: from this row and column on, so many high and wide. `None` where they are
    /// not all there.
    pub fn part(&self, [row, column]: [usize; 2], [height, width]: [usize; 2]) -> Option<Self> {
        if row + height > self.shape.height || column + width > self.shape.width {
            return None;
        }
        let skipped = row as u64 * u64::from(self.strides[1]) + column as u64 * u64::from(self.strides[2]);
        let shape = Shape { height, width, ..self.shape };
        Some(Self { offset: self.offset + 4 * skipped, shape, ..self.clone() })
    }

    /// Number of values from the first to the last, gaps included.
    pub fn extent(&self) -> u64 {
        let last = [self.shape.channels, self.shape.height, self.shape.width];
        1 + last.iter().zip(self.strides).map(|(n, stride)| (*n as u64 - 1) * u64::from(stride)).sum::<u64>()
    }

    fn binding_start(&self) -> u64 {
        self.offset / BINDING_ALIGNMENT * BINDING_ALIGNMENT
    }

    pub(super) fn layout(&self) -> MapLayout {
        MapLayout {
            base: ((self.offset - self.binding_start()) / 4) as u32,
            channel_stride: self.strides[0],
            row_stride: self.strides[1],
            column_stride: self.strides[2],
            channels: self.shape.channels as u32,
            height: self.shape.height as u32,
            width: self.shape.width as u32,
            padding: 0,
        }
    }

    /// The values as a storage binding; [`Self::layout`] counts from its start.
    pub(super) fn binding(&self) -> wgpu::BindingResource<'_> {
        let start = self.binding_start();
        wgpu::BindingResource::Buffer(wgpu::BufferBinding {
            buffer: &self.buffer,
            offset: start,
            size: wgpu::BufferSize::new(self.offset - start + self.extent() * 4),
        })
    }
}
