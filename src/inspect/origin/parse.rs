//! Origins as people type them.

use super::unit::{Part, Start, TraceOrigin};
use crate::inspect::is_pair;
use crate::model::labels::{Label, UnknownClass, find_class};
use crate::model::{Graph, Place, UnknownLayer};

/// Most units that are joined: each costs memory of its own while it is traced.
const MOST_PARTS: usize = 16;

/// Why a text names no origin.
#[derive(Debug, thiserror::Error)]
pub enum UnknownOrigin {
    /// No form of one.
    #[error(
        "`{0}` names no unit: write LAYER:CHANNEL as in mixed5:312 (its strongest cell), LAYER:CHANNEL@ROW,COLUMN, \
         LAYER:CHANNEL@mean, class:NAME or class:top, and join several with + or -"
    )]
    Form(String),
    /// No such layer.
    #[error(transparent)]
    Layer(#[from] UnknownLayer),
    /// No such channel.
    #[error("{layer} has no channel {channel}: it has {channels}, from 0 to {}", channels - 1)]
    Channel {
        /// The layer's name.
        layer: String,
        /// As typed.
        channel: usize,
        /// How many there are.
        channels: usize,
    },
    /// No such cell.
    #[error(
        "{layer} has no cell at row {row}, column {column}: its maps have {height} rows and {width} columns, counted from 0"
    )]
    Cell {
        /// The layer's name.
        layer: String,
        /// As typed.
        row: usize,
        /// As typed.
        column: usize,
        /// Rows of a map.
        height: usize,
        /// Columns of a map.
        width: usize,
    },
    /// A network that gives maps.
    #[error("this network gives no classes: name a channel, as in `{0}:0`")]
    NoClasses(String),
    /// No such class.
    #[error(transparent)]
    Class(#[from] UnknownClass),
    /// Too many.
    #[error("at most {MOST_PARTS} units are joined, not {0}")]
    Many(usize),
}

impl TraceOrigin {
    /// `mixed5:312`, `mixed5:312@3,5`, `mixed5:312@mean`, `class:tabby`, `class:281`, `class:top`, or several of these joined
    /// with `+` and `-`. Layers are named as everywhere; names may have these signs in them.
    ///
    /// # Errors
    /// [`UnknownOrigin`]: one sentence, with the nearest name.
    pub fn parse(text: &str, graph: &Graph, labels: &[Label]) -> Result<Self, UnknownOrigin> {
        let pieces = pieces(text, graph);
        if pieces.len() > MOST_PARTS {
            return Err(UnknownOrigin::Many(pieces.len()));
        }
        let part = |(is_negative, text)| Ok(Part { is_negative, start: start(text, graph, labels)? });
        Ok(Self { parts: pieces.into_iter().map(part).collect::<Result<_, UnknownOrigin>>()? })
    }
}

/// The text cut at the signs behind which another unit is named; names may have signs of their own.
fn pieces<'a>(text: &'a str, graph: &Graph) -> Vec<(bool, &'a str)> {
    let begins = |rest: &str| {
        let named = rest.trim_start();
        let signs = named.match_indices(['+', '-']).map(|(at, _)| at).chain([named.len()]);
        named.starts_with(CLASS)
            || signs.map(|end| &named[..end]).any(|part| {
                part.trim().rsplit_once(':').is_some_and(|(layer, _)| graph.find(layer.trim()).is_ok())
            })
    };
    let mut pieces = vec![];
    let trimmed = text.trim();
    let (mut is_negative, mut rest) = match trimmed.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, trimmed.strip_prefix('+').unwrap_or(trimmed)),
    };
    while let Some(at) = rest.match_indices(['+', '-']).map(|(at, _)| at).find(|at| begins(&rest[at + 1..])) {
        pieces.push((is_negative, rest[..at].trim()));
        is_negative = rest[at..].starts_with('-');
        rest = &rest[at + 1..];
    }
    pieces.push((is_negative, rest.trim()));
    pieces
}

/// In front of a class.
const CLASS: &str = "class:";

fn start(text: &str, graph: &Graph, labels: &[Label]) -> Result<Start, UnknownOrigin> {
    let form = || UnknownOrigin::Form(text.into());
    if let Some(class) = text.strip_prefix(CLASS) {
        let Some(answer) = graph.answer() else {
            let last = graph.nodes.last().map(|node| node.name.clone()).unwrap_or_default();
            return Err(UnknownOrigin::NoClasses(last));
        };
        let count = graph.nodes[answer.layer].shape.len();
        let classes = if is_pair(graph, labels.len()) { 2 } else { count };
        return match class.trim() {
            "" => Err(form()),
            "top" => Ok(Start::TopClass),
            class => Ok(Start::Class(find_class(class, classes, labels)?)),
        };
    }
    // A layer's name may have `@` and `:` in it.
    let parts = text.rsplit_once('@').and_then(|(unit, at)| Some((unit, place(at)?)));
    let (unit, place) = parts.unwrap_or((text, Place::Strongest));
    let (name, channel) = unit.rsplit_once(':').ok_or_else(form)?;
    let channel: usize = channel.trim().parse().map_err(|_| form())?;
    let layer = graph.find(name.trim())?;
    let node = &graph.nodes[layer];
    let shape = node.shape;
    if channel >= shape.channels {
        return Err(UnknownOrigin::Channel { layer: node.name.clone(), channel, channels: shape.channels });
    }
    match place {
        Place::Cell(row, column) if row >= shape.height || column >= shape.width => {
            let (height, width) = (shape.height, shape.width);
            Err(UnknownOrigin::Cell { layer: node.name.clone(), row, column, height, width })
        }
        _ => Ok(Start::Channel { layer, channel, place, strongest: None }),
    }
}

fn place(text: &str) -> Option<Place> {
    if text.trim() == "mean" {
        return Some(Place::Mean);
    }
    let (row, column) = text.split_once(',')?;
    Some(Place::Cell(row.trim().parse().ok()?, column.trim().parse().ok()?))
}
