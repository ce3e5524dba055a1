//! Drawings of things that a person can hold up to a camera: the data set of the embedded network, and objects of the
//! test card.
//!
//! Pure but for reading photographs and fonts from files and [`dataset`], which writes; any thread. Everything depends
//! on seeds alone.

mod backdrop;
mod collage;
mod color;
pub mod dataset;
mod geometry;
mod glyphs;
mod ink;
mod outline;
mod panel;
mod random;
mod scene;
mod sensor;
mod sheet;
mod texture;

pub use backdrop::Photo;
pub use glyphs::Fonts;
pub use panel::panel;
pub use random::Random;

/// What the embedded network knows, in the order of its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Class {
    Nothing,
    Stripes,
    Checks,
    Dots,
    Rings,
    Circle,
    Triangle,
    Square,
    Pentagon,
    Star,
    Heart,
    Cross,
    Arrow,
    Spiral,
    Moon,
    Smiley,
    LetterA,
    LetterE,
    LetterK,
    LetterR,
    Digit2,
    Digit3,
    Digit4,
    Digit8,
    Wood,
    Bricks,
    Clouds,
}

impl Class {
    /// All classes, in the order of the network's outputs.
    pub const ALL: [Self; 27] = [
        Self::Nothing,
        Self::Stripes,
        Self::Checks,
        Self::Dots,
        Self::Rings,
        Self::Circle,
        Self::Triangle,
        Self::Square,
        Self::Pentagon,
        Self::Star,
        Self::Heart,
        Self::Cross,
        Self::Arrow,
        Self::Spiral,
        Self::Moon,
        Self::Smiley,
        Self::LetterA,
        Self::LetterE,
        Self::LetterK,
        Self::LetterR,
        Self::Digit2,
        Self::Digit3,
        Self::Digit4,
        Self::Digit8,
        Self::Wood,
        Self::Bricks,
        Self::Clouds,
    ];

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing in particular",
            Self::Stripes => "stripes",
            Self::Checks => "checks",
            Self::Dots => "dots",
            Self::Rings => "rings",
            Self::Circle => "a circle",
            Self::Triangle => "a triangle",
            Self::Square => "a square",
            Self::Pentagon => "a pentagon",
            Self::Star => "a star",
            Self::Heart => "a heart",
            Self::Cross => "a cross",
            Self::Arrow => "an arrow",
            Self::Spiral => "a spiral",
            Self::Moon => "a crescent moon",
            Self::Smiley => "a smiley",
            Self::LetterA => "the letter A",
            Self::LetterE => "the letter E",
            Self::LetterK => "the letter K",
            Self::LetterR => "the letter R",
            Self::Digit2 => "the digit 2",
            Self::Digit3 => "the digit 3",
            Self::Digit4 => "the digit 4",
            Self::Digit8 => "the digit 8",
            Self::Wood => "wood",
            Self::Bricks => "bricks",
            Self::Clouds => "clouds",
        }
    }

    /// Its number among the network's outputs.
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|class| *class == self).unwrap_or(0)
    }
}

/// What pictures are made with beside code.
#[derive(Clone, Debug)]
pub struct Props<'a> {
    /// Backgrounds, and pictures of nothing in particular. With none, all backgrounds are drawn.
    pub photos: Vec<Photo>,
    /// Typefaces of printed letters.
    pub fonts: &'a Fonts,
}

/// A picture of a class as a webcam sees it: `size × size` pixels of red, green and blue bytes, rows from top to bottom.
/// The same seed, size and props give the same picture.
pub fn draw(class: Class, seed: u64, size: usize, props: &Props<'_>) -> Vec<u8> {
    let mut random = Random::new(seed.wrapping_mul(31).wrapping_add(class.index() as u64));
    let is_clean = random.chance(0.12);
    let raster = scene::compose(class, is_clean, size, &mut random, props);
    if is_clean && random.chance(0.6) {
        return sensor::whole(&raster);
    }
    sensor::expose(raster, &mut random)
}
