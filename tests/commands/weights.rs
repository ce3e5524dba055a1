//! Weight files by the commands: what is in one, known ones, those that are fetched.

use std::process::Output;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::common::fixture;
use super::desk::{Desk, json as parsed, text};

/// A desk with a lab's own list of one weight file (10 classes), a folder that has it, and an empty cache.
fn lab() -> Desk {
    let desk = Desk::with_photo();
    let content = fixture("layouts/safetensors");
    desk.write("mirror/lab.safetensors", &content);
    let sha256: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
    desk.write(
        "lab.toml",
        format!(
            r#"[[file]]
name = "lab"
about = "a thin network of ten classes"
file = "lab.safetensors"
url = "https://lab.invalid/lab.safetensors"
size = {}
checksum = {{ sha256 = "{sha256}" }}
layout = "safetensors"
average_pooling = "include"
reproduces = "the lab"
input = "0..1"
labels = "imagenet-1k"
licence = "MIT"
sources = []
"#,
            content.len()
        ),
    );
    desk
}

fn run(desk: &Desk, arguments: &[&str]) -> Output {
    desk.command(arguments).env("CONVSCOPE_MANIFEST", desk.path("lab.toml")).output().unwrap()
}

fn prints(desk: &Desk, arguments: &[&str]) -> String {
    let output = run(desk, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

fn complains(desk: &Desk, arguments: &[&str]) -> String {
    let output = run(desk, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}");
    text(&output.stderr)
}

#[test]
fn the_known_files_are_listed_with_their_facts() {
    let desk = Desk::new();
    let listed = parsed(&desk.prints(&["weights", "list", "--json"]));
    let keras = &listed[0];
    assert_eq!(
        (&keras["name"], &keras["fetched"], &keras["avg_pool"]),
        (&json!("keras"), &json!(false), &json!("exclude"))
    );
    assert!(keras["path"].as_str().unwrap().starts_with(desk.path("cache").to_str().unwrap()));
    let table = desk.prints(&["weights", "list"]);
    for name in ["keras", "torchvision", "timm-tf_in1k", "timm-tv_in1k"] {
        assert!(table.contains(&format!("not here: convscope weights fetch {name}\n")), "{name}");
    }
}

#[test]
fn a_fetched_file_is_what_runs_until_something_else_is_said() {
    let desk = lab();
    assert!(
        complains(&desk, &["classify", "photo.png", "--weights", "imagenet"])
            .contains("convscope weights fetch")
    );
    let before = parsed(&prints(&desk, &["classify", "photo.png", "--json", "--device", "cpu"]));
    assert_eq!(before["weights"], "embedded");
    let printed = prints(&desk, &["weights", "fetch", "--mirror", "mirror"]);
    let path = desk.path("cache/weights/lab.safetensors");
    assert_eq!(printed.trim(), path.to_str().unwrap());
    assert_eq!(std::fs::read(&path).unwrap(), fixture("layouts/safetensors"));
    // It is not fetched twice: the mirror could not give it any more.
    std::fs::remove_file(desk.path("mirror/lab.safetensors")).unwrap();
    prints(&desk, &["weights", "fetch", "lab", "--mirror", "mirror"]);
    assert!(prints(&desk, &["weights", "list"]).contains("here: "));

    for weights in [&[][..], &["--weights", "imagenet"], &["--weights", "lab"]] {
        let arguments =
            [&["classify", "photo.png", "--json", "--top", "10", "--device", "cpu"][..], weights].concat();
        let found = parsed(&prints(&desk, &arguments));
        assert_eq!(found["weights"], path.to_str().unwrap(), "{weights:?}");
        // What the file itself does not say is known of it.
        assert_eq!((&found["avg_pool"], &found["input_scale"]), (&json!("include"), &json!("0..1")));
        assert_eq!(found["pictures"][0]["top"].as_array().unwrap().len(), 10);
    }
    let said = ["--input-scale", "-1..1", "--avg-pool", "exclude", "--device", "cpu"];
    let found = parsed(&prints(&desk, &[&["classify", "photo.png", "--json"][..], &said].concat()));
    assert_eq!((&found["avg_pool"], &found["input_scale"]), (&json!("exclude"), &json!("-1..1")));
}

#[test]
fn a_file_is_one_of_the_known_ones_or_it_is_not() {
    let desk = lab();
    desk.write("other.bin", fixture("layouts/safetensors"));
    assert!(
        prints(&desk, &["weights", "verify", "other.bin"])
            .contains("other.bin: lab (its SHA-256 is the published one)")
    );
    let mut content = fixture("layouts/safetensors");
    *content.last_mut().unwrap() ^= 1;
    desk.write("lab.safetensors", &content);
    assert!(complains(&desk, &["weights", "verify", "lab.safetensors"]).contains("SHA-256"));
    desk.write("other.bin", &content);
    assert!(complains(&desk, &["weights", "verify", "other.bin"]).contains("none of the known"));
    // A mirror with the wrong content leaves nothing.
    desk.write("mirror/lab.safetensors", &content);
    let message = complains(&desk, &["weights", "fetch", "--mirror", "mirror"]);
    assert!(message.contains("SHA-256"), "{message}");
    assert!(!desk.path("cache/weights/lab.safetensors").exists());
    assert!(complains(&desk, &["weights", "fetch", "lap"]).contains("did you mean `lab`?"));
}

#[test]
fn a_known_file_that_was_not_fetched_is_called_so() {
    let desk = lab();
    for (name, command) in
        [("lab", "`convscope weights fetch lab` gets"), ("imagenet", "`convscope weights fetch` gets")]
    {
        for arguments in [&["weights", "info", name][..], &["classify", "photo.png", "--weights", name]] {
            let message = complains(&desk, arguments);
            assert!(
                message.contains("known, but not on this machine yet") && message.contains(command),
                "{message}"
            );
        }
    }
    prints(&desk, &["weights", "fetch", "lab", "--mirror", "mirror"]);
    assert!(prints(&desk, &["weights", "info", "lab"]).contains("known as       lab"));
    assert!(complains(&desk, &["weights", "info", "untrained"]).contains("no weight file"));
}

#[test]
fn what_is_in_a_file_is_told() {
    let desk = lab();
    desk.write("a", fixture("layouts/dense_legacy"));
    let info = parsed(&prints(&desk, &["weights", "info", "a", "--json"]));
    assert_eq!(
        (&info["layout"], &info["classes"], &info["hidden_layers"]),
        (&json!("Keras model (.h5)"), &json!(7), &json!([12]))
    );
    assert_eq!((&info["avg_pool"], &info["known_as"]), (&json!("exclude"), &json!(null)));
    let words = prints(&desk, &["weights", "info", "mirror/lab.safetensors"]);
    for part in ["known as       lab", "classes        10", "input-scale    0..1 (known of this very file"] {
        assert!(words.contains(part), "{part}: {words}");
    }
    let embedded = parsed(&prints(&desk, &["weights", "info", "embedded", "--json"]));
    assert_eq!((&embedded["width_multiplier"], &embedded["classes"]), (&json!(0.25), &json!(27)));
    assert!(
        complains(&desk, &["weights", "info", "photo.png"]).contains("a picture: give it as the picture")
    );
}

#[test]
fn classes_have_the_names_of_a_list() {
    let desk = lab();
    desk.write("names.txt", "zero\none\ntwo\nthree\nfour\nfive\nsix\nseven\neight\nnine\n");
    let arguments =
        ["classify", "photo.png", "--weights", "mirror/lab.safetensors", "--top", "10", "--device", "cpu"];
    let table = prints(&desk, &[&arguments[..], &["--labels", "names.txt"]].concat());
    assert!(table.contains("seven") && table.contains("zero"), "{table}");
    desk.write("few.txt", "one\ntwo\n");
    let message = complains(&desk, &[&arguments[..], &["--labels", "few.txt"]].concat());
    assert!(message.contains("2 class names, but the network has 10"), "{message}");
    // In any order, with the number where two classes have one name; more than there are is no mistake.
    let twins = ["owl", "owl", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    let lines: Vec<_> = twins.iter().enumerate().map(|(class, name)| format!("{class}\t{name}\n")).collect();
    desk.write("twins.tsv", lines.iter().rev().map(String::as_str).collect::<String>());
    let more = ["--labels", "twins.tsv", "--top", "5000", "--tensorboard", "runs"];
    let table = prints(&desk, &[&arguments[..4], &more, &arguments[6..]].concat());
    assert!(table.contains("owl (0)") && table.contains("owl (1)") && table.lines().count() == 11, "{table}");
    desk.write("again.tsv", lines.concat().replace("7\t", "6\t"));
    let message = complains(&desk, &[&arguments[..], &["--labels", "again.tsv"]].concat());
    assert!(message.contains("again.tsv gives index 6 twice, in line 7 and again in line 8"), "{message}");
    desk.write("headless", fixture("layouts/headless_weights"));
    // It ends in means of maps.
    let message = complains(&desk, &["classify", "photo.png", "--weights", "headless", "--device", "cpu"]);
    assert!(message.contains("gives maps (avg_pool) and no classes"), "{message}");
    let message = complains(&desk, &["cam", "photo.png", "--weights", "headless", "-o", "cam.png"]);
    assert!(message.contains("no class"), "{message}");
    prints(
        &desk,
        &[
            "maps",
            "photo.png",
            "--weights",
            "headless",
            "--layer",
            "mixed10",
            "-o",
            "m.png",
            "--device",
            "cpu",
        ],
    );
}

/// The mean of a class activation map and the class's bias make its logit, and the softmax of all logits the
/// probabilities.
#[test]
fn class_activation_maps_are_exact() {
    let desk = lab();
    let cam = |class: usize| {
        let class = class.to_string();
        let network = ["--weights", "mirror/lab.safetensors", "--device", "cpu"];
        let found =
            prints(&desk, &[&["cam", "photo.png", "--json", "--class", &class][..], &network].concat());
        parsed(&found)["pictures"][0].clone()
    };
    let all: Vec<_> = (0..10).map(cam).collect();
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    let sum: f64 = all.iter().map(|found| number(&found["logit"]).exp()).sum();
    for found in &all {
        let cells: Vec<f64> = found["activation"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|row| row.as_array().unwrap().iter().map(number))
            .collect();
        assert_eq!(cells.len(), 64);
        let logit = cells.iter().sum::<f64>() / 64.0 + number(&found["bias"]);
        assert!((logit - number(&found["logit"])).abs() < 1e-4, "{logit}");
        let probability = number(&found["logit"]).exp() / sum;
        assert!((probability - number(&found["probability"])).abs() < 1e-4, "{probability}");
    }
    assert!(
        complains(
            &desk,
            &["cam", "photo.png", "--weights", "mirror/lab.safetensors", "--class", "10", "--json"]
        )
        .contains("from 0 to 9")
    );
}
