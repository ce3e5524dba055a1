//! The kinds of files that are no pictures to be read.

use super::head::{is_brand, is_raw, starts, words};

/// A kind of file that is no picture to be read.
#[derive(Debug)]
pub struct Kind {
    /// One, with its article.
    pub(super) one: &'static str,
    /// Several.
    pub many: &'static str,
    /// What to do. FILE stands for the file's name.
    advice: &'static str,
    /// How names end, in small letters.
    pub(super) endings: &'static [&'static str],
    /// Whether a file with these first bytes is one.
    pub(super) begins: fn(&[u8]) -> bool,
}

impl Kind {
    /// So many of them: `1 HEIC picture`.
    pub fn count(&self, count: usize) -> String {
        let one = self.one.split_once(' ').map_or(self.one, |(_, name)| name);
        format!("{count} {}", if count == 1 { one } else { self.many })
    }

    /// True of texts, which lie beside pictures in many folders.
    pub fn is_text(&self) -> bool {
        *self == TEXT
    }

    /// What to do with one of this name.
    pub fn advice(&self, name: &str) -> String {
        self.advice.replace("FILE", name)
    }
}

/// Two kinds are the same where they are the same row of the table.
impl PartialEq for Kind {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

/// Cameras' raw files: many begin as TIFFs do.
pub(super) static RAW: Kind = Kind {
    one: "a raw camera file",
    many: "raw camera files",
    advice: "`darktable-cli FILE out.jpg` develops it",
    endings: &[
        "dng", "nef", "nrw", "cr2", "cr3", "crw", "arw", "srf", "sr2", "raf", "orf", "rw2", "rwl", "pef",
        "srw", "3fr", "fff", "iiq", "mrw", "x3f", "erf", "mef", "mos", "kdc", "dcr",
    ],
    begins: is_raw,
};

/// Videos: their content tells them to [`crate::source::video`].
pub(super) static VIDEO: Kind = Kind {
    one: "a video",
    many: "videos",
    advice: "name it by itself",
    endings: &[
        "mp4", "m4v", "mov", "qt", "mkv", "webm", "avi", "mpg", "mpeg", "mpe", "m2v", "3gp", "3g2", "ts",
        "mts", "m2ts", "vob", "wmv", "asf", "flv", "f4v", "ogv", "mxf", "mjpeg", "mjpg", "mpjpeg", "h264",
        "264", "hevc", "h265", "265", "ivf", "y4m", "nut", "insv", "lrv",
    ],
    begins: |_| false,
};

/// Texts: any folder may hold some beside its pictures.
pub(super) static TEXT: Kind = Kind {
    one: "a text",
    many: "texts",
    advice: "name a picture, a folder or a video; `$(cat FILE)` stands for all that a list of them names",
    endings: &[
        "txt", "csv", "tsv", "json", "jsonl", "xml", "yaml", "yml", "toml", "ini", "md", "rst", "log", "py",
        "ipynb", "sh", "m3u", "m3u8", "xmp", "aae", "gpx", "srt", "tex", "css", "js",
    ],
    begins: |head| words(head).is_some(),
};

/// The first one that fits counts.
pub(super) static KINDS: [&Kind; 28] = [
    &RAW,
    &Kind {
        one: "an AVIF picture",
        many: "AVIF pictures",
        advice: "`avifdec FILE out.png` makes a PNG of it",
        endings: &["avif", "avifs"],
        begins: |head| is_brand(head, &[b"avif", b"avis"]),
    },
    &Kind {
        one: "a sequence of HEIC pictures",
        many: "sequences of HEIC pictures",
        advice: "`heif-convert FILE out.jpg` makes a JPEG of it",
        endings: &["heics", "heifs"],
        begins: |head| is_brand(head, &[b"hevc", b"hevx", b"msf1", b"miaf"]),
    },
    &VIDEO,
    &Kind {
        one: "a JPEG XL picture",
        many: "JPEG XL pictures",
        advice: "`djxl FILE out.png` makes a PNG of it",
        endings: &["jxl"],
        begins: |head| starts(head, &[b"\xff\x0a", b"\0\0\0\x0cJXL \r\n"]),
    },
    &Kind {
        one: "a JPEG 2000 picture",
        many: "JPEG 2000 pictures",
        advice: "`opj_decompress -i FILE -o out.png` makes a PNG of it",
        endings: &["jp2", "j2k", "jpf", "jpx", "j2c", "jpc"],
        begins: |head| starts(head, &[b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51"]),
    },
    &Kind {
        one: "a Photoshop picture",
        many: "Photoshop pictures",
        advice: "`convert FILE[0] out.png` makes a PNG of it",
        endings: &["psd", "psb"],
        begins: |head| starts(head, &[b"8BPS"]),
    },
    &Kind {
        one: "a GIMP picture",
        many: "GIMP pictures",
        advice: "export it from GIMP as a PNG",
        endings: &["xcf"],
        begins: |head| starts(head, &[b"gimp xcf"]),
    },
    &Kind {
        one: "an OpenEXR picture",
        many: "OpenEXR pictures",
        advice: "`convert FILE out.png` makes a PNG of it",
        endings: &["exr"],
        begins: |head| starts(head, &[b"\x76\x2f\x31\x01"]),
    },
    &Kind {
        one: "a Radiance HDR picture",
        many: "Radiance HDR pictures",
        advice: "`convert FILE out.png` makes a PNG of it",
        endings: &["hdr", "rgbe"],
        begins: |head| starts(head, &[b"#?RADIANCE", b"#?RGBE"]),
    },
    &Kind {
        one: "a Windows icon",
        many: "Windows icons",
        advice: "`convert FILE out.png` makes a PNG of each of its sizes",
        endings: &["ico", "cur"],
        // A TGA may begin so, too, but for the number of icons.
        begins: |head| {
            starts(head, &[b"\0\0\x01\0", b"\0\0\x02\0"]) && head.get(9) == Some(&0) && head[4..6] != [0, 0]
        },
    },
    &Kind {
        one: "a picture in a rare format",
        many: "pictures in rare formats",
        advice: "`convert FILE out.png` makes a PNG of it",
        endings: &[
            "tga", "dds", "pcx", "sgi", "ras", "xpm", "xbm", "pfm", "qoi", "ff", "dpx", "icns", "wbmp",
            "jxr", "wdp", "fits", "emf", "wmf", "djvu",
        ],
        begins: |head| {
            let starting: [&[u8]; 15] = [
                b"DDS ",
                b"\x0a\x05\x01\x08",
                b"\x01\xda\0",
                b"\x01\xda\x01",
                b"\x59\xa6\x6a\x95",
                b"/* XPM",
                b"PF\n",
                b"Pf\n",
                b"qoif",
                b"farbfeld",
                b"SDPX",
                b"icns",
                b"II\xbc\x01",
                b"SIMPLE  =",
                b"AT&TFORM",
            ];
            starts(head, &starting)
        },
    },
    &Kind {
        one: "a DICOM picture",
        many: "DICOM pictures",
        advice: "`dcmj2pnm +on FILE out.png` makes a PNG of it",
        endings: &["dcm", "dicom"],
        begins: |head| head.get(128..132) == Some(b"DICM"),
    },
    &Kind {
        one: "an SVG drawing",
        many: "SVG drawings",
        advice: "`rsvg-convert -o out.png FILE` makes a PNG of it",
        endings: &["svg", "svgz"],
        begins: |head| words(head).is_some_and(|text| text.starts_with('<') && text.contains("<svg")),
    },
    &Kind {
        one: "a PDF file",
        many: "PDF files",
        advice: "`pdftoppm -png FILE out` makes a PNG of each page",
        endings: &["pdf"],
        begins: |head| starts(head, &[b"%PDF-"]),
    },
    &Kind {
        one: "a PostScript drawing",
        many: "PostScript drawings",
        advice: "`convert FILE out.png` makes a PNG of it",
        endings: &["ps", "eps", "ai"],
        begins: |head| starts(head, &[b"%!PS", b"\xc5\xd0\xd3\xc6"]),
    },
    // Before archives, for many of them are ZIP archives.
    &Kind {
        one: "a file of weights",
        many: "files of weights",
        advice: "a network is named by `--weights FILE`",
        endings: &[
            "pt",
            "pth",
            "onnx",
            "safetensors",
            "keras",
            "h5",
            "hdf5",
            "pdparams",
            "ckpt",
            "tflite",
            "gguf",
        ],
        begins: |head| {
            let holds = |name: &[u8]| head.windows(name.len()).any(|bytes| bytes == name);
            let is_zip = starts(head, &[b"PK\x03\x04"]);
            let names: [&[u8]; 4] = [b"/data.pkl", b"/byteorder", b"/.format_version", b"model.weights.h5"];
            starts(head, &[b"\x89HDF\r\n\x1a\n", b"GGUF"])
                || is_zip && names.into_iter().any(holds)
                // The length of a header in JSON.
                || head.get(4..9) == Some(b"\0\0\0\0{")
        },
    },
    &Kind {
        one: "a file of NumPy arrays",
        many: "files of NumPy arrays",
        advice: "save what it holds as PNG",
        endings: &["npy", "npz"],
        begins: |head| starts(head, &[b"\x93NUMPY"]),
    },
    &Kind {
        one: "a ZIP archive",
        many: "ZIP archives",
        advice: "`unzip FILE -d out` unpacks it; then name the folder `out`",
        endings: &["zip", "cbz"],
        begins: |head| starts(head, &[b"PK\x03\x04", b"PK\x05\x06"]),
    },
    &Kind {
        one: "an archive",
        many: "archives",
        advice: "unpack it (`tar xf FILE`, or with the program that made it) and name the folder",
        endings: &["tar", "gz", "tgz", "bz2", "xz", "zst", "7z", "rar"],
        begins: |head| {
            let starting: [&[u8]; 6] = [
                b"\x1f\x8b\x08",
                b"BZh",
                b"\xfd7zXZ\0",
                b"\x28\xb5\x2f\xfd",
                b"7z\xbc\xaf\x27\x1c",
                b"Rar!\x1a\x07",
            ];
            starts(head, &starting) || head.get(257..262) == Some(b"ustar")
        },
    },
    &Kind {
        one: "a sound recording",
        many: "sound recordings",
        advice: "name a picture, a folder or a video",
        endings: &["mp3", "wav", "flac", "aac", "ogg", "opus", "m4a", "wma"],
        begins: |head| {
            starts(head, &[b"ID3", b"fLaC"]) || starts(head, &[b"RIFF"]) && head.get(8..12) == Some(b"WAVE")
        },
    },
    &Kind {
        one: "a pointer of Git LFS in the picture's place",
        many: "pointers of Git LFS",
        advice: "`git lfs pull` fetches the picture",
        endings: &[],
        begins: |head| starts(head, &[b"version https://git-lfs.github.com/"]),
    },
    &Kind {
        one: "a pointer of git-annex in the picture's place",
        many: "pointers of git-annex",
        advice: "`git annex get FILE` fetches the picture",
        endings: &[],
        begins: |head| starts(head, &[b"/annex/objects/"]),
    },
    &Kind {
        one: "a web page in the picture's place",
        many: "web pages",
        advice: "the address gave a page (to sign in, or about an error): open it in a browser and save the picture itself",
        endings: &["html", "htm", "xhtml", "mhtml"],
        begins: |head| {
            words(head).is_some_and(|text| {
                let text = text.to_lowercase();
                text.starts_with("<!doctype html") || text.starts_with('<') && text.contains("<html")
            })
        },
    },
    &Kind {
        one: "a picture written as text (base64)",
        many: "pictures written as text",
        advice: "`base64 -d FILE > out` makes a picture of it, without a `data:…,` at its beginning",
        endings: &["b64", "base64"],
        begins: |head| starts(head, &[b"data:image/", b"iVBORw0KGgo", b"/9j/"]),
    },
    &TEXT,
    &Kind {
        one: "an empty file",
        many: "empty files",
        advice: "copy or download it anew",
        endings: &[],
        begins: <[u8]>::is_empty,
    },
    &Kind {
        one: "a file of zeros",
        many: "files of zeros",
        advice: "nothing of the picture is left in it; copy or download it anew",
        endings: &[],
        begins: |head| head.len() >= 64 && head.iter().all(|&byte| byte == 0),
    },
];
