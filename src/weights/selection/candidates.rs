//! The networks that a file may hold: what stands in front of the names of each, and how it names its parts.

use std::collections::{BTreeMap, HashMap};

use super::super::canonical::Parameter;
use super::super::file::ReadError;
use super::{positions, words};
use crate::model::architectures::{self, Naming, namings};

/// A network by the names of its tensors.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate {
    /// What stands in front: `model.`, `module.backbone.`, or nothing.
    pub prefix: String,
    /// The tensor by which it is known.
    key: &'static str,
    parts: Parts,
}

/// What its parts are called.
#[derive(Clone, Debug, PartialEq)]
enum Parts {
    /// As its library calls them.
    Named,
    /// By their places in this list.
    Numbered(&'static [&'static str]),
    /// InceptionV3's, as torchvision calls them.
    Inception,
    /// InceptionV3's under other paths, by which torchvision's are found.
    Blocks(BTreeMap<String, String>),
}

/// A tensor that every InceptionV3 of PyTorch has.
const FIRST_KERNEL: &str = "Conv2d_1a_3x3.conv.weight";

/// One of its first block, whatever that is called.
const FIRST_BRANCH: &str = "branch5x5_1.conv.weight";

/// Fewer convolutions than any known network has.
const LEAST_KERNELS: usize = 4;

/// More networks than any training script saves.
const MAX_CANDIDATES: usize = 256;

/// All that the names can mean, in the order of the file.
pub(super) fn find(parameters: &[Parameter]) -> Vec<Candidate> {
    let namings = namings();
    let mut found: Vec<Candidate> = vec![];
    let mut add = |prefix: &str, key, parts| {
        let candidate = Candidate { prefix: prefix.into(), key, parts };
        if found.len() < MAX_CANDIDATES && !found.contains(&candidate) {
            found.push(candidate);
        }
    };
    for Parameter { name, .. } in parameters {
        let is_path = |prefix: &&str| prefix.is_empty() || prefix.ends_with('.');
        let before = |key: &str| name.strip_suffix(key).filter(is_path);
        if let Some(prefix) = before(FIRST_KERNEL) {
            add(prefix, FIRST_KERNEL, Parts::Inception);
        }
        if let Some(block) = before(FIRST_BRANCH).filter(|block| !block.ends_with("Mixed_5b.")) {
            let prefix = positions::without_numbers(block);
            if let Some(paths) = positions::inception(parameters, prefix) {
                add(prefix, FIRST_BRANCH, Parts::Blocks(paths));
            }
        }
        for Naming { key, parts } in &namings {
            if let Some(prefix) = before(key) {
                add(prefix, key, if parts.is_empty() { Parts::Named } else { Parts::Numbered(parts) });
            }
        }
    }
    found
}

/// The network that is meant: not the average and not the teacher of another. `None` where none is known.
///
/// # Errors
/// Where two have equal rights.
pub(super) fn choose<'a>(
    candidates: &'a [Candidate],
    parameters: &[Parameter],
) -> Result<Option<&'a Candidate>, ReadError> {
    let is_part = |candidate: &&Candidate| {
        let mut others = candidates.iter();
        others.any(|outer| is_numbered_part(outer, candidate) && outer.is_known(parameters, candidates))
    };
    let mut ranked: Vec<&Candidate> = candidates.iter().filter(|candidate| !is_part(candidate)).collect();
    ranked.sort_by_key(|candidate| words::is_second(&candidate.prefix));
    let Some(chosen) = ranked.into_iter().find(|candidate| candidate.is_known(parameters, candidates)) else {
        return Ok(None);
    };
    let rivals: Vec<&Candidate> = chosen
        .copies(candidates)
        .filter(|other| words::is_second(&other.prefix) == words::is_second(&chosen.prefix))
        .filter(|other| other.is_known(parameters, candidates) && !is_part(other))
        .filter(|other| !is_same(parameters, chosen, other))
        .collect();
    if rivals.is_empty() {
        return Ok(Some(chosen));
    }
    let names: Vec<String> =
        [chosen].into_iter().chain(rivals).map(|candidate| format!("`{}`", candidate.prefix)).collect();
    Err(ReadError(format!(
        "it holds {} networks, whose names begin with {}, and which is meant is not clear; save one alone",
        names.len(),
        names.join(" and ")
    )))
}

/// True where the names of another lie in a numbered part of this one: blocks look like small networks.
fn is_numbered_part(one: &Candidate, other: &Candidate) -> bool {
    let inside = other.prefix.strip_prefix(&one.prefix).filter(|_| !one.prefix.is_empty());
    inside.is_some_and(|path| path.starts_with(|character: char| character.is_ascii_digit()))
}

/// True where two hold the same numbers: one module that has two names.
fn is_same(parameters: &[Parameter], one: &Candidate, other: &Candidate) -> bool {
    let of = |candidate: &Candidate| -> HashMap<String, &[f32]> {
        let own = parameters.iter().filter_map(|parameter| {
            let name = parameter.name.strip_prefix(&candidate.prefix)?;
            Some((name.to_owned(), &*parameter.tensor.values))
        });
        own.collect()
    };
    let (one, other) = (of(one), of(other));
    one.iter().all(|(name, values)| other.get(name).is_none_or(|theirs| theirs == values))
}

/// What a tensor is to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Belongs {
    /// One of its own, or one that may be of its classifier.
    Here,
    /// It is of another copy of the network.
    ToCopy,
    /// It is left aside.
    Nowhere,
}

impl Candidate {
    /// Other networks beside this one that are the same, or are there for its sake.
    pub fn copies<'a>(&'a self, candidates: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        let is_first = !words::is_second(&self.prefix);
        candidates.iter().filter(move |other| {
            other.prefix != self.prefix
                && (other.key == self.key || is_first && words::is_second(&other.prefix))
        })
    }

    /// What a tensor of this name is to this network.
    pub fn belongs(&self, name: &str, candidates: &[Self]) -> Belongs {
        let length = |candidate: &Self| name.starts_with(&candidate.prefix).then_some(candidate.prefix.len());
        let own = length(self);
        let is_here = match own {
            Some(length) => !words::is_for_training(&name[length..]),
            None => words::is_of_layer(name) && !words::is_for_training(name),
        };
        // The longest of the prefixes counts.
        match self.copies(candidates).filter_map(length).max() {
            other @ Some(_) if other > own => Belongs::ToCopy,
            _ if is_here => Belongs::Here,
            _ => Belongs::Nowhere,
        }
    }

    fn is_known(&self, parameters: &[Parameter], candidates: &[Self]) -> bool {
        if matches!(self.parts, Parts::Inception | Parts::Blocks(_)) {
            return true;
        }
        let own = parameters.iter().filter(|own| self.belongs(&own.name, candidates) == Belongs::Here);
        let named: Vec<_> = own.map(|own| (self.own_name(&own.name), &*own.tensor.shape)).collect();
        let shapes: Vec<(&str, &[usize])> = named.iter().map(|(name, shape)| (&**name, *shape)).collect();
        // A kernel or two with such names are a block of anything.
        let kernels = shapes.iter().filter(|(_, shape)| shape.len() == 4).count();
        kernels >= LEAST_KERNELS && architectures::tell(&shapes, None).is_some()
    }

    /// What its library calls one of its tensors; that of another keeps its name.
    pub fn own_name(&self, name: &str) -> String {
        let Some(own) = name.strip_prefix(&self.prefix) else { return name.into() };
        let found = match &self.parts {
            Parts::Numbered(parts) => positions::named(own, parts),
            Parts::Blocks(paths) => positions::in_blocks(own, paths),
            Parts::Named | Parts::Inception => None,
        };
        found.unwrap_or_else(|| own.into())
    }
}
