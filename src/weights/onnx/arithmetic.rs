//! Functions of each value, and arithmetic of two.

use super::super::parameters::LayerWeights;
use super::arrange::constant_in;
use super::attributes::{Call, Outcome, Stop, Value, cut};
use super::import::Importer;
use super::tensor::Tensor;
use super::view::{Groups, View, broadcast, standard};
use crate::model::{Activation, Arithmetic, Op, Shape};

/// A function of each value.
pub(super) fn function(net: &mut Importer<'_>, call: &Call<'_>, activation: Activation) -> Outcome {
    let view = call.view(0)?;
    let node = net.layer(call.origin, Op::Activation, activation, &[view.node], None, None)?;
    Ok(vec![Value::View(view.of(node, call.origin))])
}

/// The function of an operation that takes nothing but numbers with it.
pub(super) fn activation(call: &Call<'_>) -> Result<Option<Activation>, Stop> {
    let float = |name: &str, default: f32| call.float(name, default);
    Ok(Some(match call.node.op_type.as_str() {
        "Relu" => Activation::Relu,
        "LeakyRelu" => Activation::LeakyRelu(float("alpha", 0.01)),
        "Elu" => Activation::Elu(float("alpha", 1.0)),
        "Celu" if float("alpha", 1.0) == 1.0 => Activation::Elu(1.0),
        "Selu" => {
            let is_published = (float("alpha", 1.673_263_2) - 1.673_263_2).abs() < 1e-4
                && (float("gamma", 1.050_701) - 1.050_701).abs() < 1e-4;
            if !is_published {
                return cut("its numbers are not those of SELU");
            }
            Activation::Selu
        }
        "Gelu" => match call.text("approximate").as_deref() {
            Some("tanh") => Activation::GeluTanh,
            _ => Activation::Gelu,
        },
        "Sigmoid" => Activation::Sigmoid,
        "HardSigmoid" => Activation::HardSigmoid(float("alpha", 0.2), float("beta", 0.5)),
        "HardSwish" => Activation::HardSwish,
        "Swish" if float("alpha", 1.0) == 1.0 => Activation::Silu,
        "Mish" => Activation::Mish,
        "Tanh" => Activation::Tanh,
        "Softplus" => Activation::Softplus,
        "Softsign" => Activation::Softsign,
        "Exp" => Activation::Exp,
        "Log" => Activation::Log,
        "Sqrt" => Activation::Sqrt,
        "Abs" => Activation::Abs,
        "Neg" => Activation::Neg,
        "Reciprocal" => Activation::Reciprocal,
        "Erf" => Activation::Erf,
        "Floor" => Activation::Floor,
        "Clip" => {
            let low = call.number(1, "min")?.unwrap_or(f32::NEG_INFINITY);
            let high = call.number(2, "max")?.unwrap_or(f32::INFINITY);
            if low == 0.0 && high == f32::INFINITY { Activation::Relu } else { Activation::Clip(low, high) }
        }
        _ => return Ok(None),
    }))
}

/// x, and below zero x times a slope.
pub(super) fn prelu(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let (view, groups) = net.grouped(call.view(0)?)?;
    let slope = call.constant(1)?;
    let (shape, values) = constant_in(&mut net.reader, slope, &view.sizes(), &groups)?;
    let weights = LayerWeights::Constant { shape, values };
    let node = net.layer(call.origin, Op::Prelu, Activation::Linear, &[view.node], None, Some(weights))?;
    Ok(vec![Value::View(view.of(node, call.origin))])
}

/// Arithmetic of all inputs, from left to right.
pub(super) fn combine(net: &mut Importer<'_>, call: &Call<'_>, arithmetic: Arithmetic) -> Outcome {
    if arithmetic == Arithmetic::Mean && call.inputs.len() > 2 {
        // Of equal sizes as a rule; a mean of means would be another.
        let mut sum = combine(net, call, Arithmetic::Add)?;
        let Some(Value::View(view)) = sum.pop() else { return cut("") };
        let share =
            Tensor { sizes: vec![], data: super::tensor::Data::Float(vec![1.0 / call.inputs.len() as f32]) };
        return Ok(vec![Value::View(with_constant(
            net,
            call.origin,
            Arithmetic::Mul,
            false,
            &view,
            &share,
        )?)]);
    }
    let mut inputs = call.inputs.iter();
    let mut joined = inputs.next().cloned().unwrap_or(Value::Absent);
    for input in inputs {
        joined = match (&joined, input) {
            (Value::View(a), Value::View(b)) => Value::View(two(net, call.origin, arithmetic, a, b)?),
            (Value::View(a), Value::Constant(b)) => {
                Value::View(with_constant(net, call.origin, arithmetic, false, a, b)?)
            }
            (Value::Constant(a), Value::View(b)) => {
                Value::View(with_constant(net, call.origin, arithmetic, true, b, a)?)
            }
            _ => return cut("its first inputs are constants"),
        };
    }
    match joined {
        // `Sum` of one.
        Value::View(view) => Ok(vec![Value::View(View { origin: call.origin, ..view })]),
        _ => cut("it has no input"),
    }
}

/// How an axis of one value meets that of another, larger one.
fn is_uniform(group: &[usize], small: &View, large: &[usize]) -> bool {
    let repeated = group.iter().filter(|&&axis| small.size(axis) == 1 && large[axis] > 1).count();
    repeated == 0 || repeated == group.iter().filter(|&&axis| large[axis] > 1).count()
}

/// Arithmetic of two layers.
pub(super) fn two(
    net: &mut Importer<'_>,
    origin: usize,
    arithmetic: Arithmetic,
    a: &View,
    b: &View,
) -> Result<View, Stop> {
    let rank = a.rank().max(b.rank());
    let (a, b) = (a.of_rank(rank), b.of_rank(rank));
    let Some(sizes) = broadcast(&a.sizes(), &b.sizes()) else {
        return cut(format!("it combines values of the sizes {:?} and {:?}", a.sizes(), b.sizes()));
    };
    let a_leads = a.sizes() == sizes && (b.sizes() != sizes || a.groups(net.shape(a.node)).is_some());
    let (leader, other) = if a_leads { (&a, &b) } else { (&b, &a) };
    let (leader, groups) = if leader.sizes() == sizes {
        let (mut leader, mut groups) = net.grouped(leader)?;
        if !groups.iter().all(|group| is_uniform(group, other, &sizes)) {
            groups = runs(&leader, |axis| other.size(axis) > 1)?;
            leader = net.arranged(&leader, &groups)?;
        }
        (leader, groups)
    } else {
        let groups = standard(&sizes);
        if ![&a, &b].iter().all(|view| groups.iter().all(|group| is_uniform(group, view, &sizes))) {
            return cut(format!("it repeats both of its inputs, {:?} and {:?}", a.sizes(), b.sizes()));
        }
        (net.arranged(leader, &groups)?, groups)
    };
    let other = net.arranged(other, &groups)?;
    let inputs = if a_leads { [leader.node, other.node] } else { [other.node, leader.node] };
    let node = net.layer(origin, Op::Arithmetic(arithmetic), Activation::Linear, &inputs, None, None)?;
    Ok(View::in_groups(node, &sizes, &groups, origin))
}

/// Groups of axes next to each other in the layer that are all of one sort.
pub(super) fn runs(view: &View, sort: impl Fn(usize) -> bool) -> Result<Groups, Stop> {
    let mut groups = Groups::default();
    let mut place = 0;
    for axis in view.order() {
        if groups[place].last().is_some_and(|&last| sort(last) != sort(axis)) {
            place += 1;
        }
        match groups.get_mut(place) {
            Some(group) => group.push(axis),
            None => return cut("it combines values along too many axes"),
        }
    }
    Ok(groups)
}

/// Arithmetic of a layer and numbers of the file.
pub(super) fn with_constant(
    net: &mut Importer<'_>,
    origin: usize,
    arithmetic: Arithmetic,
    constant_first: bool,
    view: &View,
    constant: &Tensor,
) -> Result<View, Stop> {
    let view = view.of_rank(constant.sizes.len().min(view.rank().max(8)));
    let Some(sizes) = broadcast(&view.sizes(), &constant.sizes) else {
        return cut(format!("it combines values of the sizes {:?} and {:?}", view.sizes(), constant.sizes));
    };
    let (view, groups) = if view.sizes() == sizes {
        net.grouped(&view)?
    } else {
        let groups = standard(&sizes);
        if !groups.iter().all(|group| is_uniform(group, &view, &sizes)) {
            return cut("it repeats its input along some axes");
        }
        (net.arranged(&view, &groups)?, groups)
    };
    if let Some(number) = constant.scalar().filter(|_| view.sizes() == sizes)
        && let Some(activation) = as_function(arithmetic, constant_first, number)
    {
        let node = net.layer(origin, Op::Activation, activation, &[view.node], None, None)?;
        return Ok(view.of(node, origin));
    }
    let (shape, values) = constant_in(&mut net.reader, constant, &sizes, &groups)?;
    let channels = net.shape(view.node).channels;
    let affine = (shape.is_vector() && view.sizes() == sizes)
        .then(|| affine(arithmetic, constant_first, &values, channels))
        .flatten();
    let (op, weights, given) = match affine {
        Some(weights) => (Op::Affine, weights, None),
        None => {
            let op = Op::WithConstant(arithmetic, constant_first);
            (op, LayerWeights::Constant { shape, values }, Some(shape))
        }
    };
    let node = net.layer(origin, op, Activation::Linear, &[view.node], given, Some(weights))?;
    Ok(View::in_groups(node, &sizes, &groups, origin))
}

/// Arithmetic with one number that is a function by itself.
fn as_function(arithmetic: Arithmetic, constant_first: bool, number: f32) -> Option<Activation> {
    Some(match (arithmetic, constant_first) {
        (Arithmetic::Max, _) if number == 0.0 => Activation::Relu,
        (Arithmetic::Max, _) => Activation::Clip(number, f32::INFINITY),
        (Arithmetic::Min, _) => Activation::Clip(f32::NEG_INFINITY, number),
        (Arithmetic::Pow, false) if number == 0.5 => Activation::Sqrt,
        (Arithmetic::Pow, false) => Activation::Power(number),
        (Arithmetic::Div, true) if number == 1.0 => Activation::Reciprocal,
        _ => return None,
    })
}

/// A scale and a shift for each channel, which can be folded into a convolution.
fn affine(
    arithmetic: Arithmetic,
    constant_first: bool,
    values: &[f32],
    channels: usize,
) -> Option<LayerWeights> {
    let one_each = |value: &dyn Fn(f32) -> f32| match values {
        [number] => vec![value(*number); channels],
        _ => values.iter().map(|&number| value(number)).collect(),
    };
    let same = |number: f32| vec![number; channels];
    let (scale, shift) = match (arithmetic, constant_first) {
        (Arithmetic::Add, _) => (same(1.0), one_each(&|x| x)),
        (Arithmetic::Sub, false) => (same(1.0), one_each(&|x| -x)),
        (Arithmetic::Sub, true) => (same(-1.0), one_each(&|x| x)),
        (Arithmetic::Mul, _) => (one_each(&|x| x), same(0.0)),
        (Arithmetic::Div, false) => (one_each(&|x| 1.0 / x), same(0.0)),
        _ => return None,
    };
    (scale.len() == channels && shift.len() == channels).then_some(LayerWeights::Affine { scale, shift })
}

/// Repeats a value along axes of length 1.
pub(super) fn repeated(
    net: &mut Importer<'_>,
    origin: usize,
    view: &View,
    sizes: &[usize],
) -> Result<View, Stop> {
    let view = view.of_rank(sizes.len());
    if view.sizes() == sizes {
        return Ok(View { origin, ..view });
    }
    let groups = standard(sizes);
    let sides = groups.each_ref().map(|group| group.iter().map(|&axis| sizes[axis]).product());
    let uniform = groups.iter().all(|group| is_uniform(group, &view, sizes));
    let Some(shape) = Shape::checked(sides).filter(|_| uniform) else {
        return cut(format!("it makes {sizes:?} of {:?}", view.sizes()));
    };
    let view = net.arranged(&view, &groups)?;
    net.reader.spend(shape.len())?;
    let weights = LayerWeights::Constant { shape, values: vec![1.0; shape.len()] };
    let op = Op::WithConstant(Arithmetic::Mul, false);
    let node = net.layer(origin, op, Activation::Linear, &[view.node], Some(shape), Some(weights))?;
    Ok(View::in_groups(node, sizes, &groups, origin))
}
