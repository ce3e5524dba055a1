//! Gets bytes by HTTP: redirections, going on where a connection broke, limits, retries.
//!
//! Redirections are followed here, not by ureq, so that each address is checked first. Connections to this machine go
//! past any proxy.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use ureq::http::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, ETAG, HeaderMap, HeaderName, IF_RANGE,
    LAST_MODIFIED, LOCATION, RANGE, RETRY_AFTER,
};
use ureq::http::{Response, StatusCode, Uri};
use ureq::tls::{PemItem, RootCerts, parse_pem};
use ureq::{Agent, Body, Error};

use super::address::{redirected, shown, shown_text};
use super::digest::CHUNK;
use super::error::{ByHand, FetchError};
use super::partial::Partial;
use super::progress::Step;
use super::watch::Watch;
use crate::web::{Waits, agent, is_loopback};
use crate::weights::manifest::{Entry, MAX_BYTES};

/// Hugging Face needs two.
const MAX_REDIRECTIONS: usize = 8;

/// An attempt that brought at least this many bytes lets the counting of failures begin anew.
const GOOD_ATTEMPT_BYTES: u64 = 1 << 20;

/// The longest pause a server may ask for.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// How long to wait and how often to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a name to be found, and again for a connection.
    pub connect: Duration,
    /// For the next bytes.
    pub stall: Duration,
    /// Attempts, at least one. One that brings a MiB or more is not counted.
    pub attempts: u32,
    /// Before the second attempt; each further pause is twice as long.
    pub first_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(20),
            stall: Duration::from_secs(30),
            attempts: 4,
            first_pause: Duration::from_secs(1),
        }
    }
}

/// Why an attempt failed.
enum Failure {
    /// Another attempt may go better, after as long as the server asks for.
    Passing(FetchError, Option<Duration>),
    /// As `Passing` if something has come already; else nobody is there and the user should know soon.
    Unreachable(FetchError),
    /// It will stay like that.
    Lasting(FetchError),
}

impl From<FetchError> for Failure {
    fn from(error: FetchError) -> Self {
        Self::Lasting(error)
    }
}

/// Gets one entry's file.
pub(super) struct Transfer<'a> {
    agent: Agent,
    entry: &'a Entry,
    by_hand: ByHand,
    patience: Patience,
}

impl<'a> Transfer<'a> {
    /// `authority` is a PEM file with the authorities to trust in place of Mozilla's.
    pub(super) fn new(
        entry: &'a Entry,
        by_hand: ByHand,
        authority: Option<&Path>,
        patience: Patience,
    ) -> Result<Self, FetchError> {
        let roots = authority.map_or(Ok(RootCerts::WebPki), authorities)?;
        let waits = Waits { connect: patience.connect, stall: patience.stall, all: None };
        Ok(Self { agent: agent(waits, roots, 0), entry, by_hand, patience })
    }

    /// To be shut down by another thread, which ends a wait for the server.
    pub(super) fn agent(&self) -> Agent {
        self.agent.clone()
    }

    /// Fills the partial file; what it holds already is not asked for again. Its content is not checked.
    pub(super) fn run(
        &self,
        start: &Uri,
        partial: &mut Partial,
        watch: &mut Watch<'_>,
    ) -> Result<(), FetchError> {
        let (mut failures, mut received) = (0, false);
        loop {
            let before = partial.bytes();
            let outcome = self.attempt(start, partial, watch);
            watch.check()?;
            let gained = partial.bytes().saturating_sub(before);
            received |= gained > 0;
            let (error, asked) = match outcome {
                Ok(()) => return Ok(()),
                Err(Failure::Lasting(error)) => return Err(error),
                Err(Failure::Unreachable(error)) if !received => return Err(error),
                Err(Failure::Unreachable(error)) => (error, None),
                Err(Failure::Passing(error, asked)) => (error, asked),
            };
            failures = if gained >= GOOD_ATTEMPT_BYTES { 1 } else { failures + 1 };
            if failures >= self.patience.attempts {
                return Err(error);
            }
            tracing::info!("{error}; attempt {} follows", failures + 1);
            let pause = self.patience.first_pause.saturating_mul(1 << (failures - 1).min(16));
            let pause = asked.unwrap_or(pause).min(MAX_PAUSE);
            watch.pause(pause, Step::Pausing, partial.bytes(), self.entry.size)?;
        }
    }

    fn attempt(&self, start: &Uri, partial: &mut Partial, watch: &mut Watch<'_>) -> Result<(), Failure> {
        let bytes = partial.bytes();
        if bytes > 0 && self.entry.size == Some(bytes) {
            return Ok(());
        }
        watch.report(Step::Connecting, bytes, self.entry.size);
        let resume = partial.validator().filter(|_| bytes > 0).map(|validator| (bytes, validator));
        let (uri, response) = self.request(start, resume)?;
        let headers = response.headers();
        if text(headers, CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(self.network(&uri, "it is sent compressed, which was not asked for").into());
        }
        let range = text(headers, CONTENT_RANGE).and_then(content_range);
        let total = match response.status() {
            StatusCode::OK => {
                let total = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
                partial.restart(validator(headers))?;
                total
            }
            StatusCode::PARTIAL_CONTENT if bytes > 0 && range.is_some_and(|range| range.0 == Some(bytes)) => {
                range.and_then(|range| range.1)
            }
            // Nothing is missing: the process that got the last byte did not live to use it.
            StatusCode::RANGE_NOT_SATISFIABLE if bytes > 0 && range == Some((None, Some(bytes))) => {
                return Ok(());
            }
            StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                partial.restart(None)?;
                let error = self.network(&uri, "it sends another part of the file than was asked for");
                return Err(Failure::Passing(error, Some(Duration::ZERO)));
            }
            status => return Err(self.status(&uri, status, headers)),
        };
        self.fill(&uri, response, total, partial, watch)
    }

    /// Follows redirections to an answer that is none.
    fn request(&self, start: &Uri, resume: Option<(u64, &str)>) -> Result<(Uri, Response<Body>), Failure> {
        let mut uri = start.clone();
        for _ in 0..=MAX_REDIRECTIONS {
            let mut request = self.agent.get(&uri).header(ACCEPT_ENCODING, "identity");
            if let Some((bytes, validator)) = resume {
                request = request.header(RANGE, format!("bytes={bytes}-")).header(IF_RANGE, validator);
            }
            if is_loopback(&uri) {
                request = request.config().proxy(None).build();
            }
            let response = request.call().map_err(|error| self.failed(&uri, error))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                return Ok((uri, response));
            }
            let Some(location) = text(response.headers(), LOCATION) else {
                return Err(self.redirection(&uri, "", "it names no address").into());
            };
            uri = redirected(&uri, location).map_err(|reason| self.redirection(&uri, location, reason))?;
        }
        Err(self.redirection(start, &shown(&uri), "it goes on for ever").into())
    }

    /// Takes in what the server sends: `total` bytes of the whole file, if it says so.
    fn fill(
        &self,
        uri: &Uri,
        response: Response<Body>,
        total: Option<u64>,
        partial: &mut Partial,
        watch: &mut Watch<'_>,
    ) -> Result<(), Failure> {
        let (entry, place) = (self.entry, || shown(uri));
        if let (Some(expected), Some(found)) = (entry.size, total)
            && expected != found
        {
            return Err(FetchError::Size { place: place(), expected, found }.into());
        }
        let limit = entry.size.unwrap_or(MAX_BYTES);
        if total.is_some_and(|total| total > limit) {
            return Err(FetchError::TooLarge { place: place(), limit }.into());
        }
        let total = total.or(entry.size);
        if total.is_none() && entry.checksum.is_none() {
            let reason = "the server does not say how long it is, so that nobody could tell whether all came";
            return Err(self.network(uri, reason).into());
        }
        let mut reader = response.into_body().into_reader();
        let mut chunk = vec![0; CHUNK];
        loop {
            watch.report(Step::Transferring, partial.bytes(), total);
            watch.check()?;
            let length = reader.read(&mut chunk).map_err(|error| self.failed(uri, error.into()))?;
            if length == 0 {
                break;
            }
            if partial.bytes() + length as u64 > total.unwrap_or(limit) {
                return Err(FetchError::TooLarge { place: place(), limit: total.unwrap_or(limit) }.into());
            }
            partial.append(&chunk[..length])?;
        }
        match total.filter(|&total| total != partial.bytes()) {
            None => Ok(()),
            Some(total) => {
                let reason = format!("the connection ended after {} of {total} bytes", partial.bytes());
                Err(Failure::Passing(self.network(uri, &reason), None))
            }
        }
    }

    fn failed(&self, uri: &Uri, error: Error) -> Failure {
        use std::io::ErrorKind;
        let reason = match &error {
            Error::Io(error) => error.to_string(),
            error => error.to_string(),
        };
        let network = || self.network(uri, &reason);
        match error {
            // A handshake that fails comes as invalid data.
            Error::Io(error) if error.kind() == ErrorKind::InvalidData => self.untrusted(uri, reason),
            Error::Rustls(_) | Error::Tls(_) | Error::TlsRequired => self.untrusted(uri, reason),
            Error::HostNotFound => Failure::Unreachable(network()),
            Error::Io(error)
                if matches!(
                    error.kind(),
                    ErrorKind::ConnectionRefused
                        | ErrorKind::HostUnreachable
                        | ErrorKind::NetworkUnreachable
                        | ErrorKind::NetworkDown
                ) =>
            {
                Failure::Unreachable(network())
            }
            Error::Io(_) | Error::Timeout(_) | Error::ConnectionFailed | Error::BodyStalled => {
                Failure::Passing(network(), None)
            }
            _ => Failure::Lasting(network()),
        }
    }

    fn untrusted(&self, uri: &Uri, reason: String) -> Failure {
        Failure::Lasting(FetchError::Untrusted { url: shown(uri), reason, by_hand: self.by_hand() })
    }

    fn network(&self, uri: &Uri, reason: &str) -> FetchError {
        FetchError::Network { url: shown(uri), reason: reason.into(), by_hand: self.by_hand() }
    }

    fn redirection(&self, from: &Uri, to: &str, reason: &'static str) -> FetchError {
        let to = shown_text(to);
        FetchError::Redirect { from: shown(from), to, reason, by_hand: self.by_hand() }
    }

    fn status(&self, uri: &Uri, status: StatusCode, headers: &HeaderMap) -> Failure {
        let meaning = status.canonical_reason().unwrap_or("no meaning known");
        let error =
            FetchError::Status { url: shown(uri), code: status.as_u16(), meaning, by_hand: self.by_hand() };
        let asked = text(headers, RETRY_AFTER).and_then(|seconds| seconds.parse().ok());
        match status.as_u16() {
            408 | 429 | 500 | 502 | 503 | 504 => Failure::Passing(error, asked.map(Duration::from_secs)),
            _ => Failure::Lasting(error),
        }
    }

    fn by_hand(&self) -> Box<ByHand> {
        Box::new(self.by_hand.clone())
    }
}

fn authorities(path: &Path) -> Result<RootCerts, FetchError> {
    let refuse = |reason: String| FetchError::Authority { path: path.into(), reason };
    let pem = std::fs::read(path).map_err(|error| refuse(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| refuse(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(refuse("it holds no certificate".into()));
    }
    Ok(certificates.into())
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// What tells this content of an address from another one: a strong `ETag`, or else the time of change. A weak `ETag`
/// may stand for different bytes and is of no use in `If-Range` (RFC 9110, section 13.1.5).
fn validator(headers: &HeaderMap) -> Option<String> {
    let strong = text(headers, ETAG).filter(|tag| tag.starts_with('"'));
    strong.or_else(|| text(headers, LAST_MODIFIED)).map(Into::into)
}

/// First byte and total of `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`.
fn content_range(text: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = text.strip_prefix("bytes ")?.split_once('/')?;
    let start = range.split_once('-').and_then(|(start, _)| start.parse().ok());
    Some((start, total.parse().ok()))
}
