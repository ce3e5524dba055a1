// Three channels of a feature map as red, green and blue: the network's input, or filters of its first layer.
// Twin: `rgb_pixel` in src/gpu/twin/maps.rs.

struct Rgb {
    target_size: vec2<f32>,
    // Of the first tile, in pixels of the target.
    origin: vec2<f32>,
    // One tile; and from one tile to the next.
    tile_size: vec2<f32>,
    pitch: vec2<f32>,
    columns: u32,
    // The first tile shows the channels from three times this on.
    first: u32,
    mirror: u32,
    padding: u32,
    // The values that become black and full colour.
    low: vec4<f32>,
    high: vec4<f32>,
}

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
    tile.channel = (params.first + instance) * 3u;
    tile.origin = origin;
    return tile;
}

@fragment
fn rgb_fragment(tile: Tile) -> @location(0) vec4<f32> {
    if tile.channel + 2u >= map.channels {
        return ERROR_COLOR;
    }
    var pixel = floor(tile.position.xy) - tile.origin;
    if params.mirror != 0u {
        pixel.x = params.tile_size.x - 1.0 - pixel.x;
    }
    let size = vec2<f32>(f32(map.width), f32(map.height));
    let cell = vec2<u32>(min((pixel + 0.5) / params.tile_size * size, size - 1.0));
    let rgb = vec3<f32>(
        map_value(tile.channel, cell.y, cell.x),
        map_value(tile.channel + 1u, cell.y, cell.x),
        map_value(tile.channel + 2u, cell.y, cell.x),
    );
    if !(is_finite(rgb.r) && is_finite(rgb.g) && is_finite(rgb.b)) {
        return ERROR_COLOR;
    }
    let level = clamp((rgb - params.low.rgb) / (params.high.rgb - params.low.rgb), vec3<f32>(0.0), vec3<f32>(1.0));
    // Rounded here and not left to the target, which may do it either way.
    return vec4<f32>(floor(level * 255.0 + 0.5) / 255.0, 1.0);
}
