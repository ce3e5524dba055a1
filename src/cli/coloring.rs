//! Outputs of one or several networks beside each other, coloured for a file.

use image::RgbImage;

use super::args::ColorArgs;
use crate::engine::{OpenedModel, difference_name, distinct_names};
use crate::figure::Legend;
use crate::gpu::RangeMode;
use crate::inspect::{LayerOutput, enlarge};
use crate::view::{Colormap, color_ends, colormap_table, number, paint, range};

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
    /// What the ends of the colormap stand for.
    pub ends: (f32, f32),
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

    /// The maps of a layer, coloured: for each network, then for each difference, one entry a channel. `side`:
    /// values are enlarged (interpolated) so that the longer side has so many pixels.
    pub fn paint(
        &self,
        position: usize,
        channels: &[u32],
        colors: &ColorArgs,
        side: Option<usize>,
    ) -> Vec<Vec<Painted>> {
        let paint_all = |outputs: Vec<&LayerOutput>, colormap: Colormap| -> Vec<Vec<Painted>> {
            // One range serves all networks, so that they can be compared.
            let ranges = outputs.iter().map(|output| range(&output.values));
            let of_layer = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
            let one = |output: &LayerOutput, channel: u32| {
                let (values, width) = sized(output, channel as usize, side);
                let ends = match colors.normalize {
                    RangeMode::Map => range(&values),
                    RangeMode::Layer => of_layer,
                };
                let picture = paint(&values, width, ends, colormap);
                Painted { picture, ends: color_ends(ends.0, ends.1, colormap) }
            };
            outputs
                .iter()
                .map(|output| channels.iter().map(|channel| one(output, *channel)).collect())
                .collect()
        };
        let at = |all: &'_ [Vec<LayerOutput>]| -> Vec<LayerOutput> {
            all.iter().filter_map(|outputs| outputs.get(position).cloned()).collect()
        };
        let (outputs, differences) = (at(&self.outputs), at(&self.differences));
        let mut all = paint_all(outputs.iter().collect(), colors.colormap);
        all.extend(paint_all(differences.iter().collect(), Colormap::Diverging));
        all
    }
}

/// A channel's values and their width, interpolated to this longer side.
fn sized(output: &LayerOutput, channel: usize, side: Option<usize>) -> (Vec<f32>, usize) {
    let (height, width) = (output.shape.height, output.shape.width);
    let values = output.channel(channel);
    let Some(side) = side else { return (values.to_vec(), width) };
    let longer = height.max(width);
    let scaled = |length: usize| (length * side / longer).max(1);
    (enlarge(values, height, width, scaled(height), scaled(width)), scaled(width))
}

/// `0 … 4.21`
pub fn caption(tile: &Painted) -> String {
    format!("{} … {}", number(tile.ends.0), number(tile.ends.1))
}

/// What the colours of painted tiles mean: those of `networks` columns, then of differences.
pub fn legend(colors: &ColorArgs, painted: &[Vec<Painted>], networks: usize) -> Legend {
    let table = colormap_table(colors.colormap);
    let one_range = colors.normalize == RangeMode::Layer;
    let first = |tiles: &[Vec<Painted>]| tiles.iter().flatten().next().map(|tile| tile.ends);
    let differences = match first(painted.get(networks..).unwrap_or_default()) {
        Some((low, high)) if one_range => {
            format!("; differences from {} (blue) to {} (red)", number(low), number(high))
        }
        Some(_) => "; differences: blue less, red more".into(),
        None => String::new(),
    };
    let name = colors.colormap.name();
    let text = |meaning: &str| format!("{name} · {meaning}{differences}; magenta: not finite");
    match first(painted).filter(|_| one_range) {
        Some((low, high)) => {
            let text = text("one range for the whole layer");
            Legend { table, low: number(low), high: number(high), text }
        }
        None => Legend {
            table,
            low: "lowest".into(),
            high: "highest".into(),
            text: text("each map its own range"),
        },
    }
}
