//! What was done in a recorded session, done again. Pure.

use std::sync::Arc;

use super::keys::Action;
use crate::journal::Done;

/// Actions, each behind the frame that was shown when it was done.
#[derive(Clone, Debug, Default)]
pub struct Player {
    done: Arc<[(Option<u64>, Action)]>,
    next: usize,
    last: Option<u64>,
}

impl Player {
    /// Of what a journal says; beside it how much of that this version does not know.
    pub fn new(done: &[Done]) -> (Self, usize) {
        let read = |done: &Done| Some((done.shown, Action::read(&done.action)?));
        let known: Arc<[_]> = done.iter().filter_map(read).collect();
        let unknown = done.len() - known.len();
        (Self { done: known, next: 0, last: None }, unknown)
    }

    /// The same, staying at the layer that is chosen now.
    pub fn staying(self) -> Self {
        let moves = |action: &Action| {
            matches!(
                action,
                Action::PreviousLayer
                    | Action::NextLayer
                    | Action::PreviousStage
                    | Action::NextStage
                    | Action::Layer(_)
                    | Action::Stage(_)
            )
        };
        Self { done: self.done.iter().filter(|(_, action)| !moves(action)).copied().collect(), ..self }
    }

    /// True where someone went back to this frame: what was done is to be done again from the beginning.
    pub fn goes_back(&mut self, frame: u64) -> bool {
        let back = self.last.replace(frame).is_some_and(|last| frame < last);
        if back {
            self.next = 0;
        }
        back
    }

    /// The next thing that was done by the time this frame was shown.
    pub fn due(&mut self, frame: u64) -> Option<Action> {
        let (_, action) =
            self.done.get(self.next).filter(|(shown, _)| shown.is_none_or(|shown| shown <= frame))?;
        self.next += 1;
        Some(*action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_come_behind_the_frames_that_were_shown() {
        let done = |shown, action: &str| Done { shown, action: action.into() };
        let all = [
            done(None, "health"),
            done(Some(2), "next-layer"),
            done(Some(2), "not of this version"),
            done(Some(5), "layer 7"),
        ];
        let (mut player, unknown) = Player::new(&all);
        assert_eq!(unknown, 1);
        let mut at = |frame| {
            let back = player.goes_back(frame);
            (back, std::iter::from_fn(|| player.due(frame)).collect::<Vec<_>>())
        };
        assert_eq!(at(0), (false, vec![Action::ToggleHealth]));
        assert_eq!(at(1), (false, vec![]));
        assert_eq!(at(6), (false, vec![Action::NextLayer, Action::Layer(7)]));
        assert_eq!(at(3), (true, vec![Action::ToggleHealth, Action::NextLayer]));
        let mut stays = Player::new(&all).0.staying();
        assert_eq!((stays.due(9), stays.due(9)), (Some(Action::ToggleHealth), None));
    }
}
