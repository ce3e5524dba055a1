//! The diagnosis in a student's words. Pure, any thread.

use std::collections::BTreeSet;

use super::layer::{Examined, LayerDiagnosis};
use crate::inspect::health::Thresholds;
use crate::model::{Graph, LayerIndex};

/// A cell that sees no more than this fraction of the picture's side can hardly know more than its brightness,
/// colour and edges. In InceptionV3: 18 pixels, up to the pooling after the third convolution.
const EARLY_FRACTION: usize = 16;
/// Lists with more channels end in "and … more".
const LISTED: usize = 5;
/// From this fraction of dead maps on, the training is more suspect than the number of filters.
const MOSTLY_DEAD: f32 = 0.5;

/// True where a copy of the brightness is no bad sign.
pub(super) fn is_early(graph: &Graph, layer: LayerIndex) -> bool {
    let [field_height, field_width] = graph.nodes[layer].receptive_field.size;
    let input = graph.input_shape();
    field_height.max(field_width) * EARLY_FRACTION <= input.height.min(input.width)
}

/// `1 picture`, `2 pictures`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// What to keep in mind while reading the whole.
pub(super) fn notes(
    trained: bool,
    pictures: usize,
    thresholds: &Thresholds,
    layers: &[LayerDiagnosis],
) -> Vec<String> {
    let mut notes = Vec::new();
    if !trained {
        notes.push("the weights are random, so all this is chance, not learning.".into());
    }
    if pictures > 0 && pictures < thresholds.pictures {
        let subject = if pictures == 1 { "1 picture is".into() } else { format!("{pictures} pictures are") };
        notes.push(format!(
            "{subject} too few to tell: a map that looks useless here may answer to others; {} are better.",
            count(thresholds.pictures, "picture")
        ));
    }
    if pictures > 1 && layers.iter().any(|layer| !layer.dead.is_empty()) {
        notes.push(format!("dead means: above zero on none of the {pictures} pictures."));
    }
    if layers.iter().any(|layer| !layer.solid.is_empty()) {
        notes.push(
            "solid means: one colour from edge to edge, beside what the layer's other maps show.".into(),
        );
    }
    notes
}

/// One sentence on a layer with at least one picture.
pub(super) fn layer(
    examined: &Examined,
    found: &LayerDiagnosis,
    pictures: usize,
    thresholds: &Thresholds,
) -> String {
    let [channels, height, width] = found.shape;
    let has_maps = height * width > 1;
    let mut subject = Subject { total: channels, noun: if has_maps { "map" } else { "value" }, named: false };
    let mut clauses = Vec::new();

    if !found.broken.is_empty() {
        let verb = subject.with(found.broken.len(), "holds", "hold");
        let list = subject.list(&found.broken);
        clauses.push(format!("{verb} no numbers{list}: look for NaN or infinity in weights and input"));
    }
    if pictures == 1 && !found.dead.is_empty() {
        let verb = subject.with(found.dead.len(), "is", "are");
        let list = subject.list(&found.dead);
        let they = if found.dead.len() == 1 { "it is" } else { "they are" };
        clauses.push(format!(
            "{verb} silent on this picture{list}: one picture cannot tell whether {they} dead"
        ));
    }
    clauses.extend(waste(found, pictures, thresholds, &mut subject));
    clauses.extend(copies(found, examined.field, &mut subject));
    if clauses.is_empty() {
        clauses.push(match (has_maps, found.rectified) {
            (true, _) => format!("{} something", subject.with(channels, "carries", "carry")),
            (false, true) => format!("{} above zero on some picture", subject.with(channels, "is", "are")),
            (false, false) => format!("{}, not maps: nothing to judge", count(channels, "single value")),
        });
    }
    if examined.is_relu && !found.always_on.is_empty() {
        let verb = subject.with(found.always_on.len(), "is", "are");
        let list = subject.list(&found.always_on);
        clauses.push(format!("{verb} never at zero{list}, so the ReLU changes nothing there"));
    }
    clauses.join("; ") + "."
}

/// Maps the layer could perhaps do without: dead, solid, duplicate.
fn waste(
    found: &LayerDiagnosis,
    pictures: usize,
    thresholds: &Thresholds,
    subject: &mut Subject,
) -> Option<String> {
    let mut parts = Vec::new();
    let mut wasted: BTreeSet<usize> = BTreeSet::new();
    if pictures > 1 && !found.dead.is_empty() {
        wasted.extend(&found.dead);
        parts.push(subject.with(found.dead.len(), "is", "are") + " dead" + &subject.list(&found.dead));
    }
    if !found.solid.is_empty() {
        wasted.extend(&found.solid);
        parts.push(subject.with(found.solid.len(), "is", "are") + " solid" + &subject.list(&found.solid));
    }
    if !found.duplicates.is_empty() {
        wasted.extend(found.duplicates.iter().map(|duplicate| &duplicate.channel));
        let verb = subject.with(found.duplicates.len(), "nearly repeats", "nearly repeat");
        let pairs = found.duplicates.iter().map(|pair| format!("{} like {}", pair.channel, pair.of));
        parts.push(format!("{verb} an earlier one{}", listed(pairs)));
    }
    let share = |count: usize| count as f32 / subject.total.max(1) as f32;
    let advice = if pictures > 1 && share(found.dead.len()) >= MOSTLY_DEAD {
        ": check the input's scaling, the learning rate and the initial weights"
    } else if pictures > 1 && share(wasted.len()) >= thresholds.waste {
        ": perhaps too many filters"
    } else {
        ""
    };
    let last = parts.pop()?;
    Some(if parts.is_empty() { last + advice } else { format!("{} and {last}{advice}", parts.join(", ")) })
}

fn copies(found: &LayerDiagnosis, [height, width]: [usize; 2], subject: &mut Subject) -> Option<String> {
    let number = found.copies.len();
    if number == 0 {
        return None;
    }
    let inverted = found.copies.iter().filter(|copy| copy.correlation < 0.0).count();
    let verb = subject.with(number, "follows", "follow");
    let channels: Vec<usize> = found.copies.iter().map(|copy| copy.channel).collect();
    let list = subject.list(&channels);
    let how = match inverted {
        0 => String::new(),
        _ if inverted == number => ", inverted".into(),
        _ => format!(", {inverted} of them inverted"),
    };
    let meaning = match (found.early, number) {
        (true, _) => {
            format!("common and useful so early (a cell sees {height}×{width} pixels)")
        }
        (false, 1) => "it has learned little".into(),
        (false, _) => "they have learned little".into(),
    };
    Some(format!("{verb} the input's brightness{list}{how}: {meaning}"))
}

/// Counts the maps of a layer in words; the first time with their total.
struct Subject {
    total: usize,
    noun: &'static str,
    named: bool,
}

impl Subject {
    /// `11 of 64 maps are`, later `3 are`.
    fn with(&mut self, number: usize, singular: &str, plural: &str) -> String {
        let Self { total, noun, named } = *self;
        self.named = true;
        let subject = match (named, number == total, total) {
            (false, true, 1) => format!("The only {noun}"),
            (false, true, _) => format!("All {total} {noun}s"),
            (false, false, _) => format!("{number} of {total} {noun}s"),
            (true, true, 1) => "it".into(),
            (true, true, _) => "all".into(),
            (true, false, _) => number.to_string(),
        };
        format!("{subject} {}", if number == 1 { singular } else { plural })
    }

    /// ` (3, 5)`; nothing where all are meant.
    fn list(&self, channels: &[usize]) -> String {
        if channels.len() == self.total {
            String::new()
        } else {
            listed(channels.iter().map(usize::to_string))
        }
    }
}

/// ` (3, 5, 8)` or ` (3, 5, 8, 9 and 7 more)`.
fn listed(items: impl ExactSizeIterator<Item = String>) -> String {
    let number = items.len();
    let shown = if number > LISTED { LISTED - 1 } else { number };
    let text = items.take(shown).collect::<Vec<_>>().join(", ");
    if shown < number { format!(" ({text} and {} more)", number - shown) } else { format!(" ({text})") }
}
