//! A picture while it is made. Pure, any thread.

use super::color::Rgb;
use super::geometry::Point;

/// A square picture while it is made: rows of red, green and blue from 0 to 1.
#[derive(Clone, Debug)]
pub struct Raster {
    /// Pixels on a side.
    pub size: usize,
    /// `size × size` colours.
    pub pixels: Vec<Rgb>,
}

impl Raster {
    /// All one colour.
    pub fn new(size: usize, color: Rgb) -> Self {
        Self { size, pixels: vec![color; size * size] }
    }

    /// Changes each pixel whose middle lies in a box; `shade` gets the middle and the colour there.
    pub fn shade(&mut self, low: Point, high: Point, shade: impl Fn(f32, f32, Rgb) -> Rgb) {
        let limit = |value: f32| (value.max(0.0) as usize).min(self.size);
        let (x0, x1, y0, y1) = (limit(low[0]), limit(high[0] + 1.0), limit(low[1]), limit(high[1] + 1.0));
        for y in y0..y1 {
            for x in x0..x1 {
                let pixel = &mut self.pixels[y * self.size + x];
                *pixel = shade(x as f32 + 0.5, y as f32 + 0.5, *pixel);
            }
        }
    }

    /// Changes all pixels.
    pub fn shade_all(&mut self, shade: impl Fn(f32, f32, Rgb) -> Rgb) {
        let side = self.size as f32;
        self.shade([0.0; 2], [side; 2], shade);
    }
}
