//! Best patches: against a full search through all maps, in parts, and gone on with after an interruption.

use std::process::Stdio;
use std::time::Duration;

use image::{Rgb, RgbImage};
use serde_json::{Value, json};

use crate::desk::{Desk, THIN, json, text};

/// What `best` keeps of each channel.
const KEPT: usize = 9;

/// Pictures of different sizes with something in different places of each; two are the same, so that values are too.
fn folder(desk: &Desk, count: u32) -> Vec<String> {
    let picture = |n: u32| {
        let (width, height) = (40 + n % 3 * 10, 50 + n % 4 * 7);
        RgbImage::from_fn(width, height, |x, y| match (x + 3 * n) % 17 < 6 && (y + 5 * n) % 13 < 5 {
            true => Rgb([(n * 37) as u8, (x * 5) as u8, 200]),
            false => Rgb([90, (n * 11) as u8, (y * 3) as u8]),
        })
    };
    (0..count).for_each(|n| desk.save(&format!("set/{n}.png"), picture(n)));
    desk.save(&format!("set/{count}.png"), picture(1));
    (0..=count).map(|n| format!("{n}.png")).collect()
}

fn best(desk: &Desk, arguments: &[&str]) -> Value {
    json(&desk.thin(&[&["best", "set", "--json"], arguments].concat()))
}

/// Every cell of every picture, sorted; then the first of each picture.
fn searched(
    desk: &Desk,
    names: &[String],
    layer: &str,
    channel: usize,
    sign: f32,
) -> Vec<(f32, [usize; 2], String)> {
    let mut all = vec![];
    for name in names {
        let maps = desk.npy(&format!("maps-{}-{layer}.npy", name.trim_end_matches(".png")));
        let width = maps.shape[2];
        let cells = maps.part(channel).iter().enumerate();
        all.extend(cells.map(|(at, &value)| (value, [at / width, at % width], name.clone())));
    }
    // −0 and 0 are one value.
    all.sort_by(|a, b| (sign * b.0 + 0.0).total_cmp(&(sign * a.0 + 0.0)));
    let mut seen = std::collections::HashSet::new();
    all.retain(|(.., name)| seen.insert(name.clone()));
    all.truncate(KEPT);
    all
}

#[test]
fn places_are_those_of_a_full_search_and_boxes_what_their_cells_see() {
    let desk = Desk::new();
    let names = folder(&desk, 24);
    for layer in ["conv2d", "mixed2"] {
        desk.thin(&["maps", "set", "--layer", layer, "--npy", "maps.npy"]);
        for name in &names {
            let stem = name.trim_end_matches(".png");
            let from = desk.path(&format!("maps-{stem}.npy"));
            std::fs::rename(from, desk.path(&format!("maps-{stem}-{layer}.npy"))).unwrap();
        }
        let found = best(&desk, &["--layer", layer]);
        assert_eq!((&found["pictures"], &found["layer"]["name"]), (&json!(25), &json!(layer)));
        let channels = found["channels"].as_array().unwrap();
        assert_eq!(channels.len() as u64, found["layer"]["shape"][0].as_u64().unwrap());
        for (number, channel) in channels.iter().enumerate() {
            for (end, sign) in [("strongest", 1.0), ("weakest", -1.0)] {
                let told = channel[end].as_array().unwrap().iter().map(|place| {
                    let cell = [&place["cell"][0], &place["cell"][1]].map(|at| at.as_u64().unwrap() as usize);
                    (
                        place["value"].as_f64().unwrap() as f32,
                        cell,
                        place["picture"].as_str().unwrap().to_string(),
                    )
                });
                let expected = searched(&desk, &names, layer, number, sign);
                assert_eq!(told.collect::<Vec<_>>(), expected, "{layer} {number} {end}");
            }
        }
    }
    // Windows of 3 with stride 2 over 299 pixels, which the picture is stretched to.
    let found = best(&desk, &["--layer", "conv2d", "--channels", "0"]);
    for place in found["channels"][0]["strongest"].as_array().unwrap() {
        let at = |index: usize| place["size"][index].as_f64().unwrap() / 299.0;
        let along = |cell: u64, scale: f64| {
            let (first, end) = (2.0 * cell as f64 * scale, (2.0 * cell as f64 + 3.0) * scale);
            (first.floor() as u64, end.ceil() as u64 - first.floor() as u64)
        };
        let (y, height) = along(place["cell"][0].as_u64().unwrap(), at(1));
        let (x, width) = along(place["cell"][1].as_u64().unwrap(), at(0));
        assert_eq!(place["box"], json!([x, y, width, height]), "{place}");
    }
}

#[test]
fn parts_are_joined_into_what_one_run_writes() {
    let desk = Desk::new();
    folder(&desk, 10);
    desk.write("set/damaged.png", b"no picture");
    let unread = |arguments: &[&str]| {
        let output = desk.run(&[arguments, &THIN].concat());
        assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
        assert!(
            text(&output.stderr).contains("1 of 12 pictures could not be read"),
            "{}",
            text(&output.stderr)
        );
        text(&output.stdout)
    };
    let whole = unread(&["best", "set", "--layer", "mixed0", "-o", "a.png", "--html", "a.html", "--json"]);
    let judged = unread(&["diagnose", "set", "--layers", "conv2d,mixed0", "--html", "b.html", "--json"]);
    for part in ["1/3", "2/3", "3/3"] {
        for (command, name, layers) in
            [("best", "best", "--layer=mixed0"), ("diagnose", "judged", "--layers=conv2d,mixed0")]
        {
            let file = format!("{name}-{}.part", &part[..1]);
            // Whoever has the damaged one says so.
            desk.run(&[&[command, "set", layers, "--shard", part, "--part", &file], &THIN[..]].concat());
            assert!(desk.path(&file).exists(), "{file}");
        }
    }
    let merge = |name: &str, more: &[&str]| {
        let parts = [3, 1, 2].map(|part| format!("{name}-{part}.part"));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let output = desk.run(&[&["merge", "--json"], &parts[..], more].concat());
        assert_eq!(output.status.code(), Some(1));
        assert!(
            text(&output.stderr).contains("1 of 12 pictures could not be read"),
            "{}",
            text(&output.stderr)
        );
        text(&output.stdout)
    };
    assert_eq!(merge("best", &["-o", "c.png", "--html", "c.html"]), whole);
    assert_eq!(merge("judged", &["--html", "d.html"]), judged);
    for (one, joined) in [("a.png", "c.png"), ("a.html", "c.html"), ("b.html", "d.html")] {
        assert!(desk.bytes(one) == desk.bytes(joined), "{joined}");
    }
    desk.fails(&["merge", "best-1.part", "best-3.part", "--json"], "part 2 of 3 is missing");
    desk.fails(&["merge", "best-1.part", "best-2.part", "best-2.part", "--json"], "both part 2/3");
    desk.fails(
        &["merge", "best-1.part", "best-2.part", "judged-3.part", "--json"],
        "join each run by itself",
    );
    desk.fails(&["merge", "a.html", "--json"], "not a part of a run");
    desk.write("cut.part", &desk.bytes("judged-1.part")[..5000]);
    desk.fails(&["merge", "cut.part", "judged-2.part", "judged-3.part"], "not a part of a run");
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_is_gone_on_with() {
    let desk = Desk::new();
    folder(&desk, 150);
    let arguments = [&["best", "set", "--layer", "mixed5", "--json"], &THIN[..]].concat();
    let whole = desk.prints(&arguments);
    let state = desk.path("cache/best");
    let is_kept = || std::fs::read_dir(&state).is_ok_and(|mut files| files.next().is_some());
    assert!(!is_kept(), "a run that is done leaves nothing behind");
    let child = desk.command(&arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !is_kept() {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(130), 0), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("the same command goes on from there"));
    let output = desk.run(&arguments);
    assert!(text(&output.stderr).contains("note: going on behind"), "{}", text(&output.stderr));
    assert!(text(&output.stdout) == whole && !is_kept());
}

#[test]
fn patches_stand_beside_what_a_unit_prefers() {
    let desk = Desk::new();
    folder(&desk, 9);
    let found = best(&desk, &["--layer", "conv2d_4", "--channels", "2"]);
    desk.write("best.json", serde_json::to_vec(&found).unwrap());
    let short = ["--steps", "3", "--size", "32"];
    desk.thin(&[&["prefer", "--unit", "conv2d_4:2", "-o", "alone.png"], &short[..]].concat());
    let alone = desk.picture("alone.png");
    assert_eq!(alone.dimensions(), (32, 32));
    let beside = ["--best", "best.json", "-o", "beside.png"];
    desk.thin(&[&["prefer", "--unit", "conv2d_4:2"], &short[..], &beside].concat());
    let sheet = desk.picture("beside.png");
    assert!(sheet.width() > 2 * 299 && sheet.height() > 299, "{:?}", sheet.dimensions());
    // The left one is what has grown: its middle, and not what lies beside it.
    let has = |x: u32| sheet.rows().any(|mut row| row.nth(x as usize) == Some(alone.get_pixel(16, 16)));
    assert!((0..sheet.width() / 2).any(has), "the grown picture is not there");
    for (unit, why) in [("conv2d_4:3", "has no channel 3"), ("mixed0:1", "make one of that layer")] {
        let arguments = [&["prefer", "--unit", unit], &short[..], &beside, &THIN, &["--overwrite"]].concat();
        desk.fails(&arguments, why);
    }
}

#[test]
fn patches_are_cut_out_of_the_pictures_themselves() {
    let desk = Desk::new();
    folder(&desk, 9);
    let found =
        best(&desk, &["--layer", "conv2d_4", "--channels", "2", "-o", "sheet.png", "--patch-size", "64"]);
    let sheet = desk.picture("sheet.png");
    let place = &found["channels"][0]["strongest"][0];
    let number = |value: &Value| value.as_u64().unwrap() as u32;
    let [x, y, width, height] = [0, 1, 2, 3].map(|side| number(&place["box"][side]));
    let picture = desk.picture(place["file"].as_str().unwrap());
    // Whole multiples of its pixels, in the first square of 64.
    let longest = width.max(height);
    let scale = 64 / longest;
    assert!(scale * longest * 5 >= 64 * 4, "{place}");
    let part = RgbImage::from_fn(width * scale, height * scale, |a, b| {
        *picture.get_pixel(x + a / scale, y + b / scale)
    });
    assert!(crate::desk::is_in(&part, &sheet), "{place}");
    // A picture that is another one by now is left blank, and told.
    desk.thin(&["best", "set", "--layer", "conv2d_4", "--part", "all.part"]);
    std::fs::remove_file(desk.path(place["file"].as_str().unwrap())).unwrap();
    let output = desk.run(&["merge", "all.part", "--channels", "2", "-o", "blank.png"]);
    assert!(
        output.status.success() && text(&output.stderr).contains("a patch is left blank"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn mistakes_are_told_before_the_network_runs() {
    let desk = Desk::new();
    folder(&desk, 2);
    let fails =
        |arguments: &[&str], message: &str| desk.fails(&[&["best"], arguments, &THIN].concat(), message);
    fails(&["set", "--layer", "mixed0"], "say what you want");
    fails(&["set", "--layer", "mixed0", "--json", "--part", "x"], "a part is only a part");
    fails(&["set", "--layer", "mixed0", "-o", "x.gif"], "x.gif");
    fails(&["set", "--layer", "conv2d", "--json", "--channels", "900"], "channel 900");
    fails(&["camera:0", "--layer", "mixed0", "--json"], "cannot be opened again");
    fails(&["nowhere", "--layer", "mixed0", "--json"], "nowhere");
}
