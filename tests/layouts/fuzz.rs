//! Damaged files by the million. Run on purpose:
//!
//! ```sh
//! CONVSCOPE_FUZZ_SECONDS=600 CONVSCOPE_FUZZ_FAMILY=safetensors \
//!     cargo test --release --test layouts -- --ignored --nocapture fuzz_weight_files
//! ```
//!
//! Families: safetensors, torch, paddle, keras; without one, all of them in turns. `CONVSCOPE_FUZZ_SEED` repeats a run.
//! Whatever panics, takes longer than [`SLOWEST`] or gives an unfit message is kept in the temporary folder and named.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use convscope::weights::{LayerWeights, RandomStream, Weights};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde_json::{Value, json};

use super::bad::{check_message, load};
use crate::fixture;

const SLOWEST: Duration = Duration::from_secs(5);

const FAMILIES: [(&str, &[&str]); 4] = [
    ("safetensors", &["safetensors", "f16", "bf16"]),
    ("torch", &["torch", "torch_old"]),
    ("paddle", &["paddle"]),
    (
        "keras",
        &[
            "keras_legacy",
            "keras_weights",
            "headless_weights",
            "dense_legacy",
            "nested_legacy",
            "nested_weights",
        ],
    ),
];

/// Numbers that break what was computed without care.
const EDGES: [u64; 14] = [
    0,
    1,
    2,
    7,
    0xFF,
    0xFFFF,
    1 << 31,
    (1 << 32) - 1,
    1 << 32,
    1 << 40,
    1 << 62,
    (1 << 63) - 1,
    1 << 63,
    u64::MAX,
];

struct Dice {
    stream: RandomStream,
    thrown: u64,
}

impl Dice {
    /// From 0 to `sides` − 1.
    fn below(&mut self, sides: usize) -> usize {
        self.thrown += 1;
        ((self.stream.uniform(self.thrown) * sides as f64) as usize).min(sides.saturating_sub(1))
    }

    fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())]
    }

    /// A place in a file, half of the time near its beginning or its end, where most layouts have their tables.
    fn place(&mut self, length: usize) -> usize {
        let near = length.min(4096);
        match self.below(4) {
            0 => self.below(near),
            1 => length - 1 - self.below(near),
            _ => self.below(length),
        }
    }
}

/// Flips, cuts, copies and edges anywhere.
fn damaged(bytes: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.below(4) {
        if bytes.len() < 32 {
            return;
        }
        let at = dice.place(bytes.len() - 16);
        match dice.below(8) {
            0 | 1 => bytes[at] ^= 1 << dice.below(8),
            2 => bytes[at] = dice.below(256) as u8,
            3 => {
                let at = at / 8 * 8;
                let edge = dice.one(&EDGES);
                bytes[at..at + 8].copy_from_slice(&edge.to_le_bytes());
            }
            // Sides of a shape change places.
            4 => {
                let at = at / 8 * 8;
                for i in 0..8 {
                    bytes.swap(at + i, at + 8 + i);
                }
            }
            5 => {
                let from = dice.place(bytes.len() - 16);
                bytes.copy_within(from..from + 16, at);
            }
            6 => {
                let end = at + dice.below(16);
                bytes.drain(at..end);
            }
            _ if dice.below(8) == 0 => bytes.truncate(at),
            _ => bytes[at] = bytes[at].wrapping_add(1),
        }
    }
}

/// Changes entries of the header, which stays JSON; the offsets may or may not fit.
fn with_edited_header(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let entries = header.as_object_mut().unwrap();
    let names: Vec<String> = entries.keys().filter(|name| *name != "__metadata__").cloned().collect();
    for _ in 0..=dice.below(3) {
        let name = &names[dice.below(names.len())];
        let Some(mut entry) = entries.remove(name) else { continue };
        let sides = entry["shape"].as_array().unwrap().len();
        let side = dice.below(sides.max(1));
        match dice.below(9) {
            0 => {
                let kinds =
                    ["F32", "F16", "BF16", "F64", "I64", "U8", "BOOL", "F8_E4M3", "C64", "I4", "F4", "?"];
                entry["dtype"] = json!(dice.one(&kinds));
            }
            1 | 2 if sides > 0 => entry["shape"][side] = json!(dice.one(&EDGES)),
            3 => entry["shape"].as_array_mut().unwrap().push(json!(dice.one(&EDGES))),
            4 => drop(entry["shape"].as_array_mut().unwrap().pop()),
            5 => entry["data_offsets"][dice.below(2)] = json!(dice.one(&EDGES)),
            6 => {
                let end = entry["data_offsets"][1].as_u64().unwrap_or(0);
                entry["data_offsets"][1] = json!(end.wrapping_add(dice.one(&[1, 4, 8, u64::MAX])));
            }
            7 => entry["shape"] = json!([dice.one(&EDGES), 0, dice.one(&EDGES)]),
            _ => {}
        }
        let twisted = format!("{name}\n\u{1b}[2J");
        let (other, name) = (names[dice.below(names.len())].as_str(), name.as_str());
        entries.insert(dice.one(&[name, name, name, name, twisted.as_str(), other]).to_owned(), entry);
    }
    if dice.below(16) == 0 {
        let said = dice.one(&["include", "exclude", "count_include_pad=False", "imagenet", "\u{0}"]);
        entries.insert("__metadata__".into(), json!({"avg_pool": said, "input_scale": said, "format": "pt"}));
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(&bytes[8 + length..]);
    file
}

/// A good safetensors file of other tensors: it gets past the reader and as far as it can.
fn rebuilt(bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    let file = SafeTensors::deserialize(bytes).unwrap();
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = file
        .iter()
        .map(|(name, view)| (name.to_owned(), view.dtype(), view.shape().to_vec(), view.data().to_vec()))
        .collect();
    for _ in 0..=dice.below(3) {
        let at = dice.below(tensors.len());
        let other = dice.below(tensors.len());
        match dice.below(9) {
            0 => drop(tensors.swap_remove(at)),
            1 => tensors[at].0 = tensors[other].0.clone(),
            2 => {
                let prefix =
                    dice.one(&["model.", "AuxLogits.", "head.1.", "head.18446744073709551616.", "", "."]);
                tensors[at].0 = format!("{prefix}{}", tensors[at].0);
            }
            3 => tensors[at].2.reverse(),
            4 => {
                let count = tensors[at].2.iter().product();
                tensors[at].2 = dice.one(&[[count, 1], [1, count]]).to_vec();
            }
            5 => {
                tensors[at].2 = vec![dice.one(&EDGES) as usize, 0];
                tensors[at].3.clear();
            }
            6 => {
                tensors[at].0 =
                    dice.one(&["fc.1.weight", "head.weight", "x.weight", "fc\r\n.weight", "é"]).into()
            }
            7 => {
                for value in tensors[at].3.iter_mut().take(8) {
                    *value = 0xFF;
                }
            }
            // All of them inside of something else.
            _ => tensors.iter_mut().for_each(|tensor| tensor.0.insert_str(0, "a.")),
        }
    }
    let mut seen = std::collections::HashSet::new();
    tensors.retain(|tensor| seen.insert(tensor.0.clone()));
    let views = tensors.iter().filter_map(|(name, dtype, shape, data)| {
        Some((name.as_str(), TensorView::new(*dtype, shape.clone(), data).ok()?))
    });
    safetensors::serialize(views, None).unwrap()
}

fn mutated(family: &str, bytes: &[u8], dice: &mut Dice) -> Vec<u8> {
    match dice.below(3) {
        0 if family == "safetensors" => with_edited_header(bytes, dice),
        1 if family == "safetensors" => rebuilt(bytes, dice),
        _ => {
            let mut bytes = bytes.to_vec();
            damaged(&mut bytes, dice);
            bytes
        }
    }
}

/// What was fitted has a value for every parameter.
fn check_weights(weights: &Weights) {
    assert!(weights.layers.len() >= 312);
    for layer in weights.layers.iter().flatten() {
        match layer {
            LayerWeights::Conv { kernel, .. } => assert!(!kernel.is_empty()),
            LayerWeights::BatchNorm { gamma, beta, mean, variance } => {
                assert!([gamma, beta, mean].iter().all(|values| values.len() == variance.len()));
            }
            LayerWeights::Dense { weight, bias } => assert_eq!(weight.len() % bias.len(), 0),
            other => assert!(!other.is_empty()),
        }
    }
    for note in &weights.notes {
        assert!(!note.contains(char::is_control), "{note:?}");
    }
}

/// Largest memory of this process so far, in MB, where the system tells.
fn peak_megabytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<u64>().ok()? / 1024)
}

#[test]
#[ignore = "runs for CONVSCOPE_FUZZ_SECONDS"]
fn fuzz_weight_files() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seconds = number("CONVSCOPE_FUZZ_SECONDS").unwrap_or(10);
    let seed = number("CONVSCOPE_FUZZ_SEED").unwrap_or(1);
    let wanted = std::env::var("CONVSCOPE_FUZZ_FAMILY").ok();
    let files: Vec<(&str, &str, Vec<u8>)> = FAMILIES
        .iter()
        .filter(|(family, _)| wanted.as_deref().is_none_or(|wanted| wanted == *family))
        .flat_map(|(family, names)| names.iter().map(|name| (*family, *name, fixture(name))))
        .collect();
    assert!(!files.is_empty(), "no such family: {wanted:?}");
    let mut dice = Dice { stream: RandomStream::new(seed, "fuzz"), thrown: 0 };
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::temp_dir();
    let (mut runs, mut good, mut found, mut slowest) = (0_u64, 0_u64, 0_u64, Duration::ZERO);
    let mut reasons = std::collections::BTreeMap::<String, u64>::new();
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(seconds) && found < 20 {
        let (family, name, whole) = &files[dice.below(files.len())];
        let bytes = mutated(family, whole, &mut dice);
        let path = crate::file(folder.path(), "e", &bytes);
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| match load(&path) {
            Ok(weights) => {
                check_weights(&weights);
                None
            }
            Err(error) => Some(check_message(name, &error)),
        }));
        let took = started.elapsed();
        slowest = slowest.max(took);
        runs += 1;
        match &outcome {
            Ok(None) => good += 1,
            Ok(Some(message)) => *reasons.entry(kind_of(message, &path)).or_default() += 1,
            Err(_) => {}
        }
        if outcome.is_err() || took > SLOWEST {
            found += 1;
            let culprit = kept.join(format!("convscope-fuzz-{family}-{seed}-{runs}"));
            std::fs::write(&culprit, &bytes).unwrap();
            eprintln!("FOUND ({took:?}): {}", culprit.display());
        }
    }
    eprintln!(
        "{}: {runs} files in {:?}: {good} taken, {} refused in {} ways, {found} found; slowest {slowest:?}; peak {:?} MB",
        wanted.as_deref().unwrap_or("all"),
        began.elapsed(),
        reasons.values().sum::<u64>(),
        reasons.len(),
        peak_megabytes(),
    );
    assert_eq!(found, 0);
}

/// A message without what differs from file to file.
fn kind_of(message: &str, path: &Path) -> String {
    let message = message.replace(&path.display().to_string(), "");
    let mut kind = String::new();
    let mut quoted = false;
    for c in message.chars().take(300) {
        quoted ^= c == '`';
        if !quoted && !c.is_ascii_digit() {
            kind.push(c);
        }
    }
    kind
}
