//! Pictures without transparency: laid over white, as on paper. Pure.

/// A value from 0 to 255 of a colour that covers so much of 255.
pub fn over_white(value: u8, alpha: u8) -> u8 {
    let (value, alpha) = (u32::from(value), u32::from(alpha));
    ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
}

/// Red, green and blue bytes of red, green, blue and alpha ones.
pub fn rgb_over_white(rgba: &[u8]) -> Vec<u8> {
    let pixels = rgba.chunks_exact(4);
    pixels.flat_map(|pixel| [pixel[0], pixel[1], pixel[2]].map(|value| over_white(value, pixel[3]))).collect()
}
