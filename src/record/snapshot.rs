//! One snapshot: a folder named by time and layer.
//!
//! | file | what |
//! |---|---|
//! | `view.png` | the whole view |
//! | `frame.png` | the frame as the source gave it |
//! | `input.png` | the network's input: fitted, resized, in whole levels |
//! | `tiles.png` | the chosen channels, one pixel a value, coloured as in the view |
//! | `map.safetensors` | the values, `[1, channels, height, width]` f32, named by the layer |
//! | `snapshot.json` | [`SnapshotInfo`] |
//!
//! The folder appears under its name when it is complete; an existing one is never touched.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{EventWriter, Provenance, png, tensors};
use crate::engine::Preprocessing;
use crate::frame::Frame;
use crate::gpu::readback::{PendingMap, PendingPicture};
use crate::gpu::{GpuContext, twin};
use crate::inspect::ChannelStatistics;
use crate::model::labels::Label;
use crate::model::{InputScale, Shape};
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
    /// Number of the frame in the source.
    pub frame_id: u64,
    /// Width and height of the frame.
    pub frame_size: [u32; 2],
    /// Layout of the frame's bytes when it came.
    pub frame_format: &'static str,
    /// True where the image was mirrored on screen; the network never sees that.
    pub mirrored_on_screen: bool,
    /// True where the picture was shown as the network's 299×299 input.
    pub shown_as_input: bool,
    /// True where the probabilities of all classes were shown as a curve.
    pub curve: bool,
    /// What lay over the picture.
    pub hypercolumn: Option<HypercolumnInfo>,
    /// True where kernels were shown in place of maps.
    pub kernels: bool,
    /// True where similar channels were beside each other.
    pub by_similarity: bool,
    /// What channels were sorted by.
    pub sort: Sort,
    /// Which channels were left out.
    pub filter: Filter,
    /// How many that were.
    pub hidden: usize,
    /// True where the class activation map lay over the picture.
    pub class_activation: bool,
    /// True where the selected map lay over the picture.
    pub over_picture: bool,
    /// Number of the frame that the shown one was compared with.
    pub held_frame: Option<u64>,
    /// True where unhealthy maps were marked.
    pub health: bool,
    /// Weights that were shown beside the main ones.
    pub compared_with: Vec<String>,
    /// Where the network ran: `cpu` or `gpu`.
    pub device: &'static str,
    /// Name of the graphics adapter.
    pub adapter: String,
    /// What was shown.
    pub layer: TapInfo,
    /// The channels that were shown, in order.
    pub channels: Vec<u32>,
    /// Position among them of the selected one.
    pub selected: usize,
    /// True where only the selected one was shown.
    pub enlarged: bool,
    /// What the ends of the colormap stand for, as `--normalize` has it.
    pub normalize: String,
    /// True where ranges of an earlier frame were held.
    pub locked: bool,
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
    /// The most probable classes, where predictions were computed and mean something.
    pub predictions: Vec<Prediction>,
    /// How long it took.
    pub times: StageTimes,
    /// Statistics of the shown channels, then of the whole layer.
    pub statistics: Vec<ChannelStatistics>,
}

/// A hypercolumn in `snapshot.json`.
#[derive(Clone, Debug, Serialize)]
pub struct HypercolumnInfo {
    /// Its layers.
    pub layers: Vec<usize>,
    /// From 0 to 1.
    pub opacity: f32,
}

/// A layer in `snapshot.json`.
#[derive(Clone, Debug, Serialize)]
pub struct TapInfo {
    /// Keras' index.
    pub index: usize,
    /// Keras' name.
    pub keras_name: String,
    /// torchvision's name.
    pub torch_name: Option<String>,
    /// What it computes.
    pub operation: &'static str,
    /// Channels, height, width.
    pub shape: [usize; 3],
}

/// A class with its probability.
#[derive(Clone, Debug, Serialize)]
pub struct Prediction {
    /// Index of the class.
    pub class: usize,
    /// WordNet id.
    pub wordnet_id: String,
    /// Name.
    pub name: String,
    /// From 0 to 1.
    pub probability: f32,
}

impl Prediction {
    /// A class by its index and, where it has one, its name.
    pub fn new(class: usize, probability: f32, label: Option<&Label>) -> Self {
        Self {
            class,
            wordnet_id: label.map(|label| label.wordnet_id.clone()).unwrap_or_default(),
            name: label.map_or_else(|| format!("class {class}"), |label| label.name.clone()),
            probability,
        }
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
    /// The tiles.
    pub tiles: PendingPicture,
    /// The values of all channels.
    pub map: PendingMap,
    /// The frame.
    pub frame: Frame,
    /// How the frame became the network's input.
    pub how: Preprocessing,
    /// Shape of that input.
    pub input: Shape,
    /// The rest.
    pub info: SnapshotInfo,
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
        let tiles = self.tiles.wait(gpu).map_err(|e| content(&e))?;
        save("tiles.png", &png(&tiles).map_err(|e| content(&e))?)?;
        let frame =
            image::RgbImage::from_raw(self.frame.width, self.frame.height, twin::rgb_bytes(&self.frame));
        let frame = frame.ok_or_else(|| content(&"the frame is not a picture"))?;
        save("frame.png", &png(&frame).map_err(|e| content(&e))?)?;
        let input =
            twin::preprocess(&self.frame, self.how.fit, self.how.resize, InputScale::default(), self.input);
        let input = input_picture(&input, [self.input.width, self.input.height]);
        save("input.png", &png(&input).map_err(|e| content(&e))?)?;

        let values = self.map.wait(gpu).map_err(|e| content(&e))?;
        let [_, height, width] = self.info.layer.shape;
        let chosen: Vec<f32> = self
            .info
            .channels
            .iter()
            .flat_map(|channel| &values[*channel as usize * height * width..][..height * width])
            .copied()
            .collect();
        let shape = vec![1, self.info.channels.len(), height, width];
        if let Some((events, step)) = events {
            let layer = &self.info.layer.keras_name;
            let predictions = &self.info.predictions;
            events
                .image("view", step, &view)
                .and_then(|()| events.image(&format!("maps/{layer}"), step, &tiles))
                .and_then(|()| events.histogram(&format!("values/{layer}"), step, &chosen))
                .and_then(|_| {
                    predictions.iter().try_for_each(|Prediction { wordnet_id, name, probability, .. }| {
                        events.scalar(&format!("probability/{wordnet_id} {name}"), step, *probability)
                    })
                })
                .map_err(|e| content(&e))?;
        }
        let named = vec![(self.info.layer.keras_name.clone(), shape, chosen)];
        save("map.safetensors", &tensors(named).map_err(|e| content(&e))?)?;

        let json = serde_json::to_vec_pretty(&self.info).map_err(|e| content(&e))?;
        save("snapshot.json", &json)
    }
}
