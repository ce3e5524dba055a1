//! A picture as numbers that are good to climb with.

use rayon::prelude::*;

use super::colors::Colors;
use super::hartley::Hartley;
use super::method::Method;
use crate::weights::RandomStream;

/// A picture as the frequencies of planes that vary independently of each other.
pub struct Canvas {
    method: Method,
    hartley: Hartley,
    colors: Colors,
    /// What a frequency's number is multiplied by; the mean is 0 of [`Method::Maco`], which has no phase for it.
    amplitudes: Vec<f32>,
    numbers: Vec<f32>,
}

impl Canvas {
    /// Noise, of three colours or of brightness alone.
    pub fn new(size: [usize; 2], colors: usize, method: Method, seed: u64) -> Self {
        let hartley = Hartley::new(size);
        let amplitudes = amplitudes(&hartley, method);
        let stream = RandomStream::new(seed, "canvas");
        let first = |at: usize| match method {
            Method::Fourier => FIRST * stream.normal(at as u64) as f32,
            Method::Maco => std::f32::consts::TAU * stream.uniform(at as u64) as f32,
        };
        let colors = Colors::new(colors);
        let numbers = (0..colors.count() * amplitudes.len()).map(first).collect();
        Self { method, hartley, colors, amplitudes, numbers }
    }

    /// The numbers: for each plane as many as it has pixels.
    pub fn numbers(&self) -> &[f32] {
        &self.numbers
    }

    /// The same, to be changed.
    pub fn numbers_mut(&mut self) -> &mut Vec<f32> {
        &mut self.numbers
    }

    /// Colours from 0 to 1, plane by plane: red, green, blue, or brightness.
    pub fn picture(&self) -> Vec<f32> {
        let planes = self.numbers.par_chunks_exact(self.amplitudes.len());
        let planes: Vec<_> = planes.map(|numbers| self.hartley.transform(&self.spectrum(numbers))).collect();
        self.colors.picture(&planes.concat())
    }

    /// The gradient with respect to the numbers, of that with respect to the picture that they give.
    pub fn back(&self, picture: &[f32], gradient: &[f32]) -> Vec<f32> {
        let size = self.amplitudes.len();
        let planes = self.colors.back(picture, gradient);
        let pairs = planes.par_chunks_exact(size).zip(self.numbers.par_chunks_exact(size));
        let back = pairs.map(|(plane, numbers)| self.back_to(numbers, self.hartley.transform(plane)));
        back.collect::<Vec<_>>().concat()
    }

    /// One plane's frequencies.
    fn spectrum(&self, numbers: &[f32]) -> Vec<f32> {
        if self.method == Method::Fourier {
            return numbers
                .iter()
                .zip(&self.amplitudes)
                .map(|(number, amplitude)| number * amplitude)
                .collect();
        }
        let mut spectrum = vec![0.0; numbers.len()];
        for (at, (angle, amplitude)) in numbers.iter().zip(&self.amplitudes).enumerate() {
            let other = self.hartley.negative(at);
            if at < other {
                // A frequency and its negative: together as strong as two.
                let (sin, cos) = angle.sin_cos();
                spectrum[at] = SQRT_2 * amplitude * cos;
                spectrum[other] = SQRT_2 * amplitude * sin;
            } else if at == other {
                spectrum[at] = amplitude * angle.cos().signum();
            }
        }
        spectrum
    }

    fn back_to(&self, numbers: &[f32], mut spectrum: Vec<f32>) -> Vec<f32> {
        if self.method == Method::Fourier {
            spectrum.iter_mut().zip(&self.amplitudes).for_each(|(value, amplitude)| *value *= amplitude);
            return spectrum;
        }
        let mut back = vec![0.0; numbers.len()];
        for (at, (angle, amplitude)) in numbers.iter().zip(&self.amplitudes).enumerate() {
            let other = self.hartley.negative(at);
            if at < other {
                let (sin, cos) = angle.sin_cos();
                back[at] = SQRT_2 * amplitude * (cos * spectrum[other] - sin * spectrum[at]);
            }
        }
        back
    }
}

use std::f32::consts::SQRT_2;

/// How large the numbers of a picture are that is to be grey noise at first.
const FIRST: f32 = 0.05;

/// How strong each frequency is, so that a plane has the method's contrast where all numbers are 1.
fn amplitudes(hartley: &Hartley, method: Method) -> Vec<f32> {
    let frequencies = hartley.frequencies();
    let lowest = frequencies.iter().copied().filter(|frequency| *frequency > 0.0).fold(1.0, f32::min);
    let fall = |frequency: &f32| frequency.max(lowest).powf(-method.fall());
    let mut amplitudes: Vec<f32> = frequencies.iter().map(fall).collect();
    if method == Method::Maco {
        amplitudes[0] = 0.0;
    }
    let power = amplitudes.iter().map(|amplitude| amplitude.powi(2)).sum::<f32>() / amplitudes.len() as f32;
    let scale = method.contrast() / power.sqrt().max(f32::MIN_POSITIVE);
    amplitudes.iter_mut().for_each(|amplitude| *amplitude *= scale);
    amplitudes
}
