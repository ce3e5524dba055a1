//! What each class looks like: its [`Outline`]. Pure, any thread.

use super::class::Class;
use super::geometry::{Line, Point, curve, ellipse, polar};
use super::glyphs;
use super::outline::{Outline, drawn, whole};
use super::random::Random;

/// A value of this class: canonical where `variety` is 0, more different the nearer it is to 1.
struct Variety<'a> {
    random: &'a mut Random,
    amount: f32,
}

impl Variety<'_> {
    fn range(&mut self, canonical: f32, low: f32, high: f32) -> f32 {
        canonical + (self.random.range(low, high) - canonical) * self.amount
    }

    fn whole(&mut self, canonical: usize, low: usize, high: usize) -> usize {
        if self.amount == 0.0 { canonical } else { self.random.whole(low, high) }
    }

    fn chance(&mut self, probability: f32) -> bool {
        self.random.chance(probability * self.amount)
    }

    fn moved(&mut self, points: &[Point], by: f32) -> Vec<Point> {
        points.iter().map(|p| p.map(|v| v + self.random.range(-by, by) * self.amount)).collect()
    }
}

/// The outline of a class; `None` for classes that have none (surfaces, nothing). `variety` from 0 (as in a
/// dictionary) to 1. `reach`: how far patterns have to go, in units.
pub fn outline(
    class: Class,
    variety: f32,
    reach: f32,
    random: &mut Random,
    fonts: &glyphs::Fonts,
) -> Option<Outline> {
    let mut v = Variety { random, amount: variety };
    Some(match class {
        Class::Nothing | Class::Wood | Class::Bricks | Class::Clouds => return None,
        Class::Stripes => stripes(&mut v, reach),
        Class::Checks => checks(&mut v, reach),
        Class::Dots => dots(&mut v, reach),
        Class::Rings => rings(&mut v),
        Class::Circle => {
            let squash = v.range(1.0, 0.9, 1.0);
            whole(ellipse([0.0, 0.0], [1.0, squash], 64))
        }
        Class::Triangle => triangle(&mut v),
        Class::Square => {
            let (a, b) = (v.range(0.9, 0.82, 0.95), v.range(0.9, 0.82, 0.95));
            whole(v.moved(&[[-a, -b], [a, -b], [a, b], [-a, b]], 0.04))
        }
        Class::Pentagon => {
            let corners: Vec<_> = (0..5).map(|i| polar(i as f32 / 5.0 - 0.25, 1.0)).collect();
            whole(v.moved(&corners, 0.05))
        }
        Class::Star => star(&mut v),
        Class::Heart => heart(&mut v),
        Class::Cross => cross(&mut v),
        Class::Arrow => arrow(&mut v),
        Class::Spiral => spiral(&mut v),
        Class::Moon => moon(&mut v),
        Class::Smiley => smiley(&mut v),
        Class::LetterA => glyphs::glyph('A', variety, v.random, fonts),
        Class::LetterE => glyphs::glyph('E', variety, v.random, fonts),
        Class::LetterK => glyphs::glyph('K', variety, v.random, fonts),
        Class::LetterR => glyphs::glyph('R', variety, v.random, fonts),
        Class::Digit2 => glyphs::glyph('2', variety, v.random, fonts),
        Class::Digit3 => glyphs::glyph('3', variety, v.random, fonts),
        Class::Digit4 => glyphs::glyph('4', variety, v.random, fonts),
        Class::Digit8 => glyphs::glyph('8', variety, v.random, fonts),
    })
}

fn open(points: Vec<Point>) -> Line {
    Line { points, closed: false }
}

fn stripes(v: &mut Variety<'_>, reach: f32) -> Outline {
    let period = v.range(0.34, 0.16, 0.55);
    let width = period * v.range(0.5, 0.3, 0.65);
    let shift = v.range(0.0, 0.0, 1.0) * period;
    let count = (reach / period) as i32 + 2;
    let (mut areas, mut lines) = (Vec::new(), Vec::new());
    for i in -count..=count {
        let x = i as f32 * period + shift;
        areas.push(vec![[x, -reach], [x + width, -reach], [x + width, reach], [x, reach]]);
        let x = x + 0.5 * width;
        lines.push(open(vec![[x, -reach], [x, reach]]));
    }
    Outline { areas, lines, line_width: width, ..Outline::default() }
}

fn checks(v: &mut Variety<'_>, reach: f32) -> Outline {
    let cell = v.range(0.36, 0.2, 0.55);
    let squash = v.range(1.0, 0.85, 1.18);
    let count = (reach / cell / squash.min(1.0)) as i32 + 1;
    let mut areas = Vec::new();
    for row in -count..=count {
        for column in (-count..=count).filter(|column| (row + column) & 1 == 0) {
            let (x, y) = (column as f32 * cell, row as f32 * cell * squash);
            areas.push(vec![[x, y], [x + cell, y], [x + cell, y + cell * squash], [x, y + cell * squash]]);
        }
    }
    Outline { areas, ..Outline::default() }
}

fn dots(v: &mut Variety<'_>, reach: f32) -> Outline {
    let period = v.range(0.42, 0.25, 0.65);
    let radius = period * v.range(0.3, 0.18, 0.38);
    let (staggered, jitter) = (v.chance(0.5), if v.chance(0.4) { 0.25 } else { 0.04 });
    let count = (reach / period) as i32 + 1;
    let (mut areas, mut lines) = (Vec::new(), Vec::new());
    for row in -count..=count {
        for column in -count..=count {
            let late = if staggered && row & 1 == 1 { 0.5 } else { 0.0 };
            let centre = [(column as f32 + late) * period, row as f32 * period];
            let centre = v.moved(&[centre], jitter * period)[0];
            let round = ellipse(centre, [radius, radius], 20);
            lines.push(Line { points: round.clone(), closed: true });
            areas.push(round);
        }
    }
    Outline { areas, lines, line_width: 0.3 * radius, ..Outline::default() }
}

fn rings(v: &mut Variety<'_>) -> Outline {
    let count = v.whole(4, 3, 6);
    let spacing = 1.0 / (count as f32 + v.range(0.0, -0.3, 0.3));
    let thin = v.range(0.5, 0.2, 0.6);
    let squash = v.range(1.0, 0.92, 1.0);
    let circle = |i: usize| {
        let radius = 1.0 - i as f32 * spacing;
        (radius > 0.06)
            .then(|| Line { points: ellipse([0.0; 2], [radius, radius * squash], 64), closed: true })
    };
    drawn((0..count).filter_map(circle).collect(), spacing * thin)
}

fn triangle(v: &mut Variety<'_>) -> Outline {
    let (apex, width, height) = (v.range(0.0, -0.7, 0.7), v.range(0.95, 0.65, 1.0), v.range(0.82, 0.7, 0.95));
    whole(v.moved(&[[apex, -height], [width, height], [-width, height]], 0.05))
}

fn star(v: &mut Variety<'_>) -> Outline {
    let tips = if v.chance(0.2) { v.whole(5, 5, 7) } else { 5 };
    if tips == 5 && v.chance(0.15) {
        // Drawn in one go, from tip to tip.
        let corners: Vec<_> = (0..5).map(|i| polar((i * 2) as f32 / 5.0 - 0.25, 1.0)).collect();
        return drawn(vec![Line { points: v.moved(&corners, 0.06), closed: true }], 0.0);
    }
    let inner = v.range(0.4, 0.34, 0.56);
    let corners: Vec<_> = (0..2 * tips)
        .map(|i| polar(i as f32 / (2 * tips) as f32 - 0.25, if i % 2 == 0 { 1.0 } else { inner }))
        .collect();
    whole(v.moved(&corners, 0.05))
}

fn heart(v: &mut Variety<'_>) -> Outline {
    let (wide, sharp) = (v.range(1.0, 0.82, 1.1), v.range(0.0, -0.15, 0.2));
    let right = [[0.0, -0.45], [0.22, -0.78], [0.55, -0.86], [0.86, -0.6], [0.84, -0.2], [0.5, 0.3 - sharp]];
    let mut points = curve(&[&right[..], &[[0.0, 0.92]]].concat(), false, 8);
    let left: Vec<Point> = points.iter().rev().skip(1).map(|[x, y]| [-x, *y]).collect();
    points.extend(&left[..left.len() - 1]);
    for point in &mut points {
        point[0] *= wide;
    }
    whole(v.moved(&points, 0.008))
}

fn cross(v: &mut Variety<'_>) -> Outline {
    let (a, b) = (v.range(0.3, 0.14, 0.38), v.range(0.3, 0.14, 0.38));
    let (a, b) = if v.chance(0.7) { (a, a) } else { (a, b) };
    let side = v.range(1.0, 0.75, 1.0);
    // Where the bar crosses the post: sometimes above the middle.
    let up = if v.chance(0.25) { -0.3 } else { 0.0 };
    if v.chance(0.35) {
        let bars = [[[0.0, -1.0], [0.0, 1.0]], [[-side, up], [side, up]]];
        return drawn(bars.iter().map(|bar| open(v.moved(bar, 0.06))).collect(), 0.0);
    }
    let corners = [
        [-a, -1.0],
        [a, -1.0],
        [a, up - b],
        [side, up - b],
        [side, up + b],
        [a, up + b],
        [a, 1.0],
        [-a, 1.0],
        [-a, up + b],
        [-side, up + b],
        [-side, up - b],
        [-a, up - b],
    ];
    whole(v.moved(&corners, 0.03))
}

fn arrow(v: &mut Variety<'_>) -> Outline {
    let (neck, head) = (v.range(0.1, -0.2, 0.4), v.range(0.62, 0.4, 0.75));
    if v.chance(0.4) {
        let bow = v.range(0.0, -0.35, 0.35);
        let shaft = curve(&[[-1.0, bow], [0.0, -bow * 0.3], [1.0, 0.0]], false, 10);
        let tip = [[neck, -head], [1.0, 0.0], [neck, head]];
        return drawn(vec![open(shaft), open(v.moved(&tip, 0.06))], 0.0);
    }
    let shaft = v.range(0.25, 0.12, 0.3).min(head * 0.62);
    let tail = v.range(-1.0, -1.0, -0.7);
    let corners = [
        [1.0, 0.0],
        [neck, head],
        [neck, shaft],
        [tail, shaft],
        [tail, -shaft],
        [neck, -shaft],
        [neck, -head],
    ];
    whole(v.moved(&corners, 0.04))
}

fn spiral(v: &mut Variety<'_>) -> Outline {
    let turns = v.range(3.0, 2.0, 4.2);
    let hand = if v.chance(0.5) { -1.0 } else { 1.0 };
    let (start, squash) = (v.range(0.0, 0.0, 1.0), v.range(1.0, 0.9, 1.0));
    let (inner, growth) = (v.range(0.03, 0.0, 0.12), v.range(0.0, -0.2, 0.4));
    let steps = (turns * 40.0) as usize;
    let points = (0..=steps)
        .map(|i| {
            let t = i as f32 / steps as f32;
            let radius = inner + (1.0 - inner) * (t * (1.0 - growth) + t * t * growth);
            let [x, y] = polar(start + hand * t * turns, radius);
            [x, y * squash]
        })
        .collect();
    let width = v.range(0.4, 0.2, 0.55) / turns;
    drawn(vec![open(points)], width)
}

fn moon(v: &mut Variety<'_>) -> Outline {
    // Most of a circle; its tips are joined by half an ellipse that is hollow the same way.
    let (depth, tips) = (v.range(0.62, 0.3, 0.85), v.range(-0.06, -0.09, 0.02));
    let outer = (0..=32).map(|i| polar(0.25 + tips + (0.5 - 2.0 * tips) * i as f32 / 32.0, 1.0));
    let [base, tip_y] = polar(0.25 + tips, 1.0);
    let inner = (1..32).rev().map(|i| {
        let [x, y] = polar(0.25 + 0.5 * i as f32 / 32.0, 1.0);
        [base + x * depth * (1.0 + base), y * tip_y]
    });
    let points: Vec<Point> = outer.chain(inner).map(|[x, y]| [x + 0.3, y]).collect();
    whole(points)
}

fn smiley(v: &mut Variety<'_>) -> Outline {
    let squash = v.range(1.0, 0.85, 1.1).min(1.0);
    let head = ellipse([0.0; 2], [v.range(1.0, 0.88, 1.0), squash], 64);
    let (apart, high) = (v.range(0.36, 0.26, 0.45), v.range(0.28, 0.15, 0.38));
    let size = [v.range(0.11, 0.07, 0.15), v.range(0.14, 0.07, 0.22)];
    let (wide, low, deep) = (v.range(0.55, 0.38, 0.66), v.range(0.2, 0.1, 0.3), v.range(0.36, 0.2, 0.5));
    // A parabola, like most mouths that are drawn.
    let mouth: Vec<Point> = (-12..=12)
        .map(|i| {
            let t = i as f32 / 12.0;
            [wide * t, low + deep * (1.0 - t * t)]
        })
        .collect();
    let eyes = [-apart, apart].map(|x| ellipse([x, -high], size, 20));
    let mut lines = vec![Line { points: head.clone(), closed: true }];
    let mut details: Vec<Vec<Point>> = Vec::new();
    let tall = v.chance(0.2);
    for (eye, x) in eyes.into_iter().zip([-apart, apart]) {
        if tall {
            lines.push(open(vec![[x, -high - 0.2], [x, -high + 0.1]]));
        } else {
            details.push(eye);
        }
    }
    if v.chance(0.25) {
        // A laughing mouth: closed above.
        details.push(mouth);
    } else {
        lines.push(open(mouth));
    }
    if v.chance(0.25) {
        lines.push(open(vec![[0.0, -0.1], [v.range(0.0, -0.12, 0.12), 0.12]]));
    }
    Outline { areas: vec![head], details, lines, ..Outline::default() }
}
