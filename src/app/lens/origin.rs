//! What is traced back, for all lenses that go from units back to layers before them: which units, whether they lie behind a
//! layer, what came of it, and the words for it.

use super::about::Needs;
use super::legend::Line;
use super::look::Look;
use crate::app::keys::Action;
use crate::app::state::Cells;
use crate::inspect::{Attributed, Start, TraceOrigin, no_answer, pooled_from};
use crate::model::{Form, LayerIndex, Place, Rule, Trace, Unit};
use crate::session::{Activations, Tap};
use crate::view::number;

/// What a lens traces where nothing was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usual {
    /// The selected channel of the shown layer.
    Channel,
    /// The most probable class.
    Class,
}

/// What is traced back.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    what: TraceOrigin,
    /// The units whose weighted sum it is.
    pub units: Vec<Unit>,
}

/// One result of a way back.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The sum of the units.
    pub value: f32,
    /// What came back to the layer.
    pub tap: &'a Tap,
}

/// Why the classes of a network that was not trained are not traced.
const UNTRAINED: &str = "an untrained network's classes mean nothing";

/// The selected channel of the shown layer, with the cells that are chosen.
pub fn selected_channel(look: &Look<'_>) -> Option<TraceOrigin> {
    let channel = look.selected_channel()?;
    let place = match look.lenses.tracing.cells {
        Cells::Strongest => Place::Strongest,
        Cells::Mean => Place::Mean,
        Cells::Marked => match look.place.marked_cell(look.shape()) {
            Some([row, column]) => Place::Cell(row, column),
            None => Place::Strongest,
        },
    };
    Some(TraceOrigin::channel(look.layer, channel as usize, place))
}

impl Origin {
    /// What is traced back now.
    ///
    /// # Errors
    /// Why there is nothing, as a sentence without its capital and full stop.
    pub fn of(look: &Look<'_>, usual: Usual) -> Result<Self, String> {
        let what = match (&look.lenses.tracing.origin, usual) {
            (Some(chosen), _) => chosen.clone(),
            (None, Usual::Class) => TraceOrigin::of(Start::TopClass),
            (None, Usual::Channel) => selected_channel(look).ok_or("no channel is shown")?,
        };
        let is_class = |start: Start| !matches!(start, Start::Channel { .. });
        if what.parts.iter().any(|part| is_class(part.start)) {
            if look.graph.answer().is_none() {
                return Err(no_answer(look.graph));
            }
            if look.network.is_some_and(|model| !model.weights.origin.is_trained()) {
                return Err(UNTRAINED.into());
            }
        }
        let units = what.units_of_each_frame(look.graph, look.labels.len());
        let units = units.ok_or("this network has no such class")?;
        Ok(Self { what, units })
    }

    /// The same where it lies behind a layer, so that something can come back to it.
    ///
    /// # Errors
    /// Why not, and what to do.
    pub fn behind(self, look: &Look<'_>, layer: LayerIndex) -> Result<Self, String> {
        if self.units.iter().any(|unit| look.graph.leads_to(layer, unit.layer)) {
            return Ok(self);
        }
        let name = &look.graph.nodes[layer].name;
        let back = look.key(Action::PreviousLayer);
        let way = match look.lenses.tracing.is_held() {
            true => format!(
                "walk towards the input with {back}, or let it go with {}",
                look.key(Action::HoldOrigin)
            ),
            false => format!("walk towards the input with {back}"),
        };
        Err(format!("{name} is not before the origin ({}): {way}", self.in_words(look)))
    }

    /// What is asked of the session.
    pub fn needs(&self, rule: Rule, wanted: Vec<(LayerIndex, Form)>) -> Needs {
        Needs {
            traces: vec![Trace { from: self.units.clone(), rule, wanted }],
            predictions: self.what.wants_top(),
            ..Needs::default()
        }
    }

    /// What came of it: the sum of the units, and of that the result for a layer.
    pub fn found<'a>(
        &self,
        shown: &'a Activations,
        rule: Rule,
        wanted: (LayerIndex, Form),
    ) -> Option<Found<'a>> {
        let mut all = shown.request.traces.iter().zip(&shown.traced);
        let (trace, traced) = all.find(|(trace, _)| trace.rule == rule && trace.from == self.units)?;
        let place = trace.wanted.iter().position(|known| *known == wanted)?;
        Some(Found { value: traced.value, tap: traced.maps.get(place)? })
    }

    /// The sum of the units alone.
    pub fn value(&self, shown: &Activations, rule: Rule) -> Option<f32> {
        let mut all = shown.request.traces.iter().zip(&shown.traced);
        let (_, traced) = all.find(|(trace, _)| trace.rule == rule && trace.from == self.units)?;
        Some(traced.value)
    }

    /// What it is in the frame that is shown: its most probable class by name.
    pub fn in_this_frame(&self, look: &Look<'_>) -> TraceOrigin {
        let only = look.graph.one_class(look.labels.len());
        let answer = look.shown.and_then(|shown| shown.answer.as_ref());
        match only.or_else(|| answer?.top(1).first().copied()) {
            Some(class) => self.what.clone().with_top(class),
            None => self.what.clone(),
        }
    }

    /// `mixed5 channel 312, its strongest cell`
    pub fn in_words(&self, look: &Look<'_>) -> String {
        self.in_this_frame(look).in_words(look.graph, look.labels)
    }

    /// The same with its value, and whether it is held: `mixed5 channel 312, its strongest cell (held): 4.21`.
    pub fn with_value(&self, look: &Look<'_>, value: f32) -> String {
        format!("{}: {}", self.titled(look), number(value))
    }

    /// The same without its value.
    pub fn titled(&self, look: &Look<'_>) -> String {
        let held = if look.lenses.tracing.is_held() { " (held)" } else { "" };
        format!("{}{held}", self.in_words(look))
    }

    /// As JSON has it.
    pub fn record(&self, look: &Look<'_>) -> serde_json::Value {
        let info = self.in_this_frame(look).info(look.graph, look.labels);
        serde_json::to_value(info).unwrap_or_default()
    }

    /// Which keys choose another one.
    pub fn keys_in_words(look: &Look<'_>) -> String {
        let [hold, palette] = [Action::HoldOrigin, Action::TogglePalette].map(|action| look.key(action));
        let holds = if look.lenses.tracing.is_held() { "lets it go" } else { "holds the channel" };
        format!("{hold} {holds}, {palette} finds classes")
    }
}

/// What is said in place of colours where nothing came back.
pub fn nothing_in_words(found: Found<'_>) -> Option<&'static str> {
    let ends = found.tap.channel_statistics.last().map(|layer| layer.ends()).unwrap_or_default();
    let largest = if ends.1.abs() >= ends.0.abs() { ends.1 } else { ends.0 };
    let told = Attributed { largest, largest_at: [0; 3], sum: 0.0, positive: 0.0, negative: 0.0, broken: 0 };
    told.nothing_in_words(found.value)
}

/// The option that chooses again what is traced back, where lenses would not choose it by themselves.
pub fn from_words(look: &Look<'_>) -> String {
    let tracing = &look.lenses.tracing;
    let selected = || selected_channel(look).filter(|_| tracing.cells != Cells::Strongest);
    let Some(what) = tracing.origin.clone().or_else(selected) else { return String::new() };
    let labels = look.labels.len();
    let what = Origin { what, units: vec![] }.in_this_frame(look);
    let is_known = what.units_of_each_frame(look.graph, labels).is_some();
    if !is_known {
        return String::new();
    }
    let typed = what.typed(look.graph);
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_.:@,+-/".contains(letter);
    let quote = if typed.chars().all(is_plain) { "" } else { "'" };
    format!("--from={quote}{typed}{quote}")
}

/// A legend that has only this to say.
pub fn only(text: String, term: &'static str) -> Vec<Line> {
    vec![Line::Main(text, term)]
}

/// The class that channels are sorted by where no sum of maps gives its score.
pub fn sorted_by(look: &Look<'_>) -> Result<Origin, String> {
    let mut lenses = look.lenses.clone();
    let class = lenses.tracing.class().map_or(Start::TopClass, Start::Class);
    lenses.tracing.origin = Some(TraceOrigin::of(class));
    Origin::of(&Look { lenses: &lenses, ..*look }, Usual::Class)?.behind(look, look.layer)
}

/// What is asked of the session to sort channels by what they add to a class, where that is no exact sum.
pub fn first_order_needs(look: &Look<'_>) -> Needs {
    if pooled_from(look.graph, look.layer).is_some() {
        return Needs { predictions: true, ..Needs::default() };
    }
    match sorted_by(look) {
        Ok(origin) => {
            Needs { predictions: true, ..origin.needs(Rule::Gradient, vec![(look.layer, Form::TimesValue)]) }
        }
        Err(_) => Needs::default(),
    }
}

/// What each channel adds to a class in the first order: gradient × activation, summed over its cells.
///
/// # Errors
/// Why that is not known.
pub fn first_order(look: &Look<'_>, shown: &Activations) -> Result<Vec<f32>, String> {
    let origin = sorted_by(look)?;
    let found = origin.found(shown, Rule::Gradient, (look.layer, Form::TimesValue));
    let tap = found.ok_or("its gradient is being computed …")?.tap;
    let cells = (tap.map.shape.height * tap.map.shape.width) as f32;
    let channels = tap.channel_statistics.iter().take(tap.map.shape.channels);
    Ok(channels.map(|channel| channel.mean * cells).collect())
}
