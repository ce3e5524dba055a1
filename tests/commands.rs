//! The subcommands of the real binary, without a graphics adapter: what they write, against what they must.

#[path = "commands/best.rs"]
mod best;
#[path = "commands/cells.rs"]
mod cells;
#[path = "commands/desk.rs"]
mod desk;
#[path = "commands/follow.rs"]
mod follow;
#[path = "commands/like.rs"]
mod like;
#[path = "commands/mistakes.rs"]
mod mistakes;
#[path = "commands/pictures.rs"]
mod pictures;
#[path = "commands/saliency.rs"]
mod saliency;
#[path = "commands/weights.rs"]
mod weights;

mod common;

use common::skip;
use desk::{Desk, THIN, is_in, json, other_photo, photo, plain, text};
use image::{Rgb, RgbImage};
use serde_json::json;

#[test]
fn a_summary_has_the_numbers_of_the_architecture() {
    let desk = Desk::new();
    let table = desk.prints(&["summary"]);
    for part in ["23,851,784 parameters", "23,817,352 trainable", "layers 0 to 312", "5.713 G"] {
        assert!(table.contains(part), "{part}");
    }

    let found = json(&desk.prints(&["summary", "--json"]));
    assert_eq!(found["parameters"], 23_851_784);
    assert_eq!(found["trainable_parameters"], 23_817_352);
    let layers = found["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 313);
    for key in ["parameters", "multiply_adds"] {
        let sum: u64 = layers.iter().map(|layer| layer[key].as_u64().unwrap()).sum();
        assert_eq!(found[key], sum, "{key}");
    }
    let first = &layers[1];
    assert_eq!(first["other_name"], "Conv2d_1a_3x3.conv");
    assert_eq!(first["output_shape"], json!([149, 149, 32]));
    assert_eq!((&first["parameters"], &first["inputs"]), (&json!(864), &json!([0])));
    // 149 × 149 × 32 values of 27 products each.
    assert_eq!(first["multiply_adds"], 149 * 149 * 32 * 27);

    let csv = desk.prints(&["summary", "--csv"]);
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 314);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()));
    for key in ["parameters", "multiply_adds"] {
        let column = rows[0].iter().position(|heading| *heading == key).unwrap();
        let sum: u64 = rows[1..].iter().map(|row| row[column].parse::<u64>().unwrap()).sum();
        assert_eq!(found[key], sum, "{key}");
    }
}

#[test]
fn an_untrained_network_does_not_classify() {
    let desk = Desk::with_photo();
    desk.fails(&[&["classify", "photo.png"][..], &THIN].concat(), "`--weights FILE`");
}

/// With real weights, named by `CONVSCOPE_WEIGHTS`.
#[test]
fn classes_are_those_of_the_last_layer() {
    let Ok(weights) = std::env::var("CONVSCOPE_WEIGHTS") else {
        return skip("weights", "CONVSCOPE_WEIGHTS names no weight file");
    };
    let desk = Desk::with_photo();
    let network = ["--weights", &weights, "--device", "cpu"];
    let run = |arguments: &[&str]| desk.prints(&[arguments, &network].concat());
    run(&["maps", "photo.png", "--layer", "predictions", "--npy", "predictions.npy"]);
    let probabilities = desk.npy("predictions.npy").values;
    assert_eq!(probabilities.len(), 1000);
    assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-4);
    let mut classes: Vec<usize> = (0..1000).collect();
    classes.sort_by(|&a, &b| probabilities[b].total_cmp(&probabilities[a]));

    let found = json(&run(&["classify", "photo.png", "--top", "3", "--json"]));
    let top = found["pictures"][0]["top"].as_array().unwrap();
    assert_eq!((top.len(), &found["pictures"][0]["picture"]), (3, &json!("photo.png")));
    let labels = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/models/imagenet_classes.tsv"));
    let labels = labels.unwrap();
    for (found, &class) in top.iter().zip(&classes) {
        assert_eq!(found["class"], class);
        assert!((found["probability"].as_f64().unwrap() - f64::from(probabilities[class])).abs() < 1e-6);
        let (id, name) = (found["wordnet_id"].as_str().unwrap(), found["name"].as_str().unwrap());
        assert!(labels.lines().any(|line| line == format!("{class}\t{id}\t{name}")), "{class} {id} {name}");
    }
    let table = run(&["classify", "photo.png", "--top", "1", "--plot", "plot.svg"]);
    assert_eq!(table.lines().count(), 2, "{table}");
    assert!(table.contains(top[0]["name"].as_str().unwrap()), "{table}");
    assert!(text(&desk.bytes("plot.svg")).starts_with("<svg"));
}

#[test]
fn maps_are_the_same_numbers_in_both_formats() {
    let desk = Desk::with_photo();
    let all = desk.maps("photo.png", "mixed0");
    assert_eq!(all.shape, [13, 35, 35]);
    let chosen = ["maps", "photo.png", "--layer", "mixed0", "--channels", "7,0..2,12"];
    let written = desk.thin(&[&chosen[..], &["--npy", "a.npy", "--safetensors", "a.safetensors"]].concat());
    assert_eq!(written, "a.npy\na.safetensors\n");
    let npy = desk.npy("a.npy");
    assert_eq!(npy.shape, [4, 35, 35]);
    for (place, channel) in [7, 0, 1, 12].into_iter().enumerate() {
        assert_eq!(npy.part(place), all.part(channel), "channel {channel}");
    }
    let tensors = desk.tensors("a.safetensors");
    assert_eq!(tensors.len(), 1);
    assert_eq!((tensors[0].0.as_str(), &tensors[0].1.shape), ("mixed0", &vec![1, 4, 35, 35]));
    assert_eq!(tensors[0].1.values, npy.values);
    // The layer's other names mean the same.
    assert_eq!(desk.maps("photo.png", "40"), all);
    assert_eq!(desk.maps("photo.png", "Mixed_5b"), all);
}

#[test]
fn the_figure_shows_the_values() {
    let desk = Desk::with_photo();
    let maps = desk.maps("photo.png", "1");
    // One pixel a value.
    let figure = ["--channels", "1", "--colormap", "grey", "--tile-size", "149", "-o", "one.png"];
    desk.thin(&[&["maps", "photo.png", "--layer", "1"][..], &figure].concat());
    let values = maps.part(1);
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let tile = RgbImage::from_fn(149, 149, |x, y| {
        let value = values[y as usize * 149 + x as usize];
        Rgb([((value - low) / (high - low) * 255.0).round() as u8; 3])
    });
    let figure = desk.picture("one.png");
    assert!(figure.width() < 1000 && figure.height() < 1000);
    assert!(is_in(&tile, &figure));
    assert!(!is_in(&image::imageops::flip_horizontal(&tile), &figure), "the search finds anything");
}

/// Correlation of two maps.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean =
        |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let sum = |a: &[f32], b: &[f32], mean_a: f64, mean_b: f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| (f64::from(*a) - mean_a) * (f64::from(*b) - mean_b)).sum()
    };
    sum(a, b, mean_a, mean_b) / (sum(a, a, mean_a, mean_a) * sum(b, b, mean_b, mean_b)).sqrt()
}

#[test]
fn the_order_by_similarity_moves_whole_maps_beside_their_like() {
    let desk = Desk::with_photo();
    let by_index = desk.maps("photo.png", "mixed0");
    let order = ["--sort", "similarity", "--npy", "similar.npy"];
    desk.thin(&[&["maps", "photo.png", "--layer", "mixed0"][..], &order].concat());
    let similar = desk.npy("similar.npy");
    assert_eq!(similar.shape, by_index.shape);
    let place = |map: &[f32]| (0..13).find(|&channel| by_index.part(channel) == map).unwrap();
    let order: Vec<usize> = (0..13).map(|position| place(similar.part(position))).collect();
    let mut sorted = order.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, (0..13).collect::<Vec<_>>(), "{order:?}");
    let neighbours = |maps: &desk::Npy| -> f64 {
        (1..13).map(|position| correlation(maps.part(position - 1), maps.part(position))).sum()
    };
    assert!(neighbours(&similar) > neighbours(&by_index) + 1.0, "{order:?}");
}

#[test]
fn maps_are_sorted_by_what_one_picture_says() {
    let desk = Desk::with_photo();
    let by_index = desk.maps("photo.png", "mixed0");
    let largest = |map: &[f32]| map.iter().fold(0f32, |largest, value| largest.max(*value));
    let mean = |map: &[f32]| map.iter().sum::<f32>() / map.len() as f32;
    for (sort, score) in [("max", &largest as &dyn Fn(&[f32]) -> f32), ("mean", &mean)] {
        let file = format!("{sort}.npy");
        desk.thin(&["maps", "photo.png", "--layer", "mixed0", "--sort", sort, "--npy", &file]);
        let sorted = desk.npy(&file);
        let scores: Vec<f32> = (0..13).map(|position| score(sorted.part(position))).collect();
        assert!(scores.is_sorted_by(|a, b| *a >= b - 1e-6), "{sort}: {scores:?}");
        assert!((0..13).any(|position| sorted.part(position) != by_index.part(position)));
    }
    let arguments = ["maps", "photo.png", "--layer", "mixed0", "--sort", "change", "-o", "change.png"];
    desk.fails(&[&arguments[..], &THIN].concat(), "--sort change needs more than the maps of one picture");
}

#[test]
fn files_that_are_there_stay_unless_overwritten() {
    let desk = Desk::with_photo();
    for (option, name) in [("-o", "maps.png"), ("--npy", "maps.npy"), ("--safetensors", "maps.safetensors")] {
        desk.write(name, "mine");
        let arguments = [&["maps", "photo.png", "--layer", "1", option, name][..], &THIN].concat();
        desk.fails(&arguments, &format!("{name} exists already"));
        assert_eq!(desk.bytes(name), b"mine");
        desk.prints(&[&arguments[..], &["--overwrite"]].concat());
        assert_ne!(desk.bytes(name), b"mine");
    }
    assert_eq!(desk.names(""), ["maps.npy", "maps.png", "maps.safetensors", "photo.png"]);
}

#[test]
fn each_picture_of_a_folder_has_its_own_files() {
    let desk = Desk::new();
    desk.save("holiday/cat.png", photo());
    desk.save("holiday/10.png", other_photo());
    desk.write("holiday/notes.txt", "no picture");
    desk.thin(&["maps", "holiday", "--layer", "1", "--npy", "out/maps.npy", "-o", "out/maps.png"]);
    assert_eq!(desk.names("out"), ["maps-10.npy", "maps-10.png", "maps-cat.npy", "maps-cat.png"]);
    for name in ["cat", "10"] {
        let alone = desk.maps(&format!("holiday/{name}.png"), "1");
        assert_eq!(desk.npy(&format!("out/maps-{name}.npy")), alone, "{name}");
    }
    assert_ne!(desk.npy("out/maps-10.npy"), desk.npy("out/maps-cat.npy"));
}

#[test]
fn pictures_of_folders_below_and_beside_each_other_keep_their_names() {
    let desk = Desk::new();
    desk.save("set/heart/1.png", plain([1; 3]));
    desk.save("set/star/1.png", plain([2; 3]));
    desk.save("set/stray.png", plain([3; 3]));
    desk.prints(&["input", "set", "-o", "seen"]);
    let files = |names: &[&str]| {
        let both =
            names.iter().flat_map(|name| [format!("{name}-input.png"), format!("{name}-original.png")]);
        both.collect::<Vec<_>>()
    };
    assert_eq!(desk.names("seen"), files(&["heart-1", "star-1", "stray"]));
    assert_eq!(desk.picture("seen/star-1-original.png").get_pixel(0, 0).0, [2; 3]);
    let titles = |paths: &[&str]| {
        let told = desk.prints(&[&["classify", "--weights", "embedded", "--json"][..], paths].concat());
        let told = json(&told)["pictures"].as_array().unwrap().clone();
        told.iter().map(|told| told["picture"].as_str().unwrap().to_string()).collect::<Vec<_>>()
    };
    assert_eq!(titles(&["set"]), ["heart/1.png", "star/1.png", "stray.png"]);
    assert_eq!(titles(&["set/star", "set/heart"]), ["star/1.png", "heart/1.png"]);
    assert_eq!(titles(&["set/star/1.png", "set/heart/1.png"]), ["star/1.png", "heart/1.png"]);
    // One that is missing does not keep the others back.
    let output = desk.run(&["input", "gone.png", "set/stray.png", "-o", "rest"]);
    let errors = text(&output.stderr);
    assert_eq!((output.status.code(), desk.names("rest")), (Some(1), files(&["stray"])), "{errors}");
    assert!(
        errors.contains("note: gone.png: there is no such file") && errors.contains("1 of 2 pictures"),
        "{errors}"
    );
}

#[test]
fn a_picture_comes_through_a_pipe() {
    let desk = Desk::with_photo();
    desk.write("page.html", "<!doctype html><title>Sign in</title>");
    let put_in = |name: &str, arguments: &[&str]| {
        let file = std::fs::File::open(desk.path(name)).unwrap();
        let mut cat = std::process::Command::new("cat")
            .stdin(file)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let output = desk.command(arguments).stdin(cat.stdout.take().unwrap()).output().unwrap();
        cat.wait().unwrap();
        (output.status.code(), text(&output.stderr))
    };
    for (source, folder) in [("-", "a"), ("/dev/stdin", "b")] {
        assert_eq!(put_in("photo.png", &["input", source, "-o", folder]).0, Some(0));
        assert_eq!(desk.names(folder), ["stdin-input.png", "stdin-original.png"]);
        assert_eq!(desk.picture(&format!("{folder}/stdin-original.png")), photo());
    }
    let (code, errors) = put_in("page.html", &["input", "-", "-o", "c"]);
    assert_eq!(code, Some(1));
    assert!(
        errors.starts_with("convscope: -: a web page in the picture's place, which is not read: "),
        "{errors}"
    );
}

#[test]
fn a_network_compared_with_itself_does_not_differ() {
    let desk = Desk::with_photo();
    let files = ["-o", "both.png", "--safetensors", "both.safetensors"];
    desk.thin(&[&["maps", "photo.png", "--layer", "3", "--compare", "untrained"][..], &files].concat());
    let tensors = desk.tensors("both.safetensors");
    let names: Vec<_> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["activation", "activation@untrained (2)"]);
    assert!(tensors[0].1.values.iter().any(|value| *value > 0.0));
    assert_eq!(tensors[0].1, tensors[1].1);
    desk.thin(&["maps", "photo.png", "--layer", "3", "-o", "one.png"]);
    assert!(desk.picture("both.png").height() > desk.picture("one.png").height());
}

#[test]
fn two_compared_networks_of_the_same_name() {
    let desk = Desk::with_photo();
    let twice = ["--compare", "untrained", "--compare", "untrained", "--safetensors", "all.safetensors"];
    let output = desk.run(&[&["maps", "photo.png", "--layer", "3"][..], &twice, &THIN].concat());
    let errors = text(&output.stderr);
    assert!(!errors.contains("panicked"), "{errors}");
    match output.status.code() {
        Some(0) => assert_eq!(desk.tensors("all.safetensors").len(), 3),
        code => assert!(code == Some(1) && errors.contains("convscope: "), "{code:?}: {errors}"),
    }
}

#[test]
fn a_sheet_holds_the_first_filters_of_its_layers() {
    let desk = Desk::with_photo();
    // With three channels in each of these layers.
    let network = ["--width-multiplier", "0.1", "--device", "cpu"];
    let sheet = ["sheet", "photo.png", "--layers", "0..3,mixed0", "--filters", "3", "-o", "sheet.svg"];
    desk.prints(&[&sheet[..], &["--safetensors", "sheet.safetensors"], &network].concat());
    let tensors = desk.tensors("sheet.safetensors");
    let names: Vec<_> = tensors.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["batch_normalization", "conv2d", "input_layer", "mixed0"]);
    for (name, tensor) in &tensors {
        let file = format!("{name}.npy");
        let maps = ["maps", "photo.png", "--layer", name, "--channels", "0..3", "--npy", &file];
        desk.prints(&[&maps[..], &network].concat());
        let maps = desk.npy(&file);
        assert_eq!(tensor.shape, [&[1], &maps.shape[..]].concat(), "{name}");
        // Where a convolution is wanted too, its normalisation is not folded into it: the last digit may differ.
        let mut pairs = tensor.values.iter().zip(&maps.values);
        assert!(pairs.all(|(a, b)| (a - b).abs() < 1e-5), "{name}");
    }
    let svg = String::from_utf8(desk.bytes("sheet.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
    let all = ["sheet", "photo.png", "--layers", "0", "--filters", "4", "-o", "four.png"];
    desk.fails(&[&all[..], &network].concat(), "input_layer, has 3 channels");
}

#[test]
fn the_picture_of_a_hypercolumn_is_its_mean() {
    let desk = Desk::with_photo();
    let column = ["hypercolumn", "photo.png", "--layers", "0,1"];
    desk.thin(&[&column[..], &["--npy", "mean.npy", "-o", "mean.png"]].concat());
    let mean = desk.npy("mean.npy");
    assert_eq!(mean.shape, [299, 299]);
    let input = desk.maps("photo.png", "0");
    for [x, y] in [[0, 0], [150, 40], [40, 150], [298, 298]] {
        let at = format!("{x},{y}");
        let found = json(&desk.thin(&[&column[..], &["--at", &at, "--json"]].concat()));
        let document = &found[0];
        assert_eq!((&document["picture"], &document["at"]), (&json!("photo.png"), &json!([x, y])));
        assert_eq!(document["network"], "InceptionV3");
        assert_eq!((&document["weights"], &document["weights_sha256"]), (&json!("untrained"), &json!(null)));
        assert_eq!(document["width_multiplier"], 0.05);
        let layers = document["layers"].as_array().unwrap();
        let names: Vec<_> = layers.iter().map(|layer| layer["name"].as_str().unwrap()).collect();
        assert_eq!(names, ["input_layer", "conv2d"]);
        let parts = layers.iter().flat_map(|layer| layer["values"].as_array().unwrap());
        let vector: Vec<f64> = parts.map(|value| value.as_f64().unwrap()).collect();
        assert_eq!(vector.len(), 3 + 2);
        for (channel, value) in vector[..3].iter().enumerate() {
            assert!((value - f64::from(input.part(channel)[y * 299 + x])).abs() < 1e-5, "{at}");
        }
        let expected = vector.iter().sum::<f64>() / 5.0;
        assert!((f64::from(mean.values[y * 299 + x]) - expected).abs() < 1e-4, "{at}");
    }
    desk.thin(&[&column[..], &["--at", "7,8", "--npy", "vector.npy", "-o", "vector.svg"]].concat());
    assert_eq!(desk.npy("vector.npy").shape, [5]);
    assert!(text(&desk.bytes("vector.svg")).starts_with("<svg"));
    let outside = [&column[..], &["--at", "299,0"], &THIN].concat();
    desk.fails(&outside, "outside the network's input, which has 299×299 pixels");
}

#[test]
fn the_vector_as_json_is_json_beside_a_file_too() {
    let desk = Desk::with_photo();
    let column = ["hypercolumn", "photo.png", "--layers", "0", "--at", "1,2", "--json"];
    let printed = desk.thin(&[&column[..], &["--npy", "vector.npy"]].concat());
    assert_eq!(desk.npy("vector.npy").shape, [3]);
    let found: Result<serde_json::Value, _> = serde_json::from_str(&printed);
    assert!(found.is_ok_and(|found| found[0]["at"] == json!([1, 2])), "{printed}");
}

#[test]
fn vectors_of_the_good_pictures_are_printed() {
    let desk = Desk::new();
    desk.save("holiday/1.png", photo());
    desk.write("holiday/2.png", "not a picture");
    let column = ["hypercolumn", "holiday", "--layers", "0", "--at", "1,2", "--json"];
    let output = desk.run(&[&column[..], &THIN].concat());
    assert_eq!(output.status.code(), Some(1));
    let printed = text(&output.stdout);
    let found: Result<serde_json::Value, _> = serde_json::from_str(&printed);
    assert!(found.is_ok_and(|found| found[0]["picture"] == "1.png"), "{printed:?}");
}

#[test]
fn a_cell_is_the_value_that_the_map_has_there() {
    let desk = Desk::with_photo();
    let maps = desk.maps("photo.png", "mixed0");
    let typed = ["cell", "photo.png", "--layer", "mixed0", "--channel", "5", "--cell", "7,9"];
    let told = json(&desk.thin(&[&typed[..], &["--json", "-o", "cell.png"]].concat()));
    let told = &told[0];
    let value = told["value"].as_f64().unwrap();
    assert!((value - f64::from(maps.part(5)[7 * 35 + 9])).abs() < 1e-4, "{told}");
    let parts = told["parts"].as_array().unwrap().iter().map(|part| part["sum"].as_f64().unwrap());
    let sum = parts.sum::<f64>() + told["others"].as_f64().unwrap() + told["bias"].as_f64().unwrap_or(0.0);
    assert!((sum - told["sum"].as_f64().unwrap()).abs() < 1e-9, "{told}");
    assert!(desk.picture("cell.png").width() > 300);
    let lines = desk.thin(&typed);
    assert!(lines.contains("the same to the last digit shown"), "{lines}");
    let outside = ["cell", "photo.png", "--layer", "conv2d", "--cell", "149,0"];
    desk.fails(&[&outside[..], &THIN].concat(), "has 149×149 cells");
    let pooling = ["cell", "photo.png", "--layer", "max_pooling2d"];
    desk.fails(&[&pooling[..], &THIN].concat(), "only those multiply and add");
}

#[test]
fn kernels_are_the_weights_that_make_the_maps() {
    let desk = Desk::with_photo();
    desk.thin(&["kernels", "--layer", "conv2d", "--npy", "kernels.npy", "-o", "kernels.png"]);
    let kernels = desk.npy("kernels.npy");
    assert_eq!(kernels.shape, [2, 3, 3, 3]);
    let (input, maps) = (desk.maps("photo.png", "0"), desk.maps("photo.png", "conv2d"));
    assert_eq!(maps.shape, [2, 149, 149]);
    for filter in 0..2 {
        for (cell, value) in maps.part(filter).iter().enumerate() {
            let (top, left) = (cell / 149 * 2, cell % 149 * 2);
            let weights = kernels.part(filter).iter().enumerate();
            let products = weights.map(|(index, weight)| {
                let (channel, y, x) = (index / 9, index / 3 % 3, index % 3);
                weight * input.part(channel)[(top + y) * 299 + left + x]
            });
            assert!((products.sum::<f32>() - value).abs() < 1e-4, "filter {filter}, cell {cell}");
        }
    }
    assert!(desk.picture("kernels.png").width() > 100);
    // Deeper ones are slices; the ReLU behind a convolution names it too.
    desk.thin(&["kernels", "--layer", "activation_1", "--npy", "second.npy", "-o", "second.svg"]);
    assert_eq!(desk.npy("second.npy").shape, [2, 2, 3, 3]);
    let pooling = ["kernels", "--layer", "max_pooling2d", "-o", "none.png"];
    desk.fails(&[&pooling[..], &THIN].concat(), "has no kernels: name a convolution such as conv2d");
}

#[test]
fn a_diagnosis_counts_over_all_pictures() {
    let desk = Desk::new();
    let pictures = ["holiday/1.png", "holiday/2.png", "holiday/3.png"];
    for (name, picture) in pictures.iter().zip([photo(), other_photo(), plain([200, 30, 90])]) {
        desk.save(name, picture);
    }
    let layers = ["--layers", "activation,mixed0", "--html", "report.html"];
    let found = json(&desk.thin(&[&["diagnose", "holiday", "--json"][..], &layers].concat()));
    assert_eq!(found["weights"], "untrained");
    let found = &found["diagnosis"];
    assert_eq!((&found["pictures"], &found["trained"]), (&json!(3), &json!(false)));
    let names: Vec<_> =
        found["layers"].as_array().unwrap().iter().map(|layer| layer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["activation", "mixed0"]);

    // Counted again from the maps themselves.
    let maps = pictures.map(|picture| desk.maps(picture, "mixed0"));
    let layer = &found["layers"][1];
    assert_eq!((&layer["shape"], &layer["index"]), (&json!([13, 35, 35]), &json!(40)));
    let dead = |channel: usize| maps.iter().all(|map| map.part(channel).iter().all(|value| *value <= 0.0));
    let silent = |channel: usize| maps[2].part(channel).iter().all(|value| *value <= 0.0);
    let listed = |is: &dyn Fn(usize) -> bool| (0..13).filter(|&channel| is(channel)).collect::<Vec<_>>();
    assert_eq!((&layer["dead"], &layer["silent"]), (&json!(listed(&dead)), &json!(listed(&silent))));
    for channel in 0..13 {
        let zeros = maps.iter().flat_map(|map| map.part(channel)).filter(|value| **value <= 0.0).count();
        let expected = zeros as f64 / (3 * 35 * 35) as f64;
        assert!((layer["zeros"][channel].as_f64().unwrap() - expected).abs() < 1e-5, "channel {channel}");
    }

    let html = String::from_utf8(desk.bytes("report.html")).unwrap();
    for layer in found["layers"].as_array().unwrap() {
        assert!(html.contains(layer["sentence"].as_str().unwrap()), "{layer}");
    }
    assert!(!html.contains("http://") && !html.contains("https://") && !html.contains("<script"));
    let sources: Vec<_> = html.split("src=\"").skip(1).collect();
    assert!(!sources.is_empty() && sources.iter().all(|source| source.starts_with("data:image/png;base64,")));
}

/// More pictures than are worked on at the same time, and another number than a multiple of it.
#[test]
fn pictures_of_a_folder_are_told_in_order_and_as_alone() {
    let desk = Desk::new();
    let names: Vec<_> = (0..11).map(|number| format!("{number:02}.png")).collect();
    for (number, name) in names.iter().enumerate() {
        desk.save(&format!("holiday/{name}"), plain([20 * number as u8, 90, 200]));
    }
    let together = json(&desk.prints(&["classify", "holiday", "--weights", "embedded", "--json"]));
    let together = together["pictures"].as_array().unwrap();
    assert_eq!(together.iter().map(|told| told["picture"].as_str().unwrap()).collect::<Vec<_>>(), names);
    for number in [0, 4, 10] {
        let path = format!("holiday/{}", names[number]);
        let alone = json(&desk.prints(&["classify", &path, "--weights", "embedded", "--json"]));
        assert_eq!(alone["pictures"][0]["top"], together[number]["top"], "{path}");
    }
}

/// Also those that wait for others to be worked on together. A program in ffmpeg's place ends in the middle.
#[cfg(unix)]
#[test]
fn frames_before_a_videos_end_by_an_error_are_told() {
    use std::os::unix::fs::PermissionsExt;
    let desk = Desk::new();
    desk.write("film.mkv", b"\x1a\x45\xdf\xa3\x93\x42\x82\x88matroska");
    for count in [1, 2, 5] {
        let head = "P7\\nWIDTH 2\\nHEIGHT 2\\nDEPTH 3\\nMAXVAL 255\\nTUPLTYPE RGB\\nENDHDR\\n";
        let frames = format!("printf '{head}abcdefghijkl'\n").repeat(count);
        desk.write(
            "tools/ffmpeg",
            format!("#!/bin/sh\n{frames}printf 'P7\\nWIDTH no number\\nHEIGHT 2\\nENDHDR\\n'\n"),
        );
        std::fs::set_permissions(desk.path("tools/ffmpeg"), PermissionsExt::from_mode(0o755)).unwrap();
        let mut command = desk.command(&["classify", "film.mkv", "--weights", "embedded", "--json"]);
        let path = format!("{}:{}", desk.path("tools").display(), std::env::var("PATH").unwrap());
        let output = command.env("PATH", path).output().unwrap();
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.ends_with("bring ffmpeg up to date\n"), "{errors}");
        let told = json(&text(&output.stdout));
        let numbers: Vec<_> =
            told["pictures"].as_array().unwrap().iter().map(|told| told["frame"].as_u64()).collect();
        assert_eq!(numbers, (0..count as u64).map(Some).collect::<Vec<_>>(), "{errors}");
    }
}

#[test]
fn a_diagnosis_goes_on_behind_a_broken_picture() {
    let desk = Desk::new();
    desk.save("holiday/1.png", photo());
    desk.write("holiday/2.png", "not a picture");
    desk.save("holiday/3.png", other_photo());
    let output = desk.run(&[&["diagnose", "holiday", "--layers", "3,6"][..], &THIN].concat());
    let (report, errors) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(report.starts_with("InceptionV3 on 2 pictures, 2 layers looked at\n"), "{report}");
    for name in ["activation ", "activation_1 "] {
        assert_eq!(report.lines().filter(|line| line.contains(name)).count(), 1, "{report}");
    }
    assert!(errors.lines().any(|line| line.starts_with("note: ") && line.contains("2.png")), "{errors}");
    assert!(errors.ends_with("convscope: 1 of 3 pictures could not be read\n"), "{errors}");
}

#[test]
fn keys_are_written_changed_and_read_from_the_settings_folder() {
    let desk = Desk::new();
    let table = desk.prints(&["keys"]);
    assert!(table.contains("\n# next layer\nnext-layer = [\"o\"]\n"), "{table}");
    desk.write("keys.toml", &table);
    assert_eq!(desk.prints(&["keys", "--keys", "keys.toml"]), table);
    desk.write("settings/keys.toml", "next-layer = [\"n\", \"ctrl n\"]\nnext-range = []\n");
    let changed = desk.prints(&["keys"]);
    assert!(changed.contains("next-layer = [\"n\", \"ctrl n\"]\n") && changed.contains("next-range = []\n"));
    assert_eq!(changed.lines().count(), table.lines().count());
}

#[test]
fn percentiles_choose_the_range_of_a_figure_and_of_a_hypercolumn() {
    let desk = Desk::with_photo();
    desk.thin(&["maps", "photo.png", "--layer", "conv2d_4", "-o", "map.png"]);
    desk.thin(&["maps", "photo.png", "--layer", "conv2d_4", "--normalize", "percentile", "-o", "most.svg"]);
    let figure = String::from_utf8(desk.bytes("most.svg")).unwrap();
    assert!(
        figure.contains("from 1 to 99 % of its values") && figure.contains("above the range: in"),
        "{figure}"
    );
    for (name, words) in [("percentile", "from 1 to 99 %"), ("map", "each map its own range")] {
        let file = format!("{name}.svg");
        desk.thin(&["hypercolumn", "photo.png", "--layers", "1,4,7", "--normalize", name, "-o", &file]);
        assert!(String::from_utf8(desk.bytes(&file)).unwrap().contains(words));
    }
    desk.thin(&["hypercolumn", "photo.png", "--layers", "1,4,7", "-o", "usual.svg"]);
    assert_eq!(desk.bytes("usual.svg"), desk.bytes("percentile.svg"));
}
