//! What takes a process of its own: environment variables, and being killed.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use convscope::weights::fetch::{FetchError, FetchOptions, fetch};

use super::web::{Answer, Authority, Server, Then, answer, file};
use super::{NAME, Place, TAG, content, entry, flaky, good};

/// What the tests below run in a process of its own: the environment names everything.
#[test]
#[ignore = "run by other tests, in processes of their own"]
fn as_a_process() {
    let Ok(url) = std::env::var("FETCH_URL") else { return };
    let authority = std::env::var_os("FETCH_AUTHORITY").map(Into::into);
    let options = FetchOptions { authority, ..FetchOptions::default() };
    let outcome = fetch(&entry(&url, &content()), &options, &mut |_| {});
    if std::env::var_os("FETCH_REFUSED").is_some() {
        assert!(matches!(outcome, Err(FetchError::Address { .. })), "{outcome:?}");
    } else {
        assert!(outcome.is_ok(), "{outcome:?}");
    }
}

fn process(place: &Place, url: &str, environment: &[(&str, &str)]) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "process::as_a_process", "--nocapture"]).stdout(Stdio::null());
    for name in ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env("FETCH_URL", url).env("CONVSCOPE_CACHE", place.folder.path().join("cache"));
    if let Some(authority) = &place.options.authority {
        command.env("FETCH_AUTHORITY", authority);
    }
    command.envs(environment.iter().copied()).spawn().unwrap()
}

#[test]
fn proxy_variables_are_heeded() {
    let (content, authority) = (content(), Authority::new());
    let served = content.clone();
    let proxy = Server::proxy(&authority, "weights.example", move |_, request| {
        if request.line.starts_with("CONNECT ") {
            return Answer { then: Then::Tunnel, ..answer("200 Connected", &[]) };
        }
        file(request, &served, TAG, usize::MAX, Then::Close)
    });
    let proxy_url = proxy.url("");
    let environment = [("HTTPS_PROXY", proxy_url.as_str()), ("HTTP_PROXY", proxy_url.as_str())];
    let place = Place::trusting(&authority);
    assert!(process(&place, "https://weights.example/w", &environment).wait().unwrap().success());
    assert_eq!(fs::read(place.path(NAME)).unwrap(), content);
    let lines: Vec<_> = proxy.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(lines, ["CONNECT weights.example:443 HTTP/1.1", "GET /w HTTP/1.1"]);

    // This machine is spoken to directly, and plain http not even through the proxy.
    let (direct, place) = (good(&content), Place::new());
    assert!(process(&place, &direct.url("/w"), &environment).wait().unwrap().success());
    let (place, refused) = (Place::new(), [&environment[..], &[("FETCH_REFUSED", "1")]].concat());
    assert!(process(&place, "http://weights.example/w", &refused).wait().unwrap().success());
    assert_eq!((direct.requests().len(), proxy.requests().len()), (1, 2));
}

#[test]
fn a_killed_process_leaves_nothing_that_would_be_used() {
    let content = content();
    let server = flaky(&content, 100_000, Then::Stall);
    let place = Place::new();
    let mut child = process(&place, &server.url("/w"), &[]);
    let begun = Instant::now();
    while fs::metadata(place.path("weights.bin.partial")).map_or(0, |file| file.len()) < 100_000 {
        assert!(begun.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(place.names(), ["weights.bin.partial"]);
    let path = place.fetch(&entry(&server.url("/w"), &content)).unwrap();
    assert_eq!(fs::read(path).unwrap(), content);
    assert_eq!(place.names(), [NAME]);
}
