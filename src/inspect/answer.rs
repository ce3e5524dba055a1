//! What a network says of a picture: the numbers of an output, and what they mean. Pure, any thread.

use std::sync::Arc;

use serde::Serialize;

use crate::model::labels::Label;
use crate::model::{Graph, Meaning};

/// The numbers of an output that is a vector.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// One for each class or output.
    pub values: Arc<[f32]>,
    /// What they are.
    pub meaning: Meaning,
}

/// One of these numbers; in JSON `probability` or `value`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// From 0 to 1.
    Probability(f32),
    /// A number that is no probability.
    Value(f32),
}

impl Said {
    /// As people read it: `12.3 %` with one decimal, `34.97`.
    pub fn in_words(self, decimals: usize) -> String {
        match self {
            Self::Probability(part) => format!("{:.decimals$} %", part * 100.0),
            Self::Value(value) => match value.abs() {
                0.0 => "0".into(),
                size if !(1e-4..1e6).contains(&size) => format!("{value:.3e}"),
                size if size >= 1000.0 => format!("{value:.0}"),
                size if size >= 100.0 => format!("{value:.1}"),
                size if size >= 10.0 => format!("{value:.2}"),
                size if size >= 1.0 => format!("{value:.3}"),
                _ => format!("{value:.4}"),
            },
        }
    }

    /// The number itself.
    pub fn number(self) -> f32 {
        let (Self::Probability(number) | Self::Value(number)) = self;
        number
    }

    /// What it is called in JSON and TensorBoard.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Probability(_) => "probability",
            Self::Value(_) => "value",
        }
    }
}

impl Answer {
    /// Of an output's values. A single probability with two `names` is that of the second one, and the first has what is
    /// left.
    pub fn new(values: &[f32], meaning: Meaning, names: usize) -> Self {
        match values {
            [second] if names == 2 && is_probability(meaning) => {
                Self { values: [1.0 - second, *second].into(), meaning: Meaning::Probabilities }
            }
            _ => Self { values: values.into(), meaning },
        }
    }

    /// True for probabilities, of classes that exclude each other or not.
    pub fn is_probability(&self) -> bool {
        is_probability(self.meaning)
    }

    /// The numbers that are told where there is room for `count`: of probabilities the largest, largest first; others in
    /// their order.
    pub fn top(&self, count: usize) -> Vec<usize> {
        match self.is_probability() {
            true => top_classes(&self.values, count),
            false => (0..self.values.len().min(count)).collect(),
        }
    }

    /// The number at this place.
    pub fn said(&self, index: usize) -> Said {
        let value = self.values.get(index).copied().unwrap_or(f32::NAN);
        if self.is_probability() { Said::Probability(value) } else { Said::Value(value) }
    }

    /// What its places are: `class` or `output`.
    pub fn noun(&self) -> &'static str {
        if self.is_probability() { "class" } else { "output" }
    }

    /// The name of a place, told apart from others of that name, or its number.
    pub fn name(&self, index: usize, labels: &[Label]) -> String {
        let title = labels.get(index).and_then(|label| label.title(index));
        title.unwrap_or_else(|| format!("{} {index}", self.noun()))
    }

    /// The ends of a bar that shows its numbers; zero lies in it.
    pub fn span(&self) -> (f32, f32) {
        if self.is_probability() {
            return (0.0, 1.0);
        }
        let finite = self.values.iter().copied().filter(|value| value.is_finite());
        finite.fold((0.0, 0.0), |(low, high), value| (value.min(low), value.max(high)))
    }
}

fn is_probability(meaning: Meaning) -> bool {
    matches!(meaning, Meaning::Probabilities | Meaning::Independent)
}

/// Indices of the largest probabilities, largest first; at most `count`.
pub fn top_classes(probabilities: &[f32], count: usize) -> Vec<usize> {
    let mut classes: Vec<usize> = (0..probabilities.len()).collect();
    classes.sort_by(|a, b| probabilities[*b].total_cmp(&probabilities[*a]));
    classes.truncate(count);
    classes
}

/// What a network without an [`Answer`] gives, as a part of a sentence: `this network gives maps (mixed10) and no classes`.
pub fn no_answer(graph: &Graph) -> String {
    let names: Vec<_> = graph.outputs.iter().map(|output| graph.nodes[output.layer].name.as_str()).collect();
    let named = if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) };
    let why = graph.open_end.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
    format!("this network gives maps{named} and no classes{why}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_what_they_are() {
        let said = |value| Said::Value(value).in_words(1);
        assert_eq!([34.97, 0.0, -2.7346].map(said), ["34.97", "0", "-2.735"]);
        assert_eq!([0.0625, 123.46, 5321.6].map(said), ["0.0625", "123.5", "5322"]);
        assert_eq!([1e-7, f32::NAN].map(said), ["1.000e-7", "NaN"]);
        assert_eq!(
            [1, 2].map(|decimals| Said::Probability(0.1234).in_words(decimals)),
            ["12.3 %", "12.34 %"]
        );
        assert_eq!(serde_json::to_string(&Said::Value(0.5)).unwrap(), r#"{"value":0.5}"#);
    }

    #[test]
    fn an_answer_is_told_by_what_it_means() {
        let values = [0.25, 0.75, 0.5];
        let of = |meaning| Answer::new(&values, meaning, 0);
        let (classes, numbers) = (of(Meaning::Independent), of(Meaning::Numbers));
        assert_eq!((classes.top(2), numbers.top(2), classes.top(9).len()), (vec![1, 2], vec![0, 1], 3));
        assert_eq!((classes.name(1, &[]), numbers.name(1, &[])), ("class 1".into(), "output 1".into()));
        assert_eq!((classes.span(), numbers.span()), ((0.0, 1.0), (0.0, 0.75)));
        assert_eq!((numbers.said(0), classes.said(0)), (Said::Value(0.25), Said::Probability(0.25)));
    }

    #[test]
    fn one_probability_with_two_names_is_two() {
        let of = |names| Answer::new(&[0.75], Meaning::Independent, names);
        assert_eq!((&of(2).values[..], of(2).meaning), (&[0.25, 0.75][..], Meaning::Probabilities));
        assert_eq!((of(1).values.len(), of(0).values.len()), (1, 1));
        assert_eq!(Answer::new(&[7.0], Meaning::Numbers, 2).values.len(), 1);
    }
}
