//! The stages of a network that does not name them: by names that say so, else where maps shrink.

use std::collections::HashSet;

use super::graph::Node;

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
    let ways: [&dyn Fn() -> Vec<Option<String>>; 3] = [&|| by_path(1), &|| by_path(2), &by_prefix];
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

/// `block5_conv1` → `block5`, `conv2_block1_1_conv` → `conv2`; nothing for `conv2d_12`, where the number is the layer's.
fn prefix(name: &str) -> Option<String> {
    let (first, rest) = name.split_once('_')?;
    let ends_in_number = first.ends_with(|c: char| c.is_ascii_digit());
    (ends_in_number && rest.contains(|c: char| c.is_alphabetic())).then(|| first.into())
}
