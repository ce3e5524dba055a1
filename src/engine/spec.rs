//! What `--weights` names.

use std::path::PathBuf;
use std::str::FromStr;

use super::error::EngineError;
use crate::weights::fetch::{FetchOptions, path_of};
use crate::weights::manifest::{Entry, Manifest};
use crate::weights::{EMBEDDED_TITLE, UNTRAINED_TITLE};

/// What `--weights` names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum WeightsSpec {
    /// The best there is: ImageNet weights that were fetched, else the embedded network.
    #[default]
    Auto,
    /// ImageNet weights that were fetched, whichever they are.
    Imagenet,
    /// A file of the manifest, by its name there.
    Known(String),
    /// The small network that is built in.
    Embedded,
    /// Random numbers from a seed.
    Untrained,
    /// A weight file.
    File(PathBuf),
}

impl FromStr for WeightsSpec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "" => return Err("it is empty: name a weight file, `imagenet`, `embedded` or `untrained`".into()),
            "auto" => Self::Auto,
            "imagenet" => Self::Imagenet,
            "embedded" => Self::Embedded,
            "untrained" => Self::Untrained,
            name if known(name).is_some() => Self::Known(name.into()),
            path => Self::File(path.into()),
        })
    }
}

/// As typed.
impl std::fmt::Display for WeightsSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Imagenet => f.write_str("imagenet"),
            Self::Embedded => f.write_str("embedded"),
            Self::Untrained => f.write_str("untrained"),
            Self::Known(name) => f.write_str(name),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

impl WeightsSpec {
    /// What a person calls these weights in a heading: the word for them, or the file's name without its ending.
    pub fn short_name(&self) -> String {
        match self {
            Self::File(path) => path.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
            word => word.to_string(),
        }
    }

    /// What the network with these weights is to be called wherever it is shown alone.
    pub fn title(&self) -> String {
        match self {
            Self::Embedded => EMBEDDED_TITLE.into(),
            Self::Untrained => UNTRAINED_TITLE.into(),
            other => format!("weights {}", other.short_name()),
        }
    }

    /// A file, or one of the networks that need none: what these words stand for on this machine, now.
    ///
    /// # Errors
    /// Where a file that is named was not fetched.
    pub fn resolve(&self) -> Result<Self, EngineError> {
        let missing = |command: &str, what: &str| {
            EngineError::new(format!(
                "{what} not on this machine yet: `{command}` gets them, `convscope weights list` shows what there is"
            ))
        };
        match self {
            Self::Auto => Ok(fetched().unwrap_or(Self::Embedded)),
            Self::Imagenet => {
                fetched().ok_or_else(|| missing("convscope weights fetch", "ImageNet weights are known, but"))
            }
            Self::Known(name) => {
                let path = known(name).and_then(|entry| cached(&entry));
                path.map(Self::File).ok_or_else(|| {
                    missing(
                        &format!("convscope weights fetch {name}"),
                        &format!("the weights `{name}` are known, but"),
                    )
                })
            }
            Self::Embedded | Self::Untrained | Self::File(_) => Ok(self.clone()),
        }
    }
}

fn known(name: &str) -> Option<Entry> {
    Manifest::current().ok()?.find(name).ok().cloned()
}

/// The first file of the manifest that is in the cache.
fn fetched() -> Option<WeightsSpec> {
    let manifest = Manifest::current().ok()?;
    manifest.entries.iter().find_map(cached).map(WeightsSpec::File)
}

/// A file appears in the cache only when it is whole and checked.
fn cached(entry: &Entry) -> Option<PathBuf> {
    path_of(entry, &FetchOptions::default()).ok().filter(|path| path.is_file())
}

/// Names for weights that are shown beside each other, no two of them the same.
pub fn distinct_names(all: &[&WeightsSpec]) -> Vec<String> {
    let mut names: Vec<String> = Vec::with_capacity(all.len());
    for spec in all {
        let same_name = all.iter().filter(|other| other.short_name() == spec.short_name()).count() > 1;
        let name = if same_name { spec.to_string() } else { spec.short_name() };
        let number = (2..).find(|number| !names.contains(&format!("{name} ({number})")));
        names.push(match number {
            Some(number) if names.contains(&name) => format!("{name} ({number})"),
            _ => name,
        });
    }
    names
}

/// Heading of the main network's values minus those of another. The word comes first: a long name is cut at its end.
pub fn difference_name(other: &str) -> String {
    format!("difference from {other}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_named_by_word_or_path() {
        assert_eq!("untrained".parse(), Ok(WeightsSpec::Untrained));
        assert_eq!("keras".parse(), Ok(WeightsSpec::Known("keras".into())));
        assert_eq!("./keras".parse(), Ok(WeightsSpec::File("./keras".into())));
        assert_eq!("./untrained".parse(), Ok(WeightsSpec::File("./untrained".into())));
        assert!("".parse::<WeightsSpec>().is_err());
        assert_eq!(WeightsSpec::File("a/b.safetensors".into()).short_name(), "b");
    }

    #[test]
    fn no_two_columns_have_the_same_name() {
        let file = |path: &str| WeightsSpec::File(path.into());
        let (a, b, c) = (file("a/m.pth"), file("b/m.pth"), file("c.pth"));
        assert_eq!(distinct_names(&[&a, &b, &c]), ["a/m.pth", "b/m.pth", "c"]);
        let same = &WeightsSpec::Untrained;
        assert_eq!(distinct_names(&[same, same, same]), ["untrained", "untrained (2)", "untrained (3)"]);
    }
}
