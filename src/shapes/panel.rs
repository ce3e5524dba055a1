//! A clean object for the test card, slowly moving.
//!
//! Pure, any thread. Sines are our own and everything else is exactly rounded, but tiny-skia may round differently on
//! other instruction sets.

use resvg::tiny_skia::Pixmap;

use super::class::Class;
use super::color::Rgb;
use super::geometry::{polar, sin};
use super::glyphs::Fonts;
use super::ink::{self, Ink, Placement, Style};
use super::objects::outline;
use super::random::Random;
use super::texture::{self, Bricks, Clouds, Wood};

/// An object on a plain ground: `width × height` pixels of red, green and blue bytes. `phase` in turns, of any size:
/// the object sways and breathes with period 1, so that phase 0 and 1 are the same picture. [`Class::Nothing`] is the
/// empty ground.
pub fn panel(class: Class, phase: f32, width: usize, height: usize) -> Vec<u8> {
    let (w, h) = (width as f32, height as f32);
    let scale = 0.4 * w.min(h) * (1.0 + 0.06 * sin(2.0 * phase));
    let [x, y] = polar(phase, 0.05 * w.min(h));
    let origin = [0.5 * w + x, 0.5 * h + y];
    let surface: Option<Box<dyn Fn(f32, f32) -> Rgb>> = match class {
        Class::Wood => Some(Box::new(texture::wood(&Wood::PLAIN))),
        Class::Bricks => Some(Box::new(texture::bricks(&Bricks::PLAIN))),
        Class::Clouds => Some(Box::new(texture::clouds(&Clouds::plain(0.3 * sin(phase))))),
        _ => None,
    };
    if let Some(shade) = surface {
        let pixel =
            |i: usize| shade(((i % width) as f32 - x) / scale + 2.0, ((i / width) as f32 - y) / scale + 2.0);
        let bytes = |color: Rgb| color.map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
        return (0..width * height).flat_map(|i| bytes(pixel(i))).collect();
    }
    let look = look(class);
    let Some(mut pixmap) = Pixmap::new(width.max(1) as u32, height.max(1) as u32) else {
        return vec![0; width * height * 3];
    };
    pixmap.fill(ink::color(look.ground));
    let turn = 0.035 * sin(phase) + look.turn;
    let place = Placement { scale, origin, turn };
    let reach = 1.6 * w.max(h) / scale;
    // Chance has no say at variety 0; the stream is only handed over.
    let mut random = Random::new(0);
    if let Some(outline) = outline(class, 0.0, reach, &mut random, Fonts::built_in()) {
        let ink = Ink {
            style: if class == Class::Smiley { Style::Edged } else { Style::Solid },
            fill: look.ink,
            edge: look.edge,
            width: 0.09,
            shake: 0.0,
            passes: 1,
            opacity: 1.0,
        };
        ink::draw(&mut pixmap, &outline, &ink, &place, &mut random);
    }
    pixmap.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect()
}

struct Look {
    ground: Rgb,
    ink: Rgb,
    edge: Rgb,
    turn: f32,
}

fn look(class: Class) -> Look {
    const DARK: Rgb = [0.07, 0.08, 0.12];
    const PAPER: Rgb = [0.95, 0.94, 0.9];
    let plain = |ink: Rgb| Look { ground: PAPER, ink, edge: DARK, turn: 0.0 };
    match class {
        Class::Stripes => Look { turn: 0.07, ..plain([0.1, 0.3, 0.65]) },
        Class::Checks => Look { turn: 0.02, ..plain(DARK) },
        Class::Dots => plain([0.8, 0.15, 0.3]),
        Class::Rings => plain([0.75, 0.1, 0.15]),
        Class::Circle => plain([0.9, 0.4, 0.05]),
        Class::Triangle => plain([0.85, 0.15, 0.18]),
        Class::Square => plain([0.1, 0.4, 0.75]),
        Class::Pentagon => plain([0.45, 0.2, 0.6]),
        Class::Star => Look { ground: [0.07, 0.12, 0.32], ink: [1.0, 0.84, 0.2], edge: DARK, turn: 0.0 },
        Class::Heart => plain([0.86, 0.08, 0.22]),
        Class::Cross => plain([0.1, 0.55, 0.3]),
        Class::Arrow => plain([0.05, 0.45, 0.4]),
        Class::Spiral => plain([0.3, 0.15, 0.5]),
        Class::Moon => Look { ground: [0.05, 0.08, 0.22], ink: [0.97, 0.92, 0.7], edge: DARK, turn: 0.0 },
        Class::Smiley => plain([1.0, 0.82, 0.15]),
        _ => plain(DARK),
    }
}
