//! A headless Chromium, driven by its own protocol.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::protocol::WebSocket;
use tungstenite::{Message, client};

use crate::common::skip;
use crate::served::PATIENCE;

pub struct Chromium {
    child: Child,
    socket: WebSocket<TcpStream>,
    session: String,
    next: u64,
    _profile: TempDir,
}

impl Chromium {
    /// With a camera that is none; `None` (and told) where there is no Chromium.
    pub fn start() -> Option<Self> {
        let found = ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
            Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success())
        });
        let Some(program) = found else {
            skip("chromium", "there is no Chromium");
            return None;
        };
        let profile = tempfile::tempdir().unwrap();
        let mut child = Command::new(program)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .args(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"])
            .args(["--window-size=1000,700", "--remote-debugging-port=0"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = lines;
        let address = lines.find_map(|line| line.strip_prefix("DevTools listening on ").map(String::from));
        let address = address.expect("Chromium did not start");
        // A full pipe would stop it.
        std::thread::spawn(move || lines.for_each(drop));
        let host = address.trim_start_matches("ws://").split('/').next().unwrap().to_string();
        let stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let (socket, _) = client(address.as_str(), stream).unwrap();
        let mut browser = Self { child, socket, session: String::new(), next: 0, _profile: profile };
        let target = browser.call("Target.createTarget", json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", json!({ "targetId": target, "flatten": true }));
        browser.session = attached["sessionId"].as_str().unwrap().into();
        browser.call("Page.enable", json!({}));
        Some(browser)
    }

    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = self.session.clone().into();
        }
        self.socket.send(Message::Text(message.to_string().into())).unwrap();
        loop {
            let Message::Text(text) = self.socket.read().unwrap() else { continue };
            let answer: Value = serde_json::from_str(&text).unwrap();
            if answer["id"] == self.next {
                assert!(answer["error"].is_null(), "{method}: {answer}");
                return answer["result"].clone();
            }
        }
    }

    pub fn open(&mut self, address: &str) {
        self.call("Page.navigate", json!({ "url": address }));
    }

    /// What an expression of the page is.
    pub fn evaluate(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let answer = self.call("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    pub fn wait_for(&mut self, condition: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.evaluate(condition) != true {
            if Instant::now() > deadline {
                let title = self.evaluate("document.title + ' | ' + document.body.innerText");
                panic!("{condition} did not come: {title}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses a key, as its event calls it.
    pub fn key(&mut self, key: &str) {
        let text = if key.chars().count() == 1 { key } else { "" };
        for kind in ["keyDown", "keyUp"] {
            let is_down = kind == "keyDown";
            let event = json!({ "type": kind, "key": key, "text": if is_down { text } else { "" } });
            self.call("Input.dispatchKeyEvent", event);
        }
    }

    /// Drops a file on the page.
    pub fn drop_file(&mut self, bytes: &[u8], name: &str, kind: &str) {
        let content = base64::engine::general_purpose::STANDARD.encode(bytes);
        let script = format!(
            "(() => {{ const bytes = Uint8Array.from(atob('{content}'), (c) => c.charCodeAt(0)); \
             const data = new DataTransfer(); data.items.add(new File([bytes], {name:?}, {{ type: {kind:?} }})); \
             document.getElementById('view').dispatchEvent(new DragEvent('drop', {{ dataTransfer: data, bubbles: true, cancelable: true }})); }})()"
        );
        self.evaluate(&script);
    }

    /// What the page looks like, as PNG.
    #[allow(dead_code, reason = "for who looks into a failure")]
    pub fn screenshot(&mut self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", json!({}));
        base64::engine::general_purpose::STANDARD.decode(shot["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
