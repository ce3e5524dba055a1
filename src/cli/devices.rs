//! `convscope devices`

use std::process::ExitCode;

use super::output;
use crate::gpu::list_adapters;

pub fn run() -> anyhow::Result<ExitCode> {
    let adapters = list_adapters();
    if adapters.is_empty() {
        output::print(
            "No graphics adapter: install a Vulkan driver (package mesa-vulkan-drivers has one for any machine).\n",
        )?;
    }
    for (index, adapter) in adapters.iter().enumerate() {
        let mark = if index == 0 { " (default)" } else { "" };
        output::print(&format!(
            "{}{mark}\n    {} through {}, driver {}\n",
            adapter.name, adapter.kind, adapter.backend, adapter.driver
        ))?;
    }
    let on_gpu = adapters.first().is_some_and(|adapter| !adapter.is_software);
    let place = if on_gpu { "GPU (the first adapter)" } else { "CPU" };
    output::print(&format!("The network runs on the {place}.\n"))?;
    Ok(ExitCode::SUCCESS)
}
