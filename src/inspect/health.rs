//! What is wrong with a channel, from a few numbers a picture: the same code judges a folder of pictures
//! (`convscope diagnose`) and a session in front of the camera, where a shader measures. Pure, any thread.

use serde::Serialize;

use super::measure::ChannelStatistics;
use crate::model::{Graph, LayerIndex, Op, Shape};

/// Degrees of freedom, (cells − 1) × pictures, below which a correlation says nothing. Of two unrelated 2×2 maps
/// (3) one pair in ten correlates above 0.9, for 3×3 maps (8) it is one in a thousand. Maps of one cell have none.
pub const LEAST_FREEDOM: usize = 8;

/// True where a layer cannot be negative because every value has passed a ReLU on its last way, so that zero
/// means "nothing found": a ReLU, and pools and concatenations of such layers.
pub fn is_rectified(graph: &Graph, layer: LayerIndex) -> bool {
    let node = &graph.nodes[layer];
    match node.op {
        Op::Relu => true,
        Op::MaxPool(_) | Op::AvgPool(_) | Op::Concat | Op::GlobalAvgPool => {
            node.inputs.iter().all(|&input| is_rectified(graph, input))
        }
        Op::Input | Op::Conv(_) | Op::BatchNorm | Op::Dense | Op::Classifier => false,
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

#[derive(Clone, Copy, Debug)]
struct Channel {
    low: f32,
    high: f32,
    variances: f64,
    zeros: f64,
    brightness: f64,
    is_silent: bool,
    is_broken: bool,
}

const UNSEEN: Channel = Channel {
    low: f32::INFINITY,
    high: f32::NEG_INFINITY,
    variances: 0.0,
    zeros: 0.0,
    brightness: 0.0,
    is_silent: false,
    is_broken: false,
};

/// The measures of one layer, accumulated over pictures.
#[derive(Clone, Debug)]
pub struct LayerHealth {
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
            channels: vec![UNSEEN; shape.channels],
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
            channel.is_silent = measure.is_silent();
            if measure.is_empty() || !measure.std.is_finite() {
                channel.is_broken = true;
                continue;
            }
            channel.low = channel.low.min(measure.min);
            channel.high = channel.high.max(measure.max);
            channel.variances += f64::from(measure.std).powi(2);
            channel.zeros += f64::from(measure.zeros);
            channel.brightness += f64::from(measure.brightness);
        }
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
        let sound = || self.channels.iter().filter(|channel| !channel.is_broken);
        let typical = (sound().map(|channel| channel.variances).sum::<f64>() / sound().count() as f64).sqrt();
        let has_spread = self.cells > 1 && typical > 0.0;
        let has_brightness = self.cells.saturating_sub(1) * self.lit_pictures >= LEAST_FREEDOM;
        let marks = |channel: &Channel| {
            if channel.is_broken {
                return Marks { broken: true, ..Marks::default() };
            }
            let dead = self.is_rectified && channel.high <= 0.0;
            let spread = if has_spread { (channel.variances.sqrt() / typical) as f32 } else { 0.0 };
            let brightness = (channel.brightness / self.lit_pictures.max(1) as f64) as f32;
            Marks {
                dead,
                silent: self.is_rectified && channel.is_silent,
                solid: has_spread && !dead && spread < thresholds.solid,
                always_on: self.is_rectified && channel.low > 0.0,
                broken: false,
                spread,
                zeros: (channel.zeros / self.pictures as f64) as f32,
                brightness,
                copy: (has_brightness && brightness.abs() >= thresholds.copy).then_some(brightness),
            }
        };
        self.channels.iter().map(marks).collect()
    }

    /// Forgets all pictures.
    pub fn reset(&mut self) {
        self.channels.fill(UNSEEN);
        (self.pictures, self.lit_pictures) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    const SHAPE: Shape = Shape { channels: 6, height: 8, width: 8 };

    /// Nothing but finite.
    const SOUND: ChannelStatistics = ChannelStatistics {
        min: 0.0,
        max: 0.0,
        mean: 0.0,
        std: 0.0,
        zeros: 0.0,
        brightness: 0.0,
        finite: 1.0,
        change: 0.0,
    };

    fn measures(std: [f32; 6], change: impl Fn(usize, &mut ChannelStatistics)) -> Vec<ChannelStatistics> {
        let one = |(channel, std)| {
            let mut measure =
                ChannelStatistics { max: 1.0, mean: 0.3, std, zeros: 0.5, brightness: 0.1, ..SOUND };
            change(channel, &mut measure);
            measure
        };
        std.into_iter().enumerate().map(one).collect()
    }

    fn marks(health: &LayerHealth) -> Vec<Marks> {
        health.marks(&Thresholds::default())
    }

    #[test]
    fn dead_means_never_and_silent_means_now() {
        let silent = ChannelStatistics { zeros: 1.0, ..SOUND };
        let first = measures([1.0; 6], |channel, m| {
            if channel < 2 {
                *m = silent;
            }
        });
        let second = measures([1.0; 6], |channel, m| {
            if channel == 1 || channel == 2 {
                *m = silent;
            }
        });
        let mut health = LayerHealth::new(SHAPE, true);
        assert_eq!(marks(&health), [Marks::default(); 6]);
        health.observe(&first);
        assert_eq!(
            marks(&health).iter().map(|m| m.dead).collect::<Vec<_>>(),
            [true, true, false, false, false, false]
        );
        health.observe(&second);
        let found = marks(&health);
        assert_eq!(
            found.iter().map(|m| m.dead).collect::<Vec<_>>(),
            [false, true, false, false, false, false]
        );
        assert_eq!(
            found.iter().map(|m| m.silent).collect::<Vec<_>>(),
            [false, true, true, false, false, false]
        );
        assert!(!found[1].solid && !found[1].broken);
        assert_eq!((found[0].zeros, found[1].zeros, found[3].zeros), (0.75, 1.0, 0.5));
        assert_eq!(health.pictures(), 2);

        // Where values may be negative, nothing of this means anything.
        let mut raw = LayerHealth::new(SHAPE, false);
        raw.observe(&first);
        assert!(marks(&raw).iter().all(|m| !m.dead && !m.silent));
        // But the map is of one colour.
        assert!(marks(&raw)[0].solid);

        health.reset();
        assert_eq!((marks(&health), health.pictures()), (vec![Marks::default(); 6], 0));
    }

    #[test]
    fn solid_is_measured_against_the_layer() {
        // Typical: √((5·1 + 0.04²)/6) = 0.913; 0.04 is 0.0438 of it, 0.05 would be 0.0547.
        let mut health = LayerHealth::new(SHAPE, true);
        health.observe(&measures([1.0, 1.0, 0.04, 1.0, 1.0, 1.0], |_, _| {}));
        let found = marks(&health);
        assert!((found[2].spread - 0.043_811).abs() < 1e-5, "{}", found[2].spread);
        assert_eq!(
            found.iter().map(|m| m.solid).collect::<Vec<_>>(),
            [false, false, true, false, false, false]
        );
        assert!(health.marks(&Thresholds { solid: 0.04, ..Default::default() }).iter().all(|m| !m.solid));
        // A thousandth of the scale changes nothing.
        let mut health = LayerHealth::new(SHAPE, true);
        health.observe(&measures([1e-3, 1e-3, 4e-5, 1e-3, 1e-3, 1e-3], |_, _| {}));
        assert!(marks(&health)[2].solid && !marks(&health)[0].solid);
    }

    #[test]
    fn a_rare_detector_is_not_solid_and_a_flat_picture_counts_for_nothing() {
        let mut health = LayerHealth::new(SHAPE, true);
        for picture in 0..50 {
            let rare = if picture == 7 { 1.0 } else { 0.0 };
            health.observe(&measures([1.0, 1.0, rare, 0.01, 1.0, 1.0], |_, _| {}));
            // The whole layer flat but for rounding, most of it in the solid map.
            health.observe(&measures([1e-7, 1e-7, 0.0, 1e-6, 1e-7, 1e-7], |_, _| {}));
        }
        let found = marks(&health);
        assert!(!found[2].solid && found[2].spread > 0.1, "{}", found[2].spread);
        assert!(found[3].solid);
    }

    #[test]
    fn without_cells_to_compare_nothing_is_solid() {
        let mut health = LayerHealth::new(Shape { channels: 6, height: 1, width: 1 }, true);
        health.observe(&measures([0.0; 6], |channel, m| m.max = channel as f32));
        assert!(marks(&health).iter().all(|m| !m.solid && m.copy.is_none()));
        let mut health = LayerHealth::new(SHAPE, true);
        health.observe(&measures([0.0; 6], |_, _| {}));
        assert!(marks(&health).iter().all(|m| !m.solid && m.spread == 0.0));
    }

    #[test]
    fn always_on_needs_every_picture_and_a_relu() {
        let on = measures([1.0; 6], |channel, m| {
            if channel < 2 {
                m.min = 0.1;
            }
        });
        let later = measures([1.0; 6], |channel, m| {
            if channel == 0 {
                m.min = 0.2;
            }
        });
        for rectified in [true, false] {
            let mut health = LayerHealth::new(SHAPE, rectified);
            health.observe(&on);
            health.observe(&later);
            let found: Vec<_> = marks(&health).iter().map(|m| m.always_on).collect();
            assert_eq!(found, [rectified, false, false, false, false, false]);
        }
    }

    #[test]
    fn copies_keep_their_sign_and_dark_pictures_do_not_count() {
        let picture =
            measures([1.0; 6], |channel, m| m.brightness = [0.95, -0.95, 0.85, 0.5, 0.95, 0.0][channel]);
        let other =
            measures([1.0; 6], |channel, m| m.brightness = [0.93, -0.97, 0.85, 0.5, -0.95, 0.0][channel]);
        let dark = measures([1.0; 6], |_, m| m.brightness = 0.0);
        let mut health = LayerHealth::new(SHAPE, true);
        for measures in [&picture, &dark, &other] {
            health.observe(measures);
        }
        let copies: Vec<_> = marks(&health).iter().map(|m| m.copy.map(|r| (r * 100.0).round())).collect();
        assert_eq!(copies, [Some(94.0), Some(-96.0), None, None, None, None]);
        assert!(health.marks(&Thresholds { copy: 0.8, ..Default::default() })[2].copy.is_some());

        // Four cells on two pictures are 6 degrees of freedom; on three they suffice.
        let mut small = LayerHealth::new(Shape { channels: 6, height: 2, width: 2 }, true);
        small.observe(&picture);
        small.observe(&picture);
        assert_eq!(marks(&small)[0].copy, None);
        small.observe(&picture);
        assert!(marks(&small)[0].copy.is_some());
    }

    #[test]
    fn channels_without_numbers_are_broken_and_spoil_no_other() {
        let broken = measures([1.0, 1.0, 1.0, 0.01, 1.0, 1.0], |channel, m| match channel {
            0 => *m = ChannelStatistics::default(),
            1 => m.std = f32::INFINITY,
            _ => {}
        });
        let mut health = LayerHealth::new(SHAPE, true);
        health.observe(&broken);
        health.observe(&measures([1.0, 1.0, 1.0, 0.01, 1.0, 1.0], |_, _| {}));
        let found = marks(&health);
        assert_eq!(found[0], Marks { broken: true, ..Default::default() });
        assert!(found[1].broken && !found[2].broken);
        assert!(found[3].solid && !found[2].solid);
    }

    #[test]
    fn rectified_is_what_comes_from_relus() {
        let graph = inception_v3(10, 0.1);
        let is_rectified = |name: &str| is_rectified(&graph, graph.find(name).unwrap());
        for name in
            ["activation", "max_pooling2d_1", "mixed0", "mixed3", "average_pooling2d", "mixed9_0", "avg_pool"]
        {
            assert!(is_rectified(name), "{name}");
        }
        for name in ["input_layer", "conv2d", "batch_normalization_3", "predictions"] {
            assert!(!is_rectified(name), "{name}");
        }
    }
}
