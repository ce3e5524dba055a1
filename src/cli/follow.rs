//! `convscope follow`: a training, checkpoint by checkpoint.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PreprocessArgs, parse_seconds};
use super::network;
use super::output::{self, INTERRUPTED};
use super::spread;
use crate::engine::WeightsSpec;
use crate::figure::{Captioned, Page};
use crate::follow::{Examiner, LOOK, References, Watch};
use crate::inspect::HistogramInfo;
use crate::inspect::checkpoint::{CheckpointSummary, percent};
use crate::record::{Existing, png, save};
use crate::source::{Delivery, SourceSpec};
use crate::view::{ColorRange, Colormap, paint};

/// What a checkpoint is shown beside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BesideArg {
    /// The one before.
    Previous,
    /// The first.
    First,
    /// Another file.
    File(PathBuf),
}

impl FromStr for BesideArg {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            "previous" => Self::Previous,
            "first" => Self::First,
            path => Self::File(path.into()),
        })
    }
}

/// Follow a training without a display: tell of each checkpoint once it is whole, and keep a page of all of them.
///
/// Each is read and run on the same pictures: which channels are dead or solid, how parameters and maps are spread, how far each
/// layer has moved since the one before. It goes on until Ctrl-C, --checkpoints or --idle. `convscope --follow DIR` shows the same in
/// the live view.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope follow checkpoints/ --source holiday/ --html report.html
  convscope follow best.keras --idle 3600 --json > checkpoints.jsonl
  convscope --follow checkpoints/ --beside previous")]
pub struct FollowArgs {
    /// The weight file that the training writes again and again, or the folder of its checkpoints.
    #[arg(value_name = "FILE|DIR")]
    pub followed: PathBuf,
    /// A page of all checkpoints, written anew with each.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Print one line of JSON for each checkpoint (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// End after so many checkpoints.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub checkpoints: Option<u64>,
    /// End where no other has come for so many seconds.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub idle: Option<f64>,
    /// There is no display; the live view is `convscope --follow`.
    #[arg(long, hide = true)]
    pub headless: bool,
    /// The pictures that each is looked at on: the first eight of a picture, a folder or a video [default: things of the test card].
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<SourceSpec>,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Waits for the first checkpoint that is whole; what is looked for next begins behind it.
///
/// # Errors
/// Where weights were named beside the training.
pub fn first(path: &Path, network: &NetworkArgs) -> anyhow::Result<(PathBuf, Watch)> {
    if network.weights != WeightsSpec::Auto {
        bail!("the weights of a training that is followed come from {}: leave --weights out", path.display());
    }
    let mut watch = Watch::new(path);
    let mut is_told = false;
    loop {
        if let Some(newest) = watch.look().pop() {
            return Ok((newest, watch));
        }
        if !std::mem::replace(&mut is_told, true) {
            eprintln!("convscope: waiting for a checkpoint in {} that is whole …", path.display());
        }
        thread::sleep(LOOK);
    }
}

/// A line of JSON.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    checkpoint: &'a CheckpointSummary,
    /// Since convscope began.
    seconds: f64,
}

pub fn run(args: &FollowArgs) -> anyhow::Result<ExitCode> {
    if args.network.weights != WeightsSpec::Auto {
        bail!("the weights come from {}: leave --weights out", args.followed.display());
    }
    output::check_output(args.html.as_deref(), true, args.files.existing())?;
    let how = args.preprocess.preprocessing();
    let delivery = Delivery { decoding: args.preprocess.decoding(), ..Delivery::default() };
    let references = References::of(args.source.as_ref(), &delivery, how).map_err(|error| anyhow!(error))?;
    let mut examiner = Examiner::new(&args.followed, network::options(&args.network)?, references);
    let mut watch = Watch::new(&args.followed);
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let (began, mut newest) = (Instant::now(), Instant::now());
    let mut all: Vec<Arc<CheckpointSummary>> = vec![];
    eprintln!("convscope: following {}; Ctrl-C ends it", args.followed.display());
    loop {
        for path in watch.look() {
            newest = Instant::now();
            match examiner.examine(&path) {
                Ok(checkpoint) => {
                    all.push(checkpoint.summary);
                    tell(args, &all, began)?;
                }
                Err(reason) => eprintln!("note: {reason}"),
            }
            if args.checkpoints.is_some_and(|most| all.len() as u64 >= most) {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if interrupted.load(Ordering::Relaxed) {
            return Ok(ExitCode::from(INTERRUPTED));
        }
        if args.idle.is_some_and(|idle| newest.elapsed() > Duration::from_secs_f64(idle)) {
            return match all.is_empty() {
                true => Err(anyhow!("{}: no checkpoint came", args.followed.display())),
                false => Ok(ExitCode::SUCCESS),
            };
        }
        thread::sleep(LOOK);
    }
}

/// Tells of the newest checkpoint, and writes the page of all.
fn tell(args: &FollowArgs, all: &[Arc<CheckpointSummary>], began: Instant) -> anyhow::Result<()> {
    let Some(newest) = all.last() else { return Ok(()) };
    output::print(&match args.json {
        true => {
            let line = Line { checkpoint: newest, seconds: began.elapsed().as_secs_f64() };
            serde_json::to_string(&line)? + "\n"
        }
        false => format!("{}: {}\n", newest.name, newest.in_words()),
    })?;
    if let Some(path) = &args.html {
        save(path, page(args, all)?.to_html().as_bytes(), Existing::Replace)?;
        if all.len() == 1 {
            eprintln!("convscope: {}", path.display());
        }
    }
    Ok(())
}

/// Width of the picture of what has moved, least and largest height, and rows of a layer, if possible: in pixels.
const MOVED: (usize, [usize; 2], usize) = (272, [60, 560], 6);

fn page(args: &FollowArgs, all: &[Arc<CheckpointSummary>]) -> anyhow::Result<Page> {
    let pictures = all.first().map_or(0, |first| first.pictures);
    let mut page = Page::new(
        &format!("{}: {} checkpoints", args.followed.display(), all.len()),
        &format!("each looked at on the same {pictures} pictures; the newest comes first"),
    );
    if let Some(moved) = moved(all)? {
        page.section("How far each layer has moved", HOW_MOVED, vec![moved], 0);
    }
    for checkpoint in all.iter().rev() {
        let parameters: Vec<&HistogramInfo> =
            checkpoint.parameters.iter().map(|layer| &layer.histogram).collect();
        let maps: Vec<&HistogramInfo> = checkpoint.maps.iter().map(|layer| &layer.histogram).collect();
        let drawn = [
            spread::draw(&parameters, &format!("parameters of {} layers, from the first", parameters.len())),
            spread::draw(&maps, &format!("values of the maps of {} layers, from the first", maps.len())),
        ];
        let mut sentence = format!("{}.", checkpoint.in_words());
        let mut worst: Vec<_> = checkpoint.maps.iter().filter(|maps| maps.dead > 0).collect();
        worst.sort_by_key(|maps| std::cmp::Reverse(maps.dead));
        let worst: Vec<_> = worst
            .iter()
            .take(3)
            .map(|maps| format!("{} ({} of {})", maps.name, maps.dead, maps.channels))
            .collect();
        if !worst.is_empty() {
            sentence += &format!(" Most of the dead are in {}.", worst.join(", "));
        }
        page.section(&checkpoint.name, &sentence, drawn.into_iter().flatten().collect(), 0);
    }
    Ok(page)
}

const HOW_MOVED: &str = "From left to right the checkpoints, from top to bottom the layers: the brighter, the further their parameters have moved since the \
                     checkpoint before (the norm of the difference, divided by the norm before).";

/// The picture of what has moved; `None` before the second checkpoint.
fn moved(all: &[Arc<CheckpointSummary>]) -> anyhow::Result<Option<Captioned>> {
    let later: Vec<_> = all.iter().skip(1).filter(|one| one.furthest().is_some()).collect();
    let Some(last) = later.last() else { return Ok(None) };
    let layers = last.parameters.len();
    let part = |checkpoint: &CheckpointSummary, layer: usize| {
        checkpoint.parameters.get(layer).and_then(|layer| layer.moved).unwrap_or(0.0) as f32
    };
    let (width, [lowest, highest], row) = MOVED;
    let height = (layers * row).clamp(lowest, highest);
    let value = |pixel: usize| {
        let (layer, column) = (pixel / width * layers / height, pixel % width * later.len() / width);
        part(later[column], layer)
    };
    let values: Vec<f32> = (0..width * height).map(value).collect();
    let most = values.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
    let range = ColorRange::plain((0.0, most), Colormap::Viridis);
    let file = png(&paint(&values, width, &range, Colormap::Viridis))?;
    let ends = [last.parameters.first(), last.parameters.last()];
    let [top, bottom] = ends.map(|layer| layer.map_or("", |layer| &layer.name));
    let caption = format!(
        "{layers} layers, from {top} (top) to {bottom} (bottom); {} checkpoints; the brightest moved by {}",
        later.len(),
        percent(most.into())
    );
    Ok(Some(Captioned { file, caption, is_wide: true }))
}
