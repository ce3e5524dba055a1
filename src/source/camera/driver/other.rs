//! Cameras by nokhwa, elsewhere than on Linux. It has no time limit: a camera that freezes blocks its thread.

use std::cmp::Reverse;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nokhwa::utils as nk;
use nokhwa::{Buffer, Camera, NokhwaError};

use super::stream::{Obtained, Place, Stream};
use crate::source::camera::failure::{Failure, contain, contain_nokhwa};
use crate::source::camera::mode::{CameraMode, Mode, Sent};
use crate::source::camera::pixels::Raw;
use crate::source::camera::rate::Rate;
use crate::source::camera::request::CameraFormat;

const FORMATS: [(nk::FrameFormat, CameraFormat); 6] = [
    (nk::FrameFormat::YUYV, CameraFormat::Yuyv),
    (nk::FrameFormat::MJPEG, CameraFormat::Mjpeg),
    (nk::FrameFormat::NV12, CameraFormat::Nv12),
    (nk::FrameFormat::RAWRGB, CameraFormat::Rgb),
    (nk::FrameFormat::RAWBGR, CameraFormat::Bgr),
    (nk::FrameFormat::GRAY, CameraFormat::Grey),
];

fn known(format: nk::FrameFormat) -> Option<CameraFormat> {
    FORMATS.iter().find(|(name, _)| *name == format).map(|(_, known)| *known)
}

/// Those that nokhwa lists are cameras.
pub fn is_camera(_place: &Place<'_>) -> bool {
    true
}

/// What a camera offers; all modes of a format stand together.
pub fn offers(place: &Place<'_>) -> Result<Vec<CameraMode>, Failure> {
    contain_nokhwa(|| {
        let mut camera = create(place, nk::RequestedFormatType::None)?;
        let mut modes = Vec::new();
        for format in camera.compatible_fourcc()? {
            // On macOS nokhwa 0.10 answers with the sizes of all formats but the one it is asked for: so ask
            // for one that no Mac has.
            let asked = if cfg!(target_os = "macos") { nk::FrameFormat::RAWBGR } else { format };
            let mut sizes: Vec<_> = camera.compatible_list_by_resolution(asked)?.into_iter().collect();
            sizes.sort_by_key(|(size, _)| Reverse(*size));
            for (size, fps) in sizes {
                let format = known(format).map_or_else(|| Sent::Unknown(format.to_string()), Sent::Known);
                let mut fps: Vec<Rate> = fps.into_iter().map(Rate::from).collect();
                fps.sort_by_key(|rate| Reverse(*rate));
                fps.dedup();
                modes.push(CameraMode { format, width: size.width(), height: size.height(), fps });
            }
        }
        Ok(modes)
    })
    .map_err(Failure::from)
}

fn create(place: &Place<'_>, wanted: nk::RequestedFormatType) -> Result<Camera, NokhwaError> {
    let formats = nk::RequestedFormat::with_formats(wanted, nk::frame_formats());
    Camera::new(place.index.clone(), formats)
}

/// Opens a camera in a mode.
pub fn open(place: &Place<'_>, mode: Mode) -> Result<Box<dyn Stream>, Failure> {
    let (format, _) = FORMATS.iter().find(|(_, known)| *known == mode.format).ok_or(Failure::NotKept)?;
    let fps = mode.fps.per_second().round() as u32;
    let wanted = nk::CameraFormat::new(nk::Resolution::new(mode.width, mode.height), *format, fps);
    let wanted = match mode.is_rate_listed {
        true => nk::RequestedFormatType::Closest(wanted),
        false => nk::RequestedFormatType::Exact(wanted),
    };
    let camera = contain_nokhwa(|| {
        let mut camera = create(place, wanted)?;
        camera.open_stream()?;
        Ok(camera)
    })?;
    let obtained = camera.camera_format();
    let format = known(obtained.format()).ok_or(Failure::NotKept)?;
    let (width, height) = (obtained.width(), obtained.height());
    let fps = Some(Rate::from(obtained.frame_rate()));
    Ok(Box::new(Open { obtained: Obtained { format, width, height, fps }, camera: Some(camera) }))
}

/// A camera that is sending.
struct Open {
    obtained: Obtained,
    /// Taken only by `drop`.
    camera: Option<Camera>,
}

impl Stream for Open {
    fn obtained(&self) -> Obtained {
        self.obtained
    }

    fn grab(&mut self, _patience: Duration, look: &mut dyn FnMut(&Raw<'_>, Instant)) -> Result<(), Failure> {
        let Some(camera) = self.camera.as_mut() else { return Err(Failure::NoCamera) };
        let buffer = contain_nokhwa(|| camera.frame())?;
        let format = known(buffer.source_frame_format()).ok_or(Failure::NotKept)?;
        let size = buffer.resolution();
        let (width, height) = (size.width() as usize, size.height() as usize);
        look(&Raw { format, width, height, stride: 0, bytes: buffer.buffer() }, captured_at(&buffer));
        Ok(())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let camera = self.camera.take();
        if let Err(panic) = contain(|| drop(camera)) {
            tracing::warn!(%panic, "closing the camera failed");
        }
    }
}

/// When the driver says the picture was taken; now, where it does not say or its clock makes no sense.
fn captured_at(buffer: &Buffer) -> Instant {
    let now = Instant::now();
    let age = buffer
        .capture_timestamp()
        .and_then(|since_epoch| SystemTime::now().duration_since(UNIX_EPOCH + since_epoch).ok())
        .filter(|age| *age < Duration::from_secs(10));
    age.and_then(|age| now.checked_sub(age)).unwrap_or(now)
}
