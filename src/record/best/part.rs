//! What was found in pictures so far.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::inspect::best::BestPlaces;
use crate::model::ReceptiveField;
use crate::record::{LayerInfo, Provenance};

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

/// What was found in the pictures of a run, or of a part of it. `T` is what the run knows of how far it has come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BestPart<T> {
    /// The network, and how pictures become its input.
    pub provenance: Provenance,
    /// Which layer.
    pub layer: LayerInfo,
    /// What one of its cells sees.
    pub receptive_field: ReceptiveField,
    /// As typed.
    pub sources: Vec<String>,
    /// `--levels`, where it was said.
    pub levels: Option<String>,
    /// `--every`
    pub every: u32,
    /// `--frames`, where it was said.
    pub frames: Option<u64>,
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

    /// True where both were found by the same network at the same layer in the same pictures. The weights may lie elsewhere.
    pub fn is_alike<U>(&self, other: &BestPart<U>) -> bool {
        let mut theirs = other.provenance.clone();
        if theirs.weights_sha256.is_some() {
            theirs.weights.clone_from(&self.provenance.weights);
        }
        self.provenance == theirs
            && self.layer == other.layer
            && self.sources == other.sources
            && (&self.levels, self.every, self.frames) == (&other.levels, other.every, other.frames)
    }

    /// Adds what was found in other pictures of the same run.
    pub fn join<U>(&mut self, other: BestPart<U>) {
        self.places.join(&other.places);
        self.pictures.extend(other.pictures);
        self.tidy(0);
    }
}
