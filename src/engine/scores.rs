//! A class's score, or another unit's value, where something is done to the network or its picture.

use super::{Engine, EngineError};
use crate::frame::Frame;
use crate::gpu::{Preprocessing, twin};
use crate::inspect::{Fill, Places, coarse_first};
use crate::model::{Change, Edit, LayerIndex, Unit};
use crate::network::Occluding;

/// A unit's value as usual, and with something done: for each channel, or place.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    /// Where nothing is done.
    pub usual: f32,
    /// One for each that was asked for.
    pub changed: Vec<f32>,
}

impl Engine {
    /// A unit's value with each of these channels of a layer changed by itself: computed from the layer on. `progress` is told
    /// how many are done.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn ablate(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        (layer, channels, change): (LayerIndex, &[usize], Change),
        unit: &Unit,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Scores, EngineError> {
        let input = self.input(frame, how)?;
        let taps = self.network.score_taps(unit);
        let (stored, outputs) = self.network.store(input, &[layer], &taps);
        let usual = self.network.score(unit, outputs).map_err(EngineError::new)?;
        let mut changed = Vec::with_capacity(channels.len());
        for group in channels.chunks(rayon::current_num_threads().max(1)) {
            let variants = group.iter().map(|&channel| vec![Edit { layer, channel, change }]);
            let variants: Vec<_> = variants.collect();
            let scores = self.network.stored_scores(unit, &stored, &variants);
            changed.extend(scores.map_err(EngineError::new)?);
            progress(changed.len());
        }
        Ok(Scores { usual, changed })
    }

    /// A unit's value with a square over each of these places of the picture by itself, in the places' order. `progress` is told
    /// how many are done.
    ///
    /// # Errors
    /// Where the device failed or cannot hold the frame.
    pub fn occlude(
        &mut self,
        frame: &Frame,
        how: Preprocessing,
        (places, fill): (&Places, Fill),
        unit: &Unit,
        progress: &mut dyn FnMut(usize),
    ) -> Result<Scores, EngineError> {
        let shape = self.model.graph.input_shape();
        let scale = self.model.weights.conventions.input_scale;
        let input = twin::preprocess(frame, how, scale, shape);
        let filled = fill.picture(&input, shape, scale, places.size());
        let occluding = Occluding::new(
            &mut self.network,
            (input, filled),
            (places.areas(), coarse_first(places.grid())),
            unit,
        );
        let mut occluding = occluding.map_err(EngineError::new)?;
        while occluding.step(&mut self.network).map_err(EngineError::new)? {
            progress(occluding.done());
        }
        let changed = occluding.scores().iter().map(|score| score.unwrap_or(f32::NAN)).collect();
        Ok(Scores { usual: occluding.usual(), changed })
    }
}
