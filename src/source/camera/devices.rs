//! The cameras of this machine: finding them, and asking what they offer.

use std::fs;
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use nokhwa::utils as nk;

use super::driver::{self, Place};
use super::failure::{Failure, UNPLUGGED, contain_nokhwa};
use super::mode::{CameraMode, Sent};
use super::request::CameraId;
use crate::source::frame_source::SourceError;

/// One camera that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraInfo {
    /// Counts the cameras from 0: N in `--source camera:N`.
    pub index: u32,
    /// What the driver calls it.
    pub name: String,
    /// The device path (`/dev/video0`); elsewhere than on Linux what the system knows it by.
    pub path: String,
    /// What it offers; all modes of a format stand together.
    pub formats: Vec<CameraMode>,
    /// Why `formats` is empty and what to do: no permission, in use elsewhere.
    pub problem: Option<String>,
}

/// The cameras of this machine. Opens each for a moment, which may change the mode of one that is idle.
/// A node that gives no pictures (the metadata node of a webcam, a codec) is left out.
///
/// # Errors
/// When the system does not let us look. No camera at all is an empty list.
pub fn list() -> Result<Vec<CameraInfo>, SourceError> {
    let cameras = offered(nodes()?).zip(0..).map(|((node, modes), index)| {
        let (formats, problem) = match modes {
            Ok(modes) => (modes, None),
            Err(failure) => (Vec::new(), Some(failure.explain(&node.path))),
        };
        CameraInfo { index, name: node.name, path: node.path, formats, problem }
    });
    Ok(cameras.collect())
}

/// What the cameras of this machine are called, in the order of their numbers. None is opened for more than a question.
///
/// # Errors
/// As [`list`].
pub fn names() -> Result<Vec<String>, SourceError> {
    let nodes = nodes()?.into_iter().filter(|node| driver::is_camera(&node.place()));
    Ok(nodes.map(|node| node.name).collect())
}

/// The list as text: a line for each camera, then one for each format with its sizes and rates.
pub fn render_list(cameras: &[CameraInfo]) -> String {
    if cameras.is_empty() {
        return format!("{}\n", SourceError::NoCamera);
    }
    let mut text = String::new();
    for camera in cameras {
        text += &format!("{}  {}  {}\n", camera.index, camera.name, camera.path);
        if let Some(problem) = &camera.problem {
            text += &format!("     {problem}\n");
        }
        for modes in camera.formats.chunk_by(|a, b| a.format == b.format) {
            let sizes = modes.iter().map(|mode| {
                let rates = mode.fps.iter().map(|rate| rate.to_string()).collect::<Vec<_>>().join(", ");
                let rates = if rates.is_empty() { rates } else { format!(" ({rates} fps)") };
                format!("{}×{}{rates}", mode.width, mode.height)
            });
            let sizes = sizes.collect::<Vec<_>>().join(", ");
            let mark = match modes[0].format {
                Sent::Known(_) => "",
                Sent::Unknown(_) => "  (convscope cannot decode this format)",
            };
            text += &format!("     {:<6}  {sizes}{mark}\n", modes[0].format.name());
        }
    }
    text
}

/// A device that nokhwa lists; not yet known to be a camera.
pub(super) struct Node {
    index: nk::CameraIndex,
    pub(super) name: String,
    pub(super) path: String,
}

impl Node {
    #[cfg(test)]
    pub(super) fn named(name: &str) -> Self {
        Self { index: nk::CameraIndex::Index(0), name: name.into(), path: "/dev/video0".into() }
    }

    /// Where it is.
    pub(super) fn place(&self) -> Place<'_> {
        Place { index: &self.index, path: &self.path }
    }

    /// What went wrong with it, in words.
    pub(super) fn failure(&self, failure: &Failure) -> SourceError {
        SourceError::Camera { camera: self.name.clone(), reason: failure.explain(&self.path) }
    }
}

pub(super) type Modes = Result<Vec<CameraMode>, Failure>;

/// In the order of their numbers: nokhwa gives them in the order of the directory, and links (`video-dec0`)
/// as a second node with the same number.
fn nodes() -> Result<Vec<Node>, SourceError> {
    let failed = |reason: String| SourceError::Camera { camera: "cameras".into(), reason };
    authorize().map_err(|reason| failed(reason.into()))?;
    let found = contain_nokhwa(|| nokhwa::query(nk::ApiBackend::Auto));
    let mut found = found.map_err(|error| failed(error.to_string()))?;
    found.sort_by(|a, b| a.index().cmp(b.index()));
    found.dedup_by(|a, b| a.index() == b.index());
    let nodes = found.into_iter().map(|info| Node {
        name: without_repetition(info.human_name()),
        path: match info.index() {
            nk::CameraIndex::Index(number) if cfg!(target_os = "linux") => format!("/dev/video{number}"),
            _ => info.misc(),
        },
        index: info.index().clone(),
    });
    Ok(nodes.collect())
}

/// macOS asks its user before the first use of a camera; elsewhere this is granted at once.
fn authorize() -> Result<(), &'static str> {
    if nokhwa::nokhwa_check() {
        return Ok(());
    }
    let (sender, answer) = mpsc::channel();
    nokhwa::nokhwa_initialize(move |granted| {
        let _ = sender.send(granted);
    });
    match answer.recv_timeout(Duration::from_secs(60)) {
        Ok(true) => Ok(()),
        _ => Err("macOS does not let convscope use them: allow it under Privacy & Security → Camera"),
    }
}

/// Those that are cameras, each opened when its turn comes.
fn offered(nodes: Vec<Node>) -> impl Iterator<Item = (Node, Modes)> {
    nodes.into_iter().filter_map(|node| {
        let modes = driver::offers(&node.place());
        match &modes {
            Err(failure) if failure.is_not_a_camera() => {
                tracing::debug!(path = %node.path, ?failure, "not offered as a camera");
                None
            }
            _ => Some((node, modes)),
        }
    })
}

/// Many webcams call themselves `Name: Name`.
fn without_repetition(name: String) -> String {
    match name.split_once(": ") {
        Some((first, second)) if first == second => first.into(),
        _ => name,
    }
}

/// `known` is the camera that was lost: another one that has moved to its index is not taken for it.
pub(super) fn find(id: &CameraId, known: Option<&Node>) -> Result<(Node, Modes), SourceError> {
    let mut nodes = nodes()?;
    let found = match (id, known) {
        (CameraId::Path(path), _) => {
            let path = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            nodes.into_iter().find(|node| Path::new(&node.path) == path).map(|node| {
                let modes = driver::offers(&node.place());
                (node, modes)
            })
        }
        (CameraId::Index(index), None) => offered(nodes).nth(*index as usize),
        (CameraId::Index(_), Some(known)) => {
            nodes.retain(|node| node.name == known.name);
            nodes.sort_by_key(|node| node.path != known.path);
            offered(nodes).next()
        }
    };
    found.ok_or_else(|| match known {
        Some(known) => SourceError::Camera { camera: known.name.clone(), reason: UNPLUGGED.into() },
        None => missing(id),
    })
}

fn missing(id: &CameraId) -> SourceError {
    let cameras = match list() {
        Ok(cameras) if cameras.is_empty() => return SourceError::NoCamera,
        Ok(cameras) => cameras,
        Err(error) => return error,
    };
    let found = cameras.iter().map(|camera| format!("{} ({}, {})", camera.index, camera.name, camera.path));
    let wanted = match id {
        CameraId::Index(index) => index.to_string(),
        CameraId::Path(path) => path.display().to_string(),
    };
    SourceError::NoSuchCamera { wanted, found: found.collect::<Vec<_>>().join(", ") }
}
