//! `convscope best`: where in a set of pictures each channel answers most.

mod state;
mod written;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use clap::Args;

use super::args::{NetworkArgs, PictureArgs, ReportArgs, ShardArgs};
use super::network;
use super::output::{self, INTERRUPTED};
use super::pictures::{self, Picture, Work};
use super::share::{Progress, Share, Tally};
use crate::inspect::LayerOutput;
use crate::inspect::best::{self, BestPlaces};
use crate::record::best::{BEST, BestPart, FoundPicture};
use crate::record::{LayerInfo, save};
use crate::source::SourceSpec;

pub use written::{BestChoices, Written};

/// Show where in a set of pictures each channel of a layer answers most: its nine strongest places, one a picture, cut out of the
/// pictures as large as what the cell sees.
///
/// A run that was ended with Ctrl-C (or by the system) goes on where it was when the same command is given again.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope best holiday/ --layer mixed5 -o sheet.png --html best.html
  convscope best holiday/ --layer mixed5 --channels 0..16,40 --json > best.json
  convscope best holiday/ --layer mixed5 --shard 3/8 --part 3.part     the third of eight parts; `merge` joins them")]
pub struct BestArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Layer by index or one of its names.
    #[arg(long, value_name = "LAYER")]
    pub layer: String,
    #[command(flatten)]
    pub choices: BestChoices,
    #[command(flatten)]
    pub report: ReportArgs,
    #[command(flatten)]
    pub shard: ShardArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// The run was ended by the user.
#[derive(Debug, thiserror::Error)]
#[error("ended")]
struct Ended;

/// What a run knows is written down this often.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// Pictures that are remembered although nothing is found in them any more.
const REMEMBERED: usize = 50_000;

pub fn run(args: &BestArgs) -> anyhow::Result<ExitCode> {
    check(args)?;
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))?;
    let model = network::open(&args.network)?;
    let graph = model.graph.clone();
    let layer = graph.find(args.layer.trim())?;
    if args.pictures.preprocess.preprocessing().changes.moves() {
        bail!(
            "--input-change shuffle and upside-down put things elsewhere, and patches are cut from the pictures as they are: \
             choose other changes"
        );
    }
    // Before the work begins.
    args.choices.channels(&LayerInfo::new(&graph, layer), &args.report)?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let how = args.pictures.preprocess.preprocessing();
    let new = BestPart {
        part: BEST.into(),
        run: network::run_info(&engine, &args.pictures),
        layer: LayerInfo::new(&graph, layer),
        receptive_field: graph.nodes[layer].receptive_field,
        progress: Progress { shard: args.shard.shard, tally: Tally::default() },
        pictures: Default::default(),
        places: BestPlaces::new(graph.nodes[layer].shape.channels),
    };
    let state = state::State::of(&new, &args.pictures, engine.placement());
    let mut part = state.find(&new).unwrap_or(new);
    let done = part.progress.tally;
    if done.places > 0 {
        eprintln!(
            "note: going on behind {}, where this run was ended before",
            state::pictures(done.pictures)
        );
    }
    let share = Share { shard: args.shard.shard, done };
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &[layer] };
    let each = |_: &Picture, outputs: Vec<Vec<LayerOutput>>| {
        let output =
            outputs.into_iter().flatten().next().ok_or_else(|| anyhow!("the network gave nothing"))?;
        Ok(best::extremes(&output))
    };
    let mut saved: Option<Instant> = None;
    let outcome = pictures::for_each_output_of(&args.pictures, share, work, each, |picture, extremes| {
        if part.places.observe(picture.place(), &extremes) {
            let file =
                picture.again.clone().ok_or_else(|| anyhow!("{}: cannot be opened again", picture.source))?;
            let frame = &picture.frame;
            let size = [frame.width, frame.height];
            let found = FoundPicture { picture: picture.title(), file, frame: picture.frame_number(), size };
            part.pictures.insert(picture.place(), found);
            part.tidy(REMEMBERED);
        }
        part.progress.tally = picture.tally;
        let is_ended = interrupted.load(Ordering::Relaxed);
        if is_ended || saved.is_none_or(|at| at.elapsed() >= SAVE_EVERY) {
            saved = Some(Instant::now());
            part.tidy(0);
            state.keep(&part)?;
        }
        if is_ended { Err(Ended.into()) } else { Ok(()) }
    });
    match outcome {
        Ok(tally) => part.progress.tally = tally,
        Err(error) if error.is::<Ended>() => return Ok(ended(&part, &state)),
        Err(error) => return Err(error),
    }
    part.tidy(0);
    match &args.shard.part {
        Some(path) => {
            save(path, &serde_json::to_vec(&part)?, args.report.files.existing())?;
            output::wrote(path)?;
        }
        None => {
            let looked_at = part.progress.tally.pictures;
            if args.choices.write(&args.report, &part, looked_at, &interrupted)? == Written::Ended {
                state.keep(&part)?;
                return Ok(ended(&part, &state));
            }
        }
    }
    state.forget();
    part.progress.tally.trouble().map_or(Ok(ExitCode::SUCCESS), |trouble| Err(anyhow!(trouble)))
}

/// What makes no sense, before the work begins.
fn check(args: &BestArgs) -> anyhow::Result<()> {
    let BestArgs { choices, report, shard, .. } = args;
    shard.check(choices.output.is_some() || report.html.is_some() || report.json, report.files.existing())?;
    if shard.part.is_none() {
        choices.check(report)?;
    }
    for spec in &args.pictures.paths {
        let is_passing = match spec {
            SourceSpec::Camera(_) | SourceSpec::Address(_) => true,
            SourceSpec::Path(path) => {
                path.exists() && !path.is_file() && !path.is_dir() || path.as_os_str() == "-"
            }
            SourceSpec::Files(_) | SourceSpec::Made(_) => false,
        };
        if is_passing {
            bail!(
                "{spec}: patches are cut out of the pictures at the end, and these cannot be opened again: save them first \
                 (`convscope grab`), or look at the best patches of a camera in the window"
            );
        }
    }
    Ok(())
}

fn ended(part: &BestPart<Progress>, state: &state::State) -> ExitCode {
    let goes_on = if state.is_kept() { "; the same command goes on from there" } else { "" };
    eprintln!("convscope: stopped after {}{goes_on}", state::pictures(part.progress.tally.pictures));
    ExitCode::from(INTERRUPTED)
}
