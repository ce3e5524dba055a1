// Feature maps as coloured tiles in a grid, straight from the network's memory.
// Twin: `tile_pixel` in src/gpu/twin/maps.rs.

const RANGE_MAP: u32 = 0u;
const RANGE_LAYER: u32 = 1u;
const RANGE_FIXED: u32 = 2u;

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
    // Ranges are widened to be symmetric around zero.
    symmetric: u32,
    // Row of the colormap table.
    colormap: u32,
    // 1 hides what is there; less is for pipelines that blend.
    opacity: f32,
    // Swap left and right in every tile.
    mirror: u32,
    // Values beyond the range are drawn with a line in the other end's colour every so many pixels; 0: not.
    hatch: u32,
    // Of RANGE_FIXED.
    fixed_range: vec2<f32>,
    gamma: f32,
    boost: f32,
}

// Fixed when the shader is compiled: software drivers would compute both ways for every pixel.
// Bilinear interpolation of the values; otherwise nearest.
override SMOOTH: bool;
// `gamma` is not 1.
override BENT: bool;
// What of the place's opacity a value has: `Cover` in src/gpu/tiles.rs.
override COVER: u32;

const COVER_EVEN: u32 = 0u;
const COVER_STRONG: u32 = 1u;
const COVER_WEAK: u32 = 2u;
const COVER_DARK: u32 = 3u;

// Two vectors a channel, the first beginning with minimum and maximum; the last two are the layer's.
@group(0) @binding(2) var<storage, read> statistics: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> params: Tiles;
@group(0) @binding(4) var<storage, read> channel_order: array<u32>;
@group(0) @binding(5) var colormaps: texture_2d<f32>;
// Laid out as `statistics`: what the colours are chosen by, which may be another frame's.
@group(0) @binding(6) var<storage, read> ranges: array<vec4<f32>>;

// NaN, infinity and unknown settings: a colour of no colormap.
const ERROR_COLOR: vec3<f32> = vec3<f32>(1.0, 0.0, 1.0);
// There is nothing to see.
const FLAT_COLOR: vec3<f32> = vec3<f32>(35.0, 39.0, 45.0) / 255.0;
const FLAT_SPREAD: f32 = 1e-5;
const FLAT_OF_LAYER: f32 = 4e-6;
const FLAT_CANCELLED: f32 = 1e-3;

struct Tile {
    @builtin(position) position: vec4<f32>,
    @location(0) @interpolate(flat) channel: u32,
    @location(1) @interpolate(flat) origin: vec2<f32>,
    // The ends of the colormap.
    @location(2) @interpolate(flat) range: vec2<f32>,
    // 1: there is nothing to see.
    @location(3) @interpolate(flat) is_flat: u32,
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
    // Here, and not for each pixel: of these there are thousands in a tile.
    tile.range = color_range(tile.channel);
    let own = statistics[2u * tile.channel].xy;
    let layer = ranges[2u * map.channels].xy;
    let largest = max(abs(own.x), abs(own.y));
    let rounding = min(FLAT_OF_LAYER * max(abs(layer.x), abs(layer.y)), FLAT_CANCELLED * largest);
    let is_constant = own.y - own.x <= max(FLAT_SPREAD * largest, rounding);
    let is_flat = is_constant && (params.range_mode == RANGE_MAP || all(own == vec2<f32>(0.0)));
    tile.is_flat = select(0u, 1u, is_flat);
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
    let color = tile_color(tile);
    return vec4<f32>(color.rgb, color.a * params.opacity);
}

// The colour, and how much of the opacity it has. Twins: `tile_pixel` and `tile_cover` in src/gpu/twin/maps.rs.
fn tile_color(tile: Tile) -> vec4<f32> {
    // From whole pixels, not interpolated: the same colours wherever the grid lies in the target.
    let pixel = floor(tile.position.xy) - tile.origin;
    let size = vec2<f32>(f32(map.width), f32(map.height));
    var at = (pixel + 0.5) / params.tile_size * size;
    if params.mirror != 0u {
        at.x = size.x - at.x;
    }
    var value: f32;
    if SMOOTH {
        value = smooth_value(tile.channel, at);
    } else {
        let cell = vec2<u32>(min(at, size - 1.0));
        value = map_value(tile.channel, cell.y, cell.x);
    }

    if !is_finite(value) || params.range_mode > RANGE_FIXED {
        return vec4<f32>(ERROR_COLOR, 1.0);
    }
    if tile.is_flat != 0u {
        return vec4<f32>(FLAT_COLOR, select(0.0, 1.0, COVER == COVER_EVEN));
    }
    let range = tile.range;
    var level = 0.0;
    if range.y > range.x {
        level = clamp((value - range.x) / (range.y - range.x), 0.0, 1.0);
    } else if params.symmetric != 0u {
        level = 0.5;
    }
    level = bent(level);
    if COVER == COVER_WEAK {
        return vec4<f32>(vec3<f32>(0.0), 1.0 - strength(level));
    }
    if COVER == COVER_DARK {
        return vec4<f32>(vec3<f32>(0.0), strength(level));
    }
    var entry = min(u32(level * 256.0), 255u);
    let is_clipped = value < range.x || value > range.y;
    if is_clipped && params.hatch > 0u && is_multiple(pixel.x + pixel.y, f32(params.hatch)) {
        entry = 255u - entry;
    }
    let color = textureLoad(colormaps, vec2<u32>(entry, params.colormap), 0).rgb;
    return vec4<f32>(color, select(1.0, strength(level), COVER == COVER_STRONG));
}

// How far a level is from the one that stands for nothing.
fn strength(level: f32) -> f32 {
    return select(level, abs(level * 2.0 - 1.0), params.symmetric != 0u);
}

// Of whole numbers: software drivers have no vectors for division of integers. Half a pixel from where rounding would tell.
fn is_multiple(number: f32, divisor: f32) -> bool {
    return floor((number + 0.5) / divisor) * divisor == number;
}

// Twin: `Scale::range` in src/view/scale.rs.
fn color_range(channel: u32) -> vec2<f32> {
    let own = widened(ranges[2u * channel].xy);
    let layer = widened(ranges[2u * map.channels].xy);
    switch params.range_mode {
        case RANGE_MAP: {
            return own;
        }
        case RANGE_FIXED: {
            return widened(params.fixed_range);
        }
        default: {
            if params.boost <= 0.0 || layer.y <= layer.x {
                return layer;
            }
            let zero = select(layer.x, 0.0, params.symmetric != 0u);
            let whole = layer.y - zero;
            let distance = whole * power((own.y - zero) / whole, params.boost);
            // Not below the map's own end by rounding: it would look clipped.
            let high = max(zero + distance, own.y);
            return vec2<f32>(select(layer.x, -high, params.symmetric != 0u), high);
        }
    }
}

fn widened(range: vec2<f32>) -> vec2<f32> {
    let reach = max(abs(range.x), abs(range.y));
    return select(range, vec2<f32>(-reach, reach), params.symmetric != 0u);
}

// Twin: `ColorRange::level` in src/view/scale.rs.
fn bent(level: f32) -> f32 {
    if !BENT {
        return level;
    }
    if params.symmetric == 0u {
        return power(level, params.gamma);
    }
    let distance = level * 2.0 - 1.0;
    return 0.5 + 0.5 * sign(distance) * power(abs(distance), params.gamma);
}

// Drivers may compute pow by logarithms, which zero has none of.
fn power(base: f32, exponent: f32) -> f32 {
    return select(0.0, pow(max(base, 1e-30), exponent), base > 0.0);
}
