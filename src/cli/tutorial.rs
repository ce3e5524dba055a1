//! `convscope tutorial`: everything the tutorial does with a photograph, in one go.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{ColorArgs, NetworkArgs, OutputArgs, PictureArgs};
use super::coloring::Compared;
use super::hypercolumn::mean_figure;
use super::output;
use super::saliency::ask::Question;
use super::saliency::figure::{Look, Row};
use super::saliency::{self, Rules};
use super::{classify, network, pictures, sheet};
use crate::app::lens::hypercolumn::mean;
use crate::inspect::{Answer, LayerOutput, SaliencyView, Start, TraceOrigin, no_answer};
use crate::model::{Graph, LayerIndex, Op};
use crate::record::{Prediction, png, save, tensors};

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
    /// Also what in the picture spoke for its most probable class, by these rules of `convscope saliency`.
    #[arg(long, value_name = "RULES")]
    pub saliency: Option<Rules>,
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
const SALIENCY_TILE: u32 = 299;

/// What is written for each picture besides the hypercolumns.
const FILES: [&str; 5] =
    ["original.png", "input.png", "probabilities.png", "sheet.png", "tutorial.safetensors"];

/// What is written where rules are asked.
const SALIENCY: &str = "saliency.png";

/// The layers of the tutorial's hypercolumns, which are InceptionV3's.
const HYPERCOLUMNS: [&[usize]; 2] = [&[1, 4, 7], &[1, 4, 7, 10, 11, 14, 17]];

/// The layers of the hypercolumns: of other networks as many of their first convolutions.
fn hypercolumns(graph: &Graph) -> [Vec<LayerIndex>; 2] {
    let is_convolution = |layer: &LayerIndex| matches!(graph.nodes[*layer].op, Op::Conv(..));
    HYPERCOLUMNS.map(|layers| match graph.name.as_str() {
        "InceptionV3" => layers.to_vec(),
        _ => (0..graph.nodes.len()).filter(is_convolution).take(layers.len()).collect(),
    })
}

/// The file of a hypercolumn, without its ending.
fn stem(layers: &[LayerIndex]) -> String {
    let numbers: Vec<_> = layers.iter().map(usize::to_string).collect();
    format!("hypercolumn-{}", numbers.join("-"))
}

pub fn run(args: &TutorialArgs) -> anyhow::Result<ExitCode> {
    let model = network::open(&args.network)?;
    let mut engine = network::engine(&model, &args.network, &args.pictures.preprocess)?;
    let graph = engine.graph().clone();
    let answer = graph.answer().filter(|_| engine.is_trained());
    let mut columns = hypercolumns(&graph).to_vec();
    columns.retain(|layers| !layers.is_empty());
    columns.dedup();
    let sheet_layers: Vec<_> = SHEET_LAYERS.take_while(|layer| *layer < graph.nodes.len()).collect();
    let mut taps = sheet_layers.clone();
    taps.extend(columns.iter().flatten());
    taps.extend(answer.map(|output| output.layer));
    taps.sort_unstable();
    taps.dedup();
    let question = args.saliency.as_ref().filter(|_| answer.is_some()).map(|rules| Question {
        origin: TraceOrigin::of(Start::TopClass),
        to: 0,
        methods: rules.0.clone(),
        passes: None,
        seed: 0,
    });
    if args.saliency.is_some() && question.is_none() {
        eprintln!(
            "note: without classes that mean something there is nothing that spoke for one: no {SALIENCY}"
        );
    }
    if !engine.is_trained() {
        eprintln!("note: without trained weights there are no top 5 and no plot of probabilities");
    } else if answer.is_none() {
        eprintln!("note: {}: there are no top 5 and no plot of probabilities", no_answer(&graph));
    }
    let names = engine.labels().clone();
    let how = args.pictures.preprocess.preprocessing();
    let (single, input) = (pictures::is_single(&args.pictures), graph.input_shape());
    pictures::for_each(&args.pictures, &mut |picture| {
        let folder = if single { args.output.clone() } else { args.output.join(&picture.stem) };
        // Before anything is written: nothing half new, half old.
        let drawn = columns.iter().map(|layers| format!("{}.png", stem(layers)));
        let asked = question.iter().map(|_| SALIENCY.to_string());
        for name in FILES.into_iter().map(String::from).chain(drawn).chain(asked) {
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
        let first: Vec<LayerOutput> = sheet_layers.iter().copied().filter_map(of).collect();
        write("original.png", &png(&output::rgb_picture(&picture.frame)?)?)?;
        write("input.png", &png(&output::seen_picture(&picture.frame, how, input))?)?;
        let mut named: Vec<(String, Vec<usize>, Vec<f32>)> = Vec::new();
        if let Some((output, said)) = answer.and_then(|output| Some((output, of(output.layer)?))) {
            let answer = Answer::new(&said.values, output.meaning, names.len());
            output::print(&classify::table(name, &Prediction::top(&answer, &names, 5)))?;
            write("probabilities.png", &classify::plot(&answer, &names, name, 5).to_png()?)?;
            named.push(("probabilities".into(), vec![answer.values.len()], answer.values.to_vec()));
        }
        for layers in &columns {
            let parts: Vec<LayerOutput> = layers.iter().copied().filter_map(of).collect();
            let values = mean(&graph, &parts);
            let stem = stem(layers);
            let figure = mean_figure(&graph, layers, &values, name, &args.colors, None)?;
            write(&format!("{stem}.png"), &figure.to_png()?)?;
            named.push((stem, vec![input.height, input.width], values));
        }
        for output in &first {
            let filters = SHEET_FILTERS.min(output.shape.channels);
            let shape = vec![1, filters, output.shape.height, output.shape.width];
            let values = output.values[..shape.iter().product()].to_vec();
            named.push((graph.nodes[output.layer].name.clone(), shape, values));
        }
        if let Some(question) = &question {
            let answered = saliency::ask(question, &mut engine, &picture, how, single)?;
            let values = saliency::named(&answered).into_iter();
            named.extend(values.map(|(rule, shape, values)| (format!("saliency_{rule}"), shape, values)));
            let look = Look {
                graph: &graph,
                labels: &names,
                question,
                view: SaliencyView::default(),
                tile_side: SALIENCY_TILE,
                network: model.spec.title(),
            };
            let seen = output::seen_picture(&picture.frame, how, input);
            let row = Row { name: picture.title(), seen, answered };
            write(SALIENCY, &look.draw(&[row])?.to_png()?)?;
        }
        let mut compared = Compared::new(std::slice::from_ref(&model));
        compared.add(first);
        let look = sheet::Look { tile_side: SHEET_TILE, smooth: true, colors: &args.colors };
        let figure = sheet::draw(&graph, &compared, &sheet_layers, SHEET_FILTERS, name, look)?;
        write("sheet.png", &figure.to_png()?)?;
        write("tutorial.safetensors", &tensors(named)?)
    })?;
    Ok(ExitCode::SUCCESS)
}
