// Minimum, maximum, mean and standard deviation of each channel's finite values, and of the whole layer.
// Twin: `statistics` in src/gpu/twin.rs.

const WORKGROUP: u32 = 64u;
// A channel without a finite value.
const EMPTY: vec4<f32> = vec4<f32>(0.0, 0.0, 0.0, 0.0);
const LARGEST: f32 = 3.4e38;

// One entry a channel (minimum, maximum, mean, standard deviation), then one of the layer.
@group(0) @binding(2) var<storage, read_write> statistics: array<vec4<f32>>;

var<workgroup> lows: array<f32, WORKGROUP>;
var<workgroup> highs: array<f32, WORKGROUP>;
var<workgroup> sums: array<f32, WORKGROUP>;
var<workgroup> counts: array<f32, WORKGROUP>;

// Leaves the reduction of all threads in element 0. Every thread must call it.
fn reduce(thread: u32) {
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
        workgroupBarrier();
        if thread < half {
            lows[thread] = min(lows[thread], lows[thread + half]);
            highs[thread] = max(highs[thread], highs[thread + half]);
            sums[thread] += sums[thread + half];
            counts[thread] += counts[thread + half];
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
    var sum = 0.0;
    var count = 0.0;
    for (var i = thread; i < size; i += WORKGROUP) {
        let value = map_value(channel, i / map.width, i % map.width);
        if is_finite(value) {
            low = min(low, value);
            high = max(high, value);
            sum += value;
            count += 1.0;
        }
    }
    lows[thread] = low;
    highs[thread] = high;
    sums[thread] = sum;
    counts[thread] = count;
    reduce(thread);
    low = lows[0];
    high = highs[0];
    count = counts[0];
    let mean = sums[0] / max(count, 1.0);
    workgroupBarrier();

    // A second pass over the values: the difference of two large sums would lose the small deviations.
    var squares = 0.0;
    for (var i = thread; i < size; i += WORKGROUP) {
        let value = map_value(channel, i / map.width, i % map.width);
        if is_finite(value) {
            squares += (value - mean) * (value - mean);
        }
    }
    sums[thread] = squares;
    reduce(thread);
    if thread == 0u {
        let deviation = sqrt(sums[0] / max(count, 1.0));
        statistics[channel] = select(EMPTY, vec4<f32>(low, high, mean, deviation), count > 0.0);
    }
}

@compute @workgroup_size(WORKGROUP)
fn layer_statistics(@builtin(local_invocation_index) thread: u32) {
    var low = LARGEST;
    var high = -LARGEST;
    var sum = 0.0;
    for (var i = thread; i < map.channels; i += WORKGROUP) {
        let channel = statistics[i];
        low = min(low, channel.x);
        high = max(high, channel.y);
        sum += channel.z;
    }
    lows[thread] = low;
    highs[thread] = high;
    sums[thread] = sum;
    counts[thread] = 0.0;
    reduce(thread);
    low = lows[0];
    high = highs[0];
    let mean = sums[0] / f32(map.channels);
    workgroupBarrier();
    // All channels have the same size: the variance is the mean of the variances and of the means' distances.
    var squares = 0.0;
    for (var i = thread; i < map.channels; i += WORKGROUP) {
        let channel = statistics[i];
        squares += channel.w * channel.w + (channel.z - mean) * (channel.z - mean);
    }
    sums[thread] = squares;
    reduce(thread);
    if thread == 0u {
        let deviation = sqrt(sums[0] / f32(map.channels));
        statistics[map.channels] = vec4<f32>(low, high, mean, deviation);
    }
}
