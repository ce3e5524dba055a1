//! Likeness of cells, principal components and changed inputs, by the thin network.

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::desk::{Desk, THIN, json as parsed, other_photo, text};

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(all) => all.iter().flat_map(numbers).collect(),
        one => vec![one.as_f64().unwrap()],
    }
}

fn document(desk: &Desk, arguments: &[&str]) -> Value {
    parsed(&desk.prints(&[arguments, &["--json"], &THIN].concat()))
}

#[test]
fn commands_say_what_was_done_to_the_network() {
    let desk = Desk::new();
    desk.save("photo.png", RgbImage::from_fn(40, 30, |x, y| Rgb([(x * 6) as u8, (y * 8) as u8, 90])));
    let cpu = ["--weights", "embedded", "--device", "cpu"];
    let asked = |more: &[&'static str]| [&["classify", "photo.png", "--json"], more, &cpu].concat();
    let usual = parsed(&desk.prints(&asked(&[])));
    let muted = parsed(&desk.prints(&asked(&["--alone", "mixed10:0"])));
    assert_eq!(usual.get("experiment"), None);
    assert_eq!(muted["experiment"], json!(["--alone mixed10:0"]));
    let of = |document: &Value, what: &str| document["pictures"][0][what].clone();
    assert_eq!(of(&muted, "unchanged"), of(&usual, "top"));
    assert_ne!(of(&muted, "top"), of(&usual, "top"));
    let output = desk.run(&[&["classify", "photo.png", "--set", "mixed10:0=2"], &cpu[..]].concat());
    let (told, noted) = (text(&output.stdout), text(&output.stderr));
    assert!(told.contains(" · mixed10: channel 0 = 2.000\n") && told.contains(" · as it is\n"), "{told}");
    assert!(noted.contains("note: the network is not as usual"), "{noted}");
    // A muted channel is zero for whoever reads the map.
    let maps = ["maps", "photo.png", "--layer", "mixed5", "--channels", "3,4", "--npy", "maps.npy"];
    desk.prints(&[&maps[..], &["--mute", "mixed5:3"], &cpu].concat());
    let maps = desk.npy("maps.npy");
    assert!(maps.part(0).iter().all(|value| *value == 0.0) && maps.part(1).iter().any(|value| *value != 0.0));
    desk.fails(&asked(&["--mute", "mixed5:9999"]), "9999");
}

#[test]
fn likeness_is_the_cosine_of_the_maps_and_finds_a_cell_of_another_picture() {
    let desk = Desk::with_photo();
    desk.save("other.png", other_photo());
    desk.prints(&[&["maps", "photo.png", "--layer", "mixed0", "--npy", "maps.npy"], &THIN[..]].concat());
    let maps = desk.npy("maps.npy");
    let [channels, height, width] = maps.shape[..] else { panic!("{:?}", maps.shape) };
    let vector = |cell: usize| -> Vec<f64> {
        (0..channels).map(|channel| f64::from(maps.part(channel)[cell])).collect()
    };
    let own = vector(9 * width + 14);
    let likeness = ["likeness", "photo.png", "--layer", "mixed0", "--cell", "9,14"];
    let found = document(&desk, &[&likeness[..], &["-o", "like.png"]].concat());
    assert_eq!((&found["cell"], &found["cell_of"]), (&json!([9, 14]), &Value::Null));
    let cosines = numbers(&found["pictures"][0]["cosines"]);
    assert_eq!(cosines.len(), height * width);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    for (cell, cosine) in cosines.iter().enumerate() {
        let other = vector(cell);
        let lengths = (product(&own, &own) * product(&other, &other)).sqrt();
        let expected = if lengths > 0.0 { product(&own, &other) / lengths } else { 0.0 };
        assert!((cosine - expected).abs() < 1e-5, "{cell}: {cosine} instead of {expected}");
    }
    assert!(desk.picture("like.png").width() > 299);
    // A corner, of which there is one: its own cell, looked for in its own picture as in another one, is most alike itself.
    let searched = ["likeness", "other.png", "photo.png", "--layer", "mixed0", "--cell", "9,14"];
    let found = document(&desk, &[&searched[..], &["--cell-of", "photo.png"]].concat());
    let best = &found["pictures"][1]["most_alike"];
    assert_eq!((&best["row"], &best["column"]), (&json!(9), &json!(14)));
    assert_eq!(found["cell_of"], json!("photo.png"));
}

#[test]
fn components_are_held_over_pictures_and_read_again() {
    let desk = Desk::with_photo();
    desk.save("other.png", other_photo());
    let pca = |paths: &[&str], more: &[&str]| {
        document(&desk, &[&["maps"], paths, &["--layer", "mixed0", "--pca"], more].concat())
    };
    let both = pca(&["photo.png", "other.png"], &["--safetensors", "basis.safetensors", "-o", "colours.png"]);
    assert_eq!(both["basis"]["made_of"], json!("photo.png"));
    assert!(desk.picture("colours-other.png").width() > 299);
    let alone = pca(&["other.png"], &["--pca-basis", "basis-photo.safetensors"]);
    assert_eq!(alone["basis"]["components"], both["basis"]["components"]);
    assert_eq!(alone["pictures"][0]["projected"], both["pictures"][1]["projected"]);
    // The cells of the picture that the directions are of vary by what is told about their mean.
    let projected = numbers(&both["pictures"][0]["projected"]);
    let variances = numbers(&both["basis"]["explained_variance"]);
    let cells = projected.len() / 3;
    for (plane, variance) in projected.chunks(cells).zip(&variances) {
        let mean = plane.iter().sum::<f64>() / cells as f64;
        let squares = plane.iter().map(|value| value * value).sum::<f64>() / (cells - 1) as f64;
        assert!(mean.abs() < 1e-4 * variance.sqrt() && (squares / variance - 1.0).abs() < 1e-3);
    }
    assert!(variances.is_sorted_by(|a, b| a >= b));
    // Of both pictures together it is another basis.
    let folder = pca(&["photo.png"], &["--pca-basis", "."]);
    assert!(folder["basis"]["made_of"].as_str().unwrap().contains("pictures"));
    assert_ne!(folder["basis"]["components"], both["basis"]["components"]);
    // Several layers are one hypercolumn, on the grid of the finest.
    let column = document(&desk, &["maps", "photo.png", "--layer", "mixed2, mixed3", "--pca"]);
    let names: Vec<_> = column["layers"].as_array().unwrap().iter().map(|layer| &layer["name"]).collect();
    assert_eq!(names, ["mixed2", "mixed3"]);
    assert!(column["layer"].is_null());
    assert_eq!(numbers(&column["pictures"][0]["projected"]).len(), 3 * 35 * 35);
    // What it wrote is read again.
    let hypercolumn = |more: &[&str]| {
        let usual = ["maps", "photo.png", "--layer", "mixed2,mixed3", "--pca"];
        document(&desk, &[&usual[..], more].concat())
    };
    let written = hypercolumn(&["--safetensors", "column.safetensors"]);
    let again = hypercolumn(&["--pca-basis", "column.safetensors"]);
    assert_eq!(again["basis"]["components"], written["basis"]["components"]);
    assert_eq!(again["pictures"], written["pictures"]);
    let channels = |layer: &str| {
        let alone = document(&desk, &["maps", "photo.png", "--layer", layer, "--pca"]);
        numbers(&alone["basis"]["mean"]).len()
    };
    assert_eq!(numbers(&column["basis"]["mean"]).len(), channels("mixed2") + channels("mixed3"));
    let refused =
        desk.run(&[&["maps", "photo.png", "--layer", "avg_pool", "--pca", "--json"], &THIN[..]].concat());
    assert_eq!(refused.status.code(), Some(1));
}

#[test]
fn a_changed_input_is_seen_told_and_named() {
    let desk = Desk::with_photo();
    desk.prints(&["input", "photo.png", "-o", "usual"]);
    desk.prints(&["input", "photo.png", "--input-change", "grey,upside-down", "-o", "changed"]);
    let (usual, changed) = (desk.picture("usual/photo-input.png"), desk.picture("changed/photo-input.png"));
    for (x, y, pixel) in changed.enumerate_pixels() {
        let [red, green, blue] = usual.get_pixel(x, 298 - y).0.map(f32::from);
        let grey = 0.299 * red + 0.587 * green + 0.114 * blue;
        // The picture without a change is of rounded levels already.
        assert!(pixel.0.iter().all(|level| (f32::from(*level) - grey).abs() <= 1.5), "{x} {y}: {pixel:?}");
    }
    let found =
        document(&desk, &["maps", "photo.png", "--layer", "mixed0", "--pca", "--input-change", "blur"]);
    assert_eq!(found["input_changes"], json!(["blur"]));
    let output = desk.run(&["input", "photo.png", "--input-change", "edges", "-o", "edges"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("note: the network sees each picture as edges alone"), "{told}");
}
