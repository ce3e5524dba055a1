//! Everything that is drawn or computed with our own shaders. No Burn: feature maps arrive as
//! [`FeatureMapBuffer`]s, whoever made them.

mod changes;
mod class_activation;
mod components;
mod context;
mod feature_map;
mod fill;
mod frame;
mod hypercolumn;
mod kept;
mod luminance;
mod meshes;
mod objects;
pub mod outlet;
mod percentiles;
mod preprocessing;
pub mod readback;
mod reuse;
mod rgb;
mod saliency;
mod shaders;
mod statistics;
mod tiles;
pub mod twin;
mod windows;

pub use changes::{Change, InputChanges};
pub use class_activation::ClassActivationPass;
pub use components::{BasisBuffer, ComponentsPass};
pub use context::{AdapterSummary, GpuContext, GpuError, Traffic, list_adapters, new_instance};
pub use feature_map::FeatureMapBuffer;
pub use fill::FillRenderer;
pub use frame::{FrameBuffer, PictureRenderer, Preprocessor};
pub use hypercolumn::HypercolumnPass;
pub use kept::{Objects, PooledBuffer, PooledTarget};
pub use luminance::{LuminanceBuffer, LuminancePass};
pub use meshes::{Mesh, MeshRenderer, MeshTexture, UploadedMesh, Vertex};
pub use percentiles::{MapStatistics, PercentilesPass};
pub use preprocessing::{Axis, Fit, Like, Preprocessing, Rect, Resize};
pub use rgb::{RgbDraw, RgbRenderer};
pub use saliency::{Join, SaliencyPass};
pub use shaders::shader_sources;
pub use statistics::{StatisticsBuffer, StatisticsPass};
pub use tiles::{ChannelOrder, Cover, TileDraw, TilesRenderer, range_mode};

/// Name in WGSL and size in Rust, in bytes, of each struct of settings: a test compares them.
pub fn settings_sizes() -> [(&'static str, usize); 10] {
    [
        ("Preprocess", size_of::<frame::PreprocessSettings>()),
        ("Picture", size_of::<frame::PictureSettings>()),
        ("MapLayout", size_of::<feature_map::MapLayout>()),
        ("Fill", size_of::<fill::FillSettings>()),
        ("Luminance", size_of::<luminance::LuminanceSettings>()),
        ("Tiles", size_of::<tiles::TilesSettings>()),
        ("Meshes", size_of::<meshes::MeshesSettings>()),
        ("Rgb", size_of::<rgb::RgbSettings>()),
        ("Saliency", size_of::<saliency::SaliencySettings>()),
        ("Hypercolumn", size_of::<hypercolumn::HypercolumnSettings>()),
    ]
}
