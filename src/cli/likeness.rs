//! `convscope likeness`: where in pictures the network sees something like one cell.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{anyhow, bail};
use clap::Args;
use image::{Rgb, RgbImage};
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs, parse_fraction};
use super::names::output_path;
use super::network;
use super::output;
use super::pictures::{self, Picture, Work};
use crate::app::lens::likeness::{colors, meaning, named, said};
use crate::figure::{Legend, Tile, tile_grid_figure};
use crate::inspect::likeness::{grid, vector};
use crate::inspect::{LayerOutput, Likeness, enlarge};
use crate::model::{LayerIndex, layers};
use crate::record::{Provenance, npy, save};
use crate::source::SourceSpec;
use crate::view::{ColorRange, Colormap, colormap_table, number, paint};

/// Draw how alike all cells of a layer are to one of them: the cosine of their vectors.
///
/// The cell is of each picture itself, or of one other picture that is looked for in all of them.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope likeness cat.jpg --layer mixed5 --cell 5,8 -o eye.png
  convscope likeness holiday/ --layer mixed7 --cell 5,8 --cell-of cat.jpg -o found/map.png --json > found.json
  convscope likeness cat.jpg --layer 1,4,7 --cell 60,80 -o fur.png")]
pub struct LikenessArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Layer by index or one of its names; of several, separated by commas, the hypercolumn on the grid of the finest.
    #[arg(long, value_name = "LAYER", value_delimiter = ',', required = true)]
    pub layer: Vec<String>,
    /// Row and column of the cell in the layer's maps, counted from 0 at the upper left.
    #[arg(long, value_name = "R,C", value_parser = parse_cell)]
    pub cell: [usize; 2],
    /// The picture that the cell is of [default: each picture's own].
    #[arg(long, value_name = "PICTURE")]
    pub cell_of: Option<SourceSpec>,
    /// The map over the picture, as PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How much of the picture the map covers, from 0 to 1.
    #[arg(long, value_name = "OPACITY", value_parser = parse_fraction, default_value_t = 0.7)]
    pub over: f32,
    /// The cosines for NumPy: `[height, width]` f32 of the layer's maps.
    #[arg(long, value_name = "FILE")]
    pub npy: Option<PathBuf>,
    /// Print one JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

fn parse_cell(text: &str) -> Result<[usize; 2], String> {
    let (row, column) = text.split_once(',').ok_or("write row and column as in 5,8")?;
    let place = |text: &str| text.trim().parse().map_err(|_| format!("`{text}` is not the number of a cell"));
    Ok([place(row)?, place(column)?])
}

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    layers: Vec<Named>,
    /// Row and column.
    cell: [usize; 2],
    /// The picture that the cell is of; none where it is each picture's own.
    cell_of: Option<String>,
    pictures: Vec<Compared>,
}

#[derive(Serialize)]
struct Named {
    index: LayerIndex,
    name: String,
}

#[derive(Serialize)]
struct Compared {
    picture: String,
    source: String,
    /// Number of the frame in its source.
    frame: u64,
    /// What is most alike; none where nothing is.
    most_alike: Option<MostAlike>,
    /// How many cells are zero in all channels (all, where the cell itself is): their cosines are told as 0.
    without_direction: usize,
    /// Rows of cosines.
    cosines: Vec<Vec<f32>>,
}

#[derive(Serialize)]
struct MostAlike {
    row: usize,
    column: usize,
    cosine: f32,
}

/// The cell of another picture: its vector, and the picture as the network sees it.
struct Sought {
    name: String,
    vector: Vec<f32>,
    seen: RgbImage,
}

pub fn run(args: &LikenessArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.npy.is_none() && !args.json {
        bail!("say what you want: -o FILE for the picture, --npy FILE or --json for the numbers");
    }
    let mut engine =
        network::engine(&network::open(&args.network)?, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let layers = layers(&graph, &args.layer)?;
    let [height, width] = grid(layers.iter().map(|&layer| graph.nodes[layer].shape));
    let ([row, column], name) = (args.cell, named(&graph, &layers));
    if row >= height || column >= width {
        bail!("--cell {row},{column} is not in {name}, which has {height} rows and {width} columns");
    }
    if height * width == 1 {
        bail!("{name} has one cell, and so nothing to compare it with: choose a layer before it");
    }
    let single = pictures::is_single(&args.pictures);
    let existing = args.files.existing();
    output::check_figure(args.output.as_deref(), single, existing)?;
    output::check_output(args.npy.as_deref(), single, existing)?;
    let (weights, how) = (engine.weights().clone(), args.pictures.preprocess.preprocessing());
    let (input, size) = (graph.input_shape(), [height, width]);
    let mut sought = None;
    if let Some(spec) = &args.cell_of {
        let named = PictureArgs { paths: vec![spec.clone()], frames: Some(1), ..args.pictures.clone() };
        if !pictures::is_single(&named) {
            bail!("{spec} holds several pictures: --cell-of takes one");
        }
        pictures::for_each(&named, &mut |picture| {
            let outputs = engine.run(&picture.frame, how, &layers)?;
            let vector = vector(&outputs, size, args.cell);
            let seen = output::seen_picture(&picture.frame, how, input);
            sought = Some(Sought { name: picture.title(), vector, seen });
            Ok(())
        })?;
    }
    let (ends, colormap) = colors(&graph, &layers, Colormap::default());
    let range = ColorRange::plain(ends, colormap);
    let mut document = Document {
        provenance: network::provenance(&engine, how),
        layers: layers.iter().map(|&index| Named { index, name: graph.nodes[index].name.clone() }).collect(),
        cell: args.cell,
        cell_of: sought.as_ref().map(|sought| sought.name.clone()),
        pictures: vec![],
    };
    let own = sought.is_none().then_some(args.cell);
    let compare = |picture: &Picture, outputs: Vec<Vec<LayerOutput>>| -> anyhow::Result<_> {
        let outputs = outputs.into_iter().next().ok_or_else(|| anyhow!("the network gave no maps"))?;
        let likeness = match &sought {
            Some(sought) => Likeness::of(&outputs, size, &sought.vector),
            None => Likeness::of(&outputs, size, &vector(&outputs, size, args.cell)),
        };
        let mut written = vec![];
        if let Some(path) = &args.npy {
            let path = output_path(path, single, &picture.stem);
            save(&path, &npy(&size, &likeness.cosines), existing)?;
            written.push(path);
        }
        if let Some(path) = &args.output {
            let large = enlarge(&likeness.cosines, height, width, input.height, input.width);
            let mut over = paint(&large, input.width, &range, colormap);
            output::lay_over(&mut over, &output::seen_picture(&picture.frame, how, input), args.over);
            let mut tiles = vec![];
            match &sought {
                None => outline(&mut over, size, args.cell),
                Some(sought) => {
                    let mut seen = sought.seen.clone();
                    outline(&mut seen, size, args.cell);
                    tiles.push(Tile { picture: seen, caption: sought.name.clone() });
                }
            }
            let caption = if sought.is_some() { picture.title() } else { String::new() };
            tiles.push(Tile { picture: over, caption });
            let mut text = meaning(&graph, &layers, ends);
            said(&likeness, width, own).iter().for_each(|more| text += &format!(" {more}"));
            let legend =
                Legend { table: colormap_table(colormap), low: number(ends.0), high: number(ends.1), text };
            let title = format!("likeness to row {row}, column {column} of {name}");
            let subtitle = network::signed(&picture.title(), &weights);
            let side = 2 * input.width.max(input.height) as u32;
            let figure = tile_grid_figure(&title, &subtitle, &tiles, side, false, Some(&legend))?;
            let path = output_path(path, single, &picture.stem);
            output::save_figure(&figure, &path, existing)?;
            written.push(path);
        }
        Ok((likeness, written))
    };
    let work = Work { engines: std::slice::from_mut(&mut engine), how, layers: &layers };
    let outcome = pictures::for_each_output(&args.pictures, work, compare, |picture, (likeness, written)| {
        if args.json {
            let alike = likeness.most_alike(width, own);
            document.pictures.push(Compared {
                picture: picture.frame.name.to_string(),
                source: picture.source,
                frame: picture.frame.id,
                most_alike: alike.map(|([row, column], cosine)| MostAlike { row, column, cosine }),
                without_direction: likeness.without_direction(),
                cosines: likeness.cosines.chunks(width).map(<[f32]>::to_vec).collect(),
            });
        }
        written.iter().try_for_each(|path| output::wrote_beside(path, args.json))
    });
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// A frame around the pixels of a cell of this grid (rows, columns), light and dark.
fn outline(picture: &mut RgbImage, [height, width]: [usize; 2], [row, column]: [usize; 2]) {
    let (across, down) = (picture.width() as usize, picture.height() as usize);
    let [left, right] = [column * across / width, ((column + 1) * across).div_ceil(width) - 1];
    let [top, bottom] = [row * down / height, ((row + 1) * down).div_ceil(height) - 1];
    for (grow, color) in [(1, Rgb([0; 3])), (0, Rgb([255, 220, 80]))] {
        let [left, top] = [left, top].map(|edge| edge.saturating_sub(grow));
        let (right, bottom) = ((right + grow).min(across - 1), (bottom + grow).min(down - 1));
        for x in left..=right {
            [top, bottom].iter().for_each(|&y| picture.put_pixel(x as u32, y as u32, color));
        }
        for y in top..=bottom {
            [left, right].iter().for_each(|&x| picture.put_pixel(x as u32, y as u32, color));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_rows_and_columns_and_are_framed_where_they_are() {
        assert_eq!(parse_cell("5, 8"), Ok([5, 8]));
        assert!(parse_cell("5").is_err() && parse_cell("-1,2").is_err());
        let mut picture = RgbImage::from_pixel(12, 8, Rgb([9; 3]));
        outline(&mut picture, [2, 3], [1, 2]);
        let light = Rgb([255, 220, 80]);
        assert_eq!((picture.get_pixel(8, 4), picture.get_pixel(11, 7)), (&light, &light));
        assert_eq!((picture.get_pixel(7, 3), picture.get_pixel(9, 5)), (&Rgb([0; 3]), &Rgb([9; 3])));
    }
}
