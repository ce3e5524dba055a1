//! Colours of inks, papers, skin and rooms. Pure, any thread.

use super::random::Random;

/// Red, green and blue from 0 to 1, as the sRGB byte divided by 255.
pub type Rgb = [f32; 3];

/// Hue in turns, saturation and value from 0 to 1.
pub fn hsv(hue: f32, saturation: f32, value: f32) -> Rgb {
    let hue = (hue - hue.floor()) * 6.0;
    [5.0, 3.0, 1.0].map(|offset| {
        let k = (offset + hue) % 6.0;
        value - value * saturation * k.min(4.0 - k).clamp(0.0, 1.0)
    })
}

/// How bright a colour looks, 0 to 1.
pub fn luma([r, g, b]: Rgb) -> f32 {
    0.299 * r + 0.587 * g + 0.114 * b
}

/// `from` at 0, `to` at 1.
pub fn blend(from: Rgb, to: Rgb, amount: f32) -> Rgb {
    [0, 1, 2].map(|i| from[i] + (to[i] - from[i]) * amount)
}

/// Any colour.
pub fn any(random: &mut Random) -> Rgb {
    hsv(random.unit(), random.range(0.0, 1.0) * random.range(0.4, 1.0), random.range(0.08, 1.0))
}

/// What pens, prints and paints have.
pub fn ink(random: &mut Random) -> Rgb {
    match random.below(10) {
        0..=2 => hsv(random.unit(), random.range(0.0, 0.3), random.range(0.02, 0.25)),
        3..=6 => {
            // Markers: red, orange, green, blue, violet, pink, brown.
            let hue = random.pick(&[0.0, 0.0, 0.06, 0.13, 0.33, 0.4, 0.6, 0.62, 0.66, 0.77, 0.92]);
            hsv(hue + random.range(-0.03, 0.03), random.range(0.6, 1.0), random.range(0.4, 0.95))
        }
        7 => hsv(random.unit(), random.range(0.0, 0.25), random.range(0.8, 1.0)),
        _ => any(random),
    }
}

/// Paper, card, boards, walls: mostly white or pale.
pub fn paper(random: &mut Random) -> Rgb {
    match random.below(10) {
        0..=4 => {
            let value = random.range(0.82, 1.0);
            [value, value - random.range(0.0, 0.03), value - random.range(0.0, 0.09)]
        }
        5 => hsv(random.range(0.11, 0.17), random.range(0.3, 0.75), random.range(0.85, 1.0)),
        6 => hsv(random.range(0.05, 0.1), random.range(0.25, 0.5), random.range(0.55, 0.8)),
        7 => hsv(random.unit(), random.range(0.0, 0.6), random.range(0.04, 0.35)),
        _ => any(random),
    }
}

/// A colour that stands off from another one.
pub fn against(ground: Rgb, random: &mut Random, make: fn(&mut Random) -> Rgb) -> Rgb {
    let contrast = |color: Rgb| {
        let hue = (0..3).map(|i| (color[i] - ground[i]).abs()).fold(0.0, f32::max);
        (luma(color) - luma(ground)).abs() + 0.35 * hue
    };
    let needed = if random.chance(0.25) { 0.25 } else { 0.42 };
    for _ in 0..12 {
        let color = make(random);
        if contrast(color) > needed {
            return color;
        }
    }
    if luma(ground) > 0.5 { [0.06, 0.06, 0.09] } else { [0.95, 0.95, 0.92] }
}

/// Skin, from pale to dark.
pub fn skin(random: &mut Random) -> Rgb {
    let depth = random.unit();
    let base = blend([0.98, 0.82, 0.72], [0.34, 0.2, 0.14], depth * depth * 0.6 + depth * 0.4);
    base.map(|value| value * random.range(0.85, 1.05))
}
