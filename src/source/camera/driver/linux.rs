//! Video4Linux: formats, sizes and rates as drivers list them, buffers with what the driver says of each.

use std::io;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use v4l::buffer::{Flags, Metadata, Type};
use v4l::capability::Flags as Can;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::io::mmap::Stream as Buffers;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture;
use v4l::video::capture::Parameters;
use v4l::{Device, Format, FourCC, Fraction};

use super::stream::{Obtained, Place, Stream};
use crate::source::camera::failure::{Failure, contain};
use crate::source::camera::mode::{CameraMode, Mode, Sent};
use crate::source::camera::pixels::Raw;
use crate::source::camera::rate::Rate;
use crate::source::camera::request::CameraFormat;

/// Buffers that a driver fills in turn.
const BUFFERS: u32 = 4;

/// `POLLIN`.
const READABLE: i16 = 1;

/// What drivers call the formats.
const FOURCCS: [(&[u8; 4], CameraFormat); 15] = [
    (b"YUYV", CameraFormat::Yuyv),
    (b"MJPG", CameraFormat::Mjpeg),
    (b"JPEG", CameraFormat::Mjpeg),
    (b"NV12", CameraFormat::Nv12),
    (b"RGB3", CameraFormat::Rgb),
    (b"UYVY", CameraFormat::Uyvy),
    (b"YVYU", CameraFormat::Yvyu),
    (b"NV16", CameraFormat::Nv16),
    (b"NV21", CameraFormat::Nv21),
    (b"YU12", CameraFormat::Yu12),
    (b"YV12", CameraFormat::Yv12),
    (b"BGR3", CameraFormat::Bgr),
    (b"RGBP", CameraFormat::Rgb565),
    (b"GREY", CameraFormat::Grey),
    (b"Y16 ", CameraFormat::Y16),
];

/// Sizes that are listed of cameras which take any between two ends.
const USUAL_SIZES: [[u32; 2]; 5] = [[320, 240], [640, 480], [1280, 720], [1920, 1080], [3840, 2160]];

fn known(fourcc: FourCC) -> Option<CameraFormat> {
    FOURCCS.iter().find(|(name, _)| **name == fourcc.repr).map(|(_, format)| *format)
}

/// False of codecs and of nodes at which webcams tell of their frames.
pub fn is_camera(place: &Place<'_>) -> bool {
    let can = contained(|| Ok(Device::with_path(place.path)?.query_caps()?.capabilities));
    can.is_ok_and(|can| can.contains(Can::VIDEO_CAPTURE))
}

/// What a camera offers; all modes of a format stand together.
pub fn offers(place: &Place<'_>) -> Result<Vec<CameraMode>, Failure> {
    contained(|| {
        let device = Device::with_path(place.path)?;
        // A codec, or the node at which a webcam tells of its frames.
        if !device.query_caps()?.capabilities.contains(Can::VIDEO_CAPTURE) {
            return Err(Failure::NoCamera);
        }
        let mut modes: Vec<CameraMode> = vec![];
        for described in Capture::enum_formats(&device)? {
            let fourcc = described.fourcc;
            let format = match known(fourcc) {
                Some(format) => Sent::Known(format),
                None => Sent::Unknown(name_of(fourcc)),
            };
            // Some list one twice, and JPEG has two names.
            if modes.iter().any(|mode| mode.format == format) {
                continue;
            }
            let mut sizes = sizes(&device, fourcc);
            sizes.sort_by_key(|[width, height]| {
                std::cmp::Reverse((u64::from(*width) * u64::from(*height), *width))
            });
            sizes.dedup();
            for [width, height] in sizes {
                let fps = rates(&device, fourcc, [width, height]);
                modes.push(CameraMode { format: format.clone(), width, height, fps });
            }
        }
        if modes.is_empty() { Err(Failure::NoCamera) } else { Ok(modes) }
    })
}

/// As `v4l2-ctl` has it: of big-endian formats the highest bit is set.
fn name_of(fourcc: FourCC) -> String {
    let is_big_endian = fourcc.repr[3] & 0x80 != 0;
    let letters = fourcc.repr.map(|byte| byte & 0x7f);
    let name = String::from_utf8_lossy(&letters).trim().to_string();
    if is_big_endian { name + "-BE" } else { name }
}

/// Those that are listed; where any between two ends are possible, usual ones and the ends; where nothing is, what it is set to.
fn sizes(device: &Device, fourcc: FourCC) -> Vec<[u32; 2]> {
    let listed = Capture::enum_framesizes(device, fourcc).unwrap_or_default();
    let mut sizes = vec![];
    for size in listed {
        match size.size {
            FrameSizeEnum::Discrete(size) => sizes.push([size.width, size.height]),
            // Not by steps: there may be millions.
            FrameSizeEnum::Stepwise(steps) => {
                let (least, most) =
                    ([steps.min_width, steps.min_height], [steps.max_width, steps.max_height]);
                let step = [steps.step_width, steps.step_height];
                let fits = |size: &[u32; 2]| {
                    (0..2).all(|axis| {
                        (least[axis]..=most[axis]).contains(&size[axis])
                            && (size[axis] - least[axis]).is_multiple_of(step[axis].max(1))
                    })
                };
                sizes.extend(USUAL_SIZES.into_iter().filter(fits).chain([least, most]));
            }
        }
    }
    if sizes.is_empty() {
        sizes.extend(Capture::format(device).ok().map(|format| [format.width, format.height]));
    }
    sizes
}

/// Highest first; empty where the driver does not tell.
fn rates(device: &Device, fourcc: FourCC, [width, height]: [u32; 2]) -> Vec<Rate> {
    let listed = Capture::enum_frameintervals(device, fourcc, width, height).unwrap_or_default();
    let ends = |interval| match interval {
        FrameIntervalEnum::Discrete(interval) => vec![interval],
        FrameIntervalEnum::Stepwise(steps) => vec![steps.min, steps.max],
    };
    let mut rates: Vec<_> =
        listed.into_iter().flat_map(|known| ends(known.interval)).filter_map(rate).collect();
    rates.sort_by(|a, b| b.cmp(a));
    rates.dedup_by_key(|rate| rate.to_string());
    rates
}

fn rate(interval: Fraction) -> Option<Rate> {
    Rate::new(interval.denominator, interval.numerator)
}

/// Opens a camera in a mode.
pub fn open(place: &Place<'_>, mode: Mode) -> Result<Box<dyn Stream>, Failure> {
    contained(|| {
        let device = Device::with_path(place.path)?;
        let offered = Capture::enum_formats(&device)?.into_iter().map(|described| described.fourcc);
        let fourcc = offered.into_iter().find(|fourcc| known(*fourcc) == Some(mode.format));
        let fourcc = fourcc.ok_or(Failure::NotKept)?;
        let set = Capture::set_format(&device, &Format::new(mode.width, mode.height, fourcc))?;
        let format = known(set.fourcc).ok_or(Failure::NotKept)?;
        let wanted = Parameters::new(Fraction::new(mode.fps.seconds, mode.fps.frames));
        // Some cameras have one rate and nothing to set.
        let rated = Capture::set_params(&device, &wanted).or_else(|_| Capture::params(&device));
        let fps = rated.ok().and_then(|parameters| rate(parameters.interval));
        let obtained = Obtained { format, width: set.width, height: set.height, fps };
        let mut buffers = Buffers::with_buffers(&device, Type::VideoCapture, BUFFERS)?;
        // Begun by hand, without the first one: `next` gives that to the driver, so that it can be waited for before each call.
        // `next` itself cannot be asked again after a time limit.
        for index in 1..BUFFERS as usize {
            match CaptureStream::queue(&mut buffers, index) {
                // The driver has made fewer.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => break,
                queued => queued?,
            }
        }
        buffers.start()?;
        Ok(
            Box::new(Camera {
                obtained,
                stride: set.stride as usize,
                buffers: Some(buffers),
                _device: device,
            }) as Box<dyn Stream>,
        )
    })
}

/// A camera that is sending.
struct Camera {
    obtained: Obtained,
    /// Bytes from one row to the next, as far as the driver tells.
    stride: usize,
    /// Taken only by `drop`.
    buffers: Option<Buffers<'static>>,
    /// Closed behind them.
    _device: Device,
}

impl Stream for Camera {
    fn obtained(&self) -> Obtained {
        self.obtained
    }

    fn grab(&mut self, patience: Duration, look: &mut dyn FnMut(&Raw<'_>, Instant)) -> Result<(), Failure> {
        let Self { obtained: Obtained { format, width, height, .. }, stride, buffers, .. } = self;
        let Some(buffers) = buffers else { return Err(Failure::NoCamera) };
        let size = [*width as usize, *height as usize];
        contained(|| {
            let limit = i32::try_from(patience.as_millis()).unwrap_or(i32::MAX);
            if buffers.handle().poll(READABLE, limit)? == 0 {
                return Err(Failure::Silent(patience));
            }
            let (bytes, about) = CaptureStream::next(buffers)?;
            let &Metadata { bytesused, flags, .. } = about;
            if flags.contains(Flags::ERROR) {
                return Err(Failure::Damaged("the driver says so".into()));
            }
            // Drivers that do not tell say 0.
            let new = if bytesused == 0 { bytes.len() } else { (bytesused as usize).min(bytes.len()) };
            let raw = Raw {
                format: *format,
                width: size[0],
                height: size[1],
                stride: *stride,
                bytes: &bytes[..new],
            };
            look(&raw, captured_at(about));
            Ok(())
        })
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        let buffers = self.buffers.take();
        // v4l panics in its own `drop` when stopping fails for any reason but a vanished device.
        if let Err(panic) = contain(|| drop(buffers)) {
            tracing::warn!(%panic, "closing the camera failed");
        }
    }
}

/// When the driver says the picture was taken; now, where it does not say or by another clock.
fn captured_at(about: &Metadata) -> Instant {
    let now = Instant::now();
    if about.flags.bits() & Flags::TIMESTAMP_MASK.bits() != Flags::TIMESTAMP_MONOTONIC.bits() {
        return now;
    }
    let clock = clock_gettime(ClockId::Monotonic);
    let micros = |seconds: i64, micros: i64| seconds.saturating_mul(1_000_000).saturating_add(micros);
    let age = micros(clock.tv_sec, clock.tv_nsec / 1000) - micros(about.timestamp.sec, about.timestamp.usec);
    let age = u64::try_from(age).ok().map(Duration::from_micros).filter(|age| *age < Duration::from_secs(10));
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}

/// v4l panics where a driver's answer has values that it does not know.
fn contained<T>(call: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    contain(call).unwrap_or_else(|panic| Err(Failure::Strange(panic)))
}
