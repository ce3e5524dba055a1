//! Values as pictures, one pixel a value: the colours of tiles.wgsl on the CPU.

use image::{Rgb, RgbImage};

use super::{ColorRange, Colormap, ERROR_COLOR, colormap_table};

/// A map of `width` columns, coloured.
pub fn paint(values: &[f32], width: usize, range: &ColorRange, colormap: Colormap) -> RgbImage {
    let table = colormap_table(colormap);
    let height = values.len() / width.max(1);
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        Rgb(range.color(values[y as usize * width + x as usize], &table))
    })
}

/// Three planes of values, red, green and blue, as a picture: `low` is black, `high` is full.
pub fn paint_rgb(values: &[f32], [width, height]: [usize; 2], (low, high): (f32, f32)) -> RgbImage {
    let level = |value: f32| ((value - low) / (high - low).max(f32::MIN_POSITIVE) * 255.0).round() as u8;
    RgbImage::from_fn(width as u32, height as u32, |x, y| {
        let at = y as usize * width + x as usize;
        let pixel = [0, 1, 2].map(|plane| values[plane * width * height + at]);
        Rgb(if pixel.iter().all(|value| value.is_finite()) { pixel.map(level) } else { ERROR_COLOR })
    })
}

/// The network's input (red, green, blue planes from −1 to 1, or a single one) as a picture.
pub fn input_picture(values: &[f32], size: [usize; 2]) -> RgbImage {
    match values.len() == size[0] * size[1] {
        true => paint_rgb(&values.repeat(3), size, (-1.0, 1.0)),
        false => paint_rgb(values, size, (-1.0, 1.0)),
    }
}

/// Smallest and largest finite value; `(0, 0)` where there is none.
pub fn range(values: &[f32]) -> (f32, f32) {
    let finite = values.iter().copied().filter(|value| value.is_finite());
    let ends = finite.fold((f32::INFINITY, f32::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if ends.0 <= ends.1 { ends } else { (0.0, 0.0) }
}

/// A value with three significant digits.
pub fn number(value: f32) -> String {
    match value.abs() {
        0.0 => "0".into(),
        size if !(1e-3..1e5).contains(&size) => format!("{value:.1e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_leave_out_what_is_not_finite() {
        assert_eq!(range(&[f32::NAN, 2.0, -1.0, f32::INFINITY]), (-1.0, 2.0));
        assert_eq!(range(&[f32::NAN]), (0.0, 0.0));
    }

    #[test]
    fn red_comes_first() {
        let picture = input_picture(&[1.0, -1.0, 0.0], [1, 1]);
        assert_eq!(picture.get_pixel(0, 0).0, [255, 0, 128]);
        assert_eq!(input_picture(&[f32::NAN, 0.0, 0.0], [1, 1]).get_pixel(0, 0).0, ERROR_COLOR);
        let range = ColorRange::plain((0.0, 1.0), Colormap::Grey);
        let map = paint(&[0.0, 1.0, f32::NAN, 0.0], 2, &range, Colormap::Grey);
        assert_eq!(map.get_pixel(1, 0).0, [255; 3]);
        assert_eq!(map.get_pixel(0, 1).0, ERROR_COLOR);
    }
}
