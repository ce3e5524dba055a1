//! The shaders' text.

/// WGSL of each shader, put together from its parts: `(name, source)`.
pub fn shader_sources() -> [(&'static str, String); 13] {
    let frame = include_str!("../../shaders/frame.wgsl");
    let map = include_str!("../../shaders/feature_map.wgsl");
    [
        ("preprocess", [frame, include_str!("../../shaders/preprocess.wgsl")].concat()),
        ("picture", [frame, include_str!("../../shaders/picture.wgsl")].concat()),
        ("luminance", [map, include_str!("../../shaders/luminance.wgsl")].concat()),
        ("statistics", [map, include_str!("../../shaders/statistics.wgsl")].concat()),
        ("percentiles", [map, include_str!("../../shaders/percentiles.wgsl")].concat()),
        ("tiles", [map, include_str!("../../shaders/tiles.wgsl")].concat()),
        ("fill", include_str!("../../shaders/fill.wgsl").into()),
        ("rgb", [map, include_str!("../../shaders/rgb.wgsl")].concat()),
        ("class_activation", [map, include_str!("../../shaders/class_activation.wgsl")].concat()),
        ("components", [map, include_str!("../../shaders/components.wgsl")].concat()),
        ("meshes", include_str!("../../shaders/meshes.wgsl").into()),
        ("saliency", [map, include_str!("../../shaders/saliency.wgsl")].concat()),
        ("hypercolumn", [map, include_str!("../../shaders/hypercolumn.wgsl")].concat()),
    ]
}
