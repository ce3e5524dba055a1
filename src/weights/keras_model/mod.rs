//! Reads whole models of Keras: `.keras`, and the `.h5` that Keras 1, 2 and 3 write. Pure, no thread.
//!
//! Both hold the model's configuration in JSON, which names every layer and what it reads, and the weights.
//! The graph is built from the configuration; nothing is executed. What the configuration does not tell (a
//! Lambda, a class of one's own) cuts the graph there.

mod activation;
mod archive;
mod assembly;
mod calls;
mod config;
mod convolution;
mod flattening;
mod input;
mod keras1;
mod layers;
mod meaning;
mod merging;
mod normalization;
mod numbered;
mod operations;
mod resampling;
mod scale;
mod shapes;
mod slicing;
mod tensor;
#[cfg(test)]
mod tests;
mod theano;
mod topology;
mod values;
mod variable_names;
mod variables;
mod windows;

use std::collections::BTreeMap;

use serde_json::Value as Json;

use self::assembly::{Assembly, Cut};
use self::config::clean;
use self::flattening::Place;
use self::theano::Theano;
use self::topology::Model;
use self::values::Value;
use self::variables::{Variables, listed_names};
use super::described::{DescribedNetwork, ReadOptions};
use super::file::{Layout, ReadError};
use super::hdf5::Hdf5;
use crate::model::{GraphBuilder, Meaning, Order};

pub use archive::recognises;

/// Bytes of a model's configuration in JSON; the largest of `keras.applications` has 1 million.
const MAX_CONFIG: usize = 16 << 20;

/// Layers that are not known and named.
const MOST_CUTS: usize = 8;

/// Reads a whole model out of an HDF5 file, which is in memory; `None` where it only has weights.
///
/// # Errors
/// One sentence on what is wrong and what to do.
pub fn read_h5(bytes: &[u8], options: ReadOptions<'_>) -> Result<Option<DescribedNetwork>, ReadError> {
    let file = Hdf5::open(bytes)?;
    let root = file.root()?;
    let text = |name: &str| file.strings_up_to(&root, name, MAX_CONFIG);
    let Some(config) = text("model_config")? else { return Ok(None) };
    let Some(&config) = config.first() else { return Ok(None) };
    let mut config = parsed(config)?;
    let first = |name: &str| text(name).ok().flatten().and_then(|list| list.first().copied());
    let group = file.find(&root, "model_weights")?;
    let group = group.as_ref().unwrap_or(&root);
    let described = Described {
        layout: Layout::KerasModel,
        version: first("keras_version").unwrap_or("").into(),
        backend: first("backend").unwrap_or("").into(),
        training: first("training_config").and_then(|text| serde_json::from_str(text).ok()),
    };
    if keras1::is_old(&described.version, &config) {
        keras1::modernise(&mut config);
    }
    let model = topology::model(&config)?;
    if listed_names(&file, group, "layer_names")?.is_none() {
        return Err(ReadError(
            "a Keras model's configuration without its weights; save the model whole, with `model.save`"
                .into(),
        ));
    }
    let mut variables = Variables::legacy(&file, group, &model, options.limits)?;
    let mut network = build(&model, &mut variables, described, options)?;
    if file.links(&root)?.contains_key("optimizer_weights") {
        network.notes.push("optimizer state ignored".into());
    }
    Ok(Some(network))
}

/// Reads a `.keras` file, which is in memory.
///
/// # Errors
/// One sentence on what is wrong and what to do.
pub fn read_keras(bytes: &[u8], options: ReadOptions<'_>) -> Result<DescribedNetwork, ReadError> {
    let parts = archive::open(bytes, options.limits)?;
    read_parts(&parts.config, &parts.metadata, &parts.weights, options)
}

/// Reads what is in a `.keras` file, unpacked: `config.json` and `metadata.json`, and the weights in HDF5.
///
/// # Errors
/// One sentence on what is wrong and what to do.
pub fn read_unpacked(
    texts: [&[u8]; 2],
    weights: &[u8],
    options: ReadOptions<'_>,
) -> Result<DescribedNetwork, ReadError> {
    let [config, metadata] = texts.map(std::str::from_utf8);
    let config = config.map_err(|_| ReadError("its `config.json` is no text; save the model anew".into()))?;
    read_parts(config, metadata.unwrap_or_default(), weights, options)
}

fn read_parts(
    config: &str,
    metadata: &str,
    weights: &[u8],
    options: ReadOptions<'_>,
) -> Result<DescribedNetwork, ReadError> {
    let mut config = parsed(config)?;
    let metadata: Json = serde_json::from_str(metadata).unwrap_or_default();
    let described = Described {
        layout: Layout::KerasArchive,
        version: metadata.get("keras_version").and_then(Json::as_str).unwrap_or("").into(),
        backend: String::new(),
        training: config.get_mut("compile_config").map(Json::take),
    };
    let model = topology::model(&config)?;
    let file = Hdf5::open(weights)?;
    let mut variables = Variables::numbered(&file, &model, options.limits)?;
    build(&model, &mut variables, described, options)
}

/// What a file says beside the model's configuration.
struct Described {
    layout: Layout,
    version: String,
    backend: String,
    /// How it was compiled: its loss among that.
    training: Option<Json>,
}

fn parsed(text: &str) -> Result<Json, ReadError> {
    if text.len() > MAX_CONFIG {
        return Err(ReadError(format!(
            "its configuration has more than {MAX_CONFIG} bytes, more than any network; check what file this \
             is"
        )));
    }
    // serde_json goes 128 objects deep and refuses what is deeper.
    let found =
        serde_json::from_str(text).or_else(|_| serde_json::from_str(&config::without_infinities(text)));
    found.map_err(|error| {
        ReadError(format!("its configuration is no JSON that can be read ({error}); save the model anew"))
    })
}

fn build(
    model: &Model<'_>,
    variables: &mut Variables<'_, '_>,
    described: Described,
    options: ReadOptions<'_>,
) -> Result<DescribedNetwork, ReadError> {
    let Described { layout, version, backend, training } = described;
    let input = input::of(model, options)?;
    let theano = Theano { is_turned: backend == "theano", is_outputs_first: false };
    let theano = theano::theano(model, variables, theano, version.starts_with('1'))?;
    let mut attempt = |guesses_front: bool| {
        variables.begin();
        let name = clean(model.inputs.first().map_or("input", |input| model.layers[input.layer].name));
        let mut assembly = Assembly {
            builder: GraphBuilder::with_input(input.shape, &name, "network"),
            variables: &mut *variables,
            weights: vec![None],
            major_version: version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or(2),
            channels_first: input.channels_first,
            theano,
            guesses_front,
            calls: 0,
            notes: vec![],
            cuts: vec![],
        };
        let value = Value { node: 0, sides: input.sides.clone() };
        let outputs = assembly.model(model, Place { prefix: "", other_name: None }, &[Some(value)])?;
        Ok((assembly.builder, assembly.weights, assembly.notes, assembly.cuts, outputs))
    };
    let (mut builder, mut layers, mut notes, mut cuts, mut outputs) = attempt(false)?;
    let is_cut_in_front = |cuts: &[Cut]| cuts.iter().any(|cut| cut.reads.contains(&0));
    if is_cut_in_front(&cuts)
        && let Ok(again) = attempt(true)
        && !is_cut_in_front(&again.3)
    {
        (builder, layers, notes, cuts, outputs) = again;
    }
    let ends = ends(&outputs, &cuts, builder.len())?;
    layers.resize(builder.len(), None);
    let ends: Vec<(usize, Meaning)> =
        ends.into_iter().map(|node| (node, meaning::of(&builder, node))).collect();
    let mut metadata = BTreeMap::new();
    if !version.is_empty() {
        metadata.insert("keras_version".into(), clean(&version));
    }
    if !backend.is_empty() {
        metadata.insert("backend".into(), clean(&backend));
    }
    let is_cut = outputs.iter().any(Option::is_none);
    meaning::loss(&builder, ends.first().map(|end| end.0), training.as_ref(), is_cut, &mut metadata);
    for cut in cuts.iter().take(MOST_CUTS) {
        notes.push(format!("`{}` {}: what comes behind it is left out", cut.name, cut.why));
    }
    if let Some(more) = cuts.len().checked_sub(MOST_CUTS).filter(|&more| more > 0) {
        notes.push(format!("{more} more layers are not known, and what comes behind them is left out"));
    }
    notes.splice(0..0, input.notes);
    if theano.is_outputs_first {
        notes.push("its kernels are in Theano's order and were put right".into());
    }
    let graph = builder.finish(&clean(model.name), 1.0, &ends, Order::Created);
    let scale = scale::of(model, &graph, &layers, input.is_integer);
    metadata.extend(scale.note.map(|note| ("scale_note".to_string(), note)));
    let mut stored = std::mem::take(&mut variables.stored);
    stored.sort_unstable();
    Ok(DescribedNetwork {
        layout,
        stored,
        graph,
        layers,
        input_scale: scale.told,
        usual_scale: scale.usual,
        class_names: None,
        notes,
        metadata,
    })
}

/// The nodes that the network gives: its outputs, and where the graph is cut what would go on from there.
fn ends(outputs: &[Option<Value>], cuts: &[Cut], count: usize) -> Result<Vec<usize>, ReadError> {
    let mut ends: Vec<usize> = outputs.iter().flatten().map(|output| output.node).collect();
    if outputs.iter().any(Option::is_none) {
        let mut cut: Vec<usize> = cuts.iter().flat_map(|cut| cut.reads.iter().copied()).collect();
        cut.sort_unstable_by(|a, b| b.cmp(a));
        ends.extend(cut.into_iter().filter(|&node| node > 0 && node < count));
    }
    let mut seen = std::collections::HashSet::new();
    ends.retain(|&node| seen.insert(node));
    match (ends.is_empty(), cuts.first()) {
        (false, _) => Ok(ends),
        (true, Some(cut)) => Err(ReadError(format!(
            "`{}` {}, and everything else comes behind it; build the model without it and save it anew, or \
             export it as ONNX",
            cut.name, cut.why
        ))),
        (true, None) => Err(ReadError("a Keras model without an output; save the model anew".into())),
    }
}
