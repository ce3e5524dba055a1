//! The maps beside those of a frame that is held, with the signed difference.

use std::path::Path;

use serde_json::{Map, Value};

use super::about::{About, Choices, Flag, Needs, Takes};
use super::legend::Line;
use super::look::Look;
use super::maps;
use super::tiles::{Subject, TilesLens, TilesWork};
use crate::app::state::LensName;
use crate::engine::difference_name;
use crate::gpu::GpuContext;
use crate::session::HeldFrame;
use crate::source::FrameSource;
use crate::source::still::Pictures;

/// In keys, options and JSON.
pub const NAME: LensName = "held-difference";

/// The file of a snapshot that has the held frame.
pub const FILE: &str = "held.png";

const ABOUT: About = About {
    name: NAME,
    keys: &["shift h"],
    help: "hold this frame and show what differs from it",
    flag: Some(Flag {
        long: "held",
        takes: Takes::One("PICTURE"),
        help: "Show the maps beside those of this picture, with the signed difference",
    }),
    more: &[],
};

/// The lens.
pub struct Held;

impl TilesLens for Held {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn needs(&self, _look: &Look<'_>) -> Needs {
        Needs { held: true, ..Needs::default() }
    }

    fn shows_maps(&self) -> bool {
        true
    }

    fn subject(&self, look: &Look<'_>) -> Result<Subject, String> {
        Ok(maps::subject(look, &titles(look)))
    }

    fn hindered(&self, look: &Look<'_>) -> Option<String> {
        match (look.versions, look.shown) {
            ([], Some(_)) => None,
            ([], None) => Some("there is no frame yet".into()),
            _ => Some("networks are compared already".into()),
        }
    }

    fn start(&self, _gpu: &GpuContext) -> Box<dyn TilesWork> {
        Box::new(maps::Work::new(titles))
    }

    fn legend(&self, look: &Look<'_>) -> Vec<Line> {
        maps::legend(look)
    }

    fn set(&self, values: &[String], choices: Choices<'_>) -> Result<(), String> {
        let path = values.first().map(String::as_str).unwrap_or_default();
        if Path::new(path).is_dir() {
            return Err(format!("{path} is a folder: --held takes one picture"));
        }
        let mut source =
            Pictures::open(Path::new(path), choices.decoding, false).map_err(|error| error.to_string())?;
        let frame = source.next_frame().map_err(|error| error.to_string())?;
        let frame = frame.ok_or_else(|| format!("{path} holds no picture"))?;
        choices.time.held = Some(HeldFrame(frame));
        choices.lenses.tiles = Some(NAME);
        Ok(())
    }

    fn command(&self, look: &Look<'_>) -> String {
        look.held.map_or_else(String::new, |_| format!("--held {FILE}"))
    }

    fn record(&self, look: &Look<'_>) -> Map<String, Value> {
        let Some(HeldFrame(frame)) = look.held else { return Map::new() };
        let picture = Value::from(frame.name.to_string());
        [("frame".to_string(), Value::from(frame.id)), ("picture".to_string(), picture)].into_iter().collect()
    }
}

/// What stands over the columns, once they are there.
fn titles(look: &Look<'_>) -> Vec<String> {
    let is_there = look.shown.is_some_and(|shown| shown.request.held.is_some());
    match look.versions {
        [] if is_there => vec!["now".into(), "held frame".into(), difference_name("the held frame")],
        // Networks are compared already: they keep their columns.
        versions => versions.to_vec(),
    }
}
