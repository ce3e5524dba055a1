//! Everything that is drawn or computed with our own shaders. No Burn: feature maps arrive as
//! [`FeatureMapBuffer`]s, whoever made them.

mod class_activation;
mod context;
mod feature_map;
mod frame;
mod hypercolumn;
mod luminance;
mod meshes;
mod objects;
pub mod readback;
mod reuse;
mod rgb;
mod statistics;
mod tiles;
pub mod twin;

pub use class_activation::ClassActivationPass;
pub use context::{AdapterSummary, GpuContext, GpuError, Traffic, list_adapters, new_instance};
pub use feature_map::FeatureMapBuffer;
pub use frame::{Fit, FrameBuffer, PictureRenderer, Preprocessor, Rect, Resize, crop_of};
pub use hypercolumn::HypercolumnPass;
pub use luminance::{LuminanceBuffer, LuminancePass};
pub use meshes::{Mesh, MeshRenderer, MeshTexture, Vertex};
pub use objects::{Objects, PooledBuffer, PooledTarget};
pub use rgb::{RgbDraw, RgbRenderer};
pub use statistics::{StatisticsBuffer, StatisticsPass};
pub use tiles::{ChannelOrder, TileDraw, TilesRenderer, range_mode};

/// WGSL of each shader, put together from its parts: `(name, source)`.
pub fn shader_sources() -> [(&'static str, String); 9] {
    let frame = include_str!("../../shaders/frame.wgsl");
    let map = include_str!("../../shaders/feature_map.wgsl");
    [
        ("preprocess", [frame, include_str!("../../shaders/preprocess.wgsl")].concat()),
        ("picture", [frame, include_str!("../../shaders/picture.wgsl")].concat()),
        ("luminance", [map, include_str!("../../shaders/luminance.wgsl")].concat()),
        ("statistics", [map, include_str!("../../shaders/statistics.wgsl")].concat()),
        ("tiles", [map, include_str!("../../shaders/tiles.wgsl")].concat()),
        ("rgb", [map, include_str!("../../shaders/rgb.wgsl")].concat()),
        ("class_activation", [map, include_str!("../../shaders/class_activation.wgsl")].concat()),
        ("meshes", include_str!("../../shaders/meshes.wgsl").into()),
        ("hypercolumn", [map, include_str!("../../shaders/hypercolumn.wgsl")].concat()),
    ]
}

/// Name in WGSL and size in Rust, in bytes, of each struct of settings: a test compares them.
pub fn settings_sizes() -> [(&'static str, usize); 8] {
    [
        ("Preprocess", size_of::<frame::PreprocessSettings>()),
        ("Picture", size_of::<frame::PictureSettings>()),
        ("MapLayout", size_of::<feature_map::MapLayout>()),
        ("Luminance", size_of::<luminance::LuminanceSettings>()),
        ("Tiles", size_of::<tiles::TilesSettings>()),
        ("Meshes", size_of::<meshes::MeshesSettings>()),
        ("Rgb", size_of::<rgb::RgbSettings>()),
        ("Hypercolumn", size_of::<hypercolumn::HypercolumnSettings>()),
    ]
}
