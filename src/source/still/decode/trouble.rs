//! Why a picture cannot be decoded, in the user's words: decoders speak of their own inner things.

use std::error::Error;
use std::io;
use std::path::Path;

use image::ImageError;
use image::error::ImageFormatHint::{Exact, PathExtension, Unknown};
use image::error::UnsupportedErrorKind;

use super::raster::{MAX_ALLOC_BYTES, MAX_SIDE_PX};

/// Why there is no picture.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The end is missing.
    CutOff,
    /// What is there contradicts itself.
    Damaged,
    /// More pixels, or bytes, than are read.
    TooLarge,
    /// Not a picture at all.
    NoPicture,
    /// A picture of a kind that is not read, with its article; whatever makes another one of it reads FILE.
    Kind { what: String, advice: &'static str },
    /// Its values have no range that anybody knows: its lowest and highest one.
    Levels { low: String, high: String },
    /// The system would not let it be read.
    Unreadable(io::Error),
}

/// What makes a PNG of nearly anything.
pub(super) const CONVERT: &str = "`convert FILE out.png` makes a PNG of it";

impl Trouble {
    /// A kind that ImageMagick reads.
    pub fn kind(what: impl Into<String>) -> Self {
        Self::Kind { what: what.into(), advice: CONVERT }
    }

    /// What is said of a file.
    pub fn sentence(&self, path: &Path) -> String {
        let with_name = |advice: &str| advice.replace("FILE", &path.to_string_lossy());
        match self {
            Self::CutOff => {
                "the picture is cut off: its end is missing in the file; copy or download it anew".into()
            }
            Self::Damaged => "the picture is damaged: copy or download it anew".into(),
            Self::TooLarge => with_name(&format!(
                "is too large: at most {MAX_SIDE_PX}×{MAX_SIDE_PX} pixels and {} GiB when decoded are read; \
                 `convert FILE -resize 25% out.png` makes it smaller",
                MAX_ALLOC_BYTES >> 30
            )),
            Self::NoPicture => {
                "not a picture that can be read: its content is neither a picture's (PNG, JPEG, GIF, BMP, WebP, TIFF \
                 and PNM are read) nor a video's, whatever its name says"
                    .into()
            }
            Self::Kind { what, advice } => format!("{what}, which is not read: {}", with_name(advice)),
            Self::Levels { low, high } => format!(
                "its values go from {low} to {high}, and which of them are black and white is not known: `--levels auto` \
                 takes these two, `--levels LOW..HIGH` others"
            ),
            Self::Unreadable(error) => format!("cannot be read: {error}"),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::CutOff,
            // The system's own have a number; others are decoders'.
            _ if error.raw_os_error().is_some() => Self::Unreadable(error),
            _ => Self::Damaged,
        }
    }
}

impl From<ImageError> for Trouble {
    fn from(error: ImageError) -> Self {
        match error {
            ImageError::Limits(_) => Self::TooLarge,
            ImageError::IoError(error) => error.into(),
            ImageError::Unsupported(error) => match error.kind() {
                UnsupportedErrorKind::Format(Unknown | PathExtension(_)) => Self::NoPicture,
                UnsupportedErrorKind::Format(Exact(format)) => {
                    let name = format.extensions_str().first().copied().unwrap_or_default().to_uppercase();
                    Self::kind(format!("a picture in the format {name}"))
                }
                _ => Self::kind("a picture of a rare kind"),
            },
            other if ends_early(&other) => Self::CutOff,
            _ => Self::Damaged,
        }
    }
}

/// True where the error, or what caused it, is that the file ended.
fn ends_early(error: &(dyn Error + 'static)) -> bool {
    let is_end = |error: &(dyn Error + 'static)| {
        let of_system = error
            .downcast_ref()
            .is_some_and(|error: &io::Error| error.kind() == io::ErrorKind::UnexpectedEof);
        of_system || error.to_string().to_lowercase().contains("unexpected end")
    };
    std::iter::successors(Some(error), |error| (*error).source()).any(is_end)
}
