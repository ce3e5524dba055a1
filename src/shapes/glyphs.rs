//! Letters and digits: as a hand writes them (strokes), and from fonts.
//!
//! Pure but for reading font files; any thread.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use resvg::tiny_skia::PathSegment;
use resvg::usvg::{Group, Node, Options, Tree, fontdb};

use super::geometry::{Line, Point, curve, refined};
use super::outline::{Outline, drawn};
use super::random::Random;

/// All signs that are drawn: the classes, and others that belong to no class.
const SIGNS: &str = "AEKR2348HMNUWZDJLGQS57?&@#";

/// Signs of no class, for pictures of nothing in particular.
pub const OTHER_SIGNS: &str = "HMNUWZDJLGQ57?&@#";

/// The outlines of [`SIGNS`] in some typefaces.
#[derive(Clone, Debug, Default)]
pub struct Fonts {
    /// For each typeface, for each sign of [`SIGNS`]: closed polygons within −1 to 1.
    faces: Vec<Vec<Vec<Vec<Point>>>>,
}

impl Fonts {
    /// The interface's own two typefaces.
    pub fn built_in() -> &'static Self {
        static FONTS: OnceLock<Fonts> = OnceLock::new();
        FONTS.get_or_init(|| {
            let mut faces = Self::default();
            for bytes in [epaint_default_fonts::UBUNTU_LIGHT, epaint_default_fonts::HACK_REGULAR] {
                faces.add(fontdb::Source::Binary(Arc::new(bytes)));
            }
            faces
        })
    }

    /// The typefaces of font files; those that lack a sign are left out.
    pub fn of_files<'a>(files: impl IntoIterator<Item = &'a Path>) -> Self {
        let mut faces = Self::default();
        for file in files {
            if let Ok(bytes) = std::fs::read(file) {
                faces.add(fontdb::Source::Binary(Arc::new(bytes)));
            }
        }
        faces
    }

    /// How many typefaces there are.
    pub fn len(&self) -> usize {
        self.faces.len()
    }

    /// True where there are none: then everything is written by hand.
    pub fn is_empty(&self) -> bool {
        self.faces.is_empty()
    }

    fn add(&mut self, source: fontdb::Source) {
        let mut database = fontdb::Database::new();
        database.load_font_source(source);
        let Some(family) =
            database.faces().next().and_then(|face| face.families.first()).map(|f| f.0.clone())
        else {
            return;
        };
        database.set_serif_family(family.clone());
        database.set_sans_serif_family(family);
        let options = Options { fontdb: Arc::new(database), ..Options::default() };
        let signs: Option<Vec<_>> = SIGNS.chars().map(|sign| polygons(sign, &options)).collect();
        self.faces.extend(signs);
    }

    fn polygons(&self, sign: char, random: &mut Random) -> Option<Vec<Vec<Point>>> {
        let index = SIGNS.chars().position(|known| known == sign)?;
        let face = self.faces.get(random.below(self.faces.len()))?;
        face.get(index).cloned()
    }
}

fn polygons(sign: char, options: &Options<'_>) -> Option<Vec<Vec<Point>>> {
    let escaped = if sign == '&' { "&amp;".to_owned() } else { sign.to_string() };
    let svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="99" height="99"><text font-family="sans-serif" font-size="100">{escaped}</text></svg>"#
    );
    let tree = Tree::from_str(&svg, options).ok()?;
    let mut polygons = Vec::new();
    collect(tree.root(), &mut polygons);
    let all = || polygons.iter().flatten();
    let bound = |axis: usize, least: bool| {
        all()
            .map(|p: &Point| p[axis])
            .fold(if least { f32::MAX } else { f32::MIN }, |a, b| if least { a.min(b) } else { a.max(b) })
    };
    let (left, right, top, bottom) = (bound(0, true), bound(0, false), bound(1, true), bound(1, false));
    if polygons.is_empty() || bottom - top < 20.0 {
        return None;
    }
    let scale = 2.0 / (bottom - top).max(right - left);
    let place = |p: &Point| [(p[0] - 0.5 * (left + right)) * scale, (p[1] - 0.5 * (top + bottom)) * scale];
    Some(polygons.iter().map(|polygon: &Vec<Point>| polygon.iter().map(place).collect()).collect())
}

fn collect(group: &Group, polygons: &mut Vec<Vec<Point>>) {
    for node in group.children() {
        match node {
            Node::Group(group) => collect(group, polygons),
            Node::Text(text) => collect(text.flattened(), polygons),
            Node::Path(path) => {
                let transform = path.abs_transform();
                let Some(path) = path.data().clone().transform(transform) else { continue };
                let mut points: Vec<Point> = Vec::new();
                for segment in path.segments() {
                    let from = points.last().copied().unwrap_or_default();
                    match segment {
                        PathSegment::MoveTo(p) => {
                            if points.len() > 2 {
                                polygons.push(std::mem::take(&mut points));
                            }
                            points = vec![[p.x, p.y]];
                        }
                        PathSegment::LineTo(p) => points.push([p.x, p.y]),
                        PathSegment::QuadTo(a, b) => points.extend((1..=6).map(|i| {
                            let t = i as f32 / 6.0;
                            let (u, w) = (1.0 - t, 2.0 * t * (1.0 - t));
                            [u * u * from[0] + w * a.x + t * t * b.x, u * u * from[1] + w * a.y + t * t * b.y]
                        })),
                        PathSegment::CubicTo(a, b, c) => points.extend((1..=8).map(|i| {
                            let t = i as f32 / 8.0;
                            let u = 1.0 - t;
                            let weights = [u * u * u, 3.0 * u * u * t, 3.0 * u * t * t, t * t * t];
                            let along = |p: [f32; 4]| p.iter().zip(weights).map(|(p, w)| p * w).sum::<f32>();
                            [along([from[0], a.x, b.x, c.x]), along([from[1], a.y, b.y, c.y])]
                        })),
                        PathSegment::Close => {}
                    }
                }
                if points.len() > 2 {
                    polygons.push(points);
                }
            }
            Node::Image(_) => {}
        }
    }
}

/// A sign, from a font or as written. With `variety` 0 it is Hack's.
pub fn glyph(sign: char, variety: f32, random: &mut Random, fonts: &Fonts) -> Outline {
    if variety == 0.0 || random.chance(0.5) {
        let built_in = Fonts::built_in();
        let polygons = match variety == 0.0 {
            true => SIGNS
                .chars()
                .position(|known| known == sign)
                .and_then(|i| Some(built_in.faces.last()?[i].clone())),
            false => fonts.polygons(sign, random),
        };
        if let Some(areas) = polygons {
            return printed(areas, variety, random);
        }
    }
    written(sign, random)
}

/// A font's sign, made wider, narrower, slanted.
fn printed(mut areas: Vec<Vec<Point>>, variety: f32, random: &mut Random) -> Outline {
    let slant = if random.chance(0.3) { random.range(-0.05, 0.3) * variety } else { 0.0 };
    let wide = 1.0 + random.range(-0.2, 0.25) * variety;
    for point in areas.iter_mut().flatten() {
        point[0] = point[0] * wide - point[1] * slant;
    }
    let lines = areas.iter().map(|points| Line { points: points.clone(), closed: true }).collect();
    Outline { areas, lines, ..Outline::default() }
}

/// Strokes of a sign: straight ones, and ones through whose points a curve goes (`true`).
fn strokes(sign: char, random: &mut Random) -> Vec<(Vec<Point>, bool)> {
    let straight = |points: &[Point]| (points.to_vec(), false);
    let round = |points: &[Point]| (points.to_vec(), true);
    let r = random.range(-0.08, 0.08);
    let other = random.chance(0.4);
    match sign {
        'A' => vec![
            straight(&[[-0.65, 1.0], [0.0, -1.0], [0.65, 1.0]]),
            straight(&[[-0.42, 0.3 + r], [0.42, 0.3 + r]]),
        ],
        'E' => vec![
            straight(&[[0.52, -1.0], [-0.5, -1.0], [-0.5, 1.0], [0.55, 1.0]]),
            straight(&[[-0.5, r], [0.38, r]]),
        ],
        'K' if other => vec![
            straight(&[[-0.5, -1.0], [-0.5, 1.0]]),
            straight(&[[0.52, -1.0], [-0.45, 0.05 + r], [0.58, 1.0]]),
        ],
        'K' => vec![
            straight(&[[-0.5, -1.0], [-0.5, 1.0]]),
            straight(&[[0.52, -1.0], [-0.48, 0.2 + r]]),
            straight(&[[-0.16, -0.15 + r], [0.58, 1.0]]),
        ],
        'R' => vec![
            straight(&[[-0.5, 1.0], [-0.5, -1.0]]),
            round(&[[-0.5, -1.0], [0.1, -0.98], [0.48, -0.5 + r], [0.1, 0.02 + r], [-0.5, 0.05 + r]]),
            straight(&[[-0.05, 0.05 + r], [0.58, 1.0]]),
        ],
        '2' => vec![
            round(&[
                [-0.5, -0.5],
                [-0.32, -0.88],
                [0.08, -1.0],
                [0.48, -0.55],
                [0.2, 0.02 + r],
                [-0.52, 1.0],
            ]),
            straight(&[[-0.52, 1.0], [0.58, 1.0]]),
        ],
        '3' if other => vec![
            straight(&[[-0.45, -1.0], [0.45, -1.0], [-0.05, -0.2 + r]]),
            round(&[[-0.05, -0.2 + r], [0.42, 0.05], [0.5, 0.5], [0.1, 0.98], [-0.5, 0.75]]),
        ],
        '3' => vec![
            round(&[[-0.48, -0.7], [-0.05, -1.0], [0.42, -0.55], [-0.1, -0.05 + r]]),
            round(&[[-0.1, -0.05 + r], [0.5, 0.42], [0.05, 1.0], [-0.52, 0.7]]),
        ],
        '4' if other => vec![
            straight(&[[-0.35, -1.0], [-0.52, 0.15 + r], [0.55, 0.15 + r]]),
            straight(&[[0.25, -0.5], [0.2, 1.0]]),
        ],
        '4' => vec![straight(&[[0.22, 1.0], [0.22, -1.0], [-0.58, 0.35 + r], [0.6, 0.35 + r]])],
        '8' => vec![round(&[
            [0.0, -0.08 + r],
            [-0.4, -0.5],
            [0.0, -1.0],
            [0.4, -0.5],
            [0.0, -0.08 + r],
            [-0.5, 0.48],
            [0.0, 1.0],
            [0.5, 0.48],
            [0.0, -0.08 + r],
        ])],
        'H' => vec![
            straight(&[[-0.5, -1.0], [-0.5, 1.0]]),
            straight(&[[0.5, -1.0], [0.5, 1.0]]),
            straight(&[[-0.5, r], [0.5, r]]),
        ],
        'M' => vec![straight(&[[-0.7, 1.0], [-0.6, -1.0], [0.0, 0.4], [0.6, -1.0], [0.7, 1.0]])],
        'N' => vec![straight(&[[-0.5, 1.0], [-0.5, -1.0], [0.5, 1.0], [0.5, -1.0]])],
        'W' => vec![straight(&[[-0.8, -1.0], [-0.4, 1.0], [0.0, -0.5], [0.4, 1.0], [0.8, -1.0]])],
        'Z' => vec![straight(&[[-0.5, -1.0], [0.55, -1.0], [-0.55, 1.0], [0.55, 1.0]])],
        'L' => vec![straight(&[[-0.45, -1.0], [-0.45, 1.0], [0.5, 1.0]])],
        '7' => vec![straight(&[[-0.5, -1.0], [0.5, -1.0], [-0.1, 1.0]])],
        'D' => vec![
            straight(&[[-0.5, -1.0], [-0.5, 1.0]]),
            round(&[[-0.5, -1.0], [0.2, -0.9], [0.55, 0.0], [0.2, 0.9], [-0.5, 1.0]]),
        ],
        '5' => vec![
            straight(&[[0.45, -1.0], [-0.4, -1.0], [-0.45, -0.1]]),
            round(&[[-0.45, -0.1], [0.1, -0.25], [0.5, 0.3], [0.1, 0.95], [-0.5, 0.8]]),
        ],
        'S' => vec![round(&[
            [0.45, -0.75],
            [0.0, -1.0],
            [-0.45, -0.5],
            [0.0, 0.0],
            [0.48, 0.5],
            [0.0, 1.0],
            [-0.5, 0.72],
        ])],
        // A scribble.
        _ => {
            let count = random.whole(4, 9);
            let points: Vec<Point> =
                (0..count).map(|_| [random.range(-0.9, 0.9), random.range(-1.0, 1.0)]).collect();
            vec![(points, random.chance(0.7))]
        }
    }
}

/// A sign as a hand writes it, or as a brush, a broad nib or a letterer with serifs does.
fn written(sign: char, random: &mut Random) -> Outline {
    let (wide, slant) =
        (random.range(0.7, 1.25), if random.chance(0.5) { random.range(-0.1, 0.3) } else { 0.0 });
    let shake = random.range(0.0, 0.07);
    let mut lines: Vec<Line> = Vec::new();
    for (points, is_round) in strokes(sign, random) {
        let moved: Vec<Point> = points.iter().map(|p| p.map(|v| v + random.range(-shake, shake))).collect();
        let points = if is_round { curve(&moved, false, 8) } else { moved };
        lines.push(refined(&Line { points, closed: false }, 0.12));
    }
    let nib = random.chance(0.35).then(|| {
        // Broad nibs are held level (book faces), or aslant (calligraphy).
        let turns = if random.chance(0.6) { random.range(-0.02, 0.02) } else { random.range(-0.13, 0.02) };
        super::geometry::polar(turns, random.range(0.06, 0.16))
    });
    let serif = random.chance(if nib.is_some() { 0.6 } else { 0.15 }).then(|| random.range(0.14, 0.26));
    if let Some(length) = serif {
        let ends: Vec<Point> = lines
            .iter()
            .flat_map(|line| [line.points.first(), line.points.last()].into_iter().flatten().copied())
            .filter(|end| end[1].abs() > 0.9)
            .collect();
        lines.extend(
            ends.iter()
                .map(|[x, y]| Line { points: vec![[x - length, *y], [x + length, *y]], closed: false }),
        );
    }
    for point in lines.iter_mut().flat_map(|line| &mut line.points) {
        point[0] = point[0] * wide - point[1] * slant;
    }
    match nib {
        None => drawn(lines, if random.chance(0.5) { random.range(0.1, 0.42) } else { 0.0 }),
        Some([nx, ny]) => {
            let mut outline = drawn(lines, random.range(0.05, 0.1));
            for line in &outline.lines {
                for pair in line.points.windows(2) {
                    let [[ax, ay], [bx, by]] = [pair[0], pair[1]];
                    let mut quad =
                        vec![[ax - nx, ay - ny], [ax + nx, ay + ny], [bx + nx, by + ny], [bx - nx, by - ny]];
                    // All the same way round, so that overlapping parts add up.
                    if (bx - ax) * ny - (by - ay) * nx < 0.0 {
                        quad.reverse();
                    }
                    outline.areas.push(quad);
                }
            }
            outline
        }
    }
}
