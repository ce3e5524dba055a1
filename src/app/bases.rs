//! Principal components of layers, each of the frame that was shown when they were first asked for, and held from then on. The
//! values come back from the drawing device and are taken apart on a thread of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};

use super::state::Basis;
use crate::gpu::{GpuContext, readback};
use crate::inspect::{Components, LayerOutput};
use crate::model::LayerIndex;
use crate::session::Activations;

/// What is held of all layers, and what is being computed.
#[derive(Default)]
pub struct Bases {
    /// Since when, as [`super::state::Lenses::since`] counts.
    since: u64,
    /// `None` where there is no cell to begin with.
    known: BTreeMap<LayerIndex, Option<Arc<Basis>>>,
    running: Option<(LayerIndex, Receiver<Option<Basis>>)>,
}

impl Bases {
    /// What is held of a layer.
    pub fn of(&self, layer: LayerIndex) -> Option<Arc<Basis>> {
        self.known.get(&layer).cloned().flatten()
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    fn follow(&mut self, since: u64) {
        if self.since != since {
            *self = Self { since, ..Self::default() };
        }
    }

    /// Takes what is ready, and starts what is missing; `wake` is called from the thread when it is done.
    pub fn update(
        &mut self,
        gpu: &GpuContext,
        shown: &Activations,
        layer: LayerIndex,
        since: u64,
        wake: impl FnOnce() + Send + 'static,
    ) {
        self.follow(since);
        if let Some((layer, result)) = self.running.take() {
            match result.try_recv() {
                Ok(basis) => drop(self.known.insert(layer, basis.map(Arc::new))),
                Err(TryRecvError::Empty) => self.running = Some((layer, result)),
                Err(TryRecvError::Disconnected) => {}
            }
        }
        if self.running.is_none() && !self.known.contains_key(&layer) {
            self.running = start(gpu, shown, layer, wake).map(|result| (layer, result));
        }
    }

    /// The same, and waits for it (off screen).
    pub fn add(&mut self, gpu: &GpuContext, shown: &Activations, layer: LayerIndex, since: u64) {
        self.follow(since);
        if self.known.contains_key(&layer) {
            return;
        }
        if let Some(Ok(basis)) = start(gpu, shown, layer, || {}).map(|result| result.recv()) {
            self.known.insert(layer, basis.map(Arc::new));
        }
    }
}

/// Starts a thread that takes a layer's cells apart; nothing comes where the device is lost.
fn start(
    gpu: &GpuContext,
    shown: &Activations,
    layer: LayerIndex,
    wake: impl FnOnce() + Send + 'static,
) -> Option<Receiver<Option<Basis>>> {
    let map = shown.map(layer)?;
    let (sender, result) = mpsc::channel();
    let (pending, shape, gpu) = (readback::copy_map(gpu, map), map.shape, gpu.clone());
    let frame = &shown.frame.frame;
    let made_of = format!("{} (frame {})", frame.name, frame.id);
    let spawned = std::thread::Builder::new().name("components".into()).spawn(move || {
        match pending.wait(&gpu) {
            Ok(values) => {
                let components = Components::of(&LayerOutput { layer, shape, values });
                // Nobody listens any more where the view has ended.
                let _ = sender.send(components.map(|components| Basis { components, made_of }));
            }
            Err(error) => tracing::warn!("{error}"),
        }
        wake();
    });
    if let Err(error) = spawned {
        tracing::warn!("no thread could be started: {error}");
    }
    Some(result)
}
