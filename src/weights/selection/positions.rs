//! Names by position, as `nn.Sequential(*model.children())` has them.

use std::collections::{BTreeMap, BTreeSet};

use super::super::canonical::Parameter;

/// A path whose numbers are compared as numbers.
type Place = Vec<(Option<u64>, String)>;

fn place(path: &str) -> Place {
    path.split('.').map(|part| (part.parse().ok(), part.to_owned())).collect()
}

/// `4.0.conv1.weight` with the name of part 4 in place of the number.
pub(super) fn named(name: &str, parts: &[&str]) -> Option<String> {
    let (number, rest) = name.split_once('.')?;
    let part = parts.get(number.parse::<usize>().ok()?)?;
    Some(format!("{part}.{rest}"))
}

/// What stands in front of the numbers at the end of a path: `net.blocks.` of `net.blocks.2.0.`.
pub(super) fn without_numbers(path: &str) -> &str {
    let rest = path.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    match path.get(rest.len()..).and_then(|numbers| numbers.find('.')) {
        // The number is the end of a word, or there is no word at all.
        Some(0) => &path[..=rest.len()],
        Some(_) if rest.is_empty() => "",
        Some(end) => &path[..=rest.len() + end],
        None => path,
    }
}

/// torchvision's names of the convolutions before the blocks.
const STEM: [&str; 5] = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"];

/// Its names of the blocks, and of a branch by which their kind is known.
const BLOCKS: [(&str, &str); 11] = [
    ("Mixed_5b", "branch5x5_1"),
    ("Mixed_5c", "branch5x5_1"),
    ("Mixed_5d", "branch5x5_1"),
    ("Mixed_6a", "branch3x3"),
    ("Mixed_6b", "branch7x7_1"),
    ("Mixed_6c", "branch7x7_1"),
    ("Mixed_6d", "branch7x7_1"),
    ("Mixed_6e", "branch7x7_1"),
    ("Mixed_7a", "branch7x7x3_1"),
    ("Mixed_7b", "branch3x3_2a"),
    ("Mixed_7c", "branch3x3_2a"),
];

/// The paths of an InceptionV3 whose parts are numbered, behind `prefix`, each with torchvision's name for it: by the order of the
/// convolutions before the blocks, and by the branches of the blocks. `None` where it is none.
pub(super) fn inception(parameters: &[Parameter], prefix: &str) -> Option<BTreeMap<String, String>> {
    let mut blocks: BTreeMap<Place, (String, BTreeSet<&str>)> = BTreeMap::new();
    let mut stem: BTreeMap<Place, String> = BTreeMap::new();
    let mut auxiliary: BTreeSet<String> = BTreeSet::new();
    for parameter in parameters {
        let Some(own) = parameter.name.strip_prefix(prefix) else { continue };
        let parts: Vec<&str> = own.split('.').collect();
        let path = |count: usize| parts[..count].join(".");
        if let Some(branch) = parts.iter().position(|part| part.starts_with("branch")) {
            let path = path(branch);
            blocks.entry(place(&path)).or_insert((path, BTreeSet::new())).1.insert(parts[branch]);
        } else if let [.., block, "conv", "weight"] = parts[..] {
            let count = parts.len() - 2;
            match block {
                "conv0" | "conv1" => drop(auxiliary.insert(path(count - 1))),
                _ => drop(stem.insert(place(&path(count)), path(count))),
            }
        }
    }
    let fits = stem.len() == STEM.len()
        && (1..=BLOCKS.len()).contains(&blocks.len())
        && blocks.values().zip(BLOCKS).all(|((_, branches), (_, branch))| branches.contains(branch));
    if !fits {
        return None;
    }
    let stem = stem.into_values().zip(STEM);
    let blocks = blocks.into_values().zip(BLOCKS).map(|((path, _), (name, _))| (path, name));
    let auxiliary = auxiliary.into_iter().map(|path| (path, "AuxLogits"));
    Some(stem.chain(blocks).chain(auxiliary).map(|(path, name)| (path, name.to_owned())).collect())
}

/// A name with torchvision's path in place of the one that it begins with.
pub(super) fn in_blocks(name: &str, paths: &BTreeMap<String, String>) -> Option<String> {
    let ends = name.match_indices('.').map(|(at, _)| at);
    let (end, path) = ends.filter_map(|end| Some((end, paths.get(&name[..end])?))).next()?;
    Some(format!("{path}{}", &name[end..]))
}
