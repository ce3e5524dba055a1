//! `convscope diagnose`: which maps carry something, over all given pictures.

mod part;
mod written;

use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use rayon::prelude::*;

use super::args::{NetworkArgs, PictureArgs, ReportArgs, ShardArgs};
use super::output;
use super::pictures::{self, Picture, Work};
use super::share::{Progress, Share, Tally};
use super::{events, network};
use crate::inspect::diagnosis::LayerExamination;
use crate::inspect::{LayerOutput, luminance};
use crate::model::LayerIndex;
use crate::record::save;

pub use part::{DIAGNOSE, DiagnosisPart, Newest};
pub use written::DiagnoseChoices;

/// Judge every channel of the chosen layers over all pictures: dead, solid, always on, copies of the brightness,
/// duplicates.
///
/// Many pictures of many things give a fair judgement: on a single one most channels of the deep layers are silent.
/// What the words mean and which thresholds they have stands in docs/diagnose.md.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope diagnose holiday/ --weights inception_v3.safetensors
  convscope diagnose holiday/ --layers activation,mixed0,mixed5 --html report.html
  convscope diagnose cat.jpg --json > diagnosis.json")]
pub struct DiagnoseArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Layers by index, range (`0..15` is 0 to 14) or name, separated by commas [default: every ReLU].
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    pub layers: Vec<String>,
    /// Also tell the histogram of each channel's values and the correlation of each pair of channels, on the page and in JSON; of
    /// layers of up to 512 channels.
    #[arg(long)]
    pub details: bool,
    #[command(flatten)]
    pub choices: DiagnoseChoices,
    #[command(flatten)]
    pub report: ReportArgs,
    #[command(flatten)]
    pub shard: ShardArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// Most channels of a layer whose details are told: there are as many correlations as pairs.
const MOST_DETAILED: usize = 512;

pub fn run(args: &DiagnoseArgs) -> anyhow::Result<ExitCode> {
    let DiagnoseArgs { choices, report, shard, .. } = args;
    let existing = report.files.existing();
    shard.check(choices.is_said() || report.html.is_some() || report.json, existing)?;
    output::check_output(report.html.as_deref(), true, existing)?;
    let mut engine =
        network::engine(&network::open(&args.network)?, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let layers = match args.layers.is_empty() {
        true => network::rectified_layers(&graph),
        false => crate::model::layers(&graph, &args.layers)?,
    };
    let is_detailed = |layer: LayerIndex| args.details && graph.nodes[layer].shape.channels <= MOST_DETAILED;
    for &layer in layers.iter().filter(|&&layer| args.details && !is_detailed(layer)) {
        let node = &graph.nodes[layer];
        eprintln!(
            "note: {}: no details of {} channels, only of up to {MOST_DETAILED}",
            node.name, node.shape.channels
        );
    }
    let how = args.pictures.preprocess.preprocessing();
    let scale = engine.weights().conventions.input_scale;
    let mut part = DiagnosisPart {
        part: DIAGNOSE.into(),
        run: network::run_info(&engine, &args.pictures),
        weights: args.network.weights.to_string(),
        trained: engine.is_trained(),
        progress: Progress { shard: shard.shard, tally: Tally::default() },
        examined: layers
            .iter()
            .map(|&layer| LayerExamination::new(&graph, layer, is_detailed(layer)))
            .collect(),
        newest: None,
    };
    let mut events = events::open(choices.tensorboard.as_deref(), "diagnose")?;
    let mut taps = layers.clone();
    taps.push(0);
    let shows_maps = report.html.is_some() || shard.part.is_some();
    let share = Share { shard: shard.shard, done: Tally::default() };
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &taps };
    let all = |_: &Picture, outputs: Vec<Vec<LayerOutput>>| Ok(outputs.into_iter().flatten().collect());
    let outcome =
        pictures::for_each_output_of(&args.pictures, share, work, all, |picture, mut outputs: Vec<_>| {
            let Some(input) = outputs.pop() else { return Ok(()) };
            let mut brightness: HashMap<(usize, usize), Vec<f32>> = HashMap::new();
            for LayerOutput { shape, .. } in &outputs {
                let size = (shape.height, shape.width);
                brightness
                    .entry(size)
                    .or_insert_with(|| luminance(&input.values, input.shape, scale, *shape));
            }
            part.examined.par_iter_mut().zip(&outputs).for_each(|(examined, output)| {
                examined.observe(output, &brightness[&(output.shape.height, output.shape.width)]);
            });
            if shows_maps {
                let seen = output::seen_picture(&picture.frame, how, input.shape);
                part.newest = Some(Newest::new(picture.place(), &picture.frame.name, &seen, outputs));
            }
            Ok(())
        });
    if let (Ok(tally), Some(path)) = (&outcome, &shard.part) {
        part.progress.tally = *tally;
        save(path, &serde_json::to_vec(&part)?, existing)?;
        output::wrote(path)?;
    } else {
        choices.write(report, &part, events.as_mut())?;
    }
    events::close(events)?;
    outcome?.trouble().map_or(Ok(ExitCode::SUCCESS), |trouble| Err(anyhow!(trouble)))
}
