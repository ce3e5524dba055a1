//! The way back from units, and class activation maps at any layer, by the embedded network.

use serde_json::{Value, json};

use crate::desk::{Desk, Npy, json, other_photo, text};

const EMBEDDED: [&str; 4] = ["--weights", "embedded", "--device", "cpu"];

fn prints(desk: &Desk, arguments: &[&str]) -> String {
    desk.prints(&[arguments, &EMBEDDED].concat())
}

/// The only picture of a document.
fn told(desk: &Desk, arguments: &[&str]) -> Value {
    json(&prints(desk, &[arguments, &["--json"]].concat()))["pictures"][0].clone()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The values of a rule in a file.
fn tensor(desk: &Desk, file: &str, rule: &str) -> Npy {
    desk.tensors(file).into_iter().find(|(name, _)| name == rule).unwrap().1
}

/// Row and column of the largest value.
fn strongest(map: &[f32], width: usize) -> [usize; 2] {
    let first = |best: usize, at: usize| if map[at] > map[best] { at } else { best };
    let at = (0..map.len()).fold(0, first);
    [at / width, at % width]
}

#[test]
fn the_gradient_of_a_convolution_is_its_kernel() {
    let desk = Desk::with_photo();
    let run = |arguments: &[&str]| prints(&desk, arguments);
    run(&["kernels", "--layer", "conv2d", "--npy", "kernel.npy"]);
    run(&["maps", "photo.png", "--layer", "conv2d", "--npy", "maps.npy"]);
    let (kernel, maps) = (desk.npy("kernel.npy"), desk.npy("maps.npy"));
    let [_, rows, columns] = maps.shape[..] else { panic!("{:?}", maps.shape) };
    let saliency = ["saliency", "photo.png", "--rule", "gradient,gradient-x-input", "--from", "conv2d:2"];
    let found = told(&desk, &[&saliency[..], &["--safetensors", "back.safetensors"]].concat());

    let [row, column] = strongest(maps.part(2), columns);
    assert!(row < rows);
    let unit = &found["origin"]["units"][0];
    assert_eq!((&unit["place"], &unit["cell"]), (&json!("strongest"), &json!([row, column])));
    let words = format!("conv2d channel 2, its strongest cell (row {row}, column {column})");
    assert_eq!(found["origin"]["words"], json!(words));
    assert_eq!(found["origin"]["typed"], json!("conv2d:2"));
    let value = maps.part(2)[row * columns + column];
    assert!((number(&found["value"]) - f64::from(value)).abs() < 1e-4);

    // Under the cell lies the kernel, and nothing anywhere else.
    let gradient = tensor(&desk, "back.safetensors", "gradient");
    let [1, 3, height, width] = gradient.shape[..] else { panic!("{:?}", gradient.shape) };
    let weight = |channel: usize, y: usize, x: usize| kernel.part(2)[(channel * 3 + y) * 3 + x];
    for (at, value) in gradient.values.iter().enumerate() {
        let (channel, y, x) = (at / (height * width), at / width % height, at % width);
        let under = (2 * row..2 * row + 3).contains(&y) && (2 * column..2 * column + 3).contains(&x);
        let expected = if under { weight(channel, y - 2 * row, x - 2 * column) } else { 0.0 };
        assert!((value - expected).abs() < 1e-5, "{channel} {y} {x}: {value} {expected}");
    }
    // It is linear, so times the input it adds up to the value.
    let rules = found["rules"].as_array().unwrap();
    let names: Vec<_> = rules.iter().map(|rule| rule["rule"].as_str().unwrap()).collect();
    assert_eq!(names, ["gradient", "gradient-x-input"]);
    assert!((number(&rules[1]["sum"]) - f64::from(value)).abs() < 1e-3);
    assert!(rules.iter().all(|rule| rule["silent"] == json!(false) && rule["passes"] == json!(1)));
}

#[test]
fn rules_without_a_rectifier_and_silent_units_are_told() {
    let desk = Desk::with_photo();
    let guided = ["saliency", "photo.png", "--rule", "gradient,guided", "--from", "conv2d:0@3,4", "--json"];
    let output = desk.run(&[&guided[..], &EMBEDDED].concat());
    let said = text(&output.stderr);
    assert!(
        said.contains("note: there is no ReLU on the way, so guided backpropagation is the gradient"),
        "{said}"
    );
    let found = json(&text(&output.stdout));
    let rules = found["pictures"][0]["rules"].as_array().unwrap();
    assert_eq!((&rules[0]["equals_gradient"], &rules[1]["equals_gradient"]), (&json!(false), &json!(true)));
    assert_eq!(rules[0]["sum"], rules[1]["sum"]);

    // A cell that is zero behind its ReLU.
    prints(&desk, &["maps", "photo.png", "--layer", "activation_2", "--npy", "maps.npy"]);
    let maps = desk.npy("maps.npy");
    let zero = maps.values.iter().position(|value| *value == 0.0).unwrap();
    let (cells, width) = (maps.shape[1] * maps.shape[2], maps.shape[2]);
    let unit = format!("activation_2:{}@{},{}", zero / cells, zero % cells / width, zero % width);
    let found =
        told(&desk, &["saliency", "photo.png", "--rule", "gradient", "--from", &unit, "-o", "silent.svg"]);
    assert_eq!((number(&found["value"]), &found["rules"][0]["silent"]), (0.0, &json!(true)));
    assert_eq!(number(&found["rules"][0]["largest"]), 0.0);
    assert!(text(&desk.bytes("silent.svg")).contains("silent: nothing to trace"));
}

#[test]
fn integrated_gradients_add_up_and_noise_has_a_seed() {
    let desk = Desk::with_photo();
    let integrated = ["saliency", "photo.png", "--rule", "integrated", "--from", "class:top"];
    let found = told(&desk, &[&integrated[..], &["--passes", "32"]].concat());
    let rule = &found["rules"][0];
    let completeness = &rule["completeness"];
    let change = number(&found["value"]) - number(&completeness["black"]);
    assert!((number(&rule["sum"]) - change - number(&completeness["gap"])).abs() < 1e-3);
    assert!(number(&completeness["relative_gap"]).abs() < 0.05, "{completeness}");
    assert_eq!(rule["passes"], json!(32));

    let noisy = |seed: &str, file: &str| {
        let noise = ["saliency", "photo.png", "--rule", "smoothgrad", "--passes", "2", "--from", "mixed1:3"];
        prints(&desk, &[&noise[..], &["--seed", seed, "--safetensors", file]].concat());
        tensor(&desk, file, "smoothgrad").values
    };
    let [first, again, other] = [("1", "a.safetensors"), ("1", "b.safetensors"), ("2", "c.safetensors")]
        .map(|(seed, file)| noisy(seed, file));
    assert!(first == again && first != other);
}

#[test]
fn a_sheet_has_a_column_for_each_rule_and_a_row_for_each_picture() {
    let desk = Desk::with_photo();
    desk.save("other.png", other_photo());
    let saliency = ["saliency", "photo.png", "other.png", "--rule", "gradient,guided", "--from", "mixed2:5"];
    for view in ["signed", "magnitude", "blurred", "masked"] {
        let name = format!("{view}.svg");
        let written =
            prints(&desk, &[&saliency[..], &["--view", view, "--tile-size", "96", "-o", &name]].concat());
        assert_eq!(written, format!("{name}\n"));
        let sheet = text(&desk.bytes(&name));
        for part in
            ["photo.png", "other.png", "guided backpropagation", "arXiv:1412.6806", "mixed2 channel 5"]
        {
            assert!(sheet.contains(part), "{view}: {part}");
        }
    }
    // Nothing is replaced unless it is said.
    desk.fails(&[&saliency[..], &["-o", "signed.svg"], &EMBEDDED].concat(), "signed.svg");
    let numbers = ["--to", "mixed0", "--safetensors", "back.safetensors"];
    let written = prints(&desk, &[&saliency[..], &numbers].concat());
    assert_eq!(written, "back-photo.safetensors\nback-other.safetensors\n");
    let names: Vec<_> =
        desk.tensors("back-other.safetensors").into_iter().map(|(name, npy)| (name, npy.shape)).collect();
    let [(first, shape), (second, _)] = &names[..] else { panic!("{names:?}") };
    assert_eq!((first.as_str(), second.as_str(), &shape[2..]), ("gradient", "guided", &[35, 35][..]));
}

#[test]
fn mistakes_of_origins_get_one_sentence() {
    let desk = Desk::with_photo();
    let before = desk.names("");
    let cases: &[(&[&str], &str)] = &[
        (&["--from", "mixd5:3"], "did you mean `mixed5`?"),
        (&["--from", "mixed5"], "LAYER:CHANNEL"),
        (&["--from", "mixed5:99999"], "mixed5 has no channel 99999"),
        (&["--from", "class:a hart"], "did you mean `a heart`?"),
        (&["--from", "mixed5:3", "--to", "mixed7"], "mixed7 has no part in mixed5"),
        (&["--rule", "integrated", "--to", "mixed7"], "leave out --to"),
    ];
    for (arguments, message) in cases {
        desk.fails(&[&["saliency", "photo.png", "-o", "x.png"], *arguments, &EMBEDDED].concat(), message);
    }
    desk.fails(&[&["saliency", "photo.png"], &EMBEDDED[..]].concat(), "say what you want");
    let untrained = ["saliency", "photo.png", "-o", "x.png", "--width-multiplier", "0.05", "--device", "cpu"];
    desk.fails(&untrained, "the network is untrained");
    let exact = ["cam", "photo.png", "-o", "x.png", "--method", "exact", "--layer", "mixed3"];
    desk.fails(&[&exact[..], &EMBEDDED].concat(), "only the map of mixed10 is exact");
    desk.fails(
        &[&["cam", "photo.png", "-o", "x.png", "--layer", "avg_pool"], &EMBEDDED[..]].concat(),
        "no maps",
    );
    assert_eq!(desk.names(""), before);
}

/// Behind the last maps there is nothing but their mean and one layer: so their gradient is that layer's weights, and
/// Grad-CAM what is positive of the exact map, in parts of its cells.
#[test]
fn at_the_last_maps_grad_cam_is_the_exact_map() {
    let desk = Desk::with_photo();
    let exact = told(&desk, &["cam", "photo.png", "--class", "a heart"]);
    let gradients = told(&desk, &["cam", "photo.png", "--class", "a heart", "--method", "gradcam"]);
    assert_eq!((&exact["method"], &gradients["method"]), (&json!("exact"), &json!("gradcam")));
    assert_eq!((&gradients["layer"]["name"], &gradients["bias"]), (&json!("mixed10"), &Value::Null));
    assert!((number(&exact["logit"]) - number(&gradients["logit"])).abs() < 1e-3);
    let cells = |found: &Value| -> Vec<f64> {
        found["activation"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap())
            .map(number)
            .collect()
    };
    let (exact, gradients) = (cells(&exact), cells(&gradients));
    let largest = exact.iter().copied().fold(0.0, f64::max);
    for (exact, gradient) in exact.iter().zip(&gradients) {
        let expected = exact.max(0.0);
        assert!(
            (gradient * gradients.len() as f64 - expected).abs() < 1e-4 * largest,
            "{gradient} {expected}"
        );
    }
    // Elsewhere it is told that it is not exact.
    let output =
        desk.run(&[&["cam", "photo.png", "--layer", "mixed3", "-o", "x.png"], &EMBEDDED[..]].concat());
    let said = text(&output.stderr);
    assert!(said.contains("note: a map of mixed3 is not exact: this is Grad-CAM\n"), "{said}");
    assert_eq!(desk.names(""), ["photo.png", "x.png"]);
}

#[test]
fn channels_are_sorted_by_what_they_add_to_the_class() {
    let desk = Desk::with_photo();
    for layer in ["mixed10", "mixed4"] {
        let back = ["saliency", "photo.png", "--to", layer, "--rule", "gradient-x-input", "--overwrite"];
        prints(&desk, &[&back[..], &["--safetensors", "back.safetensors"]].concat());
        let products = tensor(&desk, "back.safetensors", "gradient-x-input");
        let cells: usize = products.shape[2..].iter().product();
        let sums: Vec<f32> = products.values.chunks(cells).map(|channel| channel.iter().sum()).collect();
        let maps = ["maps", "photo.png", "--layer", layer, "--overwrite"];
        prints(&desk, &[&maps[..], &["--npy", "plain.npy"]].concat());
        prints(&desk, &[&maps[..], &["--sort", "class", "--npy", "sorted.npy", "-o", "sorted.svg"]].concat());
        let (plain, sorted) = (desk.npy("plain.npy"), desk.npy("sorted.npy"));
        let best = (0..sums.len()).max_by(|a, b| sums[*a].total_cmp(&sums[*b])).unwrap();
        assert_eq!(sorted.part(0), plain.part(best), "{layer}");
        let is_first_order = text(&desk.bytes("sorted.svg")).contains("in the first order");
        assert_eq!(is_first_order, layer == "mixed4");
    }
    let last = ["maps", "photo.png", "--layer", "predictions", "--sort", "class", "-o", "x.png"];
    desk.fails(&[&last[..], &EMBEDDED].concat(), "does not lead to the classes' scores");
}

#[test]
fn the_tutorial_traces_its_first_class_where_it_is_asked() {
    let desk = Desk::with_photo();
    prints(&desk, &["tutorial", "photo.png", "-o", "all", "--saliency", "gradient"]);
    assert!(desk.names("all").contains(&"saliency.png".to_string()));
    let values = tensor(&desk, "all/tutorial.safetensors", "saliency_gradient");
    assert_eq!(values.shape[..2], [1, 3]);
}
