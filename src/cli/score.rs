//! The class whose score is asked for again and again.

use anyhow::{anyhow, bail};

use super::saliency::ask::top_class;
use crate::engine::Engine;
use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::{OriginInfo, TraceOrigin, is_pair, no_answer};
use crate::model::labels::find_class;
use crate::model::{Graph, Unit};

/// The class that was chosen, if any: by number or name.
///
/// # Errors
/// Where the network has no such class, or none at all.
pub fn chosen_class(engine: &Engine, class: Option<&str>) -> anyhow::Result<Option<usize>> {
    let (graph, labels) = (engine.graph(), engine.labels());
    let Some(answer) = graph.answer() else { bail!(no_answer(graph)) };
    let classes = graph.nodes[answer.layer].shape.len();
    let classes = if is_pair(graph, labels.len()) { 2 } else { classes };
    let chosen = class.filter(|class| class.trim() != "top");
    Ok(chosen.map(|text| find_class(text, classes, labels)).transpose()?)
}

/// A class's score in one picture.
pub struct Score {
    /// In words and JSON.
    pub origin: OriginInfo,
    /// The number inside the network.
    pub unit: Unit,
}

/// The chosen class, or the most probable one of this frame.
///
/// # Errors
/// Where the device failed or the network has no such class.
pub fn score_of(
    engine: &mut Engine,
    frame: &Frame,
    how: Preprocessing,
    chosen: Option<usize>,
) -> anyhow::Result<Score> {
    let class = match chosen {
        Some(class) => class,
        None => top_class(engine, frame, how)?,
    };
    let (graph, labels) = (engine.graph(), engine.labels());
    let origin = TraceOrigin::class(class);
    let units = origin.units(graph, labels.len());
    let unit = units.and_then(|units| units.first().copied());
    let unit = unit.ok_or_else(|| anyhow!("the network has no such class"))?;
    Ok(Score { origin: origin.info(graph, labels), unit })
}

/// The name of what `unit` is, for an axis: `logit` where the network squeezes it into a probability.
pub fn kind_of(graph: &Graph, unit: &Unit) -> &'static str {
    if graph.is_logit(unit) { "logit" } else { "score" }
}
