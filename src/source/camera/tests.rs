use nokhwa::NokhwaError;

use super::failure::{UNPLUGGED, contain};
use super::*;

fn mode(format: &str, width: u32, height: u32, fps: &[u32]) -> CameraMode {
    let known =
        <CameraFormat as clap::ValueEnum>::value_variants().iter().find(|known| known.name() == format);
    let format = known.map_or_else(|| Sent::Unknown(format.into()), |known| Sent::Known(*known));
    CameraMode { format, width, height, fps: fps.iter().copied().map(Rate::from).collect() }
}

fn webcam() -> Vec<CameraMode> {
    vec![
        mode("MJPEG", 1280, 720, &[30, 15]),
        mode("MJPEG", 640, 480, &[30, 15]),
        mode("YUYV", 1280, 720, &[10]),
        mode("YUYV", 640, 480, &[30, 15]),
        mode("YUYV", 320, 240, &[60, 30]),
        mode("GREY", 640, 480, &[120]),
        mode("H264", 640, 480, &[120]),
    ]
}

/// Format, width, height, rate.
fn chosen(modes: &[CameraMode], request: CameraRequest) -> (CameraFormat, u32, u32, u32) {
    let mode = choose(modes, &request).unwrap();
    assert_eq!(mode.fps.seconds, 1);
    (mode.format, mode.width, mode.height, mode.fps.frames)
}

#[test]
fn chooses_the_nearest_mode() {
    use CameraFormat::{Grey, Mjpeg, Yuyv};
    let none = CameraRequest::default();
    let rate = |fps: u32| Some(Rate::from(fps));
    assert_eq!(chosen(&webcam(), none.clone()), (Yuyv, 640, 480, 30));
    let request = CameraRequest { size: Some((1300, 700)), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Mjpeg, 1280, 720, 30), "raw pictures come too slowly");
    let request = CameraRequest { size: Some((1280, 720)), fps: rate(10), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Yuyv, 1280, 720, 10));
    let request = CameraRequest { fps: rate(60), ..none.clone() };
    assert_eq!(chosen(&webcam(), request).3, 120, "a rate in words beats the default size, and colours");
    let request = CameraRequest { fps: rate(60), format: Some(Yuyv), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Yuyv, 320, 240, 60));
    let request = CameraRequest { format: Some(Mjpeg), fps: rate(20), ..none.clone() };
    assert_eq!(chosen(&webcam(), request), (Mjpeg, 640, 480, 30));
    let slow = [mode("YUYV", 640, 360, &[40]), mode("YUYV", 640, 480, &[25, 10])];
    assert_eq!(chosen(&slow, none.clone()), (Yuyv, 640, 480, 25));
    let request = CameraRequest { size: Some((u32::MAX, u32::MAX)), ..none.clone() };
    assert_eq!(chosen(&slow, request).2, 480);
    assert_eq!(chosen(&[mode("GREY", 640, 480, &[30])], none.clone()).0, Grey);
    let silent = choose(&[mode("NV12", 800, 600, &[])], &none).unwrap();
    assert_eq!((silent.fps, silent.is_rate_listed), (Rate::from(30), false));
    let half = CameraMode { fps: vec![Rate { frames: 25, seconds: 2 }], ..mode("YUYV", 640, 480, &[]) };
    assert_eq!(choose(&[half], &none).unwrap().fps.to_string(), "12.5");
}

#[test]
fn says_what_a_camera_has_when_it_lacks_the_format() {
    let request = CameraRequest { format: Some(CameraFormat::Nv12), ..CameraRequest::default() };
    let reason = choose(&webcam(), &request).unwrap_err();
    assert_eq!(reason, "it does not send NV12: it offers MJPEG, YUYV, GREY, H264");
    let reason = |format| choose(&[mode(format, 640, 480, &[30])], &CameraRequest::default()).unwrap_err();
    assert!(
        reason("BA81")
            .starts_with("it sends nothing that convscope can decode: it offers BA81; convscope reads YUYV")
    );
    assert!(reason("H264").contains("it sends H264 alone, which takes a video decoder"));
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
     MJPEG   1280×720 (30, 15 fps), 640×480 (30, 15 fps)
     YUYV    1280×720 (10 fps), 640×480 (30, 15 fps), 320×240 (60, 30 fps)
     GREY    640×480 (120 fps)
     H264    640×480 (120 fps)  (convscope cannot decode this format)
2  Webcam  /dev/video2
     in use
";
    assert_eq!(render_list(&cameras), expected);
    assert!(render_list(&[]).contains("no camera found"));
}

#[test]
fn explains_what_the_system_says() {
    let open =
        |text: &str| Failure::from(NokhwaError::OpenDeviceError("0".into(), format!("V4L2 Error: {text}")));
    let reason = |failure: Failure| failure.explain("/dev/video0");
    let system = |code| Failure::from(std::io::Error::from_raw_os_error(code));
    for denied in [open("Permission denied (os error 13)"), system(13)] {
        assert!(!denied.is_not_a_camera() && reason(denied).contains("`video` group"));
    }
    for busy in [open("Device or resource busy (os error 16)"), system(16)] {
        assert!(reason(busy).contains("another program"));
    }
    assert_eq!(reason(open("No such device (os error 19)")), UNPLUGGED);
    assert_eq!(reason(system(19)), UNPLUGGED);
    assert!(reason(system(5)).contains("plug it in again"));
    let metadata = NokhwaError::GetPropertyError { property: "CameraFormat".into(), error: String::new() };
    assert!(Failure::from(metadata).is_not_a_camera() && system(25).is_not_a_camera());
    assert!(reason(Failure::Silent(Duration::from_millis(2500))).contains("nothing for 2 s"));
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

/// A stream that answers from a list.
struct Scripted(Vec<Result<u8, Failure>>);

impl Stream for Scripted {
    fn obtained(&self) -> Obtained {
        Obtained { format: CameraFormat::Grey, width: 2, height: 1, fps: Rate::new(25, 2) }
    }

    fn grab(
        &mut self,
        _patience: Duration,
        look: &mut dyn FnMut(&pixels::Raw<'_>, std::time::Instant),
    ) -> Result<(), Failure> {
        let level = self.0.remove(0)?;
        // Half a picture, where there is half of one.
        let bytes = [level; 2];
        let bytes = if level == 0 { &bytes[..1] } else { &bytes[..] };
        let raw = pixels::Raw { format: CameraFormat::Grey, width: 2, height: 1, stride: 0, bytes };
        look(&raw, std::time::Instant::now());
        Ok(())
    }
}

#[test]
fn a_frozen_camera_is_waited_for_and_then_let_go() {
    let silent = || Err(Failure::Silent(Duration::from_secs(2)));
    let marked = Err(Failure::Damaged("the driver says so".into()));
    let answers = vec![Ok(7), silent(), Ok(8), marked, Ok(0), Ok(9), silent(), silent()];
    let stream = Open { stream: Box::new(Scripted(answers)), patience: STARTING, silent: 0 };
    assert_eq!(&*stream.describe("Webcam"), "Webcam · 2×1 GREY · 12.5 fps");
    let mut source = CameraSource {
        id: CameraId::Index(0),
        request: CameraRequest::default(),
        node: Node::named("Webcam"),
        stream: Some(stream),
        unpacker: Unpacker::default(),
        next_id: 0,
        label: "camera 0".into(),
        description: "".into(),
    };
    let mut next = || source.next_frame().map(|frame| frame.map(|frame| (frame.id, frame.bytes[0])));
    assert_eq!(next().unwrap(), Some((0, 7)));
    assert!(next().unwrap_err().to_string().contains("Webcam: it has sent nothing for 2 s"));
    assert_eq!(next().unwrap(), Some((1, 8)), "it thaws");
    assert!(matches!(next(), Err(SourceError::DamagedFrame { .. })), "a marked frame is none");
    assert!(matches!(next(), Err(SourceError::DamagedFrame { .. })), "half a frame is none");
    assert_eq!(next().unwrap(), Some((2, 9)));
    assert!(next().is_err() && next().is_err());
    assert!(source.stream.is_none(), "it is to be opened again");
}
