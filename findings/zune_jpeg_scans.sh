#!/usr/bin/env bash
# zune-jpeg, the decoder of the image crate, makes other colours of a baseline JPEG whose components have scans of their own and
# whose chroma is halved, and through the image crate makes up what is missing in a file; neither is reported.
#
# The guess: what decodes without an error has the picture's colours. Scans of one component each are baseline JPEG (ITU-T T.81,
# A.2.2: any grouping is allowed); cjpeg writes them with `-scans`, and scanners and optimisers do.
#
# What happens with zune-jpeg 0.5.15, also in strict mode, and with image 0.25.10: of a picture of red, white and blue squares the red
# pixel (254, 0, 0) comes as (0, 211, 0). jpeg-decoder 0.3.2 and libjpeg agree on the red. And of the same picture in one scan,
# without the last eight bytes of the file, the image crate gives a whole picture whose last square is white instead of blue.
#
# Touched: whoever trains on or classifies JPEGs through Rust's image crate: there is a prediction, of another picture.
#
# Exits with 0 if all of this is so, with 1 if some of it no longer is, with 2 if it cannot be tried. Wants cargo (Rust 1.85 or
# later). The output:
#
#     scans of one component each: jpeg-decoder (254, 0, 0), zune-jpeg strict Some((0, 211, 0)), image Some((0, 211, 0))
#     one scan, whole and cut off: the lower right pixel by image Some((0, 0, 254)), Some((255, 255, 255))
set -euo pipefail

cannot() {
    printf 'cannot be tried here: %s\n' "$*" >&2
    exit 2
}

command -v cargo >/dev/null || cannot "no cargo"
work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
mkdir "$work/src"
cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "check"
version = "0.0.0"
edition = "2024"

[dependencies]
image = { version = "=0.25.10", default-features = false, features = ["jpeg"] }
jpeg-decoder = { version = "=0.3.2", default-features = false }
zune-core = "=0.5.3"
zune-jpeg = "=0.5.15"
TOML

# By `cjpeg -quality 75 -sample 2x2` of libjpeg-turbo 2.1.5, the first with `-scans` and "0; 1; 2;".
base64 -d >"$work/src/scans.jpg" <<'JPEG'
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/
2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjL/wAARCAAgACADASIAAhEBAxEB/8QA
HwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkK
FhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG
x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AOLor6zor5Mor6zooor4dor7ior4dor/xAAfAQADAQEBAQEBAQEBAAAAAAAAAQID
BAUGBwgJCgv/xAC1EQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIygQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RF
RkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo
6ery8/T19vf4+fr/2gAIAQIRAD8A+ZPpgP3E/9oACAEDEQA/AP3E/DgPMP/Z
JPEG
base64 -d >"$work/src/one.jpg" <<'JPEG'
/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/
2wBDAQkJCQwLDBgNDRgyIRwhMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjIyMjL/wAARCAAgACADASIAAhEBAxEB/8QA
HwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkK
FhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXG
x8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgECBAQDBAcFBAQAAQJ3AAEC
AxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6goOE
hYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6/9oADAMBAAIRAxEAPwDi6KKK+ZP3
E+s6KKK+mPw4KKKKAPh2iiiv3E8w/9k=
JPEG

cat >"$work/src/main.rs" <<'RUST'
use zune_core::{bytestream::ZCursor, options::DecoderOptions};

const SCANS: &[u8] = include_bytes!("scans.jpg");
const ONE: &[u8] = include_bytes!("one.jpg");

/// The colour in column 4 of row 4, of 32 by 32.
fn pixel(rgb: &[u8]) -> (u8, u8, u8) {
    let at = (4 * 32 + 4) * 3;
    (rgb[at], rgb[at + 1], rgb[at + 2])
}

fn by_image(bytes: &[u8]) -> Option<Vec<u8>> {
    image::load_from_memory(bytes).ok().map(|image| image.into_rgb8().into_raw())
}

fn main() {
    let right = pixel(&jpeg_decoder::Decoder::new(SCANS).decode().expect("jpeg-decoder"));
    let options = DecoderOptions::default().set_strict_mode(true);
    let strict = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(SCANS), options).decode();
    let strict = strict.map(|rgb| pixel(&rgb)).ok();
    let image = by_image(SCANS).map(|rgb| pixel(&rgb));
    println!("scans of one component each: jpeg-decoder {right:?}, zune-jpeg strict {strict:?}, image {image:?}");
    let corner = |rgb: Vec<u8>| (rgb[rgb.len() - 3], rgb[rgb.len() - 2], rgb[rgb.len() - 1]);
    let (whole, cut) = (by_image(ONE).map(corner), by_image(&ONE[..ONE.len() - 8]).map(corner));
    println!("one scan, whole and cut off: the lower right pixel by image {whole:?}, {cut:?}");
    let holds = right == (254, 0, 0)
        && strict.is_some_and(|pixel| pixel != right)
        && image.is_some_and(|pixel| pixel != right)
        && cut.is_some_and(|pixel| Some(pixel) != whole);
    std::process::exit(if holds { 0 } else { 3 });
}
RUST

# Nothing is to be written outside the temporary folder but cargo's own cache.
status=0
CARGO_TARGET_DIR="$work/target" cargo run --quiet --manifest-path "$work/Cargo.toml" 2>"$work/err" || status=$?
case "$status" in
0) ;;
3)
    echo "this finding no longer holds"
    exit 1
    ;;
*)
    cat "$work/err" >&2
    cannot "the check broke off"
    ;;
esac
