//! Downloads that break off, and what the next attempt makes of what came.

use std::fs;
use std::path::Path;

use convscope::weights::fetch::FetchError;
use convscope::weights::manifest::Entry;

use super::web::{Server, Then, answer, file};
use super::{NAME, Place, TAG, content, entry, flaky, sha256};

#[test]
fn a_cut_connection_is_gone_on_with() {
    let content = content();
    let server = flaky(&content, 100_000, Then::Close);
    let place = Place::new();
    let path = place.fetch(&entry(&server.url("/w"), &content)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].start(), Some(100_000));
    assert_eq!(requests[1].header("if-range"), Some(TAG));
    assert_eq!(place.names(), [NAME]);
}

/// A place where a first call has been left by the server after 100 000 bytes.
fn interrupted(server: &Server, content: &[u8]) -> (Place, Entry) {
    let mut place = Place::new();
    place.options.patience.attempts = 1;
    let entry = entry(&server.url("/w"), content);
    let error = place.fetch(&entry).unwrap_err();
    assert!(matches!(error, FetchError::Network { .. }), "{error}");
    assert_eq!(place.names(), ["weights.bin.partial", "weights.bin.partial.json"]);
    (place, entry)
}

#[test]
fn the_next_call_goes_on_too() {
    let content = content();
    let server = flaky(&content, 100_000, Then::Close);
    let (place, entry) = interrupted(&server, &content);
    // What a crash leaves behind the last checkpoint may be anything.
    let mut partial = fs::read(place.path("weights.bin.partial")).unwrap();
    partial.extend(vec![0; 400_000]);
    fs::write(place.path("weights.bin.partial"), partial).unwrap();
    assert_eq!(fs::read(place.fetch(&entry).unwrap()).unwrap(), content);
    assert_eq!(server.requests()[1].start(), Some(100_000));
    assert_eq!(place.names(), [NAME]);
}

#[test]
fn a_damaged_partial_file_counts_for_nothing() {
    let content = content();
    let flip = |path: &Path| {
        let mut bytes = fs::read(path).unwrap();
        bytes[50_000] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let shorten = |path: &Path| fs::write(path, &fs::read(path).unwrap()[..99_999]).unwrap();
    let garble = |path: &Path| fs::write(path.with_extension("partial.json"), "{").unwrap();
    let forget = |path: &Path| fs::remove_file(path.with_extension("partial.json")).unwrap();
    let damages: [&dyn Fn(&Path); 4] = [&flip, &shorten, &garble, &forget];
    for damage in damages {
        let server = flaky(&content, 100_000, Then::Close);
        // Nothing but the checkpoint could notice: there is no published checksum.
        let (place, mut entry) = interrupted(&server, &content);
        entry.checksum = None;
        damage(&place.path("weights.bin.partial"));
        assert_eq!(fs::read(place.fetch(&entry).unwrap()).unwrap(), content);
        assert_eq!(server.requests()[1].start(), None);
    }
}

#[test]
fn a_file_that_changed_meanwhile_is_fetched_from_its_beginning() {
    let (old, mut new) = (content(), content());
    new[7] ^= 1;
    let served = (old, new.clone());
    let server = Server::http(move |number, request| match number {
        0 => file(request, &served.0, TAG, 100_000, Then::Close),
        _ => file(request, &served.1, "\"v2\"", usize::MAX, Then::Close),
    });
    let place = Place::new();
    let path = place.fetch(&entry(&server.url("/w"), &new)).unwrap();
    assert_eq!(fs::read(path).unwrap(), new);
    assert_eq!(server.requests()[1].start(), Some(100_000));
}

#[test]
fn a_mixture_under_an_old_etag_is_fetched_once_more() {
    let (old, mut new) = (content(), content());
    new[7] ^= 1;
    let served = (old, new.clone());
    // The server does not notice that its file is another one.
    let server = Server::http(move |number, request| match number {
        0 => file(request, &served.0, TAG, 100_000, Then::Close),
        _ => file(request, &served.1, TAG, usize::MAX, Then::Close),
    });
    let mut place = Place::new();
    place.options.patience.attempts = 1;
    let entry = entry(&server.url("/w"), &new);
    place.fetch(&entry).unwrap_err();
    assert_eq!(fs::read(place.fetch(&entry).unwrap()).unwrap(), new);
    let starts: Vec<_> = server.requests().iter().map(|request| request.start()).collect();
    assert_eq!(starts, [None, Some(100_000), None]);
}

#[test]
fn a_server_without_ranges_or_validators_is_asked_anew() {
    let content = content();
    for headers in [vec!["ETag: \"v1\""], vec!["ETag: W/\"v1\""], vec![]] {
        let served = content.clone();
        let strong = headers == ["ETag: \"v1\""];
        let server = Server::http(move |number, _| {
            let mut whole = answer("200 OK", &headers);
            whole.headers.push(format!("Content-Length: {}", served.len()));
            whole.body = served[..if number == 0 { 100_000 } else { served.len() }].into();
            whole
        });
        let place = Place::new();
        let path = place.fetch(&entry(&server.url("/w"), &content)).unwrap();
        assert_eq!(fs::read(path).unwrap(), content);
        let requests = server.requests();
        assert_eq!((requests.len(), requests[1].start().is_some()), (2, strong));
        assert_eq!(place.names(), [NAME]);
    }
}

#[test]
fn another_part_than_asked_for_is_not_put_together() {
    let content = content();
    let served = content.clone();
    let server = Server::http(move |number, request| {
        let sent = if number == 0 { 100_000 } else { usize::MAX };
        let mut part = file(request, &served, TAG, sent, Then::Close);
        if number == 1 {
            part.headers.retain(|header| !header.starts_with("Content-Range"));
            part.headers.push("Content-Range: bytes 99999-300000/300001".into());
        }
        part
    });
    let place = Place::new();
    let path = place.fetch(&entry(&server.url("/w"), &content)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    let starts: Vec<_> = server.requests().iter().map(|request| request.start()).collect();
    assert_eq!(starts, [None, Some(100_000), None]);
}

#[test]
fn a_whole_partial_file_is_used() {
    let content = content();
    for known_size in [true, false] {
        let all = "Content-Range: bytes */300001";
        let server = Server::http(move |_, _| answer("416 Range Not Satisfiable", &[all]));
        let (place, mut entry) = (Place::new(), entry(&server.url("/w"), &content));
        entry.size = entry.size.filter(|_| known_size);
        fs::create_dir_all(place.path("")).unwrap();
        fs::write(place.path("weights.bin.partial"), &content).unwrap();
        let checkpoint =
            format!(r#"{{"validator":"\"v1\"","bytes":{},"sha256":"{}"}}"#, content.len(), sha256(&content));
        fs::write(place.path("weights.bin.partial.json"), checkpoint).unwrap();
        assert_eq!(fs::read(place.fetch(&entry).unwrap()).unwrap(), content);
        assert_eq!(server.requests().len(), usize::from(!known_size));
    }
}
