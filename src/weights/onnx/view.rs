//! How a value of the file lies in the values of a layer. In the file a value has any number of axes in any order; a layer
//! has channels, height and width. As in NumPy every axis steps through the layer's values by a stride of its own, so that
//! transposing, flattening and squeezing move nothing and need no layer.

use crate::model::Shape;

/// Most axes of a value.
pub(super) const MOST_AXES: usize = 12;

/// An axis of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) size: usize,
    /// 0 where the size is 1.
    pub(super) stride: usize,
}

/// The axes of a value that make up a layer's channels, height and width, outermost first.
pub(super) type Groups = [Vec<usize>; 3];

/// A value of the file: all values of a layer, each once.
#[derive(Clone, Debug)]
pub(super) struct View {
    /// Which layer.
    pub(super) node: usize,
    pub(super) sides: Vec<Side>,
    /// Which node of the file made the value.
    pub(super) origin: usize,
}

impl View {
    /// The values of a layer, of these sizes in the file, whose axes lie in it as `groups` tell.
    pub(super) fn in_groups(node: usize, sizes: &[usize], groups: &Groups, origin: usize) -> Self {
        let mut sides: Vec<Side> = sizes.iter().map(|&size| Side { size, stride: 0 }).collect();
        let mut stride = 1;
        for axis in groups.iter().flatten().rev() {
            if let Some(side) = sides.get_mut(*axis).filter(|side| side.size > 1) {
                side.stride = stride;
                stride *= side.size;
            }
        }
        Self { node, sides, origin }
    }

    /// A picture as most operations take it: `[1, C, H, W]`.
    pub(super) fn picture(node: usize, shape: Shape, origin: usize) -> Self {
        let sizes = [1, shape.channels, shape.height, shape.width];
        Self::in_groups(node, &sizes, &standard(&sizes), origin)
    }

    pub(super) fn sizes(&self) -> Vec<usize> {
        self.sides.iter().map(|side| side.size).collect()
    }

    pub(super) fn rank(&self) -> usize {
        self.sides.len()
    }

    pub(super) fn size(&self, axis: usize) -> usize {
        self.sides.get(axis).map_or(1, |side| side.size)
    }

    pub(super) fn len(&self) -> usize {
        self.sides.iter().map(|side| side.size).product()
    }

    /// The same axes in another layer of the same shape.
    pub(super) fn of(&self, node: usize, origin: usize) -> Self {
        Self { node, sides: self.sides.clone(), origin }
    }

    /// With axes of size 1 in front.
    pub(super) fn of_rank(&self, rank: usize) -> Self {
        let missing = rank.saturating_sub(self.rank());
        let front = std::iter::repeat_n(Side { size: 1, stride: 0 }, missing);
        Self { sides: front.chain(self.sides.iter().copied()).collect(), ..self.clone() }
    }

    /// The axes of more than one place, as they lie in the layer: outermost first.
    pub(super) fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.rank()).filter(|&axis| self.size(axis) > 1).collect();
        order.sort_by_key(|&axis| std::cmp::Reverse(self.sides[axis].stride));
        order
    }

    /// Which axes make up channels, height and width; `None` where one of them is a part of two.
    pub(super) fn groups(&self, shape: Shape) -> Option<Groups> {
        let [_, height, width] = shape.sides();
        let strides = [height * width, width, 1];
        let mut groups = Groups::default();
        for axis in self.order() {
            let Side { size, stride } = self.sides[axis];
            let fits = |&place: &usize| {
                shape.sides()[place] > 1
                    && stride >= strides[place]
                    && stride * size <= strides[place] * shape.sides()[place]
            };
            groups[(0..3).find(fits)?].push(axis);
        }
        Some(groups)
    }

    pub(super) fn transposed(&self, order: &[usize]) -> Option<Self> {
        let mut sorted = order.to_vec();
        sorted.sort_unstable();
        let is_order = sorted.into_iter().eq(0..self.rank());
        is_order.then(|| Self { sides: order.iter().map(|&axis| self.sides[axis]).collect(), ..self.clone() })
    }

    /// Of other sizes (with as many values); `None` where no strides say that.
    pub(super) fn reshaped(&self, sizes: &[usize]) -> Option<Self> {
        let old: Vec<Side> = self.sides.iter().copied().filter(|side| side.size > 1).collect();
        let new: Vec<usize> = (0..sizes.len()).filter(|&axis| sizes[axis] > 1).collect();
        let mut sides: Vec<Side> = sizes.iter().map(|&size| Side { size, stride: 0 }).collect();
        let (mut from, mut to) = (0, 0);
        while from < old.len() && to < new.len() {
            // The shortest runs of axes with equally many places.
            let (first, start) = (from, to);
            let (mut before, mut after) = (old[from].size, sizes[new[to]]);
            while before != after {
                if before < after {
                    from += 1;
                    before = before.checked_mul(old.get(from)?.size)?;
                } else {
                    to += 1;
                    after = after.checked_mul(sizes[*new.get(to)?])?;
                }
            }
            let is_run = |pair: &[Side]| pair[0].stride == pair[1].stride * pair[1].size;
            if !old[first..=from].windows(2).all(is_run) {
                return None;
            }
            let mut stride = old[from].stride;
            for &axis in new[start..=to].iter().rev() {
                sides[axis].stride = stride;
                stride *= sizes[axis];
            }
            (from, to) = (from + 1, to + 1);
        }
        (from == old.len() && to == new.len()).then(|| Self { sides, ..self.clone() })
    }
}

/// How a value of these sizes lies in a layer if nothing else is asked: `[1, C, H, W]`, a vector `[1, C]`, a sequence
/// `[1, C, W]`; further axes in front join the channels.
pub(super) fn standard(sizes: &[usize]) -> Groups {
    let rank = sizes.len();
    match rank {
        0 | 1 => [(0..rank).collect(), vec![], vec![]],
        2 if sizes[0] == 1 => [vec![1], vec![], vec![]],
        2 => [vec![0], vec![], vec![1]],
        3 if sizes[0] == 1 => [vec![1], vec![], vec![2]],
        _ => [(0..rank - 2).collect(), vec![rank - 2], vec![rank - 1]],
    }
}

/// Sizes of two values combined, those of size 1 repeated; axes are counted from the end.
pub(super) fn broadcast(a: &[usize], b: &[usize]) -> Option<Vec<usize>> {
    let rank = a.len().max(b.len());
    let size = |sizes: &[usize], place: usize| {
        (place + sizes.len()).checked_sub(rank).and_then(|axis| sizes.get(axis)).copied().unwrap_or(1)
    };
    (0..rank)
        .map(|place| match (size(a, place), size(b, place)) {
            (a, b) if a == b => Some(a),
            (1, b) => Some(b),
            (a, 1) => Some(a),
            _ => None,
        })
        .collect()
}
