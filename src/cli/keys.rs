//! `convscope keys`: the table of keys, as a file that can be changed and read again.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::output;
use crate::app::keys::written;

/// Print the keys of the live view as a file for `--keys`.
///
/// Where the file is found without `--keys`: keys.toml in CONVSCOPE_CONFIG, or in the folder `convscope` where the system
/// keeps settings (~/.config on Linux).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope keys > keys.toml                    the present table, to be changed
  convscope --keys keys.toml                    look with those keys
  convscope keys --keys keys.toml               check a file: the whole table as it is with it")]
pub struct KeysArgs {
    /// The table as it is with this file.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
}

pub fn run(args: &KeysArgs) -> anyhow::Result<ExitCode> {
    output::print(&written(&*super::view::keymap(args.keys.as_deref())?))?;
    Ok(ExitCode::SUCCESS)
}
