//! `convscope cam`: where in a picture a class's score comes from.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs, parse_fraction};
use super::names::output_path;
use super::network;
use super::output;
use super::pictures::{self, Picture, Work};
use crate::app::lens::class_activation::{Explainer, Explanation, not_exact};
use crate::engine::{Engine, OpenedModel};
use crate::figure::{Legend, Tile, tile_grid_figure};
use crate::gpu::Preprocessing;
use crate::inspect::{Answer, LayerOutput, Start, TraceOrigin, enlarge, explained, is_pair};
use crate::model::labels::find_class;
use crate::model::{CamMethod, Form, Graph, LayerIndex, Meaning, Output, Rule, Shape, Trace};
use crate::record::{Prediction, Provenance, npy, save};
use crate::view::{ColorRange, Colormap, colormap_table, number, paint, range};
use crate::weights::Weights;

/// Draw where in a picture the score of a class comes from: its class activation map (Zhou et al., CVPR 2016), or Grad-CAM
/// and its kin at any layer.
///
/// The map is exact for networks that end in the mean of each map and one fully connected layer: the map's mean plus the
/// class's bias is the class's logit. Where each class has a map of its own, that one's mean is its logit. At other layers and
/// in other networks Grad-CAM is drawn, which is not exact (docs/saliency.md).
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope cam cat.jpg -o cam.png
  convscope cam cat.jpg --weights imagenet --class tabby -o tabby.png
  convscope cam cat.jpg --layer mixed7 --method gradcam --class tabby -o gradcam.png
  convscope cam holiday/ --over 1 -o cams/map.png --json > cams.json")]
pub struct CamArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// The class, by number or name [default: the most probable one of each picture].
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// The layer whose maps are summed up, by index or one of its names [default: the last one with maps].
    #[arg(long, value_name = "LAYER")]
    pub layer: Option<String>,
    /// How they are weighted: exact, gradcam, gradcam++ or layercam [default: exact where it can be, else gradcam].
    #[arg(long, value_name = "METHOD")]
    pub method: Option<Weighting>,
    /// The map over the picture, as PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How much of the picture the map covers, from 0 to 1.
    #[arg(long, value_name = "OPACITY", value_parser = parse_fraction, default_value_t = 0.6)]
    pub over: f32,
    /// The numbers for NumPy: `[height, width]` f32 of the layer's maps.
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

/// How maps are weighted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weighting {
    /// By the classifier's own weights.
    Exact,
    /// By their gradient.
    Gradient(CamMethod),
}

impl Weighting {
    fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Gradient(method) => method.name(),
        }
    }

    fn source(self) -> &'static str {
        match self {
            Self::Exact => "Zhou et al., 2016, arXiv:1512.04150",
            Self::Gradient(method) => method.source(),
        }
    }
}

impl FromStr for Weighting {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = CamMethod::ALL.map(Self::Gradient).into_iter().chain([Self::Exact]);
        let mut known = known.filter(|known| known.name() == name);
        known
            .next()
            .ok_or_else(|| format!("there is no method `{name}`: use exact, gradcam, gradcam++ or layercam"))
    }
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
    method: &'static str,
    published: &'static str,
    layer: Named,
    logit: f32,
    /// Of the class; none where the map does not add up to the logit.
    bias: Option<f32>,
    /// Rows of the map.
    activation: Vec<Vec<f32>>,
}

#[derive(Serialize)]
struct Named {
    index: LayerIndex,
    name: String,
}

/// The map of a class in a picture.
struct Found {
    class: usize,
    activation: Vec<f32>,
    ends: (f32, f32),
    logit: f32,
    bias: Option<f32>,
    words: String,
}

pub fn run(args: &CamArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.npy.is_none() && !args.json {
        bail!("say what you want: -o FILE for the picture, --npy FILE or --json for the numbers");
    }
    let model = network::open(&args.network)?;
    network::check_trained(&model)?;
    let (graph, labels) = (model.graph.clone(), model.labels.clone());
    let Some(answer) = graph.answer() else {
        let reason = not_exact(&graph).unwrap_or_default();
        bail!("{reason}; its maps can be looked at with `convscope maps`")
    };
    let (layer, weighting) = way(args, &graph)?;
    let classes = graph.nodes[answer.layer].shape.len();
    let classes = if is_pair(&graph, labels.len()) { 2 } else { classes };
    let chosen = args.class.as_deref().filter(|class| *class != "top");
    let chosen = chosen.map(|text| find_class(text, classes, &labels)).transpose()?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let how = args.pictures.preprocess.preprocessing();
    let single = pictures::is_single(&args.pictures);
    output::check_figure(args.output.as_deref(), single, args.files.existing())?;
    output::check_output(args.npy.as_deref(), single, args.files.existing())?;
    let mut document = Document { provenance: network::provenance(&engine, how), pictures: vec![] };
    let weights = engine.weights().clone();
    let drawing = Drawing { args, model: &model, weights: &weights, how, single, layer, weighting };
    let mut then = |(explained, written): (Explained, Vec<PathBuf>)| -> anyhow::Result<()> {
        written.iter().try_for_each(|path| output::wrote_beside(path, args.json))?;
        if args.json {
            document.pictures.push(explained);
        }
        Ok(())
    };
    let outcome = match weighting {
        Weighting::Exact => {
            let Some(explainer) = Explainer::of(&graph, &weights, &labels) else {
                bail!("the classifier of this network has no weights")
            };
            let explain = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| {
                let outputs: Vec<LayerOutput> = outputs.into_iter().flatten().collect();
                let answer = Answer::new(&outputs[1].values, answer.meaning, labels.len());
                let class = chosen.or_else(|| answer.top(1).first().copied()).unwrap_or(0);
                let explained = explainer.explain(&outputs[0], class);
                let (activation, said) = explained.ok_or_else(|| anyhow!("there is no class {class}"))?;
                let (bias, words) = (Some(said.bias.unwrap_or_default()), said.in_words());
                let found = Found { class, activation, ends: said.ends, logit: said.logit, bias, words };
                drawing.draw(picture, &answer, found)
            };
            let layers = [layer, answer.layer];
            let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &layers };
            pictures::for_each_output(&args.pictures, work, explain, |_, done| then(done))
        }
        Weighting::Gradient(method) => pictures::for_each(&args.pictures, &mut |picture| {
            let (answer, found) = gradient(&mut engine, &picture, how, answer, chosen, (layer, method))?;
            then(drawing.draw(&picture, &answer, found)?)
        }),
    };
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Which layer's maps are summed up, and how they are weighted; tells where that is not exact and was not asked for.
fn way(args: &CamArgs, graph: &Graph) -> anyhow::Result<(LayerIndex, Weighting)> {
    let exact = explained(graph);
    let maps = exact.as_ref().ok().map(|exact| exact.maps);
    let asked = args.layer.as_deref().map(|name| graph.find(name.trim())).transpose()?;
    let score = graph.class_unit(0, 0).map_or(0, |unit| unit.layer);
    let has_maps =
        |layer: &LayerIndex| !graph.nodes[*layer].shape.is_vector() && graph.leads_to(*layer, score);
    let (layer, weighting) = match (args.method, asked, maps) {
        (None | Some(Weighting::Exact), None, Some(maps)) => (maps, Weighting::Exact),
        (None | Some(Weighting::Exact), Some(layer), Some(maps)) if layer == maps => (maps, Weighting::Exact),
        (Some(Weighting::Exact), _, Some(maps)) => bail!(
            "only the map of {} is exact: leave out --layer, or choose --method gradcam",
            graph.nodes[maps].name
        ),
        (Some(Weighting::Exact), _, None) => {
            bail!("{}: choose --method gradcam, which is not", not_exact(graph).unwrap_or_default())
        }
        (method, asked, _) => {
            let last = asked.or_else(|| maps.or_else(|| (0..score).rev().find(has_maps)));
            let Some(layer) = last else { bail!("the network has no layer with maps before its classes") };
            (layer, method.unwrap_or(Weighting::Gradient(CamMethod::GradCam)))
        }
    };
    let name = &graph.nodes[layer].name;
    if !has_maps(&layer) {
        bail!("{name} has no maps that lead to the classes: choose a layer that has (--layer)");
    }
    if let (None, Weighting::Gradient(method)) = (args.method, weighting) {
        let title = method.title();
        match exact {
            Ok(_) => eprintln!("note: a map of {name} is not exact: this is {title}"),
            Err(reason) => {
                eprintln!("note: no class activation map is exact here ({reason}): this is {title} of {name}")
            }
        }
    }
    Ok((layer, weighting))
}

/// The map by gradients: what the network says, and the map of the class.
fn gradient(
    engine: &mut Engine,
    picture: &Picture,
    how: Preprocessing,
    output: Output,
    chosen: Option<usize>,
    (layer, method): (LayerIndex, CamMethod),
) -> anyhow::Result<(Answer, Found)> {
    let (graph, labels) = (engine.graph().clone(), engine.labels().clone());
    let origin = chosen.map_or(TraceOrigin::of(Start::TopClass), TraceOrigin::class);
    let from = origin.units_of_each_frame(&graph, labels.len());
    let from = from.ok_or_else(|| anyhow!("the network has no such class"))?;
    let trace = Trace { from, rule: Rule::Gradient, wanted: vec![(layer, Form::Cam(method))] };
    let (outputs, traced) = engine.trace(&picture.frame, how, &[output.layer], &[trace])?;
    let said = outputs.first().map(|output| output.values.as_slice()).unwrap_or_default();
    let answer = Answer::new(said, output.meaning, labels.len());
    let top = || graph.one_class(labels.len()).or_else(|| answer.top(1).first().copied());
    let class = chosen.or_else(top).unwrap_or(0);
    let traced = traced.into_iter().next();
    let mut traced = traced.ok_or_else(|| anyhow!("the network gave nothing on its way back"))?;
    let activation = traced.outputs.pop().map(|output| output.values).unwrap_or_default();
    let ends = range(&activation);
    let words = match ends {
        (0.0, 0.0) => "It is zero everywhere: nothing here raises the score.".to_string(),
        _ => format!("It does not add up to the score, {}.", number(traced.value)),
    };
    let words = format!("{} of {}. {} {words}", method.title(), graph.nodes[layer].name, method.sentence());
    Ok((answer, Found { class, activation, ends, logit: traced.value, bias: None, words }))
}

/// How maps are written down.
struct Drawing<'a> {
    args: &'a CamArgs,
    model: &'a OpenedModel,
    weights: &'a Weights,
    how: Preprocessing,
    single: bool,
    layer: LayerIndex,
    weighting: Weighting,
}

impl Drawing<'_> {
    fn draw(
        &self,
        picture: &Picture,
        answer: &Answer,
        found: Found,
    ) -> anyhow::Result<(Explained, Vec<PathBuf>)> {
        let (args, graph) = (self.args, &self.model.graph);
        let node = &graph.nodes[self.layer];
        let Shape { height, width, .. } = node.shape;
        let mut written = vec![];
        let prediction = Prediction::new(answer, found.class, &self.model.labels);
        let place = |path: &PathBuf| output_path(path, self.single, &picture.stem);
        if let Some(path) = args.npy.as_ref().map(place) {
            save(&path, &npy(&[height, width], &found.activation), args.files.existing())?;
            written.push(path);
        }
        if let Some(path) = args.output.as_ref().map(place) {
            let input = graph.input_shape();
            let seen = output::seen_picture(&picture.frame, self.how, input);
            let large = enlarge(&found.activation, height, width, input.height, input.width);
            let colors = ColorRange::plain(found.ends, args.colormap);
            let mut painted = paint(&large, input.width, &colors, args.colormap);
            output::lay_over(&mut painted, &seen, args.over);
            let legend = Legend {
                table: colormap_table(args.colormap),
                low: number(colors.low),
                high: number(colors.high),
                text: found.words,
            };
            let Prediction { title, said, .. } = &prediction;
            let title = format!("{} · {}", Explanation::title(title), said.in_words(1));
            let tile = Tile { picture: painted, caption: String::new() };
            let figure = tile_grid_figure(
                &title,
                &network::signed(&picture.title(), self.weights),
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
            method: self.weighting.name(),
            published: self.weighting.source(),
            layer: Named { index: self.layer, name: node.name.clone() },
            logit: found.logit,
            bias: found.bias,
            activation: found.activation.chunks(width).map(<[f32]>::to_vec).collect(),
        };
        Ok((explained, written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weightings_are_found_by_their_names() {
        for name in ["exact", "gradcam", "gradcam++", "layercam"] {
            assert_eq!(name.parse::<Weighting>().unwrap().name(), name);
        }
        assert!("scorecam".parse::<Weighting>().unwrap_err().contains("layercam"));
    }
}
