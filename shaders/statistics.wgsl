// Minimum, maximum, mean and standard deviation of each channel's finite values, how many of them are not
// positive, how far they follow the picture's brightness, how many cells are finite, and how far they are from
// the frame before; and the same of the whole layer.
// Twin: `statistics` in src/gpu/twin/maps.rs.

const WORKGROUP: u32 = 64u;
const LARGEST: f32 = 3.4e38;
// A deviation up to this is rounding: of values, as a part of the largest; of luminance, where black is −1
// and white 1 (a hundredth of a level).
const FLAT_VALUES: f32 = 1e-6;
const FLAT_LUMINANCE: f32 = 1e-4;

// Two entries a channel: minimum, maximum, mean, standard deviation; zeros, brightness, finite, change.
// Then two of the layer. All zero for a channel without a finite value.
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4<f32>>;
// Of the picture under each cell, row by row.
@group(0) @binding(3) var<storage, read> luminance: array<f32>;
// The same layer's map of the frame before; this very map where there was none.
@group(0) @binding(4) var<storage, read> previous_values: array<f32>;
@group(0) @binding(5) var<storage, read> previous: MapLayout;

fn previous_value(channel: u32, row: u32, column: u32) -> f32 {
    return previous_values[
        previous.base + channel * previous.channel_stride + row * previous.row_stride
            + column * previous.column_stride
    ];
}

var<workgroup> lows: array<f32, WORKGROUP>;
var<workgroup> highs: array<f32, WORKGROUP>;
var<workgroup> sums: array<vec4<f32>, WORKGROUP>;

// Leaves the reduction of all threads in element 0. Every thread must call it.
fn reduce(thread: u32) {
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            lows[thread] = min(lows[thread], lows[thread + half]);
            highs[thread] = max(highs[thread], highs[thread + half]);
            sums[thread] += sums[thread + half];
        }
    }
    workgroupBarrier();
}

@compute @workgroup_size(WORKGROUP)
fn channel_statistics(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let channel = group.x;
    let size = map.height * map.width;
    var low = LARGEST;
    var high = -LARGEST;
    // Values, luminance, number, number of those that are not positive.
    var sum = vec4<f32>(0.0);
    for (var i = thread; i < size; i += WORKGROUP) {
        let value = map_value(channel, i / map.width, i % map.width);
        if is_finite(value) {
            low = min(low, value);
            high = max(high, value);
            sum += vec4<f32>(value, luminance[i], 1.0, select(0.0, 1.0, value <= 0.0));
        }
    }
    lows[thread] = low;
    highs[thread] = high;
    sums[thread] = sum;
    reduce(thread);
    low = lows[0];
    high = highs[0];
    let count = sums[0].z;
    let mean = sums[0].xy / max(count, 1.0);
    let zeros = sums[0].w / max(count, 1.0);
    workgroupBarrier();

    // A second pass over the values: the difference of two large sums would lose the small deviations.
    var squares = vec4<f32>(0.0);
    for (var i = thread; i < size; i += WORKGROUP) {
        let value = map_value(channel, i / map.width, i % map.width);
        if is_finite(value) {
            let centered = vec2<f32>(value, luminance[i]) - mean;
            let before = previous_value(channel, i / map.width, i % map.width);
            // What was not finite counts as unchanged.
            let step = select(0.0, value - before, is_finite(before));
            squares += vec4<f32>(centered * centered, centered.x * centered.y, step * step);
        }
    }
    sums[thread] = squares;
    reduce(thread);
    if thread == 0u {
        let variance = sums[0].xyz / max(count, 1.0);
        let deviation = sqrt(variance.xy);
        let change = sqrt(sums[0].w / max(count, 1.0));
        var brightness = 0.0;
        if deviation.x > FLAT_VALUES * max(abs(low), abs(high)) && deviation.y > FLAT_LUMINANCE {
            let correlation = variance.z / (deviation.x * deviation.y);
            brightness = select(0.0, clamp(correlation, -1.0, 1.0), is_finite(correlation));
        }
        var range = vec4<f32>(low, high, mean.x, deviation.x);
        if count == 0.0 {
            range = vec4<f32>(0.0);
        }
        statistics[2u * channel] = range;
        statistics[2u * channel + 1u] = vec4<f32>(zeros, brightness, count / f32(size), change);
    }
}

@compute @workgroup_size(WORKGROUP)
fn layer_statistics(@builtin(local_invocation_index) thread: u32) {
    var low = LARGEST;
    var high = -LARGEST;
    // Means, zeros, finite.
    var sum = vec4<f32>(0.0);
    for (var i = thread; i < map.channels; i += WORKGROUP) {
        let channel = statistics[2u * i];
        low = min(low, channel.x);
        high = max(high, channel.y);
        let more = statistics[2u * i + 1u];
        sum += vec4<f32>(channel.z, more.x, more.z, 0.0);
    }
    lows[thread] = low;
    highs[thread] = high;
    sums[thread] = sum;
    reduce(thread);
    low = lows[0];
    high = highs[0];
    let mean = sums[0].x / f32(map.channels);
    let zeros = sums[0].y / f32(map.channels);
    let finite = sums[0].z / f32(map.channels);
    workgroupBarrier();
    // All channels have the same size: the variance is the mean of the variances and of the means' distances.
    var squares = vec2<f32>(0.0);
    for (var i = thread; i < map.channels; i += WORKGROUP) {
        let channel = statistics[2u * i];
        let change = statistics[2u * i + 1u].w;
        squares += vec2<f32>(
            channel.w * channel.w + (channel.z - mean) * (channel.z - mean), change * change,
        );
    }
    sums[thread] = vec4<f32>(squares, 0.0, 0.0);
    reduce(thread);
    if thread == 0u {
        let spread = sqrt(sums[0].xy / f32(map.channels));
        statistics[2u * map.channels] = vec4<f32>(low, high, mean, spread.x);
        statistics[2u * map.channels + 1u] = vec4<f32>(zeros, 0.0, finite, spread.y);
    }
}
