//! Between which values nearly all of each map lie, computed where the values are.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext, LuminanceBuffer, StatisticsBuffer, StatisticsPass};

/// The compiled shader.
#[derive(Debug)]
pub struct PercentilesPass {
    pipeline: ComputePipeline,
}

impl PercentilesPass {
    /// Compiles the shader.
    pub fn new(gpu: &GpuContext) -> Self {
        Self { pipeline: gpu.compute_pipeline("percentiles", "percentiles") }
    }

    /// The `statistics` of `map` with other ends: for each channel, in place of the smallest and the largest value those at
    /// or below which 1 % and 99 % of its finite values lie (where both are one value, the ends stay). The layer's ends
    /// stay. Submits.
    pub fn run(
        &self,
        gpu: &GpuContext,
        map: &FeatureMapBuffer,
        statistics: &StatisticsBuffer,
    ) -> StatisticsBuffer {
        let layout = gpu.settings(&map.layout());
        let ranges = StatisticsBuffer::empty(gpu, map.shape.channels);
        let bindings = [
            (0, map.binding()),
            (1, layout.as_entire_binding()),
            (2, statistics.buffer().as_entire_binding()),
            (3, ranges.buffer().as_entire_binding()),
        ];
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            self.pipeline.run(gpu, &mut pass, &bindings, [map.shape.channels as u32, 1, 1]);
        });
        ranges
    }
}

/// Statistics of maps that are shown by themselves, whose likeness to the picture's brightness is not asked for.
#[derive(Debug)]
pub struct MapStatistics {
    statistics: StatisticsPass,
    percentiles: PercentilesPass,
    /// Of the last map's height and width.
    light: Option<([usize; 2], LuminanceBuffer)>,
}

impl MapStatistics {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        Self { statistics: StatisticsPass::new(gpu), percentiles: PercentilesPass::new(gpu), light: None }
    }

    /// Statistics of `map`, and, where wanted, the same with percentiles as ends; submits.
    pub fn run(
        &mut self,
        gpu: &GpuContext,
        map: &FeatureMapBuffer,
        percentiles: bool,
    ) -> (StatisticsBuffer, Option<StatisticsBuffer>) {
        let side = [map.shape.height, map.shape.width];
        let known = self.light.take().filter(|(known, _)| *known == side);
        let (_, light) =
            self.light.insert(known.unwrap_or_else(|| (side, LuminanceBuffer::uniform(gpu, map.shape))));
        let statistics = self.statistics.run(gpu, map, light, None);
        let ranges = percentiles.then(|| self.percentiles.run(gpu, map, &statistics));
        (statistics, ranges)
    }

    /// Ranges for a map of one channel without negative values: from zero to the value at or below which 99 % of its finite
    /// values lie; submits.
    pub fn reach(&mut self, gpu: &GpuContext, map: &FeatureMapBuffer) -> StatisticsBuffer {
        let (statistics, ranges) = self.run(gpu, map, true);
        let ranges = ranges.unwrap_or(statistics);
        // The low end is the entry's first number; what was submitted is done before.
        gpu.write(ranges.buffer(), &0f32.to_le_bytes());
        ranges
    }
}
