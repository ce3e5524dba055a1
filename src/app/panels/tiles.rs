//! The tiles: where they lie, what is written on them, and what clicks on them ask for.

use std::sync::Arc;

use egui::text::{LayoutJob, TextWrapping};
use egui::{Align, Align2, Color32, FontId, Galley, Layout, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use super::arrangement::Arrangement;
use super::enlarged;
use crate::app::health::LayerMarks;
use crate::app::keys::Action;
use crate::app::lens::maps::channel_in_words;
use crate::app::lens::{LayerColors, Look, Subject};
use crate::app::state::AppState;
use crate::app::theme::{DARK, palette};
use crate::app::view_model::ViewModel;
use crate::inspect::Experiment;
use crate::model::LayerIndex;
use crate::session::Stage;
use crate::view::{TileGrid, TileSize, tile_grid};

/// Tiles smaller than this (in points) carry no number.
const NUMBERED_TILE: f32 = 47.0;

pub(super) fn tiles(ui: &mut Ui, state: &mut AppState, model: &ViewModel, out: &mut Arrangement) {
    let area = ui.available_rect_before_wrap();
    let scale = ui.ctx().pixels_per_point();
    let response = ui.allocate_rect(area, Sense::click());
    let layer = model.shown_layer(state);
    let message = match (&model.status.stage, model.activations.is_some()) {
        (Stage::Failed(reason), _) => Some((reason.clone(), palette(ui).accent)),
        (Stage::Loading(what), false) => Some((format!("{what} …"), palette(ui).quiet)),
        (_, false) => Some(("waiting for the first frame …".into(), palette(ui).quiet)),
        _ => None,
    };
    if let Some((text, color)) = message {
        let galley = ui.painter().layout(text, FontId::proportional(18.0), color, area.width() * 0.8);
        let at = area.center() - galley.size() / 2.0;
        ui.painter().galley(at, galley, color);
        return;
    }
    let subject = match state.tiles_lens().subject(&model.look(state)) {
        Ok(subject) => subject,
        Err(reason) => {
            empty(ui, area, reason);
            return;
        }
    };
    if !subject.rows.is_empty() {
        super::rows::show(ui, area, &response, state, model, out);
        turn_pages(ui, &response, out);
        return;
    }
    let is_map = state.shows_maps();
    let versions = subject.titles.len().max(1);
    for version in 0..versions {
        let width = (area.width() - VERSION_GAP * (versions - 1) as f32) / versions as f32;
        let left = area.left() + (width + VERSION_GAP) * version as f32;
        let mut body = Rect::from_min_size(Pos2::new(left, area.top()), Vec2::new(width, area.height()));
        if let Some(text) = subject.titles.get(version) {
            let place = Rect::from_min_size(body.min, Vec2::new(width, HEADING));
            let layout = Layout::left_to_right(Align::Center);
            let mut heading = ui.new_child(egui::UiBuilder::new().max_rect(place).layout(layout));
            heading.add(egui::Label::new(RichText::new(text).color(palette(ui).accent)).truncate());
            body.min.y += HEADING;
        }
        out.tiles.push(body);
    }
    let body = out.tiles[0];
    let pixels = [body.width(), body.height()].map(|side| (side * scale) as u32);
    let grid = grid_of(&subject, state, pixels, scale);
    state.place.grid = Some(grid);
    if response.double_clicked() && state.place.enlarged {
        out.actions.push(Action::Enlarge(state.place.selected));
    }
    let channels = state.shown_channels(layer);
    let colors = match &model.activations {
        Some(shown) if is_map => {
            LayerColors::of(&state.colors, state.graph().nodes[layer].shape, shown, layer)
        }
        _ => vec![],
    };
    if state.place.enlarged {
        for (body, colors) in out.tiles.iter().zip(&colors) {
            let flat = channels.get(state.place.selected).and_then(|channel| colors.flat_in_words(*channel));
            if let Some(text) = flat {
                let font = FontId::proportional(18.0);
                ui.painter().text(body.center(), Align2::CENTER_CENTER, text, font, DARK.quiet);
            }
        }
    }
    if state.place.enlarged && is_map {
        enlarged::over_map(ui, body, &response, state, model, out);
    }
    if state.place.enlarged || !subject.is_selectable {
        return;
    }
    let positions = state.place.positions(channels.len());
    let (first, shown) = (positions.start, &channels[positions]);
    for (version, body) in out.tiles.iter().enumerate() {
        // Health is the main network's.
        let health = model.health.as_deref().filter(|_| is_map && version == 0);
        let colors = colors.get(version);
        let look = Some(model.look(state)).filter(|_| is_map);
        let is_main =
            version == 0 && state.tiles_lens().subject(&model.look(state)).is_ok_and(|s| s.is_selectable);
        let tried =
            model.activations.as_ref().filter(|_| is_main).map(|shown| (&shown.request.experiment, layer));
        number_tiles(ui, *body, &grid, state, shown, first, TileMarks { health, colors, look, tried });
    }
    turn_pages(ui, &response, out);
    // The version under a point, and the place of the tile in it.
    let place_at = |at: Pos2| {
        let version = out.tiles.iter().position(|body| body.contains(at))?;
        let local = (at - out.tiles[version].min) * scale;
        let (place, _) = grid.tile_from_pixel(local.x, local.y)?;
        (place < shown.len()).then_some((version, place))
    };
    if let Some((_, place)) =
        response.interact_pointer_pos().filter(|_| response.clicked()).and_then(place_at)
    {
        let (position, twice) = (first + place, response.double_clicked());
        out.actions.push(if twice { Action::Enlarge(position) } else { Action::Select(position) });
    }
    let under = response.hover_pos().and_then(place_at).filter(|_| is_map && !state.panels.help);
    if let (Some((version, place)), Some(results)) = (under, &model.activations)
        && let Some((tap, _)) = results.versions(layer).nth(version)
    {
        let channel = shown[place];
        response.on_hover_text_at_pointer(channel_in_words(
            &model.look(state),
            channel,
            tap.channel_statistics[channel as usize],
        ));
    }
}

/// What the wheel asks for.
fn turn_pages(ui: &Ui, response: &egui::Response, out: &mut Arrangement) {
    let turn = ui.input(|input| input.events.iter().map(wheel_turn).sum::<f32>());
    if response.hovered() && turn.abs() >= 1.0 {
        out.actions.push(if turn > 0.0 { Action::PreviousPage } else { Action::NextPage });
    }
}

/// Height of the line over tiles that says what they are, in points.
const HEADING: f32 = 26.0;

/// Between the versions of a comparison, in points.
const VERSION_GAP: f32 = 14.0;

/// How many tiles of which size fit into an area of so many pixels.
fn grid_of(subject: &Subject, state: &AppState, pixels: [u32; 2], scale: f32) -> TileGrid {
    let size = match state.place.tile_size {
        TileSize::Auto => TileSize::Auto,
        TileSize::Pixels(points) => TileSize::Pixels((points as f32 * scale).round() as u32),
    };
    if subject.is_selectable {
        return tile_grid(pixels, subject.size, subject.count, size, scale);
    }
    // What belongs together is on one page, however small that makes it.
    let points = LARGEST_SLICE.max(2.0 * subject.size[0].max(subject.size[1]) as f32);
    let largest = (points * scale) as u32;
    let fits = |grid: &TileGrid| grid.page_len() >= subject.count;
    let grid = |side| tile_grid(pixels, subject.size, subject.count, TileSize::Pixels(side), scale);
    (1..largest).rev().map(grid).find(fits).unwrap_or_else(|| grid(1))
}

/// A slice of a kernel is not drawn larger than this, in points; a picture up to twice as large as it is.
const LARGEST_SLICE: f32 = 96.0;

/// There is nothing to show: says why, and what to do.
fn empty(ui: &Ui, area: Rect, reason: String) {
    let galley =
        ui.painter().layout(reason, FontId::proportional(18.0), palette(ui).quiet, area.width() * 0.8);
    ui.painter().galley(area.center() - galley.size() / 2.0, galley, palette(ui).quiet);
}

/// What is written on tiles beside their numbers.
struct TileMarks<'a> {
    health: Option<&'a LayerMarks>,
    colors: Option<&'a LayerColors>,
    /// Tells the classes of channels.
    look: Option<Look<'a>>,
    tried: Option<(&'a Experiment, LayerIndex)>,
}

/// Frame, number and health of each tile.
fn number_tiles(
    ui: &Ui,
    area: Rect,
    grid: &TileGrid,
    state: &AppState,
    shown: &[u32],
    first: usize,
    marks: TileMarks<'_>,
) {
    let scale = ui.ctx().pixels_per_point();
    let tile = Vec2::new(grid.tile[0] as f32, grid.tile[1] as f32) / scale;
    for (place, channel) in shown.iter().enumerate() {
        let edge = grid.tile_origin(place);
        let min = area.min + Vec2::new(edge[0] as f32, edge[1] as f32) / scale;
        let rect = Rect::from_min_size(min, tile);
        if first + place == state.place.selected {
            ui.painter().rect_stroke(
                rect,
                0.0,
                Stroke::new(2.0, palette(ui).accent),
                egui::StrokeKind::Outside,
            );
        }
        let numbered = tile.min_elem() >= NUMBERED_TILE;
        if numbered {
            let class = marks.look.as_ref().and_then(|look| look.class_of_channel(*channel));
            let text = class.map_or_else(|| channel.to_string(), |name| format!("{channel} {name}"));
            let galley = one_line(ui, text, tile.x - 4.0);
            let back = Rect::from_min_size(rect.min, galley.size() + Vec2::new(4.0, 0.0));
            ui.painter().rect_filled(back, 0.0, Color32::from_black_alpha(150));
            ui.painter().galley(rect.min + Vec2::new(2.0, 0.0), galley, DARK.text);
        }
        let mark = marks.health.and_then(|health| health.finding(*channel as usize));
        let tried = marks.tried.and_then(|(experiment, layer)| experiment.of(layer, *channel as usize));
        let flat = marks
            .colors
            .filter(|_| mark.is_none() && tried.is_none())
            .and_then(|colors| colors.flat_in_words(*channel));
        if let Some(text) = flat {
            mark_flat(ui, rect, text);
        }
        let tried = tried.map(|own| (own.kind.in_words(), DARK.accent));
        let found = mark.map(|finding| {
            let [r, g, b] = finding.color();
            (finding.word().to_string(), Color32::from_rgb(r, g, b))
        });
        if let Some((word, color)) = tried.or(found) {
            let galley = ui.painter().layout_no_wrap(word, FontId::proportional(11.0), color);
            if numbered && galley.size().x + 6.0 < tile.x && galley.size().y * 2.0 < tile.y {
                let min = rect.left_bottom() - Vec2::new(0.0, galley.size().y);
                let back = Rect::from_min_size(min, galley.size() + Vec2::new(6.0, 0.0));
                ui.painter().rect_filled(back, 0.0, Color32::from_black_alpha(190));
                ui.painter().galley(min + Vec2::new(3.0, 0.0), galley, color);
            } else {
                let corner = Rect::from_min_max(
                    rect.right_top() + Vec2::new(-6.0, 0.0),
                    rect.right_top() + Vec2::new(0.0, 6.0),
                );
                ui.painter().rect_filled(corner, 0.0, color);
            }
        }
    }
}

/// A number, and a name as far as there is room for it.
fn one_line(ui: &Ui, text: String, width: f32) -> Arc<Galley> {
    let mut job = LayoutJob::simple(text, FontId::proportional(11.0), DARK.text, width);
    job.wrap = TextWrapping { break_anywhere: true, ..TextWrapping::truncate_at_width(width) };
    ui.painter().layout_job(job)
}

/// Says quietly that a map has nothing to show: in a word where there is room, else with a dash.
fn mark_flat(ui: &Ui, tile: Rect, text: String) {
    let galley = ui.painter().layout_no_wrap(text, FontId::proportional(11.0), DARK.quiet);
    let room = tile.size() - galley.size();
    // Not under the number in the corner.
    if room.x >= 6.0 && room.y >= 2.0 * galley.size().y {
        ui.painter().galley(tile.center() - galley.size() / 2.0, galley, DARK.quiet);
    } else if tile.size().min_elem() >= 8.0 {
        let half = tile.width() * 0.15;
        let stroke = Stroke::new(1.0, DARK.quiet.gamma_multiply(0.7));
        ui.painter().hline(tile.center().x - half..=tile.center().x + half, tile.center().y, stroke);
    }
}

/// Notches that a wheel was turned, up positive; a touchpad's points count as a fraction.
fn wheel_turn(event: &egui::Event) -> f32 {
    match event {
        egui::Event::MouseWheel { unit: egui::MouseWheelUnit::Point, delta, .. } => delta.y / 40.0,
        egui::Event::MouseWheel { delta, .. } => delta.y,
        _ => 0.0,
    }
}
