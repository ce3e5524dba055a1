//! What lies over a figure's raster, and how it is written as SVG elements.

use std::fmt::Write as _;

use super::font::{escape, text_width};

/// Which end of a text stands at its position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anchor {
    /// It begins there.
    #[default]
    Start,
    /// Its middle.
    Middle,
    /// It ends there.
    End,
}

/// How a line of text looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TextStyle {
    /// Size in pixels; a capital is about 0.7 of it high.
    pub size: f32,
    /// Which end stands at the position.
    pub anchor: Anchor,
    /// Red, green, blue.
    pub colour: [u8; 3],
    /// True: reads from bottom to top.
    pub rotated: bool,
}

impl TextStyle {
    /// Begins at its position, reads from left to right.
    pub fn new(size: f32, colour: [u8; 3]) -> Self {
        Self { size, anchor: Anchor::Start, colour, rotated: false }
    }

    /// The same with another anchor.
    pub fn anchored(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }

    /// The same, read from bottom to top.
    pub fn upwards(self) -> Self {
        Self { rotated: true, ..self }
    }
}

/// Width of the line around letters, of their size: a light typeface on a dark ground looks thinner than it is.
const OUTLINE: f32 = 0.025;

/// One element. Coordinates are pixels from the figure's corner and finite.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    /// Position of the anchor on the baseline.
    Text { at: [f32; 2], text: String, style: TextStyle },
    /// A line through points.
    Line { points: Vec<[f32; 2]>, width: f32, colour: [u8; 3] },
    /// Polygons filled as one, so that edges they share show no seam.
    Area { rings: Vec<Vec<[f32; 2]>>, colour: [u8; 3] },
    /// A disc.
    Dot { at: [f32; 2], radius: f32, colour: [u8; 3] },
}

impl Mark {
    /// Appends the element. `fixed`: text is given its width, for viewers with another typeface.
    pub(super) fn write(&self, svg: &mut String, fixed: bool) {
        // Writing into a string cannot fail.
        let _ = match self {
            Self::Text { at: [x, y], text, style } => {
                let anchor = match style.anchor {
                    Anchor::Start => "start",
                    Anchor::Middle => "middle",
                    Anchor::End => "end",
                };
                let [r, g, b] = style.colour;
                let _ = write!(
                    svg,
                    "<text x=\"{x:.2}\" y=\"{y:.2}\" font-size=\"{:.2}\" \
                     text-anchor=\"{anchor}\" fill=\"#{r:02x}{g:02x}{b:02x}\" \
                     stroke=\"#{r:02x}{g:02x}{b:02x}\" stroke-width=\"{:.2}\"",
                    style.size,
                    style.size * OUTLINE
                );
                if style.rotated {
                    let _ = write!(svg, " transform=\"rotate(-90 {x:.2} {y:.2})\"");
                }
                if fixed {
                    let width = text_width(text, style.size);
                    let _ = write!(svg, " textLength=\"{width:.2}\" lengthAdjust=\"spacingAndGlyphs\"");
                }
                writeln!(svg, ">{}</text>", escape(text))
            }
            Self::Line { points, width, colour: [r, g, b] } => {
                svg.push_str("<polyline fill=\"none\" points=\"");
                for [x, y] in points {
                    let _ = write!(svg, "{x:.2},{y:.2} ");
                }
                writeln!(
                    svg,
                    "\" stroke=\"#{r:02x}{g:02x}{b:02x}\" stroke-width=\"{width:.2}\" stroke-linejoin=\"round\"/>"
                )
            }
            Self::Area { rings, colour: [r, g, b] } => {
                svg.push_str("<path d=\"");
                for ring in rings {
                    for (position, [x, y]) in ring.iter().enumerate() {
                        let _ = write!(svg, "{}{x:.2} {y:.2}", if position == 0 { 'M' } else { 'L' });
                    }
                    svg.push('Z');
                }
                writeln!(svg, "\" fill=\"#{r:02x}{g:02x}{b:02x}\"/>")
            }
            Self::Dot { at: [x, y], radius, colour: [r, g, b] } => writeln!(
                svg,
                "<circle cx=\"{x:.2}\" cy=\"{y:.2}\" r=\"{radius:.2}\" fill=\"#{r:02x}{g:02x}{b:02x}\"/>"
            ),
        };
    }

    /// Left, top, right and bottom of a text with the height of its letters.
    #[cfg(test)]
    pub(super) fn text_box(&self) -> Option<(&str, [f32; 4])> {
        let Self::Text { at: [x, y], text, style } = self else { return None };
        let width = text_width(text, style.size);
        let before = match style.anchor {
            Anchor::Start => 0.0,
            Anchor::Middle => width / 2.0,
            Anchor::End => width,
        };
        let (above, below) = (style.size * 0.75, style.size * 0.2);
        let edges = match style.rotated {
            false => [x - before, y - above, x - before + width, y + below],
            true => [x - above, y + before - width, x + below, y + before],
        };
        Some((text, edges))
    }
}
