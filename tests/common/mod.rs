//! Shared by the tests that need more than a compiler.

#![allow(dead_code, reason = "each test binary uses another part")]

use std::sync::OnceLock;

use convscope::gpu::{
    Cover, FeatureMapBuffer, GpuContext, LuminanceBuffer, LuminancePass, StatisticsBuffer, TileDraw,
    new_instance, readback,
};
use convscope::inspect::ChannelStatistics;
use convscope::model::{InputScale, Shape};
use convscope::view::{Colormap, Scale};

/// Prints why a test is skipped; fails instead where `CONVSCOPE_REQUIRE` lists what is missing.
pub fn skip(what: &str, reason: &str) {
    let required = std::env::var("CONVSCOPE_REQUIRE").unwrap_or_default();
    assert!(!required.split(',').any(|word| word == what), "{what} is required, but {reason}");
    eprintln!("skipped: {reason}");
}

/// Any graphics adapter; the same one for all tests of a binary.
pub fn gpu() -> Option<&'static GpuContext> {
    static GPU: OnceLock<Option<GpuContext>> = OnceLock::new();
    let gpu = GPU.get_or_init(|| match GpuContext::open(new_instance(None), None, None) {
        Ok(gpu) => Some(gpu),
        Err(error) => {
            eprintln!("{error}");
            None
        }
    });
    if gpu.is_none() {
        skip("adapter", "there is no graphics adapter");
    }
    gpu.as_ref()
}

/// The adopted Burn device of [`gpu`]; registered once a process.
pub fn burn_device() -> Option<burn::tensor::Device> {
    static DEVICE: OnceLock<burn::tensor::Device> = OnceLock::new();
    let gpu = gpu()?;
    Some(DEVICE.get_or_init(|| convscope::bridge::adopt(gpu).unwrap()).clone())
}

/// Numbers without a pattern, from −2 to 2.
pub fn noise(name: &str, count: usize) -> Vec<f32> {
    let stream = convscope::weights::RandomStream::new(1, name);
    (0..count as u64).map(|i| (stream.uniform(i) * 4.0 - 2.0) as f32).collect()
}

/// Without a pattern, as bright as a picture: `height × width` values.
pub fn light(shape: Shape) -> Vec<f32> {
    noise("light", shape.height * shape.width).into_iter().map(|value| value / 2.0).collect()
}

/// These `height × width` values as luminance, by way of a grey picture of that size.
pub fn upload_luminance(gpu: &GpuContext, values: &[f32], shape: Shape) -> LuminanceBuffer {
    let grey = FeatureMapBuffer::upload(gpu, &values.repeat(3), Shape { channels: 3, ..shape });
    LuminancePass::new(gpu).run(gpu, &grey, InputScale::MinusOneToOne, shape)
}

/// The numbers in a buffer.
pub fn read_values(gpu: &GpuContext, buffer: &wgpu::Buffer) -> Vec<f32> {
    let bytes = readback::copy(gpu, &[(buffer, 0, buffer.size())]).wait(gpu).unwrap();
    bytemuck::pod_collect_to_vec(&bytes)
}

/// The values of a map, in channel, row, column order.
pub fn read_map(gpu: &GpuContext, map: &FeatureMapBuffer) -> Vec<f32> {
    readback::copy_map(gpu, map).wait(gpu).unwrap()
}

/// The statistics in a buffer.
pub fn read_statistics(gpu: &GpuContext, statistics: &StatisticsBuffer) -> Vec<ChannelStatistics> {
    StatisticsBuffer::decode(&read_values(gpu, statistics.buffer()))
}

/// Square tiles side by side in plain Viridis.
pub fn tile_draw(target_size: [u32; 2], tile: u32, columns: u32, count: u32) -> TileDraw {
    TileDraw {
        target_size,
        origin: [0.0, 0.0],
        tile_size: [tile as f32; 2],
        pitch: [tile as f32; 2],
        columns,
        first: 0,
        count,
        scale: Scale::default(),
        hatch: 0,
        colormap: Colormap::Viridis,
        smooth: false,
        opacity: 1.0,
        mirror: false,
        cover: Cover::Even,
    }
}

/// An off-screen target that can be read back.
pub fn target(gpu: &GpuContext, width: u32, height: u32) -> wgpu::Texture {
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: None,
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format: wgpu::TextureFormat::Rgba8Unorm,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// Draws into a black target and reads it back.
pub fn draw(
    gpu: &GpuContext,
    [width, height]: [u32; 2],
    paint: impl FnOnce(&mut wgpu::RenderPass<'_>),
) -> image::RgbImage {
    let texture = target(gpu, width, height);
    let view = texture.create_view(&Default::default());
    gpu.submit(|encoder| {
        let mut pass = encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
            label: None,
            color_attachments: &[Some(wgpu::RenderPassColorAttachment {
                view: &view,
                depth_slice: None,
                resolve_target: None,
                ops: wgpu::Operations {
                    load: wgpu::LoadOp::Clear(wgpu::Color::BLACK),
                    store: wgpu::StoreOp::Store,
                },
            })],
            ..Default::default()
        });
        paint(&mut pass);
    });
    convscope::gpu::readback::copy_picture(gpu, &texture).wait(gpu).unwrap()
}

/// The bytes of `tests/data/weights/NAME.png`, where files are kept as pictures.
pub fn fixture(name: &str) -> Vec<u8> {
    let path = format!("{}/tests/data/weights/{name}.png", env!("CARGO_MANIFEST_DIR"));
    let pixels = image::open(path).unwrap().into_luma8().into_raw();
    let (length, bytes) = pixels.split_first_chunk().unwrap();
    bytes[..u64::from_le_bytes(*length) as usize].to_vec()
}
