//! What a checkpoint is, read and run on the same pictures each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::watch::name_of;
use crate::engine::{Engine, Model, ModelOptions, WeightsSpec, load};
use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::checkpoint::{CheckpointSummary, MapsExamination, parameters};
use crate::model::{Graph, LayerIndex, Op};
use crate::source::{self, Delivery, SourceSpec};
use crate::weights::{LayerWeights, Weights};

/// Pictures that maps are looked at on, at most.
const MOST_PICTURES: usize = 8;

/// A checkpoint that was read.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// Its file.
    pub path: PathBuf,
    /// The network.
    pub model: Model,
    /// What it is like.
    pub summary: Arc<CheckpointSummary>,
}

/// The pictures on which each checkpoint is looked at.
#[derive(Clone, Debug)]
pub struct References {
    frames: Vec<Frame>,
    how: Preprocessing,
}

impl References {
    /// The first pictures of a source that can be opened beside the view; of others, things of the test card.
    ///
    /// # Errors
    /// Where the source cannot be opened or gives no picture: one sentence.
    pub fn of(source: Option<&SourceSpec>, delivery: &Delivery, how: Preprocessing) -> Result<Self, String> {
        let card = SourceSpec::Made(source::testcard::MADE.name);
        let spec = match source {
            Some(spec @ (SourceSpec::Path(_) | SourceSpec::Files(_))) => spec,
            _ => &card,
        };
        let once = Delivery { live: false, ..delivery.clone() };
        let mut opened = source::open(Some(spec), &once).map_err(|error| error.to_string())?.source;
        let mut frames = vec![];
        while frames.len() < MOST_PICTURES {
            match opened.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                // It is told where it is shown.
                Err(_) => {}
            }
        }
        match frames.is_empty() {
            true => Err(format!("{spec}: it has no picture to look at checkpoints with")),
            false => Ok(Self { frames, how }),
        }
    }
}

/// Reads checkpoints and looks at each, beside the one before.
#[derive(Debug)]
pub struct Examiner {
    followed: PathBuf,
    options: ModelOptions,
    references: References,
    before: Option<(Arc<Graph>, Arc<Weights>)>,
}

impl Examiner {
    /// Of checkpoints at or in `followed`.
    pub fn new(followed: &Path, options: ModelOptions, references: References) -> Self {
        Self { followed: followed.into(), options, references, before: None }
    }

    /// Reads a checkpoint and runs it, on the CPU. The next is compared with this one.
    ///
    /// # Errors
    /// One sentence; the next is then compared with the one before.
    pub fn examine(&mut self, path: &Path) -> Result<Checkpoint, String> {
        let name = name_of(path, &self.followed);
        let References { frames, how } = &self.references;
        let model = load(WeightsSpec::File(path.into()), &self.options, how.resize());
        let model = model.map_err(|reason| format!("{name} was not taken: {reason}"))?;
        let graph = model.graph.clone();
        let layers = looked_at(&graph);
        let mut examined: Vec<_> = layers.iter().map(|&layer| MapsExamination::new(&graph, layer)).collect();
        let failed = |error: crate::engine::EngineError| format!("{name} was not taken: {error}");
        let mut engine = Engine::new(model.clone(), None).map_err(failed)?;
        for frame in frames {
            let outputs = engine.run(frame, *how, &layers).map_err(failed)?;
            examined.iter_mut().zip(&outputs).for_each(|(examined, output)| examined.observe(output));
        }
        let before = self.before.replace((graph.clone(), model.weights.clone()));
        let is_alike = |(known, _): &(Arc<Graph>, Arc<Weights>)| {
            known.nodes.iter().map(|node| &node.name).eq(graph.nodes.iter().map(|node| &node.name))
        };
        let before = before.filter(is_alike).map(|(_, weights)| weights);
        let of = |(index, now): (LayerIndex, &Option<LayerWeights>)| {
            let before = before.as_ref().and_then(|before| before.layers[index].as_ref());
            let before = before.map(LayerWeights::pieces);
            Some(parameters(&graph, index, &now.as_ref()?.pieces(), before.as_deref()))
        };
        let summary = CheckpointSummary {
            name,
            pictures: frames.len(),
            parameters: model.weights.layers.iter().enumerate().filter_map(of).collect(),
            maps: examined.iter().map(MapsExamination::summary).collect(),
        };
        Ok(Checkpoint { path: path.into(), model, summary: Arc::new(summary) })
    }
}

/// All ReLUs, whose maps can be dead; where there are none, all convolutions.
fn looked_at(graph: &Graph) -> Vec<LayerIndex> {
    let all = |is: &dyn Fn(LayerIndex) -> bool| (0..graph.nodes.len()).filter(|&layer| is(layer)).collect();
    let rectified: Vec<_> = all(&|layer| graph.nodes[layer].activation.is_rectifier());
    match rectified.is_empty() {
        true => all(&|layer| matches!(graph.nodes[layer].op, Op::Conv(..))),
        false => rectified,
    }
}
