//! The kinds of folders that are told, by the names of what lies in them.

use super::files::{CHECKPOINT, DISTRIBUTED, PADDLE_SAVE, TO_KERAS, TO_ONNX, TORCH_SAVE};
use super::seen::READ;
use super::told::Kind;

/// A folder of which each of these endings is there: what it is and what to do.
const FOLDERS: &[(&[&str], &str, &str)] = &[
    (&["saved_model.pb"], "a SavedModel of TensorFlow", TO_KERAS),
    (&["keras_metadata.pb"], "a SavedModel of TensorFlow", TO_KERAS),
    (&["Manifest.json", "Data"], "a Core ML model (`.mlpackage`)", TO_ONNX),
    (&[".distcp"], "a distributed checkpoint of PyTorch", DISTRIBUTED),
    (
        &["zero_to_fp32.py"],
        "a checkpoint of DeepSpeed",
        "make one file of it, with `python zero_to_fp32.py . NAME` in that folder",
    ),
    (&["manifest.ocdbt"], "a checkpoint of Orbax (JAX)", TO_ONNX),
    (&["_CHECKPOINT_METADATA"], "a checkpoint of Orbax (JAX)", TO_ONNX),
    (&["_METADATA"], "a checkpoint of Orbax (JAX)", TO_ONNX),
    (&["flax_model.msgpack"], "a checkpoint of Flax", TO_ONNX),
    (&["data.pkl", "version"], "what is in a file of PyTorch, unpacked", TORCH_SAVE),
    (&[".pdiparams"], "PaddlePaddle's inference model", PADDLE_SAVE),
    (&["__model__"], "PaddlePaddle's inference model", PADDLE_SAVE),
    (&["model.json", "shard1of1.bin"], "a TensorFlow.js model", TO_KERAS),
    (&[".index", ".data-00000-of-00001"], "a TensorFlow checkpoint", CHECKPOINT),
    (&[".xml", ".bin"], "an OpenVINO network", TO_ONNX),
    (&[".param", ".bin"], "an ncnn network", TO_ONNX),
    (
        &["snapshots", "blobs", "refs"],
        "the place where the hub's client keeps a model",
        "give the folder in its `snapshots`",
    ),
];

/// Names that are told of a folder with several weight files.
const MOST_NAMES: usize = 5;

/// What a folder is in which no file stands out, by the names in it.
pub fn of_folder(names: &[String]) -> Kind {
    let is_there = |ending: &&str| names.iter().any(|name| name.ends_with(ending));
    if let Some((_, what, then)) = FOLDERS.iter().find(|(endings, ..)| endings.iter().all(is_there)) {
        return Kind::new(what, then);
    }
    let is_read = |name: &&String| READ.iter().any(|ending| name.ends_with(ending));
    let read: Vec<String> = names.iter().filter(is_read).map(|name| format!("`{name}`")).collect();
    match read.as_slice() {
        [] if names.is_empty() => Kind::new("an empty folder", "give a weight file after --weights"),
        [] => Kind::new("a folder without a weight file", "give a weight file after --weights"),
        [one] => Kind::new("a folder", &format!("give the weight file in it, {one}")),
        some => {
            let shown = some[..some.len().min(MOST_NAMES)].join(", ");
            let more = if some.len() > MOST_NAMES { ", …" } else { "" };
            Kind::new("a folder with several weight files", &format!("give one of them ({shown}{more})"))
        }
    }
}
