//! The thread that follows.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use super::examiner::{Checkpoint, Examiner};
use super::watch::Watch;

/// How often is looked for new files.
pub const LOOK: Duration = Duration::from_millis(500);

/// Looks for checkpoints until it is dropped. Of several that have come, the view wants the newest.
#[derive(Debug)]
pub struct Follower {
    news: Receiver<Result<Checkpoint, String>>,
    stopping: Arc<AtomicBool>,
}

impl Follower {
    /// Starts it; what `watch` knows already is not told again. `wake` is called whenever there is news.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        mut watch: Watch,
        mut examiner: Examiner,
        first: PathBuf,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (sender, news) = channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let stops = stopping.clone();
        let run = move || {
            let mut found = vec![first];
            while !stops.load(Ordering::Relaxed) {
                // Those in between are gone by already.
                if let Some(path) = found.pop() {
                    let told = examiner.examine(&path);
                    if sender.send(told).is_err() {
                        return;
                    }
                    wake();
                }
                thread::sleep(LOOK);
                found = watch.look();
            }
        };
        thread::Builder::new().name("follow".into()).spawn(run)?;
        Ok(Self { news, stopping })
    }

    /// A checkpoint, or what is wrong with one, that was not told yet.
    pub fn poll(&self) -> Option<Result<Checkpoint, String>> {
        self.news.try_recv().ok()
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}
