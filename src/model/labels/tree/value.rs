//! The tree itself.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::model::labels::columns;
use crate::model::labels::label::tidy;

/// What such a text holds.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) enum Tree {
    /// Null, or a number that is no index.
    Nothing,
    Number(i64),
    Text(String),
    List(Vec<Tree>),
    /// In the order of the file; a key may be there twice.
    Map(Vec<(String, Tree)>),
}

/// Where lists lie inside larger files, the surer one first: Ultralytics, COCO and Label Studio, Hugging Face, torchvision,
/// Keras, timm, FiftyOne.
pub(super) const KEYS: [&str; 16] = [
    "names",
    "id2label",
    "label2id",
    "label_names",
    "class_names",
    "categories",
    "classes",
    "class_to_idx",
    "idx_to_class",
    "class_indices",
    "class_index",
    "index_to_name",
    "label_map",
    "labels",
    "item",
    "items",
];

/// How deep a list may lie in a file.
pub(super) const DEEPEST: usize = 4;

impl Tree {
    pub fn is_container(&self) -> bool {
        match self {
            Self::List(items) => !items.is_empty(),
            Self::Map(pairs) => !pairs.is_empty(),
            _ => false,
        }
    }

    /// As text, where it has no parts.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Number(number) => Some(number.to_string()),
            Self::Text(text) => Some(tidy(text)),
            Self::Nothing => Some(String::new()),
            Self::List(_) | Self::Map(_) => None,
        }
    }

    pub fn index(&self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => columns::index(text),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Tree {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Builder)
    }
}

struct Builder;

impl<'de> Visitor<'de> for Builder {
    type Value = Tree;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Tree, E> {
        Ok(Tree::Nothing)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Tree, E> {
        Ok(Tree::Text(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Tree, E> {
        Ok(Tree::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Tree, E> {
        Ok(i64::try_from(value).map_or(Tree::Nothing, Tree::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Tree, E> {
        // What no list of names holds, and annotations beside one hold by the million.
        Ok(if value.fract() == 0.0 && value.abs() < 1e9 { Tree::Number(value as i64) } else { Tree::Nothing })
    }

    fn visit_str<E>(self, value: &str) -> Result<Tree, E> {
        Ok(Tree::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Tree::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Tree, A::Error> {
        let mut pairs = Vec::new();
        while let Some(pair) = access.next_entry()? {
            pairs.push(pair);
        }
        Ok(Tree::Map(pairs))
    }
}
