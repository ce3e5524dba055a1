//! Pictures that units prefer, grown step by step.

use super::{Engine, EngineError};
use crate::model::{Form, Rule, Trace, Unit};
use crate::network::input_from_values;
use crate::prefer::{Growth, climbed};

impl Engine {
    /// One step of a picture towards what makes the weighted sum of these units large. Says how large it was in what the network
    /// saw; `None` where the units depend on nothing in the picture.
    ///
    /// # Errors
    /// Where the device failed.
    pub fn grow(&mut self, growth: &mut Growth, units: &[Unit]) -> Result<Option<f32>, EngineError> {
        let shape = self.graph().input_shape();
        let from: Vec<_> = units.iter().map(|unit| climbed(self.graph(), *unit)).collect();
        let view = growth.view();
        // While all is silent, what would wake it is let through.
        for rule in [Rule::Gradient, Rule::Deconvolution] {
            let trace = Trace { from: from.clone(), rule, wanted: vec![(0, Form::Gradient)] };
            let input = input_from_values(view.clone(), shape, self.network.device());
            let (_, traced) =
                self.network.run_traced(input, &[], std::slice::from_ref(&trace), &mut |_, _| {});
            let Some(traced) = traced.into_iter().next() else { break };
            let found = self.traced(&trace, traced)?;
            let gradient = found.outputs.first().map(|output| output.values.as_slice()).unwrap_or_default();
            if gradient.iter().any(|part| *part != 0.0) {
                growth.learn(gradient);
                return Ok(Some(found.value));
            }
        }
        Ok(None)
    }
}
