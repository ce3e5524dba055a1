//! What a training wrote, layer by layer: its parameters, how far they have moved, and what its maps are like on the same pictures
//! each time. Pure, any thread.

use serde::Serialize;

use super::LayerOutput;
use super::health::{LayerHealth, Thresholds, is_rectified};
use super::histogram::{Histogram, HistogramInfo};
use super::measure::measure;
use crate::model::{Graph, LayerIndex};

/// A checkpoint of a training.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckpointSummary {
    /// The file's name.
    pub name: String,
    /// Number of pictures that the maps are of.
    pub pictures: usize,
    /// Layers that have parameters.
    pub parameters: Vec<ParametersSummary>,
    /// Layers whose maps were looked at.
    pub maps: Vec<MapsSummary>,
}

/// The parameters of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParametersSummary {
    /// Which layer.
    pub index: LayerIndex,
    /// Its name.
    pub name: String,
    /// How many there are.
    pub count: usize,
    /// How they are spread.
    pub histogram: HistogramInfo,
    /// How many are no numbers, or infinite.
    pub broken: usize,
    /// How far they have moved since the checkpoint before: the norm of the difference, divided by the norm of those before. `None`
    /// for the first, and where the layer was another.
    pub moved: Option<f64>,
}

/// The maps of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapsSummary {
    /// Which layer.
    pub index: LayerIndex,
    /// Its name.
    pub name: String,
    /// How many channels it has.
    pub channels: usize,
    /// How values are spread.
    pub histogram: HistogramInfo,
    /// Channels that are never above zero.
    pub dead: usize,
    /// Channels that are one colour.
    pub solid: usize,
    /// Channels that are above zero everywhere.
    pub always_on: usize,
    /// Channels with values that are no numbers.
    pub broken: usize,
}

/// Parameters of a layer, in pieces; `before`: those of the checkpoint before, where they are alike.
pub fn parameters(
    graph: &Graph,
    index: LayerIndex,
    now: &[&[f32]],
    before: Option<&[&[f32]]>,
) -> ParametersSummary {
    let mut histogram = Histogram::default();
    now.iter().for_each(|values| histogram.observe(values));
    let all = || now.iter().copied().flatten();
    ParametersSummary {
        index,
        name: graph.nodes[index].name.clone(),
        count: all().count(),
        histogram: histogram.info(),
        broken: all().filter(|value| !value.is_finite()).count(),
        moved: before.and_then(|before| moved(now, before)),
    }
}

fn moved(now: &[&[f32]], before: &[&[f32]]) -> Option<f64> {
    let lengths = |all: &[&[f32]]| all.iter().map(|values| values.len()).collect::<Vec<_>>();
    if lengths(now) != lengths(before) {
        return None;
    }
    let pairs = now.iter().copied().flatten().zip(before.iter().copied().flatten());
    let (difference, norm) = pairs.fold((0.0, 0.0), |(difference, norm), (now, before)| {
        let (now, before) = (f64::from(*now), f64::from(*before));
        (difference + (now - before).powi(2), norm + before * before)
    });
    let moved = (difference / norm).sqrt();
    // From nothing but zeros there is no part of the way.
    moved.is_finite().then_some(moved)
}

/// The maps of one layer; collects over pictures.
pub struct MapsExamination {
    index: LayerIndex,
    name: String,
    health: LayerHealth,
    histogram: Histogram,
}

impl MapsExamination {
    /// Nothing seen yet.
    pub fn new(graph: &Graph, layer: LayerIndex) -> Self {
        let node = &graph.nodes[layer];
        Self {
            index: layer,
            name: node.name.clone(),
            health: LayerHealth::new(node.shape, is_rectified(graph, layer)),
            histogram: Histogram::default(),
        }
    }

    /// Adds the layer's output for one picture.
    pub fn observe(&mut self, output: &LayerOutput) {
        // Copies of the brightness are not told.
        let dark = vec![0.0; output.shape.height * output.shape.width];
        self.health.observe(&measure(&output.values, output.shape, &dark, None));
        self.histogram.observe(&output.values);
    }

    /// What was seen.
    pub fn summary(&self) -> MapsSummary {
        let marks = self.health.marks(&Thresholds::default());
        let count = |is: fn(&super::Marks) -> bool| marks.iter().filter(|marks| is(marks)).count();
        MapsSummary {
            index: self.index,
            name: self.name.clone(),
            channels: marks.len(),
            histogram: self.histogram.info(),
            dead: count(|marks| marks.dead),
            solid: count(|marks| marks.solid),
            always_on: count(|marks| marks.always_on),
            broken: count(|marks| marks.broken),
        }
    }
}

impl CheckpointSummary {
    /// All layers together: channels, dead ones, those of one colour, those with values that are no numbers.
    pub fn health(&self) -> [usize; 4] {
        self.maps.iter().fold([0; 4], |[channels, dead, solid, broken], maps| {
            [channels + maps.channels, dead + maps.dead, solid + maps.solid, broken + maps.broken]
        })
    }

    /// The layer whose parameters have moved furthest.
    pub fn furthest(&self) -> Option<(&ParametersSummary, f64)> {
        let moved = self.parameters.iter().filter_map(|layer| Some((layer, layer.moved?)));
        moved.max_by(|(_, a), (_, b)| a.total_cmp(b))
    }

    /// One sentence.
    pub fn in_words(&self) -> String {
        let [channels, dead, solid, broken] = self.health();
        let mut words = vec![format!("{dead} dead and {solid} solid of {channels} channels")];
        let numbers: usize = self.parameters.iter().map(|layer| layer.broken).sum();
        if broken + numbers > 0 {
            words.push(format!("{numbers} parameters and {broken} channels are no numbers"));
        }
        if let Some((layer, moved)) = self.furthest() {
            words.push(format!("{} has moved furthest, by {}", layer.name, percent(moved)));
        }
        words.join("; ")
    }
}

/// A part as per cent: `12 %`, `0.34 %`.
pub fn percent(part: f64) -> String {
    match part * 100.0 {
        percent if percent >= 10.0 => format!("{percent:.0} %"),
        percent if percent >= 1.0 => format!("{percent:.1} %"),
        percent => format!("{percent:.2} %"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn how_far_parameters_have_moved_is_a_part_of_what_they_were() {
        let graph = inception_v3(3, 0.05);
        let of = |now: &[&[f32]], before: Option<&[&[f32]]>| parameters(&graph, 1, now, before);
        let one = of(&[&[3.0, 4.0], &[0.0]], Some(&[&[3.0, 3.0], &[4.0]]));
        assert_eq!((one.count, one.broken), (3, 0));
        assert!((one.moved.unwrap() - (17.0f64 / 34.0).sqrt()).abs() < 1e-12);
        assert_eq!(of(&[&[1.0]], None).moved, None);
        assert_eq!(of(&[&[1.0]], Some(&[&[1.0, 2.0]])).moved, None, "another layer");
        assert_eq!(of(&[&[1.0]], Some(&[&[0.0]])).moved, None, "from zeros");
        assert_eq!(of(&[&[1.0, f32::NAN, f32::INFINITY]], None).broken, 2);
    }

    #[test]
    fn dead_maps_are_counted_and_values_are_spread() {
        let graph = inception_v3(3, 0.05);
        let layer = graph.find("mixed0").unwrap();
        let shape = graph.nodes[layer].shape;
        let cells = shape.height * shape.width;
        // The first channel is silent.
        let values: Vec<f32> =
            (0..shape.len()).map(|at| if at < cells { 0.0 } else { (at % 7) as f32 }).collect();
        let mut examined = MapsExamination::new(&graph, layer);
        examined.observe(&LayerOutput { layer, shape, values });
        let summary = examined.summary();
        assert_eq!((summary.dead, summary.broken, summary.channels), (1, 0, shape.channels));
        let counted: u64 = summary.histogram.counts.iter().sum::<u64>() + summary.histogram.zeros;
        assert_eq!(counted as usize, shape.len());
        let all =
            CheckpointSummary { name: "a".into(), pictures: 1, parameters: vec![], maps: vec![summary] };
        assert!(all.in_words().starts_with("1 dead and 0 solid of"));
    }
}
