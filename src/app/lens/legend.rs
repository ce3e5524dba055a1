//! What a lens says of its colours and numbers, as data: the window's left panel and figures draw the same.

use std::sync::Arc;

use crate::view::{ColorRange, Colormap, FLAT_COLOR, colormap_table, number};

/// One part of a legend, from top to bottom.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// What this part is about, and the word of the glossary that explains it (or none).
    Heading(String, &'static str),
    /// What is to be seen first.
    Main(String, &'static str),
    /// What explains.
    Quiet(String, &'static str),
    /// Buttons that choose how values become colours.
    Choices,
    /// Colours with the values of their ends.
    Strip(Strip),
    /// Colours whose ends the next line tells.
    Bar(Box<[[u8; 3]; 256]>),
    /// A colour that means something else than a value, perhaps hatched in another, and what it means.
    Sample {
        /// The colour.
        color: [u8; 3],
        /// Of the lines over it.
        hatch: Option<[u8; 3]>,
        /// What it means.
        text: String,
    },
    /// Values as a curve over their index, in parts that are each named and so long.
    Curve(Arc<[f32]>, Vec<(String, usize)>),
}

/// The colours over their values.
#[derive(Clone, Debug, PartialEq)]
pub struct Strip {
    /// From the low to the high end.
    pub table: Box<[[u8; 3]; 256]>,
    /// The value of the first colour.
    pub low: f32,
    /// The value of the last colour.
    pub high: f32,
    /// The ends, low and high, beyond which there are values.
    pub beyond: [bool; 2],
}

impl Strip {
    /// Of a range of these colours. Without a range there are no colours in between.
    pub fn new(range: &ColorRange, colormap: Colormap, beyond: [bool; 2]) -> Self {
        let has_colors = !range.is_flat || range.has_spread();
        let table = if has_colors { range.ramp(&colormap_table(colormap)) } else { [FLAT_COLOR; 256] };
        Self { table: Box::new(table), low: range.low, high: range.high, beyond }
    }

    /// The ends as numbers.
    pub fn ends(&self) -> [String; 2] {
        [self.low, self.high].map(number)
    }
}

impl Line {
    /// A small bar of the colours of a range.
    pub fn bar(range: &ColorRange, colormap: Colormap) -> Self {
        Self::Bar(Box::new(range.ramp(&colormap_table(colormap))))
    }

    /// Words that explain.
    pub fn quiet(text: impl Into<String>) -> Self {
        Self::Quiet(text.into(), "")
    }
}
