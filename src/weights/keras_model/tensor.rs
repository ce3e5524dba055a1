//! Tensors of the file, and rows for columns.

/// A tensor as the file has it.
#[derive(Clone, Debug)]
pub(super) struct Tensor {
    pub sides: Vec<usize>,
    pub values: Vec<f32>,
}

/// A matrix of so many rows and columns with rows for columns.
pub(super) fn transposed(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..columns).flat_map(|column| (0..rows).map(move |row| values[row * columns + column])).collect()
}

/// Matrices one after the other, each with rows for columns.
pub(super) fn transposed_blocks(values: &[f32], count: usize, rows: usize, columns: usize) -> Vec<f32> {
    (0..count)
        .flat_map(|block| transposed(&values[block * rows * columns..][..rows * columns], rows, columns))
        .collect()
}
