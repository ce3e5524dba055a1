//! Sources of the network, from servers on this machine: pictures, what is none, and streams through ffmpeg.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::skip;
use convscope::frame::Frame;
use convscope::source::{Delivery, Opened, SourceError, SourceSpec, open};
use image::{ImageFormat, Rgb, RgbImage};

/// Answers each request for a path; ends with the process. Returns what addresses begin with.
fn serve(answer: impl Fn(&str, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = std::sync::Arc::new(answer);
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            let answer = answer.clone();
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                let line = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let path = line.split(' ').nth(1).unwrap_or_default().to_string();
                // Who has seen enough hangs up.
                let _ = answer(&path, &mut { stream });
            });
        }
    });
    format!("127.0.0.1:{port}")
}

fn picture(color: [u8; 3], format: ImageFormat) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(vec![]);
    RgbImage::from_pixel(32, 24, Rgb(color)).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn head(kind: &str, more: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nConnection: close\r\n{more}\r\n")
}

fn try_open(address: &str) -> Result<Opened, SourceError> {
    open(Some(&address.parse::<SourceSpec>().unwrap()), &Delivery::default())
}

fn frames(address: &str) -> Vec<Frame> {
    let mut source = try_open(address).unwrap_or_else(|error| panic!("{error}")).source;
    std::iter::from_fn(|| source.next_frame().unwrap()).collect()
}

#[test]
fn pictures_are_fetched_and_everything_else_is_a_sentence() {
    let host = serve(|path, stream| {
        let red = picture([255, 0, 0], ImageFormat::Png);
        match path.split('?').next().unwrap_or_default() {
            "/red.png" => {
                stream
                    .write_all(head("image/png", &format!("Content-Length: {}\r\n", red.len())).as_bytes())?;
                stream.write_all(&red)
            }
            "/untyped" => {
                stream.write_all(head("application/octet-stream", "").as_bytes())?;
                stream.write_all(&red)
            }
            "/moved" => {
                stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /red.png\r\nContent-Length: 0\r\n\r\n")
            }
            "/around" => {
                stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /around\r\nContent-Length: 0\r\n\r\n")
            }
            "/page" => stream.write_all((head("text/html; charset=utf-8", "") + "<p>cats").as_bytes()),
            "/half.png" => {
                stream.write_all(head("image/png", "").as_bytes())?;
                stream.write_all(&red[..40])
            }
            "/endless.png" => {
                stream.write_all(head("image/png", "").as_bytes())?;
                stream.write_all(&red)?;
                while stream.write_all(&[0; 1 << 16]).is_ok() {}
                Ok(())
            }
            "/locked" => stream.write_all(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"),
            _ => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        }
    });
    for path in ["red.png", "untyped", "moved", "red.png?key=secret"] {
        let frames = frames(&format!("http://{host}/{path}"));
        assert_eq!(
            (frames.len(), &frames[0].bytes[..3], frames[0].width),
            (1, &[255, 0, 0][..], 32),
            "{path}"
        );
        assert!(!frames[0].name.contains("secret") && !frames[0].name.is_empty(), "{}", frames[0].name);
    }
    for (path, sentence) in [
        ("page", "sends text/html, which is no picture"),
        ("none.png", "nothing of this name (404)"),
        ("locked", "a name and a password"),
        ("half.png", ""),
        ("endless.png", "more than 64 MiB"),
        ("around", "cannot be reached"),
    ] {
        let error = try_open(&format!("http://you:secret@{host}/{path}")).err().unwrap().to_string();
        assert!(
            error.contains(sentence) && error.contains(&host) && !error.contains("secret"),
            "{path}: {error}"
        );
    }
    // Nobody listens there.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(
        try_open(&format!("http://{free}/a.png"))
            .is_err_and(|error| error.to_string().contains("cannot be reached"))
    );
}

#[test]
fn a_camera_of_the_network_is_read_by_ffmpeg_until_it_ends() {
    if !Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success()) {
        return skip("ffmpeg", "there is no ffmpeg");
    }
    let host = serve(|path, stream| {
        if path != "/live" {
            return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
        }
        stream.write_all(head("multipart/x-mixed-replace; boundary=part", "").as_bytes())?;
        for level in 0..10 {
            let jpeg = picture([level * 25; 3], ImageFormat::Jpeg);
            let part =
                format!("--part\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len());
            stream.write_all(&[part.as_bytes(), &jpeg, b"\r\n"].concat())?;
            stream.flush()?;
            thread::sleep(Duration::from_millis(20));
        }
        stream.write_all(b"--part--\r\n")
    });
    let levels: Vec<u8> = frames(&format!("http://{host}/live")).iter().map(|frame| frame.bytes[0]).collect();
    assert!(
        levels.len() >= 9 && levels.is_sorted() && levels.iter().any(|level| level.abs_diff(225) <= 3),
        "{levels:?}"
    );
    // Of other schemes ffmpeg says what is wrong, and soon.
    let began = Instant::now();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = try_open(&format!("rtsp://you:secret@{free}/live")).err().unwrap().to_string();
    assert!(!error.contains("secret") && error.contains(&free.to_string()), "{error}");
    assert!(began.elapsed() < Duration::from_secs(60));
}
