//! Convolution and pooling.

use super::super::parameters::LayerWeights;
use super::attributes::{Call, Outcome, Stop, Value, counts, cut};
use super::import::Importer;
use super::join::spatial;
use super::view::View;
use crate::model::{Activation, AvgPool, Filling, Op, Reduction, Shape, Window};

/// One number for each axis of the picture; of sequences, for their only one.
fn pair(list: &[usize], default: usize, what: &str) -> Result<[usize; 2], Stop> {
    match *list {
        [] => Ok([default; 2]),
        [width] => Ok([if what == "pads" { 0 } else { 1 }, width]),
        [height, width] => Ok([height, width]),
        _ => cut(format!("its `{what}` is for {} axes", list.len())),
    }
}

fn attribute(call: &Call<'_>, name: &str, default: usize) -> Result<[usize; 2], Stop> {
    pair(&call.counts(name)?.unwrap_or_default(), default, name)
}

/// The sliding window of a convolution or pooling over a picture of this size.
fn window(call: &Call<'_>, kernel: [usize; 2], input: Shape) -> Result<Window, Stop> {
    let stride = attribute(call, "strides", 1)?;
    let dilation = attribute(call, "dilations", 1)?;
    if [kernel, stride, dilation].as_flattened().iter().any(|&number| number == 0 || number > 1 << 20) {
        return cut("its window has no size or no step");
    }
    let mut window = Window { dilation, ..Window::new(kernel, stride, [0, 0]) };
    match call.text("auto_pad").as_deref() {
        Some("SAME_UPPER") => window = Window::same(kernel, stride, dilation, [input.height, input.width]),
        Some("SAME_LOWER") => {
            window = Window::same(kernel, stride, dilation, [input.height, input.width]);
            std::mem::swap(&mut window.padding, &mut window.padding_after);
        }
        Some("VALID") => {}
        _ => {
            let mut pads = call.ints("pads").unwrap_or_default().to_vec();
            if call.node.op_type == "ConvTranspose" {
                // Below 0 it is what `output_padding` is above.
                pads.iter_mut().skip(2).for_each(|pad| *pad = (*pad).max(0));
            }
            let pads = counts(&pads, "pads")?;
            let (before, after) = pads.split_at(pads.len() / 2);
            window.padding = pair(before, 0, "pads")?;
            window.padding_after = pair(after, 0, "pads")?;
        }
    }
    if [window.padding, window.padding_after].as_flattened().iter().any(|&pad| pad > 1 << 20) {
        return cut("its padding is larger than any picture");
    }
    Ok(window)
}

/// The result with as many axes as the input has.
fn result(net: &Importer<'_>, call: &Call<'_>, rank: usize, node: usize) -> Vec<Value> {
    let shape = net.shape(node);
    let view = View::picture(node, shape, call.origin);
    let sequence = [1, shape.channels, shape.width];
    let view = if rank == 3 { view.reshaped(&sequence).unwrap_or(view) } else { view };
    vec![Value::View(view)]
}

/// The kernel's sides `[outputs, inputs, height, width]`, or those of a sequence.
fn kernel_sides(sizes: &[usize]) -> Result<[usize; 4], Stop> {
    match *sizes {
        [a, b, width] => Ok([a, b, 1, width]),
        [a, b, height, width] => Ok([a, b, height, width]),
        _ => cut(format!("its kernel has the sides {sizes:?}")),
    }
}

/// The number of groups, which has to divide both.
fn groups(call: &Call<'_>, inputs: usize, outputs: usize) -> Result<usize, Stop> {
    match usize::try_from(call.int("group", 1)) {
        Ok(groups) if groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups) => {
            Ok(groups)
        }
        _ => {
            cut(format!("its {} groups do not divide {inputs} and {outputs} channels", call.int("group", 1)))
        }
    }
}

pub(super) fn convolution(net: &mut Importer<'_>, mut call: Call<'_>) -> Outcome {
    let rank = call.view(0)?.rank();
    let input = net.picture(call.view(0)?)?;
    let shape = net.shape(input.node);
    let [outputs, own, height, width] = kernel_sides(&call.constant(1)?.sizes)?;
    let groups = groups(&call, shape.channels, outputs)?;
    if own.checked_mul(groups) != Some(shape.channels) {
        return cut(format!("its kernels take {own}×{groups} channels, and there are {}", shape.channels));
    }
    let window = window(&call, [height, width], shape)?;
    let bias = call.channels(2, outputs)?;
    let (_, kernel) = call.take(1)?;
    let given = Some(Shape::vector(outputs));
    let weights = Some(LayerWeights::Conv { kernel, bias });
    let node =
        net.layer(call.origin, Op::Conv(window, groups), Activation::Linear, &[input.node], given, weights)?;
    Ok(result(net, &call, rank, node))
}

pub(super) fn transposed(net: &mut Importer<'_>, mut call: Call<'_>) -> Outcome {
    let rank = call.view(0)?.rank();
    let input = net.picture(call.view(0)?)?;
    let shape = net.shape(input.node);
    let [inputs, own, height, width] = kernel_sides(&call.constant(1)?.sizes)?;
    let outputs =
        usize::try_from(call.int("group", 1)).ok().and_then(|groups| own.checked_mul(groups)).unwrap_or(0);
    let groups = groups(&call, shape.channels, outputs)?;
    if inputs != shape.channels || outputs == 0 {
        return cut(format!("its kernels take {inputs} channels, and there are {}", shape.channels));
    }
    let mut plain = window(&call, [height, width], shape)?;
    let mut extra = attribute(&call, "output_padding", 0)?;
    if let Some(&[_, _, bottom, right]) = call.ints("pads") {
        extra[0] = extra[0].saturating_add(bottom.min(0).unsigned_abs() as usize);
        extra[1] = extra[1].saturating_add(right.min(0).unsigned_abs() as usize);
    }
    let asked = call.counts("output_shape")?.filter(|sizes| !sizes.is_empty());
    let auto = call.text("auto_pad").unwrap_or_default();
    let mut sides = [shape.height, shape.width];
    for axis in 0..2 {
        let spread = (sides[axis] - 1)
            .checked_mul(plain.stride[axis])
            .and_then(|length| length.checked_add(plain.extent(axis))?.checked_add(extra[axis]));
        let Some(spread) = spread else { return cut("its output would be larger than any picture") };
        let asked = match &asked {
            Some(sizes) => {
                sizes.len().checked_sub(2 - axis).and_then(|place| sizes.get(place)).copied().or(Some(1))
            }
            None if auto.starts_with("SAME") => sides[axis].checked_mul(plain.stride[axis]),
            None => None,
        };
        if let Some(asked) = asked {
            // Where more is asked for than there is, what is behind the last cell stays empty.
            extra[axis] = extra[axis].saturating_add(asked.saturating_sub(spread));
            let spread = spread.max(asked);
            let cut_off = spread.saturating_sub(asked);
            let (small, large) = (cut_off / 2, cut_off - cut_off / 2);
            let lower = auto == "SAME_LOWER";
            (plain.padding[axis], plain.padding_after[axis]) =
                if lower { (large, small) } else { (small, large) };
        }
        let spread = spread.max(asked.unwrap_or(0));
        let Some(length) =
            spread.checked_sub(plain.padding[axis] + plain.padding_after[axis]).filter(|&n| n > 0)
        else {
            return cut("its padding leaves nothing");
        };
        sides[axis] = length;
        // What `output_padding` adds is behind the last cell that the kernel reaches: less is cut off there.
        plain.padding_after[axis] = plain.padding_after[axis].saturating_sub(extra[axis]);
    }
    let bias = call.channels(2, outputs)?;
    let (_, kernel) = call.take(1)?;
    let given = Some(Shape { channels: outputs, height: sides[0], width: sides[1] });
    let weights = Some(LayerWeights::Conv { kernel, bias });
    let op = Op::ConvTranspose(plain, groups);
    let node = net.layer(call.origin, op, Activation::Linear, &[input.node], given, weights)?;
    Ok(result(net, &call, rank, node))
}

/// With `ceil_mode` a last window may begin in the picture and reach beyond its padding: more padding behind it.
fn ceiled(mut window: Window, input: Shape) -> Window {
    for axis in 0..2 {
        let length = [input.height, input.width][axis];
        let stride = window.stride[axis].max(1);
        let padded = length + window.padding[axis] + window.padding_after[axis];
        let Some(free) = padded.checked_sub(window.extent(axis)) else { continue };
        let mut places = free.div_ceil(stride) + 1;
        if (places - 1) * stride >= length + window.padding[axis] {
            places -= 1;
        }
        let needed = (places - 1) * stride + window.extent(axis);
        let after = needed.saturating_sub(length + window.padding[axis]);
        window.padding_after[axis] = window.padding_after[axis].max(after);
    }
    window
}

/// Pooling along one or two of more axes than a picture has: so PyTorch writes local response normalisation.
fn along_some_axes(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let count = input.rank() - 2;
    let list = |name: &str, default: usize| -> Result<Vec<usize>, Stop> {
        let list = call.counts(name)?.filter(|list| !list.is_empty()).unwrap_or_else(|| vec![default; count]);
        if list.len() == count { Ok(list) } else { cut(format!("its `{name}` is for {} axes", list.len())) }
    };
    let (kernel, stride, dilation) = (list("kernel_shape", 1)?, list("strides", 1)?, list("dilations", 1)?);
    let pads = call.counts("pads")?.unwrap_or_default();
    let pad = |axis: usize| [pads.get(axis), pads.get(axis + count)].map(|pad| pad.copied().unwrap_or(0));
    let moves: Vec<usize> =
        (0..count).filter(|&axis| kernel[axis] != 1 || stride[axis] != 1 || pad(axis) != [0, 0]).collect();
    let is_plain = call.int("ceil_mode", 0) == 0 && call.text("auto_pad").is_none_or(|auto| auto == "NOTSET");
    if moves.len() > 2 || !is_plain || moves.iter().any(|&axis| kernel[axis].max(dilation[axis]) > 1 << 20) {
        return cut(format!("its input has {} axes", input.rank()));
    }
    let axes: Vec<usize> = moves.iter().map(|axis| axis + 2).collect();
    let Some(groups) = spatial(net, input, &axes)? else {
        return Ok(vec![Value::View(View { origin: call.origin, ..input.clone() })]);
    };
    let view = net.arranged(input, &groups)?;
    let mut window = Window::new([1, 1], [1, 1], [0, 0]);
    for &axis in &moves {
        let place = usize::from(groups[2].contains(&(axis + 2)));
        (window.kernel[place], window.stride[place]) = (kernel[axis], stride[axis]);
        window.dilation[place] = dilation[axis];
        [window.padding[place], window.padding_after[place]] = pad(axis);
    }
    let op = match (call.node.op_type.as_str(), call.int("count_include_pad", 0)) {
        ("MaxPool", _) => Op::MaxPool(window),
        (_, 0) => Op::AvgPool(window, AvgPool::Exclude),
        _ => Op::AvgPool(window, AvgPool::Include),
    };
    let node = net.layer(call.origin, op, Activation::Linear, &[view.node], None, None)?;
    let shape = net.shape(node);
    let mut sizes = view.sizes();
    for axis in axes {
        sizes[axis] = if groups[2].contains(&axis) { shape.width } else { shape.height };
    }
    Ok(vec![Value::View(View::in_groups(node, &sizes, &groups, call.origin))])
}

pub(super) fn pooling(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let rank = call.view(0)?.rank();
    if rank > 4 {
        return along_some_axes(net, call);
    }
    let mut input = net.picture(call.view(0)?)?;
    let shape = net.shape(input.node);
    let Some(kernel) = call.counts("kernel_shape")? else { return cut("it has no `kernel_shape`") };
    let plain = window(call, pair(&kernel, 1, "kernel_shape")?, shape)?;
    let ceil = call.int("ceil_mode", 0) != 0;
    let mut window = if ceil { ceiled(plain, shape) } else { plain };
    let op = if call.node.op_type == "MaxPool" {
        Op::MaxPool(window)
    } else {
        let mut counts = match call.int("count_include_pad", 0) {
            0 => AvgPool::Exclude,
            _ => AvgPool::Include,
        };
        if counts == AvgPool::Include && window.padding_after != plain.padding_after {
            // The padding counts, and what lies beyond it does not: padding of its own, then a mean of what is there.
            let op = Op::Pad(plain.padding, plain.padding_after, Filling::Constant(0.0));
            input.node = net.layer(call.origin, op, Activation::Linear, &[input.node], None, None)?;
            for axis in 0..2 {
                window.padding_after[axis] -= plain.padding_after[axis];
            }
            window.padding = [0, 0];
            counts = AvgPool::Exclude;
        }
        Op::AvgPool(window, counts)
    };
    let node = net.layer(call.origin, op, Activation::Linear, &[input.node], None, None)?;
    Ok(result(net, call, rank, node))
}

/// Over the whole picture.
pub(super) fn global(net: &mut Importer<'_>, call: &Call<'_>, reduction: Reduction) -> Outcome {
    let rank = call.view(0)?.rank();
    let input = net.picture(call.view(0)?)?;
    let node =
        net.layer(call.origin, Op::GlobalPool(reduction), Activation::Linear, &[input.node], None, None)?;
    Ok(result(net, call, rank, node))
}
