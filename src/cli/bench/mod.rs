//! `convscope bench`: how fast this machine is. The session with its threads, and the view drawn into a texture.

mod host;
mod passes;
mod player;
mod report;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;

use self::passes::Bench;
use self::player::{Control, Player};
use self::report::{Machine, Memory, Report, SourceFacts, StartUp, ViewFacts, table};
use super::args::{CameraArgs, NetworkArgs, PreprocessArgs, parse_size};
use super::network;
use crate::app::presenter::Presenter;
use crate::app::state::AppState;
use crate::app::{fallback_note, placement_on};
use crate::cli::output;
use crate::engine::Placement;
use crate::gpu::{GpuContext, new_instance};
use crate::record::Provenance;
use crate::session::{Request, Session, SessionConfig};
use crate::source::{self, Delivery, SourceSpec};
use crate::view::{ChannelSet, Sort, TileSize};

/// Measure this machine: each stage, latency from capture to present, what the view costs beside the network, bytes,
/// memory, start-up.
///
/// The test card (or another source) goes through the same threads and the same drawing as in the window, but into a
/// texture instead of onto a display, so that one display frame is to be added to latencies. Each frame carries its number
/// as black and white squares, which are read back from what was drawn.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope bench
  convscope bench --weights untrained --layer mixed10 --tiles 2048 --size 3840x2160
  convscope bench --layer 0..20 --frames 50 --json > bench.json")]
pub struct BenchArgs {
    /// A picture, a folder of pictures, a video, `camera:0`, or `testcard`.
    #[arg(long, value_name = "SOURCE", default_value = "testcard")]
    pub source: SourceSpec,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
    /// Enlarge the frames to this size, as a camera's of that size (frames in RGB only, such as the test card's).
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub frame_size: Option<[u32; 2]>,
    /// Frames a second that the source gives while everything runs at once (a camera gives its own).
    #[arg(long, value_name = "FPS", default_value_t = 30.0, value_parser = parse_rate)]
    pub fps: f64,
    /// How many frames each measurement counts.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub frames: u32,
    /// Layers that are tapped: names, indices, ranges such as `0..20`; the first one's tiles are drawn [default: as of the
    /// view].
    #[arg(long, value_name = "LAYER", value_delimiter = ',')]
    pub layer: Vec<String>,
    /// Draw the first N channels, all on one page [default: all channels; those of the first page where they are many].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub tiles: Option<u32>,
    /// Size of the view in pixels.
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_size)]
    pub size: [u32; 2],
    /// One JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=10_000.0).contains(&rate) => Ok(rate),
        _ => Err("a number of frames a second from 0.01 to 10000".into()),
    }
}

/// Frames that are not counted at the beginning.
const WARM_UP: usize = 3;

pub fn run(args: &BenchArgs) -> anyhow::Result<ExitCode> {
    let began = Instant::now();
    let age_s = host::process_age_s();
    let report = measure(args, began, age_s)?;
    output::print(&match args.json {
        true => serde_json::to_string_pretty(&report)? + "\n",
        false => table(&report),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn measure(args: &BenchArgs, began: Instant, age_s: Option<f64>) -> anyhow::Result<Report> {
    let model = network::open(&args.network)?;
    if let Some(note) = fallback_note(&model.spec) {
        eprintln!("{note}");
    }
    let graph = model.graph.clone();
    let layers = match &args.layer[..] {
        [] => vec![graph.first_look()],
        typed => crate::model::layers(&graph, typed)?,
    };
    let mut state = AppState::new(graph.clone(), layers[0]);
    let how = args.preprocess.for_input(graph.input_shape())?;
    network::tell_changes(&args.preprocess);
    state.how = how;
    if let Some(tiles) = args.tiles {
        state.place.channels = format!("0..{tiles}").parse::<ChannelSet>()?;
        let node = &graph.nodes[layers[0]];
        state.place.channels.resolve(&node.name, node.shape.channels)?;
    }

    let gpu = GpuContext::open(new_instance(None), args.network.adapter.as_deref(), None)?;
    let placement = placement_on(&gpu, args.network.device.placement());
    let config =
        SessionConfig { every_frame: false, model, compare: vec![], placement, history: 150, journal: None };
    let interval = Duration::from_secs_f64(1.0 / args.fps);
    let control = Control::new(interval);
    let open = {
        let (spec, size) = (args.source.clone(), args.frame_size);
        let decoding = args.preprocess.decoding();
        let delivery = Delivery { camera: args.camera.request(), decoding, ..Delivery::default() };
        let control = control.clone();
        let is_camera = matches!(spec, SourceSpec::Camera(_));
        move || {
            let mut opened = source::open(Some(&spec), &delivery)?;
            opened.source = Box::new(Player::new(opened.source, control, size, is_camera));
            Ok(opened)
        }
    };
    let request = Request { taps: layers.clone(), ..state.request() };
    let session = Session::start(gpu.clone(), config, request, open, || {});
    let presenter = Presenter::new(&gpu, placement, state, args.size);
    let mut bench = Bench::new(gpu.clone(), session, presenter, control, layers.clone());

    bench.warm_up(1)?;
    let start_up = start_up(began, age_s);
    if args.tiles.is_some() {
        bench.presenter.show_all_tiles(&bench.session);
    }
    let frames = args.frames as usize;
    bench.warm_up(WARM_UP)?;
    let (stages_apart, bytes_a_frame) = bench.stages_apart(frames)?;
    let (tiles, tile_size) = bench.presenter.tiles();
    let pipelined = bench.pipelined(frames, interval)?;
    let mut everything = bench.presenter.view.state.clone();
    everything.panels.health = true;
    (everything.place.sort, everything.place.enlarged) = (Sort::Variance, true);
    everything.place.tile_size = TileSize::Auto;
    let view_cost = bench.view_cost(frames, everything)?;

    let Some(last) = bench.presenter.shown() else { bail!("nothing was presented") };
    let (frame, network) = (&last.frame.frame, &last.model);
    let name = |&layer: &usize| graph.nodes[layer].name.clone();
    Ok(Report {
        provenance: Provenance::new(&network.graph, &network.weights, how),
        machine: machine(&gpu, placement),
        source: SourceFacts {
            name: bench.session.status().source.to_string(),
            frame_size: [frame.width, frame.height],
            frame_format: frame.format.name(),
            fps: args.fps,
        },
        view: ViewFacts { size: args.size, layers: layers.iter().map(name).collect(), tiles, tile_size },
        frames,
        start_up,
        stages_apart,
        pipelined,
        view_cost,
        bytes_a_frame,
        memory: Memory { peak_bytes: host::peak_memory() },
    })
}

/// How long it took until now.
fn start_up(began: Instant, age_s: Option<f64>) -> StartUp {
    let own_ms = began.elapsed().as_secs_f64() * 1e3;
    match age_s {
        Some(age_s) => StartUp { first_tiles_ms: age_s * 1e3 + own_ms, since: "process" },
        None => StartUp { first_tiles_ms: own_ms, since: "main" },
    }
}

fn machine(gpu: &GpuContext, placement: Placement) -> Machine {
    let adapter = gpu.summary();
    Machine {
        profile: if cfg!(debug_assertions) { "debug" } else { "release" },
        device: placement.name(),
        adapter: adapter.name,
        adapter_kind: adapter.kind,
        backend: adapter.backend,
        driver: adapter.driver,
        processor: host::processor(),
        threads: rayon::current_num_threads(),
        system: std::env::consts::OS,
    }
}
