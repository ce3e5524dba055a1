//! How a cell of the enlarged map is computed: the cells that it reads come back from the drawing device, without waiting
//! for them.

use std::sync::Arc;

use crate::engine::cell_sum;
use crate::gpu::{FeatureMapBuffer, GpuContext, readback};
use crate::inspect::cell::{CellSum, Patch, Route, Told, places, route};
use crate::model::LayerIndex;
use crate::session::Activations;

/// Channels of which all numbers are shown.
const STRONGEST: usize = 3;

/// A cell in numbers and words.
#[derive(Clone, Debug, PartialEq)]
pub struct ExplainedCell {
    /// Its sum.
    pub sum: CellSum,
    /// The value that the network gave.
    pub own: f32,
    /// The same in lines.
    pub told: Told,
}

/// Frame, layer, channel and cell.
type Key = (u64, LayerIndex, usize, [usize; 2]);

struct Waiting {
    key: Key,
    shown: Arc<Activations>,
    route: Route,
    /// Where the cells that are read begin.
    origin: [usize; 2],
    read: readback::PendingMap,
    own: readback::PendingMap,
}

/// The cell that was explained last.
#[derive(Default)]
pub struct CellView {
    waiting: Option<Waiting>,
    explained: Option<(Key, Result<Arc<ExplainedCell>, String>)>,
}

impl CellView {
    /// How a cell is computed; of the cell before while the numbers are on their way, unless `wait` is set. Where it
    /// cannot be told, a sentence on why.
    pub fn explain(
        &mut self,
        gpu: &GpuContext,
        shown: &Arc<Activations>,
        (layer, channel): (LayerIndex, usize),
        cell: [usize; 2],
        wait: bool,
    ) -> Option<Result<Arc<ExplainedCell>, String>> {
        self.collect(gpu, wait);
        let key = (shown.sequence, layer, channel, cell);
        if self.waiting.is_none() && self.explained.as_ref().is_none_or(|(known, _)| *known != key) {
            let graph = &shown.model.graph;
            match route(graph, layer, channel) {
                Err(why) => self.explained = Some((key, Err(why))),
                Ok(route) => self.waiting = begin(gpu, key, shown, route),
            }
            if wait {
                self.collect(gpu, wait);
            }
        }
        let (known, explained) = self.explained.as_ref()?;
        ((known.1, known.2) == (layer, channel)).then(|| explained.clone())
    }

    /// True while values are on their way: look again soon.
    pub fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    fn collect(&mut self, gpu: &GpuContext, wait: bool) {
        let Some(waiting) = self.waiting.take() else { return };
        let take = |map: &readback::PendingMap| if wait { map.wait(gpu).map(Some) } else { map.poll(gpu) };
        // The second copy was submitted behind the first.
        match take(&waiting.own).and_then(|own| Ok(own.zip(take(&waiting.read)?))) {
            Ok(Some((own, read))) => self.explained = Some((waiting.key, waiting.explain(own, read))),
            Ok(None) => self.waiting = Some(waiting),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

/// Has the numbers come back; `None` where this frame does not have them.
fn begin(gpu: &GpuContext, key: Key, shown: &Arc<Activations>, route: Route) -> Option<Waiting> {
    let (_, layer, channel, cell) = key;
    let node = &shown.model.graph.nodes[route.adds];
    let input = shown.map(*node.inputs.first()?)?;
    let (origin, size) = Patch::around(&places(&node.op, cell, input.shape));
    let copy = |map: &FeatureMapBuffer| readback::copy_map(gpu, map);
    let read = copy(&input.part(origin, size)?);
    let own = copy(&shown.map(layer)?.channel(channel)?.part(cell, [1, 1])?);
    Some(Waiting { key, shown: shown.clone(), route, origin, read, own })
}

impl Waiting {
    fn explain(&self, own: Vec<f32>, read: Vec<f32>) -> Result<Arc<ExplainedCell>, String> {
        let model = &self.shown.model;
        let shape = self.read.shape();
        let size = [shape.height, shape.width];
        let input = Patch { origin: self.origin, channels: shape.channels, size, values: read };
        let cell = self.key.3;
        let sum = cell_sum(&model.graph, &model.weights, self.route.clone(), cell, &input, STRONGEST)?;
        let own = own.first().copied().unwrap_or(f32::NAN);
        let told = Told::of(&model.graph, &sum, own);
        Ok(Arc::new(ExplainedCell { sum, own, told }))
    }
}
