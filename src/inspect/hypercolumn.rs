//! Hypercolumns: what all chosen layers say at one place of the picture, and their mean as a picture. Pure, any
//! thread.
//!
//! Hariharan, Arbeláez, Girshick and Malik, "Hypercolumns for Object Segmentation and Fine-grained Localization",
//! CVPR 2015 (arXiv:1411.5752).

use rayon::prelude::*;

use super::LayerOutput;
use crate::model::Shape;

/// Where a cell of the enlarged axis lies between two of the source: `values[low]·(1 − part) + values[high]·part`.
#[derive(Clone, Copy)]
struct Between {
    low: usize,
    high: usize,
    part: f64,
}

/// Half-pixel centres, clamped at the ends.
fn between(cell: usize, source: usize, target: usize) -> Between {
    let position = (cell as f64 + 0.5) * source as f64 / target as f64 - 0.5;
    let last = source.saturating_sub(1);
    let position = position.clamp(0.0, last as f64);
    let low = position as usize;
    Between { low, high: (low + 1).min(last), part: position - low as f64 }
}

/// One value of an enlarged map of this width.
fn sample(map: &[impl Copy + Into<f64>], width: usize, y: Between, x: Between) -> f64 {
    let mix = |a: f64, b: f64, part: f64| a + (b - a) * part;
    let row = |row: usize| mix(map[row * width + x.low].into(), map[row * width + x.high].into(), x.part);
    mix(row(y.low), row(y.high), y.part)
}

fn enlarge_wide(
    map: &[impl Copy + Into<f64> + Sync],
    [height, width]: [usize; 2],
    [rows, columns]: [usize; 2],
) -> Vec<f64> {
    if map.is_empty() {
        return vec![0.0; rows * columns];
    }
    let along: Vec<Between> = (0..columns).map(|x| between(x, width, columns)).collect();
    (0..rows)
        .into_par_iter()
        .flat_map_iter(|y| {
            let y = between(y, height, rows);
            along.iter().map(move |&x| sample(map, width, y, x))
        })
        .collect()
}

/// Bilinear enlargement of one map of `height × width` values to `rows × columns`, with half-pixel centres and
/// clamped edges: what OpenCV's `INTER_LINEAR` and PIL's `BILINEAR` do when they enlarge. (Where it makes a map
/// smaller it samples like OpenCV, without PIL's smoothing.) A non-finite cell spoils what is mixed from it.
pub fn enlarge(map: &[f32], height: usize, width: usize, rows: usize, columns: usize) -> Vec<f32> {
    enlarge_wide(map, [height, width], [rows, columns]).into_iter().map(|value| value as f32).collect()
}

/// The mean of all channels of all `outputs`, each enlarged to `side` (height, width; see [`enlarge`]). So a layer
/// of many channels weighs more than one of few. All 0 without a channel.
///
/// Enlarging is linear, so each layer's channels are added up first and enlarged once; sums are in f64.
pub fn picture(outputs: &[LayerOutput], side: (usize, usize)) -> Vec<f32> {
    let mut total = vec![0.0; side.0 * side.1];
    for output in outputs {
        let cells = output.shape.height * output.shape.width;
        let mut sum = vec![0.0; cells];
        for channel in output.values.chunks_exact(cells.max(1)) {
            for (sum, &value) in sum.iter_mut().zip(channel) {
                *sum += f64::from(value);
            }
        }
        let enlarged = enlarge_wide(&sum, [output.shape.height, output.shape.width], [side.0, side.1]);
        for (total, value) in total.iter_mut().zip(enlarged) {
            *total += value;
        }
    }
    let channels: usize = outputs.iter().map(|output| output.shape.channels).sum();
    total.into_iter().map(|sum| (sum / channels.max(1) as f64) as f32).collect()
}

/// The hypercolumn of pixel `[x, y]` of a picture of `side` (height, width): the value there of every channel of
/// every layer, in order, enlarged as in [`picture`]. A pixel outside counts as the nearest inside.
pub fn vector(outputs: &[LayerOutput], side: (usize, usize), [x, y]: [usize; 2]) -> Vec<f32> {
    let channels = |output: &LayerOutput| -> Vec<f32> {
        let (height, width) = (output.shape.height, output.shape.width);
        let y = between(y.min(side.0.saturating_sub(1)), height, side.0);
        let x = between(x.min(side.1.saturating_sub(1)), width, side.1);
        let maps = output.values.chunks_exact((height * width).max(1));
        maps.map(|map| sample(map, width, y, x) as f32).collect()
    };
    outputs.iter().flat_map(channels).collect()
}

/// All channels of all `outputs` on the grid of the finest, as if they were one layer's; the layer's own values of a single one.
/// `None` of none.
pub fn joined(mut outputs: Vec<LayerOutput>) -> Option<LayerOutput> {
    if outputs.len() == 1 {
        return outputs.pop();
    }
    let layer = outputs.first()?.layer;
    let height = outputs.iter().map(|output| output.shape.height).max()?;
    let width = outputs.iter().map(|output| output.shape.width).max()?;
    let channels = outputs.iter().map(|output| output.shape.channels).sum();
    let mut values = Vec::with_capacity(channels * height * width);
    for output in &outputs {
        let (rows, columns) = (output.shape.height, output.shape.width);
        for map in output.values.chunks_exact((rows * columns).max(1)) {
            values.extend(enlarge(map, rows, columns, height, width));
        }
    }
    Some(LayerOutput { layer, shape: Shape { channels, height, width }, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(channels: usize, height: usize, width: usize) -> LayerOutput {
        let shape = Shape { channels, height, width };
        // No pattern that an exchange of axes or channels would leave alone.
        let values = (0..shape.len()).map(|i| ((i * i * 31 + i * 7) % 101) as f32 / 10.0 - 3.0).collect();
        LayerOutput { layer: 0, shape, values }
    }

    #[test]
    fn layers_are_joined_on_the_grid_of_the_finest() {
        let all = [output(2, 3, 4), output(3, 6, 2)];
        let whole = joined(all.to_vec()).unwrap();
        assert_eq!(whole.shape, Shape { channels: 5, height: 6, width: 4 });
        for (y, x) in [(0, 0), (2, 3), (5, 1)] {
            let own: Vec<f32> = (0..5).map(|channel| whole.channel(channel)[y * 4 + x]).collect();
            assert_eq!(own, vector(&all, (6, 4), [x, y]));
        }
        assert_eq!(joined(vec![output(2, 3, 4)]), Some(output(2, 3, 4)));
        assert_eq!(joined(vec![]), None);
    }

    #[test]
    fn enlarging_has_half_pixel_centres_and_clamped_edges() {
        // Targets at −0.25, 0.25, 0.75 and 1.25 cells.
        assert_eq!(enlarge(&[0.0, 4.0], 1, 2, 1, 4), [0.0, 1.0, 3.0, 4.0]);
        assert_eq!(enlarge(&[0.0, 4.0], 2, 1, 4, 1), [0.0, 1.0, 3.0, 4.0]);
        // Rows and columns: f(y, x) = 10 y + x at the clamped positions.
        let map = [0.0, 1.0, 2.0, 10.0, 11.0, 12.0];
        assert_eq!(enlarge(&map, 2, 3, 4, 3)[3..9], [2.5, 3.5, 4.5, 7.5, 8.5, 9.5]);
        assert_eq!(enlarge(&map, 2, 3, 2, 3), map);
        assert_eq!(enlarge(&[7.0], 1, 1, 2, 3), [7.0; 6]);
        assert_eq!(enlarge(&[], 0, 0, 1, 2), [0.0; 2]);
    }

    #[test]
    fn the_picture_is_the_mean_of_all_enlarged_channels() {
        let outputs = [output(5, 7, 4), output(2, 3, 3), output(9, 1, 1)];
        let (rows, columns) = (11, 13);
        let mut naive = vec![0.0_f64; rows * columns];
        for output in &outputs {
            let Shape { channels, height, width } = output.shape;
            for channel in 0..channels {
                let enlarged = enlarge(output.channel(channel), height, width, rows, columns);
                for (sum, value) in naive.iter_mut().zip(enlarged) {
                    *sum += f64::from(value) / 16.0;
                }
            }
        }
        let picture = picture(&outputs, (rows, columns));
        assert_eq!(picture.len(), naive.len());
        for (value, naive) in picture.iter().zip(&naive) {
            assert!((f64::from(*value) - naive).abs() < 1e-6, "{value} {naive}");
        }
    }

    #[test]
    fn the_vector_is_one_pixel_of_all_enlarged_channels() {
        let outputs = [output(5, 7, 4), output(2, 3, 3), output(1, 1, 1)];
        let (rows, columns) = (11, 13);
        let at = |x: usize, y: usize| -> Vec<f32> {
            let value = |output: &LayerOutput, channel: usize| {
                let Shape { height, width, .. } = output.shape;
                enlarge(output.channel(channel), height, width, rows, columns)[y * columns + x]
            };
            outputs.iter().flat_map(|o| (0..o.shape.channels).map(|c| value(o, c))).collect()
        };
        assert_eq!(vector(&outputs, (rows, columns), [9, 4]), at(9, 4));
        assert_eq!(vector(&outputs, (rows, columns), [12, 0]), at(12, 0));
        assert_eq!(vector(&outputs, (rows, columns), [99, 99]), at(12, 10));
    }

    #[test]
    fn nothing_makes_an_empty_picture() {
        assert_eq!(picture(&[], (2, 2)), [0.0; 4]);
        assert!(vector(&[], (2, 2), [0, 0]).is_empty());
    }
}
