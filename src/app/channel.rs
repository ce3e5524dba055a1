//! One channel, large: its map's values for what is said of them, and how it went over the last seconds. Only while a
//! channel is enlarged does its map come back from the drawing device, without waiting for it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::gpu::{GpuContext, readback};
use crate::inspect::ChannelStatistics;
use crate::model::{LayerIndex, ReceptiveField, Shape};
use crate::session::Activations;

/// How far back the curve goes.
const SPAN: Duration = Duration::from_secs(10);

/// Of a curve; more frames than this in [`SPAN`] are forgotten earlier.
const MOST_FRAMES: usize = 300;

/// Bars of a histogram.
const BARS: usize = 48;

/// Whose map it is: frame, layer, channel.
type Key = (u64, LayerIndex, u32);

/// The map of one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelValues {
    /// The channel.
    pub channel: u32,
    /// Height and width are the map's.
    pub shape: Shape,
    /// Row by row.
    pub values: Arc<[f32]>,
}

impl ChannelValues {
    /// The value of a cell.
    pub fn at(&self, [row, column]: [usize; 2]) -> Option<f32> {
        self.values.get(row * self.shape.width + column).copied().filter(|_| column < self.shape.width)
    }

    /// Row and column of the largest value.
    pub fn strongest(&self) -> Option<[usize; 2]> {
        let finite = self.values.iter().enumerate().filter(|(_, value)| value.is_finite());
        let (at, _) = finite.rev().max_by(|a, b| a.1.total_cmp(b.1))?;
        Some([at / self.shape.width, at % self.shape.width])
    }

    /// How many cells have values in each of [`BARS`] equal parts of the range from the smallest to the largest; cells
    /// that are no number are left out. Empty for a map of one value.
    pub fn histogram(&self) -> Vec<f32> {
        let finite = || self.values.iter().copied().filter(|value| value.is_finite());
        let (low, high) =
            (finite().fold(f32::INFINITY, f32::min), finite().fold(f32::NEG_INFINITY, f32::max));
        if low >= high {
            return vec![];
        }
        let mut bars = vec![0.0; BARS];
        for value in finite() {
            let bar = ((value - low) / (high - low) * BARS as f32) as usize;
            bars[bar.min(BARS - 1)] += 1.0;
        }
        bars
    }
}

/// The values of the enlarged channel's newest map.
#[derive(Default)]
pub struct ChannelView {
    waiting: Option<(Key, readback::PendingMap)>,
    values: Option<(Key, ChannelValues)>,
}

impl ChannelView {
    /// The channel's values; those of the frame before while the newest ones are on their way, unless `wait` is set.
    pub fn values(
        &mut self,
        gpu: &GpuContext,
        activations: &Activations,
        layer: LayerIndex,
        channel: u32,
        wait: bool,
    ) -> Option<ChannelValues> {
        self.collect(gpu, wait);
        let key = (activations.sequence, layer, channel);
        if self.waiting.is_none() && self.values.as_ref().is_none_or(|(known, _)| *known != key) {
            let map = activations.map(layer)?.channel(channel as usize)?;
            self.waiting = Some((key, readback::copy_map(gpu, &map)));
            if wait {
                self.collect(gpu, wait);
            }
        }
        let (known, values) = self.values.as_ref()?;
        (known.1 == layer && known.2 == channel).then(|| values.clone())
    }

    /// True while values are on their way: look again soon.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn collect(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((key, pending)) = self.waiting.take() else { return };
        let shape = pending.shape();
        let values = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match values {
            Ok(Some(values)) => {
                self.values = Some((key, ChannelValues { channel: key.2, shape, values: values.into() }));
            }
            Ok(None) => self.waiting = Some((key, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// Statistics of a layer's channels over the last seconds.
#[derive(Debug, Default)]
pub struct ChannelHistory {
    layer: LayerIndex,
    frames: VecDeque<(Instant, Arc<[ChannelStatistics]>)>,
}

impl ChannelHistory {
    /// Takes a frame's statistics of the layer that is looked at; another layer begins anew.
    pub fn observe(&mut self, layer: LayerIndex, activations: &Activations) {
        let Some(tap) = activations.tap(layer) else { return };
        if self.layer != layer {
            *self = Self { layer, ..Self::default() };
        }
        self.add(activations.finished, tap.channel_statistics.clone());
    }

    fn add(&mut self, now: Instant, statistics: Arc<[ChannelStatistics]>) {
        self.frames.push_back((now, statistics));
        while self.frames.len() > MOST_FRAMES
            || self.frames.front().is_some_and(|(at, _)| now.duration_since(*at) > SPAN)
        {
            self.frames.pop_front();
        }
    }

    /// Mean and largest value of a channel in each frame, and how many seconds before the newest frame that was.
    pub fn of(&self, layer: LayerIndex, channel: u32) -> Vec<(f32, f32, f32)> {
        let Some((newest, _)) = self.frames.back().filter(|_| self.layer == layer) else { return vec![] };
        let of_frame = |(at, statistics): &(Instant, Arc<[ChannelStatistics]>)| {
            let channel = statistics.get(channel as usize)?;
            Some((newest.duration_since(*at).as_secs_f32(), channel.mean, channel.max))
        };
        self.frames.iter().filter_map(of_frame).collect()
    }
}

/// The cells of a map (of `shape`'s height and width) that an input pixel (row, column) has a part in: first and last row,
/// first and last column. `None` where there are none.
pub fn cells_that_see(field: ReceptiveField, pixel: [usize; 2], shape: Shape) -> Option<[[usize; 2]; 2]> {
    let along = |axis: usize, cells: usize| {
        let sees = |cell: &usize| {
            let start = field.start_of(axis, *cell);
            (start..start + field.size[axis] as isize).contains(&(pixel[axis] as isize))
        };
        let mut all = (0..cells).filter(sees);
        let first = all.next()?;
        Some([first, all.next_back().unwrap_or(first)])
    };
    Some([along(0, shape.height)?, along(1, shape.width)?])
}

/// What a student ought to know of a map by its statistics, in sentences. `rectified`: zero means that nothing was found.
pub fn in_words(statistics: &ChannelStatistics, rectified: bool, cells: usize) -> String {
    let ChannelStatistics { min, max, zeros, brightness, .. } = *statistics;
    if !(min.is_finite() && max.is_finite()) {
        return "It holds values that are no numbers: something went wrong before this layer.".into();
    }
    if min >= max {
        return match rectified && max <= 0.0 {
            true => "It is zero everywhere: its pattern is nowhere in this picture.".into(),
            false => "It has one value everywhere: it says nothing about this picture.".into(),
        };
    }
    let mut words = String::new();
    if rectified {
        let share = (1.0 - zeros) * 100.0;
        let found = match share {
            share if share < 5.0 => "its pattern is rare here",
            share if share < 50.0 => "it picks out parts of the picture",
            share if share < 95.0 => "it answers to much of the picture",
            _ => "it answers to nearly everything",
        };
        words = format!("Above zero in {share:.0} % of its {cells} cells: {found}. ");
    }
    if brightness.abs() >= 0.9 {
        let inverted = if brightness < 0.0 { ", inverted" } else { "" };
        words += &format!(
            "It follows the picture's brightness{inverted} (correlation {brightness:.2}): nearly a copy, so it has \
             learned little."
        );
    } else if !rectified {
        words += "Both signs mean something here: above zero for the pattern, below for its opposite.";
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn a_cell_and_the_pixels_it_sees_know_each_other() {
        let graph = inception_v3(10, 0.1);
        // Windows of 3 with stride 2: cell (1, 2) sees rows 2 to 4, columns 4 to 6.
        let conv = graph.nodes[1].receptive_field;
        assert_eq!(conv.seen_by([1, 2], [299, 299]), [2, 4, 5, 7]);
        let shape = graph.nodes[1].shape;
        assert_eq!(cells_that_see(conv, [4, 5], shape), Some([[1, 2], [2, 2]]));
        assert_eq!(cells_that_see(conv, [0, 298], shape), Some([[0, 0], [148, 148]]));
        for layer in [4, 40, 100, 228] {
            let (field, shape) = (graph.nodes[layer].receptive_field, graph.nodes[layer].shape);
            for pixel in [[0, 0], [150, 20], [298, 298]] {
                let Some([rows, columns]) = cells_that_see(field, pixel, shape) else { continue };
                for row in 0..shape.height {
                    for column in 0..shape.width {
                        let [top, left, bottom, right] = field.seen_by([row, column], [299, 299]);
                        let sees = (top..bottom).contains(&pixel[0]) && (left..right).contains(&pixel[1]);
                        let is_told =
                            (rows[0]..=rows[1]).contains(&row) && (columns[0]..=columns[1]).contains(&column);
                        assert_eq!(sees, is_told, "layer {layer}, pixel {pixel:?}, cell {row},{column}");
                    }
                }
            }
        }
    }

    #[test]
    fn histograms_count_what_is_a_number() {
        let shape = Shape { channels: 1, height: 2, width: 3 };
        let values = |values: [f32; 6]| ChannelValues { channel: 0, shape, values: values.into() };
        let map = values([0.0, 0.0, 1.0, 0.5, f32::NAN, 1.0]);
        let bars = map.histogram();
        assert_eq!((bars[0], bars[BARS / 2], bars[BARS - 1]), (2.0, 1.0, 2.0));
        assert_eq!(bars.iter().sum::<f32>(), 5.0);
        assert!(values([3.0; 6]).histogram().is_empty());
        assert_eq!((map.at([1, 0]), map.at([0, 3]), map.at([2, 0])), (Some(0.5), None, None));
    }

    #[test]
    fn a_curve_goes_back_ten_seconds() {
        let start = Instant::now();
        let mut history = ChannelHistory { layer: 7, ..ChannelHistory::default() };
        for second in 0..15 {
            let value = ChannelStatistics { mean: second as f32, max: 2.0, ..Default::default() };
            history.add(start + Duration::from_secs(second), [value].into());
        }
        let curve = history.of(7, 0);
        assert_eq!((curve.len(), curve[0], curve[10]), (11, (10.0, 4.0, 2.0), (0.0, 14.0, 2.0)));
        assert!(history.of(8, 0).is_empty() && history.of(7, 1).is_empty());
    }

    #[test]
    fn words_fit_the_numbers() {
        let map = |min, max, zeros, brightness| ChannelStatistics {
            min,
            max,
            zeros,
            brightness,
            ..Default::default()
        };
        let say = |statistics, rectified| in_words(&statistics, rectified, 100);
        assert!(say(map(0.0, 0.0, 1.0, 0.0), true).contains("nowhere"));
        assert!(say(map(2.0, 2.0, 0.0, 0.0), false).contains("one value"));
        assert!(say(map(0.0, 3.0, 0.98, 0.1), true).contains("2 % of its 100 cells: its pattern is rare"));
        assert!(say(map(-1.0, 3.0, 0.0, -0.95), false).contains("inverted"));
        assert!(say(map(f32::NAN, 3.0, 0.0, 0.0), false).contains("no numbers"));
    }
}
