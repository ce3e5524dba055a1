//! `convscope devices`

use std::process::ExitCode;

use crate::gpu::list_adapters;

pub fn run() -> anyhow::Result<ExitCode> {
    let adapters = list_adapters();
    if adapters.is_empty() {
        println!(
            "No graphics adapter: install a Vulkan driver (package mesa-vulkan-drivers has one for any machine)."
        );
    }
    for (index, adapter) in adapters.iter().enumerate() {
        let mark = if index == 0 { " (default)" } else { "" };
        println!(
            "{}{mark}\n    {} through {}, driver {}",
            adapter.name, adapter.kind, adapter.backend, adapter.driver
        );
    }
    let on_gpu = adapters.first().is_some_and(|adapter| !adapter.is_software);
    println!("The network runs on the {}.", if on_gpu { "GPU (the first adapter)" } else { "CPU" });
    Ok(ExitCode::SUCCESS)
}
