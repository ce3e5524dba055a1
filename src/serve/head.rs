//! The head of a request, within limits of size and time.

use std::io::{self, Read};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Most bytes of a head.
const MOST_BYTES: usize = 16 * 1024;

const MOST_HEADERS: usize = 64;

/// How long a head may take, all of it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is asked.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    /// Without the query.
    pub path: String,
    pub query: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// A header by its name in small letters; `None` where there is none, or several.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(known, _)| known == name).map(|(_, value)| &**value);
        found.next().filter(|_| found.next().is_none())
    }
}

/// Reads a head.
///
/// # Errors
/// Where it does not come in time, is too large, or none.
pub fn read(stream: &mut TcpStream) -> io::Result<Head> {
    let deadline = Instant::now() + PATIENCE;
    let (mut bytes, mut chunk) = (vec![], [0; 2048]);
    loop {
        if let Some(head) = parse(&bytes)? {
            return Ok(head);
        }
        if bytes.len() > MOST_BYTES {
            return Err(refused("its head is too large"));
        }
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(refused("it did not say in time what it wants"));
        }
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut chunk)? {
            0 => return Err(refused("it hung up")),
            count => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}

/// The head, once it is whole. Nothing may come behind it before it is answered.
fn parse(bytes: &[u8]) -> io::Result<Option<Head>> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(bytes) {
        Ok(httparse::Status::Partial) => return Ok(None),
        Ok(httparse::Status::Complete(length)) if length == bytes.len() => {}
        Ok(_) => return Err(refused("it did not wait for an answer")),
        Err(error) => return Err(refused(&format!("its head is damaged ({error})"))),
    }
    let target = request.path.unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let header = |header: &httparse::Header<'_>| {
        (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned())
    };
    Ok(Some(Head {
        method: request.method.unwrap_or_default().into(),
        path: path.into(),
        query: query.into(),
        headers: request.headers.iter().map(header).collect(),
    }))
}

fn refused(reason: &str) -> io::Error {
    io::Error::other(reason.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_whole_and_nothing_behind_them() {
        let text = b"GET /live?token=a HTTP/1.1\r\nHost: localhost\r\nX-A: 1\r\nX-A: 2\r\n\r\n";
        for end in 0..text.len() {
            assert_eq!(parse(&text[..end]).unwrap(), None);
        }
        let head = parse(text).unwrap().unwrap();
        assert_eq!((&*head.method, &*head.path, &*head.query), ("GET", "/live", "token=a"));
        assert_eq!(
            (head.header("host"), head.header("x-a"), head.header("origin")),
            (Some("localhost"), None, None)
        );
        assert!(parse(&[&text[..], b"more"].concat()).is_err());
        assert!(parse(b"\x16\x03\x01 this is TLS").is_err());
    }
}
