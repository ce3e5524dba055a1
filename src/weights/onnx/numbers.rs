//! Arithmetic of constants.

use super::attributes::{Stop, cut};
use super::tensor::{Data, Tensor, TensorReader, type_name};

/// In another number type. Floats of all sizes are f32 here, integers and truth values i64.
pub(super) fn converted(tensor: &Tensor, to: i64) -> Result<Tensor, Stop> {
    let data = match (to, &tensor.data) {
        (1 | 10 | 11 | 16, _) => Data::Float(tensor.floats()),
        (9, _) => Data::Int((0..tensor.len()).map(|index| i64::from(tensor.float(index) != 0.0)).collect()),
        (2..=7 | 12 | 13, Data::Int(values)) => Data::Int(values.clone()),
        (2..=7 | 12 | 13, Data::Float(values)) => {
            Data::Int(values.iter().map(|&value| value as i64).collect())
        }
        (other, _) => return cut(format!("it makes {} of a constant", type_name(other as i32))),
    };
    Ok(Tensor { sizes: tensor.sizes.clone(), data })
}

/// A function of each value.
pub(super) fn function(op: &str, tensor: &Tensor) -> Result<Tensor, Stop> {
    let whole: Option<fn(i64) -> i64> = match op {
        "Neg" => Some(i64::wrapping_neg),
        "Abs" => Some(i64::wrapping_abs),
        "Floor" | "Ceil" | "Round" => Some(|value| value),
        "Not" => Some(|value| i64::from(value == 0)),
        "Sign" => Some(i64::signum),
        _ => None,
    };
    let real: Option<fn(f32) -> f32> = match op {
        "Neg" => Some(|value| -value),
        "Abs" => Some(f32::abs),
        "Floor" => Some(f32::floor),
        "Ceil" => Some(f32::ceil),
        "Round" => Some(f32::round_ties_even),
        "Sqrt" => Some(f32::sqrt),
        "Exp" => Some(f32::exp),
        "Log" => Some(f32::ln),
        "Reciprocal" => Some(|value| 1.0 / value),
        "Sigmoid" => Some(|value| 1.0 / (1.0 + (-value).exp())),
        "Tanh" => Some(f32::tanh),
        "Relu" => Some(|value| value.max(0.0)),
        "Sin" => Some(f32::sin),
        "Cos" => Some(f32::cos),
        _ => None,
    };
    let data = match (&tensor.data, whole, real) {
        (Data::Int(values), Some(whole), _) => Data::Int(values.iter().map(|&value| whole(value)).collect()),
        (Data::Float(values), _, Some(real)) => {
            Data::Float(values.iter().map(|&value| real(value)).collect())
        }
        _ => return cut(""),
    };
    Ok(Tensor { sizes: tensor.sizes.clone(), data })
}

/// Rows of one constant by the columns of a matrix.
pub(super) fn product(a: &Tensor, b: &Tensor, reader: &mut TensorReader<'_>) -> Result<Tensor, Stop> {
    let (Some((&inner, outer)), &[rows, columns]) = (a.sizes.split_last(), b.sizes.as_slice()) else {
        return cut("");
    };
    let count = a.len() / inner.max(1);
    let work = count.checked_mul(columns).and_then(|count| count.checked_mul(inner));
    let Some(work) = work.filter(|&work| inner == rows && inner > 0 && work <= 1 << 28) else {
        return cut("");
    };
    // Also so that many of them take no long time.
    reader.spend(work / 8 + count * columns)?;
    let (a, b) = (a.floats(), b.floats());
    let mut values = Vec::with_capacity(count * columns);
    for row in a.chunks(inner) {
        for column in 0..columns {
            let products = row
                .iter()
                .enumerate()
                .map(|(k, value)| f64::from(*value) * f64::from(b[k * columns + column]));
            values.push(products.sum::<f64>() as f32);
        }
    }
    Ok(Tensor { sizes: [outer, &[columns]].concat(), data: Data::Float(values) })
}

/// Whether [`combined`] knows it.
pub(super) fn is_arithmetic(op: &str) -> bool {
    let known = ["Add", "Sub", "Mul", "Div", "Mod", "Pow", "Max", "Min", "Sum", "And", "Or"];
    known.contains(&op) || comparison(op).is_some()
}

/// Arithmetic of two constants of the same sizes.
pub(super) fn combined(op: &str, a: &Tensor, b: &Tensor) -> Result<Tensor, Stop> {
    let sizes = a.sizes.clone();
    if let Some(compare) = comparison(op) {
        let pairs = (0..a.len()).map(|index| match (&a.data, &b.data) {
            (Data::Int(a), Data::Int(b)) => a.get(index).cmp(&b.get(index)),
            _ => a.float(index).total_cmp(&b.float(index)),
        });
        return Ok(Tensor { sizes, data: Data::Int(pairs.map(|order| i64::from(compare(order))).collect()) });
    }
    let data = match (&a.data, &b.data) {
        (Data::Int(a), Data::Int(b)) => {
            Data::Int(a.iter().zip(b).map(|(&a, &b)| whole(op, a, b)).collect::<Result<_, _>>()?)
        }
        _ => Data::Float((0..a.len()).map(|i| real(op, a.float(i), b.float(i))).collect::<Result<_, _>>()?),
    };
    Ok(Tensor { sizes, data })
}

fn comparison(op: &str) -> Option<fn(std::cmp::Ordering) -> bool> {
    Some(match op {
        "Equal" => std::cmp::Ordering::is_eq,
        "Less" => std::cmp::Ordering::is_lt,
        "LessOrEqual" => std::cmp::Ordering::is_le,
        "Greater" => std::cmp::Ordering::is_gt,
        "GreaterOrEqual" => std::cmp::Ordering::is_ge,
        _ => return None,
    })
}

fn whole(op: &str, a: i64, b: i64) -> Result<i64, Stop> {
    Ok(match op {
        "Add" => a.wrapping_add(b),
        "Sub" => a.wrapping_sub(b),
        "Mul" => a.wrapping_mul(b),
        "Div" if b != 0 => a.wrapping_div(b),
        "Mod" if b != 0 => a.wrapping_rem_euclid(b),
        "Div" | "Mod" => return cut("it divides by 0"),
        "Pow" => a.wrapping_pow(u32::try_from(b).unwrap_or(0)),
        "Max" => a.max(b),
        "Min" => a.min(b),
        "And" => i64::from(a != 0 && b != 0),
        "Or" => i64::from(a != 0 || b != 0),
        _ => return cut(""),
    })
}

fn real(op: &str, a: f32, b: f32) -> Result<f32, Stop> {
    Ok(match op {
        "Add" | "Sum" => a + b,
        "Sub" => a - b,
        "Mul" => a * b,
        "Div" => a / b,
        "Pow" => a.powf(b),
        "Max" => a.max(b),
        "Min" => a.min(b),
        _ => return cut(""),
    })
}
