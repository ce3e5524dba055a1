//! What is behind: photographs from a folder, rooms drawn by code, people.
//!
//! Pure but for reading the folder; any thread.

use std::path::Path;

use resvg::tiny_skia::{IntSize, Pixmap, PixmapPaint, Transform};

use super::color::{self, Rgb};
use super::geometry::{Point, cos, mix, polar, sin, smooth_step};
use super::random::{Random, fractal, hashed, noise};
use super::raster::Raster;

/// A photograph.
#[derive(Clone, Debug)]
pub struct Photo {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// The longer side of a photograph in memory, in pixels.
const PHOTO_SIDE: u32 = 640;

impl Photo {
    /// All pictures of a folder (not of folders in it), in the order of their names, those left out that cannot be read.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    pub fn of_folder(folder: &Path) -> std::io::Result<Vec<Self>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            files.push(entry?.path());
        }
        files.sort();
        let read = |file: &std::path::PathBuf| {
            let picture = image::open(file).ok()?;
            let picture = picture.thumbnail(PHOTO_SIDE, PHOTO_SIDE).to_rgb8();
            let (width, height) = (picture.width() as usize, picture.height() as usize);
            (width > 31 && height > 31).then(|| Self { width, height, rgb: picture.into_raw() })
        };
        Ok(files.iter().filter_map(read).collect())
    }

    /// One of these, if there are any.
    pub fn any<'a>(photos: &'a [Self], random: &mut Random) -> Option<&'a Self> {
        photos.get(random.below(photos.len()))
    }

    fn at(&self, x: f32, y: f32) -> Rgb {
        let x = x.clamp(0.0, self.width as f32 - 1.001);
        let y = y.clamp(0.0, self.height as f32 - 1.001);
        let (column, row) = (x as usize, y as usize);
        let (tx, ty) = (x - column as f32, y - row as f32);
        let at = |dx: usize, dy: usize, i: usize| {
            f32::from(self.rgb[((row + dy) * self.width + column + dx) * 3 + i])
        };
        [0, 1, 2].map(|i| {
            let (top, bottom) = (mix(at(0, 0, i), at(1, 0, i), tx), mix(at(0, 1, i), at(1, 1, i), tx));
            mix(top, bottom, ty) * (1.0 / 255.0)
        })
    }

    /// A part of the photograph as a whole picture: any place, any size, perhaps mirrored, its colours perhaps changed.
    pub fn view(&self, size: usize, random: &mut Random) -> Raster {
        let least = self.width.min(self.height) as f32;
        let part = match random.below(3) {
            0 => random.range(0.85, 1.0),
            1 => random.range(0.3, 1.0),
            _ => random.range(0.18, 0.6),
        };
        let side = least * part;
        let left = random.unit() * (self.width as f32 - side);
        let top = random.unit() * (self.height as f32 - side);
        let mirrored = random.chance(0.5);
        let turned = random.chance(0.1);
        let order =
            if random.chance(0.12) { random.pick(&[[1, 2, 0], [2, 0, 1], [2, 1, 0]]) } else { [0, 1, 2] };
        let bright = random.range(0.65, 1.15);
        let step = side / size as f32;
        // Where the photograph is larger than the picture, four samples a pixel are enough.
        let offsets: &[f32] = if step > 1.3 { &[0.25, 0.75] } else { &[0.5] };
        let mut raster = Raster::new(size, [0.0; 3]);
        let share = bright / (offsets.len() * offsets.len()) as f32;
        for (i, pixel) in raster.pixels.iter_mut().enumerate() {
            let (mut x, y) = ((i % size) as f32, (i / size) as f32);
            if mirrored {
                x = size as f32 - 1.0 - x;
            }
            let (x, y) = if turned { (y, x) } else { (x, y) };
            let mut sum = [0.0; 3];
            for dy in offsets {
                for dx in offsets {
                    let color = self.at(left + (x + dx) * step - 0.5, top + (y + dy) * step - 0.5);
                    sum = [0, 1, 2].map(|k| sum[k] + color[order[k]]);
                }
            }
            *pixel = sum.map(|value| value * share);
        }
        raster
    }

    /// Prints a part of it onto a sheet, sometimes with a white border.
    pub fn print(&self, pixmap: &mut Pixmap, random: &mut Random) {
        let view = self.view(128, random);
        let bytes = view.pixels.iter().flat_map(|color| {
            let [r, g, b] = color.map(|value| (value.clamp(0.0, 1.0) * 255.0) as u8);
            [r, g, b, 255]
        });
        let Some(printed) =
            IntSize::from_wh(128, 128).and_then(|size| Pixmap::from_vec(bytes.collect(), size))
        else {
            return;
        };
        let border = if random.chance(0.5) { random.range(0.0, 0.08) } else { 0.0 };
        let (w, h) = (pixmap.width() as f32, pixmap.height() as f32);
        let scale = [w * (1.0 - 2.0 * border) / 128.0, h * (1.0 - 2.0 * border) / 128.0];
        let place = Transform::from_row(scale[0], 0.0, 0.0, scale[1], w * border, h * border);
        pixmap.draw_pixmap(0, 0, printed.as_ref(), &PixmapPaint::default(), place, None);
    }
}

/// Some background.
pub fn any(size: usize, photos: &[Photo], random: &mut Random) -> Raster {
    if random.chance(0.5)
        && let Some(photo) = Photo::any(photos, random)
    {
        return photo.view(size, random);
    }
    if random.chance(0.16) {
        return super::collage::collage(size, random);
    }
    let mut raster = room(size, random);
    if random.chance(0.35) {
        person(&mut raster, random);
    }
    raster
}

/// A room: walls, furniture, things on them, out of focus; or just a gradient.
pub fn room(size: usize, random: &mut Random) -> Raster {
    let side = size as f32;
    let (a, b) =
        (if random.chance(0.5) { color::paper(random) } else { color::any(random) }, color::any(random));
    let dark = random.range(0.45, 1.0);
    let (far, near) = (a.map(|v| v * dark), color::blend(a, b, random.range(0.0, 0.7)).map(|v| v * dark));
    let [dx, dy] = polar(random.unit(), 1.0 / side);
    let cloudy = if random.chance(0.5) { random.range(0.05, 0.6) } else { 0.0 };
    let grain = random.range(1.5, 7.0) / side;
    let seed = random.bits() as u32;
    let mut raster = Raster::new(size, far);
    raster.shade_all(|x, y, _| {
        let t = (x - 0.5 * side) * dx + (y - 0.5 * side) * dy + 0.5;
        let rough = if cloudy > 0.0 { (noise(x * grain, y * grain, seed) - 0.5) * cloudy } else { 0.0 };
        color::blend(far, near, (t + rough).clamp(0.0, 1.0))
    });
    if random.chance(0.2) {
        // A rough wall, a carpet, a plant.
        let (other, fine) = (color::any(random), random.range(6.0, 30.0) / side);
        let strength = random.range(0.1, 0.8);
        raster.shade_all(|x, y, c| {
            color::blend(
                c,
                other,
                strength * smooth_step(0.4, 0.65, fractal(x * fine, y * fine, 3, seed ^ 77)),
            )
        });
    }
    for _ in 0..random.below(9) {
        thing(&mut raster, random);
    }
    raster
}

/// A box, a pole, an edge of a table, something round: filled softly, often cut off by the picture.
pub fn thing(raster: &mut Raster, random: &mut Random) {
    let side = raster.size as f32;
    let centre = [random.range(-0.2, 1.2) * side, random.range(-0.2, 1.2) * side];
    let long = random.range(0.08, 0.7) * side;
    let half = if random.chance(0.75) {
        [long, long * random.range(0.05, 0.55)]
    } else {
        [long, long * random.range(0.5, 0.9)]
    };
    let round = random.chance(0.3);
    let turn =
        if random.chance(0.6) { random.pick(&[0.0, 0.25]) + random.bell() * 0.01 } else { random.unit() };
    let [c, s] = polar(turn, 1.0);
    let (top, bottom) = (color::any(random), random.range(0.5, 1.2));
    let soft = random.range(0.5, 0.04 * side + 0.6);
    let opacity = random.range(0.6, 1.0);
    let reach = half[0].max(half[1]) + soft;
    raster.shade(
        [centre[0] - reach, centre[1] - reach],
        [centre[0] + reach, centre[1] + reach],
        |x, y, color| {
            let (x, y) = (x - centre[0], y - centre[1]);
            let (u, v) = (x * c + y * s, y * c - x * s);
            let outside = match round {
                true => ((u / half[0]) * (u / half[0]) + (v / half[1]) * (v / half[1]) - 1.0) * half[1] * 0.5,
                false => (u.abs() - half[0]).max(v.abs() - half[1]),
            };
            let cover = opacity * (1.0 - smooth_step(-soft, soft, outside));
            color::blend(color, top.map(|value| value * mix(1.0, bottom, (v / half[1]) * 0.5 + 0.5)), cover)
        },
    );
}

/// A rounded bar from one point to another, lit from above: a finger, an arm, a stick.
pub fn limb(raster: &mut Raster, from: Point, to: Point, radius: f32, color: Rgb) {
    let [dx, dy] = [to[0] - from[0], to[1] - from[1]];
    let square = (dx * dx + dy * dy).max(1e-3);
    let low = [0, 1].map(|i| from[i].min(to[i]) - radius - 1.0);
    let high = [0, 1].map(|i| from[i].max(to[i]) + radius + 1.0);
    raster.shade(low, high, |x, y, under| {
        let (px, py) = (x - from[0], y - from[1]);
        let t = ((px * dx + py * dy) / square).clamp(0.0, 1.0);
        let (ox, oy) = (px - t * dx, py - t * dy);
        let away = (ox * ox + oy * oy).sqrt();
        let round = 1.0 - 0.45 * (away / radius) * (away / radius) - 0.12 * oy / radius;
        color::blend(
            under,
            color.map(|value| value * round.clamp(0.4, 1.15)),
            (radius - away + 0.5).clamp(0.0, 1.0),
        )
    });
}

/// A person before the camera: body, head, hair, a face.
pub fn person(raster: &mut Raster, random: &mut Random) {
    let side = raster.size as f32;
    let size = side * if random.chance(0.3) { random.range(0.25, 0.5) } else { random.range(0.1, 0.3) };
    let centre = [side * random.range(0.15, 0.85), side * random.range(0.12, 0.7)];
    let (skin, cloth) = (color::skin(random), color::any(random));
    let hair = color::blend([0.08, 0.06, 0.05], color::hsv(0.09, 0.6, 0.7), random.unit() * random.unit());
    let seed = random.bits() as u32;
    let body = [centre[0] + random.bell() * 0.1 * size, centre[1] + 2.9 * size];
    let blob = |raster: &mut Raster, at: Point, half: Point, color: Rgb, soft: f32| {
        raster.shade(
            [at[0] - half[0] - 3.0, at[1] - half[1] - 3.0],
            [at[0] + half[0] + 3.0, at[1] + half[1] + 3.0],
            |x, y, under| {
                let (u, v) = ((x - at[0]) / half[0], (y - at[1]) / half[1]);
                let away = (u * u + v * v).sqrt();
                let lit = 1.0 - 0.18 * u - 0.12 * v - 0.2 * away * away
                    + 0.1 * (noise(x * 0.2, y * 0.2, seed) - 0.5);
                color::blend(
                    under,
                    color.map(|value| value * lit),
                    1.0 - smooth_step(1.0 - soft, 1.0 + soft, away),
                )
            },
        );
    };
    blob(raster, body, [2.0 * size, 2.1 * size], cloth, 0.05);
    limb(
        raster,
        [centre[0], centre[1] + 0.7 * size],
        [centre[0], centre[1] + 1.4 * size],
        0.42 * size,
        skin.map(|v| v * 0.85),
    );
    let long = random.chance(0.4);
    blob(
        raster,
        [centre[0], centre[1] - 0.25 * size + if long { 0.4 * size } else { 0.0 }],
        [0.92 * size, if long { 1.5 * size } else { 1.05 * size }],
        hair,
        0.06,
    );
    blob(raster, centre, [0.72 * size, 0.98 * size], skin, 0.05);
    let turned = random.bell() * 0.12 * size;
    for x in [-0.3, 0.3] {
        let eye = [centre[0] + x * size + turned, centre[1] - 0.12 * size];
        blob(raster, eye, [0.13 * size, 0.06 * size], [0.9, 0.88, 0.85], 0.4);
        blob(raster, eye, [0.06 * size, 0.06 * size], [0.1, 0.07, 0.06], 0.4);
        blob(raster, [eye[0], eye[1] - 0.17 * size], [0.18 * size, 0.04 * size], hair, 0.5);
    }
    blob(
        raster,
        [centre[0] + 1.3 * turned, centre[1] + 0.16 * size],
        [0.1 * size, 0.16 * size],
        skin.map(|v| v * 0.8),
        0.6,
    );
    blob(
        raster,
        [centre[0] + turned, centre[1] + 0.48 * size],
        [0.26 * size, random.range(0.04, 0.09) * size],
        [skin[0] * 0.8, skin[1] * 0.5, skin[2] * 0.5],
        0.4,
    );
}

/// A hand that holds something at a point from outside: palm and thumb. `inward`: direction in turns.
pub fn hand(raster: &mut Raster, at: Point, inward: f32, size: f32, random: &mut Random) {
    let skin = color::skin(random);
    let toward = |turns: f32, length: f32| [at[0] + cos(turns) * length, at[1] + sin(turns) * length];
    let spread = random.range(-0.03, 0.03);
    let palm = toward(inward + 0.5 + spread, 1.5 * size);
    let far = toward(inward + 0.5 + spread * 2.0, 6.0 * size);
    limb(raster, palm, far, 0.95 * size, skin.map(|v| v * 0.93));
    for i in 0..random.below(4) {
        let aside = (i as f32 - 1.0) * 0.09;
        limb(raster, palm, toward(inward + 0.5 + aside, 0.45 * size), 0.36 * size, skin.map(|v| v * 0.88));
    }
    limb(raster, palm, toward(inward, random.range(0.1, 0.9) * size), 0.36 * size, skin);
    if hashed(size as i32, 1, 3) > 0.5 {
        let nail = toward(inward, 0.1 * size);
        limb(raster, nail, nail, 0.16 * size, skin.map(|v| (v * 1.15 + 0.03).min(1.0)));
    }
}
