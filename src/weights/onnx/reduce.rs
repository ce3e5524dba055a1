//! Softmax, and values joined along axes.

use super::arithmetic::{runs, two};
use super::attributes::{self, Call, Outcome, Stop, Value};
use super::import::Importer;
use super::view::{Groups, View};
use crate::model::{Activation, Arithmetic, Axis, Op, Reduction};

pub(super) fn softmax(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let is_log = call.node.op_type == "LogSoftmax";
    // Before version 13 over all axes from this one on.
    let axes: Vec<usize> = match call.opset {
        13.. => vec![attributes::axis(call.int("axis", -1), input.rank())?],
        _ => (attributes::axis(call.int("axis", 1), input.rank())?..input.rank()).collect(),
    };
    let (mut view, mut axis, _) = net.isolated(input, &axes)?;
    if is_log && axis != Axis::Channel {
        view = net.as_channels(&view, &axes)?.0;
        axis = Axis::Channel;
    }
    let (op, activation) = match axis {
        Axis::Channel if is_log => (Op::Activation, Activation::LogSoftmax),
        Axis::Channel => (Op::Activation, Activation::Softmax),
        _ => (Op::Softmax(axis), Activation::Linear),
    };
    let node = net.layer(call.origin, op, activation, &[view.node], None, None)?;
    Ok(vec![Value::View(view.of(node, call.origin))])
}

/// `ReduceMean` and its like.
pub(super) fn reduce(net: &mut Importer<'_>, call: &Call<'_>, reduction: Reduction) -> Outcome {
    let input = call.view(0)?;
    let listed = call.numbers(1, "axes")?.unwrap_or_default();
    if listed.is_empty() && call.int("noop_with_empty_axes", 0) != 0 {
        return Ok(vec![Value::View(View { origin: call.origin, ..input.clone() })]);
    }
    let mut is_joined = vec![listed.is_empty(); input.rank()];
    for axis in listed {
        is_joined[attributes::axis(axis, input.rank())?] = true;
    }
    let mut view = joined(net, call.origin, reduction, input, &is_joined)?;
    if call.int("keepdims", 1) == 0 {
        let mut kept = is_joined.iter().map(|joined| !joined);
        view.sides.retain(|_| kept.next().unwrap_or(true));
    }
    Ok(vec![Value::View(view)])
}

/// The value with these axes joined to length 1.
pub(super) fn joined(
    net: &mut Importer<'_>,
    origin: usize,
    reduction: Reduction,
    input: &View,
    is_joined: &[bool],
) -> Result<View, Stop> {
    let (mut view, mut groups) = net.grouped(input)?;
    let flags = |groups: &Groups| groups.each_ref().map(|group| group.iter().any(|&axis| is_joined[axis]));
    let mixed = |groups: &Groups| {
        groups.iter().any(|group| group.iter().any(|&axis| is_joined[axis] != is_joined[group[0]]))
    };
    if mixed(&groups) {
        groups = match runs(&view, |axis| is_joined[axis]) {
            Ok(groups) => groups,
            Err(_) => {
                let (mut own, mut rest) = (view.order(), view.order());
                own.retain(|&axis| is_joined[axis]);
                rest.retain(|&axis| !is_joined[axis]);
                [rest, vec![], own]
            }
        };
        view = net.arranged(&view, &groups)?;
    }
    let mut over = flags(&groups);
    // A picture of one row, or of one cell, is still joined over both of its axes.
    if let &[_, channel, row, column] = is_joined
        && !channel
        && row
        && column
        && groups.iter().skip(1).flatten().all(|&axis| is_joined[axis])
    {
        over = [over[0], true, true];
    }
    let sizes: Vec<usize> =
        view.sizes().iter().zip(is_joined).map(|(&size, &joined)| if joined { 1 } else { size }).collect();
    let op = match (reduction, over) {
        (_, [false, false, false]) => return Ok(View { origin, ..view }),
        (Reduction::Mean | Reduction::Max, [false, true, true]) => Op::GlobalPool(reduction),
        _ => Op::Reduce(reduction, over),
    };
    let node = net.layer(origin, op, Activation::Linear, &[view.node], None, None)?;
    Ok(View::in_groups(node, &sizes, &groups, origin))
}

/// Functions of sums, in steps: norms, sums of squares, logarithms of sums.
pub(super) fn compound(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let (before, after) = match call.node.op_type.as_str() {
        "ReduceL1" => (Activation::Abs, None),
        "ReduceL2" => (Activation::Power(2.0), Some(Activation::Sqrt)),
        "ReduceSumSquare" => (Activation::Power(2.0), None),
        "ReduceLogSum" => (Activation::Linear, Some(Activation::Log)),
        _ => (Activation::Exp, Some(Activation::Log)),
    };
    let step = |view: &View, activation: Activation, net: &mut Importer<'_>| -> Result<View, Stop> {
        let node = net.layer(call.origin, Op::Activation, activation, &[view.node], None, None)?;
        Ok(view.of(node, call.origin))
    };
    let mut input = call.view(0)?.clone();
    if before != Activation::Linear {
        input = step(&input, before, net)?;
    }
    let inputs = std::iter::once(Value::View(input)).chain(call.inputs.iter().skip(1).cloned()).collect();
    let inner = Call { inputs, ..*call };
    match (after, reduce(net, &inner, Reduction::Sum)?.as_slice()) {
        (Some(after), [Value::View(view)]) => Ok(vec![Value::View(step(view, after, net)?)]),
        (_, outputs) => Ok(outputs.to_vec()),
    }
}

/// Divided by its length along an axis.
pub(super) fn unit(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let axis = attributes::axis(call.int("axis", -1), input.rank())?;
    let is_joined: Vec<bool> = (0..input.rank()).map(|other| other == axis).collect();
    let function = |net: &mut Importer<'_>, view: &View, activation: Activation| -> Result<View, Stop> {
        let node = net.layer(call.origin, Op::Activation, activation, &[view.node], None, None)?;
        Ok(view.of(node, call.origin))
    };
    let is_square = call.int("p", 2) == 2;
    let size = function(net, input, if is_square { Activation::Power(2.0) } else { Activation::Abs })?;
    let mut length = joined(net, call.origin, Reduction::Sum, &size, &is_joined)?;
    if is_square {
        length = function(net, &length, Activation::Sqrt)?;
    }
    Ok(vec![Value::View(two(net, call.origin, Arithmetic::Div, input, &length)?)])
}
