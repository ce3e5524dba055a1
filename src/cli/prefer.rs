//! `convscope prefer`: pictures that units of the network prefer.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{anyhow, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{NetworkArgs, OutputArgs, PreprocessArgs};
use super::network;
use super::output::{self, INTERRUPTED};
use crate::engine::Engine;
use crate::figure::{Tile, mosaic, tile_grid_figure};
use crate::inspect::TraceOrigin;
use crate::inspect::best::{End, KEPT};
use crate::model::labels::Label;
use crate::model::{Graph, Place};
use crate::prefer::{Growth, Method, Settings, USUAL_STEPS};
use crate::record::best::{BestFile, Reopening, patches};
use crate::record::{Came, Preferred, PreferredRequest, PreferredStore, save};
use crate::view::{ChannelSet, number};

/// Draw the picture that a unit of the network answers to most, grown from noise; or those of all channels of a layer.
///
/// It takes a minute or so a unit. What has grown is kept in the cache folder: the same command later answers at once, and one that
/// was ended with Ctrl-C goes on. docs/prefer.md says how pictures grow, and what can be read in them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope prefer --unit mixed4:17 -o unit.png
  convscope prefer --unit class:tabby --negative -o least-tabby.png --json
  convscope prefer --layer mixed4 --channels 0..16 -o sheet.png
  convscope prefer --unit mixed4:17 --best best.json -o beside-patches.png")]
pub struct PreferArgs {
    /// The unit: LAYER:CHANNEL (its strongest cell), LAYER:CHANNEL@ROW,COLUMN, LAYER:CHANNEL@mean, class:NAME (or number);
    /// several joined with + or -.
    #[arg(
        long,
        value_name = "UNIT",
        required_unless_present = "layer",
        conflicts_with = "layer",
        allow_hyphen_values = true
    )]
    pub unit: Option<String>,
    /// In place of --unit: the channels of this layer, by index or one of its names, as a sheet.
    #[arg(long, value_name = "LAYER")]
    pub layer: Option<String>,
    /// Channels of --layer such as `0..16,40` (0 up to but not 16, and 40) [default: all].
    #[arg(long, value_name = "CHANNELS", requires = "layer")]
    pub channels: Option<ChannelSet>,
    /// The picture that it answers to least.
    #[arg(long)]
    pub negative: bool,
    /// Beside each picture, where the channel was strongest in photographs (or weakest, with --negative): what
    /// `convscope best --json` printed of the same layer. The picture of one unit is then a sheet, too.
    #[arg(long, value_name = "FILE")]
    pub best: Option<PathBuf>,
    /// What of the picture is free: `fourier` (all frequencies) or `maco` (their phases alone; how strong each is, is as in
    /// photographs).
    #[arg(long, value_enum, default_value_t)]
    pub method: Method,
    /// How many steps it grows.
    #[arg(long, value_name = "N", default_value_t = USUAL_STEPS as u32, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub steps: u32,
    /// Of the noise that it grows from, and of how the network looks at it.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Longer side of the picture in pixels, from 16 to 1024 [default: that of the network's input].
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(16..=1024))]
    pub size: Option<u32>,
    /// The picture, as PNG with its numbers as JSON in a text chunk; of --layer a sheet, PNG or SVG.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Print one JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Longer side of a tile of the sheet in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 149, value_parser = clap::value_parser!(u32).range(64..=1024))]
    pub tile_size: u32,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

pub fn run(args: &PreferArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && !args.json {
        bail!("say what you want: -o FILE for the picture, --json for the numbers");
    }
    let existing = args.files.existing();
    let is_sheet = args.layer.is_some() || args.best.is_some();
    match is_sheet {
        true => output::check_figure(args.output.as_deref(), true, existing)?,
        false => check_png(args)?,
    }
    output::check_output(args.output.as_deref(), true, existing)?;
    let model = network::open(&args.network)?;
    let graph = model.graph.clone();
    let origins = origins(args, &graph, &model.labels)?;
    let mut engine = network::engine(&model, &args.network, &PreprocessArgs::default())?;
    let best = args.best.as_deref().map(|path| best_of(path, &engine, &origins)).transpose()?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{msg}\n{wide_bar} {pos}/{len}, {eta} left")?);
    let store = PreferredStore::in_cache();
    let settings = settings(args, &graph);
    let count = origins.len();
    let (mut grown, mut found) = (vec![], 0);
    for (number, origin) in origins.into_iter().enumerate() {
        bar.set_length((count * args.steps as usize) as u64);
        bar.set_message(origin.in_words(&graph, &model.labels));
        let mut each = |growth: &Growth, _| {
            bar.set_position((number * args.steps as usize + growth.done()) as u64);
            !interrupted.load(Ordering::Relaxed)
        };
        let request = PreferredRequest { origin, settings };
        let (preferred, came) = request.fulfil(&mut engine, &store, &mut each)?;
        found += usize::from(came == Came::Found);
        grown.push(preferred);
        if came == Came::Stopped || interrupted.load(Ordering::Relaxed) {
            break;
        }
    }
    bar.finish_and_clear();
    let is_whole =
        grown.len() == count && grown.iter().all(|preferred| preferred.info.done >= preferred.info.steps);
    tell(found, count, is_whole, &grown);
    if let Some(path) = &args.output {
        match &grown[..] {
            [one] if !is_sheet => save(path, &one.to_png().map_err(|error| anyhow!(error))?, existing)?,
            _ => sheet(args, &engine, &grown, best.as_ref())?,
        }
        output::wrote_beside(path, args.json)?;
    }
    if args.json {
        let all: Vec<_> = grown.iter().map(|preferred| &preferred.info).collect();
        output::print(&(serde_json::to_string_pretty(&serde_json::json!({ "pictures": all }))? + "\n"))?;
    }
    Ok(if is_whole { ExitCode::SUCCESS } else { ExitCode::from(INTERRUPTED) })
}

fn check_png(args: &PreferArgs) -> anyhow::Result<()> {
    let Some(path) = &args.output else { return Ok(()) };
    if !path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("png")) {
        bail!("{}: the picture of one unit is a PNG file; give it a name that ends in .png", path.display());
    }
    Ok(())
}

/// The units, each with a picture of its own.
fn origins(args: &PreferArgs, graph: &Graph, labels: &[Label]) -> anyhow::Result<Vec<TraceOrigin>> {
    let mut origins = match (&args.unit, &args.layer) {
        (Some(unit), _) => vec![TraceOrigin::parse(unit, graph, labels)?],
        (None, Some(name)) => {
            let layer = graph.find(name.trim())?;
            let node = &graph.nodes[layer];
            let channels = args.channels.clone().unwrap_or_default();
            let channels = channels.resolve(&node.name, node.shape.channels)?;
            let origin = |channel: &u32| TraceOrigin::channel(layer, *channel as usize, Place::Strongest);
            channels.iter().map(origin).collect()
        }
        (None, None) => vec![],
    };
    if args.negative {
        let parts = origins.iter_mut().flat_map(|origin| &mut origin.parts);
        parts.for_each(|part| part.is_negative = !part.is_negative);
    }
    Ok(origins)
}

fn settings(args: &PreferArgs, graph: &Graph) -> Settings {
    let usual = Settings::usual(graph.input_shape());
    let longest = usual.size[0].max(usual.size[1]).max(1);
    let wanted = args.size.map_or(longest, |size| size as usize);
    Settings {
        method: args.method,
        steps: args.steps as usize,
        seed: args.seed,
        size: usual.size.map(|side| (side * wanted).div_ceil(longest)),
    }
}

/// What the user does not see in the picture.
fn tell(found: usize, count: usize, is_whole: bool, grown: &[Preferred]) {
    match (found, count) {
        (0, _) => {}
        (1, 1) => eprintln!("note: this picture has grown before: it comes from the cache folder"),
        _ => {
            eprintln!("note: {found} of {count} pictures have grown before: they come from the cache folder")
        }
    }
    let last = grown.last().map(|preferred| &preferred.info);
    if let Some(info) = last.filter(|_| !is_whole) {
        let pictures =
            if count > 1 { format!(" of picture {} of {count}", grown.len()) } else { String::new() };
        eprintln!(
            "convscope: stopped after step {} of {}{pictures}; the same command (with --overwrite where it wrote a file) goes \
             on from there",
            info.done, info.steps
        );
    }
}

/// A file of best patches, in which these units are to be found.
fn best_of(path: &Path, engine: &Engine, origins: &[TraceOrigin]) -> anyhow::Result<BestFile> {
    let file = BestFile::open(path).map_err(|error| anyhow!(error))?;
    file.check(engine.graph(), &engine.weights().origin).map_err(|error| anyhow!(error))?;
    let layer = &file.document.layer;
    for origin in origins {
        match origin.one_channel() {
            None => bail!(
                "{}: it has patches of single channels; ask for one (--unit {}:0)",
                path.display(),
                layer.name
            ),
            Some((index, ..)) if index != layer.index => bail!(
                "{} is of {}, and the unit is of {}: make one of that layer with `convscope best`",
                path.display(),
                layer.name,
                engine.graph().nodes[index].name
            ),
            Some((_, channel, _)) if !file.document.channels.iter().any(|known| known.channel == channel) => {
                bail!(
                    "{} has no channel {channel}: make one with it (`convscope best … --channels {channel}`)",
                    path.display()
                )
            }
            Some(_) => {}
        }
    }
    Ok(file)
}

/// The best patches of what has grown in one picture, and their values in words.
fn patches_of(preferred: &Preferred, file: &BestFile, side: u32) -> Tile {
    let channel = channel_of(preferred);
    let places = file.document.channels.iter().find(|known| known.channel as u64 == channel);
    let end = if is_negative(preferred) { End::Weakest } else { End::Strongest };
    let places: Vec<_> = places.map_or(&[][..], |known| known.at(end)).iter().take(KEPT).collect();
    let own = (side / (KEPT as f64).sqrt().ceil() as u32).max(16);
    let cut = patches(&places, Reopening::of(&file.document, own), &AtomicBool::new(false), |_| {});
    if let Some(reason) = cut.iter().find_map(|patch| patch.as_ref().err()) {
        eprintln!("note: a patch is left blank: {reason}");
    }
    let mut cut: Vec<_> = cut.into_iter().map(Result::ok).collect();
    cut.resize(KEPT, None);
    let values = match (places.first(), places.last()) {
        (Some(first), Some(last)) => format!("{} … {}", number(first.value), number(last.value)),
        _ => "no patch".into(),
    };
    Tile { picture: mosaic(&cut, own), caption: format!("photographs: {values}") }
}

/// True where it grew to what its unit answers to least.
fn is_negative(preferred: &Preferred) -> bool {
    preferred.info.origin["units"][0]["weight"].as_i64() == Some(-1)
}

fn channel_of(preferred: &Preferred) -> u64 {
    preferred.info.origin["units"][0]["channel"].as_u64().unwrap_or_default()
}

/// The channels of a layer beside each other, or units beside their best patches.
fn sheet(
    args: &PreferArgs,
    engine: &Engine,
    grown: &[Preferred],
    best: Option<&BestFile>,
) -> anyhow::Result<()> {
    let (Some(path), Some(first)) = (&args.output, grown.first()) else { return Ok(()) };
    let side = if args.layer.is_some() { args.tile_size } else { args.tile_size.max(299) };
    let tile = |preferred: &Preferred| {
        let caption = format!("{}: {}", channel_of(preferred), number(preferred.info.value));
        let grown = Tile { picture: preferred.picture.clone(), caption };
        [Some(grown), best.map(|file| patches_of(preferred, file, side))]
    };
    let tiles: Vec<_> = grown.iter().flat_map(tile).flatten().collect();
    let layer = match (&args.layer, best) {
        (Some(layer), _) => layer,
        (None, Some(file)) => &file.document.layer.name,
        (None, None) => "",
    };
    let least = if is_negative(first) { "answer to least" } else { "answer to most" };
    let info = &first.info;
    let channels = match grown.len() {
        1 => format!("channel {} {}", channel_of(first), least.replacen("answer", "answers", 1)),
        count => format!("{count} channels {least}"),
    };
    let title = format!("{layer} · what {channels}");
    let beside = best.map_or_else(String::new, |file| {
        let end = if is_negative(first) { "weakest" } else { "strongest" };
        format!(
            " · beside it, where it was {end} in {} pictures of {}",
            file.document.pictures,
            file.document.sources.join(", ")
        )
    });
    let subtitle = format!(
        "{} · {} steps, seed {}: grown from noise, no photographs{beside} · under each: channel, and its largest value in the picture",
        info.method.title(),
        info.steps,
        info.seed
    );
    let subtitle = network::signed(&subtitle, engine.weights());
    let figure = tile_grid_figure(&title, &subtitle, &tiles, side, true, None)?;
    output::save_figure(&figure, path, args.files.existing())
}
