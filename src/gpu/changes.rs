//! What is done to a picture before the network sees it, to learn what it goes by: is it colour, outlines, or the arrangement? In host
//! memory on every device, behind the resizing: what the network usually sees is changed, nothing else.

use std::fmt::{Display, Formatter};
use std::str::FromStr;

use crate::inspect::saliency::blur;
use crate::model::{InputColors, InputScale, LUMA, Shape};

/// One change. They are made in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Change {
    /// Each pixel in its grey.
    Grey = 1,
    /// Red alone; green and blue are none.
    Red = 2,
    /// Green alone.
    Green = 4,
    /// Blue alone.
    Blue = 8,
    /// Blurred by a Gaussian with a standard deviation of a fortieth of the longer side.
    Blur = 16,
    /// Outlines alone: how fast the brightness changes (Sobel), white on black.
    Edges = 32,
    /// Sixteen patches, four across and four down, in another order.
    Shuffle = 64,
    /// Upside down.
    UpsideDown = 128,
}

impl Change {
    /// All of them, in their order.
    pub const ALL: [Self; 8] = [
        Self::Grey,
        Self::Red,
        Self::Green,
        Self::Blue,
        Self::Blur,
        Self::Edges,
        Self::Shuffle,
        Self::UpsideDown,
    ];

    /// As typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Red => "red",
            Self::Green => "green",
            Self::Blue => "blue",
            Self::Blur => "blur",
            Self::Edges => "edges",
            Self::Shuffle => "shuffle",
            Self::UpsideDown => "upside-down",
        }
    }

    /// `in grey`, as said of a picture.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Grey => "in grey",
            Self::Red => "in red alone",
            Self::Green => "in green alone",
            Self::Blue => "in blue alone",
            Self::Blur => "blurred",
            Self::Edges => "as edges alone",
            Self::Shuffle => "with its patches shuffled",
            Self::UpsideDown => "upside down",
        }
    }

    /// True for what is done to colours, of which there is one thing at a time.
    fn is_of_colors(self) -> bool {
        matches!(self, Self::Grey | Self::Red | Self::Green | Self::Blue)
    }

    /// True where things are elsewhere afterwards.
    fn moves(self) -> bool {
        matches!(self, Self::Shuffle | Self::UpsideDown)
    }
}

/// Patches across, and down.
const PATCHES: usize = 4;

/// The changes that are made; by itself none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct InputChanges {
    chosen: u8,
    /// Of the order of patches.
    seed: u32,
}

impl InputChanges {
    /// True where the network sees the picture as it is.
    pub fn is_empty(self) -> bool {
        self.chosen == 0
    }

    /// True for what is done.
    pub fn has(self, change: Change) -> bool {
        self.chosen & change as u8 != 0
    }

    /// What is done, in order.
    pub fn all(self) -> impl Iterator<Item = Change> {
        Change::ALL.into_iter().filter(move |change| self.has(*change))
    }

    /// True where things are elsewhere than in the picture.
    pub fn moves(self) -> bool {
        self.all().any(Change::moves)
    }

    /// Does this too, or no longer. Of what is done to colours one gives way to the other.
    pub fn toggle(&mut self, change: Change) {
        if change.is_of_colors() && !self.has(change) {
            let others = Change::ALL.into_iter().filter(|other| other.is_of_colors());
            others.for_each(|other| self.chosen &= !(other as u8));
        }
        self.chosen ^= change as u8;
    }

    /// `in grey, with its patches shuffled`
    pub fn in_words(self) -> String {
        let words: Vec<_> = self.all().map(Change::in_words).collect();
        words.join(", ")
    }

    /// As options and JSON have them: `grey`, `shuffle:7`.
    pub fn names(self) -> Vec<String> {
        let name = |change: Change| match change {
            Change::Shuffle if self.seed > 0 => format!("{}:{}", change.name(), self.seed),
            _ => change.name().to_string(),
        };
        self.all().map(name).collect()
    }

    /// Why this does nothing to an input; `None` where it does something.
    pub fn hindered(change: Change, input: Shape) -> Option<&'static str> {
        let is_grey = input.channels == 1 && change.is_of_colors();
        is_grey.then_some("the network sees pictures in grey already")
    }

    /// That all of them do something to an input.
    ///
    /// # Errors
    /// One sentence where one does not.
    pub fn check(self, input: Shape) -> Result<(), String> {
        let mut reasons = self.all().filter_map(|change| Some((change, Self::hindered(change, input)?)));
        match reasons.next() {
            Some((change, reason)) => {
                Err(format!("--input-change {}: {reason}, so that would change nothing", change.name()))
            }
            None => Ok(()),
        }
    }

    /// Makes of a network's usual input (channel, row, column; in this scale) what it sees.
    pub fn apply(self, values: &mut [f32], shape: Shape, scale: InputScale) {
        if self.is_empty() || shape.height * shape.width == 0 {
            return;
        }
        let (divisor, offset) = scale.divisor_and_offset();
        let size = [shape.height, shape.width];
        let cells = shape.height * shape.width;
        // Levels from 0 to 255.
        let mut planes: Vec<Vec<f32>> = values.chunks_exact(cells).map(<[f32]>::to_vec).collect();
        for (channel, plane) in planes.iter_mut().enumerate() {
            plane.iter_mut().for_each(|value| *value = (*value + offset[channel]) * divisor[channel]);
        }
        let colors = scale.colors(shape.channels);
        for change in self.all() {
            match change {
                Change::Grey => {
                    let grey = brightness(&planes, colors);
                    planes.iter_mut().for_each(|plane| plane.clone_from(&grey));
                }
                Change::Red | Change::Green | Change::Blue if colors != InputColors::Grey => {
                    let wanted = [Change::Red, Change::Green, Change::Blue].map(|one| one == change);
                    let others = planes.iter_mut().zip(colors.order(wanted)).filter(|(_, wanted)| !wanted);
                    others.for_each(|(plane, _)| plane.fill(0.0));
                }
                Change::Red | Change::Green | Change::Blue => {}
                Change::Blur => {
                    let deviation = shape.height.max(shape.width) as f32 / 40.0;
                    planes.iter_mut().for_each(|plane| *plane = blur(plane, size, deviation));
                }
                Change::Edges => {
                    let edges = edges(&brightness(&planes, colors), size);
                    planes.iter_mut().for_each(|plane| plane.clone_from(&edges));
                }
                Change::Shuffle => {
                    let order = self.order();
                    planes.iter_mut().for_each(|plane| *plane = shuffled(plane, size, &order));
                }
                Change::UpsideDown => {
                    for plane in &mut planes {
                        *plane = plane.rchunks(shape.width).flatten().copied().collect();
                    }
                }
            }
        }
        for (channel, (plane, own)) in planes.iter().zip(values.chunks_exact_mut(cells)).enumerate() {
            let scaled = plane.iter().map(|level| level / divisor[channel] - offset[channel]);
            own.iter_mut().zip(scaled).for_each(|(value, scaled)| *value = scaled);
        }
    }

    /// Which patch comes to each place: the same for a seed on every machine (SplitMix64, Fisher and Yates).
    fn order(self) -> [usize; PATCHES * PATCHES] {
        let mut state = u64::from(self.seed);
        let mut bits = || {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^ (z >> 31)
        };
        let mut order = std::array::from_fn(|place| place);
        for place in (1..order.len()).rev() {
            order.swap(place, (bits() % (place as u64 + 1)) as usize);
        }
        order
    }
}

/// Luma of Rec. ITU-R BT.601, or what the only channel says.
fn brightness(planes: &[Vec<f32>], colors: InputColors) -> Vec<f32> {
    let [Some(first), Some(second), Some(third)] = [0, 1, 2].map(|channel| planes.get(channel)) else {
        return planes.first().cloned().unwrap_or_default();
    };
    let parts = colors.order(LUMA);
    let of = |at: usize| parts[0] * first[at] + parts[1] * second[at] + parts[2] * third[at];
    (0..first.len()).map(of).collect()
}

/// How fast levels change, by Sobel's kernels: white where they rise by half of their range from one pixel to the next but one. What lies beyond the edges is like them.
fn edges(levels: &[f32], [height, width]: [usize; 2]) -> Vec<f32> {
    let at = |row: isize, column: isize| {
        let row = row.clamp(0, height as isize - 1) as usize;
        levels[row * width + column.clamp(0, width as isize - 1) as usize]
    };
    let edge = |place: usize| {
        let (row, column) = ((place / width) as isize, (place % width) as isize);
        let side = |by: isize| {
            let across = at(row - 1, column + by) + 2.0 * at(row, column + by) + at(row + 1, column + by);
            let down = at(row + by, column - 1) + 2.0 * at(row + by, column) + at(row + by, column + 1);
            [across, down]
        };
        let ([left, above], [right, below]) = (side(-1), side(1));
        ((right - left).hypot(below - above) / 2.0).min(255.0)
    };
    (0..levels.len()).map(edge).collect()
}

/// Patches in this order; where they are not equally large, a row or column at the end of one is missing or there twice.
fn shuffled(levels: &[f32], [height, width]: [usize; 2], order: &[usize]) -> Vec<f32> {
    let part =
        |at: usize, side: usize| (0..PATCHES).rev().find(|patch| patch * side / PATCHES <= at).unwrap_or(0);
    let from = |at: usize, side: usize, own: usize, other: usize| {
        let within = at - own * side / PATCHES;
        (other * side / PATCHES + within).min((((other + 1) * side) / PATCHES).max(1) - 1)
    };
    let level = |place: usize| {
        let (row, column) = (place / width, place % width);
        let [down, across] = [part(row, height), part(column, width)];
        let other = order[down * PATCHES + across];
        let row = from(row, height, down, other / PATCHES);
        levels[row * width + from(column, width, across, other % PATCHES)]
    };
    (0..levels.len()).map(level).collect()
}

impl FromStr for InputChanges {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut changes = Self::default();
        for word in text.split(',').map(str::trim) {
            let (name, seed) = word.split_once(':').map_or((word, None), |(name, seed)| (name, Some(seed)));
            let change = Change::ALL.into_iter().find(|change| change.name() == name).ok_or_else(|| {
                let names = Change::ALL.map(Change::name).join(", ");
                format!("there is no change `{name}`: write some of {names}, or shuffle:SEED")
            })?;
            match (change, seed.map(str::parse)) {
                (_, None) => {}
                (Change::Shuffle, Some(Ok(seed))) => changes.seed = seed,
                _ => {
                    return Err(format!(
                        "`{word}`: only shuffle takes a seed, a whole number as in shuffle:7"
                    ));
                }
            }
            if changes.has(change) {
                return Err(format!("{name} is there twice"));
            }
            let colors = changes.all().find(|other| other.is_of_colors() && change.is_of_colors());
            if let Some(other) = colors {
                return Err(format!("{} and {name} exclude each other: choose one", other.name()));
            }
            changes.toggle(change);
        }
        Ok(changes)
    }
}

/// As typed.
impl Display for InputChanges {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.names().join(","))
    }
}

#[cfg(test)]
mod tests;
