//! What a network's parameters take for granted and their shapes do not tell, and in which numbers it is computed.

use std::str::FromStr;

/// Whether the zero padding of an average pooling window counts in the mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AvgPool {
    /// Only real cells count, as in Keras and TensorFlow.
    #[default]
    Exclude,
    /// Padding counts as zeros, as in torchvision, timm and PaddlePaddle.
    Include,
}

impl AvgPool {
    /// The value of `--avg-pool`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Exclude => "exclude",
            Self::Include => "include",
        }
    }
}

/// What the network's input makes of a pixel's red, green and blue. Of a network with one channel, what it makes of their
/// brightness; the first of three numbers counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum InputScale {
    /// Black is −1 and white 1: Keras' InceptionV3, torchvision's (after its `transform_input`), timm's.
    #[default]
    MinusOneToOne,
    /// Black is 0 and white 1.
    ZeroToOne,
    /// From 0 to 1, minus ImageNet's mean, divided by its standard deviation, colour by colour: PyTorch's
    /// and PaddlePaddle's usual `Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])`.
    Imagenet,
    /// Black is 0 and white 255: networks whose first layers scale for themselves.
    Levels,
    /// Blue, green, red, from 0 to 255 minus ImageNet's mean: Caffe's, and Keras' VGG and ResNet (`preprocess_input`).
    Caffe,
    /// From 0 to 1, minus a mean, divided by a deviation, colour by colour.
    Normalized {
        /// From 0 to 1.
        mean: [f32; 3],
        /// From 0 to 1.
        deviation: [f32; 3],
    },
}

/// What the channels of a network's input are, in their order. The numbers are shared with the shaders.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u32)]
pub enum InputColors {
    /// Red, green, blue.
    #[default]
    Rgb = 0,
    /// Blue, green, red.
    Bgr = 1,
    /// Brightness alone: PIL's `convert("L")`, which rounds each pixel's luma (Rec. 601) to a whole level.
    Grey = 2,
}

impl InputColors {
    /// Puts what belongs to red, green and blue into the channels' order, and back.
    pub fn order<T: Copy>(self, [red, green, blue]: [T; 3]) -> [T; 3] {
        if self == Self::Bgr { [blue, green, red] } else { [red, green, blue] }
    }
}

/// Parts of red, green and blue in brightness: luma of Rec. ITU-R BT.601.
pub const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// Mean and standard deviation of ImageNet's red, green and blue, from 0 to 1.
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

/// Mean of ImageNet's blue, green and red, in levels.
const CAFFE: [f32; 3] = [103.939, 116.779, 123.68];

impl InputScale {
    /// Those with a name.
    pub const ALL: [Self; 5] =
        [Self::MinusOneToOne, Self::ZeroToOne, Self::Imagenet, Self::Levels, Self::Caffe];

    /// The value of `--input-scale`.
    pub fn name(self) -> String {
        match self {
            Self::MinusOneToOne => "-1..1".into(),
            Self::ZeroToOne => "0..1".into(),
            Self::Imagenet => "imagenet".into(),
            Self::Levels => "0..255".into(),
            Self::Caffe => "caffe".into(),
            Self::Normalized { mean, deviation } => {
                let list = |numbers: [f32; 3]| numbers.map(|number| number.to_string()).join(",");
                format!("{}/{}", list(mean), list(deviation))
            }
        }
    }

    /// A level from 0 to 255 becomes `level / divisor − offset`: both, for the network's first three channels.
    pub fn divisor_and_offset(self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::MinusOneToOne => ([127.5; 3], [1.0; 3]),
            Self::ZeroToOne => ([255.0; 3], [0.0; 3]),
            Self::Levels => ([1.0; 3], [0.0; 3]),
            Self::Caffe => ([1.0; 3], CAFFE),
            Self::Imagenet => {
                (IMAGENET.map(|(_, deviation)| 255.0 * deviation), IMAGENET.map(|(mean, std)| mean / std))
            }
            Self::Normalized { mean, deviation } => {
                (deviation.map(|std| 255.0 * std), [0, 1, 2].map(|color| mean[color] / deviation[color]))
            }
        }
    }

    /// What the channels are of an input with so many.
    pub fn colors(self, channels: usize) -> InputColors {
        match self {
            _ if channels == 1 => InputColors::Grey,
            Self::Caffe => InputColors::Bgr,
            _ => InputColors::Rgb,
        }
    }

    /// The input's values at black and at white, in the order of its channels.
    pub fn ends(self) -> ([f32; 3], [f32; 3]) {
        let (divisor, offset) = self.divisor_and_offset();
        (offset.map(|offset| -offset), [0, 1, 2].map(|color| 255.0 / divisor[color] - offset[color]))
    }

    /// Brightness from −1 (black) to 1 (white) is the sum of the values of a pixel's channels, each times one of these
    /// weights, plus the number behind them: luma of Rec. ITU-R BT.601, or what the only channel says.
    pub fn brightness(self, channels: usize) -> ([f32; 3], f32) {
        let (divisor, offset) = self.divisor_and_offset();
        let parts = match self.colors(channels) {
            InputColors::Grey => [1.0, 0.0, 0.0],
            colors => colors.order(LUMA),
        };
        let weights = [0, 1, 2].map(|channel| parts[channel] * (divisor[channel] / 127.5));
        (weights, weights.iter().zip(offset).map(|(weight, offset)| weight * offset).sum::<f32>() - 1.0)
    }
}

impl FromStr for InputScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(found) = Self::ALL.into_iter().find(|scale| scale.name() == text) {
            return Ok(found);
        }
        let wrong = || {
            let names = Self::ALL.map(Self::name).join(", ");
            format!("`{text}` is none of {names}, nor mean and deviation as in 0.5,0.5,0.5/0.25,0.25,0.25")
        };
        let (mean, deviation) = text.split_once('/').ok_or_else(wrong)?;
        let [mean, deviation] = [mean, deviation].map(three_numbers);
        Self::normalized(mean.map_err(|_| wrong())?, deviation.map_err(|_| wrong())?)
    }
}

impl InputScale {
    /// Of a mean and a deviation, both of values from 0 to 1, or both of levels from 0 to 255 (where one is above 1).
    ///
    /// # Errors
    /// Where a deviation is not above 0.
    pub fn normalized(mean: [f32; 3], deviation: [f32; 3]) -> Result<Self, String> {
        if !deviation.iter().all(|std| *std > 0.0 && std.is_finite()) || !mean.iter().all(|m| m.is_finite()) {
            return Err("a deviation must be above 0".into());
        }
        let in_levels = mean.iter().chain(&deviation).any(|number| *number > 1.0);
        let unit = |number: f32| if in_levels { number / 255.0 } else { number };
        Ok(Self::Normalized { mean: mean.map(unit), deviation: deviation.map(unit) })
    }
}

/// One number for all colours, or three: `0.5`, `0.485,0.456,0.406`.
///
/// # Errors
/// In words.
pub fn three_numbers(text: &str) -> Result<[f32; 3], String> {
    let numbers: Result<Vec<f32>, _> = text.split(',').map(|number| number.trim().parse::<f32>()).collect();
    match numbers.as_deref() {
        Ok([one]) => Ok([*one; 3]),
        Ok(&[red, green, blue]) => Ok([red, green, blue]),
        _ => Err("write one number, or three as in 0.485,0.456,0.406".into()),
    }
}

impl<'de> serde::Deserialize<'de> for InputScale {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// In which numbers a network's parameters and maps are kept while it is computed; kernels may add up in longer ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Precision {
    /// 32 bits, as all frameworks' weights are stored.
    #[default]
    F32,
    /// 16 bits (11 of them significant), on a GPU that has them. What is shown and measured is still f32.
    F16,
}

impl Precision {
    /// The value of `--precision`.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
        }
    }
}

/// What parameters take for granted, and how they are used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Conventions {
    /// Of the input.
    pub input_scale: InputScale,
    /// Of weights and maps.
    pub precision: Precision,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn black_and_white_are_where_they_are_said_to_be() {
        assert_eq!(InputScale::MinusOneToOne.ends(), ([-1.0; 3], [1.0; 3]));
        assert_eq!(InputScale::ZeroToOne.ends(), ([0.0; 3], [1.0; 3]));
        let (black, white) = InputScale::Imagenet.ends();
        assert!((black[0] + 0.485 / 0.229).abs() < 1e-6 && (white[2] - 0.594 / 0.225).abs() < 1e-6);
        assert_eq!("imagenet".parse(), Ok(InputScale::Imagenet));
        assert!("-1".parse::<InputScale>().is_err());
    }

    #[test]
    fn brightness_is_that_of_the_picture_whatever_the_scale() {
        let picture = [10.0_f32, 200.0, 90.0];
        let luma = (0.299 * 10.0 + 0.587 * 200.0 + 0.114 * 90.0) / 127.5 - 1.0;
        for scale in InputScale::ALL {
            let (divisor, offset) = scale.divisor_and_offset();
            for (channels, levels, expected) in
                [(3, scale.colors(3).order(picture), luma), (1, [51.0; 3], 51.0 / 127.5 - 1.0)]
            {
                let (weights, rest) = scale.brightness(channels);
                let value = |channel: usize| levels[channel] / divisor[channel] - offset[channel];
                let found = rest + (0..channels).map(|c| weights[c] * value(c)).sum::<f32>();
                assert!((found - expected).abs() < 1e-5, "{} {channels}: {found}", scale.name());
            }
        }
        assert_eq!(InputScale::default().brightness(3).0, LUMA);
        assert_eq!(InputScale::Caffe.colors(3).order([1, 2, 3]), [3, 2, 1]);
        assert_eq!(InputScale::Caffe.colors(1), InputColors::Grey);
    }
}
