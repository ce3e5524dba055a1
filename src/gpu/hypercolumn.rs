//! Hypercolumns: what all chosen layers say of one pixel (Hariharan, Arbeláez, Girshick and Malik,
//! "Hypercolumns for Object Segmentation and Fine-grained Localization", CVPR 2015, arXiv:1411.5752). Every
//! map is enlarged to the same grid, bilinearly, with half-pixel centres and held edges.

use std::sync::Arc;

use super::{FeatureMapBuffer, GpuContext, bind, compute_pipeline, shader};
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
    sums: wgpu::ComputePipeline,
    accumulate: wgpu::ComputePipeline,
    vector: wgpu::ComputePipeline,
}

impl HypercolumnPass {
    /// Compiles the shaders.
    pub fn new(gpu: &GpuContext) -> Self {
        let module = shader(&gpu.device, "hypercolumn");
        let pipeline = |entry| compute_pipeline(&gpu.device, &module, entry);
        Self {
            sums: pipeline("channel_sums"),
            accumulate: pipeline("accumulate"),
            vector: pipeline("interpolate_channels"),
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
        // New buffers are zero.
        let picture = gpu.storage("hypercolumn picture", shape.len());
        let channels: usize = maps.iter().map(|map| map.shape.channels).sum();
        let steps: Vec<_> = maps
            .iter()
            .map(|map| {
                let layout = gpu.settings(&map.layout());
                let settings = gpu.settings(&HypercolumnSettings {
                    size: [width, height],
                    pixel: [0; 2],
                    first: 0,
                    scale: 1.0 / channels as f32,
                    padding: [0; 2],
                });
                let sums = gpu.storage("channel sums", map.shape.height * map.shape.width);
                let [values, layout] = [map.binding(), layout.as_entire_binding()];
                let [settings, sums] = [settings.as_entire_binding(), sums.as_entire_binding()];
                let sum = [(0, values), (1, layout.clone()), (3, sums.clone())];
                let add = [(1, layout), (2, settings), (3, sums), (4, picture.as_entire_binding())];
                [(&self.sums, &sum[..]), (&self.accumulate, &add[..])]
                    .map(|(pipeline, entries)| bind(&gpu.device, &pipeline.get_bind_group_layout(0), entries))
            })
            .collect();
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            for (map, [sum, add]) in maps.iter().zip(&steps) {
                pass.set_pipeline(&self.sums);
                pass.set_bind_group(0, sum, &[]);
                let [rows, columns] = [map.shape.height, map.shape.width].map(|n| (n as u32).div_ceil(8));
                pass.dispatch_workgroups(columns, rows, 1);
                pass.set_pipeline(&self.accumulate);
                pass.set_bind_group(0, add, &[]);
                pass.dispatch_workgroups(width.div_ceil(8), height.div_ceil(8), 1);
            }
        });
        FeatureMapBuffer {
            buffer: picture,
            offset: 0,
            shape,
            strides: [width * height, width, 1],
            keep_alive: Arc::new(()),
        }
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
    ) -> wgpu::Buffer {
        let channels = maps.iter().map(|map| map.shape.channels).sum();
        let vector = gpu.storage("hypercolumn", channels);
        let mut first = 0;
        let mut groups = Vec::with_capacity(maps.len());
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
            let entries = [
                (0, map.binding()),
                (1, layout.as_entire_binding()),
                (2, settings.as_entire_binding()),
                (4, vector.as_entire_binding()),
            ];
            groups.push(bind(&gpu.device, &self.vector.get_bind_group_layout(0), &entries));
        }
        gpu.submit(|encoder| {
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(&self.vector);
            for (map, group) in maps.iter().zip(&groups) {
                pass.set_bind_group(0, group, &[]);
                pass.dispatch_workgroups((map.shape.channels as u32).div_ceil(64), 1, 1);
            }
        });
        vector
    }
}
