//! Colours from 0 to 1 as the values that a network takes.

use crate::model::{InputColors, InputScale, Shape};

/// What a network's input makes of colours, channel by channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reach {
    order: InputColors,
    black: [f32; 3],
    white: [f32; 3],
}

impl Reach {
    /// Of a network with this input.
    pub fn new(scale: InputScale, input: Shape) -> Self {
        let (black, white) = scale.ends();
        Self { order: scale.colors(input.channels), black, white }
    }

    /// The input's values, of planes of red, green and blue, or of brightness alone.
    pub fn to_input(self, planes: &[f32]) -> Vec<f32> {
        let value = |channel: usize, color: f32| {
            self.black[channel] + (self.white[channel] - self.black[channel]) * color
        };
        self.change(planes, value)
    }

    /// The gradient with respect to the planes, of that with respect to the input.
    pub fn back(self, gradient: &[f32]) -> Vec<f32> {
        // Red and blue change places: to do so again is the reverse. Both have the same distance between black and white.
        self.change(gradient, |channel, part| (self.white[channel] - self.black[channel]) * part)
    }

    fn change(self, planes: &[f32], change: impl Fn(usize, f32) -> f32) -> Vec<f32> {
        let channels = if self.order == InputColors::Grey { 1 } else { 3 };
        let plane = planes.len() / channels;
        let order = self.order.order([0, 1, 2]);
        let channel = |channel: usize| {
            planes[order[channel] * plane..][..plane].iter().map(move |value| (channel, *value))
        };
        (0..channels).flat_map(channel).map(|(channel, value)| change(channel, value)).collect()
    }
}
