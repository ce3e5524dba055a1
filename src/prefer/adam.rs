//! Steps whose length does not depend on how steep it is.

/// Kingma and Ba, "Adam: A Method for Stochastic Optimization", 2014 (arXiv:1412.6980), uphill.
#[derive(Clone, Debug, PartialEq)]
pub struct Adam {
    mean: Vec<f32>,
    square: Vec<f32>,
    steps: usize,
}

const MEAN_DECAY: f32 = 0.9;
const SQUARE_DECAY: f32 = 0.999;
/// Of a number whose gradient was always 0, nothing is divided by 0.
const EPSILON: f32 = 1e-12;

impl Adam {
    /// For so many numbers.
    pub fn new(count: usize) -> Self {
        Self::resumed(vec![0.0; count], vec![0.0; count], 0)
    }

    /// After so many steps with these running means of gradients and of their squares.
    pub fn resumed(mean: Vec<f32>, square: Vec<f32>, steps: usize) -> Self {
        Self { mean, square, steps }
    }

    /// The running means of gradients and of their squares.
    pub fn moments(&self) -> [Vec<f32>; 2] {
        [self.mean.clone(), self.square.clone()]
    }

    /// Moves each number along its gradient, by about `rate`. Only the directions of a gradient count, so it is brought to
    /// length 1 a number first: squares of small ones would vanish.
    pub fn climb(&mut self, numbers: &mut [f32], gradient: &[f32], rate: f32) {
        let power = gradient.iter().map(|part| f64::from(*part).powi(2)).sum::<f64>();
        let length = (power / gradient.len().max(1) as f64).sqrt() as f32;
        if length == 0.0 || !length.is_finite() {
            return;
        }
        self.steps += 1;
        let steps = self.steps.min(100_000) as i32;
        let [of_mean, of_square] = [MEAN_DECAY, SQUARE_DECAY].map(|decay| 1.0 - decay.powi(steps));
        for (at, number) in numbers.iter_mut().enumerate() {
            let (mean, square, part) = (&mut self.mean[at], &mut self.square[at], gradient[at] / length);
            *mean += (1.0 - MEAN_DECAY) * (part - *mean);
            *square += (1.0 - SQUARE_DECAY) * (part * part - *square);
            *number += rate * (*mean / of_mean) / ((*square / of_square).sqrt() + EPSILON);
        }
    }
}
