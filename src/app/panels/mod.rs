//! What stands around the tiles: where am I, what does the camera see, what does the network say, what do the
//! colours mean, how does it run.

mod arrangement;
mod block;
mod cell;
mod choices;
mod enlarged;
mod followed;
mod glossary;
mod help;
mod hint;
mod left;
mod legend;
mod names;
mod notices;
mod palette;
mod picture;
mod predictions;
mod rows;
mod tiles;

use std::time::{Duration, Instant};

use egui::{Align, Color32, Frame, Layout, Margin, RichText, Stroke, Ui};

use super::keys::Action;
use super::state::{AppState, Trial};
use super::theme::palette;
use super::view_model::ViewModel;
use notices::SILENCE;

pub use arrangement::Arrangement;

/// Lays out everything but the frame and the tiles, which are drawn underneath.
pub fn show(ui: &mut Ui, state: &mut AppState, model: &ViewModel) -> Arrangement {
    let mut out = Arrangement::default();
    let bar = |vertical| Frame::NONE.inner_margin(Margin::symmetric(12, vertical));
    egui::Panel::top("where")
        .frame(bar(7))
        .resizable(false)
        .show(ui, |ui| where_am_i(ui, state, model, &mut out));
    egui::Panel::bottom("how").frame(bar(5)).resizable(false).show(ui, |ui| how_it_runs(ui, state, model));
    let width = (ui.available_width() * 0.27).clamp(180.0, 380.0);
    egui::Panel::left("what")
        .frame(Frame::NONE.inner_margin(Margin::symmetric(12, 10)))
        .resizable(false)
        .exact_size(width)
        .show(ui, |ui| left::show(ui, state, model, &mut out));
    if state.explains_cell() {
        let width = cell::width(ui.available_width());
        let frame = Frame::NONE.inner_margin(Margin::symmetric(10, 10));
        egui::Panel::right("cell").frame(frame).resizable(false).exact_size(width).show(ui, |ui| {
            cell::show(ui, state, model);
        });
    }
    if !model.followed.is_empty() {
        let frame = Frame::NONE.inner_margin(Margin::symmetric(12, 6));
        egui::Panel::bottom("followed").frame(frame).resizable(false).exact_size(followed::HEIGHT).show(
            ui,
            |ui| {
                followed::show(ui, state, model);
            },
        );
    }
    if state.panels.block {
        let panel = block::BlockPanel::new(state, model, ui.available_size() - egui::Vec2::splat(20.0));
        let frame = Frame::NONE.inner_margin(Margin { left: 10, right: 10, top: 4, bottom: 6 });
        let height = panel.height + 10.0;
        egui::Panel::bottom("block").frame(frame).resizable(false).exact_size(height).show(ui, |ui| {
            panel.show(ui, state, &mut out);
        });
    }
    egui::CentralPanel::default().frame(Frame::NONE.inner_margin(Margin::same(10))).show(ui, |ui| {
        let area = ui.available_rect_before_wrap();
        tiles::tiles(ui, state, model, &mut out);
        notices::show(ui, area, state, model);
    });
    if state.panels.help {
        help::show(ui, state, &mut out);
    }
    if let Some(search) = &state.panels.palette {
        palette::show(ui, search, state, model, &mut out);
    }
    out
}

fn where_am_i(ui: &mut Ui, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    let graph = state.graph();
    let shown = model.shown_layer(state);
    let node = &graph.nodes[shown];
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&node.name).size(20.0).strong()).on_hover_text(glossary::explain("layer"));
        ui.label(format!("layer {shown} of {}", graph.nodes.len() - 1))
            .on_hover_text(glossary::explain("layer"));
        ui.label("·");
        ui.label(node.operation()).on_hover_text(glossary::explain_operation(node));
        ui.label("·");
        ui.label(node.shape.to_string()).on_hover_text(glossary::explain("shape"));
        if let Some(name) = &node.other_name {
            ui.label(RichText::new(format!("also {name}")).color(palette(ui).quiet))
                .on_hover_text(glossary::explain("other name"));
        }
        if shown != state.place.layer {
            let next = &graph.nodes[state.place.layer];
            ui.label(
                RichText::new(format!("computing {} · {} …", state.place.layer, next.name))
                    .color(palette(ui).accent),
            );
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let keys = [Action::PreviousStage, Action::NextStage].map(|action| state.keys.keys_for(action));
        let help = format!("{} ({} and {})", glossary::explain("stage"), keys[0], keys[1]);
        ui.label(RichText::new("stage").color(palette(ui).quiet)).on_hover_text(help);
        let current = graph.nodes[state.place.layer].stage;
        for (index, name) in graph.stages.iter().enumerate() {
            let text = RichText::new(name).color(if index == current {
                palette(ui).background
            } else {
                palette(ui).text
            });
            let fill = if index == current { palette(ui).accent } else { Color32::TRANSPARENT };
            let button =
                egui::Button::new(text).fill(fill).stroke(Stroke::new(1.0, palette(ui).line)).small();
            if ui.add(button).clicked() {
                out.actions.push(Action::Stage(index));
            }
        }
    });
    choices::order(ui, state, model, out);
    experiment(ui, state, model);
}

/// What is done to the network and its picture: always to be seen, so that nobody takes its answers for the usual ones.
fn experiment(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let Some(shown) = &model.activations else { return };
    let changes = shown.request.how.changes;
    let input = (!changes.is_empty()).then(|| format!("the network sees the picture {}", changes.in_words()));
    let words: Vec<_> =
        shown.request.experiment.in_words(&shown.model.graph).into_iter().chain(input).collect();
    if words.is_empty() {
        return;
    }
    let words = words.join(", ");
    let end = state.keys.key_for(Action::Try(Trial::Clear));
    let only =
        if shown.compared.is_empty() || state.time.held.is_some() { "" } else { " (first network only)" };
    let fill = palette(ui).notice;
    Frame::NONE.fill(fill).corner_radius(3.0).inner_margin(Margin::symmetric(6, 3)).show(ui, |ui| {
        let text =
            RichText::new(format!("Experiment{only} · {words} · {end} ends it")).color(palette(ui).accent);
        ui.add(egui::Label::new(text).wrap()).on_hover_text(glossary::explain("experiment"));
    });
}

fn how_it_runs(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let help = state.keys.key_for(Action::ToggleHelp);
            ui.label(RichText::new(format!("{help}  help")).color(palette(ui).accent));
            if let Some(recording) = &model.recording {
                ui.label(RichText::new("·").color(palette(ui).line));
                let end = state.keys.key_for(Action::Record);
                ui.label(RichText::new(format!("recording {recording}")).color(palette(ui).text))
                    .on_hover_text(format!("What is seen here is recorded as a film; {end} ends it."));
                let (dot, _) = ui.allocate_exact_size(egui::Vec2::splat(10.0), egui::Sense::hover());
                ui.painter().circle_filled(dot.center(), 4.5, Color32::from_rgb(226, 59, 59));
            }
            ui.label(RichText::new("·").color(palette(ui).line));
            ui.label(choices::channels_in_words(state, model)).on_hover_text(glossary::explain("channel"));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(model.status_line(state)).color(palette(ui).quiet);
                let words = ["network", "preprocess", "statistics", "latency", "dropped"];
                let help: Vec<_> =
                    words.iter().map(|word| format!("{word}: {}", glossary::explain(word))).collect();
                ui.add(egui::Label::new(text).truncate()).on_hover_text(help.join("\n"));
            });
        });
    });
}

/// Now and then the view has to be drawn although nothing came: to say that nothing came.
pub fn next_look(model: &ViewModel) -> Option<Instant> {
    let silent = model.status.silence(model.now)?;
    let wait = if silent < SILENCE { SILENCE - silent } else { Duration::from_secs(1) };
    Some(model.now + wait)
}
