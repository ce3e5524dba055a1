//! What a scene is furnished with.

use super::backdrop::Photo;
use super::glyphs::Fonts;

/// What pictures are made with beside code.
#[derive(Clone, Debug)]
pub struct Props<'a> {
    /// Backgrounds, and pictures of nothing in particular. With none, all backgrounds are drawn.
    pub photos: Vec<Photo>,
    /// Typefaces of printed letters.
    pub fonts: &'a Fonts,
}
