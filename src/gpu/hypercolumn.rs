//! Hypercolumns: what all chosen layers say of one pixel (Hariharan, Arbeláez, Girshick and Malik,
//! "Hypercolumns for Object Segmentation and Fine-grained Localization", CVPR 2015, arXiv:1411.5752). Every
//! map is enlarged to the same grid, bilinearly, with half-pixel centres and held edges.

use super::objects::ComputePipeline;
use super::{FeatureMapBuffer, GpuContext, PooledBuffer};
use crate::model::Shape;

/// `Hypercolumn` in hypercolumn.wgsl.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C)]
pub(super) struct HypercolumnSettings {
    size: [u32; 2],
    pixel: [u32; 2],
    first: u32,
    scale: f32,
    padding: [u32; 2],
}

/// The compiled shaders.
#[derive(Debug)]
pub struct HypercolumnPass {
    sums: ComputePipeline,
    accumulate: ComputePipeline,
    vector: ComputePipeline,
    products: ComputePipeline,
    cosines: ComputePipeline,
}

impl HypercolumnPass {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        let pipeline = |entry| gpu.compute_pipeline("hypercolumn", entry);
        Self {
            sums: pipeline("channel_sums"),
            accumulate: pipeline("accumulate"),
            vector: pipeline("interpolate_channels"),
            products: pipeline("accumulate_products"),
            cosines: pipeline("cosines"),
        }
    }

    /// The mean of all channels of all `maps` at each pixel of a `[height, width]` grid, as a map of one
    /// channel; submits. Layers with many channels weigh more. Zero without maps; a value that is not finite
    /// spreads over the pixels around its cell.
    pub fn picture(
        &self,
        gpu: &GpuContext,
        maps: &[FeatureMapBuffer],
        [height, width]: [u32; 2],
    ) -> FeatureMapBuffer {
        let shape = Shape { channels: 1, height: height as usize, width: width as usize };
        let picture = gpu.storage(shape.len());
        let channels: usize = maps.iter().map(|map| map.shape.channels).sum();
        let settings = gpu.settings(&HypercolumnSettings {
            size: [width, height],
            pixel: [0; 2],
            first: 0,
            scale: 1.0 / channels as f32,
            padding: [0; 2],
        });
        // All of them are held until everything is submitted.
        let sums: Vec<_> = maps.iter().map(|map| gpu.storage(map.shape.height * map.shape.width)).collect();
        gpu.submit(|encoder| {
            encoder.clear_buffer(&picture, 0, None);
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for (map, sums) in maps.iter().zip(&sums) {
                let layout = gpu.settings(&map.layout());
                let [layout, settings] = [&layout, &settings].map(|buffer| buffer.as_entire_binding());
                let [sums, picture] = [sums, &picture].map(|buffer| buffer.as_entire_binding());
                let [rows, columns] = [map.shape.height, map.shape.width].map(|n| (n as u32).div_ceil(8));
                let sum = [(0, map.binding()), (1, layout.clone()), (3, sums.clone())];
                self.sums.run(gpu, &mut pass, &sum, [columns, rows, 1]);
                let add = [(1, layout), (2, settings), (3, sums), (4, picture)];
                self.accumulate.run(gpu, &mut pass, &add, [width.div_ceil(8), height.div_ceil(8), 1]);
            }
        });
        FeatureMapBuffer::dense(picture, shape)
    }

    /// The hypercolumn of the pixel in column `x`, row `y` (the last one where there is none) of a
    /// `[height, width]` grid: one f32 for each channel of each of the `maps` (at least one), in their order;
    /// submits. The buffer can be read back.
    pub fn vector(
        &self,
        gpu: &GpuContext,
        maps: &[FeatureMapBuffer],
        [height, width]: [u32; 2],
        [x, y]: [u32; 2],
    ) -> PooledBuffer {
        let channels = maps.iter().map(|map| map.shape.channels).sum();
        let vector = gpu.storage(channels);
        let mut first = 0;
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for map in maps {
                let layout = gpu.settings(&map.layout());
                let settings = gpu.settings(&HypercolumnSettings {
                    size: [width, height],
                    pixel: [x.min(width.saturating_sub(1)), y.min(height.saturating_sub(1))],
                    first,
                    scale: 1.0,
                    padding: [0; 2],
                });
                first += map.shape.channels as u32;
                let bindings = [
                    (0, map.binding()),
                    (1, layout.as_entire_binding()),
                    (2, settings.as_entire_binding()),
                    (4, vector.as_entire_binding()),
                ];
                let workgroups = [(map.shape.channels as u32).div_ceil(64), 1, 1];
                self.vector.run(gpu, &mut pass, &bindings, workgroups);
            }
        });
        vector
    }

    /// How alike each cell of a `[height, width]` grid is to a [`Self::vector`] of as many channels, made of `maps` (at least one)
    /// alike; submits. Of the map's two channels the first has the cosine, 0 where one of the two vectors is zero in all its
    /// values; the second 1 where both have a direction, else 0.
    pub fn likeness(
        &self,
        gpu: &GpuContext,
        maps: &[FeatureMapBuffer],
        [height, width]: [u32; 2],
        vector: &PooledBuffer,
    ) -> FeatureMapBuffer {
        let shape = Shape { channels: 2, height: height as usize, width: width as usize };
        let (sums, cosines) = (gpu.storage(3 * shape.height * shape.width), gpu.storage(shape.len()));
        let settings = |first| {
            gpu.settings(&HypercolumnSettings {
                size: [width, height],
                pixel: [0; 2],
                first,
                scale: 1.0,
                padding: [0; 2],
            })
        };
        let workgroups = [width.div_ceil(8), height.div_ceil(8), 1];
        gpu.submit(|encoder| {
            encoder.clear_buffer(&sums, 0, None);
            let mut pass = encoder.begin_compute_pass(&Default::default());
            let mut first = 0;
            for map in maps {
                let (layout, settings) = (gpu.settings(&map.layout()), settings(first));
                first += map.shape.channels as u32;
                let bindings = [
                    (0, map.binding()),
                    (1, layout.as_entire_binding()),
                    (2, settings.as_entire_binding()),
                    (3, sums.as_entire_binding()),
                    (5, vector.as_entire_binding()),
                ];
                self.products.run(gpu, &mut pass, &bindings, workgroups);
            }
            let settings = settings(0);
            let bindings = [
                (2, settings.as_entire_binding()),
                (3, sums.as_entire_binding()),
                (4, cosines.as_entire_binding()),
            ];
            self.cosines.run(gpu, &mut pass, &bindings, workgroups);
        });
        FeatureMapBuffer::dense(cosines, shape)
    }
}
