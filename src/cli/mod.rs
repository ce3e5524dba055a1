//! The command line: arguments as typed become validated settings; one file a subcommand.

mod args;
mod bench;
mod cam;
mod cameras;
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
mod maps;
mod network;
mod pictures;
mod sheet;
mod summary;
mod tutorial;
mod view;
mod weights;

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use clap::{Parser, Subcommand};

use image::RgbImage;

use crate::engine::Preprocessing;
use crate::figure::Figure;
use crate::frame::Frame;
use crate::gpu::twin;
use crate::model::{InputScale, Shape};
use crate::record::{Existing, SaveError, save};
use crate::view::input_picture;

/// A live inspector for convolutional networks: frames go through InceptionV3, and the feature maps of the
/// layer you choose are shown while they are computed.
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
    Cam(cam::CamArgs),
    Kernels(kernels::KernelsArgs),
    Keys(keys::KeysArgs),
    Diagnose(diagnose::DiagnoseArgs),
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

/// Ended by Ctrl-C, as shells count it.
const INTERRUPTED: u8 = 130;

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
        Some(Command::Cam(args)) => cam::run(args),
        Some(Command::Kernels(args)) => kernels::run(args),
        Some(Command::Keys(args)) => keys::run(args),
        Some(Command::Diagnose(args)) => diagnose::run(args),
        Some(Command::Tutorial(args)) => tutorial::run(args),
        Some(Command::Weights(args)) => weights::run(args),
        Some(Command::Bench(args)) => bench::run(args),
        Some(Command::Dataset(args)) => dataset::run(args),
        Some(Command::Cameras) => cameras::run(),
        Some(Command::Devices) => devices::run(),
        None => view::run(&arguments.input, &arguments.network, &arguments.view),
    }
}

/// Writes to standard output. Where nobody reads on (`convscope summary | head`), the work goes on without.
fn print(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => bail!("standard output could not be written: {error}"),
        Ok(()) => Ok(()),
    }
}

/// Tells a file that was written.
fn wrote(path: &Path) -> anyhow::Result<()> {
    print(&format!("{}\n", path.display()))
}

/// The same; where standard output is a JSON document's alone, on standard error.
fn wrote_beside(path: &Path, json: bool) -> anyhow::Result<()> {
    if !json {
        return wrote(path);
    }
    eprintln!("convscope: {}", path.display());
    Ok(())
}

/// Before the work begins: that a file can be written at its end. `single`: it gets this very name.
fn check_output(path: Option<&Path>, single: bool, existing: Existing) -> anyhow::Result<()> {
    match path {
        Some(path) if single && existing == Existing::Keep && path.exists() => {
            Err(SaveError::Exists(path.into()).into())
        }
        _ => Ok(()),
    }
}

/// The same for a figure, whose name must end in a format.
fn check_figure(path: Option<&Path>, single: bool, existing: Existing) -> anyhow::Result<()> {
    if let Some(path) = path {
        Figure::check_name(path)?;
    }
    check_output(path, single, existing)
}

/// A frame as an 8-bit picture.
fn rgb_picture(frame: &Frame) -> anyhow::Result<RgbImage> {
    RgbImage::from_raw(frame.width, frame.height, twin::rgb_bytes(frame))
        .ok_or_else(|| anyhow::anyhow!("{}: not a picture", frame.name))
}

/// The picture as the network sees it, whatever scale it takes.
fn seen_picture(frame: &Frame, how: Preprocessing, input: Shape) -> RgbImage {
    let values = twin::preprocess(frame, how.fit, how.resize, InputScale::default(), input);
    input_picture(&values, [input.width, input.height])
}

/// Lays `over` (of the same size) over a picture with this opacity, from 0 to 1.
fn lay_over(over: &mut RgbImage, under: &RgbImage, opacity: f32) {
    let mix = |over: u8, under: u8| f32::from(over) * opacity + f32::from(under) * (1.0 - opacity);
    for (over, under) in over.iter_mut().zip(under.iter()) {
        *over = mix(*over, *under).round() as u8;
    }
}

/// Writes a figure in the format that the file's name ends in.
fn save_figure(figure: &Figure, path: &Path, existing: Existing) -> anyhow::Result<()> {
    Ok(save(path, &figure.encode(path)?, existing)?)
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
