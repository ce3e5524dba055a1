//! Where the parameters of each layer are in the file.
//!
//! - **legacy** (`.h5`): each layer of the model has a group of its name, whose `weight_names` list what is
//!   trained and then what is not. A model that is a layer has ONE group; its layers are told by the names in
//!   the list (`conv2d_80/kernel:0`), or, where those do not help, by the order that the configuration's
//!   `trainable` gives.
//! - **`.weights.h5`**: groups are numbered by class in the order of `model.layers`, so `layers/conv2d_5`
//!   holds the sixth convolution, whatever it is called. Files of Keras since 3.7 or so also have the layer's
//!   name as an attribute.

use std::collections::{HashMap, HashSet};

use super::numbered::{Children, numbered_variables, snake_case};
use super::tensor::Tensor;
use super::topology::{Layer, Model};
use super::variable_names::{Variable, is_never_trained, variable_names};
use crate::weights::file::{Limits, ReadError, Stored};
use crate::weights::hdf5::{Element, Hdf5, Object, width};

/// Where Keras 3 and Keras 2.12–2.15 keep the layers of a model.
const CONTAINERS: [&str; 2] = ["layers", "_layer_checkpoint_dependencies"];

/// The parameters of all layers, by [`Layer::id`], not read yet.
pub(super) struct Variables<'f, 'a> {
    file: &'f Hdf5<'a>,
    limits: Limits,
    of_layer: HashMap<usize, Vec<Variable<'a>>>,
    /// The first group of each name, for layers that belong to two models and are saved with the first.
    by_name: HashMap<&'a str, Vec<Variable<'a>>>,
    seen: HashSet<u64>,
    raw_bytes: usize,
    value_bytes: usize,
    count: usize,
    /// The number types that were read, each once.
    pub stored: Vec<Stored>,
}

impl<'f, 'a> Variables<'f, 'a> {
    fn new(file: &'f Hdf5<'a>, limits: Limits) -> Self {
        let (of_layer, by_name, seen, stored) = (HashMap::new(), HashMap::new(), HashSet::new(), vec![]);
        Self { file, limits, of_layer, by_name, seen, raw_bytes: 0, value_bytes: 0, count: 0, stored }
    }

    /// Of a legacy file; `group` is the one with `layer_names`.
    pub fn legacy(
        file: &'f Hdf5<'a>,
        group: &Object<'a>,
        model: &Model<'_>,
        limits: Limits,
    ) -> Result<Self, ReadError> {
        let mut variables = Self::new(file, limits);
        for layer in &model.layers {
            // Names may have slashes: `expanded_conv/project`.
            let Some(group) = file.find(group, layer.name)? else { continue };
            let mut listed = Vec::new();
            for name in listed_names(file, &group, "weight_names")?.unwrap_or_default() {
                let object =
                    file.find(&group, name)?.ok_or_else(|| missing(&format!("{}/{name}", layer.name)))?;
                listed.push((name, object.address()));
            }
            match &layer.model {
                Some(inner) => variables.share(inner, layer.name, &listed)?,
                None => {
                    let own = listed.into_iter().map(|(name, address)| (own_name(name), address));
                    variables.of_layer.insert(layer.id, own.collect());
                }
            }
        }
        Ok(variables)
    }

    /// Shares what is listed of a model among its layers.
    fn share(&mut self, model: &Model<'_>, name: &str, listed: &[Variable<'a>]) -> Result<(), ReadError> {
        let mut leaves = Vec::new();
        collect_leaves(model, true, &mut leaves);
        let known: HashSet<&str> = leaves.iter().map(|(layer, _)| layer.name).collect();
        // By the names of layers, as of `block/conv2d_80/kernel:0`; equal names in the order of the file.
        let mut by_layer: HashMap<(&str, &str), Vec<u64>> = HashMap::new();
        let mut stray = 0;
        for &(path, address) in listed {
            match layer_of(path, &known) {
                Some(layer) => by_layer.entry((layer, own_name(path))).or_default().push(address),
                None => stray += 1,
            }
        }
        if stray > 0 {
            return self.share_in_order(&leaves, name, listed);
        }
        // Equal names: what was frozen is listed behind what was trained, statistics in the order of the
        // layers.
        let mut in_order: HashMap<&str, Vec<usize>> = HashMap::new();
        for (layer, _) in &leaves {
            in_order.entry(layer.name).or_default().push(layer.id);
        }
        leaves.sort_by_key(|(_, is_trained)| !is_trained);
        let mut trained_first: HashMap<&str, Vec<usize>> = HashMap::new();
        for (layer, _) in &leaves {
            trained_first.entry(layer.name).or_default().push(layer.id);
        }
        let places: HashMap<u64, usize> =
            listed.iter().enumerate().map(|(place, &(_, address))| (address, place)).collect();
        for ((layer, variable), addresses) in by_layer {
            let same = if is_never_trained(variable) { &in_order } else { &trained_first };
            for (&id, address) in same.get(layer).into_iter().flatten().zip(addresses) {
                self.of_layer.entry(id).or_default().push((variable, address));
            }
        }
        for (layer, _) in leaves {
            if let Some(list) = self.of_layer.get_mut(&layer.id) {
                list.sort_by_key(|(_, address)| places.get(address));
            }
        }
        Ok(())
    }

    /// For names that tell nothing: what is trained in the order of the layers, then what is not.
    fn share_in_order(
        &mut self,
        leaves: &[(&Layer<'_>, bool)],
        name: &str,
        listed: &[Variable<'a>],
    ) -> Result<(), ReadError> {
        let mut order = Vec::new();
        for wanted in [true, false] {
            for &(layer, is_trained) in leaves {
                let names = variable_names(layer)?;
                let trained = |variable: &str| is_trained && !is_never_trained(variable);
                order.extend(names.into_iter().filter(|n| trained(n) == wanted).map(|n| (layer.id, n)));
            }
        }
        if order.len() != listed.len() {
            return Err(ReadError(format!(
                "`{name}` is a model whose {} parameters in the file have names of no layer; save it \
                 as `.keras`",
                listed.len()
            )));
        }
        for ((id, variable), &(_, address)) in order.into_iter().zip(listed) {
            self.of_layer.entry(id).or_default().push((variable, address));
        }
        Ok(())
    }

    /// Of `.weights.h5`.
    pub fn numbered(file: &'f Hdf5<'a>, model: &Model<'_>, limits: Limits) -> Result<Self, ReadError> {
        let mut variables = Self::new(file, limits);
        let mut waiting = vec![(model, file.root()?)];
        while let Some((model, object)) = waiting.pop() {
            let links = file.links(&object)?;
            let Some(&container) = CONTAINERS.iter().find_map(|&name| links.get(name)) else { continue };
            let container = file.object(container)?;
            let children = Children::of(file, &container)?;
            let mut counts: HashMap<String, usize> = HashMap::new();
            for layer in model.layers.iter().filter(|layer| !layer.is_operation && !layer.is_input()) {
                let class = snake_case(layer.class);
                let count = counts.entry(class.clone()).or_insert(0);
                let found = children.get(layer.name, &class, *count);
                *count += 1;
                let Some(address) = found else { continue };
                let group = file.object(address)?;
                match &layer.model {
                    Some(inner) => waiting.push((inner, group)),
                    None => {
                        let found = numbered_variables(file, &group)?;
                        variables.of_layer.insert(layer.id, found);
                    }
                }
            }
            for (name, address) in children.by_name {
                let found = numbered_variables(file, &file.object(address)?)?;
                if !found.is_empty() {
                    variables.by_name.entry(name).or_insert(found);
                }
            }
        }
        Ok(variables)
    }

    /// Counts anew: the model is built again.
    pub fn begin(&mut self) {
        (self.value_bytes, self.count) = (0, 0);
    }

    /// A variable of a layer, if the file has it; `order` are the names of all that the layer has.
    ///
    /// # Errors
    /// Where it is no array of floats, or the file grows too large.
    pub fn find(
        &mut self,
        layer: &Layer<'_>,
        order: &[&str],
        name: &str,
    ) -> Result<Option<Tensor>, ReadError> {
        let found = self.address(layer, order, name);
        found.map(|address| self.read(address, &format!("{}/{name}", layer.name))).transpose()
    }

    /// Side lengths of a variable, if the file has it.
    pub fn sides(
        &self,
        layer: &Layer<'_>,
        order: &[&str],
        name: &str,
    ) -> Result<Option<Vec<usize>>, ReadError> {
        let Some(address) = self.address(layer, order, name) else { return Ok(None) };
        Ok(self.file.dataset(&self.file.object(address)?, name)?.map(|array| array.shape))
    }

    fn address(&self, layer: &Layer<'_>, order: &[&str], name: &str) -> Option<u64> {
        let nothing = Vec::new();
        let own = self.of_layer.get(&layer.id).filter(|list| !list.is_empty());
        let list = own.or_else(|| self.by_name.get(layer.name)).unwrap_or(&nothing);
        let is_it = |&&(found, _): &&Variable<'_>| {
            found == name
                || matches!((name, found), ("kernel", "depthwise_kernel") | ("depthwise_kernel", "kernel"))
        };
        let position = order.iter().position(|&known| known == name);
        match list.iter().find(is_it) {
            Some(&(_, address)) => Some(address),
            // Numbers, or names of another time (`convolution2d_1_W`): then the order tells.
            None if list.len() == order.len() => {
                position.and_then(|at| list.get(at)).map(|&(_, address)| address)
            }
            None => None,
        }
    }

    /// Whether the file has any variable of a layer.
    pub fn has_any(&self, layer: &Layer<'_>) -> bool {
        self.of_layer.get(&layer.id).is_some_and(|list| !list.is_empty())
    }

    fn read(&mut self, address: u64, name: &str) -> Result<Tensor, ReadError> {
        let object = self.file.object(address)?;
        let array = self.file.dataset(&object, name)?.ok_or_else(|| missing(name))?;
        let stored = match array.element {
            Element::Float(stored) => stored,
            Element::Integer => {
                return Err(ReadError(format!(
                    "`{name}` is quantised to integers, which are not read; save the model in floating point"
                )));
            }
            Element::Other => {
                return Err(ReadError(format!(
                    "`{name}` is not of float16, bfloat16, float32 or float64 (little-endian); convert it \
                     in Keras"
                )));
            }
        };
        let count = array.raw.len() / width(stored);
        self.value_bytes = self.value_bytes.saturating_add(count * size_of::<f32>());
        self.count += 1;
        if self.seen.insert(address) {
            self.raw_bytes = self.raw_bytes.saturating_add(array.raw.len());
        }
        if self.raw_bytes > self.file.len() {
            return Err(ReadError(format!(
                "its arrays overlap (up to `{name}` they are larger than the file), which Keras never \
                 writes; save it anew"
            )));
        }
        if self.count > self.limits.tensors || self.value_bytes > self.limits.bytes {
            return Err(ReadError(format!(
                "it has more than {} tensors or {} bytes of weights, more than is read",
                self.limits.tensors, self.limits.bytes
            )));
        }
        if !self.stored.contains(&stored) {
            self.stored.push(stored);
        }
        Ok(Tensor { sides: array.shape, values: stored.decode(array.raw) })
    }
}

/// All layers that are no models, and whether they were trained: neither they nor a model that they are in is
/// frozen.
fn collect_leaves<'m, 'a>(model: &'m Model<'a>, is_trained: bool, leaves: &mut Vec<(&'m Layer<'a>, bool)>) {
    for layer in &model.layers {
        let own = layer.config.get("trainable").and_then(serde_json::Value::as_bool).unwrap_or(true);
        match &layer.model {
            Some(inner) => collect_leaves(inner, is_trained && own, leaves),
            None => leaves.push((layer, is_trained && own)),
        }
    }
}

/// A list of names, which Keras splits into `name0`, `name1`, … when it is longer than 64 kB.
pub(super) fn listed_names<'a>(
    file: &Hdf5<'a>,
    object: &Object<'a>,
    name: &str,
) -> Result<Option<Vec<&'a str>>, ReadError> {
    if let Some(names) = file.strings(object, name)? {
        return Ok(Some(names));
    }
    let mut names = None;
    for part in 0.. {
        let Some(more) = file.strings(object, &format!("{name}{part}"))? else { break };
        names.get_or_insert_with(Vec::new).extend(more);
    }
    Ok(names)
}

/// The layer that a path such as `block/conv2d_80/kernel:0` tells: the longest name that ends right in front
/// of the variable, or else further in front.
fn layer_of<'a>(path: &'a str, known: &HashSet<&str>) -> Option<&'a str> {
    let mut rest = path;
    while let Some((parents, _)) = rest.rsplit_once('/') {
        let starts = std::iter::once(0).chain(parents.match_indices('/').map(|(at, _)| at + 1));
        if let Some(found) = starts.map(|start| &parents[start..]).find(|name| known.contains(name)) {
            return Some(found);
        }
        rest = parents;
    }
    None
}

/// `conv2d/kernel:0` → `kernel`.
fn own_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    match name.rsplit_once(':') {
        Some((name, digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    }
}

fn missing(name: &str) -> ReadError {
    ReadError(format!(
        "incomplete: `{name}` is missing, although the file lists it; copy or download it again"
    ))
}
