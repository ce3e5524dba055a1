//! What was found in pictures so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inspect::best::BestPlaces;
use crate::model::ReceptiveField;
use crate::record::{LayerInfo, RunInfo};

/// A picture in which something was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FoundPicture {
    /// What it is called.
    pub picture: String,
    /// What opens it: the file that it is (in), or what makes it.
    pub file: String,
    /// Its number, where that holds several.
    pub frame: Option<u64>,
    /// Width and height.
    pub size: [u32; 2],
}

/// [`BestPart::part`].
pub const BEST: &str = "best";

/// What was found in the pictures of a run, or of a part of it. `T` is what the run knows of how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestPart<T> {
    /// Tells it from parts of other commands: [`BEST`].
    pub part: String,
    /// The run that it is a part of.
    pub run: RunInfo,
    /// Which layer.
    pub layer: LayerInfo,
    /// What one of its cells sees.
    pub receptive_field: ReceptiveField,
    /// How far the run has come.
    pub progress: T,
    /// Those in which something was found, by their places among all.
    pub pictures: BTreeMap<u64, FoundPicture>,
    /// What was found.
    pub places: BestPlaces,
}

impl<T> BestPart<T> {
    /// Forgets pictures in which nothing is any more, once they are many.
    pub fn tidy(&mut self, at_most: usize) {
        if self.pictures.len() > at_most {
            let kept = self.places.pictures();
            self.pictures.retain(|picture, _| kept.contains(picture));
        }
    }

    /// True where both were found by the same network at the same layer in the same pictures.
    pub fn is_alike<U>(&self, other: &BestPart<U>) -> bool {
        self.run.is_same(&other.run)
            && self.layer == other.layer
            && self.places.channels() == other.places.channels()
    }

    /// Adds what was found in other pictures of the same run.
    pub fn join<U>(&mut self, other: BestPart<U>) {
        self.places.join(&other.places);
        self.pictures.extend(other.pictures);
        self.tidy(0);
    }
}
