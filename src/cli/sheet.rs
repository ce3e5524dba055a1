//! `convscope sheet`: the first filters of many layers on one sheet.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::args::{ColorArgs, NetworkArgs, OutputArgs, PictureArgs};
use super::coloring::{Compared, PaintedLayer, caption, legend, odd_in_words};
use super::experiment::ExperimentArgs;
use super::names::output_path;
use super::output;
use super::pictures::{self, Picture, Work};
use super::{events, network};
use crate::engine::WeightsSpec;
use crate::figure::{Figure, Heading, Legend, Sheet, Tile};
use crate::inspect::LayerOutput;
use crate::model::{Graph, LayerIndex};
use crate::record::{save, tensors};
use crate::view::Normalize;

/// Draw the first filters of several layers on one sheet: columns are layers, rows are filters.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope sheet cat.jpg --layers 0..15 --filters 3 -o sample.png
  convscope sheet cat.jpg --layers mixed0,mixed5,mixed10 --filters 4 --smooth -o mixed.svg
  convscope sheet cat.jpg --layers 1..4 --filters 3 --weights a.safetensors --compare untrained -o learned.png")]
pub struct SheetArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Layers by index, range (`0..15` is 0 to 14) or name, separated by commas.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', required = true)]
    pub layers: Vec<String>,
    /// How many channels of each layer, from 0.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..))]
    pub filters: u16,
    /// The sheet: PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Also save the values shown: one `[1, filters, height, width]` f32 tensor a layer.
    #[arg(long, value_name = "FILE")]
    pub safetensors: Option<PathBuf>,
    /// Other weights to show below those of --weights, with the signed difference; up to three times.
    #[arg(long, value_name = "FILE")]
    pub compare: Vec<WeightsSpec>,
    /// Longer side of a tile in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 150, value_parser = clap::value_parser!(u32).range(64..=2048))]
    pub tile_size: u32,
    /// Interpolate the values before they are coloured, as the tutorial does.
    #[arg(long)]
    pub smooth: bool,
    /// Also write TensorBoard event files into this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    #[command(flatten)]
    pub colors: ColorArgs,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

pub fn run(args: &SheetArgs) -> anyhow::Result<ExitCode> {
    let models = network::open_compared(&args.network, &args.compare)?;
    let graph = models[0].graph.clone();
    let layers = crate::model::layers(&graph, &args.layers)?;
    let filters = usize::from(args.filters);
    for &layer in &layers {
        let node = &graph.nodes[layer];
        if node.shape.channels < filters {
            let (name, count) = (&node.name, node.shape.channels);
            bail!("{filters} filters are asked for, but layer {layer}, {name}, has {count} channels");
        }
    }
    let mut engines = network::engines(&models, &args.network, &args.pictures.preprocess)?;
    let done_to_it = network::experiment(&mut engines[0], &args.experiment)?;
    network::check_comparable(&engines, &layers)?;
    let how = args.pictures.preprocess.preprocessing();
    let single = pictures::is_single(&args.pictures);
    output::check_figure(Some(&args.output), single, args.files.existing())?;
    output::check_output(args.safetensors.as_deref(), single, args.files.existing())?;
    let mut events = events::open(args.tensorboard.as_deref(), "sheet")?;
    let sheet = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let mut compared = Compared::new(&models);
        outputs.into_iter().for_each(|outputs| compared.add(outputs));
        let look = Look { tile_side: args.tile_size, smooth: args.smooth, colors: &args.colors };
        let name = format!("{}{done_to_it}", picture.frame.name);
        let figure = draw(&graph, &compared, &layers, filters, &name, look)?;
        let mut written = vec![output_path(&args.output, single, &picture.stem)];
        output::save_figure(&figure, &written[0], args.files.existing())?;
        if let Some(path) = &args.safetensors {
            let path = output_path(path, single, &picture.stem);
            let named = layers.iter().enumerate().flat_map(|(position, &layer)| {
                compared.named(position, &graph.nodes[layer].name).into_iter().map(|(name, output)| {
                    let shape = vec![1, filters, output.shape.height, output.shape.width];
                    (name, shape, output.values[..shape_len(filters, output)].to_vec())
                })
            });
            save(&path, &tensors(named.collect())?, args.files.existing())?;
            written.push(path);
        }
        let logged = args.tensorboard.as_ref().map(|_| figure.to_picture()).transpose()?;
        Ok((written, logged.map(|figure| (figure, compared))))
    };
    let work = Work { engines: &mut engines, how, layers: &layers };
    pictures::for_each_output(&args.pictures, work, sheet, |picture, (written, logged)| {
        written.iter().try_for_each(|path| output::wrote(path))?;
        if let (Some(events), Some((figure, compared))) = (&mut events, logged) {
            let step = picture.number as i64;
            events.image("sheet", step, &figure)?;
            for (position, &layer) in layers.iter().enumerate() {
                let name = &graph.nodes[layer].name;
                events.histogram(&format!("values/{name}"), step, &compared.main(position).values)?;
            }
        }
        Ok(())
    })?;
    events::close(events)?;
    Ok(ExitCode::SUCCESS)
}

/// How a sheet looks.
pub struct Look<'a> {
    /// Pixels of a tile's longer side.
    pub tile_side: u32,
    /// Values are interpolated before they are coloured.
    pub smooth: bool,
    /// Colours.
    pub colors: &'a ColorArgs,
}

/// The first filters of layers that were run, in this order. Columns are layers, rows are filters; where networks are
/// compared, each filter has a row for each of them and for the differences.
pub fn draw(
    graph: &Graph,
    compared: &Compared,
    layers: &[LayerIndex],
    filters: usize,
    picture: &str,
    look: Look<'_>,
) -> anyhow::Result<Figure> {
    let channels: Vec<u32> = (0..filters as u32).collect();
    let side = look.smooth.then_some(look.tile_side as usize);
    let paint = |(position, &layer): (usize, &LayerIndex)| {
        let those = filters.min(graph.nodes[layer].shape.channels);
        compared.paint(position, &channels[..those], look.colors, side)
    };
    let painted: Vec<_> = layers.iter().enumerate().map(paint).collect();
    let versions = compared.headings();
    let (mut rows, mut cells) = (Vec::new(), Vec::new());
    for filter in 0..filters {
        for (version, name) in versions.iter().enumerate() {
            rows.push(match versions.len() {
                1 => format!("filter {filter}"),
                _ => format!("filter {filter} · {name}"),
            });
            let tile = |layer: &PaintedLayer| {
                let tile = layer.maps.get(version)?.get(filter)?;
                Some(Tile { picture: tile.picture.clone(), caption: caption(tile) })
            };
            cells.push(painted.iter().map(tile).collect());
        }
    }
    let heading = |&layer: &LayerIndex| {
        let node = &graph.nodes[layer];
        Heading { lines: vec![layer.to_string(), node.name.clone(), node.shape.to_string()] }
    };
    let sheet = Sheet {
        title: format!("{picture} · {} layers × {filters} filters", layers.len()),
        subtitle: compared.in_words(),
        columns: layers.iter().map(heading).collect(),
        rows,
        cells,
        tile_side: look.tile_side,
        smooth: false,
        legend: sheet_legend(look.colors, &painted, compared.len()),
        notes: vec![],
    };
    Ok(sheet.draw()?)
}

/// Of one layer its own range; of several what is the same for all of them. The ends stand below the tiles.
fn sheet_legend(colors: &ColorArgs, layers: &[PaintedLayer], networks: usize) -> Option<Legend> {
    let mut all = legend(colors, layers.first()?, networks);
    let scale = colors.scale();
    let shares = |layer: &&PaintedLayer| layer.colors.first().is_some_and(|colors| colors.shares_range);
    let sharing = layers.iter().filter(shares).count();
    if layers.len() > 1 && sharing > 0 {
        let each = if sharing == layers.len() { "layer" } else { "map" };
        let name = colors.colormap().name();
        (all.low, all.high) = ("lowest".into(), "highest".into());
        all.text = format!("{name} · each {each} its own range; maps of one value share their layer's");
    } else if layers.len() > 1 && matches!(scale.normalize, Normalize::Layer | Normalize::Symmetric) {
        let extras = scale.extras_in_words().iter().map(|extra| format!(" · {extra}")).collect::<String>();
        let differences = if networks > 1 { "; differences: blue less, red more" } else { "" };
        let middle = if scale.normalize == Normalize::Symmetric { ", symmetric around zero" } else { "" };
        let name = colors.colormap().name();
        (all.low, all.high) = ("lowest".into(), "highest".into());
        all.text = format!("{name} · each layer its own range{middle}{extras}{differences}");
    }
    let odd = layers.iter().map(|layer| layer.odd).sum();
    all.text += &odd_in_words(&odd, colors.colormap());
    Some(all)
}

fn shape_len(filters: usize, output: &LayerOutput) -> usize {
    filters * output.shape.height * output.shape.width
}
