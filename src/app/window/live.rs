//! The window: where a running view is drawn, and where its keys come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use winit::dpi::PhysicalSize;
use winit::event::KeyEvent;
use winit::event_loop::{ActiveEventLoop, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::window::Window;

use super::Display;
use super::event::{Event, WindowError, display};
use super::keyboard::{Keyboard, Press};
use super::opening::{self, configuration};
use crate::app::geometry::scale_of;
use crate::app::keys::Action;
use crate::app::running::Running;
use crate::app::setup::Setup;
use crate::gpu::GpuContext;

/// The window, and the view in it.
pub(super) struct Live {
    pub running: Running,
    pub window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    gpu: GpuContext,
    pub egui: egui_winit::State,
    /// News wakes the event loop only once until it is looked at.
    pending: Arc<AtomicBool>,
    /// The window has no area.
    is_empty: bool,
    /// The window system says that nothing of the window can be seen.
    pub occluded: bool,
    /// The session rests, for nobody sees it.
    rests: bool,
    pub modifiers: ModifiersState,
    keyboard: Keyboard,
    display: Option<Display>,
}

impl Live {
    /// Opens the window and starts everything.
    ///
    /// # Errors
    /// [`WindowError`].
    pub fn open(
        event_loop: &ActiveEventLoop,
        setup: Setup,
        instance: &wgpu::Instance,
        proxy: &EventLoopProxy<Event>,
    ) -> Result<Self, WindowError> {
        let x11 = Display::of(event_loop);
        let attributes = opening::attributes(event_loop, x11.as_ref(), &setup);
        let window = Arc::new(event_loop.create_window(attributes).map_err(|error| display(&error))?);
        let surface = instance.create_surface(window.clone()).map_err(|error| display(&error))?;
        let gpu = GpuContext::open(instance.clone(), setup.adapter.as_deref(), Some(&surface))?;
        let config = configuration(&surface, &gpu, window.inner_size())?;
        surface.configure(&gpu.device, &config);

        let ctx = egui::Context::default();
        let limit = gpu.device.limits().max_texture_dimension_2d as usize;
        let native = Some(window.scale_factor() as f32);
        let egui =
            egui_winit::State::new(ctx.clone(), egui::ViewportId::ROOT, &window, native, None, Some(limit));
        let pending = Arc::new(AtomicBool::new(false));
        let (proxy, is_pending) = (proxy.clone(), pending.clone());
        let wake = Arc::new(move || {
            if !is_pending.swap(true, Ordering::AcqRel) {
                // Without a loop there is nobody to wake.
                let _ = proxy.send_event(Event::News);
            }
        });
        let running = Running::start(setup, &gpu, config.format, ctx, wake).map_err(WindowError::Session)?;
        Ok(Self {
            running,
            window,
            surface,
            config,
            gpu,
            egui,
            pending,
            is_empty: false,
            occluded: false,
            rests: false,
            modifiers: ModifiersState::empty(),
            keyboard: Keyboard::default(),
            display: x11,
        })
    }

    fn size(&self) -> [u32; 2] {
        [self.config.width, self.config.height]
    }

    fn scale(&self) -> f32 {
        scale_of(self.size(), self.window.scale_factor() as f32)
    }

    /// Does what was asked for; true where that is to end the program.
    pub fn apply(&mut self, action: Action) -> bool {
        self.window.request_redraw();
        self.running.apply(action, self.scale())
    }

    /// Takes what the other threads have ready.
    ///
    /// # Errors
    /// Where it cannot go on.
    pub fn take_news(&mut self) -> Result<(), WindowError> {
        // Cleared before looking: news that comes meanwhile wakes again.
        self.pending.store(false, Ordering::Release);
        // The window has its own size.
        let _ = self.running.take_guests(self.size(), self.scale());
        self.running.take_news().map_err(WindowError::Session)
    }

    /// Draws the view; returns what was asked for, and when to look again although nothing happened.
    pub fn redraw(&mut self) -> (Vec<Action>, Option<Instant>) {
        let (size, scale) = (self.size(), self.scale());
        self.egui.egui_ctx().set_zoom_factor(scale / self.window.scale_factor() as f32);
        let mut input = self.egui.take_egui_input(&self.window);
        let points = egui::Vec2::new(size[0] as f32, size[1] as f32) / scale;
        input.screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, points));
        let laid_out = self.running.lay_out(input, size, scale);
        // egui finds the size of a new window by laying it out once.
        if laid_out.again || self.egui.egui_ctx().has_requested_repaint() {
            self.window.request_redraw();
        }
        let wake_at = self.running.next_look(&laid_out);
        self.egui.handle_platform_output(&self.window, laid_out.output);
        self.present();
        (laid_out.arrangement.actions, wake_at)
    }

    fn present(&mut self) {
        let (surface, gpu) = (&self.surface, &self.gpu);
        let Some(texture) = opening::next_texture(surface, gpu, &self.config, &self.window) else { return };
        self.running.view.present_onto(&texture.texture);
        self.window.pre_present_notify();
        self.gpu.queue.present(texture);
    }

    /// Whether nobody can see the window; the session rests meanwhile.
    pub fn is_hidden(&mut self) -> bool {
        let is_hidden = self.occluded || self.is_empty || self.window.is_minimized() == Some(true);
        if self.rests != is_hidden {
            self.rests = is_hidden;
            self.running.session.rest(is_hidden);
        }
        is_hidden
    }

    /// What a key that went down asks for.
    pub fn press(&mut self, event: &KeyEvent) -> Option<Action> {
        if !self.keyboard.counts(event.repeat) {
            return None;
        }
        let press = Press { place: event.physical_key, typed: &event.logical_key, modifiers: self.modifiers };
        let key = self.keyboard.key(press, self.display.as_ref().and_then(Display::script))?;
        let action = self.running.view.action_of(key, event.text.as_deref(), &self.running.session);
        self.keyboard.did(action.is_none_or(Action::repeats));
        self.window.request_redraw();
        action
    }

    pub fn resize(&mut self, size: PhysicalSize<u32>) {
        self.is_empty = size.width == 0 || size.height == 0;
        let limit = self.gpu.device.limits().max_texture_dimension_2d;
        if !self.is_empty {
            (self.config.width, self.config.height) = (size.width.min(limit), size.height.min(limit));
            self.surface.configure(&self.gpu.device, &self.config);
            self.window.request_redraw();
        }
    }
}
