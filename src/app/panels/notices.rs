//! What the user has to know now, over the lower edge of the tiles.

use std::time::Duration;

use egui::{FontId, Pos2, Rect, Stroke, StrokeKind, Ui, Vec2};

use super::hint;
use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::session::Notice;

/// A view without a frame for so long says so.
pub const SILENCE: Duration = Duration::from_secs(2);

/// How long a notice stands on the screen (the terminal has it too).
const NOTICE_TIME: Duration = Duration::from_secs(12);

pub(super) fn show(ui: &Ui, area: Rect, state: &AppState, model: &ViewModel) {
    let typed = Some(&state.place.typed).filter(|typed| !typed.is_empty());
    let [go, no] = [Action::ToggleEnlarged, Action::Reset].map(|action| state.keys.keys_for(action));
    let go = go.rsplit("  ").next().unwrap_or_default().to_string();
    let prompt = typed.map(|typed| format!("channel {typed}_   {go} goes there, {no} does not"));
    let mut lines: Vec<String> = prompt.into_iter().chain(model.toast.clone()).collect();
    if ui.input(|input| !input.raw.hovered_files.is_empty()) {
        lines.push(
            "Drop it here: pictures, a folder, a video, a recorded session, or the weights of a network."
                .into(),
        );
    }
    lines.extend(model.status.trouble.clone());
    let is_told = model.status.trouble.is_some();
    if let Some(silent) = model.status.silence(model.now).filter(|silent| *silent >= SILENCE && !is_told) {
        lines.push(format!(
            "The camera has sent nothing for {} s; what is shown is that old.",
            silent.as_secs()
        ));
    }
    lines.extend(model.activations.as_ref().and_then(|shown| shown.frame.frame.named_note()));
    let is_new = |notice: &&Notice| model.now.saturating_duration_since(notice.told) < NOTICE_TIME;
    lines.extend(model.status.notices.iter().filter(is_new).map(|notice| notice.text.clone()));
    let mut bottom = area.bottom() - 8.0;
    if state.panels.hint {
        bottom = hint::show(ui, &state.keys, area, bottom) - 6.0;
    }
    for line in lines {
        let galley =
            ui.painter().layout(line, FontId::proportional(14.0), palette(ui).text, area.width() - 40.0);
        let size = galley.size() + Vec2::new(20.0, 10.0);
        let rect = Rect::from_min_size(Pos2::new(area.center().x - size.x / 2.0, bottom - size.y), size);
        ui.painter().rect_filled(rect, 4.0, palette(ui).notice);
        ui.painter().rect_stroke(rect, 4.0, Stroke::new(1.0, palette(ui).accent), StrokeKind::Inside);
        ui.painter().galley(rect.min + Vec2::new(10.0, 5.0), galley, palette(ui).text);
        bottom = rect.top() - 6.0;
    }
}
