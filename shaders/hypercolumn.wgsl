// Several layers seen from one grid of pixels, each enlarged to it (Hariharan et al., CVPR 2015,
// arXiv:1411.5752): the mean of all channels as a picture, or all channels under one pixel as a vector.
// Twins: `hypercolumn_picture` and `hypercolumn_vector` in src/gpu/twin/maps.rs.

struct Hypercolumn {
    // Of the grid: width, height.
    size: vec2<u32>,
    // The pixel whose vector is wanted.
    pixel: vec2<u32>,
    // Position of this map's first channel in the vector.
    first: u32,
    // One over the number of channels of all maps.
    scale: f32,
    padding: vec2<u32>,
}

@group(0) @binding(2) var<storage, read> params: Hypercolumn;
// This map's sum over its channels: map.height × map.width.
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
// The picture, row by row, to which this map is added; or the vector.
@group(0) @binding(4) var<storage, read_write> hypercolumn: array<f32>;

// The four cells around a pixel's centre and how far it is from the first to the last.
struct Corners {
    low: vec2<u32>,
    high: vec2<u32>,
    part: vec2<f32>,
}

// Half-pixel centres, clamped edges.
fn corners(pixel: vec2<u32>) -> Corners {
    let cells = vec2<f32>(f32(map.width), f32(map.height));
    let last = cells - 1.0;
    let at = (vec2<f32>(pixel) + 0.5) * cells / vec2<f32>(params.size);
    let place = clamp(at - 0.5, vec2<f32>(0.0), last);
    let low = floor(place);
    return Corners(vec2<u32>(low), vec2<u32>(min(low + 1.0, last)), place - low);
}

@compute @workgroup_size(8, 8)
fn channel_sums(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= map.width || id.y >= map.height {
        return;
    }
    var sum = 0.0;
    for (var channel = 0u; channel < map.channels; channel++) {
        sum += map_value(channel, id.y, id.x);
    }
    sums[id.y * map.width + id.x] = sum;
}

@compute @workgroup_size(8, 8)
fn accumulate(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.size) {
        return;
    }
    let c = corners(id.xy);
    let above = c.low.y * map.width;
    let below = c.high.y * map.width;
    let top = mix(sums[above + c.low.x], sums[above + c.high.x], c.part.x);
    let bottom = mix(sums[below + c.low.x], sums[below + c.high.x], c.part.x);
    hypercolumn[id.y * params.size.x + id.x] += mix(top, bottom, c.part.y) * params.scale;
}

@compute @workgroup_size(64)
fn interpolate_channels(@builtin(global_invocation_id) id: vec3<u32>) {
    let channel = id.x;
    if channel >= map.channels {
        return;
    }
    let c = corners(params.pixel);
    let top = mix(
        map_value(channel, c.low.y, c.low.x), map_value(channel, c.low.y, c.high.x), c.part.x,
    );
    let bottom = mix(
        map_value(channel, c.high.y, c.low.x), map_value(channel, c.high.y, c.high.x), c.part.x,
    );
    hypercolumn[params.first + channel] = mix(top, bottom, c.part.y);
}
