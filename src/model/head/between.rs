//! What stands between fully connected layers, which no file of tensors says.

use super::part::{Part, PartKind};
use crate::model::Activation;

/// Who says what stands between fully connected layers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Between {
    /// The user.
    Said(Activation),
    /// It is a guess.
    Guessed(Activation),
    /// The published network has it.
    Published(Activation),
}

/// What two names say of what stands between their layers.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Gap {
    /// They follow each other in a `Sequential`.
    Nothing,
    /// Places of a `Sequential` between them hold layers without parameters.
    Something,
    /// Nothing.
    Unknown,
}

impl Between {
    /// True where the user says it.
    pub fn is_said(self) -> bool {
        matches!(self, Self::Said(_))
    }

    /// What stands behind each of these layers; what was assumed is added to `notes`.
    pub(super) fn gaps(self, parts: &[Part], notes: &mut Vec<String>) -> Vec<Option<Activation>> {
        let mut gaps = vec![None; parts.len()];
        let weighty: Vec<usize> = (0..parts.len()).filter(|&index| parts[index].kind.is_weighty()).collect();
        let (mut guessed, mut empty) = (vec![], vec![]);
        for pair in weighty.windows(2) {
            let (first, last) = (pair[0], pair[1]);
            if parts[first..last].iter().any(|part| matches!(part.kind, PartKind::Prelu(_))) {
                continue;
            }
            let between: Vec<Gap> =
                (first..last).map(|at| gap(&parts[at].path, &parts[at + 1].path)).collect();
            let place = between.iter().position(|gap| *gap == Gap::Something);
            let place = place.or_else(|| between.iter().rposition(|gap| *gap == Gap::Unknown));
            let names = (parts[first].path.as_str(), parts[last].path.as_str());
            let activation = match (self, place) {
                (Self::Guessed(_), None) => {
                    empty.push(names);
                    continue;
                }
                (Self::Guessed(activation), Some(_)) => {
                    guessed.push(names);
                    activation
                }
                (Self::Said(activation) | Self::Published(activation), _) => activation,
            };
            let at = first + place.unwrap_or(between.len() - 1);
            gaps[at] = Some(activation).filter(|activation| *activation != Activation::Linear);
        }
        let pairs = |names: &[(&str, &str)]| {
            names.iter().map(|(a, b)| format!("`{a}` and `{b}`")).collect::<Vec<_>>().join(", ")
        };
        if let (Self::Guessed(activation), false) = (self, guessed.is_empty()) {
            notes.push(format!(
                "what stands between {} is not in the file: {} is a guess; `--between none`, `--between tanh` or another \
                 says what it is",
                pairs(&guessed),
                activation.name()
            ));
        }
        if !empty.is_empty() {
            notes.push(format!(
                "nothing stands between {}: their numbers follow each other (--between says otherwise)",
                pairs(&empty)
            ));
        }
        gaps
    }
}

/// `fc.0` and `fc.1` follow each other, between `fc.0` and `fc.3` stands something.
fn gap(first: &str, second: &str) -> Gap {
    let (a, b): (Vec<&str>, Vec<&str>) = (first.split('.').collect(), second.split('.').collect());
    let common = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let number = |parts: &[&str]| parts.get(common).and_then(|part| part.parse::<u64>().ok());
    let (Some(before), Some(behind)) = (number(&a), number(&b)) else { return Gap::Unknown };
    // The last layer of a whole network in front, and the first of a `Sequential` behind.
    let ends = matches!(a[common + 1..], [] | ["fc"]);
    let begins = b[common + 1..].iter().all(|part| *part == "0");
    match behind.checked_sub(before) {
        Some(1) if ends && begins => Gap::Nothing,
        Some(2..) if ends && begins => Gap::Something,
        _ => Gap::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_tell_what_stands_between() {
        for (first, second, expected) in [
            ("fc.0", "fc.1", Gap::Nothing),
            ("fc.0", "fc.2", Gap::Something),
            ("fc.0", "fc.3", Gap::Something),
            ("0.fc", "1", Gap::Nothing),
            ("0.fc", "1.0", Gap::Nothing),
            ("0.fc", "1.2", Gap::Unknown),
            ("0.0", "1", Gap::Unknown),
            ("model.fc", "classifier", Gap::Unknown),
            ("fc1", "fc2", Gap::Unknown),
            ("fc.3", "fc.1", Gap::Unknown),
        ] {
            assert_eq!(gap(first, second), expected, "{first} {second}");
        }
    }
}
