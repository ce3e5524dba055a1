//! The early part of a network, run on a part of its picture. Where a picture is changed in a small place, the maps of early
//! layers are others only in the cells that see it, and these are what they are in the whole picture if all that they see is
//! there.

use std::sync::Arc;

use super::cpu::{input_from_values, values};
use super::executor::Network;
use crate::model::{Axis, Filling, Graph, LayerIndex, Node, Op, ReceptiveField, Shape, output_shape};

/// Rows and columns of the input, half-open.
pub type Area = [[usize; 2]; 2];

/// A network for parts of a picture, of one size, as far as a layer through which everything behind it goes.
pub struct Crop {
    network: Network,
    layer: LayerIndex,
    /// Of the whole picture.
    input: Shape,
    /// Of the layer in the whole picture.
    shape: Shape,
}

/// Where along an axis a change is seen: the cells, half-open, and the first pixel of what they see.
struct Seen {
    cells: [usize; 2],
    first: usize,
}

impl Crop {
    /// The cheapest way to what `taps` need, where a square of so many rows and columns is changed; `None` where no early part
    /// is worth it.
    pub fn new(network: &Network, square: [usize; 2], taps: &[LayerIndex]) -> Option<Self> {
        let (layer, side) = cheapest(network.graph(), square, taps)?;
        Some(Self::up_to(network, layer, side))
    }

    /// Up to a layer through which everything behind it goes, for parts of these sides ([`side`]).
    fn up_to(network: &Network, layer: LayerIndex, side: [usize; 2]) -> Self {
        let graph = network.graph();
        let mut part = Graph::clone(graph);
        part.nodes[0].shape = Shape { height: side[0], width: side[1], ..part.nodes[0].shape };
        for index in 1..=layer {
            let Node { op, inputs, shape, .. } = &part.nodes[index];
            let shapes: Vec<_> = inputs.iter().map(|&input| part.nodes[input].shape).collect();
            // What no output needs may be of any kind.
            if let Ok(shape) = output_shape(op, &shapes, Some(*shape)) {
                part.nodes[index].shape = shape;
            }
        }
        Self {
            network: network.of_graph(Arc::new(part)),
            layer,
            input: graph.input_shape(),
            shape: graph.nodes[layer].shape,
        }
    }

    /// The layer as far as which it goes.
    pub fn layer(&self) -> LayerIndex {
        self.layer
    }

    /// The layer's values for each changed picture, all values in channel, row, column order; `usual` are those of the picture
    /// unchanged.
    ///
    /// # Errors
    /// The backend's message.
    pub fn maps(&mut self, changed: &[(Vec<f32>, Area)], usual: &[f32]) -> Result<Vec<Vec<f32>>, String> {
        let seen: Vec<[Seen; 2]> =
            changed.iter().map(|(_, area)| [0, 1].map(|axis| self.seen(axis, area[axis]))).collect();
        let part = self.network.graph().input_shape();
        let cut = changed.iter().zip(&seen).map(|((picture, _), seen)| {
            let mut values = Vec::with_capacity(part.len());
            for row in picture.chunks_exact(self.input.width).enumerate() {
                let (number, row) = (row.0 % self.input.height, row.1);
                if (seen[0].first..seen[0].first + part.height).contains(&number) {
                    values.extend_from_slice(&row[seen[1].first..][..part.width]);
                }
            }
            input_from_values(values, part, self.network.device())
        });
        let cut = cut.collect();
        let of_parts = self.network.run_each(cut, &[self.layer]);
        let of_part = self.network.graph().nodes[self.layer].shape;
        let mut maps = vec![];
        for (mut outputs, [rows, columns]) in of_parts.into_iter().zip(&seen) {
            let mut map = usual.to_vec();
            let from = outputs.pop().map_or(Ok(vec![]), values)?;
            let before = [0, 1].map(|axis| [rows, columns][axis].first / self.jump(axis));
            let width = columns.cells[1].saturating_sub(columns.cells[0]);
            for channel in 0..self.shape.channels {
                for row in rows.cells[0]..rows.cells[1] {
                    let to = (channel * self.shape.height + row) * self.shape.width + columns.cells[0];
                    let row = (channel * of_part.height + row - before[0]) * of_part.width;
                    let read = row + columns.cells[0] - before[1];
                    map[to..to + width].copy_from_slice(&from[read..read + width]);
                }
            }
            maps.push(map);
        }
        Ok(maps)
    }

    /// Pixels from one cell of the layer to the next.
    fn jump(&self, axis: usize) -> usize {
        self.network.graph().nodes[self.layer].receptive_field.stride[axis] as usize
    }

    /// Where along an axis these pixels, half-open, are seen.
    fn seen(&self, axis: usize, [start, end]: [usize; 2]) -> Seen {
        let field = self.network.graph().nodes[self.layer].receptive_field;
        let jump = self.jump(axis) as isize;
        let sides = |shape: Shape| [shape.height, shape.width][axis];
        let first = (start as isize + 1 - field.size[axis] as isize - field.start[axis] + jump - 1)
            .div_euclid(jump)
            .max(0);
        let last = (end as isize - 1 - field.start[axis]).div_euclid(jump);
        let behind = (last + 1).clamp(first, (sides(self.shape) as isize).max(first));
        let pixel = field.start_of(axis, first as usize).max(0) / jump * jump;
        let most = sides(self.input) - sides(self.network.graph().input_shape());
        Seen { cells: [first as usize, behind as usize], first: (pixel as usize).min(most) }
    }
}

/// What is left to compute is to be less than this of everything.
const WORTH: f64 = 0.9;

/// The layer as far as which parts of the picture are worth it, and their rows and columns.
fn cheapest(graph: &Graph, square: [usize; 2], taps: &[LayerIndex]) -> Option<(LayerIndex, [usize; 2])> {
    let input = graph.input_shape();
    let needed = graph.needed(taps.iter().copied());
    // Operations without parameters take their time too.
    let cost =
        |layer: LayerIndex| (graph.cost(layer).multiply_adds + 8 * graph.nodes[layer].shape.len()) as f64;
    let all: f64 = (0..needed.len()).filter(|&layer| needed[layer]).map(cost).sum();
    let mut last_reader: Vec<_> = (0..needed.len()).collect();
    for (index, node) in graph.nodes.iter().enumerate().filter(|(index, _)| needed[*index]) {
        node.inputs.iter().for_each(|&read| last_reader[read] = index);
    }
    taps.iter().for_each(|&tap| last_reader[tap] = usize::MAX);
    let (mut best, mut least, mut early, mut reach) = (None, WORTH * all, 0.0, 0);
    for layer in (0..needed.len()).filter(|&layer| needed[layer]) {
        if !is_local(graph, layer) {
            break;
        }
        early += cost(layer);
        let is_gate = reach <= layer;
        reach = reach.max(last_reader[layer]);
        let Some(side) = side(graph.nodes[layer].receptive_field, input, square).filter(|_| is_gate) else {
            continue;
        };
        let part = (side[0] * side[1]) as f64 / (input.height * input.width) as f64;
        let whole = early * part + (all - early);
        if layer > 0 && reach < usize::MAX && whole < least {
            (best, least) = (Some((layer, side)), whole);
        }
    }
    best
}

/// True where each cell of a layer is computed from cells around the same place.
fn is_local(graph: &Graph, layer: LayerIndex) -> bool {
    let node = &graph.nodes[layer];
    let is_even = || node.inputs.iter().all(|&input| graph.nodes[input].shape == node.shape);
    let op = match &node.op {
        Op::Input | Op::Conv(..) | Op::SeparableConv(_) | Op::MaxPool(_) | Op::AvgPool(..) => true,
        Op::BatchNorm(_) | Op::Affine | Op::Activation | Op::Concat(Axis::Channel) => true,
        Op::Pad(_, _, Filling::Constant(_)) => true,
        Op::Arithmetic(_) => is_even(),
        _ => false,
    };
    op && node.activation.is_elementwise()
}

/// Rows and columns that cells of this field see together, where they see a square; `None` where that is the whole picture.
fn side(field: ReceptiveField, input: Shape, square: [usize; 2]) -> Option<[usize; 2]> {
    let sides = [input.height, input.width];
    let mut all = sides;
    for axis in 0..2 {
        let (jump, size) = (field.stride[axis] as usize, field.size[axis]);
        if jump == 0 || field.stride[axis].fract() != 0.0 {
            return None;
        }
        let cells = (square[axis] + size - 2) / jump + 1;
        // They begin at a multiple of the jump, so that all strides fall as they do in the whole picture.
        let side = (cells - 1) * jump + size + jump - 1;
        all[axis] = if side < sides[axis] { side + (sides[axis] - side) % jump } else { sides[axis] };
    }
    (all != sides).then_some(all)
}

#[cfg(test)]
mod tests {
    use burn::tensor::Device;

    use super::*;
    use crate::model::{
        Activation, Arithmetic, AvgPool, GraphBuilder, Meaning, NewNode, Order, Reduction, Window,
    };
    use crate::network::Folding;
    use crate::weights::seeded;

    /// Strides, uneven padding, branches of different reach, both kinds of pools and an addition, on a picture whose sides are
    /// multiples of nothing.
    fn graph() -> Arc<Graph> {
        let mut builder = GraphBuilder::new(Shape { channels: 3, height: 123, width: 109 }, "all");
        let mut push = |op: Op, inputs: &[usize], channels: Option<usize>| {
            let name = format!("{} {inputs:?} {channels:?}", op.name());
            let shape = channels.map(Shape::vector);
            builder
                .push(NewNode { activation: Activation::Relu, shape, ..NewNode::new(op, inputs, name) })
                .expect("they fit")
        };
        let conv = |kernel: [usize; 2], stride, padding| Op::Conv(Window::new(kernel, stride, padding), 1);
        let uneven = Window { padding_after: [1, 1], ..Window::new([3, 3], [2, 2], [0, 0]) };
        let stem = push(Op::Conv(uneven, 1), &[0], Some(24));
        let near = push(conv([1, 1], [1, 1], [0, 0]), &[stem], Some(16));
        let far = push(conv([5, 3], [1, 1], [2, 1]), &[stem], Some(16));
        let both = push(Op::Concat(Axis::Channel), &[near, far], None);
        let pooled = push(Op::MaxPool(Window::new([3, 3], [2, 2], [1, 1])), &[both], None);
        let mean = push(Op::AvgPool(Window::new([3, 3], [1, 1], [1, 1]), AvgPool::Exclude), &[pooled], None);
        let sum = push(Op::Arithmetic(Arithmetic::Add), &[pooled, mean], None);
        let late = push(conv([3, 3], [1, 1], [1, 1]), &[sum], Some(16));
        let vector = push(Op::GlobalPool(Reduction::Mean), &[late], None);
        let last = push(Op::Dense, &[vector], Some(5));
        Arc::new(builder.finish("early", 1.0, &[(last, Meaning::Numbers)], Order::Created))
    }

    #[test]
    fn a_part_of_a_picture_gives_what_the_whole_one_gives() {
        let graph = graph();
        let weights = Arc::new(seeded(&graph, 1));
        let mut network = Network::new(graph.clone(), weights, Device::flex(), Folding::Folded);
        let shape = graph.input_shape();
        let noise = |at: usize| ((at * 7919 + 13) % 1009) as f32 / 504.5 - 1.0;
        let picture: Vec<f32> = (0..shape.len()).map(noise).collect();
        let filled = vec![0.25; shape.len()];
        let square = [9, 7];
        // Those through which everything behind them goes.
        for layer in [1, 4, 5, 7, 8] {
            let side = side(graph.nodes[layer].receptive_field, shape, square).expect("they see a part");
            let mut crop = Crop::up_to(&network, layer, side);
            let mut whole = |picture: &[f32]| {
                let input = input_from_values(picture.to_vec(), shape, network.device());
                let output = network.run(input, &[layer], &mut |_, _| {}).pop();
                values(output.expect("it was asked for")).expect("the processor does not fail")
            };
            let usual = whole(&picture);
            for top in [0, 1, 2, 3, 50, 63, 112, 114] {
                for left in [0, 5, 6, 49, 100, 102] {
                    let area = [[top, top + square[0]], [left, left + square[1]]];
                    let mut covered = picture.clone();
                    shape.paste(&mut covered, &filled, area);
                    let expected = whole(&covered);
                    assert_ne!(expected, usual);
                    let ours = crop.maps(&[(covered, area)], &usual).expect("the processor does not fail");
                    let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
                    for (at, (ours, expected)) in ours[0].iter().zip(&expected).enumerate() {
                        let difference = (ours - expected).abs();
                        assert!(
                            difference <= 1e-5 * largest,
                            "{layer} {area:?} {at}: {ours}, not {expected}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn parts_are_computed_where_that_saves_something() {
        let graph = graph();
        let (layer, side) = cheapest(&graph, [9, 7], &[graph.nodes.len() - 1]).expect("most of it is early");
        assert!((4..=8).contains(&layer) && side[0] < 60 && side[1] < 60, "{layer} {side:?}");
        assert_eq!(cheapest(&graph, [123, 109], &[graph.nodes.len() - 1]), None);
        // Nothing is left behind what is wanted itself.
        assert_eq!(cheapest(&graph, [9, 7], &[1]), None);
    }
}
