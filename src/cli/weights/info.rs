//! `convscope weights info`: what is in a file.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Args;
use serde::Serialize;

use crate::cli::args::parse_size;
use crate::cli::output;
use crate::engine::{ModelOptions, OpenedModel, WeightsSpec};
use crate::model::{Activation, AvgPool, Cost, Graph, LayerIndex, Meaning, Op, Shape};
use crate::weights::{FileFacts, Known, Origin};

/// Say what is in a weight file: layout, network, classes, and what it takes for granted.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope weights info my_finetuned.pth
  convscope weights info detector.onnx --input-size 640x480")]
pub struct InfoArgs {
    /// The file or its folder, `embedded`, or the name of a known file that was fetched.
    #[arg(value_name = "FILE")]
    file: WeightsSpec,
    /// As JSON.
    #[arg(long)]
    json: bool,
    /// Width and height of the network's input, where its file leaves them open.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    input_size: Option<[u32; 2]>,
}

/// What is in a weight file.
#[derive(Serialize)]
struct Info {
    file: PathBuf,
    bytes: u64,
    sha256: String,
    known_as: Option<String>,
    layout: &'static str,
    number_types: Vec<&'static str>,
    network: String,
    width_multiplier: f64,
    layers: usize,
    /// Height, width, channels.
    input_shape: [usize; 3],
    classes: usize,
    outputs: Vec<InfoOutput>,
    /// Outputs of the fully connected layers before the classifier.
    hidden_layers: Vec<usize>,
    parameters: usize,
    multiply_adds: usize,
    avg_pool: Option<&'static str>,
    avg_pool_known: Option<&'static str>,
    input_scale: String,
    input_scale_known: &'static str,
    notes: Vec<String>,
}

/// One of a network's outputs.
#[derive(Serialize)]
struct InfoOutput {
    layer: String,
    /// Height, width, channels.
    shape: [usize; 3],
    meaning: Meaning,
}

pub fn run(args: &InfoArgs) -> anyhow::Result<ExitCode> {
    let input_size = args.input_size.map(|[width, height]| [height as usize, width as usize]);
    // Whether everything fits is the point of asking.
    let model = OpenedModel::open(&args.file, &ModelOptions { input_size, ..ModelOptions::default() }, None)?;
    let no_file = || anyhow!("{}: no weight file, so there is nothing in it", args.file);
    let facts = model.facts.clone().ok_or_else(no_file)?;
    let (Origin::File { sha256, .. } | Origin::Embedded { sha256 }) = facts.origin.clone() else {
        return Err(no_file());
    };
    let graph = &*model.graph;
    let Cost { multiply_adds, .. } = graph.total_cost();
    let hidden = hidden_layers(graph);
    let info = Info {
        file: PathBuf::from(model.spec.to_string()),
        bytes: facts.bytes,
        sha256,
        known_as: facts.known_as.clone(),
        layout: facts.layout.name(),
        number_types: facts.stored.iter().map(|stored| stored.name()).collect(),
        network: graph.name.clone(),
        width_multiplier: graph.width_multiplier,
        layers: graph.nodes.len(),
        input_shape: sides(graph.input_shape()),
        classes: graph.classifier().map_or(0, |layer| graph.nodes[layer].shape.channels),
        outputs: graph.outputs.iter().map(|output| output_of(graph, output.layer, output.meaning)).collect(),
        hidden_layers: hidden.iter().map(|&layer| graph.nodes[layer].shape.channels).collect(),
        parameters: facts.parameters,
        multiply_adds,
        avg_pool: graph.avg_pool().map(AvgPool::name),
        avg_pool_known: graph.avg_pool().and(facts.avg_pool).map(|known| known.from),
        input_scale: facts.input_scale.value.name(),
        input_scale_known: facts.input_scale.from,
        notes: model.notes().to_vec(),
    };
    let text = match args.json {
        true => serde_json::to_string_pretty(&info)? + "\n",
        false => in_words(&info, &facts, graph, &hidden),
    };
    output::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn sides(shape: Shape) -> [usize; 3] {
    [shape.height, shape.width, shape.channels]
}

fn output_of(graph: &Graph, layer: LayerIndex, meaning: Meaning) -> InfoOutput {
    let node = &graph.nodes[layer];
    InfoOutput { layer: node.name.clone(), shape: sides(node.shape), meaning }
}

/// The fully connected layers between the pool and the one that answers, in order.
fn hidden_layers(graph: &Graph) -> Vec<LayerIndex> {
    let mut found = vec![];
    let mut at = graph.answer().map(|output| output.layer);
    let mut is_answer = true;
    while let Some(layer) = at {
        let node = &graph.nodes[layer];
        match node.op {
            Op::Dense if is_answer => is_answer = false,
            Op::Dense => found.push(layer),
            Op::Activation | Op::BatchNorm(_) | Op::Affine | Op::Normalize(..) | Op::Prelu => {}
            _ => break,
        }
        at = node.inputs.first().copied();
    }
    found.reverse();
    found
}

/// What stands behind a fully connected layer: its activation, or that of the layers that read it.
fn activation_behind(graph: &Graph, layer: LayerIndex) -> &'static str {
    let mut at = Some(layer);
    while let Some(layer) = at {
        let node = &graph.nodes[layer];
        match (&node.op, node.activation) {
            (Op::Prelu, _) => return node.op.name(),
            (_, Activation::Linear) => {}
            (_, activation) => return activation.name(),
        }
        let is_between = |next: &LayerIndex| !matches!(graph.nodes[*next].op, Op::Dense | Op::Conv(..));
        at = graph.consumers(layer).find(is_between);
    }
    "no activation"
}

fn in_words(info: &Info, facts: &FileFacts, graph: &Graph, hidden: &[LayerIndex]) -> String {
    let known = |known: &str, option: &str| format!("({known}; {option} says otherwise)");
    let mut lines = vec![
        ("file", info.file.display().to_string()),
        ("size", format!("{:.1} MB", output::megabytes(info.bytes))),
        ("sha256", info.sha256.clone()),
    ];
    lines.extend(info.known_as.as_ref().map(|name| ("known as", name.clone())));
    lines.push(("layout", info.layout.into()));
    lines.push(("numbers", info.number_types.join(", ")));
    let width = match info.width_multiplier {
        // Only of networks of which there are several.
        1.0 if !graph.name.starts_with("InceptionV3") => String::new(),
        width => format!("width {width}, "),
    };
    lines.push((
        "network",
        format!(
            "{}, {width}{} layers, {} parameters, {:.2} billion multiply-adds a picture",
            info.network,
            info.layers,
            info.parameters,
            info.multiply_adds as f64 / 1e9
        ),
    ));
    let Shape { channels, height, width } = graph.input_shape();
    let colors =
        if channels == 1 { "brightness (Rec. 601 luma of red, green and blue)" } else { "red, green, blue" };
    lines.push(("input", format!("{width}×{height} pixels, {colors}")));
    lines.push(("classes", classes(graph)));
    if !hidden.is_empty() {
        let layers: Vec<String> = hidden
            .iter()
            .map(|&layer| {
                format!("{} ({})", graph.nodes[layer].shape.channels, activation_behind(graph, layer))
            })
            .collect();
        lines.push(("before them", format!("fully connected layers of {}", layers.join(", "))));
    }
    for output in graph.outputs.iter().filter(|output| output.meaning == Meaning::Maps) {
        let node = &graph.nodes[output.layer];
        lines.push(("maps", format!("{}, {}", node.name, node.shape)));
    }
    if let (Some(counts), Some(Known { from, .. })) = (graph.avg_pool(), facts.avg_pool) {
        lines.push(("avg-pool", format!("{} {}", counts.name(), known(from, "--avg-pool"))));
    }
    let Known { value, from } = facts.input_scale;
    lines.push(("input-scale", format!("{} {}", value.name(), known(from, "--input-scale"))));
    lines.extend(info.notes.iter().map(|note| ("note", note.clone())));
    lines.iter().map(|(name, text)| format!("{name:<15}{text}\n")).collect()
}

fn classes(graph: &Graph) -> String {
    let Some(answer) = graph.answer() else {
        return "none: the network gives maps".into();
    };
    let count = graph.nodes[answer.layer].shape.channels;
    match (answer.meaning, count) {
        (Meaning::Probabilities | Meaning::Independent, 1) => "1, by the logistic function".into(),
        (Meaning::Probabilities, 1000) => {
            "1000, named by ImageNet's list unless --labels says otherwise".into()
        }
        (Meaning::Probabilities, classes) => format!("{classes}, named by --labels FILE"),
        (Meaning::Independent, classes) => {
            format!("{classes}, each with a probability of its own (sigmoid), named by --labels FILE")
        }
        (_, _) if matches!(graph.nodes[answer.layer].op, Op::GlobalPool(_)) => {
            "none: the file ends at the pool, so there are maps but no predictions".into()
        }
        (_, 1) => "none: the network gives a number (no activation)".into(),
        (_, numbers) => format!("none: the network gives {numbers} numbers (no activation)"),
    }
}
