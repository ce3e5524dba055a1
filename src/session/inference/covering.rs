//! What a unit says with each place of a frame covered, while that frame stands still.

use std::time::{Duration, Instant};

use crate::gpu::Preprocessing;
use crate::inspect::{Answer, Experiment, Places, coarse_first};
use crate::model::{InputScale, Place};
use crate::network::{Network, Occluding, input_from_values, values};
use crate::session::activations::Occluded;
use crate::session::request::{Occlusion, Request};

/// How long places are covered before what came of it is shown.
const SHOWN_EVERY: Duration = Duration::from_millis(400);

/// What the result depends on.
type Of = (u64, Occlusion, Preprocessing, Experiment);

/// What is known of one frame so far.
#[derive(Default)]
pub(super) struct Covering {
    of: Option<Of>,
    places: Option<Places>,
    occluding: Option<Occluding>,
}

fn of(frame: u64, request: &Request) -> Option<Of> {
    let asked = request.occlusion.clone()?;
    Some((frame, asked, request.how, request.experiment.clone()))
}

impl Covering {
    /// True where not all places of this frame were covered.
    pub fn is_unfinished(&self, frame: u64, request: &Request) -> bool {
        let Some(wanted) = of(frame, request) else { return false };
        let is_open = |own: &Occluding| own.done() < own.scores().len();
        self.of.as_ref() != Some(&wanted) || self.occluding.as_ref().is_some_and(is_open)
    }

    /// Covers places for a while. `input`: the values of the network's input, in `scale`; `names`: how many classes have names.
    ///
    /// # Errors
    /// The backend's message.
    pub fn go_on(
        &mut self,
        network: &mut Network,
        frame: u64,
        request: &Request,
        (input, scale, names): (impl FnOnce() -> Vec<f32>, InputScale, usize),
    ) -> Result<Option<Occluded>, String> {
        let Some(wanted) = of(frame, request) else {
            *self = Self::default();
            return Ok(None);
        };
        if self.of.as_ref() != Some(&wanted) {
            let (asked, shape, input) = (&wanted.1, network.graph().input_shape(), input());
            let places = Places::evenly(shape, asked.size, asked.places);
            let filled = asked.fill.picture(&input, shape, scale, asked.size);
            let mut unit = Some(asked.unit);
            if let (Place::Top, Some(answer)) = (asked.unit.place, network.graph().answer()) {
                let tensor = input_from_values(input.clone(), shape, network.device());
                let said = network.run(tensor, &[answer.layer], &mut |_, _| {}).pop();
                let said = said.map_or(Ok(vec![]), values)?;
                let class = Answer::new(&said, answer.meaning, names).top(1).first().copied();
                unit = class.and_then(|class| network.graph().class_unit(class, names));
            }
            let where_ = (places.areas(), coarse_first(places.grid()));
            self.occluding = match unit {
                Some(unit) => Some(Occluding::new(network, (input, filled), where_, &unit)?),
                None => None,
            };
            (self.of, self.places) = (Some(wanted), Some(places));
        }
        let (Some(occluding), Some(places)) = (&mut self.occluding, &self.places) else { return Ok(None) };
        let start = Instant::now();
        while occluding.done() < occluding.scores().len() && start.elapsed() < SHOWN_EVERY {
            occluding.step(network)?;
        }
        let usual = occluding.usual();
        let falls: Vec<_> = occluding.scores().iter().map(|score| score.map(|score| usual - score)).collect();
        let complete = places.complete(&falls);
        Ok(Some(Occluded {
            done: occluding.done(),
            grid: places.grid(),
            usual,
            map: places.map(&complete).into(),
            falls: complete.into(),
        }))
    }
}
