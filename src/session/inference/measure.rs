//! Statistics of the tapped layers: on the drawing device where the network runs there, else where the values are.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use rayon::prelude::*;

use crate::gpu::{
    FeatureMapBuffer, GpuContext, LuminanceBuffer, LuminancePass, PercentilesPass, StatisticsBuffer,
    StatisticsPass, readback, twin,
};
use crate::inspect::{luminance, percentiles};
use crate::model::{InputScale, LayerIndex, Shape};
use crate::session::activations::Tap;

/// What the network says, one number for each class or output.
type Scores = Arc<[f32]>;

/// A layer's output where it can be drawn from.
#[derive(Clone)]
pub(super) struct Placed {
    pub map: FeatureMapBuffer,
    /// On the CPU also its values.
    pub values: Option<Arc<[f32]>>,
}

/// The network's input, for whoever wants to know how bright the picture is.
pub(super) enum Picture {
    Device(FeatureMapBuffer),
    Host(Vec<f32>),
}

/// What measures maps on the drawing device; compiled where it is first wanted: a network on the CPU needs none of it.
#[derive(Default)]
pub(super) struct Measurer {
    luminance: OnceCell<LuminancePass>,
    statistics: OnceCell<StatisticsPass>,
    percentiles: OnceCell<PercentilesPass>,
}

impl Measurer {
    /// Statistics of maps whose values are at hand, by the shaders' twin: no round through the drawing device, which may be
    /// busy drawing.
    pub fn measure(
        gpu: &GpuContext,
        (input, scale): (Shape, InputScale),
        picture: &[f32],
        maps: &[(LayerIndex, Placed)],
        before: &[Option<&Placed>],
        by_percentile: bool,
    ) -> Vec<Tap> {
        let mut luminances: BTreeMap<(usize, usize), Vec<f32>> = BTreeMap::new();
        let measured = maps.iter().enumerate().filter_map(|(position, (layer, placed))| {
            let (shape, values) = (placed.map.shape, placed.values.as_deref()?);
            let light = luminances
                .entry((shape.height, shape.width))
                .or_insert_with(|| luminance(picture, input, scale, shape));
            let before = before.get(position).copied().flatten();
            let before = before.filter(|before| before.map.shape == shape);
            let before = before.and_then(|before| before.values.as_deref());
            let all = twin::statistics(values, shape, light, before);
            let statistics = StatisticsBuffer::upload(gpu, &all);
            let percentiles = by_percentile.then(|| channel_percentiles(values, shape));
            let (map, channel_statistics) = (placed.map.clone(), all.into());
            Some(Tap { layer: *layer, map, statistics, channel_statistics, percentiles })
        });
        measured.collect()
    }

    /// Statistics of these maps and the answer's numbers, from the GPU: one small copy back. `before`: what the first of the
    /// maps were on the frame before.
    pub fn summarize(
        &self,
        gpu: &GpuContext,
        (picture, scale): (&FeatureMapBuffer, InputScale),
        maps: &[(LayerIndex, Placed)],
        before: &[Option<&Placed>],
        scores: Option<&FeatureMapBuffer>,
        by_percentile: bool,
    ) -> Result<(Vec<Tap>, Option<Scores>), String> {
        let luminance_pass = self.luminance.get_or_init(|| LuminancePass::new(gpu));
        let statistics_pass = self.statistics.get_or_init(|| StatisticsPass::new(gpu));
        let mut luminances: BTreeMap<(usize, usize), LuminanceBuffer> = BTreeMap::new();
        let statistics: Vec<_> = maps
            .iter()
            .enumerate()
            .map(|(position, (_, Placed { map, .. }))| {
                let before = before.get(position).copied().flatten().map(|before| &before.map);
                let luminance = luminances
                    .entry((map.shape.height, map.shape.width))
                    .or_insert_with(|| luminance_pass.run(gpu, picture, scale, map.shape));
                statistics_pass.run(gpu, map, luminance, before)
            })
            .collect();
        let percentiles: Vec<StatisticsBuffer> = if by_percentile {
            let pass = self.percentiles.get_or_init(|| PercentilesPass::new(gpu));
            let of_maps = maps.iter().zip(&statistics);
            of_maps.map(|((_, placed), statistics)| pass.run(gpu, &placed.map, statistics)).collect()
        } else {
            vec![]
        };
        let all = statistics.iter().chain(&percentiles);
        let mut ranges: Vec<_> = all.map(|statistics| (statistics.buffer(), 0, statistics.size())).collect();
        let scores = scores.filter(|map| map.strides[0] == 1);
        ranges.extend(scores.map(|map| (&map.buffer, map.offset, map.extent() * 4)));
        if ranges.is_empty() {
            return Ok((vec![], None));
        }
        let bytes = readback::copy(gpu, &ranges).wait(gpu).map_err(|error| error.to_string())?;
        let mut numbers = bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]]));
        let mut next = |buffer: &StatisticsBuffer| {
            let own: Vec<f32> = numbers.by_ref().take(buffer.size() as usize / 4).collect();
            StatisticsBuffer::decode(&own)
        };
        let decoded: Vec<_> = statistics.iter().map(&mut next).collect();
        let mut percentiles = percentiles.iter().map(next).map(|all| {
            // The last entry is the layer's.
            all.iter().take(all.len().saturating_sub(1)).map(|entry| [entry.min, entry.max]).collect()
        });
        let taps = maps.iter().zip(statistics).zip(decoded);
        let taps = taps
            .map(|(((layer, Placed { map, .. }), statistics), channels)| Tap {
                layer: *layer,
                map: map.clone(),
                statistics,
                channel_statistics: channels.into(),
                percentiles: percentiles.next(),
            })
            .collect();
        drop(percentiles);
        Ok((taps, scores.map(|_| numbers.collect())))
    }
}

/// Of each channel, spread over all cores.
fn channel_percentiles(values: &[f32], shape: Shape) -> Arc<[[f32; 2]]> {
    let cells = (shape.height * shape.width).max(1);
    values.par_chunks_exact(cells).map(percentiles).collect::<Vec<_>>().into()
}
