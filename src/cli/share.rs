//! Which pictures of a run are worked on: all, every so manyth, or those that an earlier run had not come to.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use serde::{Deserialize, Serialize};

/// `--shard I/N`: of the pictures every Nth, the Ith first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 1.
    pub number: u64,
    /// Into how many the pictures are dealt out.
    pub of: u64,
}

/// Most parts of a run.
const MOST: u64 = 100_000;

impl Default for Shard {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers = text.split_once('/').map(|(number, of)| (number.trim().parse(), of.trim().parse()));
        match numbers {
            Some((Ok(number), Ok(of))) if (1..=of).contains(&number) && of <= MOST => Ok(Self { number, of }),
            _ => Err(format!("write which part of how many, as in 3/8 (at most {MOST})")),
        }
    }
}

/// As typed.
impl std::fmt::Display for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

/// How far a run has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Pictures that it has come to, also those that other shards have or that cannot be read: their places in the order of
    /// all.
    pub places: u64,
    /// Pictures that were worked on.
    pub pictures: u64,
    /// Pictures that could not be read.
    pub troubles: u64,
    /// Files that were not read to their end.
    pub incomplete: u64,
}

impl Tally {
    /// Of two shards. How far each has come is then of no more interest.
    pub fn join(&mut self, other: Self) {
        self.places = self.places.max(other.places);
        self.pictures += other.pictures;
        self.troubles += other.troubles;
        self.incomplete += other.incomplete;
    }

    /// What is to be said at the end where not all could be read.
    pub fn trouble(&self) -> Option<String> {
        match (self.troubles, self.incomplete) {
            (0, 0) => None,
            (0, 1) => Some("a file could not be read to its end".into()),
            (0, several) => Some(format!("{several} files could not be read to their end")),
            (troubles, _) => {
                Some(format!("{troubles} of {} pictures could not be read", self.pictures + troubles))
            }
        }
    }
}

/// How far a part has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Of how many it is which.
    pub shard: Shard,
    /// What was done of it.
    pub tally: Tally,
}

/// What of all pictures is to be done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// Which part.
    pub shard: Shard,
    /// What an earlier run has done of it.
    pub done: Tally,
}

impl Share {
    /// True for the picture at this place, from 0.
    pub fn takes(&self, place: u64) -> bool {
        place >= self.done.places && place % self.shard.of == self.shard.number - 1
    }
}

/// That these are all parts of one run.
///
/// # Errors
/// One sentence on which is missing, or there twice.
pub fn check_whole(parts: &[(&PathBuf, Shard)]) -> anyhow::Result<()> {
    let mut seen: BTreeMap<u64, &PathBuf> = BTreeMap::new();
    let Some((first, Shard { of, .. })) = parts.first() else { return Ok(()) };
    for (path, shard) in parts {
        if shard.of != *of {
            bail!("{} is one of {of} parts, {} one of {}", first.display(), path.display(), shard.of);
        }
        if let Some(other) = seen.insert(shard.number, path) {
            bail!("{} and {} are both part {shard}: name each once", other.display(), path.display());
        }
    }
    let missing: Vec<_> = (1..=*of).filter(|number| !seen.contains_key(number)).collect();
    match missing[..] {
        [] => Ok(()),
        [one] => bail!("part {one} of {of} is missing: all are needed for what one run would have written"),
        [one, ..] => bail!(
            "{} of {of} parts are missing, {one} among them: all are needed for what one run would have written",
            missing.len()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_are_dealt_out_and_leave_nothing_out() {
        let shares =
            ["1/3", "2/3", "3/3"].map(|text| Share { shard: text.parse().unwrap(), done: Tally::default() });
        for place in 0..20 {
            assert_eq!(shares.iter().filter(|share| share.takes(place)).count(), 1, "{place}");
        }
        assert_eq!(shares[1].shard.to_string(), "2/3");
        for text in ["", "0/3", "4/3", "1", "1/0", "-1/3", "1/3/3", "1/100001"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_run_is_whole_with_each_of_its_parts_once() {
        let path = PathBuf::from("x.part");
        let check = |texts: &[&str]| {
            let parts: Vec<_> = texts.iter().map(|text| (&path, text.parse().unwrap())).collect();
            check_whole(&parts).map_err(|error| error.to_string())
        };
        assert!(check(&["2/3", "1/3", "3/3"]).is_ok() && check(&["1/1"]).is_ok());
        for (texts, part) in [
            (&["1/3", "3/3"][..], "part 2 of 3 is missing"),
            (&["3/4"], "3 of 4 parts are missing, 1 among"),
            (&["1/2", "2/3"], "one of 2 parts"),
            (&["1/2", "1/2"], "both part 1/2"),
        ] {
            assert!(check(texts).unwrap_err().contains(part), "{texts:?}");
        }
    }

    #[test]
    fn what_was_done_is_not_done_again() {
        let done = Tally { places: 5, ..Tally::default() };
        let share = Share { shard: Shard { number: 2, of: 2 }, done };
        assert_eq!((0..10).filter(|&place| share.takes(place)).collect::<Vec<_>>(), [5, 7, 9]);
    }
}
