//! What the test card is drawn with: a picture, rounded panels, a small bitmap font, and periodic functions.
//!
//! Pure, any thread. Here only additions, multiplications, divisions and square roots are used (each exactly
//! rounded by IEEE 754), never the platform's sine or arc tangent, so that a frame has the same bytes on
//! every machine.

/// Red, green and blue, each from 0 to 1, as the sRGB byte divided by 255. Values outside are clipped.
pub(super) type Rgb = [f32; 3];

/// The background of the card, in the gaps between panels.
pub(super) const BACKGROUND: Rgb = grey(0.085);

/// Radius of the corners of a panel, in pixels.
const CORNER_PX: f32 = 5.0;

/// The same value in all three colours.
pub(super) const fn grey(value: f32) -> Rgb {
    [value; 3]
}

/// A part of the card, in pixels from its top left corner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rect {
    pub x: usize,
    pub y: usize,
    pub width: usize,
    pub height: usize,
}

/// The picture being drawn: rows of `width` pixels of 3 bytes.
pub(super) struct Canvas {
    width: usize,
    rgb: Vec<u8>,
}

impl Canvas {
    /// All background.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, rgb: bytes_of(BACKGROUND).repeat(width * height) }
    }

    /// The bytes of the picture.
    pub fn into_bytes(self) -> Vec<u8> {
        self.rgb
    }

    /// Fills a panel with round corners. `shade` gets the middle of each pixel, counted in pixels from the
    /// panel's middle.
    pub fn panel(&mut self, rect: Rect, shade: impl Fn(f32, f32) -> Rgb) {
        let (middle_x, middle_y) = (rect.width as f32 * 0.5, rect.height as f32 * 0.5);
        self.fill(rect, |column, row| {
            let x = column as f32 + 0.5 - middle_x;
            let y = row as f32 + 0.5 - middle_y;
            let color = shade(x, y);
            // How far the pixel lies past the centre of the corner's circle, on each axis.
            let past_x = x.abs() - (middle_x - CORNER_PX);
            let past_y = y.abs() - (middle_y - CORNER_PX);
            if past_x <= 0.0 || past_y <= 0.0 {
                return color;
            }
            let outside = (past_x * past_x + past_y * past_y).sqrt() - CORNER_PX;
            mix(BACKGROUND, color, coverage(outside))
        });
    }

    /// Fills a panel with a picture of its size.
    pub fn picture(&mut self, rect: Rect, rgb: &[u8]) {
        let (middle_x, middle_y) = (rect.width as f32 * 0.5, rect.height as f32 * 0.5);
        self.panel(rect, |x, y| {
            let at = ((y + middle_y) as usize * rect.width + (x + middle_x) as usize) * 3;
            [0, 1, 2].map(|i| rgb.get(at + i).map_or(0.0, |byte| f32::from(*byte) / 255.0))
        });
    }

    /// Fills a rectangle; `shade` gets column and row of each pixel inside it.
    pub fn fill(&mut self, rect: Rect, shade: impl Fn(usize, usize) -> Rgb) {
        let rows = self.rgb.chunks_exact_mut(self.width * 3).skip(rect.y).take(rect.height);
        for (row, line) in rows.enumerate() {
            let pixels = line.chunks_exact_mut(3).skip(rect.x).take(rect.width);
            for (column, pixel) in pixels.enumerate() {
                pixel.copy_from_slice(&bytes_of(shade(column, row)));
            }
        }
    }

    /// Writes text with its top left corner at (`x`, `y`), glyphs of 5×7 dots, `scale` pixels a dot.
    /// Characters the font lacks are left blank.
    pub fn text(&mut self, (x, y): (usize, usize), scale: usize, color: Rgb, text: &str) {
        for (position, character) in text.chars().enumerate() {
            let glyph = glyph(character);
            let left = x + position * GLYPH_ADVANCE * scale;
            for (row, bits) in glyph.iter().enumerate() {
                for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                    let dot =
                        Rect { x: left + column * scale, y: y + row * scale, width: scale, height: scale };
                    self.fill(dot, |_, _| color);
                }
            }
        }
    }
}

/// From the left edge of one glyph to the left edge of the next, in dots.
pub(super) const GLYPH_ADVANCE: usize = 6;

/// The 7 rows of a glyph, the leftmost dot in bit 4. Only the characters that the card's titles use.
fn glyph(character: char) -> [u8; 7] {
    match character {
        'a' => [0x00, 0x00, 0x0e, 0x01, 0x0f, 0x11, 0x0f],
        'c' => [0x00, 0x00, 0x0e, 0x11, 0x10, 0x11, 0x0e],
        'd' => [0x01, 0x01, 0x0d, 0x13, 0x11, 0x11, 0x0f],
        'e' => [0x00, 0x00, 0x0e, 0x11, 0x1f, 0x10, 0x0e],
        'f' => [0x06, 0x09, 0x08, 0x1c, 0x08, 0x08, 0x08],
        'm' => [0x00, 0x00, 0x1a, 0x15, 0x15, 0x15, 0x15],
        'n' => [0x00, 0x00, 0x16, 0x19, 0x11, 0x11, 0x11],
        'o' => [0x00, 0x00, 0x0e, 0x11, 0x11, 0x11, 0x0e],
        'p' => [0x00, 0x00, 0x1e, 0x11, 0x1e, 0x10, 0x10],
        'r' => [0x00, 0x00, 0x16, 0x19, 0x10, 0x10, 0x10],
        's' => [0x00, 0x00, 0x0f, 0x10, 0x0e, 0x01, 0x1e],
        't' => [0x08, 0x08, 0x1c, 0x08, 0x08, 0x09, 0x06],
        'v' => [0x00, 0x00, 0x11, 0x11, 0x11, 0x0a, 0x04],
        'b' => [0x10, 0x10, 0x16, 0x19, 0x11, 0x11, 0x1e],
        'g' => [0x00, 0x0f, 0x11, 0x11, 0x0f, 0x01, 0x0e],
        'h' => [0x10, 0x10, 0x16, 0x19, 0x11, 0x11, 0x11],
        'i' => [0x04, 0x00, 0x0c, 0x04, 0x04, 0x04, 0x0e],
        'j' => [0x02, 0x00, 0x06, 0x02, 0x02, 0x12, 0x0c],
        'k' => [0x10, 0x10, 0x12, 0x14, 0x18, 0x14, 0x12],
        'l' => [0x0c, 0x04, 0x04, 0x04, 0x04, 0x04, 0x0e],
        'q' => [0x00, 0x00, 0x0d, 0x13, 0x0f, 0x01, 0x01],
        'u' => [0x00, 0x00, 0x11, 0x11, 0x11, 0x13, 0x0d],
        'w' => [0x00, 0x00, 0x11, 0x11, 0x15, 0x15, 0x0a],
        'x' => [0x00, 0x00, 0x11, 0x0a, 0x04, 0x0a, 0x11],
        'y' => [0x00, 0x00, 0x11, 0x11, 0x0f, 0x01, 0x0e],
        'z' => [0x00, 0x00, 0x1f, 0x02, 0x04, 0x08, 0x1f],
        'A' => [0x0e, 0x11, 0x11, 0x1f, 0x11, 0x11, 0x11],
        'E' => [0x1f, 0x10, 0x10, 0x1e, 0x10, 0x10, 0x1f],
        'K' => [0x11, 0x12, 0x14, 0x18, 0x14, 0x12, 0x11],
        'R' => [0x1e, 0x11, 0x11, 0x1e, 0x14, 0x12, 0x11],
        ':' => [0x00, 0x0c, 0x0c, 0x00, 0x0c, 0x0c, 0x00],
        '0' => [0x0e, 0x11, 0x13, 0x15, 0x19, 0x11, 0x0e],
        '1' => [0x04, 0x0c, 0x04, 0x04, 0x04, 0x04, 0x0e],
        '2' => [0x0e, 0x11, 0x01, 0x06, 0x08, 0x10, 0x1f],
        '3' => [0x1f, 0x02, 0x04, 0x02, 0x01, 0x11, 0x0e],
        '4' => [0x02, 0x06, 0x0a, 0x12, 0x1f, 0x02, 0x02],
        '5' => [0x1f, 0x10, 0x1e, 0x01, 0x01, 0x11, 0x0e],
        '6' => [0x06, 0x08, 0x10, 0x1e, 0x11, 0x11, 0x0e],
        '7' => [0x1f, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
        '8' => [0x0e, 0x11, 0x11, 0x0e, 0x11, 0x11, 0x0e],
        '9' => [0x0e, 0x11, 0x11, 0x0f, 0x01, 0x02, 0x0c],
        _ => [0; 7],
    }
}

/// True where the font has a character.
#[cfg(test)]
pub(super) fn has_glyph(character: char) -> bool {
    glyph(character) != [0; 7]
}

fn bytes_of(color: Rgb) -> [u8; 3] {
    // `as u8` clips.
    color.map(|value| (value * 255.0 + 0.5) as u8)
}

/// `from` at `amount` 0, `to` at 1.
pub(super) fn mix(from: Rgb, to: Rgb, amount: f32) -> Rgb {
    [0, 1, 2].map(|i| from[i] + (to[i] - from[i]) * amount)
}

/// How much of a pixel a shape covers whose edge is `outside_px` away (negative: the pixel is inside).
pub(super) fn coverage(outside_px: f32) -> f32 {
    (0.5 - outside_px).clamp(0.0, 1.0)
}

/// The next whole number below. `f32::floor` is a call into libm on plain x86-64, and slow.
pub(super) fn floor(value: f32) -> i32 {
    let truncated = value as i32;
    truncated - i32::from(value < truncated as f32)
}

/// The part behind the point, also for negative values: 0 ≤ result ≤ 1 (1 only by rounding).
pub(super) fn fraction(value: f32) -> f32 {
    value - floor(value) as f32
}

/// A sine of period 1, within 0.0011 of it.
pub(super) fn wave(turns: f32) -> f32 {
    let x = fraction(turns) * 2.0 - 1.0;
    let parabola = -4.0 * x * (1.0 - x.abs());
    0.225 * (parabola * parabola.abs() - parabola) + parabola
}

/// Direction of (x, y) in turns, 0 ≤ result < 1 from the x axis towards the y axis; 0 at the origin.
pub(super) fn turns_of(x: f32, y: f32) -> f32 {
    let (short, long) = if x.abs() < y.abs() { (x.abs(), y.abs()) } else { (y.abs(), x.abs()) };
    if long == 0.0 {
        return 0.0;
    }
    let z = short / long;
    let square = z * z;
    // Minimax polynomial of atan(z) / 2π for 0 ≤ z ≤ 1, within 2e-6 turns.
    let eighth = z
        * (0.159_133_6
            + square
                * (-0.052_568_8 + square * (0.028_670_3 + square * (-0.013_549_3 + square * 0.003_316))));
    let quarter = if x.abs() < y.abs() { 0.25 - eighth } else { eighth };
    let half = if x < 0.0 { 0.5 - quarter } else { quarter };
    if y < 0.0 { fraction(1.0 - half) } else { half }
}

/// A fully saturated colour by its hue in turns: 0 red, 1/3 green, 2/3 blue.
pub(super) fn hue(turns: f32) -> Rgb {
    let sextant = fraction(turns) * 6.0;
    [(sextant - 3.0).abs() - 1.0, 2.0 - (sextant - 2.0).abs(), 2.0 - (sextant - 4.0).abs()]
        .map(|value| value.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    #[test]
    fn own_functions_are_close_to_the_real_ones() {
        for step in -500..500 {
            let turns = step as f32 / 173.0;
            assert!((wave(turns) - (turns * TAU).sin()).abs() < 0.0012, "sine of {turns} turns");
            assert_eq!(floor(turns), turns.floor() as i32);
            let (y, x) = (turns * TAU).sin_cos();
            let back = fraction(turns_of(x, y) - turns + 0.5) - 0.5;
            assert!(back.abs() < 1e-5, "direction of {turns} turns");
        }
        assert_eq!(turns_of(0.0, 0.0), 0.0);
    }

    #[test]
    fn hues_are_where_they_belong() {
        assert_eq!(hue(0.0), [1.0, 0.0, 0.0]);
        assert_eq!(hue(1.0 / 6.0), [1.0, 1.0, 0.0]);
        assert_eq!(hue(0.5), [0.0, 1.0, 1.0]);
    }

    #[test]
    fn the_titles_have_all_their_glyphs() {
        for character in "convscope test card frame 0123456789".chars().filter(|c| *c != ' ') {
            assert_ne!(glyph(character), [0; 7], "{character}");
        }
    }
}
