//! The real binary: pictures in, snapshots out; wrong input; the window under Xvfb with real key events.

mod common;
#[cfg(target_os = "linux")]
#[path = "whole/dropping.rs"]
mod dropping;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use common::{gpu, skip};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// What a test waits for at most before it is said to hang.
const PATIENCE: Duration = Duration::from_secs(120);

fn convscope(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_convscope"));
    // What was fetched on this machine must not matter.
    command.env("CONVSCOPE_CACHE", folder.join("cache")).env("CONVSCOPE_CONFIG", folder.join("settings"));
    command.current_dir(folder).env_remove("DISPLAY").env_remove("WAYLAND_DISPLAY").stdin(Stdio::null());
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    convscope(folder).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The only snapshot in `folder/NAME`.
fn snapshot(folder: &Path) -> PathBuf {
    let mut all: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

fn json(snapshot: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(snapshot.join("snapshot.json")).unwrap()).unwrap()
}

/// A picture with a bright square on the left and a dark one on the right.
fn picture(path: &Path) {
    let image = image::RgbImage::from_fn(120, 80, |x, y| {
        let inside = (20..60).contains(&y);
        match x {
            10..50 if inside => image::Rgb([240, 220, 30]),
            70..110 if inside => image::Rgb([10, 20, 90]),
            _ => image::Rgb([(x * 2) as u8, (y * 3) as u8, 128]),
        }
    });
    image.save(path).unwrap();
}

const THIN: [&str; 4] = ["--width-multiplier", "0.1", "--device", "cpu"];

#[test]
fn a_photograph_becomes_a_snapshot_that_can_be_made_again() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("photo.png"));
    let arguments = ["--headless", "--source", "photo.png", "--layer", "conv2d_4", "--channels", "0..6,9"];
    let more = ["--colormap", "magma", "--normalize", "layer", "--fit", "crop", "--snapshot", "out"];
    let output = run(folder.path(), &[&arguments[..], &more, &THIN].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    let first = snapshot(&folder.path().join("out"));
    assert!(text(&output.stdout).contains(first.file_name().unwrap().to_str().unwrap()));

    let info = json(&first);
    assert_eq!(info["layer"]["name"], "conv2d_4");
    assert_eq!(info["channels"].as_array().unwrap().len(), 7);
    assert_eq!(info["statistics"].as_array().unwrap().len(), 8);
    assert!(info["predictions"].as_array().unwrap().is_empty(), "an untrained network predicts nothing");
    let bytes = std::fs::read(first.join("map.safetensors")).unwrap();
    let map = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(map.tensor("conv2d_4").unwrap().shape(), [1, 7, 71, 71]);
    let original = image::open(folder.path().join("photo.png")).unwrap().to_rgb8();
    assert_eq!(image::open(first.join("frame.png")).unwrap().to_rgb8(), original);

    // The command in the snapshot makes the same pictures and numbers.
    let command = info["command"].as_str().unwrap();
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let output = run(&first, &words);
    assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    let again =
        std::fs::read_dir(&first).unwrap().map(|entry| entry.unwrap().path()).find(|path| path.is_dir());
    let again = again.unwrap();
    for name in ["tiles.png", "map.safetensors", "frame.png"] {
        assert!(
            std::fs::read(first.join(name)).unwrap() == std::fs::read(again.join(name)).unwrap(),
            "{name}"
        );
    }
    let area = |snapshot: &Path| tile_area(&image::open(snapshot.join("view.png")).unwrap().to_rgb8(), &info);
    assert_eq!(area(&first), area(&again));
}

/// Everything on a view but the line that tells rates and times.
fn above_the_status_line(snapshot: &Path) -> image::RgbImage {
    let view = image::open(snapshot.join("view.png")).unwrap().to_rgb8();
    image::imageops::crop_imm(&view, 0, 0, view.width(), view.height() - 32).to_image()
}

/// Runs a snapshot's command in its folder: the new snapshot.
fn again(first: &Path) -> PathBuf {
    let info = json(first);
    let command = info["command"].as_str().unwrap();
    let output = run(first, &command.split(' ').skip(1).collect::<Vec<_>>());
    assert!(output.status.success(), "{command}: {}", text(&output.stderr));
    let folders = std::fs::read_dir(first).unwrap().map(|entry| entry.unwrap().path());
    folders.filter(|path| path.is_dir() && !path.ends_with("cache")).max().unwrap()
}

fn assert_is_made_again(first: &Path) {
    let (command, again) = (json(first)["command"].clone(), again(first));
    for name in ["tiles.png", "map.safetensors", "frame.png", "held.png"] {
        let bytes = |folder: &Path| std::fs::read(folder.join(name)).ok();
        assert!(bytes(first) == bytes(&again), "{name} of {command}");
    }
    let (first_view, again_view) = (above_the_status_line(first), above_the_status_line(&again));
    let differs = first_view.enumerate_pixels().find(|(x, y, pixel)| again_view.get_pixel(*x, *y) != *pixel);
    assert!(differs.is_none(), "the view of {command} differs at {differs:?}");
}

#[test]
fn the_command_of_a_snapshot_repeats_everything_that_is_on_the_screen() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    picture(&folder.path().join("photo.png"));
    let other = image::open(folder.path().join("photo.png")).unwrap().fliph();
    other.save(folder.path().join("other.png")).unwrap();
    let cases: [&[&str]; 13] = [
        &["--over-channel", "--select", "5", "--opacity", "0.4", "--mirror", "--smooth"],
        &["--held", "other.png", "--normalize", "layer", "--channels", "0..6"],
        &["--layer", "conv2d_1", "--kernels", "--select", "3", "--no-predictions"],
        &["--layer", "1", "--kernels", "--cam", "--tile-size", "40"],
        &["--hypercolumn", "1,4,7", "--mark", "0.25,0.75", "--theme", "light"],
        &["--enlarge", "--select", "7", "--mark", "0.5,0.5", "--curve", "--show-input", "--gamma", "0.5"],
        &["--normalize", "percentile", "--fit", "crop"],
        &["--saliency", "guided,signed", "--layer", "mixed5", "--select", "5"],
        &["--saliency", "smoothgrad,masked", "--from", "class:top", "--layer", "mixed2"],
        &["--grad-cam", "layercam", "--gradients", "--layer", "mixed4", "--from", "class:1-mixed5:3"],
        &["--layer", "conv2d_1", "--select", "3", "--cell", "--mark", "0.4,0.6", "--block"],
        &["--rows", "stages,page:2", "--tile-size", "80"],
        &["--rows", "1,4,mixed3", "--layer", "mixed2"],
    ];
    for (number, case) in cases.into_iter().enumerate() {
        let out = format!("out{number}");
        let fixed = ["--headless", "--source", "photo.png", "--weights", "embedded", "--device", "cpu"];
        let rest = ["--size", "1000x640", "--snapshot", &out];
        let output = run(folder.path(), &[&fixed[..], case, &rest].concat());
        assert!(output.status.success(), "{case:?}: {}", text(&output.stderr));
        assert_is_made_again(&snapshot(&folder.path().join(&out)));
    }
    // What tiles show is what is saved.
    let tensors = |number: usize| {
        let path = snapshot(&folder.path().join(format!("out{number}"))).join("map.safetensors");
        let bytes = std::fs::read(path).unwrap();
        let all = safetensors::SafeTensors::deserialize(&bytes).unwrap();
        let mut shapes: Vec<_> =
            all.tensors().into_iter().map(|(name, tensor)| (name, tensor.shape().to_vec())).collect();
        shapes.sort();
        shapes
    };
    let named = |name: &str, shape: &[usize]| (name.to_string(), shape.to_vec());
    assert_eq!(tensors(2), [named("conv2d_1.weight", &[1, 8, 3, 3])]);
    assert_eq!(tensors(3), [named("conv2d.weight", &[8, 3, 3, 3])]);
    assert_eq!(tensors(7)[0], named("guided of the picture", &[1, 3, 299, 299]));
    assert_eq!(tensors(9).len(), 2, "the gradients, and the map over the picture");
    let record = |number: usize| json(&snapshot(&folder.path().join(format!("out{number}"))));
    assert_eq!(record(7)["over"]["from"]["words"], "mixed5 channel 5, its strongest cell");
    assert_eq!(record(8)["over"]["passes"], 25);
    assert_eq!(record(9)["over"]["value"], record(9)["tiles"]["value"]);
    let cell = &record(10)["cell"];
    assert_eq!((cell["adds"].as_str(), cell["kernel"].as_array().map(Vec::len)), (Some("conv2d_1"), Some(2)));
    let [told, own] = ["value", "network_value"].map(|name| cell[name].as_f64().unwrap());
    assert!((told - own).abs() < 1e-4, "{told} is not {own}");
    let rows = record(12)["tiles"]["rows"].clone();
    let named: Vec<_> = rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(named, ["conv2d", "conv2d_1", "mixed3"]);
    assert_eq!(tensors(12).len(), 3);
    let held: Vec<String> = tensors(1).into_iter().map(|(name, _)| name).collect();
    assert_eq!(held.len(), 3, "now, the held frame, the difference: {held:?}");
}

fn tile_area(view: &image::RgbImage, info: &Value) -> image::RgbImage {
    let [x, y, width, height] = [0, 1, 2, 3].map(|i| info["tile_area"][i].as_u64().unwrap() as u32);
    image::imageops::crop_imm(view, x, y, width, height).to_image()
}

#[test]
fn a_folder_is_gone_through_and_nothing_is_overwritten() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path().join("pictures");
    std::fs::create_dir(&pictures).unwrap();
    for name in ["2.png", "10.jpg"] {
        picture(&pictures.join(name));
    }
    std::fs::write(pictures.join("5.png"), "not a picture").unwrap();
    let arguments = ["--headless", "--source", "pictures", "--layer", "1,7", "--snapshot", "out"];
    for run_number in 1..=2 {
        let output = run(folder.path(), &[&arguments[..], &THIN].concat());
        assert_eq!(output.status.code(), Some(1), "one could not be read: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("5.png"), "{}", text(&output.stderr));
        let count = std::fs::read_dir(folder.path().join("out")).unwrap().count();
        assert_eq!(count, run_number * 4, "two pictures, two layers");
    }
}

#[test]
fn mistakes_get_one_sentence_and_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("text.jpg"), "hello").unwrap();
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let cases: [(&[&str], i32, &str); 11] = [
        (&["--headless", "--layer", "mixd5"], 1, "did you mean `mixed5`?"),
        (
            &["--headless", "--layer", "conv2d", "--channels", "0..64", "--weights", "untrained"],
            1,
            "conv2d has 32 channels (0 to 31)",
        ),
        (&["--headless", "--channels", "x"], 2, "is not a channel"),
        (&["--headless", "--source", "text.jpg"], 1, "text.jpg"),
        (&["--headless", "--source", "none.png"], 1, "none.png"),
        (&["--headless", "--source", "empty"], 1, "no picture in this folder"),
        (
            &["--headless", "--source", "testcard", "--weights", "text.jpg"],
            1,
            "not a weight file that can be read",
        ),
        (&["--headless", "--source", "testcard", "--adapter", "nonsense"], 1, "no graphics adapter"),
        (&["--headless", "--weights", "w", "--width-multiplier", "0.5"], 1, "leave one of the two out"),
        (&["--layer", "1,2"], 1, "one layer at a time"),
        (&["--frames", "3"], 2, "--headless"),
    ];
    for (arguments, code, message) in cases {
        let needs_adapter = code == 1 && !arguments.contains(&"--layer") && !message.contains("leave one");
        if needs_adapter && gpu().is_none() {
            continue;
        }
        let output = run(folder.path(), arguments);
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
        assert!(errors.contains(message), "{arguments:?}: {errors}");
        assert!(!errors.contains("panicked"), "{errors}");
        let own_lines = errors.lines().filter(|line| line.starts_with("convscope: ")).count();
        assert!(code == 2 || own_lines == 1, "{arguments:?}: {errors}");
        assert!(!folder.path().join("convscope-snapshots").exists(), "{arguments:?} left something");
    }
    // Without a display the window says what to do instead.
    if cfg!(target_os = "linux") {
        let output = run(folder.path(), &["--source", "testcard"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("--headless"), "{}", text(&output.stderr));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_a_message() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let arguments = ["--headless", "--source", "testcard", "--snapshot", "file/out"];
    let output = run(folder.path(), &[&arguments[..], &THIN].concat());
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("could not be written"), "{}", text(&output.stderr));
}

#[test]
#[cfg(unix)]
fn ctrl_c_ends_an_endless_run_cleanly() {
    if gpu().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--headless", "--source", "testcard", "--seconds", "3000", "--snapshot", "out"];
    let mut child =
        convscope(folder.path()).args(arguments).args(THIN).stderr(Stdio::piped()).spawn().unwrap();
    wait_for(|| folder.path().join("out").is_dir());
    interrupt(&child);
    assert_eq!(end_of(&mut child), Some(130));
    // No half-written folder is left.
    for entry in std::fs::read_dir(folder.path().join("out")).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.join("snapshot.json").is_file(), "{path:?}");
    }
}

/// Ctrl-C. By the shell's own `kill`: a small system has no other.
fn interrupt(child: &Child) {
    let status = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
    assert!(status.success());
}

fn wait_for(mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it never came");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn end_of(child: &mut Child) -> Option<i32> {
    let mut status = None;
    wait_for(|| {
        status = child.try_wait().unwrap();
        status.is_some()
    });
    status.and_then(|status| status.code())
}

/// An X server of its own, a window in it, keys pressed and pictures taken with the usual tools.
#[cfg(target_os = "linux")]
mod window {
    use super::*;

    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    struct Desk {
        display: String,
        _server: Killed,
    }

    impl Desk {
        fn open() -> Option<Self> {
            for tool in ["Xvfb", "xdotool", "import", "xwininfo"] {
                let found = Command::new("sh").args(["-c", &format!("command -v {tool}")]).output().unwrap();
                if !found.status.success() {
                    skip("xvfb", &format!("{tool} is not installed"));
                    return None;
                }
            }
            // The server chooses a free display and says which.
            let mut server = Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "3840x2160x24", "-nolisten", "tcp", "-noreset"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            let mut line = String::new();
            let stdout = server.stdout.take().unwrap();
            std::io::BufRead::read_line(&mut std::io::BufReader::new(stdout), &mut line).unwrap();
            assert!(!line.trim().is_empty(), "Xvfb did not start");
            Some(Self { display: format!(":{}", line.trim()), _server: Killed(server) })
        }

        fn tool(&self, name: &str, arguments: &[&str]) -> String {
            let output = Command::new(name).args(arguments).env("DISPLAY", &self.display).output().unwrap();
            text(&output.stdout).trim().to_string()
        }

        fn start(&self, folder: &Path, arguments: &[&str]) -> (Killed, String) {
            let mut command = convscope(folder);
            command.args(arguments);
            self.spawn(command)
        }

        fn spawn(&self, mut command: Command) -> (Killed, String) {
            let child = command.env("DISPLAY", &self.display).spawn().unwrap();
            let mut window = String::new();
            wait_for(|| {
                window = self.tool("xdotool", &["search", "--name", "^convscope$"]);
                !window.is_empty()
            });
            self.tool("xdotool", &["windowfocus", "--sync", &window]);
            (Killed(child), window)
        }

        fn key(&self, key: &str) {
            self.tool("xdotool", &["key", key]);
        }

        fn picture(&self, window: &str, folder: &Path) -> image::RgbImage {
            let path = folder.join("screen.png");
            self.tool("import", &["-window", window, path.to_str().unwrap()]);
            image::open(path).unwrap().to_rgb8()
        }
    }

    /// Presses `s` until a snapshot shows the wanted state, and returns it.
    fn snapshot_where(desk: &Desk, folder: &Path, wanted: impl Fn(&Value) -> bool) -> PathBuf {
        let snapshots = folder.join("convscope-snapshots");
        let newest = || {
            let all = std::fs::read_dir(&snapshots).ok()?;
            let named = all
                .map(|e| e.unwrap().path())
                .filter(|p| !p.file_name().unwrap().to_string_lossy().starts_with('.'));
            named.max()
        };
        let mut found = None;
        wait_for(|| {
            let before = newest();
            desk.key("s");
            let deadline = Instant::now() + Duration::from_secs(5);
            while newest() == before && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            found = newest().filter(|path| wanted(&json(path)));
            found.is_some()
        });
        found.unwrap()
    }

    #[test]
    fn keys_work_and_the_screen_shows_what_is_written_off_screen() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        picture(&folder.path().join("photo.png"));
        let arguments = ["--source", "photo.png", "--layer", "conv2d_1", "--size", "1000x640"];
        let (mut app, window) = desk.start(folder.path(), &[&arguments[..], &THIN].concat());
        let layer = |name: &'static str| move |info: &Value| info["layer"]["name"] == name;
        let first = snapshot_where(&desk, folder.path(), layer("conv2d_1"));
        assert_eq!(json(&first)["view_size"], serde_json::json!([1000, 640]));

        for (key, name) in [
            ("o", "batch_normalization_1"),
            ("u", "conv2d_1"),
            ("shift+o", "max_pooling2d_1"),
            ("shift+o", "mixed0"),
        ] {
            desk.key(key);
            snapshot_where(&desk, folder.path(), layer(name));
        }
        desk.key("m");
        desk.key("n");
        desk.key("Right");
        let changed = snapshot_where(&desk, folder.path(), |info| {
            info["colormap"] == "magma" && info["normalize"] == "layer" && info["selected"] == 1
        });
        // Toasts leave the screen alone again before it is compared.
        std::thread::sleep(Duration::from_secs(6));
        let screen = desk.picture(&window, folder.path());
        let info = json(&changed);
        let view = image::open(changed.join("view.png")).unwrap().to_rgb8();
        let command = info["command"].as_str().unwrap();
        let output = run(&changed, &command.split(' ').skip(1).collect::<Vec<_>>());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let inside =
            std::fs::read_dir(&changed).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir()).unwrap();
        let off_screen = image::open(inside.join("view.png")).unwrap().to_rgb8();
        // The selected tile's frame, in the first row, is the window's alone.
        let below = |picture: &image::RgbImage| {
            let area = tile_area(picture, &info);
            let half = area.height() / 2;
            image::imageops::crop_imm(&area, 0, half, area.width(), half - 60).to_image()
        };
        assert!(below(&screen) == below(&off_screen), "the screen equals the off-screen picture");
        assert!(below(&screen) == below(&view), "and the snapshot's");

        desk.key("z");
        snapshot_where(&desk, folder.path(), |info| info["enlarged"] == true);
        desk.key("Escape");
        snapshot_where(&desk, folder.path(), |info| info["enlarged"] == false);
        for size in [["1280", "720"], ["3840", "2160"], ["480", "320"]] {
            desk.tool("xdotool", &["windowsize", "--sync", &window, size[0], size[1]]);
            let wanted = size.map(|side| side.parse::<u32>().unwrap());
            let path =
                snapshot_where(&desk, folder.path(), |info| info["view_size"] == serde_json::json!(wanted));
            let view = image::open(path.join("view.png")).unwrap();
            assert_eq!([view.width(), view.height()], wanted);
        }
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn scales_and_orders_chosen_by_key_are_made_again_off_screen() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        picture(&folder.path().join("photo.png"));
        let arguments = ["--source", "photo.png", "--layer", "mixed0", "--size", "1000x640"];
        let (mut app, _) = desk.start(folder.path(), &[&arguments[..], &THIN].concat());
        let shot = |wanted: &dyn Fn(&Value) -> bool| snapshot_where(&desk, folder.path(), wanted);
        shot(&|info| info["sort"] == "index" && info["normalize"] == "map" && info["locked"] == false);
        for key in ["n", "n", "t", "shift+l", "period", "shift+f"] {
            desk.key(key);
        }
        let changed = shot(&|info| info["filter"] == "silent" && info["locked"] == true);
        let info = json(&changed);
        assert_eq!(
            [&info["sort"], &info["normalize"], &info["colormap"]],
            [&Value::from("max"), &Value::from("symmetric"), &Value::from("diverging")]
        );
        assert!((info["gamma"].as_f64().unwrap() - 0.7).abs() < 1e-6);
        let statistics = info["statistics"].as_array().unwrap();
        let channels = info["channels"].as_array().unwrap();
        let largest: Vec<f64> =
            statistics.iter().take(channels.len()).map(|one| one["max"].as_f64().unwrap()).collect();
        assert!(largest.len() > 3 && largest.is_sorted_by(|a, b| a >= b), "{largest:?}");
        assert!(largest.iter().all(|max| *max > 0.0), "silent ones are hidden");
        assert_eq!(channels.len() as u64 + info["hidden"].as_u64().unwrap(), info["layer"]["shape"][0]);
        let [low, high] = [0, 1].map(|end| info["ranges"][0][end].as_f64().unwrap());
        assert!(low == -high && (high - largest[0]).abs() < 1e-6, "{low} {high}");

        let command = info["command"].as_str().unwrap();
        let output = run(&changed, &command.split(' ').skip(1).collect::<Vec<_>>());
        assert!(output.status.success(), "{command}: {}", text(&output.stderr));
        let again = std::fs::read_dir(&changed).unwrap().map(|e| e.unwrap().path()).find(|p| p.is_dir());
        let tiles = |folder: &Path| std::fs::read(folder.join("tiles.png")).unwrap();
        assert!(tiles(&changed) == tiles(&again.unwrap()), "{command}");

        // A number, typed: the second of the channels that are shown.
        let second = channels[1].as_u64().unwrap().to_string();
        for digit in second.chars() {
            desk.key(&digit.to_string());
        }
        desk.key("Return");
        shot(&|info| info["selected"] == 1 && info["enlarged"] == false);
        desk.key("Escape");
        shot(&|info| info["sort"] == "index" && info["normalize"] == "map" && info["hidden"] == 0);
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn the_tutorials_keys_work_and_the_picture_changes() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        picture(&folder.path().join("photo.png"));
        let arguments = ["--source", "photo.png", "--layer", "conv2d_1", "--size", "1000x640"];
        let (mut app, _) = desk.start(folder.path(), &[&arguments[..], &THIN].concat());
        let shot = |wanted: &dyn Fn(&Value) -> bool| snapshot_where(&desk, folder.path(), wanted);
        let view = |path: &Path| image::open(path.join("view.png")).unwrap().to_rgb8();
        // Messages lie over the lower edge.
        let area = |path: &Path| {
            let tiles = tile_area(&view(path), &json(path));
            image::imageops::crop_imm(&tiles, 0, 0, tiles.width(), tiles.height() / 2).to_image()
        };
        let plain = shot(&|info| info["over"].is_null());

        // Layer 4 is in the set at first: x takes it out, and again in.
        desk.key("x");
        shot(&|info| info["over"]["layers"] == serde_json::json!([1, 7]));
        desk.key("x");
        desk.key("bracketright");
        let over = shot(&|info| {
            let opacity = info["over"]["opacity"].as_f64().unwrap_or(0.0);
            info["over"]["layers"] == serde_json::json!([1, 4, 7]) && (opacity - 0.8).abs() < 1e-6
        });
        // In the middle of the picture, at the left: its colours give way to those of the colormap.
        let at = |path: &Path| *view(path).get_pixel(100, 130);
        assert_ne!(at(&plain), at(&over));
        // Tapped convolutions have their normalisation outside, which rounds differently: a neighbouring colour here and
        // there.
        let (before, after) = (area(&plain), area(&over));
        assert_eq!(before.dimensions(), after.dimensions());
        let differs = |(a, b): &(&image::Rgb<u8>, &image::Rgb<u8>)| a != b;
        let others: Vec<_> = before.pixels().zip(after.pixels()).filter(differs).collect();
        let is_near = |(a, b): &(&image::Rgb<u8>, &image::Rgb<u8>)| (0..3).all(|i| a[i].abs_diff(b[i]) <= 6);
        assert!(others.len() < 20 && others.iter().all(is_near), "the tiles stay, but for {}", others.len());

        desk.key("y");
        desk.key("p");
        desk.key("d");
        shot(&|info| info["over"].is_null() && info["shown_as_input"] == true && info["health"] == true);
        desk.key("shift+s");
        let similar = shot(&|info| info["sort"] == "similarity");
        let mut channels: Vec<u64> =
            json(&similar)["channels"].as_array().unwrap().iter().map(|c| c.as_u64().unwrap()).collect();
        channels.sort_unstable();
        assert_eq!(channels, (0..channels.len() as u64).collect::<Vec<_>>());

        desk.key("shift+k");
        let kernels = shot(&|info| info["tiles"]["lens"] == "kernels");
        assert!(area(&plain) != area(&kernels), "kernels are no maps");
        // conv2d_1 reads more than three channels: slices of one filter, and the arrows choose which.
        desk.key("Right");
        let next = shot(&|info| info["selected"] == 1);
        assert!(area(&kernels) != area(&next), "another filter");
        desk.key("Escape");
        let reset = shot(&|info| info["tiles"]["lens"] == "maps" && info["sort"] == "index");
        assert!(area(&plain) == area(&reset), "back to the start");
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn what_was_held_before_the_picture_changed_is_made_again() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let pictures = folder.path().join("pictures");
        std::fs::create_dir(&pictures).unwrap();
        picture(&pictures.join("a.png"));
        image::open(pictures.join("a.png")).unwrap().fliph().save(pictures.join("b.png")).unwrap();
        let arguments = ["--source", "pictures", "--layer", "mixed0", "--size", "1000x640"];
        let (mut app, _) = desk.start(folder.path(), &[&arguments[..], &THIN].concat());
        let shot = |wanted: &dyn Fn(&Value) -> bool| snapshot_where(&desk, folder.path(), wanted);
        let is_at = |info: &Value, name: &str| info["picture"] == name;
        shot(&|info| is_at(info, "a.png"));
        // Ranges of single maps.
        desk.key("shift+l");
        desk.key("e");
        let locked = shot(&|info| is_at(info, "b.png") && info["locked"] == true);
        assert_eq!(json(&locked)["normalize"], "map");
        let tiles = |folder: &Path| std::fs::read(folder.join("tiles.png")).unwrap();
        assert!(tiles(&locked) == tiles(&again(&locked)));
        desk.key("shift+l");
        let free = shot(&|info| info["locked"] == false);
        assert!(tiles(&free) != tiles(&locked), "the other picture has other ranges");
        // A frame that is held, and the selected map over the picture.
        desk.key("shift+h");
        desk.key("r");
        desk.key("w");
        let held = shot(&|info| is_at(info, "a.png") && info["tiles"]["lens"] == "held-difference");
        assert_eq!(json(&held)["tiles"]["picture"], "b.png");
        assert_eq!(json(&held)["over"]["lens"], "channel-over-picture");
        let of_held = image::open(held.join("held.png")).unwrap().to_rgb8();
        assert!(of_held == image::open(pictures.join("b.png")).unwrap().to_rgb8());
        assert!(tiles(&held) == tiles(&again(&held)));
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn the_palette_finds_and_locks_and_modifiers_mislead_nobody() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        picture(&folder.path().join("photo.png"));
        let keys = "next-layer = \"n\"\nnext-range = []\nsort-mean = \"ctrl m\"\n";
        std::fs::write(folder.path().join("keys.toml"), keys).unwrap();
        let arguments =
            ["--source", "photo.png", "--layer", "1", "--size", "1000x640", "--keys", "keys.toml"];
        let (mut app, _) = desk.start(folder.path(), &[&arguments[..], &THIN].concat());
        let shot = |wanted: &dyn Fn(&Value) -> bool| snapshot_where(&desk, folder.path(), wanted);
        let layer = |info: &Value| info["layer"]["index"].as_u64().unwrap();
        shot(&|info| layer(info) == 1);
        for key in ["n", "n"] {
            desk.key(key);
        }
        shot(&|info| layer(info) == 3);
        // Caps Lock types other letters, but no other keys are meant.
        desk.key("Caps_Lock");
        desk.key("u");
        desk.key("Caps_Lock");
        shot(&|info| layer(info) == 2);
        // These end nothing and change nothing.
        for key in ["alt+q", "super+q", "ctrl+q", "alt+m", "o"] {
            desk.key(key);
        }
        desk.key("ctrl+m");
        shot(&|info| layer(info) == 2 && info["sort"] == "mean" && info["colormap"] == "viridis");
        // By a word of the sentence, with the second of what is found.
        for key in ["slash", "s", "o", "r", "t", "space", "b", "y", "space", "l", "a", "r", "g", "Return"] {
            desk.key(key);
        }
        shot(&|info| info["sort"] == "max");
        for key in ["ctrl+k", "h", "y", "p", "e", "r", "Escape"] {
            desk.key(key);
        }
        shot(&|info| info["over"].is_null());
        // What has no key.
        for key in ["slash", "m", "i", "x", "e", "d", "7", "Return"] {
            desk.key(key);
        }
        shot(&|info| info["layer"]["name"] == "mixed7");
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn fetched_weights_take_over_while_the_view_runs() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let content = common::fixture("layouts/safetensors");
        let sha256: String = Sha256::digest(&content).iter().map(|byte| format!("{byte:02x}")).collect();
        let manifest = folder.path().join("lab.toml");
        let entry = format!(
            "[[file]]\nname = \"lab\"\nabout = \"\"\nfile = \"lab.bin\"\nurl = \"https://lab.invalid/\"\n\
             checksum = {{ sha256 = \"{sha256}\" }}\nlayout = \"safetensors\"\naverage_pooling = \"exclude\"\n\
             reproduces = \"\"\ninput = \"-1..1\"\nlabels = \"imagenet-1k\"\nlicence = \"MIT\"\nsources = []\n"
        );
        std::fs::write(&manifest, entry).unwrap();
        let mirror = folder.path().join("mirror");
        std::fs::create_dir(&mirror).unwrap();
        std::fs::write(mirror.join("lab.bin"), &content).unwrap();
        picture(&folder.path().join("photo.png"));
        let mut child = convscope(folder.path());
        child.args(["--source", "photo.png", "--size", "1000x640", "--device", "cpu"]);
        child.env("CONVSCOPE_MANIFEST", &manifest).env("CONVSCOPE_MIRROR", &mirror);
        let (mut app, _) = desk.spawn(child);
        let path = folder.path().join("cache/weights/lab.bin");
        let taken = snapshot_where(&desk, folder.path(), |info| info["weights"] == path.to_str().unwrap());
        let info = json(&taken);
        assert_eq!(info["weights_sha256"], sha256);
        // Ten classes without names; the embedded network has 27 with names.
        let predictions = info["predictions"].as_array().unwrap();
        assert_eq!(predictions.len(), 10);
        assert!(
            predictions.iter().all(|one| one["name"].as_str().unwrap().starts_with("class ")),
            "{predictions:?}"
        );
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn sources_are_changed_by_key_palette_and_dropping_and_so_is_the_network() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        picture(&folder.path().join("photo.png"));
        std::fs::create_dir(folder.path().join("two")).unwrap();
        for name in ["two/b one.png", "two/c.png"] {
            picture(&folder.path().join(name));
        }
        let weights = folder.path().join("mine.safetensors");
        std::fs::write(&weights, common::fixture("layouts/safetensors")).unwrap();
        let arguments = ["--source", "photo.png", "--size", "1000x640", "--device", "cpu", "--offline"];
        let (mut app, window) = desk.start(folder.path(), &arguments);
        let number: u32 = window.parse().unwrap();
        let shows = |picture: &'static str| move |info: &Value| info["picture"] == picture;
        let first = snapshot_where(&desk, folder.path(), shows("photo.png"));
        desk.key("ctrl+o");
        let card = snapshot_where(&desk, folder.path(), shows("test card"));
        // Frames are counted on.
        assert!(json(&card)["frame_id"].as_u64() > json(&first)["frame_id"].as_u64());
        // By the palette, while the view is frozen.
        desk.key("f");
        desk.key("slash");
        desk.tool("xdotool", &["type", "show photo"]);
        desk.key("Return");
        snapshot_where(&desk, folder.path(), shows("photo.png"));
        dropping::drop_on(&desk.display, number, &[&folder.path().join("two")]);
        snapshot_where(&desk, folder.path(), shows("b one.png"));
        desk.key("e");
        snapshot_where(&desk, folder.path(), shows("c.png"));
        let (one, other) = (folder.path().join("photo.png"), folder.path().join("two/c.png"));
        dropping::drop_on(&desk.display, number, &[&other, &one]);
        let several =
            snapshot_where(&desk, folder.path(), |info| info["source"].as_str().unwrap().contains("1 of 2"));
        assert_eq!(json(&several)["picture"], "c.png");
        // What cannot be shown changes nothing.
        std::fs::write(folder.path().join("broken.png"), b"\x89PNG\r\n\x1a\nno more").unwrap();
        dropping::drop_on(&desk.display, number, &[&folder.path().join("broken.png")]);
        dropping::drop_on(&desk.display, number, &[&weights]);
        let other = snapshot_where(&desk, folder.path(), |info| info["weights"] == weights.to_str().unwrap());
        assert_eq!(json(&other)["picture"], "c.png");
        desk.key("q");
        assert_eq!(end_of(&mut app.0), Some(0));
    }

    #[test]
    fn ctrl_c_and_q_end_the_program_at_any_time() {
        let Some(desk) = Desk::open() else { return };
        if gpu().is_none() {
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let arguments = [&["--source", "testcard"][..], &THIN].concat();
        let (mut app, _) = desk.start(folder.path(), &arguments);
        interrupt(&app.0);
        assert_eq!(end_of(&mut app.0), Some(0));
        // While weights are still being made, too.
        let (mut app, _) =
            desk.start(folder.path(), &["--source", "testcard", "--device", "cpu", "--offline"]);
        // A window that has only just appeared may not hear the first key.
        wait_for(|| {
            desk.key("q");
            app.0.try_wait().unwrap().is_some()
        });
        assert_eq!(end_of(&mut app.0), Some(0));
    }
}
