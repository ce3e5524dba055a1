//! `convscope occlude`: where in a picture a class's score rests, by covering it place by place.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::args::{NetworkArgs, OutputArgs, PictureArgs, parse_fraction};
use super::names::output_path;
use super::network;
use super::output;
use super::pictures::{self, Picture};
use super::score::{Score, chosen_class, kind_of, score_of};
use crate::engine::{Engine, Scores};
use crate::figure::{Legend, Tile, tile_grid_figure};
use crate::inspect::{Cover, Fill, OriginInfo, Places};
use crate::model::Shape;
use crate::record::{Provenance, npy, save};
use crate::view::{ColorRange, Colormap, colormap_table, number, paint};

/// Cover a square of the picture, place by place, and draw how far a class's score falls at each (Zeiler and Fergus, ECCV 2014).
///
/// Nothing is assumed of the network: it is run with each place covered. Where the score falls, the class rests on what was
/// covered; where it rises, that spoke against the class. A pixel of the map is the mean of all squares over it.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope occlude cat.jpg -o occluded.png
  convscope occlude cat.jpg --class tabby --size 64 --places 12 --fill blur -o occluded.png
  convscope occlude cats/ --class tabby -o maps/occluded.png --json > occluded.json")]
pub struct OccludeArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// The class, by number or name [default: the most probable one of each picture].
    #[arg(long, value_name = "CLASS")]
    pub class: Option<String>,
    /// The square's side in pixels of the network's input [default: 32 of 299].
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub size: Option<u32>,
    /// From one place to the next, in pixels of the network's input.
    #[arg(long, value_name = "PIXELS", conflicts_with = "places", value_parser = clap::value_parser!(u32).range(1..=8192))]
    pub step: Option<u32>,
    /// As many places in a row, and in a column [default: 20].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=200))]
    pub places: Option<u32>,
    /// What the square is filled with: grey, mean (the picture's mean colour) or blur (the picture, blurred).
    #[arg(long, value_name = "FILL", default_value = "grey")]
    pub fill: Fill,
    /// The map over the picture, as PNG or SVG by the name's ending.
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// How much of the picture the map covers, from 0 to 1.
    #[arg(long, value_name = "OPACITY", value_parser = parse_fraction, default_value_t = 0.6)]
    pub over: f32,
    /// How far the score falls, for NumPy: `[rows of places, columns of places]` f32.
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

#[derive(Serialize)]
struct Document {
    #[serde(flatten)]
    provenance: Provenance,
    published: &'static str,
    /// The square's side in pixels of the network's input.
    size: usize,
    fill: &'static str,
    /// Rows and columns of places.
    places: [usize; 2],
    /// The first row and column of the input that each place covers, row of places by row.
    corners: Vec<[usize; 2]>,
    pictures: Vec<Told>,
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
    /// How far it falls at each place: rows of places.
    falls: Vec<Vec<f32>>,
}

pub fn run(args: &OccludeArgs) -> anyhow::Result<ExitCode> {
    if args.output.is_none() && args.npy.is_none() && !args.json {
        bail!("say what you want: -o FILE for the picture, --npy FILE or --json for the numbers");
    }
    let model = network::open(&args.network)?;
    network::check_trained(&model)?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let chosen = chosen_class(&engine, args.class.as_deref())?;
    let input = engine.graph().input_shape();
    let places = places(args, input)?;
    let (single, existing) = (pictures::is_single(&args.pictures), args.files.existing());
    output::check_figure(args.output.as_deref(), single, existing)?;
    output::check_output(args.npy.as_deref(), single, existing)?;
    let how = args.pictures.preprocess.preprocessing();
    let mut document = Document {
        provenance: network::provenance(&engine, how),
        published: "Zeiler and Fergus, 2014, arXiv:1311.2901",
        size: places.size(),
        fill: args.fill.name(),
        places: places.grid(),
        corners: places.corners().collect(),
        pictures: vec![],
    };
    let outcome = pictures::for_each(&args.pictures, &mut |picture: Picture| {
        let score = score_of(&mut engine, &picture.frame, how, chosen)?;
        let bar = single.then(|| output::progress_bar(places.count(), "places"));
        let mut tell = |done: usize| bar.iter().for_each(|bar| bar.set_position(done as u64));
        let covered = (&places, args.fill);
        let Scores { usual, changed } =
            engine.occlude(&picture.frame, how, covered, &score.unit, &mut tell)?;
        bar.iter().for_each(|bar| bar.finish_and_clear());
        let falls: Vec<f32> = changed.into_iter().map(|score| usual - score).collect();
        let place = |path: &PathBuf| output_path(path, single, &picture.stem);
        if let Some(path) = args.npy.as_ref().map(place) {
            save(&path, &npy(&places.grid(), &falls), existing)?;
            output::wrote_beside(&path, args.json)?;
        }
        if let Some(path) = args.output.as_ref().map(place) {
            let figure = draw(args, &engine, &picture, &places, (&score, usual, &falls))?;
            output::save_figure(&figure, &path, existing)?;
            output::wrote_beside(&path, args.json)?;
        }
        if args.json {
            document.pictures.push(Told {
                picture: picture.frame.name.to_string(),
                source: picture.source,
                frame: picture.frame.id,
                origin: score.origin,
                score: usual,
                falls: falls.chunks(places.grid()[1]).map(<[f32]>::to_vec).collect(),
            });
        }
        Ok(())
    });
    if args.json {
        output::print(&(serde_json::to_string_pretty(&document)? + "\n"))?;
    }
    outcome?;
    Ok(ExitCode::SUCCESS)
}

/// Where the square is laid.
fn places(args: &OccludeArgs, input: Shape) -> anyhow::Result<Places> {
    let size = args.size.map_or(Cover::usual_size(input), |size| size as usize);
    if size > input.height.min(input.width) {
        bail!(
            "--size {size}: the network's input has {}×{} pixels, and a square over all of it tells nothing",
            input.width,
            input.height
        );
    }
    Ok(match (args.step, args.places) {
        (Some(step), _) => Places::every(input, size, step as usize),
        (None, count) => Places::evenly(input, size, count.unwrap_or(20) as usize),
    })
}

/// The map over the picture.
fn draw(
    args: &OccludeArgs,
    engine: &Engine,
    picture: &Picture,
    places: &Places,
    (score, usual, falls): (&Score, f32, &[f32]),
) -> anyhow::Result<crate::figure::Figure> {
    let graph = engine.graph();
    let input = graph.input_shape();
    let map = places.map(falls);
    let largest =
        map.iter().filter(|value| value.is_finite()).fold(0.0f32, |most, value| most.max(value.abs()));
    let colors = ColorRange::plain((-largest, largest), Colormap::Diverging);
    let mut painted = paint(&map, input.width, &colors, Colormap::Diverging);
    let how = args.pictures.preprocess.preprocessing();
    // What says little hides little.
    let seen = output::seen_picture(&picture.frame, how, input);
    for ((over, under), value) in painted.pixels_mut().zip(seen.pixels()).zip(&map) {
        let strength = value.abs() / largest.max(f32::MIN_POSITIVE);
        let opacity = if strength.is_finite() { args.over * strength } else { 0.0 };
        for (over, under) in over.0.iter_mut().zip(under.0) {
            *over = (f32::from(*over) * opacity + f32::from(under) * (1.0 - opacity)).round() as u8;
        }
    }
    let kind = kind_of(graph, &score.unit);
    let [rows, columns] = places.grid();
    let text = format!(
        "How far the {kind} ({}) falls where a square of {} pixels, {}, covers the picture, at {rows} × {columns} places: red \
         where the class rests on what was covered, blue where that spoke against it. A pixel is the mean of all squares over \
         it.",
        number(usual),
        places.size(),
        args.fill.in_words()
    );
    let table = colormap_table(Colormap::Diverging);
    let legend = Legend { table, low: number(colors.low), high: number(colors.high), text };
    let tile = Tile { picture: painted, caption: String::new() };
    let title = format!("Where it rests: {}", score.origin.words);
    let named = network::signed(&picture.title(), engine.weights());
    Ok(tile_grid_figure(&title, &named, &[tile], 2 * input.width as u32, false, Some(&legend))?)
}
