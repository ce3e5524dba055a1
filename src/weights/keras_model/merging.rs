//! Several values that become one: joined, or combined by arithmetic.

use super::assembly::Assembly;
use super::calls::Argument;
use super::values::{Site, Stop, Value, Wanted, broadcast};
use crate::model::{Arithmetic, Op};
use crate::weights::file::ReadError;

impl Assembly<'_, '_, '_> {
    /// Several values joined along an axis of Keras.
    pub fn concatenate(&mut self, site: &Site<'_, '_>, axis: i64) -> Result<Value, Stop> {
        let inputs: Vec<&Value> = site.inputs.iter().collect();
        let [first, others @ ..] = &inputs[..] else { return Err(Stop::Unknown("joins nothing".into())) };
        let rank = first.sides.len() as i64;
        let place = if axis < 0 { axis + rank } else { axis - 1 };
        let graph_axis = self.axis(first, axis);
        let (Some(graph_axis), Ok(place)) = (graph_axis, usize::try_from(place)) else {
            return Err(Stop::Unknown(format!("joins along axis {axis} of {:?}", first.sides)));
        };
        let mut sides = first.sides.clone();
        for other in others {
            if other.sides.len() != sides.len() {
                return Err(Stop::Wrong(misfit(site, &sides, &other.sides)));
            }
            sides[place] = sides[place].saturating_add(other.sides[place]);
        }
        self.push(site, "", &inputs, Wanted { sides: Some(sides), ..Wanted::new(Op::Concat(graph_axis)) })
    }

    /// Arithmetic of several values.
    pub fn merge(&mut self, site: &Site<'_, '_>, arithmetic: Arithmetic) -> Result<Value, Stop> {
        let is_number =
            |argument: &Argument<'_>| matches!(argument, Argument::Constant(value) if value.is_number());
        if site.call.arguments.iter().any(is_number) {
            return Err(Stop::Unknown("combines values with a number, which this layer does not".into()));
        }
        let inputs: Vec<&Value> = site.inputs.iter().collect();
        self.arithmetic(site, &inputs, arithmetic)
    }

    pub fn arithmetic(
        &mut self,
        site: &Site<'_, '_>,
        inputs: &[&Value],
        arithmetic: Arithmetic,
    ) -> Result<Value, Stop> {
        let [first, others @ ..] = inputs else { return Err(Stop::Unknown("combines nothing".into())) };
        let mut sides = first.sides.clone();
        for other in others {
            sides = broadcast(&sides, &other.sides)
                .ok_or_else(|| Stop::Wrong(misfit(site, &sides, &other.sides)))?;
        }
        self.push(site, "", inputs, Wanted { sides: Some(sides), ..Wanted::new(Op::Arithmetic(arithmetic)) })
    }
}

fn misfit(site: &Site<'_, '_>, a: &[usize], b: &[usize]) -> ReadError {
    ReadError(format!("`{}` puts {a:?} and {b:?} together, which do not fit; save the model anew", site.name))
}
