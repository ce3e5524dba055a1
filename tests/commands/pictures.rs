//! Pictures in and out: `grab` and `input`, and kinds of pictures that people have.

use convscope::source::testcard;
use image::{Rgb, RgbImage};

use crate::desk::{Desk, deep, grey, jpeg_with_orientation, photo, plain, veil};

#[test]
fn stills_of_the_test_card_are_numbered_on() {
    let desk = Desk::new();
    let written = desk.prints(&["grab", "testcard", "-n", "3", "-o", "stills"]);
    assert_eq!(written.lines().count(), 3);
    let card =
        |number| RgbImage::from_raw(testcard::WIDTH, testcard::HEIGHT, testcard::draw(number)).unwrap();
    let names = ["still-0001.png", "still-0002.png", "still-0003.png"];
    assert_eq!(desk.names("stills"), names);
    for (number, name) in names.iter().enumerate() {
        assert!(desk.picture(&format!("stills/{name}")) == card(number as u64), "{name}");
    }
    assert!(card(0) != card(1));
    let before = desk.bytes("stills/still-0001.png");
    desk.prints(&["grab", "testcard", "-n", "2", "-o", "stills"]);
    assert_eq!(desk.names("stills").len(), 5);
    assert!(desk.picture("stills/still-0005.png") == card(1));
    assert!(desk.bytes("stills/still-0001.png") == before);
}

/// The original and what the network sees of a picture in this file.
fn seen(desk: &Desk, name: &str) -> (RgbImage, RgbImage) {
    desk.prints(&["input", name, "-o", "seen", "--overwrite"]);
    let stem = name.split_once('.').unwrap().0;
    (desk.picture(&format!("seen/{stem}-original.png")), desk.picture(&format!("seen/{stem}-input.png")))
}

#[test]
fn the_input_is_square_and_keeps_its_colours() {
    let desk = Desk::with_photo();
    for (name, color) in [("red.png", [255, 0, 0]), ("green.bmp", [0, 255, 0]), ("mixed.png", [10, 120, 250])]
    {
        desk.save(name, plain(color));
        let (original, input) = seen(&desk, name);
        assert!(original == plain(color), "{name}");
        assert_eq!(input.dimensions(), (299, 299), "{name}");
        assert!(input.pixels().all(|pixel| *pixel == Rgb(color)), "{name}");
    }
    let (original, input) = seen(&desk, "photo.png");
    assert!(original == photo());
    // Stretched: the middle of the yellow and of the blue patch.
    assert_eq!(*input.get_pixel(30 * 299 / 120, 40 * 299 / 80), Rgb([240, 220, 30]));
    assert_eq!(*input.get_pixel(90 * 299 / 120, 17 * 299 / 80), Rgb([10, 20, 90]));
    desk.prints(&["input", "photo.png", "-o", "cropped", "--fit", "crop"]);
    // Of 120×80 the middle 80×80: both patches reach over its sides.
    let cropped = desk.picture("cropped/photo-input.png");
    assert_eq!(*cropped.get_pixel(0, 149), Rgb([240, 220, 30]));
    assert_eq!(*cropped.get_pixel(298, 63), Rgb([10, 20, 90]));
}

#[test]
fn the_network_sees_what_input_writes() {
    let desk = Desk::with_photo();
    let (_, input) = seen(&desk, "photo.png");
    let maps = desk.maps("photo.png", "0");
    assert_eq!(maps.shape, [3, 299, 299]);
    for (x, y, pixel) in input.enumerate_pixels() {
        for (channel, level) in pixel.0.into_iter().enumerate() {
            let value = maps.part(channel)[(y * 299 + x) as usize];
            // Rounded to whole levels: half a level is 1/255 on the scale from −1 to 1.
            assert!(
                (value - (f32::from(level) / 127.5 - 1.0)).abs() < 1.01 / 255.0,
                "{x},{y}: {value} {level}"
            );
        }
    }
}

#[test]
fn kinds_of_pictures() {
    let desk = Desk::new();
    desk.save("grey.png", grey(77));
    desk.save("deep.png", deep([0, 128, 255]));
    desk.save("clear.png", veil(0));
    desk.save("half.png", veil(51));
    desk.save("one.png", RgbImage::from_pixel(1, 1, Rgb([10, 20, 30])));
    let expected = [
        ("grey.png", [77; 3]),
        ("deep.png", [0, 128, 255]),
        // White lies behind: 255 × 0.8 where red has none.
        ("clear.png", [255; 3]),
        ("half.png", [255, 204, 204]),
        ("one.png", [10, 20, 30]),
    ];
    for (name, color) in expected {
        let (original, input) = seen(&desk, name);
        assert!(original.pixels().chain(input.pixels()).all(|pixel| *pixel == Rgb(color)), "{name}");
        let maps = desk.maps(name, "0");
        for (channel, level) in color.into_iter().enumerate() {
            let expected = f32::from(level) / 127.5 - 1.0;
            assert!(maps.part(channel).iter().all(|value| (value - expected).abs() < 1e-5), "{name}");
        }
    }
}

#[test]
fn the_orientation_of_the_camera_is_applied() {
    let desk = Desk::new();
    // 6: the camera was turned; black, on the left in the file, belongs on top.
    for (orientation, size, black) in [(1, (32, 16), (0, 15)), (6, (16, 32), (15, 0)), (8, (16, 32), (0, 31))]
    {
        desk.write("turned.jpg", jpeg_with_orientation(orientation));
        let (original, _) = seen(&desk, "turned.jpg");
        assert_eq!(original.dimensions(), size, "orientation {orientation}");
        let level = |(x, y): (u32, u32)| original.get_pixel(x, y)[0];
        let opposite = (size.0 - 1 - black.0, size.1 - 1 - black.1);
        assert!(level(black) < 30 && level(opposite) > 225, "orientation {orientation}");
    }
}
