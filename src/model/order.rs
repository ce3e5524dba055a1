//! The order of Keras' `model.layers`, so that "layer 4" means here what it means there.
//!
//! Keras sorts layers by depth (longest distance to the output, largest first) and, within one depth, by
//! the order in which a walk from the output back to the input first meets them (`map_graph_network` in
//! `keras/src/ops/function.py`).

/// Indices of all nodes that `output` depends on, in Keras' order. `inputs[i]` are the nodes that node i
/// reads, in the order of its arguments.
pub fn keras_order(inputs: &[&[usize]], output: usize) -> Vec<usize> {
    let mut met = vec![None; inputs.len()];
    let mut finished = Vec::with_capacity(inputs.len());
    walk(inputs, output, &mut met, &mut 0, &mut finished);

    let mut depth = vec![0usize; inputs.len()];
    for &node in finished.iter().rev() {
        for &input in inputs[node] {
            depth[input] = depth[input].max(depth[node] + 1);
        }
    }
    let mut order = finished;
    order.sort_by_key(|&node| (std::cmp::Reverse(depth[node]), met[node]));
    order
}

/// Depth-first from the output: numbers nodes when it first meets them, lists them when all their inputs are done.
fn walk(
    inputs: &[&[usize]],
    node: usize,
    met: &mut [Option<usize>],
    count: &mut usize,
    finished: &mut Vec<usize>,
) {
    if met[node].is_some() {
        return;
    }
    met[node] = Some(*count);
    *count += 1;
    for &input in inputs[node] {
        walk(inputs, input, met, count, finished);
    }
    finished.push(node);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longer_branches_come_first() {
        // 0 → 1 → 2 → 5, 0 → 3 → 5 … with 4 on the short branch after 3.
        let inputs: [&[usize]; 5] = [&[], &[0], &[1], &[0], &[3, 2]];
        assert_eq!(keras_order(&inputs, 4), [0, 1, 3, 2, 4]);
    }
}
