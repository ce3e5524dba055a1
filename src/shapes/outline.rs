//! An object as lines and areas, before pen, paper and camera.
//!
//! Pure, any thread. Coordinates: the object lies within −1 to 1, x to the right, y down; patterns go on beyond.

use super::geometry::{Line, Point};

/// An object as a pen draws it and as scissors cut it.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// Closed polygons, to be filled (what lies in two of them by the winding rule).
    pub areas: Vec<Vec<Point>>,
    /// Areas on top in another colour (eyes on a face).
    pub details: Vec<Vec<Point>>,
    /// What a pen draws.
    pub lines: Vec<Line>,
    /// True where the lines alone are the object: filling makes no sense.
    pub lines_only: bool,
    /// Width of lines where they alone are the object, in units; 0 where any pen will do.
    pub line_width: f32,
}

/// One closed polygon, for pen and scissors.
pub fn whole(points: Vec<Point>) -> Outline {
    Outline {
        lines: vec![Line { points: points.clone(), closed: true }],
        areas: vec![points],
        ..Outline::default()
    }
}

/// Only a pen draws this.
pub fn drawn(lines: Vec<Line>, line_width: f32) -> Outline {
    Outline { lines, lines_only: true, line_width, ..Outline::default() }
}
