//! The strip of a training's checkpoints: how healthy each is, how the shown layer's parameters and maps are spread, what has moved.

use egui::{Align, Color32, Layout, Rect, RichText, Sense, Ui, Vec2};

use crate::app::state::AppState;
use crate::app::theme::palette;
use crate::app::view_model::ViewModel;
use crate::inspect::HistogramInfo;
use crate::inspect::checkpoint::{CheckpointSummary, percent};
use crate::model::LayerIndex;

/// Of the strip, in points.
pub(super) const HEIGHT: f32 = 98.0;

/// Width of what is said of one checkpoint.
const CELL: f32 = 212.0;

/// Width of what the drawings are called.
const LEGEND: f32 = 128.0;

const DRAWING: Vec2 = Vec2::new(64.0, 30.0);

/// The newest checkpoints, as many as there is room for.
pub(super) fn show(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let layer = model.shown_layer(state);
    let room = ((ui.available_width() - LEGEND) / CELL).floor().max(1.0) as usize;
    let all = &model.followed;
    let shown = &all[all.len().saturating_sub(room)..];
    ui.horizontal_top(|ui| {
        legend(ui, all.len(), shown.last().and_then(|newest| named(newest, layer)));
        for (place, checkpoint) in shown.iter().enumerate() {
            ui.separator();
            let is_newest = place + 1 == shown.len();
            ui.allocate_ui_with_layout(
                Vec2::new(CELL - 22.0, HEIGHT - 12.0),
                Layout::top_down(Align::Min),
                |ui| {
                    cell(ui, checkpoint, layer, is_newest);
                },
            );
        }
    });
}

/// The layer whose parameters are drawn: the shown one, or the last before it that has some.
fn named(checkpoint: &CheckpointSummary, layer: LayerIndex) -> Option<&str> {
    let own = checkpoint.parameters.iter().rev().find(|own| own.index <= layer);
    own.map(|own| own.name.as_str())
}

fn legend(ui: &mut Ui, count: usize, layer: Option<&str>) {
    let quiet = palette(ui).quiet;
    ui.allocate_ui_with_layout(Vec2::new(LEGEND - 12.0, HEIGHT - 12.0), Layout::top_down(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.label(RichText::new(format!("{count} checkpoint{}", if count == 1 { "" } else { "s" })).strong());
        for line in ["of each, from the left:", "parameters, maps of"] {
            ui.label(RichText::new(line).size(12.0).color(quiet));
        }
        ui.add(egui::Label::new(RichText::new(layer.unwrap_or("the first layer")).size(12.0)).truncate());
        ui.label(RichText::new("how far each layer moved").size(12.0).color(quiet));
    });
}

fn cell(ui: &mut Ui, checkpoint: &CheckpointSummary, layer: LayerIndex, is_newest: bool) {
    let colors = palette(ui);
    ui.spacing_mut().item_spacing.y = 2.0;
    let name = RichText::new(&checkpoint.name).color(if is_newest { colors.accent } else { colors.text });
    let said = checkpoint.in_words();
    ui.add(egui::Label::new(name.strong()).truncate()).on_hover_text(format!("{}: {said}", checkpoint.name));
    let [channels, dead, solid, broken] = checkpoint.health();
    let broken = if broken > 0 { format!(" · {broken} no numbers") } else { String::new() };
    let health = format!("{dead} dead · {solid} solid{broken} of {channels}");
    ui.label(RichText::new(health).size(12.0)).on_hover_text(said);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        let parameters = checkpoint.parameters.iter().rev().find(|own| own.index <= layer);
        let maps = checkpoint.maps.iter().find(|own| own.index >= layer).or(checkpoint.maps.last());
        if let Some(own) = parameters.or(checkpoint.parameters.first()) {
            drawing(
                ui,
                &heights(&own.histogram),
                colors.accent,
                &format!("{}: {} parameters{}", own.name, own.count, span(&own.histogram)),
            );
        }
        if let Some(own) = maps {
            drawing(
                ui,
                &heights(&own.histogram),
                colors.text,
                &format!(
                    "{}: values of {} channels{}; zeros are left out",
                    own.name,
                    own.channels,
                    span(&own.histogram)
                ),
            );
        }
        let moved: Vec<f64> = checkpoint.parameters.iter().map(|own| own.moved.unwrap_or(0.0)).collect();
        let words = match checkpoint.furthest() {
            Some((own, part)) => {
                format!("from the first layer (left) to the last; {} moved by {}", own.name, percent(part))
            }
            None => "there is none before it".into(),
        };
        drawing(ui, &moved, colors.quiet, &words);
    });
    let moved = checkpoint.furthest().map(|(own, part)| format!("{} {}", own.name, percent(part)));
    let moved = RichText::new(moved.unwrap_or_default()).size(12.0).color(colors.quiet);
    ui.add(egui::Label::new(moved).truncate());
}

fn span(histogram: &HistogramInfo) -> String {
    let end = histogram.start + histogram.width * histogram.counts.len() as f64;
    format!(", from {:.3} to {end:.3}", histogram.start)
}

/// Few values are to be seen, too.
fn heights(histogram: &HistogramInfo) -> Vec<f64> {
    histogram.counts.iter().map(|count| (*count as f64).ln_1p()).collect()
}

/// Bars, the highest of which is as high as there is room.
fn drawing(ui: &mut Ui, heights: &[f64], color: Color32, words: &str) {
    let (response, painter) = ui.allocate_painter(DRAWING, Sense::hover());
    let area = response.rect;
    painter.rect_filled(area, 2.0, palette(ui).line.gamma_multiply(0.35));
    let most = heights.iter().copied().fold(0.0, f64::max);
    let width = area.width() / heights.len().max(1) as f32;
    for (place, height) in heights.iter().enumerate().filter(|_| most > 0.0) {
        let left = area.left() + place as f32 * width;
        let top = area.bottom() - area.height() * (height / most) as f32;
        let bar = Rect::from_min_max([left, top].into(), [left + width.max(1.0), area.bottom()].into());
        painter.rect_filled(bar, 0.0, color);
    }
    response.on_hover_text(words);
}
