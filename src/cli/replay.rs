//! `convscope replay`: a recorded session again.

use std::ffi::OsString;
use std::path::PathBuf;

use anyhow::bail;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command};

use super::args::{NetworkArgs, parse_fraction};
use super::view::{InputArgs, Replayed, ViewArgs};
use crate::app::player::Player;
use crate::app::results::ResultsSpec;
use crate::journal::Journal;

/// Show a session again that --record-session kept: the same frames, and everything that was done.
///
/// Network, lenses and settings are those that it was recorded with, but for what is said here. In the window it keeps its time,
/// and the palette goes back and on; with --headless each frame comes once, with what was done by then.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope --record-session lesson
  convscope replay lesson --speed 2
  convscope replay lesson --headless --results before.jsonl
  convscope replay lesson --headless --against before.jsonl --weights finetuned.safetensors --tolerance 0.01")]
pub struct ReplayArgs {
    /// The folder of the session.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// How fast it is shown in the window.
    #[arg(long, value_name = "TIMES", default_value_t = 1.0, value_parser = parse_speed)]
    pub speed: f64,
    /// With --headless: write what comes of each frame, a line of JSON each, to be compared with.
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub results: Option<PathBuf>,
    /// With --headless: compare each frame with what --results wrote; the exit code is 1 where something differs.
    #[arg(long, value_name = "FILE", requires = "headless")]
    pub against: Option<PathBuf>,
    /// By how much means of channels may differ, as a part of the largest of their layer; above 0 pixels may differ, too.
    #[arg(long, value_name = "PART", requires = "against", default_value_t = 0.0, value_parser = parse_fraction)]
    pub tolerance: f32,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub view: ViewArgs,
}

fn parse_speed(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(speed) if (0.01..=1000.0).contains(&speed) => Ok(speed),
        _ => Err("a number from 0.01 to 1000".into()),
    }
}

/// Of the recorded options these are of that run alone.
const OF_THAT_RUN: [&str; 12] = [
    "source",
    "headless",
    "frames",
    "seconds",
    "snapshot",
    "record",
    "record_rate",
    "record_session",
    "session_limit",
    "serve",
    "listen",
    "host",
];

/// Of the options of a replay these are its own.
const OF_REPLAY: [&str; 5] = ["folder", "speed", "results", "against", "tolerance"];

/// The options of the view, as they were typed then and now.
///
/// # Errors
/// Where the session cannot be read.
pub fn options(args: &ReplayArgs, command: &Command) -> anyhow::Result<Vec<OsString>> {
    if args.input.source.is_some() {
        bail!("a replay has its source in {}: leave --source out", args.folder.display());
    }
    let journal = Journal::open(&args.folder)?;
    let typed: Vec<String> =
        std::env::args_os().skip(2).map(|word| word.to_string_lossy().into_owned()).collect();
    // What was typed now takes the place of what was typed then.
    let now = chosen(command, &typed)?;
    let mut options: Vec<OsString> = vec!["convscope".into()];
    let is_gone = |id: &str| OF_THAT_RUN.contains(&id) || now.iter().any(|known| known == id);
    let then = &journal.start.options;
    let replay = command.find_subcommand("replay").unwrap_or(command);
    // Of a replay, or of pages, that was recorded.
    let (table, then) = match then.split_first() {
        Some((word, rest)) if word == "replay" => (replay, rest),
        Some((word, rest)) if word == "serve" => (command.find_subcommand("serve").unwrap_or(command), rest),
        _ => (replay, &then[..]),
    };
    let is_old = |id: &str| is_gone(id) || OF_REPLAY.contains(&id) || id == "port";
    options.extend(without(table, then, &is_old));
    options.extend(without(replay, &typed, &|id| OF_REPLAY.contains(&id)));
    options.extend(["--source".into(), args.folder.clone().into()]);
    Ok(options)
}

/// What is replayed.
///
/// # Errors
/// Where the session cannot be read.
pub fn replayed(args: &ReplayArgs) -> anyhow::Result<Replayed> {
    let (player, unknown) = Player::new(&Journal::open(&args.folder)?.done);
    if unknown > 0 {
        eprintln!(
            "note: {unknown} of the things that were done are not known to this version, and are left out"
        );
    }
    // Who names a layer now wants to see that.
    let player = if args.view.layer.is_empty() { player } else { player.staying() };
    let (to, against) = (args.results.clone(), args.against.clone());
    let results = ResultsSpec { to, against, tolerance: args.tolerance };
    let results = Some(results).filter(|results| *results != ResultsSpec::default());
    Ok(Replayed { player: Some(player), speed: args.speed, results })
}

/// Which options were typed, by their names in the table of options.
fn chosen(command: &Command, typed: &[String]) -> anyhow::Result<Vec<String>> {
    let words = ["convscope", "replay"].into_iter().map(String::from).chain(typed.iter().cloned());
    let matches = command.clone().try_get_matches_from(words)?;
    let Some(matches) = matches.subcommand_matches("replay") else { return Ok(vec![]) };
    let is_typed =
        |matches: &ArgMatches, id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    Ok(matches.ids().map(|id| id.to_string()).filter(|id| is_typed(matches, id)).collect())
}

/// Typed words without the options and values that are `gone`.
fn without(command: &Command, words: &[String], gone: &dyn Fn(&str) -> bool) -> Vec<OsString> {
    let mut left = vec![];
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let (name, has_value) = match word.strip_prefix("--") {
            Some(rest) => (rest.split_once('=').map_or(rest, |(name, _)| name), rest.contains('=')),
            None => (word.strip_prefix('-').unwrap_or_default(), false),
        };
        let is_it = |arg: &&clap::Arg| {
            arg.get_long() == Some(name) || arg.get_short().is_some_and(|short| name == short.to_string())
        };
        let found = command.get_arguments().find(is_it).filter(|_| word.starts_with('-') && !name.is_empty());
        let values = match found {
            // An option's value may be left out where that is followed by another.
            Some(arg) if arg.get_action().takes_values() && !has_value => {
                let may_miss = arg.get_num_args().is_some_and(|count| count.min_values() == 0);
                let next = words.get(at + 1).is_some_and(|next| !next.starts_with('-'));
                usize::from(next || !may_miss)
            }
            _ => 0,
        };
        let is_gone = match found {
            Some(arg) => gone(arg.get_id().as_str()),
            None => gone("folder"),
        };
        if !is_gone {
            left.extend(words[at..(at + 1 + values).min(words.len())].iter().map(OsString::from));
        }
        at += 1 + values;
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Arguments;
    use clap::CommandFactory;

    fn left(words: &str, gone: &[&str]) -> String {
        let words: Vec<_> = words.split(' ').map(String::from).collect();
        let left = without(&Arguments::command(), &words, &|id| gone.contains(&id));
        left.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn options_go_with_their_values() {
        let words = "--source a.png --layer=mixed1 --headless --mirror --frames 3 --weights b.safetensors";
        assert_eq!(left(words, &OF_THAT_RUN), "--layer=mixed1 --mirror --weights b.safetensors");
        assert_eq!(left(words, &["layer", "weights", "mirror"]), "--source a.png --headless --frames 3");
        assert_eq!(left("--saliency guided --mirror", &["mirror"]), "--saliency guided");
        assert_eq!(left("--serve --host lab --mirror --serve 8000", &OF_THAT_RUN), "--mirror");
    }

    #[test]
    fn what_was_typed_is_told_from_what_is_usual() {
        let typed = ["lesson", "--layer", "mixed2", "--headless"].map(String::from);
        let chosen = chosen(&Arguments::command(), &typed).unwrap();
        assert!(chosen.iter().any(|id| id == "layer") && !chosen.iter().any(|id| id == "theme"));
    }
}
