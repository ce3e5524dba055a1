//! The kinds of files that are told, the surest signs first.

use super::seen::Seen;
use super::signs::{self, Sign};
use super::told::Kind;

/// What a file is that no reader reads; `None` where nothing tells. For whatever a reader reads, or nearly, that reader
/// has the word.
pub fn of_file(seen: &Seen<'_>) -> Option<Kind> {
    let found = FILES.iter().find(|file| file.sign.fits(seen))?;
    let mut kind = Kind::new(found.what, found.then);
    if let Some(inside) = seen.weight_file_inside().filter(|_| found.sign.is_packed()) {
        kind.what += &format!(" with `{inside}` in it");
    } else if let Some(line) = seen.first_line().filter(|_| found.sign.is_any_text()) {
        kind.what += &format!(" that begins with `{line}`");
    }
    Some(kind)
}

/// What a pickle is whose tensors can be read, and are not all there are.
pub fn of_pickle(bytes: &[u8]) -> Option<Kind> {
    let seen = Seen::new("", bytes, &[]);
    QUANTISED.sign.fits(&seen).then(|| Kind::new(QUANTISED.what, QUANTISED.then))
}

const QUANTISED: FileKind = kind(
    Sign::Pickle(&["_rebuild_qtensor"]),
    "a quantised network of PyTorch, whose numbers are whole",
    FLOATS,
);

/// A kind of file.
struct FileKind {
    sign: Sign,
    /// With its article.
    what: &'static str,
    /// The one thing to do next.
    then: &'static str,
}

const fn kind(sign: Sign, what: &'static str, then: &'static str) -> FileKind {
    FileKind { sign, what, then }
}

const AGAIN: &str = "download or copy it again";
pub(super) const TO_ONNX: &str = "export the network that it was made from as ONNX, and give that";
pub(super) const TO_KERAS: &str = "save the model from Keras, as `.keras` or `.h5` (`model.save(\"NAME.keras\")`), or make ONNX of it \
                        with tf2onnx";
pub(super) const TORCH_SAVE: &str = "`torch.save(model.state_dict(), …)` writes a file that is read";
pub(super) const PADDLE_SAVE: &str = "`paddle.save(model.state_dict(), …)` writes a file that is read";
pub(super) const FLOATS: &str = "give the network that it was made from, in floating point";
const BINARY_ONNX: &str = "save it as a binary `.onnx`, in Python with `onnx.save`";
const AS_PICTURE: &str = "give it as the picture, and a weight file after --weights";
pub(super) const DISTRIBUTED: &str = "make one file of it, with `python -m torch.distributed.checkpoint.format_utils dcp_to_torch \
                                      FOLDER NAME.pth`";
pub(super) const CHECKPOINT: &str =
    "load it into the Keras model (`model.load_weights`), and save that as `.keras` or `.h5`";
const GIVE_FOLDER: &str = "give the folder with both, or the weight file";

const FILES: &[FileKind] = &[
    kind(Sign::Is(signs::is_empty), "an empty file", AGAIN),
    // Left in place of the file by what manages large ones.
    kind(
        Sign::Text(&["version https://git-lfs.github.com/spec/"]),
        "a Git LFS pointer",
        "git lfs pull, in its repository, gets the file itself",
    ),
    kind(
        Sign::Says(&["/annex/objects/"]),
        "a git-annex pointer",
        "git annex get, in its repository, gets the file itself",
    ),
    kind(
        Sign::Text(&["outs:\n- md5:", "outs:\n- hash:", "md5: "]),
        "a DVC pointer",
        "dvc pull, in its repository, gets the file itself",
    ),
    // Answers of servers.
    kind(
        Sign::Text(&["<!doctype html", "<html", "<head", "<script"]),
        "a web page",
        "the download needs a sign-in or another address",
    ),
    kind(
        Sign::Says(&["<error>", "<code>"]),
        "a server's refusal",
        "the download needs a sign-in or another address",
    ),
    // Pictures and films.
    kind(
        Sign::Begins(&[
            b"\x89PNG",
            b"\xff\xd8\xff",
            b"GIF8",
            b"II*\0",
            b"MM\0*",
            b"P5\n",
            b"P6\n",
            b"\0\0\x01\0",
            b"8BPS",
        ]),
        "a picture",
        AS_PICTURE,
    ),
    kind(Sign::At(8, b"WEBP"), "a picture", AS_PICTURE),
    kind(Sign::At(4, b"ftypavif"), "a picture", AS_PICTURE),
    kind(Sign::At(4, b"ftyphei"), "a picture", AS_PICTURE),
    kind(Sign::Text(&["<svg"]), "a picture", AS_PICTURE),
    kind(Sign::Says(&["<?xml", "<svg"]), "a picture", AS_PICTURE),
    kind(Sign::At(4, b"ftyp"), "a video", AS_PICTURE),
    kind(Sign::At(8, b"AVI "), "a video", AS_PICTURE),
    kind(Sign::Begins(&[b"\x1a\x45\xdf\xa3", b"FLV\x01"]), "a video", AS_PICTURE),
    kind(Sign::Begins(&[b"%PDF-"]), "a PDF document", "give a weight file after --weights"),
    // Whole networks of other frameworks.
    kind(Sign::At(4, b"ORTM"), "ONNX Runtime's ORT format", "give the ONNX file that it was made from"),
    kind(Sign::Text(&["ir_version:", "<\n   ir_version:", "<ir_version:"]), "ONNX as a text", BINARY_ONNX),
    kind(
        Sign::At(4, b"TFL3"),
        "a TensorFlow Lite model",
        "give the Keras model that it was made from, as `.keras` or `.h5`",
    ),
    kind(Sign::At(4, b"ET12"), "an ExecuTorch program", TORCH_SAVE),
    kind(Sign::Begins(&[b"ftrt", b"ptrt"]), "a TensorRT engine", "give the ONNX file that it was made from"),
    kind(
        Sign::Is(signs::is_ultralytics_engine),
        "a TensorRT engine of Ultralytics",
        "give the ONNX file that it was made from",
    ),
    kind(Sign::Begins(&[b"GGUF"]), "a GGUF file, which llama.cpp and its like read", TO_ONNX),
    kind(Sign::Begins(&[b"lmgg", b"tjgg", b"algg", b"fmgg"]), "a GGML file", TO_ONNX),
    kind(
        Sign::Begins(&[b"\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0"]),
        "MXNet's parameters",
        "export the network as ONNX, and give that",
    ),
    kind(Sign::Begins(&[b"\x04\0\0\0\x01\0\0\0\x03\0\0\0V 1"]), "a file of Lua Torch", TO_ONNX),
    kind(Sign::Begins(&[b"RKNN"]), "a network for Rockchip's processors (RKNN)", TO_ONNX),
    // Numbers of other programs.
    kind(
        Sign::Begins(&[b"\x93NUMPY"]),
        "an array of NumPy (`.npy`), without the network's layers",
        "load it into the network in Python, and save that",
    ),
    kind(
        Sign::Begins(&[b"MATLAB 5.0 MAT-file", b"MATLAB 7.3 MAT-file"]),
        "a MATLAB file",
        "export the network as ONNX from MATLAB (`exportONNXNetwork`), and give that",
    ),
    kind(Sign::Begins(&[b"RDX2\n", b"RDX3\n", b"RDA3\n", b"X\n\0\0\0"]), "a file of R", TO_ONNX),
    // Zip archives.
    kind(
        Sign::Entry(&["serialized_exported_program.json", "models/model.json", "/archive_format"]),
        "a program of torch.export (`.pt2`)",
        TORCH_SAVE,
    ),
    kind(Sign::Entry(&["bytecode.pkl"]), "a network for PyTorch Mobile", TORCH_SAVE),
    kind(Sign::Entry(&["constants.pkl"]), "a TorchScript archive, which holds code", TORCH_SAVE),
    kind(
        Sign::Entry(&[".npy"]),
        "an archive of NumPy's arrays (`.npz`), without the network's layers",
        "load them into the network in Python, and save that",
    ),
    kind(Sign::Entry(&["com.apple.CoreML/model.mlmodel"]), "a packed Core ML model", TO_ONNX),
    kind(Sign::Entry(&["saved_model.pb"]), "a packed SavedModel of TensorFlow", TO_KERAS),
    kind(Sign::Entry(&[".data/extern_modules"]), "a package of torch.package, which holds code", TORCH_SAVE),
    kind(Sign::Is(signs::is_quantised_safetensors), "a quantised network, in numbers of a byte", FLOATS),
    // Pickles.
    QUANTISED,
    kind(
        Sign::Pickle(&["_load_from_bytes"]),
        "written by pickle",
        "save it with torch.save, as in `torch.save(model.state_dict(), …)`",
    ),
    kind(
        Sign::Pickle(&["torch.distributed.checkpoint"]),
        "the table of a distributed checkpoint of PyTorch",
        DISTRIBUTED,
    ),
    kind(Sign::Optimizer, "an optimizer's state", TORCH_SAVE),
    kind(
        Sign::Pickle(&["sklearn"]),
        "a pickle of scikit-learn's objects (joblib)",
        "give the weight file of a convolutional network",
    ),
    kind(
        Sign::Pickle(&["joblib"]),
        "a pickle of Python's objects (joblib)",
        "give the weight file of a convolutional network",
    ),
    kind(Sign::Named(".distcp"), "a piece of a distributed checkpoint of PyTorch", DISTRIBUTED),
    // JSON.
    kind(Sign::Json(&["base_code", "program"]), "PaddlePaddle's inference model (a program)", PADDLE_SAVE),
    kind(Sign::Json(&["modelTopology"]), "a TensorFlow.js model", TO_KERAS),
    kind(Sign::Json(&["weightsManifest"]), "a TensorFlow.js model", TO_KERAS),
    kind(
        Sign::Json(&["nodes", "arg_nodes", "heads"]),
        "MXNet's description of a network",
        "export the network as ONNX, and give that",
    ),
    kind(
        Sign::Json(&["class_name", "config"]),
        "a Keras model's architecture without its weights (`model.to_json()`)",
        "save both, with `model.save(\"NAME.keras\")`",
    ),
    kind(Sign::Json(&["architectures"]), "the configuration of a network, without its weights", GIVE_FOLDER),
    kind(Sign::Json(&["architecture"]), "the configuration of a network, without its weights", GIVE_FOLDER),
    kind(Sign::Json(&["id2label"]), "the configuration of a network, without its weights", GIVE_FOLDER),
    kind(Sign::Json(&["image_mean"]), "the preparation of pictures, without weights", GIVE_FOLDER),
    kind(Sign::Json(&["graph", "irVersion"]), "ONNX as a text (JSON)", BINARY_ONNX),
    kind(Sign::Json(&["itemInfoEntries"]), "the table of a Core ML model", TO_ONNX),
    kind(Sign::Json(&["error"]), "a server's refusal", "the download needs a sign-in or another address"),
    // Texts.
    kind(Sign::Says(&["<net ", "version="]), "an OpenVINO network", TO_ONNX),
    kind(Sign::Text(&["7767517"]), "an ncnn network", TO_ONNX),
    kind(Sign::Text(&["[net]", "[network]"]), "Darknet's description of a network", TO_ONNX),
    kind(
        Sign::Says(&["layer {", "name:", "type:"]),
        "Caffe's description of a network (`.prototxt`)",
        TO_ONNX,
    ),
    kind(
        Sign::Says(&["layers {", "name:", "type:"]),
        "Caffe's description of a network (`.prototxt`)",
        TO_ONNX,
    ),
    kind(
        Sign::Says(&["layer{", "name:", "type:"]),
        "Caffe's description of a network (`.prototxt`)",
        TO_ONNX,
    ),
    kind(Sign::Text(&["model_checkpoint_path:"]), "the table of TensorFlow's checkpoints", CHECKPOINT),
    kind(
        Sign::Says(&["class_name:", "config:", "layers:"]),
        "a Keras model's architecture without its weights (YAML)",
        "save both, with `model.save(\"NAME.keras\")`",
    ),
    kind(Sign::Says(&["node {", "op:"]), "a graph of TensorFlow as a text (GraphDef)", TO_KERAS),
    // Protocol buffers, by what their fields are.
    kind(Sign::Message(signs::is_saved_model), "a SavedModel of TensorFlow", TO_KERAS),
    kind(Sign::Message(signs::is_core_ml), "a Core ML model", TO_ONNX),
    kind(Sign::Message(signs::is_paddle_program), "PaddlePaddle's inference model (a program)", PADDLE_SAVE),
    kind(Sign::Message(signs::is_tensorflow_graph), "a frozen graph of TensorFlow (GraphDef)", TO_KERAS),
    kind(Sign::Message(signs::is_tensorflow_meta), "a graph of TensorFlow (MetaGraphDef)", TO_KERAS),
    kind(Sign::Message(signs::is_caffe), "a Caffe network (`.caffemodel`)", TO_ONNX),
    // The magic number at the end of LevelDB's tables.
    kind(Sign::Ends(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"), "a TensorFlow checkpoint", CHECKPOINT),
    // Numbers without a name, by the file that they belong to.
    kind(Sign::Beside(".data-", ".index"), "a TensorFlow checkpoint", CHECKPOINT),
    kind(Sign::Beside(".bin", ".xml"), "the numbers of an OpenVINO network", TO_ONNX),
    kind(Sign::Beside(".bin", ".param"), "the numbers of an ncnn network", TO_ONNX),
    kind(Sign::Beside(".onnx.data", ".onnx"), "the numbers of an ONNX file", "give the `.onnx` beside it"),
    kind(Sign::Beside(".onnx_data", ".onnx"), "the numbers of an ONNX file", "give the `.onnx` beside it"),
    kind(Sign::Beside(".data", ".onnx"), "the numbers of an ONNX file", "give the `.onnx` beside it"),
    kind(Sign::Is(signs::is_paddle_parameters), "PaddlePaddle's inference model (its numbers)", PADDLE_SAVE),
    kind(Sign::Is(signs::is_darknet), "Darknet's weights", TO_ONNX),
    kind(Sign::Is(signs::is_msgpack_map), "a checkpoint of Flax (msgpack)", TO_ONNX),
    kind(Sign::Is(signs::is_zero), "a file of zeros, such as a broken download leaves", AGAIN),
    // Packed files, of whatever content.
    kind(
        Sign::Begins(&[b"\x1f\x8b"]),
        "a file packed by gzip",
        "gunzip it (a `.tar.gz` or `.tgz`: untar it), and give the weight file that is in it",
    ),
    kind(
        Sign::Begins(&[b"BZh"]),
        "a file packed by bzip2",
        "bunzip2 it, and give the weight file that is in it",
    ),
    kind(
        Sign::Begins(&[b"\xfd7zXZ\0"]),
        "a file packed by xz",
        "unxz it, and give the weight file that is in it",
    ),
    kind(
        Sign::Begins(&[b"\x28\xb5\x2f\xfd"]),
        "a file packed by zstd",
        "unzstd it, and give the weight file that is in it",
    ),
    kind(
        Sign::Begins(&[b"7z\xbc\xaf\x27\x1c", b"Rar!\x1a\x07"]),
        "a packed archive (7z or RAR)",
        "unpack it, and give the weight file that is in it",
    ),
    kind(
        Sign::Begins(&[b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe"]),
        "a program or a library",
        "give a weight file after --weights",
    ),
    kind(Sign::Zip, "a zip archive", "unzip it, and give the weight file that is in it"),
    kind(Sign::At(257, b"ustar"), "a tar archive", "untar it, and give the weight file that is in it"),
    kind(Sign::Json(&[]), "a JSON file without weights", "give a weight file after --weights"),
    kind(Sign::AnyText, "a text", "give a weight file after --weights"),
];
