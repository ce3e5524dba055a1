//! The units, and what a picture says of them.

use crate::inspect::LayerOutput;
use crate::model::{Graph, LayerIndex, Place, Unit};

/// One unit of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// A channel of a layer.
    Channel {
        /// The layer.
        layer: LayerIndex,
        /// Its channel.
        channel: usize,
        /// Which of its cells.
        place: Place,
        /// Row and column of its strongest cell in this picture, once that is known.
        strongest: Option<[usize; 2]>,
    },
    /// A class, by number.
    Class(usize),
    /// The most probable class of each picture.
    TopClass,
}

/// A unit with its sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// True where it is subtracted.
    pub is_negative: bool,
    /// The unit.
    pub start: Start,
}

/// The units whose sum is traced back, each with its sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceOrigin {
    /// At least one.
    pub parts: Vec<Part>,
}

impl TraceOrigin {
    /// A channel of a layer.
    pub fn channel(layer: LayerIndex, channel: usize, place: Place) -> Self {
        Self::of(Start::Channel { layer, channel, place, strongest: None })
    }

    /// A class.
    pub fn class(class: usize) -> Self {
        Self::of(Start::Class(class))
    }

    /// One unit.
    pub fn of(start: Start) -> Self {
        Self { parts: vec![Part { is_negative: false, start }] }
    }

    /// True where the origin depends on what the network says of the picture.
    pub fn wants_top(&self) -> bool {
        self.parts.iter().any(|part| part.start == Start::TopClass)
    }

    /// With the most probable class put in its place.
    pub fn with_top(mut self, class: usize) -> Self {
        for part in self.parts.iter_mut().filter(|part| part.start == Start::TopClass) {
            part.start = Start::Class(class);
        }
        self
    }

    /// The layers of whose channels the strongest cell is sought, each once.
    pub fn sought_layers(&self) -> Vec<LayerIndex> {
        let sought = |part: &Part| match part.start {
            Start::Channel { layer, place: Place::Strongest, .. } => Some(layer),
            _ => None,
        };
        let mut layers: Vec<_> = self.parts.iter().filter_map(sought).collect();
        layers.sort_unstable();
        layers.dedup();
        layers
    }

    /// With the strongest cells found in these outputs: the first of equal ones.
    pub fn with_strongest(mut self, outputs: &[LayerOutput]) -> Self {
        for part in &mut self.parts {
            if let Start::Channel { layer, channel, place: Place::Strongest, strongest } = &mut part.start {
                let output = outputs.iter().find(|output| output.layer == *layer);
                *strongest = output.map(|output| strongest_cell(output, *channel)).or(*strongest);
            }
        }
        self
    }

    /// The layer and the channel, and whether it is subtracted, where it is one channel.
    pub fn one_channel(&self) -> Option<(LayerIndex, usize, bool)> {
        match self.parts[..] {
            [Part { is_negative, start: Start::Channel { layer, channel, .. } }] => {
                Some((layer, channel, is_negative))
            }
            _ => None,
        }
    }

    /// The units, for a [`crate::model::Trace`]. `names` are how many classes have names. `None` where the network has no such
    /// class, or where the most probable one was not put in its place.
    pub fn units(&self, graph: &Graph, names: usize) -> Option<Vec<Unit>> {
        self.units_or(graph, names, None)
    }

    /// The same, where the most probable class is whichever that is in each frame.
    pub fn units_of_each_frame(&self, graph: &Graph, names: usize) -> Option<Vec<Unit>> {
        self.units_or(graph, names, graph.top_unit(names))
    }

    fn units_or(&self, graph: &Graph, names: usize, top: Option<Unit>) -> Option<Vec<Unit>> {
        let unit = |part: &Part| {
            let unit = match part.start {
                Start::Channel { layer, channel, place, strongest } => {
                    let known = strongest.map_or(place, |[row, column]| Place::Cell(row, column));
                    Unit::new(layer, channel, if place == Place::Strongest { known } else { place })
                }
                Start::Class(class) => graph.class_unit(class, names)?,
                Start::TopClass => top?,
            };
            Some(Unit { weight: if part.is_negative { -unit.weight } else { unit.weight }, ..unit })
        };
        self.parts.iter().map(unit).collect()
    }
}

/// Row and column of a channel's largest value: the first of equal ones. NaN is passed over.
pub fn strongest_cell(output: &LayerOutput, channel: usize) -> [usize; 2] {
    let plane = output.channel(channel);
    let mut best = 0;
    for (at, value) in plane.iter().enumerate() {
        if *value > plane[best] || plane[best].is_nan() {
            best = at;
        }
    }
    [best / output.shape.width, best % output.shape.width]
}
