//! Fetches ImageNet weights while another network already runs, on a thread of its own; the window takes the network
//! over when it is there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::{Model, ModelOptions, WeightsSpec, load};
use crate::gpu::Resize;
use crate::weights::fetch::{FetchOptions, Progress, Rate, Step, fetch};
use crate::weights::manifest::Entry;

/// Progress is told to the window this often.
const TELL: Duration = Duration::from_millis(200);

/// What is to be fetched, and how.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The file.
    pub entry: Entry,
    /// Where from and where to.
    pub fetch: FetchOptions,
    /// What the user says of the network besides.
    pub model: ModelOptions,
}

/// A download that runs. Dropping it calls it off; what has come is gone on from the next time.
#[derive(Debug)]
pub struct Download {
    name: String,
    line: Arc<Mutex<String>>,
    finished: Receiver<Result<Model, String>>,
    cancel: Arc<AtomicBool>,
    running: bool,
}

impl Download {
    /// Starts it. `wake` is called whenever there is something new to show.
    pub fn start(wanted: Wanted, resize: Resize, wake: impl Fn() + Send + 'static) -> Self {
        let cancel = Arc::new(AtomicBool::new(false));
        let line = Arc::new(Mutex::new(String::new()));
        let (done, finished) = channel();
        let name = wanted.entry.name.clone();
        let mut download = Self { name, line: line.clone(), finished, cancel: cancel.clone(), running: true };
        let work = move || {
            let outcome = obtain(wanted, resize, cancel, &line, &wake);
            // A window that has gone needs no network.
            let _ = done.send(outcome);
            wake();
        };
        // Without a thread there is no download; the program runs with what it has.
        download.running = thread::Builder::new().name("download".into()).spawn(work).is_ok();
        download
    }

    /// The network, or why there is none: once, when it has ended.
    pub fn poll(&mut self) -> Option<Result<Model, String>> {
        let outcome = self.finished.try_recv().ok()?;
        self.running = false;
        Some(outcome)
    }

    /// How far it is; nothing once it has ended.
    pub fn in_words(&self) -> Option<String> {
        let line = self.line.lock().unwrap_or_else(PoisonError::into_inner);
        self.running.then(|| format!("fetching ImageNet weights ({}): {line}", self.name))
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.cancel.store(true, Ordering::Relaxed);
    }
}

fn obtain(
    wanted: Wanted,
    resize: Resize,
    cancel: Arc<AtomicBool>,
    line: &Mutex<String>,
    wake: &impl Fn(),
) -> Result<Model, String> {
    let tell = |text: String| {
        *line.lock().unwrap_or_else(PoisonError::into_inner) = text;
        wake();
    };
    let mut rate = Rate::default();
    let mut told: Option<(Step, Instant)> = None;
    let mut progress = |progress: Progress| {
        let now = Instant::now();
        rate.observe(progress.bytes, now);
        let is_due = told.is_none_or(|(step, at)| step != progress.step || now.duration_since(at) >= TELL);
        if is_due {
            told = Some((progress.step, now));
            tell(progress.in_words(&rate));
        }
    };
    let options = FetchOptions { cancel: Some(cancel), ..wanted.fetch };
    let path = fetch(&wanted.entry, &options, &mut progress).map_err(|error| error.to_string())?;
    tell("reading them".into());
    load(WeightsSpec::File(path), &wanted.model, resize)
}
