//! Draws what was laid out: the frame and the tiles with our shaders, the panels over them. The same code for the window, for
//! snapshots and off screen.

use std::sync::Arc;

use egui::{Color32, Context, Pos2, Vec2};

use super::damage::PanelLayout;
use super::lens::{Over, Pixels, TileSet};
use super::painter::{Painter, Part};
use super::placing::{Placing, native};
use super::theme::DARK;
use crate::gpu::{
    ChannelOrder, FeatureMapBuffer, FillRenderer, GpuContext, PictureRenderer, PooledTarget, Rect, RgbDraw,
    RgbRenderer, TileDraw, TilesRenderer,
};
use crate::model::InputColors;
use crate::session::Activations;
use crate::view::Colormap;

/// What was laid out last: enough to draw it again into another target.
#[derive(Default)]
pub struct Content {
    /// The size of the view, and what the panels are made of.
    pub panels: PanelLayout,
    /// Where the picture is, in pixels, and whether left and right are swapped.
    pub picture: Option<(Rect, bool)>,
    /// The network's input in place of the picture: its map, what its channels are, and what is black and white in them.
    pub input: Option<(FeatureMapBuffer, Placing, InputColors, [[f32; 3]; 2])>,
    /// What lies over the picture.
    pub over: Option<(Over, Placing, Colormap)>,
    /// Of each version that is compared.
    pub tiles: Vec<(TileSet, Placing)>,
    /// Whose frame is the picture.
    pub activations: Option<Arc<Activations>>,
    /// Where all tiles are, in pixels: left, top, width, height.
    pub tile_area: [u32; 4],
    /// Width and height of one, in pixels.
    pub tile_size: [u32; 2],
}

impl Content {
    /// Where each frame changes the view, in pixels: the picture and the tiles.
    pub fn live(&self) -> [Option<egui::Rect>; 2] {
        let rect = |x: f32, y: f32, width: f32, height: f32| {
            egui::Rect::from_min_size(Pos2::new(x, y), Vec2::new(width, height))
        };
        let picture = self.picture.map(|(Rect { x, y, width, height }, _)| rect(x, y, width, height));
        let [x, y, width, height] = self.tile_area.map(|edge| edge as f32);
        [picture, (!self.tiles.is_empty()).then(|| rect(x, y, width, height))]
    }
}

/// What was drawn last, so that only what has changed is drawn again.
struct Canvas {
    target: PooledTarget,
    layout: PanelLayout,
    /// What was drawn again, in pixels.
    parts: Vec<egui::Rect>,
}

/// Orders of channels that are kept: of a comparison, all versions have the same; of rows, most have.
const MOST_ORDERS: usize = 16;

/// Pipelines, the panels' memory, and what was drawn last.
pub struct Renderer {
    gpu: GpuContext,
    ctx: Context,
    format: wgpu::TextureFormat,
    painter: Painter,
    fill: FillRenderer,
    pictures: PictureRenderer,
    tiles: TilesRenderer,
    colors: RgbRenderer,
    orders: Vec<(Arc<[u32]>, ChannelOrder)>,
    /// The order of a single channel.
    single: ChannelOrder,
    /// What is drawn.
    pub content: Content,
    canvas: Option<Canvas>,
}

impl Renderer {
    /// Compiles everything for targets of this format, which must not be sRGB. `ctx`: of the panels.
    pub fn new(gpu: &GpuContext, format: wgpu::TextureFormat, ctx: Context) -> Self {
        Self {
            painter: Painter::new(gpu, format),
            format,
            fill: FillRenderer::new(gpu, format),
            pictures: PictureRenderer::new(gpu, format),
            tiles: TilesRenderer::new(gpu, format),
            colors: RgbRenderer::new(gpu, format),
            single: ChannelOrder::upload(gpu, &[0]),
            orders: vec![],
            content: Content::default(),
            canvas: None,
            gpu: gpu.clone(),
            ctx,
        }
    }

    /// Takes what egui changed.
    pub fn update(&mut self, changed: &egui::TexturesDelta) {
        if self.painter.update(&self.gpu, changed) {
            self.canvas = None;
        }
    }

    /// Tiles that come in this order can be drawn.
    pub fn upload_order(&mut self, channels: &Arc<[u32]>) {
        if self.orders.iter().all(|(known, _)| known != channels) {
            let order = ChannelOrder::upload(&self.gpu, channels);
            self.orders.insert(0, (channels.clone(), order));
            self.orders.truncate(MOST_ORDERS);
        }
    }

    /// Draws it onto a texture of its size; where that can be copied to, only what has changed is drawn. Returns the picture
    /// where it `is_wanted`.
    pub fn draw_onto(&mut self, texture: &wgpu::Texture, is_wanted: bool) -> Option<PooledTarget> {
        // A window's in OpenGL can only be drawn to.
        if texture.usage().contains(wgpu::TextureUsages::COPY_DST) {
            return Some(self.draw_changes(Some(texture)).0).filter(|_| is_wanted);
        }
        self.draw(&texture.create_view(&Default::default()));
        is_wanted.then(|| self.draw_changes(None).0)
    }

    fn draw(&mut self, target: &wgpu::TextureView) {
        let Content { panels, .. } = &self.content;
        let parts = self.painter.upload(&self.gpu, &self.ctx, panels, &[panels.whole()]);
        self.gpu.submit(|encoder| self.draw_parts(encoder, target, &parts));
    }

    /// Draws what has changed since this was done last into a picture that is kept, and copies that onto a texture of its size.
    /// Returns the picture, and the submission.
    pub fn draw_changes(&mut self, onto: Option<&wgpu::Texture>) -> (PooledTarget, wgpu::SubmissionIndex) {
        let layout = self.content.panels.clone();
        let before = self.canvas.take();
        let rects = layout.parts(before.as_ref().map(|canvas| &canvas.layout));
        let target = before.filter(|canvas| canvas.layout.size == layout.size).map(|canvas| canvas.target);
        let target = target.unwrap_or_else(|| self.gpu.target(layout.size, self.format));
        let parts = self.painter.upload(&self.gpu, &self.ctx, &layout, &rects);
        let submission = self.gpu.submit(|encoder| {
            self.draw_parts(encoder, &target.view, &parts);
            if let Some(texture) = onto {
                let (from, to) = (target.texture.as_image_copy(), texture.as_image_copy());
                encoder.copy_texture_to_texture(from, to, texture.size());
            }
        });
        self.canvas = Some(Canvas { target: target.clone(), layout, parts: rects });
        (target, submission)
    }

    /// What [`Self::draw_changes`] drew the last time, in pixels.
    pub fn drawn_parts(&self) -> &[egui::Rect] {
        self.canvas.as_ref().map_or(&[], |canvas| &canvas.parts)
    }

    fn draw_parts(&self, encoder: &mut wgpu::CommandEncoder, target: &wgpu::TextureView, parts: &[Part]) {
        let (gpu, content) = (&self.gpu, &self.content);
        let [r, g, b, _] = content.panels.background.to_array();
        let mut pass = begin(encoder, target, wgpu::LoadOp::Load);
        for Part { rect, meshes } in parts {
            let [x, y, width, height] = [rect.min.x, rect.min.y, rect.width(), rect.height()];
            pass.set_scissor_rect(x as u32, y as u32, width as u32, height as u32);
            self.fill.draw(gpu, &mut pass, [r, g, b]);
            let [picture, tiles] = content.live();
            if picture.is_some_and(|place| place.intersects(*rect)) {
                self.draw_picture(&mut pass);
            }
            if tiles.is_some_and(|place| place.intersects(*rect)) {
                self.draw_tile_sets(&mut pass, content.tiles.iter().map(|(set, placing)| (set, *placing)));
            }
            self.painter.draw(gpu, &mut pass, meshes, &content.panels);
        }
    }

    /// The frame or what the network takes in, and what lies over it.
    fn draw_picture(&self, pass: &mut wgpu::RenderPass<'_>) {
        let (gpu, content) = (&self.gpu, &self.content);
        if let (Some(shown), Some((place, mirror))) = (&content.activations, content.picture) {
            self.pictures.draw(gpu, pass, &shown.frame, content.panels.size, place, mirror);
        }
        if let Some((map, placing, colors, ends)) = &content.input {
            self.colors.draw(gpu, pass, map, &placing.colored(*colors, *ends));
        }
        if let Some((over, placing, colormap)) = &content.over {
            let Over { map, statistics, ranges, scale, cover, .. } = over;
            if let Some(ends) = over.colored {
                let draw = RgbDraw { smooth: true, ..placing.colored(InputColors::Rgb, ends) };
                return self.colors.draw(gpu, pass, map, &draw);
            }
            let colormap = over.colormap.unwrap_or(*colormap);
            let draw = TileDraw { cover: *cover, ..placing.colored_by(*scale, colormap, true) };
            self.tiles.draw(gpu, pass, map, statistics, ranges.as_ref(), &self.single, &draw);
        }
    }

    fn draw_tile_sets<'a>(
        &self,
        pass: &mut wgpu::RenderPass<'_>,
        sets: impl Iterator<Item = (&'a TileSet, Placing)>,
    ) {
        for (set, placing) in sets {
            match &set.pixels {
                Pixels::Values { map, statistics, ranges, scale, colormap, smooth } => {
                    let order = self.orders.iter().find(|(known, _)| *known == set.order);
                    let Some((_, order)) = order else { continue };
                    let draw = placing.colored_by(*scale, *colormap, *smooth);
                    self.tiles.draw(&self.gpu, pass, map, statistics, ranges.as_ref(), order, &draw);
                }
                Pixels::Colored(map) => {
                    let draw = placing.colored(InputColors::Rgb, [[-1.0; 3], [1.0; 3]]);
                    self.colors.draw(&self.gpu, pass, map, &draw);
                }
            }
        }
    }

    /// Draws only the tiles, for measurements.
    pub fn draw_tiles(&self, target: &wgpu::TextureView) -> wgpu::SubmissionIndex {
        self.gpu.submit(|encoder| {
            let mut pass = begin(encoder, target, clear(DARK.background));
            self.draw_tile_sets(&mut pass, self.content.tiles.iter().map(|(set, placing)| (set, *placing)));
        })
    }

    /// A texture of its own with all of it, drawn anew.
    pub fn draw_to_texture(&mut self) -> PooledTarget {
        let target = self.gpu.target(self.content.panels.size, self.format);
        self.draw(&target.view);
        target
    }

    /// What the tiles show, of all pages, one pixel a value with a gap of one; versions beside each other. `None` where
    /// they show nothing.
    pub fn draw_native_tiles(&self) -> Option<PooledTarget> {
        let sets: Vec<&TileSet> = self.content.tiles.iter().map(|(set, _)| set).collect();
        let (size, placings) = native(&sets)?;
        let target = self.gpu.target(size, self.format);
        self.gpu.submit(|encoder| {
            // The same file whatever the theme.
            let mut pass = begin(encoder, &target.view, clear(DARK.background));
            let blocky = sets.iter().map(|set| {
                let mut set = (*set).clone();
                if let Pixels::Values { smooth, .. } = &mut set.pixels {
                    *smooth = false;
                }
                set
            });
            let blocky: Vec<TileSet> = blocky.collect();
            self.draw_tile_sets(&mut pass, blocky.iter().zip(placings));
        });
        Some(target)
    }
}

/// A target begins with this colour.
fn clear(color: Color32) -> wgpu::LoadOp<wgpu::Color> {
    let [r, g, b, _] = color.to_array().map(|level| f64::from(level) / 255.0);
    wgpu::LoadOp::Clear(wgpu::Color { r, g, b, a: 1.0 })
}

/// A pass over a target.
fn begin<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    target: &wgpu::TextureView,
    load: wgpu::LoadOp<wgpu::Color>,
) -> wgpu::RenderPass<'a> {
    encoder.begin_render_pass(&wgpu::RenderPassDescriptor {
        label: Some("view"),
        color_attachments: &[Some(wgpu::RenderPassColorAttachment {
            view: target,
            depth_slice: None,
            resolve_target: None,
            ops: wgpu::Operations { load, store: wgpu::StoreOp::Store },
        })],
        ..Default::default()
    })
}
