//! Where one looks: layer, channels and their order, page, cell. Pure.

use std::sync::Arc;

use crate::app::keys::Direction;
use crate::model::{Graph, LayerIndex, Shape};
use crate::view::{ChannelSet, Filter, Sort, TileGrid, TileSize};

/// Tile sizes that the size keys step through, in points on the longer side.
const TILE_SIZES: [u32; 12] = [12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512];

/// Where there is no grid yet, tiles are taken to be so large, in points.
const USUAL_TILE: f32 = 64.0;

/// Of a channel's number.
const MOST_DIGITS: usize = 5;

/// Steps that the marked point takes from one edge of the picture to the other, where no map says how many.
const POINT_STEPS: usize = 37;

/// Layer, channel, page and cell.
#[derive(Clone, Debug)]
pub struct Place {
    /// The layer that is shown.
    pub layer: LayerIndex,
    /// Channels that may be shown.
    pub channels: ChannelSet,
    /// Position of the selected channel among those that are shown.
    pub selected: usize,
    /// The selected channel alone.
    pub enlarged: bool,
    /// What channels are sorted by.
    pub sort: Sort,
    /// Which channels are left out.
    pub filter: Filter,
    /// How the channels of a layer came to stand, by [`Self::arrange`].
    arranged: Option<Arranged>,
    /// The channel that is to be selected when they are arranged anew.
    pub followed: Option<u32>,
    /// Digits of a channel's number, while it is being typed.
    pub typed: String,
    /// The point of the network's input that keys have marked: across and down, from 0 to 1.
    pub point: Option<[f32; 2]>,
    /// Size of tiles, in points.
    pub tile_size: TileSize,
    /// The grid last drawn; moving around needs its columns and pages.
    pub grid: Option<TileGrid>,
}

/// The channels of a layer as they are shown.
#[derive(Clone, Debug)]
pub struct Arranged {
    /// Which layer.
    pub layer: LayerIndex,
    /// What was asked for.
    pub sort: Sort,
    /// What was asked for.
    pub filter: Filter,
    /// The channels that are shown, in order; never empty.
    pub channels: Arc<[u32]>,
    /// How many the filter leaves out.
    pub hidden: usize,
    /// The class that channels are sorted by.
    pub class: Option<usize>,
    /// Why they are not sorted or filtered as asked for, and what to do.
    pub note: Option<String>,
}

impl Place {
    /// All channels of a layer, the first one selected.
    pub fn new(layer: LayerIndex) -> Self {
        Self {
            layer,
            channels: ChannelSet::default(),
            selected: 0,
            enlarged: false,
            sort: Sort::default(),
            filter: Filter::default(),
            arranged: None,
            followed: None,
            typed: String::new(),
            point: None,
            tile_size: TileSize::Auto,
            grid: None,
        }
    }

    /// Looks at another network from now on.
    pub fn adopt(&mut self, graph: &Graph) {
        self.layer = self.layer.min(graph.nodes.len() - 1);
        (self.arranged, self.followed, self.selected) = (None, None, 0);
    }

    /// The channels of a layer that are shown, in order.
    pub fn shown_channels(&self, graph: &Graph, layer: LayerIndex) -> Arc<[u32]> {
        match self.arranged(layer) {
            Some(arranged) => arranged.channels.clone(),
            None => self.channels.within(graph.nodes[layer].shape.channels).into(),
        }
    }

    /// How the channels of a layer stand, where they have been arranged as is asked for.
    pub fn arranged(&self, layer: LayerIndex) -> Option<&Arranged> {
        let is_asked_for = |arranged: &&Arranged| {
            arranged.layer == layer && arranged.sort == self.sort && arranged.filter == self.filter
        };
        self.arranged.as_ref().filter(is_asked_for)
    }

    /// The selected channel of a layer.
    pub fn selected_channel(&self, graph: &Graph, layer: LayerIndex) -> Option<u32> {
        let channels = self.shown_channels(graph, layer);
        let followed = self.followed.filter(|channel| layer == self.layer && channels.contains(channel));
        followed.or_else(|| channels.get(self.selected).or(channels.first()).copied())
    }

    /// Takes how channels stand now. The selected one stays so: always where it is enlarged or was asked for by number,
    /// else as long as that turns no page; then the place stays.
    pub fn arrange(&mut self, graph: &Graph, arranged: Arranged) {
        let before = self.shown_channels(graph, arranged.layer);
        let asked_for = self.followed.take();
        let followed = asked_for.or(before.get(self.selected).copied());
        let is_first = self.arranged(arranged.layer).is_none();
        let count = arranged.channels.len();
        let found = arranged.channels.iter().position(|channel| Some(*channel) == followed);
        if arranged.layer == self.layer {
            let stays = |place: &usize| {
                self.enlarged || asked_for.is_some() || (!is_first && place / self.page_len() == self.page())
            };
            self.selected = found.filter(stays).unwrap_or(self.selected).min(count - 1);
        }
        self.arranged = Some(arranged);
    }

    /// Sorts by something else and shows the first channels; an enlarged one stays.
    pub fn sort_by(&mut self, graph: &Graph, sort: Sort) {
        self.rearrange(graph);
        self.sort = sort;
    }

    /// Leaves other channels out.
    pub fn filter_by(&mut self, graph: &Graph, filter: Filter) {
        self.rearrange(graph);
        self.filter = filter;
    }

    fn rearrange(&mut self, graph: &Graph) {
        let channel = self.shown_channels(graph, self.layer).get(self.selected).copied();
        if self.enlarged {
            self.followed = channel;
        } else {
            self.selected = 0;
        }
    }

    /// Adds a digit to the number of a channel.
    pub fn type_digit(&mut self, digit: char) {
        if self.typed.len() < MOST_DIGITS {
            self.typed.push(digit);
        }
    }

    /// Goes to the channel whose number was typed; its number, where it is not among those that are shown.
    pub fn jump(&mut self, graph: &Graph) -> Result<(), u32> {
        let typed = std::mem::take(&mut self.typed);
        let channel = typed.parse::<u32>().unwrap_or(u32::MAX);
        let channels = self.shown_channels(graph, self.layer);
        self.selected = channels.iter().position(|shown| *shown == channel).ok_or(channel)?;
        Ok(())
    }

    /// The cell (row, column) of a map of this shape that keys have marked.
    pub fn marked_cell(&self, shape: Shape) -> Option<[usize; 2]> {
        let [x, y] = self.point?;
        let cell = |part: f32, cells: usize| ((part * cells as f32) as usize).min(cells - 1);
        Some([cell(y, shape.height), cell(x, shape.width)])
    }

    /// By one cell of the enlarged map, or by some pixels of the picture; from its middle at first.
    pub fn move_point(&mut self, graph: &Graph, direction: Direction) {
        let shape = graph.nodes[self.layer].shape;
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

    fn shown_count(&self, graph: &Graph) -> usize {
        self.shown_channels(graph, self.layer).len()
    }

    /// The page that the selected channel is on, from 0.
    pub fn page(&self) -> usize {
        self.selected / self.page_len()
    }

    fn page_len(&self) -> usize {
        self.grid.map_or(1, |grid| grid.page_len()).max(1)
    }

    /// Positions that the page shows, of `count` in all.
    pub fn positions(&self, count: usize) -> std::ops::Range<usize> {
        let first = (self.page() * self.page_len()).min(count);
        first..(first + self.page_len()).min(count)
    }

    /// A page on (+1) or back (−1), if there is one.
    pub fn turn_page(&mut self, graph: &Graph, by: isize) {
        let first = self.page().saturating_add_signed(by) * self.page_len();
        if first < self.shown_count(graph) {
            self.selected = first;
        }
    }

    /// Shows another layer, from its first channel.
    pub fn go_to_layer(&mut self, graph: &Graph, layer: LayerIndex) {
        if layer < graph.nodes.len() && layer != self.layer {
            self.layer = layer;
            self.selected = 0;
        }
    }

    /// To the end of a neighbouring stage: on (+1) or back (−1).
    pub fn change_stage(&mut self, graph: &Graph, by: isize) {
        let stage = graph.nodes[self.layer].stage;
        let end = graph.stage_end(stage);
        let target = match by {
            // From the middle of a stage the first step goes to its own end.
            1 if self.layer < end => stage,
            _ => stage.saturating_add_signed(by).min(graph.stages.len() - 1),
        };
        self.go_to_layer(graph, graph.stage_end(target));
    }

    /// Selects the channel at this position.
    pub fn select(&mut self, graph: &Graph, position: usize) {
        self.selected = position.min(self.shown_count(graph).saturating_sub(1));
    }

    /// Selects a neighbour, if there is one: `rows` down and `columns` to the right. Where tiles are no grid of channels
    /// (`in_a_row`), a row is one channel.
    pub fn move_selection(&mut self, graph: &Graph, [columns, rows]: [isize; 2], in_a_row: bool) {
        let row = if in_a_row { 1 } else { self.grid.map_or(1, |grid| grid.columns as isize) };
        let target = self.selected as isize + columns + rows * row;
        if (0..self.shown_count(graph) as isize).contains(&target) {
            self.selected = target as usize;
        }
    }

    /// The next larger or smaller tiles, from what is seen. `pixels_per_point` is the view's scale.
    pub fn change_tile_size(&mut self, larger: bool, pixels_per_point: f32) {
        let seen =
            self.grid.map_or(USUAL_TILE, |grid| grid.tile[0].max(grid.tile[1]) as f32 / pixels_per_point);
        let current = match self.tile_size {
            TileSize::Pixels(size) => size,
            TileSize::Auto => seen as u32,
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
}

#[cfg(test)]
mod tests;
