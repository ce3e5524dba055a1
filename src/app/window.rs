//! The window: winit's events in, drawings out.

#[cfg(not(all(unix, not(target_os = "macos"))))]
mod elsewhere;
mod event;
mod keyboard;
mod live;
mod opening;
mod places;
#[cfg(all(unix, not(target_os = "macos")))]
mod x11;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use winit::application::ApplicationHandler;
use winit::event::{ElementState, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::WindowId;

use super::keys::Action;
use super::setup::Setup;
use crate::gpu::new_instance;
#[cfg(not(all(unix, not(target_os = "macos"))))]
use elsewhere::Display;
use event::display;
use live::Live;
#[cfg(all(unix, not(target_os = "macos")))]
use x11::Display;

pub use event::{Event, WindowError};

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
    let mut app = App { setup: Some(setup), instance, proxy, live: None, outcome: Ok(()) };
    // winit panics where the window system destroys the window under it instead of asking to close it.
    let ran = catch_unwind(AssertUnwindSafe(|| event_loop.run_app(&mut app)));
    ran.map_err(|_| display(&"the window system took the window away"))?.map_err(|error| display(&error))?;
    // The window's threads end before the graphics driver is unloaded.
    drop(app.live.take());
    app.outcome
}

struct App {
    /// Until the window is open.
    setup: Option<Setup>,
    instance: wgpu::Instance,
    proxy: EventLoopProxy<Event>,
    /// Window and all that hangs on it, from the first `resumed` on.
    live: Option<Live>,
    outcome: Result<(), WindowError>,
}

impl App {
    fn apply(&mut self, action: Action, event_loop: &ActiveEventLoop) {
        if self.live.as_mut().is_some_and(|live| live.apply(action)) {
            event_loop.exit();
        }
    }

    fn redraw(&mut self, event_loop: &ActiveEventLoop) {
        let Some(live) = &mut self.live else { return };
        if live.is_hidden() {
            event_loop.set_control_flow(ControlFlow::WaitUntil(Instant::now() + HIDDEN_POLL));
            return;
        }
        let (actions, wake_at) = live.redraw();
        event_loop.set_control_flow(wake_at.map_or(ControlFlow::Wait, ControlFlow::WaitUntil));
        for action in actions {
            self.apply(action, event_loop);
        }
    }
}

impl ApplicationHandler<Event> for App {
    fn resumed(&mut self, event_loop: &ActiveEventLoop) {
        if self.live.is_none() {
            let Some(setup) = self.setup.take() else { return };
            match Live::open(event_loop, setup, &self.instance, &self.proxy) {
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
