// Channels of a feature map as colours: the network's input, filters of its first layer, or principal components.
// Twin: `rgb_pixel` in src/gpu/twin/maps.rs.

// What they are: `InputColors` in src/model/conventions.rs.
const COLORS_BGR: u32 = 1u;
const COLORS_GREY: u32 = 2u;

struct Rgb {
    target_size: vec2<f32>,
    // Of the first tile, in pixels of the target.
    origin: vec2<f32>,
    // One tile; and from one tile to the next.
    tile_size: vec2<f32>,
    pitch: vec2<f32>,
    columns: u32,
    // Number of the first tile: each shows three channels, or one where they are grey.
    first: u32,
    mirror: u32,
    colors: u32,
    // The values that become black and full colour, channel by channel.
    low: vec4<f32>,
    high: vec4<f32>,
    // 1 hides what is there; less is for pipelines that blend.
    opacity: f32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
}

// Bilinear interpolation of the values; otherwise nearest. Fixed when the shader is compiled, as in tiles.wgsl.
override SMOOTH: bool;

@group(0) @binding(2) var<storage, read> params: Rgb;

// NaN, infinity and channels that the map does not have.
const ERROR_COLOR: vec4<f32> = vec4<f32>(1.0, 0.0, 1.0, 1.0);

struct Tile {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) channel: u32,
    @location(1) @interpolate(flat) origin: vec2<f32>,
}

@vertex
fn rgb_vertex(@builtin(vertex_index) vertex: u32, @builtin(instance_index) instance: u32) -> Tile {
    let cell = vec2<f32>(f32(instance % params.columns), f32(instance / params.columns));
    let origin = params.origin + cell * params.pitch;
    let corner = vec2<f32>(f32(vertex & 1u), f32(vertex >> 1u));
    let at = (origin + corner * params.tile_size) / params.target_size;
    var tile: Tile;
    tile.position = vec4<f32>(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    tile.channel = (params.first + instance) * select(3u, 1u, params.colors == COLORS_GREY);
    tile.origin = origin;
    return tile;
}

// The three values around a place, which is in cells.
fn smooth_values(channel: u32, step: u32, at: vec2<f32>) -> vec3<f32> {
    let last = vec2<f32>(f32(map.width), f32(map.height)) - 1.0;
    let place = clamp(at - 0.5, vec2<f32>(0.0), last);
    let low = floor(place);
    let part = place - low;
    let a = vec2<u32>(low);
    let b = vec2<u32>(min(low + 1.0, last));
    let top = mix(cell_values(channel, step, a), cell_values(channel, step, vec2<u32>(b.x, a.y)), part.x);
    let bottom = mix(cell_values(channel, step, vec2<u32>(a.x, b.y)), cell_values(channel, step, b), part.x);
    return mix(top, bottom, part.y);
}

fn cell_values(channel: u32, step: u32, cell: vec2<u32>) -> vec3<f32> {
    return vec3<f32>(
        map_value(channel, cell.y, cell.x),
        map_value(channel + step, cell.y, cell.x),
        map_value(channel + 2u * step, cell.y, cell.x),
    );
}

@fragment
fn rgb_fragment(tile: Tile) -> @location(0) vec4<f32> {
    // From one colour to the next, in channels.
    let step = select(1u, 0u, params.colors == COLORS_GREY);
    if tile.channel + 2u * step >= map.channels {
        return ERROR_COLOR;
    }
    var pixel = floor(tile.position.xy) - tile.origin;
    if params.mirror != 0u {
        pixel.x = params.tile_size.x - 1.0 - pixel.x;
    }
    let size = vec2<f32>(f32(map.width), f32(map.height));
    let at = (pixel + 0.5) / params.tile_size * size;
    var values: vec3<f32>;
    if SMOOTH {
        values = smooth_values(tile.channel, step, at);
    } else {
        values = cell_values(tile.channel, step, vec2<u32>(min(at, size - 1.0)));
    }
    if !(is_finite(values.x) && is_finite(values.y) && is_finite(values.z)) {
        return ERROR_COLOR;
    }
    let part = (values - params.low.xyz) / (params.high.xyz - params.low.xyz);
    var level = clamp(part, vec3<f32>(0.0), vec3<f32>(1.0));
    if params.colors == COLORS_BGR {
        level = level.zyx;
    } else if params.colors == COLORS_GREY {
        level = level.xxx;
    }
    // Rounded here and not left to the target, which may do it either way.
    return vec4<f32>(floor(level * 255.0 + 0.5) / 255.0, params.opacity);
}
