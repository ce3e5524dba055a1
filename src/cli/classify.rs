//! `convscope classify`: what the network says.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs};
use super::output;
use super::pictures::{self, Picture, Work, output_path};
use super::{events, network};
use crate::figure::{Figure, probability_plot};
use crate::inspect::{LayerOutput, top_classes};
use crate::model::labels::Label;
use crate::record::{Prediction, Provenance};

/// Print the most probable classes of pictures: WordNet id, name, probability.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope classify cat.jpg --weights inception_v3.safetensors
  convscope classify holiday/ --top 1 --json > classes.json
  convscope classify cat.jpg --plot cat.svg")]
pub struct ClassifyArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// How many classes.
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub top: u16,
    /// One JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Draw the probabilities of all classes; PNG or SVG by the name's ending.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Also write TensorBoard event files into this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    pictures: Vec<Classified>,
}

#[derive(Serialize)]
struct Classified {
    picture: String,
    source: String,
    /// Number of the frame in its source.
    frame: u64,
    top: Vec<Prediction>,
}

pub fn run(args: &ClassifyArgs) -> anyhow::Result<ExitCode> {
    let model = network::open(&args.network)?;
    network::check_trained(&model)?;
    let classifier = model.graph.classifier().ok_or_else(|| {
        anyhow!("this network has no classifier (the weight file ends before it): its maps can be looked at")
    })?;
    let names = model.labels.clone();
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let (weights, how) = (engine.weights().clone(), args.pictures.preprocess.preprocessing());
    let single = pictures::is_single(&args.pictures);
    output::check_figure(args.plot.as_deref(), single, args.files.existing())?;
    let mut events = events::open(args.tensorboard.as_deref(), "classify")?;
    let mut document = Document { provenance: network::provenance(&engine, how), pictures: vec![] };
    let title = |picture: &Picture| network::signed(&picture.title(), &weights);
    let predict = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let probabilities = outputs.into_iter().flatten().flat_map(|output| output.values);
        let probabilities: Vec<f32> = probabilities.collect();
        let path = args.plot.as_ref().map(|path| output_path(path, single, &picture.stem));
        if let Some(path) = &path {
            let plot = plot(&probabilities, &names, &title(picture), args.top.min(10).into());
            output::save_figure(&plot, path, args.files.existing())?;
        }
        Ok((top(&probabilities, &names, args.top.into()), probabilities, path))
    };
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &[classifier] };
    let outcome = pictures::for_each_output(&args.pictures, work, predict, |picture, predicted| {
        let (top, probabilities, path) = predicted;
        if let Some(path) = path {
            eprintln!("convscope: {}", path.display());
        }
        if let Some(events) = &mut events {
            let step = picture.number as i64;
            for prediction in &top {
                // Names alone are not unique: there are two cranes.
                let tag = format!("probability/{} {}", prediction.wordnet_id, prediction.name);
                events.scalar(&tag, step, prediction.probability)?;
            }
            events.histogram("probabilities", step, &probabilities)?;
            events.image("picture", step, &output::rgb_picture(&picture.frame)?)?;
        }
        if args.json {
            let (name, frame) = (picture.frame.name.to_string(), picture.frame.id);
            document.pictures.push(Classified { picture: name, source: picture.source, frame, top });
        } else {
            output::print(&table(&title(&picture), &top))?;
        }
        Ok(())
    });
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    events::close(events)?;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// The most probable classes, with their names.
pub fn top(probabilities: &[f32], names: &[Label], count: usize) -> Vec<Prediction> {
    let named = |class: usize| Prediction::new(class, probabilities[class], names.get(class));
    top_classes(probabilities, count).into_iter().map(named).collect()
}

/// The probabilities of all classes, the most probable ones named.
pub fn plot(probabilities: &[f32], names: &[Label], picture: &str, named: usize) -> Figure {
    let names: Vec<_> = names.iter().map(|label| label.name.clone()).collect();
    let title = format!("{picture} · probabilities of {} classes", probabilities.len());
    probability_plot(probabilities, &names, &title, named)
}

/// Predictions in lines, below the picture's name.
pub fn table(picture: &str, top: &[Prediction]) -> String {
    let width = top.iter().map(|prediction| prediction.name.chars().count()).max().unwrap_or(0);
    let mut text = format!("{picture}\n");
    for (rank, Prediction { wordnet_id, name, probability, .. }) in top.iter().enumerate() {
        let (rank, percent) = (rank + 1, probability * 100.0);
        text.push_str(&format!("{rank:>4}  {wordnet_id}  {name:<width$}  {percent:>6.2} %\n"));
    }
    text
}
