//! What is traced back through the network, by which rule, and how that is shown. Pure.

use crate::inspect::{Part, SaliencyView, Start, TraceOrigin};
use crate::model::{CamMethod, Method};

/// Which cells of the selected channel are traced back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cells {
    /// The strongest one.
    #[default]
    Strongest,
    /// The mean of all.
    Mean,
    /// The one that is marked; the strongest while none is.
    Marked,
}

/// What is traced back, and how.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tracing {
    /// What stays while one walks to other layers and channels. `None`: what each lens traces by itself, which is the selected
    /// channel or the most probable class.
    pub origin: Option<TraceOrigin>,
    /// Of the selected channel.
    pub cells: Cells,
    /// The rule of gradients.
    pub method: Method,
    /// How a gradient with respect to the picture is shown.
    pub view: SaliencyView,
    /// How a layer's gradient becomes one map.
    pub cam: CamMethod,
}

fn is_channel(part: &Part) -> bool {
    matches!(part.start, Start::Channel { .. })
}

impl Tracing {
    /// True where a channel is held.
    pub fn is_held(&self) -> bool {
        self.origin.as_ref().is_some_and(|origin| origin.parts.iter().any(is_channel))
    }

    /// Holds this channel, or lets go of what is held.
    pub fn toggle_held(&mut self, channel: Option<TraceOrigin>) {
        self.origin = if self.is_held() { None } else { channel.or(self.origin.take()) };
    }

    /// Traces the most probable class, or again what each lens traces by itself.
    pub fn toggle_class(&mut self) {
        let is_class = self.origin.is_some() && !self.is_held();
        self.origin = (!is_class).then(|| TraceOrigin::of(Start::TopClass));
    }

    /// Traces this; where it is that alone already, what each lens traces by itself.
    pub fn choose(&mut self, start: Start) {
        let chosen = Some(TraceOrigin::of(start));
        self.origin = if self.origin == chosen { None } else { chosen };
    }

    /// Subtracts this from what is chosen (or from the most probable class), in place of what was; where it is subtracted
    /// already, it is no longer.
    pub fn subtract(&mut self, start: Start) {
        let origin = self.origin.take().unwrap_or_else(|| TraceOrigin::of(Start::TopClass));
        let negative = Part { is_negative: true, start };
        let is_there = origin.parts.contains(&negative);
        let mut parts: Vec<_> = origin.parts.into_iter().filter(|part| !part.is_negative).collect();
        if !is_there {
            parts.push(negative);
        }
        self.origin = Some(TraceOrigin { parts }).filter(|origin| !origin.parts.is_empty());
    }

    /// The class that is chosen, where one alone is.
    pub fn class(&self) -> Option<usize> {
        match self.origin.as_ref()?.parts[..] {
            [Part { is_negative: false, start: Start::Class(class) }] => Some(class),
            _ => None,
        }
    }

    /// Keeps what another network has too: its layers and classes are others.
    pub fn adopt(&mut self) {
        let stays = |origin: &TraceOrigin| *origin == TraceOrigin::of(Start::TopClass);
        self.origin = self.origin.take().filter(stays);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Place;

    #[test]
    fn a_channel_is_held_until_it_is_let_go() {
        let mut tracing = Tracing::default();
        let channel = TraceOrigin::channel(164, 312, Place::Strongest);
        tracing.toggle_held(Some(channel.clone()));
        assert_eq!((tracing.is_held(), &tracing.origin), (true, &Some(channel.clone())));
        tracing.toggle_held(Some(TraceOrigin::channel(9, 1, Place::Mean)));
        assert_eq!((tracing.is_held(), &tracing.origin), (false, &None));
        tracing.toggle_held(None);
        assert_eq!(tracing.origin, None, "there is nothing to hold");
        // A class is no channel: the key holds, and does not let go.
        tracing.toggle_class();
        tracing.toggle_held(Some(channel));
        assert!(tracing.is_held());
        tracing.adopt();
        assert_eq!(tracing.origin, None, "another network has other channels");
    }

    #[test]
    fn classes_are_chosen_and_subtracted() {
        let mut tracing = Tracing::default();
        tracing.subtract(Start::Class(2));
        let parts = |tracing: &Tracing| tracing.origin.as_ref().map_or(0, |origin| origin.parts.len());
        assert_eq!((parts(&tracing), tracing.class()), (2, None), "from the most probable one");
        tracing.choose(Start::Class(7));
        assert_eq!((parts(&tracing), tracing.class()), (1, Some(7)));
        tracing.subtract(Start::Class(2));
        tracing.subtract(Start::Class(3));
        assert_eq!(parts(&tracing), 2, "one is subtracted");
        tracing.subtract(Start::Class(3));
        assert_eq!(tracing.class(), Some(7));
        tracing.choose(Start::Class(7));
        assert_eq!(tracing.origin, None);
        tracing.toggle_class();
        tracing.adopt();
        assert_eq!(parts(&tracing), 1, "every network has a most probable class");
        tracing.toggle_class();
        assert_eq!(tracing.origin, None);
    }
}
