//! Lays the view out: the panels with egui, and what the lenses have for the tiles and the picture in the places that the panels
//! leave. The same code for the window, for snapshots and off screen.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::ViewportId;

use super::cell::CellView;
use super::channel::ChannelView;
use super::damage::PanelLayout;
use super::geometry::{enlarged, in_pixels, join};
use super::lens::{OverlayWork, TileSet, TilesWork};
use super::panels::{self, Arrangement};
use super::placing::Placing;
use super::renderer::{Content, Renderer};
use super::state::{AppState, LensName};
use super::theme;
use super::view_model::ViewModel;
use crate::gpu::{GpuContext, Rect};
use crate::model::Shape;

/// What lenses keep, and what was laid out.
pub struct Scene {
    gpu: GpuContext,
    ctx: egui::Context,
    /// Draws what was laid out last.
    pub renderer: Renderer,
    channel: ChannelView,
    cell: CellView,
    /// Of the lenses that were used so far.
    tiles_work: BTreeMap<LensName, Box<dyn TilesWork>>,
    overlay_work: BTreeMap<LensName, Box<dyn OverlayWork>>,
}

/// How often is looked whether numbers have come back from the drawing device.
const COPY_POLL: Duration = Duration::from_millis(8);

/// How often tiles that grow are drawn again.
const GROWTH_POLL: Duration = Duration::from_millis(250);

/// Between the lines over values beyond the range, in points.
const HATCH: f32 = 4.0;

impl Scene {
    /// Compiles everything for targets of this format, which must not be sRGB.
    pub fn new(gpu: &GpuContext, format: wgpu::TextureFormat, ctx: egui::Context) -> Self {
        theme::set_style(&ctx);
        Self {
            renderer: Renderer::new(gpu, format, ctx.clone()),
            channel: ChannelView::default(),
            cell: CellView::default(),
            tiles_work: BTreeMap::new(),
            overlay_work: BTreeMap::new(),
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
        self.renderer.update(&output.textures_delta);
        let mut textures = output.textures_delta;
        textures.clear();
        let background = state.panels.theme.palette().background;
        let shapes = Arc::new(output.shapes);
        self.renderer.content = Content {
            panels: PanelLayout { size, scale, background, shapes, live: vec![] },
            picture: arrangement.picture.map(|rect| (in_pixels(rect, scale), state.panels.mirror)),
            activations: model.activations.clone(),
            ..Content::default()
        };
        self.place_picture(state, model);
        let areas: Vec<_> = arrangement.tiles.iter().map(|area| in_pixels(*area, scale)).collect();
        if let Some(whole) = areas.iter().copied().reduce(join) {
            self.renderer.content.tile_area =
                [whole.x, whole.y, whole.width, whole.height].map(|side| side as u32);
        }
        self.place_tiles(&areas, state, model);
        let live = self.renderer.content.live().into_iter().flatten().collect();
        self.renderer.content.panels.live = live;
        (arrangement, output.platform_output)
    }

    /// The network's input in place of the picture, and what lies over it.
    fn place_picture(&mut self, state: &AppState, model: &ViewModel) {
        let (Some((place, mirror)), Some(shown)) = (self.renderer.content.picture, &model.activations) else {
            return;
        };
        // The part of the picture that the network sees.
        let mut seen = place;
        if let Some(input) = shown.map(0).filter(|_| state.shows_input()) {
            let scale = shown.model.weights.conventions.input_scale;
            let (low, high) = scale.ends();
            let placing = Placing { mirror, ..Placing::one(self.renderer.content.panels.size, place) };
            let colors = scale.colors(input.shape.channels);
            self.renderer.content.input = Some((input.clone(), placing, colors, [low, high]));
        } else {
            let frame = &shown.frame.frame;
            let input = shown.model.graph.input_shape();
            let crop = shown.request.how.seen([frame.width, frame.height], input);
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
        let placing = Placing { mirror, opacity, ..Placing::one(self.renderer.content.panels.size, seen) };
        let over = work.map(&self.gpu, &model.look(state));
        self.renderer.content.over = over.map(|over| (over, placing, state.colors.colormap()));
    }

    /// Adds to what the panels show what only the scene finds out: what is said of the overlay, and the enlarged channel's
    /// values. With `wait`, of the very frame that is shown; otherwise as far as it is known.
    pub fn complete(&mut self, state: &AppState, model: &mut ViewModel, wait: bool) {
        if let Some(lens) = state.overlay_lens() {
            let start = || lens.start(&self.gpu);
            let work = self.overlay_work.entry(lens.about().name).or_insert_with(start);
            model.over = work.legend(&self.gpu, &model.look(state), wait);
        }
        let tiles = self.tiles_work.get(state.tiles_lens().about().name);
        model.told = tiles.and_then(|work| work.said());
        let shown = model.activations.as_ref().filter(|_| state.shows_one_map());
        let layer = model.shown_layer(state);
        model.channel = shown
            .zip(state.selected_channel(layer))
            .and_then(|(shown, channel)| self.channel.values(&self.gpu, shown, layer, channel, wait));
        let of_cell =
            shown.filter(|_| state.explains_cell()).zip(state.selected_channel(layer)).zip(model.cell);
        model.explained = of_cell.and_then(|((shown, channel), cell)| {
            self.cell.explain(&self.gpu, shown, (layer, channel as usize), cell, wait)
        });
    }

    /// When to draw again because of what is on its way: numbers from the drawing device, tiles that grow.
    pub fn next_look(&self, now: Instant) -> Option<Instant> {
        let is_waiting = self.overlay_work.values().any(|work| work.is_waiting())
            || self.channel.is_waiting()
            || self.cell.is_waiting();
        let is_growing = self.tiles_work.values().any(|work| work.is_growing());
        let copied = is_waiting.then(|| now + COPY_POLL);
        copied.or(is_growing.then(|| now + GROWTH_POLL))
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
        let hatch = (HATCH * self.renderer.content.panels.scale).round() as u32;
        for (set, area) in sets.into_iter().zip(areas) {
            // Rows have as many tiles as their layers have channels.
            let shown = shown.start..shown.end.min(set.order.len().max(shown.start));
            let placing = match state.place.enlarged && subject.is_selectable {
                // One tile, as large as fits.
                true => Placing {
                    first: state.place.selected as u32,
                    ..Placing::one(self.renderer.content.panels.size, enlarged(*area, shape))
                },
                false => Placing::grid(self.renderer.content.panels.size, *area, &grid, shown),
            };
            self.renderer.content.tile_size = placing.tile_size.map(|side| side as u32);
            self.renderer.upload_order(&set.order);
            self.renderer.content.tiles.push((set, Placing { hatch, ..placing }));
        }
    }

    /// Where the tiles were laid out, in pixels: left, top, width, height; and the size of one.
    pub fn tile_area(&self) -> ([u32; 4], [u32; 2]) {
        (self.renderer.content.tile_area, self.renderer.content.tile_size)
    }

    /// Size of the view that was laid out last, in pixels.
    pub fn size(&self) -> [u32; 2] {
        self.renderer.content.panels.size
    }

    /// Where the picture was laid out, in pixels: left, top, width, height.
    pub fn picture_area(&self) -> Option<[u32; 4]> {
        let (Rect { x, y, width, height }, _) = self.renderer.content.picture?;
        Some([x, y, width, height].map(|edge| edge as u32))
    }

    /// What the tiles were made of, of each version.
    pub fn tile_sets(&self) -> impl Iterator<Item = &TileSet> {
        self.renderer.content.tiles.iter().map(|(set, _)| set)
    }
}
