//! `convscope ablate`: which channels of a layer a class's score rests on.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs};
use super::network;
use super::output;
use super::pictures::{self, Picture};
use super::score::{Score, chosen_class, kind_of, score_of};
use crate::engine::Scores;
use crate::figure::{Ranked, ranked_bars};
use crate::inspect::OriginInfo;
use crate::model::{Change, Graph, LayerIndex};
use crate::record::Provenance;
use crate::view::{ChannelSet, number};

/// Rank a layer's channels by how far a class's score falls without each.
///
/// Each channel by itself is set to zero for all that read it, and the class's score (its logit, before the softmax) is computed
/// again: exactly, from the layer on. Of several pictures there are mean and spread. A channel that the score rises without
/// speaks against the class.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope ablate cat.jpg --layer mixed9
  convscope ablate cats/ --layer mixed9 --class tabby -o ablate.png
  convscope ablate cat.jpg --layer mixed10 --class tabby --json > ablate.json")]
pub struct AblateArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// The layer, by index or one of its names.
    #[arg(long, value_name = "LAYER")]
    pub layer: String,
    /// The class, by number or name [default: the most probable one of each picture].
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// Only these channels, such as `0..16,40` [default: all].
    #[arg(long, value_name = "CHANNELS")]
    pub channels: Option<ChannelSet>,
    /// What a channel's values become: a number, or × and a number, as in x2.
    #[arg(long, value_name = "VALUE", default_value = "0", value_parser = parse_change, allow_hyphen_values = true)]
    pub by: Change,
    /// Bars of the channels that matter most, as PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How many channels are told and drawn.
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=500))]
    pub count: u64,
    /// Print one JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_change(text: &str) -> Result<Change, String> {
    let (factor, number) = match text.trim().strip_prefix(['x', '×']) {
        Some(number) => (true, number),
        None => (false, text),
    };
    match number.trim().parse::<f32>() {
        Ok(number) if number.is_finite() && factor => Ok(Change::Times(number)),
        Ok(number) if number.is_finite() => Ok(Change::Set(number)),
        _ => Err(format!("`{text}` is no change: write a value as in 0, or a factor as in x2")),
    }
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    layer: LayerIndex,
    name: String,
    /// What the channel is changed to: `set` or `times`, and the number.
    change: &'static str,
    number: f32,
    pictures: Vec<Told>,
    /// The one whose score falls most first.
    channels: Vec<Channel>,
}

#[derive(Serialize)]
struct Told {
    picture: String,
    source: String,
    /// Number of the frame in its source.
    frame: u64,
    origin: OriginInfo,
    /// The score as usual.
    score: f32,
    /// How far it falls without each channel, in the order of their numbers.
    falls: Vec<f32>,
}

/// A channel over all pictures.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
struct Channel {
    channel: usize,
    /// How far the score falls in the mean.
    fall: f64,
    /// Standard deviation over the pictures; none of one picture.
    spread: Option<f64>,
}

pub fn run(args: &AblateArgs) -> anyhow::Result<ExitCode> {
    let model = network::open(&args.network)?;
    network::check_trained(&model)?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let layer = graph.find(args.layer.trim())?;
    let node = &graph.nodes[layer];
    let chosen = chosen_class(&engine, args.class.as_deref())?;
    check_layer(&graph, layer)?;
    let channels = args.channels.clone().unwrap_or_default();
    let mut channels: Vec<usize> = channels
        .resolve(&node.name, node.shape.channels)?
        .into_iter()
        .map(|channel| channel as usize)
        .collect();
    if channels.is_empty() {
        channels = (0..node.shape.channels).collect();
    }
    channels.sort_unstable();
    channels.dedup();
    output::check_figure(args.output.as_deref(), true, args.files.existing())?;
    let how = args.pictures.preprocess.preprocessing();
    let is_single = pictures::is_single(&args.pictures);
    let mut all: Vec<Told> = vec![];
    let outcome = pictures::for_each(&args.pictures, &mut |picture: Picture| {
        let Score { origin, unit } = score_of(&mut engine, &picture.frame, how, chosen)?;
        let bar = is_single.then(|| output::progress_bar(channels.len(), "channels"));
        let mut tell = |done: usize| bar.iter().for_each(|bar| bar.set_position(done as u64));
        let changed = (layer, &channels[..], args.by);
        let Scores { usual, changed } = engine.ablate(&picture.frame, how, changed, &unit, &mut tell)?;
        bar.iter().for_each(|bar| bar.finish_and_clear());
        all.push(Told {
            picture: picture.frame.name.to_string(),
            source: picture.source,
            frame: picture.frame.id,
            origin,
            score: usual,
            falls: changed.into_iter().map(|score| usual - score).collect(),
        });
        Ok(())
    });
    if all.is_empty() {
        outcome?;
        bail!("there was no picture");
    }
    let ranked = ranking(&channels, &all.iter().map(|told| &told.falls[..]).collect::<Vec<_>>());
    let ends = ends(&ranked, args.count as usize);
    let kind = score_of_graph(&graph);
    let title = title(&all, &node.name);
    if let Some(path) = &args.output {
        let rows: Vec<_> = ends.iter().map(row).collect();
        let figure = ranked_bars(&title, &explained(args.by, all.len(), kind), &rows)?;
        output::save_figure(&figure, path, args.files.existing())?;
        output::wrote_beside(path, args.json)?;
    }
    if args.json {
        let (change, number) = match args.by {
            Change::Set(number) => ("set", number),
            Change::Times(number) => ("times", number),
        };
        let provenance = network::provenance(&engine, how);
        let name = node.name.clone();
        let document = Document { provenance, layer, name, change, number, pictures: all, channels: ranked };
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    } else if args.output.is_none() {
        output::print(&table(&title, &ends))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// That the layer leads to the classes, and is not the last one itself.
fn check_layer(graph: &Graph, layer: LayerIndex) -> anyhow::Result<()> {
    let score = graph.class_unit(0, 0).map_or(0, |unit| unit.layer);
    if layer >= score || !graph.leads_to(layer, score) {
        let (name, score) = (&graph.nodes[layer].name, &graph.nodes[score].name);
        bail!("{name} has no part in the classes' scores ({score}): choose a layer before it (--layer)");
    }
    Ok(())
}

fn score_of_graph(graph: &Graph) -> &'static str {
    graph.class_unit(0, 0).map_or("score", |unit| kind_of(graph, &unit))
}

/// Channels by how far the score falls in the mean: the largest fall first, what is no number last.
fn ranking(channels: &[usize], falls: &[&[f32]]) -> Vec<Channel> {
    let count = falls.len().max(1) as f64;
    let channel = |(place, &channel): (usize, &usize)| {
        let own = || falls.iter().map(|falls| f64::from(falls[place]));
        let fall = own().sum::<f64>() / count;
        let square = own().map(|own| (own - fall).powi(2)).sum::<f64>();
        let spread = (falls.len() > 1).then(|| (square / (count - 1.0)).sqrt());
        Channel { channel, fall, spread }
    };
    let mut ranked: Vec<_> = channels.iter().enumerate().map(channel).collect();
    let key = |own: &Channel| if own.fall.is_nan() { f64::NEG_INFINITY } else { own.fall };
    ranked.sort_by(|a, b| key(b).total_cmp(&key(a)));
    ranked
}

/// Of a ranking those of most weight, in its order: what speaks for the class, and what against it.
fn ends(ranked: &[Channel], count: usize) -> Vec<Channel> {
    let mut places: Vec<usize> = (0..ranked.len()).filter(|&place| ranked[place].fall.is_finite()).collect();
    places.sort_by(|&a, &b| ranked[b].fall.abs().total_cmp(&ranked[a].fall.abs()));
    places.truncate(count);
    places.sort_unstable();
    places.into_iter().map(|place| ranked[place]).collect()
}

fn title(all: &[Told], layer: &str) -> String {
    let first = &all[0];
    let is_one = all.iter().all(|told| told.origin == first.origin);
    let class = if is_one { first.origin.words.clone() } else { "each picture's top class".into() };
    let of = if all.len() == 1 { first.picture.clone() } else { format!("{} pictures", all.len()) };
    format!("{of} · {class} without channels of {layer}")
}

fn explained(by: Change, pictures: usize, kind: &str) -> String {
    let done = match by {
        Change::Set(0.0) => "each channel alone is set to zero".to_string(),
        Change::Set(value) => format!("each channel alone is set to {}", number(value)),
        Change::Times(factor) => format!("each channel alone is multiplied by {}", number(factor)),
    };
    let spread = match pictures {
        1 => String::new(),
        _ => format!("; mean of {pictures} pictures, lines: one standard deviation"),
    };
    format!("How far the {kind} falls where {done} (to the left: it rises){spread}")
}

fn row(own: &Channel) -> Ranked {
    Ranked {
        name: format!("channel {}", own.channel),
        value: own.fall as f32,
        spread: own.spread.map(|spread| spread as f32),
        number: number_of(own),
    }
}

fn number_of(own: &Channel) -> String {
    let spread = own.spread.map(|spread| format!(" ± {}", number(spread as f32))).unwrap_or_default();
    format!("{}{spread}", number(own.fall as f32))
}

fn table(title: &str, rows: &[Channel]) -> String {
    let mut text = format!("{title}: how far it falls\n");
    for own in rows {
        text.push_str(&format!("{:>6}  {}\n", own.channel, number_of(own)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_ranked_by_their_mean_fall() {
        let falls: [&[f32]; 2] = [&[1.0, -4.0, 0.0, f32::NAN], &[3.0, -2.0, 0.5, 1.0]];
        let ranked = ranking(&[2, 5, 7, 9], &falls);
        assert_eq!(ranked.iter().map(|own| own.channel).collect::<Vec<_>>(), [2, 7, 5, 9]);
        assert_eq!((ranked[0].fall, ranked[2].fall), (2.0, -3.0));
        assert!((ranked[0].spread.unwrap() - 2f64.sqrt()).abs() < 1e-9);
        let told: Vec<_> = ends(&ranked, 2).iter().map(|own| own.channel).collect();
        assert_eq!(told, [2, 5], "those of most weight, whichever way");
        assert_eq!(ranking(&[0], &[&[1.5]])[0].spread, None);
    }

    #[test]
    fn a_change_is_a_value_or_a_factor() {
        assert_eq!(parse_change("0"), Ok(Change::Set(0.0)));
        assert_eq!(parse_change("-1.5"), Ok(Change::Set(-1.5)));
        assert_eq!(parse_change("x2"), Ok(Change::Times(2.0)));
        assert!(parse_change("two").is_err() && parse_change("inf").is_err());
    }
}
