//! What is done to the network and its picture. Pure.

use crate::gpu::Preprocessing;
use crate::inspect::{Cover, Experiment, Fill, Kind};
use crate::model::{LayerIndex, Shape};

/// What can be tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trial {
    /// This is done to the selected channel, or no longer.
    Change(Kind),
    /// The selected channel has its mean over the session everywhere, or no longer.
    Mean,
    /// A square covers the picture where the mouse points, or no longer.
    Cover,
    /// It is filled with this.
    Fill(Fill),
    /// It is larger by a half.
    LargerCover,
    /// It is smaller by a third.
    SmallerCover,
    /// Everything is as usual again.
    Clear,
}

/// Experiments, as they were chosen.
#[derive(Clone, Debug, Default)]
pub struct ExperimentState {
    /// What is done now.
    pub chosen: Experiment,
}

impl ExperimentState {
    /// Tries something. `selected`: the shown layer and its selected channel; `how` a picture becomes the network's input, which
    /// has the shape `input`. The channel whose mean over the session is to be looked up and set ([`ExperimentState::set`]).
    pub fn apply(
        &mut self,
        trial: Trial,
        selected: Option<(LayerIndex, usize)>,
        how: &mut Preprocessing,
        input: Shape,
    ) -> Option<(LayerIndex, usize)> {
        let chosen = &mut self.chosen;
        let side = input.height.min(input.width).max(1);
        match (trial, selected) {
            (Trial::Change(kind), Some((layer, channel))) => chosen.toggle(layer, channel, kind),
            (Trial::Mean, Some((layer, channel))) => {
                let own = chosen.of(layer, channel).map(|own| own.kind);
                match own {
                    Some(kind @ Kind::Set(_)) => chosen.toggle(layer, channel, kind),
                    _ => return selected,
                }
            }
            (Trial::Change(_) | Trial::Mean, None) => {}
            (Trial::Cover, _) => {
                chosen.cover = match chosen.cover {
                    Some(_) => None,
                    None => Some(usual(input)),
                }
            }
            (Trial::Fill(fill), _) => {
                chosen.cover = Some(Cover { fill, ..chosen.cover.unwrap_or(usual(input)) });
            }
            (Trial::LargerCover, _) => {
                let cover = chosen.cover.unwrap_or(usual(input));
                chosen.cover = Some(Cover { size: (cover.size * 3).div_ceil(2).min(side), ..cover });
            }
            (Trial::SmallerCover, _) => {
                let cover = chosen.cover.unwrap_or(usual(input));
                chosen.cover = Some(Cover { size: (cover.size * 2 / 3).max(1), ..cover });
            }
            (Trial::Clear, _) => (*chosen, *how) = (Experiment::default(), how.usual()),
        }
        None
    }

    /// Sets a channel to a value everywhere.
    pub fn set(&mut self, layer: LayerIndex, channel: usize, value: f32) {
        self.chosen.toggle(layer, channel, Kind::Set(value));
    }

    /// The square follows what is pointed at: parts of the picture's width and height.
    pub fn follow(&mut self, at: Option<[f32; 2]>) {
        if let (Some(cover), Some(at)) = (&mut self.chosen.cover, at) {
            cover.at = at;
        }
    }

    /// Channels of another network mean something else.
    pub fn adopt(&mut self) {
        self.chosen.interventions.clear();
    }
}

/// In the middle of the picture.
fn usual(input: Shape) -> Cover {
    Cover { at: [0.5, 0.5], size: Cover::usual_size(input), fill: Fill::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_tried_twice_is_let_go_and_one_key_clears_all() {
        let input = Shape { channels: 3, height: 299, width: 299 };
        let mut state = ExperimentState::default();
        let how = &mut Preprocessing::default();
        let selected = Some((40, 3));
        assert!(state.apply(Trial::Change(Kind::Muted), selected, how, input).is_none());
        assert_eq!(state.apply(Trial::Mean, selected, how, input), selected);
        state.set(40, 3, 0.25);
        assert_eq!(state.chosen.of(40, 3).map(|own| own.kind), Some(Kind::Set(0.25)));
        assert!(state.apply(Trial::Mean, selected, how, input).is_none());
        assert!(state.chosen.is_empty());
        state.apply(Trial::Cover, selected, how, input);
        state.apply(Trial::LargerCover, selected, how, input);
        state.follow(Some([0.25, 0.75]));
        state.follow(None);
        let cover = Cover { at: [0.25, 0.75], size: 48, fill: Fill::Grey };
        assert_eq!(state.chosen.cover, Some(cover));
        state.apply(Trial::Change(Kind::Alone), selected, how, input);
        state.apply(Trial::Clear, None, how, input);
        assert!(state.chosen.is_empty());
        state.apply(Trial::Change(Kind::Muted), None, how, input);
        assert!(state.chosen.is_empty(), "where no channel is selected nothing happens");
    }
}
