//! What is written for TensorBoard is what TensorBoard reads: its own Python code (`tests/read_events.py`) against
//! the values given to the writer.
//!
//! `CONVSCOPE_PYTHON` names the interpreter that has the package `tensorboard`; `python3` where it is not set.

mod common;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine;
use common::{noise, skip};
use convscope::record::EventWriter;
use serde_json::{Value, json};

/// Exit status of the script where the package is missing.
const NOT_INSTALLED: i32 = 77;

/// Runs the script; none where it, or what it needs, cannot be had.
fn read(folder: &Path, values: &Path) -> Option<Value> {
    let python = std::env::var("CONVSCOPE_PYTHON").unwrap_or_else(|_| "python3".into());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/read_events.py");
    let output = match Command::new(&python).arg(script).args([folder, values]).output() {
        Ok(output) => output,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skip("tensorboard", &format!("there is no `{python}` to run TensorBoard's reader"));
            return None;
        }
        Err(error) => panic!("{python}: {error}"),
    };
    if output.status.code() == Some(NOT_INSTALLED) {
        skip("tensorboard", &format!("`{python}` has no package `tensorboard`"));
        return None;
    }
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

fn floats(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

/// Equal but for the last digits, which reading JSON costs and f32 does not have.
fn assert_close(what: &str, found: &[f64], expected: &[f64], relative: f64) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let scale = expected.iter().fold(0.0, |largest: f64, value| largest.max(value.abs()));
    for (i, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() <= relative * scale, "{what}: {a} at {i} instead of {b}");
    }
}

fn sum(values: &[f32], term: impl Fn(f64) -> f64) -> f64 {
    values.iter().map(|value| term(f64::from(*value))).sum()
}

/// The same series as the file has it, as the dashboards get it, and in TensorBoard's own buckets.
fn check_histogram(found: &Value, tag: &str, index: usize, step: i64, values: &[f32]) {
    let histogram = &found["accumulated"]["histograms"][tag][index];
    assert_eq!(histogram["step"], json!(step), "{tag}");
    let fields = ["min", "max", "num", "sum", "sum_squares"].map(|key| histogram[key].as_f64().unwrap());
    let (counts, limits) = (floats(&histogram["counts"]), floats(&histogram["limits"]));
    let (shown_step, shown) = (&found["dashboards"]["histograms"][tag][index][0], rows(found, tag, index));
    assert_eq!(shown_step, &json!(step), "{tag}");
    if values.is_empty() {
        assert_eq!(fields, [0.0; 5], "{tag}");
        assert!(counts.is_empty() && shown.is_empty(), "{tag}: {shown:?}");
        return;
    }
    let least = values.iter().copied().fold(f32::INFINITY, f32::min);
    let greatest = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let expected = [
        f64::from(least),
        f64::from(greatest),
        values.len() as f64,
        sum(values, |v| v),
        sum(values, |v| v * v),
    ];
    for (found, expected) in fields.iter().zip(expected) {
        assert_close(tag, &[*found], &[expected], 1e-12);
    }

    let own: Vec<Vec<f64>> = found["reference"][format!("{tag} {step}")]
        .as_array()
        .unwrap_or_else(|| panic!("no reference of {tag} {step}"))
        .iter()
        .map(floats)
        .collect();
    assert_eq!(own.len(), 30);
    let column = |rows: &[Vec<f64>], index: usize| rows.iter().map(|row| row[index]).collect::<Vec<_>>();
    assert_eq!(counts, column(&own, 2), "{tag}");
    assert_close(tag, &limits, &column(&own, 1), 1e-12);
    // The conversion drops empty buckets at both ends and rounds to f32.
    let last = own.len() - own.iter().rev().take_while(|row| row[2] == 0.0).count();
    let first = own.iter().take_while(|row| row[2] == 0.0).count();
    for index in 0..3 {
        assert_close(tag, &column(&shown, index), &column(&own[first..last], index), 1e-6);
    }
}

fn rows(found: &Value, tag: &str, index: usize) -> Vec<Vec<f64>> {
    found["dashboards"]["histograms"][tag][index][1].as_array().unwrap().iter().map(floats).collect()
}

#[test]
fn tensorboard_reads_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let logs = folder.path().join("runs/first");
    let scalars: [(&str, &[(i64, f32)]); 3] = [
        ("conv2d/mean", &[(0, 0.0), (1, -0.1), (7, 1e-30), (1 << 40, f32::MAX)]),
        ("conv2d/größte Breite", &[(3, 2.5)]),
        ("broken", &[(0, f32::NAN), (1, f32::NEG_INFINITY), (2, 1.0)]),
    ];
    // Half of the values are 0, as behind a ReLU.
    let rectified: Vec<f32> = noise("map", 5000).into_iter().map(|value| value.max(0.0)).collect();
    let mut spoiled = noise("spoiled", 777);
    let expected_of_spoiled = spoiled.clone();
    spoiled.insert(5, f32::NAN);
    spoiled.extend([f32::INFINITY, f32::NEG_INFINITY]);
    let histograms: [(&str, i64, &[f32], &[f32]); 6] = [
        ("conv2d/activations", 0, &rectified, &rectified),
        ("conv2d/activations", 1, &spoiled, &expected_of_spoiled),
        ("conv2d/activations", 2, &[], &[]),
        ("conv2d/activations", 3, &[-1.5; 9], &[-1.5; 9]),
        ("one/number", 0, &[0.25], &[0.25]),
        ("nothing", 0, &[f32::NAN], &[]),
    ];
    let picture = |seed: u8| {
        image::RgbImage::from_fn(31, 17, |x, y| image::Rgb([x as u8 * 8, y as u8 * 15, seed ^ (x * y) as u8]))
    };

    let before = now();
    let mut writer = EventWriter::create(&logs).unwrap();
    for (tag, series) in scalars {
        for &(step, value) in series {
            writer.scalar(tag, step, value).unwrap();
        }
    }
    let mut reference = BTreeMap::new();
    for (tag, step, values, expected) in histograms {
        assert_eq!(writer.histogram(tag, step, values).unwrap(), values.len() - expected.len());
        // As f64: the text of an f32 is another number to Python.
        let expected: Vec<f64> = expected.iter().map(|value| f64::from(*value)).collect();
        reference.insert(format!("{tag} {step}"), expected);
    }
    for step in 0..3 {
        writer.image("frames/input", step, &picture(step as u8)).unwrap();
    }
    let path = writer.finish().unwrap();
    let after = now();
    assert_eq!(path.parent(), Some(logs.as_path()));

    let values = folder.path().join("values.json");
    std::fs::write(&values, serde_json::to_vec(&reference).unwrap()).unwrap();
    let Some(found) = read(&logs, &values) else { return };
    let accumulated = &found["accumulated"];
    assert_eq!(accumulated["file_version"], json!(2.0));
    assert_eq!(accumulated["other_tags"], json!([]));
    for (kind, tags) in [("scalars", 3), ("histograms", 3), ("images", 1)] {
        assert_eq!(accumulated[kind].as_object().unwrap().len(), tags, "{kind}");
        assert_eq!(found["dashboards"][kind].as_object().unwrap().len(), tags, "{kind}");
    }

    for (tag, series) in scalars {
        let of_file = accumulated["scalars"][tag].as_array().unwrap();
        let shown = found["dashboards"]["scalars"][tag].as_array().unwrap();
        assert_eq!((of_file.len(), shown.len()), (series.len(), series.len()), "{tag}");
        for ((&(step, value), event), shown) in series.iter().zip(of_file).zip(shown) {
            let same = |found: &Value| match found.as_f64() {
                Some(number) => number as f32 == value,
                None => found.as_str().unwrap() == value.to_string().to_lowercase(),
            };
            assert!(event[0] == json!(step) && same(&event[1]), "{tag}: {event} instead of {step}, {value}");
            assert!(shown[0] == json!(step) && same(&shown[1]), "{tag}: {shown} instead of {step}, {value}");
            let wall_time = event[2].as_f64().unwrap();
            assert!(before - 1e-3 <= wall_time && wall_time <= after + 1e-3, "{tag}: {wall_time}");
        }
    }

    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    for (tag, step, _, expected) in histograms {
        let index = seen.entry(tag).or_default();
        check_histogram(&found, tag, *index, step, expected);
        *index += 1;
    }
    for (tag, count) in seen {
        assert_eq!(accumulated["histograms"][tag].as_array().unwrap().len(), count, "{tag}");
    }

    let pictures = accumulated["images"]["frames/input"].as_array().unwrap();
    assert_eq!(pictures.len(), 3);
    for (step, event) in pictures.iter().enumerate() {
        assert_eq!((&event[0], &event[1], &event[2]), (&json!(step), &json!(31), &json!(17)));
        assert_eq!(found["dashboards"]["images"]["frames/input"][step], json!([step, 31, 17]));
        let encoded = base64::engine::general_purpose::STANDARD.decode(event[3].as_str().unwrap()).unwrap();
        let decoded = image::load_from_memory_with_format(&encoded, image::ImageFormat::Png).unwrap();
        assert!(decoded.to_rgb8() == picture(step as u8), "the picture of step {step} is another one");
    }
}
