//! How bright the network's input is where a map's cells look. A shader computes the same for the live view. Pure, any
//! thread.

use crate::model::Shape;

/// Brightness of the network's input at the resolution of a map: luma of Rec. ITU-R BT.601 (0.299 red, 0.587
/// green, 0.114 blue), from −1 to 1, `target.height × target.width` values. `input_rgb` is `[3, height, width]`.
///
/// Cell `(y, x)` is the plain mean of whole pixels: rows from `floor(y·H/h)` up to `ceil((y + 1)·H/h)`, at least
/// one, and columns likewise. The convolutions' padding is not taken into account, so maps of a network without
/// padding are off by a few pixels at the edge.
pub fn luminance(input_rgb: &[f32], input: Shape, target: Shape) -> Vec<f32> {
    let pixels = input.height * input.width;
    let mut planes = input_rgb.chunks_exact(pixels.max(1));
    let (Some(red), Some(green), Some(blue)) = (planes.next(), planes.next(), planes.next()) else {
        return vec![0.0; target.height * target.width];
    };
    let luma: Vec<f64> = (red.iter().zip(green).zip(blue))
        .map(|((&red, &green), &blue)| {
            0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
        })
        .collect();
    let span = |cell: usize, source: usize, target: usize| {
        let start = cell * source / target;
        start..((cell + 1) * source).div_ceil(target).max(start + 1)
    };
    let mut averages = Vec::with_capacity(target.height * target.width);
    for y in 0..target.height {
        let rows = span(y, input.height, target.height);
        for x in 0..target.width {
            let columns = span(x, input.width, target.width);
            let row_sum = |row: usize| luma[row * input.width..][columns.clone()].iter().sum::<f64>();
            let sum: f64 = rows.clone().map(row_sum).sum();
            averages.push((sum / (rows.len() * columns.len()) as f64) as f32);
        }
    }
    averages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luminance_averages_whole_pixels() {
        // Red, green and blue ramps whose luma is 0.299 x + 0.587·10 y + 0.114·100.
        let input = Shape { channels: 3, height: 3, width: 5 };
        let plane =
            |value: fn(usize, usize) -> f32| (0..15).map(move |i| value(i % 5, i / 5)).collect::<Vec<_>>();
        let rgb = [plane(|x, _| x as f32), plane(|_, y| 10.0 * y as f32), plane(|_, _| 100.0)].concat();
        let at = |x: f32, y: f32| 0.299 * x + 5.87 * y + 11.4;
        let close = |found: Vec<f32>, expected: &[f32]| {
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-5, "{found} {expected}");
            }
        };
        let target = |height, width| Shape { channels: 7, height, width };
        // Columns 0..3 and 2..5, rows 0..2 and 1..3: those in the middle count twice.
        let means = [at(1.0, 0.5), at(3.0, 0.5), at(1.0, 1.5), at(3.0, 1.5)];
        close(luminance(&rgb, input, target(2, 2)), &means);
        close(luminance(&rgb, input, target(1, 1)), &[at(2.0, 1.0)]);
        // A finer target repeats pixels: columns 0, 0..2, 1, … of 10.
        let fine = luminance(&rgb, input, target(3, 10));
        close(fine[..3].to_vec(), &[at(0.0, 0.0), at(0.0, 0.0), at(1.0, 0.0)]);
        close(
            luminance(&rgb, input, target(3, 5)),
            &(0..15).map(|i| at((i % 5) as f32, (i / 5) as f32)).collect::<Vec<_>>(),
        );
        assert_eq!(luminance(&[], input, target(2, 1)), [0.0; 2]);
    }
}
