//! Tests of telling kinds of files.

use super::*;

fn told_as(head: &[u8], name: &str) -> &'static str {
    match told(head, Path::new(name)) {
        Content::Picture => "picture",
        Content::Other(kind) => kind.one,
        Content::Unknown => "unknown",
    }
}

/// A TIFF whose only directory has these tags, each with the value 1.
fn tiff(tags: &[u16]) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0".to_vec();
    bytes.extend((tags.len() as u16).to_le_bytes());
    for tag in tags {
        bytes.extend(tag.to_le_bytes());
        bytes.extend([4, 0, 1, 0, 0, 0, 1, 0, 0, 0]);
    }
    bytes
}

#[test]
fn the_content_tells_the_kind_whatever_the_name_says() {
    let mut tar = vec![b'x'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let cases: [(&[u8], &str); 28] = [
        (b"\xff\xd8\xff\xe0", "picture"),
        (b"P6 2 2 255\n", "picture"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "picture"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1heic", "picture"),
        (b"\0\0\0\x18ftyphevc\0\0\0\0mif1heic", "a sequence of HEIC pictures"),
        (b"\0\0\0\x1cftypmif1\0\0\0\0mif1avif", "an AVIF picture"),
        (b"\0\0\0\x18ftypcrx \0\0\0\x01crx ", "a raw camera file"),
        (b"FUJIFILMCCD-RAW 0201", "a raw camera file"),
        (&tiff(&[0x100, 0xc612]), "a raw camera file"),
        (&tiff(&[0xfe, 0x100, 0x14a]), "a raw camera file"),
        (&tiff(&[0x100, 0x101, 0x14a]), "picture"),
        (b"II*\0\xff\xff\xff\xff", "picture"),
        (b"\xff\x0a\xfa\x7f", "a JPEG XL picture"),
        (b"8BPS\0\x01", "a Photoshop picture"),
        (b"\0\0\x01\0\x02\0\x10\x10\0\0", "a Windows icon"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "a PDF file"),
        (b"PK\x03\x04\x14\0\0\0\x08\0cat.jpg", "a ZIP archive"),
        (b"PK\x03\x04\0\0\x08\x08\0\0archive/data.pkl", "a file of weights"),
        (b"\x89HDF\r\n\x1a\n\0", "a file of weights"),
        (b"\x58\x02\0\0\0\0\0\0{\"__metadata__\"", "a file of weights"),
        (&tar, "an archive"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:",
            "a pointer of Git LFS in the picture's place",
        ),
        (b"\n  <!DOCTYPE HTML>\n<title>Sign in", "a web page in the picture's place"),
        (b"data:image/png;base64,iVBORw0KGgo", "a picture written as text (base64)"),
        ("Größe, Gewicht\n1, 2".as_bytes(), "a text"),
        (b"", "an empty file"),
        (&[0; 4096], "a file of zeros"),
    ];
    for (head, kind) in cases {
        assert_eq!(told_as(head, "photo.jpg"), kind, "{:?}", String::from_utf8_lossy(head));
    }
}

#[test]
fn the_name_tells_where_the_content_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let told_as = |head: &[u8], name: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, head).unwrap();
        match of(&path).unwrap() {
            Content::Picture => "picture",
            Content::Other(kind) => kind.one,
            Content::Unknown => "unknown",
        }
    };
    assert_eq!(told_as(b"\x08\x07\x12\x07pytorch", "net.onnx"), "a file of weights");
    assert_eq!(told_as(b"\0\0\x02\0\0\0\0\0\0\0\x2c\x01", "x.TGA"), "a picture in a rare format");
    assert_eq!(told_as(b"II*\0\x08\0\0\0\0\0", "photo.NEF"), "a raw camera file");
    assert_eq!(told_as(b"\x89PNG\r\n\x1a\n", "photo.avif"), "picture");
    assert_eq!(told_as(b"\xe5\x01\x9c\x07", "photo.jpg"), "unknown");
    // What a video is, videos say.
    assert_eq!(told_as(b"\xe5\x01\x9c\x07", "clip.mp4"), "unknown");
}

#[test]
fn commands_are_ones_for_a_shell() {
    let of = |name: &str| refusal(KINDS[1], Path::new(name));
    let words = "an AVIF picture, which is not read: `avifdec";
    assert_eq!(of("a/IMG_1.AVIF"), format!("{words} a/IMG_1.AVIF out.png` makes a PNG of it"));
    assert_eq!(of("it's 1.AVIF"), format!(r"{words} 'it'\''s 1.AVIF' out.png` makes a PNG of it"));
    assert_eq!((KINDS[1].count(1), KINDS[1].count(3)), ("1 AVIF picture".into(), "3 AVIF pictures".into()));
}

/// An ending in two rows would make the second one deaf.
#[test]
fn no_ending_is_in_two_rows() {
    let mut endings: Vec<_> = KINDS.iter().flat_map(|kind| kind.endings).chain(&PICTURE_ENDINGS).collect();
    let count = endings.len();
    endings.sort();
    endings.dedup();
    assert_eq!(endings.len(), count);
}
