//! `keys.toml`: the same table as a file. `convscope keys` writes it; `--keys FILE` and the config folder are read.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::key::{Key, KeyError};
use super::keymap::{Command, Keymap};
use crate::folders;

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{} could not be read: {source}; `convscope keys` prints such a file", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It is not TOML, or not of this form.
    #[error(
        "{}: {reason}; write lines such as `next-layer = [\"o\"]` (`convscope keys` prints all of them)",
        path.display()
    )]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What is wrong, and in which line.
        reason: String,
    },
    /// A name that nothing has.
    #[error("{}: nothing is called `{name}`{hint}; `convscope keys` prints all names", path.display())]
    Unknown {
        /// Which file.
        path: PathBuf,
        /// The name.
        name: String,
        /// A name that is like it.
        hint: String,
    },
    /// A key that is none.
    #[error("{}: `{name}`: {reason}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// Of which action.
        name: String,
        /// What is wrong with it.
        reason: KeyError,
    },
    /// One key for two things.
    #[error(
        "{}: `{key}` would do both `{first}` and `{second}`: give one of them another key, or none with `{second} = []`",
        path.display()
    )]
    Clash {
        /// Which file.
        path: PathBuf,
        /// The key.
        key: Key,
        /// One action.
        first: String,
        /// The other.
        second: String,
    },
}

/// `keys.toml` in the settings folder ([`folders::settings`]). It need not exist.
pub fn config_file() -> Option<PathBuf> {
    Some(folders::settings()?.join("keys.toml"))
}

/// Keys of one action, as written.
#[derive(Deserialize)]
#[serde(untagged, expecting = "write a key or a list of keys, such as \"o\" or [\"left\", \"j\"]")]
enum Keys {
    One(String),
    Many(Vec<String>),
}

/// The table with what a file changes: actions that it does not name keep their keys.
///
/// # Errors
/// [`ConfigError`], one sentence that names the file.
pub fn read(path: &Path, table: &Keymap) -> Result<Arc<Keymap>, ConfigError> {
    let text = fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })?;
    parse(path, &text, table)
}

fn parse(path: &Path, text: &str, table: &Keymap) -> Result<Arc<Keymap>, ConfigError> {
    let path = PathBuf::from(path);
    let chosen: BTreeMap<String, Keys> = toml::from_str(text).map_err(|error| {
        let line = error.span().map(|span| text[..span.start.min(text.len())].lines().count().max(1));
        let line = line.map_or(String::new(), |line| format!("line {line}: "));
        let reason = format!("{line}{}", error.message().replace('\n', ", "));
        ConfigError::Syntax { path: path.clone(), reason }
    })?;
    let mut all = table.clone();
    for (name, keys) in chosen {
        let texts = match keys {
            Keys::One(text) => vec![text],
            Keys::Many(texts) => texts,
        };
        let Some(command) = all.commands.iter_mut().find(|command| command.name == name) else {
            let hint =
                nearest(&name, table).map_or(String::new(), |near| format!(" (did you mean `{near}`?)"));
            return Err(ConfigError::Unknown { path, name, hint });
        };
        let keys: Result<Vec<Key>, KeyError> = texts.iter().map(|text| text.parse()).collect();
        command.keys = keys.map_err(|reason| ConfigError::Key { path: path.clone(), name, reason })?;
    }
    match clash(&all.commands) {
        Some((key, first, second)) => Err(ConfigError::Clash { path, key, first, second }),
        None => Ok(Arc::new(all)),
    }
}

fn nearest<'a>(name: &str, table: &'a Keymap) -> Option<&'a str> {
    let likeness = |command: &&Command| strsim::jaro_winkler(&command.name, name);
    let near = table.commands.iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&near) > 0.8).then_some(&*near.name)
}

fn clash(commands: &[Command]) -> Option<(Key, String, String)> {
    let mut owners: BTreeMap<Key, &str> = BTreeMap::new();
    for command in commands {
        for key in &command.keys {
            match owners.insert(*key, &command.name) {
                Some(first) if first != command.name => {
                    return Some((*key, first.into(), command.name.clone()));
                }
                _ => {}
            }
        }
    }
    None
}

/// The table as such a file, with the sentences as comments.
pub fn written(table: &Keymap) -> String {
    let mut text = String::from(
        "# The keys of convscope's view. Lines that are left out keep the keys they have; an empty list leaves an\n\
         # action to the palette alone. Letters lie where the keyboard has them; `shift u`, `ctrl k`, `left`,\n\
         # `shift left`, `space`, `enter`, `esc`, `backspace`, `page up` and `page down` are keys too.\n",
    );
    for command in &table.commands {
        let quoted = |key: &Key| toml::Value::String(key.to_string()).to_string();
        let keys: Vec<String> = command.keys.iter().map(quoted).collect();
        text += &format!("\n# {}\n{} = [{}]\n", command.help, command.name, keys.join(", "));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::action::Action;
    use super::super::table::keymap;
    use super::*;

    fn read(text: &str) -> Result<Arc<Keymap>, String> {
        parse(Path::new("my.toml"), text, &keymap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_written_is_read_as_the_same_table() {
        assert_eq!(read(&written(&keymap())), Ok(keymap()));
        assert_eq!(read(""), Ok(keymap()));
    }

    #[test]
    fn a_file_changes_what_it_names() {
        let table = read(
            "next-layer = \"N\"\nnext-range = []\ngradients = []\nsort-mean = [\"shift m\", \"ctrl m\"]",
        )
        .unwrap();
        assert_eq!(table.keys_for(Action::NextLayer), "n");
        assert_eq!(table.action_of(Key::Char('o')), None);
        assert_eq!(table.keys_for(Action::Sort(crate::view::Sort::Mean)), "shift m  ctrl m");
        assert_eq!(table.key_for(Action::NextNormalize), "palette");
        assert_eq!(table.key_for(Action::PreviousLayer), "u");
    }

    #[test]
    fn mistakes_are_one_sentence_each() {
        for (text, part) in [
            ("next-layer = [", "my.toml: line 1: "),
            ("snapshot = 3", "write a key or a list of keys"),
            ("nxt-layer = \"o\"", "nothing is called `nxt-layer` (did you mean `next-layer`?)"),
            ("snapshot = \"hyper x\"", "`snapshot`: `hyper x` is no key"),
            ("snapshot = \"u\"", "`u` would do both `previous-layer` and `snapshot`"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(part) && !error.contains('\n'), "{error}");
        }
    }
}
