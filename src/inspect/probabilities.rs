//! What can be said of class probabilities.

/// Indices of the largest probabilities, largest first; at most `count`.
pub fn top_classes(probabilities: &[f32], count: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..probabilities.len()).collect();
    classes.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    classes.truncate(count);
    classes
}
