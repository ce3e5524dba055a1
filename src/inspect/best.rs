//! Where over many pictures each channel of a layer answers most and least: of each picture its own extreme cell. Pure; spreads
//! over rayon's threads.

use std::collections::BTreeSet;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::LayerOutput;

/// Places that are kept of each channel at each end.
pub const KEPT: usize = 9;

/// An end of a channel's values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The largest values.
    #[default]
    Strongest,
    /// The smallest.
    Weakest,
}

impl End {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Strongest, Self::Weakest];

    /// `strongest`
    pub fn name(self) -> &'static str {
        match self {
            Self::Strongest => "strongest",
            Self::Weakest => "weakest",
        }
    }

    /// True where the first value is nearer to this end.
    fn is_further(self, value: f32, than: f32) -> bool {
        match self {
            Self::Strongest => value > than,
            Self::Weakest => value < than,
        }
    }
}

/// A cell of a channel's map, and its value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Extreme {
    /// Finite.
    pub value: f32,
    /// Row and column.
    pub cell: [usize; 2],
}

/// The strongest and the weakest cell of each channel: of cells with the same value the first in row-major order. `None` where
/// no cell is finite.
pub fn extremes(output: &LayerOutput) -> Vec<Option<[Extreme; 2]>> {
    let width = output.shape.width.max(1);
    let of_channel = |map: &[f32]| {
        // The values first, which vectors find, then where they are.
        let finite = |value: f32, or: f32| if value.is_finite() { value } else { or };
        let high =
            map.iter().fold(f32::NEG_INFINITY, |high, &value| high.max(finite(value, f32::NEG_INFINITY)));
        let low = map.iter().fold(f32::INFINITY, |low, &value| low.min(finite(value, f32::INFINITY)));
        let place = |end: f32| {
            let cell = map.iter().position(|&value| value == end && end.is_finite())?;
            Some(Extreme { value: map[cell], cell: [cell / width, cell % width] })
        };
        Some([place(high)?, place(low)?])
    };
    let cells = output.shape.height * output.shape.width;
    output.values.par_chunks_exact(cells.max(1)).with_min_len(16).map(of_channel).collect()
}

/// A place where a channel answers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestPlace {
    /// Its value.
    pub value: f32,
    /// Row and column of the cell.
    pub cell: [usize; 2],
    /// The picture's place among all, from 0.
    pub picture: u64,
}

/// The [`KEPT`] strongest and weakest places of each channel, one a picture, the furthest first; of those with the same value the
/// one in the earlier picture. So it does not matter in which order pictures are observed, nor in how many parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestPlaces {
    /// For each channel strongest and weakest.
    channels: Vec<[Vec<BestPlace>; 2]>,
}

impl BestPlaces {
    /// Of a layer with so many channels; nothing seen yet.
    pub fn new(channels: usize) -> Self {
        Self { channels: vec![Default::default(); channels] }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Adds a picture, or another look at one; one entry a channel ([`extremes`]). Tells whether any of it is kept.
    pub fn observe(&mut self, picture: u64, extremes: &[Option<[Extreme; 2]>]) -> bool {
        debug_assert_eq!(extremes.len(), self.channels.len());
        let mut is_kept = false;
        for (places, extremes) in self.channels.iter_mut().zip(extremes) {
            let Some(extremes) = extremes else { continue };
            for ((places, end), extreme) in places.iter_mut().zip(End::ALL).zip(extremes) {
                let Extreme { value, cell } = *extreme;
                is_kept |= insert(places, end, BestPlace { value, cell, picture });
            }
        }
        is_kept
    }

    /// Adds what was found in other pictures.
    pub fn join(&mut self, other: &Self) {
        for (places, others) in self.channels.iter_mut().zip(&other.channels) {
            for ((places, end), others) in places.iter_mut().zip(End::ALL).zip(others) {
                for &other in others {
                    insert(places, end, other);
                }
            }
        }
    }

    /// The places of a channel at an end, the furthest first.
    pub fn of(&self, channel: usize, end: End) -> &[BestPlace] {
        self.channels.get(channel).map_or(&[], |places| &places[usize::from(end == End::Weakest)])
    }

    /// The pictures that have a place.
    pub fn pictures(&self) -> BTreeSet<u64> {
        self.channels.iter().flatten().flatten().map(|place| place.picture).collect()
    }
}

/// Puts a place where it belongs; tells whether it belongs anywhere.
fn insert(places: &mut Vec<BestPlace>, end: End, new: BestPlace) -> bool {
    // Of a picture that comes again, the further place.
    if let Some(known) = places.iter().position(|place| place.picture == new.picture) {
        if !end.is_further(new.value, places[known].value) {
            return false;
        }
        places.remove(known);
    }
    let is_before = |place: &BestPlace| {
        end.is_further(place.value, new.value) || place.value == new.value && place.picture < new.picture
    };
    let at = places.partition_point(is_before);
    if at == KEPT {
        return false;
    }
    places.insert(at, new);
    places.truncate(KEPT);
    true
}

#[cfg(test)]
mod tests {
    use super::super::similarity::tests::{noise, output};
    use super::*;

    /// Pictures of few different values, so that many are the same.
    fn pictures(count: u64) -> Vec<LayerOutput> {
        let mut next = noise(7);
        let mut map = || (0..12).map(|_| (next() * 3.0).round()).collect::<Vec<f32>>();
        (0..count).map(|_| output(3, 4, &(0..5).map(|_| map()).collect::<Vec<_>>())).collect()
    }

    fn found(outputs: &[LayerOutput], which: impl Fn(u64) -> bool) -> BestPlaces {
        let mut best = BestPlaces::new(5);
        for (picture, output) in (0..).zip(outputs).filter(|(picture, _)| which(*picture)) {
            best.observe(picture, &extremes(output));
        }
        best
    }

    /// All cells of all pictures sorted, then the first of each picture.
    fn searched(outputs: &[LayerOutput], channel: usize, end: End) -> Vec<BestPlace> {
        let mut all = vec![];
        for (picture, output) in (0..).zip(outputs) {
            let cells = output.channel(channel).iter().enumerate();
            all.extend(cells.map(|(cell, &value)| BestPlace { value, cell: [cell / 4, cell % 4], picture }));
        }
        // A stable sort keeps pictures and cells in order.
        all.sort_by(|a, b| match end {
            End::Strongest => b.value.total_cmp(&a.value),
            End::Weakest => a.value.total_cmp(&b.value),
        });
        let mut seen = BTreeSet::new();
        all.retain(|place| seen.insert(place.picture));
        all.truncate(KEPT);
        all
    }

    #[test]
    fn places_are_those_of_a_full_search() {
        let outputs = pictures(40);
        let best = found(&outputs, |_| true);
        for (channel, end) in (0..5).flat_map(|channel| End::ALL.map(|end| (channel, end))) {
            // −0 and 0 are one value.
            let plain = |places: &[BestPlace]| {
                places.iter().map(|p| (p.value + 0.0, p.cell, p.picture)).collect::<Vec<_>>()
            };
            let expected = searched(&outputs, channel, end);
            assert_eq!(plain(best.of(channel, end)), plain(&expected), "{channel} {end:?}");
        }
    }

    #[test]
    fn parts_make_the_whole_in_any_order() {
        let outputs = pictures(60);
        let whole = found(&outputs, |_| true);
        for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
            let mut joined = BestPlaces::new(5);
            order.iter().for_each(|part| joined.join(&found(&outputs, |picture| picture % 3 == *part)));
            assert_eq!(joined, whole);
        }
        assert!(whole.pictures().len() <= 2 * 5 * KEPT);
    }

    #[test]
    fn cells_without_a_number_are_passed_over() {
        let (nan, inf) = (f32::NAN, f32::INFINITY);
        let found =
            extremes(&output(2, 2, &[vec![nan, 2.0, inf, 2.0], vec![nan, -inf, inf, nan], vec![-1.0; 4]]));
        let [strongest, weakest] = found[0].unwrap();
        assert_eq!((strongest.value, strongest.cell, weakest.cell), (2.0, [0, 1], [0, 1]));
        assert!(found[1].is_none());
        assert_eq!(found[2].unwrap().map(|extreme| extreme.cell), [[0, 0]; 2]);
        let mut best = BestPlaces::new(3);
        assert!(best.observe(0, &found));
        assert!(best.of(1, End::Strongest).is_empty() && best.of(0, End::Weakest).len() == 1);
    }
}
