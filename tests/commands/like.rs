//! `--like`: what the network sees equals what Keras, torchvision and timm make of the same files, to the last pixel
//! (tests/data/agreement, written by scripts/agreement.py --fixtures).

use std::path::Path;

use image::RgbImage;

use crate::desk::Desk;

#[test]
fn libraries_and_the_program_see_the_same_pixels() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/agreement");
    let desk = Desk::new();
    for name in ["tall.png", "lying.png", "lying.tif"] {
        desk.write(name, std::fs::read(data.join(name)).unwrap());
        for (like, more) in [
            ("keras", &[][..]),
            ("keras-antialias", &["--resize", "antialias"]),
            ("torchvision", &[]),
            ("timm", &[]),
        ] {
            let library = like.split('-').next().unwrap();
            let mut arguments = vec!["input", name, "--input-size", "24x24", "-o", like, "--overwrite"];
            arguments.extend(["--like", library]);
            arguments.extend(more);
            desk.prints(&arguments);
            let seen = desk.picture(&format!("{like}/{}-input.png", name.split_once('.').unwrap().0));
            let expected = data.join(format!("{}-{like}.png", name.replace('.', "-")));
            let expected: RgbImage = image::open(expected).unwrap().to_rgb8();
            assert!(seen == expected, "{name} as {like}");
        }
    }
}

#[test]
fn a_resized_picture_covers_the_input() {
    let desk = Desk::with_photo();
    desk.fails(&["input", "photo.png", "--fit", "200", "-o", "seen"], "299×299");
    desk.prints(&["input", "photo.png", "--fit", "320", "-o", "seen"]);
    assert_eq!(desk.picture("seen/photo-input.png").dimensions(), (299, 299));
}
