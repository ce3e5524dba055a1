//! `convscope classify`: what the network says.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs};
use super::experiment::ExperimentArgs;
use super::names::output_path;
use super::output;
use super::pictures::{self, Picture, Work};
use super::{events, network};
use crate::figure::{Figure, bars, probability_plot};
use crate::inspect::{Answer, LayerOutput, no_answer};
use crate::model::labels::Label;
use crate::model::{Meaning, Output};
use crate::record::{Prediction, Provenance};

/// Print what the network says of pictures: the most probable classes with WordNet id, name, probability; of a network
/// that gives other numbers, these.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope classify cat.jpg --weights inception_v3.safetensors
  convscope classify holiday/ --top 1 --json > classes.json
  convscope classify cat.jpg --plot cat.svg")]
pub struct ClassifyArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// How many classes, or numbers; all where there are fewer.
    #[arg(long, value_name = "K", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub top: u32,
    /// One JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Draw the probabilities of all classes, or all numbers; PNG or SVG by the name's ending.
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Also write TensorBoard event files into this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub experiment: ExperimentArgs,
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
    #[serde(flatten)]
    main: Told,
    /// Where the network has several, all of them by their layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    outputs: Vec<OfLayer>,
}

/// What is told of an output.
#[derive(Clone, Serialize)]
struct Told {
    meaning: Meaning,
    top: Vec<Prediction>,
    /// Where pictures or the network are changed: the same of the picture and the network as they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unchanged: Vec<Prediction>,
}

#[derive(Serialize)]
struct OfLayer {
    layer: String,
    #[serde(flatten)]
    told: Told,
}

pub fn run(args: &ClassifyArgs) -> anyhow::Result<ExitCode> {
    let model = network::open(&args.network)?;
    network::check_trained(&model)?;
    let graph = model.graph.clone();
    // The main one first: class names are its.
    let outputs = graph.outputs.iter().filter(|output| output.meaning != Meaning::Maps);
    let outputs: Vec<Output> = outputs.copied().collect();
    if outputs.is_empty() {
        let maps = graph.outputs.first().map_or(graph.nodes.len() - 1, |output| output.layer);
        let (says, name) = (no_answer(&graph), &graph.nodes[maps].name);
        bail!("{says}, so there is nothing to classify: `convscope maps --layer {name}` shows them");
    }
    let names = model.labels.clone();
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let done_to_it = network::experiment(&mut engine, &args.experiment)?;
    let (weights, how) = (engine.weights().clone(), args.pictures.preprocess.preprocessing());
    let single = pictures::is_single(&args.pictures);
    output::check_figure(args.plot.as_deref(), single, args.files.existing())?;
    let mut events = events::open(args.tensorboard.as_deref(), "classify")?;
    let mut document = Document { provenance: network::provenance(&engine, how), pictures: vec![] };
    let usual_title = |picture: &Picture| network::signed(&picture.title(), &weights);
    let title = |picture: &Picture| usual_title(picture) + &done_to_it;
    let (top, layers) = (args.top as usize, outputs.iter().map(|output| output.layer).collect::<Vec<_>>());
    let predict = |picture: &Picture, values: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let labels = |place: usize| if place == 0 { &names[..] } else { &[] };
        let answer = |(place, (values, output)): (usize, (LayerOutput, &Output))| {
            Answer::new(&values.values, output.meaning, labels(place).len())
        };
        let mut values = values.into_iter();
        let mut answers = || -> Vec<Answer> {
            values.next().unwrap_or_default().into_iter().zip(&outputs).enumerate().map(answer).collect()
        };
        let (answers, usual) = (answers(), answers());
        let named = |answer: &Answer, place: usize| Prediction::top(answer, labels(place), top);
        let told = answers.iter().enumerate().map(|(place, answer)| Told {
            meaning: answer.meaning,
            top: named(answer, place),
            unchanged: usual.get(place).map(|usual| named(usual, place)).unwrap_or_default(),
        });
        let told: Vec<_> = told.collect();
        let path = args.plot.as_ref().map(|path| output_path(path, single, &picture.stem));
        if let Some(path) = &path {
            let plot = plot(&answers[0], &names, &title(picture), top.min(10));
            output::save_figure(&plot, path, args.files.existing())?;
        }
        Ok((told, answers, path))
    };
    let mut done = |picture: Picture, predicted: Predicted| -> anyhow::Result<()> {
        let (told, answers, path) = predicted;
        if let Some(path) = path {
            eprintln!("convscope: {}", path.display());
        }
        let name = |place: usize| graph.nodes[layers[place]].name.clone();
        if let Some(events) = &mut events {
            let step = picture.number as i64;
            for (place, (told, answer)) in told.iter().zip(&answers).enumerate() {
                let under = if place == 0 { String::new() } else { format!("{}/", name(place)) };
                for one in &told.top {
                    events.scalar(&format!("{under}{}", one.tag()), step, one.said.number())?;
                }
                let all = if answer.is_probability() { "probabilities" } else { "values" };
                events.histogram(&format!("{under}{all}"), step, &answer.values)?;
            }
            events.image("picture", step, &output::rgb_picture(&picture.frame)?)?;
        }
        if !args.json {
            let heading = |title: String, place| match told.len() {
                1 => title,
                _ => format!("{title} · {}", name(place)),
            };
            let tables = told.iter().enumerate().map(|(place, told)| {
                let unchanged = match told.unchanged.is_empty() {
                    true => String::new(),
                    false => table(
                        &format!("{} · as it is", heading(usual_title(&picture), place)),
                        &told.unchanged,
                    ),
                };
                table(&heading(title(&picture), place), &told.top) + &unchanged
            });
            return output::print(&tables.collect::<String>());
        }
        let of_layer = |(place, told): (usize, &Told)| OfLayer { layer: name(place), told: told.clone() };
        let is_one = told.len() == 1;
        let outputs = if is_one { vec![] } else { told.iter().enumerate().map(of_layer).collect() };
        document.pictures.push(Classified {
            picture: picture.frame.name.to_string(),
            source: picture.source,
            frame: picture.frame.id,
            main: told[0].clone(),
            outputs,
        });
        Ok(())
    };
    let outcome = if how.changes.is_empty() && engine.experiment().is_empty() {
        let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &layers };
        pictures::for_each_output(&args.pictures, work, predict, done)
    } else {
        pictures::for_each(&args.pictures, &mut |picture| {
            let changed = engine.run(&picture.frame, how, &layers)?;
            let usual = engine.run_usual(&picture.frame, how, &layers)?;
            let predicted = predict(&picture, vec![changed, usual])?;
            done(picture, predicted)
        })
    };
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    events::close(events)?;
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// What is told, all of it, and the plot's file.
type Predicted = (Vec<Told>, Vec<Answer>, Option<PathBuf>);

/// The probabilities of all classes, or all numbers; those that are told first with their names.
pub fn plot(answer: &Answer, labels: &[Label], picture: &str, named: usize) -> Figure {
    let count = answer.values.len();
    if answer.is_probability() {
        let names: Vec<_> = labels.iter().map(|label| label.name.clone()).collect();
        let title = format!("{picture} · probabilities of {count} classes");
        return probability_plot(&answer.values, &names, &title, named);
    }
    let name = |place| (format!("{} {}", answer.name(place, labels), answer.said(place).in_words(1)), 1);
    let names: Vec<_> = answer.top(named).into_iter().map(name).collect();
    bars(&answer.values, &format!("{picture} · values of {count} outputs"), &names)
}

/// Predictions in lines, below the picture's name.
pub fn table(picture: &str, top: &[Prediction]) -> String {
    let width = top.iter().map(|prediction| prediction.title.chars().count()).max().unwrap_or(0);
    let mut text = format!("{picture}\n");
    for (rank, Prediction { wordnet_id, title, said, .. }) in top.iter().enumerate() {
        let (rank, said) = (rank + 1, said.in_words(2));
        text.push_str(&format!("{rank:>4}  {wordnet_id}  {title:<width$}  {said:>8}\n"));
    }
    text
}
