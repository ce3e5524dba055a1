//! Pictures with the moments at which they were shown, as ffmpeg reads them through a pipe: Matroska with uncompressed RGBA.
//! Raw video alone would have no times. Pure.

/// An element whose length takes 8 bytes.
fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
    [id, &length(content.len() as u64), content].concat()
}

/// Eight bytes, as the first of them says.
fn length(bytes: u64) -> [u8; 8] {
    (bytes | 1 << 56).to_be_bytes()
}

fn number(id: &[u8], value: u32) -> Vec<u8> {
    element(id, &value.to_be_bytes())
}

/// What comes before the first picture of this width and height.
pub fn head(size: [u32; 2]) -> Vec<u8> {
    let about = [
        number(&[0x42, 0x86], 1),
        number(&[0x42, 0xf7], 1),
        number(&[0x42, 0xf2], 4),
        number(&[0x42, 0xf3], 8),
        element(&[0x42, 0x82], b"matroska"),
        number(&[0x42, 0x87], 4),
        number(&[0x42, 0x85], 2),
    ];
    // A segment without an end.
    let segment = [&[0x18, 0x53, 0x80, 0x67][..], &[1, 255, 255, 255, 255, 255, 255, 255]].concat();
    let info = [
        // Times are in milliseconds.
        number(&[0x2a, 0xd7, 0xb1], 1_000_000),
        element(&[0x4d, 0x80], b"convscope"),
        element(&[0x57, 0x41], b"convscope"),
    ];
    let video =
        [number(&[0xb0], size[0]), number(&[0xba], size[1]), element(&[0x2e, 0xb5, 0x24], b"RGBA")].concat();
    let track = [
        number(&[0xd7], 1),
        number(&[0x73, 0xc5], 1),
        number(&[0x83], 1),
        number(&[0x9c], 0),
        element(&[0x86], b"V_UNCOMPRESSED"),
        element(&[0xe0], &video),
    ];
    let track = element(&[0xae], &track.concat());
    [
        element(&[0x1a, 0x45, 0xdf, 0xa3], &about.concat()),
        segment,
        element(&[0x15, 0x49, 0xa9, 0x66], &info.concat()),
        element(&[0x16, 0x54, 0xae, 0x6b], &track),
    ]
    .concat()
}

/// What comes before the bytes of a picture that is shown from this millisecond on.
pub fn before_picture(milliseconds: u64, bytes: usize) -> Vec<u8> {
    let time = element(&[0xe7], &milliseconds.to_be_bytes());
    // Track 1, at the cluster's time, a picture by itself.
    let block = [&[0xa3][..], &length(bytes as u64 + 4), &[0x81, 0, 0, 0x80]].concat();
    let cluster = length((time.len() + block.len() + bytes) as u64);
    [&[0x1f, 0x43, 0xb6, 0x75][..], &cluster, &time, &block].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_cover_what_follows() {
        let bytes = before_picture(7, 12);
        assert_eq!(bytes[4..12], length((bytes.len() - 12 + 12) as u64));
        assert_eq!(bytes[12..29], [&[0xe7][..], &length(8), &7_u64.to_be_bytes()].concat()[..]);
        assert_eq!(bytes[29..38], [&[0xa3][..], &length(16)].concat()[..]);
    }
}
