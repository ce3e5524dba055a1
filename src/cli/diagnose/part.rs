//! What was collected of a set of pictures, or of a part of them.

use anyhow::{anyhow, bail};
use image::RgbImage;
use serde::{Deserialize, Serialize};

use crate::cli::share::Progress;
use crate::inspect::diagnosis::LayerExamination;
use crate::inspect::{LayerOutput, packed};
use crate::record::RunInfo;

/// [`DiagnosisPart::part`].
pub const DIAGNOSE: &str = "diagnose";

/// What was collected.
#[derive(Debug, Serialize, Deserialize)]
pub struct DiagnosisPart {
    /// Tells it from parts of other commands: [`DIAGNOSE`].
    pub part: String,
    /// The run that it is a part of.
    pub run: RunInfo,
    /// The weights as typed.
    pub weights: String,
    /// False where they are random.
    pub trained: bool,
    /// Which part of how many, and how far it has come.
    pub progress: Progress,
    /// What was collected of each layer.
    pub examined: Vec<LayerExamination>,
    /// The newest picture, whose maps the page shows.
    pub newest: Option<Newest>,
}

/// A picture and its maps.
#[derive(Debug, Serialize, Deserialize)]
pub struct Newest {
    /// Its place among all.
    place: u64,
    /// What it is called.
    pub name: String,
    size: [u32; 2],
    #[serde(with = "packed")]
    levels: Vec<u8>,
    /// Of each layer.
    pub outputs: Vec<LayerOutput>,
}

impl Newest {
    /// A picture as the network sees it, and what the layers made of it.
    pub fn new(place: u64, name: &str, seen: &RgbImage, outputs: Vec<LayerOutput>) -> Self {
        let (size, levels) = ([seen.width(), seen.height()], seen.as_raw().clone());
        Self { place, name: name.into(), size, levels, outputs }
    }

    /// The picture as the network sees it.
    ///
    /// # Errors
    /// Where the file was changed.
    pub fn seen(&self) -> anyhow::Result<RgbImage> {
        let [width, height] = self.size;
        RgbImage::from_raw(width, height, self.levels.clone())
            .ok_or_else(|| anyhow!("{}: not a picture", self.name))
    }
}

impl DiagnosisPart {
    /// True where all that it has fits together; a file may have been changed.
    pub fn is_sound(&self) -> bool {
        let fits = |newest: &Newest| {
            newest.outputs.len() == self.examined.len()
                && newest.outputs.iter().all(|output| output.values.len() == output.shape.len())
        };
        self.examined.iter().all(LayerExamination::is_sound) && self.newest.as_ref().is_none_or(fits)
    }

    /// Adds what was collected of other pictures.
    ///
    /// # Errors
    /// Where it is of another network or of other layers.
    pub fn join(&mut self, other: Self) -> anyhow::Result<()> {
        let place = |newest: &Option<Newest>| newest.as_ref().map(|newest| newest.place);
        let is_later = place(&other.newest) > place(&self.newest);
        let is_same = self.run.is_same(&other.run)
            && self.trained == other.trained
            && self.examined.len() == other.examined.len()
            && other.is_sound()
            && self.examined.iter_mut().zip(&other.examined).all(|(own, other)| own.join(other, is_later));
        if !is_same {
            bail!(
                "they are parts of different runs: network, layers, pictures and how they are read must be the same"
            );
        }
        if is_later {
            self.newest = other.newest;
        }
        self.progress.tally.join(other.progress.tally);
        Ok(())
    }
}
