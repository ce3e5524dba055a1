//! What page and server say to each other, as JSON; pictures, files and camera frames as bytes. Plain data.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::latest::LatestSlot;

/// What was done in the page that has the controls.
#[derive(Clone, Debug)]
pub enum Event {
    /// A key, as `keys.toml` has it, and the text that it types.
    Key(String, Option<String>),
    /// The pointer, in parts of the view's width and height.
    Pointer(Pointer, [f32; 2]),
    /// The wheel, in points.
    Wheel([f32; 2]),
    /// The page has room for so many pixels.
    Resized([u32; 2]),
    /// A file came.
    Dropped(PathBuf),
    /// The camera of the browser's machine gives JPEG pictures into this slot until that is closed.
    Camera(Arc<LatestSlot<Vec<u8>>>),
    /// It gives no more.
    CameraEnded,
}

/// What the pointer did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pointer {
    /// It is there.
    Moved,
    /// The first button went down.
    Down,
    /// It went up.
    Up,
    /// It is gone.
    Left,
}

/// What a page says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Said {
    /// The last picture is on the screen.
    Shown,
    Key {
        key: String,
        text: Option<String>,
    },
    Pointer {
        kind: Pointer,
        x: f32,
        y: f32,
    },
    Wheel {
        x: f32,
        y: f32,
    },
    Size {
        width: u32,
        height: u32,
    },
    /// A file of so many bytes follows.
    File {
        name: String,
        size: u64,
    },
    /// Camera frames follow, or no more.
    Camera {
        on: bool,
    },
    /// It wants the controls.
    Take,
}

/// What a page is told.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub(super) enum Told<'a> {
    State(&'a State),
    /// Whether it has the controls, and how many pages there are.
    Role {
        controls: bool,
        pages: usize,
    },
    /// Files that can be downloaded.
    Files {
        number: usize,
        names: &'a [String],
    },
    /// What was wrong with what it said.
    Refused {
        reason: &'a str,
    },
}

/// What is shown, for the page's title and for readers of screens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct State {
    /// The layer.
    pub layer: String,
    /// The picture's name.
    pub picture: String,
    /// The most probable class, where that means something.
    pub top: Option<String>,
}

/// First byte of a picture of the view.
pub(super) const PICTURE: u8 = 0;
/// First byte of a part of a file.
pub(super) const FILE: u8 = 1;
/// First byte of a camera frame.
pub(super) const CAMERA: u8 = 2;
