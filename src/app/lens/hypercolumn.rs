//! The mean of all channels of several layers over the picture, and the vector of the pixel under the cursor. Computed on
//! the drawing device, from which only the vector and the ends come back, or in host memory for figures; said in the
//! same words.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, More, Needs, Takes};
use super::legend::Line;
use super::look::Look;
use super::overlay::{Over, OverlayLens, OverlayWork};
use crate::app::keys::Action;
use crate::app::state::{LensName, Lenses};
use crate::gpu::{FeatureMapBuffer, GpuContext, HypercolumnPass, MapStatistics, StatisticsBuffer, readback};
use crate::inspect::hypercolumn::picture;
use crate::inspect::{LayerOutput, percentiles};
use crate::model::{Graph, LayerIndex, layers};
use crate::session::Activations;
use crate::view::{Normalize, Scale, number, range};

/// In keys, options and JSON.
pub const NAME: LensName = "hypercolumn";

/// The command that takes the shown layer in, or out.
pub const TAKE: &str = "layer";

const ABOUT: About = About {
    name: NAME,
    keys: &["y"],
    help: "hypercolumn of the chosen layers over the picture",
    flag: Some(Flag {
        long: "hypercolumn",
        takes: Takes::Several("LAYERS"),
        help: "Lay the hypercolumn of these layers over the picture",
    }),
    more: &[More { name: TAKE, keys: &["x"], help: "take the layer into the hypercolumn, or out of it" }],
};

/// What the ends of the mean's colours are: a few cells at the border, where padding is seen, reach so far beyond all
/// others that they would take the whole colormap.
pub const NORMALIZE: Normalize = Normalize::Percentile;

/// The scale of the mean.
fn scale(chosen: Scale) -> Scale {
    Scale { normalize: NORMALIZE, ..chosen }
}

/// The mean in host memory: `height × width` values, as many as the network's input has pixels.
pub fn mean(graph: &Graph, outputs: &[LayerOutput]) -> Vec<f32> {
    let input = graph.input_shape();
    picture(outputs, (input.height, input.width))
}

/// The values at the ends of the colours of a mean.
pub fn ends_of(values: &[f32], scale: &Scale) -> (f32, f32) {
    if scale.normalize.is_percentile() { percentiles(values).into() } else { range(values) }
}

/// `layers 1, 4, 7: the mean of 160 channels`
pub fn in_words(graph: &Graph, layers: &[LayerIndex]) -> String {
    let channels: usize = layers.iter().map(|&layer| graph.nodes[layer].shape.channels).sum();
    let numbers: Vec<_> = layers.iter().map(usize::to_string).collect();
    format!("layers {}: the mean of {channels} channels", numbers.join(", "))
}

/// The lens.
pub struct Hypercolumn;

impl OverlayLens for Hypercolumn {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, look: &Look<'_>) -> Needs {
        Needs { maps: look.lenses.hypercolumn.clone(), ..Needs::default() }
    }

    fn explains_pixels(&self) -> bool {
        true
    }

    fn start(&self, gpu: &GpuContext) -> Box<dyn OverlayWork> {
        Box::new(Work {
            pass: HypercolumnPass::new(gpu),
            statistics: MapStatistics::new(gpu),
            shown: None,
            ends: None,
            waiting_ends: None,
            vector: None,
            waiting: None,
        })
    }

    fn act(&self, command: &str, lenses: &mut Lenses, layer: LayerIndex) {
        if command != TAKE {
            return;
        }
        match lenses.hypercolumn.binary_search(&layer) {
            Ok(place) => drop(lenses.hypercolumn.remove(place)),
            Err(place) => lenses.hypercolumn.insert(place, layer),
        }
        lenses.over = Some(NAME);
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        let mut chosen = layers(choices.graph, values).map_err(|error| error.to_string())?;
        chosen.sort_unstable();
        (choices.lenses.hypercolumn, choices.lenses.over) = (chosen, Some(NAME));
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        let layers: Vec<_> = look.lenses.hypercolumn.iter().map(usize::to_string).collect();
        if layers.is_empty() { String::new() } else { format!("--hypercolumn {}", layers.join(",")) }
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        [("layers".to_string(), Value::from(look.lenses.hypercolumn.clone()))].into_iter().collect()
    }
}

/// What a map was computed for.
type Key = (u64, Vec<LayerIndex>);

/// The vector of one pixel.
#[derive(Clone)]
struct PixelVector {
    /// Column and row in the network's input.
    pixel: [u32; 2],
    values: Arc<[f32]>,
}

struct Work {
    pass: HypercolumnPass,
    statistics: MapStatistics,
    shown: Option<(Key, Over)>,
    /// The values at the ends of the colours.
    ends: Option<(Key, [f32; 2])>,
    waiting_ends: Option<(Key, readback::Pending)>,
    vector: Option<(Key, PixelVector)>,
    waiting: Option<(Key, [u32; 2], readback::Pending)>,
}

/// The maps of these layers, if all of them are there.
fn maps(activations: &Activations, layers: &[LayerIndex]) -> Option<Vec<FeatureMapBuffer>> {
    if layers.is_empty() {
        return None;
    }
    layers.iter().map(|&layer| activations.map(layer).cloned()).collect()
}

/// Height and width of the network's input.
fn input_size(graph: &Graph) -> [u32; 2] {
    let input = graph.input_shape();
    [input.height as u32, input.width as u32]
}

impl Work {
    /// The ends of the colours of the newest map; those of the one before while they are on their way.
    fn ends(&mut self, gpu: &GpuContext, wait: bool) -> Option<[f32; 2]> {
        self.collect_ends(gpu, wait);
        if let Some((key, over)) = &self.shown
            && self.waiting_ends.is_none()
            && self.ends.as_ref().is_none_or(|(known, _)| known != key)
        {
            let buffer = over.ranges.as_ref().unwrap_or(&over.statistics).buffer();
            let pending = readback::copy(gpu, &[(buffer, 0, StatisticsBuffer::ENTRY_BYTES)]);
            self.waiting_ends = Some((key.clone(), pending));
            if wait {
                self.collect_ends(gpu, wait);
            }
        }
        self.ends.as_ref().map(|(_, ends)| *ends)
    }

    fn collect_ends(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((key, pending)) = self.waiting_ends.take() else { return };
        let bytes = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match bytes {
            Ok(Some(bytes)) => {
                let values: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
                let entry = StatisticsBuffer::decode(&values).first().copied().unwrap_or_default();
                self.ends = Some((key, [entry.min, entry.max]));
            }
            Ok(None) => self.waiting_ends = Some((key, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }

    /// The vector of a pixel, or the newest one before it while that one is on its way.
    fn vector(
        &mut self,
        gpu: &GpuContext,
        look: &Look<'_>,
        pixel: [u32; 2],
        wait: bool,
    ) -> Option<PixelVector> {
        self.collect_vector(gpu, wait);
        let (shown, layers) = (look.shown?, &look.lenses.hypercolumn);
        let key = (shown.sequence, layers.clone());
        let is_known = self.vector.as_ref().is_some_and(|(known, v)| *known == key && v.pixel == pixel);
        if !is_known && self.waiting.is_none() {
            let maps = maps(shown, layers)?;
            let channels: usize = maps.iter().map(|map| map.shape.channels).sum();
            let vector = self.pass.vector(gpu, &maps, input_size(look.graph), pixel);
            let pending = readback::copy(gpu, &[(&vector, 0, 4 * channels as u64)]);
            self.waiting = Some((key, pixel, pending));
            if wait {
                self.collect_vector(gpu, wait);
            }
        }
        self.vector.as_ref().filter(|(known, _)| known.1 == *layers).map(|(_, vector)| vector.clone())
    }
}

impl Work {
    fn collect_vector(&mut self, gpu: &GpuContext, wait: bool) {
        let Some((key, pixel, pending)) = self.waiting.take() else { return };
        let bytes = if wait { pending.wait(gpu).map(Some) } else { pending.poll(gpu) };
        match bytes {
            Ok(Some(bytes)) => {
                let values: Vec<f32> = bytemuck::pod_collect_to_vec(&bytes);
                self.vector = Some((key, PixelVector { pixel, values: values.into() }));
            }
            Ok(None) => self.waiting = Some((key, pixel, pending)),
            Err(error) => tracing::warn!("{error}"),
        }
    }
}

impl OverlayWork for Work {
    fn map(&mut self, gpu: &GpuContext, look: &Look<'_>) -> Option<Over> {
        let (shown, layers) = (look.shown?, &look.lenses.hypercolumn);
        let key = (shown.sequence, layers.clone());
        let scale = scale(look.colors.scale);
        if self.shown.as_ref().is_none_or(|(known, _)| *known != key) {
            let maps = maps(shown, layers)?;
            let map = self.pass.picture(gpu, &maps, input_size(look.graph));
            let (statistics, ranges) = self.statistics.run(gpu, &map, true);
            self.shown = Some((key, Over::even(map, statistics, ranges, scale)));
        }
        self.shown.as_ref().map(|(_, over)| Over { scale, ..over.clone() })
    }

    fn legend(&mut self, gpu: &GpuContext, look: &Look<'_>, wait: bool) -> Vec<Line> {
        let layers = &look.lenses.hypercolumn;
        if layers.is_empty() {
            let key = look.key(Action::OfLens(NAME, TAKE));
            let text = format!("The hypercolumn has no layers: {key} takes the one you look at.");
            return vec![Line::Main(text, "hypercolumn")];
        }
        let text = format!("Hypercolumn of {}, {}.", in_words(look.graph, layers), look.opacity_in_words());
        let mut lines = vec![Line::Main(text, "hypercolumn")];
        let (scale, colormap) = (scale(look.colors.scale), look.colors.colormap());
        if let Some([low, high]) = self.ends(gpu, wait) {
            let range = scale.range((low, high), (low, high), colormap);
            lines.push(Line::bar(&range, colormap));
            let [low, high] = [range.low, range.high].map(number);
            lines.push(Line::quiet(format!("from {low} to {high}; 1 % of the values lie beyond each end")));
        }
        let Some(vector) = look.pixel.and_then(|pixel| self.vector(gpu, look, pixel, wait)) else {
            let hint = "Point at the picture (or press shift and an arrow) for the vector of a pixel.";
            lines.push(Line::quiet(hint));
            return lines;
        };
        let [x, y] = vector.pixel;
        lines.push(Line::Quiet(format!("The hypercolumn at {x},{y}: {} values", vector.values.len()), ""));
        let parts = layers.iter().map(|&layer| (layer.to_string(), look.graph.nodes[layer].shape.channels));
        lines.push(Line::Curve(vector.values, parts.collect()));
        lines
    }

    fn is_waiting(&self) -> bool {
        self.waiting.is_some() || self.waiting_ends.is_some()
    }
}
