// The values at or below which 1 % and 99 % of a channel's finite values lie (nearest rank): exact, by the bytes of the
// values from the highest on. Twin: `percentiles` in src/inspect/percentiles.rs.

const WORKGROUP: u32 = 64u;
const PERCENT_LOW: u32 = 1u;
const PERCENT_HIGH: u32 = 99u;
const LARGEST_BYTE: u32 = 255u;

// Of the map, laid out as in statistics.wgsl.
@group(0) @binding(2) var<storage, read> statistics: array<vec4<f32>>;
// The same with other ends of the channels; the layer's stay.
@group(0) @binding(3) var<storage, read_write> ranges: array<vec4<f32>>;

// How many values have each byte, among those that begin like the low end and like the high end.
var<workgroup> counts: array<atomic<u32>, 512>;
// What is known of the two ends from their highest byte on, and how many values to count from there.
var<workgroup> starts: array<u32, 2>;
var<workgroup> ranks: array<u32, 2>;

// In the order of the values.
fn ordered(value: f32) -> u32 {
    let bits = bitcast<u32>(value);
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn unordered(key: u32) -> f32 {
    return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u));
}

@compute @workgroup_size(WORKGROUP)
fn percentiles(
    @builtin(workgroup_id) group: vec3<u32>,
    @builtin(local_invocation_index) thread: u32,
) {
    let channel = group.x;
    let size = map.height * map.width;
    for (var step = 0u; step < 4u; step += 1u) {
        let shift = 24u - 8u * step;
        for (var i = thread; i < 512u; i += WORKGROUP) {
            atomicStore(&counts[i], 0u);
        }
        workgroupBarrier();
        for (var i = thread; i < size; i += WORKGROUP) {
            let value = map_value(channel, i / map.width, i % map.width);
            if is_finite(value) {
                let key = ordered(value);
                let byte = (key >> shift) & LARGEST_BYTE;
                // A shift by 32 is undefined: of the first byte all values are meant.
                let start = select(0u, key >> min(shift + 8u, 31u), step > 0u);
                if step == 0u || start == starts[0] {
                    atomicAdd(&counts[byte], 1u);
                }
                if step == 0u || start == starts[1] {
                    atomicAdd(&counts[256u + byte], 1u);
                }
            }
        }
        workgroupBarrier();
        if thread < 2u {
            if step == 0u {
                var count = 0u;
                for (var byte = 0u; byte <= LARGEST_BYTE; byte += 1u) {
                    count += atomicLoad(&counts[byte]);
                }
                let percent = select(PERCENT_LOW, PERCENT_HIGH, thread == 1u);
                ranks[thread] = max((percent * count + 99u) / 100u, 1u);
                starts[thread] = 0u;
            }
            var rank = ranks[thread];
            var byte = 0u;
            while byte < LARGEST_BYTE {
                let here = atomicLoad(&counts[thread * 256u + byte]);
                if rank <= here {
                    break;
                }
                rank -= here;
                byte += 1u;
            }
            ranks[thread] = rank;
            starts[thread] = (starts[thread] << 8u) | byte;
        }
        workgroupBarrier();
    }
    if thread == 0u {
        var own = statistics[2u * channel];
        let finite = statistics[2u * channel + 1u].z;
        let ends = vec2<f32>(unordered(starts[0]), unordered(starts[1]));
        // Where both are one value, that is no range: then the smallest and the largest.
        if finite > 0.0 && ends.x < ends.y {
            own.x = ends.x;
            own.y = ends.y;
        }
        ranges[2u * channel] = own;
        ranges[2u * channel + 1u] = statistics[2u * channel + 1u];
        if channel == 0u {
            ranges[2u * map.channels] = statistics[2u * map.channels];
            ranges[2u * map.channels + 1u] = statistics[2u * map.channels + 1u];
        }
    }
}
