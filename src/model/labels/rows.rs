//! Lists of class names in lines: names alone, or columns in any order.

use std::collections::HashSet;

use super::columns::{self, Row};
use super::label::tidy;
use super::list::{Entry, List};

/// Headings of a single column of names.
const HEADINGS: [&str; 9] =
    ["name", "names", "class", "classes", "classname", "classnames", "label", "labels", "category"];

#[derive(Clone, Copy, Debug)]
struct Line<'a> {
    number: usize,
    text: &'a str,
}

impl Line<'_> {
    fn place(&self) -> String {
        format!("line {}", self.number)
    }
}

/// What a text may list, the likeliest first. Lines that begin with `#`, empty lines and a heading of one column may be
/// classes: whether they are needed only the network tells.
pub(super) fn readings(text: &str) -> Vec<Result<List, String>> {
    let lines = text.trim_end().lines().enumerate();
    let lines: Vec<Line> = lines.map(|(at, text)| Line { number: at + 1, text: text.trim() }).collect();
    let (is_remark, is_empty) =
        (|line: &Line| line.text.starts_with('#'), |line: &Line| line.text.is_empty());
    let mut readings = Vec::new();
    let mut seen = HashSet::new();
    for (remarks, empty) in [(false, false), (true, false), (false, true), (true, true)] {
        let kept = |line: &Line| (remarks || !is_remark(line)) && (empty || !is_empty(line));
        let kept: Vec<Line> = lines.iter().copied().filter(kept).collect();
        if kept.is_empty() || !seen.insert(kept.iter().map(|line| line.number).collect::<Vec<_>>()) {
            continue;
        }
        let note = match (remarks && kept.iter().any(is_remark), empty && kept.iter().any(is_empty)) {
            (true, false) => {
                Some("has as many lines as classes with those that begin with `#`: they are names too")
            }
            (false, true) => {
                Some("has as many lines as classes with the empty ones: they are classes without a name")
            }
            (true, true) => {
                Some("has as many lines as classes with the empty ones and those that begin with `#`")
            }
            (false, false) => None,
        };
        let noted = |list: List| List { note: list.note.or_else(|| note.map(String::from)), ..list };
        readings.extend(of_lines(&kept).into_iter().map(|reading| reading.map(noted)));
    }
    readings
}

fn of_lines(lines: &[Line]) -> Vec<Result<List, String>> {
    let mut readings = Vec::new();
    for delimiter in [b'\t', b';', b','] {
        let Some(rows) = cells(lines, delimiter) else { continue };
        if let Some((heading, rest)) = rows.split_first().filter(|(_, rest)| !rest.is_empty()) {
            let known = columns::known_headings(&heading.cells);
            if let Some(list) = columns::list(rest, Some(&heading.cells)).filter(|_| known > 0) {
                let is_sure = known > 1 || list.has_indices();
                readings.push(Ok(list));
                if is_sure {
                    return readings;
                }
            }
        }
        if let Some(list) = columns::list(&rows, None) {
            readings.push(Ok(list));
            return readings;
        }
    }
    if let Some(list) = loose(lines) {
        readings.push(Ok(list));
        return readings;
    }
    let bare = unlisted(lines);
    let names = || bare.iter().map(|(line, name)| (line.place(), tidy(name)));
    readings.push(Ok(List::of_names(names())));
    if bare.first().is_some_and(|(_, name)| HEADINGS.contains(&columns::plain(name).as_str())) {
        readings.push(Ok(List::of_names(names().skip(1))));
    }
    if let [line] = lines {
        let parts = line.text.split([',', ';', '\t']).map(|name| (line.place(), tidy(unquoted(name))));
        readings.push(Ok(List::of_names(parts)));
    }
    readings
}

/// The cells of lines, where nearly all have several.
fn cells(lines: &[Line], delimiter: u8) -> Option<Vec<Row>> {
    if 2 * lines.iter().filter(|line| line.text.contains(char::from(delimiter))).count() <= lines.len() {
        return None;
    }
    let text: String = lines.iter().flat_map(|line| [line.text, "\n"]).collect();
    let mut reader = csv::ReaderBuilder::new();
    let reader = reader.delimiter(delimiter).has_headers(false).flexible(true);
    let mut rows = Vec::new();
    for record in reader.from_reader(text.as_bytes()).records() {
        let record = record.ok()?;
        let at = record.position().map_or(0, |position| position.line() as usize).saturating_sub(1);
        let cells = record.iter().map(String::from).collect();
        rows.push(Row { place: lines.get(at).map_or_else(String::new, Line::place), cells });
    }
    let several = rows.iter().filter(|row| row.cells.len() > 1).count();
    // One that lacks a cell lacks its index, or its name: told as such if the others have both.
    let is_table = several == rows.len()
        || several > 1 && 2 * several > rows.len() && {
            let begin = rows
                .iter()
                .filter(|row| row.cells.first().is_some_and(|cell| columns::index(cell).is_some()));
            2 * begin.count() > rows.len()
        };
    for row in rows.iter_mut().filter(|row| is_table && row.cells.len() == 1) {
        let at = if columns::index(&row.cells[0]).is_some() { 1 } else { 0 };
        row.cells.insert(at, String::new());
    }
    is_table.then_some(rows)
}

/// What a line holds beside its name.
#[derive(Clone, Debug, Default)]
struct Loose<'a> {
    index: Option<i64>,
    /// More than a blank stands behind the index, so that it is no part of a name.
    is_sure: bool,
    wordnet_id: Option<&'a str>,
    name: &'a str,
}

/// `9 umbrella`, `9: umbrella`, `9) umbrella`, `n00000009 umbrella`, `umbrella 9` and both in one.
fn loose(lines: &[Line]) -> Option<List> {
    let parts: Vec<Loose> = lines.iter().map(|line| before(line.text)).collect();
    let list = |parts: &[Loose]| {
        let entry = |(line, part): (&Line, &Loose)| Entry {
            place: line.place(),
            index: part.index,
            wordnet_id: part.wordnet_id.unwrap_or_default().into(),
            name: tidy(unquoted(part.name)),
        };
        let mut entries: Vec<Entry> = lines.iter().zip(parts).map(entry).collect();
        if entries.iter().all(|entry| entry.name.is_empty()) {
            columns::name_by_ids(&mut entries);
        }
        List { entries, ..List::default() }
    };
    let (count, indices) = (parts.len(), parts.iter().filter_map(|part| part.index).collect::<Vec<_>>());
    let all_ids = parts.iter().all(|part| part.wordnet_id.is_some());
    // Names that begin with numbers: `1 euro`, `2 euro`, or `0 stars`, `1 star`, of which little else is left.
    let are_names =
        |parts: &[Loose]| parts.iter().map(|part| part.name).collect::<HashSet<_>>().len() * 2 <= count;
    if indices.len() == count {
        let is_sure = parts.iter().all(|part| part.is_sure || part.wordnet_id.is_some());
        let known: HashSet<i64> =
            indices.iter().copied().filter(|index| (0..count as i64).contains(index)).collect();
        let is_meant = match columns::counts(&indices) {
            true => !are_names(&parts),
            false => known.contains(&0) && 2 * known.len() >= count,
        };
        return (is_sure || is_meant).then(|| list(&parts));
    }
    let in_place = |(at, part): &(usize, &Loose)| {
        part.index.is_some_and(|index| index == *at as i64 || index == *at as i64 + 1)
    };
    if 2 * parts.iter().enumerate().filter(in_place).count() > count {
        return Some(list(&parts));
    }
    if all_ids {
        return Some(list(&parts));
    }
    let parts: Vec<Loose> = lines.iter().map(|line| behind(line.text)).collect::<Option<_>>()?;
    let mut indices: Vec<i64> = parts.iter().filter_map(|part| part.index).collect();
    indices.sort_unstable();
    (columns::counts(&indices) && !are_names(&parts)).then(|| list(&parts))
}

/// Index and WordNet id in front of a name, in either order.
fn before(line: &str) -> Loose<'_> {
    let mut found = Loose { name: line, ..Loose::default() };
    for _ in 0..2 {
        let text = found.name;
        if let Some((digits, is_sure, rest)) = number(text).filter(|_| found.index.is_none()) {
            found = Loose { index: columns::index(digits), is_sure, name: rest, ..found };
        } else {
            let (word, rest) = text.split_once([' ', '\t', ',', ':', ';']).unwrap_or((text, ""));
            if found.wordnet_id.is_none() && columns::is_wordnet_id(word) {
                found = Loose {
                    wordnet_id: Some(word),
                    name: rest.trim_start_matches([' ', '\t', ',', ':', ';']),
                    ..found
                };
            }
        }
    }
    found
}

/// A number at the beginning, whether a sign parts it from the rest, and the rest.
fn number(text: &str) -> Option<(&str, bool, &str)> {
    let quoted = ['"', '\'', '['].into_iter().find_map(|quote| text.strip_prefix(quote));
    let inner = quoted.unwrap_or(text);
    let end = inner.find(|c: char| !c.is_ascii_digit()).filter(|end| (1..10).contains(end))?;
    let (digits, rest) = inner.split_at(end);
    let rest = if quoted.is_some() { rest.strip_prefix(['"', '\'', ']'])? } else { rest };
    let after = rest.trim_start();
    let is_apart = after.len() < rest.len();
    let sign = after.chars().next()?;
    let behind = after.get(sign.len_utf8()..)?;
    let is_open = behind.starts_with([' ', '\t']);
    match sign {
        ':' | ';' | '=' | '|' | ')' | ',' => Some((digits, true, behind.trim_start())),
        '.' | '-' | '–' if is_open && (is_apart || sign == '.') => {
            Some((digits, false, behind.trim_start()))
        }
        _ if is_apart || quoted.is_some() => Some((digits, quoted.is_some(), after)),
        _ => None,
    }
}

/// `umbrella 9`, `umbrella: 9`.
fn behind(line: &str) -> Option<Loose<'_>> {
    let digits = line.len() - line.bytes().rev().take_while(u8::is_ascii_digit).count();
    let (name, digits) = line.split_at_checked(digits)?;
    let bare = name.trim_end_matches([' ', '\t', ':', ',', ';', '=', '|']);
    (bare.len() < name.len() && !bare.is_empty())
        .then(|| Loose { index: columns::index(digits), name: bare, ..Loose::default() })
        .filter(|part| part.index.is_some())
}

/// The names of lines, without the dashes of a list and the quotes around all of them.
fn unlisted<'a>(lines: &[Line<'a>]) -> Vec<(Line<'a>, &'a str)> {
    let dashed = lines.iter().all(|line| line.text.starts_with("- ") || line.text.starts_with("* "));
    let inner = |line: &Line<'a>| if dashed { line.text[2..].trim() } else { line.text };
    let quoted =
        lines.iter().all(|line| unquoted(inner(line)).len() < inner(line).trim_end_matches(',').len());
    lines.iter().map(|line| (*line, if quoted { unquoted(inner(line)) } else { inner(line) })).collect()
}

/// A name without the quotes around it, and the comma behind them.
fn unquoted(name: &str) -> &str {
    let bare = name.trim();
    let inner = bare.strip_suffix(',').unwrap_or(bare);
    for quote in ['"', '\''] {
        if let Some(inner) = inner.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            return inner;
        }
    }
    bare
}
