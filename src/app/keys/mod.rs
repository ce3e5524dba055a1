//! Keys and what they do: one table makes the keys work, the help, the palette, `keys.toml` and the README's list.

mod action;
mod config;
mod key;
mod keymap;
mod spelled;
mod table;

pub use action::Action;
pub use config::{ConfigError, config_file, read, written};
pub use key::{Direction, Key};
pub use keymap::{Command, Keymap};
pub use table::keymap;
