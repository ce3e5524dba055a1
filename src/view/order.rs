//! In which order channels are shown, and which are left out: the choices, without the numbers behind them.

/// What channels are sorted by. `--sort`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Sort {
    /// By number.
    #[default]
    Index,
    /// Largest value first.
    Max,
    /// Largest mean first.
    Mean,
    /// Largest variance within the map first.
    Variance,
    /// Largest change from frame to frame first.
    Change,
    /// Largest contribution to the score of the most probable class first: exact at layers that the classifier averages, gradient
    /// × value at others.
    Class,
    /// Unhealthy maps first.
    Health,
    /// Channels with similar maps beside each other (clustered by correlation).
    Similarity,
}

impl Sort {
    /// All of them, as the keys step through them.
    pub const ALL: [Self; 8] = [
        Self::Index,
        Self::Max,
        Self::Mean,
        Self::Variance,
        Self::Change,
        Self::Class,
        Self::Health,
        Self::Similarity,
    ];

    /// The value of `--sort`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Variance => "variance",
            Self::Change => "change",
            Self::Class => "class",
            Self::Health => "health",
            Self::Similarity => "similarity",
        }
    }

    /// `by largest value`, for the status line.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Index => "by number",
            Self::Max => "by largest value",
            Self::Mean => "by mean",
            Self::Variance => "by variance",
            Self::Change => "by change",
            Self::Class => "by contribution to the class",
            Self::Health => "by health",
            Self::Similarity => "by similarity",
        }
    }

    /// One sentence for whoever does not know the word.
    pub fn help(self) -> &'static str {
        match self {
            Self::Index => "As the layer numbers its channels.",
            Self::Max => "The map with the largest value first.",
            Self::Mean => "The map with the largest mean first.",
            Self::Variance => "The map whose values differ most from each other first (standard deviation).",
            Self::Change => "The map that changes most from frame to frame first.",
            Self::Class => {
                "The channel that adds most to the score of the class first: the classifier's weight times the map's \
                 mean where only an average lies between, and elsewhere gradient × value, which is right in the first order."
            }
            Self::Health => "Broken, dead, silent, solid and copying maps first.",
            Self::Similarity => "Maps that look alike beside each other.",
        }
    }

    /// The one after (1) or before (−1) this.
    pub fn step(self, by: isize) -> Self {
        let count = Self::ALL.len() as isize;
        let place = Self::ALL.iter().position(|sort| *sort == self).unwrap_or(0) as isize;
        Self::ALL[(place + by).rem_euclid(count) as usize]
    }
}

/// Which channels are left out. `--filter`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Filter {
    /// None.
    #[default]
    None,
    /// Silent ones: nowhere above zero now, after a ReLU.
    Silent,
    /// Dead ones: never above zero on any frame so far, of two at least.
    Dead,
}

impl Filter {
    /// The value of `--filter`.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Silent => "silent",
            Self::Dead => "dead",
        }
    }

    /// The next one.
    pub fn next(self) -> Self {
        match self {
            Self::None => Self::Silent,
            Self::Silent => Self::Dead,
            Self::Dead => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn steps_go_round_and_names_are_those_of_the_command_line() {
        assert_eq!(Sort::Index.step(-1), Sort::Similarity);
        assert_eq!(Sort::Similarity.step(1), Sort::Index);
        for (place, sort) in Sort::ALL.into_iter().enumerate() {
            assert_eq!(sort.step(1), Sort::ALL[(place + 1) % 8]);
            assert_eq!(Sort::from_str(sort.name(), false), Ok(sort));
        }
        for filter in [Filter::None, Filter::Silent, Filter::Dead] {
            assert_eq!(Filter::from_str(filter.name(), false), Ok(filter));
            assert_eq!(filter.next().next().next(), filter);
        }
    }
}
