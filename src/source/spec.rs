//! What users name as a source, and what they mean by it. Pure but for looking which files a pattern matches.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::address;
use super::camera::CameraId;
use super::frame_source::{Made, SourceError};
use super::still::by_path;
use super::testcard;

/// Sources that code makes, each named by a word.
pub static MADE: &[Made] = &[testcard::MADE];

/// Files of one pattern at most.
const MOST_MATCHES: usize = 1_000_000;

/// What `--source` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSpec {
    /// A camera by index or device path.
    Camera(CameraId),
    /// One of [`MADE`], by its name.
    Made(&'static str),
    /// A picture, a folder of pictures, a video, or a pattern of names (`photos/*.jpg`).
    Path(PathBuf),
    /// Several pictures.
    Files(Vec<PathBuf>),
    /// A picture or stream of the network, with its scheme.
    Address(String),
}

/// `camera:1`, `testcard`, `~/cat.jpg`, `file:///home/you/cat.jpg`, `/dev/video2`, `https://…/cat.jpg`, `rtsp://…`, a path.
impl FromStr for SourceSpec {
    type Err = SourceError;

    fn from_str(text: &str) -> Result<Self, SourceError> {
        if text.is_empty() {
            return Err(SourceError::Empty);
        }
        if let Some(id) = text.strip_prefix("camera:") {
            return Ok(Self::Camera(match id.parse() {
                Ok(index) => CameraId::Index(index),
                Err(_) if id.starts_with('/') => CameraId::Path(id.into()),
                Err(_) => return Err(SourceError::CameraName(id.into())),
            }));
        }
        if let Some(made) = MADE.iter().find(|made| made.name == text) {
            return Ok(Self::Made(made.name));
        }
        if address::is_one(text) {
            return Ok(Self::Address(text.into()));
        }
        Ok(match text {
            "camera" => Self::Camera(CameraId::Index(0)),
            // Only there are cameras devices that have names.
            _ if cfg!(target_os = "linux") && is_camera_device(text) => {
                Self::Camera(CameraId::Path(text.into()))
            }
            _ => Self::Path(path_of(text)),
        })
    }
}

fn is_camera_device(text: &str) -> bool {
    let number = text.strip_prefix("/dev/video");
    number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        || text.starts_with("/dev/v4l/by-")
}

/// A path as people write them: an address of this machine, and the home folder, which shells leave alone in quotes.
fn path_of(text: &str) -> PathBuf {
    let local = text.strip_prefix("file://").map(|rest| rest.strip_prefix("localhost").unwrap_or(rest));
    if let Some(path) = local.filter(|path| path.starts_with('/')) {
        return percent_decode_str(path).decode_utf8_lossy().into_owned().into();
    }
    let below_home = text.strip_prefix('~').filter(|rest| rest.is_empty() || rest.starts_with('/'));
    match below_home.zip(std::env::home_dir()) {
        Some((rest, home)) => home.join(rest.trim_start_matches('/')),
        None => text.into(),
    }
}

/// The files that a pattern matches, in the natural order of their names; `None` where this is none, or a file is called so.
pub(super) fn matching(path: &Path) -> Option<Vec<PathBuf>> {
    let text = path.to_str()?;
    let is_pattern = text.contains(['*', '?']) || text.contains('[') && text.contains(']');
    if !is_pattern || path.exists() {
        return None;
    }
    // As shells do it: `*` is one folder and leaves hidden files out, `**` are several.
    let options = glob::MatchOptions {
        require_literal_separator: true,
        require_literal_leading_dot: true,
        ..glob::MatchOptions::new()
    };
    let found = glob::glob_with(text, options).ok()?.filter_map(Result::ok);
    let mut files: Vec<_> = found.filter(|path| !path.is_dir()).take(MOST_MATCHES).collect();
    files.sort_by(|a, b| by_path(a, b));
    Some(files)
}

impl SourceSpec {
    /// What opens a picture of this source again, by the picture's own name in it: the file that it is (in), or the name of
    /// what makes it. `None` where it came and went.
    pub fn again(&self, picture: &str) -> Option<String> {
        let is_called_so = |file: &&PathBuf| file.file_name().is_some_and(|name| name == picture);
        let path = match self {
            Self::Path(path) if path.is_dir() => path.join(picture),
            Self::Path(path) if path.is_file() => path.clone(),
            Self::Path(path) => matching(path)?.iter().find(is_called_so)?.clone(),
            Self::Files(files) => files.iter().find(is_called_so)?.clone(),
            Self::Camera(_) | Self::Address(_) => return None,
            Self::Made(name) => return Some(name.to_string()),
        };
        Some(path.to_string_lossy().into_owned())
    }

    /// True of several pictures that are files: a folder, a pattern of names.
    pub fn is_folder(&self) -> bool {
        match self {
            Self::Path(path) => path.is_dir() || matching(path).is_some_and(|files| files.len() > 1),
            Self::Files(_) => true,
            Self::Camera(_) | Self::Made(_) | Self::Address(_) => false,
        }
    }

    /// What it is called in a list.
    pub fn title(&self) -> String {
        match self {
            Self::Camera(CameraId::Index(index)) => format!("camera {index}"),
            Self::Made(_) => "the test card".into(),
            Self::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into(),
            other => other.to_string(),
        }
    }
}

/// As typed.
impl std::fmt::Display for SourceSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Camera(CameraId::Index(index)) => write!(f, "camera:{index}"),
            Self::Camera(CameraId::Path(path)) => write!(f, "camera:{}", path.display()),
            Self::Made(name) => f.write_str(name),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Files(files) => write!(f, "{} pictures", files.len()),
            Self::Address(address) => f.write_str(&address::without_secrets(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_mean_by_them() {
        let parse = |text: &str| text.parse::<SourceSpec>().unwrap();
        let device = |path: &str| SourceSpec::Camera(CameraId::Path(path.into()));
        assert_eq!(parse("camera:1"), SourceSpec::Camera(CameraId::Index(1)));
        assert_eq!(parse("camera"), SourceSpec::Camera(CameraId::Index(0)));
        assert_eq!(parse("camera:/dev/video2"), device("/dev/video2"));
        if cfg!(target_os = "linux") {
            assert_eq!(parse("/dev/video2"), device("/dev/video2"));
            assert_eq!(parse("/dev/v4l/by-id/usb-x"), device("/dev/v4l/by-id/usb-x"));
        }
        assert_eq!(parse("testcard"), SourceSpec::Made("testcard"));
        let path = |path: &str| SourceSpec::Path(path.into());
        for text in
            ["a/b.jpg", "-", "/dev/videos/x", "~other/x.jpg", "a~/b", "*.jpg", "file:relative", "c:/x"]
        {
            assert_eq!(parse(text), path(text));
        }
        assert_eq!(parse("file:///home/you/my%20cat.jpg"), path("/home/you/my cat.jpg"));
        assert_eq!(parse("file://localhost/cat.jpg"), path("/cat.jpg"));
        let home = std::env::home_dir().unwrap();
        assert_eq!(parse("~/x/y.jpg"), SourceSpec::Path(home.join("x/y.jpg")));
        assert_eq!(parse("~"), SourceSpec::Path(home));
        let address = "rtsp://you:secret@10.0.0.1:554/live";
        assert_eq!(parse(address), SourceSpec::Address(address.into()));
        assert_eq!(parse(address).to_string(), "rtsp://10.0.0.1:554/live");
        assert!("camera:front".parse::<SourceSpec>().is_err() && "".parse::<SourceSpec>().is_err());
    }

    #[test]
    fn patterns_match_files_in_natural_order_and_no_hidden_ones() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["f10.png", "f2.png", "g.jpg", ".f1.png", "f[1].png"] {
            std::fs::write(folder.path().join(name), []).unwrap();
        }
        std::fs::create_dir(folder.path().join("f3.png")).unwrap();
        let names = |pattern: &str| {
            let files = matching(&folder.path().join(pattern))?;
            Some(
                files
                    .iter()
                    .map(|file| file.file_name().unwrap().to_string_lossy().into_owned())
                    .collect::<Vec<_>>(),
            )
        };
        assert_eq!(names("f*.png").unwrap(), ["f2.png", "f10.png", "f[1].png"]);
        assert_eq!(names("[fg]*.jpg").unwrap(), ["g.jpg"]);
        assert_eq!(names("x*").unwrap(), [""; 0]);
        assert_eq!((names("f[1].png"), names("g.jpg"), names("none.jpg")), (None, None, None));
        let spec = SourceSpec::Path(folder.path().join("f*.png"));
        assert!(spec.again("f10.png").unwrap().ends_with("f10.png") && spec.again("g.jpg").is_none());
    }
}
