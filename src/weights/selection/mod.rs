//! Which tensors of a file of PyTorch are the network's, and what its library calls them. Pure.
//!
//! Training scripts save more than the network: its loss, a moving average of it, its teacher. They wrap it
//! (`DataParallel`, `torch.compile`), number its parts (`nn.Sequential(*model.children())`), and prune or normalise
//! its kernels, which are then computed here.

mod candidates;
mod positions;
mod reparametrized;
#[cfg(test)]
mod tests;
mod words;

use self::candidates::{Belongs, Candidate};
use super::canonical::Parameter;
use super::file::{NamedTensor, ReadError};

pub(super) use self::words::{is_average, is_second};

/// The parameters of one network, under the names of torchvision or timm. What lies outside of it and may be its
/// classifier keeps its name; what else is left aside is told in `notes`.
///
/// # Errors
/// [`ReadError`], where the file holds several networks and nothing tells which is meant.
pub(super) fn network(
    tensors: Vec<NamedTensor>,
    notes: &mut Vec<String>,
) -> Result<Vec<Parameter>, ReadError> {
    let with_name = |tensor: NamedTensor| Parameter { name: unwrapped(&tensor.name), tensor };
    let mut parameters: Vec<Parameter> = tensors.into_iter().map(with_name).collect();
    reparametrized::compute(&mut parameters, notes);
    let candidates = candidates::find(&parameters);
    let chosen = candidates::choose(&candidates, &parameters)?;
    if let Some(chosen) = chosen {
        tell_copies(chosen, &candidates, notes);
    }
    let (mut own, mut aside) = (vec![], vec![]);
    for mut parameter in parameters {
        let belongs = match chosen {
            Some(chosen) => chosen.belongs(&parameter.name, &candidates),
            None if words::is_for_training(&parameter.name) => Belongs::Nowhere,
            None => Belongs::Here,
        };
        match belongs {
            Belongs::Here => {
                parameter.name =
                    chosen.map_or(parameter.name.clone(), |chosen| chosen.own_name(&parameter.name));
                own.push(parameter);
            }
            Belongs::ToCopy => {}
            Belongs::Nowhere => aside.push(parameter.tensor.name),
        }
    }
    // Where none is known, it is refused anyway, and by these names too.
    tell_aside(&aside, notes);
    Ok(own)
}

/// What wrappers of a module put into the names of its tensors, wherever the module is.
const WRAPPERS: [&str; 3] = ["_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

fn unwrapped(name: &str) -> String {
    let parts = name.split('.').filter(|part| !WRAPPERS.contains(part));
    parts.collect::<Vec<_>>().join(".")
}

fn tell_copies(chosen: &Candidate, candidates: &[Candidate], notes: &mut Vec<String>) {
    let title = |candidate: &Candidate| match candidate.prefix.trim_end_matches('.') {
        "" => "the one without anything in front of its names".into(),
        path if is_average(path) => format!("`{path}` (a moving average)"),
        path => format!("`{path}`"),
    };
    let mut others: Vec<String> = chosen.copies(candidates).map(title).collect();
    others.dedup();
    if !others.is_empty() {
        let list = others.join(", ");
        notes.push(format!("it holds several networks: taken is {}, left aside {list}", title(chosen)));
    } else if is_average(&chosen.prefix) {
        notes.push(format!("its weights are those of {}", title(chosen)));
    }
}

/// More names than these are counted.
const MAX_SHOWN: usize = 6;

fn tell_aside(aside: &[String], notes: &mut Vec<String>) {
    if aside.is_empty() {
        return;
    }
    let mut names: Vec<String> = aside.iter().take(MAX_SHOWN).map(|name| format!("`{name}`")).collect();
    if aside.len() > MAX_SHOWN {
        names.push(format!("{} more", aside.len() - MAX_SHOWN));
    }
    notes.push(format!("left aside what is not of the network: {}", names.join(", ")));
}
