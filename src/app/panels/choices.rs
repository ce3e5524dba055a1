//! The row of buttons that sort and filter channels, and what it says about them.

use egui::{RichText, Ui};

use super::arrangement::Arrangement;
use super::legend::toggle;
use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::inspect::pooled_from;
use crate::view::{Filter, Sort};

/// Sort and filter, with what hinders them.
pub fn order(ui: &mut Ui, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    let arranged = state.place.arranged(model.shown_layer(state));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new("sort").color(palette(ui).quiet)).on_hover_text(format!(
            "In which order channels are shown. ({} and {})",
            state.keys.key_for(Action::NextSort),
            state.keys.key_for(Action::PreviousSort)
        ));
        for sort in Sort::ALL {
            let text = match sort {
                Sort::Index => "number",
                Sort::Similarity => "similar",
                sort => sort.name(),
            };
            if toggle(ui, text, sort == state.place.sort).on_hover_text(sort.help()).clicked() {
                out.actions.push(Action::Sort(sort));
            }
        }
        ui.add_space(8.0);
        ui.label(RichText::new("hide").color(palette(ui).quiet)).on_hover_text(format!(
            "Which channels are left out. ({})",
            state.keys.key_for(Action::NextFilter)
        ));
        for (filter, help) in [
            (
                Filter::Silent,
                "Channels that are nowhere above zero now. Only after a ReLU: elsewhere zero means nothing."
                    .into(),
            ),
            (
                Filter::Dead,
                format!(
                    "Channels that have been above zero on no frame so far ({} starts anew).",
                    state.keys.key_for(Action::RestartHealth)
                ),
            ),
        ] {
            if toggle(ui, filter.name(), filter == state.place.filter).on_hover_text(help).clicked() {
                let other = if filter == state.place.filter { Filter::None } else { filter };
                out.actions.push(Action::Filter(other));
            }
        }
        ui.add_space(8.0);
        if let Some(note) = arranged.and_then(|arranged| arranged.note.clone()) {
            ui.label(RichText::new(note).color(palette(ui).accent).small());
        }
        if let Some(class) = arranged.and_then(|arranged| arranged.class) {
            let name = model.class_name(class);
            let is_exact = pooled_from(state.graph(), model.shown_layer(state)).is_some();
            let how = if is_exact { "" } else { " (gradient × value)" };
            let text = format!("what adds most to “{name}” first{how}");
            let help = if is_exact {
                ""
            } else {
                "Summed over each map; right in the first order, which is exact only where the network is linear."
            };
            ui.label(RichText::new(text).color(palette(ui).quiet).small()).on_hover_text(help);
        }
    });
}

/// `channels 1–64 of 288, by mean`: places are counted from 1, as people do; numbers on tiles are indices from 0.
pub fn channels_in_words(state: &AppState, model: &ViewModel) -> String {
    let layer = model.shown_layer(state);
    let channels = state.shown_channels(layer);
    let all = state.graph().nodes[layer].shape.channels;
    let arranged = state.place.arranged(layer);
    let hidden = arranged.map_or(0, |arranged| arranged.hidden);
    let of = match (hidden, channels.len()) {
        (0, count) if count == all => format!("of {all}"),
        (0, count) => format!("of {count} chosen from {all}"),
        (hidden, count) => format!("of {count} shown, {hidden} {} hidden", state.place.filter.name()),
    };
    let by = match arranged {
        Some(arranged) if arranged.note.is_none() && state.place.sort != Sort::Index => {
            format!(", {}", state.place.sort.in_words())
        }
        _ => String::new(),
    };
    let channel = channels.get(state.place.selected).copied().unwrap_or_default();
    let subject = state.tiles_lens().subject(&model.look(state));
    if let Some(subject) = subject.ok().filter(|subject| !subject.is_selectable) {
        if !subject.rows.is_empty() {
            let all = crate::app::lens::rows::chosen(&model.look(state)).len();
            return format!("{} of {all} layers in rows", subject.rows.len());
        }
        // One picture belongs to a channel, many slices to a filter.
        let what = if subject.count == 1 { "channel" } else { "filter" };
        return format!("{what} {channel}, {} {of}{by}", state.place.selected + 1);
    }
    if state.place.enlarged {
        let channel = model.look(state).channel_in_words(channel);
        return format!("{channel}, {} {of}{by}", state.place.selected + 1);
    }
    if state.place.grid.is_none() {
        return format!("channels {of}{by}");
    }
    let positions = state.place.positions(channels.len());
    format!("channels {}–{} {of}{by}", positions.start + 1, positions.end)
}
