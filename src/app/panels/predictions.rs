//! What the network says of the picture, and all its probabilities (or other numbers) as a curve.

use egui::{Align, Align2, FontId, Layout, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::inspect::{Answer, no_answer};
use crate::session::Before;
use crate::view::{number, range};
use crate::weights::Origin;

/// Values as a curve over their index, with zero and the largest value marked.
pub(super) fn plot(ui: &Ui, rect: Rect, values: &[f32]) {
    ui.painter().rect_filled(rect, 2.0, palette(ui).field);
    let (low, high) = range(values);
    let (low, high) = (low.min(0.0), high.max(0.0));
    if values.is_empty() || low >= high {
        return;
    }
    let inner = rect.shrink2(Vec2::new(0.0, 3.0));
    let y = |value: f32| egui::remap(value, low..=high, inner.bottom()..=inner.top());
    let x = |index: usize| rect.left() + rect.width() * (index as f32 + 0.5) / values.len() as f32;
    ui.painter().hline(rect.x_range(), y(0.0), Stroke::new(1.0, palette(ui).line));
    // A line from zero for each value: a single peak between two pixels stays visible.
    for (index, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        if (y(*value) - y(0.0)).abs() >= 0.5 {
            ui.painter().vline(x(index), y(0.0)..=y(*value), Stroke::new(1.0, palette(ui).curve));
        }
    }
    let font = FontId::proportional(11.0);
    ui.painter().text(
        rect.right_top() + Vec2::new(-3.0, 1.0),
        Align2::RIGHT_TOP,
        number(high),
        font.clone(),
        palette(ui).text,
    );
    if low < 0.0 {
        let at = rect.right_bottom() - Vec2::new(3.0, 1.0);
        ui.painter().text(at, Align2::RIGHT_BOTTOM, number(low), font, palette(ui).text);
    }
}

/// All probabilities, or other numbers; the one under the cursor is named.
fn curve(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let (Some(answer), Some(network)) = (model.answer(), model.network()) else { return };
    let count = answer.values.len();
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 72.0), Sense::hover());
    plot(ui, rect, &answer.values);
    let text = match response.hover_pos() {
        Some(at) => {
            let part = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
            let place = ((part * count as f32) as usize).min(count.saturating_sub(1));
            let (name, said) = (answer.name(place, &network.labels), answer.said(place).in_words(2));
            format!("{} {place} · {name}: {said}", answer.noun())
        }
        None => {
            let key = state.keys.key_for(Action::ToggleCurve);
            match answer.is_probability() {
                true => format!("The probabilities of all {count} classes ({key})."),
                false => format!("The values of all {count} outputs ({key})."),
            }
        }
    };
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}

pub(super) fn predictions(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    if let Some(network) = model.network().filter(|network| network.weights.origin.is_trained()) {
        let origin = &network.weights.origin;
        let color =
            if matches!(origin, Origin::Embedded { .. }) { palette(ui).accent } else { palette(ui).quiet };
        let title = RichText::new(origin.title()).color(color).small();
        ui.add(egui::Label::new(title).truncate());
    }
    if !model.trained() {
        let text = match model.network() {
            None => "Weights are being loaded.",
            Some(_) => {
                "Untrained network: its weights are random, so it recognises nothing and predictions are \
                 hidden. Real ones (see README, Weights):"
            }
        };
        ui.label(RichText::new(text).color(palette(ui).accent));
        if let Some(download) = &model.download {
            ui.label(RichText::new(download).color(palette(ui).accent));
        } else if model.network().is_some() {
            // Not in the text's font, which joins the two dashes.
            ui.label(RichText::new("convscope weights fetch").monospace().color(palette(ui).accent));
        }
        return;
    }
    if state.graph().answer().is_none() {
        let text = format!("Nothing to list: {}. They are looked at as layers.", no_answer(state.graph()));
        ui.label(RichText::new(text).color(palette(ui).quiet));
        return;
    }
    if !state.panels.predictions {
        let key = state.keys.key_for(Action::TogglePredictions);
        ui.label(RichText::new(format!("Off; {key} turns them on.")).color(palette(ui).quiet));
        return;
    }
    // What is shown beside them wants room too.
    let classes = [5, 3].get(state.extras()).copied().unwrap_or(2);
    let (low, high) = model.answer().map_or((0.0, 1.0), Answer::span);
    if let Some(before) = model.before() {
        compared(ui, model, before, classes, (low, high));
        if state.panels.curve {
            curve(ui, state, model);
        }
        return;
    }
    for (name, said) in model.top(classes) {
        row(ui, name, said.in_words(1), None, said.number(), (low, high));
    }
    if state.panels.curve {
        curve(ui, state, model);
    }
}

/// One class or output: a bar up to `value`, a mark at `before`, the name and what is said.
fn row(ui: &mut Ui, name: String, said: String, before: Option<f32>, value: f32, (low, high): (f32, f32)) {
    let height = 19.0;
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
    let x = |value: f32| rect.left() + rect.width() * (value - low) / (high - low).max(f32::MIN_POSITIVE);
    let ends = [x(0.0), x(value)];
    let bar = Rect::from_x_y_ranges(ends[0].min(ends[1])..=ends[0].max(ends[1]), rect.y_range());
    ui.painter().rect_filled(rect, 2.0, palette(ui).field);
    ui.painter().rect_filled(bar, 2.0, palette(ui).bar);
    if let Some(before) = before.filter(|before| before.is_finite()) {
        let at = x(before).clamp(rect.left() + 1.0, rect.right() - 1.0);
        ui.painter().vline(at, rect.y_range(), Stroke::new(2.0, palette(ui).accent));
    }
    let font = FontId::proportional(13.5);
    let number = ui.painter().text(
        rect.right_center() - Vec2::new(5.0, 0.0),
        Align2::RIGHT_CENTER,
        said,
        font,
        palette(ui).text,
    );
    let label =
        Rect::from_min_max(rect.min + Vec2::new(5.0, 0.0), Pos2::new(number.left() - 6.0, rect.bottom()));
    let mut inner =
        ui.new_child(egui::UiBuilder::new().max_rect(label).layout(Layout::left_to_right(Align::Center)));
    inner.add(egui::Label::new(name).truncate());
}

/// What is said before and after an experiment, and of which frame before is.
fn compared(ui: &mut Ui, model: &ViewModel, before: &Before, classes: usize, (low, high): (f32, f32)) {
    let (others, Some(shown)) = (before.answer.span(), &model.activations) else { return };
    let ends = (low.min(others.0), high.max(others.1));
    for (name, before, after) in model.top_of_both(classes) {
        let said = format!("{} to {}", before.in_words(1), after.in_words(1));
        row(ui, name, said, Some(before.number()), after.number(), ends);
    }
    let frame = &shown.frame.frame;
    let of = match frame.id == before.frame {
        true => "both of this frame".into(),
        false => {
            let ago = frame.captured.saturating_duration_since(before.captured).as_secs_f32();
            format!("before: of the frame {ago:.1} s ago")
        }
    };
    let text = format!("before (the line) to after (the bar); {of}");
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}
