//! Maps made larger or smaller.

use super::attributes::{self, Call, Outcome, Stop, Value, counts, cut};
use super::import::Importer;
use super::join::spatial;
use super::view::View;
use crate::model::{Activation, Coordinates, Interpolation, Op, Rounding, Shape};

/// New lengths of some axes, and output cells for each input cell.
struct Target {
    axis: usize,
    length: usize,
    scale: f64,
}

/// `Resize` and the older `Upsample`.
pub(super) fn resize(net: &mut Importer<'_>, call: &Call<'_>) -> Outcome {
    let input = call.view(0)?;
    let targets: Vec<Target> = targets(call, input)?
        .into_iter()
        .filter(|target| target.length != input.size(target.axis) || target.scale != 1.0)
        .collect();
    let axes: Vec<usize> = targets.iter().map(|target| target.axis).collect();
    let mut ordered = axes.clone();
    ordered.sort_unstable();
    let Some(groups) = spatial(net, input, &ordered)? else {
        return Ok(vec![Value::View(View { origin: call.origin, ..input.clone() })]);
    };
    let view = net.arranged(input, &groups)?;
    let shape = net.shape(view.node);
    let mut sides = [shape.height, shape.width];
    let mut scale = [1.0; 2];
    let mut sizes = view.sizes();
    for target in &targets {
        let place = usize::from(groups[2].contains(&target.axis));
        (sides[place], scale[place]) = (target.length, target.scale);
        sizes[target.axis] = target.length;
    }
    let is_old = call.node.op_type == "Upsample" || call.opset < 11;
    let interpolation = match call.text("mode").as_deref() {
        None | Some("nearest") => Interpolation::Nearest,
        Some("linear" | "bilinear") => Interpolation::Linear,
        Some(other) => return cut(format!("it interpolates in the way `{other}`")),
    };
    let shrinks = targets.iter().any(|target| target.scale < 1.0);
    if interpolation == Interpolation::Linear && shrinks && call.int("antialias", 0) != 0 {
        return cut("it shrinks with antialiasing");
    }
    let default = if is_old { "asymmetric" } else { "half_pixel" };
    let mode = call.text("coordinate_transformation_mode").unwrap_or_else(|| default.into());
    let single = targets.iter().filter(|target| target.length == 1).count();
    let mut rounding = match call.text("nearest_mode").as_deref() {
        _ if is_old => Rounding::Floor,
        None | Some("round_prefer_floor") => Rounding::HalfDown,
        Some("round_prefer_ceil") => Rounding::HalfUp,
        Some("floor") => Rounding::Floor,
        Some("ceil") => Rounding::Ceil,
        Some(other) => return cut(format!("it rounds in the way `{other}`")),
    };
    let coordinates = match mode.as_str() {
        "half_pixel" => Coordinates::HalfPixel,
        // The same but for outputs of one cell, which lie on the first.
        "pytorch_half_pixel" if single == 0 => Coordinates::HalfPixel,
        "pytorch_half_pixel" if single == targets.len() => Coordinates::Asymmetric,
        "half_pixel_symmetric" if targets.iter().all(|target| target.scale.fract() == 0.0) => {
            Coordinates::HalfPixel
        }
        "asymmetric" => Coordinates::Asymmetric,
        "align_corners" => Coordinates::AlignCorners,
        "tf_half_pixel_for_nn" if interpolation == Interpolation::Nearest && rounding == Rounding::Floor => {
            rounding = Rounding::HalfUp;
            Coordinates::HalfPixel
        }
        other => return cut(format!("it places cells in the way `{other}`")),
    };
    let Some(given) = Shape::checked([shape.channels, sides[0], sides[1]]) else {
        return cut(format!("it makes maps of {}×{}", sides[0], sides[1]));
    };
    let op = Op::Resize { interpolation, coordinates, rounding, scale };
    let node = net.layer(call.origin, op, Activation::Linear, &[view.node], Some(given), None)?;
    Ok(vec![Value::View(View::in_groups(node, &sizes, &groups, call.origin))])
}

fn targets(call: &Call<'_>, input: &View) -> Result<Vec<Target>, Stop> {
    let axes: Vec<usize> = match call.ints("axes") {
        Some(axes) => {
            axes.iter().map(|&axis| attributes::axis(axis, input.rank())).collect::<Result<_, _>>()?
        }
        None => (0..input.rank()).collect(),
    };
    // Before version 11: the value and the scales; from then on: the value, a region, the scales, the sizes.
    let (scales_at, sizes_at) = match call.node.op_type.as_str() {
        "Upsample" => (1, usize::MAX),
        _ if call.opset < 11 => (1, usize::MAX),
        _ => (2, 3),
    };
    let sizes = call.optional(sizes_at)?.filter(|sizes| sizes.len() > 0);
    if let Some(sizes) = sizes {
        let sizes = counts(&sizes.integers().unwrap_or_default(), "sizes")?;
        let policy = call.text("keep_aspect_ratio_policy");
        if sizes.len() != axes.len() || policy.is_some_and(|policy| policy != "stretch") {
            return cut("its `sizes` are for other axes");
        }
        return Ok(axes
            .iter()
            .zip(sizes)
            .map(|(&axis, length)| Target { axis, length, scale: length as f64 / input.size(axis) as f64 })
            .collect());
    }
    let scales = match call.optional(scales_at)? {
        Some(tensor) => tensor.floats(),
        None => call.floats("scales").unwrap_or_default().to_vec(),
    };
    if scales.len() != axes.len() || !scales.iter().all(|scale| *scale > 0.0 && scale.is_finite()) {
        return cut("its `scales` are for other axes");
    }
    Ok(axes
        .iter()
        .zip(scales)
        .map(|(&axis, scale)| {
            // In f32, as ONNX Runtime rounds.
            let length = (input.size(axis) as f32 * scale).floor();
            Target { axis, length: length as usize, scale: f64::from(scale) }
        })
        .collect())
}
