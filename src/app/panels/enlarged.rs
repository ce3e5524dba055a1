//! What is drawn and said around an enlarged channel: the cell under the cursor and the pixels it sees, and the other way
//! round; its histogram, its last seconds, and what its numbers mean.

use egui::{Color32, FontId, Pos2, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

use super::arrangement::Arrangement;
use super::glossary;
use crate::app::channel::{cells_that_see, in_words};
use crate::app::geometry::{enlarged, in_pixels};
use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::{DARK, palette};
use crate::app::view_model::ViewModel;
use crate::inspect::is_rectified;
use crate::model::Shape;
use crate::view::{number, range};

/// Height of the histogram and of the curve, in points.
const PLOT: f32 = 46.0;

/// The map's place within `body`, in points.
fn place(body: Rect, shape: Shape, scale: f32) -> Rect {
    let pixels = enlarged(in_pixels(body, scale), shape);
    Rect::from_min_size(Pos2::new(pixels.x, pixels.y) / scale, Vec2::new(pixels.width, pixels.height) / scale)
}

/// The part of the map's place that some cells take.
fn cells_rect(place: Rect, shape: Shape, rows: [usize; 2], columns: [usize; 2]) -> Rect {
    let cell = place.size() / Vec2::new(shape.width as f32, shape.height as f32);
    let corner = |row: usize, column: usize| place.min + Vec2::new(column as f32, row as f32) * cell;
    Rect::from_min_max(corner(rows[0], columns[0]), corner(rows[1] + 1, columns[1] + 1))
}

/// Over the enlarged map: the cell under the cursor with its value, or the cells that see the pixel under the cursor.
pub fn over_map(
    ui: &Ui,
    body: Rect,
    response: &egui::Response,
    state: &AppState,
    model: &ViewModel,
    out: &mut Arrangement,
) {
    let node = &state.graph().nodes[model.shown_layer(state)];
    let (shape, field) = (node.shape, node.receptive_field);
    let place = place(body, shape, ui.ctx().pixels_per_point());
    if let Some([x, y]) = model.pixel
        && let Some([rows, columns]) = cells_that_see(field, [y as usize, x as usize], shape)
    {
        outline(ui, cells_rect(place, shape, rows, columns));
    }
    let under_cursor = response.hover_pos().filter(|at| place.contains(*at)).map(|at| {
        let inside = (at - place.min) / place.size();
        let cell = |part: f32, cells: usize| ((part * cells as f32) as usize).min(cells - 1);
        [cell(inside.y, shape.height), cell(inside.x, shape.width)]
    });
    if let Some([row, column]) = under_cursor.filter(|_| response.clicked() && !response.double_clicked()) {
        let part = |at: usize, cells: usize| (at as f32 + 0.5) / cells as f32;
        out.actions.push(Action::MarkPoint([part(column, shape.width), part(row, shape.height)]));
    }
    // What is explained is the strongest cell, until another one is meant.
    let strongest = model.channel.as_ref().filter(|_| state.explains_cell()).and_then(|map| map.strongest());
    let marked = under_cursor.or(state.place.marked_cell(shape)).or(strongest);
    let Some([row, column]) = marked else { return };
    out.cell = Some([row, column]);
    let cell = cells_rect(place, shape, [row, row], [column, column]);
    outline(ui, cell);
    let value = model.channel.as_ref().and_then(|channel| channel.at([row, column]));
    let value = value.map_or("…".into(), number);
    let input = state.graph().input_shape();
    let [top, left, bottom, right] = field.seen_by([row, column], [input.height, input.width]);
    let (wide, high) = (right - left, bottom - top);
    let seen = match (wide, high) == (input.width, input.height) {
        true => "the whole input, which is".to_string(),
        false => format!("{wide}×{high} pixels of the input; they are"),
    };
    beside(
        ui,
        body,
        cell,
        format!("row {row}, column {column}: {value}\nThis cell sees {seen} framed in the picture."),
    );
}

/// Words beside a cell, within `body`.
fn beside(ui: &Ui, body: Rect, cell: Rect, text: String) {
    let room = body.width() - 14.0;
    let galley = ui.painter().layout(text, FontId::proportional(13.0), DARK.text, room);
    let size = galley.size() + Vec2::new(14.0, 8.0);
    let is_room_below = cell.bottom() + 6.0 + size.y <= body.bottom();
    let top = if is_room_below { cell.bottom() + 6.0 } else { (cell.top() - 6.0 - size.y).max(body.top()) };
    let left = cell.center().x.min(body.right() - size.x).max(body.left());
    let back = Rect::from_min_size(Pos2::new(left, top), size);
    ui.painter().rect_filled(back, 4.0, Color32::from_black_alpha(215));
    ui.painter().galley(back.min + Vec2::new(7.0, 4.0), galley, DARK.text);
}

/// In the picture (the network sees the part `seen` of it): the pixels that the cell under the cursor sees.
pub fn on_picture(ui: &Ui, seen: Rect, state: &AppState, model: &ViewModel) {
    let Some(cell) = model.cell.filter(|_| state.shows_one_map()) else { return };
    let graph = state.graph();
    let input = graph.input_shape();
    let field = graph.nodes[model.shown_layer(state)].receptive_field;
    let [top, left, bottom, right] = field.seen_by(cell, [input.height, input.width]);
    let [left, right] = match state.panels.mirror {
        true => [input.width - right, input.width - left],
        false => [left, right],
    };
    let pixel = seen.size() / Vec2::new(input.width as f32, input.height as f32);
    let corner = |row: usize, column: usize| seen.min + Vec2::new(column as f32, row as f32) * pixel;
    outline(ui, Rect::from_min_max(corner(top, left), corner(bottom, right)));
}

/// Light on dark, so that it is seen on everything.
fn outline(ui: &Ui, rect: Rect) {
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(4.0, Color32::from_black_alpha(170)), StrokeKind::Middle);
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(2.0, DARK.accent), StrokeKind::Middle);
}

/// In the left panel: what there is to know of the enlarged channel.
pub fn words(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let layer = model.shown_layer(state);
    let (Some(shown), Some(channel)) = (&model.activations, state.selected_channel(layer)) else { return };
    let Some(tap) = shown.tap(layer) else { return };
    if let Some(statistics) = tap.channel_statistics.get(channel as usize) {
        let Shape { height, width, .. } = state.graph().nodes[layer].shape;
        let text = in_words(statistics, is_rectified(state.graph(), layer), height * width);
        ui.label(RichText::new(text).color(palette(ui).accent).small());
    }
    if let Some(finding) = model.health.as_ref().and_then(|health| health.finding(channel as usize)) {
        ui.label(
            RichText::new(format!("Over this session: {}.", finding.word())).color(palette(ui).quiet).small(),
        );
    }
    if let Some(channel) = &model.channel {
        histogram(ui, &channel.histogram(), range(&channel.values));
    }
    if model.curve.len() > 1 {
        curve(ui, &model.curve);
    }
}

fn field(ui: &mut Ui, caption: &str, term: &str) -> Rect {
    ui.label(RichText::new(caption).color(palette(ui).quiet).small()).on_hover_text(glossary::explain(term));
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), PLOT), Sense::hover());
    ui.painter().rect_filled(rect, 2.0, palette(ui).field);
    rect
}

/// How many cells have which value, from the lowest (left) to the highest.
fn histogram(ui: &mut Ui, bars: &[f32], (low, high): (f32, f32)) {
    let highest = bars.iter().fold(0.0_f32, |a, b| a.max(*b));
    if highest <= 0.0 {
        return;
    }
    let rect = field(ui, "Histogram (bars: square root of the count)", "histogram");
    let inner = rect.shrink2(Vec2::new(3.0, 3.0));
    let width = inner.width() / bars.len() as f32;
    for (index, count) in bars.iter().enumerate().filter(|(_, count)| **count > 0.0) {
        let left = inner.left() + index as f32 * width;
        let height = inner.height() * (count / highest).sqrt();
        let bar = Rect::from_min_max(
            Pos2::new(left, inner.bottom() - height.max(1.0)),
            Pos2::new(left + (width - 1.0).max(1.0), inner.bottom()),
        );
        ui.painter().rect_filled(bar, 0.0, palette(ui).curve);
    }
    ends(ui, rect, &number(low), &number(high));
}

/// Mean (grey) and largest value (coloured) over the last seconds, the newest on the right.
fn curve(ui: &mut Ui, curve: &[(f32, f32, f32)]) {
    let span = curve.first().map_or(1.0, |(ago, ..)| ago.max(0.5));
    let values = || curve.iter().flat_map(|(_, mean, max)| [*mean, *max]).filter(|value| value.is_finite());
    let (low, high) = (values().fold(0.0, f32::min), values().fold(0.0, f32::max));
    let rect = field(ui, &format!("Highest value (coloured) and mean (grey), last {span:.0} s"), "curve");
    if low >= high {
        return;
    }
    let inner = rect.shrink2(Vec2::new(3.0, 5.0));
    let at = |ago: f32, value: f32| {
        let x = egui::remap(ago, span..=0.0, inner.left()..=inner.right());
        Pos2::new(x, egui::remap(value, low..=high, inner.bottom()..=inner.top()))
    };
    let zero = at(0.0, 0.0).y;
    ui.painter().hline(rect.x_range(), zero, Stroke::new(1.0, palette(ui).line));
    let line = |value: fn(&(f32, f32, f32)) -> f32, color: Color32| {
        let points =
            curve.iter().filter(|point| value(point).is_finite()).map(|point| at(point.0, value(point)));
        ui.painter().add(egui::Shape::line(points.collect(), Stroke::new(1.5, color)));
    };
    line(|point| point.1, palette(ui).quiet);
    line(|point| point.2, palette(ui).curve);
    let font = FontId::proportional(11.0);
    let newest = curve.last().map_or(0.0, |point| point.2);
    let corner = rect.right_top() + Vec2::new(-3.0, 1.0);
    ui.painter().text(corner, egui::Align2::RIGHT_TOP, number(newest), font, palette(ui).text);
}

/// The numbers of both ends, on a ground of their own so that no bar runs through them.
fn ends(ui: &Ui, rect: Rect, low: &str, high: &str) {
    for (text, is_low) in [(low, true), (high, false)] {
        let galley = ui.painter().layout_no_wrap(text.into(), FontId::proportional(11.0), palette(ui).text);
        let size = galley.size() + Vec2::new(6.0, 0.0);
        let left = if is_low { rect.left() + 10.0 } else { rect.right() - size.x };
        let back = Rect::from_min_size(Pos2::new(left, rect.top() + 1.0), size);
        ui.painter().rect_filled(back, 0.0, palette(ui).field);
        ui.painter().galley(back.min + Vec2::new(3.0, 0.0), galley, palette(ui).text);
    }
}
