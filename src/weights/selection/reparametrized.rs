//! Kernels that PyTorch computes before each use: pruned, and by weight or spectral normalisation.

use std::collections::HashMap;

use super::super::canonical::Parameter;

/// Puts what PyTorch computes in place of what it computes that from.
pub(super) fn compute(parameters: &mut Vec<Parameter>, notes: &mut Vec<String>) {
    // First what can be part of the others: a pruned `weight_v`.
    for (kind, what) in [
        (Kind::Pruned, "pruned: `weight_orig` times `weight_mask`"),
        (Kind::Spectral, "divided by the spectral norm"),
        (Kind::Weight, "with weight normalisation: `weight_v`, as long as `weight_g` says"),
    ] {
        let count = compute_kind(parameters, kind);
        if count > 0 {
            notes.push(format!("computed as PyTorch does: {count} of its tensors, {what}"));
        }
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Pruned,
    Spectral,
    Weight,
}

/// Where the parts of a tensor are among all.
struct Parts {
    name: String,
    /// The one that has its shape, in whose place it comes.
    kernel: usize,
    others: Vec<usize>,
}

fn compute_kind(parameters: &mut Vec<Parameter>, kind: Kind) -> usize {
    let places: HashMap<String, usize> =
        parameters.iter().enumerate().map(|(at, parameter)| (parameter.name.clone(), at)).collect();
    let mut count = 0;
    let mut used = vec![false; parameters.len()];
    let names: Vec<String> = parameters.iter().map(|parameter| parameter.name.clone()).collect();
    for name in &names {
        let Some(parts) = parts(name, &places, kind) else { continue };
        let Some(values) = value(parameters, &parts, kind) else { continue };
        let kernel = &mut parameters[parts.kernel];
        kernel.name = parts.name;
        kernel.tensor.values = values;
        parts.others.into_iter().for_each(|other| used[other] = true);
        count += 1;
    }
    let mut used = used.into_iter();
    parameters.retain(|_| !used.next().unwrap_or(false));
    count
}

/// The parts of a tensor, by the name of the one with its shape.
fn parts(name: &str, places: &HashMap<String, usize>, kind: Kind) -> Option<Parts> {
    let at = |name: &str| places.get(name).copied();
    let kernel = at(name)?;
    let of = |base: &str, others: &[String]| {
        let others = others.iter().map(|other| at(other)).collect::<Option<Vec<_>>>()?;
        let is_new = at(base).is_none();
        is_new.then(|| Parts { name: base.into(), kernel, others })
    };
    // `layer.parametrizations.weight` of `layer.weight`
    let parametrized = |suffix: &str| {
        let path = name.strip_suffix(suffix)?;
        let (layer, tensor) = path.rsplit_once(".parametrizations.")?;
        Some((format!("{layer}.{tensor}"), path))
    };
    match kind {
        Kind::Pruned => {
            let base = name.strip_suffix("_orig")?;
            of(base, &[format!("{base}_mask")])
        }
        Kind::Spectral => match parametrized(".original") {
            Some((base, path)) => of(&base, &[format!("{path}.0._u"), format!("{path}.0._v")]),
            None => {
                let base = name.strip_suffix("_orig")?;
                of(base, &[format!("{base}_u"), format!("{base}_v")])
            }
        },
        Kind::Weight => match parametrized(".original1") {
            Some((base, path)) => of(&base, &[format!("{path}.original0")]),
            None => {
                let base = name.strip_suffix("_v")?;
                of(base, &[format!("{base}_g")])
            }
        },
    }
}

/// What comes out; `None` where the shapes are not of this kind.
fn value(parameters: &[Parameter], parts: &Parts, kind: Kind) -> Option<Vec<f32>> {
    let kernel = &parameters[parts.kernel].tensor;
    let other = |number: usize| parts.others.get(number).map(|&at| &parameters[at].tensor);
    let (first, second) = (other(0)?, other(1));
    // A side of 0 lets another be anything.
    if kernel.values.is_empty() {
        return None;
    }
    match kind {
        Kind::Pruned => {
            let both = || kernel.values.iter().zip(&first.values);
            (kernel.shape == first.shape).then(|| both().map(|(value, mask)| value * mask).collect())
        }
        Kind::Spectral => {
            let (u, v) = (&first.values, &second?.values);
            // Outputs are the rows; of a transposed convolution they are the second side.
            let axis = (0..kernel.shape.len().min(2)).find(|&axis| kernel.shape[axis] == u.len())?;
            if u.len().checked_mul(v.len()) != Some(kernel.values.len()) {
                return None;
            }
            let (rows, behind) = sides(&kernel.shape, axis);
            let mut sigma = 0.0;
            for (at, value) in kernel.values.iter().enumerate() {
                let row = at / behind % rows;
                // Where the other sides are one behind another.
                let column = at / (behind * rows) * behind + at % behind;
                sigma += f64::from(u[row]) * f64::from(*value) * f64::from(v[column]);
            }
            Some(kernel.values.iter().map(|&value| (f64::from(value) / sigma) as f32).collect())
        }
        Kind::Weight => {
            let count = first.values.len();
            let axis = match count {
                1 => 0,
                _ => first.shape.iter().position(|&side| side == count)?,
            };
            let fits = first.shape.is_empty()
                || first.shape.len() == kernel.shape.len()
                    && first
                        .shape
                        .iter()
                        .zip(&kernel.shape)
                        .all(|(&side, &whole)| side == 1 || side == whole);
            if !fits {
                return None;
            }
            // One length for all, or one for each place on an axis.
            let (rows, behind) =
                if count == 1 { (1, kernel.values.len()) } else { sides(&kernel.shape, axis) };
            let mut squares = vec![0.0; rows];
            for (at, &value) in kernel.values.iter().enumerate() {
                squares[at / behind % rows] += f64::from(value).powi(2);
            }
            let length = |row: usize| f64::from(first.values[row]) / squares[row].sqrt();
            let scaled = |(at, &value): (usize, &f32)| (f64::from(value) * length(at / behind % rows)) as f32;
            Some(kernel.values.iter().enumerate().map(scaled).collect())
        }
    }
}

/// Length of an axis, and how many values there are behind each of its places. Not for tensors without values.
fn sides(shape: &[usize], axis: usize) -> (usize, usize) {
    (shape[axis], shape[axis + 1..].iter().product())
}
