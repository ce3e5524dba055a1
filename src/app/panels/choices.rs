//! The row of buttons that sort and filter channels, and what it says about them.

use egui::{RichText, Ui};

use super::legend::toggle;
use super::{Arrangement, Click};
use crate::app::kernels::KernelChoice;
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::model::LayerIndex;
use crate::view::{Filter, Sort};

/// Sort and filter, with what hinders them.
pub fn order(ui: &mut Ui, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    let arranged = state.arranged(model.shown_layer(state));
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new("sort").color(palette(ui).quiet))
            .on_hover_text("In which order channels are shown. (. and ,)");
        for sort in Sort::ALL {
            let text = match sort {
                Sort::Index => "number",
                Sort::Similarity => "similar",
                sort => sort.name(),
            };
            if toggle(ui, text, sort == state.sort).on_hover_text(sort.help()).clicked() {
                out.clicks.push(Click::Sort(sort));
            }
        }
        ui.add_space(8.0);
        ui.label(RichText::new("hide").color(palette(ui).quiet))
            .on_hover_text("Which channels are left out. (shift f)");
        for (filter, help) in [
            (
                Filter::Silent,
                "Channels that are nowhere above zero now. Only after a ReLU: elsewhere zero means nothing.",
            ),
            (Filter::Dead, "Channels that have been above zero on no frame so far (shift d starts anew)."),
        ] {
            if toggle(ui, filter.name(), filter == state.filter).on_hover_text(help).clicked() {
                let other = if filter == state.filter { Filter::None } else { filter };
                out.clicks.push(Click::Filter(other));
            }
        }
        ui.add_space(8.0);
        if let Some(note) = arranged.and_then(|arranged| arranged.note) {
            ui.label(RichText::new(note).color(palette(ui).accent).small());
        }
        if let Some(class) = arranged.and_then(|arranged| arranged.class) {
            let name =
                model.label(class).map_or_else(|| format!("class {class}"), |label| label.name.clone());
            ui.label(
                RichText::new(format!("what adds most to “{name}” first")).color(palette(ui).quiet).small(),
            );
        }
    });
}

/// `channels 1–64 of 288, by mean`: places are counted from 1, as people do; numbers on tiles are indices from 0.
pub fn channels_in_words(state: &AppState, layer: LayerIndex) -> String {
    let channels = state.shown_channels(layer);
    let all = state.graph().nodes[layer].shape.channels;
    let arranged = state.arranged(layer);
    let hidden = arranged.map_or(0, |arranged| arranged.hidden);
    let of = match (hidden, channels.len()) {
        (0, count) if count == all => format!("of {all}"),
        (0, count) => format!("of {count} chosen from {all}"),
        (hidden, count) => format!("of {count} shown, {hidden} {} hidden", state.filter.name()),
    };
    let by = match arranged {
        Some(arranged) if arranged.note.is_none() && state.sort != Sort::Index => {
            format!(", {}", state.sort.in_words())
        }
        _ => String::new(),
    };
    if let Some((_, KernelChoice::Slices(filter))) = state.shown_kernels() {
        return format!("filter {filter}, {} {of}{by}", state.selected + 1);
    }
    if state.enlarged {
        let channel = channels.get(state.selected).copied().unwrap_or_default();
        return format!("channel {channel}, {} {of}{by}", state.selected + 1);
    }
    let Some(grid) = state.grid else { return format!("channels {of}{by}") };
    let first = state.page() * grid.page_len();
    format!("channels {}–{} {of}{by}", first + 1, (first + grid.page_len()).min(channels.len()))
}
