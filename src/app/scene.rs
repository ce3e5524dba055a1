//! Draws the view into a texture: the frame and the tiles with our shaders, the panels with egui over them.
//! The same code for the window, for snapshots and off screen.

use std::sync::Arc;

use egui::{Rect as PointRect, ViewportId};

use super::channel::{ChannelValues, ChannelView};
use super::class_activation::{ClassActivationView, Explanation};
use super::colors::LayerColors;
use super::hypercolumn::{HypercolumnView, PixelVector};
use super::kernels::{KernelChoice, KernelView};
use super::painter::Painter;
use super::panels::{self, Arrangement};
use super::state::{AppState, Overlay};
use super::theme::{self, DARK, Theme};
use super::view_model::ViewModel;
use crate::gpu::{
    ChannelOrder, FeatureMapBuffer, GpuContext, PictureRenderer, PooledTarget, Rect, RgbDraw, RgbRenderer,
    StatisticsBuffer, TileDraw, TilesRenderer, crop_of,
};
use crate::model::{LayerIndex, Shape};
use crate::session::{Activations, Tap};
use crate::view::{Colormap, Normalize, Scale, TileGrid};

/// Pipelines and the panels' memory.
pub struct Scene {
    gpu: GpuContext,
    ctx: egui::Context,
    painter: Painter,
    pictures: PictureRenderer,
    tiles: TilesRenderer,
    colors: RgbRenderer,
    class_activation: ClassActivationView,
    channel: ChannelView,
    hypercolumn: HypercolumnView,
    kernels: Option<KernelView>,
    order: Option<(Vec<u32>, ChannelOrder)>,
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
    /// Three channels of a map as colours: the network's input, the first kernels.
    colored: Vec<(FeatureMapBuffer, RgbDraw)>,
    /// What lies over the picture.
    overlay: Option<Tiles>,
    tiles: Vec<Tiles>,
    activations: Option<Arc<Activations>>,
    tile_area: [u32; 4],
    tile_size: [u32; 2],
}

/// Tiles of one map. The clones keep its memory until they are drawn.
struct Tiles {
    draw: TileDraw,
    map: FeatureMapBuffer,
    statistics: StatisticsBuffer,
    /// What colours are chosen by, where that is not `statistics`.
    ranges: Option<StatisticsBuffer>,
}

/// Between the lines over values beyond the range, in points.
const HATCH: f32 = 4.0;

/// Pixels of a point. Text grows with the window, so that it can be read from afar on a large one; in a small one it does
/// not grow with the display's scale beyond what leaves room for the maps.
pub fn scale_of(size: [u32; 2], native_scale: f32) -> f32 {
    let [width, height] = size.map(|side| side as f32);
    let fits = |[least_width, least_height]: [f32; 2]| (width / least_width).min(height / least_height);
    native_scale.min(fits(LEAST_POINTS).max(1.0)).max(fits(ROOMY_POINTS))
}

/// What the panels and some maps need, in points.
const LEAST_POINTS: [f32; 2] = [960.0, 540.0];

/// From here on text grows.
const ROOMY_POINTS: [f32; 2] = [1600.0, 900.0];

impl Scene {
    /// Compiles everything for targets of this format, which must not be sRGB.
    pub fn new(gpu: &GpuContext, format: wgpu::TextureFormat, ctx: egui::Context) -> Self {
        theme::set_style(&ctx);
        Self {
            painter: Painter::new(gpu, format),
            pictures: PictureRenderer::new(gpu, format),
            tiles: TilesRenderer::new(gpu, format),
            colors: RgbRenderer::new(gpu, format),
            class_activation: ClassActivationView::new(gpu),
            channel: ChannelView::new(gpu),
            hypercolumn: HypercolumnView::new(gpu),
            kernels: None,
            single: ChannelOrder::upload(gpu, &[0]),
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
        state.theme.apply(&self.ctx);
        let mut arrangement = Arrangement::default();
        let output = self.ctx.run_ui(input, |ui| {
            let clicks = std::mem::take(&mut arrangement.clicks);
            arrangement = panels::show(ui, state, model);
            // egui may run the layout twice; clicks come only once.
            arrangement.clicks.extend(clicks);
        });
        self.painter.update(&self.gpu, &output.textures_delta);
        let mut textures = output.textures_delta;
        textures.clear();
        let paint_jobs = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        self.content = Content {
            size,
            scale,
            theme: state.theme,
            paint_jobs,
            picture: arrangement.picture.map(|rect| (in_pixels(rect, scale), state.mirror)),
            activations: model.activations.clone(),
            ..Content::default()
        };
        self.place_picture(state, model);
        let areas: Vec<_> = arrangement.tiles.iter().map(|area| in_pixels(*area, scale)).collect();
        if let Some(whole) = areas.iter().copied().reduce(join) {
            self.content.tile_area = [whole.x, whole.y, whole.width, whole.height].map(|side| side as u32);
        }
        match (areas.first(), state.shown_kernels()) {
            (Some(area), Some((conv, choice))) => self.place_kernels(*area, state, model, conv, choice),
            (Some(_), None) => self.place_tiles(&areas, state, model),
            (None, _) => {}
        }
        (arrangement, output.platform_output)
    }

    /// The network's input in place of the picture, and the hypercolumn or the class activation map over it.
    fn place_picture(&mut self, state: &AppState, model: &ViewModel) {
        let (Some((place, mirror)), Some(shown)) = (self.content.picture, &model.activations) else { return };
        let one = |area: Rect| TileDraw {
            target_size: self.content.size,
            origin: [area.x, area.y],
            tile_size: [area.width, area.height],
            pitch: [area.width, area.height],
            columns: 1,
            first: 0,
            count: 1,
            scale: state.overlay_scale(),
            colormap: state.colormap(),
            hatch: 0,
            smooth: true,
            opacity: state.opacity,
            mirror,
        };
        // The part of the picture that the network sees.
        let mut seen = place;
        if let Some(input) = shown.map(0).filter(|_| state.network_input) {
            let TileDraw { target_size, origin, tile_size, pitch, .. } = one(place);
            let (low, high) = shown.model.weights.conventions.input_scale.ends();
            let draw = RgbDraw {
                target_size,
                origin,
                tile_size,
                pitch,
                columns: 1,
                first: 0,
                count: 1,
                low,
                high,
                mirror,
            };
            self.content.colored.push((input.clone(), draw));
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
        let layer = model.shown_layer(state);
        let lying_over = match state.overlay {
            Some(Overlay::Hypercolumn) => {
                self.hypercolumn.picture(&self.gpu, state.graph(), shown, &state.hypercolumn)
            }
            Some(Overlay::ClassActivation) => self.class_activation.map(&self.gpu, shown),
            Some(Overlay::Channel) => state
                .selected_channel(layer)
                .and_then(|channel| self.channel.map(&self.gpu, shown, layer, channel)),
            None => None,
        };
        let draw = one(seen);
        self.content.overlay =
            lying_over.map(|(map, statistics)| Tiles { draw, map, statistics, ranges: None });
    }

    /// Adds to what the panels show what only the scene finds out: class activation, the enlarged channel's values, and the
    /// hypercolumn under the cursor. With `wait`, of the very frame that is shown; otherwise as far as it is known.
    pub fn complete(&mut self, state: &AppState, model: &mut ViewModel, wait: bool) {
        model.explanation = self.explanation(state, wait);
        model.channel = self.channel_values(state, model, wait);
        model.vector = model.pixel.and_then(|pixel| self.vector(state, model, pixel));
    }

    /// The hypercolumn at a pixel of the network's input, for the frame that is shown.
    fn vector(&mut self, state: &AppState, model: &ViewModel, pixel: [u32; 2]) -> Option<PixelVector> {
        let shown = model.activations.as_ref().filter(|_| state.overlay == Some(Overlay::Hypercolumn))?;
        self.hypercolumn.vector(&self.gpu, state.graph(), shown, &state.hypercolumn, pixel)
    }

    /// What is to be said of the class activation map over the picture; with `wait`, of the very one that is shown.
    fn explanation(&mut self, state: &AppState, wait: bool) -> Option<Explanation> {
        match state.overlay {
            Some(Overlay::ClassActivation) => self.class_activation.explanation(&self.gpu, wait),
            _ => None,
        }
    }

    /// The values of the enlarged channel; with `wait`, of the very frame that is shown.
    fn channel_values(&mut self, state: &AppState, model: &ViewModel, wait: bool) -> Option<ChannelValues> {
        let shown = model.activations.as_ref().filter(|_| state.enlarged && !state.kernels)?;
        let layer = model.shown_layer(state);
        self.channel.values(&self.gpu, shown, layer, state.selected_channel(layer)?, wait)
    }

    /// True while numbers are on their way that the next drawing is to show.
    pub fn is_waiting(&self) -> bool {
        self.hypercolumn.is_waiting() || self.class_activation.is_waiting() || self.channel.is_waiting()
    }

    fn place_kernels(
        &mut self,
        area: Rect,
        state: &AppState,
        model: &ViewModel,
        conv: LayerIndex,
        choice: KernelChoice,
    ) {
        let (Some(grid), Some(network)) = (state.grid, model.network()) else { return };
        if self.kernels.as_ref().is_none_or(|known| !known.is(&network.weights, conv, &choice)) {
            self.kernels =
                KernelView::upload(&self.gpu, &network.graph, &network.weights, conv, choice.clone());
        }
        let Some(kernels) = &self.kernels else { return };
        let slices = kernels.map.shape.channels;
        let (first, all) = match &choice {
            KernelChoice::Colored(filters) => (state.page() * grid.page_len(), filters.len()),
            KernelChoice::Slices(_) => (0, slices),
        };
        let mut draw = self.tile_draw(area, &grid, state);
        (draw.first, draw.count) = (first as u32, grid.page_len().min(all.saturating_sub(first)) as u32);
        self.content.tile_size = grid.tile;
        match choice {
            KernelChoice::Colored(_) => {
                if state.enlarged {
                    enlarge(&mut draw, area, kernels.map.shape);
                    (draw.first, draw.count) = (state.selected as u32, 1);
                }
                let TileDraw { target_size, origin, tile_size, pitch, columns, first, count, .. } = draw;
                let (low, high, mirror) = ([-1.0; 3], [1.0; 3], false);
                let draw = RgbDraw {
                    target_size,
                    origin,
                    tile_size,
                    pitch,
                    columns,
                    first,
                    count,
                    low,
                    high,
                    mirror,
                };
                self.content.colored.push((kernels.map.clone(), draw));
            }
            KernelChoice::Slices(_) => {
                draw.scale = Scale::of(Normalize::Symmetric);
                (draw.colormap, draw.smooth) = (Colormap::Diverging, false);
                let (map, statistics) = (kernels.map.clone(), kernels.statistics.clone());
                self.content.tiles.push(Tiles { draw, map, statistics, ranges: None });
                self.upload_order(&(0..slices as u32).collect::<Vec<_>>());
            }
        }
    }

    fn tile_draw(&self, area: Rect, grid: &TileGrid, state: &AppState) -> TileDraw {
        TileDraw {
            target_size: self.content.size,
            origin: [area.x + grid.origin[0] as f32, area.y + grid.origin[1] as f32],
            tile_size: grid.tile.map(|side| side as f32),
            pitch: grid.pitch().map(|side| side as f32),
            columns: grid.columns,
            first: 0,
            count: 0,
            scale: state.scale,
            colormap: state.colormap(),
            hatch: (HATCH * self.content.scale).round() as u32,
            smooth: state.smooth,
            opacity: 1.0,
            mirror: false,
        }
    }

    /// The tiles of the shown layer; where networks are compared, those of each of them and the differences.
    fn place_tiles(&mut self, areas: &[Rect], state: &AppState, model: &ViewModel) {
        let layer = model.shown_layer(state);
        let (Some(grid), Some(shown)) = (state.grid, &model.activations) else { return };
        let colors = LayerColors::of(state, shown, layer);
        let channels = state.shown_channels(layer);
        let first = state.page() * grid.page_len();
        for ((area, colors), (tap, _)) in areas.iter().zip(colors).zip(shown.versions(layer)) {
            let Tap { map, statistics, .. } = tap.clone();
            let mut draw = self.tile_draw(*area, &grid, state);
            (draw.first, draw.count) =
                (first as u32, grid.page_len().min(channels.len().saturating_sub(first)) as u32);
            (draw.scale, draw.colormap) = (colors.scale, colors.colormap);
            let ranges = colors.other_ranges().map(|ranges| StatisticsBuffer::upload(&self.gpu, &ranges));
            if state.enlarged {
                enlarge(&mut draw, *area, map.shape);
                (draw.first, draw.count) = (state.selected as u32, 1);
            }
            self.content.tile_size = draw.tile_size.map(|side| side as u32);
            self.content.tiles.push(Tiles { draw, map, statistics, ranges });
        }
        self.upload_order(&channels);
    }

    fn upload_order(&mut self, channels: &[u32]) {
        if self.order.as_ref().is_none_or(|(known, _)| known != channels) {
            self.order = Some((channels.to_vec(), ChannelOrder::upload(&self.gpu, channels)));
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

    /// Draws what was laid out last into a target of that size; the submission, for whoever waits for it.
    pub fn draw(&mut self, target: &wgpu::TextureView) -> wgpu::SubmissionIndex {
        let gpu = self.gpu.clone();
        gpu.submit(|encoder| {
            let content = &self.content;
            let mut pass = clear(encoder, target, content.theme.palette().background);
            if let (Some(shown), Some((place, mirror))) = (&content.activations, content.picture) {
                self.pictures.draw(&gpu, &mut pass, &shown.frame, content.size, place, mirror);
            }
            for (map, draw) in &content.colored {
                self.colors.draw(&gpu, &mut pass, map, draw);
            }
            if let Some(Tiles { draw, map, statistics, ranges }) = &content.overlay {
                self.tiles.draw(&gpu, &mut pass, map, statistics, ranges.as_ref(), &self.single, draw);
            }
            self.draw_grids(&mut pass);
            self.painter.draw(&gpu, &mut pass, &content.paint_jobs, content.size, content.scale);
        })
    }

    fn draw_grids(&self, pass: &mut wgpu::RenderPass<'_>) {
        let Some((_, order)) = &self.order else { return };
        for Tiles { draw, map, statistics, ranges } in &self.content.tiles {
            self.tiles.draw(&self.gpu, pass, map, statistics, ranges.as_ref(), order, draw);
        }
    }

    /// Draws only the tiles of what was laid out last, for measurements.
    pub fn draw_tiles(&self, target: &wgpu::TextureView) -> wgpu::SubmissionIndex {
        self.gpu.submit(|encoder| self.draw_grids(&mut clear(encoder, target, DARK.background)))
    }

    /// A texture with what was laid out last.
    pub fn draw_to_texture(&mut self, format: wgpu::TextureFormat) -> PooledTarget {
        let target = self.gpu.target(self.content.size, format);
        self.draw(&target.view);
        target
    }

    /// The tiles of a tap alone, one pixel a value with a gap of one, in these colours.
    pub fn draw_native_tiles(
        &mut self,
        tap: &Tap,
        channels: &[u32],
        colors: &LayerColors,
        format: wgpu::TextureFormat,
    ) -> PooledTarget {
        let Tap { map, statistics, .. } = tap;
        let tile = [map.shape.width as u32, map.shape.height as u32];
        let columns = (channels.len() as f32).sqrt().ceil() as u32;
        let rows = (channels.len() as u32).div_ceil(columns);
        let size = [columns * (tile[0] + 1) - 1, rows * (tile[1] + 1) - 1];
        let target = self.gpu.target(size, format);
        let draw = TileDraw {
            target_size: size,
            origin: [0.0; 2],
            tile_size: tile.map(|side| side as f32),
            pitch: tile.map(|side| side as f32 + 1.0),
            columns,
            first: 0,
            count: channels.len() as u32,
            scale: colors.scale,
            colormap: colors.colormap,
            hatch: 0,
            smooth: false,
            opacity: 1.0,
            mirror: false,
        };
        self.upload_order(channels);
        let order = self.order.as_ref().map(|(_, order)| order);
        let ranges = colors.other_ranges().map(|ranges| StatisticsBuffer::upload(&self.gpu, &ranges));
        self.gpu.submit(|encoder| {
            // The same file whatever the theme.
            let mut pass = clear(encoder, &target.view, DARK.background);
            if let Some(order) = order {
                self.tiles.draw(&self.gpu, &mut pass, map, statistics, ranges.as_ref(), order, &draw);
            }
        });
        target
    }
}

/// One tile, as large as fits.
fn enlarge(draw: &mut TileDraw, area: Rect, shape: Shape) {
    let place = enlarged(area, shape);
    let size = [place.width, place.height];
    draw.origin = [place.x, place.y];
    (draw.tile_size, draw.pitch, draw.columns) = (size, size, 1);
}

/// Where in an area an enlarged map lies, in whole pixels.
pub fn enlarged(area: Rect, shape: Shape) -> Rect {
    let (width, height) = (shape.width as f32, shape.height as f32);
    let zoom = (area.width / width).min(area.height / height);
    let (width, height) = ((width * zoom).floor().max(1.0), (height * zoom).floor().max(1.0));
    let (x, y) = (((area.width - width) / 2.0).floor(), ((area.height - height) / 2.0).floor());
    Rect { x: area.x + x, y: area.y + y, width, height }
}

/// The smallest rectangle around two.
fn join(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let (right, bottom) = ((a.x + a.width).max(b.x + b.width), (a.y + a.height).max(b.y + b.height));
    Rect { x, y, width: right - x, height: bottom - y }
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

/// Whole pixels, so that every tile cell has the same size wherever a panel ends.
pub fn in_pixels(rect: PointRect, scale: f32) -> Rect {
    let [x, y] = [rect.min.x, rect.min.y].map(|edge| (edge * scale).round());
    let [right, bottom] = [rect.max.x, rect.max.y].map(|edge| (edge * scale).round());
    Rect { x, y, width: (right - x).max(1.0), height: (bottom - y).max(1.0) }
}
