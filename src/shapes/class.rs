//! What the embedded network knows: the classes and their names.

/// What the embedded network knows, in the order of its outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Class {
    Nothing,
    Stripes,
    Checks,
    Dots,
    Rings,
    Circle,
    Triangle,
    Square,
    Pentagon,
    Star,
    Heart,
    Cross,
    Arrow,
    Spiral,
    Moon,
    Smiley,
    LetterA,
    LetterE,
    LetterK,
    LetterR,
    Digit2,
    Digit3,
    Digit4,
    Digit8,
    Wood,
    Bricks,
    Clouds,
}

impl Class {
    /// All classes, in the order of the network's outputs.
    pub const ALL: [Self; 27] = [
        Self::Nothing,
        Self::Stripes,
        Self::Checks,
        Self::Dots,
        Self::Rings,
        Self::Circle,
        Self::Triangle,
        Self::Square,
        Self::Pentagon,
        Self::Star,
        Self::Heart,
        Self::Cross,
        Self::Arrow,
        Self::Spiral,
        Self::Moon,
        Self::Smiley,
        Self::LetterA,
        Self::LetterE,
        Self::LetterK,
        Self::LetterR,
        Self::Digit2,
        Self::Digit3,
        Self::Digit4,
        Self::Digit8,
        Self::Wood,
        Self::Bricks,
        Self::Clouds,
    ];

    /// What a person calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing in particular",
            Self::Stripes => "stripes",
            Self::Checks => "checks",
            Self::Dots => "dots",
            Self::Rings => "rings",
            Self::Circle => "a circle",
            Self::Triangle => "a triangle",
            Self::Square => "a square",
            Self::Pentagon => "a pentagon",
            Self::Star => "a star",
            Self::Heart => "a heart",
            Self::Cross => "a cross",
            Self::Arrow => "an arrow",
            Self::Spiral => "a spiral",
            Self::Moon => "a crescent moon",
            Self::Smiley => "a smiley",
            Self::LetterA => "the letter A",
            Self::LetterE => "the letter E",
            Self::LetterK => "the letter K",
            Self::LetterR => "the letter R",
            Self::Digit2 => "the digit 2",
            Self::Digit3 => "the digit 3",
            Self::Digit4 => "the digit 4",
            Self::Digit8 => "the digit 8",
            Self::Wood => "wood",
            Self::Bricks => "bricks",
            Self::Clouds => "clouds",
        }
    }

    /// Its number among the network's outputs.
    pub fn index(self) -> usize {
        Self::ALL.iter().position(|class| *class == self).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_numbered_and_named_in_order() {
        for (i, class) in Class::ALL.into_iter().enumerate() {
            assert_eq!(class.index(), i);
            assert!(Class::ALL[..i].iter().all(|other| other.name() != class.name()));
        }
    }
}
