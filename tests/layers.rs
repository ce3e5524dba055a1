//! Imports run one way (ARCHITECTURE.md, "Folders"), files do not need each other in circles, none is long, and only the
//! named files know the big libraries.

#[path = "layers/circles.rs"]
mod circles;
#[path = "layers/tokens.rs"]
mod tokens;

use std::path::{Path, PathBuf};

/// Lines of a file, tests apart, that a reader keeps in mind.
const MOST_LINES: usize = 400;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Path below `src` and the text.
fn files() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    assert!(files.len() > 40);
    let read = |path: PathBuf| {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/");
        (name, std::fs::read_to_string(&path).unwrap())
    };
    files.into_iter().map(read).collect()
}

/// Those that are not tests alone.
fn files_without_tests() -> Vec<(String, String)> {
    let mut files = files();
    files.retain(|(name, _)| {
        !name.contains("/tests/") && !name.ends_with("/tests.rs") && !name.ends_with("_tests.rs")
    });
    files
}

/// Path below `src` and the code without comments and tests.
fn all() -> Vec<(String, String)> {
    files()
        .into_iter()
        .map(|(name, text)| {
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            let code = code
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .collect::<Vec<_>>()
                .join("\n");
            (name, code)
        })
        .collect()
}

#[test]
fn pure_folders_know_no_big_library() {
    let pure = [
        "frame.rs",
        "latest.rs",
        "model/",
        "view/",
        "weights/",
        "inspect/",
        "prefer/",
        "figure/",
        "app/state/",
        "app/keys/",
        "app/palette.rs",
        "app/placing.rs",
        "app/view_model.rs",
    ];
    let libraries = ["nokhwa::", "burn::", "burn_wgpu::", "cubecl::", "wgpu::", "winit::", "egui::"];
    for (name, code) in all().iter().filter(|(name, _)| pure.iter().any(|place| name.starts_with(place))) {
        for library in libraries {
            assert!(!code.contains(library), "{name} names {library}");
        }
    }
}

#[test]
fn each_library_has_its_place() {
    let places: [(&str, &[&str]); 6] = [
        ("nokhwa::", &["source/camera"]),
        ("v4l::", &["source/camera"]),
        ("winit::", &["app/"]),
        ("egui::", &["app/"]),
        ("cubecl::", &["bridge.rs"]),
        ("burn::", &["network/", "bridge.rs", "engine/mod.rs", "session/inference"]),
    ];
    for (name, code) in all() {
        for (library, allowed) in places {
            let named = code.lines().any(|line| {
                line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':'))
                    .any(|word| word.starts_with(library))
            });
            let fine = !named || allowed.iter().any(|place| name.starts_with(place));
            assert!(fine, "{name} names {library}");
        }
        // The two meet in one file alone.
        let wgpu_and_burn = code.contains("burn::") && code.contains("wgpu::");
        assert!(!wgpu_and_burn || name == "bridge.rs", "{name} knows Burn and wgpu");
        assert!(!code.contains("into_data()") || name == "network/cpu.rs", "{name} reads tensors back");
    }
}

#[test]
fn imports_run_one_way() {
    let order: [(&str, &[&str]); 17] = [
        ("frame.rs", &[]),
        ("folders.rs", &[]),
        ("latest.rs", &[]),
        ("journal/", &["frame"]),
        ("model/", &[]),
        ("view/", &[]),
        ("web.rs", &[]),
        ("weights/", &["folders", "model", "web"]),
        ("network/", &["model", "weights"]),
        ("prefer/", &["model", "weights"]),
        ("gpu/", &["frame", "inspect", "latest", "model", "view"]),
        ("source/", &["frame", "journal", "latest", "shapes", "web"]),
        ("serve/", &["gpu", "latest"]),
        ("follow/", &["engine", "frame", "gpu", "inspect", "model", "source", "weights"]),
        ("shapes/", &[]),
        ("inspect/", &["model"]),
        ("figure/", &[]),
    ];
    for (name, code) in all() {
        let Some((place, allowed)) = order.iter().find(|(place, _)| name.starts_with(place)) else {
            continue;
        };
        let own = place.trim_end_matches('/').trim_end_matches(".rs");
        for part in code.split("crate::").skip(1) {
            let module: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
            assert!(module == own || allowed.contains(&module.as_str()), "{name} imports crate::{module}");
        }
    }
}

#[test]
fn files_do_not_need_each_other_in_circles() {
    let mut files = files_without_tests();
    // The binary is a crate of its own.
    files.retain(|(name, _)| name != "main.rs");
    let needs = circles::needs(&files);
    // A reader of paths that finds none would find no circle either.
    assert!(needs.values().map(|needed| needed.len()).sum::<usize>() > files.len());
    let circles = circles::circles(&needs);
    let refused: Vec<_> = circles.iter().map(|circle| circles::told(&needs, circle)).collect();
    assert!(refused.is_empty(), "files need each other:\n{}", refused.join("\n"));
}

#[test]
fn no_file_is_long() {
    let lengths = files_without_tests().into_iter().map(|(name, text)| (text.lines().count(), name));
    let long: Vec<_> = lengths.filter(|(lines, _)| *lines > MOST_LINES).collect();
    assert!(long.is_empty(), "longer than {MOST_LINES} lines: {long:?}");
}

#[test]
fn graphics_objects_are_made_where_they_are_counted() {
    for (name, code) in all() {
        let is_counting = name == "gpu/objects.rs";
        assert!(is_counting || !code.contains("device.create_"), "{name} makes an object that nobody counts");
        // The surface hands out another texture for each picture.
        let is_surface = name == "app/renderer.rs";
        assert!(is_counting || is_surface || !code.contains(".create_view("), "{name} makes a view");
    }
}
