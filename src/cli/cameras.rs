//! `convscope cameras`

use std::process::ExitCode;

use super::output;
use crate::source::camera;

pub fn run() -> anyhow::Result<ExitCode> {
    output::print(&camera::render_list(&camera::list()?))?;
    Ok(ExitCode::SUCCESS)
}
