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

/// What the network's input makes of a pixel's red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub enum InputScale {
    /// Black is −1 and white 1: Keras' InceptionV3, torchvision's (after its `transform_input`), timm's.
    #[default]
    #[serde(rename = "-1..1")]
    MinusOneToOne,
    /// Black is 0 and white 1.
    #[serde(rename = "0..1")]
    ZeroToOne,
    /// From 0 to 1, minus ImageNet's mean, divided by its standard deviation, colour by colour: PyTorch's
    /// and PaddlePaddle's usual `Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])`.
    #[serde(rename = "imagenet")]
    Imagenet,
}

/// Mean and standard deviation of ImageNet's red, green and blue, from 0 to 1.
const IMAGENET: [(f32, f32); 3] = [(0.485, 0.229), (0.456, 0.224), (0.406, 0.225)];

impl InputScale {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::MinusOneToOne, Self::ZeroToOne, Self::Imagenet];

    /// The value of `--input-scale`.
    pub fn name(self) -> &'static str {
        match self {
            Self::MinusOneToOne => "-1..1",
            Self::ZeroToOne => "0..1",
            Self::Imagenet => "imagenet",
        }
    }

    /// A level from 0 to 255 becomes `level / divisor − offset`: both, for red, green and blue.
    pub fn divisor_and_offset(self) -> ([f32; 3], [f32; 3]) {
        match self {
            Self::MinusOneToOne => ([127.5; 3], [1.0; 3]),
            Self::ZeroToOne => ([255.0; 3], [0.0; 3]),
            Self::Imagenet => {
                (IMAGENET.map(|(_, deviation)| 255.0 * deviation), IMAGENET.map(|(mean, std)| mean / std))
            }
        }
    }

    /// The input's values at black and at white, for red, green and blue.
    pub fn ends(self) -> ([f32; 3], [f32; 3]) {
        let (divisor, offset) = self.divisor_and_offset();
        (offset.map(|offset| -offset), [0, 1, 2].map(|color| 255.0 / divisor[color] - offset[color]))
    }
}

impl FromStr for InputScale {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|scale| scale.name() == text);
        found.ok_or_else(|| format!("`{text}` is none of {}", Self::ALL.map(Self::name).join(", ")))
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conventions {
    /// In average pooling.
    pub avg_pool: AvgPool,
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
}
