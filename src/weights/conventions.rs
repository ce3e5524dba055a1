//! What a file takes for granted, and how that is known.

use super::file::{Layout, TensorFile};
use super::manifest::Entry;
use crate::model::architectures::Architecture;
use crate::model::{AvgPool, Graph, InputScale};

/// Something about a file, and how it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<T> {
    /// What it is.
    pub value: T,
    /// How that is known, in words.
    pub from: &'static str,
}

pub(super) const FROM_FILE: &str = "says the file";
pub(super) const FROM_MANIFEST: &str = "known of this very file";
pub(super) const FROM_LAYOUT: &str = "usual for files of this kind";

/// What a file takes for granted: what it says itself comes first, then what is known of this very file, then what is
/// usual for its layout.
pub(super) fn conventions(file: &TensorFile, entry: Option<&Entry>) -> (Known<AvgPool>, Known<InputScale>) {
    let says = |key: &str| file.metadata.get(key).map(|text| text.trim().to_lowercase());
    let avg_pool = says("avg_pool").and_then(|text| match text.as_str() {
        "exclude" => Some(AvgPool::Exclude),
        "include" => Some(AvgPool::Include),
        // PyTorch's own name for it.
        _ if text.contains("count_include_pad=false") => Some(AvgPool::Exclude),
        _ if text.contains("count_include_pad=true") => Some(AvgPool::Include),
        _ => None,
    });
    let usual_pool = match file.layout {
        // Only PyTorch's names are read of safetensors, whatever wrote them.
        Layout::Torch | Layout::Paddle | Layout::Safetensors => AvgPool::Include,
        _ => AvgPool::Exclude,
    };
    let usual_scale = match file.layout {
        Layout::Paddle => InputScale::Imagenet,
        _ => InputScale::default(),
    };
    let input_scale = says("input_scale").and_then(|text| text.parse().ok());
    (
        best(avg_pool, entry.map(|entry| entry.average_pooling), usual_pool),
        best(input_scale, entry.map(|entry| entry.input), usual_scale),
    )
}

/// What is to be said where the scale of the input is only usual: for which networks it is right, and which others there
/// are.
pub(super) fn scale_note(
    scale: Known<InputScale>,
    layout: Layout,
    told: Option<&Architecture>,
    graph: &Graph,
    rescaling: Option<&str>,
) -> Option<String> {
    let has_note = told.is_some_and(|told| told.notes.iter().any(|note| note.contains("--input-scale")));
    if scale.from != FROM_LAYOUT || has_note {
        return None;
    }
    let shape = graph.input_shape();
    let is_softmax = graph.classifier().is_some_and(|layer| graph.nodes[layer].shape.channels > 1);
    let end = if is_softmax { " and the softmax at the end (--meaning)" } else { "" };
    let are = if is_softmax { "so are" } else { "so is" };
    let others = format!("{are} its size, {}×{}{end}", shape.width, shape.height);
    let name = scale.value.name();
    if let Some(layer) = rescaling {
        return Some(format!(
            "the scale of the input is a guess, {name}; {others}: the network's own `{layer}` makes it, by numbers that are \
             not in the file; say with --input-scale what they are"
        ));
    }
    let why = match layout {
        _ if told.is_some() => {
            "what torchvision and timm train them with: give --input-scale if it is another"
        }
        Layout::Torch | Layout::Safetensors => {
            "right for torchvision's published network with `transform_input`, for timm's and for those that \
             were fine-tuned so; trained with ImageNet's `Normalize` and without `transform_input`, it takes \
             --input-scale imagenet"
        }
        Layout::Paddle => "PaddlePaddle's `Normalize` of ImageNet: give --input-scale if it is another",
        _ => "Keras' `preprocess_input`; trained with `Rescaling(1/255)`, it takes --input-scale 0..1",
    };
    Some(format!(
        "the scale of the input is a guess, {name}; {others}: the file does not tell. {name} is {why}"
    ))
}

/// What is to be said of the InceptionV3 by which FID is measured, which is told by its number of classes.
pub(super) fn fid_note(graph: &Graph) -> Option<String> {
    let classes = graph.classifier().map(|layer| graph.nodes[layer].shape.channels);
    (classes == Some(FID_CLASSES)).then(|| {
        "1008 outputs has the network that measures FID: it leaves padding out of its means (`--avg-pool exclude` does \
         so) and takes a maximum instead of a mean in Mixed_7c, so its maps before Mixed_7c are right with that option, \
         and those behind, with the predictions, are not"
            .into()
    })
}

const FID_CLASSES: usize = 1008;

pub(super) fn best<T>(said: Option<T>, listed: Option<T>, usual: T) -> Known<T> {
    match (said, listed) {
        (Some(value), _) => Known { value, from: FROM_FILE },
        (None, Some(value)) => Known { value, from: FROM_MANIFEST },
        (None, None) => Known { value: usual, from: FROM_LAYOUT },
    }
}
