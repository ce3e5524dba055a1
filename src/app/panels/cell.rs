//! How the marked cell of the enlarged map is computed: patches and kernels of its strongest input channels, and the sum
//! line by line.

use egui::{Align, Align2, Color32, FontId, Layout, Rect, RichText, Sense, Stroke, StrokeKind, Ui, Vec2};

use crate::app::cell::ExplainedCell;
use crate::app::keys::Action;
use crate::app::state::AppState;
use crate::app::theme::{DARK, palette};
use crate::app::view_model::ViewModel;
use crate::inspect::cell::Part;
use crate::view::number;

/// A place of a patch or kernel with its number in it, in points; without.
const NUMBERED: Vec2 = Vec2::new(39.0, 19.0);
const PLAIN: f32 = 13.0;

/// Larger kernels have no numbers in them.
const MOST_NUMBERED: usize = 9;

/// The scroll bar's, in points.
const BAR: f32 = 8.0;

/// Between patch and kernel, for the sign between them.
const SIGN: f32 = 15.0;

/// Of places without a number; of those with numbers, half as strong, so that words can be read.
const POSITIVE: Color32 = Color32::from_rgb(0xc0, 0x48, 0x3a);
const NEGATIVE: Color32 = Color32::from_rgb(0x3d, 0x6f, 0xc4);

/// Width of the panel where there is so much beside the left one, in points.
pub(super) fn width(room: f32) -> f32 {
    (room * 0.48).clamp(230.0, 310.0)
}

pub(super) fn show(ui: &mut Ui, state: &AppState, model: &ViewModel) {
    let key = state.keys.key_for(Action::ToggleCell);
    ui.horizontal(|ui| {
        ui.label(RichText::new("How this cell is computed").strong());
        ui.label(RichText::new(format!("{key} closes")).color(palette(ui).quiet).small());
    });
    match &model.explained {
        None => {
            let text = "Point at a cell of the map, click it, or mark it with shift and an arrow.";
            ui.label(RichText::new(text).color(palette(ui).quiet));
        }
        Some(Err(why)) => {
            ui.label(RichText::new(why).color(palette(ui).accent));
        }
        Some(Ok(cell)) => {
            let thin = egui::style::ScrollStyle::thin();
            ui.style_mut().spacing.scroll =
                egui::style::ScrollStyle { floating_allocated_width: 0.0, ..thin };
            egui::ScrollArea::vertical().auto_shrink([false, false]).show(ui, |ui| explained(ui, cell));
        }
    }
}

fn explained(ui: &mut Ui, cell: &ExplainedCell) {
    ui.spacing_mut().item_spacing.y = 4.0;
    ui.set_max_width(ui.available_width() - BAR);
    let told = &cell.told;
    ui.label(RichText::new(&told.title).color(palette(ui).accent));
    ui.label(RichText::new(&told.from).color(palette(ui).quiet).small());
    let strongest = match cell.sum.others.0 {
        0 => "What is read, times the kernel:",
        _ => "The input channels that add most: what is read, times the kernel:",
    };
    ui.label(RichText::new(strongest).small());
    for part in &cell.sum.parts {
        products(ui, part, cell.sum.size, told.empty);
    }
    ui.add_space(4.0);
    for line in &told.lines {
        let color = if line.is_result { palette(ui).text } else { palette(ui).quiet };
        if line.text == "sum" {
            let top = ui.cursor().top();
            ui.painter().hline(ui.max_rect().x_range(), top, Stroke::new(1.0, palette(ui).line));
            ui.add_space(1.0);
        }
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                ui.label(RichText::new(&line.number).monospace().color(color));
                ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                    ui.add(egui::Label::new(RichText::new(&line.text).color(color).small()).wrap());
                });
            });
        });
    }
    for note in &told.notes {
        ui.label(RichText::new(note).color(palette(ui).quiet).small());
    }
}

/// What is read of one channel, its kernel, and what their products add up to.
fn products(ui: &mut Ui, part: &Part, size: [usize; 2], empty: &str) {
    let sum = number(part.sum as f32);
    ui.label(RichText::new(format!("channel {} adds {sum}", part.channel)).small().strong());
    let kernel: Vec<Option<f32>> = part.kernel.iter().copied().map(Some).collect();
    let is_numbered = size[0] * size[1] <= MOST_NUMBERED;
    // A kernel of one row is written as a column, which has room.
    let [rows, columns] = if is_numbered && size[0] == 1 { [size[1], 1] } else { size };
    let wide = |cell: Vec2| 2.0 * columns as f32 * cell.x + SIGN;
    let room = ui.available_width();
    let plain = Vec2::splat(PLAIN.min((room - SIGN) / (2 * columns) as f32));
    let cell = if is_numbered { NUMBERED } else { plain };
    let shape = [rows, columns];
    let empty = Some(empty).filter(|_| is_numbered);
    if wide(cell) <= room {
        ui.horizontal(|ui| {
            ui.spacing_mut().item_spacing.x = 0.0;
            grid(ui, &part.patch, shape, cell, empty);
            sign(ui, rows as f32 * cell.y);
            grid(ui, &kernel, shape, cell, empty);
        });
    } else {
        grid(ui, &part.patch, shape, cell, empty);
        ui.label(RichText::new("×").small());
        grid(ui, &kernel, shape, cell, empty);
    }
    if !is_numbered {
        let product = |at: &usize| (part.patch[*at].unwrap_or(0.0) * part.kernel[*at]).abs();
        let most = (0..part.kernel.len()).max_by(|a, b| product(a).total_cmp(&product(b)));
        if let Some((at, read)) = most.and_then(|at| Some((at, part.patch[at]?))) {
            let [row, column] = [at / size[1], at % size[1]];
            let text = format!(
                "largest product: {} × {} at the kernel's row {row}, column {column}",
                number(read),
                number(part.kernel[at])
            );
            ui.label(RichText::new(text).color(palette(ui).quiet).small());
        }
    }
}

fn sign(ui: &mut Ui, height: f32) {
    let (rect, _) = ui.allocate_exact_size(Vec2::new(SIGN, height), Sense::hover());
    let font = FontId::proportional(14.0);
    ui.painter().text(rect.center(), Align2::CENTER_CENTER, "×", font, palette(ui).text);
}

/// Numbers in their places, red above zero and blue below; what has none is empty, and called so where there is room.
fn grid(ui: &mut Ui, values: &[Option<f32>], [rows, columns]: [usize; 2], cell: Vec2, empty: Option<&str>) {
    let is_numbered = empty.is_some();
    let size = Vec2::new(columns as f32 * cell.x, rows as f32 * cell.y);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let reach = values.iter().flatten().fold(0.0_f32, |reach, value| reach.max(value.abs()));
    for (at, value) in values.iter().enumerate() {
        let (row, column) = (at / columns, at % columns);
        let corner = rect.min + Vec2::new(column as f32 * cell.x, row as f32 * cell.y);
        let place = Rect::from_min_size(corner, cell).shrink(0.5);
        let Some(value) = *value else {
            ui.painter().rect_stroke(place, 0.0, Stroke::new(1.0, palette(ui).line), StrokeKind::Inside);
            if let Some(empty) = empty {
                let font = FontId::proportional(9.5);
                ui.painter().text(place.center(), Align2::CENTER_CENTER, empty, font, palette(ui).quiet);
            }
            continue;
        };
        let strength = if reach > 0.0 { value.abs() / reach } else { 0.0 };
        let color = if value < 0.0 { NEGATIVE } else { POSITIVE };
        let strength = if is_numbered { 0.75 * strength } else { strength };
        ui.painter().rect_filled(place, 0.0, mix(DARK.field, color, strength));
        if is_numbered {
            let font = FontId::proportional(11.0);
            ui.painter().text(place.center(), Align2::CENTER_CENTER, number(value), font, DARK.text);
        }
    }
}

fn mix(from: Color32, to: Color32, part: f32) -> Color32 {
    let level = |from: u8, to: u8| (f32::from(from) + (f32::from(to) - f32::from(from)) * part) as u8;
    Color32::from_rgb(level(from.r(), to.r()), level(from.g(), to.g()), level(from.b(), to.b()))
}
