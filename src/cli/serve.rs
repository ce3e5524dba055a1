//! `convscope serve`: the view in a page, for a machine without a display.

use std::process::ExitCode;

use clap::Args;

use super::args::NetworkArgs;
use super::pages::USUAL_PORT;
use super::view::{InputArgs, ViewArgs};

/// Show the view in a browser's page, on a machine without a display: keys, mouse and palette work there, files can be dropped on it,
/// and the browser's own camera can be the source.
///
/// It prints the link, which has a token in it. One page has the controls, others look. From another machine it is reached through a
/// tunnel (`ssh -L 7878:localhost:7878 HOST`), or with --listen. Beside a window pages are served by `convscope --serve`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope serve
  convscope serve --port 8000 --source holiday/ --weights mine.onnx
  convscope serve --listen 0.0.0.0")]
pub struct ServeArgs {
    /// The port; 0: any that is free.
    #[arg(long, value_name = "PORT", default_value_t = USUAL_PORT)]
    pub port: u16,
    #[command(flatten)]
    pub input: InputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
    #[command(flatten)]
    pub view: ViewArgs,
}

pub fn run(args: &ServeArgs) -> anyhow::Result<ExitCode> {
    super::view::serve(&args.input, &args.network, &args.view, args.port)
}
