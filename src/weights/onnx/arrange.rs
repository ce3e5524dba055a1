//! Brings values into the place where an operation needs them: as they are where strides allow it, else by a layer that
//! moves them.

use super::attributes::{Stop, cut};
use super::import::Importer;
use super::tensor::{Tensor, TensorReader};
use super::view::{Groups, View, standard};
use crate::model::{Activation, Axis, Op, Shape, Step};

/// The axes of a layer by their place.
pub(super) const AXES: [Axis; 3] = [Axis::Channel, Axis::Height, Axis::Width];

impl Importer<'_> {
    /// The value with its axes in this place: the layer's channels are the axes of the first group, and so on.
    pub(super) fn arranged(&mut self, view: &View, groups: &Groups) -> Result<View, Stop> {
        let sides = groups.each_ref().map(|group| group.iter().map(|&axis| view.size(axis)).product());
        let Some(shape) = Shape::checked(sides).filter(|shape| shape.len() == view.len()) else {
            return cut("its axes do not fit together");
        };
        let target = View::in_groups(view.node, &view.sizes(), groups, view.origin);
        if target.sides == view.sides && self.shape(view.node) == shape {
            return Ok(view.clone());
        }
        let order = view.order();
        let wanted = groups.iter().flatten().filter(|&&axis| view.size(axis) > 1);
        let places: Vec<usize> =
            wanted.filter_map(|axis| order.iter().position(|other| other == axis)).collect();
        let lengths = order.iter().map(|&axis| view.size(axis)).collect();
        let node = self.moved_to(view.node, lengths, places, shape.sides(), view.origin)?;
        Ok(View { node, ..target })
    }

    /// The layer with the values of another, taken as of these lengths, in another order of axes, of these sides.
    pub(super) fn moved_to(
        &mut self,
        from: usize,
        lengths: Vec<usize>,
        order: Vec<usize>,
        sides: [usize; 3],
        origin: usize,
    ) -> Result<usize, Stop> {
        let step = match order.is_sorted() {
            true => Step { sides: vec![lengths.iter().product()], order: vec![0] },
            false => Step { sides: lengths, order },
        };
        let key = (from, step.sides.clone(), step.order.clone(), sides);
        if let Some(&node) = self.moved.get(&key) {
            return Ok(node);
        }
        let Some(shape) = Shape::checked(sides) else { return cut("its output would be empty or too large") };
        let op = Op::Rearrange(vec![step]);
        let node = self.layer(origin, op, Activation::Linear, &[from], Some(shape), None)?;
        self.call_moved(node, origin);
        self.moved.insert(key, node);
        Ok(node)
    }

    /// The value with each axis in one of the layer's: moved only where one of them is a part of two.
    pub(super) fn grouped(&mut self, view: &View) -> Result<(View, Groups), Stop> {
        if let Some(groups) = view.groups(self.shape(view.node)) {
            return Ok((view.clone(), groups));
        }
        let groups = standard(&view.sizes());
        Ok((self.arranged(view, &groups)?, groups))
    }

    /// A value `[1, C, H, W]`, also `[1, C, W]`, as the layer that has it so.
    pub(super) fn picture(&mut self, view: &View) -> Result<View, Stop> {
        match view.rank() {
            4 | 3 if view.size(0) != 1 => cut(format!("it works on {} pictures at once", view.size(0))),
            4 => self.arranged(view, &[vec![1], vec![2], vec![3]]),
            3 => self.arranged(view, &[vec![1], vec![], vec![2]]),
            rank => cut(format!("its input has {rank} axes")),
        }
    }

    /// The value with some of its axes, and no others, as one axis of the layer.
    pub(super) fn isolated(&mut self, view: &View, axes: &[usize]) -> Result<(View, Axis, Groups), Stop> {
        let long: Vec<usize> = axes.iter().copied().filter(|&axis| view.size(axis) > 1).collect();
        let is_own = |group: &Vec<usize>| {
            !long.is_empty() && group.len() == long.len() && long.iter().all(|axis| group.contains(axis))
        };
        if let Some(groups) = view.groups(self.shape(view.node))
            && let Some(place) = groups.iter().position(is_own)
        {
            return Ok((view.clone(), AXES[place], groups));
        }
        // Where they lie next to each other nothing has to be moved.
        let order = view.order();
        let first = order.iter().position(|axis| long.contains(axis)).unwrap_or(0);
        let next_to_each_other = order.iter().skip(first).take(long.len()).all(|axis| long.contains(axis));
        let (groups, place): (Groups, usize) = if next_to_each_other {
            let (before, rest) = order.split_at(first);
            let (own, after) = rest.split_at(long.len().min(rest.len()));
            match (before.len(), after.len()) {
                (0, 0 | 1) => ([own.to_vec(), vec![], after.to_vec()], 0),
                (0, _) => {
                    let (last, others) =
                        after.split_last().map_or((vec![], after), |(last, rest)| (vec![*last], rest));
                    ([own.to_vec(), others.to_vec(), last], 0)
                }
                (_, 0) => {
                    let (outer, last) = match before.split_last() {
                        Some((last, outer)) if !outer.is_empty() => (outer.to_vec(), vec![*last]),
                        _ => (before.to_vec(), vec![]),
                    };
                    ([outer, last, own.to_vec()], 2)
                }
                _ => ([before.to_vec(), own.to_vec(), after.to_vec()], 1),
            }
        } else {
            let rest = (0..view.rank()).filter(|axis| view.size(*axis) > 1 && !long.contains(axis)).collect();
            ([long.clone(), vec![], rest], 0)
        };
        Ok((self.arranged(view, &groups)?, AXES[place], groups))
    }

    /// The value with an axis as the layer's channels: what a matrix is multiplied with.
    pub(super) fn as_channels(&mut self, view: &View, axes: &[usize]) -> Result<(View, Groups), Stop> {
        let long: Vec<usize> = axes.iter().copied().filter(|&axis| view.size(axis) > 1).collect();
        if let Some(groups) = view.groups(self.shape(view.node))
            && groups[0] == long
        {
            return Ok((view.clone(), groups));
        }
        let rest: Vec<usize> =
            (0..view.rank()).filter(|axis| view.size(*axis) > 1 && !long.contains(axis)).collect();
        let groups = match rest.as_slice() {
            [outer @ .., last] => [long, outer.to_vec(), vec![*last]],
            [] => [long, vec![], vec![]],
        };
        Ok((self.arranged(view, &groups)?, groups))
    }
}

/// Of these sizes; moved where strides do not tell.
pub(super) fn reshaped(
    net: &mut Importer<'_>,
    origin: usize,
    view: &View,
    sizes: &[usize],
) -> Result<View, Stop> {
    if let Some(view) = view.reshaped(sizes) {
        return Ok(View { origin, ..view });
    }
    // First in the order of the file, under the name of the value that it becomes; then any sizes are but strides.
    let groups = standard(sizes);
    let sides = groups.each_ref().map(|group| group.iter().map(|&axis| sizes[axis]).product());
    let order = view.order();
    let axes: Vec<usize> = (0..view.rank()).filter(|&axis| view.size(axis) > 1).collect();
    let places = axes.iter().filter_map(|axis| order.iter().position(|other| other == axis)).collect();
    let lengths = order.iter().map(|&axis| view.size(axis)).collect();
    let node = net.moved_to(view.node, lengths, places, sides, origin)?;
    Ok(View::in_groups(node, sizes, &groups, origin))
}

/// A constant as it meets a value of these sizes that lies in a layer as `groups` tell: sides of 1 where it is the same
/// everywhere.
pub(super) fn constant_in(
    reader: &mut TensorReader<'_>,
    tensor: &Tensor,
    sizes: &[usize],
    groups: &Groups,
) -> Result<(Shape, Vec<f32>), Stop> {
    let misfit = || Stop::Cut(format!("its constant of the sizes {:?} does not fit {sizes:?}", tensor.sizes));
    let surplus = tensor.sizes.len().saturating_sub(sizes.len());
    if tensor.sizes.iter().take(surplus).any(|&size| size != 1) {
        return Err(misfit());
    }
    let own: Vec<usize> = std::iter::repeat_n(1, sizes.len().saturating_sub(tensor.sizes.len()))
        .chain(tensor.sizes.iter().skip(surplus).copied())
        .collect();
    if own.iter().zip(sizes).any(|(&own, &size)| own != 1 && own != size) {
        return Err(misfit());
    }
    let mut strides = vec![0; own.len()];
    let mut stride = 1;
    for axis in (0..own.len()).rev().filter(|&axis| own[axis] > 1) {
        strides[axis] = stride;
        stride *= own[axis];
    }
    let is_used = |group: &Vec<usize>| group.iter().any(|&axis| own.get(axis).is_some_and(|&size| size > 1));
    let used = groups.each_ref().map(is_used);
    let sides = [0, 1, 2].map(|place| match used[place] {
        true => groups[place].iter().map(|&axis| sizes[axis]).product(),
        false => 1,
    });
    let shape = Shape::checked(sides).ok_or_else(misfit)?;
    reader.spend(shape.len())?;
    let axes = (0..3).filter(|&place| used[place]).flat_map(|place| &groups[place]);
    let axes: Vec<(usize, usize)> = axes.map(|&axis| (sizes[axis], strides[axis])).collect();
    let values = walk(&axes).map(|index| tensor.float(index)).collect();
    Ok((shape, values))
}

/// Positions in row-major order of axes with sizes and strides.
pub(super) fn walk(axes: &[(usize, usize)]) -> impl Iterator<Item = usize> {
    let count: usize = axes.iter().map(|(size, _)| size).product();
    let mut index = vec![0; axes.len()];
    let mut position = 0;
    (0..count).map(move |_| {
        let current = position;
        for (place, (size, stride)) in axes.iter().enumerate().rev() {
            index[place] += 1;
            position += stride;
            if index[place] < *size {
                break;
            }
            position -= stride * size;
            index[place] = 0;
        }
        current
    })
}
