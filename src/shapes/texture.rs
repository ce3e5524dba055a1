//! Surfaces: wood, bricks, clouds. Pure, any thread.

use resvg::tiny_skia::Pixmap;

use super::class::Class;
use super::color::{self, Rgb};
use super::random::{Random, floor, fractal, hashed, noise};

/// Fills a pixmap with a surface. `scale`: pixels per unit; surfaces are about two units wide.
pub fn fill(class: Class, pixmap: &mut Pixmap, scale: f32, random: &mut Random) {
    let shade: Box<dyn Fn(f32, f32) -> Rgb> = match class {
        Class::Wood => Box::new(wood(&Wood::any(random))),
        Class::Bricks => Box::new(bricks(&Bricks::any(random))),
        _ => Box::new(clouds(&Clouds::any(random))),
    };
    let width = pixmap.width() as usize;
    for (i, pixel) in pixmap.data_mut().chunks_exact_mut(4).enumerate() {
        let color = shade((i % width) as f32 / scale, (i / width) as f32 / scale);
        let [r, g, b] = color.map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
        pixel.copy_from_slice(&[r, g, b, 255]);
    }
}

/// What is chosen about wood.
#[derive(Clone, Copy, Debug)]
pub struct Wood {
    light: Rgb,
    dark: Rgb,
    /// Width of a plank in units.
    plank: f32,
    rings: f32,
    seed: u32,
    gap: f32,
}

impl Wood {
    /// The test card's.
    pub const PLAIN: Self = Self {
        light: [0.78, 0.55, 0.33],
        dark: [0.45, 0.27, 0.14],
        plank: 0.55,
        rings: 9.0,
        seed: 7,
        gap: 0.02,
    };

    fn any(random: &mut Random) -> Self {
        let light = color::hsv(random.range(0.04, 0.12), random.range(0.2, 0.75), random.range(0.4, 0.98));
        let dark = light.map(|value| value * random.range(0.45, 0.8));
        let plank = if random.chance(0.3) { 9.0 } else { random.range(0.25, 0.9) };
        Self {
            light,
            dark,
            plank,
            rings: random.range(5.0, 16.0),
            seed: random.bits() as u32,
            gap: random.range(0.008, 0.035),
        }
    }
}

/// Planks lie along x; the grain is rings of a trunk cut lengthwise, with fibres and now and then a knot.
pub fn wood(w: &Wood) -> impl Fn(f32, f32) -> Rgb + use<> {
    let w = *w;
    move |x, y| {
        let row = floor(y / w.plank);
        let plank_seed = w.seed.wrapping_add(row as u32 * 977);
        let own = hashed(row, 3, w.seed);
        let within = y - row as f32 * w.plank;
        let x = x + own * 13.0;
        // Knots: one for some cells of a plank.
        let cell = floor(x / 1.3);
        let mut bend = 0.0;
        let mut knot = 0.0;
        if hashed(cell, 5, plank_seed) < 0.4 {
            let (kx, ky) = (
                (cell as f32 + 0.2 + 0.6 * hashed(cell, 6, plank_seed)) * 1.3,
                hashed(cell, 7, plank_seed) * w.plank.min(1.0),
            );
            let (dx, dy) = ((x - kx) * 1.2, (within - ky) * 2.6);
            let near = 1.0 / (1.0 + 14.0 * (dx * dx + dy * dy));
            bend = near * 0.9;
            knot = (near - 0.62).max(0.0) * 2.0;
        }
        let warp = fractal(x * 0.7, within * 2.2, 2, plank_seed);
        let ring = (warp * 1.1 + within * 0.9 + bend + own) * w.rings;
        let ring = ring - floor(ring) as f32;
        // Late wood: slowly darker, then suddenly light again.
        let late = if ring < 0.8 { ring / 0.8 } else { (1.0 - ring) * 5.0 };
        let fibre = noise(x * 6.0, within * 90.0, plank_seed) - 0.5;
        let amount = 0.12 + 0.55 * late * late + 0.28 * fibre + knot + (own - 0.5) * 0.35;
        let color = color::blend(w.light, w.dark, amount.clamp(0.0, 1.3));
        let edge = within.min(w.plank - within);
        if edge < w.gap { color.map(|value| value * (0.25 + 0.6 * edge / w.gap)) } else { color }
    }
}

/// What is chosen about a wall.
#[derive(Clone, Copy, Debug)]
pub struct Bricks {
    brick: Rgb,
    mortar: Rgb,
    size: [f32; 2],
    gap: f32,
    uneven: f32,
    seed: u32,
}

impl Bricks {
    /// The test card's.
    pub const PLAIN: Self = Self {
        brick: [0.68, 0.28, 0.2],
        mortar: [0.8, 0.77, 0.72],
        size: [0.62, 0.27],
        gap: 0.035,
        uneven: 0.25,
        seed: 3,
    };

    fn any(random: &mut Random) -> Self {
        let brick = match random.below(4) {
            0..=1 => color::hsv(random.range(-0.02, 0.07), random.range(0.35, 0.8), random.range(0.35, 0.85)),
            2 => color::hsv(random.range(0.05, 0.14), random.range(0.05, 0.4), random.range(0.3, 0.95)),
            _ => color::any(random),
        };
        let mortar = match random.chance(0.7) {
            true => [random.range(0.6, 0.95); 3].map(|value| value - random.range(0.0, 0.08)),
            false => [random.range(0.1, 0.35); 3],
        };
        let mortar = if (color::luma(mortar) - color::luma(brick)).abs() < 0.16 {
            brick.map(|value| if color::luma(brick) > 0.45 { value * 0.55 } else { value * 0.4 + 0.5 })
        } else {
            mortar
        };
        let height = random.range(0.14, 0.38);
        let size = [height * random.range(1.9, 3.2), height];
        Self {
            brick,
            mortar,
            size,
            gap: height * random.range(0.07, 0.2),
            uneven: random.range(0.05, 0.4),
            seed: random.bits() as u32,
        }
    }
}

/// Courses of bricks, each shifted by half a brick.
pub fn bricks(b: &Bricks) -> impl Fn(f32, f32) -> Rgb + use<> {
    let b = *b;
    move |x, y| {
        let rough = 0.35 * b.gap * (noise(x * 14.0, y * 14.0, b.seed) - 0.5);
        let row = floor(y / b.size[1]);
        let shift = if row & 1 == 0 { 0.0 } else { 0.5 * b.size[0] };
        let column = floor((x + shift) / b.size[0]);
        let within = [x + shift - column as f32 * b.size[0], y - row as f32 * b.size[1]];
        let edge = [0, 1].map(|i| within[i].min(b.size[i] - within[i]));
        let inside = (edge[0].min(edge[1]) - 0.5 * b.gap + rough) / (0.25 * b.gap);
        let own = hashed(column, row, b.seed);
        let fine = fractal(x * 18.0, y * 18.0, 2, b.seed ^ 9) - 0.5;
        let brick = b.brick.map(|value| value * (1.0 + (own - 0.5) * 2.0 * b.uneven + 0.35 * fine));
        let mortar = b.mortar.map(|value| value * (1.0 + 0.2 * fine));
        color::blend(mortar, brick, inside.clamp(0.0, 1.0))
    }
}

/// What is chosen about a sky.
#[derive(Clone, Copy, Debug)]
pub struct Clouds {
    sky: Rgb,
    cloud: Rgb,
    grain: f32,
    cover: f32,
    soft: f32,
    stretch: f32,
    seed: u32,
    drift: f32,
}

impl Clouds {
    /// The test card's, drifting with `drift` (in units).
    pub const fn plain(drift: f32) -> Self {
        Self {
            sky: [0.25, 0.5, 0.85],
            cloud: [0.97, 0.98, 1.0],
            grain: 1.5,
            cover: 0.48,
            soft: 0.13,
            stretch: 1.5,
            seed: 11,
            drift,
        }
    }

    fn any(random: &mut Random) -> Self {
        let sky = match random.below(5) {
            0..=2 => color::hsv(random.range(0.53, 0.65), random.range(0.25, 0.85), random.range(0.35, 0.95)),
            3 => color::hsv(random.range(-0.05, 0.12), random.range(0.2, 0.7), random.range(0.4, 0.95)),
            _ => [random.range(0.2, 0.6); 3],
        };
        let bright = random.range(0.75, 1.0);
        let cloud = color::blend([bright; 3], sky, random.range(0.0, 0.2));
        Self {
            sky,
            cloud: if color::luma(cloud) - color::luma(sky) < 0.15 { [1.0, 1.0, 0.98] } else { cloud },
            grain: random.range(0.8, 2.2),
            cover: random.range(0.4, 0.56),
            soft: random.range(0.07, 0.2),
            stretch: random.range(1.0, 2.2),
            seed: random.bits() as u32,
            drift: 0.0,
        }
    }
}

/// Clouds: noise of many octaves, cut off softly, its lower sides in shadow.
pub fn clouds(c: &Clouds) -> impl Fn(f32, f32) -> Rgb + use<> {
    let c = *c;
    move |x, y| {
        let at =
            |x: f32, y: f32, octaves: u32| fractal(x * c.grain, y * c.grain * c.stretch, octaves, c.seed);
        let x = x + c.drift;
        let dense = at(x, y, 5);
        let amount = ((dense - c.cover) / c.soft + 0.5).clamp(0.0, 1.0);
        let lit = ((at(x, y + 0.09, 3) - dense) * 1.6).clamp(-0.16, 0.1);
        let amount = amount * amount * (3.0 - 2.0 * amount);
        let sky = c.sky.map(|value| value * (1.08 - 0.1 * y).clamp(0.7, 1.1));
        color::blend(
            sky,
            c.cloud.map(|value| value - lit.max(0.0) - 0.25 * (dense - c.cover).max(0.0)),
            amount,
        )
    }
}
