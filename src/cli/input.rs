//! `convscope input`: what the network really sees.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{OutputArgs, PictureArgs, parse_size};
use super::network;
use super::output;
use super::pictures;
use crate::engine::{ModelOptions, OpenedModel, WeightsSpec};
use crate::model::Shape;
use crate::model::inception_v3::INPUT_SIZE;
use crate::record::{png, save};

/// Save the picture that the network sees, at its own size, beside the original.
///
/// For each picture NAME: `NAME-original.png` as it was decoded, and `NAME-input.png` as the network sees it: fitted,
/// resized, in grey where it has one channel, rounded to whole levels.
#[derive(Args, Debug)]
#[command(after_help = "Examples:
  convscope input cat.jpg --resize antialias -o seen
  convscope input cat.jpg --weights mobilenet.keras -o seen")]
pub struct InputPictureArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Folder for the pictures.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub files: OutputArgs,
    /// The network that sees it: a file, or one of the names of --weights elsewhere [default: InceptionV3, 299×299].
    #[arg(long, value_name = "FILE", help_heading = "Network")]
    pub weights: Option<WeightsSpec>,
    /// Width and height of the network's input, where its file leaves them open.
    #[arg(long, value_name = "WxH", value_parser = parse_size, help_heading = "Network")]
    pub input_size: Option<[u32; 2]>,
}

/// The input of the network that was named.
fn input_shape(args: &InputPictureArgs) -> anyhow::Result<Shape> {
    let size = args.input_size.map(|[width, height]| [height as usize, width as usize]);
    let Some(spec) = &args.weights else {
        let [height, width] = size.unwrap_or([INPUT_SIZE; 2]);
        return Ok(Shape { channels: 3, height, width });
    };
    let options = ModelOptions { input_size: size, ..ModelOptions::default() };
    Ok(OpenedModel::open(spec, &options, None)?.graph.input_shape())
}

pub fn run(args: &InputPictureArgs) -> anyhow::Result<ExitCode> {
    let shape = input_shape(args)?;
    let how = args.pictures.preprocess.for_input(shape)?;
    network::tell_changes(&args.pictures.preprocess);
    pictures::for_each(&args.pictures, &mut |picture| {
        let frame = &picture.frame;
        let original = output::rgb_picture(frame)?;
        let seen = output::seen_picture(frame, how, shape);
        for (kind, rgb) in [("original", original), ("input", seen)] {
            let path = args.output.join(format!("{}-{kind}.png", picture.stem));
            save(&path, &png(&rgb)?, args.files.existing())?;
            output::wrote(&path)?;
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
