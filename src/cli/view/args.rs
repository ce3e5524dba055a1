//! The options of the live view.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::Args;

use super::lenses::LensArgs;
use crate::app::theme::Theme;
use crate::cli::args::{
    CameraArgs, ColorArgs, PreprocessArgs, parse_fraction, parse_point, parse_rate, parse_seconds, parse_size,
};
use crate::cli::experiment::ExperimentArgs;
use crate::cli::follow::BesideArg;
use crate::cli::pages::PageArgs;
use crate::engine::WeightsSpec;
use crate::journal::Limit;
use crate::source::SourceSpec;
use crate::view::{ChannelSet, Filter, Sort};

/// What the live view looks at.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// `camera:0`, `/dev/video2`, a picture, a folder of pictures, a video, an address such as `rtsp://HOST/live`, or `testcard`
    /// (docs/sources.md) [default: the first camera, or the test card].
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<SourceSpec>,
    /// Of a video, an animation or a file of several pages, one frame of so many.
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN)]
    pub every: NonZeroU32,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
}

/// What is shown.
#[derive(Args, Debug)]
#[command(next_help_heading = "View")]
pub struct ViewArgs {
    /// Layer by index or one of its names; several, separated by commas, with --headless [default: the end of the
    /// second stage, such as InceptionV3's mixed0].
    #[arg(long, value_name = "LAYER", value_delimiter = ',')]
    pub layer: Vec<String>,
    /// Channels to show or save, such as `0..16,40` (0 up to but not 16, and 40) [default: all].
    #[arg(long, value_name = "CHANNELS")]
    pub channels: Option<ChannelSet>,
    /// Select this channel.
    #[arg(long, value_name = "CHANNEL")]
    pub select: Option<u32>,
    /// Show the selected channel alone.
    #[arg(long)]
    pub enlarge: bool,
    /// Mark the cell or pixel at these parts of the picture's width and height, as in `0.5,0.25`.
    #[arg(long, value_name = "X,Y", value_parser = parse_point)]
    pub mark: Option<[f32; 2]>,
    /// Longer side of a tile in points [default: as large as fits].
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(4..=4096))]
    pub tile_size: Option<u32>,
    /// The ground that everything is drawn on.
    #[arg(long, value_enum, default_value_t)]
    pub theme: Theme,
    /// Mirror the image on the screen (never for the network).
    #[arg(long)]
    pub mirror: bool,
    /// Show the picture as the network sees it, in its own pixels.
    #[arg(long)]
    pub show_input: bool,
    /// Compute and show no predictions.
    #[arg(long)]
    pub no_predictions: bool,
    /// Show the probabilities of all classes, or all other numbers, as a curve.
    #[arg(long)]
    pub curve: bool,
    /// What the tiles show, and what lies over the picture.
    #[command(flatten)]
    pub lenses: LensArgs,
    /// What is done to the network and its picture.
    #[command(flatten)]
    pub experiment: ExperimentArgs,
    /// What --saliency, --gradients and --grad-cam trace back, and stay with: LAYER:CHANNEL (its strongest cell),
    /// LAYER:CHANNEL@ROW,COLUMN, LAYER:CHANNEL@mean, class:NAME or class:top; several joined with + or -
    /// [default: the selected channel, or the top class].
    #[arg(long, value_name = "ORIGIN")]
    pub from: Option<String>,
    /// How much of the picture is covered by what lies over it, from 0 to 1.
    #[arg(long, value_name = "OPACITY", default_value_t = 0.7, value_parser = parse_fraction)]
    pub opacity: f32,
    /// What channels are sorted by.
    #[arg(long, value_enum, default_value_t)]
    pub sort: Sort,
    /// Which channels are left out.
    #[arg(long, value_enum, default_value_t)]
    pub filter: Filter,
    /// Mark what is wrong with maps, over all frames so far.
    #[arg(long)]
    pub health: bool,
    /// Show the graph of the layer's stage: what leads to the layer.
    #[arg(long)]
    pub block: bool,
    /// Show the selected channel alone, and how its cell at --mark (else its strongest one) is computed.
    #[arg(long)]
    pub cell: bool,
    /// Other weights to show beside those of --weights, with the signed difference; up to three times.
    #[arg(long, value_name = "FILE")]
    pub compare: Vec<WeightsSpec>,
    /// Follow a training: a weight file that it writes again and again, or the folder of its checkpoints. Each that is whole is taken
    /// over, and a strip tells of those until then (`convscope follow` tells without a display).
    #[arg(long, value_name = "FILE|DIR", conflicts_with_all = ["compare", "headless", "record_session"])]
    pub follow: Option<PathBuf>,
    /// With --follow: what each checkpoint is shown beside: `previous`, `first`, or a weight file.
    #[arg(long, value_name = "WHICH", requires = "follow")]
    pub beside: Option<BesideArg>,
    /// Show the view in browsers, too, at this port of this machine [default: 7878] (`convscope serve` does without a window).
    #[arg(long, value_name = "PORT", num_args = 0..=1, default_missing_value = "7878", conflicts_with = "headless")]
    pub serve: Option<u16>,
    #[command(flatten)]
    pub pages: PageArgs,
    /// Also write every snapshot to TensorBoard event files in this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Size of the window (on a display with a scale of 2 it has twice as many pixels), or of the pictures with --headless
    /// [default: 1280x720, or what a smaller screen has room for].
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub size: Option<[u32; 2]>,
    /// Folder for snapshots, and for films that a key begins [default: convscope-snapshots].
    #[arg(long, value_name = "DIR")]
    pub snapshot: Option<PathBuf>,
    /// Record what is seen as a film, from the first picture on: .mp4 (H.264), .mkv, .webm (VP9) or .gif, by the program ffmpeg.
    /// With --headless until the source ends, and snapshots only where --snapshot names a folder.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// With --headless: pictures a second in the film [default: the video's or animation's own rate; of pictures, 2].
    #[arg(long, value_name = "N", requires = "record", requires = "headless", value_parser = parse_rate)]
    pub record_rate: Option<f64>,
    /// Keep the source's frames and everything you do in this folder, for `convscope replay`.
    #[arg(long, value_name = "DIR")]
    pub record_session: Option<PathBuf>,
    /// How large that may become, as in 500MB or 4GB; then it ends, with a note, and the view goes on.
    #[arg(long, value_name = "SIZE", requires = "record_session", default_value_t)]
    pub session_limit: Limit,
    /// How many input frames can be gone back to (`w` and `e` while frozen); they take no more than 256 MB, and one of a
    /// 640×480 camera 0.6 to 0.9 MB.
    #[arg(long, value_name = "N", default_value_t = 150, value_parser = clap::value_parser!(u32).range(0..=100_000))]
    pub history: u32,
    /// Never fetch weights in the background.
    #[arg(long)]
    pub offline: bool,
    /// No window: process frames and write a snapshot of each.
    #[arg(long)]
    pub headless: bool,
    /// With --headless: end after so many frames [default: 1, or all pictures of a folder].
    #[arg(long, value_name = "N", requires = "headless", conflicts_with = "seconds",
          value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    /// With --headless: process frames for so long and write one snapshot a second.
    #[arg(long, value_name = "S", requires = "headless", value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// Keys as in this file; `convscope keys` prints one [default: keys.toml in the settings folder, where there is one].
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Colours.
    #[command(flatten)]
    pub colors: ColorArgs,
    /// Interpolate the values of tiles.
    #[arg(long, help_heading = "Colours")]
    pub smooth: bool,
    /// Hold the ranges that a snapshot held: its snapshot.json.
    #[arg(long, value_name = "FILE", help_heading = "Colours")]
    pub lock: Option<PathBuf>,
}
