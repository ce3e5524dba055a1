//! The shaders' arithmetic on the CPU, under the same names: what the CPU device uses for preprocessing, and
//! what the shaders are tested against.

mod input;
mod maps;

pub use input::{frame_pixel, preprocess, rgb_bytes, rgb_from_yuv};
pub use maps::{rgb_pixel, statistics, tile_cover, tile_pixel};
