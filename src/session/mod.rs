//! Frames in, activations out: a capture thread and an inference thread with a slot between them.
//!
//! Whoever looks (the window, the off-screen run) holds a [`Session`]: it says what it wants as a small
//! [`Request`], which the next frame picks up, and takes [`Activations`] out of a slot.

mod capture;
mod history;
mod inference;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::engine::{Model, OpenedModel, Placement};
use crate::gpu::{FeatureMapBuffer, Fit, FrameBuffer, GpuContext, Resize, StatisticsBuffer};
use crate::inspect::ChannelStatistics;
use crate::latest::{LatestSlot, Taken};
use crate::model::LayerIndex;
use crate::source::still::StepHandle;
use crate::source::{Opened, SourceError};
use history::History;
pub use history::Moment;

impl Status {
    /// For how long a source whose frames ought to keep coming has sent none.
    pub fn silence(&self, now: Instant) -> Option<Duration> {
        let last = self.last_frame.or(self.opened).filter(|_| self.live)?;
        Some(now.saturating_duration_since(last))
    }
}

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
}

/// What is wanted of each frame.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Request {
    /// Layers whose outputs are wanted, without repetition.
    pub taps: Vec<LayerIndex>,
    /// Layers whose values alone are wanted, for what is drawn beside the taps.
    pub maps: Vec<LayerIndex>,
    /// Whether class probabilities are wanted.
    pub predictions: bool,
    /// How a picture that is not square is fitted.
    pub fit: Fit,
    /// How a picture is resized.
    pub resize: Resize,
    /// Keep to the current frame.
    pub frozen: bool,
    /// While frozen: the frame of the history to look at instead.
    pub past: Option<u64>,
    /// The frame that the others are compared with; where networks are compared, nothing comes of it.
    pub held: Option<u64>,
}

/// One layer's output.
#[derive(Clone, Debug)]
pub struct Tap {
    /// Which layer.
    pub layer: LayerIndex,
    /// Its values, on the drawing device.
    pub map: FeatureMapBuffer,
    /// Their statistics, on the drawing device.
    pub statistics: StatisticsBuffer,
    /// The same on the host: one a channel, then one of the layer.
    pub channel_statistics: Arc<[ChannelStatistics]>,
}

/// What another network makes of the same frame.
#[derive(Clone, Debug, Default)]
pub struct ComparedTaps {
    /// False where it lacks a tapped layer, or has it in another shape: then there is nothing else here.
    pub is_there: bool,
    /// Its own outputs.
    pub taps: Vec<Tap>,
    /// The main network's outputs minus these.
    pub differences: Vec<Tap>,
}

/// How long the stages of one frame took, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct StageTimes {
    /// Upload of the raw frame; 0 where it was there already.
    pub upload_ms: f32,
    /// From the raw frame to the network's input.
    pub preprocess_ms: f32,
    /// The network, until its results are there.
    pub network_ms: f32,
    /// Taps, statistics and the way back of the numbers.
    pub statistics_ms: f32,
    /// Of that: until the taps are where they are drawn from. On a GPU they are there already.
    pub handover_ms: f32,
}

/// What became of one frame.
#[derive(Clone, Debug)]
pub struct Activations {
    /// Counts results from 0.
    pub sequence: u64,
    /// The frame, on the drawing device.
    pub frame: FrameBuffer,
    /// The network that it went through.
    pub model: Model,
    /// What was asked for.
    pub request: Request,
    /// One for each tap of the request, in its order.
    pub taps: Vec<Tap>,
    /// Values of the layers that were asked for without statistics, in that order.
    pub maps: Vec<(LayerIndex, FeatureMapBuffer)>,
    /// The same taps by the networks that are compared, each in the order of the taps.
    pub compared: Vec<ComparedTaps>,
    /// Class probabilities, where they were asked for.
    pub probabilities: Option<Arc<[f32]>>,
    /// How long it took.
    pub times: StageTimes,
    /// When it was done.
    pub finished: Instant,
}

impl Activations {
    /// A layer as the columns of a comparison have it: by the main network, by each of the others, and then the
    /// differences. True beside it where it is a difference.
    pub fn versions(&self, layer: LayerIndex) -> impl Iterator<Item = (&Tap, bool)> {
        let others = self.compared.iter().flat_map(|other| &other.taps);
        let differences = self.compared.iter().flat_map(|other| &other.differences);
        let values = self.taps.iter().chain(others).map(|tap| (tap, false));
        values.chain(differences.map(|tap| (tap, true))).filter(move |(tap, _)| tap.layer == layer)
    }

    /// The values of a layer, if it was asked for.
    pub fn map(&self, layer: LayerIndex) -> Option<&FeatureMapBuffer> {
        let alone = self.maps.iter().find(|(known, _)| *known == layer).map(|(_, map)| map);
        alone.or_else(|| self.tap(layer).map(|tap| &tap.map))
    }

    /// The tap of a layer.
    pub fn tap(&self, layer: LayerIndex) -> Option<&Tap> {
        self.taps.iter().find(|tap| tap.layer == layer)
    }
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
    /// What the source really delivers; empty before it is open.
    pub source: Arc<str>,
    /// What is wrong with the source at the moment (the session goes on trying).
    pub trouble: Option<String>,
    /// Fallbacks that were taken, each with how to get the real thing.
    pub notices: Vec<String>,
    /// The network, once it is loaded.
    pub model: Option<Model>,
    /// When the source was opened.
    pub opened: Option<Instant>,
    /// When the last frame arrived.
    pub last_frame: Option<Instant>,
    /// True where frames ought to keep coming.
    pub live: bool,
}

type Opener = Box<dyn FnOnce() -> Result<Opened, SourceError> + Send>;

struct Shared {
    gpu: GpuContext,
    config: SessionConfig,
    request: Mutex<Request>,
    history: Mutex<History>,
    /// A network that takes the place of the one that runs.
    replacement: Mutex<Option<Model>>,
    status: Mutex<Status>,
    frames: LatestSlot<crate::frame::Frame>,
    results: LatestSlot<Activations>,
    /// Taken by the capture thread, which opens the source itself.
    open: Mutex<Option<Opener>>,
    steps: Mutex<Option<StepHandle>>,
    /// Each stage is waited for before the next begins.
    apart: AtomicBool,
    stopping: AtomicBool,
    /// Tells the looker that there is something new.
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Shared {
    fn status(&self) -> MutexGuard<'_, Status> {
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.status());
        (self.wake)();
    }

    /// Moves to another stage; from a failure there is no way back.
    fn enter(&self, stage: Stage) {
        self.update(|status| {
            if !matches!(status.stage, Stage::Failed(_)) {
                status.stage = stage;
            }
        });
    }

    fn request(&self) -> Request {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keeps_stages_apart(&self) -> bool {
        self.apart.load(Ordering::Relaxed)
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

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
            trouble: None,
            notices: vec![],
            model: None,
            opened: None,
            last_frame: None,
            live: false,
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
            open: Mutex::new(Some(Box::new(open))),
            steps: Mutex::new(None),
            apart: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            wake: Box::new(wake),
        });
        // Never joined: a camera that has stalled blocks its thread for ever.
        spawn("capture", &shared, capture::run);
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
        *self.shared.replacement.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
        self.shared.frames.nudge();
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
    body: fn(&Shared) -> Result<(), String>,
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
