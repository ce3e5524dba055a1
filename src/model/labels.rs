//! Class names: the 1000 of ImageNet with their WordNet ids (`models/imagenet_classes.tsv`, written by
//! `scripts/make_labels.py`), or those of a file.

use std::sync::Arc;

/// One class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// WordNet id, such as `n02123045`; empty where a list has none.
    pub wordnet_id: String,
    /// Name for people, such as `tabby`.
    pub name: String,
}

/// The 1000 classes of ImageNet in the order of the classifier's outputs.
pub fn imagenet() -> Arc<[Label]> {
    parse(include_str!("../../models/imagenet_classes.tsv"))
}

/// The names of what the embedded network knows, in the order of its outputs.
pub fn embedded() -> Arc<[Label]> {
    parse(include_str!("../../models/embedded/labels.txt"))
}

/// These names, in the order of the outputs.
pub fn named(names: &[String]) -> Arc<[Label]> {
    names.iter().map(|name| Label { wordnet_id: String::new(), name: name.trim().into() }).collect()
}

/// Class names in the order of the classifier's outputs: a JSON list of names; or lines, each a name, or
/// `index<TAB>wordnet id<TAB>name`. Lines that begin with `#` and empty ones are skipped.
pub fn parse(text: &str) -> Arc<[Label]> {
    let text = text.trim_start_matches('\u{feff}');
    let named = |name: &str| Label { wordnet_id: String::new(), name: name.trim().into() };
    if let Ok(names) = serde_json::from_str::<Vec<String>>(text) {
        return names.iter().map(|name| named(name)).collect();
    }
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    let label = |line: &str| match line.split('\t').collect::<Vec<_>>()[..] {
        [_, wordnet_id, name] => Label { wordnet_id: wordnet_id.trim().into(), name: name.trim().into() },
        _ => named(line),
    };
    lines.map(label).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_classes_with_wordnet_ids_in_order() {
        let labels = imagenet();
        assert_eq!(labels.len(), 1000);
        assert_eq!((labels[281].wordnet_id.as_str(), labels[281].name.as_str()), ("n02123045", "tabby"));
        assert!(labels.is_sorted_by(|a, b| a.wordnet_id < b.wordnet_id));
        assert!(labels.iter().all(|label| label.wordnet_id.len() == 9 && !label.name.is_empty()));
    }

    #[test]
    fn lists_of_every_kind() {
        let names = |text: &str| parse(text).iter().map(|label| label.name.clone()).collect::<Vec<_>>();
        assert_eq!(names("cat\n# no class\n\nbig dog\r\n"), ["cat", "big dog"]);
        assert_eq!(names("[\"cat\", \"big dog\"]"), ["cat", "big dog"]);
        assert_eq!(names("\u{feff}0\tn01\tcat\n1\tn02\tbig dog"), ["cat", "big dog"]);
        assert_eq!(parse("0\tn01\tcat")[0].wordnet_id, "n01");
    }
}
