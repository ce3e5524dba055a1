//! A square that covers a part of the picture: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014
//! (arXiv:1311.2901), section 4.2.

use std::str::FromStr;

use crate::model::{InputScale, Shape};

/// What a square is filled with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fill {
    /// The grey in the middle between black and white.
    #[default]
    Grey,
    /// The picture's mean colour.
    Mean,
    /// The picture, blurred so much that a quarter of the square is one standard deviation.
    Blur,
}

impl Fill {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Grey, Self::Mean, Self::Blur];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Mean => "mean",
            Self::Blur => "blur",
        }
    }

    /// What the square is.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Mean => "of the picture's mean colour",
            Self::Blur => "of the picture, blurred",
        }
    }

    /// A picture (`shape.len()` values in a network's scale) that is filled everywhere, for squares with sides of `size` pixels.
    pub fn picture(self, values: &[f32], shape: Shape, scale: InputScale, size: usize) -> Vec<f32> {
        let cells = (shape.height * shape.width).max(1);
        let (black, white) = scale.ends();
        let grey =
            scale.colors(shape.channels).order([0, 1, 2].map(|color| (black[color] + white[color]) / 2.0));
        let mut filled = values.to_vec();
        for (channel, plane) in filled.chunks_exact_mut(cells).enumerate() {
            match self {
                Self::Grey => plane.fill(grey.get(channel).copied().unwrap_or_default()),
                Self::Mean => {
                    let mean = plane.iter().map(|value| f64::from(*value)).sum::<f64>() / cells as f64;
                    plane.fill(mean as f32);
                }
                Self::Blur => blur(plane, [shape.height, shape.width], size as f32 / 4.0),
            }
        }
        filled
    }
}

impl FromStr for Fill {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|fill| fill.name() == text.trim());
        found.ok_or_else(|| format!("`{text}` is no filling: use grey, mean or blur"))
    }
}

/// A square over the network's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cover {
    /// Where its middle is, in parts of the width and height of what the network sees.
    pub at: [f32; 2],
    /// Its side in pixels of the input.
    pub size: usize,
    /// What it is filled with.
    pub fill: Fill,
}

impl Cover {
    /// The side of a square where nobody chose one: 32 pixels of 299, at least 1.
    pub fn usual_size(input: Shape) -> usize {
        (input.height.min(input.width) * 32 / 299).max(1)
    }

    /// Rows and columns that it covers, each a half-open range: of a square at the edge what lies on the picture.
    pub fn area(&self, input: Shape) -> [[usize; 2]; 2] {
        let side = |part: f32, length: usize| {
            let first = (part * length as f32 - self.size as f32 / 2.0).round() as isize;
            let end = first.saturating_add_unsigned(self.size);
            let clip = |at: isize| at.clamp(0, length as isize) as usize;
            [clip(first), clip(end)]
        };
        [side(self.at[1], input.height), side(self.at[0], input.width)]
    }

    /// Covers a network's input (`shape.len()` values in its scale).
    pub fn apply(&self, values: &mut [f32], shape: Shape, scale: InputScale) {
        let filled = self.fill.picture(values, shape, scale, self.size);
        shape.paste(values, &filled, self.area(shape));
    }
}

impl FromStr for Cover {
    type Err = String;

    /// `X,Y`, `X,Y:SIZE` or `X,Y:SIZE:FILL`; without a size it is 0, which stands for the usual one.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "`{text}` is no square: write X,Y:SIZE:FILL as in 0.5,0.25:32:grey (parts of the picture, pixels)"
            )
        };
        let mut parts = text.split(':');
        let (x, y) = parts.next().and_then(|at| at.split_once(',')).ok_or_else(wrong)?;
        let part = |text: &str| text.trim().parse::<f32>().ok().filter(|part| (0.0..=1.0).contains(part));
        let at = [part(x).ok_or_else(wrong)?, part(y).ok_or_else(wrong)?];
        let size = parts.next().map(|size| size.trim().parse::<usize>().ok().filter(|size| *size > 0));
        let size = size.map_or(Ok(0), |size| size.ok_or_else(wrong))?;
        let fill = parts.next().map_or(Ok(Fill::default()), str::parse)?;
        match parts.next() {
            Some(_) => Err(wrong()),
            None => Ok(Self { at, size, fill }),
        }
    }
}

/// Gaussian blur, as if the edge went on beyond it.
fn blur(plane: &mut [f32], [height, width]: [usize; 2], deviation: f32) {
    let reach = (3.0 * deviation).ceil().max(1.0) as isize;
    let weights: Vec<f32> =
        (-reach..=reach).map(|at| (-0.5 * (at as f32 / deviation.max(0.01)).powi(2)).exp()).collect();
    let sum: f32 = weights.iter().sum();
    let mut line = |start: usize, step: usize, length: usize| {
        let old: Vec<f32> = (0..length).map(|at| plane[start + at * step]).collect();
        for at in 0..length {
            let of = |(place, weight): (usize, &f32)| {
                let from = (at as isize + place as isize - reach).clamp(0, length as isize - 1);
                weight / sum * old[from as usize]
            };
            plane[start + at * step] = weights.iter().enumerate().map(of).sum();
        }
    };
    (0..height).for_each(|row| line(row * width, 1, width));
    (0..width).for_each(|column| line(column, width, height));
}
