//! Parts of values, and values put together.

use super::arrange::{AXES, reshaped};
use super::attributes::{self, Call, Outcome, Stop, Value, counts, cut};
use super::dense;
use super::import::Importer;
use super::view::{Groups, View, standard};
use crate::model::{Activation, Filling, Op};

/// Parts that are put together to one; more are no slices any more.
const MOST_PARTS: usize = 64;

/// So many places of an axis from `start`, each `step` further.
fn part(
    net: &mut Importer<'_>,
    origin: usize,
    view: &View,
    axis: usize,
    [start, step, count]: [usize; 3],
) -> Result<View, Stop> {
    let length = view.size(axis);
    let last = count.checked_sub(1).and_then(|n| n.checked_mul(step)?.checked_add(start));
    if last.is_none_or(|last| last >= length) {
        return cut(format!("it cuts out what is not in {length} places"));
    }
    if (start, step, count) == (0, 1, length) {
        return Ok(View { origin, ..view.clone() });
    }
    // The outermost of several axes may be cut as a whole number of their places.
    let (mut found, mut groups) = net.grouped(view)?;
    let mut place =
        groups.iter().position(|group| group.first() == Some(&axis) && (group.len() == 1 || step == 1));
    if place.is_none() {
        let (own, own_axis, own_groups) = net.isolated(view, &[axis])?;
        (found, groups, place) = (own, own_groups, Some(own_axis.place()));
    }
    let Some(place) = place else { return cut("") };
    let inner: usize = groups[place].iter().skip(1).map(|&axis| found.size(axis)).product();
    let op = Op::Slice(AXES[place], start * inner, step, count * inner);
    let node = net.layer(origin, op, Activation::Linear, &[found.node], None, None)?;
    let mut sizes = found.sizes();
    sizes[axis] = count;
    Ok(View::in_groups(node, &sizes, &groups, origin))
}

pub(super) fn slice(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let mut view = call.view(0)?.clone();
    let (Some(starts), Some(ends)) = (call.numbers(1, "starts")?, call.numbers(2, "ends")?) else {
        return cut("where it begins and ends is not told");
    };
    let axes = call.numbers(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.numbers(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    for (((&start, &end), &axis), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let axis = attributes::axis(axis, view.rank())?;
        let length = view.size(axis) as i64;
        let clamp = |place: i64, low: i64, high: i64| {
            let place = if place < 0 { place.saturating_add(length) } else { place };
            place.clamp(low, high)
        };
        view = match step {
            1.. => {
                let (start, end) = (clamp(start, 0, length), clamp(end, 0, length));
                let count = ((end - start).max(0) as usize).div_ceil(step as usize);
                let step = if count == 1 { 1 } else { step as usize };
                part(net, call.origin, &view, axis, [start as usize, step, count])?
            }
            0 => return cut("its step is 0"),
            _ => {
                let (start, end) = (clamp(start, -1, length - 1), clamp(end, -1, length - 1));
                let places =
                    (0..MOST_PARTS as i64 + 1).map(|index| start.saturating_add(index.saturating_mul(step)));
                let places: Vec<usize> =
                    places.take_while(|&place| place > end).map(|place| place as usize).collect();
                pick(net, call.origin, &view, axis, &places)?
            }
        };
    }
    Ok(vec![Value::View(View { origin: call.origin, ..view })])
}

/// These places of an axis, one after the other.
fn pick(
    net: &mut Importer<'_>,
    origin: usize,
    view: &View,
    axis: usize,
    places: &[usize],
) -> Result<View, Stop> {
    let step = match places {
        [first, second, ..] => second.checked_sub(*first).filter(|&step| step > 0),
        _ => Some(1),
    };
    if let (Some(step), Some(&first)) = (step, places.first())
        && places.windows(2).all(|pair| pair[1].checked_sub(pair[0]) == Some(step))
    {
        return part(net, origin, view, axis, [first, step, places.len()]);
    }
    if places.is_empty() || places.len() > MOST_PARTS {
        return cut("it picks places in an order of their own");
    }
    let parts: Result<Vec<View>, Stop> =
        places.iter().map(|&place| part(net, origin, view, axis, [place, 1, 1])).collect();
    joined(net, origin, &parts?, axis)
}

pub(super) fn gather(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let axis = attributes::axis(call.int("axis", 0), input.rank())?;
    let index = call.constant(1)?;
    if index.len() > 1 << 16 {
        return cut(format!("it picks {} places", index.len()));
    }
    let Some(places) = index.integers() else { return cut("its places are no whole numbers") };
    let length = input.size(axis) as i64;
    let places: Vec<i64> =
        places.iter().map(|&place| if place < 0 { place.saturating_add(length) } else { place }).collect();
    let mut view = pick(net, call.origin, input, axis, &counts(&places, "indices")?)?;
    match index.sizes.len() {
        0 => {
            view.sides.remove(axis);
        }
        1 => {}
        _ => {
            let sizes = view.sizes();
            let sizes = [&sizes[..axis], &index.sizes, &sizes[axis + 1..]].concat();
            view = reshaped(net, call.origin, &view, &sizes)?;
        }
    }
    Ok(vec![Value::View(view)])
}

pub(super) fn split(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let axis = attributes::axis(call.int("axis", 0), input.rank())?;
    let length = input.size(axis);
    let outputs = call.node.output.len().max(1);
    let sizes = match call.numbers(1, "split")?.filter(|sizes| !sizes.is_empty()) {
        Some(sizes) => counts(&sizes, "split")?,
        None => {
            let each = length.div_ceil(outputs);
            (0..outputs).map(|index| each.min(length.saturating_sub(index * each))).collect()
        }
    };
    let mut start = 0;
    let mut parts = vec![];
    for &size in sizes.iter().take(outputs) {
        parts.push(Value::View(part(net, call.origin, input, axis, [start, 1, size])?));
        start = start.saturating_add(size);
    }
    Ok(parts)
}

pub(super) fn concat(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let mut views = vec![];
    for input in &call.inputs {
        views.push(match input {
            Value::View(view) => view.clone(),
            Value::Constant(tensor) if tensor.len() == 0 => continue,
            Value::Constant(tensor) => dense::constant(net, call.origin, tensor)?,
            _ => return cut(""),
        });
    }
    let rank = views.first().map_or(0, View::rank);
    let axis = attributes::axis(call.int("axis", 1), rank)?;
    Ok(vec![Value::View(joined(net, call.origin, &views, axis)?)])
}

/// Where an axis can be made longer in layers that lie so; `None` where it is an inner one of several.
fn growing(mut groups: Groups, axis: usize) -> Option<(Groups, usize)> {
    if let Some(place) = groups.iter().position(|group| group.contains(&axis)) {
        return (groups[place][0] == axis).then_some((groups, place));
    }
    // An axis of length 1 lies nowhere.
    let place = groups.iter().position(Vec::is_empty).unwrap_or(0);
    groups[place].insert(0, axis);
    Some((groups, place))
}

/// Values one after the other along an axis.
pub(super) fn joined(
    net: &mut Importer<'_>,
    origin: usize,
    views: &[View],
    axis: usize,
) -> Result<View, Stop> {
    let Some(first) = views.first() else { return cut("it joins nothing") };
    if views.len() == 1 {
        return Ok(View { origin, ..first.clone() });
    }
    let rank = first.rank();
    let fits = |view: &View| {
        view.rank() == rank && (0..rank).all(|other| other == axis || view.size(other) == first.size(other))
    };
    if !views.iter().all(fits) {
        let sizes: Vec<_> = views.iter().map(View::sizes).take(8).collect();
        return cut(format!("it joins values of the sizes {sizes:?}"));
    }
    let mut sizes = first.sizes();
    sizes[axis] = views.iter().map(|view| view.size(axis)).sum();
    // As most of them lie already.
    let mut ways: Vec<(Groups, usize, usize)> = vec![];
    for view in views {
        let Some((groups, place)) =
            view.groups(net.shape(view.node)).and_then(|groups| growing(groups, axis))
        else {
            continue;
        };
        match ways.iter().position(|(known, ..)| *known == groups) {
            Some(known) => ways[known].2 += 1,
            None if ways.len() < 8 => ways.push((groups, place, 1)),
            None => {}
        }
    }
    let best =
        ways.into_iter().rev().max_by_key(|(.., votes)| *votes).map(|(groups, place, _)| (groups, place));
    let alone = || {
        // Each axis for itself, or what lies before and behind it.
        let groups = standard(&sizes);
        let own = groups.iter().position(|group| group.first() == Some(&axis));
        match own {
            Some(place) => (groups, place),
            None => ([(0..axis).collect(), vec![axis], (axis + 1..rank).collect()], 1),
        }
    };
    let (groups, place) = best.unwrap_or_else(alone);
    let mut inputs = vec![];
    for view in views {
        inputs.push(net.arranged(view, &groups)?.node);
    }
    let node = net.layer(origin, Op::Concat(AXES[place]), Activation::Linear, &inputs, None, None)?;
    Ok(View::in_groups(node, &sizes, &groups, origin))
}

/// Cells added around, or cut off where the numbers are negative.
pub(super) fn pad(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let pads = call.numbers(1, "pads")?.unwrap_or_default();
    let value = call.number(2, "value")?.unwrap_or(0.0);
    let mut axes: Vec<usize> = (0..input.rank()).collect();
    if let Some(tensor) = call.optional(3)? {
        let listed = tensor.integers().unwrap_or_default();
        axes = listed.iter().map(|&axis| attributes::axis(axis, input.rank())).collect::<Result<_, _>>()?;
    }
    if pads.len() != 2 * axes.len() {
        return cut(format!("it pads {} axes by {} numbers", axes.len(), pads.len()));
    }
    let filling = match call.text("mode").as_deref() {
        None | Some("constant") => Filling::Constant(value),
        Some("reflect") => Filling::Reflect,
        Some("edge") => Filling::Edge,
        Some(other) => return cut(format!("it pads in the way `{other}`")),
    };
    let mut view = input.clone();
    let (before, after) = pads.split_at(axes.len());
    let mut grown: Vec<(usize, usize, usize)> = vec![];
    for ((&axis, &before), &after) in axes.iter().zip(before).zip(after) {
        let (less, more) = (before.min(0).unsigned_abs() as usize, after.min(0).unsigned_abs() as usize);
        if less > 0 || more > 0 {
            let count = view.size(axis).saturating_sub(less.saturating_add(more));
            view = part(net, call.origin, &view, axis, [less, 1, count])?;
        }
        let (before, after) = (before.max(0) as usize, after.max(0) as usize);
        if before.max(after) > 1 << 20 {
            return cut("it pads by more than any picture");
        }
        if before + after > 0 {
            grown.push((axis, before, after));
        }
    }
    let axes: Vec<usize> = grown.iter().map(|&(axis, ..)| axis).collect();
    let groups = match spatial(net, &view, &axes)? {
        Some(groups) => groups,
        None => return Ok(vec![Value::View(View { origin: call.origin, ..view })]),
    };
    view = net.arranged(&view, &groups)?;
    let (mut before, mut after) = ([0; 2], [0; 2]);
    let mut sizes = view.sizes();
    for (axis, more, behind) in grown {
        let place = usize::from(groups[2].contains(&axis));
        (before[place], after[place]) = (more, behind);
        sizes[axis] += more + behind;
    }
    if filling == Filling::Reflect
        && (0..2).any(|axis| {
            before[axis].max(after[axis]) >= [net.shape(view.node).height, net.shape(view.node).width][axis]
        })
    {
        return cut("it mirrors more than there is");
    }
    let op = Op::Pad(before, after, filling);
    let node = net.layer(call.origin, op, Activation::Linear, &[view.node], None, None)?;
    Ok(vec![Value::View(View::in_groups(node, &sizes, &groups, call.origin))])
}

/// A layout in which these one or two axes are height and width, as they are if they are it already. `None` for no axis.
pub(super) fn spatial(net: &Importer<'_>, view: &View, axes: &[usize]) -> Result<Option<Groups>, Stop> {
    let rest = || (0..view.rank()).filter(|axis| !axes.contains(axis)).collect::<Vec<_>>();
    let groups = match *axes {
        [] => return Ok(None),
        [axis] => {
            // Where it lies between the others nothing has to be moved.
            let order = view.order();
            match order.iter().position(|&other| other == axis) {
                Some(at) => [order[..at].to_vec(), vec![axis], order[at + 1..].to_vec()],
                None => [rest(), vec![], vec![axis]],
            }
        }
        [row, column] => [rest(), vec![row], vec![column]],
        _ => return cut(format!("it changes {} axes", axes.len())),
    };
    // In place if each of them has a side of its own.
    let own = view.groups(net.shape(view.node)).filter(|own| {
        axes.iter()
            .all(|&axis| view.size(axis) > 1 && own.iter().skip(1).any(|group| group.as_slice() == [axis]))
    });
    Ok(Some(own.unwrap_or(groups)))
}
