//! Wrong input: one sentence, exit code 1, nothing left behind. And readers that go away.

use std::process::Stdio;

use crate::desk::{Desk, THIN, plain, text};

#[test]
fn mistakes_get_one_sentence() {
    let desk = Desk::with_photo();
    desk.write("text.jpg", "Dear reader, this is no picture.");
    desk.write("file", "");
    std::fs::create_dir(desk.path("empty")).unwrap();
    let before = desk.names("");
    let cases: &[(&[&str], &str)] = &[
        (&["maps", "photo.png", "--layer", "mixd5", "-o", "x.png"], "did you mean `mixed5`?"),
        (&["maps", "photo.png", "--layer", "313", "-o", "x.png"], "use an index from 0 to 312"),
        (&["maps", "photo.png", "--layer", "1"], "say what to write: -o FILE"),
        (
            &["maps", "photo.png", "--layer", "1", "--channels", "0..9", "-o", "x.png"],
            "conv2d has 2 channels (0 to 1)",
        ),
        (&["maps", "photo.png", "--layer", "1", "-o", "x.pdf"], "x.pdf names no format for a figure"),
        (&["maps", "photo.png", "--layer", "1", "-o", "figure"], "end its name in .png or .svg"),
        (&["maps", "photo.png", "--layer", "1", "-o", "file/x.png"], "file/x.png could not be written"),
        (&["maps", "photo.png", "--layer", "1", "--npy", "file/x.npy"], "file/x.npy could not be written"),
        (
            &["maps", "text.jpg", "--layer", "1", "-o", "x.png"],
            "text.jpg: a text, which is not read: name a picture",
        ),
        (&["maps", "empty", "--layer", "1", "-o", "x.png"], "empty: no picture in this folder"),
        (&["maps", "none.png", "--layer", "1", "-o", "x.png"], "none.png: there is no such file or folder"),
        (
            &["maps", "photo.png", "none.png", "--layer", "1", "--tensorboard", "file"],
            "choose another folder",
        ),
        (
            &["maps", "photo.png", "--layer", "1", "--compare", "text.jpg", "-o", "x.png"],
            "not a weight file that can be read",
        ),
        (&["sheet", "photo.png", "--layers", "", "-o", "x.png"], "there is no layer ``"),
        (&["sheet", "photo.png", "--layers", "5..5", "-o", "x.png"], "names no layer"),
        (&["sheet", "photo.png", "--layers", "310..314", "-o", "x.png"], "the last layer, which is 312"),
        (&["sheet", "photo.png", "--layers", "1", "--filters", "3", "-o", "x.png"], "conv2d, has 2 channels"),
        (&["hypercolumn", "photo.png", "--layers", "", "-o", "x.png"], "there is no layer ``"),
        (&["hypercolumn", "photo.png", "--layers", "1"], "say what you want: -o FILE"),
        (&["kernels", "--layer", "conv2d"], "say what to write"),
        (&["kernels", "--layer", "conv2d", "--filters", "2", "-o", "x.png"], "conv2d has 2 channels"),
        (&["diagnose", "empty"], "no picture in this folder"),
        (&["replay", "empty"], "no recorded session"),
        (
            &["maps", "http://127.0.0.1:1/cat.jpg", "--layer", "1", "-o", "x.png"],
            "http://127.0.0.1:1/cat.jpg: it cannot be reached",
        ),
        (&["maps", "0", "--layer", "1", "-o", "x.png"], "0: a camera is named `camera:0`"),
        (&["maps", "-", "--layer", "1", "-o", "x.png"], "-: nothing came"),
        (&["diagnose", "photo.png", "--layers", ""], "there is no layer ``"),
        (&["classify", "none.png"], "the network is untrained"),
    ];
    for (arguments, message) in cases {
        desk.fails(&[arguments, &THIN[..]].concat(), message);
        assert_eq!(desk.names(""), before, "{arguments:?} left something");
    }
    desk.write("no-lock.json", r#"{"layer": {"index": 1, "shape": [2, 3, 3]}, "locked_ranges": null}"#);
    desk.write("bad.toml", "snapshot = \"u\"");
    let view: &[(&[&str], &str)] = &[
        (&["--select", "64"], "channel 64 is asked for, but mixed0 has"),
        (&["--lock", "no-lock.json"], "it holds no locked ranges"),
        (&["--lock", "none.json"], "none.json"),
        (&["--held", "none.png"], "none.png: there is no such file"),
        (&["--held", "empty"], "empty is a folder"),
        (&["--hypercolumn", "mixd5"], "did you mean `mixed5`?"),
        (&["--keys", "bad.toml"], "`u` would do both `previous-layer` and `snapshot`"),
        (&["--keys", "none.toml"], "none.toml could not be read"),
        (&["--record", "film.avi"], "the name of a film ends in"),
        (&["--listen", "127.0.0.1"], "--listen and --host are of pages"),
        (&["--record-session", "file"], "the session could not be recorded"),
    ];
    for (arguments, message) in view {
        desk.fails(&[&["--headless", "--source", "photo.png"], *arguments, &THIN[..]].concat(), message);
    }
    desk.fails(&["keys", "--keys", "bad.toml"], "give one of them another key");
    std::fs::remove_file(desk.path("no-lock.json")).unwrap();
    std::fs::remove_file(desk.path("bad.toml")).unwrap();
    for arguments in [["input", "photo.png", "-o", "file/x"], ["grab", "testcard", "-o", "file/x"]] {
        desk.fails(&arguments, "could not be written");
    }
    let mixed = ["maps", "photo.png", "--layer", "1", "-o", "x.png", "--width-multiplier", "0.5"];
    desk.fails(&[&mixed[..], &["--weights", "text.jpg"]].concat(), "leave one of the two out");
    assert_eq!(desk.names(""), before);
    assert_eq!(desk.bytes("file"), b"");
}

#[test]
fn wrong_arguments_are_told_by_the_command_line() {
    let desk = Desk::with_photo();
    let maps = ["maps", "photo.png", "--layer", "1"];
    let cases: &[(&[&str], &str)] = &[
        (&["--channels", "x"], "`x` is not a channel"),
        (&["--npy", "x.npy", "--compare", "untrained"], "--compare"),
        (&["-o", "x.png", "--width-multiplier", "0.01"], "a number from 0.05 to 1"),
        (&["-o", "x.png", "--tile-size", "4"], "--tile-size"),
        (&["--frames", "0"], "--frames"),
    ];
    for (arguments, message) in cases {
        let output = desk.run(&[&maps[..], arguments].concat());
        let errors = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
        assert!(errors.contains(message) && !errors.contains("panicked"), "{arguments:?}: {errors}");
    }
    assert_eq!(desk.names(""), ["photo.png"]);
}

/// The subcommands as `--help` lists them.
fn subcommands(desk: &Desk) -> Vec<String> {
    let help = desk.prints(&["--help"]);
    let list = help.split_once("Commands:\n").unwrap().1.split_once("\n\n").unwrap().0;
    // Descriptions that go on in another line stand further in.
    let named = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = named.map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_help_has_an_example() {
    let desk = Desk::new();
    let commands = subcommands(&desk);
    for name in [
        "grab",
        "input",
        "summary",
        "classify",
        "maps",
        "sheet",
        "hypercolumn",
        "cam",
        "saliency",
        "kernels",
        "diagnose",
        "weights",
    ] {
        assert!(commands.iter().any(|command| command == name), "{name} is not in {commands:?}");
    }
    assert!(desk.prints(&["--help"]).contains("Example"));
    for command in &commands {
        // A command of commands: each of them has its own.
        if command == "weights" {
            for name in ["list", "fetch", "verify", "info"] {
                let help = desk.prints(&["weights", name, "--help"]);
                assert!(
                    help.contains("Example") && help.contains(&format!("convscope weights {name}")),
                    "{name}"
                );
            }
            continue;
        }
        let help = desk.prints(&[command, "--help"]);
        let examples = help.split_once("Example").unwrap_or_else(|| panic!("{command} has no example")).1;
        assert!(examples.contains(&format!("convscope {command}")), "{command}");
    }
}

/// Runs a command whose output nobody reads; what it says as errors, and its exit code.
fn unread(desk: &Desk, arguments: &[&str]) -> (String, Option<i32>) {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = desk.command(arguments);
    let output = command.stdout(writer).stderr(Stdio::piped()).spawn().unwrap().wait_with_output().unwrap();
    (text(&output.stderr), output.status.code())
}

#[test]
fn a_closed_output_is_no_error() {
    let desk = Desk::with_photo();
    let thin = |arguments: &[&'static str]| [arguments, &THIN].concat();
    for arguments in [
        vec!["summary"],
        vec!["summary", "--json"],
        vec!["--help"],
        thin(&["diagnose", "photo.png", "--layers", "3"]),
        thin(&["hypercolumn", "photo.png", "--layers", "0", "--at", "1,2"]),
    ] {
        let (errors, code) = unread(&desk, &arguments);
        assert!(errors.lines().all(|line| line.starts_with("note: ")), "{arguments:?}: {errors}");
        assert_eq!(code, Some(0), "{arguments:?}");
    }
}

#[test]
#[cfg(unix)]
fn the_first_line_of_a_summary() {
    let desk = Desk::new();
    let program = env!("CARGO_BIN_EXE_convscope");
    let mut shell = std::process::Command::new("sh");
    let output = shell.args(["-c", "\"$0\" summary --json | head -1", program]).output().unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("{\n".into(), String::new()));
    assert!(desk.prints(&["summary", "--json"]).len() > 1 << 16, "more than a pipe holds");
}

#[test]
fn lists_end_quietly_where_nobody_reads_on() {
    let desk = Desk::new();
    for command in ["cameras", "devices"] {
        let (errors, code) = unread(&desk, &[command]);
        assert!(!errors.contains("panicked"), "{command}: {errors}");
        assert_eq!(code, Some(0), "{command}: {errors}");
    }
}

#[test]
fn a_report_is_written_even_where_nobody_reads_on() {
    let desk = Desk::with_photo();
    let arguments = ["diagnose", "photo.png", "--layers", "3", "--html", "report.html"];
    let (errors, code) = unread(&desk, &[&arguments[..], &THIN].concat());
    assert!(desk.path("report.html").is_file(), "exit code {code:?}: {errors}");
}

#[test]
fn all_files_are_written_even_where_nobody_reads_on() {
    let desk = Desk::new();
    desk.save("holiday/1.png", plain([1, 2, 3]));
    desk.save("holiday/2.png", plain([4, 5, 6]));
    let (errors, code) = unread(&desk, &["input", "holiday", "-o", "seen"]);
    assert_eq!(desk.names("seen").len(), 4, "exit code {code:?}: {errors}");
}
