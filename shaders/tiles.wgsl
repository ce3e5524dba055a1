// Feature maps as coloured tiles in a grid, straight from the network's memory.
// Twin: `tile_pixel` in src/gpu/twin/maps.rs.

const RANGE_MAP: u32 = 0u;
const RANGE_LAYER: u32 = 1u;

struct Tiles {
    target_size: vec2<f32>,
    // Of the first tile, in pixels of the target.
    origin: vec2<f32>,
    // One tile; and from one tile to the next.
    tile_size: vec2<f32>,
    pitch: vec2<f32>,
    columns: u32,
    // Index into `channel_order` of the first tile.
    first: u32,
    range_mode: u32,
    // Ranges are widened to be symmetric around zero (for diverging colormaps).
    symmetric: u32,
    // Row of the colormap table.
    colormap: u32,
    // Bilinear interpolation of the values; otherwise nearest.
    smooth_values: u32,
    // 1 hides what is there; less is for pipelines that blend.
    opacity: f32,
    // Swap left and right in every tile.
    mirror: u32,
}

// Two vectors a channel, the first beginning with minimum and maximum; the last two are the layer's.
@group(0) @binding(2) var<storage, read> statistics: array<vec4<f32>>;
@group(0) @binding(3) var<uniform> params: Tiles;
@group(0) @binding(4) var<storage, read> channel_order: array<u32>;
@group(0) @binding(5) var colormaps: texture_2d<f32>;

// NaN, infinity and unknown settings: a colour of no colormap.
const ERROR_COLOR: vec3<f32> = vec3<f32>(1.0, 0.0, 1.0);

struct Tile {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) channel: u32,
    @location(1) @interpolate(flat) origin: vec2<f32>,
}

@vertex
fn tiles_vertex(@builtin(vertex_index) vertex: u32, @builtin(instance_index) instance: u32) -> Tile {
    let cell = vec2<f32>(f32(instance % params.columns), f32(instance / params.columns));
    let origin = params.origin + cell * params.pitch;
    let corner = vec2<f32>(f32(vertex & 1u), f32(vertex >> 1u));
    let at = (origin + corner * params.tile_size) / params.target_size;
    var tile: Tile;
    tile.position = vec4<f32>(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
    tile.channel = channel_order[params.first + instance];
    tile.origin = origin;
    return tile;
}

// Interpolates the values before they are coloured. `at` is in cells.
fn smooth_value(channel: u32, at: vec2<f32>) -> f32 {
    let last = vec2<f32>(f32(map.width), f32(map.height)) - 1.0;
    let place = clamp(at - 0.5, vec2<f32>(0.0), last);
    let low = floor(place);
    let part = place - low;
    let a = vec2<u32>(low);
    let b = vec2<u32>(min(low + 1.0, last));
    let top = mix(map_value(channel, a.y, a.x), map_value(channel, a.y, b.x), part.x);
    let bottom = mix(map_value(channel, b.y, a.x), map_value(channel, b.y, b.x), part.x);
    return mix(top, bottom, part.y);
}

@fragment
fn tiles_fragment(tile: Tile) -> @location(0) vec4<f32> {
    return vec4<f32>(tile_color(tile), params.opacity);
}

fn tile_color(tile: Tile) -> vec3<f32> {
    // From whole pixels, not interpolated: the same colours wherever the grid lies in the target.
    let pixel = floor(tile.position.xy) - tile.origin;
    let size = vec2<f32>(f32(map.width), f32(map.height));
    var at = (pixel + 0.5) / params.tile_size * size;
    if params.mirror != 0u {
        at.x = size.x - at.x;
    }
    var value: f32;
    if params.smooth_values != 0u {
        value = smooth_value(tile.channel, at);
    } else {
        let cell = vec2<u32>(min(at, size - 1.0));
        value = map_value(tile.channel, cell.y, cell.x);
    }

    var range: vec2<f32>;
    switch params.range_mode {
        case RANGE_MAP: {
            range = statistics[2u * tile.channel].xy;
        }
        case RANGE_LAYER: {
            range = statistics[2u * map.channels].xy;
        }
        default: {
            return ERROR_COLOR;
        }
    }
    if params.symmetric != 0u {
        let reach = max(abs(range.x), abs(range.y));
        range = vec2<f32>(-reach, reach);
    }
    if !is_finite(value) {
        return ERROR_COLOR;
    }
    var level = 0.0;
    if range.y > range.x {
        level = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
    } else if params.symmetric != 0u {
        level = 0.5;
    }
    let entry = min(u32(level * 256.0), 255u);
    return textureLoad(colormaps, vec2<u32>(entry, params.colormap), 0).rgb;
}
