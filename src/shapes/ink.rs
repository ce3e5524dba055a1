//! Puts an outline onto a sheet: cut, printed, or drawn with a pen by hand.
//!
//! Pure, any thread.

use resvg::tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Stroke, Transform,
};

use super::color::{self, Rgb};
use super::geometry::{Line, Point, polar, refined};
use super::outline::Outline;
use super::random::{Random, noise};

/// How an outline becomes visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Filled.
    Solid,
    /// Filled, with an edge of another colour.
    Edged,
    /// A line around it.
    Open,
    /// A line around it, and parallel pen strokes inside.
    Hatched,
}

/// Everything that is chosen about ink.
#[derive(Clone, Copy, Debug)]
pub struct Ink {
    /// The way of drawing.
    pub style: Style,
    /// Colour of areas.
    pub fill: Rgb,
    /// Colour of lines.
    pub edge: Rgb,
    /// Width of lines, in units.
    pub width: f32,
    /// How far a hand strays, in units; 0 for print.
    pub shake: f32,
    /// How often a line is gone over.
    pub passes: usize,
    /// Opacity, 0 to 1.
    pub opacity: f32,
}

/// Where units lie on a pixmap.
#[derive(Clone, Copy, Debug)]
pub struct Placement {
    /// Pixels per unit.
    pub scale: f32,
    /// The pixel of the unit's origin.
    pub origin: Point,
    /// Rotation of the object on the sheet, in turns.
    pub turn: f32,
}

impl Placement {
    /// A point in pixels.
    pub fn place(&self, [x, y]: Point) -> Point {
        let [c, s] = polar(self.turn, 1.0);
        [self.origin[0] + (x * c - y * s) * self.scale, self.origin[1] + (x * s + y * c) * self.scale]
    }
}

/// A paint of one colour.
pub fn paint(color: Rgb, opacity: f32) -> Paint<'static> {
    let mut paint = Paint::default();
    let mut color = self::color(color);
    color.set_alpha(opacity.clamp(0.0, 1.0));
    paint.set_color(color);
    paint
}

/// The same colour for tiny-skia.
pub fn color(color: Rgb) -> Color {
    let [r, g, b] = color.map(|value| value.clamp(0.0, 1.0));
    Color::from_rgba(r, g, b, 1.0).unwrap_or(Color::BLACK)
}

/// A path through points.
pub fn path(lines: &[Line], placement: &Placement) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for line in lines {
        let mut points = line.points.iter().map(|point| placement.place(*point));
        let Some([x, y]) = points.next() else { continue };
        builder.move_to(x, y);
        points.for_each(|[x, y]| builder.line_to(x, y));
        if line.closed {
            builder.close();
        }
    }
    builder.finish()
}

fn areas_path(areas: &[Vec<Point>], placement: &Placement) -> Option<Path> {
    let lines: Vec<Line> = areas.iter().map(|points| Line { points: points.clone(), closed: true }).collect();
    path(&lines, placement)
}

/// A round pen's stroke.
pub fn stroke(width_px: f32) -> Stroke {
    Stroke {
        width: width_px.max(0.6),
        line_cap: LineCap::Round,
        line_join: LineJoin::Round,
        ..Stroke::default()
    }
}

/// Draws an outline.
pub fn draw(pixmap: &mut Pixmap, outline: &Outline, ink: &Ink, placement: &Placement, random: &mut Random) {
    let fill = paint(ink.fill, ink.opacity);
    let edge = paint(ink.edge, ink.opacity);
    let areas =
        if ink.shake > 0.0 { shaken_areas(&outline.areas, ink.shake, random) } else { outline.areas.clone() };
    let area = areas_path(&areas, placement);
    let style = if outline.lines.is_empty() && ink.style == Style::Open { Style::Hatched } else { ink.style };
    let width = match outline.lines_only && outline.line_width > 0.0 {
        true => outline.line_width,
        false => ink.width,
    };
    if outline.lines_only {
        if let Some(area) = &area {
            pixmap.fill_path(area, &fill, FillRule::Winding, Transform::identity(), None);
        }
        pen(pixmap, &outline.lines, width, ink, &fill, placement, random);
        return;
    }
    if let Some(area) = &area {
        match style {
            Style::Solid | Style::Edged => {
                pixmap.fill_path(area, &fill, FillRule::Winding, Transform::identity(), None);
            }
            Style::Hatched => hatch(pixmap, area, ink, placement, random),
            Style::Open => {}
        }
    }
    // A face has lines of its own in any style; for the rest the line is the edge.
    let has_face =
        !outline.details.is_empty() || outline.lines.len() == 2 || outline.lines.iter().any(|l| !l.closed);
    match style {
        Style::Solid if has_face && outline.areas.len() == 1 => {
            let features: Vec<Line> = outline.lines.iter().filter(|line| !line.closed).cloned().collect();
            pen(pixmap, &features, width, ink, &edge, placement, random);
        }
        Style::Solid => {}
        Style::Edged | Style::Open | Style::Hatched => {
            pen(pixmap, &outline.lines, width, ink, &edge, placement, random);
        }
    }
    if let Some(details) = areas_path(&outline.details, placement) {
        pixmap.fill_path(&details, &edge, FillRule::Winding, Transform::identity(), None);
    }
}

fn pen(
    pixmap: &mut Pixmap,
    lines: &[Line],
    width: f32,
    ink: &Ink,
    paint: &Paint<'_>,
    placement: &Placement,
    random: &mut Random,
) {
    let passes = if ink.shake > 0.0 { ink.passes.max(1) } else { 1 };
    for _ in 0..passes {
        let drawn: Vec<Line> = match ink.shake > 0.0 {
            true => lines.iter().flat_map(|line| shaken(line, ink.shake, random)).collect(),
            false => lines.to_vec(),
        };
        let pen = stroke(width * placement.scale * random.range(0.9, 1.1));
        if let Some(path) = path(&drawn, placement) {
            pixmap.stroke_path(&path, paint, &pen, Transform::identity(), None);
        }
    }
}

/// A line as a hand draws it: it strays, and where it turns sharply the pen may be lifted, too late or too early.
fn shaken(line: &Line, shake: f32, random: &mut Random) -> Vec<Line> {
    let fine = refined(line, 0.12);
    let seed = random.bits() as u32;
    let frequency = random.range(1.2, 3.5);
    let (dx, dy) = (random.range(-0.4, 0.4) * shake, random.range(-0.4, 0.4) * shake);
    let stray = |[x, y]: Point| {
        let at = |seed: u32| (noise(x * frequency + 31.0, y * frequency + 17.0, seed) - 0.5) * 2.0 * shake;
        [x + at(seed) + dx, y + at(seed ^ 0x5bd1) + dy]
    };
    let mut strayed: Vec<Point> = fine.points.iter().map(|point| stray(*point)).collect();
    if !line.closed {
        return vec![Line { points: strayed, closed: false }];
    }
    if random.chance(0.5) || line.points.len() > 20 {
        // In one go, the end not quite at the beginning.
        let end =
            strayed.first().map(|[x, y]| [x + random.bell() * 0.5 * shake, y + random.bell() * 0.5 * shake]);
        strayed.extend(end);
        return vec![Line { points: strayed, closed: false }];
    }
    // Side by side.
    let count = line.points.len();
    (0..count)
        .map(|i| {
            let (a, b) = (line.points[i], line.points[(i + 1) % count]);
            let (early, late) = (random.range(-0.06, 0.03), random.range(0.97, 1.06));
            let along = |t: f32| [a[0] + (b[0] - a[0]) * t, a[1] + (b[1] - a[1]) * t];
            let side = refined(&Line { points: vec![along(early), along(late)], closed: false }, 0.15);
            let (ox, oy) = (random.bell() * 0.2 * shake, random.bell() * 0.2 * shake);
            let points = side.points.iter().map(|p| stray([p[0] + ox, p[1] + oy])).collect();
            Line { points, closed: false }
        })
        .collect()
}

fn shaken_areas(areas: &[Vec<Point>], shake: f32, random: &mut Random) -> Vec<Vec<Point>> {
    let seed = random.bits() as u32;
    areas
        .iter()
        .map(|points| {
            let line = refined(&Line { points: points.clone(), closed: true }, 0.15);
            let stray = |[x, y]: Point| {
                let at = |seed: u32| (noise(x * 2.1 + 31.0, y * 2.1 + 17.0, seed) - 0.5) * 2.0 * shake;
                [x + at(seed), y + at(seed ^ 0x5bd1)]
            };
            line.points.iter().map(|point| stray(*point)).collect()
        })
        .collect()
}

fn hatch(pixmap: &mut Pixmap, area: &Path, ink: &Ink, placement: &Placement, random: &mut Random) {
    let Some(mut mask) = Mask::new(pixmap.width(), pixmap.height()) else { return };
    mask.fill_path(area, FillRule::Winding, true, Transform::identity());
    let spacing = ink.width * random.range(1.3, 3.0) + 0.02;
    let turn = random.unit();
    let [c, s] = polar(turn, 1.0);
    let count = (1.5 / spacing) as i32 + 1;
    let lines: Vec<Line> = (-count..=count)
        .map(|i| {
            let across = i as f32 * spacing + random.bell() * 0.15 * spacing;
            let lean = random.bell() * 0.03;
            let at = |along: f32, across: f32| [along * c - across * s, along * s + across * c];
            Line { points: vec![at(-1.5, across), at(1.5, across + lean)], closed: false }
        })
        .collect();
    if let Some(path) = path(&lines, placement) {
        let pen = stroke(ink.width * placement.scale * random.range(0.6, 1.0));
        pixmap.stroke_path(&path, &paint(ink.fill, ink.opacity), &pen, Transform::identity(), Some(&mask));
    }
}

/// Ink for a sheet of this colour.
pub fn choose(ground: Rgb, by_hand: bool, random: &mut Random) -> Ink {
    let fill = color::against(ground, random, color::ink);
    let edge = if random.chance(0.6) { fill } else { color::against(ground, random, color::ink) };
    let style = match random.below(10) {
        0..=3 => Style::Solid,
        4 | 5 => Style::Edged,
        6..=8 => Style::Open,
        _ => Style::Hatched,
    };
    let edge = if style == Style::Edged { color::against(fill, random, color::any) } else { edge };
    Ink {
        style,
        fill,
        edge,
        width: random.range(0.045, 0.2) * random.range(0.7, 1.0),
        shake: if by_hand { random.range(0.015, 0.075) } else { 0.0 },
        passes: if random.chance(0.7) { 1 } else { 2 },
        opacity: if random.chance(0.7) { 1.0 } else { random.range(0.75, 1.0) },
    }
}
