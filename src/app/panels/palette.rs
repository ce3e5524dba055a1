//! The list of everything that can be done, over the view.

use egui::{Align, Align2, Color32, Id, Layout, RichText, Sense, Ui, UiBuilder, Vec2};

use super::arrangement::Arrangement;
use crate::app::keys::Action;
use crate::app::palette::{Entry, found};
use crate::app::state::{AppState, Search};
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;

/// Width of the list, and height of a row, in points.
const WIDTH: f32 = 560.0;
const ROW: f32 = 24.0;

/// Rows that are seen at the same time, where there is room.
const MOST_ROWS: f32 = 12.0;

pub(super) fn show(ui: &Ui, search: &Search, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    let screen = ui.ctx().content_rect();
    let width = WIDTH.min(screen.width() - 40.0);
    let rows = ((screen.height() - 140.0) / ROW).clamp(3.0, MOST_ROWS).floor();
    egui::Window::new("Everything there is")
        .id(Id::unique("palette"))
        .title_bar(false)
        .resizable(false)
        .anchor(Align2::CENTER_TOP, Vec2::new(0.0, 60.0))
        .fixed_size(Vec2::new(width, rows * ROW + 40.0))
        .show(ui.ctx(), |ui| {
            let typed = if search.text.is_empty() {
                RichText::new("type a word: layer, colours, class …").color(palette(ui).quiet)
            } else {
                RichText::new(format!("{}_", search.text))
            };
            ui.label(typed.size(16.0));
            ui.separator();
            let all = found(search, state, model);
            if all.is_empty() {
                ui.label(RichText::new("Nothing is called so.").color(palette(ui).quiet));
            }
            ui.style_mut().spacing.scroll = egui::style::ScrollStyle::solid();
            let list = egui::ScrollArea::vertical().max_height(rows * ROW).min_scrolled_height(rows * ROW);
            list.show(ui, |ui| {
                ui.spacing_mut().item_spacing.y = 0.0;
                for (place, entry) in all.iter().enumerate() {
                    row(ui, entry, place == search.chosen, out);
                }
            });
            ui.separator();
            let how = "up and down choose, enter or a click does it, esc closes";
            ui.label(RichText::new(how).color(palette(ui).quiet).small());
        });
}

/// Sentence on the left, key (or why it does not apply) on the right.
fn row(ui: &mut Ui, entry: &Entry<'_>, is_chosen: bool, out: &mut Arrangement) {
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), ROW), Sense::click());
    let colors = palette(ui);
    let is_hindered = entry.hindered.is_some();
    if is_chosen || response.hovered() {
        ui.painter().rect_filled(rect, 3.0, if is_chosen { colors.bar } else { colors.line });
    }
    if is_chosen {
        ui.scroll_to_rect(rect, None);
    }
    let text_color = if is_hindered { colors.quiet } else { colors.text };
    let mut inner = ui.new_child(
        UiBuilder::new()
            .max_rect(rect.shrink2(Vec2::new(6.0, 0.0)))
            .layout(Layout::right_to_left(Align::Center)),
    );
    let (right, color): (String, Color32) = match &entry.hindered {
        Some(reason) => (reason.clone(), colors.quiet),
        None => (entry.command.keys_in_words(), colors.accent),
    };
    inner.label(RichText::new(right).color(color).small());
    inner.with_layout(Layout::left_to_right(Align::Center), |ui| {
        let text = RichText::new(&entry.command.help).color(text_color);
        ui.add(egui::Label::new(text).truncate());
    });
    if response.clicked() && !is_hindered {
        out.actions.push(Action::TogglePalette);
        out.actions.push(entry.command.action);
    }
}
