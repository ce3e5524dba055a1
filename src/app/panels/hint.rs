//! The first keys, over the lower edge of the tiles until a key is pressed.

use egui::{FontId, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2};

use crate::app::keys::{Action, Keymap};
use crate::app::lens::class_activation;
use crate::app::theme::palette;

/// Action and what is said of it.
const FIRST: [(&[Action], &str); 5] = [
    (&[Action::PreviousLayer, Action::NextLayer], "the layer before, the next layer"),
    (&[Action::ToggleEnlarged], "the selected channel alone (arrows select), or all"),
    (&[Action::Over(class_activation::NAME)], "what in the picture speaks for the first class"),
    (
        &[Action::ToggleFrozen, Action::PreviousPicture, Action::NextPicture],
        "freeze the picture; go through the last seconds",
    ),
    (&[Action::ToggleHelp], "all keys"),
];

/// Draws them with their lower edge at `bottom`; returns the upper edge.
pub(super) fn show(ui: &Ui, keys: &Keymap, area: Rect, bottom: f32) -> f32 {
    let colors = palette(ui);
    let words = |text: String, color| ui.painter().layout_no_wrap(text, FontId::proportional(14.0), color);
    let rows: Vec<_> = FIRST
        .iter()
        .map(|(actions, text)| {
            let keys: Vec<_> = actions.iter().map(|action| keys.keys_for(*action)).collect();
            (words(keys.join("  "), colors.accent), words((*text).into(), colors.text))
        })
        .collect();
    let title = words("Five keys to begin with; any key takes this away".into(), colors.quiet);
    let widest = |sizes: &mut dyn Iterator<Item = f32>| sizes.fold(0.0, f32::max);
    let left = widest(&mut rows.iter().map(|(keys, _)| keys.size().x)) + 18.0;
    let line = title.size().y + 5.0;
    let width = (left + widest(&mut rows.iter().map(|(_, text)| text.size().x))).max(title.size().x);
    let size = Vec2::new(width + 32.0, line * (rows.len() as f32 + 1.0) + 20.0);
    let rect = Rect::from_min_size(Pos2::new(area.center().x - size.x / 2.0, bottom - size.y), size);
    ui.painter().rect_filled(rect, 6.0, colors.field);
    ui.painter().rect_stroke(rect, 6.0, Stroke::new(1.0, colors.accent), StrokeKind::Inside);
    let mut at = rect.min + Vec2::new(16.0, 10.0);
    ui.painter().galley(at, title, colors.quiet);
    for (keys, text) in rows {
        at.y += line;
        ui.painter().galley(at, keys, colors.accent);
        ui.painter().galley(at + Vec2::new(left, 0.0), text, colors.text);
    }
    rect.top()
}
