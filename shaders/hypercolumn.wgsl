// Several layers seen from one grid of pixels, each enlarged to it (Hariharan et al., CVPR 2015,
// arXiv:1411.5752): the mean of all channels as a picture, all channels under one pixel as a vector, or how alike the pixels
// are to such a vector.
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
// This map's sum over its channels: map.height × map.width. Of a comparison three planes of the grid's size.
@group(0) @binding(3) var<storage, read_write> sums: array<f32>;
// The picture, row by row, to which this map is added; the vector; or what comes of a comparison.
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

// The vector that cells are compared with, as `interpolate_channels` leaves it.
@group(0) @binding(5) var<storage, read> compared: array<f32>;

// Of each pixel of the grid three sums, one plane after the other: products of its vector and the compared one, and the squares
// of both. Twin, with `cosines`: `Likeness::of` in src/inspect/likeness.rs.
@compute @workgroup_size(8, 8)
fn accumulate_products(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.size) {
        return;
    }
    let c = corners(id.xy);
    var sum = vec3<f32>(0.0);
    for (var channel = 0u; channel < map.channels; channel++) {
        let top = mix(
            map_value(channel, c.low.y, c.low.x), map_value(channel, c.low.y, c.high.x), c.part.x,
        );
        let bottom = mix(
            map_value(channel, c.high.y, c.low.x), map_value(channel, c.high.y, c.high.x), c.part.x,
        );
        let own = mix(top, bottom, c.part.y);
        let other = compared[params.first + channel];
        sum += vec3<f32>(own * other, own * own, other * other);
    }
    let plane = params.size.x * params.size.y;
    let at = id.y * params.size.x + id.x;
    sums[at] += sum.x;
    sums[plane + at] += sum.y;
    sums[2u * plane + at] += sum.z;
}

// Two planes: the cosine, 0 where one of the two has no direction; and 1 where both have one, else 0.
@compute @workgroup_size(8, 8)
fn cosines(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.size) {
        return;
    }
    let plane = params.size.x * params.size.y;
    let at = id.y * params.size.x + id.x;
    let squares = vec2<f32>(sums[plane + at], sums[2u * plane + at]);
    let has_direction = squares.x != 0.0 && squares.y != 0.0;
    var cosine = 0.0;
    if has_direction {
        cosine = sums[at] / (sqrt(squares.x) * sqrt(squares.y));
        // Rounding; what is not finite stays.
        if is_finite(cosine) {
            cosine = clamp(cosine, -1.0, 1.0);
        }
    }
    hypercolumn[at] = cosine;
    hypercolumn[plane + at] = select(0.0, 1.0, has_direction);
}
