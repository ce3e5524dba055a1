// Frame → the network's input: crop, resize, normalise; written into Burn's own buffer through strides.
// Twin: `preprocess` in src/gpu/twin/input.rs.

// `PRECISION_BITS` in src/gpu/windows.rs.
const PRECISION_BITS: u32 = 22u;

// What the channels of the input are: `InputColors` in src/model/conventions.rs.
const COLORS_BGR: u32 = 1u;
const COLORS_GREY: u32 = 2u;

// Lengths are across and down.
struct Preprocess {
    frame_size: vec2<u32>,
    frame_format: u32,
    colors: u32,
    // The part of the frame that is resized, in pixels; what it becomes, and where in that the input begins.
    start: vec2<u32>,
    length: vec2<u32>,
    cells: vec2<u32>,
    first: vec2<u32>,
    output_size: vec2<u32>,
    // Most pixels of a window; 0 where fractions are kept.
    taps: vec2<u32>,
    // Whether columns are resized before rows.
    down_first: u32,
    // Of the output, in elements.
    base: u32,
    channel_stride: u32,
    row_stride: u32,
    column_stride: u32,
    padding_a: u32,
    padding_b: u32,
    padding_c: u32,
    // A level from 0 to 255 becomes level / divisor - offset, channel by channel.
    divisor: vec4<f32>,
    offset: vec4<f32>,
}

@group(0) @binding(1) var<storage, read> params: Preprocess;
@group(0) @binding(2) var<storage, read_write> network_input: array<f32>;
// `Windows` in src/gpu/windows.rs, across and then down: first pixel, number of pixels, weights.
@group(0) @binding(3) var<storage, read> windows: array<i32>;

// Grey before it is resized, as Keras' `load_img(color_mode="grayscale")` does it. PIL's numbers, which are whole ones up to
// the division: the same on every device.
fn pixel(x: i32, y: i32) -> vec3<f32> {
    let rgb = frame_pixel(params.frame_format, params.frame_size, u32(x), u32(y));
    if params.colors != COLORS_GREY {
        return rgb;
    }
    return vec3<f32>(floor((19595.0 * rgb.r + 38470.0 * rgb.g + 7471.0 * rgb.b + 32768.0) / 65536.0));
}

// Half-pixel centres, clamped edges: OpenCV's INTER_LINEAR.
fn bilinear(output: vec2<u32>) -> vec3<f32> {
    let scale = vec2<f32>(params.length) / vec2<f32>(params.cells);
    let at = (vec2<f32>(params.first + output) + 0.5) * scale + vec2<f32>(params.start) - 0.5;
    let low = floor(at);
    let part = at - low;
    let first = vec2<i32>(params.start);
    let last = vec2<i32>(params.start + params.length) - 1;
    let a = clamp(vec2<i32>(low), first, last);
    let b = clamp(vec2<i32>(low) + 1, first, last);
    let top = mix(pixel(a.x, a.y), pixel(b.x, a.y), part.x);
    let bottom = mix(pixel(a.x, b.y), pixel(b.x, b.y), part.x);
    return mix(top, bottom, part.y);
}

fn whole_levels(sum: vec3<i32>) -> vec3<i32> {
    let half = 1 << (PRECISION_BITS - 1u);
    return clamp((sum + half) >> vec3<u32>(PRECISION_BITS), vec3<i32>(0), vec3<i32>(255));
}

// Along one axis and then along the other, with whole levels after each, as Pillow resizes.
fn windowed(output: vec2<u32>) -> vec3<f32> {
    let across = output.x * (params.taps.x + 2u);
    let down = params.output_size.x * (params.taps.x + 2u) + output.y * (params.taps.y + 2u);
    // The axis that is resized first lies within the loop over the other.
    let inner = select(across, down, params.down_first == 1u);
    let outer = select(down, across, params.down_first == 1u);
    var sum = vec3<i32>(0);
    for (var i = 0; i < windows[outer + 1u]; i++) {
        var line = vec3<i32>(0);
        for (var j = 0; j < windows[inner + 1u]; j++) {
            let at = vec2<i32>(windows[inner] + j, windows[outer] + i);
            let place = select(at, at.yx, params.down_first == 1u);
            line += windows[inner + 2u + u32(j)] * vec3<i32>(pixel(place.x, place.y));
        }
        sum += windows[outer + 2u + u32(i)] * whole_levels(line);
    }
    return vec3<f32>(whole_levels(sum));
}

@compute @workgroup_size(8, 8)
fn preprocess(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.output_size) {
        return;
    }
    var rgb: vec3<f32>;
    if params.taps.x == 0u {
        rgb = bilinear(id.xy);
    } else {
        rgb = windowed(id.xy);
    }
    if params.colors == COLORS_BGR {
        rgb = rgb.bgr;
    }
    let values = rgb / params.divisor.xyz - params.offset.xyz;
    let at = params.base + id.y * params.row_stride + id.x * params.column_stride;
    network_input[at] = values.x;
    if params.colors != COLORS_GREY {
        network_input[at + params.channel_stride] = values.y;
        network_input[at + 2u * params.channel_stride] = values.z;
    }
}
