//! Nodes that do not depend on the picture are computed when the file is read: sizes for `Reshape` and `Resize`, and what
//! exporters do to parameters.

use super::attributes::{self, Call, Outcome, Stop, Value, cut};
use super::numbers::{combined, converted, function, is_arithmetic, product};
use super::pick::{concat, gather, gather_nd, lists, picked, repeated, slice, split};
use super::tensor::{Data, Tensor, TensorReader};
use super::view::{MOST_AXES, broadcast};
use crate::model::MOST_VALUES;

/// The outputs of a node whose inputs are all known.
pub(super) fn fold(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Outcome {
    let op = call.node.op_type.as_str();
    if op == "Split" {
        return split(call, reader);
    }
    if matches!(op, "Identity" | "Dropout") {
        return Ok(vec![Value::Constant(call.constant(0)?.clone())]);
    }
    let tensor = match op {
        "Constant" => constant(call, reader)?,
        "ConstantOfShape" => {
            let sizes = sizes(call, 0)?;
            let value = call.tensor("value").map(|value| reader.read(value)).transpose()?;
            let count = sizes.iter().product();
            reader.spend(count)?;
            let data = match value.map(|value| value.data) {
                Some(Data::Int(values)) => Data::Int(vec![values.first().copied().unwrap_or(0); count]),
                Some(Data::Float(values)) => Data::Float(vec![values.first().copied().unwrap_or(0.0); count]),
                None => Data::Float(vec![0.0; count]),
            };
            Tensor { sizes, data }
        }
        "Cast" => {
            reader.spend(call.constant(0)?.len())?;
            converted(call.constant(0)?, call.int("to", 1))?
        }
        "CastLike" => match &call.constant(1)?.data {
            Data::Float(_) => converted(call.constant(0)?, 1)?,
            Data::Int(_) => converted(call.constant(0)?, 7)?,
        },
        "Shape" => Tensor::ints(part_of_sizes(call, &call.constant(0)?.sizes)),
        "Size" => Tensor { sizes: vec![], ..Tensor::ints(vec![call.constant(0)?.len() as i64]) },
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => in_shape(call, reader)?,
        "Transpose" => {
            let input = call.constant(0)?;
            let order = call.counts("perm")?.unwrap_or_else(|| (0..input.sizes.len()).rev().collect());
            let lists = lists(&input.sizes);
            let lists = order.iter().map(|&axis| lists.get(axis).cloned()).collect::<Option<Vec<_>>>();
            match lists.filter(|lists| lists.len() == input.sizes.len()) {
                Some(lists) => picked(reader, input, &lists)?,
                None => return cut(format!("it orders the axes of {:?} as {order:?}", input.sizes)),
            }
        }
        "Expand" => {
            let input = call.constant(0)?;
            let Some(sizes) = broadcast(&input.sizes, &sizes(call, 1)?) else {
                return cut("its sizes do not fit");
            };
            let repeated = repeated(&input.sizes, &sizes);
            picked(reader, input, &repeated)?
        }
        "Tile" => {
            let input = call.constant(0)?;
            let lists: Vec<Vec<usize>> = lists(&input.sizes)
                .iter()
                .zip(sizes(call, 1)?)
                .map(
                    |(list, count)| {
                        if count.saturating_mul(list.len()) > 1 << 24 { vec![] } else { list.repeat(count) }
                    },
                )
                .collect();
            picked(reader, input, &lists)?
        }
        "Slice" => slice(call, reader)?,
        "Gather" => gather(call, reader)?,
        "Concat" => concat(call, reader)?,
        "Range" => range(call, reader)?,
        "Where" => {
            let [condition, yes, no] = [call.constant(0)?, call.constant(1)?, call.constant(2)?];
            let sizes =
                broadcast(&condition.sizes, &yes.sizes).and_then(|sizes| broadcast(&sizes, &no.sizes));
            let Some(sizes) = sizes else { return cut("its sizes do not fit") };
            let [condition, yes, no] = [condition, yes, no].map(|tensor| {
                let lists = repeated(&tensor.sizes, &sizes);
                picked(reader, tensor, &lists)
            });
            let (condition, yes, no) = (condition?, yes?, no?);
            let choose = |index: usize| condition.float(index) != 0.0;
            let data = match (&yes.data, &no.data) {
                (Data::Int(yes), Data::Int(no)) => Data::Int(
                    yes.iter()
                        .zip(no)
                        .enumerate()
                        .map(|(i, (y, n))| if choose(i) { *y } else { *n })
                        .collect(),
                ),
                _ => Data::Float(
                    (0..yes.len()).map(|i| if choose(i) { yes.float(i) } else { no.float(i) }).collect(),
                ),
            };
            Tensor { sizes, data }
        }
        "GatherND" => gather_nd(call, reader)?,
        "BatchNormalization" => standardised(call, reader)?,
        "ReduceProd" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceMean" => {
            reader.spend(call.constant(0)?.len())?;
            reduced(call)?
        }
        _ if call.inputs.len() == 1 => {
            reader.spend(call.constant(0)?.len())?;
            function(op, call.constant(0)?)?
        }
        "MatMul" => product(call.constant(0)?, call.constant(1)?, reader)?,
        _ if call.inputs.len() == 2 && is_arithmetic(op) => {
            let (a, b) = (call.constant(0)?, call.constant(1)?);
            let Some(sizes) = broadcast(&a.sizes, &b.sizes) else { return cut("its sizes do not fit") };
            let (a_lists, b_lists) = (repeated(&a.sizes, &sizes), repeated(&b.sizes, &sizes));
            combined(op, &picked(reader, a, &a_lists)?, &picked(reader, b, &b_lists)?)?
        }
        _ => return cut(""),
    };
    Ok(vec![Value::Constant(tensor.into())])
}

/// What `Shape` gives.
pub(super) fn part_of_sizes(call: &Call<'_>, sizes: &[usize]) -> Vec<i64> {
    let rank = sizes.len() as i64;
    let place = |name: &str, default: i64| {
        let number = call.int(name, default);
        (if number < 0 { number.saturating_add(rank) } else { number }).clamp(0, rank) as usize
    };
    let part = sizes.get(place("start", 0)..place("end", i64::MAX)).unwrap_or_default();
    part.iter().map(|&size| size as i64).collect()
}

/// An input as sizes.
fn sizes(call: &Call<'_>, place: usize) -> Result<Vec<usize>, Stop> {
    let tensor = call.constant(place)?;
    if tensor.len() > MOST_AXES {
        return cut(format!("it makes {} axes", tensor.len()));
    }
    let numbers = tensor.integers().unwrap_or_default();
    let sizes = attributes::counts(&numbers, "shape")?;
    match sizes
        .iter()
        .try_fold(1usize, |count, &size| count.checked_mul(size.max(1)))
        .filter(|&n| n <= MOST_VALUES)
    {
        Some(_) => Ok(sizes),
        None => cut(format!("it makes a constant of the sizes {sizes:?}")),
    }
}

fn constant(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    if let Some(tensor) = call.tensor("value") {
        return Ok(reader.read(tensor)?);
    }
    Ok(if let Some(values) = call.ints("value_ints") {
        Tensor::ints(values.to_vec())
    } else if let Some(values) = call.floats("value_floats") {
        Tensor { sizes: vec![values.len()], data: Data::Float(values.to_vec()) }
    } else if call.has("value_int") {
        Tensor { sizes: vec![], data: Data::Int(vec![call.int("value_int", 0)]) }
    } else if call.has("value_float") {
        Tensor { sizes: vec![], data: Data::Float(vec![call.float("value_float", 0.0)]) }
    } else {
        return cut("its value is none that convscope reads");
    })
}

/// The same values in another shape.
fn in_shape(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let input = call.constant(0)?;
    let own = input.sizes.as_slice();
    let rank = own.len();
    let sizes = match call.node.op_type.as_str() {
        "Reshape" => {
            let target = call.numbers(1, "shape")?.unwrap_or_default();
            let keeps = call.int("allowzero", 0) == 0;
            let mut sizes: Vec<usize> = target
                .iter()
                .enumerate()
                .map(|(axis, &size)| match size {
                    0 if keeps => own.get(axis).copied().unwrap_or(0),
                    size => usize::try_from(size).unwrap_or(0),
                })
                .collect();
            let others = target.iter().zip(&sizes).filter(|(target, _)| **target != -1);
            let known =
                others.map(|(_, &size)| size).try_fold(1usize, |count, size| count.checked_mul(size.max(1)));
            if let (Some(place), Some(known)) = (target.iter().position(|&size| size == -1), known) {
                sizes[place] = input.len() / known;
            }
            sizes
        }
        "Flatten" => {
            let axis = match call.int("axis", 1) {
                axis if axis == rank as i64 => rank,
                axis => attributes::axis(axis, rank)?,
            };
            vec![own[..axis].iter().product(), own[axis..].iter().product()]
        }
        "Squeeze" => {
            let listed = call.numbers(1, "axes")?;
            let listed = listed.map(|axes| {
                axes.iter().map(|&axis| attributes::axis(axis, rank)).collect::<Result<Vec<_>, _>>()
            });
            let listed = listed.transpose()?;
            let leaves = |axis: usize| match &listed {
                Some(axes) => axes.contains(&axis),
                None => own[axis] == 1,
            };
            (0..rank).filter(|&axis| !leaves(axis)).map(|axis| own[axis]).collect()
        }
        _ => {
            let listed = call.numbers(1, "axes")?.unwrap_or_default();
            let rank = rank + listed.len();
            let places =
                listed.iter().map(|&axis| attributes::axis(axis, rank)).collect::<Result<Vec<_>, _>>()?;
            let mut rest = own.iter().copied();
            (0..rank).map(|axis| if places.contains(&axis) { 1 } else { rest.next().unwrap_or(1) }).collect()
        }
    };
    let count = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    if count != Some(input.len()) || sizes.len() > MOST_AXES {
        return cut(format!("it makes {sizes:?} of {own:?}"));
    }
    reader.spend(input.len())?;
    Ok(Tensor { sizes, data: input.data.clone() })
}

fn range(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let number = |place: usize| call.constant(place).map(|tensor| f64::from(tensor.float(0)));
    let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
    let count = ((limit - start) / step).ceil();
    if !(0.0..=1e8).contains(&count) {
        return cut(format!("it counts from {start} to {limit} by {step}"));
    }
    reader.spend(count as usize)?;
    let values = (0..count as usize).map(|index| start + index as f64 * step);
    let is_int = matches!(call.constant(0)?.data, Data::Int(_));
    let data = match is_int {
        true => Data::Int(values.map(|value| value as i64).collect()),
        false => Data::Float(values.map(|value| value as f32).collect()),
    };
    Ok(Tensor { sizes: vec![count as usize], data })
}

/// Batch normalisation of parameters: so PyTorch standardises a convolution's kernels, output by output.
fn standardised(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let input = call.constant(0)?;
    let &[outer, channels, ..] = input.sizes.as_slice() else { return cut("") };
    let inner: usize = input.sizes.iter().skip(2).product();
    let measures = call.int("training_mode", 0) != 0 || call.node.output.len() > 1;
    let each = [1, 2, 3, 4].map(|place| call.constant(place).map(|tensor| tensor.floats()));
    let [scale, shift, mean, variance] = each;
    let (scale, shift, mean, variance) = (scale?, shift?, mean?, variance?);
    if [&scale, &shift, &mean, &variance].iter().any(|list| list.len() != channels) || input.len() == 0 {
        return cut("its constants do not fit");
    }
    reader.spend(input.len())?;
    let mut values = input.floats();
    let epsilon = f64::from(call.float("epsilon", 1e-5));
    for channel in 0..channels {
        let place = |at: usize| (at / inner * channels + channel) * inner + at % inner;
        let count = outer * inner;
        let (mut middle, mut spread) = (f64::from(mean[channel]), f64::from(variance[channel]));
        if measures {
            let sum = |value: &dyn Fn(f64) -> f64| {
                (0..count).map(|at| value(f64::from(values[place(at)]))).sum::<f64>()
            };
            middle = sum(&|value| value) / count as f64;
            spread = sum(&|value| (value - middle).powi(2)) / count as f64;
        }
        let factor = f64::from(scale[channel]) / (spread + epsilon).sqrt();
        for at in 0..count {
            let value = &mut values[place(at)];
            *value = ((f64::from(*value) - middle) * factor) as f32 + shift[channel];
        }
    }
    Ok(Tensor { sizes: input.sizes.clone(), data: Data::Float(values) })
}

fn reduced(call: &Call<'_>) -> Result<Tensor, Stop> {
    let input = call.constant(0)?;
    if input.len() == 0 {
        return cut("it joins nothing");
    }
    let rank = input.sizes.len();
    let listed = call.numbers(1, "axes")?.unwrap_or_default();
    let mut is_joined = vec![listed.is_empty(); rank];
    for axis in listed {
        is_joined[attributes::axis(axis, rank)?] = true;
    }
    let kept: Vec<usize> =
        input.sizes.iter().zip(&is_joined).map(|(&size, &joined)| if joined { 1 } else { size }).collect();
    let count: usize = kept.iter().product();
    let mut groups: Vec<Vec<f64>> = vec![vec![]; count];
    let into = repeated(&kept, &input.sizes);
    let mut index = vec![0usize; rank];
    for at in 0..input.len() {
        let place = index.iter().zip(&into).map(|(&place, list)| list[place]).sum::<usize>();
        groups[place].push(f64::from(input.float(at)));
        for (place, list) in index.iter_mut().zip(&into).rev() {
            *place += 1;
            if *place < list.len() {
                break;
            }
            *place = 0;
        }
    }
    let values = groups.iter().map(|group| match call.node.op_type.as_str() {
        "ReduceProd" => group.iter().product::<f64>(),
        "ReduceSum" => group.iter().sum(),
        "ReduceMax" => group.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "ReduceMin" => group.iter().copied().fold(f64::INFINITY, f64::min),
        _ => group.iter().sum::<f64>() / group.len() as f64,
    });
    let data = match input.data {
        Data::Int(_) => Data::Int(values.map(|value| value as i64).collect()),
        Data::Float(_) => Data::Float(values.map(|value| value as f32).collect()),
    };
    let mut kept = kept;
    if call.int("keepdims", 1) == 0 {
        let mut keeps = is_joined.iter().map(|joined| !joined);
        kept.retain(|_| keeps.next().unwrap_or(true));
    }
    Ok(Tensor { sizes: kept, data })
}
