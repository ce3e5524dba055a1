//! `--weights`, `--device` and their like become networks.

use anyhow::{anyhow, bail};

use super::args::{NetworkArgs, PictureArgs, PreprocessArgs};
use super::experiment::ExperimentArgs;
use crate::app::{fallback_note, software_note};
use crate::engine::{Engine, ModelOptions, OpenedModel, Placement, WeightsSpec};
use crate::gpu::{GpuContext, Preprocessing, list_adapters, new_instance};
use crate::model::{Graph, InputScale, LayerIndex, Node};
use crate::record::{Provenance, RunInfo};
use crate::source::Levels;
use crate::weights::{Origin, Weights};

/// How many weight files can be compared with that of `--weights`.
pub const MOST_COMPARED: usize = 3;

/// The network of `--weights`, opened; tells where it is not what most people want.
pub fn open(network: &NetworkArgs) -> anyhow::Result<OpenedModel> {
    let is_thin = network.width_multiplier != 1.0;
    let spec = match &network.weights {
        WeightsSpec::Untrained | WeightsSpec::Auto if is_thin => &WeightsSpec::Untrained,
        _ if is_thin => bail!(
            "--width-multiplier is for the untrained network: a weight file has its own width, so leave one of the two out"
        ),
        spec => spec,
    };
    Ok(OpenedModel::open(spec, &options(network)?, None)?)
}

/// The network of `--weights`, then one for each of `--compare`.
pub fn open_compared(network: &NetworkArgs, others: &[WeightsSpec]) -> anyhow::Result<Vec<OpenedModel>> {
    if others.len() > MOST_COMPARED {
        bail!("--compare takes at most {MOST_COMPARED} files: more would not fit beside each other");
    }
    let mut models = vec![open(network)?];
    // Class names belong to the main network.
    let options = ModelOptions { labels: None, ..options(network)? };
    for spec in others {
        let other = OpenedModel::open(spec, &options, Some(&models[0].graph))?;
        models.push(other);
    }
    Ok(models)
}

/// Refuses an untrained network for what would mean nothing.
pub fn check_trained(model: &OpenedModel) -> anyhow::Result<()> {
    if !model.is_trained() {
        bail!(
            "the network is untrained, so it recognises nothing and its predictions would mean nothing: \
             `--weights embedded` and `--weights imagenet` are trained, `--weights FILE` takes your own (README.md, \
             Weights)"
        );
    }
    Ok(())
}

/// A picture's name, followed by what the network is where that is not what a name of a file says.
pub fn signed(picture: &str, weights: &Weights) -> String {
    match &weights.origin {
        Origin::File { .. } => picture.into(),
        origin => format!("{picture} · {}", origin.title()),
    }
}

/// What the user says of the network besides its weights.
pub fn options(network: &NetworkArgs) -> anyhow::Result<ModelOptions> {
    let normalized = network.mean.zip(network.std).map(|(mean, std)| InputScale::normalized(mean, std));
    let normalized = normalized.transpose().map_err(|problem| anyhow!("--std: {problem}"))?;
    Ok(ModelOptions {
        width_multiplier: network.width_multiplier,
        avg_pool: network.avg_pool,
        input_scale: normalized.or(network.input_scale),
        input_size: network.input_size.map(|[width, height]| [height as usize, width as usize]),
        output: network.meaning,
        between: network.between,
        precision: network.precision,
        labels: network.labels.clone(),
    })
}

/// A network, placed where the user wants it; tells where it is not what most people want.
pub fn engine(
    model: &OpenedModel,
    network: &NetworkArgs,
    preprocess: &PreprocessArgs,
) -> anyhow::Result<Engine> {
    let mut engines = engines(std::slice::from_ref(model), network, preprocess)?;
    engines.pop().ok_or_else(|| anyhow!("no network was made"))
}

/// Networks, placed where the user wants them.
pub fn engines(
    models: &[OpenedModel],
    network: &NetworkArgs,
    preprocess: &PreprocessArgs,
) -> anyhow::Result<Vec<Engine>> {
    if let [model] = models
        && let Some(note) = fallback_note(&model.spec)
    {
        eprintln!("{note}");
    }
    tell_changes(preprocess);
    let gpu = adapter(network)?;
    models
        .iter()
        .map(|model| {
            for note in model.notes() {
                eprintln!("note: {}: {note}", model.spec);
            }
            let how = preprocess.for_input(model.graph.input_shape())?;
            let loaded = model.load(how.resize(), &mut |text| tracing::info!("{text}"))?;
            Ok(Engine::new(loaded, gpu.clone())?)
        })
        .collect()
}

/// Says that the network does not see pictures as they are.
pub fn tell_changes(preprocess: &PreprocessArgs) {
    let changes = preprocess.preprocessing().changes;
    if !changes.is_empty() {
        eprintln!("note: the network sees each picture {}", changes.in_words());
    }
}

/// Does to a network what was asked for, and says so. Returns what titles end with; nothing where nothing was asked for.
pub fn experiment(engine: &mut Engine, asked: &ExperimentArgs) -> anyhow::Result<String> {
    let experiment = asked.experiment(engine.graph())?;
    let words = experiment.in_words(engine.graph());
    if let Some(words) = &words {
        eprintln!("note: the network is not as usual: {words}");
    }
    engine.set_experiment(experiment);
    Ok(words.map_or_else(String::new, |words| format!(" · {words}")))
}

/// That these layers can be compared: they are there, and of the same shape, in all networks.
pub fn check_comparable(engines: &[Engine], layers: &[LayerIndex]) -> anyhow::Result<()> {
    let Some((main, others)) = engines.split_first() else { return Ok(()) };
    for &layer in layers {
        let node = &main.graph().nodes[layer];
        for other in others {
            check_layers(main.graph(), other.graph(), layer)?;
            match other.graph().nodes.get(layer) {
                Some(theirs) if theirs.shape == node.shape => {}
                Some(theirs) => bail!(
                    "{} is {} in one network and {} in another: compare a layer before that",
                    node.name,
                    node.shape,
                    theirs.shape
                ),
                None => bail!("{} is not in all networks: compare a layer before that", node.name),
            }
        }
    }
    Ok(())
}

/// That networks have the same layers as the main one up to these; where one ends before, nothing is said.
pub fn check_alike(graph: &Graph, others: &[OpenedModel], layers: &[LayerIndex]) -> anyhow::Result<()> {
    let mut pairs = others.iter().flat_map(|other| layers.iter().map(|&layer| (&other.graph, layer)));
    pairs.try_for_each(|(other, layer)| check_layers(graph, other, layer))
}

/// That two networks have the same layers before this one.
fn check_layers(main: &Graph, other: &Graph, layer: LayerIndex) -> anyhow::Result<()> {
    let pairs = main.nodes.iter().zip(&other.nodes).take(layer);
    let is_other =
        |(a, b): &(&Node, &Node)| a.op.name() != b.op.name() || a.shape != b.shape || a.inputs != b.inputs;
    let Some((index, (ours, theirs))) = pairs.enumerate().find(|(_, pair)| is_other(pair)) else {
        return Ok(());
    };
    let say = |node: &Node| format!("{} ({}, {})", node.name, node.op.name(), node.shape);
    bail!(
        "the networks cannot be compared: layer {index} is {} in one and {} in the other, and only networks with the \
         same layers can stand beside each other",
        say(ours),
        say(theirs)
    )
}

/// What the numbers of an engine depend on.
pub fn provenance(engine: &Engine, how: Preprocessing) -> Provenance {
    let experiment = engine.experiment().typed(engine.graph());
    Provenance { experiment, ..Provenance::new(engine.graph(), engine.weights(), how) }
}

/// What a run over pictures is.
pub fn run_info(engine: &Engine, pictures: &PictureArgs) -> RunInfo {
    let levels = pictures.preprocess.levels.filter(|levels| *levels != Levels::Kept);
    RunInfo {
        provenance: provenance(engine, pictures.preprocess.preprocessing()),
        sources: pictures.paths.iter().map(ToString::to_string).collect(),
        levels: levels.map(|levels| levels.to_string()),
        every: pictures.every.get(),
        frames: pictures.frames,
    }
}

/// The GPU, where the network is to run on one. Nothing is asked of the graphics driver for `--device cpu`.
fn adapter(network: &NetworkArgs) -> anyhow::Result<Option<GpuContext>> {
    let on_gpu = match network.device.placement() {
        Some(placement) => placement == Placement::Gpu,
        None => list_adapters().first().is_some_and(|adapter| !adapter.is_software),
    };
    if !on_gpu {
        return Ok(None);
    }
    let gpu = GpuContext::open(new_instance(None), network.adapter.as_deref(), None)?;
    if let Some(note) = software_note(&gpu) {
        eprintln!("{note}");
    }
    Ok(Some(gpu))
}

/// The outputs of all ReLUs, where dead and sparse maps can be told.
pub fn rectified_layers(graph: &Graph) -> Vec<LayerIndex> {
    (0..graph.nodes.len()).filter(|&layer| graph.nodes[layer].activation.is_rectifier()).collect()
}
