//! Normalisation.

use super::super::parameters::LayerWeights;
use super::arithmetic::with_constant;
use super::arrange::constant_in;
use super::attributes::{self, Call, Outcome, Value, cut};
use super::import::Importer;
use crate::model::{Activation, Arithmetic, Op, Over};

/// With the statistics that the file has.
pub(super) fn batch(net: &mut Importer<'_>, mut call: Call<'_>) -> Outcome {
    if call.int("training_mode", 0) != 0 {
        return cut("it was exported while training: export it after `model.eval()`");
    }
    if call.int("spatial", 1) == 0 {
        return cut("it has statistics for each cell");
    }
    let input = call.view(0)?;
    let count = if input.rank() > 1 { input.size(1) } else { 1 };
    let (view, _) = net.as_channels(input, &[1])?;
    let mut each = [vec![], vec![], vec![], vec![]];
    for (place, values) in each.iter_mut().enumerate() {
        let Some(own) = call.channels(place + 1, count)? else {
            return cut(format!("it has no input {}", place + 1));
        };
        *values = own;
    }
    let [gamma, beta, mean, variance] = each;
    let epsilon = f64::from(call.float("epsilon", 1e-5));
    let weights = Some(LayerWeights::BatchNorm { gamma, beta, mean, variance });
    let node =
        net.layer(call.origin, Op::BatchNorm(epsilon), Activation::Linear, &[view.node], None, weights)?;
    Ok(vec![Value::View(view.of(node, call.origin))])
}

/// Each channel by itself, or groups of them. An axis of groups that was made of the channels is as good as they: so
/// PyTorch writes group normalisation.
pub(super) fn groups(net: &mut Importer<'_>, mut call: Call<'_>) -> Outcome {
    let is_instance = call.node.op_type == "InstanceNormalization";
    let input = call.view(0)?.clone();
    if input.rank() < 3 || input.size(0) != 1 {
        return cut("its input is no picture");
    }
    let channels = input.size(1);
    let count = match is_instance {
        true => channels,
        false => usize::try_from(call.int("num_groups", 0)).unwrap_or(0),
    };
    let others: usize = (2..input.rank()).map(|axis| input.size(axis)).product();
    let own = net.shape(input.node);
    let stays =
        own.channels.is_multiple_of(channels.max(1)) && (channels == 1 || input.sides[1].stride == others);
    let view = if stays { input } else { net.as_channels(&input, &[1])?.0 };
    let total = net.shape(view.node).channels;
    if count == 0 || !channels.is_multiple_of(count) || !total.is_multiple_of(count) {
        return cut(format!("its {count} groups do not divide {channels} channels"));
    }
    let mut repeated = |place: usize| -> Result<Vec<f32>, attributes::Stop> {
        let Some(tensor) = call.optional(place)? else { return cut(format!("it has no input {place}")) };
        // One for each channel, or (in version 18) for each group.
        let own = tensor.len();
        if own == 0 || !total.is_multiple_of(own) || !(own == channels || own == count) {
            return cut(format!("input {place} has {own} values, and there are {channels} channels"));
        }
        let (_, values) = call.take(place)?;
        Ok(values.iter().flat_map(|&value| std::iter::repeat_n(value, total / own)).collect())
    };
    let (scale, shift) = (repeated(1)?, repeated(2)?);
    let op = Op::Normalize(Over::Groups(count), f64::from(call.float("epsilon", 1e-5)));
    let weights = Some(LayerWeights::Affine { scale, shift });
    let node = net.layer(call.origin, op, Activation::Linear, &[view.node], None, weights)?;
    Ok(vec![Value::View(view.of(node, call.origin))])
}

/// Over the last axes.
pub(super) fn layer(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let first = attributes::axis(call.int("axis", -1), input.rank())?;
    let axes: Vec<usize> = (first..input.rank()).collect();
    let epsilon = f64::from(call.float("epsilon", 1e-5));
    let is_all = (0..first).all(|axis| input.size(axis) == 1);
    let shape = net.shape(input.node);
    let (view, groups) = match is_all && !shape.is_vector() {
        true => net.grouped(input)?,
        false => net.as_channels(input, &axes)?,
    };
    let channels = net.shape(view.node).channels;
    let sizes = view.sizes();
    let (scale, shift) = (call.optional(1)?.cloned(), call.optional(2)?.cloned());
    let mut each = [vec![1.0; channels], vec![0.0; channels]];
    let mut behind = vec![];
    for (place, (tensor, arithmetic)) in
        [(scale, Arithmetic::Mul), (shift, Arithmetic::Add)].into_iter().enumerate()
    {
        let Some(tensor) = tensor else { continue };
        let (shape, values) = constant_in(&mut net.reader, &tensor, &sizes, &groups)?;
        match values.as_slice() {
            // What comes behind a scale that is not one of channels has to come behind it.
            [number] if behind.is_empty() => each[place] = vec![*number; channels],
            _ if shape.is_vector() && values.len() == channels && behind.is_empty() => each[place] = values,
            _ => behind.push((arithmetic, tensor)),
        }
    }
    let over = if is_all && !shape.is_vector() { Over::All } else { Over::Channels };
    let [scale, shift] = each;
    let weights = Some(LayerWeights::Affine { scale, shift });
    let op = Op::Normalize(over, epsilon);
    let node = net.layer(call.origin, op, Activation::Linear, &[view.node], None, weights)?;
    let mut view = view.of(node, call.origin);
    for (arithmetic, tensor) in behind {
        view = with_constant(net, call.origin, arithmetic, false, &view, &tensor)?;
    }
    Ok(vec![Value::View(view)])
}

/// Over neighbouring channels.
pub(super) fn local(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let (view, _) = net.as_channels(call.view(0)?, &[1])?;
    let size = usize::try_from(call.int("size", 0)).unwrap_or(0);
    if size == 0 {
        return cut("it has no `size`");
    }
    let (alpha, beta, bias) = (call.float("alpha", 1e-4), call.float("beta", 0.75), call.float("bias", 1.0));
    let op = Op::LocalResponse(size, alpha, beta, bias);
    let node = net.layer(call.origin, op, Activation::Linear, &[view.node], None, None)?;
    Ok(vec![Value::View(view.of(node, call.origin))])
}
