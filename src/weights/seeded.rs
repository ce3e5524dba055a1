//! Weights from a seed, the same on every machine and in any language: SplitMix64, Box-Muller.
//!
//! Kernels are He-normal (He et al., "Delving Deep into Rectifiers", ICCV 2015, arXiv:1502.01852).

use rayon::prelude::*;

use super::parameters::{Origin, Weights, assemble, expected_tensors};
use crate::model::{Conventions, Graph, Op};

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// An untrained network. Its batch normalisation statistics are random too; [`crate::network::calibrate`]
/// replaces them by those of real pictures, so that every layer shows structure.
pub fn seeded(graph: &Graph, seed: u64) -> Weights {
    let layer = |index: usize| {
        let node = &graph.nodes[index];
        let torch_name = node.parameter_name();
        let tensors = expected_tensors(graph, index)
            .into_iter()
            .map(|(suffix, shape)| {
                let stream = RandomStream::new(seed, &format!("{torch_name}.{suffix}"));
                let count = shape.iter().product::<usize>() as u64;
                let fan_in = shape[1..].iter().product::<usize>() as f64;
                let value = |i: u64| match (&node.op, suffix) {
                    (Op::Conv(..) | Op::Dense, "weight") => stream.normal(i) * (2.0 / fan_in).sqrt(),
                    (Op::BatchNorm(_), "weight") => 0.8 + 0.4 * stream.uniform(i),
                    (_, "running_var") => 0.5 + stream.uniform(i),
                    _ => 0.1 * stream.normal(i),
                };
                (0..count).map(|i| value(i) as f32).collect()
            })
            .collect();
        assemble(node, tensors)
    };
    let layers = (0..graph.nodes.len()).into_par_iter().map(layer).collect();
    Weights { origin: Origin::Untrained { seed }, layers, conventions: Conventions::default(), notes: vec![] }
}

/// The random numbers of one tensor, by its name.
#[derive(Clone, Copy, Debug)]
pub struct RandomStream {
    key: u64,
}

impl RandomStream {
    /// The stream of the tensor of this name.
    pub fn new(seed: u64, tensor_name: &str) -> Self {
        Self { key: fnv1a64(tensor_name) ^ seed.wrapping_mul(GOLDEN) }
    }

    /// The j-th uniform number in (0, 1).
    pub fn uniform(&self, j: u64) -> f64 {
        let mut z = self.key.wrapping_add((j + 1).wrapping_mul(GOLDEN));
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        ((z >> 11) as f64 + 0.5) * 2f64.powi(-53)
    }

    /// The i-th standard normal number.
    pub fn normal(&self, i: u64) -> f64 {
        let (u, v) = (self.uniform(2 * i), self.uniform(2 * i + 1));
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }
}

fn fnv1a64(text: &str) -> u64 {
    text.bytes()
        .fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01B3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_equal_the_definition() {
        assert_eq!(fnv1a64("fc.bias"), 0x145e_200a_f8fe_4b85);
        let stream = RandomStream::new(0, "fc.bias");
        assert_eq!((stream.uniform(0), stream.uniform(1)), (0.4776513068081319, 0.48073181866500997));
    }
}
