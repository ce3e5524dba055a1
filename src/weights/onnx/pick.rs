//! Parts of constants: values picked along axes.

use super::attributes::{self, Call, Outcome, Stop, Value, cut};
use super::tensor::{Data, Tensor, TensorReader};
use crate::model::MOST_VALUES;

/// Where the places of each axis lie in row-major values.
pub(super) fn lists(sizes: &[usize]) -> Vec<Vec<usize>> {
    let mut stride = 1;
    let mut lists: Vec<Vec<usize>> = sizes
        .iter()
        .rev()
        .map(|&size| {
            let list = (0..size).map(|place| place * stride).collect();
            stride *= size.max(1);
            list
        })
        .collect();
    lists.reverse();
    lists
}

/// The same for a value that is repeated to other sizes.
pub(super) fn repeated(own: &[usize], sizes: &[usize]) -> Vec<Vec<usize>> {
    let front = sizes.len().saturating_sub(own.len());
    let own = lists(own);
    (0..sizes.len())
        .map(|axis| match axis.checked_sub(front).and_then(|axis| own.get(axis)) {
            Some(list) if list.len() == sizes[axis] => list.clone(),
            _ => vec![0; sizes[axis]],
        })
        .collect()
}

/// The values that lie at sums of one number of each list.
pub(super) fn picked(
    reader: &mut TensorReader<'_>,
    tensor: &Tensor,
    lists: &[Vec<usize>],
) -> Result<Tensor, Stop> {
    let sizes: Vec<usize> = lists.iter().map(Vec::len).collect();
    let count = sizes.iter().try_fold(1usize, |count, &size| count.checked_mul(size));
    let Some(count) = count.filter(|&count| count <= MOST_VALUES) else {
        return cut("it makes a constant too large");
    };
    reader.spend(count)?;
    let data = match &tensor.data {
        Data::Float(values) => at_places(values, lists, count).map(Data::Float),
        Data::Int(values) => at_places(values, lists, count).map(Data::Int),
    };
    match data {
        Some(data) => Ok(Tensor { sizes, data }),
        None => cut("it reads beyond the end of a constant"),
    }
}

fn at_places<T: Copy>(values: &[T], lists: &[Vec<usize>], count: usize) -> Option<Vec<T>> {
    let Some((inner, outer)) = lists.split_last() else { return Some(vec![*values.first()?]) };
    let mut picked = Vec::with_capacity(count);
    let mut index = vec![0usize; outer.len()];
    while picked.len() < count {
        let start = index.iter().zip(outer).map(|(&place, list)| list[place]).sum::<usize>();
        for place in inner {
            picked.push(*values.get(start + place)?);
        }
        for (place, list) in index.iter_mut().zip(outer).rev() {
            *place += 1;
            if *place < list.len() {
                break;
            }
            *place = 0;
        }
    }
    Some(picked)
}

pub(super) fn slice(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let input = call.constant(0)?;
    let mut lists = lists(&input.sizes);
    let (starts, ends) =
        (call.numbers(1, "starts")?.unwrap_or_default(), call.numbers(2, "ends")?.unwrap_or_default());
    let axes = call.numbers(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = call.numbers(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
    for (((&start, &end), &axis), &step) in starts.iter().zip(&ends).zip(&axes).zip(&steps) {
        let list = &mut lists[attributes::axis(axis, input.sizes.len())?];
        let length = list.len() as i64;
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let clamp = |place: i64| {
            (if place < 0 { place.saturating_add(length) } else { place }).clamp(low, high.max(low))
        };
        let (start, end) = (clamp(start), clamp(end));
        let stride = usize::try_from(step.unsigned_abs()).unwrap_or(usize::MAX);
        *list = match step {
            1.. => {
                (start..end).step_by(stride).filter_map(|place| list.get(place as usize).copied()).collect()
            }
            0 => return cut("its step is 0"),
            _ => (end + 1..=start)
                .rev()
                .step_by(stride)
                .filter_map(|place| list.get(place as usize).copied())
                .collect(),
        };
    }
    picked(reader, input, &lists)
}

pub(super) fn gather(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let (input, index) = (call.constant(0)?, call.constant(1)?);
    let axis = attributes::axis(call.int("axis", 0), input.sizes.len())?;
    let mut lists = lists(&input.sizes);
    let length = lists[axis].len() as i64;
    reader.spend(index.len())?;
    let places = index.integers().unwrap_or_default();
    let at = |place: i64| {
        let place = if place < 0 { place.saturating_add(length) } else { place };
        usize::try_from(place).ok().and_then(|place| lists[axis].get(place).copied())
    };
    let Some(list) = places.into_iter().map(at).collect::<Option<Vec<usize>>>() else {
        return cut("it picks what is not there");
    };
    lists[axis] = list;
    let mut tensor = picked(reader, input, &lists)?;
    tensor.sizes = [&input.sizes[..axis], &index.sizes, &input.sizes[axis + 1..]].concat();
    Ok(tensor)
}

pub(super) fn split(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Outcome {
    let input = call.constant(0)?;
    let axis = attributes::axis(call.int("axis", 0), input.sizes.len())?;
    let all = lists(&input.sizes);
    let outputs = call.node.output.len().max(1);
    let each = all[axis].len().div_ceil(outputs).max(1);
    let sizes = match call.numbers(1, "split")? {
        Some(sizes) => attributes::counts(&sizes, "split")?,
        None => vec![each; outputs],
    };
    let mut start = 0usize;
    let mut parts = vec![];
    for size in sizes.into_iter().take(outputs) {
        let mut lists = all.clone();
        lists[axis] = all[axis].iter().copied().skip(start).take(size).collect();
        start = start.saturating_add(size);
        parts.push(Value::Constant(picked(reader, input, &lists)?.into()));
    }
    Ok(parts)
}

pub(super) fn concat(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let inputs = (0..call.inputs.len()).map(|place| call.constant(place)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = inputs.first() else { return cut("it joins nothing") };
    let axis = attributes::axis(call.int("axis", 0), first.sizes.len())?;
    let outer: usize = first.sizes[..axis].iter().product();
    let inner: usize = first.sizes[axis + 1..].iter().product();
    let fits = |tensor: &Tensor| {
        tensor.sizes.len() == first.sizes.len()
            && tensor.sizes[..axis] == first.sizes[..axis]
            && tensor.sizes[axis + 1..] == first.sizes[axis + 1..]
    };
    if !inputs.iter().all(|tensor| fits(tensor)) {
        return cut("it joins constants that do not fit");
    }
    let total = inputs.iter().map(|tensor| tensor.len()).fold(0, usize::saturating_add);
    reader.spend(total)?;
    let mut sizes = first.sizes.clone();
    sizes[axis] = inputs.iter().map(|tensor| tensor.sizes[axis]).fold(0, usize::saturating_add);
    let runs = (0..outer).flat_map(|row| {
        inputs.iter().flat_map(move |tensor| {
            let length = tensor.sizes[axis] * inner;
            (row * length..(row + 1) * length).map(move |index| (*tensor, index))
        })
    });
    let is_int = inputs.iter().all(|tensor| matches!(tensor.data, Data::Int(_)));
    let data = match is_int {
        true => Data::Int(
            runs.filter_map(|(tensor, index)| match &tensor.data {
                Data::Int(values) => values.get(index).copied(),
                Data::Float(_) => None,
            })
            .collect(),
        ),
        false => Data::Float(runs.map(|(tensor, index)| tensor.float(index)).collect()),
    };
    Ok(Tensor { sizes, data })
}

/// Values at places of the first axes, each place a row of numbers.
pub(super) fn gather_nd(call: &Call<'_>, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let (input, index) = (call.constant(0)?, call.constant(1)?);
    reader.spend(index.len())?;
    let places = index.integers().unwrap_or_default();
    let depth = index.sizes.last().copied().unwrap_or(0);
    if call.int("batch_dims", 0) != 0 || depth == 0 || depth > input.sizes.len() {
        return cut("");
    }
    let (outer, rest) = input.sizes.split_at(depth);
    let inner: usize = rest.iter().product();
    let at = |row: &[i64]| {
        row.iter().zip(outer).try_fold(0, |at, (&place, &size)| {
            let place = if place < 0 { place.saturating_add(size as i64) } else { place };
            usize::try_from(place).ok().filter(|&place| place < size).map(|place| at * size + place)
        })
    };
    let Some(starts) = places.chunks(depth).map(at).collect::<Option<Vec<usize>>>() else {
        return cut("it picks what is not there");
    };
    let lists = [starts.iter().map(|start| start * inner).collect(), (0..inner).collect()];
    let mut tensor = picked(reader, input, &lists)?;
    tensor.sizes = [&index.sizes[..index.sizes.len() - 1], rest].concat();
    Ok(tensor)
}
