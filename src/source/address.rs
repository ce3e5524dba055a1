//! Sources of the network: a picture is fetched once; streams (cameras of the network, videos, playlists) are read by ffmpeg.
//!
//! Everything has a limit: 20 s for a connection, 10 s without a byte, 64 MiB and a minute for a picture. A stream that ends or
//! breaks off is asked for again in the window.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use ureq::http::Uri;
use ureq::http::header::CONTENT_TYPE;
use ureq::tls::RootCerts;
use ureq::{Body, http::Response};

use super::delivery::{Delivery, Opened};
use super::frame_source::SourceError;
use super::kind;
use super::still::Pictures;
use super::video::{Remote, Video};
use crate::web::{Waits, agent, is_loopback};

/// What streams come over.
const STREAMS: [&str; 10] = ["rtsp", "rtsps", "rtmp", "rtmps", "rtp", "udp", "tcp", "srt", "mms", "mmsh"];

/// Most bytes of a picture.
const MOST_BYTES: u64 = 64 << 20;

const WAITS: Waits = Waits {
    connect: Duration::from_secs(20),
    stall: Duration::from_secs(10),
    all: Some(Duration::from_secs(60)),
};

const MOST_REDIRECTIONS: u32 = 8;

/// Types of content that are no pictures and that ffmpeg is not asked about.
const TEXTS: [&str; 4] = ["text/html", "application/xhtml+xml", "application/json", "text/plain"];

/// True of addresses that are read.
pub(super) fn is_one(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme = scheme.to_ascii_lowercase();
    !rest.is_empty() && (is_web(&scheme) || STREAMS.contains(&&*scheme))
}

fn is_web(scheme: &str) -> bool {
    matches!(scheme, "http" | "https")
}

/// The same without user name and password, and without what is asked of the server, which may hold a key.
pub(super) fn without_secrets(address: &str) -> String {
    let address = address.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = address.split_once("://") else { return address.into() };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{scheme}://{host}{path}")
}

/// Opens what is at an address.
///
/// # Errors
/// [`SourceError::File`] where it cannot be reached or is neither picture nor stream, [`SourceError::NoFfmpeg`].
pub(super) fn open(address: &str, delivery: &Delivery) -> Result<Opened, SourceError> {
    let shown = without_secrets(address);
    let failure = |reason: String| SourceError::file(Path::new(&shown), reason);
    let scheme = address.split("://").next().unwrap_or_default().to_ascii_lowercase();
    let mut is_recorded = false;
    if is_web(&scheme) {
        let answer = ask(address).map_err(failure)?;
        let kind = kind_of(&answer);
        if TEXTS.contains(&&*kind) {
            return Err(failure(format!(
                "the server sends {kind}, which is no picture: name the address of the picture or stream itself"
            )));
        }
        let is_stream =
            kind.starts_with("multipart/") || kind.starts_with("video/") || kind.contains("mpegurl");
        if !is_stream && let Some(bytes) = picture(answer, &kind).map_err(failure)? {
            let pictures = Pictures::of_bytes(Path::new(&shown), bytes, delivery.decoding, delivery.live)?;
            let steps = Some(pictures.step_handle());
            return Ok(Opened { steps, ..Opened::plain(pictures) });
        }
        is_recorded = !kind.starts_with("multipart/");
    }
    let remote = Remote { address: address.into(), shown, is_recorded };
    Ok(Opened::plain(Video::open_remote(remote, delivery.every, delivery.live)?))
}

/// The error is a sentence.
fn ask(address: &str) -> Result<Response<Body>, String> {
    let uri: Uri = address.parse().map_err(|_| "it is no address: check how it is written".to_string())?;
    let agent = agent(WAITS, RootCerts::WebPki, MOST_REDIRECTIONS);
    let request = agent.get(&uri);
    let answer = match is_loopback(&uri) {
        true => request.config().proxy(None).build().call(),
        false => request.call(),
    };
    let answer = answer
        .map_err(|error| format!("it cannot be reached ({error}): check the address and the network"))?;
    match answer.status().as_u16() {
        200 => Ok(answer),
        401 | 403 => {
            Err("the server wants a name and a password: write them as in http://NAME:PASSWORD@HOST/…".into())
        }
        404 => Err("the server has nothing of this name (404): check the address".into()),
        status => Err(format!("the server answers with {status}: try again later, or ask who runs it")),
    }
}

/// The type of what comes, in small letters and without what stands behind it.
fn kind_of(answer: &Response<Body>) -> String {
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The bytes of a picture; `None` where something else comes. The error is a sentence.
fn picture(answer: Response<Body>, kind: &str) -> Result<Option<Vec<u8>>, String> {
    let mut body = answer.into_body().into_reader().take(MOST_BYTES + 1);
    let broken = |error: std::io::Error| format!("the picture breaks off ({error}): try again");
    let mut bytes = vec![];
    // Some servers call everything a stream of bytes.
    body.by_ref().take(kind::HEAD_BYTES).read_to_end(&mut bytes).map_err(broken)?;
    let is_picture = kind.starts_with("image/") || kind::is_picture(&bytes);
    if !is_picture {
        return Ok(None);
    }
    body.read_to_end(&mut bytes).map_err(broken)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err("the picture has more than 64 MiB: fetch it, and name the file".into());
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_from_names_and_shown_without_secrets() {
        for address in ["http://a/b.jpg", "HTTPS://a", "rtsp://cam:554/1", "udp://239.0.0.1:1234"] {
            assert!(is_one(address), "{address}");
        }
        for name in
            ["a/b", "http:/a", "http://", "s3://bucket/x", "file:///x", "c://x", "data:image/png;base64,"]
        {
            assert!(!is_one(name), "{name}");
        }
        for (address, shown) in [
            ("https://you:secret@host:8/a/b.jpg?key=1#x", "https://host:8/a/b.jpg"),
            ("rtsp://a@b@host/live@2", "rtsp://host/live@2"),
            ("http://host?token=1", "http://host"),
            ("http://host", "http://host"),
        ] {
            assert_eq!(without_secrets(address), shown);
        }
    }
}
