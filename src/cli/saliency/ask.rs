//! What rules say of a picture.

use anyhow::{anyhow, bail};
use serde::Serialize;

use crate::engine::{Asked, Engine};
use crate::frame::Frame;
use crate::gpu::Preprocessing;
use crate::inspect::{Attributed, LayerOutput, Start, TraceOrigin, top_classes};
use crate::model::labels::Label;
use crate::model::{Graph, LayerIndex, Method, Trace, Unit};

/// What is asked of each picture.
pub struct Question {
    /// The units.
    pub origin: TraceOrigin,
    /// To which layer; 0 is the picture.
    pub to: LayerIndex,
    /// By which rules.
    pub methods: Vec<Method>,
    /// How often the network is run by those that average, in place of what is usual.
    pub passes: Option<usize>,
    /// Of the noise.
    pub seed: u64,
}

/// What came of it.
pub struct Answered {
    /// The units, with the class and the cells that the picture chose.
    pub origin: TraceOrigin,
    /// Their weighted sum.
    pub value: f32,
    /// One for each rule.
    pub rules: Vec<Ruled>,
    /// Values of layers that were kept for the way back, in bytes.
    pub bytes: usize,
}

/// What one rule says.
pub struct Ruled {
    /// The rule.
    pub method: Method,
    /// How often the network was run.
    pub passes: usize,
    /// In the shape of the layer that was gone back to.
    pub output: LayerOutput,
    /// The same in numbers.
    pub told: Attributed,
    /// True where the rule differs from the gradient only at ReLUs, and there are none on the way.
    pub equals_gradient: bool,
    /// Of [`Method::Integrated`].
    pub completeness: Option<Completeness>,
}

/// Whether integrated gradients add up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Completeness {
    /// The units' weighted sum in a black picture.
    pub black: f32,
    /// The sum of all values minus what the picture changes in the units.
    pub gap: f64,
    /// That in parts of the change; `None` where there is none.
    pub relative_gap: Option<f64>,
}

impl Question {
    /// Refuses what no rule can answer.
    ///
    /// # Errors
    /// In one sentence.
    pub fn check(&self, graph: &Graph, labels: &[Label]) -> anyhow::Result<()> {
        if self.to != 0 && self.methods.contains(&Method::Integrated) {
            bail!("integrated gradients go back to the picture alone: leave out --to, or this rule");
        }
        let units = self.origin.clone().with_top(0).units(graph, labels.len());
        let Some(units) = units else { bail!("the network has no such class") };
        let to = &graph.nodes[self.to].name;
        if !units.iter().any(|unit| graph.leads_to(self.to, unit.layer)) {
            let from = &graph.nodes[units.first().map_or(0, |unit| unit.layer)].name;
            bail!("{to} has no part in {from}: go back to a layer that leads to it (--to)");
        }
        Ok(())
    }

    /// How often a rule runs the network: at least, and at most.
    fn passes(&self, method: Method) -> [usize; 2] {
        self.passes.map_or([method.passes(), method.most_passes()], |passes| [passes; 2])
    }

    /// Rules that are the gradient in this network, because there is no ReLU on the way.
    pub fn same_as_gradient(&self, graph: &Graph, units: &[Unit]) -> Vec<Method> {
        let needed = graph.needed(units.iter().map(|unit| unit.layer));
        let is_between = |layer: &LayerIndex| needed[*layer] && *layer > self.to;
        let has_rectifier = (0..graph.nodes.len())
            .filter(is_between)
            .any(|layer| graph.nodes[layer].activation.is_rectifier() && graph.leads_to(self.to, layer));
        let selective = self.methods.iter().filter(|method| method.is_selective() && !has_rectifier);
        selective.copied().collect()
    }

    /// Asks it of one picture. Rules that need one run share the way forward. `progress` is told of the others: which rule,
    /// how many runs are done, and how many there will be.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn ask(
        &self,
        engine: &mut Engine,
        frame: &Frame,
        how: Preprocessing,
        progress: &mut dyn FnMut(Method, usize, usize),
    ) -> anyhow::Result<Answered> {
        let (graph, labels) = (engine.graph().clone(), engine.labels().clone());
        let mut origin = self.origin.clone();
        if origin.wants_top() {
            let class = top_class(engine, frame, how)?;
            origin = origin.with_top(class);
        }
        let units = |origin: &TraceOrigin| {
            origin.units(&graph, labels.len()).ok_or_else(|| anyhow!("there is no such class"))
        };
        let of = |method: Method, from: Vec<Unit>| {
            let wanted = if method.passes() == 1 { vec![(self.to, method.form())] } else { vec![] };
            Trace { from, rule: method.rule(), wanted }
        };
        let sought = origin.sought_layers();
        let traces = self.methods.iter().map(|method| Ok(of(*method, units(&origin)?)));
        let traces: Vec<Trace> = traces.collect::<anyhow::Result<_>>()?;
        let bytes = engine.traced_bytes(&sought, &traces);
        let (outputs, traced) = engine.trace(frame, how, &sought, &traces)?;
        let origin = origin.with_strongest(&outputs);
        let from = units(&origin)?;
        let value = traced.first().map_or(0.0, |traced| traced.value);
        let same = self.same_as_gradient(&graph, &from);
        let mut rules = vec![];
        for (&method, mut traced) in self.methods.iter().zip(traced) {
            let (output, completeness, passes) = match traced.outputs.pop() {
                Some(output) => (output, None, 1),
                None => {
                    let (from, to, seed) = (from.clone(), self.to, self.seed);
                    let passes = self.passes(method);
                    let asked = Asked { method, from, to, passes, seed };
                    let mut tell = |done, all| progress(method, done, all);
                    let found = engine.attribute(frame, how, &asked, &mut tell)?;
                    let black = found.value_without;
                    let told = black.map(|black| Completeness::of(&found.output, found.value, black));
                    (found.output, told, found.passes)
                }
            };
            let told = Attributed::of(&output);
            rules.push(Ruled {
                method,
                passes,
                output,
                told,
                equals_gradient: same.contains(&method),
                completeness,
            });
        }
        Ok(Answered { origin, value, rules, bytes })
    }
}

impl Completeness {
    fn of(output: &LayerOutput, value: f32, black: f32) -> Self {
        let change = f64::from(value) - f64::from(black);
        let gap = Attributed::of(output).sum - change;
        Self { black, gap, relative_gap: (change != 0.0).then(|| gap / change) }
    }
}

/// The class that the network finds most probable; where its classes do not compete, the one that is asked about then.
pub fn top_class(engine: &mut Engine, frame: &Frame, how: Preprocessing) -> anyhow::Result<usize> {
    let graph = engine.graph().clone();
    let Some(answer) = graph.answer() else { bail!("the network has no classes") };
    if let Some(class) = graph.one_class(engine.labels().len()) {
        return Ok(class);
    }
    let outputs = engine.run(frame, how, &[answer.layer])?;
    let top = outputs.first().and_then(|output| top_classes(&output.values, 1).first().copied());
    top.ok_or_else(|| anyhow!("the network has no classes"))
}

/// True where a class is asked about, which means nothing in an untrained network.
pub fn asks_for_class(origin: &TraceOrigin) -> bool {
    origin.parts.iter().any(|part| !matches!(part.start, Start::Channel { .. }))
}
