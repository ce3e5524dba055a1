//! Tests of the video source, with a shell that plays ffmpeg; `tests/video.rs` has the real one.

#![cfg(unix)]

use super::*;

/// A pixel as a picture of its own; its letters are its bytes.
fn pixel(letters: &str) -> String {
    format!("printf 'P6 1 1 255\\n{letters}';")
}

fn opened(live: bool, script: impl Fn(&str) -> String + 'static) -> Result<Video, SourceError> {
    let command = move |once: &str| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script(once));
        command
    };
    Video::open_with(Path::new("videos/clip.mp4"), live, "ffmpeg".into(), Box::new(command))
}

fn open(live: bool, script: &str) -> Result<Video, SourceError> {
    let script = script.to_owned();
    opened(live, move |_| script.clone())
}

fn message(script: &str) -> String {
    open(false, script).err().unwrap().to_string()
}

fn letters(video: &mut Video) -> String {
    String::from_utf8(video.next_frame().unwrap().unwrap().bytes.to_vec()).unwrap()
}

#[test]
fn off_screen_every_frame_and_then_the_end() {
    let stream = "echo '[info]   Stream #0:0: Video: h264, yuv420p, 1x1, 9 kb/s, 24 fps, 24 tbr' >&2;";
    let script = [stream, "sleep 0.1;", &pixel("abc"), &pixel("def")].concat();
    let mut video = open(false, &script).unwrap();
    assert!(!video.is_live());
    assert_eq!(&*video.describe(), "clip.mp4 · 1×1 video · 24 fps");
    for (id, expected) in [(0, "abc"), (1, "def")] {
        let frame = video.next_frame().unwrap().unwrap();
        assert_eq!((frame.id, &*frame.name, frame.format), (id, "clip.mp4", PixelFormat::Rgb8));
        assert_eq!(&frame.bytes[..], expected.as_bytes());
    }
    assert!(video.next_frame().unwrap().is_none());
    assert!(video.next_frame().unwrap().is_none());
}

#[test]
fn frames_may_change_their_size() {
    let mut video = open(false, &[&pixel("abc"), "printf 'P6 2 1 255\\nabcdef'"].concat()).unwrap();
    assert_eq!(letters(&mut video), "abc");
    assert_eq!(&*video.describe(), "clip.mp4 · 1×1 video");
    assert_eq!(letters(&mut video), "abcdef");
    assert_eq!(&*video.describe(), "clip.mp4 · 2×1 video");
}

#[test]
fn very_large_frames_are_shrunk_and_say_so() {
    // 40,010,000 grey pixels.
    let mut video =
        open(false, "printf 'P6 20000 2001 255\\n'; head -c 120060000 /dev/zero | tr '\\0' x").unwrap();
    let frame = video.next_frame().unwrap().unwrap();
    assert_eq!((frame.width, frame.height, &*frame.name), (10_005, 1_001, "clip.mp4"));
    assert!(frame.note.unwrap().starts_with("of 20000×2001 pixels, taken at 1/2: 10005×1001 "));
    assert!(frame.bytes.iter().all(|byte| *byte == b'x'));
    assert_eq!(*video.describe(), *"clip.mp4 · 10005×1001 video");
}

#[test]
fn in_the_window_it_begins_anew_but_never_spins() {
    let mut video = open(true, &(pixel("abc") + &pixel("def"))).unwrap();
    assert!(video.is_live());
    let started = Instant::now();
    let seen: Vec<String> = (0..5).map(|_| letters(&mut video)).collect();
    assert_eq!(seen, ["abc", "def", "abc", "def", "abc"]);
    assert!(started.elapsed() > SHORTEST_ROUND * 2 - Duration::from_millis(50));
}

#[test]
fn a_failure_after_some_frames_is_told_once() {
    let script =
        [&pixel("abc"), "printf 'P6 1 1 255\\nd'; echo '[x @ 0x1] [error] no disk' >&2; exit 1"].concat();
    let mut video = open(false, &script).unwrap();
    assert_eq!(letters(&mut video), "abc");
    let error = video.next_frame().unwrap_err().to_string();
    assert_eq!(error, "videos/clip.mp4: the video breaks off: no disk");
    assert!(video.next_frame().unwrap().is_none());
}

#[test]
fn complaints_about_a_damaged_file_do_not_end_it_early() {
    let script = ["echo '[error] damaged' >&2;", &pixel("abc"), &pixel("def")].concat();
    let mut video = open(false, &script).unwrap();
    assert_eq!((letters(&mut video), letters(&mut video)), ("abc".into(), "def".into()));
    assert!(video.next_frame().unwrap().is_none());
}

#[test]
fn without_a_frame_the_complaint_is_the_error() {
    let script = "echo '[mov @ 0x1] [error] moov atom not found' >&2;
        echo '[error] file:videos/clip.mp4: Invalid data found' >&2; exit 1";
    assert_eq!(
        message(script),
        "videos/clip.mp4: not a video that can be read: moov atom not found; Invalid data found"
    );
    assert!(message("exit 0").ends_with("not a video that can be read: ffmpeg finds no frame in it"));
    let sound = "echo \"[fatal] Stream map '0:V:0' matches no streams.\" >&2; exit 1";
    assert_eq!(message(sound), "videos/clip.mp4: there is no video in it");
    assert!(message("echo Hello world").contains("is not a picture"));
    assert!(message("printf 'P6 99999 1 255\\n'").contains("at most 20000×20000 pixels"));
}

#[test]
fn an_older_ffmpeg_is_asked_in_its_own_words() {
    let script = |once: &str| match once {
        "-fps_mode" => "echo \"[error] Unrecognized option 'fps_mode'.\" >&2; exit 1".to_owned(),
        _ => pixel("abc"),
    };
    assert_eq!(letters(&mut opened(false, script).unwrap()), "abc");
    // One that knows neither says so.
    let script = |once: &str| format!("echo \"[error] Unrecognized option '{}'.\" >&2; exit 1", &once[1..]);
    assert!(opened(false, script).err().unwrap().to_string().contains("Unrecognized option 'vsync'"));
}

#[test]
fn a_missing_ffmpeg_is_named_in_one_sentence() {
    let missing = |program: &'static str| {
        let command = move |_: &str| Command::new("/nowhere/at/all/ffmpeg");
        let opened = Video::open_with(Path::new("clip.mp4"), false, program.into(), Box::new(command));
        opened.err().unwrap().to_string()
    };
    assert_eq!(
        missing("ffmpeg"),
        "clip.mp4: reading a video takes the program ffmpeg, and it was not found: \
         install it (package `ffmpeg`), or name it in CONVSCOPE_FFMPEG"
    );
    assert!(missing("/nowhere/at/all/ffmpeg").contains("and `/nowhere/at/all/ffmpeg` cannot be started ("));
}
