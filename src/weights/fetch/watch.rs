//! Whoever waits for a download.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::error::FetchError;
use super::progress::{Progress, Step};

/// Between looks at whether the user has called it off.
pub(super) const CANCEL_LOOK: Duration = Duration::from_millis(50);

/// The user: told of progress, asked whether to go on.
pub(super) struct Watch<'a> {
    pub(super) progress: &'a mut dyn FnMut(Progress),
    pub(super) cancel: Option<&'a AtomicBool>,
}

impl Watch<'_> {
    pub(super) fn report(&mut self, step: Step, bytes: u64, total: Option<u64>) {
        (self.progress)(Progress { step, bytes, total });
    }

    pub(super) fn check(&self) -> Result<(), FetchError> {
        let cancelled = self.cancel.is_some_and(|cancel| cancel.load(Ordering::Relaxed));
        if cancelled { Err(FetchError::Cancelled) } else { Ok(()) }
    }

    /// Waits, unless it is called off.
    pub(super) fn pause(
        &mut self,
        time: Duration,
        step: Step,
        bytes: u64,
        total: Option<u64>,
    ) -> Result<(), FetchError> {
        let end = Instant::now() + time;
        self.report(step, bytes, total);
        loop {
            self.check()?;
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            thread::sleep(left.min(CANCEL_LOOK));
        }
    }
}
