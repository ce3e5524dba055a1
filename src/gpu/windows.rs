//! Which pixels of a picture make each pixel of the network's input, and by which weights: Pillow's own whole numbers, made
//! once on the host for both devices, so that both give its very levels.

use super::preprocessing::{Axis, Resize};

/// Weights are multiples of 2 to the power of −22, as in Pillow.
pub(super) const PRECISION_BITS: u32 = 22;

/// For each pixel of the input along an axis the picture's pixels whose weighted sum it is.
#[derive(Debug)]
pub(super) struct Windows {
    /// Of each pixel: the first of the picture's pixels, how many there are, and room for `taps` weights.
    entries: Vec<i32>,
    /// Most pixels of a window.
    pub taps: usize,
}

impl Windows {
    /// Those of an axis; none for [`Resize::Bilinear`], which keeps fractions.
    pub fn new(axis: Axis, resize: Resize) -> Self {
        match resize {
            Resize::Bilinear => Self { entries: vec![], taps: 0 },
            Resize::Antialias => Self::filtered(axis, 1.0, triangle),
            Resize::Bicubic => Self::filtered(axis, 2.0, cubic),
            Resize::Nearest => Self::nearest(axis),
        }
    }

    /// `precompute_coeffs` and `normalize_coeffs_8bpc` in Pillow's Resample.c.
    fn filtered(axis: Axis, reach: f64, filter: fn(f64) -> f64) -> Self {
        let scale = f64::from(axis.length) / f64::from(axis.cells);
        let widening = scale.max(1.0);
        let support = reach * widening;
        let taps = support.ceil() as usize * 2 + 1;
        let mut entries = Vec::with_capacity(axis.count as usize * (taps + 2));
        let mut weights = Vec::with_capacity(taps);
        for cell in axis.first..axis.first + axis.count {
            let center = (f64::from(cell) + 0.5) * scale;
            // Casts cut, and stay at 0 below it.
            let first = (center - support + 0.5) as u32;
            let last = ((center + support + 0.5) as u32).min(axis.length);
            weights.clear();
            weights.extend((first..last).map(|x| filter((f64::from(x) - center + 0.5) * (1.0 / widening))));
            let total: f64 = weights.iter().sum();
            entries.extend([(axis.start + first) as i32, weights.len() as i32]);
            entries.extend(weights.iter().map(|weight| {
                let part = weight / total * f64::from(1 << PRECISION_BITS);
                (part + 0.5_f64.copysign(part)) as i32
            }));
            entries.resize(entries.len() + taps - weights.len(), 0);
        }
        Self { entries, taps }
    }

    /// `ImagingScaleAffine` in Pillow's Geometry.c, which adds the step up.
    fn nearest(axis: Axis) -> Self {
        let step = f64::from(axis.length) / f64::from(axis.cells);
        let mut at = step * 0.5;
        let mut entries = Vec::with_capacity(axis.count as usize * 3);
        for cell in 0..axis.first + axis.count {
            if cell >= axis.first {
                let pixel = axis.start + (at as u32).min(axis.length.saturating_sub(1));
                entries.extend([pixel as i32, 1, 1 << PRECISION_BITS]);
            }
            at += step;
        }
        Self { entries, taps: 1 }
    }

    /// The first pixel and the weights of each window.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (usize, &[i32])> + Clone {
        self.entries.chunks(self.taps + 2).map(|entry| (entry[0] as usize, &entry[2..2 + entry[1] as usize]))
    }

    /// As the shader reads them.
    pub fn entries(&self) -> &[i32] {
        &self.entries
    }
}

fn triangle(x: f64) -> f64 {
    (1.0 - x.abs()).max(0.0)
}

fn cubic(x: f64) -> f64 {
    const A: f64 = -0.5;
    match x.abs() {
        x if x < 1.0 => ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * A,
        _ => 0.0,
    }
}

/// Whether the columns are resized before the rows, as Pillow does from version 13 on where a tall picture loses more rows than
/// twice its columns.
pub(super) fn is_down_first([across, down]: [Axis; 2]) -> bool {
    let lost = |axis: Axis| i64::from(axis.length) - i64::from(axis.cells);
    lost(down) > 2 * lost(across).max(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(length: u32, cells: u32) -> Vec<usize> {
        let axis = Axis { start: 0, length, cells, first: 0, count: cells };
        Windows::new(axis, Resize::Nearest).iter().map(|(first, _)| first).collect()
    }

    /// Pixel 149 of 299 lies between two pixels of an even side: which one Pillow 13 takes depends on how the steps add up.
    #[test]
    fn nearest_takes_pillows_side_of_a_tie() {
        for side in [480, 512, 768, 1080, 1920] {
            assert_eq!(nearest(side, 299)[149], side as usize / 2 - 1, "{side}");
        }
        for side in [640, 720, 1280] {
            assert_eq!(nearest(side, 299)[149], side as usize / 2, "{side}");
        }
        assert_eq!(nearest(7, 3), [1, 3, 5]);
        assert_eq!(nearest(3, 7), [0, 0, 1, 1, 1, 2, 2]);
    }

    #[test]
    fn windows_stay_inside_and_their_weights_add_up() {
        for resize in [Resize::Antialias, Resize::Bicubic, Resize::Nearest] {
            for (length, cells) in [(1, 1), (1, 299), (2, 3), (299, 299), (300, 299), (20_000, 3), (7, 1000)]
            {
                let axis = Axis { start: 11, length, cells, first: cells / 3, count: cells - cells / 3 };
                let windows = Windows::new(axis, resize);
                assert_eq!(windows.iter().len(), axis.count as usize);
                for (first, weights) in windows.iter() {
                    assert!(first >= 11 && first + weights.len() <= 11 + length as usize);
                    let off = weights.iter().sum::<i32>() - (1 << PRECISION_BITS);
                    assert!(!weights.is_empty() && off.unsigned_abs() as usize <= weights.len());
                }
            }
        }
    }
}
