//! What a lens says of its colours: lines from top to bottom, the strip of colours with its ends, samples, curves.

use egui::{Align, Color32, Layout, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2};

use super::arrangement::Arrangement;
use super::glossary;
use super::predictions::plot;
use crate::app::keys::Action;
use crate::app::lens::{Line, Strip};
use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::view::Normalize;

/// Height of the strip of colours.
const STRIP: f32 = 14.0;

/// Height of a curve of values.
const CURVE: f32 = 64.0;

/// Draws the lines of a legend. `locked`: the ranges are held.
pub(super) fn lines(ui: &mut Ui, lines: &[Line], state: &AppState, locked: bool, out: &mut Arrangement) {
    for line in lines {
        match line {
            Line::Heading(text, term) => explained(ui, RichText::new(text).strong(), term),
            Line::Main(text, term) => {
                explained(ui, RichText::new(text).color(palette(ui).accent).small(), term);
            }
            Line::Quiet(text, term) => {
                explained(ui, RichText::new(text).color(palette(ui).quiet).small(), term);
            }
            Line::Choices => choices(ui, state, locked, out),
            Line::Strip(colors) => strip(ui, colors),
            Line::Bar(table) => {
                let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 8.0), Sense::hover());
                color_bar(ui, rect, table);
            }
            Line::Sample { color, hatch, text } => sample(ui, *color, *hatch, text),
            Line::Curve(values, parts) => curve(ui, values, parts),
        }
    }
}

fn explained(ui: &mut Ui, text: RichText, term: &str) {
    let response = ui.label(text);
    let sentence = glossary::explain(term);
    if !sentence.is_empty() {
        response.on_hover_text(sentence);
    }
}

/// Buttons for what keys choose too.
fn choices(ui: &mut Ui, state: &AppState, locked: bool, out: &mut Arrangement) {
    let key = |action| state.keys.key_for(action);
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing = Vec2::new(4.0, 4.0);
        let shape = state.graph().nodes[state.place.layer].shape;
        let chosen = state.colors.scale_at(shape).normalize;
        let fixed = state.colors.fixed.into_iter();
        for normalize in Normalize::CHOICES.into_iter().chain(fixed) {
            let help = format!("{} ({})", normalize.help(), key(Action::NextNormalize));
            if toggle(ui, normalize.short_name(), normalize == chosen).on_hover_text(help).clicked() {
                out.actions.push(Action::Normalize(normalize));
            }
        }
        let help = format!(
            "Hold the ranges of this frame, so that brightness can be compared over time. ({})",
            key(Action::ToggleLock)
        );
        if toggle(ui, "lock", locked).on_hover_text(help).clicked() {
            out.actions.push(Action::ToggleLock);
        }
        let help = format!(
            "Gamma: below 1, small values become brighter; the ends stay. ({})",
            key(Action::NextGamma)
        );
        let text = format!("γ {}", state.colors.scale.gamma);
        if toggle(ui, &text, state.colors.scale.gamma != 1.0).on_hover_text(help).clicked() {
            out.actions.push(Action::NextGamma);
        }
        // It would do nothing with a range for each map.
        if !matches!(chosen, Normalize::Layer | Normalize::Symmetric) {
            return;
        }
        let help = format!(
            "Boost: how far one range for the layer gives way to each map's own, so that weak maps are seen beside \
             strong ones. Acts on layer and symmetric. ({})",
            key(Action::NextBoost)
        );
        let text = format!("boost {}", state.colors.scale.boost);
        if toggle(ui, &text, state.colors.scale.boost > 0.0).on_hover_text(help).clicked() {
            out.actions.push(Action::NextBoost);
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
fn strip(ui: &mut Ui, colors: &Strip) {
    let (whole, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), STRIP), Sense::hover());
    let mut rect = whole;
    for (end, _) in colors.beyond.into_iter().enumerate().filter(|(_, is_beyond)| *is_beyond) {
        let [r, g, b] = colors.table[end * 255];
        let (base, tip) = if end == 0 {
            rect.min.x += STRIP * 0.7;
            (rect.left(), whole.left())
        } else {
            rect.max.x -= STRIP * 0.7;
            (rect.right(), whole.right())
        };
        let corners = vec![
            Pos2::new(base, whole.top()),
            Pos2::new(tip, whole.center().y),
            Pos2::new(base, whole.bottom()),
        ];
        let edge = Stroke::new(1.0, palette(ui).quiet);
        ui.painter().add(egui::Shape::convex_polygon(corners, Color32::from_rgb(r, g, b), edge));
    }
    color_bar(ui, rect, &colors.table);
    // Where zero is, if it is not an end.
    if colors.low < 0.0 && colors.high > 0.0 {
        let x = egui::remap(0.0, colors.low..=colors.high, rect.left()..=rect.right());
        ui.painter().vline(x, rect.bottom()..=rect.bottom() + 4.0, Stroke::new(1.0, palette(ui).text));
    }
    let [low, high] = colors.ends();
    ui.horizontal(|ui| {
        ui.label(low);
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(high));
    });
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

/// Values over their index, in named parts: each has its own scale of values, so it is shown where one ends.
fn curve(ui: &mut Ui, values: &[f32], parts: &[(String, usize)]) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), CURVE), Sense::hover());
    plot(ui, rect, values);
    let mut start = 0;
    for (name, length) in parts {
        let edge = |at: usize| rect.left() + rect.width() * at as f32 / values.len().max(1) as f32;
        if start > 0 {
            ui.painter().vline(edge(start), rect.y_range(), Stroke::new(1.0, palette(ui).quiet));
        }
        let room = edge(start + length) - edge(start);
        let font = egui::FontId::proportional(11.0);
        let galley = ui.painter().layout_no_wrap(name.clone(), font, palette(ui).quiet);
        if galley.size().x + 4.0 < room {
            ui.painter().galley(Pos2::new(edge(start) + 2.0, rect.top()), galley, palette(ui).quiet);
        }
        start += length;
    }
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
