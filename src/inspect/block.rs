//! The stage around a layer as boxes and lines: what leads to it, in columns from left to right. A layer and the
//! normalisation and activation behind it are one box. Of long stages a window around the layer is laid out.

use crate::model::{Graph, LayerIndex, Op};

/// What a box stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These layers, one behind the other; the last one is what others read.
    Layers(Vec<LayerIndex>),
    /// So many boxes of the stage before the window; the last layer of the nearest one.
    Before(usize, LayerIndex),
    /// So many boxes of the stage behind the window; the last layer of the nearest one.
    Behind(usize, LayerIndex),
}

/// A box in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockBox {
    /// What it stands for.
    pub content: Content,
    /// From left to right, from 0.
    pub column: usize,
    /// From top to bottom, from 0.
    pub lane: usize,
    /// True where it leads to the layer, or is it.
    pub leads: bool,
    /// True where it lies in another stage, and is read here.
    pub is_outside: bool,
}

/// A line between boxes, forward by one column with each step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Column and lane of each place that it goes through, those of its boxes included.
    pub path: Vec<[usize; 2]>,
    /// True where it is part of a way to the layer.
    pub leads: bool,
}

/// A stage, laid out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// In the order of the layers.
    pub boxes: Vec<BlockBox>,
    /// Between them.
    pub lines: Vec<Line>,
    /// How many columns and lanes there are.
    pub size: [usize; 2],
    /// The box that the layer is in.
    pub shown: usize,
}

impl Block {
    /// The stage of a layer, in at most so many columns (at least 3).
    pub fn of(graph: &Graph, layer: LayerIndex, most_columns: usize) -> Self {
        Folded::of(graph, layer).laid_out(most_columns.max(3))
    }
}

/// Layers in boxes, and which read which; boxes are in an order of computing.
struct Folded {
    layers: Vec<Vec<LayerIndex>>,
    is_outside: Vec<bool>,
    reads: Vec<Vec<usize>>,
    shown: usize,
    leads: Vec<bool>,
}

impl Folded {
    fn of(graph: &Graph, layer: LayerIndex) -> Self {
        let stage = graph.nodes[layer].stage;
        let is_member = |at: LayerIndex| graph.nodes[at].stage == stage;
        let mut readers = vec![0usize; graph.nodes.len()];
        for node in &graph.nodes {
            node.inputs.iter().for_each(|&input| readers[input] += 1);
        }
        let mut wanted = vec![false; graph.nodes.len()];
        for (at, node) in graph.nodes.iter().enumerate().filter(|(at, _)| is_member(*at)) {
            wanted[at] = true;
            node.inputs.iter().for_each(|&input| wanted[input] = true);
        }
        let mut folded = Self { layers: vec![], is_outside: vec![], reads: vec![], shown: 0, leads: vec![] };
        let mut box_of = vec![usize::MAX; graph.nodes.len()];
        for at in (0..graph.nodes.len()).filter(|&at| wanted[at]) {
            let node = &graph.nodes[at];
            let is_behind = matches!(node.op, Op::BatchNorm(_) | Op::Affine | Op::Activation | Op::Prelu);
            let before = node.inputs.first().copied().filter(|&input| {
                is_behind
                    && node.inputs.len() == 1
                    && readers[input] == 1
                    && is_member(at)
                    && is_member(input)
            });
            if let Some(before) = before {
                box_of[at] = box_of[before];
                folded.layers[box_of[at]].push(at);
                continue;
            }
            box_of[at] = folded.layers.len();
            folded.layers.push(vec![at]);
            folded.is_outside.push(!is_member(at));
            let mut reads: Vec<usize> = match is_member(at) {
                true => node.inputs.iter().map(|&input| box_of[input]).collect(),
                false => vec![],
            };
            reads.sort_unstable();
            reads.dedup();
            folded.reads.push(reads);
        }
        folded.shown = box_of[layer];
        folded.leads = vec![false; folded.layers.len()];
        folded.leads[folded.shown] = true;
        for at in (0..folded.layers.len()).rev().filter(|&at| at <= folded.shown) {
            if folded.leads[at] {
                folded.reads[at].clone().into_iter().for_each(|read| folded.leads[read] = true);
            }
        }
        folded
    }

    /// The column of each box, as far to the left as what it reads allows; what lies outside stands before its first reader.
    fn columns(&self) -> Vec<usize> {
        let has_outside = self.is_outside.contains(&true);
        let mut columns = vec![0; self.layers.len()];
        for (at, reads) in self.reads.iter().enumerate().filter(|(at, _)| !self.is_outside[*at]) {
            let after = reads.iter().map(|&read| columns[read] + 1).max();
            columns[at] = after.unwrap_or(usize::from(has_outside && at > 0));
        }
        for outside in (0..self.layers.len()).filter(|&at| self.is_outside[at]) {
            let readers = (0..self.layers.len()).filter(|&at| self.reads[at].contains(&outside));
            columns[outside] = readers.map(|at| columns[at]).min().unwrap_or(1).saturating_sub(1);
        }
        columns
    }

    fn laid_out(self, most: usize) -> Block {
        let columns = self.columns();
        let count = columns.iter().max().map_or(1, |last| last + 1);
        let window = window(count, columns[self.shown], most);
        let is_cut = [window.start > 0, window.end < count];
        let first = usize::from(is_cut[0]);
        let inside = |at: &usize| window.contains(&columns[*at]);
        // The places of boxes in what is laid out; what is cut off has one at each end.
        let mut items: Vec<Item> = Vec::new();
        let mut item_of = vec![None; self.layers.len()];
        let before: Vec<usize> = (0..self.layers.len()).filter(|&at| columns[at] < window.start).collect();
        let behind: Vec<usize> = (0..self.layers.len()).filter(|&at| columns[at] >= window.end).collect();
        let last_of = |at: usize| self.layers[at].last().copied().unwrap_or(0);
        if let Some(nearest) = before.iter().copied().max_by_key(|&at| (columns[at], at)) {
            before.iter().for_each(|&at| item_of[at] = Some(0));
            let leads = before.iter().any(|&at| self.leads[at]);
            let content = Content::Before(before.len(), last_of(nearest));
            items.push(Item { content, column: 0, leads, is_outside: false });
        }
        for at in (0..self.layers.len()).filter(inside) {
            item_of[at] = Some(items.len());
            let column = columns[at] - window.start + first;
            let content = Content::Layers(self.layers[at].clone());
            items.push(Item { content, column, leads: self.leads[at], is_outside: self.is_outside[at] });
        }
        if let Some(nearest) = behind.iter().copied().min_by_key(|&at| (columns[at], at)) {
            behind.iter().for_each(|&at| item_of[at] = Some(items.len()));
            let content = Content::Behind(behind.len(), last_of(nearest));
            let column = window.len() + first;
            items.push(Item { content, column, leads: false, is_outside: false });
        }
        let mut edges: Vec<[usize; 2]> = Vec::new();
        for (at, reads) in self.reads.iter().enumerate() {
            for (from, to) in reads.iter().filter_map(|&read| item_of[read].zip(item_of[at])) {
                if from != to && !edges.contains(&[from, to]) {
                    edges.push([from, to]);
                }
            }
        }
        let shown = item_of[self.shown].unwrap_or(0);
        place(items, &edges, shown)
    }
}

/// The columns that are laid out, of `count`: around this one, with more of what leads to it.
fn window(count: usize, shown: usize, most: usize) -> std::ops::Range<usize> {
    if count <= most {
        return 0..count;
    }
    // What is cut off takes a column at each end.
    let room = most - 2;
    let start = shown.saturating_sub(room * 2 / 3).min(count - room);
    // A cut that hides no more than it takes is none.
    let start = if start <= 1 { 0 } else { start };
    let end = if start == 0 { start + room + 1 } else { start + room };
    if count - end <= 1 { start.min(count - room - 1)..count } else { start..end }
}

struct Item {
    content: Content,
    column: usize,
    leads: bool,
    is_outside: bool,
}

/// Lanes: each box stands where what it reads stands, as far as others allow; lines that pass a column have a place of
/// their own there, one for all that come from the same box.
fn place(items: Vec<Item>, edges: &[[usize; 2]], shown: usize) -> Block {
    let columns = items.iter().map(|item| item.column + 1).max().unwrap_or(1);
    // Of each item: the last column that something is led to from it.
    let mut reach: Vec<usize> = items.iter().map(|item| item.column).collect();
    for &[from, to] in edges {
        reach[from] = reach[from].max(items[to].column);
    }
    // The lane of an item in each column that it has a place in: its own, and those that its lines pass.
    let mut lanes: Vec<Vec<Option<usize>>> = vec![vec![None; columns]; items.len()];
    for column in 0..columns {
        let mut wishes: Vec<(f32, usize)> = Vec::new();
        for (at, item) in items.iter().enumerate() {
            if item.column == column {
                let from: Vec<f32> = edges
                    .iter()
                    .filter(|[_, to]| *to == at)
                    .filter_map(|&[from, _]| lanes[from][column.checked_sub(1)?])
                    .map(|lane| lane as f32)
                    .collect();
                let mean = from.iter().sum::<f32>() / from.len().max(1) as f32;
                wishes.push((mean, at));
            } else if item.column < column && reach[at] > column {
                wishes.push((lanes[at][column - 1].unwrap_or(0) as f32, at));
            }
        }
        wishes.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut next = 0;
        for (wish, at) in wishes {
            let lane = (wish.round() as usize).max(next);
            lanes[at][column] = Some(lane);
            next = lane + 1;
        }
    }
    // A single box at the beginning stands in the middle of what reads it.
    let first: Vec<usize> = (0..items.len()).filter(|&at| items[at].column == 0).collect();
    if let [only] = first[..] {
        let led: Vec<usize> = edges
            .iter()
            .filter(|[from, _]| *from == only)
            .filter_map(|&[_, to]| {
                lanes[to].get(1).copied().flatten().or(lanes[only].get(1).copied().flatten())
            })
            .collect();
        if !led.is_empty() {
            lanes[only][0] = Some((led.iter().sum::<usize>() + led.len() / 2) / led.len());
        }
    }
    let lane = |at: usize, column: usize| lanes[at][column].unwrap_or(0);
    let line = |&[from, to]: &[usize; 2]| {
        let (start, end) = (items[from].column, items[to].column);
        let passed = (start..end).map(|column| [column, lane(from, column)]);
        let path = passed.chain([[end, lane(to, end)]]).collect();
        Line { path, leads: items[from].leads && items[to].leads }
    };
    let lines = edges.iter().map(line).collect();
    let height = lanes.iter().flatten().flatten().max().map_or(1, |last| last + 1);
    let own: Vec<usize> = (0..items.len()).map(|at| lane(at, items[at].column)).collect();
    let boxes = items.into_iter().zip(own).map(|(item, lane)| BlockBox {
        content: item.content,
        column: item.column,
        lane,
        leads: item.leads,
        is_outside: item.is_outside,
    });
    Block { boxes: boxes.collect(), lines, size: [columns, height], shown }
}

/// What a box does in few words: `3×3 conv /2, BN, ReLU`.
pub fn in_words(graph: &Graph, layers: &[LayerIndex]) -> String {
    let words = layers.iter().map(|&layer| {
        let node = &graph.nodes[layer];
        let name = match &node.op {
            Op::Conv(_, groups) if *groups > 1 && *groups == node.shape.channels => "depthwise".to_string(),
            Op::Conv(..) => "conv".into(),
            Op::ConvTranspose(..) => "transposed conv".into(),
            Op::SeparableConv(_) => "separable conv".into(),
            Op::MaxPool(_) => "max pool".into(),
            Op::AvgPool(..) => "average pool".into(),
            Op::BatchNorm(_) => "BN".into(),
            Op::Concat(_) => "join".into(),
            Op::Arithmetic(_) => node.op.name().replace("addition", "add"),
            Op::Activation => node.activation.name().into(),
            op => op.name().into(),
        };
        let sized = node.op.window().map_or(String::new(), |window| {
            let [height, width] = window.kernel;
            let stride = window.stride[0].max(window.stride[1]);
            let step = if stride > 1 { format!(" /{stride}") } else { String::new() };
            format!("{height}×{width} {name}{step}")
        });
        let activation = match node.op {
            Op::Activation => String::new(),
            _ if node.activation == crate::model::Activation::Linear => String::new(),
            _ => format!(", {}", node.activation.name()),
        };
        format!("{}{activation}", if sized.is_empty() { name } else { sized })
    });
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::inception_v3::inception_v3;

    /// No two places are one, and lines go forward, from box to box.
    fn check(graph: &Graph, most: usize) {
        for layer in 0..graph.nodes.len() {
            let block = Block::of(graph, layer, most);
            assert!(block.size[0] <= most.max(3) || most < 3, "{layer}: {:?}", block.size);
            let mut taken = HashSet::new();
            for one in &block.boxes {
                assert!(taken.insert([one.column, one.lane]), "{layer}: two boxes lie on each other");
                assert!(one.column < block.size[0] && one.lane < block.size[1]);
            }
            let ends: HashSet<_> = taken.clone();
            for line in &block.lines {
                assert!(line.path.windows(2).all(|step| step[1][0] == step[0][0] + 1), "{layer}: {line:?}");
                let inner = &line.path[1..line.path.len() - 1];
                assert!(
                    inner.iter().all(|place| !ends.contains(place)),
                    "{layer}: a line runs through a box"
                );
                assert!(ends.contains(&line.path[0]) && ends.contains(line.path.last().unwrap()));
            }
            let shown = &block.boxes[block.shown];
            let Content::Layers(layers) = &shown.content else { panic!("{layer} is cut off") };
            assert!(layers.contains(&layer) && shown.leads);
        }
    }

    #[test]
    fn blocks_are_laid_out_without_overlaps() {
        let graph = inception_v3(10, 0.1);
        for most in [3, 4, 6, 9, 40] {
            check(&graph, most);
        }
        let mixed5 = graph.find("mixed5").unwrap();
        let block = Block::of(&graph, mixed5, 40);
        // What it reads, four branches of 1, 3, 5 and 2 boxes, and the join.
        assert_eq!(block.boxes.len(), 13);
        assert_eq!(block.size, [7, 4]);
        assert!(block.boxes.iter().all(|one| one.leads));
        assert_eq!(block.boxes.iter().filter(|one| one.is_outside).count(), 1);
        let last = block.boxes.last().unwrap();
        assert_eq!((last.column, &last.content), (6, &Content::Layers(vec![mixed5])));
        let cut = Block::of(&graph, mixed5, 4);
        assert!(matches!(cut.boxes[0].content, Content::Before(..)), "{:?}", cut.boxes[0]);
    }

    #[test]
    fn windows_keep_what_they_are_around() {
        for count in 1..40 {
            for most in 3..12 {
                for shown in 0..count {
                    let window = window(count, shown, most);
                    let cuts = usize::from(window.start > 0) + usize::from(window.end < count);
                    assert!(
                        window.contains(&shown) && window.len() + cuts <= most,
                        "{count} {most} {shown}: {window:?}"
                    );
                }
            }
        }
    }
}
