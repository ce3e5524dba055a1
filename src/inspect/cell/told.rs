//! A cell's sum in lines that add up: as many digits as make them do so, or what rounding leaves.

use super::sum::{CellSum, Step};
use crate::model::{Activation, Graph, LayerIndex, Op};

/// Digits of the largest number.
const DIGITS: i32 = 4;

/// Decimals at most, before any are added so that lines agree.
const MOST_DECIMALS: i32 = 9;

/// Decimals that may be added so that lines agree, and that may be left out.
const MOST_MORE: usize = 5;
const MOST_LESS: usize = 2;

/// Part of the largest number by which no rounding, of f16 either, is off.
const FAR: f64 = 0.02;

/// One line: what it is, and the number.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct ToldLine {
    /// `channel 12`, `bias`, `ReLU`.
    pub text: String,
    /// The number. Of a step, what comes of the line before.
    pub number: String,
    /// True for a sum, or what becomes of it.
    pub is_result: bool,
}

/// A cell's sum in words.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Told {
    /// What is computed: `mixed5, channel 3, row 4, column 7`.
    pub title: String,
    /// Where its numbers come from.
    pub from: String,
    /// Summands, sum, and what becomes of it.
    pub lines: Vec<ToldLine>,
    /// What a place of the kernel without a cell is called.
    pub empty: &'static str,
    /// How that compares with the network's own value, and what else is to be known; sentences.
    pub notes: Vec<String>,
}

impl Told {
    /// `own`: the value that the network gives.
    pub fn of(graph: &Graph, sum: &CellSum, own: f32) -> Self {
        let digits = Digits::of(sum, own);
        let first = digits.decimals[0];
        let name = |layer: LayerIndex| graph.nodes[layer].name.as_str();
        let mut summands: Vec<(String, f64)> =
            sum.parts.iter().map(|part| (format!("channel {}", part.channel), part.sum)).collect();
        match sum.others {
            (0, _) => {}
            (1, rest) => summands.push(("the other channel".into(), rest)),
            (count, rest) => summands.push((format!("the other {count} channels"), rest)),
        }
        summands.extend(sum.bias.map(|bias| ("bias".to_string(), bias)));
        if let Some(rest) = remainder(&summands, sum.sum, first) {
            summands.push(("what rounding these lines leaves".into(), rest));
        }
        let line = |text: String, number: String, is_result| ToldLine { text, number, is_result };
        let mut lines: Vec<_> =
            summands.into_iter().map(|(text, value)| line(text, fixed(value, first), false)).collect();
        lines.push(line("sum".into(), fixed(sum.sum, first), true));
        for (at, (layer, step, value)) in sum.steps.iter().enumerate() {
            let place = match *layer == sum.route.adds {
                true => String::new(),
                false => format!(" ({})", name(*layer)),
            };
            let text = match step {
                Step::Scale(scale, shift) => {
                    let (scale, shift) = digits.scale_in_words(at, *scale, *shift);
                    format!("times {scale}, plus {shift}{place}")
                }
                Step::Function(function) => format!("{}{place}", function.name()),
            };
            let about = if digits.holds[at] { "" } else { "≈ " };
            let number = format!("{about}{}", fixed(*value, digits.decimals[at + 1]));
            lines.push(line(text, number, true));
        }
        let route = &sum.route;
        let [row, column] = sum.cell;
        let title = format!("{}, channel {}, row {row}, column {column}", name(route.layer), route.channel);
        let adds = &graph.nodes[route.adds];
        let read = adds.inputs.first().map_or(0, |&input| input);
        let [height, width] = sum.size;
        let filter = match (route.adds, route.filter) == (route.layer, route.channel) {
            true => String::new(),
            false => format!(", filter {}", route.filter),
        };
        let from = match adds.op.window() {
            Some(_) => format!("{} ({height}×{width}{filter}) over {}", adds.operation(), name(read)),
            None => format!("{} ({}{filter}) over {}", adds.name, adds.operation(), name(read)),
        };
        let from = if adds.op.window().is_some() { format!("{}: {from}", adds.name) } else { from };
        let empty = match adds.op {
            Op::ConvTranspose(..) => "no cell",
            _ => "padding",
        };
        let mut notes = digits.notes(sum, own);
        let all = height * width;
        notes.extend(match (sum.empty, &adds.op) {
            (0, _) => None,
            (count, Op::ConvTranspose(..)) => {
                Some(format!("Of the kernel's {all} places {count} are spread here by no cell and add 0."))
            }
            (count, _) => Some(format!("{count} of the kernel's {all} places lie in padding and add 0.")),
        });
        Self { title, from, lines, empty, notes }
    }
}

/// How many decimals each value has, so that what is shown agrees with itself.
struct Digits {
    /// Of the sum, then of what each step makes of it.
    decimals: Vec<usize>,
    /// Whether each step is right of the numbers that are shown.
    holds: Vec<bool>,
    /// More decimals of scale and shift.
    more: Vec<usize>,
    /// Whether the end is the network's own value, to the last digit shown.
    agrees: bool,
    /// Whether it is so far from it that no rounding explains it.
    is_far: bool,
}

impl Digits {
    fn of(sum: &CellSum, own: f32) -> Self {
        let parts = sum.parts.iter().map(|part| part.sum).chain([sum.others.1, sum.sum]).chain(sum.bias);
        let mut decimals = vec![decimals_of(parts.fold(0.0, |most, value| value.abs().max(most)))];
        for (_, step, value) in &sum.steps {
            let last = decimals.last().copied().unwrap_or(0);
            decimals.push(match step {
                Step::Scale(_, shift) => decimals_of(value.abs().max(shift.abs())),
                Step::Function(function) if keeps_digits(*function) => last,
                Step::Function(_) => decimals_of(value.abs()),
            });
        }
        let end = decimals.len() - 1;
        let value = sum.value();
        let agree = |decimals: usize| fixed(value, decimals) == fixed(own.into(), decimals);
        let lowest = decimals[end].saturating_sub(MOST_LESS);
        let found = (lowest..=decimals[end]).rev().find(|&decimals| agree(decimals));
        decimals[end] = found.unwrap_or(decimals[end]);
        let count = sum.steps.len();
        let largest = sum.parts.iter().map(|part| part.sum.abs()).fold(value.abs(), f64::max);
        let mut digits = Self {
            decimals,
            holds: vec![true; count],
            more: vec![0; count],
            agrees: found.is_some(),
            is_far: (value - f64::from(own)).abs() > FAR * largest,
        };
        for at in (0..count).rev() {
            digits.settle(sum, at);
        }
        digits
    }

    /// Gives what a step begins with so many digits that it is right of what is shown.
    fn settle(&mut self, sum: &CellSum, at: usize) {
        let (_, step, after) = &sum.steps[at];
        let before = if at == 0 { sum.sum } else { sum.steps[at - 1].2 };
        if let Step::Function(function) = step
            && keeps_digits(*function)
        {
            self.decimals[at] = self.decimals[at].max(self.decimals[at + 1]);
        }
        let first = self.decimals[at];
        let shown = |value: f64, decimals: usize| fixed(value, decimals).parse::<f64>().unwrap_or(value);
        let is_right = |more: usize| {
            let x = shown(before, first + more);
            let made = match step {
                Step::Scale(scale, shift) => {
                    let (scale, shift) = self.scale_with(at, *scale, *shift, more);
                    x * scale.parse::<f64>().unwrap_or_default() + shift.parse::<f64>().unwrap_or_default()
                }
                // Other channels have a part in a softmax.
                Step::Function(function) => match function.at(x) {
                    Some(value) => value,
                    None => return true,
                },
            };
            fixed(made, self.decimals[at + 1]) == fixed(*after, self.decimals[at + 1])
        };
        match (0..=MOST_MORE).find(|&more| is_right(more)) {
            Some(more) => (self.decimals[at], self.more[at]) = (first + more, more),
            None => self.holds[at] = false,
        }
    }

    fn scale_with(&self, at: usize, scale: f64, shift: f64, more: usize) -> (String, String) {
        (fixed(scale, decimals_of(scale.abs()) + 1 + more), fixed(shift, self.decimals[at + 1] + more))
    }

    fn scale_in_words(&self, at: usize, scale: f64, shift: f64) -> (String, String) {
        self.scale_with(at, scale, shift, self.more[at])
    }

    fn notes(&self, sum: &CellSum, own: f32) -> Vec<String> {
        let mut notes = vec![match self.agrees {
            true => format!("The network's own value is {own}: the same to the last digit shown."),
            false if self.is_far => format!(
                "The network's own value is {own}, which is not this sum: something else was done to it, as by a muted \
                 channel."
            ),
            false => format!(
                "The network's own value is {own}: it adds in another order, and in fewer digits, than is shown here."
            ),
        }];
        if !sum.parts.is_empty() {
            notes.push(
                "Patches and kernels are written with fewer digits than they are added up with.".into(),
            );
        }
        if self.holds.contains(&false) {
            notes.push("≈: of the rounded number above it, the last digit would be another one.".into());
        }
        notes
    }
}

/// With four digits: of patches and kernels.
pub fn four_digits(value: f32) -> String {
    let size = f64::from(value.abs());
    match size {
        0.0 => "0".into(),
        _ if !(1e-4..1e6).contains(&size) => format!("{value:.2e}"),
        _ => fixed(value.into(), decimals_of(size)),
    }
}

/// True for functions that give one of their numbers back, or its negative: no digit is lost in them.
fn keeps_digits(function: Activation) -> bool {
    use Activation::{Abs, Clip, Linear, Neg, Relu};
    matches!(function, Linear | Relu | Clip(..) | Abs | Neg)
}

/// Decimals that show [`DIGITS`] digits of a number of this size.
fn decimals_of(size: f64) -> usize {
    if size <= 0.0 || !size.is_finite() {
        return DIGITS as usize - 1;
    }
    (DIGITS - 1 - size.log10().floor() as i32).clamp(0, MOST_DECIMALS) as usize
}

/// With so many decimals; zero has no sign.
fn fixed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    match text.strip_prefix('-') {
        Some(rest) if rest.chars().all(|c| matches!(c, '0' | '.')) => rest.into(),
        _ => text,
    }
}

/// What is missing where rounded summands do not add up to the rounded sum.
fn remainder(summands: &[(String, f64)], sum: f64, decimals: usize) -> Option<f64> {
    let unit = 10f64.powi(decimals as i32);
    let whole =
        |value: f64| fixed(value, decimals).parse::<f64>().map_or(0.0, |value| (value * unit).round());
    let rest = whole(sum) - summands.iter().map(|(_, value)| whole(*value)).sum::<f64>();
    (rest != 0.0 && rest.is_finite()).then_some(rest / unit)
}
