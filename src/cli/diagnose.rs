//! `convscope diagnose`: which maps carry something, over all given pictures.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use image::RgbImage;
use rayon::prelude::*;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs, parse_fraction};
use super::output;
use super::pictures::{self, Picture, Work};
use super::{events, network};
use crate::figure::{Captioned, Page};
use crate::inspect::diagnosis::{Diagnosis, LayerDiagnosis, LayerExamination};
use crate::inspect::{LayerOutput, Thresholds, luminance};
use crate::record::{Provenance, png, save};
use crate::view::{ColorRange, Colormap, paint, range};

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
    /// One JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// A page with the worst maps shown.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// A map is solid where its spread is below this part of the layer's usual one.
    #[arg(long, value_name = "PART", default_value_t = Thresholds::default().solid, value_parser = parse_fraction)]
    pub solid: f32,
    /// A map copies the brightness where the size of their correlation is at least this.
    #[arg(long, value_name = "CORRELATION", default_value_t = Thresholds::default().copy, value_parser = parse_fraction)]
    pub copy: f32,
    /// A map repeats another where their correlation is at least this.
    #[arg(long, value_name = "CORRELATION", default_value_t = Thresholds::default().duplicate, value_parser = parse_fraction)]
    pub duplicate: f32,
    /// Also write TensorBoard event files into this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    provenance: Provenance,
    diagnosis: &'a Diagnosis,
}

pub fn run(args: &DiagnoseArgs) -> anyhow::Result<ExitCode> {
    output::check_output(args.html.as_deref(), true, args.files.existing())?;
    let mut engine =
        network::engine(&network::open(&args.network)?, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let layers = match args.layers.is_empty() {
        true => network::rectified_layers(&graph),
        false => crate::model::layers(&graph, &args.layers)?,
    };
    let how = args.pictures.preprocess.preprocessing();
    let scale = engine.weights().conventions.input_scale;
    let mut examined: Vec<_> = layers.iter().map(|&layer| LayerExamination::new(&graph, layer)).collect();
    let mut events = events::open(args.tensorboard.as_deref(), "diagnose")?;
    let mut taps = layers.clone();
    taps.push(0);
    let mut last: Option<(String, RgbImage, Vec<LayerOutput>)> = None;
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &taps };
    let all = |_: &Picture, outputs: Vec<Vec<LayerOutput>>| Ok(outputs.into_iter().flatten().collect());
    let outcome = pictures::for_each_output(&args.pictures, work, all, |picture, mut outputs: Vec<_>| {
        let Some(input) = outputs.pop() else { return Ok(()) };
        let mut brightness: HashMap<(usize, usize), Vec<f32>> = HashMap::new();
        for LayerOutput { shape, .. } in &outputs {
            let size = (shape.height, shape.width);
            brightness.entry(size).or_insert_with(|| luminance(&input.values, input.shape, scale, *shape));
        }
        examined.par_iter_mut().zip(&outputs).for_each(|(examined, output)| {
            examined.observe(output, &brightness[&(output.shape.height, output.shape.width)]);
        });
        if args.html.is_some() {
            let seen = output::seen_picture(&picture.frame, how, input.shape);
            last = Some((picture.frame.name.to_string(), seen, outputs));
        }
        Ok(())
    });
    let Thresholds { waste, pictures, .. } = Thresholds::default();
    let thresholds =
        Thresholds { solid: args.solid, copy: args.copy, duplicate: args.duplicate, waste, pictures };
    let diagnosis = Diagnosis::new(&graph, engine.is_trained(), &examined, thresholds);
    let origin = format!("weights {}, resized {}", args.network.weights, how.resize().name());
    if diagnosis.pictures > 0 {
        if args.json {
            let provenance = network::provenance(&engine, how);
            let document = Document { provenance, diagnosis: &diagnosis };
            output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
        } else {
            output::print(&format!("{}\n({origin})\n", diagnosis.to_text()))?;
        }
        if let (Some(path), Some((name, seen, outputs))) = (&args.html, &last) {
            let page = page(&diagnosis, &origin, name, seen, outputs)?;
            save(path, page.to_html().as_bytes(), args.files.existing())?;
            eprintln!("convscope: {}", path.display());
        }
        if let Some(events) = &mut events {
            for (step, layer) in diagnosis.layers.iter().enumerate() {
                for (kind, channels) in marked(layer) {
                    events.scalar(&format!("health/{kind}"), step as i64, channels.len() as f32)?;
                }
                events.histogram(&format!("zeros/{}", layer.name), 0, &layer.zeros)?;
            }
        }
    }
    events::close(events)?;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

const ALWAYS_ON: &str = "always on";

fn count(pictures: usize) -> String {
    if pictures == 1 { "1 picture".into() } else { format!("{pictures} pictures") }
}

/// What is said of which channels, the worst first.
fn marked(layer: &LayerDiagnosis) -> [(&'static str, Vec<usize>); 6] {
    [
        ("broken", layer.broken.clone()),
        ("dead", layer.dead.clone()),
        ("solid", layer.solid.clone()),
        ("copy of the brightness", layer.copies.iter().map(|copy| copy.channel).collect()),
        ("duplicate", layer.duplicates.iter().map(|duplicate| duplicate.channel).collect()),
        (ALWAYS_ON, layer.always_on.clone()),
    ]
}

/// How many maps of a layer the page shows.
const SHOWN: usize = 12;

fn page(
    diagnosis: &Diagnosis,
    origin: &str,
    name: &str,
    seen: &RgbImage,
    outputs: &[LayerOutput],
) -> anyhow::Result<Page> {
    let trained = if diagnosis.trained { "" } else { ", untrained" };
    let mut page = Page::new(
        &format!("{}{trained}: how healthy the maps are", diagnosis.network),
        &format!(
            "{origin}; {}; the maps are those of {name}, each in its own range",
            count(diagnosis.pictures)
        ),
    );
    page.picture(&png(seen)?, "the picture as the network sees it");
    for note in &diagnosis.notes {
        page.note(note);
    }
    for (layer, output) in diagnosis.layers.iter().zip(outputs) {
        // One tile a channel, with everything that is said of it.
        let mut words: BTreeMap<usize, Vec<String>> = BTreeMap::new();
        let mut worst = Vec::new();
        // Always on is no fault.
        for (kind, channels) in marked(layer).into_iter().filter(|(kind, _)| *kind != ALWAYS_ON) {
            for channel in channels {
                let said = words.entry(channel).or_default();
                if said.is_empty() {
                    worst.push(channel);
                }
                said.push(match layer.duplicates.iter().find(|duplicate| duplicate.channel == channel) {
                    Some(duplicate) if kind == "duplicate" => format!("duplicate of {}", duplicate.of),
                    _ => kind.to_string(),
                });
            }
        }
        let more = worst.len().saturating_sub(SHOWN);
        let tiles = worst.iter().take(SHOWN).map(|&channel| {
            let values = output.channel(channel);
            let colors = ColorRange::plain(range(values), Colormap::Viridis);
            let picture = paint(values, output.shape.width, &colors, Colormap::Viridis);
            let caption = format!("{channel}: {}", words[&channel].join(", "));
            Ok(Captioned { file: png(&picture)?, caption })
        });
        let title = format!("{} · layer {} · {}", layer.name, layer.index, layer.operation);
        page.section(&title, &layer.sentence, tiles.collect::<anyhow::Result<_>>()?, more);
    }
    Ok(page)
}
