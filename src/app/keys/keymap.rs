//! The table itself: commands with their names, keys and sentences.

use super::action::Action;
use super::key::{Direction, Key};

/// One row of the table.
#[derive(Clone, Debug, PartialEq)]
pub struct Command {
    /// As `keys.toml` has it: `next-layer`.
    pub name: String,
    /// What it does.
    pub action: Action,
    /// The keys, any of which does it; none: it is in the palette only.
    pub keys: Vec<Key>,
    /// In words, for help, palette and README.
    pub help: String,
}

/// All commands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Keymap {
    /// In the order of the help.
    pub commands: Vec<Command>,
}

impl Keymap {
    /// What a key does.
    pub fn action_of(&self, key: Key) -> Option<Action> {
        let command = self.commands.iter().find(|command| command.keys.contains(&key))?;
        Some(match (command.action, key) {
            // One row stands for several keys.
            (Action::Type(_), Key::Char(digit)) => Action::Type(digit),
            (Action::MovePoint(_), Key::Shift(direction)) => Action::MovePoint(direction),
            (action, _) => action,
        })
    }

    /// The row of an action.
    pub fn command(&self, action: Action) -> Option<&Command> {
        self.commands.iter().find(|command| command.action == action)
    }

    /// The keys that do this: `z  enter`; empty where none does.
    pub fn keys_for(&self, action: Action) -> String {
        self.command(action).map_or_else(String::new, Command::keys_in_words)
    }

    /// The first key that does this, for sentences; where none does, how else it is done.
    pub fn key_for(&self, action: Action) -> String {
        let first = self.command(action).and_then(|command| command.keys.first());
        first.map_or_else(|| "palette".into(), Key::to_string)
    }
}

impl Command {
    /// `left  j`
    pub fn keys_in_words(&self) -> String {
        match self.action {
            Action::Type(_) if self.keys == digits() => "0 … 9".into(),
            Action::MovePoint(_) if self.keys == Direction::ALL.map(Key::Shift) => "shift arrows".into(),
            _ => self.keys.iter().map(Key::to_string).collect::<Vec<_>>().join("  "),
        }
    }

    /// False for what has to be typed.
    pub fn is_one_action(&self) -> bool {
        !matches!(self.action, Action::Type(_) | Action::Untype | Action::MovePoint(_))
    }
}

/// The keys 0 to 9.
pub fn digits() -> Vec<Key> {
    ('0'..='9').map(Key::Char).collect()
}
