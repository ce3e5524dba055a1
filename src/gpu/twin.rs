//! The shaders' arithmetic on the CPU, under the same names: what the CPU device uses for preprocessing, and
//! what the shaders are tested against.

mod maps;

use macerator::AutoArch;
use rayon::prelude::*;

pub use maps::{rgb_pixel, statistics, tile_pixel};

use super::{Fit, Rect, Resize, crop_of};
use crate::frame::{Frame, PixelFormat};
use crate::model::{InputColors, InputScale, Shape};

/// `rgb_from_yuv` in frame.wgsl.
#[inline(always)]
pub fn rgb_from_yuv(y: f32, cb: f32, cr: f32) -> [f32; 3] {
    let luma = 1.164383 * (y - 16.0);
    [
        luma + 1.596027 * (cr - 128.0),
        luma - 0.391762 * (cb - 128.0) - 0.812968 * (cr - 128.0),
        luma + 2.017232 * (cb - 128.0),
    ]
    .map(|level| (level.clamp(0.0, 255.0) + 0.5).floor())
}

/// `frame_pixel` in frame.wgsl: red, green and blue from 0 to 255.
#[inline(always)]
pub fn frame_pixel(frame: &Frame, x: usize, y: usize) -> [f32; 3] {
    let bytes = &frame.bytes;
    let byte = |index: usize| f32::from(bytes[index]);
    let (width, height) = (frame.width as usize, frame.height as usize);
    match frame.format {
        PixelFormat::Rgb8 => {
            let at = (y * width + x) * 3;
            [byte(at), byte(at + 1), byte(at + 2)]
        }
        PixelFormat::Yuyv => {
            let row = y * width * 2;
            let pair = row + x / 2 * 4;
            rgb_from_yuv(byte(row + x * 2), byte(pair + 1), byte(pair + 3))
        }
        PixelFormat::Nv12 => {
            let chroma = width * height + y / 2 * width + x / 2 * 2;
            rgb_from_yuv(byte(y * width + x), byte(chroma), byte(chroma + 1))
        }
    }
}

/// A frame as 8-bit RGB, `width × height × 3`.
pub fn rgb_bytes(frame: &Frame) -> Vec<u8> {
    if frame.format == PixelFormat::Rgb8 {
        return frame.bytes.to_vec();
    }
    let width = frame.width as usize;
    (0..frame.height as usize)
        .into_par_iter()
        .flat_map_iter(|y| (0..width).flat_map(move |x| frame_pixel(frame, x, y)).map(|level| level as u8))
        .collect()
}

/// `pixel` in preprocess.wgsl: the pixels of a part of a frame, as grey ones (three times the same) where that is wanted.
#[derive(Clone, Copy)]
struct Pixels<'a> {
    frame: &'a Frame,
    crop: Rect,
    is_grey: bool,
}

impl Pixels<'_> {
    #[inline(always)]
    fn at(self, x: usize, y: usize) -> [f32; 3] {
        let rgb = frame_pixel(self.frame, x, y);
        if !self.is_grey {
            return rgb;
        }
        [((19595.0 * rgb[0] + 38470.0 * rgb[1] + 7471.0 * rgb[2] + 32768.0) / 65536.0).floor(); 3]
    }
}

/// preprocess.wgsl: the values of an input of this shape (1 or 3 channels) in this scale, in channel, row, column order.
pub fn preprocess(
    frame: &Frame,
    fit: Fit,
    resize: Resize,
    input_scale: InputScale,
    shape: Shape,
) -> Vec<f32> {
    let crop = crop_of(frame.width, frame.height, fit, shape);
    let scale = [crop.width / shape.width as f32, crop.height / shape.height as f32];
    let (divisor, offset) = input_scale.divisor_and_offset();
    let colors = input_scale.colors(shape.channels);
    let pixels = Pixels { frame, crop, is_grey: colors == InputColors::Grey };
    let mut values = vec![0.0; shape.len()];
    // Of each row its part in every channel.
    let mut rows: Vec<Vec<&mut [f32]>> = (0..shape.height).map(|_| vec![]).collect();
    for (at, part) in values.chunks_mut(shape.width).enumerate() {
        rows[at % shape.height].push(part);
    }
    rows.into_par_iter().enumerate().for_each(|(y, mut channels)| {
        // With the processor's own instructions: rounding down, above all, is a call without them.
        AutoArch::new().dispatch(
            #[inline(always)]
            || {
                for x in 0..shape.width {
                    let center = [crop.x + (x as f32 + 0.5) * scale[0], crop.y + (y as f32 + 0.5) * scale[1]];
                    let rgb = match resize {
                        Resize::Bilinear => bilinear(pixels, [center[0] - 0.5, center[1] - 0.5]),
                        Resize::Antialias => antialiased(pixels, center, scale),
                        Resize::Nearest => nearest(pixels, [x, y], shape),
                    };
                    let levels = colors.order(rgb);
                    for (channel, values) in channels.iter_mut().enumerate() {
                        values[x] = levels[channel] / divisor[channel] - offset[channel];
                    }
                }
            },
        );
    });
    values
}

#[inline(always)]
fn bilinear(pixels: Pixels<'_>, at: [f32; 2]) -> [f32; 3] {
    let crop = pixels.crop;
    let (x, y) = (at[0].floor(), at[1].floor());
    let part = [at[0] - x, at[1] - y];
    let (last_x, last_y) = (crop.x + crop.width - 1.0, crop.y + crop.height - 1.0);
    let [x0, x1] = [x, x + 1.0].map(|x| x.clamp(crop.x, last_x) as usize);
    let [y0, y1] = [y, y + 1.0].map(|y| y.clamp(crop.y, last_y) as usize);
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| [0, 1, 2].map(|i| a[i] * (1.0 - t) + b[i] * t);
    let top = mix(pixels.at(x0, y0), pixels.at(x1, y0), part[0]);
    let bottom = mix(pixels.at(x0, y1), pixels.at(x1, y1), part[0]);
    mix(top, bottom, part[1])
}

#[inline(always)]
fn antialiased(pixels: Pixels<'_>, center: [f32; 2], scale: [f32; 2]) -> [f32; 3] {
    let crop = pixels.crop;
    let support = scale.map(|scale| scale.max(1.0));
    let bounds = |axis: usize, start: f32, end: f32| {
        let first = (center[axis] - support[axis] + 0.5).floor().max(start) as usize;
        let last = (center[axis] + support[axis] + 0.5).floor().min(end) as usize;
        first..last
    };
    let weight =
        |axis: usize, i: usize| (1.0 - (i as f32 + 0.5 - center[axis]).abs() / support[axis]).max(0.0);
    let (mut sum, mut total) = ([0.0; 3], 0.0);
    for y in bounds(1, crop.y, crop.y + crop.height) {
        let (mut row, mut row_total) = ([0.0; 3], 0.0);
        for x in bounds(0, crop.x, crop.x + crop.width) {
            let weight = weight(0, x);
            add(&mut row, weight, pixels.at(x, y));
            row_total += weight;
        }
        let weight = weight(1, y);
        add(&mut sum, weight, whole_levels(row, row_total));
        total += weight;
    }
    whole_levels(sum, total)
}

#[inline(always)]
fn add(sum: &mut [f32; 3], weight: f32, levels: [f32; 3]) {
    for (sum, level) in sum.iter_mut().zip(levels) {
        *sum += weight * level;
    }
}

/// `ROUNDING` in preprocess.wgsl.
const ROUNDING: f32 = 0.5001;

#[inline(always)]
fn whole_levels(sum: [f32; 3], total: f32) -> [f32; 3] {
    sum.map(|sum| (sum / total + ROUNDING).floor())
}

#[inline(always)]
fn nearest(pixels: Pixels<'_>, [x, y]: [usize; 2], shape: Shape) -> [f32; 3] {
    let crop = pixels.crop;
    let at = |start: f32, length: f32, i: usize, cells: usize| {
        start as usize + (2 * i + 1) * length as usize / (2 * cells)
    };
    let column = at(crop.x, crop.width, x, shape.width);
    pixels.at(column, at(crop.y, crop.height, y, shape.height))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: InputScale = InputScale::MinusOneToOne;

    fn levels(resize: Resize) -> Vec<f32> {
        let bytes: Vec<u8> = (0..7 * 5 * 3).map(|i| ((i * 37 + 11) % 256) as u8).collect();
        let frame = Frame::new(0, (7, 5), PixelFormat::Rgb8, &bytes, "pattern".into()).unwrap();
        let planes =
            preprocess(&frame, Fit::Stretch, resize, SCALE, Shape { channels: 3, height: 4, width: 3 });
        let level = |i: usize| (planes[i % 3 * 12 + i / 3] + 1.0) * 127.5;
        (0..36).map(level).collect()
    }

    /// `Image.frombytes("RGB", (7, 5), pattern).resize((3, 4), …)` of Pillow 13.
    #[test]
    fn antialias_and_nearest_are_pillows() {
        let antialiased = [
            108, 90, 127, 150, 127, 104, 127, 164, 146, 119, 101, 138, 161, 138, 115, 138, 175, 118, 97, 111,
            148, 136, 113, 125, 148, 153, 75, 85, 122, 159, 122, 99, 136, 159, 141, 86,
        ];
        let nearest = [
            122, 159, 196, 88, 125, 162, 54, 91, 128, 131, 168, 205, 97, 134, 171, 63, 100, 137, 149, 186,
            223, 115, 152, 189, 81, 118, 155, 158, 195, 232, 124, 161, 198, 90, 127, 164,
        ];
        for (resize, expected) in [(Resize::Antialias, antialiased), (Resize::Nearest, nearest)] {
            for (i, (ours, pillows)) in levels(resize).into_iter().zip(expected).enumerate() {
                assert!((ours - pillows as f32).abs() < 1e-3, "{resize:?} {i}: {ours} instead of {pillows}");
            }
        }
    }

    /// The same picture, `.convert("L")` before it is resized, as `keras.utils.load_img(color_mode="grayscale")` does.
    #[test]
    fn one_channel_is_pillows_grey_and_blue_first_is_turned_round() {
        let bytes: Vec<u8> = (0..7 * 5 * 3).map(|i| ((i * 37 + 11) % 256) as u8).collect();
        let frame = Frame::new(0, (7, 5), PixelFormat::Rgb8, &bytes, "pattern".into()).unwrap();
        let seen = |resize, scale, channels| {
            preprocess(&frame, Fit::Stretch, resize, scale, Shape { channels, height: 4, width: 3 })
        };
        let antialiased = [100, 131, 150, 111, 142, 157, 111, 121, 143, 115, 110, 140];
        let nearest = [152, 118, 84, 161, 127, 93, 179, 145, 111, 188, 154, 120];
        // A half after the first of two roundings may go either way ([`Resize::Antialias`]).
        for (resize, expected, off) in
            [(Resize::Antialias, antialiased, 1.0), (Resize::Nearest, nearest, 0.0)]
        {
            for (ours, pillows) in seen(resize, InputScale::Levels, 1).into_iter().zip(expected) {
                assert!((ours - pillows as f32).abs() <= off, "{resize:?}: {ours} instead of {pillows}");
            }
        }
        let grey: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
        let grey = Frame::new(0, (16, 16), PixelFormat::Rgb8, &grey, "grey".into()).unwrap();
        let shape = Shape { channels: 1, height: 16, width: 16 };
        for resize in [Resize::Bilinear, Resize::Antialias, Resize::Nearest] {
            let levels = preprocess(&grey, Fit::Crop, resize, InputScale::Levels, shape);
            assert!(levels.into_iter().eq((0..=255u8).map(f32::from)), "{resize:?}");
        }
        let [rgb, bgr] = [InputScale::Levels, InputScale::Caffe].map(|scale| seen(Resize::Nearest, scale, 3));
        for cell in 0..12 {
            let colors = [rgb[cell], rgb[12 + cell], rgb[24 + cell]];
            let expected = [colors[2] - 103.939, colors[1] - 116.779, colors[0] - 123.68];
            assert_eq!([bgr[cell], bgr[12 + cell], bgr[24 + cell]], expected);
        }
    }

    #[test]
    fn a_picture_of_the_right_size_stays_as_it_is() {
        let bytes: Vec<u8> = (0..16 * 16 * 3).map(|i| (i * 29 % 256) as u8).collect();
        let frame = Frame::new(0, (16, 16), PixelFormat::Rgb8, &bytes, "pattern".into()).unwrap();
        for resize in [Resize::Bilinear, Resize::Antialias, Resize::Nearest] {
            let planes =
                preprocess(&frame, Fit::Crop, resize, SCALE, Shape { channels: 3, height: 16, width: 16 });
            for (i, byte) in bytes.iter().enumerate() {
                let level = (planes[i % 3 * 256 + i / 3] + 1.0) * 127.5;
                assert!((level - f32::from(*byte)).abs() < 1e-3, "{resize:?} {i}");
            }
        }
    }
}
