//! Kernels as Theano kept them.

use super::tensor::{Tensor, transposed, transposed_blocks};
use super::topology::Model;
use super::variable_names::variable_names;
use super::variables::Variables;
use crate::weights::file::ReadError;

/// How Theano kept kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Theano {
    /// `[outputs, inputs, rows, columns]`.
    pub is_outputs_first: bool,
    /// Rows and columns backwards.
    pub is_turned: bool,
}

impl Theano {
    /// A kernel `[rows, columns, inputs, outputs]`.
    pub fn undone(self, tensor: Tensor) -> Tensor {
        let Tensor { mut sides, mut values } = tensor;
        if sides.len() != 4 {
            return Tensor { sides, values };
        }
        if self.is_outputs_first {
            values = transposed(&values, sides[0] * sides[1], sides[2] * sides[3]);
            let inputs = transposed_blocks(&values, sides[2] * sides[3], sides[0], sides[1]);
            (sides, values) = (vec![sides[2], sides[3], sides[1], sides[0]], inputs);
        }
        if self.is_turned {
            let cell = sides[2] * sides[3];
            values = values.chunks_exact(cell.max(1)).rev().flatten().copied().collect();
        }
        Tensor { sides, values }
    }
}

/// Whether kernels of this file have their outputs first: some do not fit otherwise. Those that Keras 1 wrote
/// with TensorFlow are not turned, those that were converted later are.
pub(super) fn theano(
    model: &Model<'_>,
    variables: &Variables<'_, '_>,
    told: Theano,
    is_keras1: bool,
) -> Result<Theano, ReadError> {
    for layer in &model.layers {
        if let Some(inner) = &layer.model {
            let found = theano(inner, variables, told, is_keras1)?;
            if found.is_outputs_first {
                return Ok(found);
            }
        }
        if layer.class != "Conv2D" {
            continue;
        }
        let fields = layer.fields();
        let (Some([rows, columns]), Some(filters)) = (fields.pair("kernel_size")?, fields.count("filters")?)
        else {
            continue;
        };
        let Some(sides) = variables.sides(layer, &variable_names(layer)?, "kernel")? else { continue };
        if let [a, b, c, d] = sides[..]
            && (a, b, d) != (rows, columns, filters)
            && (a, c, d) == (filters, rows, columns)
        {
            return Ok(Theano { is_outputs_first: true, is_turned: told.is_turned || !is_keras1 });
        }
    }
    Ok(told)
}
