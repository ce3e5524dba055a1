//! Keys by name, free of any window system.

use std::fmt;
use std::str::FromStr;

/// A key, with the modifiers that make it another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// What the key types; a letter is upper case with shift, whatever Caps Lock says.
    Char(char),
    /// A letter, in lower case, with ctrl.
    Ctrl(char),
    /// An arrow.
    Arrow(Direction),
    /// An arrow with shift.
    Shift(Direction),
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Escape.
    Escape,
    /// Return.
    Enter,
    /// Backspace.
    Backspace,
}

/// Where an arrow points.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Direction {
    /// ←
    Left,
    /// →
    Right,
    /// ↑
    Up,
    /// ↓
    Down,
}

impl Direction {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Left, Self::Right, Self::Up, Self::Down];

    fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Right => "right",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

/// Keys that have a name of their own.
const NAMED: [(Key, &str); 6] = [
    (Key::Char(' '), "space"),
    (Key::PageUp, "page up"),
    (Key::PageDown, "page down"),
    (Key::Escape, "esc"),
    (Key::Enter, "enter"),
    (Key::Backspace, "backspace"),
];

/// The key as people call it, and as `keys.toml` has it: `u`, `shift u`, `ctrl k`, `shift left`, `page up`.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((_, name)) = NAMED.iter().find(|(key, _)| key == self) {
            return f.write_str(name);
        }
        match self {
            Self::Char(c) if c.is_uppercase() => write!(f, "shift {}", c.to_lowercase()),
            Self::Char(c) => write!(f, "{c}"),
            Self::Ctrl(c) => write!(f, "ctrl {c}"),
            Self::Arrow(direction) => f.write_str(direction.name()),
            Self::Shift(direction) => write!(f, "shift {}", direction.name()),
            Self::PageUp | Self::PageDown | Self::Escape | Self::Enter | Self::Backspace => Ok(()),
        }
    }
}

/// Why a text names no key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no key: write a letter or sign such as `u` or `+`, `shift u`, `ctrl k`, `left`, `shift left`, `space`, \
     `enter`, `esc`, `backspace`, `page up` or `page down`"
)]
pub struct KeyError(String);

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let arrow = |word: &str| Direction::ALL.into_iter().find(|direction| direction.name() == word);
        let sign = |word: &str| {
            let mut signs = word.chars();
            signs.next().filter(|c| signs.next().is_none() && !c.is_control())
        };
        let whole = words.join(" ");
        let named = NAMED.iter().find(|(_, name)| *name == whole).map(|(key, _)| *key);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let key = named.or_else(|| match words[..] {
            ["shift", word] => match (arrow(word), sign(word)) {
                (Some(direction), _) => Some(Self::Shift(direction)),
                // Of a sign, shift is part of what it types.
                (None, Some(c)) if c.is_alphabetic() => c.to_uppercase().next().map(Self::Char),
                _ => None,
            },
            ["ctrl", word] => sign(word).filter(|c| c.is_alphabetic()).map(Self::Ctrl),
            [word] => arrow(word).map(Self::Arrow).or_else(|| sign(word).map(Self::Char)),
            _ => None,
        });
        key.ok_or_else(|| KeyError(text.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_they_are_written() {
        let letters = ['u', 'U', '+', '?', ' ', 'é'].map(Key::Char);
        let arrows = Direction::ALL.into_iter().flat_map(|d| [Key::Arrow(d), Key::Shift(d)]);
        let others = [Key::Ctrl('k'), Key::PageUp, Key::PageDown, Key::Escape, Key::Enter, Key::Backspace];
        for key in letters.into_iter().chain(arrows).chain(others) {
            assert_eq!(key.to_string().parse(), Ok(key), "{key}");
        }
        assert_eq!(("Shift  U".parse(), "PAGE UP".parse()), (Ok(Key::Char('U')), Ok(Key::PageUp)));
        for text in ["", "uu", "shift", "shift +", "ctrl", "ctrl 1", "ctrl shift u", "F1", "alt u"] {
            assert!(text.parse::<Key>().is_err(), "{text}");
        }
    }
}
