//! `convscope follow`: a training that writes its checkpoints while it is followed.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::common::fixture;
use crate::desk::{Desk, text};

/// The same network with every value of its parameters halved: another checkpoint of the training.
fn halved(bytes: &[u8]) -> Vec<u8> {
    let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
    let tensors: Vec<(String, Vec<usize>, Vec<f32>)> = file
        .tensors()
        .into_iter()
        .filter(|(_, tensor)| tensor.dtype() == safetensors::Dtype::F32)
        .map(|(name, tensor)| {
            let values: Vec<f32> = bytemuck::pod_collect_to_vec(tensor.data());
            (name, tensor.shape().to_vec(), values.into_iter().map(|value| value / 2.0).collect())
        })
        .collect();
    let views: Vec<_> = tensors
        .iter()
        .map(|(name, shape, values)| {
            let data: &[u8] = bytemuck::cast_slice(values);
            let view = safetensors::tensor::TensorView::new(safetensors::Dtype::F32, shape.clone(), data);
            (name.clone(), view.unwrap())
        })
        .collect();
    safetensors::serialize(views, None).unwrap()
}

fn wait_for(path: &Path, words: &str) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !fs::read_to_string(path).is_ok_and(|text| text.contains(words)) {
        assert!(
            Instant::now() < deadline,
            "{words} is not in {}: {:?}",
            path.display(),
            fs::read_to_string(path)
        );
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn each_checkpoint_is_told_once_it_is_whole_and_a_broken_one_stops_nothing() {
    let desk = Desk::with_photo();
    let run = desk.path("run");
    fs::create_dir(&run).unwrap();
    let (out, told) = (desk.path("lines.jsonl"), desk.path("told.txt"));
    let mut child = Command::new(env!("CARGO_BIN_EXE_convscope"))
        .args(["follow", "run", "--source", "photo.png", "--html", "report.html", "--json"])
        .args(["--checkpoints", "3", "--idle", "100", "--headless"])
        .current_dir(desk.path("."))
        .stdout(Stdio::from(fs::File::create(&out).unwrap()))
        .stderr(Stdio::from(fs::File::create(&told).unwrap()))
        .spawn()
        .unwrap();
    wait_for(&told, "following run");
    let whole = fixture("layouts/safetensors");
    fs::write(run.join("epoch-1.safetensors"), &whole).unwrap();
    wait_for(&out, "epoch-1");
    // One that never becomes whole, and what is beside weights.
    fs::write(run.join("epoch-2.safetensors"), &whole[..whole.len() / 2]).unwrap();
    fs::write(run.join("optimizer.pt"), b"anything").unwrap();
    wait_for(&told, "epoch-2.safetensors was not taken");
    // The same file again, now whole.
    fs::write(run.join("epoch-2.safetensors"), halved(&whole)).unwrap();
    wait_for(&out, "epoch-2");
    fs::write(run.join("epoch-3.safetensors"), halved(&whole)).unwrap();
    assert!(child.wait().unwrap().success());

    let lines: Vec<Value> =
        fs::read_to_string(&out).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<_> = lines.iter().map(|line| line["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["epoch-1.safetensors", "epoch-2.safetensors", "epoch-3.safetensors"]);
    let moved = |line: &Value| -> Vec<Option<f64>> {
        line["parameters"].as_array().unwrap().iter().map(|layer| layer["moved"].as_f64()).collect()
    };
    assert!(moved(&lines[0]).iter().all(Option::is_none));
    // Half of each is half of the way; batch normalisation without a scale in the file keeps its ones.
    assert!(moved(&lines[1]).iter().flatten().all(|part| *part <= 0.5 + 1e-6));
    assert!(moved(&lines[1]).iter().flatten().any(|part| (part - 0.5).abs() < 1e-6));
    assert!(moved(&lines[2]).iter().flatten().all(|part| *part == 0.0));
    assert_eq!(lines[0]["pictures"], 1);
    assert!(lines[0]["maps"].as_array().unwrap().len() > 90);
    let page = fs::read_to_string(desk.path("report.html")).unwrap();
    for part in
        ["3 checkpoints", "epoch-3.safetensors", "How far each layer has moved", "has moved furthest, by"]
    {
        assert!(page.contains(part), "{part}");
    }
}

#[test]
fn what_cannot_be_followed_is_a_sentence() {
    let desk = Desk::with_photo();
    let fails = |more: &[&str], words: &str| {
        let output = desk.run(&[&["follow", "run"], more].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    };
    fails(&["--weights", "embedded"], "leave --weights out");
    fails(&["--idle", "0.1"], "no checkpoint came");
    fails(&["--source", "none.png"], "none.png: there is no such file");
    desk.write("report.html", "mine");
    fails(&["--html", "report.html"], "exists already");
    let output = desk.run(&["--follow", "run", "--weights", "embedded"]);
    assert!(text(&output.stderr).contains("leave --weights out"), "{}", text(&output.stderr));
}
