//! What names say of the tensors that training leaves in a file.

/// Parts of a word.
const IN_WORDS: [&str; 8] =
    ["loss", "criterion", "metric", "accuracy", "auroc", "optimizer", "scheduler", "perceptual"];

/// Whole words: measures, and what losses keep.
const WORDS: [&str; 31] = [
    "acc",
    "ap",
    "auc",
    "auprc",
    "bce",
    "center",
    "centers",
    "confmat",
    "dice",
    "f1",
    "fid",
    "iou",
    "kappa",
    "lpips",
    "mae",
    "mcc",
    "miou",
    "mse",
    "optim",
    "precision",
    "prototypes",
    "proxies",
    "proxy",
    "psnr",
    "queue",
    "r2",
    "recall",
    "rmse",
    "specificity",
    "ssim",
    "swav",
];

/// Last parts of a name: buffers of losses and of measures.
const BUFFERS: [&str; 26] = [
    "centers",
    "class_weight",
    "class_weights",
    "cls_weight",
    "cls_weights",
    "confmat",
    "correct",
    "decay",
    "fn",
    "fp",
    "logit_scale",
    "n_averaged",
    "num_updates",
    "pos_weight",
    "preds",
    "prototypes",
    "queue",
    "queue_ptr",
    "sum_squared_error",
    "target",
    "targets",
    "temperature",
    "tn",
    "total",
    "tp",
    "weights",
];

const AVERAGES: [&str; 9] =
    ["average", "averaged", "averaging", "avg", "ema", "modelema", "polyak", "shadow", "swa"];

/// A second network beside the one that is trained.
const SECOND: [&str; 12] = [
    "anchor",
    "frozen",
    "k",
    "key",
    "m",
    "momentum",
    "old",
    "previous",
    "ref",
    "reference",
    "target",
    "teacher",
];

/// Last parts of the names of layers' parameters.
const LAYERS: [&str; 8] =
    ["weight", "bias", "running_mean", "running_var", "num_batches_tracked", "gamma", "beta", "layer_scale"];

/// Words in lower case: `emaModel_2.net` has `ema`, `model`, `2` and `net`.
fn words(name: &str) -> Vec<String> {
    let mut apart = String::new();
    let mut was_lower = false;
    for letter in name.chars() {
        if letter.is_uppercase() && was_lower {
            apart.push(' ');
        }
        was_lower = letter.is_lowercase();
        apart.push(if letter.is_alphanumeric() { letter } else { ' ' });
    }
    apart.split_whitespace().map(str::to_lowercase).collect()
}

fn holds(name: &str, wanted: &[&str]) -> bool {
    words(name).iter().any(|word| wanted.contains(&&**word))
}

/// True for the name of a moving average of the weights.
pub(in crate::weights) fn is_average(name: &str) -> bool {
    holds(name, &AVERAGES)
}

/// True for the name of a network that is there for the sake of another.
pub(in crate::weights) fn is_second(name: &str) -> bool {
    is_average(name) || holds(name, &SECOND) || is_worded(name)
}

fn is_worded(path: &str) -> bool {
    holds(path, &WORDS) || words(path).iter().any(|word| IN_WORDS.iter().any(|part| word.contains(part)))
}

/// True for a tensor that training needs and the network does not.
pub(super) fn is_for_training(name: &str) -> bool {
    let (path, last) = name.rsplit_once('.').unwrap_or(("", name));
    BUFFERS.contains(&last)
        || is_worded(path)
        || is_average(path)
        || holds(path, &["teacher"])
        || !LAYERS.contains(&last) && is_worded(last)
}

/// True for a parameter of a layer, by the last part of its name.
pub(super) fn is_of_layer(name: &str) -> bool {
    LAYERS.contains(&name.rsplit('.').next().unwrap_or(name))
}
