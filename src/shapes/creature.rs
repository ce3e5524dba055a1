//! Faces of animals: the likest thing to a smiley that is none.
//!
//! Pure, any thread.

use super::backdrop::limb;
use super::color::{self, Rgb};
use super::geometry::{Point, polar, smooth_step};
use super::random::{Random, fractal, noise};
use super::raster::Raster;

/// An ellipse with soft edges, each pixel in its own shade.
pub fn blob(raster: &mut Raster, at: Point, half: Point, soft: f32, shade: impl Fn(f32, f32) -> Rgb) {
    let reach = half.map(|half| half * (1.0 + soft) + 2.0);
    raster.shade(
        [at[0] - reach[0], at[1] - reach[1]],
        [at[0] + reach[0], at[1] + reach[1]],
        |x, y, under| {
            let (u, v) = ((x - at[0]) / half[0], (y - at[1]) / half[1]);
            let away = (u * u + v * v).sqrt();
            color::blend(under, shade(x, y), 1.0 - smooth_step(1.0 - soft, 1.0 + soft, away))
        },
    );
}

/// Some furry head before the camera: ears, eyes with pupils, a muzzle, whiskers; often larger than the picture.
pub fn creature(raster: &mut Raster, random: &mut Random) {
    let side = raster.size as f32;
    let size = side * random.range(0.14, 0.5);
    let centre = [side * random.range(0.25, 0.75), side * random.range(0.3, 0.7)];
    let seed = random.bits() as u32;
    let hue = random.range(0.03, 0.13);
    let first = color::hsv(hue, random.range(0.05, 0.65), random.range(0.15, 0.95));
    let second = color::hsv(hue + random.range(-0.03, 0.05), random.range(0.0, 0.5), random.range(0.1, 1.0));
    let (patches, hairs) = (random.range(1.5, 5.0) / size, random.range(14.0, 40.0) / size);
    let (striped, [c, s]) = (random.chance(0.4), polar(random.unit(), 1.0));
    let fur = move |x: f32, y: f32| {
        let (x, y) = (x - centre[0], y - centre[1]);
        let stretch = if striped { [(x * c + y * s) * 2.2, (y * c - x * s) * 0.5] } else { [x, y] };
        let patch = smooth_step(0.4, 0.62, fractal(stretch[0] * patches, stretch[1] * patches, 3, seed));
        let hair = noise(x * hairs + y * 0.2 * hairs, y * 0.35 * hairs, seed ^ 5) - 0.5;
        let round = 1.0 - 0.25 * (x * x + y * y) / (size * size) - 0.12 * x / size;
        color::blend(first, second, patch).map(|value| value * (round + 0.35 * hair))
    };
    let lean = random.bell() * 0.12 * size;
    // Body, ears, head.
    blob(raster, [centre[0] - 2.0 * lean, centre[1] + 1.9 * size], [1.3 * size, 1.6 * size], 0.08, fur);
    let (ear, pointed) = (size * random.range(0.25, 0.5), random.chance(0.6));
    for way in [-1.0, 1.0] {
        let at = [centre[0] + way * 0.62 * size + 0.3 * lean, centre[1] - 0.75 * size];
        if pointed {
            for i in 0..8 {
                let t = i as f32 / 7.0;
                let middle = [at[0] + way * 0.1 * size * t, at[1] + (0.35 - 1.1 * t) * ear];
                let half = ear * (1.0 - t) * 0.62 + 1.0;
                blob(raster, middle, [half, 0.25 * ear + 1.0], 0.3, fur);
            }
        } else {
            blob(raster, at, [ear * 0.8, ear], 0.1, fur);
        }
        blob(raster, at, [ear * 0.3, ear * 0.5], 0.5, |_, _| color::blend(first, [0.75, 0.5, 0.48], 0.5));
    }
    blob(raster, centre, [size * random.range(0.85, 1.05), size * random.range(0.8, 1.0)], 0.05, fur);
    // Eyes, perhaps one in the shade or hidden.
    let iris = color::hsv(random.range(0.06, 0.45), random.range(0.3, 0.9), random.range(0.3, 0.9));
    let (apart, high) = (size * random.range(0.28, 0.5), size * random.range(0.05, 0.3));
    let open = size * random.range(0.09, 0.2);
    let narrow = random.range(0.25, 1.0);
    for way in [-1.0, 1.0] {
        let eye = [centre[0] + way * apart + lean, centre[1] - high];
        blob(raster, eye, [open * 1.25, open], 0.25, |_, _| [0.06, 0.05, 0.05]);
        blob(raster, eye, [open, open * 0.82], 0.15, |_, _| iris);
        blob(raster, eye, [open * 0.5 * narrow, open * 0.7], 0.25, |_, _| [0.03, 0.03, 0.04]);
        blob(raster, [eye[0] - 0.3 * open, eye[1] - 0.3 * open], [0.16 * open; 2], 0.5, |_, _| [1.0; 3]);
    }
    // Muzzle, nose, mouth, whiskers.
    let muzzle = [centre[0] + 1.4 * lean, centre[1] + 0.38 * size];
    let pale = color::blend(second, [0.9, 0.88, 0.84], random.range(0.0, 0.8));
    blob(raster, muzzle, [0.42 * size, 0.32 * size], 0.4, |x, y| color::blend(fur(x, y), pale, 0.75));
    let nose = [muzzle[0], muzzle[1] - 0.15 * size];
    let tip = color::blend([0.08, 0.06, 0.06], [0.8, 0.5, 0.48], random.unit());
    blob(raster, nose, [size * random.range(0.07, 0.15), size * random.range(0.05, 0.11)], 0.3, |_, _| tip);
    let line = first.map(|value| value * 0.35);
    let below = [nose[0], nose[1] + 0.18 * size];
    limb(raster, nose, below, 0.015 * size + 0.4, line);
    for way in [-1.0, 1.0] {
        limb(raster, below, [below[0] + way * 0.2 * size, below[1] + 0.07 * size], 0.015 * size + 0.4, line);
        for _ in 0..random.below(4) {
            let from = [muzzle[0] + way * 0.2 * size, muzzle[1] + random.range(-0.1, 0.1) * size];
            let to = [from[0] + way * 0.9 * size, from[1] + random.range(-0.4, 0.3) * size];
            limb(raster, from, to, 0.5, [0.92; 3]);
        }
    }
}
