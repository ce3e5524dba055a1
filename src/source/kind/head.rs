//! What first bytes say. Pure.

/// Whether they are one of these.
pub(super) fn starts(head: &[u8], with: &[&[u8]]) -> bool {
    with.iter().any(|start| head.starts_with(start))
}

/// Whether the ISO container says one of these, also as what it is besides (an AVIF may call itself `mif1` first).
pub(super) fn is_brand(head: &[u8], brands: &[&[u8; 4]]) -> bool {
    let Some([a, b, c, length]) = head.get(..4) else { return false };
    let end = if [*a, *b, *c] == [0; 3] { usize::from(*length).min(head.len()) } else { head.len().min(64) };
    head.get(4..8) == Some(b"ftyp")
        && head[8..end.max(8)].chunks_exact(4).any(|brand| brands.iter().any(|known| brand == *known))
}

/// HEIC and its kin, as they are read: by the first brand. What calls itself an AVIF besides is one.
pub(in crate::source) fn is_heif(head: &[u8]) -> bool {
    let brands: [&[u8]; 6] = [b"heic", b"heix", b"heim", b"heis", b"mif1", b"mif2"];
    let is_named =
        head.get(4..8) == Some(b"ftyp") && head.get(8..12).is_some_and(|brand| brands.contains(&brand));
    is_named && !is_brand(head, &[b"avif"])
}

/// Without white space around it, where it is nothing but text.
pub(super) fn words(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last letter may be cut.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let is_text = |character: char| !character.is_control() || character.is_ascii_whitespace();
    let text = text.trim_start_matches('\u{feff}').trim();
    (!text.is_empty() && text.chars().all(is_text)).then_some(text)
}

/// Cameras' raw files that are TIFFs: by a tag of DNG, or by a first picture that calls itself a small one of others.
pub(super) fn is_raw(head: &[u8]) -> bool {
    let starting: [&[u8]; 9] = [
        b"FUJIFILMCCD-RAW",
        b"IIRO",
        b"IIRS",
        b"MMOR",
        b"IIU\0",
        b"FOVb",
        b"\0MRM",
        b"II\x1a\0\0\0HEAPCCDR",
        b"II*\0\x10\0\0\0CR\x02",
    ];
    let is_canon = head.get(4..12) == Some(b"ftypcrx ");
    is_canon || starts(head, &starting) || is_raw_tiff(head).unwrap_or(false)
}

fn is_raw_tiff(head: &[u8]) -> Option<bool> {
    let is_little = match head.get(..4)? {
        b"II*\0" => true,
        b"MM\0*" => false,
        _ => return None,
    };
    let short = |at: usize| {
        let bytes = head.get(at..at + 2)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = head.get(at..at + 4)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let first = long(4)? as usize;
    let (mut is_small, mut has_others) = (false, false);
    for entry in (0..usize::from(short(first)?)).map(|entry| first + 2 + 12 * entry) {
        match short(entry)? {
            // DNGVersion, SubIFDs, NewSubfileType.
            0xc612 => return Some(true),
            0x14a => has_others = true,
            0xfe => is_small = long(entry + 8)? & 1 == 1,
            _ => {}
        }
    }
    Some(is_small && has_others)
}
