//! Tests of the picture source, with pictures made here.

use std::io::Cursor;
use std::thread;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, RgbImage, Rgba, RgbaImage};
use tempfile::TempDir;

use super::*;

fn plain(width: u32, height: u32, color: [u8; 3]) -> DynamicImage {
    RgbImage::from_pixel(width, height, Rgb(color)).into()
}

fn save(folder: &TempDir, name: &str, image: impl Into<DynamicImage>) -> PathBuf {
    let path = folder.path().join(name);
    image.into().save(&path).unwrap();
    path
}

fn next(pictures: &mut Pictures) -> Frame {
    pictures.next_frame().unwrap().unwrap()
}

/// The only picture of a file.
fn only(path: &Path) -> Frame {
    let mut pictures = Pictures::open(path, Decoding::default(), false).unwrap();
    let frame = next(&mut pictures);
    assert!(pictures.next_frame().unwrap().is_none());
    frame
}

/// A picture 32 wide and 16 high, left half black, right half white, as JPEG with an EXIF orientation.
fn jpeg_with_orientation(orientation: u8) -> Vec<u8> {
    let mut jpeg = Cursor::new(Vec::new());
    // Blocks of 8 pixels, so that compression leaves the two halves as they are.
    let image = RgbImage::from_fn(32, 16, |x, _| Rgb([if x < 16 { 0 } else { 255 }; 3]));
    image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    with_orientation(&jpeg.into_inner(), orientation)
}

/// A JPEG picture with this EXIF orientation.
fn with_orientation(jpeg: &[u8], orientation: u8) -> Vec<u8> {
    let mut tiff = b"Exif\0\0MM\0\x2a\0\0\0\x08".to_vec();
    // One entry: tag 0x112, type SHORT, count 1, value; no further directory.
    tiff.extend([0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation, 0, 0, 0, 0, 0, 0]);
    let mut file = jpeg[..2].to_vec();
    file.extend([0xff, 0xe1, 0, tiff.len() as u8 + 2]);
    file.extend(tiff);
    file.extend(&jpeg[2..]);
    file
}

#[test]
fn a_single_picture() {
    let folder = TempDir::new().unwrap();
    let path = save(&folder, "photo.png", plain(5, 3, [1, 2, 3]));
    let mut pictures = Pictures::open(&path, Decoding::default(), false).unwrap();
    assert!(!pictures.is_live());
    assert_eq!(&*pictures.describe(), "photo.png · 5×3");
    let frame = next(&mut pictures);
    assert_eq!((frame.id, frame.width, frame.height, &*frame.name), (0, 5, 3, "photo.png"));
    assert_eq!(frame.format, PixelFormat::Rgb8);
    assert_eq!(frame.bytes[..], [1, 2, 3].repeat(15)[..]);
    assert!(pictures.next_frame().unwrap().is_none());
    assert!(pictures.next_frame().unwrap().is_none());
}

#[test]
fn a_folder_in_natural_order() {
    let folder = TempDir::new().unwrap();
    for (name, shade) in [("10.png", 10), ("2.png", 2), ("B3.bmp", 33), ("a3.png", 3), ("1.PNG", 1)] {
        save(&folder, name, plain(4, 2, [shade; 3]));
    }
    fs::write(folder.path().join("notes.txt"), "no picture").unwrap();
    fs::write(folder.path().join("._1.png"), "another system's metadata").unwrap();
    fs::create_dir(folder.path().join("folder.png")).unwrap();
    let mut pictures = Pictures::open(folder.path(), Decoding::default(), false).unwrap();
    assert!(pictures.describe().ends_with(" · 5 pictures"));
    let mut seen = Vec::new();
    while let Some(frame) = pictures.next_frame().unwrap() {
        assert_eq!(frame.id, seen.len() as u64);
        seen.push((frame.name.to_string(), frame.bytes[0]));
        if frame.id == 1 {
            let expected = format!("{} · 2 of 5 · 2.png · 4×2", folder.path().display());
            assert_eq!(*pictures.describe(), *expected);
        }
    }
    let expected = [("1.PNG", 1), ("2.png", 2), ("10.png", 10), ("a3.png", 3), ("B3.bmp", 33)];
    // Of a text beside pictures nothing needs to be said.
    assert!(pictures.take_notes().is_empty());
    assert_eq!(seen, expected.map(|(name, shade)| (name.to_owned(), shade)));
}

#[test]
fn a_broken_picture_in_a_folder_is_reported_and_passed_over() {
    let folder = TempDir::new().unwrap();
    save(&folder, "1.png", plain(2, 2, [1; 3]));
    fs::write(folder.path().join("2.png"), "\x01not a picture at all").unwrap();
    let whole = fs::read(save(&folder, "3.png", plain(64, 64, [3; 3]))).unwrap();
    fs::write(folder.path().join("3.png"), &whole[..whole.len() / 2]).unwrap();
    save(&folder, "4.png", plain(2, 2, [4; 3]));
    let mut pictures = Pictures::open(folder.path(), Decoding::default(), false).unwrap();
    assert_eq!(next(&mut pictures).bytes[0], 1);
    for number in [2, 3] {
        let error = pictures.next_frame().unwrap_err();
        assert!(matches!(&error, SourceError::File { path, .. } if path.ends_with(format!("{number}.png"))));
        let reason =
            ["not a picture that can be read: ", "the picture is cut off: "][usize::from(number == 3)];
        assert!(error.to_string().contains(reason), "{error}");
        assert!(pictures.describe().ends_with(&format!("{number}.png · cannot be read")));
    }
    let frame = next(&mut pictures);
    assert_eq!((frame.bytes[0], frame.id), (4, 1));
    assert!(pictures.next_frame().unwrap().is_none());
}

#[test]
fn held_pictures_wait_for_steps_and_wrap_around() {
    let folder = TempDir::new().unwrap();
    for shade in 1..=3 {
        save(&folder, &format!("{shade}.png"), plain(1, 1, [shade; 3]));
    }
    let mut pictures = Pictures::open(folder.path(), Decoding::default(), true).unwrap();
    let handle = pictures.step_handle();
    assert_eq!(next(&mut pictures).bytes[0], 1);
    for (by, shade) in [(1, 2), (1, 3), (1, 1), (-1, 3), (-2, 1), (i64::MIN, 2), (i64::MAX, 3)] {
        handle.step(by);
        assert_eq!(next(&mut pictures).bytes[0], shade, "after a step by {by}");
    }
    handle.step(1);
    handle.step(1);
    assert_eq!(next(&mut pictures).bytes[0], 2);
    // Steps that cancel out are none.
    handle.step(1);
    handle.step(-1);
    let waiting = thread::spawn(move || pictures.next_frame());
    handle.step(-1);
    assert_eq!(waiting.join().unwrap().unwrap().unwrap().bytes[0], 1);
}

#[test]
fn closing_ends_the_waiting() {
    let folder = TempDir::new().unwrap();
    let path = save(&folder, "1.png", plain(1, 1, [9; 3]));
    let mut pictures = Pictures::open(&path, Decoding::default(), true).unwrap();
    let handle = pictures.step_handle();
    assert_eq!(next(&mut pictures).id, 0);
    handle.clone().step(1);
    assert_eq!(next(&mut pictures).id, 1);
    let waiting = thread::spawn(move || {
        let end = pictures.next_frame().unwrap().is_none();
        end && pictures.next_frame().unwrap().is_none()
    });
    handle.close();
    assert!(waiting.join().unwrap());
}

#[test]
fn transparency_is_laid_over_white() {
    let folder = TempDir::new().unwrap();
    let mut image = RgbaImage::from_pixel(3, 1, Rgba([200, 100, 0, 255]));
    image.put_pixel(1, 0, Rgba([200, 100, 0, 0]));
    image.put_pixel(2, 0, Rgba([200, 100, 0, 51]));
    let frame = only(&save(&folder, "a.png", image));
    assert_eq!(frame.bytes[..], [200, 100, 0, 255, 255, 255, 244, 224, 204]);
    let grey = ImageBuffer::from_pixel(1, 1, LumaA([0_u16, 32_896]));
    assert_eq!(only(&save(&folder, "b.png", grey)).bytes[..], [127; 3]);
}

#[test]
fn grey_and_sixteen_bits_become_eight_bit_rgb() {
    let folder = TempDir::new().unwrap();
    let grey = GrayImage::from_pixel(1, 1, Luma([77]));
    assert_eq!(only(&save(&folder, "grey.png", grey)).bytes[..], [77; 3]);
    let deep = ImageBuffer::from_pixel(1, 1, Rgb([0_u16, 257 * 128, 65_535]));
    assert_eq!(only(&save(&folder, "deep.png", deep.clone())).bytes[..], [0, 128, 255]);
    assert_eq!(only(&save(&folder, "deep.tiff", deep)).bytes[..], [0, 128, 255]);
}

#[test]
fn the_orientation_of_the_camera_is_applied() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("turned.jpg");
    let corners = |orientation| {
        fs::write(&path, jpeg_with_orientation(orientation)).unwrap();
        let frame = only(&path);
        let bright = |index: usize| frame.bytes[index] > 128;
        ((frame.width, frame.height), bright(0), bright(frame.bytes.len() - 1))
    };
    assert_eq!(corners(1), ((32, 16), false, true));
    assert_eq!(corners(3), ((32, 16), true, false));
    // 6: the camera was turned; black, on the left in the file, belongs on top.
    assert_eq!(corners(6), ((16, 32), false, true));
    assert_eq!(corners(8), ((16, 32), true, false));
}

#[test]
fn the_content_tells_the_format_not_the_name() {
    let folder = TempDir::new().unwrap();
    let path = save(&folder, "a.png", plain(1, 1, [5; 3]));
    let renamed = folder.path().join("a.jpg");
    fs::rename(path, &renamed).unwrap();
    assert_eq!(only(&renamed).bytes[..], [5; 3]);
}

#[test]
fn errors_say_what_is_wrong_in_one_line() {
    let folder = TempDir::new().unwrap();
    let message = |path: &Path| {
        let text = Pictures::open(path, Decoding::default(), false).unwrap_err().to_string();
        assert!(!text.contains('\n'), "{text}");
        text
    };
    let empty = message(folder.path());
    assert!(empty.contains("no picture in this folder"), "{empty}");
    let missing = message(&folder.path().join("nothing.png"));
    assert!(missing.ends_with("nothing.png: there is no such file or folder: check the name"), "{missing}");
    for (name, content, words) in [
        (
            "text.jpg",
            &b"Dear reader, this is not a picture."[..],
            "a text, which is not read: name a picture, ",
        ),
        ("empty.png", b"", "an empty file, which is not read: copy or download it anew"),
        ("noise.png", b"\xe5\x01\x9c\x07\xfe", "not a picture that can be read: its content is neither "),
        ("no name.jpg", b"\0\0\0\x18ftypavif\0\0\0\0", "an AVIF picture, which is not read: `avifdec '"),
    ] {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let text = message(&path);
        assert!(text.contains(&format!("{name}: {words}")), "{text}");
    }
}

#[test]
fn a_picture_beyond_the_bounds_is_refused_by_its_header() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("huge.ppm");
    for header in ["P6 65536 1 255\n", "P6 1 65536 255\n"] {
        fs::write(&path, header).unwrap();
        let error = Pictures::open(&path, Decoding::default(), false).unwrap_err().to_string();
        assert!(error.contains("is too large: at most 65535×65535 pixels"), "{error}");
    }
    // 20,000 × 20,000 pixels of 6 bytes are 2.4 GB.
    fs::write(&path, "P6 20000 20000 65535\n").unwrap();
    let error = Pictures::open(&path, Decoding::default(), false).unwrap_err().to_string();
    assert!(error.contains("is too large: "), "{error}");
}

#[cfg(unix)]
#[test]
fn a_device_is_neither_a_file_nor_a_folder() {
    let error = Pictures::open(Path::new("/dev/zero"), Decoding::default(), false).unwrap_err().to_string();
    assert!(error.starts_with("/dev/zero: is neither a file nor a folder"), "{error}");
}

/// A file of one bit a pixel: 1 in the left half, 0 in the right one.
fn large_pbm(path: &Path, (width, height): (usize, usize)) {
    let row: Vec<u8> = (0..width / 8).map(|byte| if byte < width / 16 { 0xff } else { 0 }).collect();
    let mut bytes = format!("P4 {width} {height}\n").into_bytes();
    (0..height).for_each(|_| bytes.extend(&row));
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_very_large_picture_is_shrunk_and_says_so() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("wall.pbm");
    large_pbm(&path, (10_000, 4_008));
    let mut pictures = Pictures::open(&path, Decoding::default(), false).unwrap();
    assert_eq!(*pictures.describe(), *"wall.pbm · 5000×2004");
    let frame = next(&mut pictures);
    assert_eq!((&*frame.name, frame.width, frame.height), ("wall.pbm", 5000, 2004));
    let note = "wall.pbm: of 10000×4008 pixels, taken at 1/2: 5000×2004 (more than 40 million are too many)";
    assert_eq!(frame.named_note().unwrap(), note);
    // In this format 1 is black.
    let last_row = &frame.bytes[frame.bytes.len() - 5000 * 3..];
    assert_eq!(last_row[..2500 * 3], [0; 2500 * 3]);
    assert_eq!(last_row[2500 * 3..], [255; 2500 * 3]);
    // One that just fits stays as it is.
    large_pbm(&path, (10_000, 4_000));
    let frame = only(&path);
    assert_eq!((&*frame.name, frame.width, frame.height, frame.note), ("wall.pbm", 10_000, 4_000, None));
}

#[test]
fn a_very_large_picture_is_turned_after_it_is_shrunk() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("turned.jpg");
    // Black on the left in the file belongs on top.
    let image = GrayImage::from_fn(8_016, 5_000, |x, _| Luma([if x < 4_008 { 0 } else { 255 }]));
    let mut jpeg = Cursor::new(Vec::new());
    image.write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
    fs::write(&path, with_orientation(&jpeg.into_inner(), 6)).unwrap();
    let frame = only(&path);
    assert_eq!((frame.width, frame.height), (2_500, 4_008));
    assert!(frame.note.unwrap().starts_with("of 5000×8016 pixels, taken at 1/2: 2500×4008 "));
    let shade = |x: usize, y: usize| frame.bytes[(y * 2_500 + x) * 3];
    assert!(
        shade(0, 0) < 10 && shade(2_499, 2_003) < 10 && shade(0, 2_004) > 245 && shade(2_499, 4_007) > 245
    );
}
