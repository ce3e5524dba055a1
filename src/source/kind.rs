//! Files that are no pictures to be read: told by their first bytes or, in folders, by the endings of their names, each with
//! what to do about it. Pure but for reading the beginning of a file.

mod head;
mod table;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(super) use self::head::is_heif;
pub use self::table::Kind;
use self::table::{KINDS, RAW, VIDEO};

/// Enough for five packets of a transport stream, or for the words at the top of a page.
pub(super) const HEAD_BYTES: u64 = 4096;

/// Endings of pictures that are read, in small letters.
const PICTURE_ENDINGS: [&str; 23] = [
    "heic", "heif", "hif", "png", "apng", "jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "mpo", "gif", "bmp",
    "dib", "webp", "tif", "tiff", "pbm", "pgm", "ppm", "pnm", "pam",
];

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Content {
    /// A picture as they are read, or damaged.
    Picture,
    /// Something else.
    Other(&'static Kind),
    /// Nothing that is known.
    Unknown,
}

/// What a file is by its first bytes; where they say nothing, by its ending, unless that is a video's.
///
/// # Errors
/// When it cannot be read.
pub fn of(path: &Path) -> io::Result<Content> {
    Ok(match (by_content(path)?, promised(path)) {
        (Content::Unknown, Some(Content::Other(kind))) if *kind != VIDEO => Content::Other(kind),
        (content, _) => content,
    })
}

/// What a file is by its first bytes.
///
/// # Errors
/// When it cannot be read.
pub fn by_content(path: &Path) -> io::Result<Content> {
    let mut head = Vec::new();
    File::open(path)?.take(HEAD_BYTES).read_to_end(&mut head)?;
    Ok(told(&head, path))
}

/// The kind of videos.
pub fn video() -> &'static Kind {
    &VIDEO
}

/// Why a file of this kind is not read, and what to do.
pub fn refusal(kind: &Kind, path: &Path) -> String {
    format!("{}, which is not read: {}", kind.one, kind.advice(&quoted(&path.to_string_lossy())))
}

/// What the ending of a file's name promises; `None` where it has none, or an unknown one.
pub fn promised(path: &Path) -> Option<Content> {
    let ending = path.extension()?.to_str()?.to_ascii_lowercase();
    if PICTURE_ENDINGS.contains(&&*ending) {
        return Some(Content::Picture);
    }
    KINDS.iter().copied().find(|kind| kind.endings.contains(&&*ending)).map(Content::Other)
}

fn told(head: &[u8], path: &Path) -> Content {
    if is_picture(head) {
        // Many cameras' raw files are TIFFs whose first picture is a tiny one.
        let is_tiff = head.starts_with(b"II") || head.starts_with(b"MM");
        let is_raw = (RAW.begins)(head) || is_tiff && promised(path) == Some(Content::Other(&RAW));
        return if is_raw { Content::Other(&RAW) } else { Content::Picture };
    }
    KINDS.iter().copied().find(|kind| (kind.begins)(head)).map_or(Content::Unknown, Content::Other)
}

/// True where a file begins as pictures do that are read.
pub(super) fn is_picture(head: &[u8]) -> bool {
    let is_big_tiff = head.starts_with(b"II+\0") || head.starts_with(b"MM\0+");
    is_big_tiff || is_heif(head) || image::guess_format(head).is_ok_and(|format| format.reading_enabled())
}

/// A name as a shell takes it.
fn quoted(name: &str) -> String {
    let is_plain = |character: char| character.is_alphanumeric() || "._-/+,:@=%".contains(character);
    if name.chars().all(is_plain) { name.into() } else { format!("'{}'", name.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests;
