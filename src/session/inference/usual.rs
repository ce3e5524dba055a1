//! When the network is asked what it says of a frame where nothing is done to it: beside what it says in an experiment. While
//! frames keep coming that is so seldom that it takes a twentieth of the time.

use std::time::{Duration, Instant};

use crate::gpu::Preprocessing;
use crate::session::activations::Before;

/// The time between two askings, in times of what one takes.
const REST: u32 = 19;

/// The last answer, and when the next one is due while frames keep coming.
#[derive(Default)]
pub(super) struct Usual {
    known: Option<(Before, Preprocessing)>,
    due: Option<Instant>,
}

impl Usual {
    /// True where the network is to be asked now: of this very frame where it is `still`, else of one of the last.
    pub fn is_due(&self, frame: u64, how: Preprocessing, still: bool) -> bool {
        let Some((before, _)) = self.known.as_ref().filter(|(_, known)| *known == how) else { return true };
        before.frame != frame && (still || self.due.is_none_or(|due| Instant::now() >= due))
    }

    /// Takes an answer, and how long it took.
    pub fn take(&mut self, before: Before, how: Preprocessing, took: Duration) {
        self.known = Some((before, how));
        self.due = Some(Instant::now() + took * REST);
    }

    /// The last answer.
    pub fn known(&self) -> Option<Before> {
        self.known.as_ref().map(|(before, _)| before.clone())
    }
}
