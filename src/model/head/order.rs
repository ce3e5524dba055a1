//! The one order in which layers can stand behind a body.

use super::between::Between;
use super::part::{Head, Joint, Part, PartKind, Step};
use crate::model::Reduction;

/// More layers than this make no head.
const MOST_PARTS: usize = 24;

/// Orders that are tried before it is given up.
const MOST_TRIALS: usize = 20_000;

/// What is known beside the layers.
#[derive(Clone, Debug)]
pub struct Known {
    /// Channels of the body's last maps.
    pub channels: usize,
    /// How maps become a vector, where the file tells.
    pub joint: Option<Joint>,
    /// What stands between fully connected layers.
    pub between: Between,
    /// What the order means in which the layers come.
    pub given: Given,
}

/// What the order means in which layers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Given {
    /// They follow one another so.
    Order,
    /// A program made them so, which decides where names and shapes leave several orders.
    Making,
    /// Nothing.
    Nothing,
}

/// Brings the layers behind a body into the one order that their names and shapes allow.
///
/// # Errors
/// In words, why there is none: a clause with the layers' names.
pub fn arrange(parts: Vec<Part>, known: &Known) -> Result<Head, String> {
    if parts.is_empty() {
        let joint = known.joint.unwrap_or(Joint::Pool(Reduction::Mean));
        return Ok(Head { steps: vec![Step::Join(joint)], notes: vec![] });
    }
    let names = listed(parts.iter().map(|part| part.path.as_str()));
    if parts.len() > MOST_PARTS {
        return Err(format!("behind its body stand {names}, too many to find their order"));
    }
    let before = match known.given {
        Given::Order => (0..parts.len()).map(|a| (0..parts.len()).map(|b| a < b).collect()).collect(),
        _ => before(&parts),
    };
    let mut search = Search { parts: &parts, before, trials: 0, found: vec![], chosen: vec![] };
    search.from(None, known);
    let (found, trials) = (search.found, search.trials);
    let is_given = |order: &Vec<usize>| order.iter().copied().eq(0..parts.len());
    let order = match &found[..] {
        _ if trials > MOST_TRIALS => None,
        [one] => Some(one.clone()),
        several => several.iter().find(|order| known.given == Given::Making && is_given(order)).cloned(),
    };
    let Some(order) = order else {
        let why = match found.is_empty() {
            true => "which do not follow one another by their shapes",
            false => "whose order is not in the file",
        };
        return Err(format!("behind its body stand {names}, {why}"));
    };
    let parts: Vec<Part> = order.into_iter().map(|index| parts[index].clone()).collect();
    if is_gate(&parts, known.channels) && !known.between.is_said() {
        return Err(format!(
            "behind its body stand {names}, of which two lead back to the {} features, as a gate does that is multiplied by \
             them (if they follow one another, say --between)",
            known.channels
        ));
    }
    Ok(assemble(parts, known))
}

/// Why layers make no head, some of which are of no kind that is known: a clause.
pub fn unknown(parts: &[Part], unknown: &[String]) -> String {
    let paths = parts.iter().map(|part| part.path.as_str());
    let all = listed(paths.chain(unknown.iter().map(String::as_str)));
    let odd = if parts.is_empty() {
        "they are".into()
    } else {
        format!("{} is", listed(unknown.iter().map(String::as_str)))
    };
    format!("behind its body stand {all}, and how {odd} computed is not in the file")
}

/// Names for a sentence.
pub fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
    const MOST: usize = 6;
    match names.len().checked_sub(MOST) {
        Some(more) if more > 0 => format!("{} and {more} more", names[..MOST].join(", ")),
        _ => names.join(", "),
    }
}

/// Squeeze and excitation: few values, then as many as there are features.
fn is_gate(parts: &[Part], features: usize) -> bool {
    let dense: Vec<(usize, usize)> = parts
        .iter()
        .filter_map(|part| match part.kind {
            PartKind::Dense { inputs, outputs, .. } | PartKind::Conv { inputs, outputs, .. } => {
                Some((inputs, outputs))
            }
            _ => None,
        })
        .collect();
    dense.windows(2).any(|pair| pair[0].0 == features && pair[0].1 < features && pair[1].1 == features)
}

/// Which parts stand before which, by the first number in which their names differ: those of a `Sequential`, or `fc1`
/// and `fc2`.
fn before(parts: &[Part]) -> Vec<Vec<bool>> {
    let keys: Vec<Vec<Piece<'_>>> = parts.iter().map(|part| pieces(&part.path)).collect();
    let is_before = |a: &[Piece<'_>], b: &[Piece<'_>]| {
        let differing = a.iter().zip(b).find(|(a, b)| a != b);
        matches!(differing, Some((Piece::Number(a), Piece::Number(b))) if a < b)
    };
    keys.iter().map(|a| keys.iter().map(|b| is_before(a, b)).collect()).collect()
}

#[derive(Debug, PartialEq)]
enum Piece<'a> {
    Text(&'a str),
    Number(u64),
}

/// A name as text and numbers: `dense` is number 0 of which `dense_1` is number 1.
fn pieces(name: &str) -> Vec<Piece<'_>> {
    let mut pieces = vec![];
    let mut rest = name;
    while !rest.is_empty() {
        let is_digit = rest.starts_with(|c: char| c.is_ascii_digit());
        let end = rest.find(|c: char| c.is_ascii_digit() != is_digit).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        pieces.push(match piece.parse() {
            Ok(number) if is_digit => Piece::Number(number),
            _ => Piece::Text(piece.trim_end_matches('_')),
        });
        rest = behind;
    }
    if let Some(Piece::Text(_)) = pieces.last() {
        pieces.push(Piece::Number(0));
    }
    pieces
}

struct Search<'a> {
    parts: &'a [Part],
    before: Vec<Vec<bool>>,
    trials: usize,
    chosen: Vec<usize>,
    /// At most a few: two suffice to know that there is more than one.
    found: Vec<Vec<usize>>,
}

/// Orders that are kept.
const MOST_FOUND: usize = 64;

impl Search<'_> {
    /// Goes on behind what is chosen, of which `values` come out.
    fn from(&mut self, values: Option<usize>, known: &Known) {
        if self.chosen.len() == self.parts.len() {
            self.found.push(self.chosen.clone());
            return;
        }
        for index in 0..self.parts.len() {
            self.trials += 1;
            if self.trials > MOST_TRIALS || self.found.len() >= MOST_FOUND {
                return;
            }
            let kind = self.parts[index].kind;
            let is_open = |other: &usize| !self.chosen.contains(other) && self.before[*other][index];
            let last = self.chosen.last().map(|&last| self.parts[last].kind);
            let is_behind_vector =
                self.chosen.iter().any(|&c| matches!(self.parts[c].kind, PartKind::Dense { .. }));
            if self.chosen.contains(&index)
                || (0..self.parts.len()).any(|other| is_open(&other))
                || matches!(kind, PartKind::Conv { .. }) && is_behind_vector
                || matches!(kind, PartKind::Prelu(_))
                    && !last.is_some_and(|last| !matches!(last, PartKind::Prelu(_)))
            {
                continue;
            }
            let Some(fits) = fits(kind, values, known) else { continue };
            self.chosen.push(index);
            self.from(Some(fits), known);
            self.chosen.pop();
        }
    }
}

/// What comes out of a layer that reads so many values; `None` where it cannot read them. `values` of `None`: the
/// body's maps.
fn fits(kind: PartKind, values: Option<usize>, known: &Known) -> Option<usize> {
    let wanted = kind.inputs();
    let Some(values) = values else {
        let wanted = wanted.unwrap_or(known.channels);
        let is_whole = match known.joint {
            _ if matches!(kind, PartKind::Conv { .. }) => wanted == known.channels,
            Some(Joint::Pool(_)) => wanted == known.channels,
            _ => wanted.is_multiple_of(known.channels),
        };
        return is_whole.then(|| kind.outputs(wanted));
    };
    wanted.is_none_or(|wanted| wanted == values).then(|| kind.outputs(values))
}

/// Puts pool and activations between the layers.
fn assemble(parts: Vec<Part>, known: &Known) -> Head {
    let mut head = Head::default();
    let convolutions = parts.iter().take_while(|part| !matches!(part.kind, PartKind::Dense { .. }));
    let last_conv =
        convolutions.enumerate().filter(|(_, part)| matches!(part.kind, PartKind::Conv { .. })).last();
    let last_conv = last_conv.map(|(index, _)| index);
    let wanted = parts.first().and_then(|part| part.kind.inputs()).unwrap_or(known.channels);
    let joint = match (last_conv, wanted / known.channels.max(1)) {
        (None, cells) if cells > 1 => Joint::Flatten(cells),
        _ => known.joint.unwrap_or(Joint::Pool(Reduction::Mean)),
    };
    if last_conv.is_none() {
        head.steps.push(Step::Join(joint));
    }
    // Behind the last convolution, its normalisation and its activation the maps become a vector.
    let mut is_waiting = last_conv.is_some();
    let gaps = known.between.gaps(&parts, &mut head.notes);
    for (index, part) in parts.iter().enumerate() {
        let is_past = last_conv.is_some_and(|last| index > last);
        if is_waiting && is_past && matches!(part.kind, PartKind::Dense { .. }) {
            head.steps.push(Step::Join(joint));
            is_waiting = false;
        }
        head.steps.push(Step::Part(part.clone()));
        if let Some(activation) = gaps.get(index).copied().flatten() {
            head.steps.push(Step::Between(activation));
        }
    }
    if is_waiting {
        head.steps.push(Step::Join(joint));
    }
    head
}
