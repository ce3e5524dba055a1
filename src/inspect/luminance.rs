//! How bright the network's input is where a map's cells look. A shader computes the same for the live view. Pure, any
//! thread.

use crate::model::{InputScale, Shape};

/// Brightness of the network's input ([`InputScale::brightness`]) at the resolution of a map, from −1 to 1,
/// `target.height × target.width` values. `values` are the input's, of 1 or 3 channels, in this scale.
///
/// Cell `(y, x)` is the plain mean of whole pixels: rows from `floor(y·H/h)` up to `ceil((y + 1)·H/h)`, at least
/// one, and columns likewise. The convolutions' padding is not taken into account, so maps of a network without
/// padding are off by a few pixels at the edge.
pub fn luminance(values: &[f32], input: Shape, scale: InputScale, target: Shape) -> Vec<f32> {
    let pixels = input.height * input.width;
    if values.len() < input.len() {
        return vec![0.0; target.height * target.width];
    }
    let (weights, rest) = scale.brightness(input.channels);
    let mut light = vec![f64::from(rest); pixels];
    for (plane, weight) in values.chunks_exact(pixels.max(1)).zip(weights) {
        for (light, value) in light.iter_mut().zip(plane) {
            *light += f64::from(weight) * f64::from(*value);
        }
    }
    let span = |cell: usize, source: usize, target: usize| {
        let start = cell * source / target;
        start..((cell + 1) * source).div_ceil(target).max(start + 1)
    };
    let mut averages = Vec::with_capacity(target.height * target.width);
    for y in 0..target.height {
        let rows = span(y, input.height, target.height);
        for x in 0..target.width {
            let columns = span(x, input.width, target.width);
            let row_sum = |row: usize| light[row * input.width..][columns.clone()].iter().sum::<f64>();
            let sum: f64 = rows.clone().map(row_sum).sum();
            averages.push((sum / (rows.len() * columns.len()) as f64) as f32);
        }
    }
    averages
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCALE: InputScale = InputScale::MinusOneToOne;

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
        close(luminance(&rgb, input, SCALE, target(2, 2)), &means);
        close(luminance(&rgb, input, SCALE, target(1, 1)), &[at(2.0, 1.0)]);
        // A finer target repeats pixels: columns 0, 0..2, 1, … of 10.
        let fine = luminance(&rgb, input, SCALE, target(3, 10));
        close(fine[..3].to_vec(), &[at(0.0, 0.0), at(0.0, 0.0), at(1.0, 0.0)]);
        close(
            luminance(&rgb, input, SCALE, target(3, 5)),
            &(0..15).map(|i| at((i % 5) as f32, (i / 5) as f32)).collect::<Vec<_>>(),
        );
        assert_eq!(luminance(&[], input, SCALE, target(2, 1)), [0.0; 2]);
        // One channel is its own brightness; the order and scale of three do not matter.
        let grey = Shape { channels: 1, ..input };
        let levels: Vec<f32> = (0..15).map(|level| level as f32 * 17.0).collect();
        let expected: Vec<f32> = levels.iter().map(|level| level / 127.5 - 1.0).collect();
        close(luminance(&levels, grey, InputScale::Levels, target(3, 5)), &expected);
        let caffe: Vec<f32> = [103.939_f32, 116.779, 123.68].iter().flat_map(|mean| [-mean; 15]).collect();
        close(luminance(&caffe, input, InputScale::Caffe, target(1, 2)), &[-1.0; 2]);
    }
}
