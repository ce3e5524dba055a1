//! What is not taken, and what the user is told.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use convscope::weights::fetch::{FetchError, path_of, verify};
use convscope::weights::manifest::{Checksum, Entry, MAX_BYTES};

use super::web::{Answer, Authority, Request, Server, Then, answer, file};
use super::{Place, TAG, content, entry, flaky, good};

#[test]
fn a_wrong_checksum_leaves_no_file() {
    let content = content();
    let wrong = [
        Checksum::Sha256("0".repeat(64)),
        Checksum::Sha256Prefix("00000000".into()),
        Checksum::Md5("0".repeat(32)),
    ];
    for checksum in wrong {
        let (server, place) = (good(&content), Place::new());
        let mut entry = entry(&server.url("/w"), &content);
        entry.checksum = Some(checksum);
        let error = place.fetch(&entry).unwrap_err();
        assert!(matches!(error, FetchError::Checksum { .. }), "{error}");
        assert_eq!((place.names().len(), server.requests().len()), (0, 1));
    }
    let (server, place) = (good(b"abc"), Place::new());
    let mut entry = entry(&server.url("/w"), b"abc");
    // RFC 1321, appendix A.5; FIPS 180-4's example of SHA-256.
    entry.checksum = Some(Checksum::Md5("900150983cd24fb0d6963f7d28e17f72".into()));
    let path = place.fetch(&entry).unwrap();
    entry.checksum = Some(Checksum::Sha256Prefix("ba7816bf".into()));
    assert!(verify(&path, &entry).unwrap().recorded);
    (entry.checksum, entry.size) = (None, Some(4));
    assert!(matches!(verify(&path, &entry).unwrap_err(), FetchError::Size { expected: 4, found: 3, .. }));
}

#[test]
fn too_much_is_stopped_early() {
    let content = content();
    let endless = |headers: &'static [&str]| {
        Server::http(move |_, _| Answer { then: Then::Endless, ..answer("200 OK", headers) })
    };
    let place = Place::new();
    // Without a length, with one that is wrong, and with one that is beyond all measure.
    let server = endless(&["ETag: \"v1\""]);
    let error = place.fetch(&entry(&server.url("/w"), &content)).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: 300_001, .. }), "{error}");
    let server = endless(&["Content-Length: 300002"]);
    let error = place.fetch(&entry(&server.url("/w"), &content)).unwrap_err();
    assert!(matches!(error, FetchError::Size { expected: 300_001, found: 300_002, .. }), "{error}");
    let server = endless(&["Content-Length: 3000000000"]);
    let unsized_entry = Entry { size: None, ..entry(&server.url("/w"), &content) };
    let error = place.fetch(&unsized_entry).unwrap_err();
    assert!(matches!(error, FetchError::TooLarge { limit: MAX_BYTES, .. }), "{error}");
    // Nobody could tell whether all has come.
    let server = endless(&[]);
    let nothing_known = Entry { url: server.url("/w"), checksum: None, ..unsized_entry };
    let message = place.fetch(&nothing_known).unwrap_err().to_string();
    assert!(message.contains("does not say how long"), "{message}");
    assert!(place.names().is_empty());
}

#[test]
fn redirections_are_followed_but_not_out_of_https_nor_for_ever() {
    let (content, authority) = (content(), Authority::new());
    let plain = good(&content);
    let (served, there) = (content.clone(), plain.url("/w"));
    let server = Server::https(&authority, "localhost", move |_, request| {
        let to =
            |location: &str| answer("302 Found", &[&format!("Location: {location}"), "Content-Length: 0"]);
        match request.line.split(' ').nth(1).unwrap() {
            "/a/start" => to("next?x"),
            "/a/next?x" => to("/w"),
            "/w" => file(request, &served, TAG, usize::MAX, Then::Close),
            "/down" => to(&there),
            "/away" => to("ftp://example.org/"),
            "/nowhere" => answer("302 Found", &["Content-Length: 0"]),
            _ => to("/loop"),
        }
    });
    let place = Place::trusting(&authority);
    let refused = [
        ("/down", "it leaves https"),
        ("/away", "it is not https"),
        ("/nowhere", "names no address"),
        ("/loop", "for ever"),
    ];
    for (path, part) in refused {
        let error = place.fetch(&entry(&server.url(path), &content)).unwrap_err();
        assert!(matches!(error, FetchError::Redirect { .. }), "{error}");
        let message = error.to_string();
        assert!(message.contains(part) && message.contains("download it by hand"), "{message}");
    }
    assert_eq!(plain.requests().len(), 0);
    assert!(server.requests().len() < 15);
    assert!(place.names().is_empty());
    place.fetch(&entry(&server.url("/a/start"), &content)).unwrap();
}

#[test]
fn a_refusal_says_what_to_do_and_only_a_passing_one_is_tried_again() {
    let content = content();
    let server = Server::http(|_, _| answer("404 Not Found", &["Content-Length: 0"]));
    let (place, missing) = (Place::new(), entry(&server.url("/w?x=1"), &content));
    let message = place.fetch(&missing).unwrap_err().to_string();
    let path = path_of(&missing, &place.options).unwrap().display().to_string();
    for part in ["/w: the server answers 404 (Not Found)", "download it by hand from", &path] {
        assert!(message.contains(part), "{message}");
    }
    assert_eq!(server.requests().len(), 1);

    let served = content.clone();
    let server = Server::http(move |number, request| match number {
        0 => answer("503 Service Unavailable", &["Content-Length: 0", "Retry-After: 0"]),
        _ => file(request, &served, TAG, usize::MAX, Then::Close),
    });
    let mut place = Place::new();
    // The server's own wish counts, or this would take a minute.
    place.options.patience.first_pause = Duration::from_secs(60);
    let begun = Instant::now();
    place.fetch(&entry(&server.url("/w"), &content)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));

    let server = Server::http(|_, _| answer("503 Service Unavailable", &["Content-Length: 0"]));
    let error = Place::new().fetch(&entry(&server.url("/w"), &content)).unwrap_err();
    assert!(matches!(error, FetchError::Status { code: 503, .. }), "{error}");
    assert_eq!(server.requests().len(), 3);
}

#[test]
fn no_answer_is_told_soon_and_with_the_way_out() {
    let content = content();
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut place = Place::new();
    place.options.patience.first_pause = Duration::from_secs(60);
    let begun = Instant::now();
    let message =
        place.fetch(&entry(&format!("http://127.0.0.1:{port}/w"), &content)).unwrap_err().to_string();
    assert!(message.contains("cannot be fetched") && message.contains("download it by hand"), "{message}");
    assert!(begun.elapsed() < Duration::from_secs(10));

    let server = flaky(&content, 1000, Then::Stall);
    let mut place = Place::new();
    place.options.patience.stall = Duration::from_millis(300);
    let begun = Instant::now();
    place.fetch(&entry(&server.url("/w"), &content)).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert_eq!(server.requests()[1].start(), Some(1000));
}

#[test]
fn strangers_are_not_trusted() {
    let (content, authority) = (content(), Authority::new());
    let served = content.clone();
    let script = move |_: usize, request: &Request| file(request, &served, TAG, usize::MAX, Then::Close);
    let unknown = Server::https(&authority, "localhost", script.clone());
    let other = Server::https(&authority, "example.org", script);
    for (server, place) in [(unknown, Place::new()), (other, Place::trusting(&authority))] {
        let error = place.fetch(&entry(&server.url("/w"), &content)).unwrap_err();
        assert!(matches!(error, FetchError::Untrusted { .. }), "{error}");
        assert!(server.requests().is_empty() && place.names().is_empty());
    }
    let mut place = Place::new();
    let empty = place.folder.path().join("empty.pem");
    fs::write(&empty, "").unwrap();
    place.options.authority = Some(empty);
    let error = place.fetch(&entry("https://localhost:1/w", &content)).unwrap_err();
    assert!(matches!(error, FetchError::Authority { .. }), "{error}");
}

#[test]
fn plain_http_is_for_this_machine_alone() {
    let begun = Instant::now();
    let place = Place::new();
    // An address of no machine (RFC 5737): connecting would take until the time is over.
    let error = place.fetch(&entry("http://192.0.2.1/w", &content())).unwrap_err();
    assert!(matches!(error, FetchError::Address { .. }), "{error}");
    let mut mirrored = Place::new();
    mirrored.options.mirror = Some("http://192.0.2.1/mirror".into());
    let error = mirrored.fetch(&entry("https://192.0.2.1/w", &content())).unwrap_err();
    assert!(matches!(error, FetchError::Address { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(4) && place.names().is_empty());
}
