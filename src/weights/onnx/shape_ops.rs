//! Values in another shape: seldom a layer, since most is said by strides.

use super::arithmetic::repeated;
use super::arrange::reshaped;
use super::attributes::{self, Call, Outcome, Stop, Value, counts, cut};
use super::import::Importer;
use super::join::joined;
use super::tensor::type_name;
use super::view::{MOST_AXES, Side, View, broadcast};

/// Most copies of a value along an axis.
const MOST_COPIES: usize = 64;

/// A value that differs from another only in how it is taken.
fn same(call: &Call<'_>, view: View) -> Outcome {
    Ok(vec![Value::View(View { origin: call.origin, ..view })])
}

pub(super) fn identity(call: &Call<'_>) -> Outcome {
    same(call, call.view(0)?.clone())
}

/// To another number type: numbers of all layers are f32 here.
pub(super) fn cast(call: &Call<'_>) -> Outcome {
    match call.int("to", 1) {
        1 | 10 | 11 | 16 => identity(call),
        other => cut(format!("it makes {} of a layer's values", type_name(other as i32))),
    }
}

pub(super) fn reshape(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let Some(target) = call.numbers(1, "shape")? else { return cut("its shape is not told") };
    let sizes = sizes(input, &target, call.int("allowzero", 0) != 0, net.batch)?;
    Ok(vec![Value::View(reshaped(net, call.origin, input, &sizes)?)])
}

/// `Reshape`'s sizes: 0 is that of the input, −1 what is left.
fn sizes(input: &View, target: &[i64], zeros: bool, batch: usize) -> Result<Vec<usize>, Stop> {
    if target.len() > MOST_AXES {
        return cut(format!("it makes {} axes", target.len()));
    }
    let total = input.len();
    let resolve = |target: &[i64]| -> Option<Vec<usize>> {
        let mut sizes = vec![];
        for (axis, &size) in target.iter().enumerate() {
            sizes.push(match size {
                0 if !zeros => input.sides.get(axis)?.size,
                -1 => 0,
                size => usize::try_from(size).ok()?,
            });
        }
        let known = sizes
            .iter()
            .filter(|&&size| size > 0)
            .try_fold(1usize, |count, &size| count.checked_mul(size))?;
        match sizes.iter().filter(|&&size| size == 0).count() {
            0 => {}
            1 if total.is_multiple_of(known) => {
                sizes.iter_mut().filter(|size| **size == 0).for_each(|size| *size = total / known)
            }
            _ => return None,
        }
        (sizes.iter().product::<usize>() == total).then_some(sizes)
    };
    if let Some(sizes) = resolve(target) {
        return Ok(sizes);
    }
    // A file for several pictures at once has their number in its shapes.
    let mut single = target.to_vec();
    if let Some(first) = single.first_mut().filter(|first| batch > 1 && **first == batch as i64) {
        *first = 1;
    }
    resolve(&single).ok_or_else(|| Stop::Cut(format!("it makes {target:?} of {:?}", input.sizes())))
}

pub(super) fn flatten(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let rank = input.rank();
    let axis = match call.int("axis", 1) {
        axis if axis == rank as i64 => rank,
        axis => attributes::axis(axis, rank)?,
    };
    let sizes = input.sizes();
    let sizes = [sizes[..axis].iter().product(), sizes[axis..].iter().product()];
    Ok(vec![Value::View(reshaped(net, call.origin, input, &sizes)?)])
}

pub(super) fn transpose(call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let order = call.counts("perm")?.unwrap_or_else(|| (0..input.rank()).rev().collect());
    match input.transposed(&order) {
        Some(view) => same(call, view),
        None => cut(format!("it orders the axes of {:?} as {order:?}", input.sizes())),
    }
}

pub(super) fn squeeze(call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let listed = match call.numbers(1, "axes")? {
        Some(axes) => {
            axes.iter().map(|&axis| attributes::axis(axis, input.rank())).collect::<Result<Vec<_>, _>>()?
        }
        None => (0..input.rank()).filter(|&axis| input.size(axis) == 1).collect(),
    };
    if listed.iter().any(|&axis| input.size(axis) != 1) {
        return cut(format!("it leaves out axes of {:?} that are longer than 1", input.sizes()));
    }
    let sides =
        (0..input.rank()).filter(|axis| !listed.contains(axis)).map(|axis| input.sides[axis]).collect();
    same(call, View { sides, ..input.clone() })
}

pub(super) fn unsqueeze(call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let listed = call.numbers(1, "axes")?.unwrap_or_default();
    let rank = input.rank() + listed.len();
    if rank > MOST_AXES {
        return cut(format!("it makes {rank} axes"));
    }
    let places = listed.iter().map(|&axis| attributes::axis(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut own = input.sides.iter().copied();
    let one = Side { size: 1, stride: 0 };
    let sides: Vec<Side> =
        (0..rank).map(|axis| if places.contains(&axis) { one } else { own.next().unwrap_or(one) }).collect();
    if own.next().is_some() {
        return cut("it names an axis twice");
    }
    same(call, View { sides, ..input.clone() })
}

/// Channels to cells (`DepthToSpace`), or cells to channels.
pub(super) fn blocks(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let block = usize::try_from(call.int("blocksize", 0)).unwrap_or(0);
    let &[batch, channels, height, width] = input.sizes().as_slice() else {
        return cut("its input has not 4 axes");
    };
    let area = block.checked_mul(block).filter(|&area| (1..=1 << 20).contains(&area));
    let Some(area) = area else { return cut(format!("its `blocksize` is {block}")) };
    let mode = call.text("mode");
    let (split, order, sizes) = if call.node.op_type == "SpaceToDepth" {
        if mode.is_some_and(|mode| mode != "DCR") {
            return cut("it orders channels in another way");
        }
        let (rows, columns) = (height / block, width / block);
        (
            vec![batch, channels, rows, block, columns, block],
            [0, 3, 5, 1, 2, 4],
            [batch, channels * area, rows, columns],
        )
    } else {
        let outputs = channels / area;
        let sizes = [batch, outputs, height * block, width * block];
        match mode.as_deref() {
            Some("CRD") => (vec![batch, outputs, block, block, height, width], [0, 1, 4, 2, 5, 3], sizes),
            _ => (vec![batch, block, block, outputs, height, width], [0, 3, 4, 1, 5, 2], sizes),
        }
    };
    if split.iter().product::<usize>() != input.len() {
        return cut(format!("blocks of {block}×{block} do not divide {:?}", input.sizes()));
    }
    let view = reshaped(net, call.origin, input, &split)?;
    let Some(view) = view.transposed(&order) else { return cut("") };
    Ok(vec![Value::View(reshaped(net, call.origin, &view, &sizes)?)])
}

/// The value several times one after the other.
pub(super) fn tile(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let mut view = call.view(0)?.clone();
    let repeats = counts(&call.numbers(1, "repeats")?.unwrap_or_default(), "repeats")?;
    if repeats.len() != view.rank() || repeats.iter().any(|&count| count == 0 || count > MOST_COPIES) {
        return cut(format!("it repeats {:?} as {repeats:?}", view.sizes()));
    }
    for (axis, count) in repeats.into_iter().enumerate() {
        view = joined(net, call.origin, &vec![view; count], axis)?;
    }
    Ok(vec![Value::View(View { origin: call.origin, ..view })])
}

/// `Expand`.
pub(super) fn expand(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let target = counts(&call.numbers(1, "shape")?.unwrap_or_default(), "shape")?;
    match broadcast(&input.sizes(), &target).filter(|sizes| sizes.len() <= MOST_AXES) {
        Some(sizes) => Ok(vec![Value::View(repeated(net, call.origin, input, &sizes)?)]),
        None => cut(format!("it makes {target:?} of {:?}", input.sizes())),
    }
}
