//! Frames in, activations out: a capture thread for each source and an inference thread, with a slot between them.
//!
//! Whoever looks (the window, the off-screen run) holds a [`Session`]: it says what it wants as a small
//! [`Request`], which the next frame picks up, and takes [`Activations`] out of a slot.

mod activations;
mod capture;
mod history;
mod inference;
mod request;
mod shared;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::Model;
use crate::gpu::GpuContext;
use crate::latest::{LatestSlot, Taken};
use crate::source::{Opened, SourceError};
use history::History;
use shared::{Replacement, Shared, Turns};

pub use activations::{
    Activations, AveragedMap, Before, ComparedTaps, Occluded, StageTimes, Tap, TracedMaps,
};
pub use history::Moment;
pub use request::{Averaged, HeldFrame, Occlusion, Request};
pub use shared::{Notice, SessionConfig, Stage, Status};

/// Two running threads. Dropping it stops them.
pub struct Session {
    shared: Arc<Shared>,
    inference: Option<JoinHandle<()>>,
}

/// How long stopping waits for the inference thread: a frame on a slow machine.
const STOP_PATIENCE: Duration = Duration::from_secs(3);

impl Session {
    /// Starts both threads. `open` is called on the capture thread, `wake` on both whenever results or status
    /// change.
    pub fn start(
        gpu: GpuContext,
        config: SessionConfig,
        request: Request,
        open: impl FnOnce() -> Result<Opened, SourceError> + Send + 'static,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let status = Status {
            stage: Stage::Loading("starting".into()),
            source: "".into(),
            rate: None,
            trouble: None,
            unread: 0,
            notices: vec![],
            model: None,
            opened: None,
            last_frame: None,
            live: false,
            can_fall_silent: false,
        };
        let shared = Arc::new(Shared {
            gpu,
            history: Mutex::new(History::new(config.history)),
            config,
            request: Mutex::new(request),
            replacement: Mutex::new(None),
            status: Mutex::new(status),
            frames: LatestSlot::default(),
            results: LatestSlot::default(),
            turns: Mutex::new(Turns::default()),
            steps: Mutex::new(None),
            apart: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            resting: Mutex::new(false),
            rested: Condvar::new(),
            wake: Box::new(wake),
        });
        // Never joined: a camera that has stalled blocks its thread for ever.
        spawn("capture", &shared, |shared| capture::run(shared, 0, open));
        let inference = spawn("inference", &shared, inference::run);
        Self { shared, inference }
    }

    /// Asks for something else from the next frame on; a picture that stands still is processed again.
    pub fn request(&self, request: Request) {
        let mut current = self.shared.request.lock().unwrap_or_else(PoisonError::into_inner);
        if *current != request {
            *current = request;
            drop(current);
            self.shared.frames.nudge();
        }
    }

    /// The frames that can be gone back to, the oldest first.
    pub fn history(&self) -> Vec<Moment> {
        self.shared.history().moments()
    }

    /// Has another network run in place of the main one, from the next frame on.
    pub fn replace(&self, model: Model) {
        self.replace_both(model, None);
    }

    /// The same, and another in place of the one that it is compared with, where that is given and there is one.
    pub fn replace_both(&self, model: Model, compared: Option<Model>) {
        let replacement = Replacement { model, compared };
        *self.shared.replacement.lock().unwrap_or_else(PoisonError::into_inner) = Some(replacement);
        self.shared.frames.nudge();
    }

    /// Has frames come from another source, once that is open; until then, and where it cannot be opened (which is told), they
    /// come from the one before. `open` is called on a thread of its own, the new capture thread. Frames are counted on.
    pub fn replace_source(&self, open: impl FnOnce() -> Result<Opened, SourceError> + Send + 'static) {
        let turn = self.shared.turns().another();
        spawn("capture", &self.shared, move |shared| capture::run(shared, turn, open));
    }

    /// While nobody looks, no frame is taken and the network does not run.
    pub fn rest(&self, rests: bool) {
        self.shared.set_resting(rests);
    }

    /// The newest result that was not taken yet, waiting at most so long for one.
    pub fn take(&self, timeout: Duration) -> Taken<Activations> {
        self.shared.results.take(timeout)
    }

    /// What the session says of itself.
    pub fn status(&self) -> Status {
        self.shared.status().clone()
    }

    /// Frames that were replaced by newer ones before the network was free.
    pub fn dropped(&self) -> u64 {
        self.shared.frames.dropped()
    }

    /// For measurements: whether the device is waited for after each stage, so that [`StageTimes`] are each stage's own
    /// also on a GPU. It makes frames slower.
    pub fn keep_stages_apart(&self, apart: bool) {
        self.shared.apart.store(apart, Ordering::Relaxed);
    }

    /// The next (+1) or previous (−1) picture of a folder.
    pub fn step(&self, by: i64) {
        if let Some(steps) = &*self.shared.steps.lock().unwrap_or_else(PoisonError::into_inner) {
            steps.step(by);
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::Relaxed);
        self.shared.set_resting(false);
        self.shared.frames.close();
        self.shared.results.close();
        if let Some(steps) = &*self.shared.steps.lock().unwrap_or_else(PoisonError::into_inner) {
            steps.close();
        }
        // The thread must not be inside the graphics driver when the process unloads it.
        let deadline = Instant::now() + STOP_PATIENCE;
        if let Some(thread) = self.inference.take() {
            while !thread.is_finished() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// Runs `body` on a thread of this name; an error or a panic in it becomes the session's failure.
fn spawn(
    name: &str,
    shared: &Arc<Shared>,
    body: impl FnOnce(&Shared) -> Result<(), String> + Send + 'static,
) -> Option<JoinHandle<()>> {
    let for_thread = shared.clone();
    let run = move || {
        let shared = for_thread;
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| body(&shared)));
        let failure = match outcome {
            Ok(Ok(())) => return,
            Ok(Err(message)) => message,
            Err(panic) => {
                let text = panic.downcast_ref::<String>().map(String::as_str);
                let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("unknown");
                format!("an internal error stopped the session: {text}; please report it")
            }
        };
        shared.enter(Stage::Failed(failure));
        shared.frames.close();
        shared.results.close();
        (shared.wake)();
    };
    match std::thread::Builder::new().name(name.into()).spawn(run) {
        Ok(handle) => Some(handle),
        Err(error) => {
            shared.update(|status| {
                status.stage = Stage::Failed(format!("no thread could be started: {error}"))
            });
            shared.results.close();
            None
        }
    }
}
