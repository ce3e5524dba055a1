//! A cell's sum in JSON.

use serde::Serialize;

use crate::inspect::cell::{CellSum, Step, Told, ToldLine};
use crate::model::Graph;

/// How a cell is computed.
#[derive(Clone, Debug, Serialize)]
pub struct CellInfo {
    /// Name of the layer.
    layer: String,
    channel: usize,
    /// Row and column.
    cell: [usize; 2],
    /// Name of the layer that multiplies and adds.
    adds: String,
    /// Its channel.
    filter: usize,
    /// Name of the layer that it reads.
    reads: Option<String>,
    /// Height and width.
    kernel: [usize; 2],
    /// The channels that add most, either way, the strongest first.
    parts: Vec<PartInfo>,
    other_channels: usize,
    /// What those add.
    others: f64,
    bias: Option<f64>,
    sum: f64,
    steps: Vec<StepInfo>,
    /// What comes of the sum.
    value: f64,
    /// The value that the network gave.
    network_value: f32,
    /// Places of the kernel that meet no cell.
    padding: usize,
    lines: Vec<ToldLine>,
    notes: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
struct PartInfo {
    channel: usize,
    sum: f64,
    /// Row by row; null where padding is.
    patch: Vec<Option<f32>>,
    kernel: Vec<f32>,
}

#[derive(Clone, Debug, Serialize)]
struct StepInfo {
    layer: String,
    /// `scale`, or the name of a function.
    step: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shift: Option<f64>,
    /// After it.
    value: f64,
}

impl CellInfo {
    /// `own`: the value that the network gave.
    pub fn new(graph: &Graph, sum: &CellSum, own: f32, told: &Told) -> Self {
        let name = |layer: usize| graph.nodes[layer].name.clone();
        let part = |part: &crate::inspect::cell::Part| PartInfo {
            channel: part.channel,
            sum: part.sum,
            patch: part.patch.clone(),
            kernel: part.kernel.clone(),
        };
        let step = |(layer, step, value): &(usize, Step, f64)| {
            let (step, scale, shift) = match step {
                Step::Scale(scale, shift) => ("scale", Some(*scale), Some(*shift)),
                Step::Function(function) => (function.name(), None, None),
            };
            StepInfo { layer: name(*layer), step, scale, shift, value: *value }
        };
        let route = &sum.route;
        Self {
            layer: name(route.layer),
            channel: route.channel,
            cell: sum.cell,
            adds: name(route.adds),
            filter: route.filter,
            reads: graph.nodes[route.adds].inputs.first().map(|&input| name(input)),
            kernel: sum.size,
            parts: sum.parts.iter().map(part).collect(),
            other_channels: sum.others.0,
            others: sum.others.1,
            bias: sum.bias,
            sum: sum.sum,
            steps: sum.steps.iter().map(step).collect(),
            value: sum.value(),
            network_value: own,
            padding: sum.empty,
            lines: told.lines.clone(),
            notes: told.notes.clone(),
        }
    }
}
