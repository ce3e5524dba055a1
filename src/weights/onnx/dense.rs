//! Matrix products.

use super::super::parameters::LayerWeights;
use super::arithmetic::{two, with_constant};
use super::attributes::{Call, Outcome, Stop, Value, cut};
use super::import::Importer;
use super::tensor::{Data, Tensor};
use super::view::{Groups, View, broadcast};
use crate::model::{Activation, Arithmetic, Op, Shape};

/// A matrix `[outputs, inputs]` times an axis of the value.
fn dense(
    net: &mut Importer<'_>,
    origin: usize,
    view: &View,
    axis: usize,
    weight: Vec<f32>,
    bias: Vec<f32>,
) -> Result<View, Stop> {
    let (outputs, inputs) = (bias.len(), view.size(axis));
    if outputs.checked_mul(inputs) != Some(weight.len()) || outputs == 0 {
        return cut(format!("its matrix of {} values does not fit {inputs} inputs", weight.len()));
    }
    let (view, mut groups) = net.as_channels(view, &[axis])?;
    let given = Some(Shape::vector(outputs));
    let weights = Some(LayerWeights::Dense { weight, bias });
    let node = net.layer(origin, Op::Dense, Activation::Linear, &[view.node], given, weights)?;
    let mut sizes = view.sizes();
    sizes[axis] = outputs;
    groups[0] = vec![axis];
    Ok(View::in_groups(node, &sizes, &groups, origin))
}

fn turned(values: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|index| values[index % rows * columns + index / rows]).collect()
}

/// alpha·A·B + beta·C.
pub(super) fn gemm(net: &mut Importer<'_>, mut call: Call<'_>) -> Outcome {
    let (alpha, beta) = (call.float("alpha", 1.0), call.float("beta", 1.0));
    let mut view = call.view(0)?.clone();
    if view.rank() != 2 {
        return cut(format!("its input has {} axes", view.rank()));
    }
    if call.int("transA", 0) != 0 {
        view.sides.swap(0, 1);
    }
    let transposed = call.int("transB", 0) != 0;
    if let Value::View(other) = call.input(1) {
        let mut other = other.clone();
        if transposed && other.rank() == 2 {
            other.sides.swap(0, 1);
        }
        if (alpha, beta) != (1.0, 1.0) {
            return cut("it scales a product of two values");
        }
        let product = product(net, call.origin, &view, &other)?;
        let sum = match call.input(2) {
            Value::Absent => product,
            Value::Constant(bias) => with_constant(net, call.origin, Arithmetic::Add, false, &product, bias)?,
            Value::View(bias) => two(net, call.origin, Arithmetic::Add, &product, bias)?,
            Value::Cut => return cut(""),
        };
        return Ok(vec![Value::View(sum)]);
    }
    let &[rows, columns] = call.constant(1)?.sizes.as_slice() else {
        return cut("its matrix has not two sides");
    };
    let (outputs, inputs) = if transposed { (rows, columns) } else { (columns, rows) };
    if inputs != view.size(1) {
        return cut(format!("its matrix takes {inputs} inputs, and there are {}", view.size(1)));
    }
    // Of one number for all, one for each output, or more than that.
    let bias = call.optional(2)?.cloned();
    let each = match &bias {
        Some(bias) if bias.len() == outputs && bias.sizes.last() == Some(&outputs) => Some(bias.floats()),
        Some(bias) if bias.len() == 1 => Some(vec![bias.float(0); outputs]),
        Some(_) => None,
        None => Some(vec![0.0; outputs]),
    };
    let (_, mut weight) = call.take(1)?;
    if !transposed {
        weight = turned(&weight, inputs, outputs);
    }
    if alpha != 1.0 {
        weight.iter_mut().for_each(|value| *value *= alpha);
    }
    let own = each.clone().unwrap_or_else(|| vec![0.0; outputs]).iter().map(|value| value * beta).collect();
    let mut result = dense(net, call.origin, &view, 1, weight, own)?;
    if let (None, Some(bias)) = (each, bias) {
        let scaled = bias.floats().iter().map(|value| value * beta).collect();
        let bias = Tensor { sizes: bias.sizes.clone(), data: Data::Float(scaled) };
        result = with_constant(net, call.origin, Arithmetic::Add, false, &result, &bias)?;
    }
    Ok(vec![Value::View(result)])
}

/// The matrix of a constant of more axes than two, if those in front are of size 1.
fn matrix(sizes: &[usize]) -> Option<[usize; 2]> {
    match *sizes {
        [ref front @ .., rows, columns] if front.iter().all(|&size| size == 1) => Some([rows, columns]),
        [length] => Some([length, 1]),
        _ => None,
    }
}

pub(super) fn matmul(net: &mut Importer<'_>, mut call: Call<'_>) -> Outcome {
    let origin = call.origin;
    let result = match (call.input(0).clone(), call.input(1).clone()) {
        (Value::View(a), Value::View(b)) => product(net, origin, &a, &b)?,
        (Value::View(a), Value::Constant(b)) => match matrix(&b.sizes) {
            Some([inputs, outputs]) if a.rank() > 0 && inputs == a.size(a.rank() - 1) => {
                let is_vector = b.sizes.len() == 1;
                let front = b.sizes.len().saturating_sub(2);
                drop(b);
                let (_, weight) = call.take(1)?;
                let weight = turned(&weight, inputs, outputs);
                let a = a.of_rank(front + 1);
                let axis = a.rank() - 1;
                let mut product = dense(net, origin, &a, axis, weight, vec![0.0; outputs])?;
                if is_vector {
                    product.sides.pop();
                }
                product
            }
            _ => {
                let b = constant(net, origin, &b)?;
                product(net, origin, &a, &b)?
            }
        },
        (Value::Constant(a), Value::View(b)) => match matrix(&a.sizes) {
            // A·B is a matrix times the rows of B.
            Some([outputs, inputs])
                if a.sizes.len() >= 2 && b.rank() >= 2 && inputs == b.size(b.rank() - 2) =>
            {
                let b = b.of_rank(a.sizes.len());
                drop(a);
                let (_, weight) = call.take(0)?;
                let axis = b.rank() - 2;
                dense(net, origin, &b, axis, weight, vec![0.0; outputs])?
            }
            _ => {
                let a = constant(net, origin, &a)?;
                product(net, origin, &a, &b)?
            }
        },
        _ => return cut(""),
    };
    Ok(vec![Value::View(result)])
}

/// A layer of nothing but numbers of the file.
pub(super) fn constant(net: &mut Importer<'_>, origin: usize, tensor: &Tensor) -> Result<View, Stop> {
    let groups = super::view::standard(&tensor.sizes);
    let sides = groups.each_ref().map(|group| group.iter().map(|&axis| tensor.sizes[axis]).product());
    let Some(shape) = Shape::checked(sides) else { return cut("one of its constants is empty or too large") };
    let weights = Some(LayerWeights::Constant { shape, values: tensor.floats() });
    let node = net.layer(origin, Op::Constant, Activation::Linear, &[], Some(shape), weights)?;
    Ok(View::in_groups(node, &tensor.sizes, &groups, origin))
}

/// Of two layers: rows by columns, for all axes in front.
fn product(net: &mut Importer<'_>, origin: usize, a: &View, b: &View) -> Result<View, Stop> {
    let rank = a.rank().max(b.rank());
    if a.rank() < 2 || b.rank() < 2 {
        return cut("it multiplies by a vector");
    }
    let (a, b) = (a.of_rank(rank), b.of_rank(rank));
    let front = rank - 2;
    let Some(mut sizes) = broadcast(&a.sizes()[..front], &b.sizes()[..front]) else {
        return cut(format!("it multiplies matrices of the sizes {:?} and {:?}", a.sizes(), b.sizes()));
    };
    for view in [&a, &b] {
        let own = &view.sizes()[..front];
        if own != sizes && own.iter().any(|&size| size != 1) {
            return cut("it repeats some of its matrices");
        }
    }
    let groups: Groups = [(0..front).collect(), vec![front], vec![front + 1]];
    let (rows, columns) = (a.size(front), b.size(front + 1));
    let (a, b) = (net.arranged(&a, &groups)?, net.arranged(&b, &groups)?);
    let node = net.layer(origin, Op::MatMul, Activation::Linear, &[a.node, b.node], None, None)?;
    sizes.extend([rows, columns]);
    Ok(View::in_groups(node, &sizes, &groups, origin))
}
