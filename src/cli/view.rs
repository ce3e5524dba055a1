//! `convscope` without a subcommand: the window, or the same off screen.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;

use super::INTERRUPTED;
use super::args::Arguments;
use super::network;
use crate::app::download::Wanted;
use crate::app::offscreen::{self, Extent};
use crate::app::state::{AppState, Overlay};
use crate::app::{Setup, window};
use crate::engine::{OpenedModel, Placement, WeightsSpec};
use crate::model::LayerIndex;
use crate::session::SessionConfig;
use crate::source::SourceSpec;
use crate::view::TileSize;
use crate::weights::fetch::FetchOptions;
use crate::weights::manifest::Manifest;

pub fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let (setup, layers) = settings(arguments)?;
    if arguments.view.headless {
        return run_offscreen(arguments, setup, &layers);
    }
    if layers.len() > 1 {
        bail!(
            "the window shows one layer at a time: name one with --layer, or write several with --headless"
        );
    }
    let mut registered = Ok(());
    window::run(setup, |quit| registered = ctrlc::set_handler(quit))?;
    registered?;
    Ok(ExitCode::SUCCESS)
}

fn run_offscreen(arguments: &Arguments, setup: Setup, layers: &[LayerIndex]) -> anyhow::Result<ExitCode> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let is_folder = matches!(&setup.source, Some(SourceSpec::Path(path)) if path.is_dir());
    let extent = match (arguments.view.frames, arguments.view.seconds) {
        (Some(frames), _) => Extent::Frames(frames),
        (None, Some(seconds)) => Extent::Seconds(seconds),
        (None, None) if is_folder => Extent::All,
        (None, None) => Extent::Frames(1),
    };
    let folder = setup.snapshots.clone();
    // Where nobody reads the names, snapshots are written all the same.
    let mut print = |snapshot: &Path| drop(super::wrote(snapshot));
    let summary = offscreen::run(setup, layers, extent, &interrupted, &mut print)?;
    let rate = match summary.frames {
        0 | 1 => String::new(),
        frames => format!(" at {:.1} a second", (frames - 1) as f64 / summary.elapsed.as_secs_f64()),
    };
    let (frames, count) = (summary.frames, summary.snapshots);
    let of = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (frames, count) = (of(frames, "frame"), of(count as u64, "snapshot"));
    eprintln!("convscope: {frames}{rate}, {count} in {}", folder.display());
    Ok(if summary.interrupted { ExitCode::from(INTERRUPTED) } else { ExitCode::SUCCESS })
}

/// Arguments as meant.
fn settings(arguments: &Arguments) -> anyhow::Result<(Setup, Vec<LayerIndex>)> {
    let Arguments { input, network: chosen, view, .. } = arguments;
    let mut models = network::open_compared(chosen, &view.compare)?;
    let model = models.remove(0);
    let graph = model.graph.clone();
    let mut layers = Vec::new();
    for name in &view.layer {
        let layer = graph.find(name.trim())?;
        if !layers.contains(&layer) {
            layers.push(layer);
        }
    }
    let channels = view.channels.clone().unwrap_or_default();
    for &layer in &layers {
        let node = &graph.nodes[layer];
        channels.resolve(&node.keras_name, node.shape.channels)?;
    }
    let mut state = AppState::new(graph.clone(), layers[0]);
    state.channels = channels;
    (state.fit, state.resize) = (input.preprocess.fit, input.preprocess.resize);
    (state.scale, state.chosen_colormap) = (view.colors.scale(), view.colors.colormap);
    (state.mirror, state.theme) = (view.mirror, view.theme);
    state.tile_size = view.tile_size.map_or(TileSize::Auto, TileSize::Pixels);
    (state.network_input, state.curve, state.kernels) = (view.show_input, view.curve, view.kernels);
    (state.health, state.sort, state.filter) = (view.health, view.sort, view.filter);
    state.opacity = view.opacity;
    state.overlay = view.cam.then_some(Overlay::ClassActivation);
    if !view.hypercolumn.is_empty() {
        state.hypercolumn = network::layers(&graph, &view.hypercolumn)?;
        state.hypercolumn.sort_unstable();
        state.overlay = Some(Overlay::Hypercolumn);
    }
    // Predictions of random weights mean nothing: they are not even computed.
    state.predictions = model.is_trained();
    let wanted = wanted(arguments, &model)?;
    let setup = Setup {
        wanted,
        state: state.started(),
        source: input.source.clone(),
        camera: input.camera.request(),
        session: SessionConfig {
            every_frame: view.headless,
            model,
            compare: models,
            placement: Placement::Cpu,
            history: view.history as usize,
        },
        placement: chosen.device.placement(),
        adapter: chosen.adapter.clone(),
        snapshots: view.snapshot.clone(),
        tensorboard: view.tensorboard.clone(),
        size: view.size,
    };
    Ok((setup, layers))
}

/// Weights to fetch while the view already runs: where the user left the choice open and has none yet.
fn wanted(arguments: &Arguments, model: &OpenedModel) -> anyhow::Result<Option<Wanted>> {
    let Arguments { network: chosen, view, .. } = arguments;
    let is_open =
        chosen.weights == WeightsSpec::Auto && view.compare.is_empty() && chosen.width_multiplier == 1.0;
    if !is_open || view.offline || view.headless || matches!(model.spec, WeightsSpec::File(_)) {
        return Ok(None);
    }
    let manifest = Manifest::current()?;
    let Some(entry) = manifest.entries.first().cloned() else { return Ok(None) };
    Ok(Some(Wanted { entry, fetch: FetchOptions::from_environment(), model: network::options(chosen) }))
}
