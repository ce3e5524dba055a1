//! The capture thread: owns the source and fills the slot.

use std::collections::HashSet;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use super::shared::{Notice, Shared};
use crate::frame::Frame;
use crate::source::{FrameSource, Opened, SourceError};

/// A source that fails is asked again after this time.
const RETRY: Duration = Duration::from_millis(500);

/// More different troubles and notes than this are not told on the terminal.
const MOST_TOLD: usize = 100;

/// Opens a source and gives its frames until it is at its end, or another takes its turn.
pub(super) fn run(
    shared: &Shared,
    turn: u64,
    open: impl FnOnce() -> Result<Opened, SourceError>,
) -> Result<(), String> {
    let is_current = || shared.turns().is_current(turn);
    let opened = match open() {
        Ok(opened) => opened,
        Err(error) if turn == 0 && is_current() => return Err(error.to_string()),
        Err(_) if turn == 0 => return Ok(()),
        Err(error) => {
            tell(shared, format!("{error}. What was shown before goes on."));
            return Ok(());
        }
    };
    let mut source = opened.source;
    let Some(first) = shared.turns().take_over(turn) else { return Ok(()) };
    let mut steps = shared.steps.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = std::mem::replace(&mut *steps, opened.steps) {
        // Who waits there for somebody to go on.
        before.close();
    }
    drop(steps);
    Capture { shared, turn, first, told: HashSet::new() }.run(&mut *source, opened.notice);
    Ok(())
}

struct Capture<'a> {
    shared: &'a Shared,
    turn: u64,
    /// What the source's first frame is counted as.
    first: u64,
    told: HashSet<String>,
}

impl Capture<'_> {
    fn run(&mut self, source: &mut dyn FrameSource, notice: Option<String>) {
        let shared = self.shared;
        notice.into_iter().for_each(|notice| tell(shared, notice));
        tell_notes(shared, source);
        let live = source.is_live();
        shared.update(|status| {
            (status.source, status.live) = (source.describe(), live);
            (status.rate, status.trouble, status.last_frame) = (source.rate(), None, None);
            status.can_fall_silent = source.can_fall_silent();
            status.opened = Some(Instant::now());
        });
        while !shared.is_stopping() && self.is_current() {
            shared.rest();
            let next = source.next_frame();
            if !self.is_current() {
                return;
            }
            tell_notes(shared, source);
            match next {
                Ok(Some(frame)) => {
                    if !self.give(frame, source) {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    self.complain(&error);
                    if live && !matches!(error, SourceError::DamagedFrame { .. }) {
                        // An unplugged camera fails at once each time: do not spin.
                        std::thread::sleep(RETRY);
                    }
                }
            }
        }
        if self.is_current() {
            shared.frames.close();
        }
    }

    fn is_current(&self) -> bool {
        self.shared.turns().is_current(self.turn)
    }

    /// False where nobody takes frames any more.
    fn give(&mut self, frame: Frame, source: &dyn FrameSource) -> bool {
        let shared = self.shared;
        if let Some(note) = frame.named_note().filter(|note| self.is_news(note)) {
            eprintln!("note: {note}");
        }
        // The source may be far ahead of what is shown: the frame takes with it what was said of it.
        let frame = Frame { id: self.first + frame.id, source: source.describe(), ..frame };
        shared.turns().count(frame.id);
        {
            let mut status = shared.status();
            status.last_frame = Some(Instant::now());
            status.trouble = None;
            status.rate = source.rate();
            status.source = frame.source.clone();
        }
        let live = source.is_live();
        if let Some(journal) = &shared.config.journal {
            journal.frame(frame.clone(), !live);
        }
        // Of files every frame counts; a live source is never slowed down.
        if live { shared.frames.replace(frame) } else { shared.frames.put(frame) }
    }

    fn complain(&mut self, error: &SourceError) {
        let message = error.to_string();
        tracing::warn!("{message}");
        // Off screen nobody sees the status: tell each trouble once, and not without end.
        if self.shared.config.every_frame && self.is_news(&message) {
            eprintln!("note: {message}");
        }
        self.shared.update(|status| {
            status.trouble = Some(message);
            status.unread += 1;
        });
    }

    fn is_news(&mut self, text: &str) -> bool {
        self.told.len() < MOST_TOLD && self.told.insert(text.into())
    }
}

/// Tells what is to be known of the source, on the terminal and on the screen.
fn tell_notes(shared: &Shared, source: &mut dyn FrameSource) {
    source.take_notes().into_iter().for_each(|note| tell(shared, note));
}

fn tell(shared: &Shared, note: String) {
    eprintln!("note: {note}");
    shared.update(|status| status.notices.push(Notice::now(note)));
}
