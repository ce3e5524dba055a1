//! The graph of the shown layer's stage: boxes and lines, from left to right; a click goes to a layer.

use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

use super::arrangement::Arrangement;
use super::names::short_name;
use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::figure::{fit_text, text_width};
use crate::inspect::block::{Block, BlockBox, Content, in_words};
use crate::model::{Graph, LayerIndex};

/// A box is at least so wide with the gap behind it, in points: where that shows the whole stage, and where not. And at most.
const LEAST_PITCH: f32 = 82.0;
const USUAL_PITCH: f32 = 116.0;
const MOST_PITCH: f32 = 190.0;

/// Between a box and the next column.
const GAP: f32 = 16.0;

/// Height of a lane with three lines of words, two, and one.
const LANES: [f32; 3] = [56.0, 42.0, 24.0];

/// Between lanes.
const BETWEEN: f32 = 8.0;

/// The part of the room that it takes at most.
const MOST_HEIGHT: f32 = 0.5;

const HEADING: f32 = 24.0;

/// Size of a box's name.
const NAME: f32 = 12.5;

/// Of what it does, and of its shape.
const WORDS: f32 = 11.0;

/// The stage, as wide as there is room for.
pub(super) struct BlockPanel {
    block: Block,
    lane: f32,
    /// In points.
    pub height: f32,
    layer: LayerIndex,
}

impl BlockPanel {
    /// For so much room.
    pub fn new(state: &AppState, model: &ViewModel, room: Vec2) -> Self {
        let layer = model.shown_layer(state);
        let columns = |pitch: f32| ((room.x + GAP) / pitch) as usize;
        let whole = Block::of(state.graph(), layer, columns(LEAST_PITCH));
        let is_whole = whole.boxes.iter().all(|one| matches!(one.content, Content::Layers(_)));
        let block = match is_whole {
            true => whole,
            false => Block::of(state.graph(), layer, columns(USUAL_PITCH)),
        };
        let lanes = block.size[1] as f32;
        let most_height = MOST_HEIGHT * room.y - HEADING;
        let fits = |lane: &f32| lanes * lane <= most_height;
        let lane = LANES.into_iter().find(fits).unwrap_or(LANES[2]);
        let height = HEADING + (lanes * lane).min(most_height).max(lane);
        Self { block, lane, height, layer }
    }

    pub fn show(&self, ui: &mut Ui, state: &AppState, out: &mut Arrangement) {
        let graph = state.graph();
        let stage = &graph.stages[graph.nodes[self.layer].stage];
        let key = state.keys.key_for(Action::ToggleBlock);
        ui.horizontal(|ui| {
            ui.label(RichText::new(format!("Stage {stage}")).strong());
            let text = format!("what leads to the shown layer is bright · a click goes there · {key} closes");
            ui.add(egui::Label::new(RichText::new(text).color(palette(ui).quiet).small()).truncate());
        });
        let thin = egui::style::ScrollStyle::thin();
        ui.style_mut().spacing.scroll = egui::style::ScrollStyle { floating_allocated_width: 0.0, ..thin };
        egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| self.draw(ui, graph, out));
    }

    fn draw(&self, ui: &mut Ui, graph: &Graph, out: &mut Arrangement) {
        let [columns, lanes] = self.block.size;
        let width = ui.available_width();
        let pitch = ((width + GAP) / columns as f32).min(MOST_PITCH);
        let (area, _) = ui.allocate_exact_size(Vec2::new(width, lanes as f32 * self.lane), Sense::hover());
        let left = area.left() + ((width + GAP - pitch * columns as f32) / 2.0).max(0.0);
        let place = |[column, lane]: [usize; 2]| {
            let corner = Pos2::new(left + column as f32 * pitch, area.top() + lane as f32 * self.lane);
            Rect::from_min_size(corner, Vec2::new(pitch - GAP, self.lane - BETWEEN))
        };
        let quiet = palette(ui).quiet.gamma_multiply(0.4);
        let bright = palette(ui).quiet;
        // Those that lead to the layer lie over the others.
        for leads in [false, true] {
            for line in self.block.lines.iter().filter(|line| line.leads == leads) {
                let mut points = Vec::new();
                for (at, step) in line.path.iter().enumerate() {
                    let rect = place(*step);
                    let middle = rect.center().y;
                    if at > 0 {
                        points.push(Pos2::new(rect.left(), middle));
                    }
                    if at + 1 < line.path.len() {
                        points.push(Pos2::new(rect.right(), middle));
                    }
                }
                let color = if leads { bright } else { quiet };
                ui.painter()
                    .add(egui::Shape::line(points, Stroke::new(if leads { 1.6 } else { 1.0 }, color)));
                let end = line.path.last().map(|step| place(*step));
                if let Some(tip) = end.map(|rect| Pos2::new(rect.left(), rect.center().y)) {
                    let corners = vec![tip, tip + Vec2::new(-6.0, -3.5), tip + Vec2::new(-6.0, 3.5)];
                    ui.painter().add(egui::Shape::convex_polygon(corners, color, Stroke::NONE));
                }
            }
        }
        for (at, one) in self.block.boxes.iter().enumerate() {
            self.draw_box(ui, graph, (at, one), place([one.column, one.lane]), out);
        }
    }

    fn draw_box(
        &self,
        ui: &mut Ui,
        graph: &Graph,
        (at, one): (usize, &BlockBox),
        rect: Rect,
        out: &mut Arrangement,
    ) {
        let is_shown = at == self.block.shown;
        let (goes_to, lines, tip) = match &one.content {
            Content::Layers(layers) => {
                let last = layers.last().copied().unwrap_or(0);
                // Of the box of the layer itself, the layer.
                let named = if is_shown { self.layer } else { layers.first().copied().unwrap_or(last) };
                let node = &graph.nodes[named];
                let short = short_name(&node.name, NAME, rect.width() - 10.0);
                let shape = graph.nodes[last].shape.to_string();
                let names: Vec<_> = layers
                    .iter()
                    .map(|&layer| format!("{} ({})", graph.nodes[layer].name, graph.nodes[layer].operation()))
                    .collect();
                (
                    last,
                    [short, short_list(&in_words(graph, layers), rect.width() - 10.0), shape],
                    names.join("\n"),
                )
            }
            Content::Before(count, last) | Content::Behind(count, last) => {
                let is_before = matches!(one.content, Content::Before(..));
                let words = if is_before { "before" } else { "behind" };
                let name = &graph.nodes[*last].name;
                (
                    *last,
                    [
                        format!("{count} {words}"),
                        format!("to {}", short_name(name, NAME, rect.width() - 24.0)),
                        String::new(),
                    ],
                    format!("a click goes to {name}"),
                )
            }
        };
        let fill = if is_shown { palette(ui).accent } else { palette(ui).field };
        let edge = if one.leads { palette(ui).quiet } else { palette(ui).line };
        ui.painter().rect(rect, 4.0, fill, Stroke::new(1.0, edge), StrokeKind::Inside);
        let [strong, weak]: [Color32; 2] = match (is_shown, one.leads && !one.is_outside) {
            (true, _) => [palette(ui).background; 2],
            (_, true) => [palette(ui).text, palette(ui).quiet],
            _ => [palette(ui).quiet; 2],
        };
        let count = LANES.len() - LANES.iter().position(|lane| *lane == self.lane).unwrap_or(0);
        let step = 14.0;
        let top = rect.center().y - 0.5 * step * (count - 1) as f32;
        for (row, text) in lines.iter().take(count).enumerate() {
            let (size, color) = if row == 0 { (NAME, strong) } else { (WORDS, weak) };
            let text = fit_text(text, size, rect.width() - 10.0);
            let middle = Pos2::new(rect.center().x, top + row as f32 * step);
            ui.painter().text(middle, Align2::CENTER_CENTER, text, FontId::proportional(size), color);
        }
        let response = ui.interact(rect, ui.scope_id().with(("block", at)), Sense::click());
        if response.on_hover_text(tip).clicked() {
            out.actions.push(Action::Layer(goes_to));
        }
    }
}

/// As many parts of a list as have room, from the first.
fn short_list(list: &str, width: f32) -> String {
    let ends = list.match_indices(", ").map(|(at, _)| at).chain([list.len()]);
    let fitting = ends.filter(|&end| text_width(&list[..end], WORDS) <= width).last();
    list[..fitting.unwrap_or(list.len())].to_string()
}
