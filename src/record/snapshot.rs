//! One snapshot: a folder named by time and layer.
//!
//! | file | what |
//! |---|---|
//! | `view.png` | the whole view |
//! | `frame.png` | the frame as the source gave it |
//! | `input.png` | the network's input: fitted, resized, in whole levels |
//! | `tiles.png` | what the tiles show, on all pages, one pixel a value, coloured as in the view |
//! | `map.safetensors` | the numbers behind it: of maps `[1, channels, height, width]` f32, named by the layer |
//! | `held.png` | the frame that the shown one is compared with, where there is one |
//! | `snapshot.json` | [`SnapshotInfo`] |
//!
//! The folder appears under its name when it is complete; an existing one is never touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::cell::CellInfo;
use super::{EventError, EventWriter, LayerInfo, LockedRanges, Provenance, png, tensors};
use crate::frame::Frame;
use crate::gpu::readback::{PendingMap, PendingPicture};
use crate::gpu::{GpuContext, Preprocessing, twin};
use crate::inspect::{Answer, ChannelStatistics, Experiment, ExperimentInfo, Said};
use crate::model::labels::Label;
use crate::model::{InputScale, Meaning, Shape};
use crate::session::StageTimes;
use crate::view::{Colormap, Filter, Sort, input_picture};

/// Everything needed to make the same again: `snapshot.json`.
#[derive(Clone, Debug, Serialize)]
pub struct SnapshotInfo {
    /// Network, weights and preprocessing.
    #[serde(flatten)]
    pub provenance: Provenance,
    /// Local time with its offset from UTC.
    pub time: String,
    /// The command that makes this snapshot again from the saved frame, inside the snapshot's folder.
    pub command: String,
    /// What the source is and gives.
    pub source: String,
    /// Name of the picture in the source.
    pub picture: String,
    /// What was odd about the picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Number of the frame in the source.
    pub frame_id: u64,
    /// Width and height of the frame.
    pub frame_size: [u32; 2],
    /// Layout of the frame's bytes when it came.
    pub frame_format: &'static str,
    /// True where the image was mirrored on screen; the network never sees that.
    pub mirrored_on_screen: bool,
    /// True where the picture was shown as the network's input.
    pub shown_as_input: bool,
    /// True where the probabilities of all classes were shown as a curve.
    pub curve: bool,
    /// What the tiles showed.
    pub tiles: LensInfo,
    /// What lay over the picture.
    pub over: Option<OverInfo>,
    /// What was done to the network and its picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<ExperimentInfo>,
    /// The most probable classes (or the first numbers) where that was not done.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub predictions_before: Vec<Prediction>,
    /// What channels were sorted by.
    pub sort: Sort,
    /// Which channels were left out.
    pub filter: Filter,
    /// How many that were.
    pub hidden: usize,
    /// True where unhealthy maps were marked.
    pub health: bool,
    /// True where the graph of the layer's stage was shown.
    pub block: bool,
    /// Weights that were shown beside the main ones.
    pub compared_with: Vec<String>,
    /// Where the network ran: `cpu` or `gpu`.
    pub device: &'static str,
    /// Name of the graphics adapter.
    pub adapter: String,
    /// What was shown.
    pub layer: LayerInfo,
    /// The channels that were shown, in order.
    pub channels: Vec<u32>,
    /// Position among them of the selected one.
    pub selected: usize,
    /// True where only the selected one was shown.
    pub enlarged: bool,
    /// How its marked cell is computed, where that was shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cell: Option<CellInfo>,
    /// What the ends of the colormap stand for, as `--normalize` has it.
    pub normalize: String,
    /// True where ranges of an earlier frame were held.
    pub locked: bool,
    /// Those ranges, of each version that was shown: what `--lock` reads.
    pub locked_ranges: Option<Vec<LockedRanges>>,
    /// Exponent of the level.
    pub gamma: f32,
    /// How far the layer's range gave way to each map's own.
    pub boost: f32,
    /// The values at the ends of the colormap for each of `channels`.
    pub ranges: Vec<[f32; 2]>,
    /// The colours.
    pub colormap: Colormap,
    /// True where values were interpolated.
    pub smooth: bool,
    /// Width and height of `view.png`.
    pub view_size: [u32; 2],
    /// Pixels of a tile in `view.png`.
    pub tile_size: [u32; 2],
    /// Left, top, width and height of the tile area in `view.png`.
    pub tile_area: [u32; 4],
    /// What the numbers of `predictions` are.
    pub meaning: Option<Meaning>,
    /// The most probable classes (or the first numbers), where predictions were computed and mean something.
    pub predictions: Vec<Prediction>,
    /// How long it took.
    pub times: StageTimes,
    /// Statistics of the shown channels, then of the whole layer.
    pub statistics: Vec<ChannelStatistics>,
}

/// The name of `snapshot.json`.
pub const SNAPSHOT_FILE: &str = "snapshot.json";

/// A lens in `snapshot.json`.
#[derive(Clone, Debug, Serialize)]
pub struct LensInfo {
    /// Its name.
    #[serde(rename = "lens")]
    pub name: &'static str,
    /// What only this lens has.
    #[serde(flatten)]
    pub more: serde_json::Map<String, serde_json::Value>,
}

/// A lens over the picture in `snapshot.json`.
#[derive(Clone, Debug, Serialize)]
pub struct OverInfo {
    /// Which one.
    #[serde(flatten)]
    pub lens: LensInfo,
    /// How much of the picture it covered, from 0 to 1.
    pub opacity: f32,
}

/// A class with its probability, or an output with its number.
#[derive(Clone, Debug, Serialize)]
pub struct Prediction {
    /// Index of the class or output.
    pub class: usize,
    /// WordNet id.
    pub wordnet_id: String,
    /// Name, which several classes may have.
    pub name: String,
    /// Name that only this one has.
    #[serde(skip)]
    pub title: String,
    /// Its number.
    #[serde(flatten)]
    pub said: Said,
}

impl Prediction {
    /// What an answer says at this place, with its name where it has one.
    pub fn new(answer: &Answer, class: usize, labels: &[Label]) -> Self {
        let label = labels.get(class).cloned().unwrap_or_default();
        let title = answer.name(class, labels);
        let name = if label.name.is_empty() { title.clone() } else { label.name };
        Self { class, wordnet_id: label.wordnet_id, name, title, said: answer.said(class) }
    }

    /// The first `count` of what an answer tells.
    pub fn top(answer: &Answer, labels: &[Label], count: usize) -> Vec<Self> {
        answer.top(count).into_iter().map(|class| Self::new(answer, class, labels)).collect()
    }

    /// Its name in TensorBoard, where each series has one of its own.
    pub fn tag(&self) -> String {
        format!("{}/{}", self.said.kind(), format!("{} {}", self.wordnet_id, self.title).trim_start())
    }
}

/// A snapshot on its way to disk. Pictures and numbers are still being copied from the GPU.
#[derive(Debug)]
pub struct SnapshotJob {
    /// Folder in which the snapshot's folder is made.
    pub folder: PathBuf,
    /// Name of the snapshot's folder, without the number that an existing one adds.
    pub name: String,
    /// The whole view.
    pub view: PendingPicture,
    /// What the tiles show, where they show something.
    pub tiles: Option<PendingPicture>,
    /// The numbers behind it.
    pub numbers: Vec<Numbers>,
    /// The frame.
    pub frame: Frame,
    /// The frame that it is compared with, and its file's name.
    pub held: Option<(&'static str, Frame)>,
    /// How the frame became the network's input.
    pub how: Preprocessing,
    /// What was done to the input.
    pub experiment: Experiment,
    /// Shape of that input.
    pub input: Shape,
    /// The rest.
    pub info: SnapshotInfo,
}

/// A tensor of `map.safetensors`.
#[derive(Debug)]
pub struct Numbers {
    /// Its name.
    pub name: String,
    /// Its values.
    pub values: Values,
}

/// Values that are there, or on their way.
#[derive(Debug)]
pub enum Values {
    /// In host memory, in row-major order.
    There {
        /// Length of each axis.
        shape: Vec<usize>,
        /// As many values as the shape has.
        values: Arc<[f32]>,
    },
    /// These channels of a map that is being copied from the GPU.
    Coming {
        /// The whole map.
        map: PendingMap,
        /// The channels that are saved, in this order.
        channels: Arc<[u32]>,
    },
}

impl Numbers {
    /// Waits for the GPU. Name, shape and values.
    fn wait(self, gpu: &GpuContext) -> Result<(String, Vec<usize>, Vec<f32>), SnapshotError> {
        match self.values {
            Values::There { shape, values } => Ok((self.name, shape, values.to_vec())),
            Values::Coming { map, channels } => {
                let Shape { height, width, .. } = map.shape();
                let all = map.wait(gpu).map_err(|error| SnapshotError::Content(error.to_string()))?;
                let cells = height * width;
                let of =
                    |channel: &u32| all.get(*channel as usize * cells..).and_then(|rest| rest.get(..cells));
                let values: Vec<f32> = channels.iter().filter_map(of).flatten().copied().collect();
                Ok((self.name, vec![1, channels.len(), height, width], values))
            }
        }
    }
}

/// Why a snapshot was not written.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The disk said no.
    #[error("the snapshot could not be written to {}: {source}; choose another folder with `--snapshot DIR`", path.display())]
    Disk {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: std::io::Error,
    },
    /// The numbers did not come back from the GPU, or could not be encoded.
    #[error("the snapshot could not be made: {0}")]
    Content(String),
}

/// Largest number behind a name that is taken.
const MAX_SAME_NAME: u32 = 10_000;

impl SnapshotJob {
    /// Waits for the GPU, writes everything into a hidden folder, then gives it its name. Returns that path.
    pub(super) fn write(
        self,
        gpu: &GpuContext,
        events: Option<(&mut EventWriter, i64)>,
    ) -> Result<PathBuf, SnapshotError> {
        let hidden = self.folder.join(format!(".{}.partial-{}", self.name, std::process::id()));
        let disk = |path: &Path| {
            let path = path.to_path_buf();
            move |source| SnapshotError::Disk { path, source }
        };
        fs::create_dir_all(&self.folder).map_err(disk(&self.folder))?;
        fs::create_dir(&hidden).map_err(disk(&hidden))?;
        let (folder, name) = (self.folder.clone(), self.name.clone());
        let result = self.write_files(gpu, &hidden, events).and_then(|()| {
            for number in 1..MAX_SAME_NAME {
                let suffix = if number == 1 { String::new() } else { format!("-{number}") };
                let path = folder.join(format!("{name}{suffix}"));
                if !path.exists() {
                    return fs::rename(&hidden, &path).map(|()| path.clone()).map_err(disk(&path));
                }
            }
            Err(disk(&folder)(std::io::ErrorKind::AlreadyExists.into()))
        });
        if result.is_err() {
            // What is half written is of no use to anybody; that the disk is full is the error to report.
            let _ = fs::remove_dir_all(&hidden);
        }
        result
    }

    fn write_files(
        self,
        gpu: &GpuContext,
        folder: &Path,
        events: Option<(&mut EventWriter, i64)>,
    ) -> Result<(), SnapshotError> {
        let content = |error: &dyn std::fmt::Display| SnapshotError::Content(error.to_string());
        let save = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            fs::write(&path, bytes).map_err(|source| SnapshotError::Disk { path, source })
        };
        let view = self.view.wait(gpu).map_err(|e| content(&e))?;
        save("view.png", &png(&view).map_err(|e| content(&e))?)?;
        let tiles = self.tiles.map(|tiles| tiles.wait(gpu)).transpose().map_err(|e| content(&e))?;
        if let Some(tiles) = &tiles {
            save("tiles.png", &png(tiles).map_err(|e| content(&e))?)?;
        }
        for (name, frame) in std::iter::once(("frame.png", &self.frame))
            .chain(self.held.iter().map(|(name, frame)| (*name, frame)))
        {
            let picture = image::RgbImage::from_raw(frame.width, frame.height, twin::rgb_bytes(frame));
            let picture = picture.ok_or_else(|| content(&"the frame is not a picture"))?;
            save(name, &png(&picture).map_err(|e| content(&e))?)?;
        }
        let mut input = twin::preprocess(&self.frame, self.how, InputScale::default(), self.input);
        self.experiment.change_input(&mut input, self.input, InputScale::default());
        let input = input_picture(&input, [self.input.width, self.input.height]);
        save("input.png", &png(&input).map_err(|e| content(&e))?)?;

        let named: Result<Vec<_>, _> = self.numbers.into_iter().map(|one| one.wait(gpu)).collect();
        let named = named?;
        if let Some((events, step)) = events {
            write_events(events, step, &view, tiles.as_ref(), named.first(), &self.info.predictions)
                .map_err(|e| content(&e))?;
        }
        if !named.is_empty() {
            save("map.safetensors", &tensors(named).map_err(|e| content(&e))?)?;
        }

        let json = serde_json::to_vec_pretty(&self.info).map_err(|e| content(&e))?;
        save(SNAPSHOT_FILE, &json)
    }
}

fn write_events(
    events: &mut EventWriter,
    step: i64,
    view: &image::RgbImage,
    tiles: Option<&image::RgbImage>,
    numbers: Option<&(String, Vec<usize>, Vec<f32>)>,
    predictions: &[Prediction],
) -> Result<(), EventError> {
    events.image("view", step, view)?;
    if let (Some(tiles), Some((name, _, values))) = (tiles, numbers) {
        events.image(&format!("maps/{name}"), step, tiles)?;
        events.histogram(&format!("values/{name}"), step, values)?;
    }
    predictions.iter().try_for_each(|one| events.scalar(&one.tag(), step, one.said.number()))
}
