//! The mean of each channel over the frames of the session. Main thread.

use crate::view::number;
use std::collections::BTreeMap;

use crate::model::LayerIndex;
use crate::session::Activations;

/// Of each layer that was seen: sums of its channels' means, over so many frames, and which frame was the last.
#[derive(Debug, Default)]
pub struct SessionMeans(BTreeMap<LayerIndex, (Vec<f64>, usize, u64)>);

impl SessionMeans {
    /// Adds what a frame says of the layers that were tapped. A frame that is processed again counts once.
    pub fn observe(&mut self, shown: &Activations) {
        let frame = shown.frame.frame.id;
        for tap in &shown.taps {
            let channels = tap.map.shape.channels;
            let (sums, frames, last) =
                self.0.entry(tap.layer).or_insert_with(|| (vec![0.0; channels], 0, u64::MAX));
            let means = tap.channel_statistics.iter().take(channels);
            if *last == frame || sums.len() != channels || means.clone().any(|own| !own.mean.is_finite()) {
                continue;
            }
            (*frames, *last) = (*frames + 1, frame);
            sums.iter_mut().zip(means).for_each(|(sum, own)| *sum += f64::from(own.mean));
        }
    }

    /// A channel's mean, and over how many frames it is.
    pub fn of(&self, layer: LayerIndex, channel: usize) -> Option<(f32, usize)> {
        let (sums, frames, _) = self.0.get(&layer).filter(|(_, frames, _)| *frames > 0)?;
        Some(((sums.get(channel)? / *frames as f64) as f32, *frames))
    }
}

/// What is said of a channel that is set to its mean.
pub(super) fn in_words(channel: usize, mean: f32, frames: usize) -> String {
    let over = if frames == 1 { "this frame".into() } else { format!("{frames} frames") };
    format!("Channel {channel} is {} everywhere: its mean over {over}.", number(mean))
}
