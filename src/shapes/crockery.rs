//! Cups, bowls and plates on a table: round things with bright crescents that are neither circles, rings nor moons.
//!
//! Pure, any thread.

use super::backdrop::limb;
use super::color::{self, Rgb};
use super::creature::blob;
use super::geometry::{Point, polar, smooth_step};
use super::random::{Random, noise};
use super::raster::Raster;

/// One or several of them, seen from above or aslant, often cut off by the picture.
pub fn crockery(raster: &mut Raster, random: &mut Random) {
    let side = raster.size as f32;
    let flat = random.range(0.55, 1.0);
    for _ in 0..random.whole(1, 4) {
        let centre = [side * random.range(0.1, 0.9), side * random.range(0.15, 0.85)];
        let size = side * random.range(0.12, 0.42);
        let glaze = if random.chance(0.5) { color::paper(random) } else { color::any(random) };
        if random.chance(0.7) {
            plate(raster, [centre[0], centre[1] + 0.5 * size], size * random.range(1.3, 1.9), flat, random);
        }
        if random.chance(0.3) {
            spoon(raster, centre, size, random);
        }
        if random.chance(0.85) {
            cup(raster, centre, size, flat, glaze, random);
        }
        if random.chance(0.3) {
            spoon(raster, centre, size, random);
        }
    }
}

fn plate(raster: &mut Raster, at: Point, size: f32, flat: f32, random: &mut Random) {
    let glaze = if random.chance(0.6) { color::paper(random) } else { color::any(random) };
    let (seed, [c, s]) = (random.bits() as u32, polar(random.unit(), 1.0));
    let lit = move |x: f32, y: f32, strength: f32| {
        let light = ((x - at[0]) * c + (y - at[1]) * s) / size;
        let gloss = smooth_step(0.62, 0.75, noise(x * 2.0 / size, y * 2.0 / size, seed));
        glaze.map(|value| (value * (1.0 + strength * light) + 0.3 * gloss * strength).min(1.0))
    };
    let half = [size, size * flat];
    blob(raster, [at[0] + 0.05 * size, at[1] + 0.08 * size], half, 0.12, |_, _| [0.08, 0.07, 0.06]);
    blob(raster, at, half, 0.015, |x, y| lit(x, y, 0.3));
    blob(raster, at, half.map(|half| half * 0.97), 0.03, |x, y| lit(x, y, -0.2));
    let well = random.range(0.5, 0.75);
    blob(raster, at, half.map(|half| half * well), 0.04, |x, y| lit(x, y, 0.35));
}

fn cup(raster: &mut Raster, at: Point, size: f32, flat: f32, glaze: Rgb, random: &mut Random) {
    let height = size * (1.0 - flat * flat).sqrt() * random.range(0.8, 2.2);
    let narrow = random.range(0.0, 0.45);
    let inside = if random.chance(0.6) { color::paper(random) } else { glaze };
    // Handle, from behind the wall.
    let (turn, reach) = (random.unit(), size * random.range(1.25, 1.5));
    if random.chance(0.8) {
        let root = [at[0], at[1] + 0.35 * height];
        let place = |turn: f32, far: f32| {
            let [x, y] = polar(turn, far);
            [root[0] + x, root[1] + y * (0.4 + 0.6 * flat)]
        };
        let (a, b) = (place(turn - 0.04, 0.8 * size), place(turn - 0.035, reach));
        let (c, d) = (place(turn + 0.035, reach), place(turn + 0.04, 0.8 * size));
        for (from, to) in [(a, b), (b, c), (c, d)] {
            limb(raster, from, to, 0.11 * size + 1.0, glaze.map(|value| value * 0.9));
        }
    }
    let [light, _] = polar(random.unit(), 0.35);
    for step in 0..=12 {
        let t = 1.0 - step as f32 / 12.0;
        let half = [size * (1.0 - narrow * t * t), size * flat * (1.0 - narrow * t * t)];
        blob(raster, [at[0], at[1] + height * t], half, 0.015, |x, _| {
            glaze.map(|value| value * (0.75 + light * (x - at[0]) / size))
        });
    }
    // Rim, inner wall in its own shadow, what is in it, and its gloss.
    let rim = [size, size * flat];
    blob(raster, at, rim, 0.015, |_, _| inside.map(|value| (value * 1.05).min(1.0)));
    let wall = random.range(0.86, 0.93);
    blob(raster, at, rim.map(|half| half * wall), 0.02, |_, y| {
        inside.map(|value| value * (0.86 - 0.22 * (y - at[1]) / size))
    });
    let (depth, level) = (size * random.range(0.02, 0.3), random.range(0.55, 0.85));
    let drink = match random.below(4) {
        0 => color::any(random),
        1 => [0.85, 0.82, 0.75],
        _ => color::hsv(random.range(0.05, 0.1), random.range(0.5, 0.9), random.range(0.12, 0.75)),
    };
    let surface = [at[0], at[1] + depth * (1.3 - flat)];
    blob(raster, surface, rim.map(|half| half * level), 0.02, |_, _| drink);
    if random.chance(0.6) {
        // Light along one edge of the surface: a crescent.
        let gloss = color::blend(drink, [1.0; 3], random.range(0.3, 0.9));
        let [dx, dy] = polar(random.unit(), 0.06 * size);
        blob(raster, surface, rim.map(|half| half * level * 0.85), 0.04, |_, _| gloss);
        blob(
            raster,
            [surface[0] + dx, surface[1] + dy],
            rim.map(|half| half * level * 0.84),
            0.04,
            |_, _| drink,
        );
    }
}

fn spoon(raster: &mut Raster, at: Point, size: f32, random: &mut Random) {
    let metal = [random.range(0.45, 0.85); 3];
    let [x, y] = polar(random.unit(), size * random.range(0.9, 1.4));
    let end = [at[0] + x, at[1] + y];
    limb(raster, end, [end[0] + 0.9 * x - 0.4 * y, end[1] + 0.9 * y + 0.4 * x], 0.06 * size + 1.0, metal);
    blob(raster, end, [0.22 * size, 0.28 * size], 0.04, |_, _| metal);
    blob(raster, end, [0.15 * size, 0.2 * size], 0.3, |_, _| metal.map(|value| value * 0.55));
}
