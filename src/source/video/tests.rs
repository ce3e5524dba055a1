//! Tests of the video source, with a shell that plays ffmpeg; `tests/video.rs` has the real one.

#![cfg(unix)]

use super::*;

/// A pixel as a picture of its own; its letters are its bytes.
fn pixel(letters: &str) -> String {
    format!("printf '{}{letters}';", header(1, 1))
}

/// Of a picture of this size, as a shell writes it.
fn header(width: u32, height: u32) -> String {
    format!("P7\\nWIDTH {width}\\nHEIGHT {height}\\nDEPTH 3\\nMAXVAL 255\\nENDHDR\\n")
}

fn opened(live: bool, script: impl Fn(Task<'_>) -> String + 'static) -> Result<Video, SourceError> {
    let command = move |task: Task<'_>| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(script(task));
        command
    };
    let path = Path::new("videos/clip.mp4");
    Video::open_with(
        (path, input_name(path)),
        Container::named("mov"),
        NonZeroU32::MIN,
        live,
        "ffmpeg".into(),
        Box::new(command),
    )
}

/// The same script looks and reads.
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
    let mut video =
        open(false, &[pixel("abc"), format!("printf '{}abcdef'", header(2, 1))].concat()).unwrap();
    assert_eq!(letters(&mut video), "abc");
    assert_eq!(&*video.describe(), "clip.mp4 · 1×1 video");
    assert_eq!(letters(&mut video), "abcdef");
    assert_eq!(&*video.describe(), "clip.mp4 · 2×1 video");
}

#[test]
fn very_large_frames_are_shrunk_and_say_so() {
    // 40,010,000 grey pixels.
    let mut video =
        open(false, &format!("printf '{}'; head -c 120060000 /dev/zero | tr '\\0' x", header(20_000, 2001)))
            .unwrap();
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
    let script = [&pixel("abc"), &pixel("d"), "echo '[x @ 0x1] [error] no disk' >&2; exit 1"].concat();
    let mut video = open(false, &script).unwrap();
    assert_eq!(letters(&mut video), "abc");
    let error = video.next_frame().unwrap_err().to_string();
    assert_eq!(error, "videos/clip.mp4: the video breaks off: 1 frame was read (ffmpeg says: no disk)");
    assert!(video.next_frame().unwrap().is_none());
}

#[test]
fn complaints_about_a_damaged_file_do_not_end_it_early() {
    let known =
        "echo \"[info] Input #0, mov,mp4, from 'x':\" >&2; echo '[info]   Duration: 00:00:02.50, start' >&2;
        echo '[info]   Stream #0:0: Video: h264, yuv420p, 1x1, 9 kb/s, 2 fps' >&2;";
    for (complaint, told) in [
        (
            "bad block",
            "the video is cut off or damaged: 2 frames were read, of 5 that it should have, not all of them whole",
        ),
        ("stream 0: partial file", "the video is cut off: 2 frames were read, of 5 that it should have"),
    ] {
        let complaint = format!("echo '[error] {complaint}' >&2;");
        let script = [known, &complaint, &pixel("abc"), &pixel("def")].concat();
        let mut video = open(false, &script).unwrap();
        assert_eq!((letters(&mut video), letters(&mut video)), ("abc".into(), "def".into()));
        let error = video.next_frame().unwrap_err();
        assert!(matches!(error, SourceError::Incomplete { .. }));
        assert_eq!(error.to_string(), format!("videos/clip.mp4: {told}"));
        assert!(video.next_frame().unwrap().is_none());
        // In the window it goes on, and says so once.
        let mut video = open(true, &script).unwrap();
        let seen: Vec<_> = (0..5).map(|_| (letters(&mut video), video.take_notes())).collect();
        let notes: Vec<_> = seen.iter().flat_map(|(_, notes)| notes).collect();
        assert_eq!(notes, [&format!("clip.mp4: {told}")]);
        // What is wrong before ffmpeg knows the file is of looking into it.
        let script = [&complaint, known, &pixel("abc")].concat();
        let mut video = open(false, &script).unwrap();
        assert_eq!(letters(&mut video), "abc");
        assert_eq!(video.next_frame().is_err(), told.contains("is cut off:"));
    }
}

#[test]
fn without_a_frame_the_complaint_is_the_error() {
    let script = "echo '[mov @ 0x1] [error] moov atom not found' >&2;
        echo \"[error] file:$PWD/videos/clip.mp4: Invalid data found\" >&2; exit 1";
    assert_eq!(
        message(script),
        "videos/clip.mp4: not a video that can be read: ffmpeg says: moov atom not found; Invalid data found"
    );
    assert!(message("exit 0").ends_with("not a video that can be read: ffmpeg finds no frame in it"));
    let sound = "echo \"[fatal] Stream map '0:V:0' matches no streams.\" >&2; exit 1";
    assert_eq!(message(sound), "videos/clip.mp4: there is no video in it");
    assert!(message("echo Hello world").contains("is not a picture"));
    assert!(message(&format!("printf '{}'", header(99_999, 1))).contains("at most 20000×20000 pixels"));
}

#[test]
fn an_older_ffmpeg_is_asked_in_its_own_words() {
    let script = |task: Task<'_>| match task {
        Task::Frames { once: "-fps_mode", .. } => {
            "echo \"[error] Unrecognized option 'fps_mode'.\" >&2; exit 1".to_owned()
        }
        _ => pixel("abc"),
    };
    assert_eq!(letters(&mut opened(false, script).unwrap()), "abc");
    // One that knows neither says so.
    let script = |task: Task<'_>| match task {
        Task::Frames { once, .. } => {
            format!("echo \"[error] Unrecognized option '{}'.\" >&2; exit 1", &once[1..])
        }
        Task::Look => String::new(),
    };
    assert!(opened(false, script).err().unwrap().to_string().contains("Unrecognized option 'vsync'"));
}

#[test]
fn a_missing_ffmpeg_is_named_in_one_sentence() {
    let missing = |program: &'static str| {
        let command = move |_: Task<'_>| Command::new("/nowhere/at/all/ffmpeg");
        let (path, kind) = (Path::new("clip.mp4"), Container::named("mov"));
        let opened = Video::open_with(
            (path, input_name(path)),
            kind,
            NonZeroU32::MIN,
            false,
            program.into(),
            Box::new(command),
        );
        opened.err().unwrap().to_string()
    };
    assert_eq!(
        missing("ffmpeg"),
        "clip.mp4: reading a video takes the program ffmpeg, and it was not found: \
         install it (package `ffmpeg`), or name it in CONVSCOPE_FFMPEG"
    );
    assert!(missing("/nowhere/at/all/ffmpeg").contains("and `/nowhere/at/all/ffmpeg` cannot be started ("));
}

#[test]
fn what_an_ffmpeg_lacks_is_told_and_frames_come_as_they_are() {
    let look = "echo '[Parsed_showinfo_0 @ 0x5] [info] n: 0 fmt:yuv420p10le sar:1/1 s:480x320 i:P' >&2;
        echo '[Parsed_showinfo_0 @ 0x5] [info] color_space:bt2020nc color_primaries:bt2020 color_trc:smpte2084' >&2";
    let open = |lacks: bool| {
        let script = move |task: Task<'_>| match task {
            Task::Look => look.to_owned(),
            Task::Frames { conversion, every, .. }
                if lacks && conversion.filters(every).contains("zscale") =>
            {
                "echo \"[AVFilterGraph @ 0x5] [error] No such filter: 'zscale'\" >&2; exit 1".into()
            }
            Task::Frames { .. } => pixel("abc"),
        };
        let mut video = opened(false, script).unwrap();
        (letters(&mut video), video.take_notes())
    };
    let (seen, notes) = open(false);
    assert!(
        seen == "abc" && notes.len() == 1 && notes[0].starts_with("clip.mp4: HDR (PQ): converted"),
        "{notes:?}"
    );
    let (seen, notes) = open(true);
    assert!(seen == "abc" && notes.len() == 1 && notes[0].contains("not converted from HDR"), "{notes:?}");
    assert!(notes[0].contains("No such filter: 'zscale'"), "{notes:?}");
}
