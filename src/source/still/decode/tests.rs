//! Tiny pictures of scripts/make_picture_fixtures.py against what libjpeg, libtiff and libheif make of them, and what is left
//! of them when they are cut off.

use std::fs;
use std::io::Cursor;
use std::path::PathBuf;

use super::*;
use crate::source::levels::Levels;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pictures").join(name)
}

fn read(name: &str) -> Vec<u8> {
    fs::read(fixture(name)).unwrap()
}

fn decoded(name: &str, levels: Levels) -> Picture {
    decode(&fixture(name), Decoding { levels, ..Decoding::default() }).unwrap()
}

/// What is said of these bytes, as of a file `a`.
fn refusal(bytes: &[u8]) -> String {
    let error = decode_from(Cursor::new(bytes), Path::new("a"), Decoding::default()).unwrap_err();
    error.to_string()
}

/// The largest and the mean difference to a picture of `right/`.
fn difference(picture: &Picture, right: &str) -> (u8, f64) {
    let right = image::open(fixture("right").join(right).with_extension("png")).unwrap().into_rgb8();
    assert_eq!((picture.width, picture.height), right.dimensions());
    let differences: Vec<u8> = picture.rgb.iter().zip(right.as_raw()).map(|(a, b)| a.abs_diff(*b)).collect();
    let sum: f64 = differences.iter().map(|&value| f64::from(value)).sum();
    (differences.iter().copied().max().unwrap(), sum / differences.len() as f64)
}

const CUT_OFF: &str = "a: the picture is cut off: its end is missing in the file; copy or download it anew";
const DAMAGED: &str = "a: the picture is damaged: copy or download it anew";

#[test]
fn jpeg_is_libjpegs_to_the_bit() {
    for name in [
        "baseline",
        "progressive",
        "restart",
        "arithmetic",
        "sampling_4_1_0",
        "sampling_3_1",
        "scans_each",
        "scans_backwards",
    ] {
        let picture = decoded(&format!("{name}.jpg"), Levels::Kept);
        assert_eq!((difference(&picture, name).0, picture.note), (0, None), "{name}");
    }
    // Without the tables of annex K, as cameras send it.
    assert_eq!(difference(&decoded("no_tables.jpg", Levels::Kept), "baseline").0, 0);
    // By the other decoder.
    for name in ["scans_grouped", "coarse_brightness"] {
        assert!(difference(&decoded(&format!("{name}.jpg"), Levels::Kept), name).0 <= 4, "{name}");
    }
    assert!(difference(&decoded("grey_12bit.jpg", Levels::Kept), "grey").0 <= 2);
    assert_eq!(difference(&decoded("lossless_16bit.jpg", Levels::Kept), "grey").0, 0);
}

#[test]
fn nothing_of_a_jpeg_is_made_up() {
    for name in ["baseline", "progressive", "restart", "arithmetic", "scans_each", "scans_grouped"] {
        let whole = read(&format!("{name}.jpg"));
        for part in [30, 60, 80, 95] {
            let cut = &whole[..whole.len() * part / 100];
            assert_eq!(refusal(cut), CUT_OFF, "{name} {part}");
            let mut filled = cut.to_vec();
            filled.resize(whole.len(), 0);
            let refusal = refusal(&filled);
            assert!([CUT_OFF, DAMAGED].contains(&&*refusal), "{name} {part}: {refusal}");
        }
    }
    // Nothing but the end marker is missing.
    let mut whole = read("baseline.jpg");
    whole.truncate(whole.len() - 2);
    assert!(decode_from(Cursor::new(&whole), Path::new("a"), Decoding::default()).is_ok());
    // No code is all ones.
    let at = whole.len() * 3 / 4;
    whole[at..at + 40].as_chunks_mut().0.iter_mut().for_each(|pair| *pair = [0xff, 0x00]);
    assert_eq!(refusal(&whole), DAMAGED);
}

#[test]
fn missing_scans_are_told() {
    let last_scan = |bytes: &[u8]| bytes.windows(2).rposition(|pair| pair == [0xff, 0xda]).unwrap();
    let without = |name| {
        let bytes = read(name);
        [&bytes[..last_scan(&bytes)], &[0xff, 0xd9]].concat()
    };
    assert_eq!(refusal(&without("scans_each.jpg")), CUT_OFF);
    let coarse =
        decode_from(Cursor::new(without("progressive.jpg")), Path::new("a"), Decoding::default()).unwrap();
    assert_eq!(coarse.note.unwrap(), "its last scans are missing: it is coarser than it was made");
}

#[test]
fn tiff_of_every_kind() {
    for (name, right, largest) in [
        ("palette", "palette", 0),
        ("ycbcr", "scene", 4),
        ("fax_group3", "fax_group3", 0),
        ("big", "scene", 0),
        ("jpeg_tiled", "jpeg_tiled", 0),
        ("cmyk_planar", "cmyk_planar", 0),
        ("alpha_straight", "alpha", 1),
        ("alpha_multiplied", "alpha", 1),
        ("thumbnail_first", "scene", 0),
        ("grey_2bit", "grey_2bit", 0),
        ("grey_4bit", "grey_4bit", 0),
        ("half", "grey", 0),
        ("double", "grey", 0),
        ("uint32", "grey", 0),
    ] {
        let picture = decoded(&format!("{name}.tif"), Levels::Kept);
        let found = difference(&picture, right).0;
        assert!(found <= largest && picture.note.is_none(), "{name}: {found}, {:?}", picture.note);
    }
    let lab = difference(&decoded("lab.tif", Levels::Kept), "scene");
    assert!(lab.1 < 2.0, "{lab:?}");
    let five = refusal(&read("five_bands.tif"));
    let expected =
        "a: a TIFF of 5 bands that are neither grey nor RGB nor CMYK, which is not read: `gdal_translate";
    assert!(five.starts_with(expected), "{five}");
    for name in ["palette", "jpeg_tiled", "fax_group3", "big", "half"] {
        let whole = read(&format!("{name}.tif"));
        let refusal = refusal(&whole[..whole.len() * 7 / 10]);
        assert!([CUT_OFF, DAMAGED].contains(&&*refusal), "{name}: {refusal}");
    }
}

#[test]
fn values_that_use_little_of_their_range_are_told_and_stretched() {
    let range = |low, high| Levels::Range { low, high };
    let twelve = decoded("12_in_16.png", Levels::Kept);
    let note = twelve.note.unwrap();
    assert!(
        note.contains(" of 65535, kept as they are; `--levels auto` or `--levels 0..4095` stretches them"),
        "{note}"
    );
    assert!(twelve.rgb.iter().all(|&level| level < 17));
    for (name, low, high) in
        [("12_in_16.png", 0.0, 4080.0), ("thermal.tif", 29_315.0, 30_335.0), ("signed.tif", -1000.0, 1550.0)]
    {
        let stretched = decoded(name, range(low, high));
        assert!(difference(&stretched, "grey").0 <= 1, "{name}");
        // The darkest pixel is not quite black.
        let auto = decoded(name, Levels::Auto);
        assert!(auto.rgb.contains(&0) && auto.rgb.contains(&255), "{name}");
    }
    assert!(decoded("thermal.tif", Levels::Kept).note.unwrap().contains(" of 65535, kept as they are; "));
    let fractions = decoded("fractions_255.tif", Levels::Kept);
    assert_eq!(difference(&fractions, "grey").0, 0);
    assert!(fractions.note.unwrap().contains("taken as levels from 0 to 255"));
    let signed = refusal(&read("signed.tif"));
    assert!(signed.contains("which of them are black and white is not known: `--levels auto`"), "{signed}");
    // Levels of a picture of 8 bits.
    let dark = decoded("palette.tif", range(0.0, 510.0));
    assert!(dark.rgb.iter().all(|&level| level <= 128) && dark.rgb.contains(&128));
}

#[test]
fn heic_is_read_and_told_where_it_ends_early() {
    let (largest, mean) = difference(&decoded("picture.heic", Levels::Kept), "picture");
    assert!(largest <= 2 && mean < 0.5, "{largest} {mean}");
    let whole = read("picture.heic");
    assert_eq!(refusal(&whole[..whole.len() - 100]), CUT_OFF);
}

#[test]
fn hostile_directories_end() {
    // A directory that names itself as the next one, and one far behind the file.
    let looping = b"II*\0\x08\0\0\0\0\0\x08\0\0\0".to_vec();
    let far = b"II*\0\xff\xff\xff\x7f".to_vec();
    let endless = [b"II*\0\x08\0\0\0\xff\xff".to_vec(), vec![0; 100]].concat();
    for bytes in [looping, far, endless] {
        let refusal = refusal(&bytes);
        assert!([CUT_OFF, DAMAGED].contains(&&*refusal), "{refusal}");
    }
}

#[test]
fn webp_that_was_never_filled_is_told() {
    let mut webp = Cursor::new(Vec::new());
    let noise = RgbImage::from_fn(64, 64, |x, y| {
        image::Rgb([(x * x * 7 + y * y * 13 + x * y) as u8, (x * 91) as u8, (y * 57) as u8])
    });
    noise.write_to(&mut webp, image::ImageFormat::WebP).unwrap();
    let mut webp = webp.into_inner();
    assert!(decode_from(Cursor::new(&webp), Path::new("a"), Decoding::default()).is_ok());
    assert_eq!(refusal(&webp[..webp.len() - 9]), CUT_OFF);
    let half = webp.len() / 2;
    webp[half..].fill(0);
    assert_eq!(refusal(&webp), CUT_OFF);
}

#[test]
fn fractions_are_written_with_the_digits_that_they_need() {
    let of = |samples: &[f32]| {
        let raster = Raster::new(samples.len() as u32, 1, 1, raster::Samples::F32(samples.to_vec()));
        levels::apply(raster, Levels::Kept).ok().and_then(|(_, note)| note).unwrap()
    };
    assert!(of(&[0.0, 0.000_25]).contains("0…0.00025 of 1"), "{}", of(&[0.0, 0.000_25]));
    assert!(of(&[0.0, f32::NAN, 1.0]).contains("no numbers (NaN)"));
    assert!(of(&[-0.1, 1.25]).contains("-0.1…1.25: those beyond 0…1 are cut off"));
}
