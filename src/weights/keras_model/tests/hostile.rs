//! Files that are damaged, make no sense, or want too much.

use super::*;

#[test]
fn what_is_no_picture_and_what_is_unknown_is_told_in_a_sentence() {
    let refusal = |config: &Json| built(config, "3").unwrap_err();
    let input = |name: &str| {
        json!({"class_name": "InputLayer", "name": name, "inbound_nodes": [],
            "config": {"name": name, "batch_shape": [null, 8, 8, 3]}})
    };
    let both = json!({"class_name": "Functional", "config": {"name": "two",
        "layers": [input("a"), input("b")],
        "input_layers": [["a", 0, 0], ["b", 0, 0]], "output_layers": [["a", 0, 0]]}});
    assert!(refusal(&both).starts_with("it has 2 inputs (a, b)"), "{}", refusal(&both));

    let vector = json!({"class_name": "InputLayer", "config": {"name": "v", "batch_shape": [null, 784]}});
    let vector = json!({"class_name": "Sequential", "config": {"name": "mlp", "layers": [vector]}});
    assert!(refusal(&vector).contains("`v` is 784, which is no picture"), "{}", refusal(&vector));

    let own = json!({"class_name": "MyModel", "config": {"units": 3}});
    assert!(refusal(&own).contains("`MyModel` is a class of its own"), "{}", refusal(&own));

    let unbuilt =
        json!({"class_name": "Sequential", "config": {"name": "s", "layers": [layer("Flatten", json!({}))]}});
    assert!(refusal(&unbuilt).contains("saved before it was built"), "{}", refusal(&unbuilt));

    let relu = |name: &str, reads: &str| {
        json!({"class_name": "ReLU", "name": name, "config": {"name": name, "trainable": true},
            "inbound_nodes": [[[reads, 0, 0, {}]]]})
    };
    let circle = |first: &str| {
        json!({"class_name": "Functional", "config": {"name": "c",
            "layers": [input("a"), relu("b", "c"), relu("c", first)],
            "input_layers": [["a", 0, 0]], "output_layers": [["c", 0, 0]]}})
    };
    assert!(refusal(&circle("b")).contains("read each other in a circle, `b` among them"));
    assert!(refusal(&circle("x")).contains("something reads `x`"));
    assert!(built(&circle("a"), "3").is_ok());

    let mut deep = chain(vec![]);
    for _ in 0..20 {
        deep = json!({"class_name": "Sequential", "config": {"name": "deep", "layers": [deep]}});
    }
    assert!(refusal(&deep).contains("nested more than 16 deep"));
    let many = chain(vec![layer("ReLU", json!({})); 20_001]);
    assert!(refusal(&many).contains("more than 20000 layers"));
    let large = chain(vec![layer("UpSampling2D", json!({"size": 1_000_000}))]);
    assert!(refusal(&large).contains("`upsampling2d` cannot be"), "{}", refusal(&large));
    let wrong = chain(vec![layer("MaxPooling2D", json!({"pool_size": "two"}))]);
    assert!(refusal(&wrong).contains("`maxpooling2d` says `two` for `pool_size`"), "{}", refusal(&wrong));

    let mut escaping = layer("ReLU", json!({}));
    escaping["config"]["name"] = json!("\u{1b}[2Jx");
    assert_eq!(names(&built(&chain(vec![escaping]), "3").unwrap())[1], "\u{fffd}[2Jx");

    // In front, what is not known is passed over; behind, it ends the graph.
    let front = built(&chain(vec![layer("Lambda", json!({})), layer("ReLU", json!({}))]), "3").unwrap();
    assert_eq!(names(&front), ["image", "lambda", "relu"]);
    assert!(front.notes[0].contains("is a guess"), "{:?}", front.notes);
    let behind = built(&chain(vec![layer("ReLU", json!({})), layer("LSTM", json!({}))]), "3").unwrap();
    assert_eq!((names(&behind), behind.graph.outputs[0].layer), (vec!["image", "relu"], 1));
}

#[test]
fn models_that_call_models_again_and_again_are_refused() {
    let input = json!({"class_name": "InputLayer", "name": "i", "inbound_nodes": [],
        "config": {"name": "i", "batch_shape": [null, 8, 8, 3]}});
    let mut inner = chain(vec![]);
    for depth in 0..12 {
        let name = format!("m{depth}");
        let reads = |name: &str, call: usize| json!([[name, call, 0, {}]]);
        let calls: Vec<Json> =
            (0..8).map(|call| if call == 0 { reads("i", 0) } else { reads(&name, call - 1) }).collect();
        let mut layer = inner;
        layer["name"] = json!(name);
        layer["inbound_nodes"] = json!(calls);
        inner = json!({"class_name": "Functional", "config": {"name": name, "layers": [input, layer],
            "input_layers": [["i", 0, 0]], "output_layers": [[name, 7, 0]]}});
    }
    assert!(built(&inner, "3").unwrap_err().contains("called more than 200000 times"));
}

#[test]
fn damaged_archives_are_refused() {
    let bytes = fixture("flat.keras");
    assert!(recognises(&bytes) && !recognises(&bytes[..bytes.len() - 1]));
    for length in 0..bytes.len() {
        assert!(read_keras(&bytes[..length], ReadOptions::default()).is_err());
    }
    for at in 0..bytes.len() {
        for value in [0, 0xFF, bytes[at] ^ 0x10] {
            let mut damaged = bytes.clone();
            damaged[at] = value;
            let _ = read_keras(&damaged, ReadOptions::default());
        }
    }
    let small = ReadOptions {
        limits: crate::weights::file::Limits { tensors: 3, bytes: 1 << 20 },
        ..Default::default()
    };
    assert!(read_keras(&bytes, small).unwrap_err().0.contains("more than 3 tensors"));
}

#[test]
fn entries_that_would_unpack_to_gigabytes_are_refused() {
    let bytes = fixture("flat.keras");
    let name = b"model.weights.h5";
    // Its line in the directory, and in that its size.
    let line = bytes.windows(name.len()).rposition(|window| window == name).unwrap() - 46;
    for (size, says) in [(u32::MAX - 1, "4294967294 bytes, more than is read"), (500, "cannot be unpacked")] {
        let mut bomb = bytes.clone();
        bomb[line + 24..line + 28].copy_from_slice(&size.to_le_bytes());
        let refusal = read_keras(&bomb, ReadOptions::default()).unwrap_err().0;
        assert!(refusal.contains(says), "{refusal}");
    }
}

#[test]
fn damage_in_hdf5_never_panics() {
    for (name, step) in [("nested.h5", 11), ("old.h5", 1)] {
        let original = fixture(name);
        for at in (0..original.len()).step_by(step) {
            if original[at] == 0 && at % 31 != 0 {
                continue;
            }
            let mut bytes = original.clone();
            bytes[at] ^= 0x15;
            let _ = read_h5(&bytes, ReadOptions::default());
        }
    }
}

/// All places of a configuration.
fn places(value: &Json, at: &str, found: &mut Vec<String>) {
    // What is only for training is not read.
    if ["_initializer", "_regularizer", "_constraint"].iter().any(|end| at.ends_with(end)) {
        return;
    }
    found.push(at.into());
    match value {
        Json::Array(parts) => {
            parts.iter().enumerate().for_each(|(i, part)| places(part, &format!("{at}/{i}"), found))
        }
        Json::Object(parts) => {
            parts.iter().for_each(|(key, part)| places(part, &format!("{at}/{key}"), found))
        }
        _ => {}
    }
}

#[test]
fn nonsense_anywhere_in_a_configuration_never_panics() {
    for name in ["flat.keras", "nested.keras"] {
        let bytes = fixture(name);
        let parts = archive::open(&bytes, ReadOptions::default().limits).unwrap();
        let config: Json = serde_json::from_str(&parts.config).unwrap();
        let file = Hdf5::open(&parts.weights).unwrap();
        let mut all = vec![];
        places(&config, "", &mut all);
        let nonsense = [
            json!(null),
            json!(-1),
            json!(0),
            json!(1e18),
            json!(4_000_000_000_u32),
            json!("x"),
            json!([]),
            json!({}),
            json!(true),
        ];
        for place in all {
            for value in &nonsense {
                let mut config = config.clone();
                *config.pointer_mut(&place).unwrap() = value.clone();
                let Ok(model) = topology::model(&config) else { continue };
                let options = ReadOptions::default();
                let Ok(mut variables) = Variables::numbered(&file, &model, options.limits) else { continue };
                let described = Described {
                    layout: Layout::KerasArchive,
                    version: "3.0.0".into(),
                    backend: String::new(),
                    training: config.get("compile_config").cloned(),
                };
                let _ = build(&model, &mut variables, described, options);
            }
        }
    }
}
