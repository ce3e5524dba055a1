//! Parameters of an InceptionV3 → what the network is like: its width, how far it goes, what stands before and behind it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use super::canonical::Parameter;
use super::file::ReadError;
use super::hints::Hints;
use crate::model::head::{self, Between, Head, Joint, Known, Part, PartKind, Step, listed};
use crate::model::inception_v3::{BLOCKS, INPUT_SIZE, Plan, features, inception_v3, scaled};
use crate::model::{Activation, Graph, GraphError, Op};

/// What the user says of a network whose file leaves it open.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    /// Height and width of its pictures.
    pub size: Option<[usize; 2]>,
    /// What stands between its fully connected layers.
    pub between: Option<Activation>,
}

/// The network that these parameters are for, and those of them that it has; the others are told in `notes`.
///
/// # Errors
/// Where what stands in front cannot be computed, so that nothing behind it could be right.
pub(super) fn network(
    parameters: Vec<Parameter>,
    hints: &Hints,
    said: Said,
    notes: &mut Vec<String>,
) -> Result<(Graph, Vec<Parameter>), ReadError> {
    let no_graph = |error: GraphError| ReadError(error.0);
    let published = inception_v3(0, 1.0);
    let (body, rest): (Vec<_>, Vec<_>) = parameters.into_iter().partition(|p| is_of_body(&p.name));
    let blocks = hints.blocks.unwrap_or_else(|| whole_blocks(&body, &published));
    let width = width(&body, &published);
    let first = body.iter().find(|p| p.name == "Conv2d_1a_3x3.conv.weight");
    // A file that has no first kernel is refused when it is fitted.
    let colors =
        first.and_then(|p| p.tensor.shape.get(1)).copied().filter(|colors| (1..=64).contains(colors));
    let mut plan = Plan {
        size: said.size.unwrap_or([INPUT_SIZE; 2]),
        channels: colors.unwrap_or(3),
        blocks,
        head: None,
        dialect: hints.dialect,
        ..Plan::published(0, width)
    };
    // Arrays of Keras are called otherwise than their layers.
    let is_keras = hints.blocks.is_some();
    let tensors = rest.iter().map(|p| {
        let path = if is_keras { &p.name } else { &p.tensor.name };
        (p.name.as_str(), path.as_str(), &p.tensor.shape[..])
    });
    let (mut parts, mut unknown) = head::parts(tensors, hints.dialect);
    unknown.extend(hints.unknown.iter().cloned());
    plan.front = front(&mut parts, &unknown, hints, plan.channels)?;
    plan.channels = plan.front.first().and_then(|part| part.kind.inputs()).unwrap_or(plan.channels);
    let has_body = body.iter().any(|p| p.name.ends_with(".conv.weight"));
    let whole = plan.blocks == BLOCKS.len();
    let channels = Plan { front: vec![], ..plan.clone() }.graph().map_err(no_graph)?;
    let channels =
        channels.outputs.first().map_or(features(width), |end| channels.nodes[end.layer].shape.channels);
    let between = said.between.map_or(Between::Guessed(Activation::Relu), Between::Said);
    let known = Known { channels, joint: hints.joint, between, given: hints.given };
    match behind(parts, unknown, &known) {
        _ if !has_body => plan.head = Some(Head::pool()),
        Ok(found) if found.parts().next().is_none() && !whole => {
            plan.open_end = Some(format!("its file ends at {}", end_of(plan.blocks)));
        }
        Ok(found) if found.parts().next().is_none() => {
            plan.open_end = Some("its file has no layers behind them".into());
            plan.head = Some(found);
        }
        Ok(found) => settle_size(&mut plan, found, said.size, notes),
        Err(why) => {
            plan.head = whole.then(Head::pool);
            plan.open_end = Some(why);
        }
    }
    tell(&plan, notes);
    let mut graph = plan.graph().map_err(no_graph)?;
    rename(&mut graph, &hints.names);
    // What was told to be left aside is not complained about again.
    let taken: HashSet<String> = graph.nodes.iter().map(|node| node.parameter_name().to_owned()).collect();
    let is_taken = |p: &Parameter| taken.contains(p.name.rsplit_once('.').map_or("", |(layer, _)| layer));
    let used = rest.into_iter().filter(|p| !has_body || is_taken(p));
    Ok((graph, body.into_iter().chain(used).collect()))
}

/// True for names that are of the network itself, or would be if they were of it.
fn is_of_body(name: &str) -> bool {
    name.starts_with("Conv2d_") || name.starts_with("Mixed_")
}

/// As many blocks as have all of their convolutions, where nothing is of a later one.
fn whole_blocks(body: &[Parameter], published: &Graph) -> usize {
    let names: HashSet<&str> = body.iter().filter_map(|p| p.name.strip_suffix(".weight")).collect();
    let convs = published.nodes.iter().filter(|node| matches!(node.op, Op::Conv(..)));
    let wanted: Vec<&str> = convs.map(|node| node.parameter_name()).collect();
    let of_block = |block: usize| wanted.iter().filter(move |name| name.starts_with(BLOCKS[block]));
    let stem = wanted.iter().filter(|name| name.starts_with("Conv2d_"));
    let first_missing = (0..BLOCKS.len()).find(|&block| !of_block(block).all(|name| names.contains(*name)));
    let blocks = first_missing.unwrap_or(BLOCKS.len());
    let is_cut = (blocks..BLOCKS.len()).all(|block| !body.iter().any(|p| p.name.starts_with(BLOCKS[block])));
    if is_cut && stem.clone().all(|name| names.contains(*name)) { blocks } else { BLOCKS.len() }
}

/// The multiplier from which the channels of all convolutions follow, with as few decimals as it can have: of one alone
/// it could not be told, since channels are whole numbers. Where none explains them all, the one that comes nearest.
fn width(parameters: &[Parameter], published: &Graph) -> f64 {
    let outputs: HashMap<&str, usize> = parameters
        .iter()
        .filter(|parameter| !parameter.tensor.values.is_empty())
        .filter_map(|parameter| {
            Some((parameter.name.strip_suffix(".weight")?, *parameter.tensor.shape.first()?))
        })
        .collect();
    let convs: Vec<(usize, usize)> = published
        .nodes
        .iter()
        .filter(|node| matches!(node.op, Op::Conv(..)))
        .filter_map(|node| Some((node.shape.channels, *outputs.get(node.parameter_name())?)))
        .collect();
    let explains = |width: f64| convs.iter().all(|&(channels, found)| scaled(channels, width) == found);
    let total = |side: fn(&(usize, usize)) -> usize| convs.iter().map(side).sum::<usize>() as f64;
    let ratio = total(|conv| conv.1) / total(|conv| conv.0);
    if !ratio.is_finite() {
        return 1.0;
    }
    // The least multiplier by which every convolution has at least what it has here.
    let least = convs
        .iter()
        .filter(|conv| conv.1 > 1)
        .map(|&(channels, found)| (found as f64 - 0.5) / channels as f64);
    let least = least.fold(*WIDTHS.start(), f64::max);
    let candidates = [1.0, 10.0, 100.0, 1e3, 1e4, 1e5, 1e6].map(|tenths| (least * tenths).ceil() / tenths);
    let nearest = (ratio * 1000.0).round() / 1000.0;
    let width = candidates.into_iter().find(|&width| explains(width)).unwrap_or(nearest);
    width.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Multipliers that are believed.
const WIDTHS: RangeInclusive<f64> = 0.01..=4.0;

/// Parameters of one name under the names that the file has for them.
pub(super) fn told_apart(mut rest: Vec<Parameter>) -> Vec<Parameter> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for parameter in &rest {
        *counts.entry(parameter.name.clone()).or_default() += 1;
    }
    let twice: HashSet<String> =
        counts.into_iter().filter(|(_, count)| *count > 1).map(|(name, _)| name).collect();
    // A layer's other tensors with it.
    let layer = |name: &str| name.rsplit_once('.').map_or("", |(layer, _)| layer).to_owned();
    let twice: HashSet<String> = twice.iter().map(|name| layer(name)).collect();
    for parameter in &mut rest {
        if twice.contains(&layer(&parameter.name)) {
            parameter.name.clone_from(&parameter.tensor.name);
        }
    }
    rest
}

/// Takes the layers in front out of all; only what leaves the size of a picture as it is can be computed.
fn front(
    parts: &mut Vec<Part>,
    unknown: &[String],
    hints: &Hints,
    colors: usize,
) -> Result<Vec<Part>, ReadError> {
    let reads_colors = |part: &Part| match part.kind {
        PartKind::BatchNorm(channels, _) => channels == colors,
        PartKind::Conv { outputs, .. } => outputs == colors,
        _ => false,
    };
    let mut found: Vec<Part> = vec![];
    let is_front =
        |part: &Part| hints.front.contains(&part.name) || hints.blocks.is_none() && reads_colors(part);
    let gives_colors =
        |part: &&Part| part.kind.is_weighty() && part.kind.outputs(0) == colors && !is_front(part);
    let doubtful = parts.iter().find(gives_colors).map(|part| part.path.clone());
    parts.retain(|part| {
        let is_front = is_front(part);
        if is_front {
            found.push(part.clone());
        }
        !is_front
    });
    let odd = unknown.iter().find(|name| hints.front.contains(name));
    let names = listed(found.iter().map(|part| part.path.as_str()).chain(odd.map(String::as_str)));
    let whole = "give a file of the whole model";
    match (&found[..], odd, doubtful) {
        (_, Some(odd), _) => Err(ReadError(format!(
            "in front of InceptionV3 stands `{odd}`, and how it is computed is not in the file: {whole}"
        ))),
        ([_, ..], _, Some(other)) => Err(ReadError(format!(
            "whether {names} stands in front of InceptionV3 or behind `{other}` is not in the file: {whole}"
        ))),
        ([_, _, ..], ..) if hints.given != head::Given::Order => Err(ReadError(format!(
            "in front of InceptionV3 stand {names}, whose order is not in the file: {whole}"
        ))),
        _ => Ok(found),
    }
}

/// The layers behind the body in their order.
fn behind(parts: Vec<Part>, unknown: Vec<String>, known: &Known) -> Result<Head, String> {
    match unknown.is_empty() {
        true => head::arrange(parts, known),
        false => Err(head::unknown(&parts, &unknown)),
    }
}

/// Sides of pictures for which such networks are made, the most usual first.
const SIDES: [usize; 22] = [
    299, 150, 224, 256, 160, 128, 180, 200, 300, 512, 320, 192, 400, 384, 96, 100, 139, 75, 229, 350, 448,
    640,
];

/// Gives the network its layers behind the body, and pictures of a size from which they get as many values as they read.
fn settle_size(plan: &mut Plan, head: Head, said: Option<[usize; 2]>, notes: &mut Vec<String>) {
    let cells = head.steps.iter().find_map(|step| match step {
        Step::Join(Joint::Flatten(cells)) => Some(*cells),
        _ => None,
    });
    let first = head.parts().next().map_or(String::new(), |part| part.path.clone());
    plan.head = Some(head);
    let Some(cells) = cells else { return };
    let fits = |size: [usize; 2]| Plan { size, ..plan.clone() }.graph().is_ok();
    let squares = SIDES.into_iter().chain(75..=1024).map(|side| [side; 2]);
    let size = match said {
        Some(size) => Some(size).filter(|size| fits(*size)),
        // Only whole squares of cells can fit.
        None if cells.isqrt().pow(2) == cells => squares.into_iter().find(|size| fits(*size)),
        None => None,
    };
    match (size, said) {
        (Some(size), _) => {
            plan.size = size;
            if said.is_none() {
                let side = cells.isqrt();
                notes.push(format!(
                    "that its pictures are {0}×{0} is a guess: `{first}` reads {side}×{side} cells, which is what they \
                     give; --input-size says otherwise",
                    size[0]
                ));
            }
        }
        (None, said) => {
            let why = match said {
                _ if cells == 2 => {
                    "as of a mean and a maximum side by side, and which comes first is not in the file".into()
                }
                Some([height, width]) => format!("which pictures of {width}×{height} do not give"),
                None => "which no square pictures give: say with --input-size what they were".into(),
            };
            plan.head = None;
            plan.open_end =
                Some(format!("behind its body `{first}` reads {cells} values of each map, {why}"));
        }
    }
}

/// The name of the last maps: Keras', and torchvision's.
fn end_of(blocks: usize) -> String {
    match blocks.checked_sub(1) {
        Some(last) => format!("mixed{last} ({})", BLOCKS[last]),
        None => "its first pools".into(),
    }
}

/// What the user ought to know of a network that is not as published.
fn tell(plan: &Plan, notes: &mut Vec<String>) {
    let of_kind = |part: &Part| format!("`{}` ({})", part.path, head::class_in_words(part.kind));
    for part in &plan.front {
        notes.push(format!("in front of InceptionV3 stands {}, which is computed as a layer", of_kind(part)));
    }
    if plan.blocks < BLOCKS.len() {
        notes.push(format!(
            "the file ends InceptionV3 at {}: there are no maps behind it",
            end_of(plan.blocks)
        ));
    }
    if let Some(head) = &plan.head {
        let parts: Vec<&Part> = head.parts().collect();
        if parts.iter().any(|part| !matches!(part.kind, PartKind::Dense { .. })) {
            let all = parts.iter().map(|part| of_kind(part)).collect::<Vec<_>>().join(", ");
            let order = if parts.len() > 1 { ", taken in this order" } else { "" };
            notes.push(format!("behind InceptionV3 stands {all}{order}"));
        }
        notes.extend(head.notes.iter().cloned());
    }
    if let Some(why) = &plan.open_end
        && why.starts_with("behind")
    {
        notes.push(format!("{why}: there are maps and no classes"));
    }
}

/// Gives the body's layers the names that the file has for them.
fn rename(graph: &mut Graph, names: &BTreeMap<&'static str, Vec<String>>) {
    let mut names: BTreeMap<&str, std::slice::Iter<'_, String>> =
        names.iter().map(|(class, names)| (*class, names.iter())).collect();
    let end = graph.stages.iter().position(|stage| stage == "pool").unwrap_or(usize::MAX);
    for node in graph.nodes.iter_mut().filter(|node| node.stage < end) {
        let class = match node.op {
            // Layers in front have the names of the file already.
            _ if node.other_name.is_none() && matches!(node.op, Op::Conv(..) | Op::BatchNorm(_)) => continue,
            Op::Conv(..) => "conv2d",
            Op::BatchNorm(_) => "batch_normalization",
            Op::Activation => "activation",
            Op::MaxPool(_) => "max_pooling2d",
            Op::AvgPool(..) => "average_pooling2d",
            Op::Concat(_) => "concatenate",
            _ => continue,
        };
        if let Some(name) = names.get_mut(class).and_then(Iterator::next) {
            node.name.clone_from(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::file::{NamedTensor, Stored};

    /// Convolutions' kernels of a network, by their number of outputs alone.
    fn kernels(width: f64) -> Vec<Parameter> {
        let graph = inception_v3(0, width);
        let convs = graph.nodes.iter().filter(|node| matches!(node.op, Op::Conv(..)));
        let kernel = |node: &crate::model::Node| {
            let name = format!("{}.weight", node.parameter_name());
            let shape = vec![node.shape.channels];
            let tensor = NamedTensor { name: name.clone(), shape, values: vec![0.0], stored: Stored::F32 };
            Parameter { name, tensor }
        };
        convs.map(kernel).collect()
    }

    fn found(kernels: &[Parameter]) -> f64 {
        width(kernels, &inception_v3(0, 1.0))
    }

    #[test]
    fn the_multiplier_is_one_from_which_all_channels_follow() {
        let outputs = |width| kernels(width).into_iter().map(|p| p.tensor.shape[0]).collect::<Vec<_>>();
        for thousandth in (10..1300).chain([1999, 2001, 3999, 4000]) {
            let given = f64::from(thousandth) / 1000.0;
            let found = found(&kernels(given));
            assert_eq!(outputs(found), outputs(given), "{given} came out as {found}");
        }
        assert_eq!([1.0, 0.5, 0.25, 0.1].map(|given| found(&kernels(given))), [1.0, 0.5, 0.25, 0.1]);
        // One layer that does not fit in is no reason to take all others for wrong.
        let mut odd = kernels(0.5);
        odd[3].tensor.shape = vec![41];
        assert_eq!(found(&odd), 0.5);
        odd[3].tensor = NamedTensor { shape: vec![usize::MAX, 0], values: vec![], ..odd[3].tensor.clone() };
        assert_eq!(found(&odd), 0.5);
        assert_eq!(found(&[]), 1.0);
    }
}
