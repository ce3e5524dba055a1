//! The input frames of the last moments, so that the view can go back to them. The inference thread adds; whoever looks
//! asks what there is.

use std::collections::VecDeque;
use std::time::Instant;

use crate::frame::Frame;

/// However many frames are asked for, they take no more than this.
pub const MOST_BYTES: usize = 256 << 20;

/// A frame that can be gone back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// Its number.
    pub id: u64,
    /// When it came.
    pub captured: Instant,
}

/// The newest frames that went through the network.
#[derive(Debug)]
pub struct History {
    frames: VecDeque<Frame>,
    bytes: usize,
    most_frames: usize,
    most_bytes: usize,
}

impl History {
    /// Keeps so many frames, as long as they take no more than [`MOST_BYTES`].
    pub fn new(most_frames: usize) -> Self {
        Self { frames: VecDeque::new(), bytes: 0, most_frames, most_bytes: MOST_BYTES }
    }

    /// Adds a frame and forgets the oldest ones that are too many.
    pub fn push(&mut self, frame: Frame) {
        if self.frames.back().is_some_and(|last| last.id == frame.id) {
            return;
        }
        self.bytes += frame.bytes.len();
        self.frames.push_back(frame);
        while self.frames.len() > self.most_frames || self.bytes > self.most_bytes {
            let Some(oldest) = self.frames.pop_front() else { break };
            self.bytes -= oldest.bytes.len();
        }
    }

    /// The frame of this number, if it is still there.
    pub fn find(&self, id: u64) -> Option<Frame> {
        self.frames.iter().find(|frame| frame.id == id).cloned()
    }

    /// All frames that can be gone back to, the oldest first.
    pub fn moments(&self) -> Vec<Moment> {
        self.frames.iter().map(|frame| Moment { id: frame.id, captured: frame.captured }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::PixelFormat;

    fn frame(id: u64) -> Frame {
        Frame::new(id, (2, 2), PixelFormat::Rgb8, &[0; 12], "t".into()).unwrap()
    }

    #[test]
    fn the_oldest_frames_are_forgotten_by_number_and_by_size() {
        let mut history = History::new(3);
        for id in [1, 2, 2, 3, 4] {
            history.push(frame(id));
        }
        let ids = |history: &History| history.moments().iter().map(|moment| moment.id).collect::<Vec<_>>();
        assert_eq!(ids(&history), [2, 3, 4]);
        assert!(history.find(1).is_none() && history.find(3).is_some());
        history.most_bytes = 24;
        history.push(frame(5));
        assert_eq!((ids(&history), history.bytes), (vec![4, 5], 24));
        let mut none = History::new(0);
        none.push(frame(1));
        assert_eq!(none.moments(), []);
    }
}
