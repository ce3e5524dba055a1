//! Arguments as typed. An option means the same on every subcommand that has it.

use std::num::NonZeroU32;
use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, ValueEnum};

use super::output;
use super::share::Shard;
use crate::app::state::Colors;
use crate::engine::{Between, OutputChoice, Placement, WeightsSpec};
use crate::gpu::{Fit, InputChanges, Like, Preprocessing, Resize};
use crate::model::{AvgPool, InputScale, Precision, Shape, three_numbers};
use crate::record::Existing;
use crate::source::camera::Rate;
use crate::source::{CameraFormat, CameraRequest, Decoding, Levels, SourceSpec};
use crate::view::{Colormap, Normalize, Scale};

/// How a camera is asked to deliver.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Input")]
pub struct CameraArgs {
    /// Ask the camera for this size.
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub camera_size: Option<[u32; 2]>,
    /// Ask the camera for this rate, in frames a second (30, 12.5, 30000/1001).
    #[arg(long, value_name = "FPS")]
    pub camera_fps: Option<Rate>,
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
    /// Follow a library's usual way from a file to the network's input, to compare numbers: --fit and --resize as below, and of a
    /// picture's file the stored colours as they lie, without turning it upright (EXIF) or laying transparency over white.
    #[arg(long, value_enum, value_name = "LIBRARY")]
    pub like: Option<Like>,
    /// What becomes of a picture whose sides are not in the proportion of the network's input: `stretch` (the whole picture,
    /// squeezed), `crop` (the largest part in the middle that has them), or a number: the shorter side is resized to so many
    /// pixels, and of that the middle is taken [default: stretch, or as --like has it].
    #[arg(long, value_name = "FIT")]
    pub fit: Option<Fit>,
    /// Which values of a picture's file become black and white: LOW..HIGH in the file's own numbers, or `auto`, the lowest and the
    /// highest of each picture [default: the whole range of its format].
    #[arg(long, value_name = "LEVELS", allow_hyphen_values = true)]
    pub levels: Option<Levels>,
    /// How a picture is resized to the network's input [default: bilinear, or as --like has it].
    #[arg(long, value_enum)]
    pub resize: Option<Resize>,
    /// What is changed in pictures before the network sees them, to learn what it goes by: some of grey, red, green, blue, blur,
    /// edges, shuffle (sixteen patches; shuffle:SEED in another order) and upside-down, separated by commas.
    #[arg(long, value_name = "CHANGES")]
    pub input_change: Option<InputChanges>,
}

impl PreprocessArgs {
    /// As the engine understands it.
    pub fn preprocessing(&self) -> Preprocessing {
        Preprocessing {
            like: self.like,
            fit: self.fit,
            resize: self.resize,
            changes: self.input_change.unwrap_or_default(),
        }
    }

    /// As the source understands it.
    pub fn decoding(&self) -> Decoding {
        Decoding { levels: self.levels.unwrap_or_default(), is_stored: self.like.is_some() }
    }

    /// The same for a network with this input.
    ///
    /// # Errors
    /// Where the resized picture would be smaller.
    pub fn for_input(&self, input: Shape) -> anyhow::Result<Preprocessing> {
        let how = self.preprocessing();
        how.check(input).map_err(anyhow::Error::msg)?;
        Ok(how)
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
    /// Of a video, an animation or a file of several pages, one frame of so many.
    #[arg(long, value_name = "N", default_value_t = NonZeroU32::MIN)]
    pub every: NonZeroU32,
    #[command(flatten)]
    pub camera: CameraArgs,
    #[command(flatten)]
    pub preprocess: PreprocessArgs,
}

/// Colours of maps.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Colours")]
pub struct ColorArgs {
    /// What the ends of the colormap stand for: `map` (each map its own range), `percentile` (the same, but for the lowest
    /// and highest 1 % of its values), `layer` (one for all maps of a layer), `symmetric` (one for the layer, as far below
    /// zero as above), or `MIN..MAX` (these values) [default: map; of a hypercolumn's picture percentile].
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub normalize: Option<Normalize>,
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
        self.scale_or(Normalize::default())
    }

    /// The same where another meaning of the ends is usual.
    pub fn scale_or(&self, usual: Normalize) -> Scale {
        Scale { normalize: self.normalize.unwrap_or(usual), gamma: self.gamma, boost: self.boost }
    }

    /// As the view understands it.
    pub fn colors(&self) -> Colors {
        Colors::new(self.scale(), self.colormap)
    }

    /// The colours.
    pub fn colormap(&self) -> Colormap {
        self.colormap.unwrap_or(self.scale().normalize.colormap())
    }
}

/// A point of the picture: parts of its width and height, as in `0.5,0.25`.
pub fn parse_point(text: &str) -> Result<[f32; 2], String> {
    let (x, y) = text.split_once(',').ok_or("write parts of width and height as in 0.5,0.25")?;
    Ok([parse_fraction(x.trim())?, parse_fraction(y.trim())?])
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

/// What a command tells of many pictures at once.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct ReportArgs {
    /// Print one JSON document (documented in docs/json.md).
    #[arg(long)]
    pub json: bool,
    /// A page to look at, with everything in one file.
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    #[command(flatten)]
    pub files: OutputArgs,
}

/// A part of a run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Parts")]
pub struct ShardArgs {
    /// Work on one part of the pictures: of N parts the Ith (from 1), so that several processes or machines share them.
    #[arg(long, value_name = "I/N", requires = "part", default_value_t)]
    pub shard: Shard,
    /// Write what was found into this file, for `convscope merge`, in place of everything else.
    #[arg(long, value_name = "FILE")]
    pub part: Option<PathBuf>,
}

impl ShardArgs {
    /// That a part is not asked for what only the whole has, and can be written. `others`: true where that was asked for.
    ///
    /// # Errors
    /// In one sentence.
    pub fn check(&self, others: bool, existing: Existing) -> anyhow::Result<()> {
        let Some(path) = &self.part else { return Ok(()) };
        if others {
            bail!(
                "a part is only a part: what is to be written is said to `convscope merge`, with all parts; leave it out here"
            );
        }
        output::check_output(Some(path), true, existing)
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
    /// A network (ONNX, Keras' .keras and .h5) or its weights (safetensors, PyTorch's .pth, Keras' .weights.h5,
    /// PaddlePaddle's .pdparams), a name that `convscope weights list` shows, `imagenet` (whichever of those was fetched), `embedded`, `untrained`; `auto`: ImageNet
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
    /// What the network's input makes of black and white: `-1..1`, `0..1`, `0..255`, `imagenet` (its mean and standard
    /// deviation), `caffe` (blue, green, red, minus its mean) [default: what is known of the weights].
    #[arg(long, value_name = "SCALE", allow_hyphen_values = true)]
    pub input_scale: Option<InputScale>,
    /// In place of --input-scale: what is subtracted from red, green and blue, of values from 0 to 1 (or of levels, where a
    /// number is above 1), as in 0.485,0.456,0.406.
    #[arg(long, value_name = "R,G,B", requires = "std", conflicts_with = "input_scale", value_parser = three_numbers)]
    pub mean: Option<[f32; 3]>,
    /// What they are divided by then, as in 0.229,0.224,0.225.
    #[arg(long, value_name = "R,G,B", requires = "mean", value_parser = three_numbers)]
    pub std: Option<[f32; 3]>,
    /// Width and height of the network's input, where its file leaves them open [default: what is usual for it].
    #[arg(long, value_name = "WxH", value_parser = parse_size)]
    pub input_size: Option<[u32; 2]>,
    /// What the network's last numbers are, where they have no activation of their own [default: what its file tells].
    #[arg(long, value_enum)]
    pub meaning: Option<OutputChoice>,
    /// What stands between the fully connected layers at the end, which a file of weights alone does not say [default:
    /// ReLU, which is told to be a guess].
    #[arg(long, value_enum, value_name = "ACTIVATION")]
    pub between: Option<Between>,
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

pub fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 86_400.0 => Ok(seconds),
        _ => Err("a number of seconds above 0, at most a day".into()),
    }
}

pub fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=120.0).contains(&rate) => Ok(rate),
        _ => Err("pictures a second, from 0.01 to 120".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
