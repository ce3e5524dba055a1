// A gradient with respect to a picture as one map: its channels joined, and blurred.
// Twins: `sum`, `length` and `blur` in src/inspect/saliency.rs.

struct Saliency {
    // What channels become.
    join: u32,
    // Of the blur: 1 along columns, 0 along rows.
    is_down: u32,
    // Cells that the blur reaches to each side, and its standard deviation in cells.
    radius: u32,
    deviation: f32,
}

const JOIN_SUM: u32 = 0u;
const JOIN_LENGTH: u32 = 1u;
const JOIN_TOLD: u32 = 2u;

@group(0) @binding(2) var<storage, read> params: Saliency;
// map.height × map.width.
@group(0) @binding(3) var<storage, read_write> joined: array<f32>;

@compute @workgroup_size(8, 8)
fn join_channels(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= map.width || id.y >= map.height {
        return;
    }
    var sum = 0.0;
    for (var channel = 0u; channel < map.channels; channel++) {
        let value = map_value(channel, id.y, id.x);
        sum += select(value * value, value, params.join == JOIN_SUM);
    }
    var joint = select(sqrt(sum), sum, params.join == JOIN_SUM);
    if params.join == JOIN_TOLD && joint == 0.0 {
        // Not a constant: those may not be infinite.
        joint = bitcast<f32>(0x7f800000u + params.is_down);
    }
    joined[id.y * map.width + id.x] = joint;
}

// The mean of the cells along one direction, each weighted by how near it is; beyond the edges there are none.
@compute @workgroup_size(8, 8)
fn blur(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= map.width || id.y >= map.height {
        return;
    }
    let is_down = params.is_down != 0u;
    let place = select(id.x, id.y, is_down);
    let side = select(map.width, map.height, is_down);
    let first = place - min(place, params.radius);
    let last = min(place + params.radius, side - 1u);
    var sum = 0.0;
    var weights = 0.0;
    for (var at = first; at <= last; at++) {
        let distance = (f32(at) - f32(place)) / params.deviation;
        let weight = exp(-0.5 * distance * distance);
        sum += weight * map_value(0u, select(id.y, at, is_down), select(at, id.x, is_down));
        weights += weight;
    }
    joined[id.y * map.width + id.x] = sum / weights;
}
