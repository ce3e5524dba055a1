//! The network's input: which value it is, how large, and in which order its axes are.

use std::collections::HashSet;

use super::super::described::ReadOptions;
use super::super::file::ReadError;
use super::message::{GraphProto, TensorTypeProto, ValueInfoProto};
use super::order;
use super::tensor::type_name;
use super::view::{Groups, View};
use crate::model::Shape;

/// The input as the file describes it.
pub(super) struct Input<'a> {
    pub(super) name: &'a str,
    pub(super) shape: Shape,
    sizes: Vec<usize>,
    groups: Groups,
    /// Pictures at once that the file is written for.
    pub(super) batch: usize,
    /// True where it takes levels from 0 to 255 as bytes.
    pub(super) is_bytes: bool,
    pub(super) notes: Vec<String>,
}

impl Input<'_> {
    pub(super) fn view(&self) -> View {
        View::in_groups(0, &self.sizes, &self.groups, 0)
    }
}

/// Which axes of an input are channels, height and width.
const CHANNELS_FIRST: [usize; 3] = [1, 2, 3];
const CHANNELS_LAST: [usize; 3] = [3, 1, 2];

/// Finds the one input that is no parameter.
pub(super) fn find<'a>(
    graph: &'a GraphProto,
    parameters: &HashSet<&str>,
    options: &ReadOptions<'_>,
    usual: [usize; 2],
) -> Result<Input<'a>, ReadError> {
    let mut read: HashSet<&str> = HashSet::new();
    for node in &graph.node {
        order::reads(node, &mut |name, _| {
            read.insert(name);
        });
    }
    let open: Vec<&ValueInfoProto> =
        graph.input.iter().filter(|input| !parameters.contains(input.name.as_str())).collect();
    let used: Vec<&ValueInfoProto> =
        open.iter().copied().filter(|input| read.contains(input.name.as_str())).collect();
    let input = match (used.as_slice(), open.as_slice()) {
        ([input], _) => *input,
        ([], []) => return Err(ReadError("it has no input that a picture could go into".into())),
        ([], _) => return Err(ReadError("nothing in it reads its input".into())),
        (several, _) => {
            let names: Vec<String> =
                several.iter().take(6).map(|input| format!("`{}`", input.name)).collect();
            return Err(ReadError(format!(
                "it has {} inputs ({}); convscope gives a network one picture and nothing else",
                several.len(),
                names.join(", ")
            )));
        }
    };
    let described = input.r#type.as_ref().and_then(|kind| kind.tensor_type.as_ref());
    let is_bytes = match described.map_or(1, |tensor| tensor.elem_type) {
        0 | 1 | 10 | 11 | 16 => false,
        2 => true,
        other => {
            let kind = type_name(other);
            return Err(ReadError(format!(
                "its input `{}` takes {kind}, and a picture is of f32",
                input.name
            )));
        }
    };
    let dims = described.and_then(dimensions).ok_or_else(|| {
        ReadError(format!("the shape of its input `{}` is not told: export it with one", input.name))
    })?;
    let (batch, dims) = match dims.as_slice() {
        &[batch, a, b, c] => (Some(batch.unwrap_or(1)), [a, b, c]),
        &[a, b, c] => (None, [a, b, c]),
        other => {
            let sizes: Vec<String> =
                other.iter().map(|size| size.map_or("?".into(), |size| size.to_string())).collect();
            return Err(ReadError(format!(
                "its input `{}` has the shape [{}], and a picture has [1, channels, height, width]",
                input.name,
                sizes.join(", ")
            )));
        }
    };
    let (axes, channels) = axes(graph, &input.name, dims);
    let mut notes = vec![];
    if is_bytes {
        notes.push(format!("its input `{}` takes bytes: levels from 0 to 255 go in", input.name));
    }
    if let Some(batch) = batch.filter(|&batch| batch > 1) {
        notes.push(format!("it is written for {batch} pictures at once and computed for one"));
    }
    let dim = |axis: usize| dims[axis - 1];
    let asked = options.input_size;
    let side = |place: usize| dim(axes[place]).unwrap_or_else(|| asked.unwrap_or(usual)[place - 1]);
    let (height, width) = (side(1), side(2));
    let is_open = dim(axes[1]).is_none() || dim(axes[2]).is_none();
    match asked {
        None if is_open => {
            notes.push(format!("it leaves the size of its input open: it is computed at {height}×{width}"))
        }
        Some(asked) if asked != [height, width] => notes.push(format!(
            "it fixes its input at {height}×{width}: the size {}×{} that was asked for is left aside",
            asked[0], asked[1]
        )),
        _ => {}
    }
    let shape = Shape::checked([channels, height, width]).ok_or_else(|| {
        ReadError(format!(
            "its input `{}` would be a picture of {height}×{width} with {channels} channels",
            input.name
        ))
    })?;
    // Without the batch all axes lie one further in front.
    let front = usize::from(batch.is_none());
    let mut sizes = vec![1; 4 - front];
    for (axis, size) in axes.into_iter().zip(shape.sides()) {
        sizes[axis - front] = size;
    }
    let groups = axes.map(|axis| vec![axis - front]);
    Ok(Input { name: &input.name, shape, sizes, groups, batch: batch.unwrap_or(1), is_bytes, notes })
}

/// The sizes that are told; `None` for those left open.
fn dimensions(tensor: &TensorTypeProto) -> Option<Vec<Option<usize>>> {
    let known = |size: Option<i64>| size.and_then(|size| usize::try_from(size).ok()).filter(|&size| size > 0);
    Some(tensor.shape.as_ref()?.dim.iter().map(|dim| known(dim.dim_value)).collect())
}

/// Where channels, height and width are, and how many channels.
fn axes(graph: &GraphProto, name: &str, dims: [Option<usize>; 3]) -> ([usize; 3], usize) {
    let is_color = |size: Option<usize>| matches!(size, Some(1 | 3));
    let first = graph.node.iter().find(|node| node.input.iter().any(|input| input == name));
    let moved = first.filter(|node| node.op_type == "Transpose").and_then(|node| {
        let order = node.attribute.iter().find(|attribute| attribute.name == "perm")?;
        Some(order.ints == [0, 3, 1, 2])
    });
    // The kernels of the first convolution tell the number of channels, where they are read directly.
    let conv = graph.node.iter().find(|node| node.op_type == "Conv");
    let kernels = conv.and_then(|node| {
        let weight = node.input.get(1)?;
        let tensor = graph.initializer.iter().find(|tensor| &tensor.name == weight)?;
        let groups =
            node.attribute.iter().find(|attribute| attribute.name == "group").map_or(1, |group| group.i);
        usize::try_from(tensor.dims.get(1)?.checked_mul(groups)?)
            .ok()
            .filter(|count| (1..=4096).contains(count))
    });
    let is_last = match (is_color(dims[0]), is_color(dims[2])) {
        (true, false) => false,
        (false, true) => true,
        _ if moved.is_some() => moved == Some(true),
        _ if kernels.is_some() && (dims[0] == kernels) != (dims[2] == kernels) => dims[2] == kernels,
        // Pictures are square more often than not, and have fewer channels than rows.
        _ => match dims {
            [Some(first), Some(middle), Some(last)] if (first == middle) != (middle == last) => {
                first == middle
            }
            [Some(first), _, Some(last)] => last < first,
            [Some(_), middle, None] => middle.is_some(),
            [None, middle, Some(_)] => middle.is_none(),
            [None, _, None] => false,
        },
    };
    let axes = if is_last { CHANNELS_LAST } else { CHANNELS_FIRST };
    let channels = dims[axes[0] - 1].or(kernels).unwrap_or(3);
    (axes, channels)
}
