//! GPU → host. Copies are submitted at once; the waiting is done by whoever calls [`Pending::wait`].

use std::cell::Cell;
use std::sync::mpsc;

use super::{FeatureMapBuffer, GpuContext, PooledBuffer};
use crate::model::Shape;

/// What went wrong on the way back.
#[derive(Debug, thiserror::Error)]
#[error("reading back from the GPU failed: {0}")]
pub struct ReadbackError(String);

impl ReadbackError {
    fn new(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// Bytes on their way to the host.
#[derive(Debug)]
pub struct Pending {
    staging: PooledBuffer,
    submission: wgpu::SubmissionIndex,
    mapped: mpsc::Receiver<Result<(), wgpu::BufferAsyncError>>,
    has_failed: Cell<bool>,
}

/// Submits a copy of ranges of buffers (offset and size in bytes, multiples of 4), one behind the other.
pub fn copy(gpu: &GpuContext, ranges: &[(&wgpu::Buffer, u64, u64)]) -> Pending {
    let staging = staging(gpu, ranges.iter().map(|(_, _, size)| size).sum());
    let submission = gpu.submit(|encoder| {
        let mut at = 0;
        for (buffer, offset, size) in ranges {
            encoder.copy_buffer_to_buffer(buffer, *offset, &staging, at, Some(*size));
            at += size;
        }
    });
    Pending::new(staging, submission)
}

fn staging(gpu: &GpuContext, size: u64) -> PooledBuffer {
    gpu.traffic.count_read_back(size);
    gpu.staging(size)
}

impl Pending {
    fn new(staging: PooledBuffer, submission: wgpu::SubmissionIndex) -> Self {
        let (sender, mapped) = mpsc::channel();
        staging.slice(..).map_async(wgpu::MapMode::Read, move |result| {
            // Nobody listens any more where waiting itself has failed.
            let _ = sender.send(result);
        });
        Self { staging, submission, mapped, has_failed: Cell::new(false) }
    }

    /// Blocks until the bytes are here.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn wait(&self, gpu: &GpuContext) -> Result<Vec<u8>, ReadbackError> {
        wait_for(gpu, self.submission.clone())?;
        let outcome = self.mapped.recv().map_err(ReadbackError::new)?;
        self.take(outcome)
    }

    /// The bytes, if they are here already.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn poll(&self, gpu: &GpuContext) -> Result<Option<Vec<u8>>, ReadbackError> {
        gpu.device.poll(wgpu::PollType::Poll).map_err(ReadbackError::new)?;
        match self.mapped.try_recv() {
            Ok(outcome) => self.take(outcome).map(Some),
            Err(mpsc::TryRecvError::Empty) => Ok(None),
            Err(error) => Err(ReadbackError::new(error)),
        }
    }

    fn take(&self, outcome: Result<(), wgpu::BufferAsyncError>) -> Result<Vec<u8>, ReadbackError> {
        self.has_failed.set(outcome.is_err());
        outcome.map_err(ReadbackError::new)?;
        Ok(self.staging.slice(..).get_mapped_range().map_err(ReadbackError::new)?.to_vec())
    }
}

impl Drop for Pending {
    /// The buffer goes back to its pool, also where nobody waited for its bytes.
    fn drop(&mut self) {
        let has_failed = self.has_failed.get() || matches!(self.mapped.try_recv(), Ok(Err(_)));
        // What could not be mapped must not be unmapped.
        if !has_failed {
            self.staging.unmap();
        }
    }
}

/// Blocks until this submission has run; what was submitted behind it may still be running.
///
/// # Errors
/// When the device is lost.
pub fn wait_for(gpu: &GpuContext, submission: wgpu::SubmissionIndex) -> Result<(), ReadbackError> {
    let poll = wgpu::PollType::Wait { submission_index: Some(submission), timeout: None };
    gpu.device.poll(poll).map(drop).map_err(ReadbackError::new)
}

/// A feature map on its way to the host.
#[derive(Debug)]
pub struct PendingMap {
    bytes: Pending,
    map: FeatureMapBuffer,
}

/// Submits a copy of a whole feature map. What lies between its channels is not copied.
pub fn copy_map(gpu: &GpuContext, map: &FeatureMapBuffer) -> PendingMap {
    let shape = Shape { channels: 1, ..map.shape };
    let plane = FeatureMapBuffer { shape, ..map.clone() }.extent();
    if map.shape.channels == 1 || u64::from(map.strides[0]) <= plane {
        let bytes = copy(gpu, &[(&map.buffer, map.offset, map.extent() * 4)]);
        return PendingMap { bytes, map: map.clone() };
    }
    let start = |channel: u64| map.offset + 4 * channel * u64::from(map.strides[0]);
    let planes: Vec<_> =
        (0..map.shape.channels as u64).map(|channel| (&map.buffer, start(channel), 4 * plane)).collect();
    let strides = [plane as u32, map.strides[1], map.strides[2]];
    PendingMap { bytes: copy(gpu, &planes), map: FeatureMapBuffer { strides, ..map.clone() } }
}

impl PendingMap {
    /// Blocks; returns the values in channel, row, column order.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn wait(&self, gpu: &GpuContext) -> Result<Vec<f32>, ReadbackError> {
        Ok(self.in_order(&self.bytes.wait(gpu)?))
    }

    /// The values, if they are here already.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn poll(&self, gpu: &GpuContext) -> Result<Option<Vec<f32>>, ReadbackError> {
        Ok(self.bytes.poll(gpu)?.map(|bytes| self.in_order(&bytes)))
    }

    /// Shape of the map.
    pub fn shape(&self) -> Shape {
        self.map.shape
    }

    fn in_order(&self, bytes: &[u8]) -> Vec<f32> {
        let values: Vec<f32> =
            bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        let shape = self.map.shape;
        let [channel, row, column] = self.map.strides.map(|stride| stride as usize);
        let mut ordered = Vec::with_capacity(shape.len());
        for c in 0..shape.channels {
            for y in 0..shape.height {
                for x in 0..shape.width {
                    ordered.push(values[c * channel + y * row + x * column]);
                }
            }
        }
        ordered
    }
}

/// A picture on its way to the host.
#[derive(Debug)]
pub struct PendingPicture {
    bytes: Pending,
    width: u32,
    height: u32,
    swap_red_and_blue: bool,
}

/// Rows of a texture are copied to multiples of this many bytes.
const ROW_ALIGNMENT: u32 = wgpu::COPY_BYTES_PER_ROW_ALIGNMENT;

/// Submits a copy of a whole 8-bit RGBA or BGRA texture.
pub fn copy_picture(gpu: &GpuContext, texture: &wgpu::Texture) -> PendingPicture {
    copy_part(gpu, texture, [0, 0, texture.width(), texture.height()])
}

/// Submits a copy of a part of an 8-bit RGBA or BGRA texture: left, top, width, height. What lies outside is left out.
pub fn copy_part(gpu: &GpuContext, texture: &wgpu::Texture, part: [u32; 4]) -> PendingPicture {
    let (x, y) = (part[0].min(texture.width()), part[1].min(texture.height()));
    let (width, height) = (part[2].min(texture.width() - x), part[3].min(texture.height() - y));
    let row_bytes = (width * 4).next_multiple_of(ROW_ALIGNMENT);
    let staging = staging(gpu, u64::from(row_bytes) * u64::from(height));
    let submission = gpu.submit(|encoder| {
        encoder.copy_texture_to_buffer(
            wgpu::TexelCopyTextureInfo { origin: wgpu::Origin3d { x, y, z: 0 }, ..texture.as_image_copy() },
            wgpu::TexelCopyBufferInfo {
                buffer: &staging,
                layout: wgpu::TexelCopyBufferLayout {
                    offset: 0,
                    bytes_per_row: Some(row_bytes),
                    rows_per_image: None,
                },
            },
            wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        );
    });
    PendingPicture {
        bytes: Pending::new(staging, submission),
        width,
        height,
        swap_red_and_blue: texture.format() == wgpu::TextureFormat::Bgra8Unorm,
    }
}

impl PendingPicture {
    /// Blocks; returns the picture.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn wait(self, gpu: &GpuContext) -> Result<image::RgbImage, ReadbackError> {
        let bytes = self.bytes.wait(gpu)?;
        let row_bytes = self.row_bytes();
        let mut picture = image::RgbImage::new(self.width, self.height);
        for (row, pixels) in
            bytes.chunks_exact(row_bytes).zip(picture.chunks_exact_mut(self.width as usize * 3))
        {
            for (from, to) in row.chunks_exact(4).zip(pixels.chunks_exact_mut(3)) {
                to.copy_from_slice(&from[..3]);
                if self.swap_red_and_blue {
                    to.swap(0, 2);
                }
            }
        }
        Ok(picture)
    }

    /// Blocks; returns red, green, blue and opacity of each pixel, rows without padding.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn wait_rgba(self, gpu: &GpuContext) -> Result<Vec<u8>, ReadbackError> {
        let mut bytes = self.bytes.wait(gpu)?;
        let (padded, row) = (self.row_bytes(), self.width as usize * 4);
        if padded != row {
            (0..self.height as usize).for_each(|y| bytes.copy_within(y * padded..y * padded + row, y * row));
            bytes.truncate(row * self.height as usize);
        }
        if self.swap_red_and_blue {
            bytes.chunks_exact_mut(4).for_each(|pixel| pixel.swap(0, 2));
        }
        Ok(bytes)
    }

    fn row_bytes(&self) -> usize {
        (self.width * 4).next_multiple_of(ROW_ALIGNMENT) as usize
    }
}
