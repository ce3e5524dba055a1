// Class activation map (Zhou et al., CVPR 2016, arXiv:1512.04150): the sum of a layer's maps, each times its weight
// for a class. Twin: `class_activation` in src/inspect/class_activation.rs.

// One weight a channel.
@group(0) @binding(2) var<storage, read> weights: array<f32>;
// map.height × map.width.
@group(0) @binding(3) var<storage, read_write> activation: array<f32>;

@compute @workgroup_size(8, 8)
fn class_activation(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= map.width || id.y >= map.height {
        return;
    }
    var sum = 0.0;
    for (var channel = 0u; channel < map.channels; channel++) {
        sum += weights[channel] * map_value(channel, id.y, id.x);
    }
    activation[id.y * map.width + id.x] = sum;
}
