//! Reads Keras' weight files: the legacy `.h5` layout and Keras 3's `.weights.h5`. Pure, no thread.
//!
//! Neither layout has names to rely on, so layers are matched by Keras' own order, that of `model.layers`:
//!
//! - **legacy** (all of Keras 1 and 2, `model.save("x.h5")`; the files that Keras downloads): the attribute
//!   `layer_names` lists the layers in that order, whatever their names. A model that is a layer of another
//!   is ONE layer there, whose `weight_names` list first what is trained and then what is not.
//! - **`.weights.h5`**: groups `layers/conv2d`, `layers/conv2d_1`, … are numbered by class in that order.
//!   They look like the layers' names and are not: `layers/conv2d_5` holds Keras' layer `conv2d_8`. (Keras
//!   2.12 to 2.15 call the folder `_layer_checkpoint_dependencies` and count by twos.)
//!
//! Keras orders layers by depth, so the order inside a block is not that of creation. Kernels stay as they
//! are in the file: convolutions `[height, width, input channels, output channels]`, dense layers
//! `[inputs, outputs]`.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::file::{Layout, Limits, ListedLayer, NamedTensor, ReadError, TensorFile};
use super::hdf5::{Element, Hdf5, Object, SIGNATURE, width};

/// Groups inside groups; a model in a model in a model has 9.
const MAX_DEPTH: usize = 32;

/// Where Keras 3 and Keras 2.12–2.15 keep the layers of a model in `.weights.h5`.
const CONTAINERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// What a layer is, by its tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerKind {
    /// A kernel of rank 4, and perhaps a bias.
    Conv,
    /// Two to four vectors of one length.
    BatchNorm,
    /// A kernel of rank 2, and perhaps a bias.
    Dense,
    /// Scale and shift.
    LayerNorm,
    /// Mean and variance of the training data, without anything else.
    Normalization,
    /// Slopes.
    Prelu,
    /// Something else.
    Other,
}

/// The tensors of one layer.
#[derive(Clone, Debug)]
pub struct KerasLayer<'a> {
    /// What it is.
    pub kind: LayerKind,
    /// Its path in the file, for messages.
    pub name: &'a str,
    /// In the file's order: kernel, bias; or see [`KerasLayer::batch_norm`].
    pub tensors: Vec<&'a NamedTensor>,
}

/// The vectors of a batch normalisation, `[channels]` each.
#[derive(Clone, Copy, Debug)]
pub struct BatchNormTensors<'a> {
    /// `None` where the layer has no scale, as in Keras' InceptionV3: then it is 1.
    pub gamma: Option<&'a NamedTensor>,
    /// `None` where the layer has no shift: then it is 0.
    pub beta: Option<&'a NamedTensor>,
    /// Mean of the training data.
    pub mean: &'a NamedTensor,
    /// Variance of the training data, without epsilon.
    pub variance: &'a NamedTensor,
}

impl<'a> KerasLayer<'a> {
    /// Tells the vectors of a batch normalisation apart; `None` for other layers.
    ///
    /// Legacy files name them. `.weights.h5` numbers them: of three, the first is taken for beta, since
    /// networks leave the scale away in front of a ReLU and nobody leaves the shift away.
    pub fn batch_norm(&self) -> Option<BatchNormTensors<'a>> {
        let is_gamma =
            |tensor: &NamedTensor| tensor.name.rsplit('/').next().is_some_and(|n| n.contains("gamma"));
        let (gamma, beta, mean, variance) = match (self.kind, self.tensors.as_slice()) {
            (LayerKind::BatchNorm, &[gamma, beta, mean, variance]) => {
                (Some(gamma), Some(beta), mean, variance)
            }
            (LayerKind::BatchNorm, &[first, mean, variance]) if is_gamma(first) => {
                (Some(first), None, mean, variance)
            }
            (LayerKind::BatchNorm, &[first, mean, variance]) => (None, Some(first), mean, variance),
            (LayerKind::BatchNorm, &[mean, variance]) => (None, None, mean, variance),
            _ => return None,
        };
        Some(BatchNormTensors { gamma, beta, mean, variance })
    }
}

/// Whether a file that begins like this is an HDF5 file. Eight bytes suffice.
pub fn recognises(head: &[u8]) -> bool {
    head.starts_with(SIGNATURE)
}

/// Reads all weights of a file, which is whole in memory. The values take at most twice its length and at
/// most `limits.bytes`. An optimizer's state and integers (states of random generators) are left out and
/// noted.
///
/// # Errors
/// One sentence on what is wrong and what to do. Values are not judged: NaN passes.
pub fn read(bytes: &[u8], limits: Limits) -> Result<TensorFile, ReadError> {
    let file = Hdf5::open(bytes)?;
    let root = file.root()?;
    let mut reader = Reader::new(&file, limits, false);
    let model = file.find(&root, "model_weights")?;
    let layers = reader.listed(model.as_ref().unwrap_or(&root), "layer_names")?;
    let mut metadata = BTreeMap::new();
    for key in ["keras_version", "backend"] {
        let said = file.strings(&root, key).ok().flatten();
        metadata.extend(said.and_then(|said| Some((key.to_owned(), (*said.first()?).to_owned()))));
    }
    let layout = if let Some(names) = layers {
        reader.legacy(model.as_ref().unwrap_or(&root), &names)?;
        if file.links(&root)?.contains_key("optimizer_weights") {
            reader.notes.push("optimizer state ignored".into());
        }
        Layout::KerasLegacy
    } else if CONTAINERS.iter().any(|&name| file.links(&root).is_ok_and(|links| links.contains_key(name))) {
        reader.numbered(root)?;
        Layout::KerasWeights
    } else {
        return Err(ReadError(
            "an HDF5 file, but not a Keras model's: it has neither `layer_names` nor `layers`; give a file \
             that Keras' `save_weights` or `save` wrote"
                .into(),
        ));
    };
    if reader.tensors.is_empty() {
        return Err(ReadError("a Keras file without any weights; save the model after building it".into()));
    }
    let Reader { tensors, layers, notes, .. } = reader;
    Ok(TensorFile { layout, tensors, notes, metadata, layers })
}

/// Reads one of several pieces of a model: of a layer's arrays, others may be in another piece, and the order is not yet
/// that of one file.
///
/// # Errors
/// As [`read`].
pub fn read_piece(bytes: &[u8], limits: Limits) -> Result<TensorFile, ReadError> {
    let file = Hdf5::open(bytes)?;
    let mut reader = Reader::new(&file, limits, true);
    reader.numbered(file.root()?)?;
    let Reader { tensors, layers, notes, .. } = reader;
    Ok(TensorFile { layout: Layout::KerasWeights, tensors, notes, metadata: BTreeMap::new(), layers })
}

/// The layers with weights: convolutions, normalisations and dense layers each in Keras' order (of a file
/// with several models: of one model after the other). How the kinds are mixed differs between the layouts.
/// Files of other layouts have none.
pub fn by_layer(file: &TensorFile) -> Vec<KerasLayer<'_>> {
    if !matches!(file.layout, Layout::KerasLegacy | Layout::KerasWeights) {
        return Vec::new();
    }
    let mut layers: Vec<KerasLayer<'_>> = Vec::new();
    let mut known = HashMap::new();
    for tensor in &file.tensors {
        let name = layer_of(&tensor.name);
        let index = *known.entry(name).or_insert_with(|| {
            layers.push(KerasLayer { kind: LayerKind::Other, name, tensors: Vec::new() });
            layers.len() - 1
        });
        layers[index].tensors.push(tensor);
    }
    for layer in &mut layers {
        layer.kind = kind(layer);
        layer.name = layer.name.strip_suffix("/vars").unwrap_or(layer.name);
    }
    layers
}

fn kind(layer: &KerasLayer<'_>) -> LayerKind {
    let has = |part: &str| layer.tensors.iter().any(|tensor| tensor.name.contains(part));
    let own_names: Vec<&str> = layer.tensors.iter().map(|tensor| own_name(&tensor.name)).collect();
    // `.weights.h5` numbers arrays and names classes; older files name arrays.
    let is_class = |class: &str| layer.name.ends_with("/vars") && class_of(layer.name).contains(class);
    let ranks: Vec<usize> = layer.tensors.iter().map(|tensor| tensor.shape.len()).collect();
    let are_alike = layer.tensors.iter().all(|tensor| tensor.shape == layer.tensors[0].shape);
    match (&ranks[..], &own_names[..]) {
        _ if has("depthwise") || has("transpose") => LayerKind::Other,
        ([4] | [4, 1], _) => LayerKind::Conv,
        ([2] | [2, 1], _) => LayerKind::Dense,
        (_, ["alpha"]) => LayerKind::Prelu,
        ([_], _) if is_class("p_re_lu") => LayerKind::Prelu,
        ([1, 1], ["gamma", "beta"]) => LayerKind::LayerNorm,
        ([1, 1], _) if is_class("layer_normalization") => LayerKind::LayerNorm,
        ([1, 1], ["mean", "variance"]) => LayerKind::Normalization,
        ([1, 1], _) if layer.name.ends_with("/vars") && class_of(layer.name) == "normalization" => {
            LayerKind::Normalization
        }
        _ if ["layer_norm", "group_norm", "unit_norm"].into_iter().any(is_class) => LayerKind::Other,
        ([1, 1] | [1, 1, 1] | [1, 1, 1, 1], _) if are_alike => LayerKind::BatchNorm,
        _ => LayerKind::Other,
    }
}

/// `gamma` of `batch_normalization/gamma:0`.
fn own_name(tensor: &str) -> &str {
    let name = tensor.rsplit('/').next().unwrap_or(tensor);
    name.split(':').next().unwrap_or(name)
}

/// `conv2d` of `layers/functional/layers/conv2d_12/vars` and of `conv2d_12`.
pub fn class_of(layer: &str) -> &str {
    let layer = layer.strip_suffix("/vars").unwrap_or(layer);
    natural(layer.rsplit('/').next().unwrap_or(layer)).0
}

/// A tensor's path without its own name.
pub(super) fn layer_of(tensor: &str) -> &str {
    tensor.rsplit_once('/').map_or("", |(layer, _)| layer)
}

/// The model inside which a layer is; nothing for the outermost of `.weights.h5`. In the older layout, whose outermost
/// layers are models to themselves, the outermost layer.
pub fn container(layer: &str, is_legacy: bool) -> &str {
    if is_legacy {
        return layer.split('/').next().unwrap_or(layer);
    }
    let folder = layer.rsplit_once('/').map_or("", |(folder, _)| folder);
    folder.rsplit_once('/').map_or("", |(model, _)| model)
}

struct Reader<'f, 'a> {
    file: &'f Hdf5<'a>,
    limits: Limits,
    tensors: Vec<NamedTensor>,
    layers: Vec<ListedLayer>,
    notes: Vec<String>,
    /// Bytes of all arrays together, in the file and as f32.
    raw_bytes: usize,
    value_bytes: usize,
    /// Whether arrays of a layer may be elsewhere.
    is_piece: bool,
}

impl<'f, 'a> Reader<'f, 'a> {
    fn new(file: &'f Hdf5<'a>, limits: Limits, is_piece: bool) -> Self {
        Self {
            file,
            limits,
            tensors: vec![],
            layers: vec![],
            notes: vec![],
            raw_bytes: 0,
            value_bytes: 0,
            is_piece,
        }
    }

    /// A list of names, which Keras splits into `name0`, `name1`, … when it is longer than 64 kB.
    fn listed(&self, object: &Object<'a>, name: &str) -> Result<Option<Vec<&'a str>>, ReadError> {
        if let Some(names) = self.file.strings(object, name)? {
            return Ok(Some(names));
        }
        let mut names = None;
        for part in 0.. {
            let Some(more) = self.file.strings(object, &format!("{name}{part}"))? else { break };
            names.get_or_insert_with(Vec::new).extend(more);
        }
        Ok(names)
    }

    fn legacy(&mut self, model: &Object<'a>, layers: &[&str]) -> Result<(), ReadError> {
        for layer in layers {
            let group = self.file.find(model, layer)?.ok_or_else(|| missing(layer))?;
            let weights = self
                .listed(&group, "weight_names")?
                .ok_or_else(|| missing(&format!("{layer}/weight_names")))?;
            self.layers.push(ListedLayer { path: (*layer).into(), name: Some((*layer).into()) });
            for weight in weights {
                let name = format!("{layer}/{weight}");
                let array = self.file.find(&group, weight)?.ok_or_else(|| missing(&name))?;
                self.array(name, &array)?;
            }
        }
        Ok(())
    }

    fn numbered(&mut self, root: Object<'a>) -> Result<(), ReadError> {
        let mut seen = HashSet::from([root.address()]);
        let mut waiting = vec![(String::new(), root)];
        while let Some((path, object)) = waiting.pop() {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            if CONTAINERS.iter().any(|container| folder.rsplit('/').next() == Some(container)) {
                self.layers.push(self.listed_layer(&path, &object)?);
            }
            let links = self.file.links(&object)?;
            let mut children: Vec<(&str, u64)> =
                links.iter().map(|(&name, &address)| (name, address)).collect();
            if path.rsplit('/').next() == Some("vars") {
                children.sort_by_key(|&(name, _)| natural(name));
                for (index, (name, _)) in children.iter().enumerate() {
                    if !self.is_piece && !matches!(natural(name), ("", number) if number == index as u64) {
                        return Err(missing(&format!("{path}/{index}")));
                    }
                }
            }
            // Last in, first out: a model's own arrays first, then class by class as they are numbered.
            children.sort_by_key(|&(name, _)| (name != "vars", natural(name)));
            for (name, address) in children.into_iter().rev() {
                if path.is_empty() && name == "optimizer" {
                    self.notes.push("optimizer state ignored".into());
                    continue;
                }
                if !seen.insert(address) || path.matches('/').count() > MAX_DEPTH {
                    return Err(ReadError(format!(
                        "its groups form a circle (`{name}` in `{path}`), which Keras never writes; save it \
                         anew"
                    )));
                }
                let path = if path.is_empty() { name.into() } else { format!("{path}/{name}") };
                waiting.push((path, self.file.object(address)?));
            }
            if !path.is_empty() {
                self.array(path, &object)?;
            }
        }
        Ok(())
    }

    /// A layer with the name that newer versions of Keras note beside its arrays, even where there are none.
    fn listed_layer(&self, path: &str, layer: &Object<'a>) -> Result<ListedLayer, ReadError> {
        let vars = self.file.find(layer, "vars")?;
        let name = vars.and_then(|vars| self.file.strings(&vars, "name").ok().flatten());
        let name = name.and_then(|names| names.first().map(|name| (*name).to_owned()));
        Ok(ListedLayer { path: path.into(), name })
    }

    /// Adds an array; other objects are passed over.
    fn array(&mut self, name: String, object: &Object<'a>) -> Result<(), ReadError> {
        let Some(array) = self.file.dataset(object, &name)? else { return Ok(()) };
        let stored = match array.element {
            Element::Float(stored) => stored,
            Element::Integer => {
                self.notes.push(format!("`{name}` ignored: integers"));
                return Ok(());
            }
            Element::Other => {
                return Err(ReadError(format!(
                    "`{name}` is not of float16, bfloat16, float32 or float64 (little-endian); convert it in \
                     Keras"
                )));
            }
        };
        self.raw_bytes = self.raw_bytes.saturating_add(array.raw.len());
        self.value_bytes =
            self.value_bytes.saturating_add(array.raw.len() / width(stored) * size_of::<f32>());
        if self.raw_bytes > self.file.len() {
            return Err(ReadError(format!(
                "its arrays overlap (up to `{name}` they are larger than the file), which Keras never \
                 writes; save it anew"
            )));
        }
        if self.tensors.len() >= self.limits.tensors || self.value_bytes > self.limits.bytes {
            return Err(ReadError(format!(
                "it has more than {} tensors or {} bytes of weights, more than any InceptionV3; check what \
                 file this is",
                self.limits.tensors, self.limits.bytes
            )));
        }
        self.tensors.push(NamedTensor { name, shape: array.shape, values: stored.decode(array.raw), stored });
        Ok(())
    }
}

/// `conv2d_10` → (`conv2d`, 10), `conv2d` → (`conv2d`, 0), `10` → (nothing, 10): sorts as Keras counts.
pub(super) fn natural(name: &str) -> (&str, u64) {
    let (base, digits) = name.rsplit_once('_').unwrap_or(("", name));
    let is_counted = digits == "0" || !digits.starts_with(['0', '+']);
    match digits.parse::<u64>() {
        Ok(number) if is_counted => (base, number),
        _ => (name, 0),
    }
}

pub(super) fn missing(name: &str) -> ReadError {
    ReadError(format!(
        "incomplete: `{name}` is missing, although the file lists it; copy or download it again"
    ))
}

#[cfg(test)]
#[path = "keras_tests.rs"]
mod tests;
