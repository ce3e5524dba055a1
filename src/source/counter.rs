//! A frame's number as black and white squares along the upper edge of its picture, to be read back from the screen:
//! which frame is it that somebody looks at? Pure; any thread.

use image::RgbImage;

use crate::frame::{Frame, PixelFormat};

/// Squares: white and black to measure by, 16 of the number, its parity and the opposite.
const SQUARES: u32 = 20;

/// The squares cover this part of the picture's height.
const PARTS: u32 = 24;

/// Between white and black there must be at least so many levels.
const LEAST_CONTRAST: u32 = 48;

/// How many rows of a picture, or of what is drawn of it, have squares: at least one.
pub fn rows(height: u32) -> u32 {
    (height / PARTS).max(1)
}

/// True for each white square. The number is a Gray code, the highest bit first, so that where one picture is being
/// replaced by the next a single square is in doubt.
fn squares(number: u16) -> impl Iterator<Item = bool> {
    let gray = number ^ (number >> 1);
    let parity = gray.count_ones() % 2 == 1;
    let bits = (0..16).rev().map(move |bit| gray >> bit & 1 == 1);
    [true, false].into_iter().chain(bits).chain([parity, !parity])
}

/// Draws the number into a picture of this layout and size. Nothing is drawn where `bytes` are too few.
pub fn stamp(bytes: &mut [u8], format: PixelFormat, [width, height]: [u32; 2], number: u16) {
    if bytes.len() < format.byte_len(width, height) || width == 0 {
        return;
    }
    let (columns, rows) = (width as usize, rows(height) as usize);
    let white: Vec<bool> = squares(number).collect();
    let is_white = |column: usize| white[column * SQUARES as usize / columns];
    let row_bytes = PixelFormat::byte_len(format, width, 1);
    match format {
        PixelFormat::Rgb8 => {
            for (at, pixel) in bytes[..rows * row_bytes].chunks_exact_mut(3).enumerate() {
                pixel.fill(if is_white(at % columns) { 255 } else { 0 });
            }
        }
        PixelFormat::Yuyv => {
            for (at, pair) in bytes[..rows * row_bytes].chunks_exact_mut(2).enumerate() {
                pair.copy_from_slice(&[if is_white(at % columns) { 235 } else { 16 }, 128]);
            }
        }
        PixelFormat::Nv12 => {
            let (light, colors) = bytes.split_at_mut(columns * height as usize);
            for (at, value) in light[..rows * columns].iter_mut().enumerate() {
                *value = if is_white(at % columns) { 235 } else { 16 };
            }
            // Two rows of pixels share one of colours.
            colors[..rows.div_ceil(2) * columns].fill(128);
        }
    }
}

/// The same frame with its number (without what is above 65 535) in its picture.
pub fn stamped(frame: Frame) -> Frame {
    let mut bytes = frame.bytes.to_vec();
    stamp(&mut bytes, frame.format, [frame.width, frame.height], frame.id as u16);
    Frame { bytes: bytes.into(), ..frame }
}

/// The number in the upper [`rows`] of a picture, enlarged or reduced however much; `None` where there is none.
pub fn read(upper_rows: &RgbImage) -> Option<u16> {
    let (width, height) = upper_rows.dimensions();
    if width < SQUARES || height == 0 {
        return None;
    }
    let level = |square: u32| {
        let column = (2 * square + 1) * width / (2 * SQUARES);
        upper_rows.get_pixel(column, height / 2).0.iter().map(|level| u32::from(*level)).sum::<u32>() / 3
    };
    let (white, black) = (level(0), level(1));
    if white < black + LEAST_CONTRAST {
        return None;
    }
    let is_white = |square| 2 * level(square) > white + black;
    let gray = (2..18).fold(0u16, |gray, square| gray << 1 | u16::from(is_white(square)));
    let parity = gray.count_ones() % 2 == 1;
    if is_white(18) != parity || is_white(19) == parity {
        return None;
    }
    let mut number = gray;
    for shift in [8, 4, 2, 1] {
        number ^= number >> shift;
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::imageops::{FilterType, crop_imm, resize};

    fn upper_rows(picture: &RgbImage) -> RgbImage {
        crop_imm(picture, 0, 0, picture.width(), rows(picture.height())).to_image()
    }

    #[test]
    fn numbers_come_back_from_pictures_of_any_size() {
        for number in [0, 1, 2, 255, 256, 21_845, 32_768, 65_534, u16::MAX] {
            let mut bytes = vec![90; 640 * 480 * 3];
            stamp(&mut bytes, PixelFormat::Rgb8, [640, 480], number);
            let picture = RgbImage::from_raw(640, 480, bytes).unwrap();
            for [width, height] in [[640, 480], [168, 126], [347, 260], [1801, 1350]] {
                for filter in [FilterType::Nearest, FilterType::Triangle] {
                    let shown = resize(&picture, width, height, filter);
                    assert_eq!(read(&upper_rows(&shown)), Some(number), "{width}×{height} {filter:?}");
                }
            }
            assert!(picture.rows().nth(20).unwrap().all(|pixel| pixel.0 == [90; 3]), "the rest stays");
        }
    }

    #[test]
    fn every_layout_carries_it() {
        for format in [PixelFormat::Rgb8, PixelFormat::Yuyv, PixelFormat::Nv12] {
            let bytes = vec![77; format.byte_len(96, 64)];
            let frame = Frame::new(1234, (96, 64), format, &bytes, "t".into()).unwrap();
            let frame = stamped(frame);
            // The first row's brightness, as the formats have it.
            let step = format.byte_len(96, 1) / 96;
            let row = RgbImage::from_fn(96, 1, |x, _| image::Rgb([frame.bytes[x as usize * step.max(1)]; 3]));
            assert_eq!(read(&row), Some(1234), "{format:?}");
            assert_eq!(frame.bytes.len(), bytes.len());
            assert_eq!(frame.bytes[frame.bytes.len() - 1], 77);
        }
        stamp(&mut [1, 2, 3], PixelFormat::Rgb8, [640, 480], 7);
    }

    #[test]
    fn what_carries_none_is_not_read() {
        let flat = RgbImage::from_pixel(200, 8, image::Rgb([128; 3]));
        assert_eq!(read(&flat), None);
        assert_eq!(read(&RgbImage::new(0, 0)), None);
        let mut bytes = vec![0; 200 * 24 * 3];
        stamp(&mut bytes, PixelFormat::Rgb8, [200, 24], 5);
        let mut row = upper_rows(&RgbImage::from_raw(200, 24, bytes).unwrap());
        assert_eq!(read(&row), Some(5));
        // One square that was misread: 200 / 20 columns each.
        for column in 100..110 {
            row.put_pixel(column, 0, image::Rgb(row.get_pixel(column, 0).0.map(|level| 255 - level)));
        }
        assert_eq!(read(&row), None);
    }
}
