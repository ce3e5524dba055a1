// Frame → the network's input: crop, resize, normalise; written into Burn's own buffer through strides.
// Twin: `preprocess` in src/gpu/twin.rs.

const RESIZE_BILINEAR: u32 = 0u;
const RESIZE_ANTIALIAS: u32 = 1u;
const RESIZE_NEAREST: u32 = 2u;

// Half up; a little less than half too, because a half comes out of f32 sums as either.
const ROUNDING: f32 = 0.5001;

// What the channels of the input are: `InputColors` in src/model/conventions.rs.
const COLORS_BGR: u32 = 1u;
const COLORS_GREY: u32 = 2u;

struct Preprocess {
    frame_size: vec2<u32>,
    frame_format: u32,
    resize: u32,
    // The part of the frame that is used, in pixels.
    crop_origin: vec2<f32>,
    crop_size: vec2<f32>,
    output_size: vec2<u32>,
    // Of the output, in elements.
    base: u32,
    channel_stride: u32,
    row_stride: u32,
    column_stride: u32,
    colors: u32,
    padding: u32,
    // A level from 0 to 255 becomes level / divisor - offset, channel by channel.
    divisor: vec4<f32>,
    offset: vec4<f32>,
}

@group(0) @binding(1) var<storage, read> params: Preprocess;
@group(0) @binding(2) var<storage, read_write> network_input: array<f32>;

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
fn bilinear(at: vec2<f32>) -> vec3<f32> {
    let low = floor(at);
    let part = at - low;
    let first = vec2<i32>(params.crop_origin);
    let last = vec2<i32>(params.crop_origin + params.crop_size) - 1;
    let a = clamp(vec2<i32>(low), first, last);
    let b = clamp(vec2<i32>(low) + 1, first, last);
    let top = mix(pixel(a.x, a.y), pixel(b.x, a.y), part.x);
    let bottom = mix(pixel(a.x, b.y), pixel(b.x, b.y), part.x);
    return mix(top, bottom, part.y);
}

fn whole_levels(rgb: vec3<f32>) -> vec3<f32> {
    return floor(rgb + ROUNDING);
}

// Triangle filter as wide as the reduction, along the rows and then down the columns, with whole levels after
// each: PIL's BILINEAR. `center` is in pixels of the frame.
fn antialiased(center: vec2<f32>, scale: vec2<f32>) -> vec3<f32> {
    let support = max(scale, vec2<f32>(1.0));
    let end = params.crop_origin + params.crop_size;
    let first = vec2<i32>(max(floor(center - support + 0.5), params.crop_origin));
    let last = vec2<i32>(min(floor(center + support + 0.5), end));
    var sum = vec3<f32>(0.0);
    var total = 0.0;
    for (var y = first.y; y < last.y; y++) {
        var row = vec3<f32>(0.0);
        var row_total = 0.0;
        for (var x = first.x; x < last.x; x++) {
            let weight = max(0.0, 1.0 - abs(f32(x) + 0.5 - center.x) / support.x);
            row += weight * pixel(x, y);
            row_total += weight;
        }
        let weight = max(0.0, 1.0 - abs(f32(y) + 0.5 - center.y) / support.y);
        sum += weight * whole_levels(row / row_total);
        total += weight;
    }
    return whole_levels(sum / total);
}

// The pixel under the centre: PIL's NEAREST. In whole numbers, so that a centre between two pixels is the
// right one's on every device.
fn nearest(output: vec2<u32>) -> vec3<f32> {
    let at = (2u * output + 1u) * vec2<u32>(params.crop_size) / (2u * params.output_size);
    let cell = vec2<i32>(params.crop_origin) + vec2<i32>(at);
    return pixel(cell.x, cell.y);
}

@compute @workgroup_size(8, 8)
fn preprocess(@builtin(global_invocation_id) id: vec3<u32>) {
    if any(id.xy >= params.output_size) {
        return;
    }
    let scale = params.crop_size / vec2<f32>(params.output_size);
    let center = params.crop_origin + (vec2<f32>(id.xy) + 0.5) * scale;
    var rgb: vec3<f32>;
    switch params.resize {
        case RESIZE_ANTIALIAS: {
            rgb = antialiased(center, scale);
        }
        case RESIZE_NEAREST: {
            rgb = nearest(id.xy);
        }
        default: {
            rgb = bilinear(center - 0.5);
        }
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
