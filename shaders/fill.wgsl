// One colour over everything within the scissor rectangle.

struct Fill {
    color: vec4<f32>,
}

@group(0) @binding(0) var<storage, read> params: Fill;

@vertex
fn fill_vertex(@builtin(vertex_index) vertex: u32) -> @builtin(position) vec4<f32> {
    return vec4<f32>(f32(vertex & 1u) * 2.0 - 1.0, 1.0 - f32(vertex >> 1u) * 2.0, 0.0, 1.0);
}

@fragment
fn fill_fragment() -> @location(0) vec4<f32> {
    return params.color;
}
