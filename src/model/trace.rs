//! What is traced back through a network: from which units, by which rule, to which layers.

use super::graph::{Graph, LayerIndex, Meaning, Node};
use super::op::{Activation, Op};
use super::shape::Shape;

/// Which cells of a channel are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The cell with the largest value; the first of several.
    Strongest,
    /// The mean of all cells.
    Mean,
    /// This row and column.
    Cell(usize, usize),
    /// The largest value of the whole layer, of whichever channel: the class that a network finds most probable.
    Top,
}

/// A number inside the network: of one channel of a layer, times `weight`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// The layer.
    pub layer: LayerIndex,
    /// Its channel, or class.
    pub channel: usize,
    /// Which cells of it.
    pub place: Place,
    /// What it is multiplied by: −1 for what speaks against it.
    pub weight: f32,
    /// The value before the layer's own activation: a class's logit instead of its probability.
    pub before_activation: bool,
}

impl Unit {
    /// A channel of a layer.
    pub fn new(layer: LayerIndex, channel: usize, place: Place) -> Self {
        Self { layer, channel, place, weight: 1.0, before_activation: false }
    }
}

/// What functions do with a gradient on its way back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Rule {
    /// Their derivative: Simonyan, Vedaldi and Zisserman, "Deep Inside Convolutional Networks", 2013 (arXiv:1312.6034).
    #[default]
    Gradient,
    /// ReLUs let through only what is positive, and only where they were above zero: Springenberg, Dosovitskiy, Brox and
    /// Riedmiller, "Striving for Simplicity", 2014 (arXiv:1412.6806).
    Guided,
    /// ReLUs let through only what is positive, whatever they were: Zeiler and Fergus, "Visualizing and Understanding
    /// Convolutional Networks", 2013 (arXiv:1311.2901).
    Deconvolution,
}

/// How a layer's gradient becomes one map of where a unit's value comes from. `A` are the layer's values, `g` the gradient.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CamMethod {
    /// Channels weighted by the mean of `g`, summed up, without what is negative: Selvaraju et al., "Grad-CAM", 2016
    /// (arXiv:1610.02391).
    #[default]
    GradCam,
    /// Channels weighted by the positive part of `g`, each cell by g²/(2g² + g³·ΣA): Chattopadhay et al., "Grad-CAM++", 2017
    /// (arXiv:1710.11063).
    GradCamPlusPlus,
    /// The positive part of `g` times `A`, summed up, without what is negative: Jiang et al., "LayerCAM", 2021
    /// (doi:10.1109/TIP.2021.3089943).
    LayerCam,
}

/// What is made of the gradient at a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The gradient itself, in the layer's shape.
    Gradient,
    /// Times the layer's values.
    TimesValue,
    /// One map, in the layer's height and width.
    Cam(CamMethod),
}

/// One way back through the network.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The units whose weighted sum is traced back.
    pub from: Vec<Unit>,
    /// What functions do with the gradient.
    pub rule: Rule,
    /// To which layers, and what is made of it there. A layer that the units do not depend on gets zeros.
    pub wanted: Vec<(LayerIndex, Form)>,
}

impl Graph {
    /// A class's score as it is before all scores are squeezed into probabilities (its logit). `names` are how many classes
    /// have names: with two of them and a single probability, that is the second's, and the first's score is its negative.
    /// `None` where the network gives no vector, or not so many classes.
    pub fn class_unit(&self, class: usize, names: usize) -> Option<Unit> {
        let answer = self.answer()?;
        let is_probability = answer.meaning != Meaning::Numbers;
        let count = self.nodes[answer.layer].shape.len();
        let mut unit = Unit::new(answer.layer, class, Place::Mean);
        let mut place = class;
        if count == 1 && names == 2 && is_probability && class < 2 {
            (place, unit.weight) = (0, if class == 0 { -1.0 } else { 1.0 });
        } else if class >= count {
            return None;
        }
        // Where the answer is no probability, its numbers are the scores.
        while is_probability && !unit.before_activation {
            let node = &self.nodes[unit.layer];
            let is_along_axis = matches!(node.op, Op::Softmax(_));
            let squeezes = squeezes(node);
            let is_alone = is_along_axis || node.op == Op::Activation;
            let is_passed_on = is_alone || matches!(node.op, Op::Rearrange(_)) && node.shape.is_vector();
            match node.inputs[..] {
                [input] if squeezes && is_alone => {
                    unit.layer = input;
                    break;
                }
                _ if squeezes => unit.before_activation = true,
                [input] if is_passed_on && self.nodes[input].shape.is_vector() => unit.layer = input,
                _ => break,
            }
        }
        let Shape { height, width, .. } = self.nodes[unit.layer].shape;
        unit.channel = place / (height * width);
        unit.place = Place::Cell(place % (height * width) / width, place % width);
        Some(unit)
    }

    /// True for a class's unit that lies before what squeezes all scores into probabilities.
    pub fn is_logit(&self, unit: &Unit) -> bool {
        let Some(answer) = self.answer().filter(|answer| answer.meaning != Meaning::Numbers) else {
            return false;
        };
        let mut at = answer.layer;
        while at > unit.layer {
            let node = &self.nodes[at];
            match node.inputs[..] {
                [_] if squeezes(node) => return true,
                [input] => at = input,
                _ => return false,
            }
        }
        unit.before_activation
    }

    /// The class with the largest score, whichever that is in a frame; see [`Self::class_unit`]. Where the network gives no
    /// scores that classes share, it is [`Self::one_class`].
    pub fn top_unit(&self, names: usize) -> Option<Unit> {
        match self.one_class(names) {
            Some(class) => self.class_unit(class, names),
            None => Some(Unit { channel: 0, place: Place::Top, ..self.class_unit(0, names)? }),
        }
    }

    /// The class that is asked about where no class is the most probable one: of numbers the first, of a single probability
    /// the class whose it is. `None` where classes compete.
    pub fn one_class(&self, names: usize) -> Option<usize> {
        let answer = self.answer()?;
        match (answer.meaning, self.nodes[answer.layer].shape.len()) {
            (Meaning::Numbers, _) => Some(0),
            (_, 1) => Some(usize::from(names == 2)),
            _ => None,
        }
    }

    /// True where a layer's values have a part in those of another one: where it comes before it, or is it.
    pub fn leads_to(&self, layer: LayerIndex, to: LayerIndex) -> bool {
        layer <= to && self.needed([to])[layer]
    }
}

/// True for a layer that makes probabilities of scores.
fn squeezes(node: &Node) -> bool {
    matches!(node.op, Op::Softmax(_))
        || matches!(node.activation, Activation::Softmax | Activation::LogSoftmax | Activation::Sigmoid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn a_class_is_traced_from_its_logit() {
        let graph = inception_v3(10, 0.25);
        let unit = graph.class_unit(3, 0).unwrap();
        assert_eq!((unit.layer, unit.channel), (graph.answer().unwrap().layer, 3));
        assert!(unit.before_activation && graph.is_logit(&unit));
        assert!(!graph.is_logit(&Unit { before_activation: false, ..unit }));
        assert_eq!(graph.class_unit(10, 10), None);
        // Whichever class it is, it is one of the same layer.
        let top = graph.top_unit(10).unwrap();
        assert_eq!((top.layer, top.place, top.before_activation), (unit.layer, Place::Top, true));
        // One probability with two names speaks for the second.
        let pair = inception_v3(1, 0.25);
        assert_eq!((pair.one_class(2), pair.one_class(1)), (Some(1), Some(0)));
        assert_eq!(pair.top_unit(2), pair.class_unit(1, 2));
    }

    #[test]
    fn layers_lead_to_those_that_are_made_of_them() {
        let graph = inception_v3(10, 0.25);
        let find = |name: &str| graph.find(name).unwrap();
        assert!(graph.leads_to(0, find("mixed5")) && graph.leads_to(find("mixed4"), find("mixed5")));
        assert!(graph.leads_to(find("mixed5"), find("mixed5")));
        assert!(!graph.leads_to(find("mixed5"), find("mixed4")));
        // Branches of one block know nothing of each other.
        let [first, second, ..] = graph.nodes[find("mixed5")].inputs[..] else { panic!() };
        assert!(!graph.leads_to(first, second) && !graph.leads_to(second, first));
    }
}
