//! Colormaps as tables of 256 sRGB colours. A value's level from 0 to 1 takes entry ⌊256 · level⌋, at most 255
//! (as matplotlib does).

/// The colormaps. The numbers are rows of the table texture that tiles.wgsl reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Colormap {
    /// Dark violet to yellow; perceptually uniform, matplotlib's default.
    #[default]
    Viridis = 0,
    /// Black over violet to pale yellow; perceptually uniform.
    Magma = 1,
    /// Black to white.
    Grey = 2,
    /// Blue over white to red: negative, zero, positive.
    Diverging = 3,
}

impl Colormap {
    /// All of them, in the order of their numbers.
    pub const ALL: [Self; 4] = [Self::Viridis, Self::Magma, Self::Grey, Self::Diverging];

    /// The next one.
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The value of `--colormap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viridis => "viridis",
            Self::Magma => "magma",
            Self::Grey => "grey",
            Self::Diverging => "diverging",
        }
    }

    /// True where the middle stands for zero; ranges are then made symmetric.
    pub fn is_diverging(self) -> bool {
        self == Self::Diverging
    }
}

/// The 256 colours, red, green, blue.
pub fn colormap_table(colormap: Colormap) -> [[u8; 3]; 256] {
    std::array::from_fn(|entry| {
        let from = |gradient: colorous::Gradient, entry: usize| {
            let color = gradient.eval_rational(entry, 256);
            [color.r, color.g, color.b]
        };
        match colormap {
            Colormap::Viridis => from(colorous::VIRIDIS, entry),
            Colormap::Magma => from(colorous::MAGMA, entry),
            Colormap::Grey => [entry as u8; 3],
            // The library's goes from red to blue.
            Colormap::Diverging => from(colorous::RED_BLUE, 255 - entry),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_is_matplotlibs() {
        // There bytes are truncated, here rounded: one level of difference at most.
        let table = colormap_table(Colormap::Viridis);
        let text = include_str!("../../tests/data/viridis.txt");
        let reference: Vec<Vec<i32>> =
            text.lines().map(|line| line.split_whitespace().map(|n| n.parse().unwrap()).collect()).collect();
        assert_eq!(reference.len(), 256);
        for (ours, theirs) in table.iter().zip(&reference) {
            for (a, b) in ours.iter().zip(theirs) {
                assert!((i32::from(*a) - b).abs() <= 1, "{ours:?} {theirs:?}");
            }
        }
    }

    #[test]
    fn ends_are_what_their_names_say() {
        let diverging = colormap_table(Colormap::Diverging);
        assert!(diverging[0][2] > diverging[0][0], "negative is blue");
        assert!(diverging[255][0] > diverging[255][2], "positive is red");
        assert!(diverging[128].iter().all(|level| *level > 230), "zero is white");
        assert_eq!(colormap_table(Colormap::Grey)[77], [77; 3]);
        for (number, colormap) in Colormap::ALL.into_iter().enumerate() {
            assert_eq!(colormap as usize, number);
        }
    }
}
