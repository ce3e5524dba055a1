//! The command line: arguments as typed become validated settings; one file a subcommand.

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
mod output;
mod pca;
mod pictures;
mod prefer;
mod saliency;
mod share;
mod sheet;
mod summary;
mod tutorial;
mod view;
mod weights;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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
    Prefer(prefer::PreferArgs),
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

/// Parses the command line and runs it.
///
/// # Errors
/// One sentence for the user; the exit code is then 1. (Wrong arguments end the process with 2.)
pub fn run() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
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
        Some(Command::Prefer(args)) => prefer::run(args),
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
        None => view::run(&arguments.input, &arguments.network, &arguments.view),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
