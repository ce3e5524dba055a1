//! `convscope` without a subcommand: the window, or the same off screen.

mod args;
mod lenses;

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;

use super::args::NetworkArgs;
use super::follow::{self, BesideArg};
use super::network;
use super::output;
use super::output::INTERRUPTED;
use crate::app::download::Wanted;
use crate::app::followed::{Beside, Followed};
use crate::app::keys;
use crate::app::lens::{Choices, saliency};
use crate::app::offscreen::{self, Extent};
use crate::app::player::Player;
use crate::app::results::ResultsSpec;
use crate::app::state::{AppState, Colors, LayerRanges};
use crate::app::{Setup, served, window};
use crate::engine::{OpenedModel, Placement, WeightsSpec};
use crate::follow::{References, name_of};
use crate::inspect::{ChannelStatistics, TraceOrigin};
use crate::journal::{JournalError, JournalWriter, Start};
use crate::model::{Graph, LayerIndex};
use crate::record::{film, read_locked_ranges};
use crate::session::SessionConfig;
use crate::source::{Delivery, SourceSpec};
use crate::view::{ChannelSet, Filter, Sort, TileSize};
use crate::weights::fetch::FetchOptions;
use crate::weights::manifest::Manifest;

pub use args::{InputArgs, ViewArgs};

/// What is replayed, where a recorded session is.
#[derive(Default)]
pub struct Replayed {
    /// What was done in it.
    pub player: Option<Player>,
    /// How fast it is shown in the window.
    pub speed: f64,
    /// What is written and compared off screen.
    pub results: Option<ResultsSpec>,
}

pub fn run(
    input: &InputArgs,
    network: &NetworkArgs,
    view: &ViewArgs,
    replayed: Option<Replayed>,
) -> anyhow::Result<ExitCode> {
    if let Some(film) = &view.record {
        film::check(film)?;
    }
    if view.serve.is_none() && view.pages.is_said() {
        bail!("--listen and --host are of pages: say --serve, too, or `convscope serve`");
    }
    let (mut setup, layers) = asked(input, network, view)?;
    if let Some(Replayed { player, speed, results }) = replayed {
        (setup.player, setup.results) = (player, results);
        (setup.delivery.speed, setup.delivery.held) = (speed, view.headless);
        setup.writes_snapshots = view.snapshot.is_some();
    }
    let journal = view.record_session.as_ref().map(|folder| journal(folder, input, view)).transpose()?;
    setup.journal = journal.clone();
    let outcome = show(view, setup, layers);
    if let Some(journal) = journal {
        journal.finish();
    }
    outcome
}

/// The same in pages alone, at this port.
pub fn serve(
    input: &InputArgs,
    network: &NetworkArgs,
    view: &ViewArgs,
    port: u16,
) -> anyhow::Result<ExitCode> {
    if view.headless {
        bail!("`convscope serve` has no window anyway: leave --headless out");
    }
    let (mut setup, layers) = asked(input, network, view)?;
    check_one(&layers)?;
    setup.serve = Some(view.pages.options(port));
    setup.journal = view.record_session.as_ref().map(|folder| journal(folder, input, view)).transpose()?;
    let journal = setup.journal.clone();
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let outcome = served::run(setup, &interrupted);
    if let Some(journal) = journal {
        journal.finish();
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Arguments as meant, also where a training is followed.
fn asked(
    input: &InputArgs,
    network: &NetworkArgs,
    view: &ViewArgs,
) -> anyhow::Result<(Setup, Vec<LayerIndex>)> {
    match &view.follow {
        Some(path) => followed(path, input, network, view),
        None => settings(input, network, view, &view.compare),
    }
}

fn check_one(layers: &[LayerIndex]) -> anyhow::Result<()> {
    if layers.len() > 1 {
        bail!("the view shows one layer at a time: name one with --layer, or write several with --headless");
    }
    Ok(())
}

/// The same, with the first checkpoint of a training, which is waited for.
fn followed(
    path: &Path,
    input: &InputArgs,
    network: &NetworkArgs,
    view: &ViewArgs,
) -> anyhow::Result<(Setup, Vec<LayerIndex>)> {
    let (first, watch) = follow::first(path, network)?;
    let network = NetworkArgs { weights: WeightsSpec::File(first.clone()), ..network.clone() };
    let (beside, compared) = match &view.beside {
        None => (Beside::Nothing, None),
        Some(BesideArg::Previous) => (Beside::Previous, Some(network.weights.clone())),
        Some(BesideArg::First) => (Beside::Same(name_of(&first, path)), Some(network.weights.clone())),
        Some(BesideArg::File(file)) => {
            let spec = WeightsSpec::File(file.clone());
            (Beside::Same(spec.short_name()), Some(spec))
        }
    };
    let compared: Vec<_> = compared.into_iter().collect();
    let (mut setup, layers) = settings(input, &network, view, &compared)?;
    let how = setup.state.how;
    let references =
        References::of(setup.source.as_ref(), &setup.delivery, how).map_err(anyhow::Error::msg)?;
    let options = setup.options.clone();
    setup.followed = Some(Followed { path: path.into(), first, watch, references, beside, options });
    Ok((setup, layers))
}

/// Begins to keep a session.
fn journal(folder: &Path, input: &InputArgs, view: &ViewArgs) -> Result<JournalWriter, JournalError> {
    let start = Start {
        version: env!("CARGO_PKG_VERSION").into(),
        time: jiff::Zoned::now().strftime("%Y-%m-%dT%H:%M:%S%:z").to_string(),
        options: std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect(),
        source: input.source.as_ref().map(ToString::to_string).unwrap_or_default(),
    };
    JournalWriter::create(folder, &start, view.session_limit)
}

fn show(view: &ViewArgs, setup: Setup, layers: Vec<LayerIndex>) -> anyhow::Result<ExitCode> {
    if view.headless {
        return run_offscreen(view, setup, &layers);
    }
    check_one(&layers)?;
    let mut registered = Ok(());
    window::run(setup, |quit| registered = ctrlc::set_handler(quit))?;
    registered?;
    Ok(ExitCode::SUCCESS)
}

fn run_offscreen(view: &ViewArgs, setup: Setup, layers: &[LayerIndex]) -> anyhow::Result<ExitCode> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let is_folder = setup.source.as_ref().is_some_and(SourceSpec::is_folder);
    let replays = setup.player.is_some();
    let is_camera = !matches!(&setup.source, Some(SourceSpec::Path(_)));
    let extent = match (view.frames, view.seconds) {
        (Some(frames), _) => Extent::Frames(frames),
        (None, Some(seconds)) => Extent::Seconds(seconds),
        (None, None) if is_folder || replays || setup.film.is_some() => Extent::All,
        (None, None) => Extent::Frames(1),
    };
    let folder = setup.snapshots.clone();
    // Where nobody reads the names, snapshots are written all the same.
    let mut print = |snapshot: &Path| drop(output::wrote(snapshot));
    let writes_snapshots = setup.writes_snapshots;
    let summary = offscreen::run(setup, layers, extent, &interrupted, &mut print)?;
    let rate = match summary.frames {
        0 | 1 => String::new(),
        frames => format!(" at {:.1} a second", (frames - 1) as f64 / summary.elapsed.as_secs_f64()),
    };
    let (frames, count) = (summary.frames, summary.snapshots);
    let of = |count: u64, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    let (frames, count) = (of(frames, "frame"), of(count as u64, "snapshot"));
    match writes_snapshots {
        true => eprintln!("convscope: {frames}{rate}, {count} in {}", folder.display()),
        false => eprintln!("convscope: {frames}{rate}"),
    }
    if let Some(film) = &summary.film {
        eprintln!("convscope: {film}");
    }
    summary.compared.iter().try_for_each(|line| output::print(&format!("{line}\n")))?;
    if summary.differs {
        return Ok(ExitCode::FAILURE);
    }
    Ok(match summary.interrupted {
        true => ExitCode::from(INTERRUPTED),
        // What was wrong with each was told.
        false if summary.unread > 0 && !is_camera => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    })
}

/// Arguments as meant.
fn settings(
    input: &InputArgs,
    chosen: &NetworkArgs,
    view: &ViewArgs,
    compared: &[WeightsSpec],
) -> anyhow::Result<(Setup, Vec<LayerIndex>)> {
    let mut models = network::open_compared(chosen, compared)?;
    let model = models.remove(0);
    let graph = model.graph.clone();
    let mut layers = Vec::new();
    for name in &view.layer {
        let layer = graph.find(name.trim())?;
        if !layers.contains(&layer) {
            layers.push(layer);
        }
    }
    if layers.is_empty() {
        layers.push(graph.first_look());
    }
    network::check_alike(&graph, &models, &layers)?;
    let channels = view.channels.clone().unwrap_or_default();
    for &layer in &layers {
        let node = &graph.nodes[layer];
        channels.resolve(&node.name, node.shape.channels)?;
    }
    if let Some(channel) = view.select {
        let (node, one) = (&graph.nodes[layers[0]], channel.to_string().parse::<ChannelSet>()?);
        one.resolve(&node.name, node.shape.channels)?;
    }
    let mut state = AppState::new(graph.clone(), layers[0]);
    state.labels = model.labels.clone();
    state.place.channels = channels;
    state.place.tile_size = view.tile_size.map_or(TileSize::Auto, TileSize::Pixels);
    (state.place.sort, state.place.filter) = (view.sort, view.filter);
    (state.place.enlarged, state.place.point) = (view.enlarge || view.cell, view.mark);
    state.place.followed = view.select;
    state.how = input.preprocess.for_input(graph.input_shape())?;
    network::tell_changes(&input.preprocess);
    state.colors = Colors::new(view.colors.scale(), view.colors.colormap);
    state.colors.smooth = view.smooth;
    if let Some(path) = &view.lock {
        let (layer, ranges) = locked(path, &graph)?;
        state.colors.locks.insert(layer, ranges);
    }
    let panels = &mut state.panels;
    (panels.mirror, panels.theme) = (view.mirror, view.theme);
    (panels.network_input, panels.curve, panels.health) = (view.show_input, view.curve, view.health);
    (panels.cell, panels.block) = (view.cell, view.block);
    // Predictions of random weights mean nothing: they are not even computed.
    panels.predictions = model.is_trained() && !view.no_predictions;
    state.lenses.opacity = view.opacity;
    let decoding = input.preprocess.decoding();
    let choices = Choices { graph: &graph, lenses: &mut state.lenses, time: &mut state.time, decoding };
    view.lenses.set(choices).map_err(anyhow::Error::msg)?;
    if let Some(file) = &state.lenses.best {
        file.check(&graph, &model.origin()).map_err(anyhow::Error::msg)?;
        let of = file.document.layer.index;
        match &layers[..] {
            _ if view.layer.is_empty() => {
                layers = vec![of];
                state.place.go_to_layer(&graph, of);
            }
            [layer] if *layer == of => {}
            _ => bail!(
                "{} is of {}: leave --layer out, or name that one",
                file.path.display(),
                file.document.layer.name
            ),
        }
    }
    if let Some(from) = &view.from {
        let origin = TraceOrigin::parse(from, &graph, &model.labels)?;
        state.lenses.tracing.origin = Some(origin);
    }
    state.experiment.chosen = view.experiment.experiment(&graph)?;
    state.experiment.follow(view.mark);
    let is_sorted = (view.sort, view.filter) != (Sort::Index, Filter::None);
    let is_followed = state.lenses.over == Some(saliency::NAME) && view.from.is_none();
    if view.headless && is_sorted && is_followed {
        bail!(
            "which channel comes first is not known before the frame: name it with --from, as in mixed5:12"
        );
    }
    state.keys = keymap(view.keys.as_deref())?;
    let wanted = wanted(chosen, view, &model)?;
    let setup = Setup {
        wanted,
        state: state.started(),
        source: input.source.clone(),
        delivery: Delivery {
            camera: input.camera.request(),
            every: input.every,
            decoding,
            live: true,
            ..Delivery::default()
        },
        session: SessionConfig {
            every_frame: view.headless,
            model,
            compare: models,
            placement: Placement::Cpu,
            history: view.history as usize,
            journal: None,
        },
        options: network::options(chosen)?,
        placement: chosen.device.placement(),
        adapter: chosen.adapter.clone(),
        snapshots: view.snapshot.clone().unwrap_or_else(|| USUAL_FOLDER.into()),
        writes_snapshots: view.record.is_none() || view.snapshot.is_some(),
        film: view.record.clone(),
        film_rate: view.record_rate,
        journal: None,
        player: None,
        results: None,
        followed: None,
        serve: view.serve.map(|port| view.pages.options(port)),
        tensorboard: view.tensorboard.clone(),
        size: view.size.unwrap_or(USUAL_SIZE),
        is_size_chosen: view.size.is_some(),
    };
    Ok((setup, layers))
}

/// Where snapshots and films go.
const USUAL_FOLDER: &str = "convscope-snapshots";

/// Pixels of a view, where nobody says another size.
const USUAL_SIZE: [u32; 2] = [1280, 720];

/// Weights to fetch while the view already runs: where the user left the choice open and has none yet.
fn wanted(chosen: &NetworkArgs, view: &ViewArgs, model: &OpenedModel) -> anyhow::Result<Option<Wanted>> {
    let is_open =
        chosen.weights == WeightsSpec::Auto && view.compare.is_empty() && chosen.width_multiplier == 1.0;
    if !is_open || view.offline || view.headless || matches!(model.spec, WeightsSpec::File(_)) {
        return Ok(None);
    }
    let manifest = Manifest::current()?;
    let Some(entry) = manifest.entries.first().cloned() else { return Ok(None) };
    Ok(Some(Wanted { entry, fetch: FetchOptions::from_environment(), model: network::options(chosen)? }))
}

/// The ranges that a snapshot held, and of which layer.
fn locked(path: &Path, graph: &Graph) -> anyhow::Result<(LayerIndex, Vec<LayerRanges>)> {
    let (layer, ranges) = read_locked_ranges(path)?;
    let channels = graph.nodes.get(layer).map_or(0, |node| node.shape.channels);
    let ranges = ranges.into_iter().map(|ranges| {
        let ends = |&[min, max]: &[f32; 2]| ChannelStatistics { min, max, finite: 1.0, ..Default::default() };
        LayerRanges {
            statistics: ranges.ends.iter().map(ends).collect(),
            percentiles: ranges.percentiles.map(Into::into),
        }
    });
    let ranges: Vec<LayerRanges> = ranges.collect();
    if ranges.iter().any(|ranges| ranges.statistics.len() != channels + 1) {
        bail!("{}: its locked ranges are those of another network", path.display());
    }
    Ok((layer, ranges))
}

/// The keys: those of this file, or of the one in the settings folder, where there is one.
pub(super) fn keymap(path: Option<&Path>) -> anyhow::Result<Arc<keys::Keymap>> {
    let found = keys::config_file().filter(|path| path.exists());
    match path.map(Path::to_path_buf).or(found) {
        Some(path) => Ok(keys::read(&path, &keys::keymap())?),
        None => Ok(keys::keymap()),
    }
}
