//! The words that not everybody knows, in one sentence each: what the tooltips say, and a part of docs/reading.md.

use crate::model::{Activation, Node, Op};

/// Word and sentence.
const TERMS: &[(&str, &str)] = &[
    ("layer", "One step of the network: it takes the maps of earlier layers and makes new ones."),
    ("channel", "One of the maps of a layer: where in the picture, and how strongly, one pattern was found."),
    ("shape", "Height × width of each map, and how many channels (maps) the layer has."),
    (
        "stage",
        "A part of the network, such as its first layers (the stem), a block, or the end that names classes.",
    ),
    ("other name", "What the same layer is called elsewhere: in PyTorch's torchvision, or in the ONNX file."),
    ("input", "The picture as the network gets it, at its own size."),
    (
        "convolution",
        "Slides small kernels over all maps before it; each kernel makes one map of where its pattern is.",
    ),
    ("kernel", "The weights of a convolution: the pattern that it looks for, learned in training."),
    (
        "batch normalization",
        "Shifts and stretches each channel by the mean and spread that it had in training.",
    ),
    ("ReLU", "Sets everything below zero to zero, so that only what was found is handed on."),
    (
        "max pooling",
        "Keeps the highest value of neighbouring cells: smaller maps that mind the exact place less.",
    ),
    ("average pooling", "Takes the mean of neighbouring cells."),
    ("concatenation", "Puts the maps of several branches behind each other, as the channels of one layer."),
    ("global average pooling", "Takes the mean of each whole map: one number for each channel."),
    ("dense", "Adds up all numbers it gets, each times a weight, once for each output."),
    ("softmax", "Turns scores (logits) of classes into probabilities that add up to 1."),
    ("transposed convolution", "Spreads each cell by a kernel: larger maps out of small ones."),
    (
        "separable convolution",
        "A kernel of its own for each map, and then a mixture of all maps in each cell.",
    ),
    ("scale and shift", "Multiplies each channel by a number and adds another."),
    (
        "layer normalization",
        "Gives the values of each cell, or all of them, mean 0 and spread 1, then stretches them.",
    ),
    ("group normalization", "Gives each group of channels mean 0 and spread 1, then stretches them."),
    (
        "local response normalization",
        "Damps a value where neighbouring channels are strong in the same cell.",
    ),
    ("PReLU", "Keeps what is above zero and makes the rest smaller by a learned factor."),
    ("ReLU6", "Sets everything below zero to zero and everything above 6 to 6."),
    ("clip", "Keeps values between two limits."),
    ("leaky ReLU", "Keeps what is above zero and makes the rest much smaller."),
    ("ELU", "Keeps what is above zero; the rest approaches a limit below zero."),
    ("SELU", "As ELU, stretched so that mean and spread stay the same from layer to layer."),
    ("GELU", "Nearly a ReLU with a smooth bend: values well below zero become zero."),
    ("sigmoid", "Squeezes any number into the range from 0 to 1: alone, a probability of yes."),
    ("hard sigmoid", "A straight line between 0 and 1: the sigmoid's cheap copy."),
    ("SiLU (swish)", "A number times its own sigmoid: nearly a ReLU with a smooth bend."),
    ("hard swish", "SiLU's cheap copy, made of straight pieces."),
    ("tanh", "Squeezes any number into the range from −1 to 1."),
    ("softplus", "A ReLU with a smooth bend that never reaches zero."),
    ("softsign", "Squeezes any number into the range from −1 to 1, slowly."),
    ("Mish", "A number times the tanh of its softplus: nearly a ReLU with a smooth bend."),
    ("activation", "A function of each value by itself."),
    ("linear", "Hands its values on as they are: what it does, it does only in training."),
    ("global max pooling", "Takes the highest value of each whole map: one number for each channel."),
    ("addition", "Adds maps cell by cell: what a shortcut carries past some layers comes back here."),
    ("subtraction", "Subtracts maps cell by cell."),
    ("multiplication", "Multiplies maps cell by cell, or each map by one number (a gate)."),
    ("division", "Divides maps cell by cell."),
    ("maximum", "Keeps the larger value of each cell."),
    ("minimum", "Keeps the smaller value of each cell."),
    ("average", "Takes the mean of maps cell by cell."),
    ("matrix product", "Multiplies two matrices made of maps: attention weighs every place by every other."),
    ("mean", "Takes the mean along some directions."),
    ("sum", "Adds up along some directions."),
    ("padding", "Adds cells around each map."),
    ("slice", "Keeps a part: some channels, rows or columns."),
    ("resize", "Makes each map larger or smaller."),
    ("rearrangement", "The same values in another order or shape."),
    ("constant", "Values that belong to the layer, whatever the picture shows."),
    ("power", "Raises each value to a power."),
    ("exponential", "e to the power of each value."),
    ("logarithm", "The natural logarithm of each value."),
    ("log softmax", "The logarithm of the probabilities that a softmax makes."),
    ("square root", "The square root of each value."),
    ("absolute value", "Each value without its sign."),
    ("negation", "Each value with its sign turned."),
    ("reciprocal", "One divided by each value."),
    ("error function", "Squeezes any number into the range from −1 to 1; a part of GELU."),
    ("floor", "Each value down to the next whole number."),
    (
        "logit",
        "The score of a class before it becomes a probability: higher is more likely, and it can be any number.",
    ),
    (
        "probability",
        "How sure the network is of a class; all classes share 100 %, whether or not any of them is there.",
    ),
    (
        "class activation map",
        "Where the score of a class comes from: the last maps, each times its weight for the class, added up.",
    ),
    (
        "gradient",
        "How much a number inside the network would change with each value before it, computed backwards from that number.",
    ),
    (
        "Grad-CAM",
        "Where a class comes from as any layer has it: its maps, weighted by their gradients, added up. Approximate.",
    ),
    (
        "occlusion",
        "How far the score of a class falls where a square covers the picture, place by place. Nothing is assumed of the network.",
    ),
    (
        "experiment",
        "Something is done to the network or its picture, to see what changes: a channel muted, a part covered.",
    ),
    ("hypercolumn", "All values that the chosen layers have at one pixel; the picture shows their mean."),
    (
        "likeness",
        "How much the values of two cells have the same proportions (the cosine of their vectors): 1 where one is a multiple of the other.",
    ),
    (
        "principal components",
        "The directions in which the cells of a layer differ most, the strongest first: three of them make one colour picture.",
    ),
    ("receptive field", "The pixels of the input that one cell of a map can see."),
    (
        "colormap",
        "Turns values into colours; the strip shows the value of each colour, and the buttons what its ends stand for.",
    ),
    ("deviation", "The standard deviation: how far values typically lie from their mean."),
    ("histogram", "How many cells of the map have which value, the lowest on the left."),
    (
        "curve",
        "The channel's highest value and its mean in each of the last frames: is it the picture, or always the same?",
    ),
    (
        "health",
        "Maps that say nothing, or nothing of their own, over all frames since the start (or since shift d).",
    ),
    ("silent", "Nowhere above zero on this frame: its pattern is not in the picture."),
    ("dead", "Never above zero on any frame so far: perhaps it never answers to anything."),
    ("solid", "Of nearly one colour on every frame: it tells no place from another."),
    ("always on", "Above zero in every cell of every frame: the ReLU changes nothing there."),
    ("copy", "Nearly the brightness of the picture: it has learned little."),
    ("inverted copy", "Nearly the brightness of the picture turned round: it has learned little."),
    ("duplicate", "Nearly the same as another channel of the layer."),
    ("broken", "Values that are no numbers, or too large to measure: something went wrong."),
    ("network", "The time that one frame takes through the network."),
    ("preprocess", "The time to resize a frame to the network's input and to scale its values."),
    ("statistics", "The time to measure all maps of the shown layer."),
    ("latency", "From the moment the camera gave the frame until its maps were there."),
    (
        "dropped",
        "Frames that came while the network was busy; they are left out so that what is shown is never old.",
    ),
];

/// What a word means; nothing for words that are not listed.
pub fn explain(term: &str) -> &'static str {
    TERMS.iter().find(|(known, _)| *known == term).map_or("", |(_, sentence)| sentence)
}

/// What a layer does, in a sentence or two.
pub fn explain_operation(node: &Node) -> String {
    let own = explain(node.op.name());
    match (&node.op, node.activation) {
        (_, Activation::Linear) => own.into(),
        (Op::Activation, activation) => explain(activation.name()).into(),
        (_, activation) => format!("{own} Then: {}", explain(activation.name())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::health::Finding;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn every_kind_of_layer_and_every_finding_is_explained() {
        for node in &inception_v3(1000, 1.0).nodes {
            assert!(!explain_operation(node).is_empty(), "{}", node.operation());
        }
        for finding in Finding::ALL {
            assert!(!explain(finding.word()).is_empty(), "{}", finding.word());
        }
    }

    #[test]
    fn every_word_that_panels_ask_for_is_listed_and_the_page_has_them_all() {
        let panels = [
            include_str!("mod.rs"),
            include_str!("left.rs"),
            include_str!("predictions.rs"),
            include_str!("enlarged.rs"),
        ];
        let lenses = [
            include_str!("../lens/maps.rs"),
            include_str!("../lens/class_activation.rs"),
            include_str!("../lens/hypercolumn.rs"),
            include_str!("../lens/saliency.rs"),
            include_str!("../lens/grad_cam.rs"),
            include_str!("../lens/gradients.rs"),
            include_str!("../lens/occlusion.rs"),
        ];
        let between = |source: &'static str, before: &'static str| {
            source.split(before).skip(1).filter_map(|rest| rest.split('"').next())
        };
        let of_panels = panels
            .into_iter()
            .flat_map(|source| between(source, "glossary::explain(\"").chain(between(source, ".into(), \"")));
        // The term is the last text of a line of a legend.
        let of_lenses =
            lenses.into_iter().flat_map(|source| source.split("Line::").skip(1)).filter_map(|line| {
                let line = line.lines().next()?.trim_end_matches([';', ',', ']', ')']);
                line.starts_with(['H', 'M', 'Q'])
                    .then(|| line.strip_suffix('"')?.rsplit('"').next())
                    .flatten()
            });
        let asked: Vec<_> = of_panels.chain(of_lenses).filter(|term| !term.is_empty()).collect();
        for term in ["layer", "probability", "class activation map", "hypercolumn", "colormap", "deviation"] {
            assert!(asked.contains(&term), "{term} is not found by this test: {asked:?}");
        }
        for term in asked {
            assert!(!explain(term).is_empty(), "{term}");
        }
        let page = include_str!("../../../docs/reading.md");
        for (term, sentence) in TERMS {
            let row = format!("| {term} | {sentence} |");
            assert!(page.contains(&row), "docs/reading.md lacks the line {row}");
        }
    }
}
