//! What stands around the tiles: where am I, what does the camera see, what does the network say, what do the
//! colours mean, how does it run.

use std::time::{Duration, Instant};

use egui::{
    Align, Align2, Color32, FontId, Frame, Layout, Margin, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2,
};

use super::choices;
use super::class_activation::Explanation;
use super::colors::LayerColors;
use super::enlarged;
use super::health::LayerMarks;
use super::kernels::KernelChoice;
use super::keymap::{self, Action, BINDINGS};
use super::legend::{color_bar, in_words, legend};
use super::state::{AppState, Overlay};
use super::view_model::ViewModel;
use crate::gpu::{Fit, crop_of};
use crate::inspect::{Thresholds, explained_layer};
use crate::session::Stage;
use crate::view::{Filter, Normalize, Sort, TileGrid, TileSize, colormap_table, number, range, tile_grid};
use crate::weights::Origin;

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x15, 0x17, 0x1b);
pub(super) const TEXT: Color32 = Color32::from_rgb(0xe4, 0xe7, 0xeb);
pub(super) const QUIET: Color32 = Color32::from_rgb(0x9a, 0xa3, 0xad);
pub(super) const ACCENT: Color32 = Color32::from_rgb(0xff, 0xb4, 0x54);
pub(super) const LINE: Color32 = Color32::from_rgb(0x2c, 0x31, 0x38);
pub const CURVE: Color32 = Color32::from_rgb(0x6c, 0xc4, 0xb8);

/// A view without a frame for so long says so.
const SILENCE: Duration = Duration::from_secs(2);

/// Tiles smaller than this (in points) carry no number.
const NUMBERED_TILE: f32 = 47.0;

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

/// Sets type sizes and colours once.
pub fn set_style(ctx: &egui::Context) {
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(|style| {
        style.visuals.override_text_color = Some(TEXT);
        style.visuals.panel_fill = Color32::TRANSPARENT;
        style.visuals.window_fill = Color32::from_rgb(0x1e, 0x21, 0x27);
        style.visuals.window_stroke = Stroke::new(1.0, LINE);
        style.visuals.widgets.noninteractive.bg_stroke = Stroke::new(1.0, LINE);
        for font in style.text_styles.values_mut() {
            font.size = font.size.max(13.5);
        }
        style.interaction.selectable_labels = false;
        style.animation_time = 0.0;
    });
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
            // What is shown beside it wants room too.
            let highest_picture = ui.available_height() * (0.38 - 0.11 * extras(state) as f32).max(0.18);
            egui::ScrollArea::vertical()
                .show(ui, |ui| what_it_sees(ui, state, model, highest_picture, &mut out));
        });
    egui::CentralPanel::default()
        .frame(Frame::NONE.inner_margin(Margin::same(10)))
        .show(ui, |ui| tiles(ui, state, model, &mut out));
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
        ui.label(RichText::new(&node.keras_name).size(20.0).strong());
        ui.label(format!("layer {shown} of {} · {} · {}", graph.nodes.len() - 1, node.op.name(), node.shape));
        if let Some(name) = &node.torch_name {
            ui.label(RichText::new(format!("torchvision {name}")).color(QUIET));
        }
        if shown != state.layer {
            let next = &graph.nodes[state.layer];
            ui.label(
                RichText::new(format!("computing {} · {} …", state.layer, next.keras_name)).color(ACCENT),
            );
        }
    });
    ui.horizontal_wrapped(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.label(RichText::new("stage").color(QUIET));
        let current = graph.nodes[state.layer].stage;
        for (index, name) in graph.stages.iter().enumerate() {
            let text = RichText::new(name).color(if index == current { BACKGROUND } else { TEXT });
            let fill = if index == current { ACCENT } else { Color32::TRANSPARENT };
            let button = egui::Button::new(text).fill(fill).stroke(Stroke::new(1.0, LINE)).small();
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
            ui.label(RichText::new("h  help").color(ACCENT));
            ui.label(RichText::new("·").color(LINE));
            ui.label(choices::channels_in_words(state, model.shown_layer(state)));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(model.status_line(state)).color(QUIET);
                ui.add(egui::Label::new(text).truncate());
            });
        });
    });
}

fn what_it_sees(ui: &mut Ui, state: &AppState, model: &ViewModel, highest: f32, out: &mut Arrangement) {
    ui.spacing_mut().item_spacing.y = 5.0;
    let width = ui.available_width();
    match &model.activations {
        Some(shown) => {
            let frame = &shown.frame.frame;
            let as_input = state.network_input && shown.map(0).is_some();
            let aspect = if as_input { 1.0 } else { frame.height as f32 / frame.width as f32 };
            let size = if width * aspect > highest {
                Vec2::new(highest / aspect, highest)
            } else {
                Vec2::new(width, width * aspect)
            };
            let (rect, response) = ui.allocate_exact_size(size, Sense::click());
            if response.double_clicked() {
                out.clicks.push(Click::Do(Action::ToggleFrozen));
            }
            out.picture = Some(rect);
            let is_cropped = shown.request.fit == Fit::Crop && !as_input;
            let seen = seen_part(
                rect,
                frame.width,
                frame.height,
                if as_input { Fit::Stretch } else { shown.request.fit },
            );
            if is_cropped {
                mark_crop(ui, rect, seen);
            }
            let input = state.graph().input_shape();
            out.pixel = response
                .hover_pos()
                .and_then(|at| pixel_at(seen, at, state.mirror, [input.width as u32, input.height as u32]));
            enlarged::on_picture(ui, seen, state, model);
            if state.frozen {
                tag(ui, rect.left_top() + Vec2::splat(6.0), "frozen · f goes on");
            }
            let fit = match (as_input, shown.request.fit) {
                (true, _) => "These are the 299×299 pixels that the network sees.",
                (false, Fit::Stretch) => "The network sees the whole picture, stretched to 299×299.",
                (false, Fit::Crop) => "The network sees the framed square, resized to 299×299.",
            };
            if state.frozen && model.moments.len() > 1 {
                time_bar(ui, frame.id, model, out);
            }
            if extras(state) == 0 {
                ui.label(RichText::new(fit).color(QUIET).small());
            }
            match state.overlay {
                Some(Overlay::Hypercolumn) => hypercolumn(ui, state, model),
                Some(Overlay::ClassActivation) => class_activation(ui, state, model),
                Some(Overlay::Channel) => over_picture(ui, state, model),
                None => {}
            }
        }
        None => {
            let (rect, _) = ui.allocate_exact_size(Vec2::new(width, width * 0.75), Sense::hover());
            ui.painter().rect_filled(rect, 2.0, Color32::from_rgb(0x1e, 0x21, 0x27));
            ui.painter().text(
                rect.center(),
                Align2::CENTER_CENTER,
                "no picture yet",
                FontId::proportional(14.0),
                QUIET,
            );
        }
    }
    ui.add_space(4.0);
    predictions(ui, state, model);
    ui.add_space(6.0);
    if state.health {
        health_line(ui, state, model);
        ui.add_space(6.0);
    }
    if state.enlarged && !state.kernels {
        enlarged::words(ui, state, model);
        ui.add_space(6.0);
    }
    legend(ui, state, model, out);
}

/// How much is shown in the left panel beside what always is.
fn extras(state: &AppState) -> usize {
    let large = state.enlarged && !state.kernels;
    [state.curve, state.health, state.overlay.is_some(), large, state.frozen]
        .into_iter()
        .filter(|shown| *shown)
        .count()
}

/// The part of the picture (drawn in `rect`) that the network sees.
fn seen_part(rect: Rect, width: u32, height: u32, fit: Fit) -> Rect {
    let crop = crop_of(width, height, fit);
    let scale = Vec2::new(rect.width() / width as f32, rect.height() / height as f32);
    let min = rect.min + Vec2::new(crop.x, crop.y) * scale;
    Rect::from_min_size(min, Vec2::new(crop.width, crop.height) * scale)
}

/// The pixel of an input of this size under a point of the screen.
fn pixel_at(seen: Rect, at: Pos2, mirror: bool, [width, height]: [u32; 2]) -> Option<[u32; 2]> {
    let inside = (at - seen.min) / seen.size();
    let across = if mirror { 1.0 - inside.x } else { inside.x };
    let pixel = |part: f32, side: u32| (0.0..1.0).contains(&part).then_some((part * side as f32) as u32);
    Some([pixel(across, width)?, pixel(inside.y, height)?])
}

/// The last frames from left to right; a click or a drag goes to one of them.
fn time_bar(ui: &mut Ui, shown: u64, model: &ViewModel, out: &mut Arrangement) {
    let moments = &model.moments;
    let (rect, response) =
        ui.allocate_exact_size(Vec2::new(ui.available_width(), 12.0), Sense::click_and_drag());
    ui.painter().rect_filled(rect.shrink2(Vec2::new(0.0, 4.0)), 2.0, LINE);
    let last = moments.len() - 1;
    let x = |place: usize| rect.left() + rect.width() * place as f32 / last as f32;
    if let Some(at) = response.interact_pointer_pos() {
        let part = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
        out.clicks.push(Click::Moment(moments[(part * last as f32).round() as usize].id));
    }
    let Some(place) = moments.iter().position(|moment| moment.id == shown) else { return };
    let knob = Rect::from_center_size(Pos2::new(x(place), rect.center().y), Vec2::new(6.0, 12.0));
    ui.painter().rect_filled(knob, 2.0, ACCENT);
    let ago = moments[last].captured.saturating_duration_since(moments[place].captured).as_secs_f32();
    let text =
        format!("frame {} of the last {}, {ago:.1} s back (w earlier, e later)", place + 1, moments.len());
    ui.label(RichText::new(text).color(QUIET).small());
}

fn over_picture(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let Some(channel) = state.selected_channel(model.shown_layer(state)) else { return };
    let opacity = (state.opacity * 100.0).round();
    let text = format!("Over it channel {channel} (r), {opacity} % opaque ([ fainter, ] stronger).");
    ui.label(RichText::new(text).color(ACCENT).small());
}

fn class_activation(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let text = match model.explanation {
        Some(Explanation { class, logit, .. }) => {
            let name =
                model.label(class).map_or_else(|| format!("class {class}"), |label| label.name.clone());
            format!(
                "Where “{name}” comes from (c): the sum of the last block's maps, each times its weight for this class. \
                 Its mean plus the bias is the logit {}.",
                number(logit)
            )
        }
        None if !model.trained() => {
            "An untrained network recognises nothing: no class activation map (c).".into()
        }
        None if explained_layer(state.graph()).is_none() => {
            "This network does not end in a pool and one fully connected layer: no class activation map (c)."
                .into()
        }
        None => "The class activation map (c) is being computed.".into(),
    };
    ui.label(RichText::new(text).color(ACCENT).small());
    let Some(Explanation { low, high, .. }) = model.explanation else { return };
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 8.0), Sense::hover());
    let range = state.overlay_scale().range((low, high), (low, high), state.colormap());
    color_bar(ui, rect, &range.ramp(&colormap_table(state.colormap())));
    let [low, high] = [range.low, range.high].map(number);
    let ends = format!("from {low} to {high} ([ fainter, ] stronger)");
    ui.label(RichText::new(ends).color(QUIET).small());
}

fn hypercolumn(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let layers = &state.hypercolumn;
    let graph = state.graph();
    let channels: usize = layers.iter().map(|&layer| graph.nodes[layer].shape.channels).sum();
    let text = match layers.len() {
        0 => "The hypercolumn has no layers: x takes the one you look at.".to_string(),
        _ => {
            let numbers: Vec<_> = layers.iter().map(usize::to_string).collect();
            let opacity = (state.opacity * 100.0).round();
            format!(
                "Hypercolumn of layers {}: the mean of {channels} channels, {opacity} % opaque ([ fainter, ] stronger).",
                numbers.join(", ")
            )
        }
    };
    ui.label(RichText::new(text).color(ACCENT).small());
    if !layers.is_empty() {
        let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 8.0), Sense::hover());
        let range = state.overlay_scale().range((0.0, 1.0), (0.0, 1.0), state.colormap());
        color_bar(ui, rect, &range.ramp(&colormap_table(state.colormap())));
        ui.label(RichText::new("from its lowest to its highest value").color(QUIET).small());
    }
    let Some(vector) = &model.vector else {
        if !layers.is_empty() {
            let hint = "Point at the picture for the vector of a pixel.";
            ui.label(RichText::new(hint).color(QUIET).small());
        }
        return;
    };
    let [x, y] = vector.pixel;
    ui.label(RichText::new(format!("The hypercolumn at {x},{y}: {} values", vector.values.len())).small());
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 64.0), Sense::hover());
    plot(ui, rect, &vector.values);
    // Each layer has its own scale of values: show where one ends.
    let mut start = 0;
    for (layer, channels) in &vector.layers {
        let edge = |at: usize| rect.left() + rect.width() * at as f32 / vector.values.len() as f32;
        if start > 0 {
            ui.painter().vline(edge(start), rect.y_range(), Stroke::new(1.0, QUIET));
        }
        let room = edge(start + channels) - edge(start);
        let galley = ui.painter().layout_no_wrap(layer.to_string(), FontId::proportional(11.0), QUIET);
        if galley.size().x + 4.0 < room {
            ui.painter().galley(Pos2::new(edge(start) + 2.0, rect.top()), galley, QUIET);
        }
        start += channels;
    }
}

/// Values as a curve over their index, with zero and the largest value marked.
fn plot(ui: &Ui, rect: Rect, values: &[f32]) {
    ui.painter().rect_filled(rect, 2.0, Color32::from_rgb(0x1e, 0x21, 0x27));
    let (low, high) = range(values);
    let (low, high) = (low.min(0.0), high.max(0.0));
    if values.is_empty() || low >= high {
        return;
    }
    let inner = rect.shrink2(Vec2::new(0.0, 3.0));
    let y = |value: f32| egui::remap(value, low..=high, inner.bottom()..=inner.top());
    let x = |index: usize| rect.left() + rect.width() * (index as f32 + 0.5) / values.len() as f32;
    ui.painter().hline(rect.x_range(), y(0.0), Stroke::new(1.0, LINE));
    // A line from zero for each value: a single peak between two pixels stays visible.
    for (index, value) in values.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        if (y(*value) - y(0.0)).abs() >= 0.5 {
            ui.painter().vline(x(index), y(0.0)..=y(*value), Stroke::new(1.0, CURVE));
        }
    }
    let font = FontId::proportional(11.0);
    ui.painter().text(
        rect.right_top() + Vec2::new(-3.0, 1.0),
        Align2::RIGHT_TOP,
        number(high),
        font.clone(),
        TEXT,
    );
    if low < 0.0 {
        let at = rect.right_bottom() - Vec2::new(3.0, 1.0);
        ui.painter().text(at, Align2::RIGHT_BOTTOM, number(low), font, TEXT);
    }
}

/// All class probabilities; the class under the cursor is named.
fn curve(ui: &mut Ui, model: &ViewModel) {
    let Some(shown) = &model.activations else { return };
    let Some(probabilities) = &shown.probabilities else { return };
    let (rect, response) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 72.0), Sense::hover());
    plot(ui, rect, probabilities);
    let text = match response.hover_pos() {
        Some(at) => {
            let part = ((at.x - rect.left()) / rect.width()).clamp(0.0, 1.0);
            let class = ((part * probabilities.len() as f32) as usize).min(probabilities.len() - 1);
            let name = model.label(class).map_or("", |label| label.name.as_str());
            format!("class {class} · {name}: {:.2} %", probabilities[class] * 100.0)
        }
        None => format!("The probabilities of all {} classes (g).", probabilities.len()),
    };
    ui.label(RichText::new(text).color(QUIET).small());
}

/// What is wrong with the layer's maps, in one line.
fn health_line(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    ui.label(RichText::new("How healthy the maps are").strong());
    let Some(health) = &model.health else {
        ui.label(RichText::new("Nothing has been seen yet.").color(QUIET).small());
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
            ui.label(format!("{count} {text}"));
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
    ui.label(RichText::new(text).color(QUIET).small());
}

fn mark_crop(ui: &Ui, rect: Rect, square: Rect) {
    let shade = Color32::from_black_alpha(150);
    for part in [
        Rect::from_min_max(rect.min, Pos2::new(square.left(), rect.bottom())),
        Rect::from_min_max(Pos2::new(square.right(), rect.top()), rect.max),
        Rect::from_min_max(rect.min, Pos2::new(rect.right(), square.top())),
        Rect::from_min_max(Pos2::new(rect.left(), square.bottom()), rect.max),
    ] {
        ui.painter().rect_filled(part, 0.0, shade);
    }
    ui.painter().rect_stroke(square, 0.0, Stroke::new(1.5, ACCENT), egui::StrokeKind::Inside);
}

fn tag(ui: &Ui, at: Pos2, text: &str) {
    let galley = ui.painter().layout_no_wrap(text.into(), FontId::proportional(13.0), TEXT);
    let rect = Rect::from_min_size(at, galley.size() + Vec2::new(8.0, 4.0));
    ui.painter().rect_filled(rect, 3.0, Color32::from_black_alpha(190));
    ui.painter().galley(at + Vec2::new(4.0, 2.0), galley, TEXT);
}

fn predictions(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    ui.label(RichText::new("What the network says").strong());
    if let Some(network) = model.network().filter(|network| network.weights.origin.is_trained()) {
        let origin = &network.weights.origin;
        let color = if matches!(origin, Origin::Embedded { .. }) { ACCENT } else { QUIET };
        let title = RichText::new(origin.title()).color(color).small();
        ui.add(egui::Label::new(title).truncate());
    }
    if !model.trained() {
        let text = match model.network() {
            None => "Weights are being loaded.",
            Some(_) => {
                "Untrained network: its weights are random, so it recognises nothing and predictions are \
                 hidden. Real ones (see README, Weights):"
            }
        };
        ui.label(RichText::new(text).color(ACCENT));
        if let Some(download) = &model.download {
            ui.label(RichText::new(download).color(ACCENT));
        } else if model.network().is_some() {
            // Not in the text's font, which joins the two dashes.
            ui.label(RichText::new("convscope weights fetch").monospace().color(ACCENT));
        }
        return;
    }
    if state.graph().classifier().is_none() {
        ui.label(
            RichText::new("This network has no classifier: the weight file ends before it.").color(QUIET),
        );
        return;
    }
    if !state.predictions {
        ui.label(RichText::new("Off; shift p turns them on.").color(QUIET));
        return;
    }
    // What is shown beside them wants room too.
    let classes = if extras(state) > 0 { 3 } else { 5 };
    for (name, probability) in model.top(classes) {
        let height = 19.0;
        let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), height), Sense::hover());
        let bar = Rect::from_min_size(rect.min, Vec2::new(rect.width() * probability, height));
        ui.painter().rect_filled(rect, 2.0, Color32::from_rgb(0x1e, 0x21, 0x27));
        ui.painter().rect_filled(bar, 2.0, Color32::from_rgb(0x2f, 0x5d, 0x62));
        let percent = format!("{:.1} %", probability * 100.0);
        let font = FontId::proportional(13.5);
        let number = ui.painter().text(
            rect.right_center() - Vec2::new(5.0, 0.0),
            Align2::RIGHT_CENTER,
            percent,
            font,
            TEXT,
        );
        let label =
            Rect::from_min_max(rect.min + Vec2::new(5.0, 0.0), Pos2::new(number.left() - 6.0, rect.bottom()));
        let mut inner =
            ui.new_child(egui::UiBuilder::new().max_rect(label).layout(Layout::left_to_right(Align::Center)));
        inner.add(egui::Label::new(name).truncate());
    }
    if state.curve {
        curve(ui, model);
    }
}

fn tiles(ui: &mut Ui, state: &mut AppState, model: &ViewModel, out: &mut Arrangement) {
    let area = ui.available_rect_before_wrap();
    let scale = ui.ctx().pixels_per_point();
    let response = ui.allocate_rect(area, Sense::click());
    let layer = model.shown_layer(state);
    let message = match (&model.status.stage, model.activations.is_some()) {
        (Stage::Failed(reason), _) => Some((reason.clone(), ACCENT)),
        (Stage::Loading(what), false) => Some((format!("{what} …"), QUIET)),
        (_, false) => Some(("waiting for the first frame …".into(), QUIET)),
        _ => None,
    };
    if let Some((text, color)) = message {
        let galley = ui.painter().layout(text, FontId::proportional(18.0), color, area.width() * 0.8);
        let at = area.center() - galley.size() / 2.0;
        ui.painter().galley(at, galley, color);
        return;
    }
    notices(ui, area, state, model);
    let Some(subject) = Subject::of(state, layer) else {
        empty(ui, area, state, layer);
        return;
    };
    let versions = if subject.is_map { model.versions.len().max(1) } else { 1 };
    let title = subject.title.clone().map(|title| vec![title]).unwrap_or_else(|| model.versions.to_vec());
    for version in 0..versions {
        let width = (area.width() - VERSION_GAP * (versions - 1) as f32) / versions as f32;
        let left = area.left() + (width + VERSION_GAP) * version as f32;
        let mut body = Rect::from_min_size(Pos2::new(left, area.top()), Vec2::new(width, area.height()));
        if let Some(text) = title.get(version) {
            let place = Rect::from_min_size(body.min, Vec2::new(width, HEADING));
            let layout = Layout::left_to_right(Align::Center);
            let mut heading = ui.new_child(egui::UiBuilder::new().max_rect(place).layout(layout));
            heading.add(egui::Label::new(RichText::new(text).color(ACCENT)).truncate());
            body.min.y += HEADING;
        }
        out.tiles.push(body);
    }
    let body = out.tiles[0];
    let pixels = [body.width(), body.height()].map(|side| (side * scale) as u32);
    let grid = subject.grid(state, pixels, scale);
    state.grid = Some(grid);
    if response.double_clicked() && state.enlarged {
        out.clicks.push(Click::Enlarge(state.selected));
    }
    let channels = state.shown_channels(layer);
    let colors = match &model.activations {
        Some(shown) if subject.is_map => LayerColors::of(state, shown, layer),
        _ => vec![],
    };
    if state.enlarged {
        for (body, colors) in out.tiles.iter().zip(&colors) {
            let flat = channels.get(state.selected).and_then(|channel| colors.flat_in_words(*channel));
            if let Some(text) = flat {
                let font = FontId::proportional(18.0);
                ui.painter().text(body.center(), Align2::CENTER_CENTER, text, font, QUIET);
            }
        }
    }
    if state.enlarged && subject.is_map {
        enlarged::over_map(ui, body, &response, state, model, out);
    }
    if state.enlarged || !subject.is_selectable {
        return;
    }
    let first = state.page() * grid.page_len();
    let shown = &channels[first.min(channels.len())..(first + grid.page_len()).min(channels.len())];
    for (version, body) in out.tiles.iter().enumerate() {
        // Health is the main network's.
        let health = model.health.as_deref().filter(|_| subject.is_map && version == 0);
        let colors = colors.get(version);
        number_tiles(ui, *body, &grid, state, shown, first, TileMarks { health, colors });
    }
    // The version under a point, and the place of the tile in it.
    let place_at = |at: Pos2| {
        let version = out.tiles.iter().position(|body| body.contains(at))?;
        let local = (at - out.tiles[version].min) * scale;
        let (place, _) = grid.tile_from_pixel(local.x, local.y)?;
        (place < shown.len()).then_some((version, place))
    };
    if let Some((_, place)) =
        response.interact_pointer_pos().filter(|_| response.clicked()).and_then(place_at)
    {
        let (position, twice) = (first + place, response.double_clicked());
        out.clicks.push(if twice { Click::Enlarge(position) } else { Click::Select(position) });
    }
    let turn = ui.input(|input| input.events.iter().map(wheel_turn).sum::<f32>());
    if response.hovered() && turn.abs() >= 1.0 {
        out.clicks.push(Click::Do(if turn > 0.0 { Action::PreviousPage } else { Action::NextPage }));
    }
    let under = response.hover_pos().and_then(place_at).filter(|_| subject.is_map && !state.help);
    if let (Some((version, place)), Some(results)) = (under, &model.activations)
        && let Some((tap, _)) = results.versions(layer).nth(version)
    {
        let channel = shown[place];
        response.on_hover_text_at_pointer(in_words(channel, tap.channel_statistics[channel as usize]));
    }
}

/// Height of the line over tiles that says what they are, in points.
const HEADING: f32 = 26.0;

/// Between the versions of a comparison, in points.
const VERSION_GAP: f32 = 14.0;

/// What the tiles show.
struct Subject {
    /// `[width, height]` of one tile's values.
    size: [usize; 2],
    count: usize,
    is_map: bool,
    /// Tiles are channels that can be selected.
    is_selectable: bool,
    title: Option<String>,
}

impl Subject {
    /// `None` where kernels are to be shown of a layer that has none.
    fn of(state: &AppState, layer: usize) -> Option<Self> {
        let shape = state.graph().nodes[layer].shape;
        let channels = state.shown_channels(layer);
        let selected = channels.get(state.selected).or(channels.first()).copied().unwrap_or(0);
        if !state.kernels {
            let title = state.enlarged.then(|| format!("channel {selected} · z shows all"));
            let (size, count) = ([shape.width, shape.height], channels.len());
            return Some(Self { size, count, is_map: true, is_selectable: true, title });
        }
        let (conv, choice) = state.shown_kernels()?;
        let kernel = state.kernel_shape(conv);
        let (name, size) = (&state.graph().nodes[conv].keras_name, [kernel.width, kernel.height]);
        let of_shape = format!("{}×{}", kernel.height, kernel.width);
        Some(match choice {
            KernelChoice::Colored(filters) => {
                let title = format!("kernels of {name}: {of_shape}×3, in colour · shift k shows the maps");
                Self { size, count: filters.len(), is_map: false, is_selectable: true, title: Some(title) }
            }
            KernelChoice::Slices(filter) => {
                let count = kernel.channels;
                let title = format!(
                    "kernel of {name}: filter {filter}, a {of_shape} slice for each of {count} channels \
                     · arrows choose the filter · shift k shows the maps"
                );
                Self { size, count, is_map: false, is_selectable: false, title: Some(title) }
            }
        })
    }

    fn grid(&self, state: &AppState, pixels: [u32; 2], scale: f32) -> TileGrid {
        let size = match state.tile_size {
            TileSize::Auto => TileSize::Auto,
            TileSize::Pixels(points) => TileSize::Pixels((points as f32 * scale).round() as u32),
        };
        if self.is_selectable {
            return tile_grid(pixels, self.size, self.count, size, scale);
        }
        // All slices belong together: on one page, however small that makes them.
        let largest = (LARGEST_SLICE * scale) as u32;
        let fits = |grid: &TileGrid| grid.page_len() >= self.count;
        let grid = |side| tile_grid(pixels, self.size, self.count, TileSize::Pixels(side), scale);
        (1..largest).rev().map(grid).find(fits).unwrap_or_else(|| grid(1))
    }
}

/// A slice of a kernel is not drawn larger than this, in points.
const LARGEST_SLICE: f32 = 96.0;

/// There is nothing to show: says what to do.
fn empty(ui: &Ui, area: Rect, state: &AppState, layer: usize) {
    let node = &state.graph().nodes[layer];
    let text = format!(
        "{} ({}) has no kernels. Go to a convolution with u and o, or back to the maps with shift k.",
        node.keras_name,
        node.op.name()
    );
    let galley = ui.painter().layout(text, FontId::proportional(18.0), QUIET, area.width() * 0.8);
    ui.painter().galley(area.center() - galley.size() / 2.0, galley, QUIET);
}

/// What is written on tiles beside their numbers.
struct TileMarks<'a> {
    health: Option<&'a LayerMarks>,
    colors: Option<&'a LayerColors>,
}

/// Frame, number and health of each tile.
fn number_tiles(
    ui: &Ui,
    area: Rect,
    grid: &TileGrid,
    state: &AppState,
    shown: &[u32],
    first: usize,
    marks: TileMarks<'_>,
) {
    let scale = ui.ctx().pixels_per_point();
    let tile = Vec2::new(grid.tile[0] as f32, grid.tile[1] as f32) / scale;
    for (place, channel) in shown.iter().enumerate() {
        let edge = grid.tile_origin(place);
        let min = area.min + Vec2::new(edge[0] as f32, edge[1] as f32) / scale;
        let rect = Rect::from_min_size(min, tile);
        if first + place == state.selected {
            ui.painter().rect_stroke(rect, 0.0, Stroke::new(2.0, ACCENT), egui::StrokeKind::Outside);
        }
        let numbered = tile.min_elem() >= NUMBERED_TILE;
        if numbered {
            let galley = ui.painter().layout_no_wrap(channel.to_string(), FontId::proportional(11.0), TEXT);
            let back = Rect::from_min_size(rect.min, galley.size() + Vec2::new(4.0, 0.0));
            ui.painter().rect_filled(back, 0.0, Color32::from_black_alpha(150));
            ui.painter().galley(rect.min + Vec2::new(2.0, 0.0), galley, TEXT);
        }
        let mark = marks.health.and_then(|health| health.finding(*channel as usize));
        let flat = marks.colors.filter(|_| mark.is_none()).and_then(|colors| colors.flat_in_words(*channel));
        if let Some(text) = flat {
            mark_flat(ui, rect, text);
        }
        if let Some(finding) = mark {
            let [r, g, b] = finding.color();
            let color = Color32::from_rgb(r, g, b);
            let galley =
                ui.painter().layout_no_wrap(finding.word().into(), FontId::proportional(11.0), color);
            if numbered && galley.size().x + 6.0 < tile.x && galley.size().y * 2.0 < tile.y {
                let min = rect.left_bottom() - Vec2::new(0.0, galley.size().y);
                let back = Rect::from_min_size(min, galley.size() + Vec2::new(6.0, 0.0));
                ui.painter().rect_filled(back, 0.0, Color32::from_black_alpha(190));
                ui.painter().galley(min + Vec2::new(3.0, 0.0), galley, color);
            } else {
                let corner = Rect::from_min_max(
                    rect.right_top() + Vec2::new(-6.0, 0.0),
                    rect.right_top() + Vec2::new(0.0, 6.0),
                );
                ui.painter().rect_filled(corner, 0.0, color);
            }
        }
    }
}

/// Says quietly that a map has nothing to show: in a word where there is room, else with a dash.
fn mark_flat(ui: &Ui, tile: Rect, text: String) {
    let galley = ui.painter().layout_no_wrap(text, FontId::proportional(11.0), QUIET);
    let room = tile.size() - galley.size();
    // Not under the number in the corner.
    if room.x >= 6.0 && room.y >= 2.0 * galley.size().y {
        ui.painter().galley(tile.center() - galley.size() / 2.0, galley, QUIET);
    } else if tile.size().min_elem() >= 8.0 {
        let half = tile.width() * 0.15;
        let stroke = Stroke::new(1.0, QUIET.gamma_multiply(0.7));
        ui.painter().hline(tile.center().x - half..=tile.center().x + half, tile.center().y, stroke);
    }
}

/// Notches that a wheel was turned, up positive; a touchpad's points count as a fraction.
fn wheel_turn(event: &egui::Event) -> f32 {
    match event {
        egui::Event::MouseWheel { unit: egui::MouseWheelUnit::Point, delta, .. } => delta.y / 40.0,
        egui::Event::MouseWheel { delta, .. } => delta.y,
        _ => 0.0,
    }
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
    for line in lines {
        let galley = ui.painter().layout(line, FontId::proportional(14.0), TEXT, area.width() - 40.0);
        let size = galley.size() + Vec2::new(20.0, 10.0);
        let rect = Rect::from_min_size(Pos2::new(area.center().x - size.x / 2.0, bottom - size.y), size);
        ui.painter().rect_filled(rect, 4.0, Color32::from_rgba_unmultiplied(0x30, 0x26, 0x12, 245));
        ui.painter().rect_stroke(rect, 4.0, Stroke::new(1.0, ACCENT), egui::StrokeKind::Inside);
        ui.painter().galley(rect.min + Vec2::new(10.0, 5.0), galley, TEXT);
        bottom = rect.top() - 6.0;
    }
}

/// How long after the start a fallback is told on the screen (the terminal has it too).
const NOTICE_TIME: Duration = Duration::from_secs(12);

fn help(ui: &Ui, out: &mut Arrangement) {
    let mut open = true;
    egui::Window::new("Keys")
        .anchor(Align2::CENTER_CENTER, Vec2::ZERO)
        .collapsible(false)
        .resizable(false)
        .open(&mut open)
        .show(ui.ctx(), |ui| {
            let half = BINDINGS.len().div_ceil(2);
            ui.horizontal_top(|ui| {
                for (column, rows) in BINDINGS.chunks(half).enumerate() {
                    egui::Grid::new(column).num_columns(2).spacing([14.0, 5.0]).show(ui, |ui| {
                        for row in rows {
                            ui.label(RichText::new(keymap::labels(row.keys)).color(ACCENT).strong());
                            ui.label(row.help);
                            ui.end_row();
                        }
                    });
                    ui.add_space(18.0);
                }
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
