// Where each cell of a layer lies along the layer's principal components: three planes, as red, green and blue.
// Twin: `Components::project` in src/inspect/components.rs.

// For each channel what part each direction has of it, and its mean.
@group(0) @binding(2) var<storage, read> basis: array<vec4<f32>>;
// 3 × map.height × map.width.
@group(0) @binding(3) var<storage, read_write> projected: array<f32>;

@compute @workgroup_size(8, 8)
fn project(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= map.width || id.y >= map.height {
        return;
    }
    var sum = vec3<f32>(0.0);
    for (var channel = 0u; channel < map.channels; channel++) {
        let one = basis[channel];
        // The mean is taken away first: it may be far larger than what cells differ by.
        sum += one.xyz * (map_value(channel, id.y, id.x) - one.w);
    }
    let plane = map.width * map.height;
    let cell = id.y * map.width + id.x;
    projected[cell] = sum.x;
    projected[plane + cell] = sum.y;
    projected[2u * plane + cell] = sum.z;
}
