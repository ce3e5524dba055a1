//! Outputs of one or several networks beside each other, coloured for a file.

use image::RgbImage;

use super::args::ColorArgs;
use crate::app::lens::maps::differences_in_words;
use crate::app::lens::{LayerColors, Line, Oddities};
use crate::app::state::LayerRanges;
use crate::engine::{OpenedModel, difference_name, distinct_names};
use crate::figure::Legend;
use crate::inspect::{ChannelStatistics, LayerOutput, enlarge, percentiles};
use crate::view::{ColorRange, Colormap, ERROR_COLOR, FLAT_COLOR, colormap_table, number, paint, range};

/// The outputs of the same layers by one network or several, for one picture.
pub struct Compared {
    /// Of the weights.
    names: Vec<String>,
    /// By network, then by layer.
    outputs: Vec<Vec<LayerOutput>>,
    /// The first network's minus another one's, by that network, then by layer.
    differences: Vec<Vec<LayerOutput>>,
}

/// One coloured map.
pub struct Painted {
    /// One pixel a value, or as large as was asked for.
    pub picture: RgbImage,
    /// What its colours stand for.
    pub range: ColorRange,
    /// What is said of it where it is not shown as values.
    pub flat: Option<String>,
}

/// The maps of a layer: by each network, then the differences.
pub struct PaintedLayer {
    /// How each version is coloured.
    pub colors: Vec<LayerColors>,
    /// For each version one entry a channel.
    pub maps: Vec<Vec<Painted>>,
    /// Of the maps that are shown, of all versions.
    pub odd: Oddities,
}

impl Compared {
    /// Of the main network and those that are compared with it.
    pub fn new(models: &[OpenedModel]) -> Self {
        if let [model] = models {
            return Self { names: vec![model.spec.title()], outputs: vec![], differences: vec![] };
        }
        let all: Vec<_> = models.iter().map(|model| &model.spec).collect();
        Self { names: distinct_names(&all), outputs: vec![], differences: vec![] }
    }

    /// The outputs of the next network.
    pub fn add(&mut self, outputs: Vec<LayerOutput>) {
        if let Some(main) = self.outputs.first() {
            let pairs = main.iter().zip(&outputs).filter(|(a, b)| a.shape == b.shape);
            let difference = |(a, b): (&LayerOutput, &LayerOutput)| LayerOutput {
                values: a.values.iter().zip(&b.values).map(|(a, b)| a - b).collect(),
                ..*a
            };
            self.differences.push(pairs.map(difference).collect());
        }
        self.outputs.push(outputs);
    }

    /// How many networks there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The first network's output of the layer at this position.
    pub fn main(&self, position: usize) -> &LayerOutput {
        &self.outputs[0][position]
    }

    /// What the one network is, or `weights A compared with B, C`.
    pub fn in_words(&self) -> String {
        match self.names.as_slice() {
            [one] => one.clone(),
            [one, others @ ..] => format!("weights {one} compared with {}", others.join(", ")),
            [] => String::new(),
        }
    }

    /// One heading for each network, then one for each difference.
    pub fn headings(&self) -> Vec<String> {
        let names = &self.names;
        let differences = names.iter().skip(1).map(|other| difference_name(other));
        names.iter().cloned().chain(differences).collect()
    }

    /// Outputs with names for a file: `mixed5`, and `mixed5@other` for the compared networks.
    pub fn named(&self, position: usize, layer: &str) -> Vec<(String, &LayerOutput)> {
        let name = |(index, name): (usize, &String)| match index {
            0 => layer.to_string(),
            _ => format!("{layer}@{name}"),
        };
        self.names.iter().enumerate().map(name).zip(self.outputs.iter().map(|all| &all[position])).collect()
    }

    /// The maps of a layer, coloured as the view colours them. `side`: values are enlarged (interpolated) so that the longer
    /// side has so many pixels.
    pub fn paint(
        &self,
        position: usize,
        channels: &[u32],
        chosen: &ColorArgs,
        side: Option<usize>,
    ) -> PaintedLayer {
        let chosen = chosen.colors();
        let at = |all: &'_ [Vec<LayerOutput>]| -> Vec<LayerOutput> {
            all.iter().filter_map(|outputs| outputs.get(position).cloned()).collect()
        };
        let (outputs, differences) = (at(&self.outputs), at(&self.differences));
        let versions = outputs.iter().map(|output| (output, false));
        let versions: Vec<_> = versions.chain(differences.iter().map(|output| (output, true))).collect();
        let Some((first, _)) = versions.first() else {
            return PaintedLayer { colors: vec![], maps: vec![], odd: Oddities::default() };
        };
        let by_percentile = chosen.scale.normalize.is_percentile();
        let ranges = versions.iter().map(|(output, is)| (ranges_of(output, by_percentile), *is));
        let colors = LayerColors::of_versions(&chosen, first.shape, &[], ranges);
        let one = |colors: &LayerColors, output: &LayerOutput, channel: u32| {
            let (values, width) = sized(output, channel as usize, side);
            let range = colors.range(channel);
            let picture = paint(&values, width, &range, colors.colormap);
            Painted { picture, range, flat: colors.flat_in_words(channel) }
        };
        let maps = versions.iter().zip(&colors).map(|((output, _), colors)| {
            channels.iter().map(|channel| one(colors, output, *channel)).collect()
        });
        let maps = maps.collect();
        let odd = colors.iter().map(|colors| colors.oddities_of(channels.iter().copied())).sum();
        PaintedLayer { colors, maps, odd }
    }
}

/// What colours can be chosen by.
fn ranges_of(output: &LayerOutput, by_percentile: bool) -> LayerRanges {
    let cells = output.shape.height * output.shape.width;
    let of_values = |values: &[f32]| {
        let (min, max) = range(values);
        let finite = values.iter().filter(|value| value.is_finite()).count() as f32 / cells.max(1) as f32;
        ChannelStatistics { min, max, finite, ..Default::default() }
    };
    let channels = || (0..output.shape.channels).map(|channel| output.channel(channel));
    let mut statistics: Vec<_> = channels().map(of_values).collect();
    statistics.push(of_values(&output.values));
    let percentiles = by_percentile.then(|| channels().map(percentiles).collect());
    LayerRanges { statistics: statistics.into(), percentiles }
}

/// The values of a channel and their width; enlarged where a side is given.
fn sized(output: &LayerOutput, channel: usize, side: Option<usize>) -> (Vec<f32>, usize) {
    let (height, width) = (output.shape.height, output.shape.width);
    let values = output.channel(channel);
    let Some(side) = side else { return (values.to_vec(), width) };
    let longer = height.max(width);
    let scaled = |length: usize| (length * side / longer).max(1);
    (enlarge(values, height, width, scaled(height), scaled(width)), scaled(width))
}

/// `0 … 4.21`, or `silent`.
pub fn caption(tile: &Painted) -> String {
    match &tile.flat {
        Some(word) => word.clone(),
        None => format!("{} … {}", number(tile.range.low), number(tile.range.high)),
    }
}

/// What the colours of a painted layer mean: those of the networks, then of differences. [`odd_in_words`] says the rest.
pub fn legend(chosen: &ColorArgs, painted: &PaintedLayer, networks: usize) -> Legend {
    let colors = painted.colors.first();
    let colormap = colors.map_or(chosen.colormap(), |colors| colors.colormap);
    let mut text = colors.map_or_else(String::new, LayerColors::meaning);
    if let Some(differences) = painted.colors.get(networks) {
        text += &format!("; {}", differences_in_words(differences));
    }
    let first = painted.maps.first().and_then(|maps| maps.first());
    let range = first.map_or(ColorRange::plain((0.0, 1.0), colormap), |painted| painted.range);
    let table = range.ramp(&colormap_table(colormap));
    let [low, high] = match colors.is_some_and(LayerColors::has_one_range) {
        true => [range.low, range.high].map(number),
        false => ["lowest", "highest"].map(String::from),
    };
    Legend { table, low, high, text }
}

/// Colours that mean something else than a value of the range, as far as they occur: what the window shows samples of.
pub fn odd_in_words(odd: &Oddities, colormap: Colormap) -> String {
    let name = |line: Line| match line {
        Line::Sample { color: FLAT_COLOR, text, .. } => Some(format!("; dark grey: {text}")),
        Line::Sample { color: ERROR_COLOR, text, .. } => Some(format!("; magenta: {text}")),
        Line::Sample { text, .. } => Some(format!("; {text}")),
        _ => None,
    };
    odd.in_words(colormap).into_iter().filter_map(name).collect()
}
