//! The socket of a page: pictures and state to it, what is done there from it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tungstenite::handshake::derive_accept_key;
use tungstenite::protocol::{Role, WebSocket, WebSocketConfig};
use tungstenite::{Error, Message};

use super::head::Head;
use super::hub::Hub;
use super::protocol::{CAMERA, Event, FILE, Said, State, Told};
use super::uploads::Upload;
use crate::latest::LatestSlot;

/// Largest message of a page: a part of a file, or a camera frame.
const MOST_BYTES: usize = 4 << 20;

/// For so long a page is listened to before the next picture is looked for.
const LISTENING: Duration = Duration::from_millis(8);

/// A page that says nothing of a picture for so long does not see it.
const SILENCE: Duration = Duration::from_secs(30);

/// Sides of a view that a page may ask for, in pixels.
const SIDES: std::ops::RangeInclusive<u32> = 320..=3840;

/// Serves a page until it is closed.
///
/// # Errors
/// Where it says what nobody may, or nothing for too long.
pub fn serve(mut stream: TcpStream, head: &Head, hub: &Arc<Hub>) -> io::Result<()> {
    let upgrades = head.header("upgrade").is_some_and(|to| to.eq_ignore_ascii_case("websocket"));
    let Some(key) = head.header("sec-websocket-key").filter(|_| upgrades) else {
        return Err(io::Error::other("it asked for the socket in another way than pages do"));
    };
    let accept = derive_accept_key(key.as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes())?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LISTENING))?;
    let config =
        WebSocketConfig::default().max_message_size(Some(MOST_BYTES)).max_frame_size(Some(MOST_BYTES));
    let socket = WebSocket::from_raw_socket(stream, Role::Server, Some(config));
    let page = hub.enter();
    let served = Page {
        hub,
        page,
        socket,
        sent: None,
        waits_since: None,
        told: None,
        role: None,
        offered: 0,
        upload: None,
        camera: None,
    }
    .run();
    hub.leave(page);
    match served {
        Ok(()) | Err(Error::ConnectionClosed | Error::AlreadyClosed) => Ok(()),
        Err(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => Ok(()),
        Err(error) => Err(io::Error::other(format!("{error}"))),
    }
}

struct Page<'a> {
    hub: &'a Arc<Hub>,
    page: u64,
    socket: WebSocket<TcpStream>,
    /// The picture that was sent last.
    sent: Option<u64>,
    /// When that was, until the page has shown it.
    waits_since: Option<Instant>,
    told: Option<Arc<State>>,
    role: Option<(bool, usize)>,
    offered: usize,
    upload: Option<Upload>,
    camera: Option<Arc<LatestSlot<Vec<u8>>>>,
}

/// The camera ends with its page.
impl Drop for Page<'_> {
    fn drop(&mut self) {
        self.end_camera();
    }
}

impl Page<'_> {
    fn end_camera(&mut self) {
        if let Some(camera) = self.camera.take() {
            camera.close();
            self.hub.event(Event::CameraEnded);
        }
    }

    fn run(mut self) -> Result<(), Error> {
        while !self.hub.is_closed() {
            match self.socket.read() {
                Ok(Message::Text(text)) => self.hear(&text)?,
                Ok(Message::Binary(bytes)) => self.take(&bytes)?,
                Ok(Message::Close(_)) => return Ok(()),
                Ok(_) => {}
                Err(Error::Io(error)) if is_silence(&error) => {}
                Err(error) => return Err(error),
            }
            self.say()?;
        }
        // The page asks again until there is another server.
        let _ = self.socket.close(None);
        Ok(())
    }

    /// Sends what is new; a picture only when the page has shown the one before, so that none wait on the way.
    fn say(&mut self) -> Result<(), Error> {
        let look = self.hub.look(self.page);
        if self.role != Some((look.controls, look.pages)) {
            self.role = Some((look.controls, look.pages));
            self.tell(&Told::Role { controls: look.controls, pages: look.pages })?;
        }
        if self.told.as_ref() != Some(&look.told) {
            self.told = Some(look.told.clone());
            self.tell(&Told::State(&look.told))?;
        }
        if let Some((number, names)) = look.offered.filter(|(number, _)| *number > self.offered) {
            self.offered = number;
            self.tell(&Told::Files { number, names: &names })?;
        }
        if self.waits_since.is_some_and(|since| since.elapsed() > SILENCE) {
            return Err(Error::Io(io::Error::other("the page has stalled")));
        }
        let new = look.picture.filter(|picture| self.sent != Some(picture.number));
        if let (Some(picture), None) = (new, self.waits_since) {
            self.hub.waits(self.page, false);
            (self.sent, self.waits_since) = (Some(picture.number), Some(Instant::now()));
            self.socket.send(Message::Binary(picture.bytes.to_vec().into()))?;
        }
        Ok(())
    }

    fn tell(&mut self, told: &Told<'_>) -> Result<(), Error> {
        let text = serde_json::to_string(told).map_err(|error| Error::Io(error.into()))?;
        self.socket.send(Message::Text(text.into()))
    }

    fn refuse(&mut self, reason: &str) -> Result<(), Error> {
        self.hub.log(&format!("refused: {reason}"));
        self.tell(&Told::Refused { reason })
    }

    fn hear(&mut self, text: &str) -> Result<(), Error> {
        let Ok(said) = serde_json::from_str::<Said>(text) else {
            return Err(Error::Io(io::Error::other("it said what no page says")));
        };
        match said {
            Said::Shown => {
                self.waits_since = None;
                self.hub.waits(self.page, true);
                return Ok(());
            }
            Said::Take => {
                self.hub.take_controls(self.page);
                return Ok(());
            }
            _ if !self.hub.controls(self.page) => return Ok(()),
            Said::Key { key, text } => self.hub.event(Event::Key(key, text)),
            Said::Pointer { kind, x, y } => {
                if let Some(at) = within([x, y]) {
                    self.hub.event(Event::Pointer(kind, at));
                }
            }
            Said::Wheel { x, y } => {
                let by = [x, y].map(|by| if by.is_finite() { by.clamp(-1000.0, 1000.0) } else { 0.0 });
                self.hub.event(Event::Wheel(by));
            }
            Said::Size { width, height } => {
                let side = |side: u32| side.clamp(*SIDES.start(), *SIDES.end());
                self.hub.event(Event::Resized([side(width), side(height)]));
            }
            Said::File { name, size } => match self.hub.uploads.begin(&name, size) {
                Ok(upload) => self.upload = Some(upload),
                Err(reason) => return self.refuse(&reason),
            },
            Said::Camera { on } => {
                self.end_camera();
                if on {
                    let slot = Arc::new(LatestSlot::default());
                    self.camera = Some(slot.clone());
                    self.hub.event(Event::Camera(slot));
                }
            }
        }
        Ok(())
    }

    /// A part of a file, or a camera frame.
    fn take(&mut self, bytes: &[u8]) -> Result<(), Error> {
        match bytes.split_first() {
            Some((&FILE, part)) => {
                let Some(mut upload) = self.upload.take() else { return Ok(()) };
                match upload.add(part) {
                    Ok(true) => {
                        let path = self.hub.uploads.keep(upload);
                        self.hub.event(Event::Dropped(path));
                    }
                    Ok(false) => self.upload = Some(upload),
                    Err(reason) => return self.refuse(&reason),
                }
            }
            Some((&CAMERA, jpeg)) => {
                if let Some(camera) = &self.camera {
                    camera.replace(jpeg.to_vec());
                }
            }
            _ => return Err(Error::Io(io::Error::other("it sent what no page sends"))),
        }
        Ok(())
    }
}

fn within(at: [f32; 2]) -> Option<[f32; 2]> {
    at.iter().all(|part| part.is_finite()).then(|| at.map(|part| part.clamp(0.0, 1.0)))
}

fn is_silence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}
