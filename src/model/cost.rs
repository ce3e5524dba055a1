//! What a layer costs: parameters and multiply-adds, counted as Keras counts them.

use super::{Graph, LayerIndex, Op, Shape};

/// What a layer costs for one picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Cost {
    /// Numbers that training changes.
    pub trainable: usize,
    /// Numbers that are only measured: mean and variance of batch normalisation.
    pub measured: usize,
    /// Multiplications followed by an addition, of convolutions and fully connected layers.
    pub multiply_adds: usize,
}

impl Cost {
    /// All numbers of the layer.
    pub fn parameters(self) -> usize {
        self.trainable + self.measured
    }
}

impl std::ops::Add for Cost {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            trainable: self.trainable + other.trainable,
            measured: self.measured + other.measured,
            multiply_adds: self.multiply_adds + other.multiply_adds,
        }
    }
}

impl Graph {
    /// What a layer costs. Batch normalisation has no scale, as in Keras' InceptionV3; torchvision has one more
    /// number a channel.
    pub fn cost(&self, layer: LayerIndex) -> Cost {
        let node = &self.nodes[layer];
        let shape = node.shape;
        let cells = shape.height * shape.width;
        let input = node.inputs.first().map_or(Shape::default(), |&input| self.nodes[input].shape);
        let bias = if node.has_bias { shape.channels } else { 0 };
        let weighted = |weights: usize, cells: usize| Cost {
            trainable: weights + bias,
            measured: 0,
            multiply_adds: weights * cells,
        };
        match &node.op {
            Op::Conv(window, groups) => {
                let [height, width] = window.kernel;
                weighted(shape.channels * (input.channels / groups.max(&1)) * height * width, cells)
            }
            Op::ConvTranspose(window, groups) => {
                let [height, width] = window.kernel;
                weighted(
                    shape.channels * (input.channels / groups.max(&1)) * height * width,
                    input.height * input.width,
                )
            }
            Op::SeparableConv(window) => {
                let [height, width] = window.kernel;
                weighted(input.channels * (height * width + shape.channels), cells)
            }
            Op::BatchNorm(_) => {
                Cost { trainable: shape.channels, measured: 2 * shape.channels, multiply_adds: 0 }
            }
            Op::Normalize(..) => Cost { trainable: 2 * shape.channels, ..Cost::default() },
            Op::Dense => weighted(input.channels * shape.channels, cells),
            _ => Cost::default(),
        }
    }

    /// What the whole network costs.
    pub fn total_cost(&self) -> Cost {
        (0..self.nodes.len()).map(|layer| self.cost(layer)).fold(Cost::default(), std::ops::Add::add)
    }
}

#[cfg(test)]
mod tests {
    use crate::model::inception_v3::inception_v3;

    #[test]
    fn totals_are_keras() {
        let total = inception_v3(1000, 1.0).total_cost();
        assert_eq!((total.parameters(), total.trainable), (23_851_784, 23_817_352));
        // Counted by hand for one layer: 299×299×3 through 32 kernels of 3×3 at stride 2.
        let first = inception_v3(1000, 1.0).cost(1);
        assert_eq!((first.parameters(), first.multiply_adds), (864, 864 * 149 * 149));
        assert_eq!(total.multiply_adds, 5_713_216_096);
    }
}
