//! A busy background: panels side by side, as on a test card, a poster wall or a screen full of windows.
//!
//! Pure, any thread.

use super::color::{self, blend, hsv};
use super::geometry::{polar, sin};
use super::random::{Random, floor, fractal};
use super::raster::Raster;

/// Panels in rows and columns, each with a pattern or colours of its own. They are the background: what they show is
/// not what the picture is of.
pub fn collage(size: usize, random: &mut Random) -> Raster {
    let side = size as f32;
    let ground = if random.chance(0.6) { [random.range(0.04, 0.2); 3] } else { color::any(random) };
    let mut raster = Raster::new(size, ground);
    let (columns, rows) = (random.whole(3, 6), random.whole(3, 6));
    let gap = side * random.range(0.0, 0.02);
    let [width, height] = [side / columns as f32, side / rows as f32];
    for row in 0..rows {
        for column in 0..columns {
            let low = [column as f32 * width + gap, row as f32 * height + gap];
            let high = [low[0] + width - 2.0 * gap, low[1] + height - 2.0 * gap];
            panel(&mut raster, low, high, random);
        }
    }
    raster
}

fn panel(raster: &mut Raster, low: [f32; 2], high: [f32; 2], random: &mut Random) {
    let (first, second) = (color::any(random), color::any(random));
    let period = (high[1] - low[1]) * random.range(0.06, 0.35);
    let [c, s] = polar(random.unit(), 1.0 / period);
    let kind = random.below(9);
    let seed = random.bits() as u32;
    let middle = [0.5 * (low[0] + high[0]), 0.5 * (low[1] + high[1])];
    // One pixel less: the box of `shade` includes the pixel at its end.
    raster.shade(low, [high[0] - 1.0, high[1] - 1.0], |x, y, _| {
        let (x, y) = (x - middle[0], y - middle[1]);
        let along = x * c + y * s;
        let across = y * c - x * s;
        match kind {
            0 => first,
            1 => blend(first, second, ((y + middle[1] - low[1]) / (high[1] - low[1])).clamp(0.0, 1.0)),
            2 => blend(first, second, 0.5 + 0.5 * sin(along)),
            3 => blend(first, second, ((sin(along) * sin(across)) * 6.0 + 0.5).clamp(0.0, 1.0)),
            4 => {
                let (u, v) = (along - floor(along) as f32 - 0.5, across - floor(across) as f32 - 0.5);
                blend(second, first, (((u * u + v * v).sqrt() - 0.3) * 8.0).clamp(0.0, 1.0))
            }
            5 => hsv(floor((x - low[0] + middle[0]) / (high[0] - low[0]) * 6.0) as f32 / 6.0, 0.9, 0.9),
            6 => {
                [(floor((y - low[1] + middle[1]) / (high[1] - low[1]) * 7.0) as f32 / 7.0).clamp(0.0, 1.0); 3]
            }
            7 => blend(first, second, fractal(x / period, y / period, 3, seed)),
            _ => blend(first, second, ((period - (x * x + y * y).sqrt()) * 0.5).clamp(0.0, 1.0)),
        }
    });
}
