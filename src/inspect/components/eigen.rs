//! The strongest directions of a symmetric matrix: Lanczos' method with full orthogonalisation, begun again from the best
//! vector so far, and Jacobi's for the small matrices that it leaves (Golub and Van Loan, "Matrix Computations", 4th edition,
//! 10.3 and 8.5). Of up to 2048 eigenvectors three are wanted: the whole decomposition would take seconds.

use rayon::prelude::*;

/// Vectors of one round.
const ROUND: usize = 32;

/// Rounds at most: beyond them two eigenvalues are so near to each other that their directions mean nothing apart.
const MOST_ROUNDS: usize = 60;

/// How far a vector may be from an eigenvector, in parts of the matrix' trace.
const TOLERANCE: f64 = 1e-12;

/// Up to `count` eigenvalues with their eigenvectors (of length 1) of a positive semidefinite matrix of `side × side` values, the
/// largest first. Those that rounding alone may have left are not among them.
pub fn strongest(matrix: &[f64], side: usize, count: usize) -> Vec<(f64, Vec<f64>)> {
    let trace: f64 = (0..side).map(|i| matrix[i * side + i]).sum();
    let mut found: Vec<(f64, Vec<f64>)> = vec![];
    while found.len() < count.min(side) {
        let known: Vec<&[f64]> = found.iter().map(|(_, vector)| vector.as_slice()).collect();
        match leading(matrix, side, &known, trace) {
            Some((value, vector)) if value > TOLERANCE * trace => found.push((value, vector)),
            _ => break,
        }
    }
    found
}

/// The largest eigenvalue among directions at right angles to the known eigenvectors.
fn leading(matrix: &[f64], side: usize, known: &[&[f64]], trace: f64) -> Option<(f64, Vec<f64>)> {
    // Any direction that is not by chance at right angles to what is sought: the same in every run, but another one each time.
    // Of an eigenvalue that occurs twice, one start knows only one direction.
    let shift = (known.len() as u32 + 1).wrapping_mul(374_761_393);
    let scatter =
        |i: usize| (i as u32 ^ shift).wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(668_265_263);
    let mut start: Vec<f64> = (0..side).map(|i| f64::from(scatter(i)) / f64::from(u32::MAX) - 0.4).collect();
    let mut value = 0.0;
    for _ in 0..MOST_ROUNDS {
        let length = free_of(&mut start, known.iter().copied());
        if length == 0.0 {
            return None;
        }
        start.iter_mut().for_each(|one| *one /= length);
        let (mut vectors, mut along, mut across) = (vec![start], vec![], vec![]);
        loop {
            let last = &vectors[vectors.len() - 1];
            let mut next = times(matrix, side, last);
            along.push(dot(last, &next));
            let all = known.iter().copied().chain(vectors.iter().map(Vec::as_slice));
            let length = free_of(&mut next, all);
            across.push(length);
            if length <= TOLERANCE * trace || vectors.len() == ROUND.min(side - known.len()) {
                break;
            }
            next.iter_mut().for_each(|one| *one /= length);
            vectors.push(next);
        }
        let (values, parts) = tridiagonal(&along, &across);
        let best = (0..values.len()).max_by(|a, b| values[*a].total_cmp(&values[*b]))?;
        let rows = vectors.len();
        let part = |row: usize| parts[row * rows + best];
        start = vec![0.0; side];
        for (row, vector) in vectors.iter().enumerate() {
            start.iter_mut().zip(vector).for_each(|(sum, one)| *sum += part(row) * one);
        }
        value = values[best];
        if (across[rows - 1] * part(rows - 1)).abs() <= TOLERANCE * trace {
            break;
        }
    }
    let length = free_of(&mut start, known.iter().copied());
    (length > 0.0).then(|| (value, start.into_iter().map(|one| one / length).collect()))
}

/// The product of two vectors, in several sums beside each other, which compilers keep in vectors.
pub fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut sums = [0.0; 8];
    let (a_parts, b_parts) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = a_parts.remainder().iter().zip(b_parts.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_parts.zip(b_parts) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f64>() + rest
}

fn times(matrix: &[f64], side: usize, vector: &[f64]) -> Vec<f64> {
    matrix.par_chunks_exact(side).with_min_len(64).map(|row| dot(row, vector)).collect()
}

/// Takes away what a vector has of these (of length 1, at right angles to each other). Returns what length is left: zero where
/// that is rounding alone.
fn free_of<'a>(vector: &mut [f64], of: impl Iterator<Item = &'a [f64]> + Clone) -> f64 {
    let before = dot(vector, vector).sqrt();
    // Twice is enough: what the first time leaves by rounding, the second takes.
    for _ in 0..2 {
        for one in of.clone() {
            let part = dot(vector, one);
            vector.iter_mut().zip(one).for_each(|(value, one)| *value -= part * one);
        }
    }
    let left = dot(vector, vector).sqrt();
    if left > 1e-13 * before { left } else { 0.0 }
}

/// Eigenvalues, and eigenvectors as columns, of the matrix with `along` in its diagonal and `across` beside it.
fn tridiagonal(along: &[f64], across: &[f64]) -> (Vec<f64>, Vec<f64>) {
    let side = along.len();
    let mut matrix = vec![0.0; side * side];
    for i in 0..side {
        matrix[i * side + i] = along[i];
        if i + 1 < side {
            matrix[i * side + i + 1] = across[i];
            matrix[(i + 1) * side + i] = across[i];
        }
    }
    jacobi(matrix, side)
}

/// Jacobi's rotations until nothing is left beside the diagonal.
fn jacobi(mut matrix: Vec<f64>, side: usize) -> (Vec<f64>, Vec<f64>) {
    let mut vectors = vec![0.0; side * side];
    (0..side).for_each(|i| vectors[i * side + i] = 1.0);
    let whole: f64 = matrix.iter().map(|value| value * value).sum();
    for _ in 0..MOST_ROUNDS {
        let beside = |matrix: &[f64]| -> f64 {
            (0..side).flat_map(|i| (0..i).map(move |j| matrix[i * side + j].powi(2))).sum()
        };
        if beside(&matrix) <= whole * 1e-32 {
            break;
        }
        for p in 0..side {
            for q in p + 1..side {
                rotate(&mut matrix, &mut vectors, side, [p, q]);
            }
        }
    }
    ((0..side).map(|i| matrix[i * side + i]).collect(), vectors)
}

fn rotate(matrix: &mut [f64], vectors: &mut [f64], side: usize, [p, q]: [usize; 2]) {
    let beside = matrix[p * side + q];
    if beside == 0.0 {
        return;
    }
    let theta = (matrix[q * side + q] - matrix[p * side + p]) / (2.0 * beside);
    let tangent = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
    let cosine = 1.0 / (tangent * tangent + 1.0).sqrt();
    let sine = tangent * cosine;
    let turn = |values: &mut [f64], a: usize, b: usize| {
        let (x, y) = (values[a], values[b]);
        (values[a], values[b]) = (cosine * x - sine * y, sine * x + cosine * y);
    };
    for k in 0..side {
        turn(matrix, k * side + p, k * side + q);
        turn(vectors, k * side + p, k * side + q);
    }
    for k in 0..side {
        turn(matrix, p * side + k, q * side + k);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A matrix with these eigenvalues, in directions that are no axes.
    fn with(values: &[f64]) -> Vec<f64> {
        let side = values.len();
        // A reflection has columns of length 1 at right angles to each other.
        let mirror: Vec<f64> = (0..side).map(|i| ((i * i + 1) as f64).sqrt().sin() + 0.3).collect();
        let length = dot(&mirror, &mirror);
        let column = |i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * mirror[i] * mirror[j] / length;
        let entry = |i: usize, j: usize| (0..side).map(|k| values[k] * column(i, k) * column(j, k)).sum();
        (0..side * side).map(|at| entry(at / side, at % side)).collect()
    }

    fn check(values: &[f64], expected: &[f64]) {
        let side = values.len();
        let matrix = with(values);
        let found = strongest(&matrix, side, 3);
        let told: Vec<f64> = found.iter().map(|(value, _)| *value).collect();
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for ((value, vector), expected) in found.iter().zip(expected) {
            assert!((value - expected).abs() < 1e-9 * expected, "{told:?}");
            let turned = times(&matrix, side, vector);
            let off = turned.iter().zip(vector).map(|(a, b)| (a - value * b).abs()).fold(0.0, f64::max);
            assert!(off < 1e-8 * told[0], "{value}: {off}");
        }
        for (i, (_, a)) in found.iter().enumerate() {
            found[..i].iter().for_each(|(_, b)| assert!(dot(a, b).abs() < 1e-12));
        }
    }

    #[test]
    fn the_largest_eigenvalues_come_first() {
        check(&[1.0, 7.0, 3.0, 2.0, 5.0], &[7.0, 5.0, 3.0]);
        let many: Vec<f64> = (0..200).map(|i| 1.0 + f64::from(i)).collect();
        check(&many, &[200.0, 199.0, 198.0]);
        // One that occurs twice has two directions.
        check(&[0.0, 4.0, 4.0, 1.0, 0.5, 0.25], &[4.0, 4.0, 1.0]);
    }

    #[test]
    fn what_rounding_leaves_is_no_direction() {
        check(&[0.0, 9.0, 0.0, 2.0, 0.0, 0.0], &[9.0, 2.0]);
        check(&[0.0; 4], &[]);
        check(&[3.0], &[3.0]);
        assert!(strongest(&[], 0, 3).is_empty());
    }
}
