//! What is looked at of a file: its bytes, and what they are once they are taken for text, JSON, a zip or a tar archive.

use std::borrow::Cow;
use std::io::Read;

use serde_json::Value as Json;

use crate::weights::zip::Archive;

/// As much of a text as is looked at.
const HEAD: usize = 4096;

/// Bytes of a JSON file that is looked into.
const MAX_JSON: usize = 64 << 20;

/// Letters of a line that is shown.
const MAX_LINE: usize = 60;

/// Files of a tar archive that are looked at.
const MAX_TAR: usize = 1000;

/// Endings of files that are read.
pub(super) const READ: [&str; 9] =
    [".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".onnx", ".keras", ".h5", ".pdparams"];

/// A file to be told.
pub struct Seen<'a> {
    pub(super) name: &'a str,
    pub(super) bytes: &'a [u8],
    beside: &'a [String],
    /// Its beginning in small letters, without blanks in front, where it is a text.
    pub(super) text: Option<String>,
    pub(super) json: Option<Json>,
    /// Names of what is in a zip archive.
    pub(super) entries: Vec<String>,
    /// The instructions of a pickle.
    pub(super) pickle: Option<&'a [u8]>,
}

impl<'a> Seen<'a> {
    /// A file that is whole in memory, its name, and the names of the files beside it.
    pub fn new(name: &'a str, bytes: &'a [u8], beside: &'a [String]) -> Self {
        let archive = bytes.starts_with(b"PK\x03\x04").then(|| Archive::open(bytes).ok()).flatten();
        let mut pickle = matches!(bytes, [0x80, 2..=5, ..]).then_some(bytes);
        let mut entries = vec![];
        if let Some(archive) = &archive {
            let data = archive.entries.iter().find(|entry| entry.name.ends_with("data.pkl"));
            pickle = data.and_then(|entry| archive.data(entry).ok());
            entries.extend(archive.entries.iter().map(|entry| entry.name.to_string()));
        }
        let text = text(bytes);
        let is_json = text.as_ref().is_some_and(|text| text.starts_with('{')) && bytes.len() <= MAX_JSON;
        let json = is_json.then(|| serde_json::from_slice(behind_mark(bytes)).ok()).flatten();
        let text = text.map(|text| text.to_lowercase());
        Self { name, bytes, beside, text, json, entries, pickle }
    }

    pub(super) fn lies_beside(&self, own: &str, other: &str) -> bool {
        let stem = self.name.find(own).filter(|&at| at > 0).map(|at| &self.name[..at]);
        stem.is_some_and(|stem| {
            self.beside.iter().any(|name| name.strip_prefix(stem).is_some_and(|rest| rest == other))
        })
    }

    /// The first file in an archive that could be read, by its name.
    pub(super) fn weight_file_inside(&self) -> Option<String> {
        let names = match self.entries.is_empty() {
            true => tar_names(self.bytes),
            false => self.entries.clone(),
        };
        let is_read = |name: &&String| READ.iter().any(|ending| name.ends_with(ending));
        names.iter().find(is_read).map(|name| short(name))
    }

    /// The first line of a text.
    pub(super) fn first_line(&self) -> Option<String> {
        let text = text(self.bytes)?;
        text.lines().next().map(short)
    }
}

/// As a sentence can show it between backticks.
fn short(line: &str) -> String {
    let mut shown: String = line
        .trim_end()
        .chars()
        .take(MAX_LINE)
        .map(|letter| if letter == '`' { '\'' } else { letter })
        .collect();
    if line.chars().nth(MAX_LINE).is_some() {
        shown.push('…');
    }
    shown
}

/// What is behind the mark that Windows puts in front of UTF-8.
fn behind_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// The beginning of a text, without blanks in front; `None` for anything else.
fn text(bytes: &[u8]) -> Option<String> {
    let head = behind_mark(&bytes[..bytes.len().min(HEAD)]);
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // A letter that the end cuts.
        Err(error) if error.error_len().is_none() && bytes.len() > HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |letter: char| !letter.is_control() || letter.is_ascii_whitespace();
    let text = text.trim_start();
    (!text.is_empty() && text.chars().all(is_text)).then(|| text.into())
}

/// The files in a tar archive, packed by gzip or not.
fn tar_names(bytes: &[u8]) -> Vec<String> {
    let bytes: Cow<'_, [u8]> = match bytes.starts_with(b"\x1f\x8b") {
        true => {
            let mut begin = vec![];
            let mut unpacked = flate2::read::GzDecoder::new(bytes).take(64 << 10);
            // What does not unpack has no names.
            let _ = unpacked.read_to_end(&mut begin);
            begin.into()
        }
        false => bytes.into(),
    };
    let mut names = vec![];
    let mut rest = &*bytes;
    while let Some((header, content)) = rest.split_first_chunk::<512>().filter(|_| names.len() < MAX_TAR) {
        if header[257..262] != *b"ustar" {
            break;
        }
        let until_zero = |field: &[u8]| {
            String::from_utf8_lossy(field.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
        };
        names.push(until_zero(&header[..100]));
        let size = usize::from_str_radix(until_zero(&header[124..136]).trim(), 8).unwrap_or(usize::MAX);
        let Some(next) = size.checked_next_multiple_of(512).and_then(|size| content.get(size..)) else {
            break;
        };
        rest = next;
    }
    names
}
