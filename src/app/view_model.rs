//! What the panels show beside the user's choices: results, status, rates. Plain data, built for each drawing.

use std::sync::Arc;
use std::time::Instant;

use super::cell::ExplainedCell;
use super::channel::ChannelValues;
use super::health::LayerMarks;
use super::lens::{Line, Look};
use super::state::{AppState, Basis, BestPatches};
use crate::engine::Model;
use crate::inspect::checkpoint::CheckpointSummary;
use crate::inspect::{Answer, Said};
use crate::model::labels::class_name;
use crate::model::{LayerIndex, Precision};
use crate::session::{Activations, Before, Moment, StageTimes, Status};

/// Everything shown that the user did not choose.
#[derive(Clone, Debug)]
pub struct ViewModel {
    /// The newest results.
    pub activations: Option<Arc<Activations>>,
    /// What the session says of itself.
    pub status: Status,
    /// Where the network runs and what draws: `CPU · drawn by llvmpipe`.
    pub device: Arc<str>,
    /// How fast it was lately.
    pub pace: Pace,
    /// What the columns of a comparison of networks show, from left to right; empty where none are compared.
    pub versions: Arc<[String]>,
    /// Principal components of the shown layer's cells, where they are shown.
    pub basis: Option<Arc<Basis>>,
    /// The best patches of the shown layer, where they are shown.
    pub best: Option<Arc<BestPatches>>,
    /// The health of the shown layer's channels, where it is to be marked.
    pub health: Option<Arc<LayerMarks>>,
    /// The frames that can be gone back to, while the view is frozen.
    pub moments: Arc<[Moment]>,
    /// The enlarged channel's map.
    pub channel: Option<ChannelValues>,
    /// How the cell of the enlarged map that is pointed at or marked is computed, where that is shown; or why not.
    pub explained: Option<Result<Arc<ExplainedCell>, String>>,
    /// Of the selected channel over the last seconds: seconds ago, mean, largest value.
    pub curve: Arc<[(f32, f32, f32)]>,
    /// The cell (row, column) of the enlarged map under the cursor.
    pub cell: Option<[usize; 2]>,
    /// The pixel (column, row) of the network's input under the cursor.
    pub pixel: Option<[u32; 2]>,
    /// What is said of what lies over the picture.
    pub over: Vec<Line>,
    /// What is said of the tiles that changes while they are shown.
    pub told: Option<String>,
    /// How far a download of weights is, while it runs.
    pub download: Option<String>,
    /// A message for a few seconds.
    pub toast: Option<String>,
    /// For how long a film has been recorded, while one is.
    pub recording: Option<String>,
    /// The checkpoints of the training that is followed, the oldest first.
    pub followed: Arc<[Arc<CheckpointSummary>]>,
    /// The time of this drawing.
    pub now: Instant,
}

/// What the surroundings of the view tell it for one layout.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// How far a download of weights is, while it runs.
    pub download: Option<String>,
    /// A message for a few seconds.
    pub toast: Option<String>,
    /// For how long a film has been recorded, while one is.
    pub recording: Option<String>,
    /// The checkpoints of the training that is followed, the oldest first.
    pub followed: Arc<[Arc<CheckpointSummary>]>,
}

/// Rates and times as the status line has them: of a moment, not of each frame, so that they can be read.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// Results a second, over the last seconds.
    pub fps: f32,
    /// Frames that were replaced by newer ones before the network was free.
    pub dropped: u64,
    /// How long the stages of a frame took.
    pub times: StageTimes,
    /// From the moment a frame was captured until its maps were there, in milliseconds.
    pub latency_ms: u64,
}

impl ViewModel {
    /// What lenses look at.
    pub fn look<'a>(&'a self, state: &'a AppState) -> Look<'a> {
        Look {
            layer: self.shown_layer(state),
            basis: self.basis.as_deref(),
            best: self.best.as_ref(),
            shown: self.activations.as_ref(),
            network: self.network(),
            labels: self.network().map_or(&state.labels, |network| &network.labels),
            is_still: state.time.frozen || !self.status.live,
            versions: &self.versions,
            pixel: self.pixel,
            ..state.look()
        }
    }

    /// The layer whose tiles are shown.
    pub fn shown_layer(&self, state: &AppState) -> LayerIndex {
        shown_layer(self.activations.as_deref(), state.place.layer)
    }

    /// The network that what is shown went through; before the first frame, the one that will run.
    pub fn network(&self) -> Option<&Model> {
        self.activations.as_ref().map(|shown| &shown.model).or(self.status.model.as_ref())
    }

    /// False where predictions mean nothing.
    pub fn trained(&self) -> bool {
        self.network().is_some_and(|model| model.weights.origin.is_trained())
    }

    /// The name of a class.
    pub fn class_name(&self, class: usize) -> String {
        class_name(self.network().map_or(&[], |network| &network.labels), class)
    }

    /// What the network says, where that was asked for and means something.
    pub fn answer(&self) -> Option<&Answer> {
        self.activations.as_ref().and_then(|shown| shown.answer.as_ref()).filter(|_| self.trained())
    }

    /// What the network says where nothing is done to it or its picture, while something is.
    pub fn before(&self) -> Option<&Before> {
        self.activations.as_ref().and_then(|shown| shown.before.as_ref()).filter(|_| self.trained())
    }

    /// The most probable classes, or the first numbers, with their names.
    pub fn top(&self, count: usize) -> Vec<(String, Said)> {
        let (Some(answer), Some(network)) = (self.answer(), self.network()) else { return vec![] };
        let places = answer.top(count).into_iter();
        places.map(|place| (answer.name(place, &network.labels), answer.said(place))).collect()
    }

    /// The same of what is most probable before or after an experiment: what it is before, and after.
    pub fn top_of_both(&self, count: usize) -> Vec<(String, Said, Said)> {
        let (Some(answer), Some(network), Some(before)) = (self.answer(), self.network(), self.before())
        else {
            return vec![];
        };
        let mut places = answer.top(count);
        places.extend(
            before.answer.top(count).into_iter().filter(|place| !places.contains(place)).collect::<Vec<_>>(),
        );
        if answer.is_probability() {
            let larger =
                |place: &usize| answer.said(*place).number().max(before.answer.said(*place).number());
            places.sort_by(|a, b| larger(b).total_cmp(&larger(a)));
        }
        places.truncate(count);
        let row =
            |place| (answer.name(place, &network.labels), before.answer.said(place), answer.said(place));
        places.into_iter().map(row).collect()
    }

    /// Rates and times in one line.
    pub fn status_line(&self, state: &AppState) -> String {
        let mut parts: Vec<_> = self.download.iter().cloned().collect();
        parts.push(self.device.to_string());
        if let Some(shown) = &self.activations {
            let Pace { fps, dropped, times, latency_ms } = self.pace;
            if fps > 0.0 {
                parts.push(format!("{fps:.1} fps"));
            }
            let numbers = match shown.model.weights.conventions.precision {
                Precision::F32 => "",
                Precision::F16 => " in f16",
            };
            parts.push(format!("network {:.0} ms{numbers}", times.network_ms));
            parts.push(format!("preprocess {:.1} ms", times.preprocess_ms));
            if times.statistics_ms > 0.0 {
                parts.push(format!("statistics {:.1} ms", times.statistics_ms));
            }
            if self.status.live && !state.time.frozen {
                parts.push(format!("latency {latency_ms} ms"));
            }
            parts.push(format!("{dropped} dropped"));
        }
        // The source may already be at the next picture.
        let shown = self.activations.as_ref().map(|shown| &shown.frame.frame.source);
        parts.push(shown.unwrap_or(&self.status.source).to_string());
        parts.retain(|part| !part.is_empty());
        parts.join(" · ")
    }
}

/// The layer whose tiles are shown: the chosen one, or the one before while that is computed.
pub fn shown_layer(activations: Option<&Activations>, chosen: LayerIndex) -> LayerIndex {
    let Some(shown) = activations.filter(|shown| shown.tap(chosen).is_none()) else { return chosen };
    shown.taps.first().map_or(chosen, |tap| tap.layer)
}
