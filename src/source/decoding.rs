//! What is made of a picture's file. Pure.

use super::levels::Levels;

/// What is made of a picture's file.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Decoding {
    /// Which of its values are black and white.
    pub levels: Levels,
    /// What Pillow's `Image.open(path).convert("RGB")` gives: colours as they are stored, also those that transparency hides, and
    /// only a TIFF turned upright. Otherwise what a viewer shows: upright (EXIF), and over white.
    pub is_stored: bool,
}
