//! The keys as they are where nobody chose others. Those that the Deep Visualization Toolbox has too do the same as there.

use std::sync::{Arc, LazyLock};

use super::action::Action;
use super::key::{Direction, Key};
use super::keymap::{Command, Keymap, digits};
use crate::app::lens::{About, OVERLAYS, TILES};
use crate::app::state::{Cells, SourceChoice, Trial};
use crate::gpu::Change;
use crate::inspect::{Fill, Kind};
use crate::view::{Filter, Normalize, Sort};

/// The table of all commands, lenses included.
pub fn keymap() -> Arc<Keymap> {
    static TABLE: LazyLock<Arc<Keymap>> = LazyLock::new(|| Arc::new(Keymap { commands: commands() }));
    TABLE.clone()
}

/// Name, action, keys and sentence.
type Row = (&'static str, Action, &'static [&'static str], &'static str);

const MOVING: &[Row] = &[
    ("previous-layer", Action::PreviousLayer, &["u"], "previous layer"),
    ("next-layer", Action::NextLayer, &["o"], "next layer"),
    ("previous-stage", Action::PreviousStage, &["shift u"], "previous stage: a part of the network"),
    ("next-stage", Action::NextStage, &["shift o"], "next stage"),
    ("channel-left", Action::ChannelLeft, &["left", "j"], "select the channel to the left"),
    ("channel-right", Action::ChannelRight, &["right", "l"], "select the channel to the right"),
    ("channel-up", Action::ChannelUp, &["up", "i"], "select the channel above"),
    ("channel-down", Action::ChannelDown, &["down", "k"], "select the channel below"),
    ("enlarge", Action::ToggleEnlarged, &["z", "enter"], "enlarge the selected channel"),
    ("previous-page", Action::PreviousPage, &["page up"], "previous page of channels"),
    ("next-page", Action::NextPage, &["page down"], "next page of channels"),
];

const LOOKING: &[Row] = &[
    ("larger-tiles", Action::LargerTiles, &["+", "="], "larger tiles"),
    ("smaller-tiles", Action::SmallerTiles, &["-"], "smaller tiles"),
    ("automatic-tiles", Action::AutomaticTiles, &["a"], "tiles as large as fit"),
    ("next-colormap", Action::NextColormap, &["m"], "next colormap (viridis, magma, grey, diverging)"),
    (
        "next-range",
        Action::NextNormalize,
        &["n"],
        "colours per map, per layer, symmetric around zero, or by percentiles",
    ),
    (
        "lock-ranges",
        Action::ToggleLock,
        &["shift l"],
        "lock the ranges: brightness can be compared over time",
    ),
    ("next-gamma", Action::NextGamma, &["t"], "gamma (1, 0.7, 0.5, 0.3): brighter small values"),
    (
        "next-boost",
        Action::NextBoost,
        &["shift t"],
        "boost (0, 0.3, 0.5, 0.8, 1): brighter weak maps, per layer",
    ),
    ("smooth", Action::ToggleSmooth, &["b"], "blocky or smooth tiles"),
    ("freeze", Action::ToggleFrozen, &["f", "space"], "freeze the frame"),
    ("mirror", Action::ToggleMirror, &["v"], "mirror the image on screen"),
    ("fit", Action::ToggleFit, &["shift c"], "crop or stretch to the network's input"),
    ("predictions", Action::TogglePredictions, &["shift p"], "predictions on or off"),
    ("curve", Action::ToggleCurve, &["g"], "graph of all class probabilities"),
    ("input", Action::ToggleInput, &["p"], "the picture as it came, or as the network sees it"),
    ("fainter", Action::LessOpacity, &["["], "what lies over the picture fainter"),
    ("stronger", Action::MoreOpacity, &["]"], "what lies over the picture stronger"),
];

const TRACING: &[Row] = &[
    (
        "hold-origin",
        Action::HoldOrigin,
        &["shift x"],
        "hold the selected channel as what is traced back, while you walk; or let it go",
    ),
    (
        "trace-class",
        Action::ToggleClass,
        &["shift e"],
        "trace back the top class, or what each lens traces by itself",
    ),
    ("trace-strongest", Action::Cells(Cells::Strongest), &[], "trace back the channel's strongest cell"),
    ("trace-mean", Action::Cells(Cells::Mean), &[], "trace back the mean of the channel's cells"),
    ("trace-marked", Action::Cells(Cells::Marked), &[], "trace back the channel's marked cell"),
];

const TRYING: &[Row] = &[
    (
        "mute",
        Action::Try(Trial::Change(Kind::Muted)),
        &["shift q"],
        "mute the selected channel: zero for all that read it; or let it go",
    ),
    (
        "double",
        Action::Try(Trial::Change(Kind::Times(2.0))),
        &[],
        "double the selected channel, or let it go",
    ),
    (
        "mean",
        Action::Try(Trial::Mean),
        &[],
        "set the selected channel to its mean over the session, or let it go",
    ),
    (
        "alone",
        Action::Try(Trial::Change(Kind::Alone)),
        &[],
        "mute all channels of the layer but the selected one",
    ),
    ("cover", Action::Try(Trial::Cover), &["shift i"], "cover a square of the picture: it follows the mouse"),
    ("cover-grey", Action::Try(Trial::Fill(Fill::Grey)), &[], "cover the picture with a grey square"),
    (
        "cover-mean",
        Action::Try(Trial::Fill(Fill::Mean)),
        &[],
        "cover the picture with a square of its mean colour",
    ),
    (
        "cover-blur",
        Action::Try(Trial::Fill(Fill::Blur)),
        &[],
        "cover the picture with a square of itself, blurred",
    ),
    ("cover-larger", Action::Try(Trial::LargerCover), &[], "cover the picture with a larger square"),
    ("cover-smaller", Action::Try(Trial::SmallerCover), &[], "cover the picture with a smaller square"),
    (
        "as-usual",
        Action::Try(Trial::Clear),
        &["shift z"],
        "end all experiments: nothing muted, covered or changed",
    ),
];

const SORTING: &[Row] = &[
    ("next-order", Action::NextSort, &["."], "sort by the next (max, mean, change, class, health …)"),
    ("previous-order", Action::PreviousSort, &[","], "sort by the one before"),
    ("similar", Action::ToggleSimilarity, &["shift s"], "similar channels beside each other, or by number"),
    ("next-filter", Action::NextFilter, &["shift f"], "hide silent channels, dead ones, or none"),
    ("untype", Action::Untype, &["backspace"], "take the last digit back"),
    ("cell", Action::ToggleCell, &["'"], "how the marked cell of the enlarged map is computed"),
    ("block", Action::ToggleBlock, &[":"], "the graph of the layer's stage: what leads to it"),
    ("health", Action::ToggleHealth, &["d"], "diagnose: mark dead, solid and copying maps"),
    ("restart-health", Action::RestartHealth, &["shift d"], "diagnose from here on"),
    ("next-picture", Action::NextPicture, &["e"], "next picture of the folder; one frame forward"),
    ("previous-picture", Action::PreviousPicture, &["w"], "previous picture; one frame back (freezes)"),
    (
        "next-source",
        Action::Source(SourceChoice::Next),
        &["ctrl o"],
        "the next source: what was named or dropped, cameras, the test card",
    ),
    ("snapshot", Action::Snapshot, &["s"], "snapshot to disk"),
    ("record", Action::Record, &["ctrl r"], "record a film, or end it"),
    ("theme", Action::ToggleTheme, &["shift b"], "dark or light background"),
    ("palette", Action::TogglePalette, &["/", "ctrl k"], "everything there is, found by a word"),
    ("help", Action::ToggleHelp, &["h", "?"], "this help"),
    ("reset", Action::Reset, &["esc"], "back to how it started"),
    ("quit", Action::Quit, &["q"], "quit"),
];

const SEEKING: [(&str, i64, &str); 5] = [
    ("replay-on", 5, "of a recorded session: 5 seconds on"),
    ("replay-back", -5, "of a recorded session: 5 seconds back"),
    ("replay-far-on", 60, "of a recorded session: a minute on"),
    ("replay-far-back", -60, "of a recorded session: a minute back"),
    ("replay-again", -1_000_000, "of a recorded session: from the beginning"),
];

fn commands() -> Vec<Command> {
    let rows = |rows: &[Row]| rows.iter().map(|row| command(row.0, row.1, row.2, row.3)).collect::<Vec<_>>();
    let mut all = rows(MOVING);
    all.extend(rows(LOOKING));
    for lens in TILES {
        all.extend(of_lens(lens.about(), Action::Tiles(lens.about().name)));
    }
    for lens in OVERLAYS {
        all.extend(of_lens(lens.about(), Action::Over(lens.about().name)));
    }
    all.extend(rows(TRACING));
    all.extend(rows(TRYING));
    all.push(Command {
        name: "type-channel".into(),
        action: Action::Type('0'),
        keys: digits(),
        help: "type a channel's number, then enter: go there".into(),
    });
    all.push(Command {
        name: "mark".into(),
        action: Action::MovePoint(Direction::Left),
        keys: Direction::ALL.map(Key::Shift).to_vec(),
        help: "mark a cell of the enlarged map, or a pixel of the picture".into(),
    });
    all.extend(rows(SORTING));
    // In the palette alone, unless a `keys.toml` gives them keys.
    for sort in Sort::ALL {
        let name = format!("sort-{}", sort.name());
        all.push(command(&name, Action::Sort(sort), &[], &format!("sort {}", sort.in_words())));
    }
    for filter in [Filter::None, Filter::Silent, Filter::Dead] {
        let help = match filter {
            Filter::None => "show all channels".to_string(),
            filter => format!("hide {} channels", filter.name()),
        };
        all.push(command(&format!("hide-{}", filter.name()), Action::Filter(filter), &[], &help));
    }
    for change in Change::ALL {
        let (name, help) = (format!("input-{}", change.name()), change.in_words());
        let help = format!("input: the network sees the picture {help}, or as it is");
        all.push(command(&name, Action::ChangeInput(change), &[], &help));
    }
    for (name, seconds, help) in SEEKING {
        all.push(command(name, Action::Seek(seconds), &[], help));
    }
    for normalize in Normalize::CHOICES {
        let help = format!("colours: {}", normalize.in_words());
        all.push(command(&format!("range-{normalize}"), Action::Normalize(normalize), &[], &help));
    }
    all
}

fn of_lens(about: &About, action: Action) -> impl Iterator<Item = Command> + use<'_> {
    let more = about.more.iter().map(|more| {
        let action = Action::OfLens(about.name, more.name);
        command(&format!("{}-{}", about.name, more.name), action, more.keys, more.help)
    });
    std::iter::once(command(about.name, action, about.keys, about.help)).chain(more)
}

fn command(name: &str, action: Action, keys: &[&str], help: &str) -> Command {
    // A key of this table that is none is found by a test.
    let keys = keys.iter().filter_map(|key| key.parse().ok()).collect();
    Command { name: name.into(), action, keys, help: help.into() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_key_does_two_things_and_no_action_or_name_has_two_rows() {
        let table = keymap();
        let (mut keys, mut names) = (HashSet::new(), HashSet::new());
        for (index, command) in table.commands.iter().enumerate() {
            assert!(command.keys.iter().all(|key| keys.insert(*key)), "{command:?}");
            assert!(names.insert(&command.name), "{command:?}");
            assert!(table.commands[index + 1..].iter().all(|other| other.action != command.action));
            if let Some(first) = command.keys.first().filter(|_| command.is_one_action()) {
                assert_eq!(table.action_of(*first), Some(command.action));
            }
        }
        assert_eq!(table.action_of(Key::Char('U')), Some(Action::PreviousStage));
        assert_eq!(table.action_of(Key::Char('#')), None);
        assert_eq!(table.action_of(Key::Char('7')), Some(Action::Type('7')));
        assert_eq!(table.action_of(Key::Shift(Direction::Up)), Some(Action::MovePoint(Direction::Up)));
    }

    #[test]
    fn every_key_of_the_table_is_one() {
        let lenses = TILES.iter().map(|lens| lens.about()).chain(OVERLAYS.iter().map(|lens| lens.about()));
        let of_lenses =
            lenses.flat_map(|about| about.keys.iter().chain(about.more.iter().flat_map(|m| m.keys)));
        let fixed = [MOVING, LOOKING, TRACING, TRYING, SORTING];
        for key in fixed.iter().flat_map(|rows| rows.iter()).flat_map(|row| row.2).chain(of_lenses) {
            assert!(key.parse::<Key>().is_ok(), "{key}");
        }
    }

    #[test]
    fn the_readme_lists_every_key() {
        let readme = include_str!("../../../README.md");
        for command in keymap().commands.iter().filter(|command| !command.keys.is_empty()) {
            let line = format!("| `{}` | {} |", command.keys_in_words(), command.help);
            assert!(readme.contains(&line), "README.md lacks the line {line}");
        }
    }
}
