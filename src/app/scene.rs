//! Draws the view into a texture: the frame and the tiles with our shaders, the panels with egui over them.
//! The same code for the window, for snapshots and off screen.

use std::collections::BTreeMap;
use std::sync::Arc;

use egui::ViewportId;

use super::channel::ChannelView;
use super::geometry::{enlarged, in_pixels, join};
use super::lens::{Over, OverlayWork, Pixels, TileSet, TilesWork};
use super::painter::Painter;
use super::panels::{self, Arrangement};
use super::placing::{Placing, native};
use super::state::{AppState, LensName};
use super::theme::{self, DARK, Theme};
use super::view_model::ViewModel;
use crate::gpu::{
    ChannelOrder, FeatureMapBuffer, GpuContext, PictureRenderer, PooledTarget, Rect, RgbRenderer,
    TilesRenderer, crop_of,
};
use crate::model::Shape;
use crate::session::Activations;
use crate::view::Colormap;

/// Pipelines, what lenses keep, and the panels' memory.
pub struct Scene {
    gpu: GpuContext,
    ctx: egui::Context,
    format: wgpu::TextureFormat,
    painter: Painter,
    pictures: PictureRenderer,
    tiles: TilesRenderer,
    colors: RgbRenderer,
    channel: ChannelView,
    /// Of the lenses that were used so far.
    tiles_work: BTreeMap<LensName, Box<dyn TilesWork>>,
    overlay_work: BTreeMap<LensName, Box<dyn OverlayWork>>,
    orders: Vec<(Arc<[u32]>, ChannelOrder)>,
    /// The order of a single channel.
    single: ChannelOrder,
    content: Content,
}

/// What was laid out last: enough to draw it again into another target.
#[derive(Default)]
struct Content {
    size: [u32; 2],
    scale: f32,
    theme: Theme,
    paint_jobs: Vec<egui::ClippedPrimitive>,
    picture: Option<(Rect, bool)>,
    /// The network's input in place of the picture: its map, and what is black and white in it.
    input: Option<(FeatureMapBuffer, Placing, [[f32; 3]; 2])>,
    /// What lies over the picture.
    over: Option<(Over, Placing, Colormap)>,
    tiles: Vec<(TileSet, Placing)>,
    activations: Option<Arc<Activations>>,
    tile_area: [u32; 4],
    tile_size: [u32; 2],
}

/// Between the lines over values beyond the range, in points.
const HATCH: f32 = 4.0;

/// Orders of channels that are kept: of a comparison, all versions have the same.
const MOST_ORDERS: usize = 4;

impl Scene {
    /// Compiles everything for targets of this format, which must not be sRGB.
    pub fn new(gpu: &GpuContext, format: wgpu::TextureFormat, ctx: egui::Context) -> Self {
        theme::set_style(&ctx);
        Self {
            painter: Painter::new(gpu, format),
            format,
            pictures: PictureRenderer::new(gpu, format),
            tiles: TilesRenderer::new(gpu, format),
            colors: RgbRenderer::new(gpu, format),
            channel: ChannelView::default(),
            tiles_work: BTreeMap::new(),
            overlay_work: BTreeMap::new(),
            single: ChannelOrder::upload(gpu, &[0]),
            orders: vec![],
            content: Content::default(),
            gpu: gpu.clone(),
            ctx,
        }
    }

    /// Input for an off-screen view of this size.
    pub fn raw_input(size: [u32; 2], scale: f32) -> egui::RawInput {
        let points = egui::Vec2::new(size[0] as f32, size[1] as f32) / scale;
        let screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, points));
        let mut input = egui::RawInput { screen_rect, ..Default::default() };
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
        state.panels.theme.apply(&self.ctx);
        let mut arrangement = Arrangement::default();
        let output = self.ctx.run_ui(input, |ui| {
            let actions = std::mem::take(&mut arrangement.actions);
            arrangement = panels::show(ui, state, model);
            // egui may run the layout twice; clicks come only once.
            arrangement.actions.extend(actions);
        });
        self.painter.update(&self.gpu, &output.textures_delta);
        let mut textures = output.textures_delta;
        textures.clear();
        let paint_jobs = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        self.content = Content {
            size,
            scale,
            theme: state.panels.theme,
            paint_jobs,
            picture: arrangement.picture.map(|rect| (in_pixels(rect, scale), state.panels.mirror)),
            activations: model.activations.clone(),
            ..Content::default()
        };
        self.place_picture(state, model);
        let areas: Vec<_> = arrangement.tiles.iter().map(|area| in_pixels(*area, scale)).collect();
        if let Some(whole) = areas.iter().copied().reduce(join) {
            self.content.tile_area = [whole.x, whole.y, whole.width, whole.height].map(|side| side as u32);
        }
        self.place_tiles(&areas, state, model);
        (arrangement, output.platform_output)
    }

    /// The network's input in place of the picture, and what lies over it.
    fn place_picture(&mut self, state: &AppState, model: &ViewModel) {
        let (Some((place, mirror)), Some(shown)) = (self.content.picture, &model.activations) else { return };
        // The part of the picture that the network sees.
        let mut seen = place;
        if let Some(input) = shown.map(0).filter(|_| state.panels.network_input) {
            let (low, high) = shown.model.weights.conventions.input_scale.ends();
            let placing = Placing { mirror, ..Placing::one(self.content.size, place) };
            self.content.input = Some((input.clone(), placing, [low, high]));
        } else {
            let frame = &shown.frame.frame;
            let crop = crop_of(frame.width, frame.height, shown.request.fit);
            let scale = [place.width / frame.width as f32, place.height / frame.height as f32];
            seen = Rect {
                x: (place.x + crop.x * scale[0]).round(),
                y: (place.y + crop.y * scale[1]).round(),
                width: (crop.width * scale[0]).round().max(1.0),
                height: (crop.height * scale[1]).round().max(1.0),
            };
        }
        let Some(lens) = state.overlay_lens() else { return };
        let start = || lens.start(&self.gpu);
        let work = self.overlay_work.entry(lens.about().name).or_insert_with(start);
        let opacity = state.lenses.opacity;
        let placing = Placing { mirror, opacity, ..Placing::one(self.content.size, seen) };
        let over = work.map(&self.gpu, &model.look(state));
        self.content.over = over.map(|over| (over, placing, state.colors.colormap()));
    }

    /// Adds to what the panels show what only the scene finds out: what is said of the overlay, and the enlarged channel's
    /// values. With `wait`, of the very frame that is shown; otherwise as far as it is known.
    pub fn complete(&mut self, state: &AppState, model: &mut ViewModel, wait: bool) {
        if let Some(lens) = state.overlay_lens() {
            let start = || lens.start(&self.gpu);
            let work = self.overlay_work.entry(lens.about().name).or_insert_with(start);
            model.over = work.legend(&self.gpu, &model.look(state), wait);
        }
        let shown = model.activations.as_ref().filter(|_| state.shows_one_map());
        let layer = model.shown_layer(state);
        model.channel = shown
            .zip(state.selected_channel(layer))
            .and_then(|(shown, channel)| self.channel.values(&self.gpu, shown, layer, channel, wait));
    }

    /// True while numbers are on their way that the next drawing is to show.
    pub fn is_waiting(&self) -> bool {
        self.overlay_work.values().any(|work| work.is_waiting()) || self.channel.is_waiting()
    }

    /// The tiles: of each version in an area of its own.
    fn place_tiles(&mut self, areas: &[Rect], state: &AppState, model: &ViewModel) {
        let look = model.look(state);
        let lens = state.tiles_lens();
        let (Some(grid), Ok(subject)) = (state.place.grid, lens.subject(&look)) else { return };
        let start = || lens.start(&self.gpu);
        let work = self.tiles_work.entry(lens.about().name).or_insert_with(start);
        let sets = work.tiles(&self.gpu, &look);
        let shown = match subject.is_selectable {
            true => state.place.positions(subject.count),
            false => 0..grid.page_len().min(subject.count),
        };
        let [width, height] = subject.size;
        let shape = Shape { channels: 1, height, width };
        let hatch = (HATCH * self.content.scale).round() as u32;
        for (set, area) in sets.into_iter().zip(areas) {
            let placing = match state.place.enlarged && subject.is_selectable {
                // One tile, as large as fits.
                true => Placing {
                    first: state.place.selected as u32,
                    ..Placing::one(self.content.size, enlarged(*area, shape))
                },
                false => Placing::grid(self.content.size, *area, &grid, shown.clone()),
            };
            self.content.tile_size = placing.tile_size.map(|side| side as u32);
            self.upload_order(&set.order);
            self.content.tiles.push((set, Placing { hatch, ..placing }));
        }
    }

    fn upload_order(&mut self, channels: &Arc<[u32]>) {
        if self.orders.iter().all(|(known, _)| known != channels) {
            let order = ChannelOrder::upload(&self.gpu, channels);
            self.orders.insert(0, (channels.clone(), order));
            self.orders.truncate(MOST_ORDERS);
        }
    }

    /// Where the tiles were laid out, in pixels: left, top, width, height; and the size of one.
    pub fn tile_area(&self) -> ([u32; 4], [u32; 2]) {
        (self.content.tile_area, self.content.tile_size)
    }

    /// Size of the view that was laid out last, in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.content.size
    }

    /// Where the picture was laid out, in pixels: left, top, width, height.
    pub fn picture_area(&self) -> Option<[u32; 4]> {
        let (Rect { x, y, width, height }, _) = self.content.picture?;
        Some([x, y, width, height].map(|edge| edge as u32))
    }

    /// What the tiles were made of, of each version.
    pub fn tile_sets(&self) -> impl Iterator<Item = &TileSet> {
        self.content.tiles.iter().map(|(set, _)| set)
    }

    /// Draws what was laid out last into a target of that size; the submission, for whoever waits for it.
    pub fn draw(&mut self, target: &wgpu::TextureView) -> wgpu::SubmissionIndex {
        let gpu = self.gpu.clone();
        gpu.submit(|encoder| {
            let content = &self.content;
            let mut pass = clear(encoder, target, content.theme.palette().background);
            if let (Some(shown), Some((place, mirror))) = (&content.activations, content.picture) {
                self.pictures.draw(&gpu, &mut pass, &shown.frame, content.size, place, mirror);
            }
            if let Some((map, placing, [low, high])) = &content.input {
                self.colors.draw(&gpu, &mut pass, map, &placing.colored(*low, *high));
            }
            if let Some((over, placing, colormap)) = &content.over {
                let Over { map, statistics, ranges, scale } = over;
                let draw = placing.colored_by(*scale, *colormap, true);
                self.tiles.draw(&gpu, &mut pass, map, statistics, ranges.as_ref(), &self.single, &draw);
            }
            self.draw_tile_sets(&mut pass, content.tiles.iter().map(|(set, placing)| (set, *placing)));
            self.painter.draw(&gpu, &mut pass, &content.paint_jobs, content.size, content.scale);
        })
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
                    self.colors.draw(&self.gpu, pass, map, &placing.colored([-1.0; 3], [1.0; 3]));
                }
            }
        }
    }

    /// Draws only the tiles of what was laid out last, for measurements.
    pub fn draw_tiles(&self, target: &wgpu::TextureView) -> wgpu::SubmissionIndex {
        self.gpu.submit(|encoder| {
            let mut pass = clear(encoder, target, DARK.background);
            self.draw_tile_sets(&mut pass, self.content.tiles.iter().map(|(set, placing)| (set, *placing)));
        })
    }

    /// A texture with what was laid out last.
    pub fn draw_to_texture(&mut self) -> PooledTarget {
        let target = self.gpu.target(self.content.size, self.format);
        self.draw(&target.view);
        target
    }

    /// What the tiles show, of all pages, one pixel a value with a gap of one; versions beside each other. `None` where
    /// they show nothing.
    pub fn draw_native_tiles(&self) -> Option<PooledTarget> {
        let sets: Vec<&TileSet> = self.tile_sets().collect();
        let (size, placings) = native(&sets)?;
        let target = self.gpu.target(size, self.format);
        self.gpu.submit(|encoder| {
            // The same file whatever the theme.
            let mut pass = clear(encoder, &target.view, DARK.background);
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

/// A pass over a target that begins with one colour.
fn clear<'a>(
    encoder: &'a mut wgpu::CommandEncoder,
    target: &wgpu::TextureView,
    background: egui::Color32,
) -> wgpu::RenderPass<'a> {
    let [r, g, b, _] = background.to_array().map(|level| f64::from(level) / 255.0);
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
