//! A sheet before a camera: where it is, how it is tilted and bent, light and shadow, what is in front of it.
//!
//! Pure, any thread.

use resvg::tiny_skia::Pixmap;

use super::backdrop::{self, Photo};
use super::class::Class;
use super::collage::collage;
use super::color::{self, Rgb};
use super::creature::creature;
use super::crockery::crockery;
use super::geometry::{Point, Projection, polar, smooth_step};
use super::props::Props;
use super::random::{Random, noise};
use super::raster::Raster;
use super::sheet::{self, Sheet};

/// A whole scene, before the camera's own faults. `is_clean`: as a drawing program or a scanner has it, without depth and light.
pub fn compose(class: Class, is_clean: bool, size: usize, random: &mut Random, props: &Props) -> Raster {
    let photos = &props.photos;
    if class == Class::Nothing && random.chance(0.7) {
        let mut raster = backdrop::any(size, photos, random);
        match random.below(12) {
            0..=5 => {
                if let Some(photo) = Photo::any(photos, random) {
                    raster = photo.view(size, random);
                }
            }
            6 => raster = backdrop::room(size, random),
            7 => backdrop::person(&mut raster, random),
            8 => creature(&mut raster, random),
            10 => crockery(&mut raster, random),
            9 => (0..random.whole(4, 14)).for_each(|_| backdrop::thing(&mut raster, random)),
            _ => {}
        }
        if random.chance(0.2) {
            let side = size as f32;
            let at = [random.range(0.2, 0.8) * side, random.range(0.3, 0.9) * side];
            backdrop::hand(&mut raster, at, random.unit(), side * random.range(0.05, 0.16), random);
        }
        light(&mut raster, random);
        return raster;
    }
    let side = size as f32;
    let is_filling = matches!(
        class,
        Class::Wood | Class::Bricks | Class::Clouds | Class::Stripes | Class::Checks | Class::Dots
    );
    // The object's extent as a part of the frame.
    let extent = match (is_filling, random.chance(0.35)) {
        (true, true) => random.range(0.9, 1.5),
        (_, true) => random.range(0.3, 0.6),
        _ => random.range(0.45, 0.97),
    };
    let scale = 0.5 * extent * side;
    let clean = is_clean && (extent < 0.9 || is_filling);
    // On a page that fills the picture, or on a panel among others.
    let page = clean && random.chance(0.7);
    let margin = page.then(|| 1.45 / extent.min(1.0));
    let mut raster = match (page, clean) {
        (true, _) => Raster::new(size, [0.5; 3]),
        (false, true) => collage(size, random),
        _ => backdrop::any(size, photos, random),
    };
    let Some(sheet) = sheet::make(class, scale * 1.2, margin, random, props) else { return raster };
    let room = (0.5 - 0.5 * extent).max(0.0) + 0.03;
    let centre = [0, 1].map(|_| side * (0.5 + random.range(-room, room)));
    let turn = sheet::upright(class, random) * if sheet.cut_out { 1.0 } else { 0.5 };
    if clean {
        let way = Projection::of_sheet(centre, scale, turn, 0.0, 0.0, 9.0, 1.0);
        (Held { sheet: &sheet, way, bend: 0.0, flat: true }).draw(&mut raster, random);
        return raster;
    }
    let tilt = if random.chance(0.25) { random.range(0.0, 0.02) } else { random.range(0.0, 0.13) };
    let squeeze = if random.chance(0.25) { random.range(1.0, 1.33) } else { random.range(0.93, 1.07) };
    let distance = random.range(2.6, 7.0);
    // A squeezed picture is one of a wider camera: its object is smaller across.
    let scale = if squeeze > 1.0 { scale / squeeze } else { scale };
    let way = Projection::of_sheet(centre, scale, turn, tilt, random.unit(), distance, squeeze);
    let held = Held {
        sheet: &sheet,
        way,
        bend: if random.chance(0.35) { random.bell() * 0.09 } else { 0.0 },
        flat: false,
    };
    held.draw(&mut raster, random);
    if random.chance(0.35) {
        held.hands(&mut raster, scale, random);
    }
    if random.chance(0.12) {
        obstacle(&mut raster, centre, scale, random);
    }
    light(&mut raster, random);
    raster
}

struct Held<'a> {
    sheet: &'a Sheet,
    way: Projection,
    /// How much the sheet is bent about its upright axis; 0 is flat.
    bend: f32,
    /// True where there is neither light nor shadow.
    flat: bool,
}

impl Held<'_> {
    fn draw(&self, raster: &mut Raster, random: &mut Random) {
        let Some(back) = self.way.inverse() else { return };
        let side = raster.size as f32;
        let half = self.sheet.half;
        let pixmap = &self.sheet.pixmap;
        let per_unit = pixmap.width() as f32 / (2.0 * half[0]);
        let (shadow, soft) = (
            if random.chance(0.6) && !self.flat { random.range(0.1, 0.6) } else { 0.0 },
            random.range(0.03, 0.3),
        );
        let fall = polar(random.unit(), random.range(0.0, 0.18) * side * 0.3);
        let gloss = if random.chance(0.2) && !self.flat { random.range(0.1, 0.55) } else { 0.0 };
        let (gloss_at, gloss_wide) =
            ([random.range(-1.0, 1.0), random.range(-1.0, 1.0)], random.range(0.15, 0.7));
        let lit = if self.flat { 1.0 } else { random.range(0.75, 1.1) };
        let place = |x: f32, y: f32| {
            let [u, v] = back.apply([x, y])?;
            Some([u, v + self.bend * (u * u - 0.5)])
        };
        raster.shade_all(|x, y, under| {
            let mut under = under;
            if shadow > 0.0
                && let Some([u, v]) = place(x - fall[0], y - fall[1])
            {
                let covers = match self.sheet.cut_out {
                    true => sample(pixmap, (u + half[0]) * per_unit, (v + half[1]) * per_unit)[3],
                    false => 1.0 - smooth_step(-soft, soft, (u.abs() - half[0]).max(v.abs() - half[1])),
                };
                under = under.map(|value| value * (1.0 - shadow * covers));
            }
            let Some([u, v]) = place(x, y) else { return under };
            if u.abs() > half[0] + 0.1 || v.abs() > half[1] + 0.1 {
                return under;
            }
            let [r, g, b, alpha] = sample(pixmap, (u + half[0]) * per_unit, (v + half[1]) * per_unit);
            let bent = if self.sheet.shines { 1.0 } else { lit * (1.0 + self.bend * 2.2 * u) };
            let mut glare = 0.0;
            if gloss > 0.0 {
                let (du, dv) = (u - gloss_at[0], v - gloss_at[1]);
                glare = alpha * gloss / (1.0 + (du * du + dv * dv) / (gloss_wide * gloss_wide) * 4.0);
            }
            let color = [r, g, b];
            [0, 1, 2].map(|i| under[i] * (1.0 - alpha) + color[i] * bent * (1.0 - glare) + glare)
        });
    }

    /// Hands that hold the sheet at its edges.
    fn hands(&self, raster: &mut Raster, scale: f32, random: &mut Random) {
        let half = self.sheet.half;
        let size = scale * random.range(0.14, 0.3);
        for _ in 0..random.whole(1, 2) {
            let along = random.range(-0.8, 0.8);
            let edge = match random.below(4) {
                0 => [-half[0], along * half[1]],
                1 => [half[0], along * half[1]],
                _ => [along * half[0], half[1]],
            };
            let edge = if self.sheet.cut_out { edge.map(|value| value * 0.9) } else { edge };
            let (Some(at), Some(middle)) =
                (self.way.apply(edge), self.way.apply([edge[0] * 0.6, edge[1] * 0.6]))
            else {
                continue;
            };
            // The direction to the sheet's middle, to the nearest of 32.
            let [dx, dy] = [middle[0] - at[0], middle[1] - at[1]];
            let along = |turns: f32| {
                let [x, y] = polar(turns, 1.0);
                x * dx + y * dy
            };
            let inward = (0..32).map(|i| i as f32 / 32.0).max_by(|a, b| along(*a).total_cmp(&along(*b)));
            backdrop::hand(raster, at, inward.unwrap_or(0.0), size, random);
        }
    }
}

/// Bilinear, red to blue premultiplied, all from 0 to 1; nothing outside.
fn sample(pixmap: &Pixmap, x: f32, y: f32) -> [f32; 4] {
    let (width, height) = (pixmap.width() as i32, pixmap.height() as i32);
    let (x, y) = (x - 0.5, y - 0.5);
    let (column, row) = (super::random::floor(x), super::random::floor(y));
    if column < -1 || row < -1 || column >= width || row >= height {
        return [0.0; 4];
    }
    let (tx, ty) = (x - column as f32, y - row as f32);
    let data = pixmap.data();
    let mut sum = [0.0; 4];
    for (dx, dy, weight) in
        [(0, 0, (1.0 - tx) * (1.0 - ty)), (1, 0, tx * (1.0 - ty)), (0, 1, (1.0 - tx) * ty), (1, 1, tx * ty)]
    {
        let (x, y) = (column + dx, row + dy);
        if x < 0 || y < 0 || x >= width || y >= height {
            continue;
        }
        let at = (y * width + x) as usize * 4;
        let weight = weight * (1.0 / 255.0);
        for (sum, value) in sum.iter_mut().zip(&data[at..at + 4]) {
            *sum += weight * f32::from(*value);
        }
    }
    sum
}

/// Something before the object: a bar, an arm, an edge, over less than a quarter of it.
fn obstacle(raster: &mut Raster, centre: Point, scale: f32, random: &mut Random) {
    let direction = random.unit();
    let [x, y] = polar(direction, scale * random.range(0.55, 1.0));
    let at = [centre[0] + x, centre[1] + y];
    let [dx, dy] = polar(direction + 0.25 + random.range(-0.1, 0.1), scale * 2.0);
    let radius = scale * random.range(0.06, 0.16);
    let color = if random.chance(0.4) { color::skin(random) } else { color::any(random) };
    let (from, to) = match random.chance(0.5) {
        true => ([at[0] - dx, at[1] - dy], [at[0] + dx, at[1] + dy]),
        false => (at, [at[0] + x * 3.0, at[1] + y * 3.0]),
    };
    backdrop::limb(raster, from, to, radius, color);
}

/// Light that falls unevenly, shadows with edges, a lamp's colour.
fn light(raster: &mut Raster, random: &mut Random) {
    let side = raster.size as f32;
    let strength = if random.chance(0.7) { random.range(0.0, 0.45) } else { 0.0 };
    let [gx, gy] = polar(random.unit(), 2.0 * strength / side);
    let shadow = if random.chance(0.3) { random.range(0.15, 0.55) } else { 0.0 };
    let [nx, ny] = polar(random.unit(), 1.0);
    let (offset, soft) = (random.range(-0.4, 0.4) * side, random.range(0.005, 0.15) * side);
    let (waves, seed) = (random.range(0.5, 3.0) / side, random.bits() as u32);
    let wide = random.range(0.0, 0.5) * side;
    let warm: Rgb = {
        let t = if random.chance(0.6) { random.bell() * 0.07 } else { 0.0 };
        [1.0 + t, 1.0 + random.bell() * 0.02, 1.0 - t]
    };
    raster.shade_all(|x, y, color| {
        let (u, v) = (x - 0.5 * side, y - 0.5 * side);
        let mut lit = 1.0 + u * gx + v * gy;
        if shadow > 0.0 {
            let away = u * nx + v * ny + offset + (noise(x * waves, y * waves, seed) - 0.5) * wide;
            lit *= 1.0 - shadow * smooth_step(-soft, soft, away);
        }
        [0, 1, 2].map(|i| color[i] * lit * warm[i])
    });
}
