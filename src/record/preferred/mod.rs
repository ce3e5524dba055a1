//! Pictures that units prefer: grown once, then kept in the cache folder with everything they depend on.

mod file;
mod store;
#[cfg(test)]
mod tests;

use crate::engine::{Engine, EngineError};
use crate::frame::{Frame, PixelFormat};
use crate::gpu::Preprocessing;
use crate::inspect::TraceOrigin;
use crate::model::{Rule, Trace, Unit};
use crate::prefer::{Growth, Settings, climbed};
use crate::record::{Provenance, SaveError};

pub use file::{Preferred, PreferredInfo};
pub use store::PreferredStore;

/// A picture that is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct PreferredRequest {
    /// Which units, with their signs.
    pub origin: TraceOrigin,
    /// How it is to grow.
    pub settings: Settings,
}

/// How a picture came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// It was in the cache.
    Found,
    /// It has grown now.
    Grown,
    /// It has not grown to its end.
    Stopped,
}

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PreferredError {
    /// No unit that a picture could be made for.
    #[error("which class is on top depends on the picture: name one, as in class:0")]
    NoUnit,
    /// Every gradient is zero.
    #[error("no change of the picture changes {0}: there is nothing to climb on")]
    Flat(String),
    /// The network.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cache folder.
    #[error("in the cache folder, {0}")]
    Save(#[from] SaveError),
    /// A picture without a file.
    #[error("{0}")]
    Encode(String),
}

impl PreferredRequest {
    /// The picture: from the cache, or grown from where it was left. After each step `each` sees how far it is, with the units'
    /// value in what the network saw; where it says false, the picture is left as it is then, and the next call goes on there.
    ///
    /// # Errors
    /// [`PreferredError`].
    pub fn fulfil(
        &self,
        engine: &mut Engine,
        store: &PreferredStore,
        each: &mut dyn FnMut(&Growth, f32) -> bool,
    ) -> Result<(Preferred, Came), PreferredError> {
        let graph = engine.graph().clone();
        let units = self.origin.units(&graph, engine.labels().len()).ok_or(PreferredError::NoUnit)?;
        let key = store::key(&graph, engine.weights(), &units, &self.settings);
        if let Some(found) = store.find(&key) {
            return Ok((found, Came::Found));
        }
        let scale = engine.weights().conventions.input_scale;
        let mut growth = Growth::new(self.settings, graph.input_shape(), scale);
        let first = values(engine, &units, &growth)?;
        if let Some(state) = store.unfinished(&key) {
            growth.resume(&state);
        }
        let mut goes_on = true;
        while growth.grows() && goes_on {
            let Some(seen) = engine.grow(&mut growth, &units)? else {
                return Err(PreferredError::Flat(self.origin.in_words(&graph, engine.labels())));
            };
            goes_on = each(&growth, seen);
        }
        let last = values(engine, &units, &growth)?;
        let provenance = Provenance::new(&graph, engine.weights(), Preprocessing::default());
        let origin = self.origin.info(&graph, engine.labels());
        let info = PreferredInfo::new(&provenance, &origin, &growth, first, last);
        let info = info.map_err(|error| PreferredError::Encode(error.to_string()))?;
        let preferred = Preferred::new(&growth, info).map_err(PreferredError::Encode)?;
        if growth.grows() {
            store.leave(&key, &growth)?;
            return Ok((preferred, Came::Stopped));
        }
        store.keep(&key, &preferred)?;
        Ok((preferred, Came::Grown))
    }
}

/// What the units say of the picture itself, in the levels that it has in its file; and what was climbed on.
fn values(engine: &mut Engine, units: &[Unit], growth: &Growth) -> Result<[f32; 2], PreferredError> {
    let [height, width] = growth.settings().size.map(|side| side as u32);
    let frame = Frame::new(0, (width, height), PixelFormat::Rgb8, &growth.levels(), "preferred".into());
    let frame = frame.map_err(|error| PreferredError::Encode(error.to_string()))?;
    let climbed = units.iter().map(|unit| climbed(engine.graph(), *unit)).collect();
    let trace = |from: Vec<Unit>| Trace { from, rule: Rule::Gradient, wanted: vec![] };
    let traces = [trace(units.to_vec()), trace(climbed)];
    let (_, traced) = engine.trace(&frame, Preprocessing::default(), &[], &traces)?;
    Ok([0, 1].map(|which| traced.get(which).map(|traced| traced.value).unwrap_or_default()))
}
