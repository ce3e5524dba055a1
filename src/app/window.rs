//! The window: winit's events in, drawings out.

#[cfg(not(all(unix, not(target_os = "macos"))))]
mod elsewhere;
mod event;
mod keyboard;
mod opening;
mod places;
#[cfg(all(unix, not(target_os = "macos")))]
mod x11;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use winit::application::ApplicationHandler;
use winit::dpi::PhysicalSize;
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::window::{Window, WindowId};

use super::download::Download;
use super::first_run;
use super::geometry::scale_of;
use super::keys::Action;
use super::recorder::Recorder;
use super::setup::Setup;
use super::view::{Around, Outcome, View};
use crate::gpu::{GpuContext, new_instance};
use crate::record::Writer;
use crate::session::{Session, Stage};
#[cfg(not(all(unix, not(target_os = "macos"))))]
use elsewhere::Display;
use event::display;
use keyboard::{Keyboard, Press};
use opening::configuration;
#[cfg(all(unix, not(target_os = "macos")))]
use x11::Display;

pub use event::{Event, WindowError};

/// How long a message stays.
const TOAST: Duration = Duration::from_secs(5);

/// How often is looked whether somebody can see a window again that nobody could.
const HIDDEN_POLL: Duration = Duration::from_millis(500);

/// Opens the window and runs until it is closed. `interrupt` is handed a function that ends it from any thread.
///
/// # Errors
/// [`WindowError`].
pub fn run(setup: Setup, interrupt: impl FnOnce(Box<dyn Fn() + Send>)) -> Result<(), WindowError> {
    let event_loop = EventLoop::<Event>::with_user_event().build().map_err(|error| display(&error))?;
    let proxy = event_loop.create_proxy();
    let quit = proxy.clone();
    interrupt(Box::new(move || {
        // A loop that has ended needs no telling.
        let _ = quit.send_event(Event::Quit);
    }));
    let instance = new_instance(Some(Box::new(event_loop.owned_display_handle())));
    let mut app = App { setup, instance, proxy, live: None, outcome: Ok(()) };
    // winit panics where the window system destroys the window under it instead of asking to close it.
    let ran = catch_unwind(AssertUnwindSafe(|| event_loop.run_app(&mut app)));
    ran.map_err(|_| display(&"the window system took the window away"))?.map_err(|error| display(&error))?;
    // The window's threads end before the graphics driver is unloaded.
    drop(app.live.take());
    app.outcome
}

struct App {
    setup: Setup,
    instance: wgpu::Instance,
    proxy: EventLoopProxy<Event>,
    /// Window and all that hangs on it, from the first `resumed` on.
    live: Option<Live>,
    outcome: Result<(), WindowError>,
}

struct Live {
    /// First: it tells what became of a film once the picture is no longer presented.
    recorder: Recorder,
    session: Session,
    writer: Writer,
    window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    gpu: GpuContext,
    egui: egui_winit::State,
    view: View,
    download: Option<Download>,
    toast: Option<(String, Instant)>,
    /// A snapshot is taken of what is laid out next, so that it shows what it says.
    wants_snapshot: bool,
    /// Tells the event loop that there is news, from any thread.
    wake: Arc<dyn Fn() + Send + Sync>,
    /// News wakes the event loop only once until it is looked at.
    pending: Arc<AtomicBool>,
    /// The window has no area.
    is_empty: bool,
    /// The window system says that nothing of the window can be seen.
    occluded: bool,
    /// The session rests, for nobody sees it.
    rests: bool,
    modifiers: ModifiersState,
    keyboard: Keyboard,
    display: Option<Display>,
}

impl App {
    fn open(&mut self, event_loop: &ActiveEventLoop) -> Result<Live, WindowError> {
        let x11 = Display::of(event_loop);
        let attributes = opening::attributes(event_loop, x11.as_ref(), &self.setup);
        let window = Arc::new(event_loop.create_window(attributes).map_err(|error| display(&error))?);
        let surface = self.instance.create_surface(window.clone()).map_err(|error| display(&error))?;
        let gpu = GpuContext::open(self.instance.clone(), self.setup.adapter.as_deref(), Some(&surface))?;
        let config = configuration(&surface, &gpu, window.inner_size())?;
        surface.configure(&gpu.device, &config);

        let ctx = egui::Context::default();
        let limit = gpu.device.limits().max_texture_dimension_2d as usize;
        let native = Some(window.scale_factor() as f32);
        let egui =
            egui_winit::State::new(ctx.clone(), egui::ViewportId::ROOT, &window, native, None, Some(limit));
        self.setup.tell_fallbacks(&gpu);
        let pending = Arc::new(AtomicBool::new(false));
        let news = |proxy: EventLoopProxy<Event>, pending: Arc<AtomicBool>| {
            move || {
                if !pending.swap(true, Ordering::AcqRel) {
                    // Without a loop there is nobody to wake.
                    let _ = proxy.send_event(Event::News);
                }
            }
        };
        let mut state = self.setup.state.clone();
        state.panels.hint = first_run::is_first();
        let news = || news(self.proxy.clone(), pending.clone());
        let session = self.setup.start_session(&gpu, state.request(), false, news());
        let news_of_download = news();
        let download = self
            .setup
            .wanted
            .take()
            .map(|wanted| Download::start(wanted, state.how.resize(), news_of_download));
        let writer = self.setup.start_writer(&gpu, news()).map_err(WindowError::Session)?;
        let view = View::of(&self.setup, &gpu, state, config.format, ctx);
        let mut recorder = Recorder::default();
        if let Some(film) = &self.setup.film {
            recorder.begin(film, &view, news()).map_err(WindowError::Session)?;
        }
        Ok(Live {
            recorder,
            session,
            writer,
            view,
            window,
            surface,
            config,
            gpu,
            egui,
            download,
            wake: Arc::new(news()),
            toast: None,
            wants_snapshot: false,
            pending,
            is_empty: false,
            occluded: false,
            rests: false,
            modifiers: ModifiersState::empty(),
            keyboard: Keyboard::default(),
            display: x11,
        })
    }

    fn apply(&mut self, action: Action, event_loop: &ActiveEventLoop) {
        let Some(live) = &mut self.live else { return };
        if live.view.state.panels.hint {
            first_run::remember();
        }
        match live.view.act(action, live.scale(), &live.session) {
            Outcome::Done => {}
            Outcome::Told(text) => live.tell(text),
            Outcome::Snapshot => live.wants_snapshot = true,
            Outcome::Record => {
                let wake = live.wake.clone();
                let told = live.recorder.toggle(&live.view, &self.setup.snapshots, move || wake());
                told.into_iter().for_each(|told| live.tell(told));
            }
            Outcome::Quit => event_loop.exit(),
        }
        live.window.request_redraw();
    }

    fn redraw(&mut self, event_loop: &ActiveEventLoop) {
        let Some(live) = &mut self.live else { return };
        if live.is_hidden() {
            event_loop.set_control_flow(ControlFlow::WaitUntil(Instant::now() + HIDDEN_POLL));
            return;
        }
        let (actions, wake_at) = live.redraw(&self.setup);
        event_loop.set_control_flow(wake_at.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
        for action in actions {
            self.apply(action, event_loop);
        }
    }
}

impl Live {
    fn scale(&self) -> f32 {
        scale_of([self.config.width, self.config.height], self.window.scale_factor() as f32)
    }

    fn tell(&mut self, text: impl Into<String>) {
        self.toast = Some((text.into(), Instant::now()));
    }

    /// Takes what the other threads have ready. False where it cannot go on.
    fn take_news(&mut self) -> Result<(), WindowError> {
        // Cleared before looking: news that comes meanwhile wakes again.
        self.pending.store(false, Ordering::Release);
        self.view.take_all(&self.session);
        if let Some(ended) = self.download.as_mut().and_then(Download::poll) {
            match ended {
                Ok(model) => {
                    self.session.replace(model);
                    self.tell("The ImageNet weights are here and in use from now on.");
                }
                Err(reason) => {
                    // Too long for the screen.
                    eprintln!("note: the ImageNet weights could not be fetched: {reason}");
                    self.tell(
                        "The ImageNet weights could not be fetched; `convscope weights fetch` tries again.",
                    );
                }
            }
        }
        while let Some(written) = self.writer.poll() {
            match written {
                Ok(path) => self.tell(format!("Snapshot: {}", path.display())),
                Err(reason) => self.tell(reason),
            }
        }
        while let Some(told) = self.recorder.poll() {
            eprintln!("convscope: {told}");
            self.tell(told);
        }
        match self.session.status().stage {
            Stage::Failed(reason) => Err(WindowError::Session(reason)),
            _ => Ok(()),
        }
    }

    /// Draws the view; returns what was asked for, and when to look again although nothing happened.
    fn redraw(&mut self, setup: &Setup) -> (Vec<Action>, Option<Instant>) {
        let size = [self.config.width, self.config.height];
        let scale = self.scale();
        let wake = self.wake.clone();
        self.egui.egui_ctx().set_zoom_factor(scale / self.window.scale_factor() as f32);
        let mut input = self.egui.take_egui_input(&self.window);
        let points = egui::Vec2::new(size[0] as f32, size[1] as f32) / scale;
        input.screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, points));
        let around = Around {
            download: self.download.as_ref().and_then(Download::in_words),
            toast: self.toast.as_ref().filter(|(_, at)| at.elapsed() < TOAST).map(|(text, _)| text.clone()),
            recording: self.recorder.in_words(),
        };
        let laid_out = self.view.lay_out(&self.session, around, input, size, scale, move || wake());
        // egui finds the size of a new window by laying it out once.
        if laid_out.again || self.egui.egui_ctx().has_requested_repaint() {
            self.window.request_redraw();
        }
        if std::mem::take(&mut self.wants_snapshot) {
            let job = self.view.snapshot(&laid_out.model, setup);
            self.tell(match job.map(|job| self.writer.offer(job)) {
                Some(Ok(())) => "Writing a snapshot …",
                Some(Err(_)) => "The disk is still busy with the last snapshots: this one was not taken.",
                None => "There is nothing to take a snapshot of yet.",
            });
            self.window.request_redraw();
        }
        self.egui.handle_platform_output(&self.window, laid_out.output);
        self.present();
        let toast_end = self.toast.as_ref().map(|(_, at)| *at + TOAST).filter(|end| *end > laid_out.now);
        let more = self.view.scene.next_look(laid_out.now);
        let film = self.recorder.next_look();
        let wake_at = [laid_out.next_look, toast_end, more, film].into_iter().flatten().min();
        (laid_out.arrangement.actions, wake_at)
    }

    fn present(&mut self) {
        let (surface, gpu) = (&self.surface, &self.gpu);
        let Some(texture) = opening::next_texture(surface, gpu, &self.config, &self.window) else { return };
        self.view.present_onto(&texture.texture);
        self.window.pre_present_notify();
        self.gpu.queue.present(texture);
    }

    /// Whether nobody can see the window; the session rests meanwhile.
    fn is_hidden(&mut self) -> bool {
        let is_hidden = self.occluded || self.is_empty || self.window.is_minimized() == Some(true);
        if self.rests != is_hidden {
            self.rests = is_hidden;
            self.session.rest(is_hidden);
        }
        is_hidden
    }

    /// What a key that went down asks for.
    fn press(&mut self, event: &KeyEvent) -> Option<Action> {
        if !self.keyboard.counts(event.repeat) {
            return None;
        }
        let press = Press { place: event.physical_key, typed: &event.logical_key, modifiers: self.modifiers };
        let key = self.keyboard.key(press, self.display.as_ref().and_then(Display::script))?;
        let action = self.view.action_of(key, event.text.as_deref(), &self.session);
        self.keyboard.did(action.is_none_or(Action::repeats));
        self.window.request_redraw();
        action
    }

    fn resize(&mut self, size: PhysicalSize<u32>) {
        self.is_empty = size.width == 0 || size.height == 0;
        let limit = self.gpu.device.limits().max_texture_dimension_2d;
        if !self.is_empty {
            (self.config.width, self.config.height) = (size.width.min(limit), size.height.min(limit));
            self.surface.configure(&self.gpu.device, &self.config);
            self.window.request_redraw();
        }
    }
}

impl ApplicationHandler<Event> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.live.is_none() {
            match self.open(event_loop) {
                Ok(live) => {
                    live.window.request_redraw();
                    self.live = Some(live);
                }
                Err(error) => {
                    self.outcome = Err(error);
                    event_loop.exit();
                }
            }
        }
    }

    fn user_event(&mut self, event_loop: &ActiveEventLoop, event: Event) {
        match (event, &mut self.live) {
            (Event::Quit, _) => event_loop.exit(),
            (Event::News, Some(live)) => {
                if let Err(error) = live.take_news() {
                    self.outcome = Err(error);
                    event_loop.exit();
                } else {
                    live.window.request_redraw();
                }
            }
            (Event::News, None) => {}
        }
    }

    fn new_events(&mut self, _: &ActiveEventLoop, cause: winit::event::StartCause) {
        if let (winit::event::StartCause::ResumeTimeReached { .. }, Some(live)) = (cause, &self.live) {
            live.window.request_redraw();
        }
    }

    fn window_event(&mut self, event_loop: &ActiveEventLoop, _: WindowId, event: WindowEvent) {
        let Some(live) = &mut self.live else { return };
        let response = live.egui.on_window_event(&live.window, &event);
        if response.repaint && !matches!(event, WindowEvent::RedrawRequested) {
            live.window.request_redraw();
        }
        match event {
            WindowEvent::CloseRequested => event_loop.exit(),
            WindowEvent::Resized(size) => live.resize(size),
            WindowEvent::ScaleFactorChanged { .. } => {
                let size = live.window.inner_size();
                live.resize(size);
            }
            WindowEvent::RedrawRequested => self.redraw(event_loop),
            WindowEvent::Occluded(occluded) => {
                live.occluded = occluded;
                live.window.request_redraw();
            }
            WindowEvent::ModifiersChanged(modifiers) => live.modifiers = modifiers.state(),
            WindowEvent::KeyboardInput { event, is_synthetic: false, .. } => {
                if event.state == ElementState::Pressed
                    && let Some(action) = live.press(&event)
                {
                    self.apply(action, event_loop);
                }
            }
            _ => {}
        }
    }
}
