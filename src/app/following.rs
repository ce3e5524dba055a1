//! The view of a training: takes each new checkpoint over between two frames, and keeps what was seen of those before. Main thread.

use std::sync::Arc;

use super::followed::{Beside, Followed};
use super::view::View;
use crate::engine::{Model, difference_name};
use crate::follow::{Checkpoint, Examiner, Follower};
use crate::inspect::checkpoint::CheckpointSummary;
use crate::session::Session;

/// Checkpoints that are remembered, beside the first.
const MOST: usize = 63;

/// A training that is followed.
pub struct Following {
    follower: Follower,
    beside: Beside,
    /// The network that runs.
    running: Option<(String, Model)>,
    history: Arc<[Arc<CheckpointSummary>]>,
}

impl Following {
    /// Starts to follow. `wake` is called whenever there is news.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(followed: Followed, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let Followed { path, first, watch, references, beside, options } = followed;
        let examiner = Examiner::new(&path, options, references);
        let follower = Follower::start(watch, examiner, first, wake)?;
        Ok(Self { follower, beside, running: None, history: Arc::new([]) })
    }

    /// What was seen of the checkpoints, the oldest first.
    pub fn history(&self) -> Arc<[Arc<CheckpointSummary>]> {
        self.history.clone()
    }

    /// Takes news; what is to be told of it.
    pub fn poll(&mut self, session: &Session, view: &mut View) -> Option<String> {
        match self.follower.poll()? {
            Ok(checkpoint) => Some(self.take(checkpoint, session, view)),
            Err(reason) => {
                eprintln!("note: {reason}");
                Some(format!("{reason} What ran before goes on."))
            }
        }
    }

    fn take(&mut self, checkpoint: Checkpoint, session: &Session, view: &mut View) -> String {
        let Checkpoint { model, summary, .. } = checkpoint;
        let name = summary.name.clone();
        let told = format!("{name}: {}", summary.in_words());
        let keeps = if self.history.len() > MOST { 1..self.history.len() } else { 0..self.history.len() };
        let first = self.history.first().filter(|_| keeps.start > 0).cloned();
        let later = self.history[keeps].iter().skip(usize::from(first.is_some())).cloned();
        self.history = first.into_iter().chain(later).chain([summary]).collect();
        // The first runs already.
        if let Some((before, previous)) = self.running.take() {
            let compared = (self.beside == Beside::Previous).then_some(previous);
            session.replace_both(model.clone(), compared);
            let beside = match &self.beside {
                Beside::Nothing => None,
                Beside::Previous => Some(before),
                Beside::Same(other) => Some(other.clone()),
            };
            if let Some(other) = beside {
                let difference = difference_name(&other);
                view.name_versions([name.clone(), other, difference].into());
            }
        }
        self.running = Some((name, model));
        told
    }
}
