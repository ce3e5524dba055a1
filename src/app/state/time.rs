//! Which frame is looked at: the newest one, or one that was kept. Pure.

use crate::session::{HeldFrame, Moment};

/// Frozen, past and held frames.
#[derive(Clone, Debug, Default)]
pub struct Time {
    /// The frame stays.
    pub frozen: bool,
    /// While frozen: the frame of the history that is looked at.
    pub past: Option<u64>,
    /// The frame that the others are compared with.
    pub held: Option<HeldFrame>,
}

impl Time {
    /// Keeps the frame that is shown, or goes on.
    pub fn toggle_frozen(&mut self) {
        (self.frozen, self.past) = (!self.frozen, None);
    }

    /// Goes on with the newest frame.
    pub fn unfreeze(&mut self) {
        (self.frozen, self.past) = (false, None);
    }

    /// Freezes at this frame of the history.
    pub fn go_to(&mut self, moment: u64) {
        (self.frozen, self.past) = (true, Some(moment));
    }

    /// Freezes and looks at another of these frames, the oldest first: `by` away from `shown`.
    pub fn rewind(&mut self, by: i64, shown: u64, moments: &[Moment]) {
        let Some(place) = moments.iter().position(|moment| moment.id == shown) else { return };
        let place = place.saturating_add_signed(by as isize).min(moments.len() - 1);
        self.go_to(moments[place].id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn the_past_has_two_ends_and_going_on_leaves_it() {
        let moments: Vec<_> = (5..9).map(|id| Moment { id, captured: Instant::now() }).collect();
        let mut time = Time::default();
        time.rewind(-1, 8, &moments);
        assert_eq!((time.frozen, time.past), (true, Some(7)));
        time.rewind(-9, 7, &moments);
        assert_eq!(time.past, Some(5));
        time.rewind(99, 5, &moments);
        assert_eq!(time.past, Some(8));
        time.rewind(1, 77, &moments);
        assert_eq!(time.past, Some(8), "a frame that is forgotten leads nowhere");
        time.toggle_frozen();
        assert_eq!((time.frozen, time.past), (false, None));
    }
}
