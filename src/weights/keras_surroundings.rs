//! What a Keras file of weights tells of layers without weights: newer files list all layers by class, older ones by name.

use super::file::{Layout, TensorFile};
use super::hints::Hints;
use super::keras::{class_of, container};
use super::keras_order::Body;
use crate::model::Reduction;
use crate::model::head::{Dialect, Given, Joint};

/// Layers that change nothing of a picture that is classified, or nothing but the shape.
const HARMLESS: [&str; 12] = [
    "input_layer",
    "input",
    "dropout",
    "spatial_dropout2d",
    "gaussian_noise",
    "gaussian_dropout",
    "alpha_dropout",
    "activity_regularization",
    "functional",
    "sequential",
    "model",
    "softmax",
];

/// Layers before and behind a body of which nothing else is in the file.
pub(super) fn surroundings(file: &TensorFile, inside: &str, body: &Body) -> Hints {
    let is_legacy = file.layout == Layout::KerasLegacy;
    let mut hints = Hints::torch(if is_legacy { Given::Order } else { Given::Nothing });
    hints.dialect = Dialect::KERAS;
    hints.blocks = Some(body.blocks);
    let has_tensors = |path: &str| {
        let own = format!("{path}/");
        file.tensors.iter().any(|tensor| tensor.name.starts_with(&own))
    };
    // What Keras' own network calls them.
    let class = |path: &str| match class_of(path) {
        "avg_pool" => "global_average_pooling2d".to_owned(),
        "max_pool" => "global_max_pooling2d".to_owned(),
        class if class.starts_with("mixed") => "concatenate".to_owned(),
        class => class.to_owned(),
    };
    let is_outside = |path: &str| match is_legacy {
        true => !inside.is_empty(),
        false => container(path, false) != inside,
    };
    let (mut counts, mut pools) = (std::collections::BTreeMap::<String, usize>::new(), vec![]);
    let mut is_flat = false;
    for layer in file.layers.iter().filter(|layer| !has_tensors(&layer.path)) {
        let class = class(&layer.path);
        let title = layer.name.clone().unwrap_or_else(|| layer.path.clone());
        let own = body.others.iter().find(|(own, _)| *own == class && !is_outside(&layer.path));
        if let Some((_, most)) = own {
            let count = counts.entry(class.clone()).or_default();
            *count += 1;
            // Activations between fully connected layers are spoken of as guesses.
            if *count > *most && class != "activation" {
                hints.unknown.push(title);
            }
            continue;
        }
        match class.as_str() {
            "global_average_pooling2d" => pools.push((Reduction::Mean, title)),
            "global_max_pooling2d" => pools.push((Reduction::Max, title)),
            "flatten" => is_flat = true,
            "rescaling" => hints.rescaling = Some(title),
            "activation" | "re_lu" => {}
            class if HARMLESS.contains(&class) || class.starts_with("random_") => {}
            _ => hints.unknown.push(title),
        }
    }
    match &pools[..] {
        [] if is_flat => hints.joint = Some(Joint::Flatten(0)),
        [] => {}
        [(reduction, _)] => hints.joint = Some(Joint::Pool(*reduction)),
        several => hints.unknown.extend(several.iter().map(|(_, title)| title.clone())),
    }
    hints
}
