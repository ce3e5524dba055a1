//! Triangles with colours and a texture over what is there: what panels are made of.

use std::ops::Range;
use std::sync::Arc;

use super::GpuContext;
use super::kept::RenderPipeline;

/// One corner of triangles.
#[derive(Clone, Copy, Debug, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub struct Vertex {
    /// In points.
    pub position: [f32; 2],
    /// In the texture, from 0 to 1.
    pub place: [f32; 2],
    /// Red, green and blue times opacity, and opacity.
    pub color: [u8; 4],
}

const LAYOUT: wgpu::VertexBufferLayout<'static> = wgpu::VertexBufferLayout {
    array_stride: size_of::<Vertex>() as u64,
    step_mode: wgpu::VertexStepMode::Vertex,
    attributes: &wgpu::vertex_attr_array![0 => Float32x2, 1 => Float32x2, 2 => Uint32],
};

/// Laid over what is there; the target's own opacity is kept.
const BLEND: wgpu::BlendState = wgpu::BlendState {
    color: wgpu::BlendComponent {
        src_factor: wgpu::BlendFactor::One,
        dst_factor: wgpu::BlendFactor::OneMinusSrcAlpha,
        operation: wgpu::BlendOperation::Add,
    },
    alpha: wgpu::BlendComponent {
        src_factor: wgpu::BlendFactor::OneMinusDstAlpha,
        dst_factor: wgpu::BlendFactor::One,
        operation: wgpu::BlendOperation::Add,
    },
};

/// `Meshes` in meshes.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct MeshesSettings {
    screen_size: [f32; 2],
}

/// A picture that triangles are cut from: 8-bit RGBA, colours times opacity.
#[derive(Debug)]
pub struct MeshTexture {
    texture: wgpu::Texture,
    view: wgpu::TextureView,
}

impl MeshTexture {
    /// A texture of this width and height, transparent.
    pub fn new(gpu: &GpuContext, size: [u32; 2]) -> Self {
        let usage = wgpu::TextureUsages::TEXTURE_BINDING | wgpu::TextureUsages::COPY_DST;
        let (texture, view) = gpu.texture(size, wgpu::TextureFormat::Rgba8Unorm, usage);
        Self { texture, view }
    }

    /// Writes four bytes a pixel, row by row, into the part that begins in column `x`, row `y`.
    pub fn write(&self, gpu: &GpuContext, [x, y]: [u32; 2], [width, height]: [u32; 2], bytes: &[u8]) {
        let part = wgpu::TexelCopyTextureInfo {
            origin: wgpu::Origin3d { x, y, z: 0 },
            ..self.texture.as_image_copy()
        };
        let rows = wgpu::TexelCopyBufferLayout { bytes_per_row: Some(4 * width), ..Default::default() };
        let size = wgpu::Extent3d { width, height, depth_or_array_layers: 1 };
        gpu.traffic.count_upload(bytes.len() as u64);
        gpu.queue.write_texture(part, bytes, rows, size);
    }
}

/// Some triangles, each three indices long.
#[derive(Clone, Copy, Debug)]
pub struct Mesh<'a> {
    /// Nothing is drawn outside: left, top, width and height in pixels, within the target.
    pub clip: [u32; 4],
    /// What is cut from.
    pub texture: &'a MeshTexture,
    /// Corners.
    pub vertices: &'a [Vertex],
    /// Which of them belong together.
    pub indices: &'a [u32],
}

/// A mesh in the memory of a renderer.
#[derive(Clone, Debug)]
pub struct UploadedMesh {
    clip: [u32; 4],
    texture: wgpu::TextureView,
    first_vertex: i32,
    indices: Range<u32>,
}

/// The compiled shader, and memory for what is drawn.
#[derive(Debug)]
pub struct MeshRenderer {
    pipeline: Arc<RenderPipeline>,
    sampler: wgpu::Sampler,
    vertices: Option<wgpu::Buffer>,
    indices: Option<wgpu::Buffer>,
}

impl MeshRenderer {
    /// Compiles the shader for targets of this format, which must not be sRGB: colours are drawn as they are.
    pub fn new(gpu: &GpuContext, target: wgpu::TextureFormat) -> Self {
        Self {
            pipeline: gpu.mesh_pipeline("meshes", target, BLEND, LAYOUT),
            sampler: gpu.linear_sampler(),
            vertices: None,
            indices: None,
        }
    }

    /// Puts meshes in the place of those that were uploaded before; what draws these is to be submitted by then.
    pub fn upload(&mut self, gpu: &GpuContext, meshes: &[Mesh<'_>]) -> Vec<UploadedMesh> {
        let (mut vertices, mut indices): (Vec<Vertex>, Vec<u32>) = (vec![], vec![]);
        let mut uploaded = vec![];
        for mesh in meshes {
            let (first_vertex, first_index) = (vertices.len() as i32, indices.len() as u32);
            vertices.extend(mesh.vertices);
            indices.extend(mesh.indices);
            let texture = mesh.texture.view.clone();
            let range = first_index..indices.len() as u32;
            uploaded.push(UploadedMesh { clip: mesh.clip, texture, first_vertex, indices: range });
        }
        let (vertex, index) = (wgpu::BufferUsages::VERTEX, wgpu::BufferUsages::INDEX);
        gpu.refill(&mut self.vertices, bytemuck::cast_slice(&vertices), vertex);
        gpu.refill(&mut self.indices, bytemuck::cast_slice(&indices), index);
        uploaded
    }

    /// Draws meshes that were uploaded last, in their order, into a target of this size in points.
    pub fn draw(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        screen_size: [f32; 2],
        meshes: &[UploadedMesh],
    ) {
        let (Some(vertices), Some(indices)) = (&self.vertices, &self.indices) else { return };
        pass.set_vertex_buffer(0, vertices.slice(..));
        pass.set_index_buffer(indices.slice(..), wgpu::IndexFormat::Uint32);
        let settings = gpu.settings(&MeshesSettings { screen_size });
        for UploadedMesh { clip: [x, y, width, height], texture, first_vertex, indices } in meshes {
            if *width > 0 && *height > 0 {
                let bindings = [
                    (0, settings.as_entire_binding()),
                    (1, wgpu::BindingResource::TextureView(texture)),
                    (2, wgpu::BindingResource::Sampler(&self.sampler)),
                ];
                self.pipeline.set(gpu, pass, &bindings);
                pass.set_scissor_rect(*x, *y, *width, *height);
                pass.draw_indexed(indices.clone(), *first_vertex, 0..1);
            }
        }
    }
}
