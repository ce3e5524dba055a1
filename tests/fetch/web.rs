//! A web server on this machine for tests: scripted answers, with TLS by an authority of its own.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use base64::Engine;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// What a client sent.
#[derive(Clone, Debug)]
pub struct Request {
    pub line: String,
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|header| header.0 == name).map(|header| header.1.as_str())
    }

    /// N of `Range: bytes=N-`.
    pub fn start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
    }
}

/// What is done after the answer was sent.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Then {
    Close,
    /// The connection stays open, and silent.
    Stall,
    /// Zeros for as long as the client takes them.
    Endless,
    /// The connection becomes that of a server (CONNECT).
    Tunnel,
}

pub struct Answer {
    pub status: &'static str,
    pub headers: Vec<String>,
    pub body: Vec<u8>,
    pub then: Then,
}

/// An answer without body, of status and headers.
pub fn answer(status: &'static str, headers: &[&str]) -> Answer {
    let headers = headers.iter().map(|&header| header.into()).collect();
    Answer { status, headers, body: Vec::new(), then: Then::Close }
}

/// The file as a good server sends it: whole, or from where the client asks if its `If-Range` names this `tag`; cut
/// after `sent` bytes.
pub fn file(request: &Request, content: &[u8], tag: &str, sent: usize, then: Then) -> Answer {
    let total = content.len();
    let start = request.start().filter(|&start| request.header("if-range") == Some(tag) && start < total);
    let rest = &content[start.unwrap_or(0)..];
    let mut headers = vec![format!("Content-Length: {}", rest.len()), format!("ETag: {tag}")];
    if let Some(start) = start {
        headers.push(format!("Content-Range: bytes {start}-{}/{total}", total - 1));
    }
    let status = if start.is_some() { "206 Partial Content" } else { "200 OK" };
    Answer { status, headers, body: rest[..sent.min(rest.len())].into(), then }
}

/// Makes certificates that this process alone trusts.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    /// Its certificate as a PEM file.
    pub fn pem(&self, folder: &Path) -> PathBuf {
        let path = folder.join("authority.pem");
        let text = base64::engine::general_purpose::STANDARD.encode(self.issuer.der());
        let lines: Vec<_> = text.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
        std::fs::write(&path, format!("{begin}\n{}\n{end}\n", lines.join("\n"))).unwrap();
        path
    }

    fn server(&self, host: &str) -> Arc<ServerConfig> {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new([host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = builder.with_no_client_auth();
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

/// A server; one request a connection. Its threads end with the process.
pub struct Server {
    pub port: u16,
    tls: bool,
    requests: Arc<Mutex<Vec<Request>>>,
}

/// Gets the number of the request, from 0, and the request.
type Script = dyn Fn(usize, &Request) -> Answer + Send + Sync;

#[derive(Clone)]
struct Shared {
    script: Arc<Script>,
    requests: Arc<Mutex<Vec<Request>>>,
    tls: Option<Arc<ServerConfig>>,
}

impl Server {
    pub fn http(script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(script), None, false)
    }

    pub fn https(
        authority: &Authority,
        host: &str,
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(script), Some(authority.server(host)), true)
    }

    /// A proxy that is itself the server `host` it is asked to connect to.
    pub fn proxy(
        authority: &Authority,
        host: &str,
        script: impl Fn(usize, &Request) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(Arc::new(script), Some(authority.server(host)), false)
    }

    fn start(script: Arc<Script>, tls: Option<Arc<ServerConfig>>, at_once: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let shared = Shared { script, requests: requests.clone(), tls };
        thread::spawn(move || {
            for connection in listener.incoming() {
                let (shared, mut connection): (_, TcpStream) = (shared.clone(), connection.unwrap());
                // A client that goes away is part of some tests.
                thread::spawn(move || {
                    let _ =
                        if at_once { shared.secure(&mut connection) } else { shared.serve(&mut connection) };
                });
            }
        });
        Self { port, tls: at_once, requests }
    }

    pub fn url(&self, path: &str) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        let host = if self.tls { "localhost" } else { "127.0.0.1" };
        format!("{scheme}://{host}:{}{path}", self.port)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl Shared {
    /// Speaks TLS over the connection, then as [`Self::serve`].
    fn secure(&self, connection: &mut dyn Stream) -> std::io::Result<()> {
        let Some(config) = self.tls.clone() else { return Ok(()) };
        let tls = ServerConnection::new(config).map_err(std::io::Error::other)?;
        let mut stream = StreamOwned::new(tls, connection);
        self.serve(&mut stream)?;
        stream.conn.send_close_notify();
        stream.flush()
    }

    fn serve(&self, stream: &mut dyn Stream) -> std::io::Result<()> {
        let mut reader = BufReader::new(&mut *stream);
        let mut lines = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            if line.trim_end().is_empty() {
                break;
            }
            lines.push(line.trim_end().to_owned());
        }
        let Some((first, rest)) = lines.split_first() else { return Ok(()) };
        let headers = rest.iter().filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        let request = Request { line: first.clone(), headers };
        let number = {
            let mut requests = self.requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        let answer = (self.script)(number, &request);
        let mut head = format!("HTTP/1.1 {}\r\n", answer.status);
        if answer.then != Then::Tunnel {
            head += "Connection: close\r\n";
        }
        for header in &answer.headers {
            head += &format!("{header}\r\n");
        }
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        stream.write_all(&answer.body)?;
        stream.flush()?;
        match answer.then {
            Then::Close => Ok(()),
            Then::Stall => {
                thread::sleep(Duration::from_secs(60));
                Ok(())
            }
            Then::Endless => loop {
                stream.write_all(&[0; 4096])?;
            },
            Then::Tunnel => self.secure(stream),
        }
    }
}
