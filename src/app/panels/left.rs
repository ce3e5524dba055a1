//! The left panel: the picture, and under it sections that fold where there is no room for all of them.

use egui::scroll_area::ScrollBarVisibility;
use egui::{Color32, Id, Pos2, RichText, Sense, Stroke, Ui, Vec2};

use super::arrangement::Arrangement;
use super::{enlarged, glossary, legend, picture, predictions};
use crate::app::keys::Action;
use crate::app::lens::{LayerColors, Line};
use crate::app::state::{AppState, Section};
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::inspect::{Answer, Thresholds};
use crate::view::number;

/// The picture is at least so high, in points.
const LEAST_PICTURE: f32 = 100.0;

/// The part of the left panel's height that the picture has at least where something lies over it.
const LEAST_OVERLAID: f32 = 0.3;

/// How much of the left panel's height the picture takes at most.
const MOST_PICTURE: f32 = 0.38;

/// Between sections.
const GAP: f32 = 6.0;

/// A section that is folded, in points; and what an open one takes that was never measured.
const FOLDED: f32 = 25.0;

/// What lies over the picture is named where its section is folded, too.
const FOLDED_OVER: f32 = 76.0;

/// What one layout has measured for the next.
#[derive(Clone, Default, PartialEq)]
struct Measured {
    /// Everything but the picture.
    words: f32,
    /// What stands directly under the picture.
    under: f32,
    sections: Vec<(Section, f32)>,
}

impl Measured {
    fn of(&self, section: Section) -> f32 {
        self.sections.iter().find(|(known, _)| *known == section).map_or(FOLDED, |(_, height)| *height)
    }

    fn set(&mut self, section: Section, height: f32) {
        self.sections.retain(|(known, _)| *known != section);
        self.sections.push((section, height));
    }

    /// True where a layout by the one would be a layout by the other.
    fn is_near(&self, other: &Self) -> bool {
        let near = |a: f32, b: f32| (a - b).abs() <= 0.5;
        near(self.words, other.words)
            && near(self.under, other.under)
            && self.sections.len() == other.sections.len()
            && self.sections.iter().all(|(section, height)| near(*height, other.of(*section)))
    }
}

pub(super) fn show(ui: &mut Ui, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    // The picture takes what the words under it leave: their height is that of the last layout, and where that was wrong
    // this one is done again.
    let memory = Id::unique("heights in the left panel");
    let before = ui.data(|data| data.get_temp::<Measured>(memory)).unwrap_or_default();
    let mut measured = before.clone();
    let available = ui.available_height();
    let least = match state.lenses.over {
        Some(_) => LEAST_PICTURE.max(LEAST_OVERLAID * available),
        None => LEAST_PICTURE,
    };
    let highest = (available - before.words).clamp(least, (MOST_PICTURE * available).max(least));
    let folded = |section| if section == Section::Over { FOLDED_OVER } else { FOLDED };
    let shown: Vec<_> =
        sections(state).map(|section| (section, before.of(section) + GAP, folded(section) + GAP)).collect();
    let room = available - least - before.under;
    // An experiment is read from what the classes are before and after it.
    let is_compared = model.activations.as_ref().is_some_and(|shown| shown.before.is_some());
    let open = state.panels.folds.open(&shown, room, is_compared.then_some(Section::Predictions));
    let is_tight = open.len() < shown.len();
    // The bar is always seen where there is one, and takes no room: what is beside it stays as wide.
    let thin = egui::style::ScrollStyle::thin();
    ui.style_mut().spacing.scroll = egui::style::ScrollStyle { floating_allocated_width: 0.0, ..thin };
    let area = egui::ScrollArea::vertical().scroll_bar_visibility(ScrollBarVisibility::VisibleWhenNeeded);
    let laid_out = area.show(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 5.0;
        let top = ui.cursor().top();
        picture::show(ui, state, model, highest, out);
        ui.add_space(4.0);
        measured.under = ui.cursor().top() - top - out.picture.map_or(0.0, |picture| picture.height());
        for (place, (section, ..)) in shown.iter().enumerate() {
            if place > 0 {
                ui.add_space(GAP);
            }
            let top = ui.cursor().top();
            let is_open = open.contains(section);
            show_section(ui, *section, is_open, is_tight, state, model, out);
            if is_open {
                measured.set(*section, ui.cursor().top() - top);
            }
        }
    });
    measured.words = laid_out.content_size.y - out.picture.map_or(0.0, |picture| picture.height());
    if !measured.is_near(&before) {
        out.is_unsettled = true;
        ui.data_mut(|data| data.insert_temp(memory, measured));
        ui.ctx().request_discard("the words under the picture take another height");
    }
}

/// Those that there are now, from top to bottom.
fn sections(state: &AppState) -> impl Iterator<Item = Section> {
    let all = [
        (state.lenses.over.is_some(), Section::Over),
        (true, Section::Predictions),
        (state.panels.health, Section::Health),
        (state.shows_one_map(), Section::Channel),
        (true, Section::Colors),
    ];
    all.into_iter().filter(|(is_there, _)| *is_there).map(|(_, section)| section)
}

/// A heading that folds, and what is under it.
fn show_section(
    ui: &mut Ui,
    section: Section,
    is_open: bool,
    is_tight: bool,
    state: &AppState,
    model: &ViewModel,
    out: &mut Arrangement,
) {
    let look = model.look(state);
    let mut lines = match section {
        Section::Over => model.over.clone(),
        Section::Colors => {
            let told = model.told.iter().map(|text| Line::Main(text.clone(), ""));
            state.tiles_lens().legend(&look).into_iter().chain(told).collect()
        }
        _ => vec![],
    };
    let (title, term) = match (section, lines.first()) {
        (_, Some(Line::Heading(text, term))) => {
            let heading = (text.clone(), *term);
            lines.remove(0);
            heading
        }
        (Section::Over, _) => ("Over the picture".into(), ""),
        (Section::Predictions, _) if model.answer().is_none_or(Answer::is_probability) => {
            ("What the network says".into(), "probability")
        }
        (Section::Predictions, _) => ("What the network says".into(), ""),
        (Section::Health, _) => ("How healthy the maps are".into(), "health"),
        (Section::Channel, _) => {
            (look.selected_channel().map_or_else(String::new, |channel| format!("Channel {channel}")), "")
        }
        // Before there is anything to show.
        (Section::Colors, _) => return,
    };
    let summary = if is_open { String::new() } else { summary(section, model, &lines) };
    let response = ui
        .horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            // Where everything has room, nothing has to say that it can be folded.
            if is_tight || !is_open {
                triangle(ui, is_open);
            }
            ui.label(RichText::new(&title).strong());
            if !summary.is_empty() {
                let text = RichText::new(format!(" · {summary}")).color(palette(ui).quiet).small();
                ui.add(egui::Label::new(text).truncate());
            }
        })
        .response
        .interact(Sense::click());
    let how = if is_open { "A click folds this." } else { "A click unfolds this." };
    let response =
        response.on_hover_text(format!("{} {how}", glossary::explain(term)).trim_start().to_string());
    if response.clicked() {
        out.actions.push(Action::Fold(section, is_open));
    }
    if !is_open {
        let named = lines.iter().filter(|line| section == Section::Over && matches!(line, Line::Main(..)));
        legend::lines(ui, &named.take(1).cloned().collect::<Vec<_>>(), state, false, out);
        return;
    }
    match section {
        Section::Over => legend::lines(ui, &lines, state, false, out),
        Section::Predictions => predictions::predictions(ui, state, model),
        Section::Health => health(ui, state, model),
        Section::Channel => enlarged::words(ui, state, model),
        Section::Colors => legend::lines(ui, &lines, state, is_locked(state, model), out),
    }
}

/// Points down where something is open, else to the right.
fn triangle(ui: &mut Ui, is_open: bool) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(13.0, 10.0), Sense::hover());
    let [left, right] = [rect.left() + 1.0, rect.left() + 9.0];
    let [top, middle, bottom] = [rect.center().y - 4.0, rect.center().y, rect.center().y + 4.0];
    let corners = match is_open {
        true => [(left, top + 1.0), (right, top + 1.0), ((left + right) / 2.0, bottom)],
        false => [(left + 1.0, top), (right - 1.0, middle), (left + 1.0, bottom)],
    };
    let corners = corners.map(|(x, y)| Pos2::new(x, y)).to_vec();
    ui.painter().add(egui::Shape::convex_polygon(corners, palette(ui).quiet, Stroke::NONE));
}

/// What a folded section says in a few words.
fn summary(section: Section, model: &ViewModel, lines: &[Line]) -> String {
    match section {
        // It stands below.
        Section::Over => String::new(),
        Section::Predictions => match model.top(1).first() {
            Some((name, said)) => format!("{name} {}", said.in_words(1)),
            None => String::new(),
        },
        Section::Health => {
            let counts = findings(model);
            let parts: Vec<_> = counts.iter().map(|(text, _, count)| format!("{count} {text}")).collect();
            if parts.is_empty() { "nothing is wrong".into() } else { parts.join(", ") }
        }
        Section::Channel => match &model.channel {
            Some(channel) => {
                let (low, high) = crate::view::range(&channel.values);
                format!("{} to {}", number(low), number(high))
            }
            None => String::new(),
        },
        Section::Colors => lines
            .iter()
            .find_map(|line| match line {
                Line::Strip(strip) => Some(strip.ends().join(" to ")),
                _ => None,
            })
            .unwrap_or_default(),
    }
}

fn is_locked(state: &AppState, model: &ViewModel) -> bool {
    let layer = model.shown_layer(state);
    let Some(shown) = model.activations.as_ref().filter(|_| state.shows_maps()) else { return false };
    let versions = LayerColors::of(&state.colors, state.graph().nodes[layer].shape, shown, layer);
    versions.first().is_some_and(|colors| colors.is_locked)
}

/// What is wrong with the layer's maps: word, colour and number of maps of each kind.
fn findings(model: &ViewModel) -> Vec<(&'static str, [u8; 3], usize)> {
    let mut counts: Vec<(&str, [u8; 3], usize)> = Vec::new();
    let Some(health) = &model.health else { return counts };
    for finding in (0..health.marks.len()).filter_map(|channel| health.finding(channel)) {
        let (text, color) = (finding.word(), finding.color());
        match counts.iter_mut().find(|(known, ..)| *known == text) {
            Some((.., count)) => *count += 1,
            None => counts.push((text, color, 1)),
        }
    }
    counts
}

/// What is wrong with the layer's maps, in one line.
fn health(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let Some(health) = &model.health else {
        ui.label(RichText::new("Nothing has been seen yet.").color(palette(ui).quiet).small());
        return;
    };
    let counts = findings(model);
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
    let layer = &state.graph().nodes[model.shown_layer(state)].name;
    let few = if health.frames < Thresholds::default().pictures {
        " (few: others may answer to other things)"
    } else {
        ""
    };
    let key = state.keys.key_for(Action::RestartHealth);
    let text = format!("of {total} in {layer} over {frames}{few}; {key} starts anew");
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}
