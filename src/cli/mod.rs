//! The command line: arguments as typed become validated settings; one file a subcommand.

mod args;
mod cameras;
mod devices;
mod view;

use std::process::ExitCode;

use clap::Parser;

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
        Some(Command::Cameras) => cameras::run(),
        Some(Command::Devices) => devices::run(),
        None => view::run(&arguments),
    }
}
