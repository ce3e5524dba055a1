//! Arguments as typed. An option means the same on every subcommand that has it.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::app::theme::Theme;
use crate::engine::{Placement, Preprocessing, WeightsSpec};
use crate::gpu::{Fit, Resize};
use crate::model::{AvgPool, InputScale, Precision};
use crate::record::Existing;
use crate::source::{CameraFormat, CameraRequest, SourceSpec};
use crate::view::{ChannelSet, Colormap, Filter, Normalize, Scale, Sort};

/// A live inspector for convolutional networks: frames go through InceptionV3, and the feature maps of the
/// layer you choose are shown while they are computed.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true, after_help = EXAMPLES)]
pub struct Arguments {
    /// What to do instead of showing the view.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// What the network sees.
    #[command(flatten)]
    pub input: InputArgs,
    /// The network.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// What is shown.
    #[command(flatten)]
    pub view: ViewArgs,
}

const EXAMPLES: &str = "\
Examples:
  convscope                                          camera 0, or the test card where there is none
  convscope --source photo.jpg --weights inception_v3.safetensors --layer mixed5
  convscope --headless --frames 1 --source photo.jpg --layer conv2d,mixed0 --snapshot out

Exit codes: 0 done, 1 an error (one sentence says what to do), 2 wrong arguments, 130 ended by Ctrl-C off screen.";

/// Everything but the view.
#[derive(Debug, Subcommand)]
pub enum Command {
    Grab(super::grab::GrabArgs),
    Input(super::input::InputPictureArgs),
    Summary(super::summary::SummaryArgs),
    Classify(super::classify::ClassifyArgs),
    Maps(super::maps::MapsArgs),
    Sheet(super::sheet::SheetArgs),
    Hypercolumn(super::hypercolumn::HypercolumnArgs),
    Cam(super::cam::CamArgs),
    Kernels(super::kernels::KernelsArgs),
    Diagnose(super::diagnose::DiagnoseArgs),
    Tutorial(super::tutorial::TutorialArgs),
    Weights(super::weights::WeightsArgs),
    Bench(super::bench::BenchArgs),
    Dataset(super::dataset::DatasetArgs),
    /// List cameras with their formats, sizes and rates.
    #[command(after_help = "Example: convscope cameras")]
    Cameras,
    /// List graphics adapters and where the network would run.
    #[command(after_help = "Example: convscope devices")]
    Devices,
}

/// What the live view looks at.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct InputArgs {
    /// `camera:0`, `camera:/dev/video2`, a picture, a folder of pictures, a video, or `testcard` [default: the
    /// first camera, or the test card].
    #[arg(long, value_name = "SOURCE")]
    pub source: Option<SourceSpec>,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
}

/// How a camera is asked to deliver.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct CameraArgs {
    /// Ask the camera for this size.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub camera_size: Option<[u32; 2]>,
    /// Ask the camera for this rate, in frames a second.
    #[arg(long, value_name = "FPS")]
    pub camera_fps: Option<u32>,
    /// Ask the camera for this format.
    #[arg(long, value_name = "FORMAT")]
    pub camera_format: Option<CameraFormat>,
}

impl CameraArgs {
    /// As the source understands it.
    pub fn request(&self) -> CameraRequest {
        CameraRequest {
            size: self.camera_size.map(|[width, height]| (width, height)),
            fps: self.camera_fps,
            format: self.camera_format,
        }
    }
}

/// How a picture becomes the network's input.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Input")]
pub struct PreprocessArgs {
    /// How a picture that is not square becomes one.
    #[arg(long, value_enum, default_value_t)]
    pub fit: Fit,
    /// How a picture is resized to 299×299.
    #[arg(long, value_enum, default_value_t)]
    pub resize: Resize,
}

impl PreprocessArgs {
    /// As the engine understands it.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing { fit: self.fit, resize: self.resize }
    }
}

/// Which pictures a command works on.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct PictureArgs {
    /// Pictures, folders of pictures, videos, `camera:0`, `testcard`.
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<SourceSpec>,
    /// At most so many frames of each PATH [default: 1 of a camera or the test card, else all].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub frames: Option<u64>,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
}

/// Colours of maps.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Colours")]
pub struct ColorArgs {
    /// What the ends of the colormap stand for: `map` (each map its own range), `layer` (one for all maps of a layer),
    /// `symmetric` (one for the layer, as far below zero as above), or `MIN..MAX` (these values).
    #[arg(long, value_name = "RANGE", default_value_t, allow_hyphen_values = true)]
    pub normalize: Normalize,
    /// Exponent of the colours' scale: below 1, small values become brighter.
    #[arg(long, value_name = "GAMMA", default_value_t = 1.0, value_parser = parse_gamma)]
    pub gamma: f32,
    /// With `--normalize layer` or `symmetric`: how far the layer's range gives way to each map's own, from 0 to 1.
    #[arg(long, value_name = "BOOST", default_value_t = 0.0, value_parser = parse_fraction)]
    pub boost: f32,
    /// Colours [default: viridis, or diverging with `--normalize symmetric`].
    #[arg(long, value_enum)]
    pub colormap: Option<Colormap>,
}

impl ColorArgs {
    /// How values become places in the colormap.
    pub fn scale(&self) -> Scale {
        Scale { normalize: self.normalize, gamma: self.gamma, boost: self.boost }
    }

    /// The colours.
    pub fn colormap(&self) -> Colormap {
        self.colormap.unwrap_or(self.normalize.colormap())
    }
}

/// Files that a command writes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Replace files that are there already.
    #[arg(long)]
    pub overwrite: bool,
}

impl OutputArgs {
    /// What becomes of files that are there already.
    pub fn existing(&self) -> Existing {
        if self.overwrite { Existing::Replace } else { Existing::Keep }
    }
}

/// `--device`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// A GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The graphics adapter, even where it is a (very slow) software rasterizer.
    Gpu,
    /// The CPU; only the live view and --headless then still draw with the graphics adapter.
    Cpu,
}

impl DeviceChoice {
    /// Where the user insists that the network runs; `None`: wherever is best.
    pub fn placement(self) -> Option<Placement> {
        match self {
            Self::Auto => None,
            Self::Gpu => Some(Placement::Gpu),
            Self::Cpu => Some(Placement::Cpu),
        }
    }
}

/// The network and where it runs.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Network")]
pub struct NetworkArgs {
    /// Weight file (safetensors, PyTorch's .pth, Keras' .h5, PaddlePaddle's .pdparams), a name that `convscope
    /// weights list` shows, `imagenet` (whichever of those was fetched), `embedded`, `untrained`; `auto`: ImageNet
    /// weights where they are there, else the embedded network.
    #[arg(long, value_name = "FILE", default_value_t)]
    pub weights: WeightsSpec,
    /// Names of the classes: a JSON list, or a line each (the name, or `index<TAB>wnid<TAB>name`) [default:
    /// ImageNet's, where there are 1000 classes].
    #[arg(long, value_name = "FILE")]
    pub labels: Option<PathBuf>,
    /// Whether padding counts in average pooling: Keras and TensorFlow exclude it, torchvision includes it [default:
    /// what is known of the weights].
    #[arg(long, value_enum)]
    pub avg_pool: Option<AvgPool>,
    /// What the network's input makes of black and white: `-1..1`, `0..1`, or `imagenet` (its mean and standard
    /// deviation) [default: what is known of the weights].
    #[arg(long, value_name = "SCALE", allow_hyphen_values = true)]
    pub input_scale: Option<InputScale>,
    /// Multiply all channel counts, for a thinner and faster untrained network (0.05 to 1).
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = parse_width)]
    pub width_multiplier: f64,
    /// Where the network runs.
    #[arg(long, value_enum, default_value_t)]
    pub device: DeviceChoice,
    /// In which numbers the network is computed; f16 only on a GPU that has it.
    #[arg(long, value_enum, default_value_t)]
    pub precision: Precision,
    /// Draw (and compute) with the first graphics adapter whose name contains this; `convscope devices` lists them.
    #[arg(long, value_name = "NAME")]
    pub adapter: Option<String>,
}

/// What is shown.
#[derive(Args, Debug)]
#[command(next_help_heading = "View")]
pub struct ViewArgs {
    /// Layer by index, Keras name or torchvision name; several, separated by commas, with --headless.
    #[arg(long, value_name = "LAYER", default_value = "mixed0", value_delimiter = ',')]
    pub layer: Vec<String>,
    /// Channels to show or save, such as `0..16,40` (0 up to but not 16, and 40) [default: all].
    #[arg(long, value_name = "CHANNELS")]
    pub channels: Option<ChannelSet>,
    /// Longer side of a tile in points [default: as large as fits].
    #[arg(long, value_name = "POINTS", value_parser = clap::value_parser!(u32).range(4..=4096))]
    pub tile_size: Option<u32>,
    /// The ground that everything is drawn on.
    #[arg(long, value_enum, default_value_t)]
    pub theme: Theme,
    /// Mirror the image on the screen (never for the network).
    #[arg(long)]
    pub mirror: bool,
    /// Show the picture as the network sees it: 299×299 pixels.
    #[arg(long)]
    pub show_input: bool,
    /// Show the probabilities of all classes as a curve.
    #[arg(long)]
    pub curve: bool,
    /// Lay the hypercolumn of these layers over the picture.
    #[arg(long, value_name = "LAYERS", value_delimiter = ',')]
    pub hypercolumn: Vec<String>,
    /// How much of the picture the hypercolumn or the class activation map covers, from 0 to 1.
    #[arg(long, value_name = "OPACITY", default_value_t = 0.7, value_parser = parse_fraction)]
    pub opacity: f32,
    /// Lay the class activation map of the most probable class over the picture.
    #[arg(long, conflicts_with = "hypercolumn")]
    pub cam: bool,
    /// Show the kernels (weights) of the layer in place of its maps.
    #[arg(long)]
    pub kernels: bool,
    /// What channels are sorted by.
    #[arg(long, value_enum, default_value_t)]
    pub sort: Sort,
    /// Which channels are left out.
    #[arg(long, value_enum, default_value_t)]
    pub filter: Filter,
    /// Mark what is wrong with maps, over all frames so far.
    #[arg(long)]
    pub health: bool,
    /// Other weights to show beside those of --weights, with the signed difference; up to three times.
    #[arg(long, value_name = "FILE")]
    pub compare: Vec<WeightsSpec>,
    /// Also write every snapshot to TensorBoard event files in this folder.
    #[arg(long, value_name = "DIR")]
    pub tensorboard: Option<PathBuf>,
    /// Size of the window (on a display with a scale of 2 it has twice as many pixels), or of the pictures with --headless.
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_size)]
    pub size: [u32; 2],
    /// Folder for snapshots.
    #[arg(long, value_name = "DIR", default_value = "convscope-snapshots")]
    pub snapshot: PathBuf,
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
    /// Colours.
    #[command(flatten)]
    pub colors: ColorArgs,
}

/// Largest side of a view or a camera picture.
const MAX_SIDE: u32 = 8192;

/// A width and a height in pixels, as in `1280x720`.
pub fn parse_size(text: &str) -> Result<[u32; 2], String> {
    let (width, height) = text.split_once(['x', '×']).ok_or("write width and height as in 1280x720")?;
    let side = |text: &str| match text.trim().parse::<u32>() {
        Ok(side) if (1..=MAX_SIDE).contains(&side) => Ok(side),
        _ => Err(format!("`{text}` is not a number of pixels from 1 to {MAX_SIDE}")),
    };
    Ok([side(width)?, side(height)?])
}

/// A number from 0 to 1.
pub fn parse_fraction(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(opacity) if (0.0..=1.0).contains(&opacity) => Ok(opacity),
        _ => Err("a number from 0 to 1".into()),
    }
}

fn parse_gamma(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(gamma) if (0.05..=10.0).contains(&gamma) => Ok(gamma),
        _ => Err("a number from 0.05 to 10".into()),
    }
}

fn parse_width(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(width) if (0.05..=1.0).contains(&width) => Ok(width),
        _ => Err("a number from 0.05 to 1".into()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds above 0, at most a day".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_and_numbers() {
        assert_eq!(parse_size("640x480"), Ok([640, 480]));
        for text in ["640", "0x4", "ax4", "9000x4", "-1x4"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
        assert!(parse_width("0").is_err() && parse_width("NaN").is_err() && parse_width("0.25").is_ok());
        assert!(parse_seconds("0").is_err() && parse_seconds("inf").is_err() && parse_seconds("0.5").is_ok());
    }
}
