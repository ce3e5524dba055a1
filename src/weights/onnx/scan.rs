//! Goes over a file before it is decoded: is it ONNX, and how much memory would its messages take? Two bytes can stand for
//! a message of hundreds.

use crate::weights::protobuf::Fields;

/// Which message bytes are, as far as it matters for their size in memory.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Model,
    Graph,
    Function,
    Node,
    Attribute,
    Tensor,
    /// A message without lists of numbers.
    Other,
    /// A string, raw bytes, or packed floats: as long in memory as in the file.
    Bytes,
    /// Packed integers of up to 8 bytes in memory for one in the file.
    Integers,
    /// Not decoded.
    Skipped,
}

/// What a message takes in memory besides its content.
const MESSAGE: usize = 400;

/// Messages within messages; prost stops at 100 by itself.
const DEPTH: usize = 60;

/// Nodes of all graphs and functions together.
pub(super) const MOST_NODES: usize = 20_000;

/// What decoding a file would take.
#[derive(Debug, Default)]
pub(super) struct Extent {
    /// Bytes of memory.
    pub(super) bytes: usize,
    /// Nodes of all graphs and functions.
    pub(super) nodes: usize,
}

impl Kind {
    fn of_field(self, field: u64) -> Self {
        match (self, field) {
            (Self::Model, 7) => Self::Graph,
            (Self::Model, 25) => Self::Function,
            (Self::Model, 8 | 14) => Self::Other,
            (Self::Model, 2 | 3) => Self::Bytes,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Graph, 5) => Self::Tensor,
            (Self::Graph, 11 | 12) => Self::Other,
            (Self::Graph, 2) => Self::Bytes,
            (Self::Function, 11) | (Self::Node, 5) => Self::Attribute,
            (Self::Function, 9) | (Self::Node, 9) => Self::Other,
            (Self::Function, 1 | 4 | 5 | 10) | (Self::Node, 1 | 2 | 3 | 4 | 7) => Self::Bytes,
            (Self::Attribute, 5) => Self::Tensor,
            (Self::Attribute, 6) => Self::Graph,
            (Self::Attribute, 1 | 4 | 7 | 21) => Self::Bytes,
            (Self::Attribute, 8) | (Self::Tensor, 1 | 5 | 7 | 11) => Self::Integers,
            (Self::Tensor, 4 | 8 | 9 | 10) => Self::Bytes,
            (Self::Tensor, 13) => Self::Other,
            // Shapes are messages four deep; their sizes are what counts.
            (Self::Other, 1 | 2) => Self::Other,
            _ => Self::Skipped,
        }
    }
}

/// What decoding would take. What is no message is left to the decoder to say.
pub(super) fn extent(bytes: &[u8]) -> Extent {
    let mut extent = Extent::default();
    add(bytes, Kind::Model, 0, &mut extent);
    extent
}

fn add(bytes: &[u8], kind: Kind, depth: usize, extent: &mut Extent) {
    if depth > DEPTH {
        return;
    }
    let mut fields = Fields(bytes);
    while let Some(field) = fields.field() {
        if field.is_number {
            extent.bytes += 8;
            continue;
        }
        let inner = kind.of_field(field.number);
        extent.bytes += match inner {
            Kind::Skipped => 0,
            Kind::Bytes => 32 + field.content.len(),
            Kind::Integers => 8 * field.content.len(),
            _ => MESSAGE,
        };
        extent.nodes += usize::from(inner == Kind::Node);
        if !matches!(inner, Kind::Skipped | Kind::Bytes | Kind::Integers) {
            add(field.content, inner, depth + 1, extent);
        }
    }
}

/// Whether this begins as an ONNX file does: the whole file, or its first bytes.
pub(super) fn recognises(head: &[u8]) -> bool {
    // Writers put the fields in order: the IR version first (a small number), then what wrote it, then the graph. A graph
    // that goes beyond `head` ends the search.
    let mut fields = Fields(head);
    let mut version = None;
    loop {
        let before = fields.0;
        let Some(tag) = fields.varint() else { return false };
        match (tag >> 3, tag & 7) {
            (1, 0) => version = fields.varint().filter(|version| (1..=64).contains(version)),
            (7, 2) => {
                let Some(length) = fields.varint() else { return false };
                let mut graph =
                    Fields(&fields.0[..fields.0.len().min(usize::try_from(length).unwrap_or(usize::MAX))]);
                // A graph begins with a node, its name, an initializer, an input …
                let first = graph.varint();
                let starts = first.is_none_or(|tag| tag & 7 == 2 && (1..=20).contains(&(tag >> 3)));
                return version.is_some() && starts;
            }
            (2..=6 | 8 | 14 | 20 | 25 | 26, _) => {
                fields = Fields(before);
                if fields.field().is_none() {
                    return false;
                }
            }
            _ => return false,
        }
    }
}
