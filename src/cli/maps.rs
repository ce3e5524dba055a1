//! `convscope maps`: the feature maps of one layer, as a picture and as numbers.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use image::RgbImage;

use super::args::{ColorArgs, NetworkArgs, OutputArgs, PictureArgs};
use super::by_class::{self, ByClass};
use super::coloring::{Compared, caption, legend, odd_in_words};
use super::experiment::ExperimentArgs;
use super::names::output_path;
use super::output;
use super::pca::{self, PcaArgs};
use super::pictures::{self, Picture, Work};
use super::{events, film, network};
use crate::engine::WeightsSpec;
use crate::figure::{Figure, Heading, Sheet, Tile, tile_grid_figure};
use crate::inspect::{ChannelCorrelation, ChannelStatistics, LayerOutput, measure, similarity_order};
use crate::model::Node;
use crate::record::{npy, save, tensors};
use crate::view::{ChannelSet, Ranking, Sort};

/// Draw and save the feature maps of one layer.
///
/// At least one of -o, --npy and --safetensors says what to write. With several pictures, each file's name gets the
/// picture's: `maps.png` becomes `maps-cat.png`.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope maps cat.jpg --layer mixed5 --channels 0..16,40 -o maps.png
  convscope maps cat.jpg --layer 1 --npy conv2d.npy
  convscope maps clip.mp4 --layer mixed0 --channels 0..24 -o film.mp4
  convscope maps cat.jpg --layer mixed5 --pca -o colours.png
  convscope maps cat.jpg --layer mixed0,mixed2,mixed7 --pca -o colours.png
  convscope maps cat.jpg --layer mixed0 --weights a.safetensors --compare b.safetensors --channels 0..8 -o ab.png")]
pub struct MapsArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Layer by index or one of its names; with --pca also several, separated by commas.
    #[arg(long, value_name = "LAYER")]
    pub layer: String,
    /// Channels such as `0..16,40` (0 up to but not 16, and 40) [default: all].
    #[arg(long, value_name = "CHANNELS")]
    pub channels: Option<ChannelSet>,
    /// What channels are sorted by; `class` is the most probable one of each picture; `change` and `health` take more than one
    /// picture's maps: see the view.
    #[arg(long, value_enum, default_value_t)]
    pub sort: Sort,
    /// The maps as a picture: PNG or SVG by the name's ending; .mp4, .webm, .mkv or .gif: those of all pictures as one film.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The values, `[channels, height, width]` f32, for NumPy.
    #[arg(long, value_name = "FILE", conflicts_with = "compare")]
    pub npy: Option<PathBuf>,
    /// The values, `[1, channels, height, width]` f32, named by the layer.
    #[arg(long, value_name = "FILE")]
    pub safetensors: Option<PathBuf>,
    /// Other weights to show beside those of --weights, with the signed difference; up to three times.
    #[arg(long, value_name = "FILE")]
    pub compare: Vec<WeightsSpec>,
    /// Longer side of a tile in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 149, value_parser = clap::value_parser!(u32).range(8..=2048))]
    pub tile_size: u32,
    /// Also write TensorBoard event files into this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    #[command(flatten)]
    pub pca: PcaArgs,
    #[command(flatten)]
    pub colors: ColorArgs,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

pub fn run(args: &MapsArgs) -> anyhow::Result<ExitCode> {
    if args.pca.pca {
        let asked = pca::Asked {
            pictures: &args.pictures,
            network: &args.network,
            files: &args.files,
            layer: &args.layer,
            experiment: &args.experiment,
            tile_size: args.tile_size,
            output: args.output.as_deref(),
            npy: args.npy.as_deref(),
            safetensors: args.safetensors.as_deref(),
        };
        pca::run(&args.pca, &asked)?;
        return Ok(ExitCode::SUCCESS);
    }
    if args.output.is_none() && args.npy.is_none() && args.safetensors.is_none() && args.tensorboard.is_none()
    {
        bail!("say what to write: -o FILE for a picture, --npy FILE or --safetensors FILE for the numbers");
    }
    if matches!(args.sort, Sort::Change | Sort::Health) {
        bail!(
            "--sort {} needs more than the maps of one picture: use it in the window or with --headless; here \
             index, max, mean, variance, class and similarity sort",
            args.sort.name()
        );
    }
    let models = network::open_compared(&args.network, &args.compare)?;
    let graph = models[0].graph.clone();
    let layer = graph.find(args.layer.trim())?;
    let node = &graph.nodes[layer];
    let channels = args.channels.clone().unwrap_or_default();
    let channels = channels.resolve(&node.name, node.shape.channels)?;
    if args.sort == Sort::Class {
        network::check_trained(&models[0])?;
        by_class::check(&graph, layer)?;
    }
    let mut engines = network::engines(&models, &args.network, &args.pictures.preprocess)?;
    let done_to_it = network::experiment(&mut engines[0], &args.experiment)?;
    network::check_comparable(&engines, &[layer])?;
    let how = args.pictures.preprocess.preprocessing();
    let single = pictures::is_single(&args.pictures);
    let existing = args.files.existing();
    let mut film = film::open(args.output.as_deref(), &args.pictures, existing)?;
    let is_film = film.is_some();
    if !is_film {
        output::check_figure(args.output.as_deref(), single, existing)?;
    }
    for numbers in [&args.npy, &args.safetensors] {
        output::check_output(numbers.as_deref(), single, existing)?;
    }
    let mut events = events::open(args.tensorboard.as_deref(), "maps")?;
    let maps =
        |picture: &Picture, outputs: Vec<Vec<LayerOutput>>, by: Option<ByClass>| -> anyhow::Result<_> {
            let mut compared = Compared::new(&models);
            outputs.into_iter().for_each(|outputs| compared.add(outputs));
            let main = compared.main(0);
            let channels = match &by {
                Some(by) => in_order(&by.scores, &channels),
                None => sorted(main, &channels, args.sort),
            };
            let mut written = vec![];
            let mut write = |path: &Path, bytes: Vec<u8>| -> anyhow::Result<()> {
                let path = output_path(path, single, &picture.stem);
                save(&path, &bytes, existing)?;
                written.push(path);
                Ok(())
            };
            if let Some(path) = &args.npy {
                let shape = [channels.len(), main.shape.height, main.shape.width];
                write(path, npy(&shape, &chosen(main, &channels)))?;
            }
            if let Some(path) = &args.safetensors {
                let named = compared.named(0, &node.name).into_iter().map(|(name, output)| {
                    let shape = vec![1, channels.len(), main.shape.height, main.shape.width];
                    (name, shape, chosen(output, &channels))
                });
                write(path, tensors(named.collect())?)?;
            }
            let mut logged = None;
            if args.output.is_some() || args.tensorboard.is_some() {
                let title = format!("{} · layer {layer} · {} · {}", node.name, node.operation(), node.shape);
                let by = by.map(|by| format!(" · {}", by.words)).unwrap_or_default();
                let subtitle = format!("{} · {}{by}{done_to_it}", picture.frame.name, compared.in_words());
                let figure = draw(args, node, &compared, &channels, title, subtitle)?;
                if let Some(path) = args.output.as_ref().filter(|_| !is_film) {
                    write(path, figure.encode(path)?)?;
                }
                if args.tensorboard.is_some() || is_film {
                    logged = Some((figure.to_picture()?, chosen(main, &channels)));
                }
            }
            Ok((written, logged))
        };
    let mut done = |picture: Picture, (written, logged): Written| -> anyhow::Result<()> {
        written.iter().try_for_each(|path| output::wrote(path))?;
        if let (Some(film), Some((figure, _))) = (&mut film, &logged) {
            film.add(figure)?;
        }
        if let (Some(events), Some((figure, values))) = (&mut events, logged) {
            let step = picture.number as i64;
            events.image(&format!("maps/{}", node.name), step, &figure)?;
            events.histogram(&format!("values/{}", node.name), step, &values)?;
            events.image("picture", step, &output::rgb_picture(&picture.frame)?)?;
        }
        Ok(())
    };
    if args.sort == Sort::Class {
        pictures::for_each(&args.pictures, &mut |picture| {
            let (outputs, by) = by_class::rank(&mut engines, &picture.frame, how, layer)?;
            let made = maps(&picture, outputs, Some(by))?;
            done(picture, made)
        })?;
    } else {
        let work = Work { engines: &mut engines, how, layers: &[layer] };
        let maps = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| maps(picture, outputs, None);
        pictures::for_each_output(&args.pictures, work, maps, done)?;
    }
    events::close(events)?;
    if let Some(film) = film {
        let recorded = film.finish()?;
        recorded.files.iter().try_for_each(|path| output::wrote(path))?;
        eprintln!("convscope: {recorded}");
    }
    Ok(ExitCode::SUCCESS)
}

/// Files, and the figure with its values for TensorBoard.
type Written = (Vec<PathBuf>, Option<(RgbImage, Vec<f32>)>);

/// The values of the chosen channels, one after the other.
fn chosen(output: &LayerOutput, channels: &[u32]) -> Vec<f32> {
    channels.iter().flat_map(|channel| output.channel(*channel as usize)).copied().collect()
}

/// The chosen channels in an order that one picture's maps give.
fn sorted(output: &LayerOutput, channels: &[u32], sort: Sort) -> Vec<u32> {
    if sort == Sort::Index {
        return channels.to_vec();
    }
    let order = if sort == Sort::Similarity {
        let mut correlation = ChannelCorrelation::new(output.shape.channels);
        correlation.observe(output);
        similarity_order(&correlation)
    } else {
        let no_light = vec![0.0; output.shape.height * output.shape.width];
        let score = |channel: &ChannelStatistics| match sort {
            Sort::Max => channel.max,
            Sort::Mean => channel.mean,
            _ => channel.std,
        };
        let scores: Vec<f32> =
            measure(&output.values, output.shape, &no_light, None).iter().map(score).collect();
        return in_order(&scores, channels);
    };
    order.into_iter().filter(|channel| channels.contains(channel)).collect()
}

/// The chosen channels, those with the largest scores first.
fn in_order(scores: &[f32], channels: &[u32]) -> Vec<u32> {
    let ranking = Ranking::new(scores);
    ranking.order().iter().copied().filter(|channel| channels.contains(channel)).collect()
}

fn draw(
    args: &MapsArgs,
    node: &Node,
    compared: &Compared,
    channels: &[u32],
    title: String,
    subtitle: String,
) -> anyhow::Result<Figure> {
    let painted = compared.paint(0, channels, &args.colors, None);
    let mut legend = legend(&args.colors, &painted, compared.len());
    legend.text += &odd_in_words(&painted.odd, args.colors.colormap());
    if compared.len() == 1 {
        let tiles = channels.iter().zip(painted.maps.into_iter().flatten());
        let tiles = tiles.map(|(channel, tile)| {
            let flat = tile.flat.map(|word| format!(" · {word}")).unwrap_or_default();
            Tile { picture: tile.picture, caption: format!("{channel}{flat}") }
        });
        let tiles: Vec<_> = tiles.collect();
        return Ok(tile_grid_figure(&title, &subtitle, &tiles, args.tile_size, false, Some(&legend))?);
    }
    let columns = compared.headings().into_iter().map(|heading| Heading { lines: vec![heading] }).collect();
    let rows = channels.iter().map(|channel| format!("{} {channel}", node.name)).collect();
    let cells = (0..channels.len())
        .map(|row| {
            let tile = |column: &Vec<super::coloring::Painted>| {
                column.get(row).map(|tile| Tile { picture: tile.picture.clone(), caption: caption(tile) })
            };
            painted.maps.iter().map(tile).collect()
        })
        .collect();
    let (tile_side, legend) = (args.tile_size, Some(legend));
    let sheet =
        Sheet { title, subtitle, columns, rows, cells, tile_side, smooth: false, legend, notes: vec![] };
    Ok(sheet.draw()?)
}
