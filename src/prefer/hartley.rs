//! The discrete Hartley transform: Fourier's for real numbers.

use rayon::prelude::*;

/// The two-dimensional discrete Hartley transform of planes of one size (Bracewell, "Discrete Hartley transform", 1983), scaled so
/// that it is its own reverse and its own transpose. Every frequency has one real number, whether sides are even or odd; the
/// numbers of a frequency and of its negative hold amplitude and phase.
///
/// Planes are small and their sides anything (299 is 13·23), so each side is a product with a matrix, of which symmetry saves half:
/// some hundredths of what a network computes for the same picture.
pub struct Hartley {
    vertical: Side,
    horizontal: Side,
}

/// Cosines and sines of one side's waves: `[half, half]` each.
struct Side {
    length: usize,
    half: usize,
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Hartley {
    /// For planes of this height and width.
    pub fn new([height, width]: [usize; 2]) -> Self {
        Self { vertical: Side::new(height), horizontal: Side::new(width) }
    }

    /// Of one plane, row by row.
    pub fn transform(&self, plane: &[f32]) -> Vec<f32> {
        let (height, width) = (self.vertical.length, self.horizontal.length);
        let columns = transposed(&self.vertical.transform(plane, width), width);
        // Along both sides, each by itself.
        let both = transposed(&self.horizontal.transform(&columns, height), height);
        let mut out = vec![0.0; plane.len()];
        for (y, row) in out.chunks_exact_mut(width.max(1)).enumerate() {
            let [down, up] = [y, (height - y) % height].map(|y| &both[y * width..][..width]);
            for (x, out) in row.iter_mut().enumerate() {
                let left = (width - x) % width;
                *out = 0.5 * (down[x] + up[x] + down[left] - up[left]);
            }
        }
        out
    }

    /// How many waves there are on a pixel, for each number of a transform: 0 to √½.
    pub fn frequencies(&self) -> Vec<f32> {
        let (height, width) = (self.vertical.length, self.horizontal.length);
        let along = |at: usize, side: usize| at.min(side - at) as f32 / side as f32;
        let at = |index: usize| along(index / width, height).hypot(along(index % width, width));
        (0..height * width).map(at).collect()
    }

    /// Where the negative of a frequency is.
    pub fn negative(&self, index: usize) -> usize {
        let (height, width) = (self.vertical.length, self.horizontal.length);
        (height - index / width) % height * width + (width - index % width) % width
    }
}

impl Side {
    fn new(length: usize) -> Self {
        let half = length / 2 + 1;
        let wave = |of: fn(f64) -> f64| {
            let scale = 1.0 / (length as f64).sqrt();
            let turn = move |index: usize| (index / half * (index % half) % length) as f64 / length as f64;
            (0..half * half).map(|index| (of(std::f64::consts::TAU * turn(index)) * scale) as f32).collect()
        };
        Self { length, half, cos: wave(f64::cos), sin: wave(f64::sin) }
    }

    /// Of all columns of rows of `width` values.
    fn transform(&self, rows: &[f32], width: usize) -> Vec<f32> {
        let row = |at: usize| &rows[at % self.length * width..][..width];
        let opposite = |at: usize| self.length - at;
        // What is the same, and what is the opposite, from the other end. The ends themselves have no other.
        let fold = |sign: f32| -> Vec<f32> {
            let folded = |at: usize| {
                let alone = at == 0 || 2 * at == self.length;
                let other = if alone { 0.0 } else { sign };
                row(at).iter().zip(row(opposite(at))).map(move |(value, far)| value + other * far)
            };
            (0..self.half).flat_map(folded).collect()
        };
        let even = product(&self.cos, &fold(1.0), width);
        let odd = product(&self.sin, &fold(-1.0), width);
        let mut out = vec![0.0; rows.len()];
        for (at, out) in out.chunks_exact_mut(width.max(1)).enumerate() {
            let (from, sign) = if at < self.half { (at, 1.0) } else { (self.length - at, -1.0) };
            let parts = even[from * width..][..width].iter().zip(&odd[from * width..][..width]);
            out.iter_mut().zip(parts).for_each(|(out, (even, odd))| *out = even + sign * odd);
        }
        out
    }
}

/// A square matrix times another one with rows of `width` values.
fn product(square: &[f32], rows: &[f32], width: usize) -> Vec<f32> {
    let depth = rows.len() / width.max(1);
    let mut out = vec![0.0; rows.len()];
    out.par_chunks_exact_mut(width.max(1)).zip(square.par_chunks_exact(depth.max(1))).for_each(
        |(out, weights)| {
            // Four rows at a time: the sum is read and written less often.
            let (fours, rest) = weights.as_chunks::<4>();
            for (weights, rows) in fours.iter().zip(rows.chunks_exact(4 * width)) {
                let [a, b, c, d] = [0, 1, 2, 3].map(|row| &rows[row * width..][..width]);
                for (at, out) in out.iter_mut().enumerate() {
                    *out += weights[0] * a[at] + weights[1] * b[at] + weights[2] * c[at] + weights[3] * d[at];
                }
            }
            for (weight, row) in rest.iter().zip(rows[4 * fours.len() * width..].chunks_exact(width)) {
                out.iter_mut().zip(row).for_each(|(out, value)| *out += weight * value);
            }
        },
    );
    out
}

fn transposed(rows: &[f32], width: usize) -> Vec<f32> {
    let height = rows.len() / width.max(1);
    (0..rows.len()).map(|index| rows[index % height * width + index / height]).collect()
}
