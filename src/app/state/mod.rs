//! What the user has chosen, in parts that change together, and how actions change them. Pure: no window, no GPU.

mod best;
mod colors;
mod effect;
mod experiment;
mod lenses;
mod panels;
mod place;
mod time;
mod tracing;

use std::sync::Arc;

use super::keys::{Action, Keymap, keymap};
use super::lens::{self, Look, Needs, OverlayLens, TilesLens};
use crate::gpu::Preprocessing;
use crate::inspect::cell::{Route, route};
use crate::model::labels::Label;
use crate::model::{Graph, LayerIndex};
use crate::session::Request;
use crate::view::{Normalize, Sort};

pub use best::{BestPatch, BestPatches};
pub use colors::{Colors, LayerRanges, LayerStatistics};
pub use effect::{Effect, SourceChoice};
pub use experiment::{ExperimentState, Trial};
pub use lenses::{Basis, LensName, Lenses, MOST_ROWS, Rows};
pub use panels::{Panels, Search, Section};
pub use place::{Arranged, Place};
pub use time::Time;
pub use tracing::{Cells, Tracing};

/// What the user has chosen.
#[derive(Clone, Debug)]
pub struct AppState {
    graph: Arc<Graph>,
    /// Names of the network's classes; empty where they are not known.
    pub labels: Arc<[Label]>,
    /// What [`Action::Reset`] goes back to.
    initial: Option<Box<AppState>>,
    /// Where one looks.
    pub place: Place,
    /// How values become colours.
    pub colors: Colors,
    /// Which frame is looked at.
    pub time: Time,
    /// What the tiles show, and what lies over the picture.
    pub lenses: Lenses,
    /// What is done to the network and its picture.
    pub experiment: ExperimentState,
    /// What stands around the tiles.
    pub panels: Panels,
    /// How a frame becomes the network's input.
    pub how: Preprocessing,
    /// Which keys do what.
    pub keys: Arc<Keymap>,
    /// What the sources are called that can be changed to; nothing where none can.
    pub sources: Arc<[String]>,
}

impl AppState {
    /// A view of one layer with default settings.
    pub fn new(graph: Arc<Graph>, layer: LayerIndex) -> Self {
        Self {
            graph,
            labels: Arc::new([]),
            initial: None,
            place: Place::new(layer),
            colors: Colors::default(),
            time: Time::default(),
            lenses: Lenses::default(),
            experiment: ExperimentState::default(),
            panels: Panels::default(),
            how: Preprocessing::default(),
            keys: keymap(),
            sources: Arc::new([]),
        }
    }

    /// From here on [`Action::Reset`] comes back to this state.
    pub fn started(mut self) -> Self {
        self.initial = None;
        self.initial = Some(Box::new(self.clone()));
        self
    }

    /// Looks at another network from now on.
    pub fn adopt(&mut self, graph: Arc<Graph>, labels: Arc<[Label]>) {
        self.place.adopt(&graph);
        self.lenses.adopt(graph.nodes.len());
        self.experiment.adopt();
        self.colors.locks.clear();
        if let Some(initial) = &mut self.initial {
            initial.adopt(graph.clone(), labels.clone());
        }
        (self.graph, self.labels) = (graph, labels);
    }

    /// The network that is looked at.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// What lenses look at, as far as it was chosen; a [`super::view_model::ViewModel`] adds results.
    pub fn look(&self) -> Look<'_> {
        Look {
            graph: &self.graph,
            layer: self.place.layer,
            place: &self.place,
            colors: &self.colors,
            lenses: &self.lenses,
            keys: &self.keys,
            held: self.time.held.as_ref(),
            basis: None,
            best: None,
            shown: None,
            network: None,
            labels: &self.labels,
            is_still: self.time.frozen,
            versions: &[],
            pixel: None,
        }
    }

    /// What the tiles show.
    pub fn tiles_lens(&self) -> &'static dyn TilesLens {
        lens::tiles(self.lenses.tiles)
    }

    /// What lies over the picture.
    pub fn overlay_lens(&self) -> Option<&'static dyn OverlayLens> {
        self.lenses.over.and_then(lens::overlay)
    }

    /// What the session is to deliver for this state.
    pub fn request(&self) -> Request {
        self.request_of(&[self.place.layer])
    }

    /// The same for several layers, one of which is shown after the other.
    pub fn request_of(&self, layers: &[LayerIndex]) -> Request {
        let mut needs = Needs::default();
        for &layer in layers {
            let mut look = self.look();
            look.layer = layer;
            needs.join(self.tiles_lens().needs(&look));
            needs.join(self.overlay_lens().map(|lens| lens.needs(&look)).unwrap_or_default());
            if self.place.sort == Sort::Class {
                needs.join(lens::first_order_needs(&look));
            }
        }
        for route in layers.iter().filter_map(|&layer| self.explained_route(layer)) {
            needs.join(Needs { maps: self.graph.nodes[route.adds].inputs.clone(), ..Needs::default() });
        }
        if self.shows_input() {
            needs.join(Needs { maps: vec![0], ..Needs::default() });
        }
        Request {
            taps: layers.to_vec(),
            maps: needs.maps,
            predictions: self.panels.predictions || needs.predictions,
            how: self.how,
            experiment: self.experiment.chosen.clone(),
            frozen: self.time.frozen,
            past: self.time.past,
            held: self.time.held.clone().filter(|_| needs.held),
            percentiles: self.colors.scale.normalize == Normalize::Percentile,
            traces: needs.traces,
            averaged: needs.averaged,
            occlusion: needs.occlusion,
        }
    }

    /// The channels of a layer that are shown, in order.
    pub fn shown_channels(&self, layer: LayerIndex) -> Arc<[u32]> {
        self.place.shown_channels(&self.graph, layer)
    }

    /// The selected channel of a layer.
    pub fn selected_channel(&self, layer: LayerIndex) -> Option<u32> {
        self.place.selected_channel(&self.graph, layer)
    }

    /// True where tiles are the channels' maps, which have statistics, health and histograms.
    pub fn shows_maps(&self) -> bool {
        self.tiles_lens().shows_maps()
    }

    /// True where the picture is shown as the network sees it: where it is changed, what lies over it would not fit the other.
    pub fn shows_input(&self) -> bool {
        self.panels.network_input || !self.how.changes.is_empty()
    }

    /// True where one map is shown large, with what is known of it.
    pub fn shows_one_map(&self) -> bool {
        self.place.enlarged && self.shows_maps()
    }

    /// True where it is shown how a cell is computed.
    pub fn explains_cell(&self) -> bool {
        self.panels.cell && self.shows_one_map()
    }

    /// The way to the selected channel of a layer, where a cell of it is explained.
    fn explained_route(&self, layer: LayerIndex) -> Option<Route> {
        let channel = self.selected_channel(layer).filter(|_| self.explains_cell())?;
        route(&self.graph, layer, channel as usize).ok()
    }

    /// How much is shown in the left panel beside what always is.
    pub fn extras(&self) -> usize {
        let has_overlay = self.lenses.over.is_some();
        [self.panels.curve, self.panels.health, has_overlay, self.shows_one_map(), self.time.frozen]
            .into_iter()
            .filter(|shown| *shown)
            .count()
    }

    /// True where the maps of a layer have to be compared with each other.
    pub fn wants_relations(&self) -> bool {
        self.panels.health || matches!(self.place.sort, Sort::Similarity | Sort::Health)
    }

    /// Carries an action out. `pixels_per_point` is the view's scale.
    pub fn apply(&mut self, action: Action, pixels_per_point: f32) -> Option<Effect> {
        self.panels.hint = false;
        // Anything else than a digit ends a number that was begun.
        match action {
            Action::Type(_) | Action::Untype => {}
            Action::ToggleEnlarged if !self.place.typed.is_empty() => {
                return self.place.jump(&self.graph).err().map(Effect::Missing);
            }
            Action::Reset if !self.place.typed.is_empty() => {
                self.place.typed.clear();
                return None;
            }
            _ => self.place.typed.clear(),
        }
        let Self { place, colors, time, lenses, panels, graph, .. } = self;
        match action {
            Action::PreviousLayer => place.go_to_layer(graph, place.layer.saturating_sub(1)),
            Action::NextLayer => place.go_to_layer(graph, place.layer + 1),
            Action::PreviousStage => place.change_stage(graph, -1),
            Action::NextStage => place.change_stage(graph, 1),
            Action::Layer(layer) => self.go_to(layer),
            Action::Stage(stage) => place.go_to_layer(graph, graph.stage_end(stage)),
            Action::ChannelLeft => self.move_selection([-1, 0]),
            Action::ChannelRight => self.move_selection([1, 0]),
            Action::ChannelUp => self.move_selection([0, -1]),
            Action::ChannelDown => self.move_selection([0, 1]),
            Action::Select(position) => place.select(graph, position),
            Action::ToggleEnlarged => place.enlarged = !place.enlarged,
            Action::Enlarge(position) => {
                place.select(graph, position);
                place.enlarged = !place.enlarged;
            }
            Action::PreviousPage => self.turn_page(-1),
            Action::NextPage => self.turn_page(1),
            Action::LargerTiles => place.change_tile_size(true, pixels_per_point),
            Action::SmallerTiles => place.change_tile_size(false, pixels_per_point),
            Action::AutomaticTiles => place.tile_size = crate::view::TileSize::Auto,
            Action::NextColormap => colors.next_colormap(),
            Action::NextNormalize => colors.next_normalize(),
            Action::Normalize(normalize) => colors.scale.normalize = normalize,
            Action::ToggleLock if colors.locks.remove(&place.layer).is_none() => {
                return Some(Effect::LockRanges);
            }
            Action::ToggleLock => {}
            Action::NextGamma => colors.scale.gamma = colors.scale.next_gamma(),
            Action::NextBoost => colors.scale.boost = colors.scale.next_boost(),
            Action::ToggleSmooth => colors.smooth = !colors.smooth,
            Action::Tiles(lens) => return self.toggle_tiles(lens),
            Action::Over(lens) => lenses.toggle_over(lens),
            Action::OfLens(lens, command) => match lens::overlay(lens) {
                Some(lens) => lens.act(command, lenses, place.layer),
                None => lens::tiles(Some(lens)).act(command, lenses, place.layer),
            },
            Action::HoldOrigin => {
                let channel = lens::selected_channel(&self.look());
                self.lenses.tracing.toggle_held(channel);
            }
            Action::ToggleClass => lenses.tracing.toggle_class(),
            Action::TraceFrom(start) => lenses.tracing.choose(start),
            Action::Subtract(start) => lenses.tracing.subtract(start),
            Action::Cells(cells) => lenses.tracing.cells = cells,
            Action::LessOpacity => lenses.change_opacity(-1),
            Action::MoreOpacity => lenses.change_opacity(1),
            Action::ToggleFrozen => time.toggle_frozen(),
            Action::Moment(id) => time.go_to(id),
            Action::ToggleMirror => panels.mirror = !panels.mirror,
            Action::ToggleFit => self.how.fit = Some(self.how.other_fit(graph.input_shape())),
            Action::ChangeInput(change) => self.how.changes.toggle(change),
            Action::TogglePredictions => panels.predictions = !panels.predictions,
            Action::ToggleInput => panels.network_input = !panels.network_input,
            Action::ToggleCurve => panels.curve = !panels.curve,
            Action::NextSort => place.sort_by(graph, place.sort.step(1)),
            Action::PreviousSort => place.sort_by(graph, place.sort.step(-1)),
            Action::ToggleSimilarity if place.sort == Sort::Similarity => place.sort_by(graph, Sort::Index),
            Action::ToggleSimilarity => place.sort_by(graph, Sort::Similarity),
            Action::Sort(sort) => place.sort_by(graph, sort),
            Action::NextFilter => place.filter_by(graph, place.filter.next()),
            Action::Filter(filter) => place.filter_by(graph, filter),
            Action::Type(digit) => place.type_digit(digit),
            Action::Untype => drop(place.typed.pop()),
            Action::MovePoint(direction) => place.move_point(graph, direction),
            Action::MarkPoint(point) => place.point = Some(point),
            Action::ToggleCell => self.toggle_cell(),
            Action::ToggleBlock => panels.block = !panels.block,
            Action::Try(trial) => {
                let channel = place.selected_channel(graph, place.layer).map(|channel| channel as usize);
                let selected = channel.map(|channel| (place.layer, channel));
                let mean = self.experiment.apply(trial, selected, &mut self.how, graph.input_shape());
                return mean.map(|(layer, channel)| Effect::SetToMean(layer, channel));
            }
            Action::ToggleHealth => panels.health = !panels.health,
            Action::ToggleTheme => panels.theme = panels.theme.other(),
            Action::ToggleHelp => panels.help = !panels.help,
            Action::TogglePalette => {
                panels.palette = if panels.palette.is_none() { Some(Search::default()) } else { None };
            }
            Action::Fold(section, is_open) => panels.folds.toggle(section, is_open),
            Action::Reset => self.reset(),
            Action::RestartHealth => return Some(Effect::RestartHealth),
            Action::Snapshot => return Some(Effect::Snapshot),
            Action::Record => return Some(Effect::Record),
            Action::Source(choice) => {
                // Otherwise nothing of it would be seen.
                time.unfreeze();
                return Some(Effect::Source(choice));
            }
            Action::NextPicture => return Some(Effect::Step(1)),
            Action::PreviousPicture => return Some(Effect::Step(-1)),
            Action::Seek(seconds) => return Some(Effect::Seek(seconds)),
            Action::Quit => return Some(Effect::Quit),
        }
        None
    }

    fn move_selection(&mut self, by: [isize; 2]) {
        let subject = self.tiles_lens().subject(&self.look());
        let in_a_row = self.place.enlarged || subject.is_ok_and(|subject| !subject.is_selectable);
        self.place.move_selection(&self.graph, by, in_a_row);
    }

    fn toggle_tiles(&mut self, lens: LensName) -> Option<Effect> {
        self.lenses.toggle_tiles(lens);
        let compares = self.tiles_lens().needs(&self.look()).held;
        if !compares {
            self.time.held = None;
        }
        compares.then_some(Effect::Hold)
    }

    /// A layer by itself, of several in rows.
    fn go_to(&mut self, layer: LayerIndex) {
        self.place.go_to_layer(&self.graph, layer);
        if self.lenses.tiles == Some(lens::rows::NAME) {
            self.lenses.tiles = None;
        }
    }

    fn turn_page(&mut self, by: isize) {
        match self.lenses.tiles == Some(lens::rows::NAME) {
            true => {
                let count = lens::rows::chosen(&self.look()).len();
                self.lenses.rows.turn(by, count);
            }
            false => self.place.turn_page(&self.graph, by),
        }
    }

    /// Shows how the marked cell is computed: a map has to be enlarged for it.
    fn toggle_cell(&mut self) {
        self.panels.cell = !self.explains_cell();
        if self.panels.cell {
            (self.lenses.tiles, self.place.enlarged) = (None, true);
        }
    }

    fn reset(&mut self) {
        // The first escape closes what lies over the view.
        let panels = &mut self.panels;
        if panels.help || panels.palette.is_some() || self.place.enlarged {
            (panels.help, panels.palette) = (false, None);
            (self.place.enlarged, self.place.point) = (false, None);
        } else if let Some(initial) = self.initial.take() {
            // The room does not become brighter or darker.
            let panels = Panels { theme: self.panels.theme, ..initial.panels.clone() };
            let sources = self.sources.clone();
            *self = Self { panels, sources, ..initial.started() };
        }
    }
}

#[cfg(test)]
mod tests;
