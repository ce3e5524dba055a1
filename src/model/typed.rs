//! Layers as people type them.

use super::{Graph, LayerIndex, UnknownLayer};

/// Why a list of layers is not one.
#[derive(Debug, thiserror::Error)]
pub enum LayersError {
    /// No layer of this name.
    #[error(transparent)]
    Name(#[from] UnknownLayer),
    /// A range of nothing.
    #[error("`{0}` names no layer: write `0..15` for layers 0 to 14")]
    Empty(String),
    /// A range that is too long.
    #[error("`{text}` goes beyond the last layer, which is {last}")]
    Beyond {
        /// The range.
        text: String,
        /// The last layer's index.
        last: LayerIndex,
    },
}

/// Indices, half-open ranges of them such as `0..15`, and names; each layer once, in the order written.
///
/// # Errors
/// [`LayersError`]
pub fn layers(graph: &Graph, typed: &[String]) -> Result<Vec<LayerIndex>, LayersError> {
    let mut layers = Vec::new();
    for text in typed.iter().map(|text| text.trim()) {
        let range = text.split_once("..").and_then(|(start, end)| {
            let (end, more) = end.strip_prefix('=').map_or((end, 0), |last| (last, 1));
            Some(start.parse::<usize>().ok()?..end.parse::<usize>().ok()?.checked_add(more)?)
        });
        match range {
            Some(range) if range.is_empty() => return Err(LayersError::Empty(text.into())),
            Some(range) if range.end > graph.nodes.len() => {
                return Err(LayersError::Beyond { text: text.into(), last: graph.nodes.len() - 1 });
            }
            Some(range) => layers.extend(range),
            None => layers.push(graph.find(text)?),
        }
    }
    let mut seen = vec![false; graph.nodes.len()];
    layers.retain(|&layer| !std::mem::replace(&mut seen[layer], true));
    Ok(layers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn layers_by_index_range_and_name() {
        let graph = inception_v3(10, 0.1);
        let typed = |list: &[&str]| {
            layers(&graph, &list.iter().map(ToString::to_string).collect::<Vec<_>>())
                .map_err(|error| error.to_string())
        };
        assert_eq!(typed(&["0..3", "mixed0", " 2", "7..=8"]), Ok(vec![0, 1, 2, 40, 7, 8]));
        assert!(typed(&["300..400"]).unwrap_err().contains("last layer, which is 312"));
        assert!(typed(&["3..3"]).unwrap_err().contains("names no layer"));
        assert!(typed(&["mixed99"]).unwrap_err().contains("did you mean"));
    }
}
