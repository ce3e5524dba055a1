// The network's input as brightness at the resolution of a feature map: each cell the mean of the whole pixels under it.
// First over the rows of a cell, then over its columns, so that a map of one cell does not leave all pixels to one thread.
// Twin: `luminance` in src/inspect/luminance.rs.

struct Luminance {
    // Rows and columns of the result.
    height: u32,
    width: u32,
    padding: vec2<u32>,
    // Of the first channels (three, or one) in the brightness, and what is added to them.
    weights: vec4<f32>,
}

@group(0) @binding(2) var<storage, read> params: Luminance;
// Luma averaged over the rows of each cell: params.height × map.width.
@group(0) @binding(3) var<storage, read_write> strips: array<f32>;
// Row by row: params.height × params.width.
@group(0) @binding(4) var<storage, read_write> luminance: array<f32>;

// The first pixel under a cell and the one behind its last.
fn span(cell: u32, cells: u32, pixels: u32) -> vec2<u32> {
    return vec2<u32>(cell * pixels / cells, ((cell + 1u) * pixels + cells - 1u) / cells);
}

@compute @workgroup_size(8, 8)
fn luminance_rows(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= map.width || id.y >= params.height {
        return;
    }
    let rows = span(id.y, params.height, map.height);
    let channels = min(map.channels, 3u);
    var sum = 0.0;
    for (var row = rows.x; row < rows.y; row++) {
        for (var channel = 0u; channel < channels; channel++) {
            sum += params.weights[channel] * map_value(channel, row, id.x);
        }
    }
    strips[id.y * map.width + id.x] = sum / f32(rows.y - rows.x) + params.weights.w;
}

@compute @workgroup_size(8, 8)
fn luminance_cells(@builtin(global_invocation_id) id: vec3<u32>) {
    if id.x >= params.width || id.y >= params.height {
        return;
    }
    let columns = span(id.x, params.width, map.width);
    var sum = 0.0;
    for (var column = columns.x; column < columns.y; column++) {
        sum += strips[id.y * map.width + column];
    }
    luminance[id.y * params.width + id.x] = sum / f32(columns.y - columns.x);
}
