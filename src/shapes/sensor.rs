//! What a cheap camera makes of a scene: blur, exposure, noise, sharpening, JPEG.
//!
//! Pure, any thread.

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageFormat};

use super::color::{Rgb, luma};
use super::geometry::{mix, polar};
use super::random::{Random, floor};
use super::raster::Raster;

/// The picture as bytes: `size × size` pixels of red, green and blue.
pub fn expose(mut raster: Raster, random: &mut Random) -> Vec<u8> {
    let side = raster.size as f32;
    if random.chance(0.3) {
        let factor = random.range(0.35, 0.85);
        raster = coarse(&raster, (side * factor) as usize);
    }
    let blur = if random.chance(0.75) { random.range(0.0, 0.011) * side * random.unit() } else { 0.0 };
    for _ in 0..2 {
        blurred(&mut raster, blur);
    }
    if random.chance(0.12) {
        let by = polar(random.unit(), random.range(0.005, 0.03) * side);
        raster = dragged(&raster, by);
    }
    if random.chance(0.3) {
        sharpened(&mut raster, random.range(0.2, 1.0));
    }
    tone(&mut raster, random);
    noisy(&mut raster, random);
    let bytes = whole(&raster);
    if random.chance(0.6) {
        let quality = if random.chance(0.3) { random.whole(22, 50) } else { random.whole(50, 95) };
        return compressed(&bytes, raster.size, quality as u8).unwrap_or(bytes);
    }
    bytes
}

/// The picture as bytes, as if it came from a file.
pub fn whole(raster: &Raster) -> Vec<u8> {
    raster.pixels.iter().flatten().map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect()
}

/// Exposure, contrast, gamma, saturation, corners in the dark.
fn tone(raster: &mut Raster, random: &mut Random) {
    let side = raster.size as f32;
    let gain = if random.chance(0.8) { random.range(0.85, 1.2) } else { random.range(0.6, 1.4) };
    // Cameras expose for the whole picture, more or less.
    let mean = raster.pixels.iter().map(|color| luma(*color)).sum::<f32>() / raster.pixels.len() as f32;
    let gain = gain * mix(1.0, (0.45 / mean.max(0.05)).clamp(0.6, 2.2), random.range(0.2, 0.9));
    let contrast = random.range(0.75, 1.2);
    let bow = random.range(-0.3, 0.35);
    let lift = random.range(-0.02, 0.08);
    let saturation = if random.chance(0.08) { 0.0 } else { random.range(0.55, 1.25) };
    let dark = if random.chance(0.4) { random.range(0.0, 0.5) } else { 0.0 };
    raster.shade_all(|x, y, color| {
        let (u, v) = (x / side - 0.5, y / side - 0.5);
        let corner = 1.0 - dark * (u * u + v * v) * 1.4;
        let color = color.map(|value| {
            let value = ((value * gain * corner - 0.5) * contrast + 0.5 + lift).clamp(0.0, 1.0);
            value + bow * value * (1.0 - value)
        });
        let grey = luma(color);
        color.map(|value| mix(grey, value, saturation))
    });
}

fn noisy(raster: &mut Raster, random: &mut Random) {
    let strength = random.range(0.0, 0.03) * if random.chance(0.2) { 2.2 } else { 1.0 };
    let chroma = strength * random.range(0.0, 0.9);
    if strength < 0.003 {
        return;
    }
    for pixel in &mut raster.pixels {
        let bright = random.bell() * strength * (1.25 - 0.5 * luma(*pixel));
        let [red, blue] = [random.bell() * chroma, random.bell() * chroma];
        let by = [red, -0.4 * (red + blue), blue];
        *pixel = [0, 1, 2].map(|i| pixel[i] + bright + by[i]);
    }
}

/// Through a picture of fewer pixels and back.
fn coarse(raster: &Raster, size: usize) -> Raster {
    let size = size.max(24);
    let mut small = Raster::new(size, [0.0; 3]);
    let step = raster.size as f32 / size as f32;
    let near = |raster: &Raster, x: f32, y: f32| -> Rgb {
        let last = raster.size - 1;
        let (x, y) = (x.clamp(0.0, last as f32), y.clamp(0.0, last as f32));
        let (column, row) = (x as usize, y as usize);
        let (tx, ty) = (x - column as f32, y - row as f32);
        let at = |dx: usize, dy: usize| {
            raster.pixels[(row + dy).min(last) * raster.size + (column + dx).min(last)]
        };
        let (a, b, c, d) = (at(0, 0), at(1, 0), at(0, 1), at(1, 1));
        [0, 1, 2].map(|i| mix(mix(a[i], b[i], tx), mix(c[i], d[i], tx), ty))
    };
    for (i, pixel) in small.pixels.iter_mut().enumerate() {
        let (x, y) = ((i % size) as f32, (i / size) as f32);
        let mut sum = [0.0; 3];
        for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
            let color = near(raster, (x + dx) * step - 0.5, (y + dy) * step - 0.5);
            sum = [0, 1, 2].map(|k| sum[k] + 0.25 * color[k]);
        }
        *pixel = sum;
    }
    let mut large = Raster::new(raster.size, [0.0; 3]);
    let width = raster.size;
    for (i, pixel) in large.pixels.iter_mut().enumerate() {
        let (x, y) = ((i % width) as f32, (i / width) as f32);
        *pixel = near(&small, (x + 0.5) / step - 0.5, (y + 0.5) / step - 0.5);
    }
    large
}

/// A triangle filter of this standard deviation (two of them make a bell).
fn blurred(raster: &mut Raster, sigma: f32) {
    if sigma < 0.25 {
        return;
    }
    let reach = floor(sigma * 2.45 + 1.0).clamp(1, 24);
    let weights: Vec<f32> =
        (-reach..=reach).map(|i| (sigma * 2.45 + 0.5 - (i as f32).abs()).max(0.0)).collect();
    let total: f32 = weights.iter().sum();
    let size = raster.size as i32;
    for upright in [false, true] {
        let old = raster.pixels.clone();
        for (i, pixel) in raster.pixels.iter_mut().enumerate() {
            let (x, y) = (i as i32 % size, i as i32 / size);
            let mut sum = [0.0; 3];
            for (weight, by) in weights.iter().zip(-reach..=reach) {
                let (x, y) =
                    if upright { (x, (y + by).clamp(0, size - 1)) } else { ((x + by).clamp(0, size - 1), y) };
                let color = old[(y * size + x) as usize];
                sum = [0, 1, 2].map(|k| sum[k] + weight * color[k]);
            }
            *pixel = sum.map(|value| value / total);
        }
    }
}

/// The camera moved.
fn dragged(raster: &Raster, by: [f32; 2]) -> Raster {
    let size = raster.size as i32;
    let mut result = raster.clone();
    for (i, pixel) in result.pixels.iter_mut().enumerate() {
        let (x, y) = (i as i32 % size, i as i32 / size);
        let mut sum = [0.0; 3];
        for step in -3..=3 {
            let t = step as f32 / 6.0;
            let (x, y) = (x + floor(by[0] * t + 0.5), y + floor(by[1] * t + 0.5));
            let color = raster.pixels[(y.clamp(0, size - 1) * size + x.clamp(0, size - 1)) as usize];
            sum = [0, 1, 2].map(|k| sum[k] + color[k]);
        }
        *pixel = sum.map(|value| value / 7.0);
    }
    result
}

fn sharpened(raster: &mut Raster, amount: f32) {
    let mut soft = raster.clone();
    blurred(&mut soft, 0.8);
    for (pixel, soft) in raster.pixels.iter_mut().zip(&soft.pixels) {
        *pixel = [0, 1, 2].map(|i| pixel[i] + amount * (pixel[i] - soft[i]));
    }
}

fn compressed(bytes: &[u8], size: usize, quality: u8) -> Option<Vec<u8>> {
    let mut file = Vec::new();
    let side = size as u32;
    JpegEncoder::new_with_quality(&mut file, quality)
        .encode(bytes, side, side, ExtendedColorType::Rgb8)
        .ok()?;
    Some(image::load_from_memory_with_format(&file, ImageFormat::Jpeg).ok()?.into_rgb8().into_raw())
}
