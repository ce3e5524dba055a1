//! What the pictures of a run are called, in words and in the names of files. Pure.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use crate::source::SourceSpec;

/// A name of a file may have 255 bytes, of which commands take some for their own.
const MOST_BYTES: usize = 180;

/// For each of several PATHs the shortest end of it that no other one has: `heart` and `star` of `classes/*`, `a/1.png` and
/// `b/1.png`. Where there is one alone, its pictures are called as they are: `None`.
pub fn labels(paths: &[SourceSpec]) -> Vec<Option<String>> {
    let ends = |spec: &SourceSpec| match spec {
        SourceSpec::Path(path) if paths.len() > 1 => ends_of(path),
        _ => vec![],
    };
    let all: HashSet<Vec<String>> = paths.iter().map(ends).collect();
    let mut uses: HashMap<&str, usize> = HashMap::new();
    all.iter().flatten().for_each(|end| *uses.entry(end).or_default() += 1);
    let label = |ends: Vec<String>| ends.iter().find(|end| uses[end.as_str()] == 1).or(ends.last()).cloned();
    paths.iter().map(|spec| label(ends(spec))).collect()
}

/// `c`, `b/c`, `a/b/c` of a path.
fn ends_of(path: &Path) -> Vec<String> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_string_lossy()),
        _ => None,
    });
    let mut ends: Vec<String> = vec![];
    for part in parts {
        ends.push(ends.last().map_or(part.to_string(), |end| format!("{part}/{end}")));
    }
    ends
}

/// What files made from a picture are called: `heart-1` of `heart/1.png`.
pub fn stem(picture: &str) -> String {
    let stem = Path::new(picture).with_extension("").to_string_lossy().replace(['/', '\\'], "-");
    // The end is what tells pictures of a folder apart.
    let too_long = stem.len().saturating_sub(MOST_BYTES);
    let start = (too_long..).find(|&start| stem.is_char_boundary(start)).unwrap_or_default();
    stem[start..].into()
}

/// Where the output for one picture goes: to `path` itself, or, where there are several pictures, beside it with
/// the picture's name behind the stem: `maps.png` becomes `maps-cat.png`.
pub fn output_path(path: &Path, single: bool, stem: &str) -> PathBuf {
    if single {
        return path.into();
    }
    let own = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().map(|ending| format!(".{}", ending.to_string_lossy())).unwrap_or_default();
    path.with_file_name(format!("{own}-{stem}{ending}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_pictures_go_beside_each_other() {
        let path = Path::new("out/maps.png");
        assert_eq!(output_path(path, true, "cat"), path);
        assert_eq!(output_path(path, false, "cat"), Path::new("out/maps-cat.png"));
        assert_eq!(output_path(Path::new("maps"), false, "cat"), Path::new("maps-cat"));
    }

    #[test]
    fn paths_are_called_by_what_tells_them_apart() {
        let called = |paths: &[&str]| {
            let specs: Vec<SourceSpec> = paths.iter().map(|path| path.parse().unwrap()).collect();
            labels(&specs).into_iter().map(Option::unwrap_or_default).collect::<Vec<_>>()
        };
        assert_eq!(called(&["set/heart/"]), [""]);
        assert_eq!(called(&["set/heart", "set/star/"]), ["heart", "star"]);
        assert_eq!(called(&["/x/a/1.png", "b/1.png", "../2.png"]), ["a/1.png", "b/1.png", "2.png"]);
        assert_eq!(called(&["1.png", "a/1.png", "1.png"]), ["1.png", "a/1.png", "1.png"]);
        assert_eq!(called(&["testcard", ".", "cat.jpg"]), ["", "", "cat.jpg"]);
    }

    #[test]
    fn stems_are_names_of_files() {
        assert_eq!(stem("cat.jpg"), "cat");
        assert_eq!(stem("heart/x/1.2.png"), "heart-x-1.2");
        assert_eq!(stem(".png"), ".png");
        let long = stem(&format!("{}/1.png", "ä".repeat(200)));
        assert!(long.len() <= MOST_BYTES && long.ends_with("ä-1"), "{long}");
    }
}
