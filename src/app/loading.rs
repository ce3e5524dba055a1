//! Loads another network while one runs, on a thread of its own; the view takes it over when it is there.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::engine::{Model, ModelOptions, WeightsSpec, load};
use crate::gpu::Resize;

/// A network that is being loaded. Dropping it leaves its thread to itself.
#[derive(Debug)]
pub struct Loading {
    name: String,
    finished: Receiver<Result<Model, String>>,
}

impl Loading {
    /// Starts it. `wake` is called when it has ended.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub fn start(
        path: PathBuf,
        options: ModelOptions,
        resize: Resize,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (done, finished) = channel();
        let spec = WeightsSpec::File(path);
        let name = spec.short_name();
        let work = move || {
            // A view that has gone needs no network.
            let _ = done.send(load(spec, &options, resize));
            wake();
        };
        thread::Builder::new().name("loading".into()).spawn(work)?;
        Ok(Self { name, finished })
    }

    /// The network's name and itself, or why there is none: once, when it has ended.
    pub fn poll(&self) -> Option<Result<(String, Model), String>> {
        let ended = self.finished.try_recv().ok()?;
        Some(match ended {
            Ok(model) => Ok((self.name.clone(), model)),
            Err(reason) => Err(reason),
        })
    }
}
