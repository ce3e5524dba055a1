//! The real binary serving pages, and its connections.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::WebSocket;
use tungstenite::{Error, Message, client};

/// What a test waits for at most before it is said to hang.
pub const PATIENCE: Duration = Duration::from_secs(90);

pub type Socket = WebSocket<TcpStream>;

pub struct Served {
    pub folder: TempDir,
    pub token: String,
    port: u16,
    arguments: Vec<String>,
    child: Child,
    told: Arc<Mutex<String>>,
}

/// What must not grow.
#[derive(Debug)]
pub struct Grown {
    pub resident_kb: u64,
    pub threads: u64,
    pub handles: usize,
}

pub fn wait_for(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come");
        thread::sleep(Duration::from_millis(50));
    }
}

impl Served {
    pub fn start(folder: TempDir, more: &[&str]) -> Self {
        let thin: &[&str] = if more.contains(&"--weights") { &[] } else { &["--width-multiplier", "0.1"] };
        let usual = ["--device", "cpu", "--offline", "--size", "1000x640"];
        let arguments = more.iter().chain(thin).chain(&usual).map(|word| word.to_string()).collect();
        let child = Command::new("true").spawn().unwrap();
        let mut served =
            Self { folder, token: String::new(), port: 0, arguments, child, told: Arc::default() };
        served.begin();
        served
    }

    fn begin(&mut self) {
        // A server that is started again is found at the same address, with the same token.
        let mut command = Command::new(env!("CARGO_BIN_EXE_convscope"));
        command.arg("serve").args(&self.arguments).args(["--port", &self.port.to_string()]);
        command.current_dir(self.folder.path()).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY");
        command.env("CONVSCOPE_CACHE", self.folder.path().join("cache"));
        command.env("CONVSCOPE_CONFIG", self.folder.path().join("settings"));
        if !self.token.is_empty() {
            command.env("CONVSCOPE_TOKEN", &self.token);
        }
        self.child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let (told, lines) = (self.told.clone(), BufReader::new(self.child.stderr.take().unwrap()));
        told.lock().unwrap().clear();
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                told.lock().unwrap().push_str(&(line + "\n"));
            }
        });
        let mut link = String::new();
        wait_for(|| {
            link = self
                .told()
                .lines()
                .find_map(|line| line.strip_prefix("convscope: http://"))
                .unwrap_or_default()
                .into();
            !link.is_empty()
        });
        let (host, token) = link.split_once("/?token=").unwrap();
        self.token = token.into();
        self.port = host.rsplit(':').next().unwrap().parse().unwrap();
    }

    /// Ends it and starts it again.
    pub fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.begin();
    }

    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn link(&self) -> String {
        format!("http://{}/?token={}", self.host(), self.token)
    }

    /// What it said on the terminal.
    pub fn told(&self) -> String {
        self.told.lock().unwrap().clone()
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.host()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// The answer to a request, as text.
    pub fn ask(&self, method: &str, path: &str, headers: &[&str]) -> String {
        let mut stream = self.connect();
        let head: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
        stream.write_all(format!("{method} {path} HTTP/1.1\r\n{head}\r\n").as_bytes()).unwrap();
        let mut answer = vec![];
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub fn try_socket(&self) -> Option<Socket> {
        let mut request =
            format!("ws://{}/live?token={}", self.host(), self.token).into_client_request().unwrap();
        let origin = format!("http://{}", self.host());
        request.headers_mut().insert("Origin", HeaderValue::from_str(&origin).unwrap());
        let stream = TcpStream::connect(self.host()).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        client(request, stream).ok().map(|(socket, _)| socket)
    }

    pub fn socket(&self) -> Socket {
        self.try_socket().unwrap_or_else(|| panic!("no socket: {}", self.told()))
    }

    /// Of the process.
    pub fn grown(&self) -> Grown {
        let place = format!("/proc/{}", self.child.id());
        let status = std::fs::read_to_string(format!("{place}/status")).unwrap();
        let number = |name: &str| -> u64 {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let handles = std::fs::read_dir(format!("{place}/fd")).unwrap().count();
        Grown { resident_kb: number("VmRSS"), threads: number("Threads"), handles }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The next text of this kind; pictures on the way are shown.
pub fn hears(socket: &mut Socket, kind: &str) -> String {
    hears_in(socket, kind, "")
}

/// The next of this kind with these words.
pub fn hears_in(socket: &mut Socket, kind: &str, words: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match socket.read().unwrap() {
            Message::Text(text) if text.contains(&format!("\"type\":\"{kind}\"")) && text.contains(words) => {
                return text.to_string();
            }
            Message::Binary(_) => socket.send(Message::Text("{\"type\":\"shown\"}".into())).unwrap(),
            _ => {}
        }
    }
    panic!("{kind} with {words} did not come");
}

/// Takes the next picture, and says that it is on the screen.
pub fn sees(socket: &mut Socket) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match socket.read() {
            Ok(Message::Binary(bytes)) => {
                let picture = image::load_from_memory(&bytes[1..]).unwrap();
                assert!(picture.width() >= 320);
                socket.send(Message::Text("{\"type\":\"shown\"}".into())).unwrap();
                return;
            }
            Ok(_) => {}
            Err(Error::Io(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
    panic!("no picture came");
}
