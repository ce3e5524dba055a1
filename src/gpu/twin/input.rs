//! preprocess.wgsl: from a frame to the values of the network's input.

use macerator::AutoArch;
use rayon::prelude::*;

use crate::frame::{Frame, PixelFormat};
use crate::gpu::preprocessing::{Axis, Preprocessing, Resize};
use crate::gpu::windows::{PRECISION_BITS, Windows, is_down_first};
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

/// `pixel` in preprocess.wgsl: the levels of a frame's pixels, as grey ones (three times the same) where that is wanted.
#[derive(Clone, Copy)]
struct Pixels<'a> {
    frame: &'a Frame,
    is_grey: bool,
}

impl Pixels<'_> {
    #[inline(always)]
    fn at(self, x: usize, y: usize) -> [i32; 3] {
        let rgb = match self.frame.format {
            PixelFormat::Rgb8 => {
                let at = (y * self.frame.width as usize + x) * 3;
                [at, at + 1, at + 2].map(|at| i32::from(self.frame.bytes[at]))
            }
            PixelFormat::Yuyv | PixelFormat::Nv12 => frame_pixel(self.frame, x, y).map(|level| level as i32),
        };
        match self.is_grey {
            true => [(19595 * rgb[0] + 38470 * rgb[1] + 7471 * rgb[2] + 32768) >> 16; 3],
            false => rgb,
        }
    }

    #[inline(always)]
    fn levels(self, x: usize, y: usize) -> [f32; 3] {
        let [red, green, blue] = self.at(x, y);
        [red as f32, green as f32, blue as f32]
    }
}

/// preprocess.wgsl: the values of an input of this shape (1 or 3 channels) in this scale, in channel, row, column order; then what
/// is changed in them.
pub fn preprocess(frame: &Frame, how: Preprocessing, input_scale: InputScale, shape: Shape) -> Vec<f32> {
    let axes = how.axes([frame.width, frame.height], shape);
    let (divisor, offset) = input_scale.divisor_and_offset();
    let colors = input_scale.colors(shape.channels);
    let pixels = Pixels { frame, is_grey: colors == InputColors::Grey };
    let levels = match how.resize() {
        Resize::Bilinear => vec![],
        resize => windowed(pixels, axes, resize),
    };
    let [across, down] = [(axes[0], shape.width), (axes[1], shape.height)].map(neighbours);
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
                    let rgb = match levels.get(y * shape.width + x) {
                        Some(levels) => levels.map(f32::from),
                        None => bilinear(pixels, &across[x], &down[y]),
                    };
                    let levels = colors.order(rgb);
                    for (channel, values) in channels.iter_mut().enumerate() {
                        values[x] = levels[channel] / divisor[channel] - offset[channel];
                    }
                }
            },
        );
    });
    how.changes.apply(&mut values, shape, input_scale);
    values
}

/// The two pixels around a centre along one axis, and how far it lies on the way from the first to the second.
struct Neighbours {
    pixels: [usize; 2],
    part: f32,
}

/// Those of every centre, once: computed for each pixel anew they would take as long as mixing.
fn neighbours((axis, count): (Axis, usize)) -> Vec<Neighbours> {
    let Axis { start, length, cells, first, .. } = axis;
    let around = |at: usize| {
        let center =
            ((at + first as usize) as f32 + 0.5) * (length as f32 / cells as f32) + start as f32 - 0.5;
        let low = center.floor();
        let pixel = |at: f32| at.clamp(start as f32, (start + length - 1) as f32) as usize;
        Neighbours { pixels: [pixel(low), pixel(low + 1.0)], part: center - low }
    };
    (0..count).map(around).collect()
}

#[inline(always)]
fn bilinear(pixels: Pixels<'_>, across: &Neighbours, down: &Neighbours) -> [f32; 3] {
    let mix = |a: [f32; 3], b: [f32; 3], t: f32| [0, 1, 2].map(|i| a[i] * (1.0 - t) + b[i] * t);
    // Written out: a closure that is mapped over the pairs becomes a call for each pixel, without the processor's own
    // instructions.
    let ([x0, x1], [y0, y1]) = (across.pixels, down.pixels);
    let top = mix(pixels.levels(x0, y0), pixels.levels(x1, y0), across.part);
    let bottom = mix(pixels.levels(x0, y1), pixels.levels(x1, y1), across.part);
    mix(top, bottom, down.part)
}

/// Along one axis and then along the other, with whole levels after each, as Pillow resizes.
fn windowed(pixels: Pixels<'_>, axes: [Axis; 2], resize: Resize) -> Vec<[u8; 3]> {
    let [across, down] = axes.map(|axis| Windows::new(axis, resize));
    let (width, height) = (pixels.frame.width as usize, pixels.frame.height as usize);
    // Only what the other axis reads.
    let needed = |windows: &Windows, side: usize| {
        let ends = windows.iter().map(|(first, weights)| first + weights.len());
        let first = windows.iter().map(|(first, _)| first).min().unwrap_or(0);
        first..ends.max().unwrap_or(0).min(side)
    };
    if is_down_first(axes) {
        let columns = needed(&across, width);
        let rows = by_rows(&down, columns.len(), |x, y| pixels.at(columns.start + x, y));
        let pixel = |x: usize, y: usize| rows[y * columns.len() + x - columns.start].map(i32::from);
        by_columns(&across, 0..down.iter().len(), pixel)
    } else {
        let rows = needed(&down, height);
        let (first, count) = (rows.start, across.iter().len());
        let columns = by_columns(&across, rows, |x, y| pixels.at(x, y));
        by_rows(&down, count, |x, y| columns[(y - first) * count + x].map(i32::from))
    }
}

/// Each of these rows by windows along it.
fn by_columns(
    windows: &Windows,
    rows: std::ops::Range<usize>,
    pixel: impl Fn(usize, usize) -> [i32; 3] + Sync,
) -> Vec<[u8; 3]> {
    let pixel = &pixel;
    let row = |y| {
        windows.iter().map(move |(first, weights)| {
            let pairs = weights.iter().zip(first..);
            whole_levels(pairs.fold([0; 3], |sum, (&weight, x)| add(sum, weight, pixel(x, y))))
        })
    };
    rows.into_par_iter().flat_map_iter(row).collect()
}

/// Rows of `width` pixels, each by a window down the columns.
fn by_rows(windows: &Windows, width: usize, pixel: impl Fn(usize, usize) -> [i32; 3] + Sync) -> Vec<[u8; 3]> {
    let entries: Vec<_> = windows.iter().collect();
    let row = |(first, weights): (usize, &[i32])| {
        let mut sums = vec![[0; 3]; width];
        for (&weight, y) in weights.iter().zip(first..) {
            for (x, sum) in sums.iter_mut().enumerate() {
                *sum = add(*sum, weight, pixel(x, y));
            }
        }
        sums.into_iter().map(whole_levels)
    };
    entries.into_par_iter().flat_map_iter(row).collect()
}

#[inline(always)]
fn add(sum: [i32; 3], weight: i32, levels: [i32; 3]) -> [i32; 3] {
    [0, 1, 2].map(|i| sum[i] + weight * levels[i])
}

#[inline(always)]
fn whole_levels(sum: [i32; 3]) -> [u8; 3] {
    sum.map(|sum| ((sum + (1 << (PRECISION_BITS - 1))) >> PRECISION_BITS).clamp(0, 255) as u8)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    const SCALE: InputScale = InputScale::MinusOneToOne;

    fn by(resize: Resize) -> Preprocessing {
        Preprocessing { resize: Some(resize), ..Preprocessing::default() }
    }

    fn levels(resize: Resize) -> Vec<f32> {
        let bytes: Vec<u8> = (0..7 * 5 * 3).map(|i| ((i * 37 + 11) % 256) as u8).collect();
        let frame = Frame::new(0, (7, 5), PixelFormat::Rgb8, &bytes, "pattern".into()).unwrap();
        let planes = preprocess(&frame, by(resize), SCALE, Shape { channels: 3, height: 4, width: 3 });
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
            preprocess(&frame, by(resize), scale, Shape { channels, height: 4, width: 3 })
        };
        let antialiased = [100, 131, 150, 111, 142, 157, 111, 121, 143, 115, 110, 140];
        let nearest = [152, 118, 84, 161, 127, 93, 179, 145, 111, 188, 154, 120];
        for (resize, expected) in [(Resize::Antialias, antialiased), (Resize::Nearest, nearest)] {
            let expected = expected.map(|level: u8| f32::from(level));
            assert_eq!(seen(resize, InputScale::Levels, 1), expected, "{resize:?}");
        }
        let grey: Vec<u8> = (0..=255).flat_map(|level| [level; 3]).collect();
        let grey = Frame::new(0, (16, 16), PixelFormat::Rgb8, &grey, "grey".into()).unwrap();
        let shape = Shape { channels: 1, height: 16, width: 16 };
        for &resize in Resize::value_variants() {
            let levels = preprocess(&grey, by(resize), InputScale::Levels, shape);
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
        for &resize in Resize::value_variants() {
            let planes = preprocess(&frame, by(resize), SCALE, Shape { channels: 3, height: 16, width: 16 });
            for (i, byte) in bytes.iter().enumerate() {
                let level = (planes[i % 3 * 256 + i / 3] + 1.0) * 127.5;
                assert!((level - f32::from(*byte)).abs() < 1e-3, "{resize:?} {i}");
            }
        }
    }
}
