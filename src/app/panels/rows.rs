//! Layers in rows: where their tiles lie, their names, and what clicks on them ask for.

use egui::{Align2, FontId, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2};

use super::arrangement::Arrangement;
use super::names::short_name;
use crate::app::keys::Action;
use crate::app::lens::rows::{channels, chosen};
use crate::app::state::{AppState, MOST_ROWS};
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::figure::fit_text;
use crate::view::{TileGrid, TileSize};

/// Sides of an automatic tile, in points.
const LEAST: f32 = 44.0;
const MOST: f32 = 128.0;

/// Between rows, in points.
const GAP: f32 = 6.0;

/// Size of names, in points.
const NAME: f32 = 13.5;

/// The names' share of the width, and its limits in points.
const NAMES: f32 = 0.2;
const LEAST_NAMES: f32 = 92.0;
const MOST_NAMES: f32 = 132.0;

pub(super) fn show(
    ui: &Ui,
    area: Rect,
    response: &egui::Response,
    state: &mut AppState,
    model: &ViewModel,
    out: &mut Arrangement,
) {
    let scale = ui.ctx().pixels_per_point();
    let all = chosen(&model.look(state));
    let names = (area.width() * NAMES).clamp(LEAST_NAMES, MOST_NAMES);
    let room = Vec2::new(area.width() - names, area.height());
    let input = state.graph().input_shape();
    let longer = input.width.max(input.height).max(1) as f32;
    let [wide, high] = [input.width as f32 / longer, input.height as f32 / longer];
    let side = match state.place.tile_size {
        TileSize::Pixels(points) => points as f32,
        TileSize::Auto => {
            let of_each = room.y / all.len().clamp(1, MOST_ROWS) as f32 - GAP;
            (of_each / high).clamp(LEAST, MOST)
        }
    };
    let side = side.min(room.x / wide).min(room.y / high).max(4.0);
    let tile = [wide, high].map(|part| ((side * part * scale) as u32).max(1));
    let gap = (scale.round() as u32).max(1);
    let columns = (((room.x * scale) as u32 + gap) / (tile[0] + gap)).max(1);
    state.place.grid = Some(TileGrid { tile, gap, columns, rows: 1, origin: [0, 0] });
    let row_height = tile[1] as f32 / scale + GAP;
    state.lenses.rows.room = Some((((room.y + GAP) / row_height) as usize).clamp(1, MOST_ROWS));
    let graph = state.graph().clone();
    let hovered = response.hover_pos().filter(|_| !state.panels.help);
    for (place, &layer) in all[state.lenses.rows.shown(all.len())].iter().enumerate() {
        let top = area.top() + place as f32 * row_height;
        let row = Rect::from_min_size(Pos2::new(area.left(), top), Vec2::new(area.width(), row_height - GAP));
        let tiles = Rect::from_min_max(Pos2::new(area.left() + names, top), row.max);
        out.tiles.push(tiles);
        let node = &graph.nodes[layer];
        let shown = layer == state.place.layer;
        let color = if shown { palette(ui).accent } else { palette(ui).text };
        let short = short_name(&node.name, NAME, names - 10.0);
        let write = |y: f32, size: f32, text: &str, color| {
            let text = fit_text(text, size, names - 10.0);
            ui.painter().text(
                Pos2::new(row.left(), y),
                Align2::LEFT_CENTER,
                text,
                FontId::proportional(size),
                color,
            );
        };
        let middle = row.center().y;
        write(middle - 8.0, NAME, &short, color);
        write(middle + 8.0, 11.5, &node.shape.to_string(), palette(ui).quiet);
        let Some(at) = hovered.filter(|at| row.expand(0.5 * GAP).contains(*at)) else { continue };
        let pitch = (tile[0] + gap) as f32 / scale;
        let column = ((at.x - tiles.left()) / pitch).floor();
        let order = channels(&model.look(state), node.shape, columns as usize);
        let under = (column >= 0.0).then(|| order.get(column as usize).copied()).flatten();
        ui.painter().rect_stroke(
            row.expand(2.0),
            2.0,
            Stroke::new(1.0, palette(ui).line),
            StrokeKind::Outside,
        );
        let channel = under.map_or_else(String::new, |channel| format!(", channel {channel}"));
        response.clone().on_hover_text_at_pointer(format!("{}{channel}: a click goes there", node.name));
        if response.clicked() {
            out.actions.push(Action::Layer(layer));
            out.actions.extend(under.map(|_| Action::Select(column as usize)));
        }
    }
}
