//! The command line: arguments as typed become validated settings; one file a subcommand.

mod ablate;
mod args;
mod bench;
mod best;
mod by_class;
mod cam;
mod cameras;
mod cell;
mod classify;
mod coloring;
mod dataset;
mod devices;
mod diagnose;
mod events;
mod experiment;
mod film;
mod follow;
mod grab;
mod hypercolumn;
mod input;
mod kernels;
mod keys;
mod likeness;
mod maps;
mod merge;
mod names;
mod network;
mod occlude;
mod output;
mod pages;
mod pca;
mod pictures;
mod prefer;
mod replay;
mod saliency;
mod score;
mod serve;
mod share;
mod sheet;
mod spread;
mod summary;
mod tutorial;
mod view;
mod weights;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};

use crate::engine::OutputChoice;

/// A live inspector for convolutional networks: frames go through InceptionV3 or a network of your own, and the feature maps
/// of the layer you choose are shown while they are computed.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do instead of showing the view.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What the network sees.
    #[command(flatten)]
    pub input: view::InputArgs,
    /// The network.
    #[command(flatten)]
    pub network: args::NetworkArgs,
    /// What is shown.
    #[command(flatten)]
    pub view: view::ViewArgs,
}

const EXAMPLES: &str = "\
Examples:
  convscope                                          camera 0, or the test card where there is none
  convscope --source photo.jpg --weights inception_v3.safetensors --layer mixed5
  convscope --headless --frames 1 --source photo.jpg --layer conv2d,mixed0 --snapshot out

Exit codes: 0 done, 1 an error (one sentence says what to do), 2 wrong arguments, 130 ended by Ctrl-C off screen.";

/// Everything but the view.
#[derive(Debug, Subcommand)]
pub enum Command {
    Grab(grab::GrabArgs),
    Input(input::InputPictureArgs),
    Summary(summary::SummaryArgs),
    Classify(classify::ClassifyArgs),
    Maps(maps::MapsArgs),
    Sheet(sheet::SheetArgs),
    Hypercolumn(hypercolumn::HypercolumnArgs),
    Likeness(likeness::LikenessArgs),
    Cam(cam::CamArgs),
    Saliency(saliency::SaliencyArgs),
    Ablate(ablate::AblateArgs),
    Occlude(occlude::OccludeArgs),
    Prefer(prefer::PreferArgs),
    Replay(Box<replay::ReplayArgs>),
    Follow(follow::FollowArgs),
    Serve(Box<serve::ServeArgs>),
    Kernels(kernels::KernelsArgs),
    Cell(cell::CellArgs),
    Keys(keys::KeysArgs),
    Diagnose(diagnose::DiagnoseArgs),
    Best(best::BestArgs),
    Merge(merge::MergeArgs),
    Tutorial(tutorial::TutorialArgs),
    Weights(weights::WeightsArgs),
    Bench(bench::BenchArgs),
    Dataset(dataset::DatasetArgs),
    /// List cameras with their formats, sizes and rates.
    #[command(after_help = "Example: convscope cameras")]
    Cameras,
    /// List graphics adapters and where the network would run.
    #[command(after_help = "Example: convscope devices")]
    Devices,
}

/// `--output softmax` once was what `--meaning softmax` is; `--output` now names files alone, none of which is called so.
fn spelled(typed: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let is_meaning = |word: &str| OutputChoice::from_str(word, false).is_ok();
    let mut words: Vec<OsString> = typed.collect();
    for at in 0..words.len() {
        let value = words.get(at + 1).and_then(|word| word.to_str());
        let Some(word) = words[at].to_str() else { continue };
        let meant = match word.strip_prefix("--output") {
            Some("") if value.is_some_and(is_meaning) => Some("--meaning".to_string()),
            Some(rest) => {
                rest.strip_prefix('=').filter(|word| is_meaning(word)).map(|word| format!("--meaning={word}"))
            }
            None => None,
        };
        if let Some(meant) = meant {
            words[at] = meant.into();
        }
    }
    words
}

/// Parses the command line and runs it.
///
/// # Errors
/// One sentence for the user; the exit code is then 1. (Wrong arguments end the process with 2.)
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse_from(spelled(std::env::args_os()));
    match &arguments.command {
        Some(Command::Grab(args)) => grab::run(args),
        Some(Command::Input(args)) => input::run(args),
        Some(Command::Summary(args)) => summary::run(args),
        Some(Command::Classify(args)) => classify::run(args),
        Some(Command::Maps(args)) => maps::run(args),
        Some(Command::Sheet(args)) => sheet::run(args),
        Some(Command::Hypercolumn(args)) => hypercolumn::run(args),
        Some(Command::Likeness(args)) => likeness::run(args),
        Some(Command::Cam(args)) => cam::run(args),
        Some(Command::Saliency(args)) => saliency::run(args),
        Some(Command::Ablate(args)) => ablate::run(args),
        Some(Command::Occlude(args)) => occlude::run(args),
        Some(Command::Prefer(args)) => prefer::run(args),
        Some(Command::Replay(args)) => {
            let options = replay::options(args, &Arguments::command())?;
            let meant = Arguments::parse_from(spelled(options.into_iter()));
            view::run(&meant.input, &meant.network, &meant.view, Some(replay::replayed(args)?))
        }
        Some(Command::Follow(args)) => follow::run(args),
        Some(Command::Serve(args)) => serve::run(args),
        Some(Command::Kernels(args)) => kernels::run(args),
        Some(Command::Cell(args)) => cell::run(args),
        Some(Command::Keys(args)) => keys::run(args),
        Some(Command::Diagnose(args)) => diagnose::run(args),
        Some(Command::Best(args)) => best::run(args),
        Some(Command::Merge(args)) => merge::run(args),
        Some(Command::Tutorial(args)) => tutorial::run(args),
        Some(Command::Weights(args)) => weights::run(args),
        Some(Command::Bench(args)) => bench::run(args),
        Some(Command::Dataset(args)) => dataset::run(args),
        Some(Command::Cameras) => cameras::run(),
        Some(Command::Devices) => devices::run(),
        None => view::run(&arguments.input, &arguments.network, &arguments.view, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
        // Two options of one name are found where they are read.
        assert!(Arguments::try_parse_from(["convscope"]).is_ok());
    }

    #[test]
    fn an_output_that_is_a_meaning_is_one() {
        let spelled = |text: &str| {
            let words = spelled(text.split(' ').map(OsString::from));
            words.iter().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
        };
        let old = "convscope cam cat.jpg -o cam.png --output softmax --output=sigmoid";
        assert_eq!(spelled(old), "convscope cam cat.jpg -o cam.png --meaning softmax --meaning=sigmoid");
        for same in [
            "convscope maps a.jpg --output numbers.png",
            "convscope maps a.jpg -o numbers",
            "convscope x --output",
        ] {
            assert_eq!(spelled(same), same);
        }
        let words = spelled("convscope cam cat.jpg -o cam.png --output softmax");
        let parsed = Arguments::try_parse_from(words.split(' ')).unwrap();
        let Some(Command::Cam(_)) = parsed.command else { panic!("no cam") };
    }
}
