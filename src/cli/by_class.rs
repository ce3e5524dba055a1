//! Channels ranked by what they add to the score of a picture's most probable class.

use anyhow::{anyhow, bail};

use crate::engine::Engine;
use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::{Answer, LayerOutput, first_order, pooled_from};
use crate::model::{Form, Graph, LayerIndex, Rule, Trace};

/// What the channels of a layer add to a class's score.
pub struct ByClass {
    /// One for each channel.
    pub scores: Vec<f32>,
    /// Which class, and how exact that is.
    pub words: String,
}

/// Refuses a layer that the classes are not made of.
///
/// # Errors
/// In one sentence.
pub fn check(graph: &Graph, layer: LayerIndex) -> anyhow::Result<()> {
    let Some(score) = graph.class_unit(0, 0) else {
        bail!(
            "this network gives no classes to sort by: index, max, mean, variance and similarity sort its channels"
        )
    };
    if layer >= score.layer || !graph.leads_to(layer, score.layer) {
        let name = &graph.nodes[layer].name;
        bail!(
            "{name} does not lead to the classes' scores: only channels of layers before them can be sorted by class"
        );
    }
    Ok(())
}

/// The outputs of a layer by several networks for one picture, and what its channels add to the first network's class.
pub fn rank(
    engines: &mut [Engine],
    frame: &Frame,
    how: Preprocessing,
    layer: LayerIndex,
) -> anyhow::Result<(Vec<Vec<LayerOutput>>, ByClass)> {
    let Some((main, others)) = engines.split_first_mut() else { bail!("there is no network") };
    let (graph, labels) = (main.graph().clone(), main.labels().clone());
    let nothing = || anyhow!("the network has no classes");
    let (answer, top) = graph.answer().zip(graph.top_unit(labels.len())).ok_or_else(nothing)?;
    let trace = Trace { from: vec![top], rule: Rule::Gradient, wanted: vec![(layer, Form::TimesValue)] };
    let (mut outputs, traced) = main.trace(frame, how, &[layer, answer.layer], &[trace])?;
    let said = outputs.pop().ok_or_else(nothing)?;
    let products = traced.into_iter().next().and_then(|traced| traced.outputs.into_iter().next());
    let scores = first_order(&products.ok_or_else(nothing)?);
    let said = Answer::new(&said.values, answer.meaning, labels.len());
    let class = graph.one_class(labels.len()).or_else(|| said.top(1).first().copied()).unwrap_or(0);
    let exact = match pooled_from(&graph, layer) {
        Some(_) => "",
        None => " in the first order (gradient × activation)",
    };
    let words = format!("sorted by what adds most to {}{exact}", said.name(class, &labels));
    let mut all = vec![outputs];
    for engine in others {
        all.push(engine.run(frame, how, &[layer])?);
    }
    Ok((all, ByClass { scores, words }))
}
