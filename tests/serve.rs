//! The view in pages: the real binary, asked as nobody should ask it, and looked at by a real headless Chromium.

#[path = "serve/chromium.rs"]
mod chromium;
mod common;
#[path = "serve/served.rs"]
mod served;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use chromium::Chromium;
use common::gpu;
use image::{Rgb, RgbImage};
use served::{PATIENCE, Served, wait_for};
use tungstenite::Message;

/// A picture with a bright square.
fn picture(path: &std::path::Path) {
    RgbImage::from_fn(120, 80, |x, y| match (x, y) {
        (10..50, 20..60) => Rgb([240, 220, 30]),
        _ => Rgb([(x * 2) as u8, (y * 3) as u8, 128]),
    })
    .save(path)
    .unwrap();
}

fn serve(more: &[&str]) -> Option<Served> {
    gpu()?;
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("photo.png"));
    Some(Served::start(folder, more))
}

#[test]
fn who_has_no_business_here_is_refused_and_the_view_goes_on() {
    let Some(served) = serve(&["--source", "photo.png"]) else { return };
    let host = served.host();
    let token = format!("token={}", served.token);
    let ask = |path: &str, headers: &[&str]| served.ask("GET", path, headers);
    let own = format!("Host: {host}");
    // Static parts hold no secret; everything else wants the token.
    assert!(ask("/page.js", &[&own]).contains("200 OK"));
    assert!(ask(&format!("/?{token}"), &[&own]).contains("<canvas"));
    for query in ["", "token=", "token=0123456789abcdef0123456789abcdef"] {
        assert!(ask(&format!("/?{query}"), &[&own]).contains("403"), "{query}");
        assert!(ask(&format!("/live?{query}"), &[&own]).contains("403"), "{query}");
    }
    // Names that are not this machine's, and none.
    for forged in ["Host: evil.example", "Host: 127.0.0.1.evil.example:80", "X: y"] {
        assert!(ask(&format!("/?{token}"), &[forged]).contains("421"), "{forged}");
    }
    // A page of elsewhere, in the same browser, that even knows the token.
    for origin in ["Origin: http://evil.example", "Origin: null", "X: y"] {
        assert!(ask(&format!("/live?{token}"), &[&own, origin]).contains("403"), "{origin}");
    }
    // Paths, and what changes something.
    for path in [
        "/../Cargo.toml",
        "/files/1/..%2f..%2fetc%2fpasswd",
        "/files/1/view.png",
        "/files/-1/x",
        "/etc/passwd",
    ] {
        assert!(ask(&format!("{path}?{token}"), &[&own]).contains("404"), "{path}");
    }
    assert!(served.ask("POST", &format!("/?{token}"), &[&own]).contains("405"));
    let page = ask(&format!("/?{token}"), &[&own]);
    for guard in ["frame-ancestors 'none'", "no-referrer", "no-store", "nosniff"] {
        assert!(page.contains(guard), "{guard}");
    }
    // A head without an end, one that is too large, and what is no HTTP.
    let mut large = served.connect();
    let _ = large.write_all(&[b'A'; 100_000]);
    let mut answer = vec![];
    let _ = large.read_to_end(&mut answer);
    let mut other = served.connect();
    let _ = other.write_all(b"\x16\x03\x01\x02\x00\x01\x00");
    // Messages of 100 MB, and what no page says.
    for message in [Message::Binary(vec![1; 100 << 20].into()), Message::Text("{\"type\":\"format\"}".into())]
    {
        let mut socket = served.socket();
        let sent = socket.send(message).and_then(|()| {
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                socket.read()?;
            }
            Ok(())
        });
        assert!(sent.is_err());
    }
    // A file of 2 GB, and one that is larger than it said.
    let mut socket = served.socket();
    socket
        .send(Message::Text("{\"type\":\"file\",\"name\":\"../../x.png\",\"size\":2147483648}".into()))
        .unwrap();
    assert!(served::hears(&mut socket, "refused").contains("1024 MB"));
    socket.send(Message::Text("{\"type\":\"file\",\"name\":\"x.png\",\"size\":3}".into())).unwrap();
    socket.send(Message::Binary(b"\x01four".to_vec().into())).unwrap();
    assert!(served::hears(&mut socket, "refused").contains("more came than was said"));
    drop(socket);
    // And all of it is told, each kind in a line.
    let told = served.told();
    for words in
        ["right token", "not this machine's", "a page of elsewhere", "a connection was closed", "refused: "]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.lines().count() < 60, "{told}");
    let mut socket = served.socket();
    served::hears_in(&mut socket, "state", "photo.png");
}

#[test]
fn a_thousand_half_open_connections_are_let_go_and_pages_come_again() {
    let Some(served) = serve(&["--source", "photo.png"]) else { return };
    // Kept open by this side; what the server has closed cannot be told without asking.
    let half: Vec<TcpStream> = (0..1000)
        .map(|_| {
            let mut stream = served.connect();
            let _ = stream.write_all(b"GET /?token");
            stream
        })
        .collect();
    // Those within the bound are given up after their time, whatever the others do.
    wait_for(|| served.try_socket().is_some());
    drop(half);
    let mut socket = served.socket();
    served::hears_in(&mut socket, "state", "photo.png");
}

#[test]
fn one_page_has_the_controls_and_one_that_stalls_slows_nobody() {
    let Some(served) = serve(&["--source", "photo.png", "--layer", "conv2d_1"]) else { return };
    let mut first = served.socket();
    assert!(served::hears(&mut first, "role").contains("\"controls\":true"));
    let mut second = served.socket();
    assert!(served::hears(&mut second, "role").contains("\"controls\":false"));
    let key = |socket: &mut served::Socket, key: &str| {
        socket.send(Message::Text(format!("{{\"type\":\"key\",\"key\":\"{key}\"}}").into())).unwrap();
    };
    // One that takes nothing, until it is given up.
    let stalled = served.socket();
    // Who looks does not change anything; the one with the controls does.
    key(&mut second, "shift o");
    key(&mut first, "o");
    served::hears_in(&mut second, "state", "\"layer\":\"batch_normalization_1\",\"picture\":\"photo.png\"");
    // Both see pictures although the third has not shown any.
    for _ in 0..3 {
        key(&mut first, "m");
        served::sees(&mut second);
    }
    served::sees(&mut first);
    second.send(Message::Text("{\"type\":\"take\"}".into())).unwrap();
    served::hears_in(&mut first, "role", "\"controls\":false");
    drop(second);
    served::hears_in(&mut first, "role", "\"controls\":true");
    drop(stalled);
    // A page does not end the program.
    key(&mut first, "q");
    key(&mut first, "u");
    served::hears_in(&mut first, "state", "\"layer\":\"conv2d_1\"");
}

#[test]
fn chromium_shows_the_view_and_changes_it() {
    let Some(mut browser) = Chromium::start() else { return };
    let more = ["--source", "photo.png", "--layer", "conv2d_1", "--weights", "embedded"];
    let Some(mut served) = serve(&more) else { return };
    browser.open(&served.link());
    browser.wait_for("document.title.includes('conv2d_1') && document.title.includes('photo.png')");
    browser.wait_for("window.convscope.pictures > 0");
    // The picture has the size that the page has room for, and something in it.
    browser.wait_for("document.getElementById('view').width === document.getElementById('room').clientWidth");
    let colors = "(() => { const c = document.getElementById('view'); const d = c.getContext('2d').getImageData(0, 0, c.width, \
                  c.height).data; const s = new Set(); for (let i = 0; i < d.length; i += 4096) s.add(d[i] + 256 * d[i + 1]); \
                  return s.size; })()";
    browser.wait_for(&format!("{colors} > 20"));

    browser.key("o");
    browser.wait_for("document.title.includes('batch_normalization_1')");
    browser.key("O");
    browser.wait_for("document.title.includes('max_pooling2d_1')");
    // The palette takes letters.
    browser.key("/");
    for letter in "stage mixed5".chars() {
        browser.key(&letter.to_string());
    }
    browser.key("Enter");
    browser.wait_for("document.title.includes('mixed5')");

    // A photograph that is dropped is classified: the class stands behind layer and picture.
    let other = served.folder.path().join("my cat.png");
    RgbImage::from_pixel(64, 64, Rgb([200, 30, 30])).save(&other).unwrap();
    browser.drop_file(&std::fs::read(&other).unwrap(), "my cat.png", "image/png");
    browser.wait_for("/^convscope · mixed5 · dropped-1.png · ./.test(document.title)");

    // A snapshot can be downloaded.
    browser.key("s");
    browser.wait_for("document.querySelectorAll('#files a').length >= 3");
    let json = "(async () => { const a = [...document.querySelectorAll('#files a')].find((a) => a.textContent === 'snapshot.json'); \
                return (await (await fetch(a.href)).json()).layer.name; })()";
    assert_eq!(browser.evaluate(json), "mixed5");

    // It comes back when there is a server again.
    served.restart();
    browser.wait_for("window.convscope.connections >= 2 && document.title.includes('conv2d_1')");
    assert_eq!(browser.evaluate("document.getElementById('away').hidden"), true);
}

#[test]
fn the_camera_of_the_browsers_machine_is_a_source_and_goes_with_it() {
    let Some(mut browser) = Chromium::start() else { return };
    let Some(served) = serve(&["--source", "photo.png"]) else { return };
    browser.open(&served.link());
    browser.wait_for("document.title.includes('photo.png')");
    browser.evaluate("document.getElementById('camera').click()");
    browser.wait_for("document.title.includes('camera of the page')");
    assert_eq!(browser.evaluate("document.getElementById('camera-on').hidden"), false);
    browser.evaluate("document.getElementById('camera').click()");
    browser.wait_for("document.title.includes('photo.png')");
}

#[test]
fn thirty_seconds_of_pictures_leave_nothing_behind() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let Some(served) = serve(&["--source", "testcard"]) else { return };
    let mut socket = served.socket();
    let watch = |socket: &mut served::Socket, time: Duration| {
        let end = Instant::now() + time;
        let mut pictures = 0;
        while Instant::now() < end {
            served::sees(socket);
            pictures += 1;
        }
        pictures
    };
    watch(&mut socket, Duration::from_secs(12));
    let before = served.grown();
    let pictures = watch(&mut socket, Duration::from_secs(30));
    let after = served.grown();
    assert!(pictures > 20, "{pictures} pictures");
    assert_eq!((after.threads, after.handles), (before.threads, before.handles));
    let grown = after.resident_kb as f64 - before.resident_kb as f64;
    assert!(grown < 30_000.0, "{grown} kB more than {}", before.resident_kb);
}
