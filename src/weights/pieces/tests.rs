//! What a path stands for, in folders of empty files: contents are read later.

use super::*;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(folder)
    }

    fn find(&self, name: &str) -> Result<Place, String> {
        find(&self.0.path().join(name)).map_err(|error| error.to_string())
    }

    fn pieces(&self, name: &str) -> (Vec<String>, bool) {
        match self.find(name).unwrap() {
            Place::Pieces(Pieces { files, note }) => {
                (files.iter().map(|file| name_of(file)).collect(), note.is_some())
            }
            other => panic!("{other:?}"),
        }
    }
}

const INDEX: &str = r#"{"metadata": {"total_size": 8.0}, "weight_map": {"b": "model-00002-of-00002.safetensors",
    "a": "model-00001-of-00002.safetensors", "c": "model-00001-of-00002.safetensors"}}"#;

#[test]
fn pieces_are_found_from_folder_index_and_piece() {
    let [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
    let folder =
        Folder::new(&[("model.safetensors.index.json", INDEX), (one, ""), (two, ""), ("config.json", "{}")]);
    let both = vec![one.to_string(), two.into()];
    assert_eq!(folder.pieces(""), (both.clone(), false));
    assert_eq!(folder.pieces("model.safetensors.index.json"), (both.clone(), false));
    assert_eq!(folder.pieces(two), (both.clone(), true));
    // Without an index their names tell.
    std::fs::remove_file(folder.0.path().join("model.safetensors.index.json")).unwrap();
    assert_eq!(folder.pieces(one), (both, true));
    std::fs::remove_file(folder.0.path().join(two)).unwrap();
    let message = folder.find(one).unwrap_err();
    assert!(
        message.contains("one of 2 pieces, and model-00002-of-00002.safetensors is not beside it"),
        "{message}"
    );
}

#[test]
fn pieces_of_keras_have_an_index_of_texts_and_lists() {
    let index = r#"{"weight_map": {"/layers/a/vars": "m_00000.weights.h5",
        "/layers/b/vars": ["m_00000.weights.h5", "m_00001.weights.h5"]}}"#;
    let folder = Folder::new(&[
        ("m.weights.json", index),
        ("m_00000.weights.h5", ""),
        ("m_00001.weights.h5", ""),
        ("m_00002.weights.h5", ""),
        ("n_00002.weights.h5", ""),
    ]);
    let both = vec!["m_00000.weights.h5".to_string(), "m_00001.weights.h5".into()];
    assert_eq!(folder.pieces(""), (both.clone(), false));
    assert_eq!(folder.pieces("m_00001.weights.h5"), (both, true));
    // A file of such a name that the index does not know, and one without an index: weights of an epoch, perhaps.
    for (name, is_told) in [("m_00002.weights.h5", false), ("n_00002.weights.h5", true)] {
        let path = folder.0.path().join(name);
        assert_eq!(find(&path).unwrap(), Place::File(path.clone()));
        assert_eq!(lone_piece(&path).is_some(), is_told, "{name}");
    }
}

#[test]
fn what_is_gone_or_elsewhere_is_named() {
    let index = |name: &str| format!("{{\"weight_map\": {{\"a\": \"one.bin\", \"b\": {name}}}}}");
    for (name, part) in [
        ("\"two.bin\"", "an index of 2 pieces, and two.bin is not beside it"),
        ("\"../two.bin\"", "outside its folder"),
        ("\"/etc/passwd\"", "outside its folder"),
        ("\"a\\\\b.bin\"", "outside its folder"),
        ("7", "names pieces by no text"),
        ("[\"two.bin\"]", "two.bin is not beside it"),
    ] {
        let folder = Folder::new(&[("pytorch_model.bin.index.json", &index(name)), ("one.bin", "")]);
        let message = folder.find("").unwrap_err();
        assert!(message.contains(part), "{name}: {message}");
        assert_eq!(folder.find("pytorch_model.bin.index.json").unwrap_err(), message);
    }
    let folder = Folder::new(&[("a.index.json", r#"{"weight_map": {}}"#)]);
    assert!(folder.find("a.index.json").unwrap_err().contains("an index of 0 pieces"));
}

#[test]
fn a_folder_stands_for_the_weights_that_stand_out() {
    let keras = r#"{"class_name": "Functional", "config": {}}"#;
    let folder = Folder::new(&[("config.json", keras), ("model.weights.h5", ""), ("metadata.json", "{}")]);
    let unpacked = Place::Unpacked(folder.0.path().into());
    assert_eq!(find(folder.0.path()).unwrap(), unpacked);
    assert_eq!(folder.find("config.json").unwrap(), unpacked);
    assert_eq!(
        folder.find("model.weights.h5").unwrap(),
        Place::File(folder.0.path().join("model.weights.h5"))
    );
    let folder = Folder::new(&[("pytorch_model.bin", ""), ("model.safetensors", ""), ("config.json", "{}")]);
    assert_eq!(folder.find("").unwrap(), Place::File(folder.0.path().join("model.safetensors")));
    let folder = Folder::new(&[("a.pth", ""), ("b.pth", "")]);
    assert!(folder.find("").unwrap_err().contains("a folder with several weight files: give one of them"));
}
