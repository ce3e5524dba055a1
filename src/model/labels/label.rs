//! Classes by name, and the lists that are built in.

use std::collections::HashMap;
use std::sync::Arc;

/// One class.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Label {
    /// WordNet id, such as `n02123045`; empty where a list has none.
    pub wordnet_id: String,
    /// Name for people, such as `tabby`; empty where a list leaves the class out.
    pub name: String,
    /// True where another class has the same name.
    pub is_shared: bool,
}

impl Label {
    /// The name of the class with this number, told apart from others of the same name: `crane (134)`. `None` where it has
    /// none.
    pub fn title(&self, number: usize) -> Option<String> {
        match &self.name {
            name if name.is_empty() => None,
            name if self.is_shared => Some(format!("{name} ({number})")),
            name => Some(name.clone()),
        }
    }
}

/// The 1000 classes of ImageNet in the order of the classifier's outputs.
pub fn imagenet() -> Arc<[Label]> {
    built_in(include_str!("../../../models/imagenet_classes.tsv"))
}

/// The names of what the embedded network knows, in the order of its outputs.
pub fn embedded() -> Arc<[Label]> {
    built_in(include_str!("../../../models/embedded/labels.txt"))
}

/// The name of a class, or its number.
pub fn class_name(labels: &[Label], class: usize) -> String {
    labels.get(class).and_then(|label| label.title(class)).unwrap_or_else(|| format!("class {class}"))
}

/// These names, in the order of the outputs.
pub fn named<T: AsRef<str>>(names: &[T]) -> Arc<[Label]> {
    finished(names.iter().map(|name| Label { name: tidy(name.as_ref()), ..Label::default() }).collect())
}

fn built_in(text: &str) -> Arc<[Label]> {
    let labels = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let mut columns = line.rsplit('\t');
        let name = columns.next().unwrap_or_default().to_string();
        Label { name, wordnet_id: columns.next().unwrap_or_default().into(), is_shared: false }
    });
    finished(labels.collect())
}

/// Marks names that several classes have.
pub(super) fn finished(mut labels: Vec<Label>) -> Arc<[Label]> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for label in &labels {
        *counts.entry(label.name.clone()).or_default() += 1;
    }
    for label in &mut labels {
        label.is_shared = counts.get(&label.name).is_some_and(|count| *count > 1);
    }
    labels.into()
}

/// One line, whatever blanks and line ends were in it.
pub(super) fn tidy(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}
