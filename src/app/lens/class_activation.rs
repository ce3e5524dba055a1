//! The class activation map of the most probable class over the picture: where its score comes from. Computed on the
//! drawing device, from which only its few values come back, or in host memory for figures; said in the same words.

use serde_json::{Map, Value};

use super::about::{About, Flag, Needs, Takes};
use super::legend::{Line, Strip};
use super::look::Look;
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::LensName;
use crate::engine::Model;
use crate::gpu::{ClassActivationPass, FeatureMapBuffer, GpuContext, MapStatistics, readback};
use crate::inspect::{Experiment, LayerOutput, class_activation, class_weights, explained, is_pair, logit};
use crate::model::labels::Label;
use crate::model::{Graph, LayerIndex};
use crate::session::Activations;
use crate::view::{number, range};
use crate::weights::{LayerWeights, Weights};

/// In keys, options and JSON.
pub const NAME: LensName = "class-activation";

const ABOUT: About = About {
    name: NAME,
    keys: &["c"],
    help: "class activation map: where the top class comes from",
    flag: Some(Flag {
        long: "cam",
        takes: Takes::Nothing,
        help: "Lay the class activation map of the most probable class, or of --from class:NAME, over the picture",
    }),
    more: &[],
};

/// Why a network that was not trained has no such map.
const UNTRAINED: &str = "An untrained network recognises nothing: no class activation map";

/// Why a network has no such map; `None` where it has.
pub fn not_exact(graph: &Graph) -> Option<String> {
    explained(graph).err().map(|reason| format!("No class activation map is exact here: {reason}"))
}

/// Said where an experiment changes what lies between the maps and the classes: their sum is then not what the network says.
fn changed_behind(graph: &Graph, experiment: &Experiment) -> Option<String> {
    let found = explained(graph).ok()?;
    let is_behind = |layer: &LayerIndex| *layer > found.maps && graph.leads_to(*layer, found.classes);
    let layer = experiment.interventions.iter().map(|own| own.layer).find(is_behind)?;
    Some(format!(
        "{} is changed behind these maps: this is the sum without that change, and not the logit of the changed network.",
        graph.nodes[layer].name
    ))
}

/// What is said of a class activation map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Explanation {
    /// The class.
    pub class: usize,
    /// Its bias; `None` where the class has a map of its own.
    pub bias: Option<f32>,
    /// The map's lowest and highest value.
    pub ends: (f32, f32),
    /// Its mean plus the bias: the score before it becomes a probability.
    pub logit: f32,
}

impl Explanation {
    /// Of these values.
    fn of(values: &[f32], class: usize, bias: Option<f32>) -> Self {
        Self { class, bias, ends: range(values), logit: logit(values, bias.unwrap_or_default()) }
    }

    /// `Where “tabby” comes from`
    pub fn title(name: &str) -> String {
        format!("Where “{name}” comes from")
    }

    /// What the map is, and that it adds up.
    pub fn in_words(&self) -> String {
        let Some(bias) = self.bias else {
            return format!(
                "the last block's map of this class. Its mean is the logit {}.",
                number(self.logit)
            );
        };
        format!(
            "the sum of the last block's maps, each times its weight for this class. Its mean plus the bias {} is the \
             logit {}.",
            number(bias),
            number(self.logit)
        )
    }
}

/// Where the maps are whose weighted sum explains a class, and the weights.
#[derive(Clone, Copy)]
pub struct Explainer<'a> {
    /// The layer whose maps are summed up.
    pub layer: LayerIndex,
    /// The layer that gives the classes' probabilities.
    pub classifier: LayerIndex,
    channels: usize,
    /// `[classes, channels]`, and a bias for each class. `None`: each class has a map of its own.
    dense: Option<(&'a [f32], Option<&'a [f32]>)>,
    /// One output for two classes: its score is the second one's, and speaks as much against the first.
    is_pair: bool,
}

impl<'a> Explainer<'a> {
    /// `None` where no map is exact ([`not_exact`]), or where there are no weights.
    pub fn of(graph: &Graph, weights: &'a Weights, labels: &[Label]) -> Option<Self> {
        let found = explained(graph).ok()?;
        let dense = match found.dense {
            None => None,
            Some(layer) => match weights.layers.get(layer)?.as_ref()? {
                LayerWeights::Dense { weight, bias } => Some((&weight[..], Some(&bias[..]))),
                LayerWeights::Conv { kernel, bias } => Some((&kernel[..], bias.as_deref())),
                _ => return None,
            },
        };
        let channels = graph.nodes[found.maps].shape.channels;
        let is_pair = is_pair(graph, labels.len());
        Some(Self { layer: found.maps, classifier: found.classes, channels, dense, is_pair })
    }

    /// One weight a channel, and the bias of classes without a map of their own; `None` where there is no such class.
    pub fn of_class(&self, class: usize) -> Option<(Vec<f32>, Option<f32>)> {
        let sign = if self.is_pair && class == 0 { -1.0 } else { 1.0 };
        let row = if self.is_pair { class.saturating_sub(1) } else { class };
        match self.dense {
            None if row < self.channels => {
                let weight = |channel| if channel == row { sign } else { 0.0 };
                Some(((0..self.channels).map(weight).collect(), None))
            }
            None => None,
            Some((weight, bias)) => {
                let weights = class_weights(weight, self.channels, row)?.iter().map(|weight| sign * weight);
                let bias = bias.map_or(Some(0.0), |bias| bias.get(row).copied())?;
                Some((weights.collect(), Some(sign * bias)))
            }
        }
    }

    /// The map in host memory, `height × width` values, and what is said of it.
    pub fn explain(&self, output: &LayerOutput, class: usize) -> Option<(Vec<f32>, Explanation)> {
        let (weights, bias) = self.of_class(class)?;
        let values = class_activation(output, &weights);
        let explanation = Explanation::of(&values, class, bias);
        Some((values, explanation))
    }
}

/// The lens.
pub struct ClassActivation;

impl OverlayLens for ClassActivation {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        let maps = explained(look.graph).map(|found| found.maps).into_iter().collect();
        // The top class has to be known.
        Needs { maps, predictions: true, ..Needs::default() }
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        match look.network {
            Some(model) if !model.weights.origin.is_trained() => Some(UNTRAINED.into()),
            _ => not_exact(look.graph),
        }
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work {
            pass: ClassActivationPass::new(gpu),
            statistics: MapStatistics::new(gpu),
            shown: None,
            waiting: None,
            explanation: None,
        })
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let answer = look.shown.and_then(|shown| shown.answer.as_ref());
        let top = || answer?.top(1).first().copied();
        let Some(class) = look.lenses.tracing.class().or_else(top) else { return Map::new() };
        let name = look.class_name(class).into();
        [("class".to_string(), Value::from(class)), ("name".to_string(), name)].into_iter().collect()
    }
}

/// A map, and the frame that it is of.
struct Shown {
    sequence: u64,
    class: usize,
    bias: Option<f32>,
    map: FeatureMapBuffer,
    over: Over,
}

struct Work {
    pass: ClassActivationPass,
    statistics: MapStatistics,
    shown: Option<Shown>,
    /// Values on their way, and whose they are: the frame, the class, its bias.
    waiting: Option<(u64, usize, Option<f32>, readback::Pending)>,
    explanation: Option<(u64, Explanation)>,
}

impl Work {
    fn compute(&mut self, gpu: &GpuContext, look: &Look<'_>, shown: &Activations) -> Option<Shown> {
        let model: &Model = &shown.model;
        let explainer = Explainer::of(&model.graph, &model.weights, &model.labels)?;
        if !model.weights.origin.is_trained() {
            return None;
        }
        let top = || shown.answer.as_ref()?.top(1).first().copied();
        let class = look.lenses.tracing.class().or_else(top)?;
        let (weights, bias) = explainer.of_class(class)?;
        let map = self.pass.run(gpu, shown.map(explainer.layer)?, &weights);
        let scale = look.colors.scale_of_one();
        let (statistics, ranges) = self.statistics.run(gpu, &map, scale.normalize.is_percentile());
        let over = Over::even(map.clone(), statistics, ranges, scale);
        Some(Shown { sequence: shown.sequence, class, bias, map, over })
    }

    /// Has the values of the newest map come back, unless others are on their way.
    fn ask(&mut self, gpu: &GpuContext) {
        let Some(shown) = &self.shown else { return };
        let is_known = self.explanation.is_some_and(|(sequence, _)| sequence == shown.sequence);
        if !is_known && self.waiting.is_none() {
            let buffer = &shown.map.buffer;
            let pending = readback::copy(gpu, &[(buffer, 0, 4 * shown.map.shape.len() as u64)]);
            self.waiting = Some((shown.sequence, shown.class, shown.bias, pending));
        }
    }

    fn collect(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((sequence, class, bias, pending)) = self.waiting.take() else { return };
        let bytes = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match bytes {
            Ok(Some(bytes)) => {
                let values: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
                self.explanation = Some((sequence, Explanation::of(&values, class, bias)));
            }
            // Asked for again with the next drawing.
            Ok(None) => self.waiting = Some((sequence, class, bias, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let shown = look.shown?;
        let scale = look.colors.scale_of_one();
        let is_same = |known: &Shown| {
            let is_chosen = look.lenses.tracing.class().is_none_or(|class| class == known.class);
            is_chosen
                && known.sequence == shown.sequence
                && known.over.ranges.is_some() == scale.normalize.is_percentile()
        };
        if !self.shown.as_ref().is_some_and(is_same) {
            self.shown = Some(self.compute(gpu, look, shown)?);
            self.ask(gpu);
        }
        self.shown.as_ref().map(|shown| Over { scale, ..shown.over.clone() })
    }

    fn legend(&mut self, gpu: &GpuContext, look: &Look<'_>, wait: bool) -> Vec<Line> {
        let key = look.key(Action::Over(NAME));
        if let Some(reason) = ClassActivation.hindered(look) {
            return vec![Line::Main(format!("{reason} ({key})."), "class activation map")];
        }
        self.collect(gpu, wait);
        self.ask(gpu);
        let Some((_, explanation)) = self.explanation else {
            let text = format!("The class activation map ({key}) is being computed.");
            return vec![Line::Main(text, "class activation map")];
        };
        let title = Explanation::title(&look.class_name(explanation.class));
        let text = format!("{title} ({key}): {}", explanation.in_words());
        let (scale, colormap) = (look.colors.scale_of_one(), look.colors.colormap());
        let range = scale.range(explanation.ends, explanation.ends, colormap);
        let strip = Strip::new(&range, colormap, [false; 2]);
        let [low, high] = strip.ends();
        let ends = match scale.normalize.is_percentile() {
            true => "from the value that 1 % lie below to the one that 1 % lie above".to_string(),
            false => format!("from {low} to {high}"),
        };
        let mut lines = vec![
            Line::Main(text, "class activation map"),
            Line::Bar(strip.table),
            Line::quiet(format!("{ends} {}", look.opacity_keys())),
            Line::quiet(format!("{} and a name: another class.", look.key(Action::TogglePalette))),
        ];
        let experiment = look.shown.map(|shown| &shown.request.experiment);
        let changed = experiment.and_then(|experiment| changed_behind(look.graph, experiment));
        lines.extend(changed.map(|text| Line::Main(text, "")));
        lines
    }

    fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::{Intervention, Kind};
    use crate::model::Shape;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn changes_behind_the_maps_are_said() {
        let graph = inception_v3(1000, 1.0);
        let changed = |layer: &str| {
            let muted =
                Intervention { layer: graph.find(layer).unwrap(), channels: vec![3], kind: Kind::Muted };
            changed_behind(&graph, &Experiment { interventions: vec![muted], cover: None })
        };
        assert_eq!((changed("mixed5"), changed("mixed10")), (None, None));
        assert!(changed("avg_pool").unwrap().starts_with("avg_pool is changed behind"));
    }

    #[test]
    fn words_and_numbers_of_an_explanation_add_up() {
        let explanation = Explanation::of(&[1.0, -0.5, 2.5], 3, Some(0.25));
        assert_eq!((explanation.ends, explanation.logit), ((-0.5, 2.5), 1.25));
        assert!(
            explanation.in_words().ends_with("plus the bias 0.250 is the logit 1.25."),
            "{explanation:?}"
        );
        assert_eq!(Explanation::title("cup"), "Where “cup” comes from");
    }

    #[test]
    fn a_class_is_explained_where_the_weights_are() {
        let graph = inception_v3(3, 0.05);
        let weights = crate::weights::seeded(&graph, 1);
        let explainer = Explainer::of(&graph, &weights, &[]).unwrap();
        let channels = graph.nodes[explainer.layer].shape.channels;
        let shape = Shape { channels, height: 2, width: 2 };
        let output = LayerOutput { layer: explainer.layer, shape, values: vec![1.0; shape.len()] };
        let (values, explanation) = explainer.explain(&output, 2).unwrap();
        let (of_class, bias) = explainer.of_class(2).unwrap();
        let sum: f32 = of_class.iter().sum();
        assert!(values.iter().all(|value| (value - sum).abs() < 1e-5));
        assert!((explanation.logit - sum - bias.unwrap()).abs() < 1e-5);
        assert!(explainer.explain(&output, 3).is_none());
        // Two names for one output: what speaks for the second class speaks against the first.
        let (graph, labels) = (inception_v3(1, 0.05), crate::model::labels::named(&["no", "yes"]));
        let weights = crate::weights::seeded(&graph, 1);
        let explainer = Explainer::of(&graph, &weights, &labels).unwrap();
        let [no, yes] = [0, 1].map(|class| explainer.explain(&output, class).unwrap().1.logit);
        assert!(no == -yes && explainer.of_class(2).is_none(), "{no} {yes}");
    }
}
