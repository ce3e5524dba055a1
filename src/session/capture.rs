//! The capture thread: owns the source and fills the slot.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::shared::{Notice, Shared};
use crate::frame::Frame;
use crate::source::{FrameSource, SourceError};

/// A source that fails is asked again after this time.
const RETRY: Duration = Duration::from_millis(500);

/// More different troubles and notes than this are not told on the terminal.
const MOST_TOLD: usize = 100;

pub(super) fn run(shared: &Shared) -> Result<(), String> {
    let opener = shared.open.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(open) = opener else { return Ok(()) };
    let opened = open().map_err(|error| error.to_string())?;
    let mut source = opened.source;
    *shared.steps.lock().unwrap_or_else(PoisonError::into_inner) = opened.steps;
    if let Some(notice) = opened.notice {
        tell(shared, notice);
    }
    tell_notes(shared, &mut *source);
    let live = source.is_live();
    shared.update(|status| {
        (status.source, status.live) = (source.describe(), live);
        status.can_fall_silent = source.can_fall_silent();
        status.opened = Some(Instant::now());
    });
    let mut told = HashSet::new();
    while !shared.is_stopping() {
        shared.rest();
        let next = source.next_frame();
        tell_notes(shared, &mut *source);
        match next {
            Ok(Some(frame)) => {
                if let Some(note) =
                    frame.named_note().filter(|note| told.len() < MOST_TOLD && told.insert(note.clone()))
                {
                    eprintln!("note: {note}");
                }
                // The source may be far ahead of what is shown: the frame takes with it what was said of it.
                let frame = Frame { source: source.describe(), ..frame };
                {
                    let mut status = shared.status();
                    status.last_frame = Some(Instant::now());
                    status.trouble = None;
                    status.rate = source.rate();
                    status.source = frame.source.clone();
                }
                // Of files every frame counts; a live source is never slowed down.
                let open = if live { shared.frames.replace(frame) } else { shared.frames.put(frame) };
                if !open {
                    break;
                }
            }
            Ok(None) => break,
            Err(error) => {
                let message = error.to_string();
                tracing::warn!("{message}");
                // Off screen nobody sees the status: tell each trouble once, and not without end.
                if shared.config.every_frame && told.len() < MOST_TOLD && told.insert(message.clone()) {
                    eprintln!("note: {message}");
                }
                shared.update(|status| {
                    status.trouble = Some(message);
                    status.unread += 1;
                });
                if live && !matches!(error, SourceError::DamagedFrame { .. }) {
                    // An unplugged camera fails at once each time: do not spin.
                    std::thread::sleep(RETRY);
                }
            }
        }
    }
    shared.frames.close();
    Ok(())
}

/// Tells what is to be known of the source, on the terminal and on the screen.
fn tell_notes(shared: &Shared, source: &mut dyn FrameSource) {
    source.take_notes().into_iter().for_each(|note| tell(shared, note));
}

fn tell(shared: &Shared, note: String) {
    eprintln!("note: {note}");
    shared.update(|status| status.notices.push(Notice::now(note)));
}
