//! A list of class names beside a network: as many names as outputs, or a sentence.

use std::sync::Arc;

use super::label::{Label, finished, imagenet};
use super::list::{Indices, List};
use crate::model::inception_v3::IMAGENET_CLASSES;

/// What a network wants of a list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How many numbers it gives.
    pub outputs: usize,
    /// True where they are probabilities: one of these can have two names, of no and of yes.
    pub is_probability: bool,
}

/// Class names in the order of a network's outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    /// As many as the network has outputs, or two of one.
    pub labels: Arc<[Label]>,
    /// What was taken for granted: sentences that go on behind the file's name.
    pub notes: Vec<String>,
}

/// ImageNet's classes and, before them, one that is nothing, as TensorFlow's networks have it.
pub(super) const WITH_BACKGROUND: usize = IMAGENET_CLASSES + 1;

/// Names of a class that is nothing.
const BACKGROUND: [&str; 10] = [
    "background",
    "__background__",
    "_background_",
    "bg",
    "dummy",
    "none",
    "nothing",
    "null",
    "unlabeled",
    "???",
];

/// ImageNet's names for a network that has as many outputs, with or without a background; none for others.
pub fn usual(outputs: usize) -> Named {
    let none = Named { labels: Arc::new([]), notes: vec![] };
    match outputs {
        IMAGENET_CLASSES => Named { labels: imagenet(), ..none },
        WITH_BACKGROUND => {
            let background = Label { name: "background".into(), ..Label::default() };
            let labels = std::iter::once(background).chain(imagenet().iter().cloned()).collect();
            let note = "its 1001 outputs are taken for a background and ImageNet's 1000 classes (a guess: --labels names others)";
            Named { labels, notes: vec![note.into()] }
        }
        _ => none,
    }
}

/// The first reading that has as many names as the network has outputs.
pub(super) fn fit(readings: Vec<Result<List, String>>, wanted: Wanted) -> Result<Named, String> {
    let mut lists = Vec::new();
    for reading in readings {
        let mut list = reading?;
        let indices = list.sort()?;
        lists.push((list, indices));
    }
    let found = lists.iter().find_map(|(list, indices)| exactly(list, *indices, wanted));
    let found =
        found.or_else(|| lists.iter().find_map(|(list, indices)| by_background(list, *indices, wanted)));
    match (found, lists.first()) {
        (Some((labels, note, list)), _) => {
            let notes = list.note.iter().cloned().chain(note).collect();
            Ok(Named { labels: finished(labels), notes })
        }
        (None, Some((list, _))) => Err(other_count(list, wanted)),
        (None, None) => Err("has no class names".into()),
    }
}

type Found<'a> = Option<(Vec<Label>, Option<String>, &'a List)>;

fn exactly(list: &List, indices: Indices, wanted: Wanted) -> Found<'_> {
    let Wanted { outputs, is_probability } = wanted;
    let names = list.entries.len();
    let is_pair = outputs == 1 && names == 2 && is_probability;
    let largest = list.entries.last().and_then(|entry| usize::try_from(entry.index?).ok());
    match (indices, largest) {
        (Indices::Gaps | Indices::From1, Some(largest))
            if names < outputs && largest < outputs && (indices == Indices::Gaps || names + 1 == outputs) =>
        {
            // Numbers that are the classes' own.
            let mut labels = vec![Label::default(); outputs];
            for (entry, label) in list.entries.iter().zip(list.labels()) {
                labels[usize::try_from(entry.index?).ok()?] = label;
            }
            let unnamed = outputs - names;
            let them = if unnamed == 1 && indices == Indices::From1 {
                "class 0".into()
            } else {
                format!("{unnamed} classes")
            };
            Some((
                labels,
                Some(format!("numbers {names} of the {outputs} classes: {them} stay without a name")),
                list,
            ))
        }
        _ if names != outputs && !is_pair => None,
        (Indices::From1, _) => {
            let note = "counts from 1: its number 1 names class 0";
            Some((list.labels(), Some(note.into()), list))
        }
        (Indices::Gaps, _) => {
            let note = format!("leaves out numbers: its {names} names are taken in the order of theirs");
            Some((list.labels(), Some(note), list))
        }
        (Indices::None | Indices::From0, _) => Some((list.labels(), None, list)),
    }
}

fn by_background(list: &List, indices: Indices, wanted: Wanted) -> Found<'_> {
    let names = list.entries.len();
    let (first, from0) = (list.entries.first()?, matches!(indices, Indices::None | Indices::From0));
    let is_background = BACKGROUND.contains(&first.name.to_lowercase().as_str());
    if names == wanted.outputs + 1 && wanted.outputs > 1 && is_background && from0 {
        let note = format!(
            "begins with `{}`, a class that this network of {} does not have: its next line names class 0",
            first.name, wanted.outputs
        );
        return Some((list.labels().split_off(1), Some(note), list));
    }
    if wanted.outputs == WITH_BACKGROUND && names == IMAGENET_CLASSES && from0 {
        let mut labels = list.labels();
        labels.insert(0, Label { name: "background".into(), ..Label::default() });
        let note = "has 1000 names for 1001 classes: class 0 is taken for the background, and the first name is that of class 1";
        return Some((labels, Some(note.into()), list));
    }
    None
}

fn other_count(list: &List, wanted: Wanted) -> String {
    let Wanted { outputs, is_probability } = wanted;
    let names = list.entries.len();
    let count = match outputs {
        1 if is_probability => "1 output, which takes 1 name or 2 (of no and of yes)".into(),
        1 => "1 output".into(),
        _ => format!("{outputs} outputs"),
    };
    let first = list.entries.first().map_or("", |entry| entry.name.as_str());
    let hint = match (names, outputs) {
        (2, 1) => "; two names need a probability: is it one, say --meaning sigmoid".into(),
        _ if names == outputs + 1 => format!(
            ", or take its first line (`{}`) out if that is a heading or a class that is nothing",
            first.chars().take(40).collect::<String>()
        ),
        _ if names + 1 == outputs => ", or put `background` in front if class 0 is nothing".into(),
        _ => String::new(),
    };
    let plural = if names == 1 { "" } else { "s" };
    format!(
        "has {names} class name{plural}, but the network has {count}: give the list that it was trained with{hint}"
    )
}
