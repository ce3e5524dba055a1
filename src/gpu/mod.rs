//! Everything that is drawn or computed with our own shaders. No Burn: feature maps arrive as
//! [`FeatureMapBuffer`]s, whoever made them.

mod class_activation;
mod context;
mod feature_map;
mod frame;
mod hypercolumn;
mod luminance;
pub mod readback;
mod rgb;
mod statistics;
mod tiles;
pub mod twin;

pub use class_activation::ClassActivationPass;
pub use context::{AdapterSummary, GpuContext, GpuError, Traffic, list_adapters, new_instance};
pub use feature_map::FeatureMapBuffer;
pub use frame::{Fit, FrameBuffer, PictureRenderer, Preprocessor, Rect, Resize, crop_of};
pub use hypercolumn::HypercolumnPass;
pub use luminance::{LuminanceBuffer, LuminancePass};
pub use rgb::{RgbDraw, RgbRenderer};
pub use statistics::{StatisticsBuffer, StatisticsPass};
pub use tiles::{ChannelOrder, TileDraw, TilesRenderer, range_mode};

/// WGSL of each shader, put together from its parts: `(name, source)`.
pub fn shader_sources() -> [(&'static str, String); 8] {
    let frame = include_str!("../../shaders/frame.wgsl");
    let map = include_str!("../../shaders/feature_map.wgsl");
    [
        ("preprocess", [frame, include_str!("../../shaders/preprocess.wgsl")].concat()),
        ("picture", [frame, include_str!("../../shaders/picture.wgsl")].concat()),
        ("luminance", [map, include_str!("../../shaders/luminance.wgsl")].concat()),
        ("statistics", [map, include_str!("../../shaders/statistics.wgsl")].concat()),
        ("tiles", [map, include_str!("../../shaders/tiles.wgsl")].concat()),
        ("rgb", [map, include_str!("../../shaders/rgb.wgsl")].concat()),
        ("class_activation", [map, include_str!("../../shaders/class_activation.wgsl")].concat()),
        ("hypercolumn", [map, include_str!("../../shaders/hypercolumn.wgsl")].concat()),
    ]
}

/// Compiles one of [`shader_sources`].
fn shader(device: &wgpu::Device, name: &str) -> wgpu::ShaderModule {
    let source = shader_sources().into_iter().find(|(known, _)| *known == name);
    device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(name),
        source: wgpu::ShaderSource::Wgsl(source.map(|(_, text)| text).unwrap_or_default().into()),
    })
}

/// A pipeline of one compute shader with automatic bindings.
fn compute_pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    entry: &str,
) -> wgpu::ComputePipeline {
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(entry),
        layout: None,
        module,
        entry_point: Some(entry),
        compilation_options: Default::default(),
        cache: None,
    })
}

/// A pipeline that draws rectangles (triangle strips of 4 vertices) over what is there, blended where wanted.
fn rectangle_pipeline(
    device: &wgpu::Device,
    module: &wgpu::ShaderModule,
    name: &str,
    format: wgpu::TextureFormat,
    blend: Option<wgpu::BlendState>,
) -> wgpu::RenderPipeline {
    let (vertex, fragment) = (format!("{name}_vertex"), format!("{name}_fragment"));
    device.create_render_pipeline(&wgpu::RenderPipelineDescriptor {
        label: Some(name),
        layout: None,
        vertex: wgpu::VertexState {
            module,
            entry_point: Some(&vertex),
            compilation_options: Default::default(),
            buffers: &[],
        },
        primitive: wgpu::PrimitiveState {
            topology: wgpu::PrimitiveTopology::TriangleStrip,
            ..Default::default()
        },
        depth_stencil: None,
        multisample: Default::default(),
        fragment: Some(wgpu::FragmentState {
            module,
            entry_point: Some(&fragment),
            compilation_options: Default::default(),
            targets: &[Some(wgpu::ColorTargetState { format, blend, write_mask: wgpu::ColorWrites::ALL })],
        }),
        multiview_mask: None,
        cache: None,
    })
}

/// A bind group 0 of a pipeline with automatic bindings.
fn bind(
    device: &wgpu::Device,
    layout: &wgpu::BindGroupLayout,
    entries: &[(u32, wgpu::BindingResource<'_>)],
) -> wgpu::BindGroup {
    let entries: Vec<_> = entries
        .iter()
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding: *binding, resource: resource.clone() })
        .collect();
    device.create_bind_group(&wgpu::BindGroupDescriptor { label: None, layout, entries: &entries })
}

/// Name in WGSL and size in Rust, in bytes, of each struct of settings: a test compares them.
pub fn settings_sizes() -> [(&'static str, usize); 7] {
    [
        ("Preprocess", size_of::<frame::PreprocessSettings>()),
        ("Picture", size_of::<frame::PictureSettings>()),
        ("MapLayout", size_of::<feature_map::MapLayout>()),
        ("Luminance", size_of::<luminance::LuminanceSettings>()),
        ("Tiles", size_of::<tiles::TilesSettings>()),
        ("Rgb", size_of::<rgb::RgbSettings>()),
        ("Hypercolumn", size_of::<hypercolumn::HypercolumnSettings>()),
    ]
}
