//! What the colours mean: the strip of colours with its ends, how they are chosen, and what is out of the ordinary.

use egui::{Align, Color32, Layout, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use super::{Arrangement, Click, glossary};
use crate::app::colors::{LayerColors, Oddities};
use crate::app::kernels::KernelChoice;
use crate::app::keymap::Action;
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::inspect::ChannelStatistics;
use crate::view::{ColorRange, Colormap, ERROR_COLOR, FLAT_COLOR, Normalize, colormap_table, number};

/// Height of the strip of colours.
const STRIP: f32 = 14.0;

/// Explains the colours of the shown layer.
pub fn legend(ui: &mut Ui, state: &AppState, model: &ViewModel, out: &mut Arrangement) {
    if let Some((_, choice)) = state.shown_kernels() {
        return kernel_legend(ui, &choice);
    }
    let layer = model.shown_layer(state);
    let Some(shown) = &model.activations else { return };
    let versions = LayerColors::of(state, shown, layer);
    let Some(colors) = versions.first() else { return };
    let channels = state.shown_channels(layer);
    let Some(&channel) = channels.get(state.selected).or(channels.first()) else { return };
    let range = colors.range(channel);
    let odd = colors.oddities();
    ui.label(RichText::new("What the colours mean").strong()).on_hover_text(glossary::explain("colormap"));
    choices(ui, state, colors, out);
    strip(ui, &range, colors.colormap, [odd.below > 0, odd.above > 0]);
    ui.label(RichText::new(meaning(colors, channel)).color(palette(ui).quiet).small());
    oddities(ui, &odd, colors.colormap);
    ui.label(RichText::new(in_words(channel, colors.statistics(channel))).color(palette(ui).quiet).small())
        .on_hover_text(glossary::explain("deviation"));
    if let Some(differences) = versions.last().filter(|_| versions.len() > 1) {
        difference_legend(ui, differences);
    }
}

/// Buttons for what keys choose too.
fn choices(ui: &mut Ui, state: &AppState, colors: &LayerColors, out: &mut Arrangement) {
    let locked = colors.is_locked;
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::new(4.0, 4.0);
        let chosen = state.scale.normalize;
        let mut modes = vec![
            ("map", Normalize::Map, "Each map uses all colours, from its own lowest to its own highest value."),
            ("layer", Normalize::Layer, "One range for all maps of the layer: equal colours are equal values."),
            (
                "symmetric",
                Normalize::Symmetric,
                "One range for all maps of the layer, as far below zero as above: the middle colour is zero.",
            ),
        ];
        if let Some(fixed) = state.fixed_range() {
            modes.push(("fixed", fixed, "The range that --normalize chose, for all layers and frames."));
        }
        for (text, normalize, help) in modes {
            if toggle(ui, text, normalize == chosen).on_hover_text(format!("{help} (n)")).clicked() {
                out.clicks.push(Click::Normalize(normalize));
            }
        }
        let help = "Hold the ranges of this frame, so that brightness can be compared over time. (shift l)";
        if toggle(ui, "lock", locked).on_hover_text(help).clicked() {
            out.clicks.push(Click::Do(Action::ToggleLock));
        }
        let help = "Gamma: below 1, small values become brighter; the ends stay. (t)";
        let text = format!("γ {}", state.scale.gamma);
        if toggle(ui, &text, state.scale.gamma != 1.0).on_hover_text(help).clicked() {
            out.clicks.push(Click::Do(Action::NextGamma));
        }
        let help = "Boost: how far one range for the layer gives way to each map's own, so that weak maps are seen \
                    beside strong ones. Acts on layer and symmetric. (shift t)";
        let text = format!("boost {}", state.scale.boost);
        if toggle(ui, &text, state.scale.boost > 0.0).on_hover_text(help).clicked() {
            out.clicks.push(Click::Do(Action::NextBoost));
        }
    });
}

/// A small button that is filled while it is on.
pub fn toggle(ui: &mut Ui, text: &str, on: bool) -> egui::Response {
    let text =
        RichText::new(text).size(12.5).color(if on { palette(ui).background } else { palette(ui).text });
    let fill = if on { palette(ui).accent } else { Color32::TRANSPARENT };
    ui.add(egui::Button::new(text).fill(fill).stroke(Stroke::new(1.0, palette(ui).line)).small())
}

/// The colours over their values, with the ends' numbers; an end beyond which there are values is pointed.
fn strip(ui: &mut Ui, range: &ColorRange, colormap: Colormap, pointed: [bool; 2]) {
    let (whole, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), STRIP), Sense::hover());
    let mut rect = whole;
    let table = colormap_table(colormap);
    // Without a range there are no colours in between.
    let ramp = if range.is_flat && !range.has_spread() { [FLAT_COLOR; 256] } else { range.ramp(&table) };
    for (end, is_pointed) in pointed.into_iter().enumerate().filter(|(_, is_pointed)| *is_pointed) {
        let [r, g, b] = table[end * 255];
        let (base, tip) = if end == 0 {
            rect.min.x += STRIP * 0.7;
            (rect.left(), whole.left())
        } else {
            rect.max.x -= STRIP * 0.7;
            (rect.right(), whole.right())
        };
        debug_assert!(is_pointed);
        let corners = vec![
            Pos2::new(base, whole.top()),
            Pos2::new(tip, whole.center().y),
            Pos2::new(base, whole.bottom()),
        ];
        let edge = Stroke::new(1.0, palette(ui).quiet);
        ui.painter().add(egui::Shape::convex_polygon(corners, Color32::from_rgb(r, g, b), edge));
    }
    color_bar(ui, rect, &ramp);
    // Where zero is, if it is not an end.
    if range.low < 0.0 && range.high > 0.0 {
        let x = egui::remap(0.0, range.low..=range.high, rect.left()..=rect.right());
        ui.painter().vline(x, rect.bottom()..=rect.bottom() + 4.0, Stroke::new(1.0, palette(ui).text));
    }
    ui.horizontal(|ui| {
        ui.label(number(range.low));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(number(range.high)));
    });
}

/// `viridis · one range for the whole layer · gamma 0.5`
fn meaning(colors: &LayerColors, channel: u32) -> String {
    let mut parts = vec![colors.colormap.name().to_string(), colors.scale.normalize.in_words().to_string()];
    parts.extend(colors.scale.extras_in_words());
    let differs = match colors.scale.normalize {
        Normalize::Map => true,
        Normalize::Layer | Normalize::Symmetric => colors.scale.boost > 0.0,
        Normalize::Fixed { .. } => false,
    };
    if colors.is_locked {
        parts.push("locked to an earlier frame".into());
    }
    if differs {
        parts.push(format!("these are the ends of channel {channel}"));
    }
    parts.join(" · ")
}

/// Colours and patterns that mean something else than a value, as far as they occur.
fn oddities(ui: &mut Ui, odd: &Oddities, colormap: Colormap) {
    let table = colormap_table(colormap);
    let of = |count: usize| format!("{count} of {} maps", odd.maps);
    if odd.silent > 0 {
        sample(ui, FLAT_COLOR, None, &format!("zero everywhere: {}", of(odd.silent)));
    }
    if odd.constant > 0 {
        sample(
            ui,
            FLAT_COLOR,
            None,
            &format!("one value everywhere, so without a range: {}", of(odd.constant)),
        );
    }
    if odd.not_finite > 0 {
        sample(ui, ERROR_COLOR, None, &format!("not a number, or infinite: in {}", of(odd.not_finite)));
    }
    if odd.above > 0 {
        sample(ui, table[255], Some(table[0]), &format!("above the range: in {}", of(odd.above)));
    }
    if odd.below > 0 {
        sample(ui, table[0], Some(table[255]), &format!("below the range: in {}", of(odd.below)));
    }
}

/// A square of a colour, hatched in another, and what it means.
fn sample(ui: &mut Ui, [r, g, b]: [u8; 3], hatch: Option<[u8; 3]>, text: &str) {
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(11.0), Sense::hover());
        ui.painter().rect_filled(rect, 0.0, Color32::from_rgb(r, g, b));
        if let Some([r, g, b]) = hatch {
            for offset in [-5.5, 0.0, 5.5] {
                let ends =
                    [rect.left_bottom() + Vec2::new(offset, 0.0), rect.right_top() + Vec2::new(offset, 0.0)];
                let stroke = Stroke::new(1.0, Color32::from_rgb(r, g, b));
                ui.painter().with_clip_rect(rect).line_segment(ends, stroke);
            }
        }
        ui.painter().rect_stroke(rect, 0.0, Stroke::new(1.0, palette(ui).quiet), egui::StrokeKind::Outside);
        ui.label(RichText::new(text).color(palette(ui).quiet).small());
    });
}

fn difference_legend(ui: &mut Ui, colors: &LayerColors) {
    ui.add_space(4.0);
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 8.0), Sense::hover());
    let range = colors.range(0);
    color_bar(ui, rect, &range.ramp(&colormap_table(colors.colormap)));
    let text = match colors.scale.normalize {
        Normalize::Map => {
            "differences: blue is less, white none, red more; each map its own range".to_string()
        }
        _ if colors.scale.boost > 0.0 => {
            "differences: blue is less, white none, red more; boosted as the maps".to_string()
        }
        _ => format!("differences from {} to {}, white is none", number(range.low), number(range.high)),
    };
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}

fn kernel_legend(ui: &mut Ui, choice: &KernelChoice) {
    ui.label(RichText::new("What the colours mean").strong());
    let text = match choice {
        KernelChoice::Colored(_) => {
            "Kernels: red, green and blue are the weights of these channels of the picture; the middle grey is zero. \
             Each filter has its own range."
        }
        KernelChoice::Slices(_) => {
            let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), STRIP), Sense::hover());
            color_bar(ui, rect, &colormap_table(Colormap::Diverging));
            "Kernels: white is zero, red a positive and blue a negative weight; one range for the slices of the \
             filter, symmetric around zero."
        }
    };
    ui.label(RichText::new(text).color(palette(ui).quiet).small());
}

/// One mesh: single rectangles would have soft edges and look striped.
pub fn color_bar(ui: &Ui, rect: Rect, table: &[[u8; 3]; 256]) {
    let mut mesh = egui::Mesh::default();
    for (entry, [r, g, b]) in table.iter().enumerate() {
        let x = egui::lerp(rect.left()..=rect.right(), entry as f32 / 255.0);
        for y in [rect.top(), rect.bottom()] {
            mesh.colored_vertex(Pos2::new(x, y), Color32::from_rgb(*r, *g, *b));
        }
        if entry > 0 {
            let last = 2 * entry as u32 + 1;
            mesh.add_triangle(last - 3, last - 2, last - 1);
            mesh.add_triangle(last - 2, last - 1, last);
        }
    }
    ui.painter().add(mesh);
}

/// `channel 12: 0 to 4.21, mean 0.3, deviation 0.52`
pub fn in_words(channel: u32, statistics: ChannelStatistics) -> String {
    let ChannelStatistics { min, max, mean, std, finite, .. } = statistics;
    if statistics.is_empty() {
        return format!("channel {channel}: no finite value");
    }
    let [min, max, mean, std] = [min, max, mean, std].map(number);
    let rest = match finite {
        1.0 => String::new(),
        part => format!(", {:.1} % of cells not finite", (1.0 - part) * 100.0),
    };
    format!("channel {channel}: {min} to {max}, mean {mean}, deviation {std}{rest}")
}
