//! Origins in words, as they are typed, and in JSON.

use serde::Serialize;

use super::unit::{Part, Start, TraceOrigin};
use crate::model::labels::{Label, class_name};
use crate::model::{Graph, LayerIndex, Meaning, Place};

impl TraceOrigin {
    /// `mixed5 channel 312, its strongest cell (row 3, column 5)`, `class tabby (logit)`, `class tabby − class tiger cat (logits)`
    pub fn in_words(&self, graph: &Graph, labels: &[Label]) -> String {
        let is_class = |part: &Part| !matches!(part.start, Start::Channel { .. });
        let (many, all) = (self.parts.len() > 1, self.parts.iter().all(is_class));
        let mut text = String::new();
        for (number, part) in self.parts.iter().enumerate() {
            text += match (number, part.is_negative) {
                (0, false) => "",
                (0, true) => "−",
                (_, false) => " + ",
                (_, true) => " − ",
            };
            text += &part.start.in_words(graph, labels);
            if is_class(part) && !(many && all) {
                text += &kind_in_words(graph, false);
            }
        }
        if many && all {
            text += &kind_in_words(graph, true);
        }
        text
    }

    /// As [`TraceOrigin::parse`] takes it.
    pub fn typed(&self, graph: &Graph) -> String {
        let typed = |(number, part): (usize, &Part)| {
            let sign = match (number, part.is_negative) {
                (0, false) => "",
                (_, false) => "+",
                (_, true) => "-",
            };
            sign.to_string() + &part.start.typed(graph)
        };
        self.parts.iter().enumerate().map(typed).collect()
    }

    /// As JSON has it.
    pub fn info(&self, graph: &Graph, labels: &[Label]) -> OriginInfo {
        let unit = |part: &Part| {
            let weight = if part.is_negative { -1 } else { 1 };
            match part.start {
                Start::Channel { layer, channel, place, strongest } => {
                    let (place, cell) = match place {
                        Place::Strongest | Place::Top => ("strongest", strongest),
                        Place::Mean => ("mean", None),
                        Place::Cell(row, column) => ("cell", Some([row, column])),
                    };
                    let layer = LayerName { index: layer, name: graph.nodes[layer].name.clone() };
                    UnitInfo::Channel { weight, layer, channel, place, cell }
                }
                Start::Class(class) => UnitInfo::Class { weight, class, name: class_name(labels, class) },
                Start::TopClass => UnitInfo::TopClass { weight },
            }
        };
        OriginInfo {
            words: self.in_words(graph, labels),
            typed: self.typed(graph),
            units: self.parts.iter().map(unit).collect(),
        }
    }
}

/// An origin in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OriginInfo {
    /// In words.
    pub words: String,
    /// As it can be typed.
    pub typed: String,
    /// What is summed up.
    pub units: Vec<UnitInfo>,
}

/// One unit in JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum UnitInfo {
    /// Of a layer.
    Channel {
        /// 1 or −1.
        weight: i32,
        /// The layer.
        layer: LayerName,
        /// Its channel.
        channel: usize,
        /// `strongest`, `mean` or `cell`.
        place: &'static str,
        /// Row and column, where one cell is meant and known.
        cell: Option<[usize; 2]>,
    },
    /// A class.
    Class {
        /// 1 or −1.
        weight: i32,
        /// Its number.
        class: usize,
        /// Its name.
        name: String,
    },
    /// The most probable class.
    TopClass {
        /// 1 or −1.
        weight: i32,
    },
}

/// A layer in JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LayerName {
    /// Its index.
    pub index: LayerIndex,
    /// Its name.
    pub name: String,
}

impl Start {
    fn in_words(self, graph: &Graph, labels: &[Label]) -> String {
        match self {
            Self::TopClass => "the most probable class".into(),
            Self::Class(class) if is_numbers(graph) => match labels.get(class).and_then(|l| l.title(class)) {
                Some(name) => format!("output {name}"),
                None => format!("output {class}"),
            },
            Self::Class(class) => match labels.get(class).and_then(|label| label.title(class)) {
                Some(name) => format!("class {name}"),
                None => format!("class {class}"),
            },
            Self::Channel { layer, channel, place, strongest } => {
                let node = &graph.nodes[layer];
                let cell = |[row, column]: [usize; 2]| format!("row {row}, column {column}");
                let which = match (place, strongest) {
                    _ if node.shape.is_vector() => String::new(),
                    (Place::Strongest | Place::Top, Some(at)) => {
                        format!(", its strongest cell ({})", cell(at))
                    }
                    (Place::Strongest | Place::Top, None) => ", its strongest cell".into(),
                    (Place::Mean, _) => ", the mean of its cells".into(),
                    (Place::Cell(row, column), _) => format!(", its cell at {}", cell([row, column])),
                };
                format!("{} channel {channel}{which}", node.name)
            }
        }
    }

    fn typed(self, graph: &Graph) -> String {
        match self {
            Self::TopClass => "class:top".into(),
            Self::Class(class) => format!("class:{class}"),
            Self::Channel { layer, channel, place, .. } => {
                let name = &graph.nodes[layer].name;
                match place {
                    Place::Strongest | Place::Top => format!("{name}:{channel}"),
                    Place::Mean => format!("{name}:{channel}@mean"),
                    Place::Cell(row, column) => format!("{name}:{channel}@{row},{column}"),
                }
            }
        }
    }
}

/// What of a class is traced: its logit where the network squeezes it into a probability.
fn kind_in_words(graph: &Graph, several: bool) -> String {
    let is_squeezed = graph.class_unit(0, 0).is_some_and(|unit| graph.is_logit(&unit));
    match (is_squeezed, is_numbers(graph)) {
        (true, _) if several => " (logits)".into(),
        (true, _) => " (logit)".into(),
        (false, true) => String::new(),
        (false, false) if several => " (probabilities)".into(),
        (false, false) => " (probability)".into(),
    }
}

fn is_numbers(graph: &Graph) -> bool {
    graph.answer().is_some_and(|answer| answer.meaning == Meaning::Numbers)
}
