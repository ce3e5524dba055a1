//! What stands around the tiles: where am I, what does the camera see, what does the network say, what do the
//! colours mean, how does it run.

mod choices;
mod enlarged;
mod glossary;
mod hint;
mod legend;
mod picture;
mod predictions;
mod tiles;

use std::time::{Duration, Instant};

use egui::{
    Align, Align2, Color32, FontId, Frame, Layout, Margin, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2,
};

use super::keymap::{self, Action, BINDINGS};
use super::state::AppState;
use super::theme::palette;
use super::view_model::ViewModel;
use crate::inspect::Thresholds;
use crate::view::{Filter, Normalize, Sort};

/// A view without a frame for so long says so.
const SILENCE: Duration = Duration::from_secs(2);

/// The picture is at least so high, in points.
const LEAST_PICTURE: f32 = 100.0;

/// How much of the left panel's height the picture takes at most.
const MOST_PICTURE: f32 = 0.38;

/// What a click asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Click {
    /// The channel at this position.
    Select(usize),
    /// The same, enlarged (or all again).
    Enlarge(usize),
    /// The end of this stage.
    Stage(usize),
    /// What the ends of the colormap stand for.
    Normalize(Normalize),
    /// What channels are sorted by.
    Sort(Sort),
    /// Which channels are left out.
    Filter(Filter),
    /// Like a key.
    Do(Action),
    /// Look at this frame of the last ones.
    Moment(u64),
}

/// Where things are, in points, and what was clicked.
#[derive(Clone, Debug, Default)]
pub struct Arrangement {
    /// The frame; nothing is drawn where it is empty.
    pub picture: Option<Rect>,
    /// The tiles: one area, or one for each version that is compared.
    pub tiles: Vec<Rect>,
    /// The pixel of the network's input under the cursor: column and row.
    pub pixel: Option<[u32; 2]>,
    /// The cell (row, column) of the enlarged map under the cursor.
    pub cell: Option<[usize; 2]>,
    /// Clicks since the last time.
    pub clicks: Vec<Click>,
}

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
        .show(ui, |ui| {
            // The picture takes what the words under it leave: their height is that of the last layout, and where that was
            // wrong this one is done again.
            let known = egui::Id::unique("height of the words under the picture");
            let words = ui.data(|data| data.get_temp::<f32>(known)).unwrap_or(0.0);
            let available = ui.available_height();
            let highest =
                (available - words).clamp(LEAST_PICTURE, (MOST_PICTURE * available).max(LEAST_PICTURE));
            let area = egui::ScrollArea::vertical();
            let laid_out = area.show(ui, |ui| what_it_sees(ui, state, model, highest, &mut out));
            let height = laid_out.content_size.y - out.picture.map_or(0.0, |picture| picture.height());
            if (height - words).abs() > 0.5 {
                ui.data_mut(|data| data.insert_temp(known, height));
                ui.ctx().request_discard("the words under the picture take another height");
            }
        });
    egui::CentralPanel::default().frame(Frame::NONE.inner_margin(Margin::same(10))).show(ui, |ui| {
        let area = ui.available_rect_before_wrap();
        tiles::tiles(ui, state, model, &mut out);
        notices(ui, area, state, model);
    });
    if state.help {
        help(ui, &mut out);
    }
    out
}

fn where_am_i(ui: &mut Ui, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    let graph = state.graph();
    let shown = model.shown_layer(state);
    let node = &graph.nodes[shown];
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(&node.keras_name).size(20.0).strong())
            .on_hover_text(glossary::explain("layer"));
        ui.label(format!("layer {shown} of {}", graph.nodes.len() - 1))
            .on_hover_text(glossary::explain("layer"));
        ui.label("·");
        ui.label(node.op.name()).on_hover_text(glossary::explain(node.op.name()));
        ui.label("·");
        ui.label(node.shape.to_string()).on_hover_text(glossary::explain("shape"));
        if let Some(name) = &node.torch_name {
            ui.label(RichText::new(format!("torchvision {name}")).color(palette(ui).quiet))
                .on_hover_text(glossary::explain("torchvision"));
        }
        if shown != state.layer {
            let next = &graph.nodes[state.layer];
            ui.label(
                RichText::new(format!("computing {} · {} …", state.layer, next.keras_name))
                    .color(palette(ui).accent),
            );
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let keys = [keymap::keys_for(Action::PreviousStage), keymap::keys_for(Action::NextStage)];
        let help = format!("{} ({} and {})", glossary::explain("stage"), keys[0], keys[1]);
        ui.label(RichText::new("stage").color(palette(ui).quiet)).on_hover_text(help);
        let current = graph.nodes[state.layer].stage;
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
                out.clicks.push(Click::Stage(index));
            }
        }
    });
    choices::order(ui, state, model, out);
}

fn how_it_runs(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new("h  help").color(palette(ui).accent));
            ui.label(RichText::new("·").color(palette(ui).line));
            ui.label(choices::channels_in_words(state, model.shown_layer(state)))
                .on_hover_text(glossary::explain("channel"));
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

fn what_it_sees(ui: &mut Ui, state: &AppState, model: &ViewModel, highest: f32, out: &mut Arrangement) {
    ui.spacing_mut().item_spacing.y = 5.0;
    picture::show(ui, state, model, highest, out);
    ui.add_space(4.0);
    predictions::predictions(ui, state, model);
    ui.add_space(6.0);
    if state.health {
        health_line(ui, state, model);
        ui.add_space(6.0);
    }
    if state.enlarged && !state.kernels {
        enlarged::words(ui, state, model);
        ui.add_space(6.0);
    }
    legend::legend(ui, state, model, out);
}

/// How much is shown in the left panel beside what always is.
fn extras(state: &AppState) -> usize {
    let large = state.enlarged && !state.kernels;
    [state.curve, state.health, state.overlay.is_some(), large, state.frozen]
        .into_iter()
        .filter(|shown| *shown)
        .count()
}

/// What is wrong with the layer's maps, in one line.
fn health_line(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    ui.label(RichText::new("How healthy the maps are").strong()).on_hover_text(glossary::explain("health"));
    let Some(health) = &model.health else {
        ui.label(RichText::new("Nothing has been seen yet.").color(palette(ui).quiet).small());
        return;
    };
    let mut counts: Vec<(&str, [u8; 3], usize)> = Vec::new();
    for finding in (0..health.marks.len()).filter_map(|channel| health.finding(channel)) {
        let (text, color) = (finding.word(), finding.color());
        match counts.iter_mut().find(|(known, ..)| *known == text) {
            Some((.., count)) => *count += 1,
            None => counts.push((text, color, 1)),
        }
    }
    let total = health.marks.len();
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        if counts.is_empty() {
            ui.label(format!("All {total} maps carry something."));
        }
        for (text, [r, g, b], count) in counts {
            let (rect, _) = ui.allocate_exact_size(Vec2::splat(9.0), Sense::hover());
            ui.painter().rect_filled(rect, 1.0, Color32::from_rgb(r, g, b));
            ui.label(format!("{count} {text}")).on_hover_text(glossary::explain(text));
        }
    });
    let frames = match health.frames {
        1 => "1 frame".to_string(),
        frames => format!("{frames} frames"),
    };
    let layer = &state.graph().nodes[model.shown_layer(state)].keras_name;
    let few = if health.frames < Thresholds::default().pictures {
        " (few: others may answer to other things)"
    } else {
        ""
    };
    let text = format!("of {total} in {layer} over {frames}{few}; shift d starts anew");
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}

/// What the user has to know now, over the lower edge of the tiles.
fn notices(ui: &Ui, area: Rect, state: &AppState, model: &ViewModel) {
    let typed = Some(&state.typed).filter(|typed| !typed.is_empty());
    let prompt = typed.map(|typed| format!("channel {typed}_   enter goes there, esc does not"));
    let mut lines: Vec<String> = prompt.into_iter().chain(model.toast.clone()).collect();
    lines.extend(model.status.trouble.clone());
    if let Some(silent) = model.status.silence(model.now).filter(|silent| *silent >= SILENCE) {
        lines.push(format!(
            "The camera has sent nothing for {} s; what is shown is that old.",
            silent.as_secs()
        ));
    }
    lines.extend(model.status.notices.iter().filter(|_| model.since_start < NOTICE_TIME).cloned());
    let mut bottom = area.bottom() - 8.0;
    if state.hint {
        bottom = hint::show(ui, area, bottom) - 6.0;
    }
    for line in lines {
        let galley =
            ui.painter().layout(line, FontId::proportional(14.0), palette(ui).text, area.width() - 40.0);
        let size = galley.size() + Vec2::new(20.0, 10.0);
        let rect = Rect::from_min_size(Pos2::new(area.center().x - size.x / 2.0, bottom - size.y), size);
        ui.painter().rect_filled(rect, 4.0, palette(ui).notice);
        ui.painter().rect_stroke(rect, 4.0, Stroke::new(1.0, palette(ui).accent), egui::StrokeKind::Inside);
        ui.painter().galley(rect.min + Vec2::new(10.0, 5.0), galley, palette(ui).text);
        bottom = rect.top() - 6.0;
    }
}

/// How long after the start a fallback is told on the screen (the terminal has it too).
const NOTICE_TIME: Duration = Duration::from_secs(12);

/// Width that the list of keys needs for two columns, in points.
const TWO_COLUMNS: f32 = 860.0;

fn help(ui: &Ui, out: &mut Arrangement) {
    let mut open = true;
    egui::Window::new("Keys")
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .collapsible(false)
        .resizable(false)
        .open(&mut open)
        .show(ui.ctx(), |ui| {
            let room = ui.ctx().content_rect().size() - Vec2::new(80.0, 90.0);
            let columns = if room.x < TWO_COLUMNS { 1 } else { 2 };
            let rows = BINDINGS.len().div_ceil(columns);
            let list = egui::ScrollArea::vertical().max_height(room.y).min_scrolled_height(room.y);
            list.show(ui, |ui| {
                ui.horizontal_top(|ui| {
                    for (column, rows) in BINDINGS.chunks(rows).enumerate() {
                        egui::Grid::new(column).num_columns(2).spacing([14.0, 5.0]).show(ui, |ui| {
                            for row in rows {
                                ui.label(RichText::new(keymap::labels(row.keys)).color(palette(ui).accent).strong());
                                ui.label(row.help);
                                ui.end_row();
                            }
                        });
                        ui.add_space(18.0);
                    }
                })
            });
            ui.separator();
            ui.label("Mouse: click a tile to select it, twice to enlarge it; the wheel turns pages; buttons do what they say.");
        });
    if !open {
        out.clicks.push(Click::Do(Action::ToggleHelp));
    }
}

/// Now and then the view has to be drawn although nothing came: to say that nothing came.
pub fn next_look(model: &ViewModel) -> Option<Instant> {
    let silent = model.status.silence(model.now)?;
    let wait = if silent < SILENCE { SILENCE - silent } else { Duration::from_secs(1) };
    Some(model.now + wait)
}
