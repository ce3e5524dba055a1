//! `--weights`, `--device` and their like become networks.

use std::sync::Arc;

use anyhow::{anyhow, bail};

use super::args::{NetworkArgs, PreprocessArgs};
use crate::engine::{Engine, Placement, Preprocessing, WeightsSpec, graph_for, load_weights};
use crate::gpu::{GpuContext, list_adapters, new_instance};
use crate::model::inception_v3::{IMAGENET_CLASSES, inception_v3};
use crate::model::labels::{self, Label};
use crate::model::{Graph, LayerIndex, Op};
use crate::network::ExecutorOptions;
use crate::record::Provenance;

/// How many weight files can be compared with that of `--weights`.
pub const MOST_COMPARED: usize = 3;

/// The architecture that is asked for.
pub fn graph(network: &NetworkArgs) -> anyhow::Result<Arc<Graph>> {
    if network.weights != WeightsSpec::Untrained && network.width_multiplier != 1.0 {
        bail!(
            "--width-multiplier is for the untrained network: a weight file has its own width, so leave one of the two out"
        );
    }
    Ok(graph_for(&network.weights, &Arc::new(inception_v3(IMAGENET_CLASSES, network.width_multiplier)))?)
}

/// The names of a network's classes: those of `--labels`, ImageNet's where there are as many, else none.
pub fn labels(network: &NetworkArgs, graph: &Graph) -> anyhow::Result<Arc<[Label]>> {
    let classes = graph.classifier().map_or(0, |classifier| graph.nodes[classifier].shape.channels);
    let Some(path) = &network.labels else {
        return Ok(if classes == IMAGENET_CLASSES { labels::imagenet() } else { Arc::new([]) });
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| anyhow!("{}: the class names cannot be read: {error}", path.display()))?;
    let labels = labels::parse(&text);
    if labels.len() != classes {
        let (path, names) = (path.display(), labels.len());
        bail!("{path} has {names} class names, but the network has {classes} classes");
    }
    Ok(labels)
}

/// Networks with each of these weights, placed where the user wants them.
pub fn engines(
    network: &NetworkArgs,
    preprocess: &PreprocessArgs,
    weights: &[WeightsSpec],
) -> anyhow::Result<Vec<Engine>> {
    let main = graph(network)?;
    let gpu = adapter(network)?;
    let options = ExecutorOptions { avg_pool: network.avg_pool, ..Default::default() };
    weights
        .iter()
        .map(|spec| {
            let graph = graph_for(spec, &main)?;
            let mut progress = |text: &str| tracing::info!("{text}");
            let loaded = load_weights(&graph, spec, preprocess.resize, &mut progress)?;
            Ok(Engine::new(graph.clone(), loaded, options, gpu.clone())?)
        })
        .collect()
}

/// One network with the weights of `--weights`; tells where they are not what most people want.
pub fn engine(network: &NetworkArgs, preprocess: &PreprocessArgs) -> anyhow::Result<Engine> {
    if network.weights == WeightsSpec::Untrained {
        eprintln!("{}", crate::app::UNTRAINED_NOTE);
    }
    let mut engines = engines(network, preprocess, std::slice::from_ref(&network.weights))?;
    engines.pop().ok_or_else(|| anyhow!("no network was made"))
}

/// A network with the weights of `--weights`, then one for each of `--compare`.
pub fn compared(
    network: &NetworkArgs,
    preprocess: &PreprocessArgs,
    others: &[WeightsSpec],
) -> anyhow::Result<Vec<Engine>> {
    if others.len() > MOST_COMPARED {
        bail!("--compare takes at most {MOST_COMPARED} files: more would not fit beside each other");
    }
    if network.weights == WeightsSpec::Untrained && others.is_empty() {
        eprintln!("{}", crate::app::UNTRAINED_NOTE);
    }
    let all: Vec<_> = std::iter::once(&network.weights).chain(others).cloned().collect();
    engines(network, preprocess, &all)
}

/// That these layers can be compared: they are there, and of the same shape, in all networks.
pub fn check_comparable(engines: &[Engine], layers: &[LayerIndex]) -> anyhow::Result<()> {
    let Some((main, others)) = engines.split_first() else { return Ok(()) };
    for &layer in layers {
        let node = &main.graph().nodes[layer];
        for other in others {
            match other.graph().nodes.get(layer) {
                Some(theirs) if theirs.shape == node.shape => {}
                Some(theirs) => bail!(
                    "{} is {} in one network and {} in another: compare a layer before that",
                    node.keras_name,
                    node.shape,
                    theirs.shape
                ),
                None => bail!("{} is not in all networks: compare a layer before that", node.keras_name),
            }
        }
    }
    Ok(())
}

/// What the numbers of an engine depend on.
pub fn provenance(engine: &Engine, network: &NetworkArgs, how: Preprocessing) -> Provenance {
    let (name, origin) = (engine.graph().name, &engine.weights().origin);
    Provenance::new(name, network.width_multiplier, origin, network.avg_pool, how)
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
    Ok(Some(GpuContext::open(new_instance(None), network.adapter.as_deref(), None)?))
}

/// Layers as typed: indices, half-open ranges of them such as `0..15`, and names.
pub fn layers(graph: &Graph, typed: &[String]) -> anyhow::Result<Vec<LayerIndex>> {
    let mut layers = Vec::new();
    for text in typed.iter().map(|text| text.trim()) {
        let range = text.split_once("..").and_then(|(start, end)| {
            let (end, more) = end.strip_prefix('=').map_or((end, 0), |last| (last, 1));
            Some(start.parse::<usize>().ok()?..end.parse::<usize>().ok()?.checked_add(more)?)
        });
        match range {
            Some(range) if range.is_empty() => {
                bail!("`{text}` names no layer: write `0..15` for layers 0 to 14")
            }
            Some(range) if range.end > graph.nodes.len() => {
                bail!("`{text}` goes beyond the last layer, which is {}", graph.nodes.len() - 1)
            }
            Some(range) => layers.extend(range),
            None => layers.push(graph.find(text)?),
        }
    }
    let mut seen = vec![false; graph.nodes.len()];
    layers.retain(|&layer| !std::mem::replace(&mut seen[layer], true));
    Ok(layers)
}

/// The outputs of all ReLUs, where dead and sparse maps can be told.
pub fn rectified_layers(graph: &Graph) -> Vec<LayerIndex> {
    (0..graph.nodes.len()).filter(|&layer| graph.nodes[layer].op == Op::Relu).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_by_index_range_and_name() {
        let graph = inception_v3(10, 0.1);
        let typed = |list: &[&str]| {
            layers(&graph, &list.iter().map(ToString::to_string).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(typed(&["0..3", "mixed0", " 2", "7..=8"]), Ok(vec![0, 1, 2, 40, 7, 8]));
        assert!(typed(&["300..400"]).unwrap_err().contains("last layer, which is 312"));
        assert!(typed(&["3..3"]).unwrap_err().contains("names no layer"));
        assert!(typed(&["mixed99"]).unwrap_err().contains("did you mean"));
    }
}
