// Triangles with colours and a texture over what is there: the panels. No branch for any pixel: software drivers compute both
// sides of each.

struct Meshes {
    // Of the target, in points.
    screen_size: vec2<f32>,
}

@group(0) @binding(0) var<storage, read> params: Meshes;
@group(0) @binding(1) var colors: texture_2d<f32>;
@group(0) @binding(2) var color_sampler: sampler;

struct Corner {
    @builtin(position) position: vec4<f32>,
    @location(0) place: vec2<f32>,
    @location(1) color: vec4<f32>,
}

// Red in the lowest byte.
fn unpacked(color: u32) -> vec4<f32> {
    return vec4<f32>(
        f32(color & 255u), f32((color >> 8u) & 255u), f32((color >> 16u) & 255u), f32((color >> 24u) & 255u),
    ) / 255.0;
}

// `at` is in points; `place` in the texture, from 0 to 1.
@vertex
fn meshes_vertex(
    @location(0) at: vec2<f32>, @location(1) place: vec2<f32>, @location(2) color: u32,
) -> Corner {
    var corner: Corner;
    corner.position = vec4<f32>(
        2.0 * at.x / params.screen_size.x - 1.0, 1.0 - 2.0 * at.y / params.screen_size.y, 0.0, 1.0,
    );
    corner.place = place;
    corner.color = unpacked(color);
    return corner;
}

// Colours are multiplied by their opacity already.
@fragment
fn meshes_fragment(corner: Corner) -> @location(0) vec4<f32> {
    return corner.color * textureSample(colors, color_sampler, corner.place);
}
