//! Ways of asking what in a picture made a unit answer, by name.

use std::fmt;
use std::str::FromStr;

use super::trace::{CamMethod, Form, Rule};

/// How the values of a layer, or of the picture, are given their part in a unit's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Method {
    /// How much the unit changes with each value.
    #[default]
    Gradient,
    /// The same times the value itself.
    TimesInput,
    /// Guided backpropagation.
    Guided,
    /// The deconvolutional network.
    Deconvolution,
    /// Gradients of noisy versions, averaged.
    SmoothGrad,
    /// Gradients on the way from an empty picture, summed up.
    Integrated,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Gradient,
        Self::TimesInput,
        Self::Guided,
        Self::Deconvolution,
        Self::SmoothGrad,
        Self::Integrated,
    ];

    /// As options and JSON have it: `guided`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::TimesInput => "gradient-x-input",
            Self::Guided => "guided",
            Self::Deconvolution => "deconv",
            Self::SmoothGrad => "smoothgrad",
            Self::Integrated => "integrated",
        }
    }

    /// In the words of the field: `guided backpropagation`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Gradient => "gradient",
            Self::TimesInput => "gradient × input",
            Self::Guided => "guided backpropagation",
            Self::Deconvolution => "deconvolution",
            Self::SmoothGrad => "SmoothGrad",
            Self::Integrated => "integrated gradients",
        }
    }

    /// What it says and what it cannot say, in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Gradient => {
                "How the unit would change if a value were a little larger: what it is sensitive to, not what it is made of."
            }
            Self::TimesInput => {
                "The gradient times the value: a first guess at what each adds; exact only where the network is linear."
            }
            Self::Guided => {
                "Only what raises the unit, through units that answer: sharp outlines, but much the same for any unit \
                 above; it says little about which class."
            }
            Self::Deconvolution => {
                "Only what raises the unit, whatever answered on the way: like guided, it redraws the picture's outlines \
                 more than it explains the unit."
            }
            Self::SmoothGrad => {
                "Gradients of noisy copies, averaged: what stays when the picture trembles; the noise decides how smooth."
            }
            Self::Integrated => {
                "Gradients summed on the way from black: with enough passes all values add up to what the picture changes in the \
                 unit; what is black counts for nothing."
            }
        }
    }

    /// Where it was published.
    pub fn source(self) -> &'static str {
        match self {
            Self::Gradient => "Simonyan et al., 2013, arXiv:1312.6034",
            Self::TimesInput => "Shrikumar et al., 2016, arXiv:1605.01713",
            Self::Guided => "Springenberg et al., 2014, arXiv:1412.6806",
            Self::Deconvolution => "Zeiler and Fergus, 2013, arXiv:1311.2901",
            Self::SmoothGrad => "Smilkov et al., 2017, arXiv:1706.03825",
            Self::Integrated => "Sundararajan et al., 2017, arXiv:1703.01365",
        }
    }

    /// What functions do with the gradient.
    pub fn rule(self) -> Rule {
        match self {
            Self::Guided => Rule::Guided,
            Self::Deconvolution => Rule::Deconvolution,
            _ => Rule::Gradient,
        }
    }

    /// What is made of the gradient.
    pub fn form(self) -> Form {
        if self == Self::TimesInput { Form::TimesValue } else { Form::Gradient }
    }

    /// How often the network is run forward and back at most, where it goes on until the values add up.
    pub fn most_passes(self) -> usize {
        if self == Self::Integrated { 9 * self.passes() } else { self.passes() }
    }

    /// How often the network is run forward and back at least; 1 where one picture is enough.
    pub fn passes(self) -> usize {
        match self {
            Self::SmoothGrad => 25,
            Self::Integrated => 50,
            _ => 1,
        }
    }

    /// True where only what raises the unit is let through, so that the network's own weights hardly matter.
    pub fn is_selective(self) -> bool {
        self.rule() != Rule::Gradient
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No [`Method`] is called so.
#[derive(Debug, thiserror::Error)]
#[error("there is no rule `{0}`: use gradient, gradient-x-input, guided, deconv, smoothgrad or integrated")]
pub struct UnknownMethod(String);

impl FromStr for Method {
    type Err = UnknownMethod;

    fn from_str(name: &str) -> Result<Self, UnknownMethod> {
        Self::ALL.into_iter().find(|method| method.name() == name).ok_or_else(|| UnknownMethod(name.into()))
    }
}

impl CamMethod {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::GradCam, Self::GradCamPlusPlus, Self::LayerCam];

    /// As options and JSON have it: `gradcam`.
    pub fn name(self) -> &'static str {
        match self {
            Self::GradCam => "gradcam",
            Self::GradCamPlusPlus => "gradcam++",
            Self::LayerCam => "layercam",
        }
    }

    /// As its authors write it: `Grad-CAM`.
    pub fn title(self) -> &'static str {
        match self {
            Self::GradCam => "Grad-CAM",
            Self::GradCamPlusPlus => "Grad-CAM++",
            Self::LayerCam => "LayerCAM",
        }
    }

    /// What it says and what it cannot say, in one sentence.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::GradCam => {
                "Each map times the mean of its gradient, summed up, what is negative left out: roughly where; away from the last \
                 layers it can point beside the thing."
            }
            Self::GradCamPlusPlus => {
                "As Grad-CAM, with more weight for cells that raise the unit: finds several things of a kind rather than one; \
                 as approximate."
            }
            Self::LayerCam => {
                "Each cell times its own gradient where that is positive, summed up: finer places at early layers, and more noise."
            }
        }
    }

    /// Where it was published.
    pub fn source(self) -> &'static str {
        match self {
            Self::GradCam => "Selvaraju et al., 2016, arXiv:1610.02391",
            Self::GradCamPlusPlus => "Chattopadhay et al., 2017, arXiv:1710.11063",
            Self::LayerCam => "Jiang et al., 2021, doi:10.1109/TIP.2021.3089943",
        }
    }
}

impl fmt::Display for CamMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No [`CamMethod`] is called so.
#[derive(Debug, thiserror::Error)]
#[error("there is no method `{0}`: use gradcam, gradcam++ or layercam")]
pub struct UnknownCamMethod(String);

impl FromStr for CamMethod {
    type Err = UnknownCamMethod;

    fn from_str(name: &str) -> Result<Self, UnknownCamMethod> {
        Self::ALL
            .into_iter()
            .find(|method| method.name() == name)
            .ok_or_else(|| UnknownCamMethod(name.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_method_is_found_by_its_name() {
        for method in Method::ALL {
            assert_eq!(method.name().parse::<Method>().unwrap(), method);
        }
        assert!("lrp".parse::<Method>().unwrap_err().to_string().contains("guided"));
        for method in CamMethod::ALL {
            assert_eq!(method.name().parse::<CamMethod>().unwrap(), method);
            assert!("cam".parse::<CamMethod>().unwrap_err().to_string().contains(method.name()));
        }
    }
}
