//! Class names: the 1000 of ImageNet with their WordNet ids (`models/imagenet_classes.tsv`, written by
//! `scripts/make_labels.py`).

use std::sync::Arc;

/// One class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// WordNet id, such as `n02123045`.
    pub wordnet_id: String,
    /// Name for people, such as `tabby`.
    pub name: String,
}

/// The 1000 classes of ImageNet in the order of the classifier's outputs.
pub fn imagenet() -> Arc<[Label]> {
    parse(include_str!("../../models/imagenet_classes.tsv"))
}

/// Lines `index<TAB>wordnet id<TAB>name`; lines that begin with `#` are skipped.
fn parse(text: &str) -> Arc<[Label]> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let mut fields = line.split('\t').skip(1);
            Some(Label { wordnet_id: fields.next()?.into(), name: fields.next()?.into() })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_thousand_classes_with_wordnet_ids_in_order() {
        let labels = super::imagenet();
        assert_eq!(labels.len(), 1000);
        assert_eq!((labels[281].wordnet_id.as_str(), labels[281].name.as_str()), ("n02123045", "tabby"));
        assert!(labels.is_sorted_by(|a, b| a.wordnet_id < b.wordnet_id));
        assert!(labels.iter().all(|label| label.wordnet_id.len() == 9 && !label.name.is_empty()));
    }
}
