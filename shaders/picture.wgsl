// The frame on the screen: a rectangle of the target, each pixel the mean of the frame under it.

struct Picture {
    target_size: vec2<f32>,
    // The rectangle, in pixels of the target.
    origin: vec2<f32>,
    size: vec2<f32>,
    frame_size: vec2<u32>,
    mirror: u32,
    padding: u32,
}

@group(0) @binding(1) var<storage, read> params: Picture;

// Fixed when the shader is compiled: software drivers would decode each sample by every format.
override FRAME_FORMAT: u32;

// More samples a side than this make no visible difference.
const MAX_SAMPLES: f32 = 6.0;

@vertex
fn picture_vertex(@builtin(vertex_index) vertex: u32) -> @builtin(position) vec4<f32> {
    let corner = vec2<f32>(f32(vertex & 1u), f32(vertex >> 1u));
    let at = (params.origin + corner * params.size) / params.target_size;
    return vec4<f32>(at.x * 2.0 - 1.0, 1.0 - at.y * 2.0, 0.0, 1.0);
}

@fragment
fn picture_fragment(@builtin(position) position: vec4<f32>) -> @location(0) vec4<f32> {
    let frame = vec2<f32>(params.frame_size);
    var local = floor(position.xy) - params.origin;
    if params.mirror != 0u {
        local.x = params.size.x - 1.0 - local.x;
    }
    let scale = frame / params.size;
    let samples = clamp(ceil(scale), vec2<f32>(2.0), vec2<f32>(MAX_SAMPLES));
    var sum = vec3<f32>(0.0);
    for (var j = 0.0; j < samples.y; j += 1.0) {
        for (var i = 0.0; i < samples.x; i += 1.0) {
            let at = (local + (vec2<f32>(i, j) + 0.5) / samples) * scale;
            let cell = vec2<u32>(clamp(at, vec2<f32>(0.0), frame - 1.0));
            sum += frame_pixel(FRAME_FORMAT, params.frame_size, cell.x, cell.y);
        }
    }
    return vec4<f32>(sum / (samples.x * samples.y * 255.0), 1.0);
}
