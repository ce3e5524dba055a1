//! What a file takes for granted, and how that is known.

use super::file::{Layout, TensorFile};
use super::manifest::Entry;
use crate::model::{AvgPool, InputScale};

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

pub(super) fn best<T>(said: Option<T>, listed: Option<T>, usual: T) -> Known<T> {
    match (said, listed) {
        (Some(value), _) => Known { value, from: FROM_FILE },
        (None, Some(value)) => Known { value, from: FROM_MANIFEST },
        (None, None) => Known { value: usual, from: FROM_LAYOUT },
    }
}
