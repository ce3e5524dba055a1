//! What was found, for whoever reads it: value, cell, picture and box of each place.

use serde::{Deserialize, Serialize};

use super::part::BestPart;
use crate::gpu::{Axis, Preprocessing};
use crate::inspect::best::{BestPlace, End};
use crate::model::{ReceptiveField, Shape};
use crate::record::{LayerInfo, Provenance};

/// A document of `convscope best --json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestDocument {
    /// The network, and how pictures become its input.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Which layer.
    pub layer: LayerInfo,
    /// As typed.
    pub sources: Vec<String>,
    /// `--levels`, where it was said.
    pub levels: Option<String>,
    /// `--every`
    pub every: u32,
    /// How many pictures were looked at.
    pub pictures: u64,
    /// The chosen channels.
    pub channels: Vec<ChannelBest>,
}

/// The places of a channel, the furthest first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChannelBest {
    /// Its number.
    pub channel: usize,
    /// Of the largest values.
    pub strongest: Vec<FoundPlace>,
    /// Of the smallest.
    pub weakest: Vec<FoundPlace>,
}

impl ChannelBest {
    /// At an end.
    pub fn at(&self, end: End) -> &[FoundPlace] {
        match end {
            End::Strongest => &self.strongest,
            End::Weakest => &self.weakest,
        }
    }
}

/// A place, and what its cell sees.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundPlace {
    /// The cell's value.
    pub value: f32,
    /// Its row and column.
    pub cell: [usize; 2],
    /// What the picture is called.
    pub picture: String,
    /// What opens it.
    pub file: String,
    /// Its number, where that holds several.
    pub frame: Option<u64>,
    /// Width and height of the picture.
    pub size: [u32; 2],
    /// What of it the cell sees, as far as that lies in the part that the network sees: left, top, width, height, in whole
    /// pixels.
    #[serde(rename = "box")]
    pub area: [u32; 4],
    /// The middle of what the cell sees, in pixels from left and top; beyond the box's middle where its field leaves the picture.
    pub middle: [f32; 2],
}

/// What a cell of the network sees of a picture: the box in whole pixels ([left, top, width, height]), and the middle of its field.
pub fn seen(
    how: Preprocessing,
    field: ReceptiveField,
    cell: [usize; 2],
    size: [u32; 2],
    input: Shape,
) -> ([u32; 4], [f32; 2]) {
    let [top, left, bottom, right] = field.seen_by(cell, [input.height, input.width]);
    let [across, down] = how.axes(size, input);
    let along = |axis: Axis, from: usize, to: usize, length: u32| {
        let first = axis.place(from as f64).floor().clamp(0.0, f64::from(length.saturating_sub(1))) as u32;
        let end =
            axis.place(to as f64).ceil().clamp(f64::from(first) + 1.0, f64::from(length.max(first + 1)));
        (first, end as u32 - first)
    };
    let (x, width) = along(across, left, right, size[0]);
    let (y, height) = along(down, top, bottom, size[1]);
    let middle = |axis: usize| field.start_of(axis, cell[axis]) as f64 + field.size[axis] as f64 / 2.0;
    let middle = [across.place(middle(1)) as f32, down.place(middle(0)) as f32];
    ([x, y, width, height], middle)
}

impl<T> BestPart<T> {
    /// The document of these channels, after so many pictures were looked at.
    pub fn document(&self, channels: &[u32], pictures: u64) -> BestDocument {
        // The provenance has a fit for every input, whatever it came from.
        let how = Preprocessing { fit: self.run.provenance.fit.parse().ok(), ..Preprocessing::default() };
        let [channels_in, height, width] = self.run.provenance.input_shape;
        let input = Shape { channels: channels_in, height, width };
        let place = |place: &BestPlace| {
            let found = self.pictures.get(&place.picture)?;
            let (area, middle) = seen(how, self.receptive_field, place.cell, found.size, input);
            Some(FoundPlace {
                value: place.value,
                cell: place.cell,
                picture: found.picture.clone(),
                file: found.file.clone(),
                frame: found.frame,
                size: found.size,
                area,
                middle,
            })
        };
        let at = |channel: u32, end| self.places.of(channel as usize, end).iter().filter_map(place).collect();
        let of_channel = |&channel: &u32| ChannelBest {
            channel: channel as usize,
            strongest: at(channel, End::Strongest),
            weakest: at(channel, End::Weakest),
        };
        BestDocument {
            provenance: self.run.provenance.clone(),
            layer: self.layer.clone(),
            sources: self.run.sources.clone(),
            levels: self.run.levels.clone(),
            every: self.run.every,
            pictures,
            channels: channels.iter().map(of_channel).collect(),
        }
    }
}
