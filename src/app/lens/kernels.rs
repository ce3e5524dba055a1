//! The weights of the shown layer's convolution: in colour where it reads a picture's three channels, all of them where
//! each reads one channel, else the slices of one filter.

use std::sync::Arc;

use super::about::{About, Flag, Takes};
use super::legend::{Line, Strip};
use super::look::Look;
use super::tiles::{Pixels, Subject, TileSet, TilesLens, TilesWork};
use crate::app::keys::Action;
use crate::app::state::LensName;
use crate::gpu::{FeatureMapBuffer, GpuContext, StatisticsBuffer};
use crate::inspect::{ChannelStatistics, LayerOutput, convolution_of, no_kernels, slices};
use crate::model::{Graph, InputColors, LayerIndex, Op, Shape};
use crate::view::{ColorRange, Colormap, Normalize, Scale, range};
use crate::weights::{LayerWeights, Weights};

/// In keys, options and JSON.
pub const NAME: LensName = "kernels";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift k"],
    help: "kernels (weights) of the layer, or its maps",
    flag: Some(Flag {
        long: "kernels",
        takes: Takes::Nothing,
        help: "Show the kernels (weights) of the layer in place of its maps",
    }),
    more: &[],
};

/// What grey or white stands for where filters are in colour.
pub const COLORED_IN_WORDS: &str = "the middle grey is zero; each filter has its own range";

/// What the ends stand for where slices are shown.
pub const SLICES_IN_WORDS: &str = "one range for the slices of all filters shown, symmetric around zero";

/// What of a layer's weights is shown.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// These filters of a convolution that reads three channels: red, green and blue.
    Colored(Arc<[u32]>),
    /// These filters of a convolution of which each reads one channel.
    Single(Arc<[u32]>),
    /// The slices of one filter, one for each channel it reads.
    Slices(u32),
}

/// The convolution whose kernels are shown at a layer, and which of them.
pub fn choice(look: &Look<'_>) -> Option<(LayerIndex, Choice)> {
    let conv = convolution_of(look.graph, look.layer)?;
    let choice = if reads_colors(look.graph, conv) {
        Choice::Colored(look.channels())
    } else if shape(look.graph, conv).channels == 1 {
        Choice::Single(look.channels())
    } else {
        Choice::Slices(look.selected_channel()?)
    };
    Some((conv, choice))
}

/// Channels that a convolution reads, height and width of its kernels.
pub fn shape(graph: &Graph, conv: LayerIndex) -> Shape {
    let node = &graph.nodes[conv];
    let ([height, width], groups) = match &node.op {
        Op::Conv(window, groups) => (window.kernel, *groups),
        _ => ([1, 1], 1),
    };
    Shape { channels: graph.nodes[node.inputs[0]].shape.channels / groups.max(1), height, width }
}

/// True where a convolution reads a picture's three channels, or what was only scaled, padded or shifted of them.
pub fn reads_colors(graph: &Graph, conv: LayerIndex) -> bool {
    let mut layer = graph.nodes[conv].inputs[0];
    while let Op::Pad(..) | Op::Affine | Op::BatchNorm(_) | Op::WithConstant(..) | Op::Resize { .. } =
        graph.nodes[layer].op
    {
        layer = graph.nodes[layer].inputs[0];
    }
    layer == 0 && shape(graph, conv).channels == 3
}

/// The weights of a filter that reads colours so ordered, as those of red, green and blue.
pub fn in_rgb(filter: &LayerOutput, colors: InputColors) -> Vec<f32> {
    colors.order([0, 1, 2]).iter().flat_map(|&channel| filter.channel(channel)).copied().collect()
}

/// One filter: its slices, and the largest weight in it, both ways. `None` where there is no such filter.
pub fn filter(graph: &Graph, weights: &Weights, conv: LayerIndex, filter: u32) -> Option<(LayerOutput, f32)> {
    let LayerWeights::Conv { kernel, .. } = weights.layers[conv].as_ref()? else { return None };
    let cut = slices(graph, conv, kernel, filter as usize)?;
    let (low, high) = range(&cut.values);
    let reach = low.abs().max(high.abs());
    Some((cut, reach))
}

/// The filters of a convolution of which each reads one channel, as a map for each, and the largest weight, both ways.
fn singles<'a>(graph: &Graph, weights: &'a Weights, conv: LayerIndex) -> Option<(&'a [f32], f32)> {
    let LayerWeights::Conv { kernel, .. } = weights.layers[conv].as_ref()? else { return None };
    let (low, high) = range(kernel);
    (shape(graph, conv).channels == 1).then_some((&kernel[..], low.abs().max(high.abs())))
}

/// What the colours of slices whose weights reach so far stand for.
pub fn slices_range(reach: f32) -> ColorRange {
    Scale::of(Normalize::Symmetric).range((-reach, reach), (-reach, reach), Colormap::Diverging)
}

/// The lens.
pub struct Kernels;

impl TilesLens for Kernels {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        let back = look.key(Action::Tiles(NAME));
        let Some((conv, choice)) = choice(look) else {
            let keys = [look.key(Action::PreviousLayer), look.key(Action::NextLayer)];
            return Err(format!(
                "{}. Go to a convolution with {} and {}, or back to the maps with {back}.",
                no_kernels(look.graph, look.layer),
                keys[0],
                keys[1]
            ));
        };
        let kernel = shape(look.graph, conv);
        let (name, size) = (&look.graph.nodes[conv].name, [kernel.width, kernel.height]);
        let of_shape = format!("{}×{}", kernel.height, kernel.width);
        Ok(match choice {
            Choice::Colored(filters) => {
                let title = format!("kernels of {name}: {of_shape}×3, in colour · {back} shows the maps");
                Subject { size, count: filters.len(), is_selectable: true, titles: vec![title], rows: vec![] }
            }
            Choice::Single(filters) => {
                let title =
                    format!("kernels of {name}: {of_shape}, each for one channel · {back} shows the maps");
                Subject { size, count: filters.len(), is_selectable: true, titles: vec![title], rows: vec![] }
            }
            Choice::Slices(filter) => {
                let count = kernel.channels;
                let all = look.graph.nodes[look.graph.nodes[conv].inputs[0]].shape.channels;
                let whose = if count == all { "" } else { " of its group" };
                let title = format!(
                    "kernel of {name}: filter {filter}, a {of_shape} slice for each of {count} channels{whose} \
                     · arrows choose the filter · {back} shows the maps"
                );
                Subject { size, count, is_selectable: false, titles: vec![title], rows: vec![] }
            }
        })
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        let has_none = convolution_of(look.graph, look.layer).is_none();
        has_none.then(|| no_kernels(look.graph, look.layer))
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(Work::default())
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        let mut lines = vec![Line::Heading("What the colours mean".into(), "")];
        match choice(look) {
            None => return vec![],
            Some((_, Choice::Colored(_))) => lines.push(Line::quiet(format!(
                "Kernels: red, green and blue are the weights of these channels of the picture; {COLORED_IN_WORDS}."
            ))),
            Some((conv, choice)) => {
                let weights = look.network.map(|model| &model.weights);
                let reach = |weights: &Arc<Weights>| match choice {
                    Choice::Slices(chosen) => filter(look.graph, weights, conv, chosen).map(|(_, reach)| reach),
                    _ => singles(look.graph, weights, conv).map(|(_, reach)| reach),
                };
                if let Some(reach) = weights.and_then(reach) {
                    let strip = Strip::new(&slices_range(reach), Colormap::Diverging, [false; 2]);
                    lines.push(Line::Strip(strip));
                }
                lines.push(Line::quiet(format!(
                    "Kernels: white is zero, red a positive and blue a negative weight; {SLICES_IN_WORDS}."
                )));
            }
        }
        lines
    }
}

/// What was uploaded last.
#[derive(Default)]
struct Work(Option<(Arc<Weights>, LayerIndex, Choice, TileSet)>);

impl TilesWork for Work {
    fn tiles(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Vec<TileSet> {
        let (Some((conv, choice)), Some(model)) = (choice(look), look.network) else { return vec![] };
        let is_known = self.0.as_ref().is_some_and(|(weights, layer, known, _)| {
            Arc::ptr_eq(weights, &model.weights) && *layer == conv && *known == choice
        });
        if !is_known {
            let set = upload(gpu, &model.graph, &model.weights, conv, &choice);
            self.0 = set.map(|set| (model.weights.clone(), conv, choice, set));
        }
        self.0.iter().map(|(.., set)| set.clone()).collect()
    }
}

fn upload(
    gpu: &GpuContext,
    graph: &Graph,
    weights: &Weights,
    conv: LayerIndex,
    choice: &Choice,
) -> Option<TileSet> {
    let name = format!("{}.weight", graph.nodes[conv].name);
    let kernel = shape(graph, conv);
    match choice {
        Choice::Slices(chosen) => {
            let (cut, reach) = filter(graph, weights, conv, *chosen)?;
            Some(TileSet {
                name,
                pixels: in_one_range(gpu, &cut.values, cut.shape, reach),
                order: (0..kernel.channels as u32).collect(),
                numbers: Some((vec![1, kernel.channels, kernel.height, kernel.width], cut.values.into())),
            })
        }
        Choice::Single(filters) => {
            let (values, reach) = singles(graph, weights, conv)?;
            let all = Shape { channels: graph.nodes[conv].shape.channels, ..kernel };
            let cells = kernel.height * kernel.width;
            let of = |filter: &u32| values.get(*filter as usize * cells..)?.get(..cells);
            let shown: Option<Vec<&[f32]>> = filters.iter().map(of).collect();
            Some(TileSet {
                name,
                pixels: in_one_range(gpu, values, all, reach),
                order: filters.clone(),
                numbers: Some((vec![filters.len(), 1, kernel.height, kernel.width], shown?.concat().into())),
            })
        }
        Choice::Colored(filters) => {
            let colors = weights.conventions.input_scale.colors(kernel.channels);
            let (mut scaled, mut values) = (Vec::new(), Vec::new());
            for chosen in filters.iter() {
                let (cut, reach) = filter(graph, weights, conv, *chosen)?;
                let colored = in_rgb(&cut, colors).into_iter();
                scaled.extend(colored.map(|value| value / reach.max(f32::MIN_POSITIVE)));
                values.extend(cut.values);
            }
            let shape = Shape { channels: kernel.channels * filters.len(), ..kernel };
            Some(TileSet {
                name,
                pixels: Pixels::Colored(FeatureMapBuffer::upload(gpu, &scaled, shape)),
                order: filters.clone(),
                numbers: Some((
                    vec![filters.len(), kernel.channels, kernel.height, kernel.width],
                    values.into(),
                )),
            })
        }
    }
}

/// Weights as maps in one range, symmetric around zero.
fn in_one_range(gpu: &GpuContext, values: &[f32], shape: Shape, reach: f32) -> Pixels {
    let one = ChannelStatistics { min: -reach, max: reach, ..Default::default() };
    Pixels::Values {
        map: FeatureMapBuffer::upload(gpu, values, shape),
        statistics: StatisticsBuffer::upload(gpu, &vec![one; shape.channels + 1]),
        ranges: None,
        scale: Scale::of(Normalize::Symmetric),
        colormap: Colormap::Diverging,
        smooth: false,
    }
}
