//! Strips and tiles whose content the tiff crate does not unpack, or not to be relied on.

use super::super::jpeg;
use super::super::trouble::Trouble;
use super::directory::Directory;
use super::header::{Header, Unpacked};

/// A strip or tile.
struct Piece<'a> {
    bytes: &'a [u8],
    /// Its place in the picture.
    left: usize,
    top: usize,
    /// As it is coded; at the right and lower border more than belongs to the picture.
    width: usize,
    height: usize,
    /// The band it is of, where each has pieces of its own.
    band: usize,
}

fn pieces<'a>(bytes: &'a [u8], directory: &Directory, header: &Header) -> Result<Vec<Piece<'a>>, Trouble> {
    let number = |tag| directory.number(bytes, tag).map(|value| value as usize);
    let (tags, width, height) = match (number(322), number(323)) {
        (Some(width), Some(height)) => ((324, 325), width, height),
        _ => ((273, 279), header.width, number(278).unwrap_or(header.height).min(header.height)),
    };
    let list = |tag| directory.numbers(bytes, tag).ok_or(Trouble::CutOff);
    let (offsets, lengths) = (list(tags.0)?, list(tags.1)?);
    if width == 0 || height == 0 {
        return Err(Trouble::Damaged);
    }
    let (across, down) = (header.width.div_ceil(width), header.height.div_ceil(height));
    let bands = if header.is_planar { header.bands } else { 1 };
    if offsets.len() < across * down * bands || lengths.len() < offsets.len() {
        return Err(Trouble::Damaged);
    }
    let piece = |(index, (offset, length)): (usize, (u64, u64))| {
        let end = offset.checked_add(length).ok_or(Trouble::Damaged)?;
        let bytes = bytes
            .get(offset as usize..end as usize)
            .filter(|bytes| !bytes.is_empty())
            .ok_or(Trouble::CutOff)?;
        let (band, index) = (index / (across * down), index % (across * down));
        let (left, top) = (index % across * width, index / across * height);
        // The last strip is as high as what is left; tiles are whole.
        let height = if tags.0 == 273 { height.min(header.height - top) } else { height };
        Ok(Piece { bytes, left, top, width, height, band })
    };
    offsets.into_iter().zip(lengths).take(across * down * bands).enumerate().map(piece).collect()
}

/// Pictures inside the picture.
pub(super) fn jpeg(bytes: &[u8], directory: &Directory, header: &Header) -> Result<Unpacked, Trouble> {
    if header.bits != 8 {
        return Err(Trouble::kind("a TIFF with JPEG of 12 bits inside"));
    }
    let tables = directory.bytes(bytes, 347).unwrap_or_default();
    // Without the markers of begin and end.
    let tables = tables.get(2..tables.len().saturating_sub(2)).unwrap_or_default();
    let bands = if header.is_planar { 1 } else { header.bands };
    let mut samples = vec![0; header.width * header.height * header.bands];
    for piece in pieces(bytes, directory, header)? {
        let is_ycbcr = header.photometric == 6;
        let (size, pixels) = jpeg::decode_piece(tables, piece.bytes, bands, is_ycbcr)?;
        if size.0 < piece.width.min(header.width - piece.left)
            || size.1 < piece.height.min(header.height - piece.top)
        {
            return Err(Trouble::Damaged);
        }
        place(&mut samples, header, &piece, bands, size.0, &pixels);
    }
    Ok(Unpacked::Bytes(samples))
}

/// Faxes of group 3, each row by itself.
pub(super) fn fax(bytes: &[u8], directory: &Directory, header: &Header) -> Result<Unpacked, Trouble> {
    let options = directory.number(bytes, 292).unwrap_or(0);
    if options & 0b11 != 0 || header.bits != 1 || header.bands != 1 {
        return Err(Trouble::kind("a TIFF of a rare kind of fax (group 3, rows that depend on each other)"));
    }
    let width = u16::try_from(header.width).map_err(|_| Trouble::TooLarge)?;
    let is_reversed = directory.number(bytes, 266) == Some(2);
    let mut samples = vec![0; header.width * header.height];
    for piece in pieces(bytes, directory, header)? {
        let codes = piece.bytes.iter().map(|byte| if is_reversed { byte.reverse_bits() } else { *byte });
        // The decoder wants an end behind the last row too.
        let codes = codes.chain([0, 1]);
        let (mut rows, mut is_damaged) = (Vec::new(), false);
        let _ = fax::decoder::decode_g3(codes, |changes| {
            if rows.len() < piece.height * header.width && !changes.is_empty() {
                is_damaged |= changes.last() != Some(&width);
                let row = fax::decoder::pels(changes, width).take(header.width);
                rows.extend(row.map(|color| u8::from(matches!(color, fax::Color::Black))));
            }
        });
        match rows.len() {
            _ if is_damaged => return Err(Trouble::Damaged),
            length if length < piece.height * header.width => return Err(Trouble::CutOff),
            _ => {}
        }
        place(&mut samples, header, &piece, 1, header.width, &rows);
    }
    Ok(Unpacked::Bytes(samples))
}

/// Copies a piece of `bands` samples a pixel and `width` pixels a row to its place.
fn place(samples: &mut [u8], header: &Header, piece: &Piece, bands: usize, width: usize, pixels: &[u8]) {
    let used = piece.width.min(header.width - piece.left).min(width);
    let rows = samples.chunks_exact_mut(header.width * header.bands).skip(piece.top).take(piece.height);
    for (row, source) in rows.zip(pixels.chunks_exact(width * bands)) {
        let target = row[piece.left * header.bands..].chunks_exact_mut(header.bands);
        for (target, source) in target.zip(source.chunks_exact(bands)).take(used) {
            target[piece.band..piece.band + bands].copy_from_slice(source);
        }
    }
}
