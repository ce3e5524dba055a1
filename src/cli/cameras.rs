//! `convscope cameras`

use std::process::ExitCode;

use crate::source::camera;

pub fn run() -> anyhow::Result<ExitCode> {
    super::print(&camera::render_list(&camera::list()?))?;
    Ok(ExitCode::SUCCESS)
}
