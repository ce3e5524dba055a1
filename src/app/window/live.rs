//! The window and all that hangs on it: session, view, writer, film, and what is dropped on it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use winit::dpi::PhysicalSize;
use winit::event::KeyEvent;
use winit::event_loop::{ActiveEventLoop, EventLoopProxy};
use winit::keyboard::ModifiersState;
use winit::window::Window;

use super::Display;
use super::event::{Event, WindowError, display};
use super::keyboard::{Keyboard, Press};
use super::opening::{self, configuration};
use crate::app::download::Download;
use crate::app::first_run;
use crate::app::following::Following;
use crate::app::geometry::scale_of;
use crate::app::keys::Action;
use crate::app::loading::Loading;
use crate::app::recorder::Recorder;
use crate::app::setup::Setup;
use crate::app::sources::{self, Dropped, Sources};
use crate::app::state::SourceChoice;
use crate::app::view::{Around, View};
use crate::gpu::GpuContext;
use crate::record::Writer;
use crate::session::{Session, Stage};
use crate::source::Delivery;

/// How long a message stays.
const TOAST: Duration = Duration::from_secs(5);

/// The window, and all that hangs on it.
pub(super) struct Live {
    /// First: it tells what became of a film once the picture is no longer presented.
    pub recorder: Recorder,
    pub session: Session,
    writer: Writer,
    pub window: Arc<Window>,
    surface: wgpu::Surface<'static>,
    config: wgpu::SurfaceConfiguration,
    gpu: GpuContext,
    pub egui: egui_winit::State,
    pub view: View,
    download: Option<Download>,
    /// A network that was dropped on the window.
    loading: Option<Loading>,
    sources: Sources,
    following: Option<Following>,
    toast: Option<(String, Instant)>,
    /// A snapshot is taken of what is laid out next, so that it shows what it says.
    pub wants_snapshot: bool,
    /// Tells the event loop that there is news, from any thread.
    pub wake: Arc<dyn Fn() + Send + Sync>,
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
        setup: &mut Setup,
        instance: &wgpu::Instance,
        proxy: &EventLoopProxy<Event>,
    ) -> Result<Self, WindowError> {
        let x11 = Display::of(event_loop);
        let attributes = opening::attributes(event_loop, x11.as_ref(), setup);
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
        setup.tell_fallbacks(&gpu);
        let pending = Arc::new(AtomicBool::new(false));
        let news = |proxy: EventLoopProxy<Event>, pending: Arc<AtomicBool>| {
            move || {
                if !pending.swap(true, Ordering::AcqRel) {
                    // Without a loop there is nobody to wake.
                    let _ = proxy.send_event(Event::News);
                }
            }
        };
        let mut state = setup.state.clone();
        state.panels.hint = first_run::is_first();
        let news = || news(proxy.clone(), pending.clone());
        let live = Delivery { live: true, ..setup.delivery.clone() };
        let sources = Sources::new(setup.source.clone(), live, news());
        let session = setup.start_session(&gpu, state.request(), false, sources.on_open(), news());
        let news_of_download = news();
        let download =
            setup.wanted.take().map(|wanted| Download::start(wanted, state.how.resize(), news_of_download));
        let writer = setup.start_writer(&gpu, news()).map_err(WindowError::Session)?;
        let view = View::of(setup, &gpu, state, config.format, ctx);
        let following = setup.followed.take().map(|followed| Following::start(followed, news())).transpose();
        let following = following.map_err(|error| WindowError::Session(error.to_string()))?;
        let mut recorder = Recorder::default();
        if let Some(film) = &setup.film {
            recorder.begin(film, &view, news()).map_err(WindowError::Session)?;
        }
        Ok(Self {
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
            loading: None,
            sources,
            following,
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

    pub fn scale(&self) -> f32 {
        scale_of([self.config.width, self.config.height], self.window.scale_factor() as f32)
    }

    pub fn tell(&mut self, text: impl Into<String>) {
        self.toast = Some((text.into(), Instant::now()));
    }

    /// Takes what the other threads have ready. False where it cannot go on.
    pub fn take_news(&mut self, setup: &Setup) -> Result<(), WindowError> {
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
        if let Some(ended) = self.loading.as_ref().and_then(Loading::poll) {
            self.loading = None;
            match ended {
                Ok((name, model)) => {
                    self.session.replace(model);
                    self.tell(format!("{name} is in use from now on."));
                }
                Err(reason) => {
                    eprintln!("note: {reason}");
                    self.tell(format!("{reason} What ran before goes on."));
                }
            }
        }
        if let Some(told) = self.following.as_mut().and_then(|one| one.poll(&self.session, &mut self.view)) {
            self.tell(told);
        }
        // A recorded session has its own.
        if setup.player.is_none() {
            self.sources.poll();
            self.view.state.sources = self.sources.titles();
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
    pub fn redraw(&mut self, setup: &Setup) -> (Vec<Action>, Option<Instant>) {
        let size = [self.config.width, self.config.height];
        let scale = self.scale();
        let wake = self.wake.clone();
        self.egui.egui_ctx().set_zoom_factor(scale / self.window.scale_factor() as f32);
        let mut input = self.egui.take_egui_input(&self.window);
        let dropped = std::mem::take(&mut input.dropped_files);
        if !dropped.is_empty() {
            self.open_dropped(dropped.iter().map(|file| file.path().into()).collect(), setup);
        }
        let points = egui::Vec2::new(size[0] as f32, size[1] as f32) / scale;
        input.screen_rect = Some(egui::Rect::from_min_size(egui::Pos2::ZERO, points));
        let around = Around {
            download: self.download.as_ref().and_then(Download::in_words),
            toast: self.toast.as_ref().filter(|(_, at)| at.elapsed() < TOAST).map(|(text, _)| text.clone()),
            recording: self.recorder.in_words(),
            followed: self.following.as_ref().map(Following::history).unwrap_or_default(),
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

    /// Shows another source.
    pub fn change_source(&mut self, choice: SourceChoice) {
        let told = self.sources.change(choice, &self.session);
        self.tell(told);
    }

    /// Shows what was dropped on the window, or runs it.
    fn open_dropped(&mut self, paths: Vec<PathBuf>, setup: &Setup) {
        let told = match sources::dropped(paths) {
            Dropped::Source(_) if setup.player.is_some() => {
                "A recorded session has its own source: start convscope without `replay` for another.".into()
            }
            Dropped::Source(spec) => {
                self.view.state.time.unfreeze();
                self.sources.open(spec, &self.session)
            }
            Dropped::Weights(path) => {
                let (wake, resize) = (self.wake.clone(), self.view.state.how.resize());
                let told = format!("Reading {} …", path.display());
                match Loading::start(path, setup.options.clone(), resize, move || wake()) {
                    Ok(loading) => {
                        // What is fetched meanwhile would take its place.
                        (self.loading, self.download) = (Some(loading), None);
                        told
                    }
                    Err(error) => format!("The network cannot be read: {error}"),
                }
            }
            Dropped::Unclear(reason) => reason.into(),
        };
        self.session.request(self.view.state.request());
        self.tell(told);
    }

    fn present(&mut self) {
        let (surface, gpu) = (&self.surface, &self.gpu);
        let Some(texture) = opening::next_texture(surface, gpu, &self.config, &self.window) else { return };
        self.view.present_onto(&texture.texture);
        self.window.pre_present_notify();
        self.gpu.queue.present(texture);
    }

    /// Whether nobody can see the window; the session rests meanwhile.
    pub fn is_hidden(&mut self) -> bool {
        let is_hidden = self.occluded || self.is_empty || self.window.is_minimized() == Some(true);
        if self.rests != is_hidden {
            self.rests = is_hidden;
            self.session.rest(is_hidden);
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
        let action = self.view.action_of(key, event.text.as_deref(), &self.session);
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
