//! Where a file comes from, and which addresses are refused before anything is connected to. Pure.

use std::path::PathBuf;

use ureq::http::Uri;
use ureq::http::uri::Scheme;

use super::error::FetchError;
use crate::web::is_loopback;
use crate::weights::manifest::Entry;

/// Where a file comes from.
pub(super) enum Source {
    /// A server.
    Web(Uri),
    /// This machine: a file, or a folder that holds it under the entry's file name.
    Local(PathBuf),
}

impl Source {
    /// The entry's own address, or its place on a mirror: a base URL, a `file:` URL, a path.
    pub(super) fn of(entry: &Entry, mirror: Option<&str>) -> Result<Self, FetchError> {
        let Some(mirror) = mirror else { return Ok(Self::Web(parse(&entry.url)?)) };
        let path = if let Some(rest) = mirror.strip_prefix("file:") {
            let rest =
                rest.strip_prefix("//").map_or(rest, |rest| rest.strip_prefix("localhost").unwrap_or(rest));
            let decoded = percent_encoding::percent_decode_str(rest).decode_utf8();
            let refuse = |reason| FetchError::Address { url: mirror.into(), reason };
            let decoded = decoded.map_err(|_| refuse("its path is not UTF-8"))?;
            if !decoded.starts_with('/') {
                return Err(refuse("a file: URL names a whole path of this machine, as file:///srv/weights"));
            }
            PathBuf::from(decoded.into_owned())
        } else if mirror.contains("://") {
            return Ok(Self::Web(parse(&format!("{}/{}", mirror.trim_end_matches('/'), entry.file))?));
        } else {
            PathBuf::from(mirror)
        };
        Ok(Self::Local(if path.is_dir() { path.join(&entry.file) } else { path }))
    }
}

/// Reads an address and refuses what is neither https nor http of this machine.
pub(super) fn parse(text: &str) -> Result<Uri, FetchError> {
    let refuse = |reason| FetchError::Address { url: shown_text(text), reason };
    let uri: Uri = text.parse().map_err(|_| refuse("it is no address"))?;
    check(&uri).map_err(refuse)?;
    Ok(uri)
}

fn check(uri: &Uri) -> Result<(), &'static str> {
    let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
        return Err("it does not begin with https:// and a host");
    };
    if authority.as_str().contains('@') {
        return Err("it holds a user name or password, which could leak");
    }
    if *scheme == Scheme::HTTPS || (*scheme == Scheme::HTTP && is_loopback(uri)) {
        return Ok(());
    }
    Err(if *scheme == Scheme::HTTP {
        "plain http can be read and changed on its way"
    } else {
        "it is not https"
    })
}

/// Where a `Location` leads from an address (RFC 3986, section 5.2, without `.` and `..`, which servers resolve).
pub(super) fn redirected(from: &Uri, location: &str) -> Result<Uri, &'static str> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (from.scheme_str().unwrap_or_default(), from.authority());
    let origin = format!("{scheme}://{}", authority.map_or("", |authority| authority.as_str()));
    let absolute = location.find(':').is_some_and(|colon| !location[..colon].contains(['/', '?']));
    let text = if absolute {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{origin}{location}")
    } else if location.starts_with('?') {
        format!("{origin}{}{location}", from.path())
    } else {
        let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{origin}{folder}/{location}")
    };
    let to: Uri = text.parse().map_err(|_| "it is no address")?;
    check(&to)?;
    if from.scheme() == Some(&Scheme::HTTPS) && to.scheme() != Some(&Scheme::HTTPS) {
        return Err("it leaves https");
    }
    Ok(to)
}

/// An address for messages: without the query, where servers put signatures and tokens.
pub(super) fn shown(uri: &Uri) -> String {
    shown_text(&uri.to_string())
}

/// As [`shown`], for what may be no address; without a user name and password either.
pub(super) fn shown_text(text: &str) -> String {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_spoken_to() {
        for good in [
            "https://example.org/a",
            "http://127.0.0.1:80/a",
            "http://127.9.9.9/",
            "http://[::1]:8/a",
            "http://LOCALHOST/a",
        ] {
            parse(good).unwrap();
        }
        for bad in [
            "http://example.org/a",
            "http://localhost.example.org/a",
            "http://127.0.0.1.example.org/a",
            "http://127.1/a",
            "http://0.0.0.0/a",
            "ftp://example.org/a",
            "https:///a",
            "/a",
            "example.org",
            "https://ada:secret@example.org/a",
            "http://localhost@example.org/a",
            "",
        ] {
            let message = parse(bad).unwrap_err().to_string();
            assert!(!message.contains("secret"), "{message}");
        }
    }

    #[test]
    fn redirections_lead_where_the_rfc_says_and_never_out_of_https() {
        let from: Uri = "https://a.org:8443/x/y?q=1".parse().unwrap();
        for (location, to) in [
            ("https://b.org/z#part", "https://b.org/z"),
            ("HTTPS://b.org/z", "https://b.org/z"),
            ("//b.org/z", "https://b.org/z"),
            ("/z?u=http://c.org", "https://a.org:8443/z?u=http://c.org"),
            ("z", "https://a.org:8443/x/z"),
            ("?r=2", "https://a.org:8443/x/y?r=2"),
        ] {
            assert_eq!(redirected(&from, location).unwrap().to_string(), to, "{location}");
        }
        for location in
            ["http://b.org/z", "http://127.0.0.1/z", "ftp://b.org/", "https://u:p@b.org/", "https://", "a b"]
        {
            assert!(redirected(&from, location).is_err(), "{location}");
        }
        let local: Uri = "http://127.0.0.1:5/x".parse().unwrap();
        assert!(redirected(&local, "http://example.org/").is_err());
        assert!(redirected(&local, "http://localhost:6/").is_ok());
        assert!(redirected(&local, "https://example.org/").is_ok());
    }

    #[test]
    fn messages_show_no_secrets() {
        assert_eq!(shown_text("https://u:p@a.org/x?token=1"), "https://a.org/x");
        assert_eq!(shown_text("a?b"), "a");
    }
}
