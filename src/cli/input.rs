//! `convscope input`: what the network really sees.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::args::{OutputArgs, PictureArgs};
use super::output;
use super::pictures;
use crate::model::Shape;
use crate::model::inception_v3::INPUT_SIZE;
use crate::record::{png, save};

/// Save the 299×299 picture that the network sees, beside the original.
///
/// For each picture NAME: `NAME-original.png` as it was decoded, and `NAME-input.png` as the network sees it: fitted,
/// resized, in RGB order, rounded to whole levels.
#[derive(Args, Debug)]
#[command(after_help = "Example: convscope input cat.jpg --resize antialias -o seen")]
pub struct InputPictureArgs {
    #[command(flatten)]
    pub pictures: PictureArgs,
    /// Folder for the pictures.
    #[arg(short, long, value_name = "DIR")]
    pub output: PathBuf,
    #[command(flatten)]
    pub files: OutputArgs,
}

pub fn run(args: &InputPictureArgs) -> anyhow::Result<ExitCode> {
    let shape = Shape { channels: 3, height: INPUT_SIZE, width: INPUT_SIZE };
    let how = args.pictures.preprocess.preprocessing();
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
