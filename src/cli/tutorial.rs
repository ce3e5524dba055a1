//! `convscope tutorial`: everything the tutorial does with a photograph, in one go.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{ColorArgs, NetworkArgs, OutputArgs, PictureArgs};
use super::coloring::Compared;
use super::hypercolumn::mean_figure;
use super::output;
use super::{classify, network, pictures, sheet};
use crate::app::lens::hypercolumn::mean;
use crate::inspect::LayerOutput;
use crate::record::{png, save, tensors};

/// Do everything the tutorial does with a photograph: top 5, plot of the probabilities, sheet of the first 15 layers,
/// two hypercolumns.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: convscope tutorial cat.jpg --weights inception_v3.safetensors --resize antialias -o cat"
)]
pub struct TutorialArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Folder for the pictures and numbers.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub colors: ColorArgs,
    #[command(flatten)]
    pub files: OutputArgs,
    #[command(flatten)]
    pub network: NetworkArgs,
}

/// The sheet shows the first filters of the first layers.
const SHEET_LAYERS: std::ops::Range<usize> = 0..15;
const SHEET_FILTERS: usize = 3;
const SHEET_TILE: u32 = 150;

/// What is written for each picture.
const FILES: [&str; 7] = [
    "original.png",
    "input.png",
    "probabilities.png",
    "hypercolumn-1-4-7.png",
    "hypercolumn-1-4-7-10-11-14-17.png",
    "sheet.png",
    "tutorial.safetensors",
];

/// The layers of the tutorial's hypercolumns.
const HYPERCOLUMNS: [&[usize]; 2] = [&[1, 4, 7], &[1, 4, 7, 10, 11, 14, 17]];

pub fn run(args: &TutorialArgs) -> anyhow::Result<ExitCode> {
    let model = network::open(&args.network)?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let classifier = graph.classifier().filter(|_| engine.is_trained());
    let mut taps: Vec<usize> = SHEET_LAYERS.collect();
    taps.extend(HYPERCOLUMNS.iter().flat_map(|layers| layers.iter().copied()));
    taps.extend(classifier);
    taps.sort_unstable();
    taps.dedup();
    if classifier.is_none() {
        eprintln!("note: without trained weights there are no top 5 and no plot of probabilities");
    }
    let names = engine.labels().clone();
    let how = args.pictures.preprocess.preprocessing();
    let (single, input) = (pictures::is_single(&args.pictures), graph.input_shape());
    pictures::for_each(&args.pictures, &mut |picture| {
        let folder = if single { args.output.clone() } else { args.output.join(&picture.stem) };
        // Before anything is written: nothing half new, half old.
        for name in FILES {
            output::check_output(Some(&folder.join(name)), true, args.files.existing())?;
        }
        let write = |name: &str, bytes: &[u8]| -> anyhow::Result<()> {
            let path = folder.join(name);
            save(&path, bytes, args.files.existing())?;
            output::wrote(&path)
        };
        let name = &network::signed(&picture.frame.name, engine.weights());
        let outputs = engine.run(&picture.frame, how, &taps)?;
        let of = |layer: usize| outputs.iter().find(|output| output.layer == layer).cloned();
        let first: Vec<LayerOutput> = SHEET_LAYERS.filter_map(of).collect();
        write("original.png", &png(&output::rgb_picture(&picture.frame)?)?)?;
        write("input.png", &png(&output::seen_picture(&picture.frame, how, input))?)?;
        let mut named: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
        if let Some(probabilities) = classifier.and_then(of) {
            output::print(&classify::table(name, &classify::top(&probabilities.values, &names, 5)))?;
            write("probabilities.png", &classify::plot(&probabilities.values, &names, name, 5).to_png()?)?;
            named.push(("probabilities".into(), vec![probabilities.values.len()], probabilities.values));
        }
        for layers in HYPERCOLUMNS {
            let parts: Vec<LayerOutput> = layers.iter().copied().filter_map(of).collect();
            let values = mean(&graph, &parts);
            let numbers: Vec<_> = layers.iter().map(usize::to_string).collect();
            let stem = format!("hypercolumn-{}", numbers.join("-"));
            let figure = mean_figure(&graph, layers, &values, name, &args.colors, None)?;
            write(&format!("{stem}.png"), &figure.to_png()?)?;
            named.push((stem, vec![input.height, input.width], values));
        }
        for output in &first {
            let shape = vec![1, SHEET_FILTERS, output.shape.height, output.shape.width];
            let values = output.values[..shape.iter().product()].to_vec();
            named.push((graph.nodes[output.layer].keras_name.clone(), shape, values));
        }
        let mut compared = Compared::new(std::slice::from_ref(&model));
        compared.add(first);
        let layers: Vec<_> = SHEET_LAYERS.collect();
        let look = sheet::Look { tile_side: SHEET_TILE, smooth: true, colors: &args.colors };
        let figure = sheet::draw(&graph, &compared, &layers, SHEET_FILTERS, name, look)?;
        write("sheet.png", &figure.to_png()?)?;
        write("tutorial.safetensors", &tensors(named)?)
    })?;
    Ok(ExitCode::SUCCESS)
}
