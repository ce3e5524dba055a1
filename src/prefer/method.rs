//! What of a picture is free while it grows.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What of a picture is free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// All frequencies of a picture, those of fine detail changing less: Olah, Mordvintsev and Schubert, "Feature Visualization",
    /// 2017 (doi:10.23915/distill.00007).
    #[default]
    Fourier,
    /// Their phases alone; how strong each is, is as in photographs: Fel et al., "Unlocking Feature Visualization for Deeper
    /// Networks with MAgnitude Constrained Optimization", 2023 (arXiv:2306.06805).
    Maco,
}

impl Method {
    /// As `--method` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fourier => "fourier",
            Self::Maco => "maco",
        }
    }

    /// In the words of the field.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fourier => "Fourier coefficients",
            Self::Maco => "phases, magnitudes of photographs (MACO)",
        }
    }

    /// How strong a frequency is: one by itself to the power of this.
    pub(super) fn fall(self) -> f32 {
        match self {
            Self::Fourier => 1.0,
            Self::Maco => 1.2,
        }
    }

    /// Deviation of a plane whose frequencies are all as strong as this; 1 is that of photographs.
    pub(super) fn contrast(self) -> f32 {
        match self {
            Self::Fourier => 0.3,
            Self::Maco => 1.0,
        }
    }

    /// How far a number goes in the first step.
    pub(super) fn rate(self) -> f32 {
        match self {
            Self::Fourier => 0.1,
            Self::Maco => 0.2,
        }
    }
}
