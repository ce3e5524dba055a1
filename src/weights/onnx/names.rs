//! What layers are called: as the modules of the network that was exported, where the file has them.

use std::collections::{HashMap, HashSet};

use super::import::Origin;
use super::layer::Layer;

/// The modules that a node belongs to, and what it is there.
struct Path {
    /// From the outermost module.
    modules: Vec<String>,
    /// The node itself: an operation as a rule.
    own: String,
    /// Between them.
    joint: &'static str,
}

impl Path {
    fn module(&self) -> String {
        self.modules.join(self.joint)
    }
}

/// The layers of one module.
#[derive(Default)]
struct Members<'a> {
    count: usize,
    with_weights: usize,
    /// Of all of them, if it is the same.
    op: Option<&'a str>,
}

/// A name for each layer, no two the same.
pub(super) fn names(layers: &[Layer], origins: &[Origin]) -> Vec<String> {
    let mut paths: Vec<Path> = origins.iter().map(path).collect();
    strip_shared(&mut paths);
    shorten(&mut paths, layers);
    // A module that has others in it is no layer by itself.
    let mut outer: HashSet<String> = HashSet::new();
    for path in layers.iter().map(|layer| &paths[layer.origin]) {
        for depth in 1..path.modules.len() {
            outer.insert(path.modules[..depth].join(path.joint));
        }
    }
    let mut members: HashMap<String, Members> = HashMap::new();
    for layer in layers {
        let op = origins[layer.origin].op.as_str();
        let all = members
            .entry(paths[layer.origin].module())
            .or_insert(Members { op: Some(op), ..Members::default() });
        all.count += 1;
        all.with_weights += usize::from(layer.weights.is_some());
        all.op = all.op.filter(|other| *other == op);
    }
    let mut taken: HashSet<String> = HashSet::new();
    let mut counts: HashMap<String, usize> = HashMap::new();
    let mut names = vec![];
    for (index, layer) in layers.iter().enumerate() {
        let path = &paths[layer.origin];
        let module = path.module();
        let is_main = members.get(&module).is_none_or(|all| {
            all.count == 1 || all.op.is_some() || (layer.weights.is_some() && all.with_weights == 1)
        });
        let wanted = match (module.is_empty(), outer.contains(&module) || !is_main) {
            (true, _) => path.own.clone(),
            (false, true) => format!("{module}{}{}", path.joint, path.own),
            (false, false) => module,
        };
        let wanted = if wanted.is_empty() { format!("layer{}{index}", path.joint) } else { wanted };
        let mut name = wanted.clone();
        while !taken.insert(name.clone()) {
            let count = counts.entry(wanted.clone()).or_insert(0);
            *count += 1;
            name = format!("{wanted}_{count}");
        }
        names.push(name);
    }
    names
}

fn path(origin: &Origin) -> Path {
    let weight = origin.weight.as_deref().and_then(module_of_weight);
    let split = |module: &str| module.split('.').map(String::from).collect::<Vec<_>>();
    // PyTorch's new exporter: `['', 'layer1', 'layer1.0', 'layer1.0.conv1', 'conv2d_3']`.
    if let Some(scopes) = origin.scopes.as_deref().map(strings).filter(|scopes| scopes.len() > 1) {
        let (own, outer) = scopes.split_last().map_or(("", &[][..]), |(own, outer)| (own.as_str(), outer));
        let module = outer.iter().rev().find(|scope| !scope.is_empty());
        // Where a normalisation was put into a convolution the file has the scope of the one and the kernel of the other.
        let module = weight.as_deref().or(module.map(String::as_str));
        let modules = module.map(split).unwrap_or_default();
        return Path { modules, own: without_number(own).into(), joint: "." };
    }
    if let Some(parts) = origin.name.strip_prefix('/').filter(|parts| !parts.is_empty()) {
        // Its old one: `/layer1/layer1.0/conv1/Conv`, each list of modules with its own name in front of theirs.
        let mut parts: Vec<&str> = parts.split('/').collect();
        let own = parts.pop().unwrap_or_default();
        let mut modules: Vec<&str> = vec![];
        for part in parts {
            if modules
                .last()
                .is_some_and(|last| part.strip_prefix(*last).is_some_and(|rest| rest.starts_with('.')))
            {
                modules.pop();
            }
            modules.push(part);
        }
        let modules = modules.iter().flat_map(|module| split(module)).collect();
        return Path { modules, own: own.into(), joint: "." };
    }
    // TensorFlow: `model/conv1/Conv2D`. What its converter made new, `Conv__339`, has but a kernel from there.
    let kernel = origin.weight.as_deref().filter(|name| name.contains('/') && origin.name.contains("__"));
    let kernel = kernel.and_then(|name| name.rsplit_once('/')).map(|(path, _)| path);
    let named = if origin.name.contains('/') { origin.name.as_str() } else { kernel.unwrap_or_default() };
    if named.contains('/') {
        let mut modules: Vec<String> = named.split('/').map(String::from).collect();
        let own = modules.pop().unwrap_or_default();
        return Path { modules, own, joint: "/" };
    }
    if let Some(module) = weight {
        let joint = if module.contains('/') { "/" } else { "." };
        let modules = module.split(['.', '/']).map(String::from).collect();
        return Path { modules, own: origin.op.clone(), joint };
    }
    Path { modules: vec![], own: origin.label().into(), joint: "." }
}

/// `layer1.0.conv1.weight` → `layer1.0.conv1`, `fire2/squeeze1x1_w_0` → `fire2/squeeze1x1`.
fn module_of_weight(name: &str) -> Option<String> {
    let module = name
        .strip_suffix(".weight")
        .or_else(|| ["_w_0", "_scale_0", "_s_0", "_weight"].iter().find_map(|end| name.strip_suffix(end)))?;
    // What a tool made of a name is none.
    (!module.is_empty() && !module.contains("::") && module.len() < 200).then(|| module.into())
}

/// `relu_12` → `relu`: PyTorch counts through the whole network.
fn without_number(name: &str) -> &str {
    match name.rsplit_once('_') {
        Some((stem, number)) if !stem.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) => stem,
        _ => name,
    }
}

/// The strings of a list as Python writes it.
fn strings(text: &str) -> Vec<String> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    inner.split(", ").map(|part| part.trim().trim_matches(['\'', '"']).to_string()).take(64).collect()
}

/// Leaves out what all of TensorFlow's names begin with, the model's own name, and the number that Keras puts behind each
/// layer's name when it exports: `model_1/conv2d_1/…`, `model_1/conv2d_2_1/…`.
fn strip_shared(paths: &mut [Path]) {
    let mut model = None;
    for _ in 0..8 {
        let mut firsts: HashMap<&str, usize> = HashMap::new();
        let mut total = 0usize;
        for path in paths.iter().filter(|path| path.joint == "/") {
            if let [first, _, ..] = path.modules.as_slice() {
                *firsts.entry(first).or_default() += 1;
            }
            total += 1;
        }
        let Some((first, _)) = firsts.into_iter().find(|(_, count)| 10 * count >= 8 * total) else { break };
        let first = first.to_string();
        for path in paths.iter_mut().filter(|path| path.joint == "/" && path.modules.first() == Some(&first))
        {
            path.modules.remove(0);
        }
        model = Some(first);
    }
    let own_names: HashSet<&str> = paths
        .iter()
        .filter(|path| path.joint == "/")
        .filter_map(|path| path.modules.first())
        .map(String::as_str)
        .collect();
    let short: HashSet<&str> = own_names.iter().map(|name| without_number(name)).collect();
    let all_have = model.is_some_and(|model| without_number(&model) != model)
        && short.len() == own_names.len()
        && own_names.iter().all(|name| without_number(name) != *name);
    if all_have {
        for first in
            paths.iter_mut().filter(|path| path.joint == "/").filter_map(|path| path.modules.first_mut())
        {
            *first = without_number(first).to_string();
        }
    }
}

/// A module of TensorFlow with one layer in it gives that its name, whatever the modules in between.
fn shorten(paths: &mut [Path], layers: &[Layer]) {
    let mut counts: HashMap<String, usize> = HashMap::new();
    let slashed = |path: &&Path| path.joint == "/";
    for path in layers.iter().map(|layer| &paths[layer.origin]).filter(slashed) {
        for depth in 1..=path.modules.len() {
            *counts.entry(path.modules[..depth].join("/")).or_default() += 1;
        }
    }
    let mut done = HashSet::new();
    for origin in layers.iter().map(|layer| layer.origin).filter(|&origin| done.insert(origin)) {
        let path = &mut paths[origin];
        let alone = |depth: &usize| counts.get(&path.modules[..*depth].join("/")) == Some(&1);
        if path.joint == "/"
            && let Some(depth) = (1..path.modules.len()).find(alone)
        {
            path.modules.truncate(depth);
        }
    }
}
