//! Each kind by the least that its writer puts in front.

use super::*;

fn said(name: &str, bytes: &[u8], beside: &[&str]) -> String {
    let beside: Vec<String> = beside.iter().map(|name| name.to_string()).collect();
    of_file(&Seen::new(name, bytes, &beside)).map(|kind| kind.to_string()).unwrap_or_default()
}

/// A field with a length.
fn field(number: u64, content: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    let mut varint = |mut value: u64| {
        while value >= 0x80 {
            bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        bytes.push(value as u8);
    };
    varint(number << 3 | 2);
    varint(content.len() as u64);
    bytes.extend(content);
    bytes
}

/// A zip archive of entries that are stored as they are.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut bytes, mut directory) = (vec![], vec![]);
    for (name, content) in entries {
        let mut crc = flate2::Crc::new();
        crc.update(content);
        let size = (content.len() as u32).to_le_bytes();
        let common = [
            &[10, 0, 0, 0, 0, 0, 0, 0, 0, 0][..],
            &crc.sum().to_le_bytes(),
            &size,
            &size,
            &[name.len() as u8, 0, 0, 0],
        ]
        .concat();
        directory.extend(
            [b"PK\x01\x02", &[10, 0][..], &common, &[0; 10], &(bytes.len() as u32).to_le_bytes()].concat(),
        );
        directory.extend(name.as_bytes());
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
    }
    let count = [entries.len() as u8, 0];
    let begin = (bytes.len() as u32).to_le_bytes();
    let size = (directory.len() as u32).to_le_bytes();
    bytes.extend(directory);
    bytes.extend([b"PK\x05\x06\0\0\0\0", &count[..], &count, &size, &begin, &[0, 0]].concat());
    bytes
}

fn tar(name: &str) -> Vec<u8> {
    let mut header = vec![0; 1024];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[124..135].copy_from_slice(b"00000000010");
    header[257..262].copy_from_slice(b"ustar");
    header
}

#[test]
fn what_a_file_is_is_told_by_its_content() {
    let node = [field(1, b"input"), field(2, b"Placeholder")].concat();
    let graph = field(1, &node);
    let layer = [field(1, b"conv"), field(2, b"Convolution")].concat();
    let caffe = [field(1, b"GoogLeNet"), field(100, &layer)].concat();
    let old_layer = [field(4, b"conv"), vec![0x28, 4]].concat();
    let old_caffe = [field(1, b"CaffeNet"), field(2, &old_layer)].concat();
    let core_ml = [vec![0x08, 5], field(2, &field(1, b"\x0a\x05image")), field(500, b"")].concat();
    let saved = [vec![0x08, 1], field(2, &field(1, b""))].concat();
    let program = field(1, b"\x08\0\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1a\0");
    let meta = [field(1, b""), field(2, &graph)].concat();
    let numbers = [&[0; 16][..], b"\x04\0\0\0\x08\x05\x10\x03", &[1; 12]].concat();
    let darknet = [&b"\0\0\0\0\x02\0\0\0\x05\0\0\0"[..], &[7; 2000]].concat();
    let table = [&[1; 40][..], b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"].concat();
    let optimizer = b"\x80\x02}q\0(X\x05\0\0\0stateq\x01}q\x02X\x0c\0\0\0param_groupsq\x03]u.";
    let cases: &[(&[u8], &str)] = &[
        (b"", "an empty file: "),
        (&[0; 3000], "a file of zeros"),
        (b"  <!DOCTYPE HTML>\n<html>", "a web page: the download needs a sign-in or another address"),
        (b"\xef\xbb\xbf<html>", "a web page"),
        (b"<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>", "a server's refusal"),
        (b"{\"error\": \"Repository not found\"}", "a server's refusal"),
        (b"404: Not Found", "a text that begins with `404: Not Found`"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n", "git lfs pull"),
        (b"/annex/objects/SHA256E-s1--0.pth\n", "git annex get"),
        (b"outs:\n- md5: 0\n  path: a.pth\n", "dvc pull"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"\xff\xd8\xff\xe0", "a picture"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "a picture"),
        (b"\0\0\0\x20ftypisom", "a video"),
        (b"\0\0\0\x20ftypavif", "a picture"),
        (b"\x14\0\0\0ORTM\0\0", "ORT format"),
        (b"\x1c\0\0\0TFL3", "TensorFlow Lite"),
        (b"ftrt\0\0\0\0", "a TensorRT engine"),
        (b"\x02\0\0\0{\"ftrt", "a TensorRT engine"),
        (b"GGUF\x03\0\0\0", "GGUF"),
        (b"\x12\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\0", "MXNet"),
        (b"\x93NUMPY\x01\0", "NumPy (`.npy`)"),
        (b"MATLAB 5.0 MAT-file, Platform: GLNXA64", "MATLAB"),
        (b"MATLAB 7.3 MAT-file, Platform: GLNXA64", "MATLAB"),
        (&zip(&[("a/archive_format", b"pt2"), ("a/models/model.json", b"{}")]), "torch.export"),
        (&zip(&[("a/data.pkl", b"\x80\x02N."), ("a/constants.pkl", b"")]), "TorchScript"),
        (&zip(&[("fc.weight.npy", b"")]), "NumPy's arrays (`.npz`)"),
        (&zip(&[("read.me", b""), ("a.pth", b"")]), "a zip archive with `a.pth` in it: unzip it"),
        (&zip(&[("read.me", b"")]), "a zip archive: unzip it"),
        (&tar("a.pth"), "a tar archive with `a.pth` in it: untar it"),
        (b"\x1f\x8b\x08\0", "gunzip"),
        (b"BZh91AY", "bunzip2"),
        (b"\xfd7zXZ\0", "unxz"),
        (b"\x28\xb5\x2f\xfd", "unzstd"),
        (
            b"\x80\x04\x95\0\0ctorch.storage\n_load_from_bytes\n.",
            "written by pickle: save it with torch.save",
        ),
        (b"\x80\x02ctorch._utils\n_rebuild_qtensor\n.", "quantised"),
        (b"\x1a\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"I8\",\"b\":1}}", "a quantised network"),
        (b"\x80\x04\x95csklearn.svm\nSVC\n.", "scikit-learn"),
        (optimizer, "an optimizer's state"),
        (b"{\"base_code\": {}, \"program\": {}}", "PaddlePaddle's inference model"),
        (&program, "PaddlePaddle's inference model"),
        (&numbers, "PaddlePaddle's inference model"),
        (b"{\"modelTopology\": {}, \"weightsManifest\": []}", "TensorFlow.js"),
        (b"{\"class_name\": \"Functional\", \"config\": {}}", "without its weights (`model.to_json()`)"),
        (b"{\"architectures\": [\"ResNetForImageClassification\"]}", "the configuration of a network"),
        (b"{\"nodes\": [], \"arg_nodes\": [], \"heads\": []}", "MXNet"),
        (b"{\"a\": 1}", "a JSON file"),
        (b"<?xml version=\"1.0\"?>\n<net name=\"a\" version=\"11\">", "OpenVINO"),
        (b"7767517\n75 83\n", "ncnn"),
        (b"[net]\nbatch=1\n", "Darknet's description"),
        (&darknet, "Darknet's weights"),
        (b"name: \"a\"\nlayer {\n  name: \"b\"\n  type: \"c\"\n}", "Caffe's description"),
        (&caffe, "a Caffe network"),
        (&old_caffe, "a Caffe network"),
        (&core_ml, "a Core ML model"),
        (b"\x08\x01", "SavedModel"),
        (&saved, "SavedModel"),
        (&graph, "a frozen graph of TensorFlow"),
        (&meta, "MetaGraphDef"),
        (&table, "a TensorFlow checkpoint"),
        (b"node {\n  name: \"a\"\n  op: \"Const\"\n}", "GraphDef"),
        (b"model_checkpoint_path: \"model.ckpt\"\n", "TensorFlow's checkpoints"),
        (b"\x82\xa6params\x81", "Flax"),
    ];
    for (bytes, what) in cases {
        let found = said("a", bytes, &[]);
        assert!(found.contains(what), "{what}: {found}");
    }
    // Numbers alone belong to what lies beside them.
    let raw = [&[0x3f_u8, 0x80, 0x11, 0x99][..]; 20].concat();
    let cases = [
        ("m.ckpt.data-00000-of-00001", "m.ckpt.index", "a TensorFlow checkpoint"),
        ("m.bin", "m.xml", "OpenVINO"),
        ("m.bin", "m.param", "ncnn"),
        ("m.onnx.data", "m.onnx", "give the `.onnx` beside it"),
        ("m.onnx_data", "m.onnx", "give the `.onnx` beside it"),
        ("__0_0.distcp", ".metadata", "dcp_to_torch"),
    ];
    for (name, other, what) in cases {
        let found = said(name, &raw, &[name, other]);
        assert!(found.contains(what), "{name}: {found}");
    }
    assert_eq!(said("m.bin", &raw, &["m.bin", "n.xml"]), "");
}

#[test]
fn a_reader_keeps_the_word_on_its_own_files() {
    let class = [&b"\x80\x02cmodels\nNet\n"[..], &[b'.'; 8]].concat();
    let torch = zip(&[("a/data.pkl", &class), ("a/data/0", &[0; 4]), ("a/version", b"3\n")]);
    let safetensors = b"\x08\0\0\0\0\0\0\0{\"a\": 1}";
    let onnx = [vec![0x08, 8], field(2, b"pytorch"), field(7, &field(1, b""))].concat();
    for bytes in [&class, &torch, &safetensors[..], b"\x89HDF\r\n\x1a\n", &onnx] {
        assert_eq!(said("a", bytes, &[]), "");
    }
}

#[test]
fn whatever_comes_is_looked_at_in_bounds() {
    // Each beginning of each file above, and lengths that go nowhere.
    let hostile = [
        [&b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f"[..], &[0x0a; 40]].concat(),
        [&tar("a.pth")[..], &[b'7'; 600]].concat(),
        vec![b'{'; 100_000],
        b"\x0a\x02".repeat(200_000),
        b"\xff\xff\xff\xff{\"".to_vec(),
        vec![0x85, 0xd9],
    ];
    for bytes in &hostile {
        for end in (0..bytes.len()).step_by(bytes.len() / 20 + 1).chain([bytes.len()]) {
            said("a.bin", &bytes[..end], &[]);
        }
    }
    let long = [&b"a\n"[..], "ä`\u{202e}".repeat(5000).as_bytes()].concat();
    assert!(said("a", &long, &[]).len() < 300);
}

#[test]
fn a_folder_is_told_by_what_lies_in_it() {
    let said = |names: &[&str]| {
        of_folder(&names.iter().map(|name| name.to_string()).collect::<Vec<_>>()).to_string()
    };
    let cases: &[(&[&str], &str)] = &[
        (&["assets", "saved_model.pb", "variables"], "SavedModel"),
        (&["Data", "Manifest.json"], "Core ML"),
        (&[".metadata", "__0_0.distcp"], "dcp_to_torch"),
        (&["_METADATA", "manifest.ocdbt"], "Orbax"),
        (&["m.ckpt.data-00000-of-00001", "m.ckpt.index"], "a TensorFlow checkpoint"),
        (&["inference.json", "inference.pdiparams"], "PaddlePaddle's inference model"),
        (&["m.bin", "m.xml"], "OpenVINO"),
        (&["m.bin", "m.param"], "ncnn"),
        (&["byteorder", "data", "data.pkl", "version"], "unpacked"),
        (&["blobs", "refs", "snapshots"], "give the folder in its `snapshots`"),
        (&["a.pth", "b.txt"], "give the weight file in it, `a.pth`"),
        (&["a.pth", "b.pth"], "give one of them (`a.pth`, `b.pth`)"),
        (&[], "an empty folder"),
        (&["b.txt"], "a folder without a weight file"),
    ];
    for (names, what) in cases {
        assert!(said(names).contains(what), "{names:?}: {}", said(names));
    }
}

#[test]
fn tensors_tell_what_is_no_network() {
    let said = |names: &[&str]| of_tensors(names.iter().copied()).map(|kind| kind.to_string());
    assert!(said(&["conv2d_0.w_0_moment1_0"]).unwrap().contains("an optimizer's state"));
    assert!(said(&["fc.weight", "fc.weight.quant_map"]).unwrap().contains("quantised"));
    assert!(said(&["base.fc.lora_A.weight"]).unwrap().contains("LoRA"));
    assert!(of_pickle(b"\x80\x02ctorch._utils\n_rebuild_qtensor\n.").is_some());
    assert_eq!(of_pickle(b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n."), None);
    assert_eq!(said(&["Conv2d_1a_3x3.conv.weight", "fc.bias"]), None);
}
