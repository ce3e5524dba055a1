//! The picture in the left panel with what is drawn over it and said about it, and the bar of the last moments.

use egui::{Align2, Color32, FontId, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use super::arrangement::Arrangement;
use super::enlarged;
use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::{DARK, palette};
use crate::app::view_model::ViewModel;
use crate::gpu::{Fit, Preprocessing};
use crate::inspect::{Cover, Fill};
use crate::model::Shape;

/// The picture, and in words what lies over it.
pub(super) fn show(ui: &mut Ui, state: &AppState, model: &ViewModel, highest: f32, out: &mut Arrangement) {
    let width = ui.available_width();
    let Some(shown) = &model.activations else {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(width, width * 0.75), Sense::hover());
        ui.painter().rect_filled(rect, 2.0, palette(ui).field);
        let font = FontId::proportional(14.0);
        ui.painter().text(rect.center(), Align2::CENTER_CENTER, "no picture yet", font, palette(ui).quiet);
        return;
    };
    let frame = &shown.frame.frame;
    let as_input = state.shows_input() && shown.map(0).is_some();
    let input = shown.model.graph.input_shape();
    let [across, down] = match as_input {
        true => [input.width as f32, input.height as f32],
        false => [frame.width as f32, frame.height as f32],
    };
    let aspect = down / across;
    let size = if width * aspect > highest {
        Vec2::new(highest / aspect, highest)
    } else {
        Vec2::new(width, width * aspect)
    };
    let (rect, response) = ui.allocate_exact_size(size, Sense::click());
    if response.double_clicked() {
        out.actions.push(Action::ToggleFrozen);
    }
    out.picture = Some(rect);
    let how = if as_input { Preprocessing::default() } else { shown.request.how };
    let fit = how.fit(input);
    let seen = seen_part(rect, [frame.width, frame.height], how, input);
    if fit != Fit::Stretch {
        mark_crop(ui, rect, seen);
    }
    let under_cursor = response
        .hover_pos()
        .and_then(|at| pixel_at(seen, at, state.panels.mirror, [input.width as u32, input.height as u32]));
    let explains = state.overlay_lens().is_some_and(|lens| lens.explains_pixels())
        || state.experiment.chosen.cover.is_some();
    if let Some(pixel) = under_cursor.filter(|_| explains && response.clicked()) {
        let part = |pixel: u32, side: usize| (pixel as f32 + 0.5) / side as f32;
        out.actions.push(Action::MarkPoint([part(pixel[0], input.width), part(pixel[1], input.height)]));
    }
    // A pixel is marked where there is something to be said of one.
    let marked = state.place.marked_cell(input).filter(|_| explains && under_cursor.is_none());
    if let Some([row, column]) = marked {
        let part = Vec2::new(column as f32 + 0.5, row as f32 + 0.5)
            / Vec2::new(input.width as f32, input.height as f32);
        let across = if state.panels.mirror { 1.0 - part.x } else { part.x };
        mark_pixel(ui, seen.min + Vec2::new(across, part.y) * seen.size());
    }
    out.pixel = under_cursor.or(marked.map(|[row, column]| [column as u32, row as u32]));
    if let Some(cover) = shown.request.experiment.cover.filter(|_| !as_input) {
        mark_cover(ui, seen, cover, input, state.panels.mirror);
    }
    enlarged::on_picture(ui, seen, state, model);
    if state.time.frozen {
        let text = format!("frozen · {} goes on", state.keys.key_for(Action::ToggleFrozen));
        tag(ui, rect.left_top() + Vec2::splat(6.0), &text);
    }
    if state.time.frozen && model.moments.len() > 1 {
        time_bar(ui, frame.id, state, model, out);
    }
    if state.extras() == 0 {
        let text = what_is_seen(as_input, fit, input);
        ui.label(RichText::new(text).color(palette(ui).quiet).small());
    }
}

/// What the network sees of the picture that is shown.
fn what_is_seen(as_input: bool, fit: Fit, input: Shape) -> String {
    let size = format!("{}×{}", input.width, input.height);
    let grey = if input.channels == 1 { ", in grey" } else { "" };
    match (as_input, fit) {
        (true, _) => format!("These are the {size} pixels that the network sees{grey}."),
        (false, Fit::Stretch) => format!("The network sees the whole picture, stretched to {size}{grey}."),
        (false, Fit::Crop | Fit::Center(_)) => {
            format!("The network sees the framed part, resized to {size}{grey}.")
        }
    }
}

/// A cross with an open middle, dark and light.
fn mark_pixel(ui: &Ui, at: Pos2) {
    for (width, color) in [(4.0, Color32::from_black_alpha(170)), (1.5, DARK.accent)] {
        for arm in [Vec2::X, -Vec2::X, Vec2::Y, -Vec2::Y] {
            ui.painter().line_segment([at + arm * 3.0, at + arm * 9.0], Stroke::new(width, color));
        }
    }
}

/// The square that covers the picture: as grey as the network sees it, or hatched by its edge alone.
fn mark_cover(ui: &Ui, seen: Rect, cover: Cover, input: Shape, mirror: bool) {
    let [rows, columns] = cover.area(input);
    let across = |column: usize| {
        let part = column as f32 / input.width as f32;
        seen.left() + seen.width() * if mirror { 1.0 - part } else { part }
    };
    let down = |row: usize| seen.top() + seen.height() * row as f32 / input.height as f32;
    let [left, right] = [across(columns[0]), across(columns[1])];
    let rect = Rect::from_x_y_ranges(left.min(right)..=left.max(right), down(rows[0])..=down(rows[1]));
    let color = match cover.fill {
        Fill::Grey => Color32::from_gray(127),
        Fill::Mean | Fill::Blur => Color32::from_white_alpha(60),
    };
    ui.painter().rect_filled(rect, 0.0, color);
    ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.5, DARK.accent), egui::StrokeKind::Outside);
}

/// The part of the picture (drawn in `rect`) that the network sees.
fn seen_part(rect: Rect, [width, height]: [u32; 2], how: Preprocessing, input: Shape) -> Rect {
    let crop = how.seen([width, height], input);
    let scale = Vec2::new(rect.width() / width as f32, rect.height() / height as f32);
    let min = rect.min + Vec2::new(crop.x, crop.y) * scale;
    Rect::from_min_size(min, Vec2::new(crop.width, crop.height) * scale)
}

/// The pixel of an input of this size under a point of the screen.
fn pixel_at(seen: Rect, at: Pos2, mirror: bool, [width, height]: [u32; 2]) -> Option<[u32; 2]> {
    let inside = (at - seen.min) / seen.size();
    let across = if mirror { 1.0 - inside.x } else { inside.x };
    let pixel = |part: f32, side: u32| (0.0..1.0).contains(&part).then_some((part * side as f32) as u32);
    Some([pixel(across, width)?, pixel(inside.y, height)?])
}

/// The last frames from left to right; a click or a drag goes to one of them.
fn time_bar(ui: &mut Ui, shown: u64, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    let moments = &model.moments;
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), 12.0), Sense::click_and_drag());
    ui.painter().rect_filled(rect.shrink2(Vec2::new(0.0, 4.0)), 2.0, palette(ui).line);
    let last = moments.len() - 1;
    let x = |place: usize| rect.left() + rect.width() * place as f32 / last as f32;
    if let Some(at) = response.interact_pointer_pos() {
        let part = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        out.actions.push(Action::Moment(moments[(part * last as f32).round() as usize].id));
    }
    let Some(place) = moments.iter().position(|moment| moment.id == shown) else { return };
    let knob = Rect::from_center_size(Pos2::new(x(place), rect.center().y), Vec2::new(6.0, 12.0));
    ui.painter().rect_filled(knob, 2.0, palette(ui).accent);
    let ago = moments[last].captured.saturating_duration_since(moments[place].captured).as_secs_f32();
    let [earlier, later] =
        [Action::PreviousPicture, Action::NextPicture].map(|action| state.keys.key_for(action));
    let text = format!(
        "frame {} of the last {}, {ago:.1} s back ({earlier} earlier, {later} later)",
        place + 1,
        moments.len()
    );
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}

fn mark_crop(ui: &Ui, rect: Rect, seen: Rect) {
    let shade = Color32::from_black_alpha(150);
    for part in [
        Rect::from_min_max(rect.min, Pos2::new(seen.left(), rect.bottom())),
        Rect::from_min_max(Pos2::new(seen.right(), rect.top()), rect.max),
        Rect::from_min_max(rect.min, Pos2::new(rect.right(), seen.top())),
        Rect::from_min_max(Pos2::new(rect.left(), seen.bottom()), rect.max),
    ] {
        ui.painter().rect_filled(part, 0.0, shade);
    }
    ui.painter().rect_stroke(seen, 0.0, Stroke::new(1.5, DARK.accent), egui::StrokeKind::Inside);
}

fn tag(ui: &Ui, at: Pos2, text: &str) {
    let galley = ui.painter().layout_no_wrap(text.into(), FontId::proportional(13.0), DARK.text);
    let rect = Rect::from_min_size(at, galley.size() + Vec2::new(8.0, 4.0));
    ui.painter().rect_filled(rect, 3.0, Color32::from_black_alpha(190));
    ui.painter().galley(at + Vec2::new(4.0, 2.0), galley, DARK.text);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_tell_the_networks_own_size() {
        let input = |channels, height, width| Shape { channels, height, width };
        let said = [
            what_is_seen(false, Fit::Stretch, input(3, 150, 150)),
            what_is_seen(false, Fit::Crop, input(1, 64, 96)),
            what_is_seen(true, Fit::Stretch, input(3, 299, 299)),
        ];
        assert_eq!(said[0], "The network sees the whole picture, stretched to 150×150.");
        assert_eq!(said[1], "The network sees the framed part, resized to 96×64, in grey.");
        assert_eq!(said[2], "These are the 299×299 pixels that the network sees.");
    }
}
