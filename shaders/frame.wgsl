// A frame's bytes as RGB. Put in front of preprocess.wgsl and picture.wgsl; binds group 0, binding 0.
// Twin: `Pixels` in src/gpu/twin.rs. The format numbers are those of `PixelFormat` in src/frame.rs.

const FORMAT_RGB8: u32 = 0u;
const FORMAT_YUYV: u32 = 1u;
const FORMAT_NV12: u32 = 2u;

@group(0) @binding(0) var<storage, read> frame_bytes: array<u32>;

fn frame_byte(index: u32) -> f32 {
    return f32((frame_bytes[index >> 2u] >> ((index & 3u) * 8u)) & 0xffu);
}

// BT.601, limited range, to full-range RGB. Rounded to whole levels, so that a snapshot's PNG of the frame
// gives the network the same numbers as the camera did.
fn rgb_from_yuv(y: f32, cb: f32, cr: f32) -> vec3<f32> {
    let luma = 1.164383 * (y - 16.0);
    let rgb = vec3<f32>(
        luma + 1.596027 * (cr - 128.0),
        luma - 0.391762 * (cb - 128.0) - 0.812968 * (cr - 128.0),
        luma + 2.017232 * (cb - 128.0),
    );
    return floor(clamp(rgb, vec3<f32>(0.0), vec3<f32>(255.0)) + 0.5);
}

// Red, green and blue from 0 to 255 of the pixel in column x, row y. An unknown format is magenta.
fn frame_pixel(format: u32, size: vec2<u32>, x: u32, y: u32) -> vec3<f32> {
    switch format {
        case FORMAT_RGB8: {
            let at = (y * size.x + x) * 3u;
            return vec3<f32>(frame_byte(at), frame_byte(at + 1u), frame_byte(at + 2u));
        }
        case FORMAT_YUYV: {
            let row = y * size.x * 2u;
            let pair = row + (x >> 1u) * 4u;
            return rgb_from_yuv(frame_byte(row + x * 2u), frame_byte(pair + 1u), frame_byte(pair + 3u));
        }
        case FORMAT_NV12: {
            let chroma = size.x * size.y + (y >> 1u) * size.x + (x >> 1u) * 2u;
            return rgb_from_yuv(frame_byte(y * size.x + x), frame_byte(chroma), frame_byte(chroma + 1u));
        }
        default: {
            return vec3<f32>(255.0, 0.0, 255.0);
        }
    }
}
