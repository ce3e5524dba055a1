//! The window: winit's events in, drawings out.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use winit::application::ApplicationHandler;
use winit::dpi::{LogicalSize, PhysicalSize};
use winit::event::{ElementState, KeyEvent, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::keyboard::{Key as WinitKey, KeyCode, NamedKey, PhysicalKey};
use winit::window::{Window, WindowId};

use super::download::Download;
use super::keymap::{Direction, Key, action_of};
use super::panels::{self, Click};
use super::scene::{Scene, scale_of};
use super::shown::Shown;
use super::state::{AppState, Effect, Overlay};
use super::view_model::ViewModel;
use super::{Setup, first_run, snapshot};
use crate::engine::Placement;
use crate::gpu::{GpuContext, GpuError, new_instance};
use crate::latest::Taken;
use crate::record::Writer;
use crate::session::{Session, Stage};

/// How long a message stays.
const TOAST: Duration = Duration::from_secs(5);

/// How often is looked whether numbers have come back from the drawing device.
const COPY_POLL: Duration = Duration::from_millis(8);

/// What other threads tell the window.
#[derive(Clone, Copy, Debug)]
pub enum Event {
    /// There are results, or the status changed.
    News,
    /// End (Ctrl-C).
    Quit,
}

/// Why the window ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum WindowError {
    /// No display.
    #[error("no window could be opened ({0}); `--headless` runs without one and writes pictures")]
    Display(String),
    /// Nothing can be drawn.
    #[error(transparent)]
    Gpu(#[from] GpuError),
    /// Source, weights or device.
    #[error("{0}")]
    Session(String),
}

/// Opens the window and runs until it is closed. `interrupt` is handed a function that ends it from any thread.
///
/// # Errors
/// [`WindowError`].
pub fn run(setup: Setup, interrupt: impl FnOnce(Box<dyn Fn() + Send>)) -> Result<(), WindowError> {
    let display = |error: &dyn std::fmt::Display| WindowError::Display(without_place(error));
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

/// winit puts the line of its own code in front of what the system said.
fn without_place(error: &dyn std::fmt::Display) -> String {
    let text = error.to_string();
    match text.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")) {
        Some((_, reason)) => reason.to_string(),
        None => text,
    }
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
    session: Session,
    writer: Writer,
    window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    gpu: GpuContext,
    placement: Placement,
    scene: Scene,
    egui: egui_winit::State,
    state: AppState,
    shown: Shown,
    download: Option<Download>,
    /// The cell of the enlarged map under the cursor.
    cell: Option<[usize; 2]>,
    /// The pixel of the network's input under the cursor.
    pixel: Option<[u32; 2]>,
    toast: Option<(String, Instant)>,
    /// A snapshot is taken of what is laid out next, so that it shows what it says.
    wants_snapshot: bool,
    /// Tells the event loop that there is news, from any thread.
    wake: Arc<dyn Fn() + Send + Sync>,
    /// News wakes the event loop only once until it is looked at.
    pending: Arc<AtomicBool>,
    minimized: bool,
    /// A shift key is down.
    shift: bool,
}

impl App {
    fn open(&mut self, event_loop: &ActiveEventLoop) -> Result<Live, WindowError> {
        let display = |error: &dyn std::fmt::Display| WindowError::Display(without_place(error));
        let [width, height] = self.setup.size;
        let attributes = Window::default_attributes()
            .with_title("convscope")
            .with_min_inner_size(LogicalSize::new(480, 320))
            .with_inner_size(LogicalSize::new(width, height));
        let window = Arc::new(event_loop.create_window(attributes).map_err(|error| display(&error))?);
        let surface = self.instance.create_surface(window.clone()).map_err(|error| display(&error))?;
        let gpu = GpuContext::open(self.instance.clone(), self.setup.adapter.as_deref(), Some(&surface))?;
        let size = window.inner_size();
        let mut config = surface
            .get_default_config(&gpu.adapter, size.width.max(1), size.height.max(1))
            .ok_or(GpuError::NoAdapter)?;
        // Colormap bytes are sRGB already: a target that converts would brighten them.
        let formats = surface.get_capabilities(&gpu.adapter).formats;
        config.format = formats
            .iter()
            .copied()
            .find(|format| !format.is_srgb())
            .unwrap_or(config.format.remove_srgb_suffix());
        config.present_mode = wgpu::PresentMode::AutoVsync;
        config.desired_maximum_frame_latency = 2;
        surface.configure(&gpu.device, &config);

        let ctx = egui::Context::default();
        let scene = Scene::new(&gpu, config.format, ctx.clone());
        let limit = gpu.device.limits().max_texture_dimension_2d as usize;
        let native = Some(window.scale_factor() as f32);
        let egui = egui_winit::State::new(ctx, egui::ViewportId::ROOT, &window, native, None, Some(limit));
        let placement = self.setup.place(&gpu);
        self.setup.tell_fallbacks(placement);
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
        state.hint = first_run::is_first();
        let wake = news(self.proxy.clone(), pending.clone());
        let session = self.setup.start_session(&gpu, state.request(), false, wake);
        let news_of_download = news(self.proxy.clone(), pending.clone());
        let download =
            self.setup.wanted.take().map(|wanted| Download::start(wanted, state.resize, news_of_download));
        let news_of_writer = news(self.proxy.clone(), pending.clone());
        let writer = self.setup.start_writer(&gpu, news_of_writer).map_err(WindowError::Session)?;
        Ok(Live {
            session,
            writer,
            shown: Shown::new(&gpu, placement, self.setup.versions()),
            window,
            surface,
            config,
            gpu,
            placement,
            scene,
            egui,
            state,
            download,
            cell: None,
            pixel: None,
            wake: Arc::new(news(self.proxy.clone(), pending.clone())),
            toast: None,
            wants_snapshot: false,
            pending,
            minimized: false,
            shift: false,
        })
    }

    fn apply(&mut self, action: super::keymap::Action, event_loop: &ActiveEventLoop) {
        let Some(live) = &mut self.live else { return };
        let scale = live.scale();
        if live.state.hint {
            first_run::remember();
        }
        match live.state.apply(action, scale) {
            None => {}
            Some(Effect::Quit) => event_loop.exit(),
            Some(Effect::Step(by)) => live.step(by),
            Some(Effect::Hold) => live.hold(),
            Some(Effect::LockRanges) => live.lock_ranges(),
            Some(Effect::Missing(channel)) => live.tell_missing(channel),
            Some(Effect::RestartHealth) => live.shown.restart(),
            Some(Effect::Snapshot) => live.wants_snapshot = true,
        }
        live.session.request(live.state.request());
        live.window.request_redraw();
    }

    fn redraw(&mut self, event_loop: &ActiveEventLoop) {
        let Some(live) = &mut self.live else { return };
        if live.minimized {
            return;
        }
        let (clicks, wake_at) = live.redraw(&self.setup);
        event_loop.set_control_flow(wake_at.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
        for click in clicks {
            let Some(live) = &mut self.live else { return };
            match click {
                Click::Select(position) => live.state.select(position),
                Click::Enlarge(position) => {
                    live.state.select(position);
                    live.state.enlarged = !live.state.enlarged;
                }
                Click::Stage(stage) => {
                    let layer = live.state.graph().stage_end(stage);
                    live.state.go_to_layer(layer);
                }
                Click::Moment(id) => (live.state.frozen, live.state.past) = (true, Some(id)),
                Click::Sort(sort) => live.state.sort_by(sort),
                Click::Filter(filter) => live.state.filter_by(filter),
                Click::Normalize(normalize) => live.state.scale.normalize = normalize,
                Click::Do(action) => self.apply(action, event_loop),
            }
            if let Some(live) = &self.live {
                live.session.request(live.state.request());
                live.window.request_redraw();
            }
        }
    }
}

impl Live {
    fn scale(&self) -> f32 {
        scale_of([self.config.width, self.config.height], self.window.scale_factor() as f32)
    }

    /// Takes what the other threads have ready. False where it cannot go on.
    fn take_news(&mut self) -> Result<(), WindowError> {
        // Cleared before looking: news that comes meanwhile wakes again.
        self.pending.store(false, Ordering::Release);
        while let Taken::Value(shown) = self.session.take(Duration::ZERO) {
            if !Arc::ptr_eq(&shown.model.graph, self.state.graph()) {
                self.state.adopt(shown.model.graph.clone());
                self.state.predictions |= shown.model.weights.origin.is_trained();
                self.session.request(self.state.request());
            }
            self.shown.take(&self.state, shown);
        }
        if let Some(ended) = self.download.as_mut().and_then(Download::poll) {
            let text = match ended {
                Ok(model) => {
                    self.session.replace(model);
                    "The ImageNet weights are here and in use from now on."
                }
                Err(reason) => {
                    // Too long for the screen.
                    eprintln!("note: the ImageNet weights could not be fetched: {reason}");
                    "The ImageNet weights could not be fetched; `convscope weights fetch` tries again."
                }
            };
            self.toast = Some((text.into(), Instant::now()));
        }
        while let Some(written) = self.writer.poll() {
            let text = match written {
                Ok(path) => format!("Snapshot: {}", path.display()),
                Err(reason) => reason,
            };
            self.toast = Some((text, Instant::now()));
        }
        match self.session.status().stage {
            Stage::Failed(reason) => Err(WindowError::Session(reason)),
            _ => Ok(()),
        }
    }

    /// Goes to another picture of a folder; of a source whose frames keep coming, to another of the last ones.
    fn step(&mut self, by: i64) {
        match &self.shown.activations {
            Some(shown) if self.session.status().live => {
                self.state.rewind(by, shown.frame.frame.id, &self.session.history());
            }
            _ => self.session.step(by),
        }
    }

    /// Compares with the frame that is shown from now on, or no longer.
    fn hold(&mut self) {
        self.state.held = match (self.state.held, &self.shown.activations) {
            (None, Some(shown)) => Some(shown.frame.frame.id),
            _ => None,
        };
    }

    /// Says why a channel cannot be gone to.
    fn tell_missing(&mut self, channel: u32) {
        let node = &self.state.graph().nodes[self.state.layer];
        let text = match (channel as usize) < node.shape.channels {
            true => format!("Channel {channel} of {} is not among those that are shown.", node.keras_name),
            false => format!("{} has channels 0 to {}.", node.keras_name, node.shape.channels - 1),
        };
        self.toast = Some((text, Instant::now()));
    }

    fn model(&self) -> ViewModel {
        ViewModel {
            moments: if self.state.frozen { self.session.history().into() } else { Arc::new([]) },
            cell: self.cell,
            pixel: self.pixel,
            download: self.download.as_ref().and_then(Download::in_words),
            toast: self.toast.as_ref().filter(|(_, at)| at.elapsed() < TOAST).map(|(text, _)| text.clone()),
            ..self.shown.model(&self.state, &self.session)
        }
    }

    /// From here on the ranges of the maps that are shown stay.
    fn lock_ranges(&mut self) {
        let layer = self.state.layer;
        let Some(shown) = self.shown.activations.as_ref().filter(|shown| shown.tap(layer).is_some()) else {
            return;
        };
        let ranges = shown.versions(layer).map(|(tap, _)| tap.channel_statistics.clone()).collect();
        self.state.locks.insert(layer, ranges);
    }

    fn snapshot(&mut self, setup: &Setup, model: &ViewModel) {
        let format = self.config.format;
        let job =
            snapshot::take(&self.gpu, &mut self.scene, &self.state, model, setup, self.placement, format);
        let text = match job.map(|job| self.writer.offer(job)) {
            Some(Ok(())) => "Writing a snapshot …",
            Some(Err(_)) => "The disk is still busy with the last snapshots: this one was not taken.",
            None => "There is nothing to take a snapshot of yet.",
        };
        self.toast = Some((text.into(), Instant::now()));
    }

    /// Draws the view; returns clicks, and when to look again although nothing happened.
    fn redraw(&mut self, setup: &Setup) -> (Vec<Click>, Option<Instant>) {
        let size = [self.config.width, self.config.height];
        let scale = self.scale();
        let wake = self.wake.clone();
        self.shown.relate(&self.gpu, &self.state, move || wake());
        let layer = self.shown.layer(&self.state);
        self.shown.arrange(&mut self.state, layer, self.session.status().live);
        let mut model = self.model();
        self.scene.complete(&self.state, &mut model, false);
        self.egui.egui_ctx().set_zoom_factor(scale / self.window.scale_factor() as f32);
        let mut input = self.egui.take_egui_input(&self.window);
        let points = egui::Vec2::new(size[0] as f32, size[1] as f32) / scale;
        input.screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, points));
        let grid = self.state.grid;
        let (arrangement, output) = self.scene.lay_out(input, size, scale, &mut self.state, &model);
        // What was laid out before the tiles counts them by the grid before; egui finds the size of a new window by
        // laying it out once.
        if grid != self.state.grid || self.egui.egui_ctx().has_requested_repaint() {
            self.window.request_redraw();
        }
        if std::mem::take(&mut self.wants_snapshot) {
            self.snapshot(setup, &model);
            self.window.request_redraw();
        }
        // The cursor was found while this was laid out: what belongs to it is drawn next.
        let moved = (self.pixel, self.cell) != (arrangement.pixel, arrangement.cell);
        (self.pixel, self.cell) = (arrangement.pixel, arrangement.cell);
        if (self.state.overlay == Some(Overlay::Hypercolumn) || self.state.enlarged) && moved {
            self.window.request_redraw();
        }
        self.egui.handle_platform_output(&self.window, output);
        self.present();
        let toast_end = self.toast.as_ref().map(|(_, at)| *at + TOAST).filter(|end| *end > model.now);
        let copied = self.scene.is_waiting().then(|| model.now + COPY_POLL);
        let wake_at = [panels::next_look(&model), toast_end, copied].into_iter().flatten().min();
        (arrangement.clicks, wake_at)
    }

    fn present(&mut self) {
        use wgpu::CurrentSurfaceTexture as Current;
        let texture = match self.surface.get_current_texture() {
            Current::Success(texture) | Current::Suboptimal(texture) => texture,
            Current::Outdated | Current::Lost => {
                self.surface.configure(&self.gpu.device, &self.config);
                self.window.request_redraw();
                return;
            }
            // Occluded, or a driver that is late: the next drawing will do.
            Current::Timeout | Current::Occluded => return,
            Current::Validation => {
                tracing::warn!("the surface could not be drawn to");
                return;
            }
        };
        self.scene.draw(&texture.texture.create_view(&Default::default()));
        self.window.pre_present_notify();
        self.gpu.queue.present(texture);
    }

    fn resize(&mut self, size: PhysicalSize<u32>) {
        self.minimized = size.width == 0 || size.height == 0;
        let limit = self.gpu.device.limits().max_texture_dimension_2d;
        if !self.minimized {
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
            WindowEvent::ModifiersChanged(modifiers) => live.shift = modifiers.state().shift_key(),
            WindowEvent::KeyboardInput { event, is_synthetic: false, .. } => {
                if event.state == ElementState::Pressed
                    && let Some(action) = action_for(&event, live.shift)
                {
                    self.apply(action, event_loop);
                }
            }
            _ => {}
        }
    }
}

/// The action of a key press: by what the key types, or, on a layout without Latin letters, by where it lies.
fn action_for(event: &KeyEvent, shift: bool) -> Option<super::keymap::Action> {
    let logical = match &event.logical_key {
        WinitKey::Character(text) => text.chars().next().map(Key::Char),
        WinitKey::Named(named) => match named {
            NamedKey::ArrowLeft if shift => Some(Key::Shift(Direction::Left)),
            NamedKey::ArrowRight if shift => Some(Key::Shift(Direction::Right)),
            NamedKey::ArrowUp if shift => Some(Key::Shift(Direction::Up)),
            NamedKey::ArrowDown if shift => Some(Key::Shift(Direction::Down)),
            NamedKey::ArrowLeft => Some(Key::Left),
            NamedKey::ArrowRight => Some(Key::Right),
            NamedKey::ArrowUp => Some(Key::Up),
            NamedKey::ArrowDown => Some(Key::Down),
            NamedKey::PageUp => Some(Key::PageUp),
            NamedKey::PageDown => Some(Key::PageDown),
            NamedKey::Escape => Some(Key::Escape),
            NamedKey::Enter => Some(Key::Enter),
            NamedKey::Backspace => Some(Key::Backspace),
            NamedKey::Space => Some(Key::Char(' ')),
            _ => None,
        },
        _ => None,
    };
    if let Some(Key::Char(c)) = logical
        && !c.is_ascii()
    {
        let shifted = c.is_uppercase();
        return physical(event.physical_key).and_then(|key| action_of(with_case(key, shifted)));
    }
    logical.and_then(action_of)
}

fn with_case(letter: char, shifted: bool) -> Key {
    Key::Char(if shifted { letter.to_ascii_uppercase() } else { letter })
}

/// The letter of a key on a US layout.
fn physical(key: PhysicalKey) -> Option<char> {
    let PhysicalKey::Code(code) = key else { return None };
    Some(match code {
        KeyCode::KeyA => 'a',
        KeyCode::KeyB => 'b',
        KeyCode::KeyC => 'c',
        KeyCode::KeyD => 'd',
        KeyCode::KeyE => 'e',
        KeyCode::KeyF => 'f',
        KeyCode::KeyG => 'g',
        KeyCode::KeyH => 'h',
        KeyCode::KeyI => 'i',
        KeyCode::KeyJ => 'j',
        KeyCode::KeyK => 'k',
        KeyCode::KeyL => 'l',
        KeyCode::KeyM => 'm',
        KeyCode::KeyN => 'n',
        KeyCode::KeyO => 'o',
        KeyCode::KeyP => 'p',
        KeyCode::KeyQ => 'q',
        KeyCode::KeyS => 's',
        KeyCode::KeyT => 't',
        KeyCode::KeyU => 'u',
        KeyCode::KeyV => 'v',
        KeyCode::KeyW => 'w',
        KeyCode::KeyX => 'x',
        KeyCode::KeyY => 'y',
        KeyCode::KeyZ => 'z',
        _ => return None,
    })
}
