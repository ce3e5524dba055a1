//! Points and pixels, and where an enlarged map lies. Pure.

use crate::gpu::Rect;
use crate::model::Shape;

/// What the panels and some maps need, in points.
const LEAST_POINTS: [f32; 2] = [960.0, 540.0];

/// From here on text grows.
const ROOMY_POINTS: [f32; 2] = [1600.0, 900.0];

/// Pixels of a point. Text grows with the window, so that it can be read from afar on a large one; in a small one it does
/// not grow with the display's scale beyond what leaves room for the maps.
pub fn scale_of(size: [u32; 2], native_scale: f32) -> f32 {
    let [width, height] = size.map(|side| side as f32);
    let fits = |[least_width, least_height]: [f32; 2]| (width / least_width).min(height / least_height);
    native_scale.min(fits(LEAST_POINTS).max(1.0)).max(fits(ROOMY_POINTS))
}

/// Whole pixels, so that every tile cell has the same size wherever a panel ends.
pub fn in_pixels(rect: egui::Rect, scale: f32) -> Rect {
    let [x, y] = [rect.min.x, rect.min.y].map(|edge| (edge * scale).round());
    let [right, bottom] = [rect.max.x, rect.max.y].map(|edge| (edge * scale).round());
    Rect { x, y, width: (right - x).max(1.0), height: (bottom - y).max(1.0) }
}

/// Where in an area an enlarged map lies, in whole pixels.
pub fn enlarged(area: Rect, shape: Shape) -> Rect {
    let (width, height) = (shape.width as f32, shape.height as f32);
    let zoom = (area.width / width).min(area.height / height);
    let (width, height) = ((width * zoom).floor().max(1.0), (height * zoom).floor().max(1.0));
    let (x, y) = (((area.width - width) / 2.0).floor(), ((area.height - height) / 2.0).floor());
    Rect { x: area.x + x, y: area.y + y, width, height }
}

/// The smallest rectangle around two.
pub fn join(a: Rect, b: Rect) -> Rect {
    let (x, y) = (a.x.min(b.x), a.y.min(b.y));
    let (right, bottom) = ((a.x + a.width).max(b.x + b.width), (a.y + a.height).max(b.y + b.height));
    Rect { x, y, width: right - x, height: bottom - y }
}
