// Values of a feature map where the network left them: any strides, any offset. Put in front of all shaders
// that read feature maps; binds group 0, bindings 0 and 1.

struct MapLayout {
    // Of the first value in the bound range, and from one to the next, in elements.
    base: u32,
    channel_stride: u32,
    row_stride: u32,
    column_stride: u32,
    channels: u32,
    height: u32,
    width: u32,
    padding: u32,
}

@group(0) @binding(0) var<storage, read> map_values: array<f32>;
@group(0) @binding(1) var<storage, read> map: MapLayout;

fn map_value(channel: u32, row: u32, column: u32) -> f32 {
    return map_values[
        map.base + channel * map.channel_stride + row * map.row_stride + column * map.column_stride
    ];
}

// By the bits: compilers may assume that floats are finite.
fn is_finite(value: f32) -> bool {
    return (bitcast<u32>(value) & 0x7f800000u) != 0x7f800000u;
}
