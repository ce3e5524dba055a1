//! How alike a layer's channels are: their order by similarity, and which nearly repeat another. The values come back
//! from the drawing device when they are asked for, and are compared on a thread of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, TryRecvError};
use std::time::{Duration, Instant};

use crate::gpu::{FeatureMapBuffer, GpuContext, readback};
use crate::inspect::{ChannelCorrelation, LayerOutput, Thresholds, similarity_order};
use crate::model::LayerIndex;
use crate::session::{Activations, Tap};

/// While health is marked, the maps of one frame come back at most this often.
const PAUSE: Duration = Duration::from_secs(2);

/// What is known of one layer, over all frames that were compared.
#[derive(Clone, Debug)]
pub struct Relation {
    correlation: ChannelCorrelation,
    /// All channels, similar ones beside each other.
    pub order: Arc<[u32]>,
    /// For each channel, the lowest-numbered one that it nearly repeats.
    pub duplicates: Arc<[Option<usize>]>,
}

/// What is known of all layers, and what is being computed.
#[derive(Default)]
pub struct Relations {
    known: BTreeMap<LayerIndex, (Relation, u64)>,
    running: Option<(LayerIndex, u64, Receiver<Relation>)>,
    last_start: Option<Instant>,
}

impl Relations {
    /// What is known of a layer.
    pub fn of(&self, layer: LayerIndex) -> Option<&Relation> {
        self.known.get(&layer).map(|(relation, _)| relation)
    }

    /// Forgets everything.
    pub fn restart(&mut self) {
        *self = Self::default();
    }

    /// Takes what is ready. Where a layer was never compared, or more frames are to be added (`go_on`) and there is a
    /// new one, starts that; `wake` is called from the thread when it is done.
    pub fn update(
        &mut self,
        gpu: &GpuContext,
        activations: &Activations,
        layer: LayerIndex,
        go_on: bool,
        wake: impl FnOnce() + Send + 'static,
    ) {
        if let Some((layer, frame, result)) = self.running.take() {
            match result.try_recv() {
                Ok(relation) => drop(self.known.insert(layer, (relation, frame))),
                Err(TryRecvError::Empty) => self.running = Some((layer, frame, result)),
                Err(TryRecvError::Disconnected) => {}
            }
        }
        let frame = activations.frame.frame.id;
        let rested = self.last_start.is_none_or(|start| start.elapsed() >= PAUSE);
        let due = self.known.get(&layer).is_none_or(|(_, last)| go_on && *last != frame && rested);
        if let (true, None, Some(tap)) = (due, &self.running, activations.tap(layer)) {
            self.last_start = Some(Instant::now());
            let before = self.of(layer).map(|relation| relation.correlation.clone());
            self.running = Some((layer, frame, start(gpu, tap, before, wake)));
        }
    }

    /// Compares the channels of a tap and waits for that (off screen).
    pub fn add(&mut self, gpu: &GpuContext, tap: &Tap, frame: u64) {
        if self.known.get(&tap.layer).is_some_and(|(_, last)| *last == frame) {
            return;
        }
        let before = self.of(tap.layer).map(|relation| relation.correlation.clone());
        if let Ok(relation) = start(gpu, tap, before, || {}).recv() {
            self.known.insert(tap.layer, (relation, frame));
        }
    }
}

/// Starts a thread that adds a tap to what was known; nothing comes where the device is lost.
fn start(
    gpu: &GpuContext,
    tap: &Tap,
    before: Option<ChannelCorrelation>,
    wake: impl FnOnce() + Send + 'static,
) -> Receiver<Relation> {
    let (sender, result) = mpsc::channel();
    let pending = readback::copy_map(gpu, &tap.map);
    let (gpu, layer, FeatureMapBuffer { shape, .. }) = (gpu.clone(), tap.layer, tap.map.clone());
    let spawned = std::thread::Builder::new().name("relations".into()).spawn(move || {
        match pending.wait(&gpu) {
            Ok(values) => {
                let mut correlation = before.unwrap_or_else(|| ChannelCorrelation::new(shape.channels));
                correlation.observe(&LayerOutput { layer, shape, values });
                let duplicates = correlation.duplicates(Thresholds::default().duplicate);
                let duplicates = duplicates.into_iter().map(|found| found.map(|(of, _)| of)).collect();
                let order = similarity_order(&correlation).into();
                // Nobody listens any more where the view has ended.
                let _ = sender.send(Relation { correlation, order, duplicates });
            }
            Err(error) => tracing::warn!("{error}"),
        }
        wake();
    });
    if let Err(error) = spawned {
        tracing::warn!("no thread could be started: {error}");
    }
    result
}
