//! What stands around the tiles: where am I, what does the camera see, what does the network say, what do the
//! colours mean, how does it run.

use std::time::{Duration, Instant};

use egui::{
    Align, Align2, Color32, FontId, Frame, Layout, Margin, Pos2, Rect, RichText, Sense, Stroke, Ui, Vec2,
};

use super::keymap::{self, Action, BINDINGS};
use super::state::AppState;
use super::view_model::ViewModel;
use crate::gpu::{ChannelStatistics, Fit, RangeMode, crop_of};
use crate::session::Stage;
use crate::view::{TileSize, color_ends, colormap_table, number, tile_grid};

/// Behind everything.
pub const BACKGROUND: Color32 = Color32::from_rgb(0x15, 0x17, 0x1b);
const TEXT: Color32 = Color32::from_rgb(0xe4, 0xe7, 0xeb);
const QUIET: Color32 = Color32::from_rgb(0x9a, 0xa3, 0xad);
const ACCENT: Color32 = Color32::from_rgb(0xff, 0xb4, 0x54);
const LINE: Color32 = Color32::from_rgb(0x2c, 0x31, 0x38);

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
    /// Like a key.
    Do(Action),
}

/// Where things are, in points, and what was clicked.
#[derive(Clone, Debug, Default)]
pub struct Arrangement {
    /// The frame; nothing is drawn where it is empty.
    pub picture: Option<Rect>,
    /// The tiles.
    pub tiles: Option<Rect>,
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
            let highest_picture = ui.available_height() * 0.42;
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
}

fn how_it_runs(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    ui.horizontal(|ui| {
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            ui.label(RichText::new("h  help").color(ACCENT));
            ui.label(RichText::new("·").color(LINE));
            let count = state.shown_channels(model.shown_layer(state)).len();
            ui.label(channels_in_words(state, count));
            ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                let text = RichText::new(model.status_line(state)).color(QUIET);
                ui.add(egui::Label::new(text).truncate());
            });
        });
    });
}

/// `channels 1–64 of 288`: counted from 1, as people do; numbers on tiles are indices from 0.
fn channels_in_words(state: &AppState, count: usize) -> String {
    if state.enlarged {
        return format!("channel {} of {count}", state.selected + 1);
    }
    let Some(grid) = state.grid else { return format!("{count} channels") };
    let first = state.page() * grid.page_len();
    format!("channels {}–{} of {count}", first + 1, (first + grid.page_len()).min(count))
}

fn what_it_sees(ui: &mut Ui, state: &AppState, model: &ViewModel, highest: f32, out: &mut Arrangement) {
    ui.spacing_mut().item_spacing.y = 5.0;
    let width = ui.available_width();
    match &model.activations {
        Some(shown) => {
            let frame = &shown.frame.frame;
            let aspect = frame.height as f32 / frame.width as f32;
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
            if shown.request.fit == Fit::Crop {
                mark_crop(ui, rect, frame.width, frame.height);
            }
            if state.frozen {
                tag(ui, rect.left_top() + Vec2::splat(6.0), "frozen · f goes on");
            }
            let fit = match shown.request.fit {
                Fit::Stretch => "the whole picture, stretched to 299×299",
                Fit::Crop => "the framed square, resized to 299×299",
            };
            ui.label(RichText::new(format!("The network sees {fit}.")).color(QUIET).small());
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
    legend(ui, state, model);
}

fn mark_crop(ui: &Ui, rect: Rect, width: u32, height: u32) {
    let crop = crop_of(width, height, Fit::Crop);
    let scale = rect.width() / width as f32;
    let min = rect.min + Vec2::new(crop.x, crop.y) * scale;
    let square = Rect::from_min_size(min, Vec2::new(crop.width, crop.height) * scale);
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
    if !model.trained() {
        let text = match model.status.weights {
            None => "Weights are being loaded.",
            Some(_) => {
                "Untrained network: its weights are random, so it recognises nothing and predictions are \
                 hidden. For real ones (see README, Weights):"
            }
        };
        ui.label(RichText::new(text).color(ACCENT));
        if model.status.weights.is_some() {
            // Not in the text's font, which joins the two dashes.
            ui.label(RichText::new("convscope --weights FILE").monospace().color(ACCENT));
        }
        return;
    }
    if !state.predictions {
        ui.label(RichText::new("Off; 8 turns them on.").color(QUIET));
        return;
    }
    for (name, probability) in model.top(5) {
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
}

fn legend(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let layer = model.shown_layer(state);
    let Some(tap) = model.activations.as_ref().and_then(|shown| shown.tap(layer)) else { return };
    let channels = state.shown_channels(layer);
    let Some(&channel) = channels.get(state.selected).or(channels.first()) else { return };
    let of_layer = tap.channel_statistics[tap.channel_statistics.len() - 1];
    let of_channel = tap.channel_statistics[channel as usize];
    let (statistics, meaning) = match state.range_at(layer) {
        RangeMode::Map => (of_channel, format!("each map its own range (n); here channel {channel}")),
        RangeMode::Layer => (of_layer, "one range for the whole layer (n)".to_string()),
    };
    ui.label(RichText::new("What the colours mean").strong());
    let (rect, _) = ui.allocate_exact_size(Vec2::new(ui.available_width(), 14.0), Sense::hover());
    color_bar(ui, rect, &colormap_table(state.colormap));
    let (low, high) = color_ends(statistics.min, statistics.max, state.colormap);
    ui.horizontal(|ui| {
        ui.label(number(low));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| ui.label(number(high)));
    });
    ui.label(RichText::new(format!("{} · {meaning}", state.colormap.name())).color(QUIET).small());
    ui.label(RichText::new(in_words(channel, of_channel)).color(QUIET).small());
}

/// One mesh: single rectangles would have soft edges and look striped.
fn color_bar(ui: &Ui, rect: Rect, table: &[[u8; 3]; 256]) {
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
    out.tiles = Some(area);

    let channels = state.shown_channels(layer);
    let shape = state.graph().nodes[layer].shape;
    let pixels = [area.width(), area.height()].map(|side| (side * scale) as u32);
    let corner = |edge: [u32; 2]| area.min + Vec2::new(edge[0] as f32, edge[1] as f32) / scale;
    let map = [shape.width, shape.height];
    let size = match state.tile_size {
        TileSize::Auto => TileSize::Auto,
        TileSize::Pixels(points) => TileSize::Pixels((points as f32 * scale).round() as u32),
    };
    let grid = tile_grid(pixels, map, channels.len(), size, scale);
    state.grid = Some(grid);
    notices(ui, area, model);
    let Some(selected) = channels.get(state.selected) else { return };
    if state.enlarged {
        tag(ui, area.left_top(), &format!("channel {selected} · z shows all"));
        if response.double_clicked() {
            out.clicks.push(Click::Enlarge(state.selected));
        }
        return;
    }
    let first = state.page() * grid.page_len();
    let shown = &channels[first..(first + grid.page_len()).min(channels.len())];
    let tile = Vec2::new(grid.tile[0] as f32, grid.tile[1] as f32) / scale;
    for (place, channel) in shown.iter().enumerate() {
        let rect = Rect::from_min_size(corner(grid.tile_origin(place)), tile);
        if first + place == state.selected {
            ui.painter().rect_stroke(rect, 0.0, Stroke::new(2.0, ACCENT), egui::StrokeKind::Outside);
        }
        if tile.min_elem() >= NUMBERED_TILE {
            let galley = ui.painter().layout_no_wrap(channel.to_string(), FontId::proportional(11.0), TEXT);
            let back = Rect::from_min_size(rect.min, galley.size() + Vec2::new(4.0, 0.0));
            ui.painter().rect_filled(back, 0.0, Color32::from_black_alpha(150));
            ui.painter().galley(rect.min + Vec2::new(2.0, 0.0), galley, TEXT);
        }
    }
    let place_at = |at: Pos2| {
        let local = (at - area.min) * scale;
        grid.tile_from_pixel(local.x, local.y).map(|(place, _)| place).filter(|place| *place < shown.len())
    };
    if let Some(place) = response.interact_pointer_pos().filter(|_| response.clicked()).and_then(place_at) {
        let (position, twice) = (first + place, response.double_clicked());
        out.clicks.push(if twice { Click::Enlarge(position) } else { Click::Select(position) });
    }
    let turn = ui.input(|input| input.events.iter().map(wheel_turn).sum::<f32>());
    if response.hovered() && turn.abs() >= 1.0 {
        out.clicks.push(Click::Do(if turn > 0.0 { Action::PreviousPage } else { Action::NextPage }));
    }
    let tap = model.activations.as_ref().and_then(|results| results.tap(layer));
    if let (Some(place), Some(tap)) = (response.hover_pos().and_then(place_at), tap) {
        let channel = shown[place];
        response.on_hover_text_at_pointer(in_words(channel, tap.channel_statistics[channel as usize]));
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

/// `channel 12: 0 to 4.21, mean 0.3, deviation 0.52`
fn in_words(channel: u32, statistics: ChannelStatistics) -> String {
    let ChannelStatistics { min, max, mean, std, .. } = statistics;
    let [min, max, mean, std] = [min, max, mean, std].map(number);
    format!("channel {channel}: {min} to {max}, mean {mean}, deviation {std}")
}

/// What the user has to know now, over the lower edge of the tiles.
fn notices(ui: &Ui, area: Rect, model: &ViewModel) {
    let mut lines: Vec<String> = model.toast.iter().cloned().collect();
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
            ui.label("Mouse: click a tile to select it, twice to enlarge it; the wheel turns pages; click a stage to go there.");
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
