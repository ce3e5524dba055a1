//! The view drawn into a texture, for measurements and for tests of what reaches the screen. Main thread.

use std::sync::Arc;
use std::time::Instant;

use super::keys::Action;
use super::state::AppState;
use super::view::{Outcome, View};
use crate::engine::Placement;
use crate::gpu::readback::{self, ReadbackError};
use crate::gpu::{GpuContext, PooledTarget};
use crate::session::{Activations, Session};
use crate::source::counter;
use crate::view::TileSize;

/// What the view is drawn into.
const FORMAT: wgpu::TextureFormat = wgpu::TextureFormat::Rgba8Unorm;

/// The smallest tiles that are tried where many are to fit, in points.
const SMALLEST_TILE: u32 = 4;

/// How long a drawing took, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub struct DrawTimes {
    /// Channels put in order, panels laid out.
    pub layout_ms: f32,
    /// From then until the picture is there.
    pub draw_ms: f32,
}

/// A view and the texture that it is drawn into.
pub struct Presenter {
    /// The view.
    pub view: View,
    gpu: GpuContext,
    size: [u32; 2],
    /// Only tiles, for measurements.
    tiles: PooledTarget,
    drawn: PooledTarget,
}

impl Presenter {
    /// A view of this size in pixels; nothing is drawn yet.
    pub fn new(gpu: &GpuContext, placement: Placement, state: AppState, size: [u32; 2]) -> Self {
        let view = View::new(gpu, placement, state, Arc::new([]), FORMAT, egui::Context::default());
        let target = || gpu.target(size, FORMAT);
        Self { view, gpu: gpu.clone(), size, tiles: target(), drawn: target() }
    }

    /// What is shown.
    pub fn shown(&self) -> Option<&Activations> {
        self.view.activations().map(|shown| &**shown)
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action, session: &Session) -> Outcome {
        let scale = super::geometry::scale_of(self.size, 1.0);
        self.view.act(action, scale, session)
    }

    /// Lays the view out, draws it, and waits until the picture is there (what else the device has to do may go on).
    ///
    /// # Errors
    /// When the device is lost.
    pub fn present(&mut self, session: &Session) -> Result<DrawTimes, ReadbackError> {
        let start = Instant::now();
        self.view.lay_out_off_screen(session, self.size);
        let laid_out = Instant::now();
        let (drawn, submission) = self.view.present();
        self.drawn = drawn;
        readback::wait_for(&self.gpu, submission)?;
        let ms = |from: Instant, to: Instant| (to - from).as_secs_f32() * 1e3;
        Ok(DrawTimes { layout_ms: ms(start, laid_out), draw_ms: ms(laid_out, Instant::now()) })
    }

    /// Draws the tiles of what was laid out last, alone, and waits: milliseconds.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn present_tiles(&mut self) -> Result<f32, ReadbackError> {
        let start = Instant::now();
        let submission = self.view.scene.renderer.draw_tiles(&self.tiles.view);
        readback::wait_for(&self.gpu, submission)?;
        Ok(start.elapsed().as_secs_f32() * 1e3)
    }

    /// The number that the presented picture carries ([`crate::source::counter`]).
    ///
    /// # Errors
    /// When the device is lost.
    pub fn counter(&self) -> Result<Option<u16>, ReadbackError> {
        let Some([x, y, width, height]) = self.view.scene.picture_area() else { return Ok(None) };
        let upper = [x, y, width, counter::rows(height)];
        Ok(counter::read(&readback::copy_part(&self.gpu, &self.drawn.texture, upper).wait(&self.gpu)?))
    }

    /// What was drawn last.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn picture(&self) -> Result<image::RgbImage, ReadbackError> {
        readback::copy_picture(&self.gpu, &self.drawn.texture).wait(&self.gpu)
    }

    /// The same drawn anew, all of it.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn picture_anew(&mut self) -> Result<image::RgbImage, ReadbackError> {
        readback::copy_picture(&self.gpu, &self.view.scene.renderer.draw_to_texture().texture).wait(&self.gpu)
    }

    /// Makes tiles as small as it takes for all shown channels to fit on one page; call when there is something to show.
    pub fn show_all_tiles(&mut self, session: &Session) {
        self.view.lay_out_off_screen(session, self.size);
        let count = self.view.state.shown_channels(self.view.state.place.layer).len();
        let page_len = |view: &View| view.state.place.grid.map_or(usize::MAX, |grid| grid.page_len());
        let mut points = self.view.state.place.grid.map_or(0, |grid| grid.tile[0].max(grid.tile[1]));
        while page_len(&self.view) < count && points > SMALLEST_TILE {
            points -= 1;
            self.view.state.place.tile_size = TileSize::Pixels(points);
            self.view.lay_out_off_screen(session, self.size);
        }
    }

    /// Number and size (width and height, in pixels) of the tiles that were laid out last.
    pub fn tiles(&self) -> (usize, [u32; 2]) {
        let place = &self.view.state.place;
        let count = self.view.state.shown_channels(place.layer).len();
        let page_len = place.grid.map_or(0, |grid| grid.page_len());
        (if place.enlarged { 1 } else { count.min(page_len) }, self.view.scene.tile_area().1)
    }
}
