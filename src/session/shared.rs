//! What the threads of a session share, and what it says of itself.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::activations::Activations;
use super::history::History;
use super::request::Request;
use crate::engine::{Model, OpenedModel, Placement};
use crate::frame::Frame;
use crate::gpu::GpuContext;
use crate::journal::JournalWriter;
use crate::latest::LatestSlot;
use crate::source::still::StepHandle;

/// What a session is started with.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// True off screen: every frame counts and files come one after the other. False in the window: the newest
    /// frame wins and a picture stays until another is asked for.
    pub every_frame: bool,
    /// The network.
    pub model: OpenedModel,
    /// Other networks, to be compared with that.
    pub compare: Vec<OpenedModel>,
    /// Where the network runs.
    pub placement: Placement,
    /// Number of input frames that can be gone back to (within 256 MiB).
    pub history: usize,
    /// Where the source's frames are kept.
    pub journal: Option<JournalWriter>,
}

/// How far a session is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Getting ready: in words.
    Loading(String),
    /// Frames are processed.
    Running,
    /// The source is at its end, and every frame of it was processed.
    Ended,
    /// It cannot go on: one sentence.
    Failed(String),
}

/// What a session says of itself.
#[derive(Clone, Debug)]
pub struct Status {
    /// How far it is.
    pub stage: Stage,
    /// What the source delivered last; empty before it is open. What is shown says so itself
    /// ([`Frame::source`](crate::frame::Frame::source)).
    pub source: Arc<str>,
    /// How many pictures a second the source is meant to show, where that is known.
    pub rate: Option<f64>,
    /// What is wrong with the source at the moment (the session goes on trying).
    pub trouble: Option<String>,
    /// Pictures that could not be read, and files that were not read to their end.
    pub unread: u64,
    /// Fallbacks that were taken, each with how to get the real thing, and what else is to be known of network and source.
    pub notices: Vec<Notice>,
    /// The network, once it is loaded.
    pub model: Option<Model>,
    /// When the source was opened.
    pub opened: Option<Instant>,
    /// When the last frame arrived.
    pub last_frame: Option<Instant>,
    /// True where frames ought to keep coming.
    pub live: bool,
    /// True where it is odd that none comes for a while.
    pub can_fall_silent: bool,
}

/// Something that is told once.
#[derive(Clone, Debug)]
pub struct Notice {
    /// A sentence.
    pub text: String,
    /// When it was told first.
    pub told: Instant,
}

impl Notice {
    /// Told at this moment.
    pub fn now(text: String) -> Self {
        Self { text, told: Instant::now() }
    }
}

/// Networks that take the place of those that run.
pub(super) struct Replacement {
    pub model: Model,
    /// Of the first that the main one is compared with.
    pub compared: Option<Model>,
}

/// Which source counts: each that was wanted has a number, and frames of earlier ones are passed over. An earlier source may
/// still be waiting for a camera that has stalled.
#[derive(Debug, Default)]
pub(super) struct Turns {
    wanted: u64,
    current: Option<u64>,
    /// Frames are counted on from one source to the next, so that no two have the same number.
    first: u64,
    next: u64,
}

impl Turns {
    /// The number of another source that is wanted now.
    pub fn another(&mut self) -> u64 {
        self.wanted += 1;
        self.wanted
    }

    /// From now on this source counts, unless one that was wanted later does already. What its first frame is counted as.
    pub fn take_over(&mut self, turn: u64) -> Option<u64> {
        if self.current.is_some_and(|current| current > turn) {
            return None;
        }
        (self.current, self.first) = (Some(turn), self.next);
        Some(self.first)
    }

    /// True while no later source counts.
    pub fn is_current(&self, turn: u64) -> bool {
        self.current.is_none_or(|current| current == turn)
    }

    /// Notes that a frame was given.
    pub fn count(&mut self, frame: u64) {
        self.next = self.next.max(frame + 1);
    }

    /// True where a frame is of the source that counts.
    pub fn has(&self, frame: u64) -> bool {
        frame >= self.first
    }
}

pub(super) struct Shared {
    pub gpu: GpuContext,
    pub config: SessionConfig,
    pub request: Mutex<Request>,
    pub history: Mutex<History>,
    pub replacement: Mutex<Option<Replacement>>,
    pub status: Mutex<Status>,
    pub frames: LatestSlot<Frame>,
    pub results: LatestSlot<Activations>,
    pub turns: Mutex<Turns>,
    pub steps: Mutex<Option<StepHandle>>,
    /// Each stage is waited for before the next begins.
    pub apart: AtomicBool,
    pub stopping: AtomicBool,
    /// Nobody looks: no frame is taken and none is computed.
    pub resting: Mutex<bool>,
    pub rested: Condvar,
    /// Tells the looker that there is something new.
    pub wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    pub fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status());
        (self.wake)();
    }

    /// Moves to another stage; from a failure there is no way back.
    pub fn enter(&self, stage: Stage) {
        self.update(|status| {
            if !matches!(status.stage, Stage::Failed(_)) {
                status.stage = stage;
            }
        });
    }

    pub fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn request(&self) -> Request {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn keeps_stages_apart(&self) -> bool {
        self.apart.load(Ordering::Relaxed)
    }

    /// Waits while nobody looks.
    pub fn rest(&self) {
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        while *resting && !self.is_stopping() {
            resting = self.rested.wait(resting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn set_resting(&self, resting: bool) {
        *self.resting.lock().unwrap_or_else(PoisonError::into_inner) = resting;
        self.rested.notify_all();
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

impl Status {
    /// For how long a source whose frames ought to keep coming has sent none.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let last = self.last_frame.or(self.opened).filter(|_| self.can_fall_silent)?;
        Some(now.saturating_duration_since(last))
    }
}
