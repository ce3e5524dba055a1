//! Outputs of one or several networks beside each other, coloured for a file.

use image::RgbImage;

use super::args::ColorArgs;
use crate::engine::{OpenedModel, difference_name, distinct_names};
use crate::figure::Legend;
use crate::inspect::{LayerOutput, enlarge};
use crate::view::{ColorRange, Colormap, Normalize, Scale, colormap_table, number, paint, range};

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
    /// Smallest and largest value.
    pub own: (f32, f32),
    /// NaN or infinity is in it.
    pub has_errors: bool,
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
        let paint_all = |outputs: Vec<&LayerOutput>, scale: Scale, colormap: Colormap| -> Vec<Vec<Painted>> {
            // One range serves all networks, so that they can be compared.
            let ranges = outputs.iter().map(|output| range(&output.values));
            let of_layer = ranges.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))).unwrap_or_default();
            let one = |output: &LayerOutput, channel: u32| {
                let (values, width) = sized(output, channel as usize, side);
                let own = range(output.channel(channel as usize));
                let range = scale.range(own, of_layer, colormap);
                let picture = paint(&values, width, &range, colormap);
                let has_errors = values.iter().any(|value| !value.is_finite());
                Painted { picture, range, own, has_errors }
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
        let scale = colors.scale();
        let mut all = paint_all(outputs.iter().collect(), scale, colors.colormap());
        let normalize = match scale.normalize {
            // The range was chosen for values.
            Normalize::Fixed { .. } => Normalize::Symmetric,
            normalize => normalize,
        };
        let differences = differences.iter().collect();
        all.extend(paint_all(differences, Scale { normalize, ..scale }, Colormap::Diverging));
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

/// `0 … 4.21`, or `silent`.
pub fn caption(tile: &Painted) -> String {
    match tile.flat_in_words() {
        Some(word) => word,
        None => format!("{} … {}", number(tile.range.low), number(tile.range.high)),
    }
}

impl Painted {
    /// What is said of a map that is not shown as values.
    pub fn flat_in_words(&self) -> Option<String> {
        match self.own {
            _ if !self.range.is_flat || self.has_errors => None,
            (_, 0.0) => Some("silent".into()),
            (_, value) => Some(format!("constant {}", number(value))),
        }
    }
}

/// What the colours of painted tiles mean: those of `networks` columns, then of differences. [`odd_in_words`] says the rest.
pub fn legend(colors: &ColorArgs, painted: &[Vec<Painted>], networks: usize) -> Legend {
    let scale = colors.scale();
    let colormap = colors.colormap();
    let has_one_range = has_one_range(&scale);
    let first = |tiles: &[Vec<Painted>]| tiles.iter().flatten().next().map(|tile| tile.range);
    let mut parts = vec![colormap.name().to_string(), scale.normalize.in_words().to_string()];
    parts.extend(scale.extras_in_words());
    let mut text = parts.join(" · ");
    match first(painted.get(networks..).unwrap_or_default()) {
        Some(range) if has_one_range => {
            let ends = [range.low, range.high].map(number);
            text += &format!("; differences from {} (blue) to {} (red)", ends[0], ends[1]);
        }
        Some(_) => text += "; differences: blue less, red more",
        None => {}
    }
    let range = first(painted).unwrap_or(ColorRange::plain((0.0, 1.0), colormap));
    let table = range.ramp(&colormap_table(colormap));
    let [low, high] = match has_one_range {
        true => [range.low, range.high].map(number),
        false => ["lowest", "highest"].map(String::from),
    };
    Legend { table, low, high, text }
}

/// True where all maps of a layer have the same.
fn has_one_range(scale: &Scale) -> bool {
    match scale.normalize {
        Normalize::Map => false,
        Normalize::Layer | Normalize::Symmetric => scale.boost == 0.0,
        Normalize::Fixed { .. } => true,
    }
}

/// Colours that mean something else than a value, as far as they occur.
pub fn odd_in_words<'a>(painted: impl Iterator<Item = &'a Vec<Painted>> + Clone) -> String {
    let all = || painted.clone().flatten();
    let count = |is: fn(&Painted) -> bool| all().filter(|tile| is(tile)).count();
    let maps = all().count();
    let (flat, broken) = (count(|tile| tile.flat_in_words().is_some()), count(|tile| tile.has_errors));
    let beyond = count(|tile| tile.range.clips(tile.own.0) || tile.range.clips(tile.own.1));
    let mut text = String::new();
    if flat > 0 {
        text += &format!("; dark grey: zero or one value everywhere ({flat} of {maps} maps)");
    }
    if beyond > 0 {
        text += &format!("; {beyond} of {maps} maps have values beyond the ends");
    }
    if broken > 0 {
        text += &format!("; magenta: not finite ({broken} of {maps} maps)");
    }
    text
}
