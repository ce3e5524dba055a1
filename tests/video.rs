//! Videos through the real ffmpeg, from clips that it makes here.

mod common;

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use common::skip;
use convscope::frame::{Frame, PixelFormat};
use convscope::record::Existing;
use convscope::record::film::{DrawnFilm, FilmError};
use convscope::source::{Delivery, Opened, SourceError, SourceSpec, open};
use image::{Rgb, RgbImage};
use tempfile::TempDir;

/// False (and told) where there is no ffmpeg.
fn has_ffmpeg() -> bool {
    let found = Command::new("ffmpeg").arg("-version").output().is_ok_and(|output| output.status.success());
    if !found {
        skip("ffmpeg", "there is no ffmpeg");
    }
    found
}

/// Has ffmpeg make a clip: `picture` is one of its generators, `options` are for the writing.
fn make(folder: &TempDir, name: &str, picture: &str, options: &[&str]) -> PathBuf {
    let path = folder.path().join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", picture]).args(options).arg(&path);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    path
}

fn try_open(path: &Path, live: bool) -> Result<Opened, SourceError> {
    open(Some(&SourceSpec::Path(path.into())), &Delivery { live, ..Delivery::default() })
}

/// All frames off screen of a video that is whole and of which there is nothing to tell.
fn frames(path: &Path) -> Vec<Frame> {
    let (frames, told) = frames_and_words(path, 1);
    assert_eq!(told, Vec::<String>::new());
    frames
}

/// One of so many frames off screen, and what was told: notes, then what is wrong with the end.
fn frames_and_words(path: &Path, every: u32) -> (Vec<Frame>, Vec<String>) {
    let every = NonZeroU32::new(every).unwrap();
    let mut opened =
        open(Some(&SourceSpec::Path(path.into())), &Delivery { every, ..Delivery::default() }).unwrap();
    assert!(!opened.source.is_live() && opened.steps.is_none());
    let mut told = opened.source.take_notes();
    let mut frames = vec![];
    loop {
        match opened.source.next_frame() {
            Ok(Some(frame)) => frames.push(frame),
            Ok(None) => return (frames, told),
            Err(error) => told.push(error.to_string()),
        }
        told.extend(opened.source.take_notes());
    }
}

fn message(path: &Path) -> String {
    let text = try_open(path, false).err().unwrap().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

#[track_caller]
fn assert_near(pixel: &[u8], expected: [u8; 3]) {
    assert!(pixel.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 2), "{pixel:?}, not {expected:?}");
}

#[test]
fn every_frame_of_a_clip_comes_once_in_its_size() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    for name in ["clip.mp4", "clip.mkv", "clip.avi", "clip.ts", "clip.y4m", "-clip %d:é.mov"] {
        let path =
            make(&folder, "made.nut", "testsrc=size=64x48:rate=5", &["-frames:v", "10", "-c:v", "mpeg4"]);
        let clip = folder.path().join(name);
        // ffmpeg itself cannot write to every name.
        let plain = make_from(&path, &folder.path().join("plain"), name);
        std::fs::rename(plain, &clip).unwrap();
        std::fs::remove_file(path).unwrap();
        let seen = frames(&clip);
        assert_eq!(seen.len(), 10, "{name}");
        for (frame, id) in seen.iter().zip(0..) {
            assert_eq!((frame.id, frame.width, frame.height), (id, 64, 48));
            assert_eq!((frame.format, frame.bytes.len()), (PixelFormat::Rgb8, 64 * 48 * 3));
            assert_eq!(&*frame.name, name);
        }
        assert!(seen.windows(2).all(|pair| pair[0].bytes != pair[1].bytes), "{name}");
    }
}

/// The same frames in the wrapping that `name` asks for.
fn make_from(video: &Path, folder: &Path, name: &str) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let extension = Path::new(name).extension().unwrap();
    let path = folder.join("plain").with_extension(extension);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-y", "-i"]).arg(video).arg(&path);
    assert!(command.status().unwrap().success());
    path
}

#[test]
fn frames_that_come_at_uneven_times_are_neither_doubled_nor_lost() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    // The time between frames grows from 0.04 s.
    let uneven = ["-vf", "setpts=N*N/25/TB", "-frames:v", "8", "-vsync", "0", "-c:v", "ffv1"];
    let modern = ["-vf", "setpts=N*N/25/TB", "-frames:v", "8", "-fps_mode", "passthrough", "-c:v", "ffv1"];
    let ffmpeg = Command::new("ffmpeg").args(["-hide_banner", "-h", "long"]).output().unwrap();
    let knows_fps_mode = String::from_utf8_lossy(&ffmpeg.stdout).contains("-fps_mode");
    let options = if knows_fps_mode { modern } else { uneven };
    let clip = make(&folder, "uneven.mkv", "testsrc=size=32x32:rate=25", &options);
    let seen = frames(&clip);
    assert_eq!(seen.len(), 8);
    assert!(seen.windows(2).all(|pair| pair[0].bytes != pair[1].bytes));
}

#[test]
fn colours_are_kept() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    for (number, color) in
        [[200, 50, 20], [30, 144, 255], [128, 128, 128], [255, 255, 255]].iter().enumerate()
    {
        let [red, green, blue] = color;
        let picture = format!("color=0x{red:02x}{green:02x}{blue:02x}:size=32x32:rate=5");
        let name = format!("{number}.mkv");
        let options = ["-frames:v", "2", "-c:v", "ffv1", "-pix_fmt", "yuv420p"];
        let seen = frames(&make(&folder, &name, &picture, &options));
        assert_eq!(seen.len(), 2);
        seen.iter().flat_map(|frame| frame.bytes.chunks(3)).for_each(|pixel| assert_near(pixel, *color));
    }
}

#[test]
fn a_video_of_a_turned_camera_is_upright() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    // Above black, below white.
    let picture = "color=black:size=64x32:rate=5,drawbox=y=16:h=16:color=white:t=fill";
    let lying = make(&folder, "lying.mp4", picture, &["-frames:v", "2", "-c:v", "mpeg4", "-q:v", "1"]);
    // The matrix of the track, 40 bytes behind its header's name: (x, y) → (height − y, x), as phones write it.
    let mut bytes = std::fs::read(&lying).unwrap();
    let header = bytes.windows(4).position(|kind| kind == b"tkhd").unwrap() + 4;
    let matrix = [0, 1 << 16, 0, -(1 << 16), 0, 0, 32 << 16, 0, 1 << 30_i32];
    bytes.splice(header + 40..header + 76, matrix.iter().flat_map(|value: &i32| value.to_be_bytes()));
    let turned = folder.path().join("turned.mp4");
    std::fs::write(&turned, bytes).unwrap();
    assert_eq!(sides(&lying), (64, 32));
    assert_eq!(sides(&turned), (32, 64));
    // A quarter turn clockwise: what lay below is on the left.
    let frame = &frames(&turned)[0];
    let row = &frame.bytes[32 * 3 * 32..][..32 * 3];
    assert_near(&row[3 * 4..][..3], [255; 3]);
    assert_near(&row[3 * 28..][..3], [0; 3]);
}

fn sides(path: &Path) -> (u32, u32) {
    let seen = frames(path);
    (seen[0].width, seen[0].height)
}

#[test]
fn a_truncated_video_gives_the_frames_it_has() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let picture = "testsrc=size=64x48:rate=5";
    let clip = make(&folder, "clip.mkv", picture, &["-frames:v", "10", "-c:v", "ffv1"]);
    let bytes = std::fs::read(&clip).unwrap();
    let cut = folder.path().join("cut.mkv");
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let (whole, (rest, told)) = (frames(&clip), frames_and_words(&cut, 1));
    assert_eq!(whole.len(), 10);
    assert!((2..9).contains(&rest.len()), "{}", rest.len());
    let told = told.join("\n");
    let expected =
        format!("the video is cut off: {} frames were read, of 10 that it should have", rest.len());
    assert!(told.ends_with(&expected), "{told}");
    // The last one may be half a picture.
    for (a, b) in whole.iter().zip(&rest[..rest.len() - 1]) {
        assert_eq!(a.bytes, b.bytes);
    }
    // Its table of contents stood at the end.
    let clip = make(&folder, "clip.mp4", picture, &["-frames:v", "10", "-c:v", "mpeg4"]);
    let bytes = std::fs::read(&clip).unwrap();
    std::fs::write(&clip, &bytes[..bytes.len() / 2]).unwrap();
    let text = message(&clip);
    assert!(text.contains("clip.mp4: it is cut off, or was never finished"), "{text}");
    assert_eq!(text.matches("clip.mp4").count(), 1, "{text}");
}

#[test]
fn what_is_no_video_is_refused_in_one_sentence() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("text.mp4");
    std::fs::write(&text, "Dear reader, this is not a video.").unwrap();
    assert!(message(&text).contains("text.mp4: a text, which is not read"), "{}", message(&text));
    if !has_ffmpeg() {
        return;
    }
    let garbage = folder.path().join("garbage.mp4");
    let noise: Vec<u8> = (0..50_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    std::fs::write(&garbage, [b"\0\0\0\x20ftypisom", &noise[..]].concat()).unwrap();
    assert!(message(&garbage).contains("garbage.mp4: not a video that can be read: "));
    let sound = make(&folder, "sound.ogg", "sine=duration=1", &["-c:a", "flac"]);
    assert!(message(&sound).ends_with("sound.ogg: there is no video in it"), "{}", message(&sound));
}

#[test]
fn in_the_window_it_keeps_its_time_begins_anew_and_ends_with_the_source() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let options = ["-frames:v", "15", "-c:v", "mpeg4", "-f", "mpegts"];
    // The name tells nothing.
    let clip = make(&folder, "clip.png", "testsrc=size=64x48:rate=10", &options);
    let mut opened = try_open(&clip, true).unwrap();
    assert!(opened.source.is_live());
    let mut next = || opened.source.next_frame().unwrap().unwrap();
    let first = next();
    let started = Instant::now();
    for id in 1..20 {
        assert_eq!(next().id, id);
    }
    // A round of one and a half seconds and some frames; newer versions send the first half second at once.
    assert!(started.elapsed() > Duration::from_millis(700), "{:?}", started.elapsed());
    assert_eq!(&*opened.source.describe(), "clip.png · 64×48 video · 10 fps");
    assert_eq!((first.width, first.height), (64, 48));
    assert_eq!(running(&clip), usize::from(cfg!(target_os = "linux")));
    drop(opened);
    assert_eq!(running(&clip), 0);
}

/// Running programs that were given this file.
fn running(path: &Path) -> usize {
    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let name = path.to_str().unwrap();
    processes
        .filter_map(|process| std::fs::read(process.ok()?.path().join("cmdline")).ok())
        .filter(|line| String::from_utf8_lossy(line).contains(name))
        .count()
}

/// Where this ffmpeg lacks an encoder, filter or library, there is nothing to try.
fn can_make(folder: &TempDir, name: &str, picture: &str, options: &[&str]) -> Option<PathBuf> {
    let path = folder.path().join(name);
    let mut command = Command::new("ffmpeg");
    command.args(["-nostdin", "-loglevel", "error", "-f", "lavfi", "-i", picture]).args(options).arg(&path);
    let made = command.output().is_ok_and(|output| output.status.success());
    if !made {
        eprintln!("skipped: this ffmpeg cannot make {name}");
    }
    made.then_some(path)
}

#[test]
fn colours_follow_the_formula_and_what_is_not_said_is_told() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    // Y, Cb, Cr of a strong orange; what it is by BT.601 and by BT.709.
    let picture =
        |size: &str| format!("color=black:size={size}:rate=5,format=yuv420p,geq=lum=150:cb=60:cr=190");
    let options = ["-frames:v", "1", "-c:v", "ffv1"];
    for (size, expected, notes) in [("64x48", [255, 132, 19], 0), ("1280x720", [255, 137, 12], 1)] {
        let clip = make(&folder, &format!("{size}.mkv"), &picture(size), &options);
        let (frames, told) = frames_and_words(&clip, 1);
        assert_eq!(told.len(), notes, "{told:?}");
        assert!(told.iter().all(|note| note.contains("BT.709")), "{told:?}");
        let middle = frames[0].bytes.chunks(3).nth(frames[0].bytes.len() / 6).unwrap();
        assert!(middle.iter().zip(expected).all(|(a, b)| a.abs_diff(b) <= 1), "{middle:?}, not {expected:?}");
    }
}

#[test]
fn pixels_become_square_fields_whole_and_transparency_white() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let oblong = ["-vf", "setsar=2/1", "-frames:v", "2", "-c:v", "ffv1"];
    let clip = make(&folder, "oblong.mkv", "testsrc=size=64x48:rate=5", &oblong);
    let (seen, told) = frames_and_words(&clip, 1);
    assert_eq!((seen[0].width, seen[0].height), (128, 48));
    assert!(told[0].ends_with("its 64×48 pixels are not square (2:1): shown as 128×48"), "{told:?}");

    let fields = "color=black:size=64x48:rate=5,format=yuv420p,geq=lum='if(mod(Y,2),235,16)':cb=128:cr=128";
    let options =
        ["-vf", "setfield=tff", "-frames:v", "5", "-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "1"];
    if let Some(clip) = can_make(&folder, "fields.mpg", fields, &options) {
        let (seen, told) = frames_and_words(&clip, 1);
        assert_eq!(seen.len(), 5);
        assert!(told.len() == 1 && told[0].contains("deinterlaced"), "{told:?}");
    }

    let half = "color=black@0:size=64x48:rate=5,format=rgba,geq=r=255:g=0:b=0:a='255*lt(X,32)'";
    for (name, codec) in [("clear.mov", "qtrle"), ("clear.webm", "libvpx-vp9")] {
        let options =
            ["-frames:v", "2", "-c:v", codec, "-pix_fmt", if codec == "qtrle" { "argb" } else { "yuva420p" }];
        if let Some(clip) = can_make(&folder, name, half, &options) {
            let seen = frames(&clip);
            assert_near(&seen[0].bytes[64 * 3 * 20 + 3 * 8..][..3], [255, 0, 0]);
            assert_near(&seen[0].bytes[64 * 3 * 20 + 3 * 56..][..3], [255; 3]);
        }
    }
}

#[test]
fn hdr_white_becomes_white() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    // 203 cd/m² are 58 % of PQ and 75 % of HLG: 573 and 721 of 10 bits in limited range.
    for (transfer, white) in [("smpte2084", 573), ("arib-std-b67", 721)] {
        let picture =
            format!("color=black:size=64x48:rate=5,format=yuv420p10le,geq=lum={white}:cb=512:cr=512");
        let tags =
            format!("colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:lossless=1:log-level=error");
        let options = [
            "-frames:v",
            "2",
            "-c:v",
            "libx265",
            "-x265-params",
            &tags,
            "-colorspace",
            "bt2020nc",
            "-color_primaries",
            "bt2020",
            "-color_trc",
            transfer,
        ];
        let Some(clip) = can_make(&folder, &format!("{transfer}.mp4"), &picture, &options) else { return };
        let (seen, told) = frames_and_words(&clip, 1);
        assert!(told.len() == 1 && told[0].contains("HDR ("), "{told:?}");
        let pixel = &seen[0].bytes[64 * 3 * 20 + 90..][..3];
        match told[0].contains("converted to sRGB") {
            true => assert!(pixel.iter().all(|value| *value >= 250), "{transfer}: {pixel:?}"),
            false => assert!(told[0].contains("not converted from HDR"), "{told:?}"),
        }
    }
}

#[test]
fn streams_without_a_container_and_lists_of_pieces_are_read() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    let picture = "testsrc=size=64x48:rate=5";
    let streams: [(&str, &[&str]); 3] = [
        ("delimited.h264", &["-c:v", "libx264", "-pix_fmt", "yuv420p", "-bsf:v", "h264_metadata=aud=insert"]),
        (
            "delimited.hevc",
            &["-c:v", "libx265", "-pix_fmt", "yuv420p", "-x265-params", "aud=1:log-level=error"],
        ),
        // Known to ffmpeg alone.
        ("bare.m4v", &["-c:v", "mpeg4", "-f", "m4v"]),
    ];
    for (name, options) in streams {
        let options = [&["-frames:v", "10"], options].concat();
        if let Some(clip) = can_make(&folder, name, picture, &options) {
            assert_eq!(frames(&clip).len(), 10, "{name}");
        }
    }
    let pieces = folder.path().join("piece%d.ts");
    let options = [
        "-frames:v",
        "10",
        "-c:v",
        "mpeg2video",
        "-g",
        "5",
        "-f",
        "hls",
        "-hls_time",
        "1",
        "-hls_list_size",
        "0",
        "-hls_segment_filename",
        pieces.to_str().unwrap(),
    ];
    let list = make(&folder, "list.m3u8", picture, &options);
    assert_eq!(frames(&list).len(), 10);
    let third = frames_and_words(&list, 3).0;
    assert_eq!(third.iter().map(|frame| frame.id).collect::<Vec<_>>(), [0, 3, 6, 9]);
    let text = std::fs::read_to_string(&list).unwrap();
    std::fs::write(&list, text.replace("piece", "http://localhost:1/piece")).unwrap();
    assert!(message(&list).contains("nothing is fetched from a network"), "{}", message(&list));
    std::fs::write(&list, text.replace("#EXT-X-ENDLIST", "")).unwrap();
    assert!(message(&list).contains("#EXT-X-ENDLIST"), "{}", message(&list));
}

#[test]
fn a_film_has_every_picture_and_keeps_its_rate_and_others_files() {
    if !has_ffmpeg() {
        return;
    }
    let folder = TempDir::new().unwrap();
    for name in ["film.mp4", "film.webm", "film.mkv"] {
        let path = folder.path().join(name);
        let mut film = DrawnFilm::new(&path, 10.0, Existing::Keep).unwrap();
        for level in 0..7 {
            // Odd sides, as figures have them.
            film.add(&RgbImage::from_pixel(41, 31, Rgb([level * 30; 3]))).unwrap();
        }
        let recorded = film.finish().unwrap();
        assert_eq!((recorded.pictures, recorded.length), (7, Duration::from_millis(700)));
        let frames = frames(&path);
        let levels: Vec<u8> = frames.iter().map(|frame| frame.bytes[3 * (42 * 15 + 20)]).collect();
        assert_eq!((frames[0].width, frames[0].height), (42, 32), "{name}");
        let near = |(at, level): (usize, &u8)| level.abs_diff(at as u8 * 30) <= 6;
        assert!(levels.len() == 7 && levels.iter().enumerate().all(near), "{name}: {levels:?}");
        assert!(matches!(DrawnFilm::new(&path, 10.0, Existing::Keep), Err(FilmError::Exists(_))));
        // What it is to replace stays until it is whole, and nothing else does.
        let before = std::fs::read(&path).unwrap();
        let mut other = DrawnFilm::new(&path, 10.0, Existing::Replace).unwrap();
        other.add(&RgbImage::new(41, 31)).unwrap();
        drop(other);
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let mut other = DrawnFilm::new(&path, 10.0, Existing::Replace).unwrap();
        other.add(&RgbImage::new(61, 31)).unwrap();
        assert_eq!(other.finish().unwrap().files, std::slice::from_ref(&path));
        assert_eq!(self::frames(&path)[0].width, 62);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
