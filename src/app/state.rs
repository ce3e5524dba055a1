//! What the user has chosen, and how actions change it. Pure: no window, no GPU.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::arrange::Arranged;
use super::colors::LayerStatistics;
use super::kernels::KernelChoice;
use super::keymap::{Action, Direction};
use super::theme::Theme;
use crate::gpu::{Fit, Resize};
use crate::inspect::{convolution_of, explained_layer};
use crate::model::{Graph, LayerIndex, Op, Shape};
use crate::session::{Moment, Request};
use crate::view::{ChannelSet, Colormap, Filter, Normalize, Scale, Sort, TileGrid, TileSize};

/// Tile sizes that the size keys step through, in points on the longer side.
const TILE_SIZES: [u32; 12] = [12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/// What the user has chosen.
#[derive(Clone, Debug)]
pub struct AppState {
    graph: Arc<Graph>,
    /// What [`Action::Reset`] goes back to.
    initial: Option<Box<AppState>>,
    /// The layer that is shown.
    pub layer: LayerIndex,
    /// Channels that may be shown.
    pub channels: ChannelSet,
    /// Position of the selected channel among those that are shown.
    pub selected: usize,
    /// The selected channel alone.
    pub enlarged: bool,
    /// Size of tiles, in points.
    pub tile_size: TileSize,
    /// Colours that were chosen; otherwise they follow the normalisation.
    pub chosen_colormap: Option<Colormap>,
    /// How values become places in the colormap.
    pub scale: Scale,
    /// Ranges that are held: of a layer, statistics of each version on the frame that was shown then.
    pub locks: BTreeMap<LayerIndex, Vec<LayerStatistics>>,
    /// Interpolated tiles.
    pub smooth: bool,
    /// The frame stays.
    pub frozen: bool,
    /// While frozen: the frame of the history that is looked at.
    pub past: Option<u64>,
    /// The frame that the others are compared with.
    pub held: Option<u64>,
    /// The image is mirrored on screen (never for the network).
    pub mirror: bool,
    /// Crop or stretch.
    pub fit: Fit,
    /// How pictures are resized.
    pub resize: Resize,
    /// Predictions are computed and shown.
    pub predictions: bool,
    /// The picture is shown as the network sees it: 299×299 pixels.
    pub network_input: bool,
    /// The probabilities of all classes are shown as a curve.
    pub curve: bool,
    /// What lies over the picture.
    pub overlay: Option<Overlay>,
    /// How much of the picture that covers, from 0 (the picture alone) to 1 (what lies over it alone).
    pub opacity: f32,
    /// The layers of the hypercolumn, in ascending order.
    pub hypercolumn: Vec<LayerIndex>,
    /// The weights of the layer are shown in place of its maps.
    pub kernels: bool,
    /// What channels are sorted by.
    pub sort: Sort,
    /// Which channels are left out.
    pub filter: Filter,
    /// How the channels of a layer came to stand, by [`Self::arrange`].
    arranged: Option<Arranged>,
    /// The channel that is to stay selected when they are arranged anew.
    followed: Option<u32>,
    /// Digits of a channel's number, while it is being typed.
    pub typed: String,
    /// What is wrong with maps is marked.
    pub health: bool,
    /// The point of the network's input that keys have marked: across and down, from 0 to 1.
    pub point: Option<[f32; 2]>,
    /// The key list is shown.
    pub help: bool,
    /// The first keys are shown, until one is pressed.
    pub hint: bool,
    /// Light or dark.
    pub theme: Theme,
    /// The grid last drawn; moving around needs its columns and pages.
    pub grid: Option<TileGrid>,
}

/// What can lie over the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlay {
    /// The mean of all channels of several layers.
    Hypercolumn,
    /// The class activation map of the most probable class.
    ClassActivation,
    /// The map of the selected channel.
    Channel,
}

/// Of a channel's number.
const MOST_DIGITS: usize = 5;

/// Steps that the marked point takes from one edge of the picture to the other, where no map says how many.
const POINT_STEPS: usize = 37;

/// How much the opacity keys change.
const OPACITY_STEP: f32 = 0.1;

/// What an action wants from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write a snapshot.
    Snapshot,
    /// Another picture of the folder, or another frame of the last moments.
    Step(i64),
    /// Compare with the frame that is shown, or no longer.
    Hold,
    /// Tell that this channel is hidden, or that the layer does not have it.
    Missing(u32),
    /// Hold the ranges of the maps that are shown.
    LockRanges,
    /// Forget what was seen of the maps' health.
    RestartHealth,
    /// End the program.
    Quit,
}

impl AppState {
    /// A view of one layer with default settings.
    pub fn new(graph: Arc<Graph>, layer: LayerIndex) -> Self {
        Self {
            graph,
            initial: None,
            layer,
            channels: ChannelSet::default(),
            selected: 0,
            enlarged: false,
            tile_size: TileSize::Auto,
            chosen_colormap: None,
            scale: Scale::default(),
            locks: BTreeMap::new(),
            smooth: false,
            frozen: false,
            past: None,
            held: None,
            mirror: false,
            fit: Fit::default(),
            resize: Resize::default(),
            predictions: true,
            network_input: false,
            curve: false,
            overlay: None,
            opacity: 0.7,
            // Those of the tutorial's first one.
            hypercolumn: vec![1, 4, 7],
            kernels: false,
            sort: Sort::default(),
            filter: Filter::default(),
            arranged: None,
            followed: None,
            typed: String::new(),
            health: false,
            point: None,
            help: false,
            hint: false,
            theme: Theme::default(),
            grid: None,
        }
    }

    /// From here on [`Action::Reset`] comes back to this state.
    pub fn started(mut self) -> Self {
        self.initial = None;
        self.initial = Some(Box::new(self.clone()));
        self
    }

    /// Freezes and looks at another of these frames, the oldest first: `by` away from `shown`.
    pub fn rewind(&mut self, by: i64, shown: u64, moments: &[Moment]) {
        let Some(place) = moments.iter().position(|moment| moment.id == shown) else { return };
        let place = place.saturating_add_signed(by as isize).min(moments.len() - 1);
        (self.frozen, self.past) = (true, Some(moments[place].id));
    }

    /// Looks at another network from now on.
    pub fn adopt(&mut self, graph: Arc<Graph>) {
        self.layer = self.layer.min(graph.nodes.len() - 1);
        self.hypercolumn.retain(|&layer| layer < graph.nodes.len());
        (self.arranged, self.followed, self.selected) = (None, None, 0);
        self.locks.clear();
        if let Some(initial) = &mut self.initial {
            initial.adopt(graph.clone());
        }
        self.graph = graph;
    }

    /// The network that is looked at.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// What the session is to deliver for this state.
    pub fn request(&self) -> Request {
        Request {
            taps: vec![self.layer],
            maps: self.extra_maps(),
            // The top class has to be known.
            predictions: self.predictions || self.overlay == Some(Overlay::ClassActivation),
            fit: self.fit,
            resize: self.resize,
            frozen: self.frozen,
            past: self.past,
            held: self.held,
        }
    }

    /// Layers that are drawn beside the tiles: the network's input, the hypercolumn, the class activation map.
    fn extra_maps(&self) -> Vec<LayerIndex> {
        let mut layers = match self.overlay {
            Some(Overlay::Hypercolumn) => self.hypercolumn.clone(),
            Some(Overlay::ClassActivation) => {
                explained_layer(&self.graph).map(|(layer, _)| layer).into_iter().collect()
            }
            // A map that is tapped anyway.
            Some(Overlay::Channel) | None => vec![],
        };
        if self.network_input && !layers.contains(&0) {
            layers.push(0);
        }
        layers
    }

    /// The channels of a layer that are shown, in order.
    pub fn shown_channels(&self, layer: LayerIndex) -> Arc<[u32]> {
        match self.arranged(layer) {
            Some(arranged) => arranged.channels.clone(),
            None => self.channels.within(self.graph.nodes[layer].shape.channels).into(),
        }
    }

    /// How the channels of a layer stand, where they have been arranged as is asked for.
    pub fn arranged(&self, layer: LayerIndex) -> Option<&Arranged> {
        let is_asked_for = |arranged: &&Arranged| {
            arranged.layer == layer && arranged.sort == self.sort && arranged.filter == self.filter
        };
        self.arranged.as_ref().filter(is_asked_for)
    }

    fn toggle_overlay(&mut self, overlay: Overlay) {
        self.overlay = if self.overlay == Some(overlay) { None } else { Some(overlay) };
    }

    /// Takes the layer into the hypercolumn, or out; and shows the result.
    fn toggle_in_hypercolumn(&mut self) {
        match self.hypercolumn.binary_search(&self.layer) {
            Ok(place) => drop(self.hypercolumn.remove(place)),
            Err(place) => self.hypercolumn.insert(place, self.layer),
        }
        self.overlay = Some(Overlay::Hypercolumn);
    }

    fn change_opacity(&mut self, by: f32) {
        self.opacity = ((self.opacity + by) * 10.0).round().clamp(0.0, 10.0) / 10.0;
    }

    /// The selected channel of a layer.
    pub fn selected_channel(&self, layer: LayerIndex) -> Option<u32> {
        let channels = self.shown_channels(layer);
        channels.get(self.selected).or(channels.first()).copied()
    }

    /// True where the maps of a layer have to be compared with each other.
    pub fn wants_relations(&self) -> bool {
        self.health || matches!(self.sort, Sort::Similarity | Sort::Health)
    }

    /// Takes how channels stand now. The selected one stays so: always where it is enlarged, else as long as that turns no
    /// page; then the place stays.
    pub fn arrange(&mut self, arranged: Arranged) {
        let before = self.shown_channels(arranged.layer);
        let followed = self.followed.take().or(before.get(self.selected).copied());
        let is_first = self.arranged(arranged.layer).is_none();
        let count = arranged.channels.len();
        let found = arranged.channels.iter().position(|channel| Some(*channel) == followed);
        if arranged.layer == self.layer {
            let stays =
                |place: &usize| self.enlarged || (!is_first && place / self.page_len() == self.page());
            self.selected = found.filter(stays).unwrap_or(self.selected).min(count - 1);
        }
        self.arranged = Some(arranged);
    }

    /// Sorts by something else and shows the first channels; an enlarged one stays.
    pub fn sort_by(&mut self, sort: Sort) {
        self.rearrange();
        self.sort = sort;
    }

    /// Leaves other channels out.
    pub fn filter_by(&mut self, filter: Filter) {
        self.rearrange();
        self.filter = filter;
    }

    fn rearrange(&mut self) {
        let channel = self.shown_channels(self.layer).get(self.selected).copied();
        if self.enlarged {
            self.followed = channel;
        } else {
            self.selected = 0;
        }
    }

    /// The channel whose number was typed.
    fn jump(&mut self) -> Option<Effect> {
        let typed = std::mem::take(&mut self.typed);
        let channel = typed.parse::<u32>().unwrap_or(u32::MAX);
        match self.shown_channels(self.layer).iter().position(|shown| *shown == channel) {
            Some(place) => {
                self.selected = place;
                None
            }
            None => Some(Effect::Missing(channel)),
        }
    }

    /// The cell (row, column) of a map of this shape that keys have marked.
    pub fn marked_cell(&self, shape: Shape) -> Option<[usize; 2]> {
        let [x, y] = self.point?;
        let cell = |part: f32, cells: usize| ((part * cells as f32) as usize).min(cells - 1);
        Some([cell(y, shape.height), cell(x, shape.width)])
    }

    /// By one cell of the enlarged map, or by some pixels of the picture; from its middle at first.
    fn move_point(&mut self, direction: Direction) {
        let shape = self.graph.nodes[self.layer].shape;
        let side = |cells: usize| if self.enlarged { cells } else { POINT_STEPS };
        let [columns, rows] = [side(shape.width), side(shape.height)];
        let Some([x, y]) = self.point else {
            self.point = Some([0.5; 2]);
            return;
        };
        // To the middle of the next cell.
        let step = |part: f32, cells: usize, by: f32| {
            let cell = (part * cells as f32).floor() + by;
            (cell.clamp(0.0, cells as f32 - 1.0) + 0.5) / cells as f32
        };
        self.point = Some(match direction {
            Direction::Left => [step(x, columns, -1.0), y],
            Direction::Right => [step(x, columns, 1.0), y],
            Direction::Up => [x, step(y, rows, -1.0)],
            Direction::Down => [x, step(y, rows, 1.0)],
        });
    }

    /// The convolution whose kernels are shown, and which of them: those of the first convolution in colour.
    pub fn shown_kernels(&self) -> Option<(LayerIndex, KernelChoice)> {
        let conv = convolution_of(&self.graph, self.layer).filter(|_| self.kernels)?;
        let channels = self.shown_channels(self.layer);
        let choice = if self.kernel_shape(conv).channels == 3 {
            KernelChoice::Colored(channels.to_vec())
        } else {
            KernelChoice::Slices(*channels.get(self.selected)?)
        };
        Some((conv, choice))
    }

    /// Channels that a convolution reads, height and width of its kernels.
    pub fn kernel_shape(&self, conv: LayerIndex) -> Shape {
        let node = &self.graph.nodes[conv];
        let [height, width] = match node.op {
            Op::Conv(window) => window.kernel,
            _ => [1, 1],
        };
        Shape { channels: self.graph.nodes[node.inputs[0]].shape.channels, height, width }
    }

    /// How values become places in the colormap at a layer. A map of one value has no range of its own.
    pub fn scale_at(&self, layer: LayerIndex) -> Scale {
        let shape = self.graph.nodes[layer].shape;
        let is_one_cell = shape.height * shape.width == 1;
        match self.scale.normalize {
            Normalize::Map if is_one_cell => Scale { normalize: Normalize::Layer, boost: 0.0, ..self.scale },
            // A map of one cell with its own range says nothing.
            _ if is_one_cell => Scale { boost: 0.0, ..self.scale },
            _ => self.scale,
        }
    }

    /// The scale of what lies over the picture, which is one map.
    pub fn overlay_scale(&self) -> Scale {
        Scale { normalize: Normalize::Map, ..self.scale }
    }

    /// The colours: chosen ones, or those that suit the normalisation.
    pub fn colormap(&self) -> Colormap {
        self.chosen_colormap.unwrap_or(self.scale.normalize.colormap())
    }

    /// The range that the program was started with, if it was.
    pub fn fixed_range(&self) -> Option<Normalize> {
        let initial = self.initial.as_ref().map(|initial| initial.scale.normalize);
        initial.filter(|normalize| matches!(normalize, Normalize::Fixed { .. }))
    }

    fn next_normalize(&self) -> Normalize {
        match self.scale.normalize {
            Normalize::Map => Normalize::Layer,
            Normalize::Layer => Normalize::Symmetric,
            Normalize::Symmetric => self.fixed_range().unwrap_or_default(),
            Normalize::Fixed { .. } => Normalize::Map,
        }
    }

    /// With one channel enlarged, or the slices of one filter, there are no rows of channels.
    fn is_single_row(&self) -> bool {
        self.enlarged || matches!(self.shown_kernels(), Some((_, KernelChoice::Slices(_))))
    }

    fn shown_count(&self) -> usize {
        self.shown_channels(self.layer).len()
    }

    /// The page that the selected channel is on, from 0.
    pub fn page(&self) -> usize {
        self.selected / self.page_len()
    }

    fn page_len(&self) -> usize {
        self.grid.map_or(1, |grid| grid.page_len()).max(1)
    }

    /// Shows another layer, from its first channel.
    pub fn go_to_layer(&mut self, layer: LayerIndex) {
        if layer < self.graph.nodes.len() && layer != self.layer {
            self.layer = layer;
            self.selected = 0;
        }
    }

    /// Selects the channel at this position; a second time enlarges it.
    pub fn select(&mut self, position: usize) {
        self.selected = position.min(self.shown_count().saturating_sub(1));
    }

    fn move_selection(&mut self, by: isize) {
        let target = self.selected.saturating_add_signed(by);
        let row_moves_stay = target < self.shown_count() && self.selected as isize + by >= 0;
        if row_moves_stay {
            self.selected = target;
        }
    }

    fn change_stage(&mut self, by: isize) {
        let stage = self.graph.nodes[self.layer].stage;
        let end = self.graph.stage_end(stage);
        let target = match by {
            // From the middle of a stage the first step goes to its own end.
            1 if self.layer < end => stage,
            _ => stage.saturating_add_signed(by).min(self.graph.stages.len() - 1),
        };
        self.go_to_layer(self.graph.stage_end(target));
    }

    fn change_tile_size(&mut self, larger: bool, points_per_tile: u32) {
        let current = match self.tile_size {
            TileSize::Pixels(size) => size,
            TileSize::Auto => points_per_tile,
        };
        let next = if larger {
            TILE_SIZES.iter().find(|size| **size > current)
        } else {
            TILE_SIZES.iter().rev().find(|size| **size < current)
        };
        if let Some(size) = next {
            self.tile_size = TileSize::Pixels(*size);
        }
    }

    /// Carries an action out. `pixels_per_point` is the view's scale.
    pub fn apply(&mut self, action: Action, pixels_per_point: f32) -> Option<Effect> {
        let columns = self.grid.map_or(1, |grid| grid.columns as isize);
        self.hint = false;
        // Anything else than a digit ends a number that was begun.
        match action {
            Action::Type(_) | Action::Untype => {}
            Action::ToggleEnlarged if !self.typed.is_empty() => return self.jump(),
            Action::Reset if !self.typed.is_empty() => {
                self.typed.clear();
                return None;
            }
            _ => self.typed.clear(),
        }
        let tile_points =
            self.grid.map_or(64, |grid| (grid.tile[0].max(grid.tile[1]) as f32 / pixels_per_point) as u32);
        match action {
            Action::PreviousLayer => self.go_to_layer(self.layer.saturating_sub(1)),
            Action::NextLayer => self.go_to_layer(self.layer + 1),
            Action::PreviousStage => self.change_stage(-1),
            Action::NextStage => self.change_stage(1),
            Action::ChannelLeft => self.move_selection(-1),
            Action::ChannelRight => self.move_selection(1),
            Action::ChannelUp => self.move_selection(if self.is_single_row() { -1 } else { -columns }),
            Action::ChannelDown => self.move_selection(if self.is_single_row() { 1 } else { columns }),
            Action::ToggleEnlarged => self.enlarged = !self.enlarged,
            Action::PreviousPage => {
                self.selected = (self.page().saturating_sub(1)) * self.page_len();
            }
            Action::NextPage => {
                let next = (self.page() + 1) * self.page_len();
                if next < self.shown_count() {
                    self.selected = next;
                }
            }
            Action::LargerTiles => self.change_tile_size(true, tile_points),
            Action::SmallerTiles => self.change_tile_size(false, tile_points),
            Action::AutomaticTiles => self.tile_size = TileSize::Auto,
            Action::NextColormap => self.chosen_colormap = Some(self.colormap().next()),
            Action::NextNormalize => self.scale.normalize = self.next_normalize(),
            Action::ToggleLock => {
                if self.locks.remove(&self.layer).is_none() {
                    return Some(Effect::LockRanges);
                }
            }
            Action::NextGamma => self.scale.gamma = self.scale.next_gamma(),
            Action::NextBoost => self.scale.boost = self.scale.next_boost(),
            Action::ToggleSmooth => self.smooth = !self.smooth,
            Action::ToggleFrozen => (self.frozen, self.past) = (!self.frozen, None),
            Action::ToggleMirror => self.mirror = !self.mirror,
            Action::ToggleFit => {
                self.fit = match self.fit {
                    Fit::Stretch => Fit::Crop,
                    Fit::Crop => Fit::Stretch,
                }
            }
            Action::TogglePredictions => self.predictions = !self.predictions,
            Action::ToggleInput => self.network_input = !self.network_input,
            Action::ToggleCurve => self.curve = !self.curve,
            Action::ToggleOverPicture => self.toggle_overlay(Overlay::Channel),
            Action::ToggleClassActivation => self.toggle_overlay(Overlay::ClassActivation),
            Action::ToggleHypercolumn => self.toggle_overlay(Overlay::Hypercolumn),
            Action::ToggleInHypercolumn => self.toggle_in_hypercolumn(),
            Action::LessOpacity => self.change_opacity(-OPACITY_STEP),
            Action::MoreOpacity => self.change_opacity(OPACITY_STEP),
            Action::ToggleKernels => self.kernels = !self.kernels,
            Action::NextSort => self.sort_by(self.sort.step(1)),
            Action::PreviousSort => self.sort_by(self.sort.step(-1)),
            Action::ToggleSimilarity => self.sort_by(match self.sort {
                Sort::Similarity => Sort::Index,
                _ => Sort::Similarity,
            }),
            Action::NextFilter => self.filter_by(self.filter.next()),
            Action::Type(digit) => {
                if self.typed.len() < MOST_DIGITS {
                    self.typed.push(digit);
                }
            }
            Action::Untype => drop(self.typed.pop()),
            Action::MovePoint(direction) => self.move_point(direction),
            Action::ToggleHealth => self.health = !self.health,
            Action::RestartHealth => return Some(Effect::RestartHealth),
            Action::ToggleTheme => self.theme = self.theme.other(),
            Action::ToggleHelp => self.help = !self.help,
            Action::Reset => {
                // The first escape closes what lies over the view.
                if self.help || self.enlarged {
                    (self.help, self.enlarged, self.point) = (false, false, None);
                } else if let Some(initial) = self.initial.take() {
                    // The room does not become brighter or darker.
                    *self = Self { theme: self.theme, ..initial.started() };
                }
            }
            Action::Snapshot => return Some(Effect::Snapshot),
            Action::ToggleHeld => return Some(Effect::Hold),
            Action::NextPicture => return Some(Effect::Step(1)),
            Action::PreviousPicture => return Some(Effect::Step(-1)),
            Action::Quit => return Some(Effect::Quit),
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    fn state() -> AppState {
        let graph = Arc::new(inception_v3(1000, 1.0));
        let layer = graph.find("mixed5").unwrap();
        let mut state = AppState::new(graph, layer).started();
        state.grid = Some(TileGrid { tile: [64, 64], gap: 1, columns: 10, rows: 5, origin: [0, 0] });
        state
    }

    fn press(state: &mut AppState, actions: &[Action]) {
        for action in actions {
            assert_eq!(state.apply(*action, 1.0), None);
        }
    }

    #[test]
    fn layers_and_stages_stop_at_the_ends() {
        let mut state = state();
        press(&mut state, &[Action::NextLayer]);
        assert_eq!(state.layer, 165);
        press(&mut state, &[Action::NextStage]);
        assert_eq!(state.graph.nodes[state.layer].keras_name, "mixed6");
        press(&mut state, &[Action::PreviousStage, Action::PreviousStage]);
        assert_eq!(state.graph.nodes[state.layer].keras_name, "mixed4");
        press(&mut state, &[Action::NextStage; 20]);
        assert_eq!(state.layer, 312);
        press(&mut state, &[Action::NextLayer]);
        assert_eq!(state.layer, 312);
        press(&mut state, &[Action::PreviousStage; 30]);
        assert_eq!(state.layer, state.graph.stage_end(0));
        press(&mut state, &[Action::PreviousLayer; 400]);
        assert_eq!(state.layer, 0);
    }

    #[test]
    fn selection_moves_in_the_grid_and_pages_follow() {
        let mut state = state();
        press(&mut state, &[Action::ChannelLeft, Action::ChannelUp]);
        assert_eq!(state.selected, 0);
        press(&mut state, &[Action::ChannelDown, Action::ChannelRight]);
        assert_eq!((state.selected, state.page()), (11, 0));
        press(&mut state, &[Action::NextPage]);
        assert_eq!((state.selected, state.page()), (50, 1));
        press(&mut state, &[Action::NextPage; 100]);
        assert_eq!(state.page(), 15, "768 channels on pages of 50");
        press(&mut state, &[Action::ChannelDown, Action::ChannelDown]);
        assert_eq!(state.selected, 760, "there is no row below");
        press(&mut state, &[Action::PreviousPage; 100]);
        assert_eq!(state.selected, 0);
    }

    #[test]
    fn reset_closes_overlays_first_and_then_goes_back_to_the_start() {
        let mut state = state();
        press(&mut state, &[Action::NextLayer, Action::NextColormap, Action::ToggleHelp, Action::Reset]);
        assert!(!state.help && state.colormap() == Colormap::Magma);
        press(&mut state, &[Action::Reset]);
        assert_eq!((state.layer, state.colormap()), (164, Colormap::Viridis));
        press(&mut state, &[Action::NextLayer, Action::Reset]);
        assert_eq!(state.layer, 164, "and again");
    }

    #[test]
    fn normalisation_goes_round_and_brings_its_colours() {
        let mut state = state();
        let mut seen = Vec::new();
        for _ in 0..3 {
            seen.push((state.scale.normalize, state.colormap()));
            press(&mut state, &[Action::NextNormalize]);
        }
        assert_eq!(
            seen,
            [
                (Normalize::Map, Colormap::Viridis),
                (Normalize::Layer, Colormap::Viridis),
                (Normalize::Symmetric, Colormap::Diverging)
            ]
        );
        assert_eq!(state.scale.normalize, Normalize::Map);
        // What was chosen stays.
        press(&mut state, &[Action::NextColormap, Action::NextNormalize, Action::NextNormalize]);
        assert_eq!(state.colormap(), Colormap::Magma);
        // A range from the command line is one more.
        state.scale.normalize = Normalize::Fixed { low: 0.0, high: 2.0 };
        let mut state = state.started();
        press(&mut state, &[Action::NextNormalize; 3]);
        assert_eq!(state.scale.normalize, Normalize::Symmetric);
        press(&mut state, &[Action::NextNormalize]);
        assert_eq!(state.scale.normalize, Normalize::Fixed { low: 0.0, high: 2.0 });
        // The pool's maps are one cell each.
        state.scale = Scale { normalize: Normalize::Map, gamma: 0.5, boost: 0.8 };
        let pool = state.graph.find("avg_pool").unwrap();
        assert_eq!(state.scale_at(pool), Scale { normalize: Normalize::Layer, gamma: 0.5, boost: 0.0 });
        press(&mut state, &[Action::NextGamma, Action::NextBoost]);
        assert_eq!((state.scale.gamma, state.scale.boost), (0.3, 1.0));
    }

    #[test]
    fn a_lock_belongs_to_its_layer() {
        let mut state = state();
        assert_eq!(state.apply(Action::ToggleLock, 1.0), Some(Effect::LockRanges));
        state.locks.insert(164, vec![]);
        press(&mut state, &[Action::NextLayer]);
        assert_eq!(state.apply(Action::ToggleLock, 1.0), Some(Effect::LockRanges));
        press(&mut state, &[Action::PreviousLayer, Action::ToggleLock]);
        assert!(state.locks.is_empty());
    }

    #[test]
    fn tile_sizes_step_from_what_is_seen() {
        let mut state = state();
        press(&mut state, &[Action::LargerTiles]);
        assert_eq!(state.tile_size, TileSize::Pixels(96));
        press(&mut state, &[Action::SmallerTiles; 20]);
        assert_eq!(state.tile_size, TileSize::Pixels(12));
        press(&mut state, &[Action::AutomaticTiles]);
        assert_eq!(state.tile_size, TileSize::Auto);
    }

    #[test]
    fn the_hypercolumn_takes_layers_in_and_out() {
        let mut state = state();
        assert!(state.request().maps.is_empty());
        press(&mut state, &[Action::ToggleInHypercolumn]);
        assert_eq!(state.request().maps, [1, 4, 7, 164], "and is shown");
        press(&mut state, &[Action::ToggleInHypercolumn, Action::ToggleInput]);
        assert_eq!(state.request().maps, [1, 4, 7, 0]);
        press(&mut state, &[Action::MoreOpacity; 20]);
        assert_eq!(state.opacity, 1.0);
        press(&mut state, &[Action::LessOpacity; 20]);
        assert_eq!(state.opacity, 0.0);
    }

    fn arranged(state: &AppState, channels: &[u32]) -> Arranged {
        Arranged {
            layer: state.layer,
            sort: state.sort,
            filter: state.filter,
            channels: channels.into(),
            hidden: 0,
            class: None,
            note: None,
        }
    }

    #[test]
    fn an_order_counts_for_its_own_layer_and_kind() {
        let mut state = state();
        press(&mut state, &[Action::NextSort]);
        assert_eq!((state.sort, state.shown_channels(164)[0]), (Sort::Max, 0), "not arranged yet");
        let falling: Vec<u32> = (0..768).rev().collect();
        state.arrange(arranged(&state, &falling));
        assert_eq!(state.shown_channels(164)[..2], [767, 766]);
        assert_eq!(state.shown_channels(163)[..2], [0, 1]);
        press(&mut state, &[Action::ToggleSimilarity, Action::ToggleSimilarity]);
        assert_eq!((state.sort, state.shown_channels(164)[0]), (Sort::Index, 0));
        press(&mut state, &[Action::PreviousSort]);
        assert_eq!(state.sort, Sort::Similarity);
        press(&mut state, &[Action::NextFilter, Action::NextFilter]);
        assert_eq!(state.filter, Filter::Dead);
    }

    #[test]
    fn the_selected_channel_is_followed_but_turns_no_page() {
        let mut state = state();
        press(&mut state, &[Action::NextSort]);
        let rising: Vec<u32> = (0..768).collect();
        state.arrange(arranged(&state, &rising));
        state.select(3);
        let swapped = |a: usize, b: usize| {
            let mut order = rising.clone();
            order.swap(a, b);
            order
        };
        state.arrange(arranged(&state, &swapped(3, 20)));
        assert_eq!(state.selected, 20, "on the same page");
        state.arrange(arranged(&state, &swapped(3, 700)));
        assert_eq!((state.selected, state.page()), (20, 0), "3 is on another one");
        // One channel alone never gives way to another.
        state.select(3);
        press(&mut state, &[Action::ToggleEnlarged]);
        let shown = state.shown_channels(164)[3];
        state.arrange(arranged(&state, &swapped(5, 700)));
        assert_eq!(state.shown_channels(164)[state.selected], shown);
        press(&mut state, &[Action::NextSort]);
        let falling: Vec<u32> = (0..768).rev().collect();
        state.arrange(arranged(&state, &falling));
        assert_eq!(state.shown_channels(164)[state.selected], shown, "in another order too");
        // Where it is hidden, another one takes the place.
        let few = [1, 2];
        state.arrange(arranged(&state, &few));
        assert_eq!(state.selected, 1);
    }

    #[test]
    fn a_typed_number_goes_to_that_channel() {
        let mut state = state();
        press(&mut state, &[Action::Type('4'), Action::Type('2'), Action::Type('7'), Action::Untype]);
        assert_eq!((state.typed.as_str(), state.selected), ("42", 0));
        press(&mut state, &[Action::ToggleEnlarged]);
        assert_eq!((state.typed.as_str(), state.selected, state.enlarged), ("", 42, false));
        press(&mut state, &[Action::Type('9'), Action::Reset]);
        assert_eq!((state.typed.as_str(), state.selected), ("", 42), "given up");
        press(&mut state, &[Action::Type('9'), Action::NextColormap, Action::ToggleEnlarged]);
        assert!(state.enlarged && state.selected == 42, "something else was done meanwhile");
        press(&mut state, &[Action::Type('7'), Action::Type('6'), Action::Type('8')]);
        assert_eq!(state.apply(Action::ToggleEnlarged, 1.0), Some(Effect::Missing(768)));
        press(&mut state, &[Action::Type('1'); 9]);
        assert_eq!(state.typed, "11111");
    }

    #[test]
    fn effects_are_handed_out_and_requests_follow_the_state() {
        let mut state = state();
        assert_eq!(state.apply(Action::Quit, 1.0), Some(Effect::Quit));
        assert_eq!(state.apply(Action::PreviousPicture, 1.0), Some(Effect::Step(-1)));
        press(&mut state, &[Action::ToggleFit, Action::TogglePredictions, Action::ToggleFrozen]);
        let request = state.request();
        assert_eq!((request.fit, request.predictions, request.frozen), (Fit::Crop, false, true));
        assert_eq!(request.taps, [164]);
    }
}
