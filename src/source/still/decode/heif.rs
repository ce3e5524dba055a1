//! HEIC: pictures of telephones, coded as HEVC in a HEIF container, often in tiles.

use heifer::{Error, Options, heifer_hevc_dec as hevc, heifer_isobmff as container};
use image::metadata::Orientation;

use super::raster::{Decoded, MAX_ALLOC_BYTES, Raster, Samples};
use super::trouble::Trouble;

/// What remains where the library gives up.
const HEIF_CONVERT: &str = "`heif-convert FILE out.png` makes a PNG of it";

/// Decodes the picture that a whole file calls its main one. The container's own turning and cutting are applied; EXIF's
/// orientation says the same once more and does not count.
pub(super) fn decode(bytes: &[u8]) -> Result<Decoded, Trouble> {
    // Samples of 16 bits, four a pixel.
    let options = Options { max_pixels: MAX_ALLOC_BYTES / 8, ..Options::default() };
    let image = heifer::decode_with_options(bytes, &options).map_err(trouble)?;
    let (width, height) = (image.width, image.height);
    let (channels, samples) = match image.has_alpha {
        true => (4, image.to_rgba8()),
        false => (3, image.to_rgb8()),
    };
    let raster = Raster::new(width, height, channels, Samples::U8(samples));
    Ok(Decoded { raster, orientation: Orientation::NoTransforms, note: None })
}

fn trouble(error: Error) -> Trouble {
    let kind = |what: &str| Trouble::Kind { what: what.into(), advice: HEIF_CONVERT };
    match error {
        Error::Container(container::Error::UnexpectedEof) | Error::Hevc(hevc::Error::UnexpectedEof) => {
            Trouble::CutOff
        }
        Error::Unsupported(_)
        | Error::Container(container::Error::Unimplemented(_))
        | Error::Hevc(hevc::Error::Unimplemented(_)) => kind("a HEIC picture of a rare kind"),
        _ => Trouble::Damaged,
    }
}
