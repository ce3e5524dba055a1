//! Pictures of the view as JPEG, for all pages at once, on a thread of its own. It takes a part of one core at most, whatever the
//! view's rate; and as pages ask for the next picture when they have shown the last, a slow way thins them, too.

use std::io;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

// Nine times as fast as the encoder of the crate image.
use libjpeg_turbo_rs::{JpegError, PixelFormat, Subsampling, compress};

use super::hub::{Hub, Picture};
use super::protocol::PICTURE;
use crate::gpu::outlet::{Intake, Outlet, Presented, Waiting};
use crate::latest::Taken;

/// Letters stay sharp.
const QUALITY: u8 = 85;

/// How many times as long as the encoding took is rested behind it.
const REST: u32 = 4;

/// How often is looked whether the server has ended.
const LOOK: Duration = Duration::from_millis(20);

pub fn start(outlet: &Outlet, hub: Arc<Hub>) -> io::Result<()> {
    let outlet = outlet.clone();
    thread::Builder::new().name("encode".into()).spawn(move || run(&outlet, &hub)).map(drop)
}

fn run(outlet: &Outlet, hub: &Hub) {
    // Pictures cost their copy: they are taken only while there are pages.
    let mut intake: Option<Intake> = None;
    let mut newest: Option<Arc<Presented>> = None;
    while !hub.is_closed() {
        if !hub.has_pages() {
            (intake, newest) = (None, None);
            thread::sleep(LOOK);
            continue;
        }
        let Some(open) = &intake else {
            match outlet.open(Waiting::Newest) {
                Ok(opened) => intake = Some(opened),
                Err(error) => {
                    hub.log(&format!("no picture can be taken: {error}"));
                    thread::sleep(LOOK);
                }
            }
            // What stands still is drawn once for it.
            hub.wake();
            continue;
        };
        match open.take(LOOK) {
            Taken::Value(picture) => newest = Some(picture),
            Taken::Nothing => {}
            Taken::Closed => return,
        }
        if !hub.is_wanted() {
            continue;
        }
        let Some(picture) = newest.take() else { continue };
        let began = Instant::now();
        match encode(&picture) {
            Ok(bytes) => hub.put(Picture { number: picture.number, bytes: bytes.into() }),
            Err(error) => hub.log(&format!("a picture could not be encoded: {error}")),
        }
        thread::sleep(began.elapsed() * REST);
    }
}

fn encode(picture: &Presented) -> Result<Vec<u8>, JpegError> {
    let [width, height] = picture.size.map(|side| side as usize);
    // Colours as fine as brightness: letters and small tiles have some.
    let jpeg = compress(&picture.rgba, width, height, PixelFormat::Rgba, QUALITY, Subsampling::S444)?;
    Ok([&[PICTURE], &jpeg[..]].concat())
}
