//! How alike the cells of a layer, or of the hypercolumn, are to the one that is marked, over the picture: the cosine of their
//! vectors. While a frame is held, the marked cell is that frame's. Computed on the drawing device, from which only the cosines
//! come back, or in host memory for figures; said in the same words.

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Needs, Takes};
use super::legend::Line;
use super::look::Look;
use super::origin::only;
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::{LensName, Lenses};
use crate::gpu::{FeatureMapBuffer, GpuContext, HypercolumnPass, MapStatistics, readback};
use crate::inspect::likeness::grid;
use crate::inspect::{Likeness, is_rectified};
use crate::model::{Graph, LayerIndex};
use crate::session::Activations;
use crate::view::{Colormap, Normalize, Scale, number};

/// In keys, options and JSON.
pub const NAME: LensName = "likeness";

/// The command that changes between the layer and the hypercolumn.
pub const HYPERCOLUMN: &str = "hypercolumn";

/// What `--likeness` has for the shown layer alone.
const LAYER: &str = "layer";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift j"],
    help: "how alike all cells are to the marked one, over the picture",
    flag: Some(Flag {
        long: "likeness",
        takes: Takes::Several("LAYERS"),
        help: "Lay over the picture how alike all cells are to the one under --mark (of the picture of --held, where there is one): \
               cells of the shown `layer`, or of the hypercolumn of these LAYERS",
    }),
    more: &[More {
        name: HYPERCOLUMN,
        keys: &[],
        help: "likeness of the cells of the hypercolumn, or of the shown layer",
    }],
};

/// The ends of the colours, and the colours: cells without negative values have no cosine below zero.
pub fn colors(graph: &Graph, layers: &[LayerIndex], sequential: Colormap) -> ((f32, f32), Colormap) {
    match layers.iter().all(|&layer| is_rectified(graph, layer)) {
        true => ((0.0, 1.0), sequential),
        false => ((-1.0, 1.0), Colormap::Diverging),
    }
}

/// `mixed5`, or `the hypercolumn of layers 1, 4, 7`
pub fn named(graph: &Graph, layers: &[LayerIndex]) -> String {
    match layers {
        [layer] => graph.nodes[*layer].name.clone(),
        _ => {
            let numbers: Vec<_> = layers.iter().map(usize::to_string).collect();
            format!("the hypercolumn of layers {}", numbers.join(", "))
        }
    }
}

/// What the colours mean.
pub fn meaning(graph: &Graph, layers: &[LayerIndex], (low, _): (f32, f32)) -> String {
    let channels: usize = layers.iter().map(|&layer| graph.nodes[layer].shape.channels).sum();
    let from =
        if low < 0.0 { "−1: the opposite, through 0: nothing in common," } else { "0: nothing in common," };
    format!(
        "from {from} to 1: the same direction. It is the cosine of the cells' {channels} values: which are strong counts, not \
         how strong they all are."
    )
}

/// What is to be said of the numbers: what else is alike, and which cells have no direction. `own`: the marked cell, where it is of
/// the same picture.
pub fn said(likeness: &Likeness, width: usize, own: Option<[usize; 2]>) -> Vec<String> {
    let (all, without) = (likeness.cosines.len(), likeness.without_direction());
    if without == all {
        return vec![
            "The marked cell has no direction: all its values are zero, and so it is like nothing.".into(),
        ];
    }
    let mut said = vec![];
    if let Some(([row, column], cosine)) = likeness.most_alike(width, own) {
        let elsewhere = if own.is_some() { " elsewhere" } else { "" };
        said.push(format!("Most alike{elsewhere}: row {row}, column {column}, {}.", number(cosine)));
    }
    match without {
        0 => {}
        1 => said.push("1 cell is zero in all channels: it has no direction, and stands as 0.".into()),
        _ => said.push(format!(
            "{without} of {all} cells are zero in all channels: they have no direction, and stand as 0."
        )),
    }
    let broken = likeness.cosines.iter().filter(|cosine| !cosine.is_finite()).count();
    if broken > 0 {
        said.push(format!("{broken} cells (magenta) have values that are no numbers, or too large."));
    }
    said
}

/// The layers whose cells are compared.
fn layers(look: &Look<'_>) -> Vec<LayerIndex> {
    match look.lenses.is_hypercolumn_alike {
        true => look.lenses.hypercolumn.clone(),
        false => vec![look.layer],
    }
}

/// The same colours for every frame.
fn scale(look: &Look<'_>, (low, high): (f32, f32)) -> Scale {
    Scale { normalize: Normalize::Fixed { low, high }, boost: 0.0, ..look.colors.scale }
}

/// Why there is nothing to compare.
fn nothing(look: &Look<'_>, layers: &[LayerIndex]) -> Option<String> {
    if layers.is_empty() {
        let key = look.key(Action::OfLens(super::hypercolumn::NAME, super::hypercolumn::TAKE));
        return Some(format!("the hypercolumn has no layers: {key} takes the one you look at"));
    }
    let shapes = layers.iter().map(|&layer| look.graph.nodes[layer].shape);
    let is_one = grid(shapes) == [1, 1];
    is_one.then(|| format!("{} has one cell, and so nothing to compare it with", named(look.graph, layers)))
}

/// The marked cell (row, column) of this grid.
fn cell(look: &Look<'_>, [height, width]: [usize; 2]) -> Option<[usize; 2]> {
    let ([x, y], input) = (look.pixel?, look.graph.input_shape());
    let place = |pixel: u32, side: usize, cells: usize| {
        let part = (pixel as f32 + 0.5) / side as f32;
        ((part * cells as f32) as usize).min(cells - 1)
    };
    Some([place(y, input.height, height), place(x, input.width, width)])
}

/// The held frame's map of the shown layer, where one is held.
fn held<'a>(look: &Look<'_>, shown: &'a Activations, layers: &[LayerIndex]) -> Option<&'a FeatureMapBuffer> {
    shown.request.held.as_ref()?;
    let taps = &shown.compared.first()?.taps;
    taps.iter().find(|tap| layers == [tap.layer] && tap.layer == look.layer).map(|tap| &tap.map)
}

/// The lens.
pub struct LikenessOf;

impl OverlayLens for LikenessOf {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        let maps = if look.lenses.is_hypercolumn_alike { look.lenses.hypercolumn.clone() } else { vec![] };
        Needs { maps, ..Needs::default() }
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        nothing(look, &layers(look))
    }

    fn explains_pixels(&self) -> bool {
        true
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work {
            pass: HypercolumnPass::new(gpu),
            statistics: MapStatistics::new(gpu),
            shown: None,
            likeness: None,
            waiting: None,
        })
    }

    fn act(&self, command: &str, lenses: &mut Lenses, _layer: LayerIndex) {
        if command == HYPERCOLUMN {
            // The first press shows what there is.
            lenses.is_hypercolumn_alike ^= lenses.over == Some(NAME);
            lenses.over = Some(NAME);
        }
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        let lenses = choices.lenses;
        lenses.is_hypercolumn_alike = values != [LAYER];
        if lenses.is_hypercolumn_alike {
            let named = crate::model::layers(choices.graph, values);
            let mut layers = named.map_err(|error| format!("--likeness: `{LAYER}`, or layers: {error}"))?;
            layers.sort_unstable();
            lenses.hypercolumn = layers;
        }
        lenses.over = Some(NAME);
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        let layers: Vec<_> = look.lenses.hypercolumn.iter().map(usize::to_string).collect();
        match look.lenses.is_hypercolumn_alike {
            true if layers.is_empty() => String::new(),
            true => format!("--likeness {}", layers.join(",")),
            false => format!("--likeness {LAYER}"),
        }
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let layers = layers(look);
        let mut more = Map::new();
        more.insert("layers".into(), layers.clone().into());
        let size = grid(layers.iter().map(|&layer| look.graph.nodes[layer].shape));
        more.insert("cell".into(), cell(look, size).map(|cell| cell.to_vec()).into());
        let is_held = look.shown.is_some_and(|shown| held(look, shown, &layers).is_some());
        more.insert("cell_of".into(), if is_held { "held frame" } else { "frame" }.into());
        more
    }
}

/// What a map was computed for: results, layers, cell.
type Key = (u64, Vec<LayerIndex>, [usize; 2]);

struct Work {
    pass: HypercolumnPass,
    statistics: MapStatistics,
    shown: Option<(Key, Over)>,
    likeness: Option<(Key, Likeness)>,
    waiting: Option<(Key, readback::Pending)>,
}

impl Work {
    fn collect(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((key, pending)) = self.waiting.take() else { return };
        let bytes = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match bytes {
            Ok(Some(bytes)) => {
                let mut cosines: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
                let has_direction = cosines.split_off(cosines.len() / 2);
                let has_direction = has_direction.into_iter().map(|has| has != 0.0).collect();
                self.likeness = Some((key, Likeness { cosines, has_direction }));
            }
            Ok(None) => self.waiting = Some((key, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// Has the newest numbers come back, unless others are on their way.
    fn ask(&mut self, gpu: &GpuContext) {
        let Some((key, over)) = &self.shown else { return };
        let is_known = self.likeness.as_ref().is_some_and(|(known, _)| known == key);
        if let (false, None, Some((_, both))) = (is_known, &self.waiting, &over.numbers) {
            let pending = readback::copy(gpu, &[(&both.buffer, both.offset, 4 * both.shape.len() as u64)]);
            self.waiting = Some((key.clone(), pending));
        }
    }
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (shown, layers) = (look.shown?, layers(look));
        if nothing(look, &layers).is_some() {
            return None;
        }
        let size = grid(layers.iter().map(|&layer| look.graph.nodes[layer].shape));
        let [row, column] = cell(look, size)?;
        let key = (shown.sequence, layers.clone(), [row, column]);
        let (ends, colormap) = colors(look.graph, &layers, look.colors.sequential());
        let scale = scale(look, ends);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            let maps: Option<Vec<_>> = layers.iter().map(|&layer| shown.map(layer).cloned()).collect();
            let maps = maps?;
            let sides = size.map(|side| side as u32);
            let held = held(look, shown, &layers).map(|map| vec![map.clone()]);
            let of = held.as_ref().unwrap_or(&maps);
            let vector = self.pass.vector(gpu, of, sides, [column as u32, row as u32]);
            let both = self.pass.likeness(gpu, &maps, sides, &vector);
            let map = both.channel(0)?;
            let (statistics, _) = self.statistics.run(gpu, &map, false);
            let numbers = Some((format!("likeness in {}", named(look.graph, &layers)), both));
            self.shown = Some((key, Over { numbers, ..Over::even(map, statistics, None, scale) }));
        }
        let (_, over) = self.shown.as_ref()?;
        Some(Over { scale, colormap: Some(colormap), ..over.clone() })
    }

    fn legend(&mut self, gpu: &GpuContext, look: &Look<'_>, wait: bool) -> Vec<Line> {
        let (key, layers) = (look.key(Action::Over(NAME)), layers(look));
        if let Some(reason) = nothing(look, &layers) {
            return only(format!("No likeness ({key}): {reason}."), "likeness");
        }
        let name = named(look.graph, &layers);
        let held = look.shown.and_then(|shown| held(look, shown, &layers));
        let of = if held.is_some() { " of the held frame" } else { "" };
        let size = grid(layers.iter().map(|&layer| look.graph.nodes[layer].shape));
        let Some([row, column]) = cell(look, size) else {
            let text = format!("Likeness ({key}): how alike are the cells of {name} to one{of}?");
            let hint = "Point at the picture, click to mark a place, or mark one with shift and the arrows.";
            return vec![Line::Main(text, "likeness"), Line::quiet(hint)];
        };
        let text = format!(
            "Likeness to row {row}, column {column} of {name}{of} ({key}), {}.",
            look.opacity_in_words()
        );
        let (ends, colormap) = colors(look.graph, &layers, look.colors.sequential());
        let range = scale(look, ends).range(ends, ends, colormap);
        let meaning = meaning(look.graph, &layers, ends);
        let mut lines = vec![Line::Main(text, "likeness"), Line::bar(&range, colormap), Line::quiet(meaning)];
        self.collect(gpu, wait);
        self.ask(gpu);
        if wait {
            self.collect(gpu, wait);
        }
        if let Some((_, likeness)) = self.likeness.as_ref().filter(|(known, _)| known.1 == layers) {
            let own = held.is_none().then_some([row, column]);
            lines.extend(said(likeness, size[1], own).into_iter().map(Line::quiet));
        }
        lines
    }

    fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }
}
