//! The list of all keys.

use egui::{Align2, RichText, Ui, Vec2};

use super::arrangement::Arrangement;
use crate::app::keys::{Action, Command};
use crate::app::state::AppState;
use crate::app::theme::palette;

/// Width that the list of keys needs for two columns, in points.
const TWO_COLUMNS: f32 = 860.0;

pub(super) fn show(ui: &Ui, state: &AppState, out: &mut Arrangement) {
    let mut open = true;
    let rows: Vec<&Command> = state.keys.commands.iter().filter(|command| !command.keys.is_empty()).collect();
    egui::Window::new("Keys")
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .collapsible(false)
        .resizable(false)
        .open(&mut open)
        .show(ui.ctx(), |ui| {
            let room = ui.ctx().content_rect().size() - Vec2::new(80.0, 100.0);
            let columns = if room.x < TWO_COLUMNS { 1 } else { 2 };
            let list = egui::ScrollArea::vertical().max_height(room.y).min_scrolled_height(room.y);
            list.show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    for (column, rows) in rows.chunks(rows.len().div_ceil(columns)).enumerate() {
                        egui::Grid::new(column).num_columns(2).spacing([14.0, 2.5]).show(ui, |ui| {
                            for row in rows {
                                let keys = RichText::new(row.keys_in_words());
                                ui.label(keys.color(palette(ui).accent).strong());
                                ui.label(&row.help);
                                ui.end_row();
                            }
                        });
                        ui.add_space(18.0);
                    }
                })
            });
            ui.separator();
            ui.label(
                "Mouse: click a tile to select it, twice to enlarge it; the wheel turns pages; buttons do what they \
                 say, headings on the left fold.",
            );
            let palette_key = state.keys.key_for(Action::TogglePalette);
            ui.label(format!(
                "{palette_key} finds all of this, and more, by a word; `convscope keys` writes a file to change keys."
            ));
        });
    if !open {
        out.actions.push(Action::ToggleHelp);
    }
}
