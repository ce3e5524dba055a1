//! `convscope cam`: where in a picture a class's score comes from.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs, parse_fraction};
use super::names::output_path;
use super::network;
use super::output;
use super::pictures::{self, Picture, Work};
use crate::app::lens::class_activation::{Explainer, Explanation, not_exact};
use crate::figure::{Legend, Tile, tile_grid_figure};
use crate::inspect::{Answer, LayerOutput, enlarge, is_pair};
use crate::model::Meaning;
use crate::model::labels::find_class;
use crate::record::{Prediction, Provenance, npy, save};
use crate::view::{ColorRange, Colormap, colormap_table, number, paint};

/// Draw where in a picture the score of a class comes from: its class activation map (Zhou et al., CVPR 2016).
///
/// It is exact for networks that end in the mean of each map and one fully connected layer: the map's mean plus the
/// class's bias is the class's logit. Where each class has a map of its own, that one's mean is its logit.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope cam cat.jpg -o cam.png
  convscope cam cat.jpg --weights imagenet --class tabby -o tabby.png
  convscope cam holiday/ --over 1 -o cams/map.png --json > cams.json")]
pub struct CamArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// The class, by number or name [default: the most probable one of each picture].
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// The map over the picture, as PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How much of the picture the map covers, from 0 to 1.
    #[arg(long, value_name = "OPACITY", value_parser = parse_fraction, default_value_t = 0.6)]
    pub over: f32,
    /// The numbers for NumPy: `[height, width]` f32 of the last block's maps.
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
    /// Print one JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// Colours.
    #[arg(long, value_enum, default_value_t)]
    pub colormap: Colormap,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    pictures: Vec<Explained>,
}

#[derive(Serialize)]
struct Explained {
    picture: String,
    source: String,
    /// Number of the frame in its source.
    frame: u64,
    meaning: Meaning,
    #[serde(flatten)]
    prediction: Prediction,
    logit: f32,
    bias: f32,
    /// Rows of the map.
    activation: Vec<Vec<f32>>,
}

pub fn run(args: &CamArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.npy.is_none() && !args.json {
        bail!("say what you want: -o FILE for the picture, --npy FILE or --json for the numbers");
    }
    let model = network::open(&args.network)?;
    network::check_trained(&model)?;
    let graph = model.graph.clone();
    if let Some(reason) = not_exact(&graph) {
        bail!("{reason}; its maps can be looked at with `convscope maps`");
    }
    let (labels, output) = (model.labels.clone(), graph.answer());
    let Some(output) = output else { bail!("the network has no classes") };
    let classes = graph.nodes[output.layer].shape.len();
    let classes = if is_pair(&graph, labels.len()) { 2 } else { classes };
    let chosen = args.class.as_deref().map(|text| find_class(text, classes, &labels)).transpose()?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let weights = engine.weights().clone();
    let Some(explainer) = Explainer::of(&graph, &weights, &labels) else {
        bail!("the classifier of this network has no weights")
    };
    let (maps, shape) = (explainer.layer, graph.nodes[explainer.layer].shape);
    let how = args.pictures.preprocess.preprocessing();
    let single = pictures::is_single(&args.pictures);
    output::check_figure(args.output.as_deref(), single, args.files.existing())?;
    output::check_output(args.npy.as_deref(), single, args.files.existing())?;
    let mut document = Document { provenance: network::provenance(&engine, how), pictures: vec![] };
    let explain = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let outputs: Vec<LayerOutput> = outputs.into_iter().flatten().collect();
        let mut written = vec![];
        let answer = Answer::new(&outputs[1].values, output.meaning, labels.len());
        let class = chosen.or_else(|| answer.top(1).first().copied()).unwrap_or(0);
        let explained = explainer.explain(&outputs[0], class);
        let (activation, explanation) = explained.ok_or_else(|| anyhow!("there is no class {class}"))?;
        let prediction = Prediction::new(&answer, class, &labels);
        let place = |path: &PathBuf| output_path(path, single, &picture.stem);
        if let Some(path) = args.npy.as_ref().map(place) {
            save(&path, &npy(&[shape.height, shape.width], &activation), args.files.existing())?;
            written.push(path);
        }
        if let Some(path) = args.output.as_ref().map(place) {
            let input = graph.input_shape();
            let seen = output::seen_picture(&picture.frame, how, input);
            let large = enlarge(&activation, shape.height, shape.width, input.height, input.width);
            let colors = ColorRange::plain(explanation.ends, args.colormap);
            let mut painted = paint(&large, input.width, &colors, args.colormap);
            output::lay_over(&mut painted, &seen, args.over);
            let legend = Legend {
                table: colormap_table(args.colormap),
                low: number(colors.low),
                high: number(colors.high),
                text: explanation.in_words(),
            };
            let Prediction { title, said, .. } = &prediction;
            let title = format!("{} · {}", Explanation::title(title), said.in_words(1));
            let tile = Tile { picture: painted, caption: String::new() };
            let figure = tile_grid_figure(
                &title,
                &network::signed(&picture.title(), &weights),
                &[tile],
                2 * input.width as u32,
                false,
                Some(&legend),
            )?;
            output::save_figure(&figure, &path, args.files.existing())?;
            written.push(path);
        }
        let explained = Explained {
            picture: picture.frame.name.to_string(),
            source: picture.source.clone(),
            frame: picture.frame.id,
            meaning: answer.meaning,
            prediction,
            logit: explanation.logit,
            bias: explanation.bias.unwrap_or_default(),
            activation: activation.chunks(shape.width).map(<[f32]>::to_vec).collect(),
        };
        Ok((explained, written))
    };
    let layers = [maps, output.layer];
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &layers };
    let outcome = pictures::for_each_output(&args.pictures, work, explain, |_, (explained, written)| {
        written.iter().try_for_each(|path| output::wrote_beside(path, args.json))?;
        if args.json {
            document.pictures.push(explained);
        }
        Ok(())
    });
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}
