//! What a camera's driver hands out, as a frame's bytes: rows without padding, in one of the formats that the shaders read.

use std::borrow::Cow;

use super::mjpeg;
use super::request::CameraFormat;
use crate::frame::PixelFormat;

/// A picture as the driver left it in its memory.
pub(super) struct Raw<'a> {
    /// Layout.
    pub format: CameraFormat,
    /// Pixels.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes from the beginning of one row to that of the next, of the first plane; 0 where the driver does not tell.
    pub stride: usize,
    /// What is new in the buffer.
    pub bytes: &'a [u8],
}

/// Format, width and height, and bytes of a frame.
pub(super) type Unpacked<'a> = (PixelFormat, (u32, u32), Cow<'a, [u8]>);

/// Unpacks pictures of one camera.
#[derive(Default)]
pub(super) struct Unpacker {
    /// How many bits of 16-bit grey were used so far: cameras leave the upper ones empty. It only grows, so that a picture's
    /// brightness does not depend on what is in it.
    depth: u32,
}

impl Unpacker {
    /// The error says what was wrong.
    pub fn unpack<'a>(&mut self, raw: &Raw<'a>) -> Result<Unpacked<'a>, String> {
        use CameraFormat as F;
        let size = (raw.width as u32, raw.height as u32);
        let Raw { width, height, .. } = *raw;
        if raw.format == F::Mjpeg {
            let (size, rgb) = mjpeg::decode(raw.bytes)?;
            return Ok((PixelFormat::Rgb8, size, Cow::Owned(rgb)));
        }
        let (has_odd_width, has_odd_height) = (width % 2 != 0, height % 2 != 0);
        let is_odd = match raw.format {
            F::Yuyv | F::Uyvy | F::Yvyu | F::Nv16 => has_odd_width,
            F::Nv12 | F::Nv21 | F::Yu12 | F::Yv12 => has_odd_width || has_odd_height,
            _ => false,
        };
        if is_odd || width * height == 0 {
            return Err(format!("{width}×{height} is no size of {}", raw.format.name()));
        }
        let chroma = [width, height / 2];
        Ok(match raw.format {
            F::Yuyv => (PixelFormat::Yuyv, size, packed(raw, &[[width * 2, height]])?),
            F::Uyvy => {
                (PixelFormat::Yuyv, size, reordered(packed(raw, &[[width * 2, height]])?, [1, 0, 3, 2]))
            }
            F::Yvyu => {
                (PixelFormat::Yuyv, size, reordered(packed(raw, &[[width * 2, height]])?, [0, 3, 2, 1]))
            }
            F::Nv12 => (PixelFormat::Nv12, size, packed(raw, &[[width, height], chroma])?),
            F::Nv21 => {
                let mut bytes = packed(raw, &[[width, height], chroma])?.into_owned();
                bytes[width * height..].as_chunks_mut().0.iter_mut().for_each(|[v, u]| std::mem::swap(v, u));
                (PixelFormat::Nv12, size, Cow::Owned(bytes))
            }
            F::Yu12 | F::Yv12 => {
                let half = [width / 2, height / 2];
                let bytes = packed(raw, &[[width, height], half, half])?;
                let (luma, chroma) = bytes.split_at(width * height);
                let (first, second) = chroma.split_at(chroma.len() / 2);
                let (u, v) = if raw.format == F::Yu12 { (first, second) } else { (second, first) };
                let both = u.iter().zip(v).flat_map(|(u, v)| [*u, *v]);
                (PixelFormat::Nv12, size, luma.iter().copied().chain(both).collect())
            }
            F::Nv16 => {
                let bytes = packed(raw, &[[width, height], [width, height]])?;
                let (luma, chroma) = bytes.split_at(width * height);
                let both = luma.iter().zip(chroma).flat_map(|(y, chroma)| [*y, *chroma]);
                (PixelFormat::Yuyv, size, both.collect())
            }
            F::Rgb => (PixelFormat::Rgb8, size, packed(raw, &[[width * 3, height]])?),
            F::Bgr => {
                let mut bytes = packed(raw, &[[width * 3, height]])?.into_owned();
                bytes.as_chunks_mut().0.iter_mut().for_each(|[b, _, r]| std::mem::swap(b, r));
                (PixelFormat::Rgb8, size, Cow::Owned(bytes))
            }
            F::Rgb565 => {
                let bytes = packed(raw, &[[width * 2, height]])?;
                let rgb = bytes.as_chunks().0.iter().flat_map(|pair| {
                    let bits = u16::from_le_bytes(*pair);
                    // The upper bits again as the lower ones, so that white is 255.
                    let [r, g, b] = [bits >> 11 << 3, bits >> 5 << 2, bits << 3].map(|part| part as u8);
                    [r | r >> 5, g | g >> 6, b | b >> 5]
                });
                (PixelFormat::Rgb8, size, rgb.collect())
            }
            F::Grey => {
                let bytes = packed(raw, &[[width, height]])?;
                (PixelFormat::Rgb8, size, bytes.iter().flat_map(|level| [*level; 3]).collect())
            }
            F::Y16 => {
                let bytes = packed(raw, &[[width * 2, height]])?;
                let levels = bytes.as_chunks().0.iter().map(|pair| u16::from_le_bytes(*pair));
                let most = levels.clone().max().unwrap_or(0);
                self.depth = self.depth.max(16 - most.leading_zeros()).max(8);
                let shift = self.depth - 8;
                (PixelFormat::Rgb8, size, levels.flat_map(|level| [(level >> shift) as u8; 3]).collect())
            }
            F::Mjpeg => return Err("it is no picture".into()),
        })
    }
}

/// Rows of planes (bytes a row, rows) without what the driver has put behind them. Planes but the first have rows in proportion.
fn packed<'a>(raw: &Raw<'a>, planes: &[[usize; 2]]) -> Result<Cow<'a, [u8]>, String> {
    let first = planes[0][0];
    let stride = raw.stride.max(first);
    let pitches = planes.iter().map(|[row, _]| row * stride / first);
    let needed: usize = pitches.clone().zip(planes).map(|(pitch, [_, rows])| pitch * rows).sum();
    // The padding of the last row may be left out.
    let last = planes[planes.len() - 1][0];
    let least = needed - (last * stride / first - last);
    if raw.bytes.len() < least {
        return Err(format!(
            "a {}×{} {} picture has {least} bytes, but {} came",
            raw.width,
            raw.height,
            raw.format.name(),
            raw.bytes.len()
        ));
    }
    if stride == first {
        return Ok(Cow::Borrowed(&raw.bytes[..needed]));
    }
    let (mut packed, mut at) = (vec![], 0);
    for (pitch, [row, rows]) in pitches.zip(planes) {
        for _ in 0..*rows {
            packed.extend_from_slice(&raw.bytes[at..at + row]);
            at += pitch;
        }
    }
    Ok(Cow::Owned(packed))
}

/// Each four bytes in another order.
fn reordered(bytes: Cow<'_, [u8]>, order: [usize; 4]) -> Cow<'_, [u8]> {
    let mut bytes = bytes.into_owned();
    bytes.as_chunks_mut::<4>().0.iter_mut().for_each(|four| *four = order.map(|from| four[from]));
    Cow::Owned(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIDES: [usize; 2] = [4, 2];

    /// Luma of eight pixels; Cb and Cr of two pairs in each of two rows.
    const Y: [[u8; 4]; 2] = [[10, 20, 30, 40], [50, 60, 70, 80]];
    const CB: [[u8; 2]; 2] = [[1, 2], [3, 4]];
    const CR: [[u8; 2]; 2] = [[101, 102], [103, 104]];

    /// Rows of planes, each with `padding` bytes behind it (in proportion to the first one's length).
    fn laid_out(planes: &[Vec<Vec<u8>>], padding: usize) -> (Vec<u8>, usize) {
        let first = planes[0][0].len();
        let mut bytes = vec![];
        for row in planes.iter().flatten() {
            bytes.extend(row);
            bytes.resize(bytes.len() + padding * row.len() / first, 0xEE);
        }
        (bytes, first + padding)
    }

    fn unpacked(format: CameraFormat, planes: &[Vec<Vec<u8>>]) -> (PixelFormat, Vec<u8>) {
        let [width, height] = SIDES;
        let [tight, padded] = [0, planes[0][0].len()].map(|padding| {
            let (bytes, stride) = laid_out(planes, padding);
            let raw = Raw { format, width, height, stride, bytes: &bytes };
            let (kind, size, unpacked) = Unpacker::default().unpack(&raw).unwrap();
            assert_eq!((size, unpacked.len()), ((4, 2), kind.byte_len(4, 2)), "{format:?}");
            // Less than a picture is none.
            let short = Raw { bytes: &bytes[..bytes.len() - stride + 3], ..raw };
            assert!(Unpacker::default().unpack(&short).unwrap_err().contains("bytes, but"), "{format:?}");
            (kind, unpacked.into_owned())
        });
        assert_eq!(tight, padded, "{format:?}");
        tight
    }

    fn rows<const N: usize>(rows: [[u8; N]; 2]) -> Vec<Vec<u8>> {
        rows.map(|row| row.to_vec()).into()
    }

    /// Pairs of pixels, each put in order.
    fn pairs(order: impl Fn(u8, u8, u8, u8) -> [u8; 4]) -> Vec<Vec<Vec<u8>>> {
        let pair =
            |row: usize, at: usize| order(Y[row][2 * at], CB[row][at], Y[row][2 * at + 1], CR[row][at]);
        vec![(0..2).map(|row| [pair(row, 0), pair(row, 1)].concat()).collect()]
    }

    #[test]
    fn every_order_of_4_2_2_is_the_same_picture() {
        let expected = pairs(|y, u, z, v| [y, u, z, v])[0].concat();
        let semi_planar = vec![
            rows(Y),
            (0..2).map(|row| [CB[row][0], CR[row][0], CB[row][1], CR[row][1]].to_vec()).collect(),
        ];
        for (format, planes) in [
            (CameraFormat::Yuyv, pairs(|y, u, z, v| [y, u, z, v])),
            (CameraFormat::Uyvy, pairs(|y, u, z, v| [u, y, v, z])),
            (CameraFormat::Yvyu, pairs(|y, u, z, v| [y, v, z, u])),
            (CameraFormat::Nv16, semi_planar),
        ] {
            assert_eq!(unpacked(format, &planes), (PixelFormat::Yuyv, expected.clone()), "{format:?}");
        }
    }

    #[test]
    fn every_order_of_4_2_0_is_the_same_picture() {
        let ([u, v], row) = ([CB[0], CR[0]], |bytes: &[u8]| vec![bytes.to_vec()]);
        let expected = [Y.concat(), vec![u[0], v[0], u[1], v[1]]].concat();
        for (format, planes) in [
            (CameraFormat::Nv12, vec![rows(Y), row(&[u[0], v[0], u[1], v[1]])]),
            (CameraFormat::Nv21, vec![rows(Y), row(&[v[0], u[0], v[1], u[1]])]),
            (CameraFormat::Yu12, vec![rows(Y), row(&u), row(&v)]),
            (CameraFormat::Yv12, vec![rows(Y), row(&v), row(&u)]),
        ] {
            assert_eq!(unpacked(format, &planes), (PixelFormat::Nv12, expected.clone()), "{format:?}");
        }
    }

    #[test]
    fn colours_and_greys_become_rgb() {
        let rgb: [[u8; 12]; 2] = std::array::from_fn(|row| std::array::from_fn(|at| (row * 12 + at) as u8));
        let bgr: [[u8; 12]; 2] = rgb.map(|row| std::array::from_fn(|at| row[at / 3 * 3 + 2 - at % 3]));
        assert_eq!(unpacked(CameraFormat::Rgb, &[rows(rgb)]), (PixelFormat::Rgb8, rgb.concat()));
        assert_eq!(unpacked(CameraFormat::Bgr, &[rows(bgr)]), (PixelFormat::Rgb8, rgb.concat()));
        let bits: Vec<u8> =
            [0x0000_u16, 0xFFFF, 0xF800, 0x07E0].iter().flat_map(|bits| bits.to_le_bytes()).collect();
        let (_, found) = unpacked(CameraFormat::Rgb565, &[vec![bits.clone(), bits]]);
        assert_eq!(found[..12], [0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 255, 0]);
        let (_, found) = unpacked(CameraFormat::Grey, &[rows(Y)]);
        assert_eq!(found[..6], [10, 10, 10, 20, 20, 20]);
    }

    #[test]
    fn grey_of_few_bits_in_sixteen_is_not_black_and_keeps_its_scale() {
        let mut unpacker = Unpacker::default();
        let mut first_level = |levels: [u16; 2]| {
            let bytes: Vec<u8> = levels.iter().flat_map(|level| level.to_le_bytes()).collect();
            let raw = Raw { format: CameraFormat::Y16, width: 2, height: 1, stride: 0, bytes: &bytes };
            unpacker.unpack(&raw).unwrap().2[0]
        };
        assert_eq!(first_level([512, 1023]), 128);
        // A darker picture is darker.
        assert_eq!(first_level([512, 600]), 128);
        assert_eq!(first_level([0x8000, 0xFFFF]), 128);
        assert_eq!(first_level([512, 1023]), 2);
    }

    #[test]
    fn sizes_that_a_format_cannot_have_are_refused() {
        let raw = Raw { format: CameraFormat::Yu12, width: 3, height: 2, stride: 0, bytes: &[0; 99] };
        assert!(Unpacker::default().unpack(&raw).unwrap_err().contains("no size of YU12"));
        let raw = Raw { format: CameraFormat::Grey, width: 0, ..raw };
        assert!(Unpacker::default().unpack(&raw).is_err());
    }
}
