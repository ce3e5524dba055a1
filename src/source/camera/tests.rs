use super::failure::{UNPLUGGED, explain, is_not_a_camera};
use super::*;

fn mode(format: &str, width: u32, height: u32, fps: &[u32]) -> CameraMode {
    let understood = !matches!(format, "GRAY" | "BGR");
    CameraMode { format: format.into(), width, height, fps: fps.into(), understood }
}

fn webcam() -> Vec<CameraMode> {
    vec![
        mode("MJPEG", 1280, 720, &[30, 15]),
        mode("MJPEG", 640, 480, &[30, 15]),
        mode("YUYV", 1280, 720, &[10]),
        mode("YUYV", 640, 480, &[30, 15]),
        mode("YUYV", 320, 240, &[60, 30]),
        mode("GRAY", 640, 480, &[120]),
    ]
}

/// Format, width, height, rate.
fn chosen(modes: &[CameraMode], request: CameraRequest) -> (CameraFormat, u32, u32, u32) {
    let mode = choose(modes, &request).unwrap();
    (FORMATS[mode.rank].0, mode.width, mode.height, mode.fps)
}

#[test]
fn chooses_the_nearest_mode() {
    use CameraFormat::{Mjpeg, Yuyv};
    let none = CameraRequest::default();
    assert_eq!(chosen(&webcam(), none.clone()), (Yuyv, 640, 480, 30));
    let request = CameraRequest { size: Some((1300, 700)), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Mjpeg, 1280, 720, 30), "raw pictures come too slowly");
    let request = CameraRequest { size: Some((1280, 720)), fps: Some(10), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Yuyv, 1280, 720, 10));
    let request = CameraRequest { fps: Some(60), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Yuyv, 320, 240, 60), "a rate in words beats the default size");
    let request = CameraRequest { format: Some(Mjpeg), fps: Some(20), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Mjpeg, 640, 480, 30));
    let slow = [mode("YUYV", 640, 360, &[40]), mode("YUYV", 640, 480, &[25, 10])];
    assert_eq!(chosen(&slow, none.clone()), (Yuyv, 640, 480, 25));
    let request = CameraRequest { size: Some((u32::MAX, u32::MAX)), ..none.clone() };
    assert_eq!(chosen(&slow, request).2, 480);
    let silent = choose(&[mode("NV12", 800, 600, &[])], &none).unwrap();
    assert_eq!((silent.fps, silent.is_rate_listed), (30, false));
}

#[test]
fn says_what_a_camera_has_when_it_lacks_the_format() {
    let request = CameraRequest { format: Some(CameraFormat::Nv12), ..CameraRequest::default() };
    let reason = choose(&webcam(), &request).unwrap_err();
    assert_eq!(reason, "it does not send NV12: it offers MJPEG, YUYV, GRAY");
    let reason = choose(&[mode("BGR", 640, 480, &[30])], &CameraRequest::default()).unwrap_err();
    assert_eq!(reason, "it sends nothing that convscope can decode: it offers BGR");
}

#[test]
fn lists_cameras() {
    let camera = |index, formats, problem| CameraInfo {
        index,
        name: "Webcam".into(),
        path: format!("/dev/video{index}"),
        formats,
        problem,
    };
    let cameras = [camera(0, webcam(), None), camera(2, Vec::new(), Some("in use".into()))];
    let expected = "\
0  Webcam  /dev/video0
     MJPEG  1280×720 (30, 15 fps), 640×480 (30, 15 fps)
     YUYV   1280×720 (10 fps), 640×480 (30, 15 fps), 320×240 (60, 30 fps)
     GRAY   640×480 (120 fps)  (convscope cannot decode this format)
2  Webcam  /dev/video2
     in use
";
    assert_eq!(render_list(&cameras), expected);
    assert!(render_list(&[]).contains("no camera found"));
}

#[test]
fn explains_what_the_system_says() {
    let open = |text: &str| NokhwaError::OpenDeviceError("0".into(), format!("V4L2 Error: {text}"));
    let reason = |text| explain(&open(text), "/dev/video0");
    assert!(reason("Permission denied (os error 13)").contains("`video` group"));
    assert!(reason("Device or resource busy (os error 16)").contains("another program"));
    assert_eq!(reason("No such device (os error 19)"), UNPLUGGED);
    assert!(reason("Input/output error (os error 5)").contains("plug it in again"));
    let metadata = NokhwaError::GetPropertyError { property: "CameraFormat".into(), error: String::new() };
    assert!(is_not_a_camera(&metadata) && !is_not_a_camera(&open("Permission denied (os error 13)")));
}

#[test]
fn contains_panics() {
    assert_eq!(contain(|| 1), Ok(1));
    assert!(contain::<()>(|| panic!("field order {}", 1 + 1)).unwrap_err().contains("field order 2"));
}

const SIDE: u32 = 72;

/// A noisy picture as JPEG; another one for each seed.
fn jpeg(seed: u32) -> Vec<u8> {
    jpeg_of_quality(seed, 80)
}

fn jpeg_of_quality(mut seed: u32, quality: u8) -> Vec<u8> {
    let rgb = std::iter::repeat_with(|| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 24) as u8
    });
    let rgb: Vec<u8> = rgb.take((SIDE * SIDE * 3) as usize).collect();
    let mut jpeg = Vec::new();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, quality);
    encoder.encode(&rgb, SIDE, SIDE, image::ExtendedColorType::Rgb8).unwrap();
    jpeg
}

/// The position and length of each segment before the coded data, by marker.
fn segments(jpeg: &[u8]) -> Vec<(u8, usize, usize)> {
    let mut found = Vec::new();
    let mut at = 2;
    loop {
        let length = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        found.push((jpeg[at + 1], at, length));
        if jpeg[at + 1] == 0xDA {
            return found;
        }
        at += length;
    }
}

#[test]
fn decodes_a_jpeg_with_old_bytes_behind_it() {
    let jpeg_1 = jpeg(1);
    let ((width, height), rgb) = mjpeg::decode(&jpeg_1).unwrap();
    assert_eq!((width, height, rgb.len()), (SIDE, SIDE, (SIDE * SIDE * 3) as usize));
    let expected = image::load_from_memory(&jpeg_1).unwrap().into_rgb8().into_raw();
    let worst = rgb.iter().zip(&expected).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(2), "{worst:?}");
    for old in [vec![0; 5000], vec![0xFF; 300], jpeg(2), jpeg(2)[700..].to_vec()] {
        assert_eq!(mjpeg::decode(&[jpeg_1.clone(), old].concat()).unwrap().1, rgb);
    }
}

#[test]
fn decodes_a_jpeg_without_huffman_tables() {
    let whole = jpeg(3);
    let mut bare = whole.clone();
    for (marker, at, length) in segments(&whole).into_iter().rev() {
        if marker == 0xC4 {
            bare.drain(at..at + length);
        }
    }
    assert!(whole.len() - bare.len() > 400);
    assert_eq!(mjpeg::decode(&bare), mjpeg::decode(&whole));
    bare.extend_from_slice(&jpeg(4)[1000..]);
    assert_eq!(mjpeg::decode(&bare), mjpeg::decode(&whole));
}

#[test]
fn refuses_damaged_jpegs() {
    let new = jpeg(5);
    for end in (0..new.len()).step_by(13) {
        assert!(mjpeg::decode(&new[..end]).is_err(), "cut off at {end}");
        let zeroed = [&new[..end], &[0; 40_000][..]].concat();
        assert!(mjpeg::decode(&zeroed).is_err(), "zeros from {end}");
    }
    for (_, at, length) in segments(&new) {
        let mut damaged = new.clone();
        damaged[at + 2..at + length].fill(0xA5);
        assert!(mjpeg::decode(&damaged).is_err(), "segment at {at}");
    }
    assert!(mjpeg::decode(&[]).is_err() && mjpeg::decode(&[0x5A; 9000]).is_err());
}

/// Half a picture in front of the rest of an old one: too few blocks one way round, too many the other.
#[test]
fn refuses_half_a_jpeg_with_an_old_end() {
    let (long, short) = (jpeg_of_quality(7, 90), jpeg_of_quality(8, 30));
    assert!(long.len() > short.len() * 3 / 2);
    for (new, old) in [(&long, &short), (&short, &long)] {
        for end in (short.len() / 2..short.len() - 100).step_by(61) {
            let spliced = [&new[..end], &old[end..]].concat();
            assert!(mjpeg::decode(&spliced).is_err(), "an old picture from {end}");
        }
    }
}

/// The same 75 % bars as in tests/gpu.rs: MJPEG is full range, so its colours come out as they went in.
#[test]
fn constant_bars_keep_their_colours_through_mjpeg() {
    let bars =
        [[191, 191, 191], [191, 191, 0], [0, 191, 191], [0, 191, 0], [191, 0, 191], [191, 0, 0], [0, 0, 191]];
    for bar in bars {
        let mut jpeg = Vec::new();
        let mut encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 95);
        encoder.encode(&bar.repeat(16 * 16), 16, 16, image::ExtendedColorType::Rgb8).unwrap();
        let (size, rgb) = mjpeg::decode(&jpeg).unwrap();
        assert_eq!(size, (16, 16));
        for pixel in rgb.chunks_exact(3) {
            let off = pixel.iter().zip(bar).map(|(a, b): (&u8, u8)| a.abs_diff(b)).max();
            assert!(off <= Some(2), "{pixel:?} instead of {bar:?}");
        }
    }
}
