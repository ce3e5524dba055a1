//! What is shown, and what was learned of it from all frames until then: for the window, the view off screen and the
//! presenter alike. Main thread.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::arrange::{Arranger, Known};
use super::bases::Bases;
use super::best::BestSoFar;
use super::channel::ChannelHistory;
use super::health::SessionHealth;
use super::lens::{best, pca, preferred};
use super::means::SessionMeans;
use super::relations::Relations;
use super::setup::device_in_words;
use super::state::AppState;
use super::view_model::{Pace, ViewModel, shown_layer};
use crate::engine::Placement;
use crate::gpu::GpuContext;
use crate::model::LayerIndex;
use crate::session::{Activations, Session};

/// Over how long the rate of results is measured.
const RATE_WINDOW: Duration = Duration::from_secs(3);

/// Rates and times are told anew at most this often: faster nobody can read them.
const TELL: Duration = Duration::from_millis(500);

/// The newest results, and what is remembered of those before.
pub struct Shown {
    /// The newest results.
    pub activations: Option<Arc<Activations>>,
    health: SessionHealth,
    relations: Relations,
    bases: Bases,
    best: BestSoFar,
    arranger: Arranger,
    history: ChannelHistory,
    means: SessionMeans,
    /// When the last results came, for the rate.
    arrivals: VecDeque<Instant>,
    /// What is told of rates and times, and since when.
    pace: Option<(Instant, Pace)>,
    device: Arc<str>,
    /// What the columns of a comparison show.
    versions: Arc<[String]>,
}

impl Shown {
    /// The columns of a comparison are called so from now on.
    pub fn name_versions(&mut self, versions: Arc<[String]>) {
        self.versions = versions;
    }

    /// Nothing yet. `versions`: see [`ViewModel::versions`].
    pub fn new(gpu: &GpuContext, placement: Placement, versions: Arc<[String]>) -> Self {
        Self {
            activations: None,
            health: SessionHealth::default(),
            relations: Relations::default(),
            bases: Bases::default(),
            best: BestSoFar::default(),
            arranger: Arranger::default(),
            history: ChannelHistory::default(),
            means: SessionMeans::default(),
            arrivals: VecDeque::new(),
            pace: None,
            device: device_in_words(gpu, placement).into(),
            versions,
        }
    }

    /// Takes new results. Where another network made them, what was learned of the one before is forgotten.
    pub fn take(&mut self, state: &AppState, activations: Activations) {
        let now = Instant::now();
        self.arrivals.push_back(now);
        while self.arrivals.front().is_some_and(|first| now.duration_since(*first) > RATE_WINDOW) {
            self.arrivals.pop_front();
        }
        let graph = &activations.model.graph;
        if self.activations.as_ref().is_some_and(|before| !Arc::ptr_eq(&before.model.graph, graph)) {
            self.restart();
            self.bases.restart();
            self.best.restart();
            (self.history, self.means) = (ChannelHistory::default(), SessionMeans::default());
        }
        // What is muted is neither dead nor the channel's mean.
        if activations.request.experiment.is_empty() {
            self.health.observe(graph, &activations);
            self.means.observe(&activations);
        }
        self.history.observe(state.place.layer, &activations);
        self.activations = Some(Arc::new(activations));
    }

    /// A channel's mean over all frames that were seen as usual, and how many these are.
    pub fn mean(&self, layer: LayerIndex, channel: usize) -> Option<(f32, usize)> {
        self.means.of(layer, channel)
    }

    /// Forgets how healthy and how alike channels were, and where they stood.
    pub fn restart(&mut self) {
        self.health.restart();
        self.relations.restart();
        self.arranger.restart();
    }

    /// The layer whose tiles are shown.
    pub fn layer(&self, state: &AppState) -> LayerIndex {
        shown_layer(self.activations.as_deref(), state.place.layer)
    }

    /// Has channels of the chosen layer compared with each other where that is asked for, and takes what is known;
    /// `wake` is called from another thread when there is more.
    pub fn relate(&mut self, gpu: &GpuContext, state: &AppState, wake: impl FnOnce() + Send + 'static) {
        if let Some(activations) = self.activations.as_ref().filter(|_| state.wants_relations()) {
            self.relations.update(gpu, activations, state.place.layer, state.panels.health, wake);
        }
    }

    /// The same, and waits until it is done.
    pub fn relate_now(&mut self, gpu: &GpuContext, state: &AppState) {
        let Some(activations) = self.activations.as_ref().filter(|_| state.wants_relations()) else { return };
        if let Some(tap) = activations.tap(state.place.layer) {
            self.relations.add(gpu, tap, activations.frame.frame.id);
        }
    }

    /// Has the shown layer's cells taken apart where that is asked for; `wake` is called from another thread when that is done.
    pub fn take_apart(&mut self, gpu: &GpuContext, state: &AppState, wake: impl FnOnce() + Send + 'static) {
        let layer = self.layer(state);
        if let Some(shown) = self.activations.as_ref().filter(|_| wants_basis(state, layer)) {
            self.bases.update(gpu, shown, layer, state.lenses.since, wake);
        }
    }

    /// The same, and waits until it is done.
    pub fn take_apart_now(&mut self, gpu: &GpuContext, state: &AppState) {
        let layer = self.layer(state);
        if let Some(shown) = self.activations.as_ref().filter(|_| wants_basis(state, layer)) {
            self.bases.add(gpu, shown, layer, state.lenses.since);
        }
    }

    /// Has the best patches of the shown layer looked for, or those of a file cut, where they are shown; `wake` is called from
    /// another thread when there is more.
    pub fn seek(
        &mut self,
        gpu: &GpuContext,
        state: &AppState,
        is_still: bool,
        wake: impl FnOnce() + Send + 'static,
    ) {
        let layer = self.layer(state);
        match (&self.activations, &state.lenses.best) {
            _ if !wants_best(state) => {}
            (_, Some(file)) => self.best.open(file, wake),
            (Some(shown), None) if shown.request.experiment.is_empty() => {
                self.best.update(gpu, shown, layer, is_still, wake)
            }
            (_, None) => {}
        }
    }

    /// The same, and waits until it is done.
    pub fn seek_now(&mut self, gpu: &GpuContext, state: &AppState, is_still: bool) {
        let layer = self.layer(state);
        match (&self.activations, &state.lenses.best) {
            _ if !wants_best(state) => {}
            (_, Some(file)) => self.best.open_now(file),
            (Some(shown), None) if shown.request.experiment.is_empty() => {
                self.best.add(gpu, shown, layer, is_still)
            }
            (_, None) => {}
        }
    }

    /// Has a layer's channels stand as the newest results say; where frames keep coming (`is_moving`), as still as that
    /// allows.
    pub fn arrange(&mut self, state: &mut AppState, layer: LayerIndex, is_moving: bool) {
        let Some(shown) = &self.activations else { return };
        let known = Known { shown, health: &self.health, relations: &self.relations, is_moving };
        if let Some(arranged) = self.arranger.update(state, layer, known) {
            let graph = state.graph().clone();
            state.place.arrange(&graph, arranged);
        }
    }

    /// All that panels show of the results. What belongs to a cursor, a download or a message is empty, and so is what
    /// the scene finds out ([`super::scene::Scene::complete`]).
    pub fn model(&mut self, state: &AppState, session: &Session) -> ViewModel {
        let (now, layer) = (Instant::now(), self.layer(state));
        let curve = state.selected_channel(layer).filter(|_| state.shows_one_map());
        let curve = curve.map(|channel| self.history.of(layer, channel)).unwrap_or_default();
        ViewModel {
            activations: self.activations.clone(),
            status: session.status(),
            device: self.device.clone(),
            pace: self.pace(now, session.dropped()),
            versions: self.versions.clone(),
            health: state.panels.health.then(|| self.health.of(layer, &self.relations)).flatten(),
            basis: self.bases.of(layer).filter(|_| wants_basis(state, layer)),
            best: self.best.of(layer).filter(|_| wants_best(state)),
            moments: Arc::new([]),
            channel: None,
            explained: None,
            curve: curve.into(),
            cell: None,
            pixel: None,
            over: vec![],
            told: None,
            download: None,
            toast: None,
            followed: Arc::new([]),
            recording: None,
            now,
        }
    }

    /// Results a second, over the last seconds.
    fn rate(&self) -> f32 {
        let ends = self.arrivals.front().zip(self.arrivals.back());
        let span = ends.map_or(0.0, |(first, last)| last.duration_since(*first).as_secs_f32());
        if span > 0.0 { (self.arrivals.len() - 1) as f32 / span } else { 0.0 }
    }

    fn pace(&mut self, now: Instant, dropped: u64) -> Pace {
        let Some(shown) = &self.activations else { return Pace::default() };
        let latency = shown.finished.saturating_duration_since(shown.frame.frame.captured);
        let newest =
            Pace { fps: self.rate(), dropped, times: shown.times, latency_ms: latency.as_millis() as u64 };
        let told = self.pace.filter(|(since, _)| now.duration_since(*since) < TELL);
        let (since, pace) = told.unwrap_or((now, newest));
        self.pace = Some((since, pace));
        pace
    }
}

/// True where best patches are shown, or stand beside what a unit prefers.
fn wants_best(state: &AppState) -> bool {
    matches!(state.lenses.tiles, Some(best::NAME | preferred::NAME))
}

/// True where a layer's principal components are to be of a frame.
fn wants_basis(state: &AppState, layer: LayerIndex) -> bool {
    let node = &state.graph().nodes[layer];
    let is_shown = state.lenses.over == Some(pca::NAME) && state.lenses.basis_of(layer).is_none();
    is_shown && pca::not_colored(node).is_none()
}
