//! Weight files that convscope knows where to get (`models/manifest.toml`). Pure; any thread.
//!
//! The facts are those their publishers give, with the places they come from. A checksum nobody publishes is left
//! out; [`super::fetch`] then holds a file to the SHA-256 it had when it was first seen.

use serde::Deserialize;

use super::file::Layout;
use crate::model::{AvgPool, InputScale};

/// No weight file may be larger: 2 GiB, twenty times an InceptionV3.
pub const MAX_BYTES: u64 = 2 << 30;

/// Names another manifest in place of the one that is built in: a lab's own weights.
const VARIABLE: &str = "CONVSCOPE_MANIFEST";

/// Names less alike than this (Jaro-Winkler, 0 to 1) are not offered as what was meant.
const MIN_LIKENESS: f64 = 0.7;

/// Known weight files.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// One entry a file, in the order in which they are listed.
    #[serde(rename = "file")]
    pub entries: Vec<Entry>,
}

/// One weight file.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What the user types.
    pub name: String,
    /// What it is, in a line.
    pub about: String,
    /// Its name in the cache and on mirrors; of letters, digits, `.`, `_` and `-`.
    pub file: String,
    /// Where its publisher keeps it: https, or http of this machine.
    pub url: String,
    /// Bytes, where known; at most [`MAX_BYTES`].
    pub size: Option<u64>,
    /// What its content must hash to, where published.
    pub checksum: Option<Checksum>,
    /// How the parameters lie in the file.
    pub layout: Layout,
    /// What average pooling does at borders, in the program named by `reproduces`.
    pub average_pooling: AvgPool,
    /// The program whose answers these weights give with that pooling.
    pub reproduces: String,
    /// What the network expects pixels to be.
    pub input: InputScale,
    /// What the classifier's outputs mean.
    pub labels: LabelSet,
    /// SPDX identifier.
    pub licence: String,
    /// Where these facts can be read.
    pub sources: Vec<String>,
}

/// What a file's content must hash to. Hexadecimal, lower case.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Checksum {
    /// SHA-256, 64 digits.
    Sha256(String),
    /// MD5, 32 digits. Shows damage; against malice it is the server's certificate that helps.
    Md5(String),
    /// The first digits, at least 8, of the SHA-256.
    Sha256Prefix(String),
}

/// What the classifier's outputs mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LabelSet {
    /// The 1000 classes of ILSVRC2012 in the order of their WordNet ids.
    #[serde(rename = "imagenet-1k")]
    Imagenet1k,
}

/// Why there is no such entry.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// The text is not a manifest.
    #[error("the list of weight files cannot be read: {0}")]
    Syntax(String),
    /// An entry contradicts the rules of [`Entry`].
    #[error("the weight file `{name}` is described wrongly: {reason}; correct its entry in the manifest")]
    Entry {
        /// Name of the entry.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// No entry has this name.
    #[error("no weight file is called `{name}`{}; known are {known}", suggestion.as_ref().map_or(String::new(), |meant| format!(" (did you mean `{meant}`?)")))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The likeliest name.
        suggestion: Option<String>,
        /// All names.
        known: String,
    },
}

impl Manifest {
    /// The files that are known here: those of the manifest that the variable `CONVSCOPE_MANIFEST` names, else
    /// those convscope comes knowing.
    ///
    /// # Errors
    /// Where the named manifest cannot be read or is wrong.
    pub fn current() -> Result<Self, ManifestError> {
        let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) else {
            return Self::built_in();
        };
        let text = std::fs::read_to_string(&path).map_err(|source| {
            let path = path.to_string_lossy();
            ManifestError::Syntax(format!("{VARIABLE} names {path}: {source}"))
        })?;
        Self::parse(&text)
    }

    /// The files convscope comes knowing.
    ///
    /// # Errors
    /// Never with the manifest as it is built in; the tests read it.
    pub fn built_in() -> Result<Self, ManifestError> {
        Self::parse(include_str!("../../models/manifest.toml"))
    }

    /// Reads and checks a manifest, TOML.
    ///
    /// # Errors
    /// Unknown or missing keys, and whatever [`Entry::check`] finds; two entries of one name or file.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        let manifest: Self =
            toml::from_str(text).map_err(|error| ManifestError::Syntax(error.to_string()))?;
        for (index, entry) in manifest.entries.iter().enumerate() {
            entry.check()?;
            let before = &manifest.entries[..index];
            if before.iter().any(|other| other.name == entry.name || other.file == entry.file) {
                return Err(entry.wrong("another entry has its name or file"));
            }
        }
        Ok(manifest)
    }

    /// The entry of this name.
    ///
    /// # Errors
    /// [`ManifestError::Unknown`] lists the names and says which was likely meant.
    pub fn find(&self, name: &str) -> Result<&Entry, ManifestError> {
        self.entries.iter().find(|entry| entry.name == name).ok_or_else(|| {
            let likeness = |known: &str| strsim::jaro_winkler(known, name);
            let names = self.entries.iter().map(|entry| entry.name.as_str());
            let meant = names.clone().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
            ManifestError::Unknown {
                name: name.into(),
                suggestion: meant.filter(|meant| likeness(meant) >= MIN_LIKENESS).map(Into::into),
                known: names.collect::<Vec<_>>().join(", "),
            }
        })
    }
}

impl Entry {
    /// Holds the entry to what its fields promise. The URL is checked where it is used.
    ///
    /// # Errors
    /// [`ManifestError::Entry`]
    pub fn check(&self) -> Result<(), ManifestError> {
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('.')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        if !plain(&self.name) || !plain(&self.file) {
            return Err(self.wrong("name and file are of letters, digits, `.`, `_` and `-`"));
        }
        if self.size.is_some_and(|size| size == 0 || size > MAX_BYTES) {
            return Err(self.wrong("the size is not within 1 byte to 2 GiB"));
        }
        let (digits, lengths) = match &self.checksum {
            None => return Ok(()),
            Some(Checksum::Sha256(digits)) => (digits, 64..=64),
            Some(Checksum::Md5(digits)) => (digits, 32..=32),
            Some(Checksum::Sha256Prefix(digits)) => (digits, 8..=63),
        };
        let hexadecimal = digits.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if !hexadecimal || !lengths.contains(&digits.len()) {
            return Err(self.wrong("the checksum is not of that many lower-case hexadecimal digits"));
        }
        Ok(())
    }

    fn wrong(&self, reason: &str) -> ManifestError {
        ManifestError::Entry { name: self.name.clone(), reason: reason.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_built_in_is_sound() {
        let manifest = Manifest::built_in().unwrap();
        assert!(manifest.entries.len() >= 4);
        for entry in &manifest.entries {
            assert!(entry.url.starts_with("https://"), "{}", entry.name);
            assert!(!entry.sources.is_empty(), "{}", entry.name);
            let keras_like = entry.layout == Layout::KerasLegacy;
            assert_eq!(entry.average_pooling == AvgPool::Exclude, keras_like, "{}", entry.name);
        }
        let keras = manifest.find("keras").unwrap();
        assert_eq!(keras.checksum, Some(Checksum::Md5("9a0d58056eeedaa3f26cb7ebd46da564".into())));
        let torchvision = manifest.find("torchvision").unwrap();
        let Some(Checksum::Sha256Prefix(digits)) = &torchvision.checksum else { panic!() };
        assert!(torchvision.file.contains(digits.as_str()) && torchvision.url.ends_with(&torchvision.file));
    }

    #[test]
    fn an_unknown_name_is_answered_with_the_likeliest() {
        let manifest = Manifest::built_in().unwrap();
        let message = manifest.find("torchvison").unwrap_err().to_string();
        assert!(message.contains("did you mean `torchvision`?"), "{message}");
        assert!(message.contains("timm-tf_in1k"), "{message}");
        let message = manifest.find("zzzz").unwrap_err().to_string();
        assert!(!message.contains("did you mean"), "{message}");
    }

    #[test]
    fn wrong_entries_are_refused() {
        let good = r#"[[file]]
name = "a"
about = ""
file = "a.safetensors"
url = "https://example.org/a"
checksum = { sha256_prefix = "0cc3c7bd" }
layout = "safetensors"
average_pooling = "include"
reproduces = "timm"
input = "-1..1"
labels = "imagenet-1k"
licence = "MIT"
sources = []
"#;
        Manifest::parse(good).unwrap();
        for (from, to) in [
            ("\"a.safetensors\"", "\"../a\""),
            ("\"a.safetensors\"", "\".a\""),
            ("name = \"a\"", "name = \"a b\""),
            ("0cc3c7bd", "0CC3C7BD"),
            ("0cc3c7bd", "0cc3c7"),
            ("sha256_prefix", "sha256"),
            ("sha256_prefix", "crc"),
            ("licence", "size = 0\nlicence"),
            ("licence", "size = 2147483649\nlicence"),
            ("licence", "surprise = 1\nlicence"),
            ("\"include\"", "\"sometimes\""),
        ] {
            let text = good.replacen(from, to, 1);
            assert!(Manifest::parse(&text).is_err(), "{text}");
        }
        assert!(Manifest::parse(&good.repeat(2)).is_err());
    }
}
