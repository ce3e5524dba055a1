//! The writer thread: waits for the GPU, encodes and writes, so that the view never does.

use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::thread::JoinHandle;

use super::{EventWriter, SnapshotJob};
use crate::gpu::GpuContext;

/// Snapshots that may wait; each holds its pictures and values.
const QUEUE: usize = 2;

/// What became of a snapshot: its folder, or one sentence.
pub type Written = Result<PathBuf, String>;

/// The writer still has its hands full.
#[derive(Debug)]
pub struct Busy;

/// A thread that writes snapshots. Dropping it finishes what is waiting.
pub struct Writer {
    jobs: Option<SyncSender<Box<SnapshotJob>>>,
    results: Receiver<Written>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread. Snapshots also go to `events`, their number as the step. `wake` is called from the thread
    /// after each.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        gpu: GpuContext,
        mut events: Option<EventWriter>,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::sync_channel::<Box<SnapshotJob>>(QUEUE);
        let (outbox, results) = mpsc::channel();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || {
            for (number, job) in inbox.into_iter().enumerate() {
                let events = events.as_mut().map(|events| (events, number as i64));
                let written = job.write(&gpu, events).map_err(|error| error.to_string());
                if outbox.send(written).is_err() {
                    break;
                }
                wake();
            }
        })?;
        Ok(Self { jobs: Some(jobs), results, thread: Some(thread) })
    }

    /// Hands a snapshot over, unless too many are waiting.
    ///
    /// # Errors
    /// [`Busy`]; the snapshot is lost.
    pub fn offer(&self, job: Box<SnapshotJob>) -> Result<(), Busy> {
        match self.jobs.as_ref().map(|jobs| jobs.try_send(job)) {
            Some(Ok(())) => Ok(()),
            Some(Err(TrySendError::Full(_) | TrySendError::Disconnected(_))) | None => Err(Busy),
        }
    }

    /// Hands a snapshot over, waiting for its turn.
    ///
    /// # Errors
    /// [`Busy`] where the thread is gone.
    pub fn hand_over(&self, job: Box<SnapshotJob>) -> Result<(), Busy> {
        self.jobs.as_ref().ok_or(Busy)?.send(job).map_err(|_| Busy)
    }

    /// The outcome of a snapshot that was finished since the last call.
    pub fn poll(&self) -> Option<Written> {
        self.results.try_recv().ok()
    }

    /// Finishes what is waiting and returns the outcomes that were not polled yet.
    pub fn finish(mut self) -> Vec<Written> {
        self.join();
        self.results.try_iter().collect()
    }

    fn join(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic in the thread has been printed; there is nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.join();
    }
}
