//! Names of layers where there is little room.

use crate::figure::text_width;

/// `denselayer14.conv1` of `features.denseblock3.denselayer14.conv1`: as much of the end as has room, in points, at this size.
pub fn short_name(name: &str, size: f32, width: f32) -> String {
    let name = name.rsplit('/').next().unwrap_or(name);
    let begins = name.match_indices('.').map(|(at, _)| at + 1);
    let ends = std::iter::once(0).chain(begins).map(|at| &name[at..]).filter(|end| !end.is_empty());
    let all: Vec<&str> = ends.collect();
    if let Some(end) = all.iter().find(|end| text_width(end, size) <= width) {
        return (*end).to_string();
    }
    // Names that are alike differ at their ends.
    let last = all.last().copied().unwrap_or(name);
    let cuts = last.char_indices().map(|(at, _)| format!("…{}", &last[at..])).skip(1);
    let mut cuts = cuts.filter(|cut| text_width(cut, size) <= width);
    cuts.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_their_ends() {
        let name = "features.denseblock3.denselayer14.conv1";
        assert_eq!(short_name(name, 12.0, 1000.0), name);
        let width = text_width("denselayer14.conv1", 12.0) + 1.0;
        assert_eq!(short_name(name, 12.0, width), "denselayer14.conv1");
        let cut = short_name("average_pooling2d", 12.0, 60.0);
        assert!(cut.starts_with('…') && cut.ends_with("2d") && text_width(&cut, 12.0) <= 60.0, "{cut}");
    }
}
