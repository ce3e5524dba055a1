//! What is kept of buffers, textures, bind groups and pipelines, so that frames alike make nothing anew; and how many were
//! made.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::preprocessing::{Axis, Resize};
use super::reuse::{Cache, Pool, Pooled};

/// What was not used while so many submissions were made is let go with the last of them. A frame makes several, and what is
/// drawn only twice a second, or compared every two, must not be let go between: this is some seconds of a fast network.
const PERIOD: u64 = 1024;

/// What there is of each kind, and how many objects were made since the start.
#[derive(Debug, Default)]
pub struct Objects {
    made: AtomicU64,
    submissions: AtomicU64,
    /// By their content.
    pub(super) constants: Cache<Vec<u8>, wgpu::Buffer>,
    /// By what they were made for.
    pub(super) windows: Cache<([Axis; 2], Resize), WindowsBuffer>,
    pub(super) groups: Cache<(wgpu::BindGroupLayout, Vec<(u32, Bound)>), wgpu::BindGroup>,
    /// By their size in bytes.
    pub(super) storage: Arc<Pool<u64, wgpu::Buffer>>,
    pub(super) staging: Arc<Pool<u64, wgpu::Buffer>>,
    pub(super) targets: Arc<Pool<TargetKey, Target>>,
    /// These stay.
    pub(super) pipelines: Cache<PipelineKey, Arc<RenderPipeline>>,
}

impl Objects {
    /// Buffers, textures, views, samplers, bind groups, shaders and pipelines that were made since the start, counted here
    /// where this crate makes them. Not: command encoders, and what Burn and the surface make.
    pub fn made(&self) -> u64 {
        self.made.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self, objects: u64) {
        self.made.fetch_add(objects, Ordering::Relaxed);
    }

    pub(super) fn count_submission(&self) {
        if (self.submissions.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(PERIOD) {
            self.constants.sweep();
            self.windows.sweep();
            self.groups.sweep();
            self.storage.sweep();
            self.staging.sweep();
            self.targets.sweep();
        }
    }
}

/// Windows of both axes where shaders read them.
#[derive(Clone, Debug)]
pub(super) struct WindowsBuffer {
    /// Most pixels of a window across and down.
    pub taps: [u32; 2],
    /// Those across, then those down; one number where there are none.
    pub buffer: wgpu::Buffer,
}

/// A buffer from a pool.
pub type PooledBuffer = Pooled<u64, wgpu::Buffer>;

/// Width, height and format.
pub type TargetKey = (u32, u32, wgpu::TextureFormat);

/// A texture that can be drawn to and read back.
#[derive(Debug)]
pub struct Target {
    /// The texture.
    pub texture: wgpu::Texture,
    /// The whole of it.
    pub view: wgpu::TextureView,
}

/// A target from a pool.
pub type PooledTarget = Pooled<TargetKey, Target>;

/// What a binding binds.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) enum Bound {
    Buffer(wgpu::Buffer, u64, Option<wgpu::BufferSize>),
    View(wgpu::TextureView),
    Sampler(wgpu::Sampler),
}

impl Bound {
    pub(super) fn of(resource: &wgpu::BindingResource<'_>) -> Option<Self> {
        Some(match resource {
            wgpu::BindingResource::Buffer(part) => Self::Buffer(part.buffer.clone(), part.offset, part.size),
            wgpu::BindingResource::TextureView(view) => Self::View((*view).clone()),
            wgpu::BindingResource::Sampler(sampler) => Self::Sampler((*sampler).clone()),
            _ => return None,
        })
    }

    pub(super) fn entry(&self, binding: u32) -> wgpu::BindGroupEntry<'_> {
        let resource = match self {
            Self::Buffer(buffer, offset, size) => {
                wgpu::BindingResource::Buffer(wgpu::BufferBinding { buffer, offset: *offset, size: *size })
            }
            Self::View(view) => wgpu::BindingResource::TextureView(view),
            Self::Sampler(sampler) => wgpu::BindingResource::Sampler(sampler),
        };
        wgpu::BindGroupEntry { binding, resource }
    }
}

/// What a pipeline that draws is made from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct PipelineKey {
    pub name: &'static str,
    pub format: wgpu::TextureFormat,
    pub blend: Option<wgpu::BlendState>,
    /// Of triangles; rectangles have none.
    pub vertices: Option<wgpu::VertexBufferLayout<'static>>,
    /// Values of the shader's `override`s.
    pub overrides: Vec<(&'static str, u32)>,
}

/// Shaders that draw rectangles (triangle strips of 4 vertices) or triangles; their bindings are those that they use.
#[derive(Debug)]
pub(super) struct RenderPipeline {
    pub pipeline: wgpu::RenderPipeline,
    pub layout: wgpu::BindGroupLayout,
}
