//! The pictures of a folder and of all folders below it. Called on the capture thread.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use crate::source::frame_source::SourceError;
use crate::source::kind::{self, Content, Kind};
use crate::source::video;

/// Folders below each other at most.
const MOST_DEEP: usize = 32;

/// Files and folders that are looked at, at most.
const MOST_ENTRIES: usize = 1_000_000;

/// Files whose names do not say what they are and that are opened for it, at most.
const MOST_OPENED: usize = 1_000;

/// What systems and programs keep in folders for themselves; so do names that begin with a dot.
const NOT_THE_USERS: [&str; 10] = [
    "__MACOSX",
    "@eaDir",
    "@Recycle",
    "#recycle",
    "$RECYCLE.BIN",
    "System Volume Information",
    "lost+found",
    "Thumbs.db",
    "desktop.ini",
    "__pycache__",
];

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Paths of the pictures within the folder, in the natural order of their names: 2 before 10.
    pub pictures: Vec<PathBuf>,
    /// What is no picture that is read.
    passed_over: Vec<(&'static Kind, usize)>,
    /// Of no known kind.
    unknown: usize,
    dead_links: usize,
    closed_folders: usize,
    is_cut: bool,
}

/// Lists a folder: files whose names end as pictures' do and, where endings are unknown, those that begin as pictures do.
/// Links are followed, and each folder is listed once, with the name that it has without links where it has one.
///
/// # Errors
/// [`SourceError::File`] where the folder may not be read; [`SourceError::EmptyFolder`] where there is no picture in it.
pub(super) fn list(folder: &Path) -> Result<Listing, SourceError> {
    let unreadable = |error: &io::Error| SourceError::unreadable(folder, error);
    let top = Place {
        within: PathBuf::new(),
        real: fs::canonicalize(folder).map_err(|error| unreadable(&error))?,
        depth: 0,
    };
    fs::read_dir(folder).map_err(|error| unreadable(&error))?;
    let mut walk = Walk { folder, listing: Listing::default(), opened: 0, looked_at: 0, links: vec![] };
    let (mut places, mut seen) = (vec![top], HashSet::new());
    while let Some(place) = places.pop().or_else(|| walk.links.pop()) {
        if seen.insert(place.real.clone()) {
            walk.look_into(&place, &mut places);
        }
    }
    let mut listing = walk.listing;
    listing.pictures.sort_by(|a, b| by_path(a, b));
    if listing.pictures.is_empty() {
        let holds = listing.in_words().map_or(String::new(), |words| format!("; in it: {words}"));
        return Err(SourceError::EmptyFolder { path: folder.to_owned(), holds });
    }
    Ok(listing)
}

/// A folder that is to be listed.
struct Place {
    /// Its path within the folder that was named.
    within: PathBuf,
    /// The same without links.
    real: PathBuf,
    depth: usize,
}

struct Walk<'a> {
    folder: &'a Path,
    listing: Listing,
    opened: usize,
    looked_at: usize,
    /// Folders that are links: they come last, so that a folder has its own name where it is there twice.
    links: Vec<Place>,
}

impl Walk<'_> {
    fn look_into(&mut self, place: &Place, places: &mut Vec<Place>) {
        let Ok(entries) = fs::read_dir(self.folder.join(&place.within)) else {
            self.listing.closed_folders += 1;
            return;
        };
        for entry in entries.filter_map(Result::ok) {
            if self.looked_at == MOST_ENTRIES {
                self.listing.is_cut = true;
                return;
            }
            self.looked_at += 1;
            self.look_at(&entry, place, places);
        }
    }

    fn look_at(&mut self, entry: &DirEntry, place: &Place, places: &mut Vec<Place>) {
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || NOT_THE_USERS.iter().any(|known| name == *known) {
            return;
        }
        let (path, within) = (entry.path(), place.within.join(&name));
        let Ok(kind) = entry.file_type() else { return };
        let (is_link, kind) = match kind.is_symlink() {
            true => match fs::metadata(&path) {
                Ok(target) => (true, target.file_type()),
                Err(_) => return self.listing.dead_links += 1,
            },
            false => (false, kind),
        };
        if kind.is_file() {
            return self.look_at_file(&path, within);
        }
        // A pipe or a device could block or never end.
        if !kind.is_dir() {
            return self.listing.unknown += 1;
        }
        if place.depth == MOST_DEEP {
            return self.listing.is_cut = true;
        }
        let depth = place.depth + 1;
        if !is_link {
            places.push(Place { within, real: place.real.join(&name), depth });
        } else if let Ok(real) = fs::canonicalize(&path) {
            // A link to a folder around it would bring in all that lies beside the folder that was named.
            if !place.real.starts_with(&real) {
                self.links.push(Place { within, real, depth });
            }
        } else {
            self.listing.closed_folders += 1;
        }
    }

    fn look_at_file(&mut self, path: &Path, within: PathBuf) {
        let content = kind::promised(path).unwrap_or_else(|| self.open(path));
        match content {
            Content::Picture => self.listing.pictures.push(within),
            Content::Unknown => self.listing.unknown += 1,
            Content::Other(kind) => {
                let known = self.listing.passed_over.iter_mut().find(|(known, _)| *known == kind);
                match known {
                    Some((_, count)) => *count += 1,
                    None => self.listing.passed_over.push((kind, 1)),
                }
            }
        }
    }

    /// What a file's first bytes say, where its name does not.
    fn open(&mut self, path: &Path) -> Content {
        // Files of /proc and their like have no length, and reading them may block.
        let is_empty = fs::metadata(path).map_or(true, |about| about.len() == 0);
        if is_empty || self.opened == MOST_OPENED {
            return Content::Unknown;
        }
        self.opened += 1;
        if video::is_video(path) {
            return Content::Other(kind::video());
        }
        kind::of(path).unwrap_or(Content::Unknown)
    }
}

impl Listing {
    /// What was left out, where that is more than texts beside the pictures.
    pub fn note(&self) -> Option<String> {
        let is_worth_a_word = self.unknown + self.dead_links + self.closed_folders > 0
            || self.is_cut
            || self.passed_over.iter().any(|(kind, _)| !kind.is_text());
        self.in_words().filter(|_| is_worth_a_word).map(|words| format!("left out: {words}"))
    }

    fn in_words(&self) -> Option<String> {
        let mut kinds: Vec<_> = self.passed_over.iter().filter(|(kind, _)| !kind.is_text()).collect();
        kinds.sort_by_key(|(kind, count)| (usize::MAX - count, kind.many));
        let named =
            |(kind, count): &(&Kind, usize)| format!("{} ({})", kind.count(*count), kind.advice("FILE"));
        let mut parts: Vec<_> = kinds.into_iter().map(named).collect();
        let texts: usize =
            self.passed_over.iter().filter(|(kind, _)| kind.is_text()).map(|(_, count)| count).sum();
        let plain = |count: usize, one: &str, many: &str| match count {
            0 => None,
            1 => Some(format!("1 {one}")),
            _ => Some(format!("{count} {many}")),
        };
        parts.extend(plain(self.unknown + texts, "other file", "other files"));
        parts.extend(plain(
            self.dead_links,
            "link that leads nowhere",
            "links that lead nowhere (of git-annex: `git annex get .`)",
        ));
        parts.extend(plain(
            self.closed_folders,
            "folder that may not be read",
            "folders that may not be read",
        ));
        if self.is_cut {
            parts.push(format!("what comes behind {MOST_ENTRIES} files or lies {MOST_DEEP} folders deep"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// Folder by folder, in the natural order of names.
pub fn by_path(a: &Path, b: &Path) -> Ordering {
    let parts = a
        .iter()
        .zip(b.iter())
        .map(|(a, b)| natural_order(&a.to_string_lossy(), &b.to_string_lossy()).then_with(|| a.cmp(b)));
    let different = parts.into_iter().find(|order| order.is_ne());
    different.unwrap_or_else(|| a.iter().count().cmp(&b.iter().count()))
}

/// Compares names as people order them: runs of digits by their value, letters whatever their case.
fn natural_order(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let (digits_a, digits_b) = (leading_digits(a), leading_digits(b));
        if !digits_a.is_empty() && !digits_b.is_empty() {
            // Of numbers without leading zeros, the longer one is larger; there may be more digits than fit
            // any integer type.
            let (value_a, value_b) = (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
            let order = value_a.len().cmp(&value_b.len()).then_with(|| value_a.cmp(value_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
            continue;
        }
        let (mut rest_a, mut rest_b) = (a.chars(), b.chars());
        match (rest_a.next(), rest_b.next()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(char_a), Some(char_b)) => {
                let order = char_a.to_lowercase().cmp(char_b.to_lowercase());
                if order != Ordering::Equal {
                    return order;
                }
            }
        }
        (a, b) = (rest_a.as_str(), rest_b.as_str());
    }
}

fn leading_digits(text: &str) -> &str {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

#[cfg(all(test, unix))]
mod tests;
