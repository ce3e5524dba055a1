//! A picture that grows step by step.

use super::adam::Adam;
use super::canvas::Canvas;
use super::glance::Glance;
use super::method::Method;
use super::reach::Reach;
use crate::model::{InputScale, Shape};
use crate::weights::RandomStream;

/// What a picture depends on, beside the network and its unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// What of the picture is free.
    pub method: Method,
    /// How many steps there are.
    pub steps: usize,
    /// Of everything that is random.
    pub seed: u64,
    /// Height and width of the picture.
    pub size: [usize; 2],
}

impl Settings {
    /// Where nothing else is wanted, for a network with this input.
    pub fn usual(input: Shape) -> Self {
        let Shape { height, width, .. } = input;
        Self { method: Method::default(), steps: USUAL_STEPS, seed: 0, size: [height, width] }
    }
}

/// A picture that becomes, step by step, what a unit answers to most. It knows no network: [`Growth::view`] gives what the
/// network is to look at, [`Growth::learn`] takes how much the unit's value changes with each value of it.
pub struct Growth {
    settings: Settings,
    reach: Reach,
    /// Height and width of the network's input.
    sides: [usize; 2],
    canvas: Canvas,
    adam: Adam,
    done: usize,
    /// The picture that was last looked at, and how.
    viewed: Option<(Vec<f32>, Glance)>,
}

/// Steps after which little changes.
pub const USUAL_STEPS: usize = 256;

/// Deviation of the noise that is laid over what the network sees, from black (0) to white (1): patterns too fine to be found
/// in photographs are lost in it.
const GRAIN: f32 = 0.04;

impl Growth {
    /// A picture that is noise, for a network with this input.
    pub fn new(settings: Settings, input: Shape, scale: InputScale) -> Self {
        let canvas = Canvas::new(settings.size, input.channels, settings.method, settings.seed);
        let adam = Adam::new(canvas.numbers().len());
        let sides = [input.height, input.width];
        Self { settings, reach: Reach::new(scale, input), sides, canvas, adam, done: 0, viewed: None }
    }

    /// What it depends on.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// How many steps are done.
    pub fn done(&self) -> usize {
        self.done
    }

    /// True while there are steps to do.
    pub fn grows(&self) -> bool {
        self.done < self.settings.steps
    }

    /// What the network is to look at next: its input, channel by channel.
    pub fn view(&mut self) -> Vec<f32> {
        let Settings { seed, size, .. } = self.settings;
        let picture = self.canvas.picture();
        let glance = Glance::random(seed, self.done, size, self.sides);
        let mut seen = glance.look(&picture, size, self.sides);
        let grain = RandomStream::new(seed, &format!("grain {}", self.done));
        for (at, value) in seen.iter_mut().enumerate() {
            *value += GRAIN * grain.normal(at as u64) as f32;
        }
        self.viewed = Some((picture, glance));
        self.reach.to_input(&seen)
    }

    /// Takes a step along the gradient of the unit with respect to what was last looked at.
    pub fn learn(&mut self, gradient: &[f32]) {
        let Some((picture, glance)) = self.viewed.take() else { return };
        let gradient = glance.back(&self.reach.back(gradient), self.settings.size, self.sides);
        let gradient = self.canvas.back(&picture, &gradient);
        let part = self.done as f32 / self.settings.steps.max(1) as f32;
        // Half a cosine: large steps find the place, small ones the detail.
        let rate = self.settings.method.rate() * (0.5 + 0.5 * (std::f32::consts::PI * part).cos());
        self.adam.climb(self.canvas.numbers_mut(), &gradient, rate);
        self.done += 1;
    }

    /// The picture as it is now: colour by colour, rows of pixels with three levels each.
    pub fn levels(&self) -> Vec<u8> {
        let picture = self.canvas.picture();
        let pixels = self.settings.size[0] * self.settings.size[1];
        let colors = picture.len() / pixels;
        let level = |pixel: usize, color: usize| {
            (picture[color.min(colors - 1) * pixels + pixel] * 255.0).round() as u8
        };
        (0..pixels).flat_map(|pixel| [0, 1, 2].map(|color| level(pixel, color))).collect()
    }

    /// Everything that [`Growth::resume`] needs, by name.
    pub fn state(&self) -> Vec<(&'static str, Vec<f32>)> {
        let [mean, square] = self.adam.moments();
        let numbers = self.canvas.numbers().to_vec();
        // Below 2^24 a count is exact.
        vec![("numbers", numbers), ("mean", mean), ("square", square), ("done", vec![self.done as f32])]
    }

    /// Goes on where another one with the same settings was; false where the state is none of such.
    pub fn resume(&mut self, state: &[(String, Vec<f32>)]) -> bool {
        let named = |name: &str| state.iter().find(|(known, _)| known == name).map(|(_, values)| values);
        let count = self.canvas.numbers().len();
        let whole = |name: &str| named(name).filter(|values| values.len() == count).cloned();
        let (Some(numbers), Some(mean), Some(square), Some([done])) =
            (whole("numbers"), whole("mean"), whole("square"), named("done").map(Vec::as_slice))
        else {
            return false;
        };
        *self.canvas.numbers_mut() = numbers;
        self.done = *done as usize;
        self.adam = Adam::resumed(mean, square, self.done);
        self.viewed = None;
        true
    }
}
