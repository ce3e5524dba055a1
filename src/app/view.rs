//! The view, wherever it is drawn to: what was chosen, what is shown, and the scene. The window, the run off screen and
//! measurements each own one. Main thread.

use std::sync::Arc;

use super::geometry::scale_of;
use super::keys::{Action, Key};
use super::palette;
use super::panels;
use super::player::Player;
use super::scene::Scene;
use super::setup::Setup;
use super::shown::Shown;
use super::state::{AppState, Effect};
use super::view_model::ViewModel;
use super::{lens, means, snapshot};
use crate::engine::Placement;
use crate::gpu::outlet::Outlet;
use crate::gpu::{GpuContext, PooledTarget};
use crate::journal::{Done, JournalWriter};
use crate::latest::Taken;
use crate::model::LayerIndex;
use crate::record::SnapshotJob;
use crate::session::{Activations, HeldFrame, Session};

pub use super::outcome::{LaidOut, Outcome};
pub use super::view_model::Around;

/// Laid out again at most so often, where the tiles' grid has changed by what was laid out.
const MOST_LAYOUTS: usize = 2;

/// Numbers come back, sections of the left panel take them in and find their places: after so many layouts at most that has
/// settled.
const MOST_SETTLING: usize = 8;

/// The view.
pub struct View {
    /// What the user has chosen.
    pub state: AppState,
    /// What is drawn.
    pub scene: Scene,
    /// Where what is presented can be taken.
    pub outlet: Outlet,
    gpu: GpuContext,
    placement: Placement,
    shown: Shown,
    /// The cell of the enlarged map under the cursor.
    cell: Option<[usize; 2]>,
    /// The pixel of the network's input under the cursor.
    pixel: Option<[u32; 2]>,
    /// Layouts one after the other in which something had no place yet.
    unsettled: usize,
    /// Pixels of a point, when it was laid out last.
    scale: f32,
    /// Where what the user does is kept.
    journal: Option<JournalWriter>,
    /// What was done in a recorded session, and with what choices it began.
    played: Option<(Player, Box<AppState>)>,
}

impl View {
    /// Nothing is shown yet. `format`: of the targets; `ctx`: of the panels; `versions`: what the columns of a comparison
    /// are called.
    pub fn new(
        gpu: &GpuContext,
        placement: Placement,
        state: AppState,
        versions: Arc<[String]>,
        format: wgpu::TextureFormat,
        ctx: egui::Context,
    ) -> Self {
        Self {
            state,
            scene: Scene::new(gpu, format, ctx),
            outlet: Outlet::new(gpu),
            gpu: gpu.clone(),
            placement,
            shown: Shown::new(gpu, placement, versions),
            cell: None,
            pixel: None,
            unsettled: 0,
            scale: 1.0,
            journal: None,
            played: None,
        }
    }

    /// The same as a setup wants it: what the user does is kept, or what was done in a recorded session is done again.
    pub fn of(
        setup: &Setup,
        gpu: &GpuContext,
        state: AppState,
        format: wgpu::TextureFormat,
        ctx: egui::Context,
    ) -> Self {
        let played = setup.player.clone().map(|player| (player, Box::new(state.clone())));
        let view = Self::new(gpu, setup.place(gpu), state, setup.versions(), format, ctx);
        Self { journal: setup.journal.clone(), played, ..view }
    }

    /// What is shown.
    pub fn activations(&self) -> Option<&Arc<Activations>> {
        self.shown.activations.as_ref()
    }

    /// Takes what a session made of a frame, to be drawn next. Where another network made it, that one is looked at from
    /// now on. True where what was done in a recorded session asks for something else of this very frame, which comes next.
    pub fn take(&mut self, activations: Activations, session: &Session) -> bool {
        if !Arc::ptr_eq(&activations.model.graph, self.state.graph()) {
            let model = &activations.model;
            self.state.adopt(model.graph.clone(), model.labels.clone());
            self.state.panels.predictions |= activations.model.weights.origin.is_trained();
            session.request(self.state.request());
        }
        let frame = activations.frame.frame.id;
        self.shown.take(&self.state, activations);
        self.play(frame, session)
    }

    /// Does what was done in the recorded session by the time this frame was shown.
    fn play(&mut self, frame: u64, session: &Session) -> bool {
        let Some((player, start)) = &mut self.played else { return false };
        let mut acts = false;
        if player.goes_back(frame) {
            self.state = (**start).clone();
        }
        while let Some(action) = self.played.as_mut().and_then(|(player, _)| player.due(frame)) {
            self.act(action, self.scale, session);
            acts = true;
        }
        acts && self.activations().is_some_and(|shown| shown.request != self.state.request())
    }

    /// The columns of a comparison are called so from now on.
    pub fn name_versions(&mut self, versions: Arc<[String]>) {
        self.shown.name_versions(versions);
    }

    /// Takes everything that a session has ready.
    pub fn take_all(&mut self, session: &Session) {
        while let Taken::Value(activations) = session.take(std::time::Duration::ZERO) {
            self.take(activations, session);
        }
    }

    /// Does what a key, a click or the palette asks for. `scale`: pixels of a point.
    pub fn act(&mut self, action: Action, scale: f32, session: &Session) -> Outcome {
        if let (Some(journal), Some(action)) = (&self.journal, action.spelled()) {
            let shown = self.shown.activations.as_ref().map(|shown| shown.frame.frame.id);
            journal.done(Done { shown, action });
        }
        let effect = self.state.apply(action, scale);
        let outcome = match effect {
            None => Outcome::Done,
            Some(Effect::Quit) => Outcome::Quit,
            Some(Effect::Snapshot) => Outcome::Snapshot,
            Some(Effect::Record) => Outcome::Record,
            Some(Effect::Source(choice)) => Outcome::Source(choice),
            Some(Effect::Missing(channel)) => Outcome::Told(self.missing(channel)),
            Some(Effect::Step(by)) => {
                self.step(by, session);
                Outcome::Done
            }
            Some(Effect::Seek(seconds)) => {
                session.step(seconds);
                Outcome::Done
            }
            Some(Effect::Hold) => {
                self.hold();
                Outcome::Done
            }
            Some(Effect::LockRanges) => {
                self.lock_ranges();
                Outcome::Done
            }
            Some(Effect::SetToMean(layer, channel)) => match self.shown.mean(layer, channel) {
                Some((mean, frames)) => {
                    self.state.experiment.set(layer, channel, mean);
                    Outcome::Told(means::in_words(channel, mean, frames))
                }
                None => Outcome::Told("No frame of this layer was seen as usual yet.".into()),
            },
            Some(Effect::RestartHealth) => {
                self.shown.restart();
                Outcome::Done
            }
        };
        session.request(self.state.request());
        outcome
    }

    /// What a key asks for: while the palette is open, keys are its own. `typed`: the text that the key types.
    pub fn action_of(&mut self, key: Key, typed: Option<&str>, session: &Session) -> Option<Action> {
        if self.state.panels.palette.is_none() {
            return self.state.keys.action_of(key);
        }
        let model = self.shown.model(&self.state, session);
        palette::press(key, typed, &mut self.state, &model)
    }

    /// Goes to another picture of a folder; of a source whose frames keep coming, to another of the last ones.
    fn step(&mut self, by: i64, session: &Session) {
        match &self.shown.activations {
            Some(shown) if session.status().live => {
                self.state.time.rewind(by, shown.frame.frame.id, &session.history());
            }
            _ => session.step(by),
        }
    }

    /// The frame stays until someone goes on.
    fn is_still(&self, session: &Session) -> bool {
        self.state.time.frozen || !session.status().live
    }

    /// Compares with the frame that is shown from now on.
    fn hold(&mut self) {
        let frame = self.shown.activations.as_ref().map(|shown| shown.frame.frame.clone());
        self.state.time.held = frame.map(HeldFrame);
    }

    /// The square that covers the picture follows what is pointed at.
    fn point_cover(&mut self, session: &Session) {
        if self.state.experiment.chosen.cover.is_none() {
            return;
        }
        let input = self.state.graph().input_shape();
        let part = |pixel: u32, side: usize| (pixel as f32 + 0.5) / side as f32;
        let at = self.pixel.map(|[x, y]| [part(x, input.width), part(y, input.height)]);
        self.state.experiment.follow(at);
        session.request(self.state.request());
    }

    /// Says why a channel cannot be gone to.
    fn missing(&self, channel: u32) -> String {
        let node = &self.state.graph().nodes[self.state.place.layer];
        match (channel as usize) < node.shape.channels {
            true => format!("Channel {channel} of {} is not among those that are shown.", node.name),
            false => format!("{} has channels 0 to {}.", node.name, node.shape.channels - 1),
        }
    }

    /// From here on the ranges of the maps that are shown stay.
    fn lock_ranges(&mut self) {
        let layer = self.state.place.layer;
        let Some(shown) = self.shown.activations.as_ref().filter(|shown| shown.tap(layer).is_some()) else {
            return;
        };
        let ranges = shown.versions(layer).map(|(tap, _)| lens::ranges_of(tap)).collect();
        self.state.colors.locks.insert(layer, ranges);
    }

    /// Puts channels of a layer in order, so that orders are kept still over frames that are not drawn.
    pub fn arrange(&mut self, layer: LayerIndex, session: &Session) {
        self.shown.arrange(&mut self.state, layer, session.status().live);
    }

    fn model(&mut self, session: &Session, around: Around) -> ViewModel {
        ViewModel {
            moments: if self.state.time.frozen { session.history().into() } else { Arc::new([]) },
            cell: self.cell,
            pixel: self.pixel,
            download: around.download,
            toast: around.toast,
            recording: around.recording,
            followed: around.followed,
            ..self.shown.model(&self.state, session)
        }
    }

    /// Lays out what is there now, for a window: nothing is waited for. Returns what was laid out, what was asked for, and
    /// egui's wishes; true where it should be laid out again at once.
    pub fn lay_out(
        &mut self,
        session: &Session,
        around: Around,
        input: egui::RawInput,
        size: [u32; 2],
        scale: f32,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> LaidOut {
        self.scale = scale;
        let wake = Arc::new(wake);
        let (other, third) = (wake.clone(), wake.clone());
        self.shown.relate(&self.gpu, &self.state, move || other());
        self.shown.take_apart(&self.gpu, &self.state, move || wake());
        self.shown.seek(&self.gpu, &self.state, self.is_still(session), move || third());
        let layer = self.shown.layer(&self.state);
        self.arrange(layer, session);
        // Another channel may be the selected one now.
        let request = self.state.request();
        if !request.traces.is_empty() || self.state.explains_cell() {
            session.request(request);
        }
        let mut model = self.model(session, around);
        self.scene.complete(&self.state, &mut model, false);
        let grid = self.state.place.grid;
        let (arrangement, output) = self.scene.lay_out(input, size, scale, &mut self.state, &model);
        // The cursor was found while this was laid out: what belongs to it is drawn next.
        let moved = (self.pixel, self.cell) != (arrangement.pixel, arrangement.cell);
        (self.pixel, self.cell) = (arrangement.pixel, arrangement.cell);
        self.point_cover(session);
        let explains_pixels = self.state.overlay_lens().is_some_and(|lens| lens.explains_pixels());
        self.unsettled = if arrangement.is_unsettled { self.unsettled + 1 } else { 0 };
        let is_settling = (1..MOST_SETTLING).contains(&self.unsettled);
        // What was laid out before the tiles counts them by the grid before.
        let again = is_settling
            || grid != self.state.place.grid
            || (moved && (explains_pixels || self.state.place.enlarged));
        LaidOut { next_look: panels::next_look(&model), now: model.now, arrangement, output, again, model }
    }

    /// The same without a window and a cursor, as often as the grid of tiles wants.
    pub fn lay_out_off_screen(&mut self, session: &Session, size: [u32; 2]) -> LaidOut {
        let scale = scale_of(size, 1.0);
        let mut layouts = 0;
        loop {
            let input = Scene::raw_input(size, scale);
            let laid_out = self.lay_out(session, Around::default(), input, size, scale, || {});
            layouts += 1;
            if !laid_out.again || layouts == MOST_LAYOUTS {
                return laid_out;
            }
        }
    }

    /// Lays out one layer of a frame with everything that is to be known of it, however long that takes.
    pub fn lay_out_completely(&mut self, session: &Session, layer: LayerIndex, size: [u32; 2]) -> ViewModel {
        let scale = scale_of(size, 1.0);
        let graph = self.state.graph().clone();
        self.state.place.go_to_layer(&graph, layer);
        self.shown.relate_now(&self.gpu, &self.state);
        self.shown.take_apart_now(&self.gpu, &self.state);
        self.shown.seek_now(&self.gpu, &self.state, self.is_still(session));
        self.arrange(layer, session);
        let mut model = self.model(session, Around::default());
        // They are told on standard error, and would cover tiles.
        model.status.notices.clear();
        for layouts in 1.. {
            let input = Scene::raw_input(size, scale);
            let (arrangement, _) = self.scene.lay_out(input, size, scale, &mut self.state, &model);
            // What is drawn first is measured, and then said.
            let is_said = layouts > MOST_LAYOUTS;
            if (is_said && !arrangement.is_unsettled) || layouts == MOST_SETTLING {
                break;
            }
            (model.cell, model.pixel) = (arrangement.cell, arrangement.pixel);
            self.scene.complete(&self.state, &mut model, true);
        }
        model
    }

    /// Draws what was laid out last onto a window's texture of its size.
    pub fn present_onto(&mut self, texture: &wgpu::Texture) {
        let drawn = self.scene.renderer.draw_onto(texture, self.outlet.is_open());
        if let Some(drawn) = drawn {
            self.outlet.offer(&drawn.texture);
        }
    }

    /// Draws it into a picture of its own, which is drawn to again the next time; beside it the submission.
    pub fn present(&mut self) -> (PooledTarget, wgpu::SubmissionIndex) {
        let (drawn, submission) = self.scene.renderer.draw_changes(None);
        self.outlet.offer(&drawn.texture);
        (drawn, submission)
    }

    /// A snapshot of what was laid out last; `None` before the first frame.
    pub fn snapshot(&mut self, model: &ViewModel, setup: &Setup) -> Option<Box<SnapshotJob>> {
        snapshot::take(&self.gpu, &mut self.scene, &self.state, model, setup, self.placement)
    }
}
