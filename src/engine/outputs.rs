//! What the last numbers of a network are, and what stands between its last layers, where its file leaves that to the user.

use clap::ValueEnum;

use crate::model::{Activation, Graph, Meaning, Output};
use crate::weights::{Scores, Weights};

/// What the network's last numbers are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum OutputChoice {
    /// Scores of classes that exclude each other.
    Softmax,
    /// Scores of classes each by itself.
    Sigmoid,
    /// Numbers as they are.
    Numbers,
}

impl OutputChoice {
    /// As `--meaning` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Softmax => "softmax",
            Self::Sigmoid => "sigmoid",
            Self::Numbers => "numbers",
        }
    }
}

/// What stands between fully connected layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Between {
    /// Nothing.
    None,
    /// max(0, x).
    Relu,
    /// max(0, x), at most 6.
    Relu6,
    /// x, and below zero a hundredth of it, as PyTorch has it.
    LeakyRelu,
    /// x, and below zero eˣ − 1.
    Elu,
    /// ELU that keeps mean and variance.
    Selu,
    /// x·Φ(x).
    Gelu,
    /// x·sigmoid(x), also called swish.
    #[value(alias = "swish")]
    Silu,
    /// x·min(max(x + 3, 0), 6)/6.
    HardSwish,
    /// x·tanh(ln(1 + eˣ)).
    Mish,
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function.
    Sigmoid,
    /// ln(1 + eˣ).
    Softplus,
}

impl Between {
    /// As `--between` has it.
    pub fn name(self) -> String {
        self.to_possible_value().map_or(String::new(), |value| value.get_name().into())
    }

    pub(super) fn activation(self) -> Activation {
        match self {
            Self::None => Activation::Linear,
            Self::Relu => Activation::Relu,
            Self::Relu6 => Activation::Clip(0.0, 6.0),
            Self::LeakyRelu => Activation::LeakyRelu(0.01),
            Self::Elu => Activation::Elu(1.0),
            Self::Selu => Activation::Selu,
            Self::Gelu => Activation::Gelu,
            Self::Silu => Activation::Silu,
            Self::HardSwish => Activation::HardSwish,
            Self::Mish => Activation::Mish,
            Self::Tanh => Activation::Tanh,
            Self::Sigmoid => Activation::Sigmoid,
            Self::Softplus => Activation::Softplus,
        }
    }
}

/// Decides what numbers without an activation mean, where the file does not: scores of classes become probabilities by
/// a softmax that is added, and said so.
pub(super) fn settle_output(
    graph: &mut Graph,
    weights: Option<&mut Weights>,
    scores: Option<Scores>,
    chosen: Option<OutputChoice>,
) {
    let Some(at) = graph.outputs.iter().position(|output| output.meaning != Meaning::Maps) else { return };
    let Output { layer, meaning } = graph.outputs[at];
    let count = graph.nodes[layer].shape.channels;
    if scores == Some(Scores::Assumed) {
        return settle_assumed(graph, at, weights, chosen);
    }
    let is_guess = chosen.is_none() && scores == Some(Scores::Unknown);
    let choice = match (chosen, scores, meaning) {
        (Some(choice), ..) => choice,
        (None, Some(Scores::Logits | Scores::Unknown), Meaning::Numbers) if count > 1 => {
            OutputChoice::Softmax
        }
        _ => return,
    };
    let (activation, meaning) = match (choice, meaning) {
        (OutputChoice::Softmax, Meaning::Numbers) => (Activation::Softmax, Meaning::Probabilities),
        (OutputChoice::Sigmoid, Meaning::Numbers) => (Activation::Sigmoid, Meaning::Independent),
        (OutputChoice::Numbers, _) => {
            graph.outputs[at].meaning = Meaning::Numbers;
            return;
        }
        // The file has an activation of its own.
        _ => return,
    };
    graph.outputs[at] = Output { layer: graph.append(activation, layer), meaning };
    if let Some(weights) = weights {
        weights.layers.push(None);
        if is_guess {
            weights.notes.push(format!(
                "its {count} outputs have no activation: they are taken for scores of classes, and a softmax is added to \
                 make them probabilities (a guess: --meaning numbers shows them as they are)"
            ));
        }
    }
}

/// The same where the graph has what is usual at the end, since no file of its kind tells: what the user says takes its
/// place, and that one number is a probability is told to be a guess.
fn settle_assumed(graph: &mut Graph, at: usize, weights: Option<&mut Weights>, chosen: Option<OutputChoice>) {
    let Output { layer, meaning } = graph.outputs[at];
    let (activation, said) = match chosen {
        Some(OutputChoice::Softmax) => (Activation::Softmax, Meaning::Probabilities),
        Some(OutputChoice::Sigmoid) if graph.nodes[layer].shape.channels == 1 => {
            (Activation::Sigmoid, Meaning::Probabilities)
        }
        Some(OutputChoice::Sigmoid) => (Activation::Sigmoid, Meaning::Independent),
        Some(OutputChoice::Numbers) => (Activation::Linear, Meaning::Numbers),
        None => {
            let is_one = meaning == Meaning::Probabilities && graph.nodes[layer].shape.channels == 1;
            if let Some(weights) = weights.filter(|_| is_one) {
                weights.notes.push(
                    "its one output is taken for the probability of the second of two classes, and the logistic function \
                     is added (a guess: --meaning numbers shows the number as it is)"
                        .into(),
                );
            }
            return;
        }
    };
    graph.nodes[layer].activation = activation;
    graph.outputs[at].meaning = said;
}
