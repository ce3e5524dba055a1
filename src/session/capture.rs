//! The capture thread: owns the source and fills the slot.

use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::Shared;
use crate::source::camera::CameraSource;
use crate::source::still::Pictures;
use crate::source::testcard::TestCard;
use crate::source::{CameraId, CameraRequest, FrameSource, SourceError, SourceSpec};

/// A source that fails is asked again after this time.
const RETRY: Duration = Duration::from_millis(500);

pub(super) fn run(shared: &Shared) -> Result<(), String> {
    let mut source = match open(shared) {
        Ok(source) => source,
        Err(error) => return Err(error.to_string()),
    };
    let live = source.is_live();
    shared.update(|status| (status.source, status.live) = (source.describe(), live));
    while !shared.is_stopping() {
        match source.next_frame() {
            Ok(Some(frame)) => {
                let described = source.describe();
                {
                    let mut status = shared.status();
                    status.last_frame = Some(Instant::now());
                    status.trouble = None;
                    status.source = described;
                }
                // A live source off screen still must not outrun the network: there the newest frame wins too.
                let open = if live { shared.frames.replace(frame) } else { shared.frames.put(frame) };
                if !open {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                let damaged = matches!(error, SourceError::DamagedFrame { .. });
                tracing::warn!("{error}");
                if shared.config.every_frame && !damaged {
                    eprintln!("convscope: {error}");
                }
                shared.update(|status| status.trouble = Some(error.to_string()));
                if live && !damaged {
                    // An unplugged camera fails at once each time: do not spin.
                    std::thread::sleep(RETRY);
                }
            }
        }
    }
    shared.frames.close();
    Ok(())
}

fn open(shared: &Shared) -> Result<Box<dyn FrameSource>, SourceError> {
    let config = &shared.config;
    let live = !config.every_frame;
    match &config.source {
        Some(SourceSpec::Camera(id)) => camera(id, &config.camera),
        Some(SourceSpec::TestCard) => Ok(Box::new(TestCard::new(live))),
        Some(SourceSpec::Path(path)) => {
            let pictures = Pictures::open(path, live)?;
            *shared.steps.lock().unwrap_or_else(PoisonError::into_inner) = Some(pictures.step_handle());
            Ok(Box::new(pictures))
        }
        None => match camera(&CameraId::Index(0), &config.camera) {
            Ok(camera) => Ok(camera),
            Err(error) => {
                shared.notice(format!(
                    "showing the test card ({error}); with a camera or `--source FILE` you see the real thing"
                ));
                Ok(Box::new(TestCard::new(live)))
            }
        },
    }
}

fn camera(id: &CameraId, request: &CameraRequest) -> Result<Box<dyn FrameSource>, SourceError> {
    CameraSource::open(id, request).map(|camera| Box::new(camera) as Box<dyn FrameSource>)
}
