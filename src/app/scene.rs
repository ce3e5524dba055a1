//! Draws the view into a texture: the frame and the tiles with our shaders, the panels with egui over them.
//! The same code for the window, for snapshots and off screen.

use std::sync::Arc;

use egui::{Rect as PointRect, ViewportId};

use super::panels::{self, Arrangement};
use super::state::AppState;
use super::view_model::ViewModel;
use crate::gpu::{
    ChannelOrder, FeatureMapBuffer, GpuContext, PictureRenderer, RangeMode, Rect, StatisticsBuffer, TileDraw,
    TilesRenderer,
};
use crate::session::Activations;
use crate::view::Colormap;

/// Pipelines and the panels' memory.
pub struct Scene {
    gpu: GpuContext,
    ctx: egui::Context,
    egui: egui_wgpu::Renderer,
    pictures: PictureRenderer,
    tiles: TilesRenderer,
    order: Option<(Vec<u32>, ChannelOrder)>,
    content: Content,
}

/// What was laid out last: enough to draw it again into another target.
#[derive(Default)]
struct Content {
    size: [u32; 2],
    scale: f32,
    paint_jobs: Vec<egui::ClippedPrimitive>,
    picture: Option<(Rect, bool)>,
    tiles: Option<(TileDraw, usize)>,
    activations: Option<Arc<Activations>>,
    tile_area: [u32; 4],
}

/// The size of text grows with the window, so that it can be read from afar on a large one.
pub fn scale_of(size: [u32; 2], native_scale: f32) -> f32 {
    let [width, height] = size.map(|side| side as f32);
    native_scale.max((width / 1600.0).min(height / 900.0))
}

impl Scene {
    /// Compiles everything for targets of this format, which must not be sRGB.
    pub fn new(gpu: &GpuContext, format: wgpu::TextureFormat, ctx: egui::Context) -> Self {
        panels::set_style(&ctx);
        let options = egui_wgpu::RendererOptions { dithering: false, ..Default::default() };
        Self {
            egui: egui_wgpu::Renderer::new(&gpu.device, format, options),
            pictures: PictureRenderer::new(gpu, format),
            tiles: TilesRenderer::new(gpu, format),
            order: None,
            content: Content::default(),
            gpu: gpu.clone(),
            ctx,
        }
    }

    /// Input for an off-screen view of this size.
    pub fn raw_input(size: [u32; 2], scale: f32) -> egui::RawInput {
        let mut input = egui::RawInput {
            screen_rect: Some(PointRect::from_min_size(
                egui::Pos2::ZERO,
                egui::Vec2::new(size[0] as f32, size[1] as f32) / scale,
            )),
            ..Default::default()
        };
        input.viewports.entry(ViewportId::ROOT).or_default().native_pixels_per_point = Some(scale);
        input
    }

    /// Lays the view out. Returns what was clicked, and egui's wishes for the window.
    pub fn lay_out(
        &mut self,
        input: egui::RawInput,
        size: [u32; 2],
        scale: f32,
        state: &mut AppState,
        model: &ViewModel,
    ) -> (Arrangement, egui::PlatformOutput) {
        let mut arrangement = Arrangement::default();
        let output = self.ctx.run_ui(input, |ui| {
            let clicks = std::mem::take(&mut arrangement.clicks);
            arrangement = panels::show(ui, state, model);
            // egui may run the layout twice; clicks come only once.
            arrangement.clicks.extend(clicks);
        });
        for (id, deltas) in &output.textures_delta.set {
            for delta in deltas {
                self.egui.update_texture(&self.gpu.device, &self.gpu.queue, *id, delta);
            }
        }
        for id in &output.textures_delta.free {
            self.egui.free_texture(id);
        }
        let mut textures = output.textures_delta;
        textures.clear();
        let paint_jobs = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        self.content = Content {
            size,
            scale,
            paint_jobs,
            picture: arrangement.picture.map(|rect| (in_pixels(rect, scale), state.mirror)),
            tiles: None,
            activations: model.activations.clone(),
            tile_area: [0; 4],
        };
        if let Some(area) = arrangement.tiles {
            self.place_tiles(in_pixels(area, scale), state, model);
        }
        (arrangement, output.platform_output)
    }

    fn place_tiles(&mut self, area: Rect, state: &AppState, model: &ViewModel) {
        let layer = model.shown_layer(state);
        let Some(grid) = state.grid else { return };
        let Some(tap) =
            model.activations.as_ref().and_then(|shown| shown.taps.iter().position(|t| t.layer == layer))
        else {
            return;
        };
        let channels = state.shown_channels(layer);
        let first = state.page() * grid.page_len();
        let shape = state.graph().nodes[layer].shape;
        let mut draw = TileDraw {
            target_size: self.content.size,
            origin: [area.x + grid.origin[0] as f32, area.y + grid.origin[1] as f32],
            tile_size: grid.tile.map(|side| side as f32),
            pitch: grid.pitch().map(|side| side as f32),
            columns: grid.columns,
            first: first as u32,
            count: grid.page_len().min(channels.len().saturating_sub(first)) as u32,
            range: state.range_at(layer),
            colormap: state.colormap,
            smooth: state.smooth,
            opacity: 1.0,
        };
        if state.enlarged {
            // As large as fits, below its heading.
            let heading = (28.0 * self.content.scale).round();
            let space = [area.width, (area.height - heading).max(1.0)];
            let (width, height) = (shape.width as f32, shape.height as f32);
            let zoom = (space[0] / width).min(space[1] / height);
            let size = [(width * zoom).floor().max(1.0), (height * zoom).floor().max(1.0)];
            draw.origin = [
                area.x + ((space[0] - size[0]) / 2.0).floor(),
                area.y + heading + ((space[1] - size[1]) / 2.0).floor(),
            ];
            (draw.tile_size, draw.pitch) = (size, size);
            (draw.columns, draw.first, draw.count) = (1, state.selected as u32, 1);
        }
        self.content.tile_area = [area.x, area.y, area.width, area.height].map(|side| side as u32);
        self.content.tiles = Some((draw, tap));
        self.upload_order(&channels);
    }

    fn upload_order(&mut self, channels: &[u32]) {
        if self.order.as_ref().is_none_or(|(known, _)| known != channels) {
            self.order = Some((channels.to_vec(), ChannelOrder::upload(&self.gpu, channels)));
        }
    }

    /// Where the tiles were laid out, in pixels: left, top, width, height; and the size of one.
    pub fn tile_area(&self) -> ([u32; 4], [u32; 2]) {
        let size = self.content.tiles.map_or([0.0; 2], |(tiles, _)| tiles.tile_size);
        (self.content.tile_area, size.map(|side| side as u32))
    }

    /// Size of the view that was laid out last, in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.content.size
    }

    /// Draws what was laid out last into a target of that size.
    pub fn draw(&mut self, target: &wgpu::TextureView) {
        let content = &self.content;
        let screen =
            egui_wgpu::ScreenDescriptor { size_in_pixels: content.size, pixels_per_point: content.scale };
        let mut encoder = self.gpu.device.create_command_encoder(&Default::default());
        let more = self.egui.update_buffers(
            &self.gpu.device,
            &self.gpu.queue,
            &mut encoder,
            &content.paint_jobs,
            &screen,
        );
        let mut pass = clear(&mut encoder, target).forget_lifetime();
        if let (Some(shown), Some((place, mirror))) = (&content.activations, content.picture) {
            self.pictures.draw(&self.gpu, &mut pass, &shown.frame, content.size, place, mirror);
        }
        if let (Some(shown), Some((tiles, tap)), Some((_, order))) =
            (&content.activations, &content.tiles, &self.order)
        {
            let tap = &shown.taps[*tap];
            self.tiles.draw(&self.gpu, &mut pass, &tap.map, &tap.statistics, order, tiles);
        }
        self.egui.render(&mut pass, &content.paint_jobs, &screen);
        drop(pass);
        self.gpu.queue.submit(more.into_iter().chain([encoder.finish()]));
    }

    /// A new texture with what was laid out last.
    pub fn draw_to_texture(&mut self, format: wgpu::TextureFormat) -> wgpu::Texture {
        let texture = new_target(&self.gpu, self.content.size, format);
        self.draw(&texture.create_view(&Default::default()));
        texture
    }

    /// The tiles of a map alone, one pixel a value with a gap of one, in these colours.
    pub fn draw_native_tiles(
        &mut self,
        map: &FeatureMapBuffer,
        statistics: &StatisticsBuffer,
        channels: &[u32],
        range: RangeMode,
        colormap: Colormap,
        format: wgpu::TextureFormat,
    ) -> wgpu::Texture {
        let tile = [map.shape.width as u32, map.shape.height as u32];
        let columns = (channels.len() as f32).sqrt().ceil() as u32;
        let rows = (channels.len() as u32).div_ceil(columns);
        let size = [columns * (tile[0] + 1) - 1, rows * (tile[1] + 1) - 1];
        let texture = new_target(&self.gpu, size, format);
        let view = texture.create_view(&Default::default());
        let draw = TileDraw {
            target_size: size,
            origin: [0.0; 2],
            tile_size: tile.map(|side| side as f32),
            pitch: tile.map(|side| side as f32 + 1.0),
            columns,
            first: 0,
            count: channels.len() as u32,
            range,
            colormap,
            smooth: false,
            opacity: 1.0,
        };
        self.upload_order(channels);
        let order = self.order.as_ref().map(|(_, order)| order);
        self.gpu.submit(|encoder| {
            let mut pass = clear(encoder, &view);
            if let Some(order) = order {
                self.tiles.draw(&self.gpu, &mut pass, map, statistics, order, &draw);
            }
        });
        texture
    }
}

/// A texture that can be drawn to and read back.
fn new_target(gpu: &GpuContext, [width, height]: [u32; 2], format: wgpu::TextureFormat) -> wgpu::Texture {
    gpu.device.create_texture(&wgpu::TextureDescriptor {
        label: Some("off-screen view"),
        size: wgpu::Extent3d { width, height, depth_or_array_layers: 1 },
        mip_level_count: 1,
        sample_count: 1,
        dimension: wgpu::TextureDimension::D2,
        format,
        usage: wgpu::TextureUsages::RENDER_ATTACHMENT | wgpu::TextureUsages::COPY_SRC,
        view_formats: &[],
    })
}

/// A pass over a target in the background's colour.
fn clear<'a>(encoder: &'a mut wgpu::CommandEncoder, target: &wgpu::TextureView) -> wgpu::RenderPass<'a> {
    let [r, g, b, _] = panels::BACKGROUND.to_array().map(|level| f64::from(level) / 255.0);
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("view"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: target,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations {
                load: wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 1.0 }),
                store: wgpu::StoreOp::Store,
            },
        })],
        ..Default::default()
    })
}

/// Whole pixels, so that every tile cell has the same size wherever a panel ends.
fn in_pixels(rect: PointRect, scale: f32) -> Rect {
    let [x, y] = [rect.min.x, rect.min.y].map(|edge| (edge * scale).round());
    let [right, bottom] = [rect.max.x, rect.max.y].map(|edge| (edge * scale).round());
    Rect { x, y, width: (right - x).max(1.0), height: (bottom - y).max(1.0) }
}
