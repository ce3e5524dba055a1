//! What the user has chosen, and how actions change it. Pure: no window, no GPU.

use std::sync::Arc;

use super::kernels::KernelChoice;
use super::keymap::Action;
use crate::gpu::{Fit, RangeMode, Resize};
use crate::inspect::{convolution_of, explained_layer};
use crate::model::{Graph, LayerIndex, Op, Shape};
use crate::session::Request;
use crate::view::{ChannelSet, Colormap, TileGrid, TileSize};

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
    /// Colours.
    pub colormap: Colormap,
    /// What the ends of the colormap stand for.
    pub range: RangeMode,
    /// Interpolated tiles.
    pub smooth: bool,
    /// The frame stays.
    pub frozen: bool,
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
    /// The class activation map of the top class over the picture, in the hypercolumn's place.
    pub class_activation: bool,
    /// The hypercolumn over the picture.
    pub hypercolumn: Hypercolumn,
    /// The weights of the layer are shown in place of its maps.
    pub kernels: bool,
    /// Similar channels beside each other.
    pub by_similarity: bool,
    /// The order of a layer's channels by similarity, once it is computed.
    pub similar: Option<(LayerIndex, Arc<[u32]>)>,
    /// What is wrong with maps is marked.
    pub health: bool,
    /// The key list is shown.
    pub help: bool,
    /// The grid last drawn; moving around needs its columns and pages.
    pub grid: Option<TileGrid>,
}

/// Which layers are laid over the picture, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Hypercolumn {
    /// It is shown.
    pub shown: bool,
    /// In ascending order.
    pub layers: Vec<LayerIndex>,
    /// From 0 (the picture alone) to 1 (the hypercolumn alone).
    pub opacity: f32,
}

impl Default for Hypercolumn {
    /// The layers of the tutorial's first hypercolumn.
    fn default() -> Self {
        Self { shown: false, layers: vec![1, 4, 7], opacity: 0.7 }
    }
}

impl Hypercolumn {
    /// Takes a layer in, or out; and shows the result.
    fn toggle(&mut self, layer: LayerIndex) {
        match self.layers.binary_search(&layer) {
            Ok(place) => drop(self.layers.remove(place)),
            Err(place) => self.layers.insert(place, layer),
        }
        self.shown = true;
    }

    fn change_opacity(&mut self, by: f32) {
        self.opacity = ((self.opacity + by) * 10.0).round().clamp(0.0, 10.0) / 10.0;
    }
}

/// How much the opacity keys change.
const OPACITY_STEP: f32 = 0.1;

/// What an action wants from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write a snapshot.
    Snapshot,
    /// Another picture of the folder.
    Step(i64),
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
            colormap: Colormap::default(),
            range: RangeMode::default(),
            smooth: false,
            frozen: false,
            mirror: false,
            fit: Fit::default(),
            resize: Resize::default(),
            predictions: true,
            network_input: false,
            curve: false,
            class_activation: false,
            hypercolumn: Hypercolumn::default(),
            kernels: false,
            by_similarity: false,
            similar: None,
            health: false,
            help: false,
            grid: None,
        }
    }

    /// From here on [`Action::Reset`] comes back to this state.
    pub fn started(mut self) -> Self {
        self.initial = None;
        self.initial = Some(Box::new(self.clone()));
        self
    }

    /// Looks at another network from now on.
    pub fn adopt(&mut self, graph: Arc<Graph>) {
        self.layer = self.layer.min(graph.nodes.len() - 1);
        self.hypercolumn.layers.retain(|&layer| layer < graph.nodes.len());
        (self.similar, self.selected) = (None, 0);
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
            predictions: self.predictions || self.class_activation,
            fit: self.fit,
            resize: self.resize,
            frozen: self.frozen,
        }
    }

    /// Layers that are drawn beside the tiles: the network's input, the hypercolumn, the class activation map.
    fn extra_maps(&self) -> Vec<LayerIndex> {
        let mut layers = if self.hypercolumn.shown { self.hypercolumn.layers.clone() } else { vec![] };
        if let Some((layer, _)) = explained_layer(&self.graph).filter(|_| self.class_activation) {
            layers.push(layer);
        }
        if self.network_input && !layers.contains(&0) {
            layers.push(0);
        }
        layers
    }

    /// The channels of a layer that are shown, in order.
    pub fn shown_channels(&self, layer: LayerIndex) -> Vec<u32> {
        let channels = self.channels.within(self.graph.nodes[layer].shape.channels);
        match &self.similar {
            Some((known, order)) if self.by_similarity && *known == layer => {
                order.iter().copied().filter(|channel| channels.contains(channel)).collect()
            }
            _ => channels,
        }
    }

    /// True where the order by similarity of this layer has to be computed.
    pub fn lacks_order(&self, layer: LayerIndex) -> bool {
        self.by_similarity && self.similar.as_ref().is_none_or(|(known, _)| *known != layer)
    }

    /// The convolution whose kernels are shown, and which of them: those of the first convolution in colour.
    pub fn shown_kernels(&self) -> Option<(LayerIndex, KernelChoice)> {
        let conv = convolution_of(&self.graph, self.layer).filter(|_| self.kernels)?;
        let channels = self.shown_channels(self.layer);
        let choice = if self.kernel_shape(conv).channels == 3 {
            KernelChoice::Colored(channels)
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

    /// What the ends of the colormap stand for at a layer. A map of one value has no range of its own.
    pub fn range_at(&self, layer: LayerIndex) -> RangeMode {
        let shape = self.graph.nodes[layer].shape;
        if shape.height * shape.width == 1 { RangeMode::Layer } else { self.range }
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
            Action::NextColormap => self.colormap = self.colormap.next(),
            Action::ToggleRange => {
                self.range = match self.range {
                    RangeMode::Map => RangeMode::Layer,
                    RangeMode::Layer => RangeMode::Map,
                }
            }
            Action::ToggleSmooth => self.smooth = !self.smooth,
            Action::ToggleFrozen => self.frozen = !self.frozen,
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
            Action::ToggleClassActivation => {
                self.class_activation = !self.class_activation;
                self.hypercolumn.shown = false;
            }
            Action::ToggleHypercolumn => {
                self.hypercolumn.shown = !self.hypercolumn.shown;
                self.class_activation = false;
            }
            Action::ToggleInHypercolumn => {
                self.hypercolumn.toggle(self.layer);
                self.class_activation = false;
            }
            Action::LessOpacity => self.hypercolumn.change_opacity(-OPACITY_STEP),
            Action::MoreOpacity => self.hypercolumn.change_opacity(OPACITY_STEP),
            Action::ToggleKernels => self.kernels = !self.kernels,
            Action::ToggleOrder => {
                (self.by_similarity, self.similar, self.selected) = (!self.by_similarity, None, 0);
            }
            Action::ToggleHealth => self.health = !self.health,
            Action::RestartHealth => return Some(Effect::RestartHealth),
            Action::ToggleHelp => self.help = !self.help,
            Action::Reset => {
                // The first escape closes what lies over the view.
                if self.help || self.enlarged {
                    (self.help, self.enlarged) = (false, false);
                } else if let Some(initial) = self.initial.take() {
                    *self = initial.started();
                }
            }
            Action::Snapshot => return Some(Effect::Snapshot),
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
        assert!(!state.help && state.colormap == Colormap::Magma);
        press(&mut state, &[Action::Reset]);
        assert_eq!((state.layer, state.colormap), (164, Colormap::Viridis));
        press(&mut state, &[Action::NextLayer, Action::Reset]);
        assert_eq!(state.layer, 164, "and again");
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
        assert_eq!(state.hypercolumn.opacity, 1.0);
        press(&mut state, &[Action::LessOpacity; 20]);
        assert_eq!(state.hypercolumn.opacity, 0.0);
    }

    #[test]
    fn an_order_counts_for_its_own_layer() {
        let mut state = state();
        press(&mut state, &[Action::ToggleOrder]);
        assert!(state.lacks_order(164));
        state.similar = Some((164, (0..768).rev().collect()));
        assert!(!state.lacks_order(164) && state.lacks_order(3));
        assert_eq!(state.shown_channels(164)[..2], [767, 766]);
        state.channels = "5..8".parse().unwrap();
        assert_eq!(state.shown_channels(164), [7, 6, 5]);
        press(&mut state, &[Action::ToggleOrder]);
        assert_eq!(state.shown_channels(164), [5, 6, 7]);
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
