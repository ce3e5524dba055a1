//! `convscope kernels`: the weights of a convolution.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;

use super::args::{NetworkArgs, OutputArgs};
use super::network;
use super::output;
use crate::app::fallback_note;
use crate::app::lens::kernels::{
    COLORED_IN_WORDS, SLICES_IN_WORDS, filter, in_rgb, reads_colors, shape, slices_range,
};
use crate::figure::{Heading, Legend, Sheet, Tile, tile_grid_figure};
use crate::inspect::{LayerOutput, convolution_of, no_kernels};
use crate::model::Op;
use crate::record::{npy, save};
use crate::view::{ChannelSet, Colormap, colormap_table, number, paint, paint_rgb};
use crate::weights::LayerWeights;

/// Draw the kernels (weights) of a convolution: the first layer's filters in colour, deeper ones as slices.
///
/// In colour, grey is zero. As slices, each row is a filter and each column a channel that it reads; the scale is
/// symmetric around zero.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope kernels --layer conv2d --weights inception_v3.safetensors -o first.png
  convscope kernels --layer conv2d_1 --filters 0..8 --inputs 0..8 -o second.png")]
pub struct KernelsArgs {
    /// Convolution by index or one of its names (its batch normalisation and ReLU name it too).
    #[arg(long, value_name = "LAYER")]
    pub layer: String,
    /// Filters such as `0..16,40` [default: all, or the first 16 as slices].
    #[arg(long, value_name = "FILTERS")]
    pub filters: Option<ChannelSet>,
    /// Channels that are read, as slices [default: the first 32].
    #[arg(long, value_name = "CHANNELS")]
    pub inputs: Option<ChannelSet>,
    /// The kernels as a picture: PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// All weights of the layer for NumPy, `[filters, inputs, height, width]` f32.
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
    /// Longer side of a tile in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 48, value_parser = clap::value_parser!(u32).range(8..=1024))]
    pub tile_size: u32,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// How many filters and how many of their slices are drawn where nothing is said.
const FIRST_FILTERS: usize = 16;
const FIRST_INPUTS: usize = 32;

pub fn run(args: &KernelsArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.npy.is_none() {
        bail!("say what to write: -o FILE for a picture, --npy FILE for the numbers");
    }
    output::check_figure(args.output.as_deref(), true, args.files.existing())?;
    output::check_output(args.npy.as_deref(), true, args.files.existing())?;
    let model = network::open(&args.network)?;
    let graph = &model.graph;
    if let Some(note) = fallback_note(&model.spec) {
        eprintln!("{note}");
    }
    let weights = model.kernels();
    let layer = graph.find(args.layer.trim())?;
    let Some(conv) = convolution_of(graph, layer) else {
        let first = graph.nodes.iter().find(|node| matches!(node.op, Op::Conv(..)));
        let hint = first.map_or(String::new(), |node| format!(": name a convolution such as {}", node.name));
        bail!("{}{hint}", no_kernels(graph, layer))
    };
    let node = &graph.nodes[conv];
    let Some(LayerWeights::Conv { kernel, .. }) = &weights.layers[conv] else {
        bail!("{} has no weights", node.name)
    };
    let shape = shape(graph, conv);
    let inputs = shape.channels;
    if let Some(path) = &args.npy {
        let bytes = npy(&[node.shape.channels, inputs, shape.height, shape.width], kernel);
        save(path, &bytes, args.files.existing())?;
        output::wrote(path)?;
    }
    let Some(path) = &args.output else { return Ok(ExitCode::SUCCESS) };

    let in_color = reads_colors(graph, conv);
    let colors = weights.conventions.input_scale.colors(inputs);
    let filters = args.filters.clone().unwrap_or_default();
    let mut filters = filters.resolve(&node.name, node.shape.channels)?;
    if args.filters.is_none() && !in_color && inputs > 1 {
        filters.truncate(FIRST_FILTERS);
    }
    let cut = |&number: &u32| {
        filter(graph, &weights, conv, number).ok_or_else(|| anyhow!("there is no filter {number}"))
    };
    let cut: Vec<(LayerOutput, f32)> = filters.iter().map(cut).collect::<Result<_, _>>()?;
    let title = format!(
        "{} · kernels of {}×{}×{inputs} · {} filters",
        node.name, shape.height, shape.width, node.shape.channels
    );
    let subtitle = model.spec.title();
    let figure = if in_color {
        let tile = |(filter, (output, reach)): (&u32, &(LayerOutput, f32))| Tile {
            picture: paint_rgb(&in_rgb(output, colors), [shape.width, shape.height], (-reach, *reach)),
            caption: filter.to_string(),
        };
        let tiles: Vec<_> = filters.iter().zip(&cut).map(tile).collect();
        let legend = Legend {
            table: colormap_table(Colormap::Grey),
            low: "lowest".into(),
            high: "highest".into(),
            text: COLORED_IN_WORDS.into(),
        };
        tile_grid_figure(&title, &subtitle, &tiles, args.tile_size.max(64), false, Some(&legend))?
    } else {
        let of_all = cut.iter().map(|(_, reach)| *reach).fold(0.0, f32::max);
        let all_filters = slices_range(of_all);
        let legend = Some(Legend {
            table: colormap_table(Colormap::Diverging),
            low: number(-of_all),
            high: number(of_all),
            text: SLICES_IN_WORDS.into(),
        });
        if inputs == 1 {
            let tile = |(filter, (output, _)): (&u32, &(LayerOutput, f32))| Tile {
                picture: paint(&output.values, shape.width, &all_filters, Colormap::Diverging),
                caption: filter.to_string(),
            };
            let tiles: Vec<_> = filters.iter().zip(&cut).map(tile).collect();
            let subtitle = format!("{subtitle} · each filter reads one channel");
            let figure = tile_grid_figure(&title, &subtitle, &tiles, args.tile_size, false, legend.as_ref())?;
            output::save_figure(&figure, path, args.files.existing())?;
            output::wrote(path)?;
            return Ok(ExitCode::SUCCESS);
        }
        let read = args.inputs.clone().unwrap_or_default();
        let mut read = read.resolve("its input", inputs)?;
        if args.inputs.is_none() {
            read.truncate(FIRST_INPUTS);
        }
        let tile = |output: &LayerOutput, channel: u32| {
            let values = output.channel(channel as usize);
            let picture = paint(values, shape.width, &all_filters, Colormap::Diverging);
            Some(Tile { picture, caption: String::new() })
        };
        Sheet {
            title,
            subtitle: format!("{subtitle} · {} of {inputs} channels that each filter reads", read.len()),
            columns: read.iter().map(|channel| Heading { lines: vec![channel.to_string()] }).collect(),
            rows: filters.iter().map(|filter| format!("filter {filter}")).collect(),
            cells: cut
                .iter()
                .map(|(output, _)| read.iter().map(|channel| tile(output, *channel)).collect())
                .collect(),
            tile_side: args.tile_size,
            smooth: false,
            legend,
            notes: vec![],
        }
        .draw()?
    };
    output::save_figure(&figure, path, args.files.existing())?;
    output::wrote(path)?;
    Ok(ExitCode::SUCCESS)
}
