//! The stages of a network that does not name them: by names that say so, else where maps shrink.

use std::collections::HashSet;

use super::graph::Node;
use super::op::Op;

/// More stages than this are no help in finding one's way.
const MOST_STAGES: usize = 40;

/// Names of stages, and the stage of each node.
pub fn find(nodes: &[Node]) -> (Vec<String>, Vec<usize>) {
    let names: Vec<Vec<&str>> = nodes.iter().map(|node| parts(&node.name)).collect();
    let depth = shared_depth(&names[1.min(names.len())..]);
    let by_path = |count: usize| -> Vec<Option<String>> {
        names
            .iter()
            .map(|name| {
                let own = name.get(depth..)?;
                // The last part is the layer itself.
                let last = own.len().saturating_sub(1).min(count);
                (last > 0).then(|| own[..last].join("."))
            })
            .collect()
    };
    let by_prefix = || names.iter().map(|name| prefix(name.last()?)).collect();
    let by_joins = || joins(nodes, &names);
    let ways: [&dyn Fn() -> Vec<Option<String>>; 4] = [&|| by_path(1), &|| by_path(2), &by_prefix, &by_joins];
    for way in ways {
        let keys = way();
        let told = keys.iter().flatten().count();
        let different = keys.iter().flatten().collect::<HashSet<_>>().len();
        if 10 * told >= 6 * nodes.len() && (3..=MOST_STAGES).contains(&different) {
            return numbered(keys.into_iter());
        }
    }
    numbered(nodes.iter().map(|node| {
        let shape = node.shape;
        Some(if shape.is_vector() { "out".into() } else { format!("{}×{}", shape.height, shape.width) })
    }))
}

/// A node without a key belongs to the stage before it.
fn numbered(keys: impl Iterator<Item = Option<String>>) -> (Vec<String>, Vec<usize>) {
    let mut stages: Vec<String> = vec![];
    let mut current = 0;
    let of_node = keys
        .map(|key| {
            if let Some(key) = key {
                current = stages.iter().position(|stage| *stage == key).unwrap_or_else(|| {
                    stages.push(key);
                    stages.len() - 1
                });
            }
            current
        })
        .collect();
    if stages.is_empty() {
        stages.push("network".into());
    }
    (stages, of_node)
}

/// `layer1.0.conv1`, `inception_v3/conv2d_1` → their parts.
fn parts(name: &str) -> Vec<&str> {
    name.split(['.', '/']).filter(|part| !part.is_empty()).collect()
}

/// How many parts nearly all names begin with.
fn shared_depth(names: &[Vec<&str>]) -> usize {
    let mut depth = 0;
    loop {
        let firsts: Vec<_> =
            names.iter().filter(|name| name.len() > depth + 1).map(|name| name[depth]).collect();
        let Some(first) = firsts.first() else { return depth };
        let same = firsts.iter().filter(|part| *part == first).count();
        if 10 * same < 9 * names.len() {
            return depth;
        }
        depth += 1;
    }
}

/// Blocks that end in numbered joins (`mixed0`, `mixed1`, …), as those of Keras' InceptionV3: what is before the first of them
/// divides is the stem. Keras' own numbers (`concatenate_1`) tell no blocks.
fn joins(nodes: &[Node], names: &[Vec<&str>]) -> Vec<Option<String>> {
    let is_join = |at: usize| {
        let name = names[at].last().copied().unwrap_or_default();
        let word = name.trim_end_matches(|c: char| c.is_ascii_digit());
        matches!(nodes[at].op, Op::Concat(_)) && word.len() < name.len() && !word.ends_with('_')
    };
    let ends: Vec<usize> = (0..nodes.len()).filter(|&at| is_join(at)).collect();
    let Some(&first) = ends.first() else { return vec![None; nodes.len()] };
    let readers = |at: usize| nodes[..=first].iter().filter(|node| node.inputs.contains(&at)).count();
    let fork = (0..first).rev().find(|&at| readers(at) > 2).unwrap_or(0);
    let stage = |at: usize| match ends.iter().find(|&&end| end >= at) {
        _ if at <= fork => "stem".into(),
        Some(&end) => names[end].last().copied().unwrap_or_default().into(),
        None => "out".into(),
    };
    (0..nodes.len()).map(|at| Some(stage(at))).collect()
}

/// `block5_conv1` → `block5`, `conv2_block1_1_conv` → `conv2`; nothing for `conv2d_12`, where the number is the layer's.
fn prefix(name: &str) -> Option<String> {
    let (first, rest) = name.split_once('_')?;
    let ends_in_number = first.ends_with(|c: char| c.is_ascii_digit());
    (ends_in_number && rest.contains(|c: char| c.is_alphabetic())).then(|| first.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn numbered_joins_end_the_blocks_of_inception() {
        let graph = inception_v3(10, 0.1);
        let (stages, of_node) = find(&graph.nodes);
        for (node, stage) in graph.nodes.iter().zip(of_node) {
            let own = match graph.stages[node.stage].as_str() {
                "pool" | "out" => "out",
                own => own,
            };
            assert_eq!(stages[stage], own, "{}", node.name);
        }
    }
}
