//! What is wrong with a channel, from a few numbers a picture: the same code judges a folder of pictures
//! (`convscope diagnose`) and a session in front of the camera, where a shader measures. Pure, any thread.

use bytemuck::{Pod, Zeroable};
use serde::{Deserialize, Serialize};

use super::exact::ExactSum;
use super::measure::ChannelStatistics;
use super::packed;
use crate::model::{Activation, Arithmetic, Graph, LayerIndex, Op, Shape};

/// Degrees of freedom, (cells − 1) × pictures, below which a correlation says nothing. Of two unrelated 2×2 maps
/// (3) one pair in ten correlates above 0.9, for 3×3 maps (8) it is one in a thousand. Maps of one cell have none.
pub const LEAST_FREEDOM: usize = 8;

/// True where a layer cannot be negative because every value has passed a ReLU on its last way, so that zero
/// means "nothing found": a ReLU, and pools and concatenations of such layers.
pub fn is_rectified(graph: &Graph, layer: LayerIndex) -> bool {
    let node = &graph.nodes[layer];
    match (&node.op, node.activation) {
        (_, activation) if activation.is_rectifier() => true,
        (Op::Activation, Activation::Linear)
        | (
            Op::MaxPool(_)
            | Op::AvgPool(..)
            | Op::Concat(_)
            | Op::GlobalPool(_)
            | Op::Slice(..)
            | Op::Rearrange(_)
            | Op::Arithmetic(Arithmetic::Add | Arithmetic::Mul | Arithmetic::Max | Arithmetic::Mean),
            Activation::Linear,
        ) => node.inputs.iter().all(|&input| is_rectified(graph, input)),
        _ => false,
    }
}

/// From where on a channel is marked.
///
/// The defaults come from InceptionV3 with its ImageNet weights on nine photographs (animals, people, things,
/// sky), every stage looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Thresholds {
    /// Largest [`Marks::spread`] of a solid map, default 0.05. The eye decides: a layer's values span 10 to 57
    /// times its typical standard deviation (median 19), so four standard deviations of a map with a twentieth of
    /// that cover 1 to 5 of 256 colours. Seen: 2 of 32 maps after the first ReLU, 1 of 32 after the second, 1 each
    /// in mixed1 and mixed4, no other up to mixed8 (0.1 would add three); from the third convolution on 95 of 100
    /// maps lie above 0.3.
    pub solid: f32,
    /// Smallest magnitude of the correlation of a copy of the brightness, default 0.9: brightness then explains
    /// four fifths of the map. Seen: 10 of 32 filters of the first convolution (5 inverted; with 0.8: 13), 1 of 32
    /// after its ReLU, none after the second and third; from mixed0 on the largest is 0.57.
    pub copy: f32,
    /// Smallest correlation of a near-duplicate, default 0.95: nine tenths of one map's variation are in the
    /// other. Seen: 6 of 32 filters of the first convolution and 1 of 2048 channels of mixed10, else none up to
    /// mixed8. On a single picture 11 of 768 in mixed7 and 53 of 1280 in mixed8 pass by chance, where a few
    /// bright cells make a map.
    pub duplicate: f32,
    /// Fraction of a layer that must be dead, solid or duplicate before the report speaks of too many filters,
    /// default 0.05.
    pub waste: f32,
    /// Number of pictures below which the report warns that there are too few, default 8. Seen: of the 2048
    /// channels of mixed10, 255 are silent on one picture, 20 on all of three, one on all of nine.
    pub pictures: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { solid: 0.05, copy: 0.9, duplicate: 0.95, waste: 0.05, pictures: 8 }
    }
}

/// What is said of one channel, over all pictures observed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Marks {
    /// Never above zero on any picture. Only where the layer is rectified.
    pub dead: bool,
    /// Nowhere above zero on the newest picture. Only where the layer is rectified.
    pub silent: bool,
    /// One colour on every picture: [`Marks::spread`] is below [`Thresholds::solid`]. Never for dead channels,
    /// nor where the maps are one cell (or all maps of the layer are constant), which have no typical spread.
    pub solid: bool,
    /// Above zero in every cell of every picture, so that the ReLU changes nothing. Only where rectified.
    pub always_on: bool,
    /// At least one picture gave no finite cell (NaN or infinities everywhere), or values too large to measure;
    /// nothing else is then marked.
    pub broken: bool,
    /// The channel's spatial standard deviation over the layer's typical one (the root mean square over its
    /// channels), variances pooled over the pictures: √(Σ var) of the channel over √(Σ mean var) of the layer.
    ///
    /// Pooled rather than a mean of ratios: a detector that answers to one picture in a hundred still has 0.1 of
    /// the usual spread and is not called solid, and a picture on which the whole layer is flat (a covered lens)
    /// counts for nothing instead of giving a ratio of two roundings. 0 where undefined.
    pub spread: f32,
    /// Mean over pictures of the fraction of cells at most zero, from 0 to 1.
    pub zeros: f32,
    /// Mean over pictures of the correlation with the input's brightness, from −1 to 1. Pictures of a single
    /// brightness are left out; one on which the channel is constant counts as 0.
    pub brightness: f32,
    /// [`Marks::brightness`] where its magnitude is at least [`Thresholds::copy`]: the map copies the input's
    /// brightness; negative: inverted. Needs [`LEAST_FREEDOM`].
    pub copy: Option<f32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
struct Channel {
    variances: ExactSum,
    zeros: ExactSum,
    brightness: ExactSum,
    /// Lowest and highest value; none where the first is above the second.
    ends: [f32; 2],
    /// 0 or 1, as memory has no other truth.
    is_silent: u32,
    is_broken: u32,
}

fn unseen(channels: usize) -> Vec<Channel> {
    let ends = [f32::INFINITY, f32::NEG_INFINITY];
    vec![Channel { ends, ..Channel::default() }; channels]
}

/// The measures of one layer, accumulated over pictures: the same in whatever order and parts, but for what is silent on the
/// newest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LayerHealth {
    #[serde(with = "packed")]
    channels: Vec<Channel>,
    cells: usize,
    is_rectified: bool,
    pictures: usize,
    /// Pictures with more than one brightness.
    lit_pictures: usize,
}

impl LayerHealth {
    /// For a layer of this shape; `rectified` as [`is_rectified`] says.
    pub fn new(shape: Shape, rectified: bool) -> Self {
        Self {
            channels: unseen(shape.channels),
            cells: shape.height * shape.width,
            is_rectified: rectified,
            pictures: 0,
            lit_pictures: 0,
        }
    }

    /// Adds a picture: one measure a channel.
    pub fn observe(&mut self, measures: &[ChannelStatistics]) {
        debug_assert_eq!(measures.len(), self.channels.len());
        self.pictures += 1;
        self.lit_pictures += usize::from(measures.iter().any(|measure| measure.brightness != 0.0));
        for (channel, measure) in self.channels.iter_mut().zip(measures) {
            channel.is_silent = measure.is_silent().into();
            let variance = measure.std * measure.std;
            if measure.is_empty() || !variance.is_finite() {
                channel.is_broken = 1;
                continue;
            }
            let [low, high] = channel.ends;
            channel.ends = [low.min(measure.min), high.max(measure.max)];
            channel.variances.add(variance);
            channel.zeros.add(measure.zeros);
            channel.brightness.add(measure.brightness);
        }
    }

    /// Adds what was measured on other pictures; `is_later`: the newest of all is one of those.
    pub fn join(&mut self, other: &Self, is_later: bool) {
        self.pictures += other.pictures;
        self.lit_pictures += other.lit_pictures;
        for (channel, other) in self.channels.iter_mut().zip(&other.channels) {
            channel.ends = [channel.ends[0].min(other.ends[0]), channel.ends[1].max(other.ends[1])];
            channel.variances.join(&other.variances);
            channel.zeros.join(&other.zeros);
            channel.brightness.join(&other.brightness);
            channel.is_broken |= other.is_broken;
            if is_later {
                channel.is_silent = other.is_silent;
            }
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Number of pictures observed.
    pub fn pictures(&self) -> usize {
        self.pictures
    }

    /// Whether zero means "nothing found" here.
    pub fn is_rectified(&self) -> bool {
        self.is_rectified
    }

    /// One entry a channel; without a picture nothing is marked.
    pub fn marks(&self, thresholds: &Thresholds) -> Vec<Marks> {
        if self.pictures == 0 {
            return vec![Marks::default(); self.channels.len()];
        }
        let sound = || self.channels.iter().filter(|channel| channel.is_broken == 0);
        let variances = sound().map(|channel| channel.variances.value()).sum::<f64>();
        let typical = (variances / sound().count() as f64).sqrt();
        let has_spread = self.cells > 1 && typical > 0.0;
        let has_brightness = self.cells.saturating_sub(1) * self.lit_pictures >= LEAST_FREEDOM;
        let marks = |channel: &Channel| {
            if channel.is_broken == 1 {
                return Marks { broken: true, ..Marks::default() };
            }
            let dead = self.is_rectified && channel.ends[1] <= 0.0;
            let spread = if has_spread { (channel.variances.value().sqrt() / typical) as f32 } else { 0.0 };
            let brightness = (channel.brightness.value() / self.lit_pictures.max(1) as f64) as f32;
            Marks {
                dead,
                silent: self.is_rectified && channel.is_silent == 1,
                solid: has_spread && !dead && spread < thresholds.solid,
                always_on: self.is_rectified && channel.ends[0] > 0.0,
                broken: false,
                spread,
                zeros: (channel.zeros.value() / self.pictures as f64) as f32,
                brightness,
                copy: (has_brightness && brightness.abs() >= thresholds.copy).then_some(brightness),
            }
        };
        self.channels.iter().map(marks).collect()
    }

    /// Forgets all pictures.
    pub fn reset(&mut self) {
        self.channels = unseen(self.channels.len());
        (self.pictures, self.lit_pictures) = (0, 0);
    }
}

#[cfg(test)]
mod tests;
