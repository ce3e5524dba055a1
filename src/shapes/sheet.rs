//! What is held up: paper, card, a board, a screen, a cut-out, a surface, with an object on it.
//!
//! Pure, any thread.

use resvg::tiny_skia::{Pixmap, Rect, Transform};

use super::backdrop::Photo;
use super::class::Class;
use super::color::{self, Rgb};
use super::geometry::{Line, ellipse, refined};
use super::ink::{self, Ink, Placement, Style};
use super::objects::outline;
use super::outline::Outline;
use super::props::Props;
use super::random::{Random, hashed};
use super::{glyphs, texture};

/// A flat sheet as seen from the front.
#[derive(Debug)]
pub struct Sheet {
    /// Its pixels, alpha where there is no sheet.
    pub pixmap: Pixmap,
    /// Half its width and height, in units of the object's half extent.
    pub half: [f32; 2],
    /// True where only the object is there, without anything around it.
    pub cut_out: bool,
    /// True for a screen: it shines, and nothing casts shadows on it.
    pub shines: bool,
}

/// A sheet with an object of this class. `scale`: pixels per unit of the object's half extent.
/// `margin`: half its width and height where that is known.
pub fn make(
    class: Class,
    scale: f32,
    margin: Option<f32>,
    random: &mut Random,
    props: &Props,
) -> Option<Sheet> {
    let is_pattern = matches!(class, Class::Stripes | Class::Checks | Class::Dots);
    let is_surface = matches!(class, Class::Wood | Class::Bricks | Class::Clouds);
    let margins = match (is_surface || is_pattern, random.chance(0.5)) {
        (true, true) => [random.range(1.0, 1.5), random.range(1.0, 1.5)],
        (true, false) => [1.0, random.range(0.75, 1.0)],
        (false, true) => [random.range(1.06, 1.35), random.range(1.06, 1.35)],
        (false, false) => [random.range(1.1, 2.1), random.range(1.1, 2.1)],
    };
    let margins = margin.map_or(margins, |margin| [margin; 2]);
    let [w, h] = margins.map(|half| ((half * 2.0 * scale) as u32).clamp(8, 2400));
    let mut pixmap = Pixmap::new(w, h)?;
    let mut sheet = Sheet { half: margins, cut_out: false, shines: false, pixmap: Pixmap::new(1, 1)? };
    if is_surface {
        texture::fill(class, &mut pixmap, scale, random);
        sheet.pixmap = pixmap;
        return Some(sheet);
    }
    let by_hand = random.chance(0.6);
    let ground = color::paper(random);
    let turn = upright(class, random) * 0.5;
    let place = Placement { scale, origin: [w as f32 * 0.5, h as f32 * 0.5], turn };
    let mut ink = ink::choose(ground, by_hand, random);
    if class == Class::Nothing {
        paper(&mut pixmap, ground, scale, random);
        nothing(&mut pixmap, &ink, &place, random, props);
    } else {
        let reach = 1.5 * margins[0].max(margins[1]);
        let outline = outline(class, 1.0, reach, random, props.fonts)?;
        sheet.cut_out = !is_pattern && !outline.lines_only && margin.is_none() && random.chance(0.2);
        if is_pattern {
            ink.shake *= 0.6;
            ink.style = if class == Class::Stripes || random.chance(0.75) { Style::Solid } else { ink.style };
            if class == Class::Checks && ink.style == Style::Hatched {
                ink.width *= 0.4;
            }
            if class == Class::Stripes && by_hand && random.chance(0.4) {
                ink.style = Style::Open;
                ink.width = ink.width.min(0.6 * outline.line_width);
            }
            if class == Class::Dots {
                ink.width = outline.line_width;
            }
        }
        if sheet.cut_out {
            ink.style = if random.chance(0.7) { Style::Solid } else { Style::Edged };
            ink.opacity = 1.0;
        } else {
            paper(&mut pixmap, ground, scale, random);
            if random.chance(0.2) && !is_pattern {
                surroundings(&mut pixmap, ground, scale, random);
            }
        }
        if matches!(class, Class::Smiley) && ink.style != Style::Open {
            // Features must be seen on the face.
            ink.edge = color::against(ink.fill, random, color::ink);
            if random.chance(0.35) && !sheet.cut_out {
                ink.fill =
                    color::hsv(random.range(0.11, 0.16), random.range(0.6, 1.0), random.range(0.85, 1.0));
                ink.edge = color::against(ink.fill, random, color::ink);
            }
        }
        if outline.line_width > 0.0
            && outline.lines_only
            && matches!(class, Class::Rings | Class::Spiral)
            && by_hand
        {
            ink.shake = ink.shake.min(0.35 * outline.line_width);
        }
        ink::draw(&mut pixmap, &outline, &ink, &place, random);
        if !sheet.cut_out && random.chance(0.1) {
            sheet.shines = true;
        }
    }
    grain(&mut pixmap, random);
    sheet.pixmap = pixmap;
    Some(sheet)
}

/// How far an object of this class may be turned in the picture, in turns.
pub fn upright(class: Class, random: &mut Random) -> f32 {
    let limit = match class {
        Class::LetterA | Class::LetterE | Class::LetterK | Class::LetterR => 0.075,
        Class::Digit2 | Class::Digit3 | Class::Digit4 | Class::Digit8 => 0.075,
        Class::Heart | Class::Smiley | Class::Nothing => 0.09,
        Class::Clouds => 0.06,
        Class::Wood | Class::Bricks if random.chance(0.7) => 0.05,
        _ => 0.5,
    };
    random.range(-limit, limit)
}

fn bar(pixmap: &mut Pixmap, rect: [f32; 4], color: Rgb, opacity: f32) {
    if let Some(rect) = Rect::from_xywh(rect[0], rect[1], rect[2].max(0.5), rect[3].max(0.5)) {
        pixmap.fill_rect(rect, &ink::paint(color, opacity), Transform::identity(), None);
    }
}

/// Fills the sheet: blank, lined, squared, with a border.
fn paper(pixmap: &mut Pixmap, ground: Rgb, scale: f32, random: &mut Random) {
    let (w, h) = (pixmap.width() as f32, pixmap.height() as f32);
    bar(pixmap, [0.0, 0.0, w, h], ground, 1.0);
    let line = color::blend(ground, color::ink(random), random.range(0.15, 0.5));
    let spacing = (scale * random.range(0.16, 0.34)).max(4.0);
    let thin = (scale * 0.012).max(0.7);
    match random.below(10) {
        0 | 1 => {
            let mut y = spacing;
            while y < h {
                bar(pixmap, [0.0, y, w, thin], line, 0.8);
                y += spacing;
            }
            if random.chance(0.5) {
                bar(pixmap, [0.12 * w, 0.0, thin, h], [0.85, 0.3, 0.35], 0.7);
            }
        }
        2 => {
            let spacing = spacing * 0.7;
            let mut at = spacing;
            while at < w.max(h) {
                bar(pixmap, [0.0, at, w, thin], line, 0.55);
                bar(pixmap, [at, 0.0, thin, h], line, 0.55);
                at += spacing;
            }
        }
        3 => {
            let border = scale * random.range(0.03, 0.12);
            let color = color::ink(random);
            for rect in [[0.0, 0.0, w, border], [0.0, h - border, w, border], [0.0, 0.0, border, h]] {
                bar(pixmap, rect, color, 1.0);
            }
            bar(pixmap, [w - border, 0.0, border, h], color, 1.0);
        }
        4 => {
            // A fold.
            let x = w * random.range(0.2, 0.8);
            bar(pixmap, [x, 0.0, w - x, h], ground.map(|v| v * random.range(0.8, 0.97)), 1.0);
        }
        _ => {}
    }
}

/// Words, of which only the grey of the lines is seen.
fn words(pixmap: &mut Pixmap, area: [f32; 4], color: Rgb, size: f32, random: &mut Random) {
    let [left, top, width, height] = area;
    let mut y = top;
    while y + size < top + height {
        let mut x = left;
        let end =
            left + width * if random.chance(0.2) { random.range(0.3, 0.8) } else { random.range(0.92, 1.0) };
        while x < end {
            let letter = size * random.range(0.18, 0.5);
            let (up, down) = (random.pick(&[0.0, 0.0, 0.35]), random.pick(&[0.0, 0.0, 0.0, 0.3]));
            bar(
                pixmap,
                [x, y + size * (0.35 - up), letter * 0.7, size * (0.5 + up + down)],
                color,
                random.range(0.4, 0.9),
            );
            x += letter + if random.chance(0.18) { size * 0.4 } else { 0.0 };
        }
        y += size * 1.55;
    }
}

/// Small things beside the object: a line of words, a smudge, a doodle in a corner.
fn surroundings(pixmap: &mut Pixmap, ground: Rgb, scale: f32, random: &mut Random) {
    let (w, h) = (pixmap.width() as f32, pixmap.height() as f32);
    let color = color::against(ground, random, color::ink);
    let size = scale * random.range(0.05, 0.11);
    let top = if random.chance(0.5) { 0.02 * h } else { h - 2.5 * size };
    words(pixmap, [0.06 * w, top, 0.7 * w * random.range(0.3, 1.0), 2.2 * size], color, size, random);
}

/// Sheets that show nothing of any class.
fn nothing(pixmap: &mut Pixmap, ink: &Ink, place: &Placement, random: &mut Random, props: &Props) {
    let (w, h) = (pixmap.width() as f32, pixmap.height() as f32);
    match random.below(9) {
        0 | 1 => {
            let size = place.scale * random.range(0.06, 0.2);
            words(pixmap, [0.08 * w, 0.08 * h, 0.84 * w, 0.84 * h], ink.fill, size, random);
        }
        2 | 3 => {
            let signs: Vec<char> = glyphs::OTHER_SIGNS.chars().collect();
            let sign = glyphs::glyph(random.pick(&signs), 1.0, random, props.fonts);
            ink::draw(pixmap, &sign, ink, place, random);
        }
        4 | 5 => {
            // Scribbles.
            let scribbles: Vec<Line> = (0..random.whole(1, 4))
                .map(|_| {
                    let count = random.whole(3, 9);
                    let points = (0..count)
                        .map(|_| [random.range(-1.0, 1.0), random.range(-1.0, 1.0)])
                        .collect::<Vec<_>>();
                    let points = match random.chance(0.7) {
                        true => super::geometry::curve(&points, false, 8),
                        false => points,
                    };
                    refined(&Line { points, closed: false }, 0.2)
                })
                .collect();
            ink::draw(pixmap, &super::outline::drawn(scribbles, 0.0), ink, place, random);
        }
        6 => {
            // Blots.
            let seed = random.bits() as u32;
            let blot = |random: &mut Random| {
                let centre = [random.range(-0.7, 0.7), random.range(-0.7, 0.7)];
                let radius = random.range(0.1, 0.6);
                let mut points = ellipse(centre, [radius, radius * random.range(0.4, 1.0)], 24);
                for (i, point) in points.iter_mut().enumerate() {
                    let away = 0.6 + 0.8 * hashed(i as i32 / 2, 0, seed);
                    *point = [0, 1].map(|axis| centre[axis] + (point[axis] - centre[axis]) * away);
                }
                super::geometry::curve(&points, true, 3)
            };
            let areas: Vec<_> = (0..random.whole(1, 3)).map(|_| blot(random)).collect();
            let lines = areas.iter().map(|points| Line { points: points.clone(), closed: true }).collect();
            ink::draw(pixmap, &Outline { areas, lines, ..Outline::default() }, ink, place, random);
        }
        7 => {
            if let Some(photo) = Photo::any(&props.photos, random) {
                photo.print(pixmap, random);
            }
        }
        _ => {}
    }
}

/// Fibres and print dots; leaves alpha alone.
fn grain(pixmap: &mut Pixmap, random: &mut Random) {
    if random.chance(0.5) {
        return;
    }
    let strength = random.range(0.01, 0.07);
    let seed = random.bits() as u32;
    let width = pixmap.width() as usize;
    for (i, pixel) in pixmap.data_mut().chunks_exact_mut(4).enumerate() {
        let by = 1.0 - strength * hashed((i % width) as i32, (i / width) as i32, seed);
        for value in &mut pixel[..3] {
            *value = (f32::from(*value) * by) as u8;
        }
    }
}
