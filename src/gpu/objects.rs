//! Buffers, textures, bind groups and pipelines: the only file that makes any, and counts them.

use std::sync::Arc;

use super::context::GpuContext;
use super::kept::{Bound, PipelineKey, PooledBuffer, PooledTarget, RenderPipeline, Target, WindowsBuffer};
use super::preprocessing::{Axis, Resize};
use super::shaders::shader_sources;
use super::windows::Windows;

/// A buffer for meshes has at least so many bytes: words come and go without another one being made.
const LEAST_MESH_BYTES: u64 = 1 << 18;

/// A binding's number and what is bound.
pub(super) type Binding<'a> = (u32, wgpu::BindingResource<'a>);

/// One compute shader; its bindings are those that it uses.
#[derive(Debug)]
pub(super) struct ComputePipeline {
    pipeline: wgpu::ComputePipeline,
    layout: wgpu::BindGroupLayout,
}

impl ComputePipeline {
    /// Adds so many workgroups to a pass.
    pub fn run(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::ComputePass<'_>,
        bindings: &[Binding<'_>],
        [x, y, z]: [u32; 3],
    ) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &gpu.bind(&self.layout, bindings), &[]);
        pass.dispatch_workgroups(x, y, z);
    }
}

impl RenderPipeline {
    /// Adds so many rectangles to a pass.
    pub fn draw(
        &self,
        gpu: &GpuContext,
        pass: &mut wgpu::RenderPass<'_>,
        bindings: &[Binding<'_>],
        count: u32,
    ) {
        self.set(gpu, pass, bindings);
        pass.draw(0..4, 0..count);
    }

    /// Has a pass draw with this pipeline from here on.
    pub fn set(&self, gpu: &GpuContext, pass: &mut wgpu::RenderPass<'_>, bindings: &[Binding<'_>]) {
        pass.set_pipeline(&self.pipeline);
        pass.set_bind_group(0, &gpu.bind(&self.layout, bindings), &[]);
    }
}

impl GpuContext {
    fn shader(&self, name: &str) -> wgpu::ShaderModule {
        let source = shader_sources().into_iter().find(|(known, _)| *known == name);
        self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(name),
            source: wgpu::ShaderSource::Wgsl(source.map(|(_, text)| text).unwrap_or_default().into()),
        })
    }

    /// A pipeline of one entry point of a compute shader.
    pub(super) fn compute_pipeline(&self, name: &str, entry: &str) -> ComputePipeline {
        let pipeline = self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(entry),
            layout: None,
            module: &self.shader(name),
            entry_point: Some(entry),
            compilation_options: Default::default(),
            cache: None,
        });
        // Shader, pipeline and layout.
        self.objects.count(3);
        ComputePipeline { layout: pipeline.get_bind_group_layout(0), pipeline }
    }

    /// The pipeline that draws rectangles over what is there, blended where wanted, with these values of its `override`s.
    pub(super) fn render_pipeline(
        &self,
        name: &'static str,
        format: wgpu::TextureFormat,
        blend: Option<wgpu::BlendState>,
        overrides: &[(&'static str, u32)],
    ) -> Arc<RenderPipeline> {
        let overrides = overrides.to_vec();
        self.cached_pipeline(PipelineKey { name, format, blend, vertices: None, overrides })
    }

    /// The pipeline that draws triangles of such vertices over what is there.
    pub(super) fn mesh_pipeline(
        &self,
        name: &'static str,
        format: wgpu::TextureFormat,
        blend: wgpu::BlendState,
        vertices: wgpu::VertexBufferLayout<'static>,
    ) -> Arc<RenderPipeline> {
        let (blend, vertices) = (Some(blend), Some(vertices));
        self.cached_pipeline(PipelineKey { name, format, blend, vertices, overrides: vec![] })
    }

    fn cached_pipeline(&self, key: PipelineKey) -> Arc<RenderPipeline> {
        self.objects.pipelines.get(key, |PipelineKey { name, format, blend, vertices, overrides }| {
            let module = self.shader(name);
            let (vertex, fragment) = (format!("{name}_vertex"), format!("{name}_fragment"));
            let constants: Vec<_> =
                overrides.iter().map(|(name, value)| (*name, f64::from(*value))).collect();
            let compilation_options =
                wgpu::PipelineCompilationOptions { constants: &constants, ..Default::default() };
            let buffers: Vec<_> = vertices.iter().cloned().map(Some).collect();
            let topology = match vertices {
                Some(_) => wgpu::PrimitiveTopology::TriangleList,
                None => wgpu::PrimitiveTopology::TriangleStrip,
            };
            let pipeline = self.device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
                label: Some(name),
                layout: None,
                vertex: wgpu::VertexState {
                    module: &module,
                    entry_point: Some(&vertex),
                    compilation_options: compilation_options.clone(),
                    buffers: &buffers,
                },
                primitive: wgpu::PrimitiveState { topology, ..Default::default() },
                depth_stencil: None,
                multisample: Default::default(),
                fragment: Some(wgpu::FragmentState {
                    module: &module,
                    entry_point: Some(&fragment),
                    compilation_options,
                    targets: &[Some(wgpu::ColorTargetState {
                        format: *format,
                        blend: *blend,
                        write_mask: wgpu::ColorWrites::ALL,
                    })],
                }),
                multiview_mask: None,
                cache: None,
            });
            self.objects.count(3);
            Arc::new(RenderPipeline { layout: pipeline.get_bind_group_layout(0), pipeline })
        })
    }

    fn bind(&self, layout: &wgpu::BindGroupLayout, bindings: &[Binding<'_>]) -> wgpu::BindGroup {
        let bound = bindings.iter().filter_map(|(at, resource)| Some((*at, Bound::of(resource)?))).collect();
        self.objects.groups.get((layout.clone(), bound), |(layout, bound)| {
            self.objects.count(1);
            let entries: Vec<_> = bound.iter().map(|(binding, bound)| bound.entry(*binding)).collect();
            self.device.create_bind_group(&wgpu::BindGroupDescriptor {
                label: None,
                layout,
                entries: &entries,
            })
        })
    }

    fn buffer(&self, label: &str, size: u64, usage: wgpu::BufferUsages) -> wgpu::Buffer {
        self.objects.count(1);
        self.device.create_buffer(&wgpu::BufferDescriptor {
            label: Some(label),
            size,
            usage,
            mapped_at_creation: false,
        })
    }

    /// What a shader is told, as read-only storage and not as a uniform: where a branch depends on a uniform, Mesa's
    /// software driver compiles the shader again for each draw and keeps what it made as long as the pipeline lives.
    pub(super) fn settings(&self, value: &impl bytemuck::NoUninit) -> wgpu::Buffer {
        self.objects
            .constants
            .get(bytemuck::bytes_of(value).to_vec(), |bytes| self.constant("settings", bytes))
    }

    /// The windows that a picture is resized with.
    pub(super) fn windows(&self, key: ([Axis; 2], Resize)) -> WindowsBuffer {
        self.objects.windows.get(key, |&(axes, resize)| {
            let both = axes.map(|axis| Windows::new(axis, resize));
            let mut entries = both.each_ref().map(Windows::entries).concat();
            // No binding is empty.
            entries.resize(entries.len().max(1), 0);
            let buffer = self.constant("windows", bytemuck::cast_slice(&entries));
            WindowsBuffer { taps: both.map(|windows| windows.taps as u32), buffer }
        })
    }

    fn constant(&self, label: &str, bytes: &[u8]) -> wgpu::Buffer {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST;
        let buffer = self.buffer(label, bytes.len() as u64, usage);
        self.write(&buffer, bytes);
        buffer
    }

    /// Puts these bytes at a buffer's beginning, behind everything that was submitted; counted as an upload.
    pub(super) fn write(&self, buffer: &wgpu::Buffer, bytes: &[u8]) {
        self.traffic.count_upload(bytes.len() as u64);
        self.queue.write_buffer(buffer, 0, bytes);
    }

    /// A storage buffer with these bytes (at least one; a multiple of 4), counted as an upload.
    pub(super) fn upload(&self, bytes: &[u8]) -> PooledBuffer {
        let buffer = self.pooled(bytes.len() as u64);
        self.write(&buffer, bytes);
        buffer
    }

    /// A storage buffer of this many f32 values (at least one), whatever they are.
    pub(super) fn storage(&self, values: usize) -> PooledBuffer {
        self.pooled(4 * values.max(1) as u64)
    }

    fn pooled(&self, size: u64) -> PooledBuffer {
        let usage = wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        self.objects.storage.take(size, || self.buffer("storage", size, usage))
    }

    /// Fills a buffer for this usage, another one where it is too small for these bytes (a multiple of 4).
    pub(super) fn refill<'a>(
        &self,
        buffer: &'a mut Option<wgpu::Buffer>,
        bytes: &[u8],
        usage: wgpu::BufferUsages,
    ) -> &'a wgpu::Buffer {
        let size = bytes.len() as u64;
        let usage = usage | wgpu::BufferUsages::COPY_DST;
        let large_enough = buffer.take().filter(|known| known.size() >= size);
        let capacity = size.next_power_of_two().max(LEAST_MESH_BYTES);
        let buffer = buffer.insert(large_enough.unwrap_or_else(|| self.buffer("mesh", capacity, usage)));
        self.write(buffer, bytes);
        buffer
    }

    /// Reads between pixels, and holds what is at the edge.
    pub(super) fn linear_sampler(&self) -> wgpu::Sampler {
        self.objects.count(1);
        self.device.create_sampler(&wgpu::SamplerDescriptor {
            mag_filter: wgpu::FilterMode::Linear,
            min_filter: wgpu::FilterMode::Linear,
            ..Default::default()
        })
    }

    /// A buffer to read back from, not mapped: whoever has mapped it unmaps it again.
    pub(super) fn staging(&self, size: u64) -> PooledBuffer {
        let usage = wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST;
        self.objects.staging.take(size, || self.buffer("read back", size, usage))
    }

    /// A texture to draw into, whatever is in it.
    pub fn target(&self, [width, height]: [u32; 2], format: wgpu::TextureFormat) -> PooledTarget {
        self.objects.targets.take((width, height, format), || {
            let usage = wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC;
            let (texture, view) = self.texture([width, height], format, usage);
            Target { texture, view }
        })
    }

    /// A texture and the whole of it as a view.
    pub fn texture(
        &self,
        [width, height]: [u32; 2],
        format: wgpu::TextureFormat,
        usage: wgpu::TextureUsages,
    ) -> (wgpu::Texture, wgpu::TextureView) {
        let texture = self.device.create_texture(&wgpu::TextureDescriptor {
            label: None,
            size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
            mip_level_count: 1,
            sample_count: 1,
            dimension: wgpu::TextureDimension::D2,
            format,
            usage,
            view_formats: &[],
        });
        self.objects.count(2);
        let view = texture.create_view(&Default::default());
        (texture, view)
    }

    /// Submits commands that `encode` writes.
    pub fn submit(&self, encode: impl FnOnce(&mut wgpu::CommandEncoder)) -> wgpu::SubmissionIndex {
        let mut encoder = self.device.create_command_encoder(&Default::default());
        encode(&mut encoder);
        self.objects.count_submission();
        self.queue.submit([encoder.finish()])
    }

    /// Has uploads begin that would wait for the next submission, and what they needed be let go.
    pub fn flush(&self) {
        self.objects.count_submission();
        self.queue.submit([]);
    }
}
