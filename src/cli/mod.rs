//! The command line: arguments as typed become validated settings; one file a subcommand.

mod args;
mod cameras;
mod classify;
mod coloring;
mod devices;
mod diagnose;
mod events;
mod grab;
mod hypercolumn;
mod input;
mod kernels;
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
use clap::Parser;

use crate::figure::Figure;
use crate::frame::Frame;
use crate::gpu::twin;
use crate::record::{Existing, SaveError, save};

pub use args::{Arguments, Command};

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
        Some(Command::Kernels(args)) => kernels::run(args),
        Some(Command::Diagnose(args)) => diagnose::run(args),
        Some(Command::Tutorial(args)) => tutorial::run(args),
        Some(Command::Weights(args)) => weights::run(args),
        Some(Command::Cameras) => cameras::run(),
        Some(Command::Devices) => devices::run(),
        None => view::run(&arguments),
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
fn rgb_picture(frame: &Frame) -> anyhow::Result<image::RgbImage> {
    image::RgbImage::from_raw(frame.width, frame.height, twin::rgb_bytes(frame))
        .ok_or_else(|| anyhow::anyhow!("{}: not a picture", frame.name))
}

/// Writes a figure in the format that the file's name ends in.
fn save_figure(figure: &Figure, path: &Path, existing: Existing) -> anyhow::Result<()> {
    Ok(save(path, &figure.encode(path)?, existing)?)
}
