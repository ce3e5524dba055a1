use super::*;
use crate::figure::{Anchor, fit_text};

fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(width, height, |_, _| {
        Rgb(std::array::from_fn(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        }))
    })
}

fn decoded(png: &[u8]) -> RgbImage {
    image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap().into_rgb8()
}

#[test]
fn pixels_without_marks_keep_their_bytes() {
    // Higher than a band, so that the second one is looked at as well.
    let mut figure = Figure::new(2100, 2100).unwrap();
    let picture = noise(2000, 1500);
    figure.picture(50, 500, &picture);
    figure.text(60.0, 40.0, "over the picture", TextStyle::new(20.0, TEXT));
    figure.line([0.0, 480.5], [2100.0, 480.5], 1.0, ACCENT);
    figure.dot(2080.0, 1000.0, 5.0, ACCENT);
    figure.rect(0.0, 2050.0, 2100.0, 20.0, LINE);
    let drawn = decoded(&figure.to_png().unwrap());
    let part = image::imageops::crop_imm(&drawn, 50, 500, 2000, 1500).to_image();
    assert!(part == picture, "blitted pixels changed");
    assert_eq!(drawn.get_pixel(1000, 480).0, ACCENT);
    assert_eq!(drawn.get_pixel(1000, 479).0, BACKGROUND);
    assert_eq!(
        [2049, 2050, 2069, 2070].map(|y| drawn.get_pixel(7, y).0),
        [BACKGROUND, LINE, LINE, BACKGROUND]
    );
    let written = (20..46).any(|y| (60..200).any(|x| drawn.get_pixel(x, y).0 != BACKGROUND));
    assert!(written, "there is no text");
}

#[test]
fn text_covers_the_place_that_its_width_says() {
    for (anchor, expected) in [(Anchor::Start, 200.0), (Anchor::Middle, 150.0), (Anchor::End, 100.0)] {
        for rotated in [false, true] {
            let text = "HHHHHHHHHH";
            let size = 100.0 / crate::figure::text_width(text, 1.0);
            let mut figure = Figure::new(400, 400).unwrap();
            figure.text(200.0, 200.0, text, TextStyle { size, anchor, colour: TEXT, rotated });
            let drawn = figure.to_picture().unwrap();
            let touched: Vec<f32> = drawn
                .enumerate_pixels()
                .filter(|(_, _, pixel)| pixel.0 != BACKGROUND)
                .map(|(x, y, _)| if rotated { 399.0 - y as f32 } else { x as f32 })
                .collect();
            let (low, high) = (
                touched.iter().copied().fold(f32::MAX, f32::min),
                touched.iter().copied().fold(0.0, f32::max),
            );
            assert!((low - expected).abs() < 4.0, "{anchor:?} {rotated} {low}");
            assert!((high - expected - 100.0).abs() < 4.0, "{anchor:?} {rotated} {high}");
        }
    }
}

#[test]
fn pictures_are_clipped() {
    let mut figure = Figure::new(10, 8).unwrap();
    let picture = noise(6, 6);
    figure.picture(7, 5, &picture);
    figure.picture(4000, 5, &picture);
    let drawn = figure.to_picture().unwrap();
    assert_eq!(drawn.get_pixel(9, 7), picture.get_pixel(2, 2));
    assert_eq!(drawn.get_pixel(6, 7).0, BACKGROUND);
}

#[test]
fn words_are_escaped_and_strange_ones_break_nothing() {
    let mut figure = Figure::new(200, 60).unwrap();
    let words =
        ["a<b & \"c\" 'd'>", "</text><rect/>", "日本 😀 \u{0}\u{1b}\u{fffe}", "مرحبا", "two\nlines\t"];
    for text in words {
        figure.text(2.0, 20.0, text, TextStyle::new(12.0, TEXT));
    }
    figure.text(f32::NAN, 20.0, "nowhere", TextStyle::new(12.0, TEXT));
    figure.polyline(vec![[0.0, f32::NAN], [1.0, 1.0], [5.0, f32::INFINITY]], 1.0, TEXT);
    figure.to_png().unwrap();
    let svg = figure.to_svg().unwrap();
    let document = usvg::roxmltree::Document::parse(&svg).unwrap();
    let texts: Vec<&str> =
        document.descendants().filter(|n| n.has_tag_name("text")).filter_map(|n| n.text()).collect();
    assert_eq!(texts.len(), words.len());
    assert_eq!(texts[..2], words[..2]);
    assert_eq!(texts[2], "日本 😀 \u{fffd}\u{fffd}\u{fffd}");
    assert!(!document.descendants().any(|n| n.has_tag_name("rect")));
}

#[test]
fn the_svg_carries_the_raster_and_widths() {
    let mut figure = Figure::new(40, 30).unwrap();
    let picture = noise(20, 20);
    figure.picture(5, 5, &picture);
    let label = fit_text("a long label", 12.0, 30.0);
    figure.text(2.0, 20.0, &label, TextStyle::new(12.0, TEXT));
    let svg = figure.to_svg().unwrap();
    let document = usvg::roxmltree::Document::parse(&svg).unwrap();
    let image = document.descendants().find(|n| n.has_tag_name("image")).unwrap();
    let data = image.attribute(("http://www.w3.org/1999/xlink", "href")).unwrap();
    let png = data.strip_prefix("data:image/png;base64,").unwrap();
    let raster = decoded(&base64::engine::general_purpose::STANDARD.decode(png).unwrap());
    assert_eq!(raster.get_pixel(24, 24), picture.get_pixel(19, 19));
    assert_eq!(raster.dimensions(), (40, 30));
    let text = document.descendants().find(|n| n.has_tag_name("text")).unwrap();
    let width: f32 = text.attribute("textLength").unwrap().parse().unwrap();
    assert!(width > 15.0 && width <= 30.0, "{width}");
}

#[test]
fn the_format_is_what_the_name_ends_in() {
    let mut figure = Figure::new(30, 20).unwrap();
    figure.text(2.0, 15.0, "x", TextStyle::new(12.0, TEXT));
    let png = figure.encode(Path::new("a.PNG")).unwrap();
    assert_eq!(decoded(&png), figure.to_picture().unwrap());
    assert!(figure.encode(Path::new("a.svg")).unwrap().starts_with(b"<svg"));
    for name in ["a.jpg", "a", ".png"] {
        let error = figure.encode(Path::new(name)).unwrap_err();
        assert!(matches!(error, FigureError::Extension(_)), "{name}: {error}");
    }
    let film = Figure::check_name(Path::new("maps/out.mp4")).unwrap_err().to_string();
    assert!(film.contains("`-o maps/out.png`"), "{film}");
    assert!(film.contains("`ffmpeg -framerate 10 -i maps/out-VIDEO-%05d.png maps/out.mp4`"), "{film}");
}

#[test]
fn figures_beyond_the_bounds_are_refused() {
    assert!(Figure::new(MAX_SIDE, 100).is_ok());
    for (width, height) in [(MAX_SIDE + 1, 1), (1, MAX_SIDE + 1), (16_001, 16_001), (u32::MAX, u32::MAX)] {
        let error = Figure::new(width, height).unwrap_err();
        assert!(error.to_string().contains("too large"), "{error}");
    }
    assert_eq!(Figure::new(0, 0).unwrap().to_picture().unwrap().dimensions(), (1, 1));
}
