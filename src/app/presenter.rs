//! The view as the window shows it, without a window: results are taken as they come, laid out and drawn into a texture.
//! For measurements, and for tests of what reaches the screen. Main thread.

use std::sync::Arc;
use std::time::Instant;

use super::keymap::Action;
use super::scene::{Scene, scale_of};
use super::shown::Shown;
use super::state::{AppState, Effect};
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

/// A view without a window.
pub struct Presenter {
    /// What the user has chosen.
    pub state: AppState,
    gpu: GpuContext,
    scene: Scene,
    size: [u32; 2],
    scale: f32,
    target: PooledTarget,
    shown: Shown,
}

impl Presenter {
    /// A view of this size in pixels; nothing is drawn yet.
    pub fn new(gpu: &GpuContext, placement: Placement, state: AppState, size: [u32; 2]) -> Self {
        let scene = Scene::new(gpu, FORMAT, egui::Context::default());
        Self {
            state,
            gpu: gpu.clone(),
            scene,
            size,
            scale: scale_of(size, 1.0),
            target: gpu.target(size, FORMAT),
            shown: Shown::new(gpu, placement, Arc::new([])),
        }
    }

    /// Takes what a session made of a frame, to be drawn next.
    pub fn take(&mut self, shown: Activations) {
        self.shown.take(&self.state, shown);
    }

    /// What is shown.
    pub fn shown(&self) -> Option<&Activations> {
        self.shown.activations.as_deref()
    }

    /// Does what a key asks for.
    pub fn act(&mut self, action: Action) -> Option<Effect> {
        self.state.apply(action, self.scale)
    }

    /// Lays the view out, draws it, and waits until the picture is there (what else the device has to do may go on).
    ///
    /// # Errors
    /// When the device is lost.
    pub fn present(&mut self, session: &Session) -> Result<DrawTimes, ReadbackError> {
        let start = Instant::now();
        self.lay_out(session);
        let laid_out = Instant::now();
        let submission = self.scene.draw(&self.target.view);
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
        let submission = self.scene.draw_tiles(&self.target.view);
        readback::wait_for(&self.gpu, submission)?;
        Ok(start.elapsed().as_secs_f32() * 1e3)
    }

    /// The number that the presented picture carries ([`crate::source::counter`]).
    ///
    /// # Errors
    /// When the device is lost.
    pub fn counter(&self) -> Result<Option<u16>, ReadbackError> {
        let Some([x, y, width, height]) = self.scene.picture_area() else { return Ok(None) };
        let upper = [x, y, width, counter::rows(height)];
        Ok(counter::read(&readback::copy_part(&self.gpu, &self.target.texture, upper).wait(&self.gpu)?))
    }

    /// What was drawn last.
    ///
    /// # Errors
    /// When the device is lost.
    pub fn picture(&self) -> Result<image::RgbImage, ReadbackError> {
        readback::copy_picture(&self.gpu, &self.target.texture).wait(&self.gpu)
    }

    /// Makes tiles as small as it takes for all shown channels to fit on one page; call when there is something to show.
    pub fn show_all_tiles(&mut self, session: &Session) {
        self.lay_out(session);
        let count = self.state.shown_channels(self.state.layer).len();
        let page_len = |presenter: &Self| presenter.state.grid.map_or(usize::MAX, |grid| grid.page_len());
        let mut points = self.state.grid.map_or(0, |grid| grid.tile[0].max(grid.tile[1]));
        while page_len(self) < count && points > SMALLEST_TILE {
            points -= 1;
            self.state.tile_size = TileSize::Pixels(points);
            self.lay_out(session);
        }
    }

    /// Number and size (width and height, in pixels) of the tiles that were laid out last.
    pub fn tiles(&self) -> (usize, [u32; 2]) {
        let count = self.state.shown_channels(self.state.layer).len();
        let page_len = self.state.grid.map_or(0, |grid| grid.page_len());
        let one = self.state.enlarged;
        (if one { 1 } else { count.min(page_len) }, self.scene.tile_area().1)
    }

    fn lay_out(&mut self, session: &Session) {
        self.shown.relate(&self.gpu, &self.state, || {});
        let layer = self.shown.layer(&self.state);
        self.shown.arrange(&mut self.state, layer, session.status().live);
        let mut model = self.shown.model(&self.state, session);
        self.scene.complete(&self.state, &mut model, false);
        // As in the window, what counts the tiles is laid out again where their grid has changed.
        for _ in 0..2 {
            let grid = self.state.grid;
            let input = Scene::raw_input(self.size, self.scale);
            self.scene.lay_out(input, self.size, self.scale, &mut self.state, &model);
            if grid == self.state.grid {
                break;
            }
        }
    }
}
