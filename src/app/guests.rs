//! Pages that show the view: where they are served, and what is done in them in the view's own terms. Main thread.

use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use egui::{Modifiers, PointerButton, Pos2, Vec2};

use super::state::AppState;
use super::view_model::ViewModel;
use crate::gpu::outlet::Outlet;
use crate::serve::{Event, Guard, Pointer, Server, State};

/// Where pages are served.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// The address that is listened on.
    pub listen: IpAddr,
    /// 0: any that is free.
    pub port: u16,
    /// Names of this machine that pages may ask by.
    pub hosts: Vec<String>,
}

/// Pages, and who asks for them.
pub struct Guests(Server);

impl Guests {
    /// Serves pages, and says on the terminal where.
    ///
    /// # Errors
    /// One sentence.
    pub fn start(
        options: ServeOptions,
        outlet: &Outlet,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Result<Self, String> {
        let ServeOptions { listen, port, hosts } = options;
        let token = token()?;
        let guard = Guard::new(token.clone(), hosts);
        let address = SocketAddr::new(listen, port);
        let server = Server::start(address, guard, outlet, wake).map_err(|error| {
            format!("pages cannot be served at {address} ({error}): choose another port with --port")
        })?;
        let at = server.address();
        // Who listens everywhere is reached by an address of this machine.
        let host = match at.ip() {
            ip if ip.is_unspecified() => "ADDRESS-OF-THIS-MACHINE".to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
            IpAddr::V4(ip) => ip.to_string(),
        };
        eprintln!("convscope: http://{host}:{}/?token={token}", at.port());
        if !at.ip().is_loopback() {
            eprintln!(
                "note: whoever reaches this machine and has that link sees the view and its camera, and may use the keys; what \
                 goes over the network is not encrypted"
            );
        }
        Ok(Self(server))
    }

    /// What was done in pages.
    pub fn events(&self) -> Vec<Event> {
        self.0.events()
    }

    /// A snapshot that can be downloaded.
    pub fn offer(&self, folder: &Path) {
        self.0.offer(folder);
    }

    /// Has pages say what is shown.
    pub fn tell(&self, state: &AppState, model: &ViewModel) {
        let frame = model.activations.as_ref().map(|shown| &shown.frame.frame);
        self.0.tell(State {
            layer: state.graph().nodes[model.shown_layer(state)].name.clone(),
            picture: frame.map(|frame| frame.name.to_string()).unwrap_or_default(),
            top: model.top(1).pop().map(|(name, _)| name),
        });
    }

    /// What the pointer of a page does, for egui.
    pub fn pointer(kind: Pointer, at: Pos2) -> Option<egui::Event> {
        let button = |pressed| egui::Event::PointerButton {
            pos: at,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        Some(match kind {
            Pointer::Moved => egui::Event::PointerMoved(at),
            Pointer::Down => button(true),
            Pointer::Up => button(false),
            Pointer::Left => egui::Event::PointerGone,
        })
    }

    /// The same of the wheel.
    pub fn wheel(by: Vec2) -> egui::Event {
        egui::Event::MouseWheel {
            unit: egui::MouseWheelUnit::Point,
            delta: by,
            phase: egui::TouchPhase::Move,
            source: egui::MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        }
    }
}

/// Names a token that stays, so that a link does, too.
const TOKEN_VARIABLE: &str = "CONVSCOPE_TOKEN";

/// Fewer letters can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// 128 bits that nobody guesses, from the system; or what the user has chosen. The error is a sentence.
fn token() -> Result<String, String> {
    if let Some(chosen) = std::env::var_os(TOKEN_VARIABLE) {
        let chosen = chosen.to_string_lossy().into_owned();
        let is_plain = chosen.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if !is_plain || chosen.len() < SHORTEST_TOKEN {
            return Err(format!(
                "{TOKEN_VARIABLE}: a token has at least {SHORTEST_TOKEN} letters, digits, - and _"
            ));
        }
        return Ok(chosen);
    }
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| format!("no token could be made for the link: {error}"))?;
    let mut text = String::new();
    for byte in bytes {
        // Writing into a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}
