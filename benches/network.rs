//! The network alone, asked round by round: what `benches/peers.py` compares with other programs.
//!
//! `network prepare FOLDER` writes what all contestants share: the weights under torchvision's names
//! (`weights.safetensors`), the network's input made of a picture (`input.f32`, `3 × 299 × 299` little-endian f32) and
//! the graph with its conventions (`network.json`). `network serve FOLDER` loads them, places the network, prints a line
//! of JSON when it is ready, and then answers each line on its standard input with one:
//!
//! - `run WARM COUNT`: runs the network WARM times for nothing and COUNT times for the clock, `{"ms":[…]}`. On a GPU each
//!   time ends when its queue is empty; the input lies on the device and the answer stays there.
//! - `answer FILE`: writes the class probabilities (little-endian f32), `{"count":1000}`.
//! - `gradient WARM COUNT` and `gradient-answer FILE`: the same for a run forward and back from the first class's score to
//!   the input.

use std::error::Error;
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use burn::tensor::Tensor;
use clap::{Args, Parser, Subcommand};
use convscope::bridge;
use convscope::engine::{Model, ModelOptions, OpenedModel, OutputChoice, Placement, WeightsSpec, device_for};
use convscope::gpu::{GpuContext, Preprocessing, Resize, new_instance, twin};
use convscope::model::{AvgPool, Form, Graph, LayerIndex, Node, Precision, Rule, Trace, Unit};
use convscope::network::{Folding, Network, input_from_values, values};
use convscope::source::{Delivery, SourceSpec, open};
use convscope::weights::LayerWeights;
use safetensors::tensor::{Dtype, TensorView};
use serde_json::json;

type Outcome<T> = Result<T, Box<dyn Error>>;

const WEIGHTS: &str = "weights.safetensors";
const INPUT: &str = "input.f32";
const GRAPH: &str = "network.json";

/// The network alone, asked round by round (for benches/peers.py).
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// What cargo says to every bench.
    #[arg(long, global = true, hide = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Write weights, input and graph for all contestants into a folder.
    Prepare(Prepare),
    /// Load that folder and answer questions on standard input.
    Serve(Serve),
}

#[derive(Args)]
struct Prepare {
    folder: PathBuf,
    #[arg(long, default_value = "untrained")]
    weights: WeightsSpec,
    #[arg(long, default_value = "testcard")]
    picture: SourceSpec,
    #[arg(long, default_value_t = 1.0)]
    width_multiplier: f64,
    #[arg(long)]
    avg_pool: Option<AvgPool>,
}

#[derive(Args)]
struct Serve {
    folder: PathBuf,
    /// A network of its own in place of the folder's weights.
    #[arg(long, value_name = "FILE")]
    model: Option<PathBuf>,
    /// `cpu` or `gpu`.
    #[arg(long, default_value = "cpu", value_parser = parse_device)]
    device: Placement,
    /// In which numbers; `f16` on a GPU only.
    #[arg(long, value_enum, default_value_t)]
    precision: Precision,
    /// First graphics adapter whose name contains this.
    #[arg(long)]
    adapter: Option<String>,
}

fn parse_device(text: &str) -> Result<Placement, String> {
    [Placement::Cpu, Placement::Gpu].into_iter().find(|it| it.name() == text).ok_or("`cpu` or `gpu`".into())
}

fn main() -> Outcome<()> {
    match Arguments::parse().command {
        Command::Prepare(asked) => prepare(&asked),
        Command::Serve(asked) => serve(&asked),
    }
}

fn prepare(asked: &Prepare) -> Outcome<()> {
    fs::create_dir_all(&asked.folder)?;
    let options = ModelOptions {
        width_multiplier: asked.width_multiplier,
        avg_pool: asked.avg_pool,
        ..ModelOptions::default()
    };
    let opened = OpenedModel::open(&asked.weights, &options, None)?;
    let title = opened.spec.title();
    let model = opened.load(Resize::default(), &mut |_| {})?;
    classifier(&model.graph)?;
    let mut source = open(Some(&asked.picture), &Delivery::default())?.source;
    let frame = source.next_frame()?.ok_or("there is no picture")?;
    let (scale, shape) = (model.weights.conventions.input_scale, model.graph.input_shape());
    let input = twin::preprocess(&frame, Preprocessing::default(), scale, shape);
    fs::write(asked.folder.join(INPUT), little_endian(&input))?;
    write_weights(&model, &asked.folder.join(WEIGHTS))?;
    let graph = json!({
        "weights": title,
        "picture": frame.name.to_string(),
        "width_multiplier": model.graph.width_multiplier,
        "avg_pool": counts(&model.graph).name(),
        "input_scale": scale.name(),
        "input": [shape.channels, shape.height, shape.width],
        "nodes": model.graph.nodes.iter().map(described).collect::<Vec<_>>(),
    });
    fs::write(asked.folder.join(GRAPH), serde_json::to_string(&graph)?)?;
    Ok(())
}

fn described(node: &Node) -> serde_json::Value {
    let window = node.op.window();
    json!({
        "op": node.operation(),
        "inputs": node.inputs,
        "keras": node.name,
        "torch": node.other_name,
        "channels": node.shape.channels,
        "kernel": window.map(|window| window.kernel),
        "stride": window.map(|window| window.stride),
        "padding": window.map(|window| window.padding),
    })
}

/// All parameters under torchvision's names, with the conventions that the file is read by again.
fn write_weights(model: &Model, path: &Path) -> Outcome<()> {
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for (index, node) in model.graph.nodes.iter().enumerate() {
        let Some(layer) = &model.weights.layers[index] else { continue };
        let name = node.other_name.as_deref().ok_or("a layer with parameters has no name in torchvision")?;
        let mut add = |suffix: &str, values: &[f32], shape: &[usize]| {
            tensors.push((format!("{name}.{suffix}"), shape.into(), little_endian(values)));
        };
        let channels = node.shape.channels;
        match layer {
            LayerWeights::Conv { kernel, .. } => {
                let Some(window) = node.op.window() else { continue };
                let inputs = model.graph.nodes[node.inputs[0]].shape.channels;
                add("weight", kernel, &[channels, inputs, window.kernel[0], window.kernel[1]]);
            }
            LayerWeights::BatchNorm { gamma, beta, mean, variance } => {
                let all =
                    [("weight", gamma), ("bias", beta), ("running_mean", mean), ("running_var", variance)];
                all.iter().for_each(|(suffix, values)| add(suffix, values, &[channels]));
            }
            LayerWeights::Dense { weight, bias } => {
                add("weight", weight, &[channels, weight.len() / channels]);
                add("bias", bias, &[channels]);
            }
            _ => return Err("only InceptionV3 is written".into()),
        }
    }
    let mut views = Vec::with_capacity(tensors.len());
    for (name, shape, bytes) in &tensors {
        views.push((name, TensorView::new(Dtype::F32, shape.clone(), bytes)?));
    }
    let conventions = model.weights.conventions;
    let metadata = [
        ("format", "pt".into()),
        ("avg_pool", counts(&model.graph).name().into()),
        ("input_scale", conventions.input_scale.name()),
    ];
    let metadata = metadata.map(|(key, value): (&str, String)| (key.to_string(), value));
    safetensors::serialize_to_file(views, Some(metadata.into()), path)?;
    Ok(())
}

/// What padding counts for in average pooling.
fn counts(graph: &Graph) -> AvgPool {
    graph.avg_pool().unwrap_or_default()
}

/// A network on its device, with its input.
struct Placed {
    network: Network,
    gpu: Option<GpuContext>,
    input: Tensor<4>,
    classifier: LayerIndex,
    /// The first class's score.
    score: Unit,
}

impl Placed {
    /// The class probabilities, or the gradient at the input, computed but not fetched.
    fn run(&mut self, is_traced: bool) -> Outcome<Tensor<4>> {
        let output = if is_traced {
            let wanted = vec![(0, Form::Gradient)];
            let trace = Trace { from: vec![self.score], rule: Rule::Gradient, wanted };
            let (_, traced) = self.network.run_traced(self.input.clone(), &[], &[trace], &mut |_, _| {});
            traced.into_iter().flat_map(|traced| traced.outputs).next()
        } else {
            self.network.run(self.input.clone(), &[self.classifier], &mut |_, _| {}).pop()
        };
        let output = output.ok_or("the network has no output")?;
        if let Some(gpu) = &self.gpu {
            bridge::drain(gpu, &output)?;
        }
        Ok(output)
    }

    /// How long that takes, in milliseconds.
    fn timed(&mut self, is_traced: bool) -> Outcome<f64> {
        let start = Instant::now();
        let output = self.run(is_traced)?;
        let elapsed_ms = start.elapsed().as_secs_f64() * 1e3;
        drop(output);
        Ok(elapsed_ms)
    }

    fn answer(&mut self, line: &str) -> Outcome<serde_json::Value> {
        let words: Vec<_> = line.split_whitespace().collect();
        let is_traced = words.first().is_some_and(|word| word.starts_with("gradient"));
        match words.as_slice() {
            ["run" | "gradient", warm, count] => {
                for _ in 0..warm.parse::<usize>()? {
                    self.run(is_traced)?;
                }
                let times: Outcome<Vec<f64>> =
                    (0..count.parse::<usize>()?).map(|_| self.timed(is_traced)).collect();
                Ok(json!({ "ms": times? }))
            }
            ["answer" | "gradient-answer", path] => {
                let numbers = values(self.run(is_traced)?)?;
                fs::write(path, little_endian(&numbers))?;
                Ok(json!({ "count": numbers.len() }))
            }
            _ => Err(format!(
                "`{line}` is none of `run` or `gradient` WARM COUNT and `answer` or `gradient-answer` FILE"
            )
            .into()),
        }
    }
}

fn serve(asked: &Serve) -> Outcome<()> {
    let start = Instant::now();
    let file = asked.model.clone().unwrap_or_else(|| asked.folder.join(WEIGHTS));
    let spec = WeightsSpec::File(file);
    // A file's own numbers are compared, without a softmax that it does not have.
    let output = asked.model.is_some().then_some(OutputChoice::Numbers);
    let options = ModelOptions { precision: asked.precision, output, ..ModelOptions::default() };
    let model = OpenedModel::open(&spec, &options, None)?.load(Resize::default(), &mut |_| {})?;
    let gpu = match asked.device {
        Placement::Cpu => None,
        Placement::Gpu => Some(GpuContext::open(new_instance(None), asked.adapter.as_deref(), None)?),
    };
    let device = device_for(gpu.as_ref(), asked.precision)?;
    let named = gpu.as_ref().map(GpuContext::summary);
    let named = named.map(|it| format!("{} through {}, {}", it.name, it.backend, it.driver));
    let place = named.unwrap_or_else(|| "CPU".into());
    let input: Vec<f32> = fs::read(asked.folder.join(INPUT))?
        .chunks_exact(4)
        .filter_map(|bytes| bytes.try_into().ok().map(f32::from_le_bytes))
        .collect();
    let shape = model.graph.input_shape();
    if input.len() != shape.len() {
        return Err(format!("{INPUT} has {} values instead of {}", input.len(), shape.len()).into());
    }
    let input = input_from_values(input, shape, &device);
    let classifier = model.graph.answer().ok_or("this network gives no vector")?.layer;
    let network = Network::new(Arc::clone(&model.graph), model.weights, device, Folding::Folded);
    let score = network.graph().class_unit(0, 0).ok_or("this network has no classes")?;
    let mut placed = Placed { network, gpu, input, classifier, score };
    // Uploads the weights, and on a GPU tries kernels out.
    let first_ms = placed.timed(false)?;
    say(&json!({
        "ready": format!("convscope {} on {place}", env!("CARGO_PKG_VERSION")),
        "first_ms": first_ms,
        "start_ms": start.elapsed().as_secs_f64() * 1e3,
    }))?;
    for line in std::io::stdin().lock().lines() {
        say(&placed.answer(&line?)?)?;
    }
    Ok(())
}

fn say(answer: &serde_json::Value) -> Outcome<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{answer}")?;
    Ok(out.flush()?)
}

fn classifier(graph: &Graph) -> Outcome<LayerIndex> {
    Ok(graph.classifier().ok_or("this network has no classifier, whose answers could be compared")?)
}

fn little_endian(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}
