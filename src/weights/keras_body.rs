//! Finds InceptionV3 among the layers of a Keras file that holds weights alone: its convolutions and normalisations by
//! their order, and what stands before and behind them.

use std::collections::BTreeMap;

use super::canonical::{Parameter, output_first};
use super::file::{Layout, NamedTensor, ReadError, TensorFile};
use super::hints::Hints;
use super::keras::{self, KerasLayer, LayerKind, class_of, container, natural};
use super::keras_order::{Body, bodies};
use super::keras_surroundings::surroundings;

/// The parameters under torchvision's names, and what else the file tells.
///
/// # Errors
/// [`ReadError`], where it is no InceptionV3.
pub(super) fn parameters(mut file: TensorFile) -> Result<(Vec<Parameter>, Hints), ReadError> {
    let mut notes = vec![];
    if undo_theano(&mut file) {
        notes.push("its kernels are in Theano's order and were put right".to_owned());
    }
    let layers = keras::by_layer(&file);
    let is_legacy = file.layout == Layout::KerasLegacy;
    let inside = container_of_most(&layers, is_legacy);
    let of_kind = |kind| -> Vec<&KerasLayer<'_>> {
        let is_own = |layer: &&KerasLayer<'_>| {
            layer.kind == kind
                && (is_legacy && inside.is_empty() || container(layer.name, is_legacy) == inside)
        };
        layers.iter().filter(is_own).collect()
    };
    let (convs, norms) = (of_kind(LayerKind::Conv), of_kind(LayerKind::BatchNorm));
    let Some(found) = aligned(&convs, &norms, is_legacy && !inside.is_empty())? else {
        let whole = bodies().last().map_or(0, |body| body.convs.len());
        return Err(ReadError(format!(
            "it has {} convolutions and {} batch normalisations, and InceptionV3 has {whole} of each, or fewer up to one \
             of its blocks: it is the file of another network, or one that was changed inside; save the whole model, in \
             Keras with `model.save(\"model.keras\")`",
            convs.len(),
            norms.len()
        )));
    };
    let Aligned { body, convs: body_convs, norms: body_norms } = found;
    let mut parameters = vec![];
    for (node, layer) in body.convs.iter().zip(&body_convs) {
        parameters.extend(weighted(&node.torch, layer));
    }
    for (node, layer) in body.norms.iter().zip(&body_norms) {
        parameters.extend(batch_norm(&node.torch, layer));
    }
    let colors = body_convs.first().and_then(|conv| conv.tensors[0].shape.get(2)).copied().unwrap_or(0);
    let is_body =
        |layer: &KerasLayer<'_>| body_convs.iter().chain(&body_norms).any(|own| own.name == layer.name);
    let rest: Vec<&KerasLayer<'_>> = layers.iter().filter(|layer| !is_body(layer)).collect();
    let mut hints = surroundings(&file, &inside, body);
    for layer in rest {
        let name = layer.name.replace('.', "_");
        let reads_colors = match layer.kind {
            LayerKind::Conv => layer.tensors[0].shape[3] == colors,
            LayerKind::BatchNorm | LayerKind::Normalization => layer.tensors[0].shape[0] == colors,
            _ => false,
        };
        if reads_colors {
            hints.front.push(name.clone());
        }
        match layer.kind {
            LayerKind::Conv | LayerKind::Dense => parameters.extend(weighted(&name, layer)),
            LayerKind::BatchNorm => parameters.extend(batch_norm(&name, layer)),
            LayerKind::Normalization => parameters.extend(normalization(&name, layer)),
            LayerKind::LayerNorm => {
                let tensors = ["weight", "bias"].into_iter().zip(&layer.tensors);
                parameters
                    .extend(tensors.map(|(suffix, tensor)| parameter(&name, suffix, (*tensor).clone())));
            }
            LayerKind::Prelu if layer.tensors[0].shape.len() == 1 => {
                parameters.push(parameter(&name, "weight", layer.tensors[0].clone()));
            }
            LayerKind::Prelu | LayerKind::Other => hints.unknown.push(layer.name.to_owned()),
        }
    }
    hints.names = names(&file, &inside, &body_convs, &body_norms, body);
    hints.notes.extend(notes);
    Ok((parameters, hints))
}

/// The layers of a body, in the order of the graph's nodes.
struct Aligned<'b, 'a> {
    body: &'b Body,
    convs: Vec<&'b KerasLayer<'a>>,
    norms: Vec<&'b KerasLayer<'a>>,
}

/// The largest body whose kernels and channels follow one another in these layers.
///
/// # Errors
/// Where the order of the layers is lost.
fn aligned<'b, 'a>(
    convs: &[&'b KerasLayer<'a>],
    norms: &[&'b KerasLayer<'a>],
    is_nested: bool,
) -> Result<Option<Aligned<'b, 'a>>, ReadError> {
    // Of a model in a model, what was frozen stands behind what was not; their numbers are the order of their making.
    let numbered = is_nested.then(|| by_number(convs).zip(by_number(norms))).flatten();
    for body in bodies().iter().rev() {
        let (count, own_norms) = (body.convs.len(), body.norms.len());
        if count > convs.len() || own_norms > norms.len() {
            continue;
        }
        if let Some((convs, norms)) = &numbered
            && (convs.len(), norms.len()) == (count, own_norms)
        {
            let place =
                |nodes: &[super::keras_order::Place]| nodes.iter().map(|node| node.made).collect::<Vec<_>>();
            let pick = |layers: &[&'b KerasLayer<'a>], made: Vec<usize>| -> Vec<&'b KerasLayer<'a>> {
                made.into_iter().map(|made| layers[made]).collect()
            };
            let convs = pick(convs, place(&body.convs));
            let norms = pick(norms, place(&body.norms));
            if body.fits(&kernels(&convs), &channels(&norms)) {
                return Ok(Some(Aligned { body, convs, norms }));
            }
        }
        for first in 0..=convs.len() - count {
            let some = &convs[first..first + count];
            for first in 0..=norms.len() - own_norms {
                let norms = &norms[first..first + own_norms];
                if body.fits(&kernels(some), &channels(norms)) {
                    return Ok(Some(Aligned { body, convs: some.to_vec(), norms: norms.to_vec() }));
                }
            }
        }
    }
    Ok(None)
}

fn kernels(convs: &[&KerasLayer<'_>]) -> Vec<[usize; 4]> {
    let shape = |layer: &&KerasLayer<'_>| layer.tensors[0].shape[..].try_into().unwrap_or([0; 4]);
    convs.iter().map(shape).collect()
}

fn channels(norms: &[&KerasLayer<'_>]) -> Vec<usize> {
    norms.iter().map(|layer| layer.tensors[0].shape[0]).collect()
}

/// Layers in the order of the numbers in their names, where these are those that Keras gives, without a gap.
fn by_number<'b, 'a>(layers: &[&'b KerasLayer<'a>]) -> Option<Vec<&'b KerasLayer<'a>>> {
    let number = |layer: &KerasLayer<'_>| natural(layer.name.rsplit('/').next().unwrap_or(layer.name)).1;
    let class = class_of(layers.first()?.name);
    let mut sorted = layers.to_vec();
    sorted.sort_by_key(|layer| number(layer));
    let follows = sorted.windows(2).all(|pair| number(pair[0]) + 1 == number(pair[1]));
    (follows && layers.iter().all(|layer| class_of(layer.name) == class)).then_some(sorted)
}

/// The model with the most convolutions; nothing for the outermost.
fn container_of_most(layers: &[KerasLayer<'_>], is_legacy: bool) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for layer in layers.iter().filter(|layer| layer.kind == LayerKind::Conv) {
        *counts.entry(container(layer.name, is_legacy)).or_default() += 1;
    }
    let most = counts.into_iter().max_by_key(|(_, count)| *count);
    most.filter(|(_, count)| *count > 1).map_or(String::new(), |(name, _)| name.to_owned())
}

/// The names that the file has for the body's layers, by class in the order of `model.layers`.
fn names(
    file: &TensorFile,
    inside: &str,
    convs: &[&KerasLayer<'_>],
    norms: &[&KerasLayer<'_>],
    body: &Body,
) -> BTreeMap<&'static str, Vec<String>> {
    let listed: BTreeMap<&str, &str> =
        file.layers.iter().filter_map(|layer| Some((layer.path.as_str(), layer.name.as_deref()?))).collect();
    let last = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let of_layer = |layer: &&KerasLayer<'_>| match file.layout {
        Layout::KerasLegacy => Some(last(layer.name)),
        _ => listed.get(layer.name).map(|name| (*name).to_owned()),
    };
    let mut names = BTreeMap::new();
    names.insert("conv2d", convs.iter().map(of_layer).collect::<Option<Vec<_>>>().unwrap_or_default());
    names.insert(
        "batch_normalization",
        norms.iter().map(of_layer).collect::<Option<Vec<_>>>().unwrap_or_default(),
    );
    for (class, count) in &body.others {
        let is_legacy = file.layout == Layout::KerasLegacy;
        let is_own =
            |path: &str| if is_legacy { inside.is_empty() } else { container(path, false) == inside };
        let of_class = file.layers.iter().filter(|layer| {
            let is_class = class_of(&layer.path) == *class
                || *class == "concatenate" && class_of(&layer.path).starts_with("mixed");
            is_class && is_own(&layer.path)
        });
        let found: Option<Vec<String>> = of_class.map(|layer| layer.name.clone()).collect();
        if let Some(mut found) = found.filter(|found| found.len() >= *count) {
            found.truncate(*count);
            names.insert(*class, found);
        }
    }
    names
}

fn parameter(layer: &str, suffix: &str, tensor: NamedTensor) -> Parameter {
    Parameter { name: format!("{layer}.{suffix}"), tensor }
}

/// Kernel or matrix, and bias.
fn weighted(name: &str, layer: &KerasLayer<'_>) -> Vec<Parameter> {
    let mut found = vec![parameter(name, "weight", output_first(layer.tensors[0]))];
    found.extend(layer.tensors.get(1).map(|bias| parameter(name, "bias", (*bias).clone())));
    found
}

/// Scale, shift, mean and variance. A missing scale is 1, a missing shift 0.
fn batch_norm(name: &str, layer: &KerasLayer<'_>) -> Vec<Parameter> {
    let Some(found) = layer.batch_norm() else { return vec![] };
    let channels = found.mean.values.len();
    let or = |tensor: Option<&NamedTensor>, missing, value| {
        tensor.cloned().unwrap_or_else(|| constant(layer, missing, vec![value; channels]))
    };
    let tensors = [
        ("weight", or(found.gamma, "gamma", 1.0)),
        ("bias", or(found.beta, "beta", 0.0)),
        ("running_mean", found.mean.clone()),
        ("running_var", found.variance.clone()),
    ];
    tensors.map(|(suffix, tensor)| parameter(name, suffix, tensor)).into()
}

/// What Keras' normalisation in front adds to nothing, but takes for the least deviation.
const LEAST_DEVIATION: f32 = 1e-7;

/// Mean and variance alone, as a batch normalisation whose scale holds the deviation: that adds nothing to variances.
fn normalization(name: &str, layer: &KerasLayer<'_>) -> Vec<Parameter> {
    let [mean, variance] = layer.tensors[..] else { return vec![] };
    let epsilon = crate::model::inception_v3::BATCH_NORM_EPSILON.sqrt() as f32;
    let scale = variance.values.iter().map(|value| epsilon / value.sqrt().max(LEAST_DEVIATION)).collect();
    let zeros = vec![0.0; variance.values.len()];
    let tensors = [
        ("weight", constant(layer, "gamma", scale)),
        ("bias", constant(layer, "beta", zeros.clone())),
        ("running_mean", mean.clone()),
        ("running_var", constant(layer, "variance", zeros)),
    ];
    tensors.map(|(suffix, tensor)| parameter(name, suffix, tensor)).into()
}

fn constant(layer: &KerasLayer<'_>, name: &str, values: Vec<f32>) -> NamedTensor {
    let (name, stored) = (format!("{}/{name}", layer.name), layer.tensors[0].stored);
    NamedTensor { name, shape: vec![values.len()], values, stored }
}

/// Puts kernels right that have their outputs first, as Theano kept them: most have their windows at the end then.
fn undo_theano(file: &mut TensorFile) -> bool {
    let is_kernel = |tensor: &&mut NamedTensor| tensor.shape.len() == 4;
    let is_window = |sides: &[usize]| sides.iter().all(|side| [1, 3, 5, 7].contains(side));
    let kernels = file.tensors.iter().filter(|tensor| tensor.shape.len() == 4);
    let (first, last): (Vec<_>, Vec<_>) =
        kernels.map(|tensor| (is_window(&tensor.shape[..2]), is_window(&tensor.shape[2..]))).unzip();
    let count = |windows: Vec<bool>| windows.into_iter().filter(|is_window| *is_window).count();
    if file.layout != Layout::KerasLegacy || count(last) <= count(first) {
        return false;
    }
    let told = |key: &str| file.metadata.get(key).map_or("", String::as_str);
    let is_turned = !(told("keras_version").starts_with('1') && told("backend") == "tensorflow");
    for tensor in file.tensors.iter_mut().filter(is_kernel) {
        let [outputs, inputs, rows, columns] = tensor.shape[..] else { continue };
        let cells = rows * columns;
        let mut values = Vec::with_capacity(tensor.values.len());
        for cell in 0..if tensor.values.is_empty() { 0 } else { cells } {
            let cell = if is_turned { cells - 1 - cell } else { cell };
            for input in 0..inputs {
                values.extend(
                    (0..outputs).map(|output| tensor.values[(output * inputs + input) * cells + cell]),
                );
            }
        }
        tensor.values = values;
        tensor.shape = vec![rows, columns, inputs, outputs];
    }
    true
}
