//! `convscope hypercolumn`: several layers in one picture, and the vector of one pixel.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use image::RgbImage;
use serde::Serialize;

use super::args::{ColorArgs, NetworkArgs, OutputArgs, PictureArgs, parse_fraction};
use super::names::output_path;
use super::network;
use super::output;
use super::pictures::{self, Picture, Work};
use crate::app::lens::hypercolumn::{NORMALIZE, ends_of, in_words, mean};
use crate::app::lens::meaning;
use crate::figure::{Figure, Legend, Tile, bars, tile_grid_figure};
use crate::inspect::{LayerOutput, hypercolumn};
use crate::model::Graph;
use crate::record::{Provenance, npy, save};
use crate::view::{colormap_table, number, paint};

/// Draw the mean of all channels of several layers, each as large as the input; print the hypercolumn of a pixel.
///
/// A hypercolumn is the vector of all these channels' values at one pixel (Hariharan et al., CVPR 2015); the mean is
/// only its picture.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope hypercolumn cat.jpg --layers 1,4,7 -o cat-147.png
  convscope hypercolumn cat.jpg --layers 1,4,7,10,11,14,17 --over 0.6 -o over.png
  convscope hypercolumn cat.jpg --layers 1,4,7 --at 150,120 --json")]
pub struct HypercolumnArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Layers by index, range (`0..15` is 0 to 14) or name, separated by commas.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', required = true)]
    pub layers: Vec<String>,
    /// The mean as a picture: PNG or SVG by the name's ending. With --at: the vector as a curve.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The vector of this pixel of the network's input, counted from 0 at the upper left.
    #[arg(long, value_name = "X,Y", value_parser = parse_pixel)]
    pub at: Option<[usize; 2]>,
    /// With --at: print one JSON document (documented in docs/json.md) in place of a table.
    #[arg(long, requires = "at")]
    pub json: bool,
    /// The numbers for NumPy: `[height, width]` of the input, f32, or with --at `[channels]`.
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
    /// Lay the mean over the picture with this opacity, from 0 to 1.
    #[arg(long, value_name = "OPACITY", value_parser = parse_fraction, conflicts_with = "at")]
    pub over: Option<f32>,
    #[command(flatten)]
    pub colors: ColorArgs,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_pixel(text: &str) -> Result<[usize; 2], String> {
    let (x, y) = text.split_once(',').ok_or("write column and row as in 150,120")?;
    let side = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` is not a pixel number"));
    Ok([side(x)?, side(y)?])
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    picture: String,
    /// Column and row in the network's input.
    at: [usize; 2],
    layers: Vec<LayerPart>,
}

#[derive(Serialize)]
struct LayerPart {
    index: usize,
    name: String,
    values: Vec<f32>,
}

pub fn run(args: &HypercolumnArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.npy.is_none() && args.at.is_none() {
        bail!(
            "say what you want: -o FILE for the picture, --npy FILE for its numbers, --at X,Y for a pixel's vector"
        );
    }
    let mut engine =
        network::engine(&network::open(&args.network)?, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let layers = crate::model::layers(&graph, &args.layers)?;
    let input = graph.input_shape();
    let size = (input.height, input.width);
    if let Some([x, y]) = args.at.filter(|[x, y]| *x >= input.width || *y >= input.height) {
        bail!(
            "--at {x},{y} lies outside the network's input, which has {}×{} pixels",
            input.width,
            input.height
        );
    }
    let (weights, how) = (engine.weights().clone(), args.pictures.preprocess.preprocessing());
    let single = pictures::is_single(&args.pictures);
    output::check_figure(args.output.as_deref(), single, args.files.existing())?;
    output::check_output(args.npy.as_deref(), single, args.files.existing())?;
    let provenance = || Provenance::new(&graph, &weights, how);
    let column = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let outputs: Vec<LayerOutput> = outputs.into_iter().flatten().collect();
        let name = picture.frame.name.to_string();
        let signed = network::signed(&name, &weights);
        let mut document = None;
        let (shape, values, figure) = if let Some([x, y]) = args.at {
            let values = hypercolumn::vector(&outputs, size, [x, y]);
            let layers_of = parts(&graph, &layers, &values);
            document =
                Some(Document { provenance: provenance(), picture: name, at: [x, y], layers: layers_of });
            let groups: Vec<_> = layers
                .iter()
                .map(|&layer| (graph.nodes[layer].name.clone(), graph.nodes[layer].shape.channels))
                .collect();
            let title = format!("{signed} · {} · pixel {x},{y}", title(&graph, &layers));
            let figure = args.output.as_ref().map(|_| bars(&values, &title, &groups));
            (vec![values.len()], values, figure)
        } else {
            let values = mean(&graph, &outputs);
            let under = args.over.map(|_| output::seen_picture(&picture.frame, how, input));
            let blend = under.as_ref().zip(args.over);
            let figure = mean_figure(&graph, &layers, &values, &signed, &args.colors, blend)?;
            (vec![size.0, size.1], values, Some(figure))
        };
        let mut written = vec![];
        let place = |path: &PathBuf| output_path(path, single, &picture.stem);
        if let Some(path) = args.npy.as_ref().map(place) {
            save(&path, &npy(&shape, &values), args.files.existing())?;
            written.push(path);
        }
        if let (Some(path), Some(figure)) = (args.output.as_ref().map(place), figure) {
            output::save_figure(&figure, &path, args.files.existing())?;
            written.push(path);
        }
        Ok((document, written))
    };
    let mut documents = Vec::new();
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &layers };
    let outcome = pictures::for_each_output(&args.pictures, work, column, |_, (document, written)| {
        if let Some(document) = document {
            if args.json {
                documents.push(document);
            } else if args.npy.is_none() && args.output.is_none() {
                output::print(&table(&document))?;
            }
        }
        written.iter().try_for_each(|path| output::wrote_beside(path, args.json))
    });
    if args.json {
        output::print(&(serde_json::to_string_pretty(&documents)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// The mean of all channels as a picture; over the network's input with this opacity, where that is given.
pub fn mean_figure(
    graph: &Graph,
    layers: &[usize],
    values: &[f32],
    picture: &str,
    colors: &ColorArgs,
    over: Option<(&RgbImage, f32)>,
) -> anyhow::Result<Figure> {
    let width = graph.input_shape().width;
    let colormap = colors.colormap();
    let scale = colors.scale_or(NORMALIZE);
    let ends = ends_of(values, &scale);
    let range = scale.range(ends, ends, colormap);
    let mut painted = paint(values, width, &range, colormap);
    if let Some((under, opacity)) = over {
        output::lay_over(&mut painted, under, opacity);
    }
    let text = format!(
        "each map enlarged to {width}×{} · {}",
        graph.input_shape().height,
        meaning(&scale, colormap, if range.is_flat { ": it is one value everywhere" } else { "" })
    );
    let legend = Legend {
        table: range.ramp(&colormap_table(colormap)),
        low: number(range.low),
        high: number(range.high),
        text,
    };
    let tile = Tile { picture: painted, caption: String::new() };
    let title = title(graph, layers);
    Ok(tile_grid_figure(&title, picture, &[tile], 2 * width as u32, false, Some(&legend))?)
}

fn title(graph: &Graph, layers: &[usize]) -> String {
    format!("hypercolumn of {}", in_words(graph, layers))
}

fn parts(graph: &Graph, layers: &[usize], values: &[f32]) -> Vec<LayerPart> {
    let mut rest = values;
    let part = |&index: &usize| {
        let node = &graph.nodes[index];
        let (values, more) = rest.split_at(node.shape.channels);
        rest = more;
        LayerPart { index, name: node.name.clone(), values: values.to_vec() }
    };
    layers.iter().map(part).collect()
}

fn table(document: &Document) -> String {
    let [x, y] = document.at;
    let mut text = format!("{} · pixel {x},{y}\nlayer  name  channel  value\n", document.picture);
    for part in &document.layers {
        for (channel, value) in part.values.iter().enumerate() {
            text.push_str(&format!("{}  {}  {channel}  {value}\n", part.index, part.name));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_and_opacities() {
        assert_eq!(parse_pixel("150, 120"), Ok([150, 120]));
        assert!(parse_pixel("150").is_err() && parse_pixel("-1,2").is_err());
        assert!(
            parse_fraction("1.5").is_err() && parse_fraction("NaN").is_err() && parse_fraction("0.5").is_ok()
        );
    }
}
