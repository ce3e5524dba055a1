//! Bytes of a list of class names → text; or what they are instead.

/// What is no text, by its first bytes: what it is, and what to do.
const OTHER_FILES: [(&[u8], &str); 13] = [
    (
        b"\x93NUMPY",
        "is an array of NumPy's: save the names as text, `numpy.savetxt(\"names.txt\", names, fmt=\"%s\")`",
    ),
    (b"PK\x03\x04", "is a zip archive, as Excel's .xlsx and NumPy's .npz are: save the list as text or CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Office document: save the list as text or CSV"),
    (b"\x80\x02", PICKLE),
    (b"\x80\x03", PICKLE),
    (b"\x80\x04", PICKLE),
    (b"\x80\x05", PICKLE),
    (b"\x1f\x8b", "is packed by gzip: unpack it with `gunzip`"),
    (b"\x89HDF", "is an HDF5 file: give a list of names as text or JSON"),
    (b"\x89PNG", "is a picture: give a list of names as text or JSON"),
    (b"\xff\xd8\xff", "is a picture: give a list of names as text or JSON"),
    (b"%PDF", "is a PDF: give a list of names as text or JSON"),
    (b"PAR1", "is a Parquet file: save the list as text or CSV"),
];

const PICKLE: &str = "is written by Python's pickle, which is not read: save the names as JSON, `json.dump(names, open(\"names.json\", \"w\"))`";

/// The text, whatever line ends and byte order mark it has.
pub(super) fn text(bytes: &[u8]) -> Result<String, String> {
    if let Some((_, what)) = OTHER_FILES.iter().find(|(start, _)| bytes.starts_with(start)) {
        return Err((*what).into());
    }
    let text = match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => {
            return Err("is UTF-32: save the list as UTF-8".into());
        }
        [0xff, 0xfe, rest @ ..] => utf16(rest, u16::from_le_bytes)?,
        [0xfe, 0xff, rest @ ..] => utf16(rest, u16::from_be_bytes)?,
        // UTF-16 without its mark: letters of most languages' lists have a zero beside them.
        [first, 0, ..] if *first != 0 => utf16(bytes, u16::from_le_bytes)?,
        [0, second, ..] if *second != 0 => utf16(bytes, u16::from_be_bytes)?,
        _ => std::str::from_utf8(bytes).map_err(|error| not_utf8(bytes, error.valid_up_to()))?.into(),
    };
    if text.contains('\0') {
        return Err("is no text: give a list of names as text or JSON".into());
    }
    let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n");
    match text.trim_start().as_bytes() {
        [] => Err("is empty: give the list of names that the network was trained with".into()),
        [b'<', ..] => Err("is a web page or other XML: give a list of names as text or JSON".into()),
        _ => Ok(text),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, String> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    let text = char::decode_utf16(pairs.iter().map(|pair| unit(*pair))).collect::<Result<String, _>>();
    text.ok().filter(|_| rest.is_empty()).ok_or_else(|| "is damaged UTF-16: save the list as UTF-8".into())
}

fn not_utf8(bytes: &[u8], at: usize) -> String {
    let line = bytes[..at].iter().filter(|byte| **byte == b'\n').count() + 1;
    format!(
        "is not UTF-8 (line {line}), perhaps an older encoding such as Latin-1: save it as UTF-8, in an editor or with `iconv \
         -f WINDOWS-1252 -t UTF-8`"
    )
}
